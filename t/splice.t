#!/usr/bin/perl
# t/splice.t -- large bodies go through pipes: all of them, and no more than is
# there; what a pipe still holds when one side leaves
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use Fairlead::Client;
use Fairlead::Test;
use POSIX ();
use Test::More;

my $large = join '', map { pack 'N', $_ } 1 .. 2 << 20;	# 8 MiB
my $hash = sha256_hex($large);
my $length = length $large;
my $head = "HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n";
my $worker;

# Ends of pipes that the worker has open.
sub pipes {
	return scalar grep { (readlink($_) // '') =~ /^pipe:/ } glob "/proc/$worker/fd/*";
}

sub begin ($t, %o) {
	$t->start(args => ['--workers', 1], %o);
	($worker) = $t->workers;
	return pipes();
}

# Asks, and reads nothing until the worker can give no more.
sub stuck ($t, $request) {
	my $c = Fairlead::Client->to_port($t->port, receive_buffer => 4096);

	$c->send($request);
	return $c;
}

my $get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
my @send = ('head', [send => $head], [send => $large]);

# ---- down

my $t = Fairlead::Test->new;
$t->origin('o', [@send, @send, @send, 'close'], ['head', [send => $head],
    [send => substr $large, 0, 5 << 20], 'close'], ['head', [send => $head],
    [send => substr $large, 0, 5 << 20], 'reset']);
my $own = begin($t);
my $c = $t->connect;
for my $time (1, 2) {
	$c->send($get);
	is(sha256_hex($c->response->{body}), $hash, "8 MiB, time $time");
}
cmp_ok(pipes(), '>', $own, 'went through a pipe');
my $d = stuck($t, $get);
ok(wait_for { pipes() > $own }, 'a slow reader');
is(sha256_hex($d->response->{body}), $hash, 'gets all of it');
for my $how (qw(close reset)) {
	$c = $t->connect;
	$c->send($get);
	is($c->head->{status}, 200, "the backend's $how in the middle");
	my $body = $c->read_all;
	like($c->end, qr/eof|reset/, 'cuts the connection');
	ok($body eq substr($large, 0, length $body) && length $body <= 5 << 20, 'and nothing is made up');
}
ok(wait_for { $t->in_flight == 0 }, 'nothing is left in flight');
$t->stop;

# ---- a client that leaves with bytes in the pipe

$t = Fairlead::Test->new;
$t->backend('b');
$own = begin($t);
my @c = map { stuck($t, "GET /bytes/100000000 HTTP/1.1\r\nHost: x\r\n\r\n") } 1 .. 40;
ok(wait_for { $t->in_flight == 40 }, '40 readers that read nothing');
ok(wait_for { pipes() >= $own + 64 }, 'hold pipes');
is(pipes(), $own + 64, '32 of them');
my $e = $t->connect;
is(sha256_hex($e->get('/bytes/8388608')->{body}),
    sha256_hex(Fairlead::Test::bytes_of_backend(8388608)), 'without one it works as well');
$_->reset for @c;
ok(wait_for { $t->in_flight == 0 }, 'they leave');
is(sha256_hex($e->get('/bytes/8388608')->{body}),
    sha256_hex(Fairlead::Test::bytes_of_backend(8388608)), 'nothing of theirs is in the next body');
$t->stop;

# ---- up

$t = Fairlead::Test->new;
$t->backend('b');
$own = begin($t);
for my $method (qw(POST PUT)) {
	my $r = $t->get('/echo', method => $method, body => $large);
	is(sha256_hex($r->{body}), $hash, "8 MiB up by $method, and back");
}
cmp_ok(pipes(), '>', $own, 'through a pipe');
$t->stop;

# An answer that comes early, while a pipe is full.
$t = Fairlead::Test->new;
$t->origin('o', ['head', sub ($c) { select undef, undef, undef, 0.3; 1 }, [send => "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"], 'never']);
begin($t);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
$c->send_until_blocked($large x 4, 0.3);
my $r = $c->response;
is("$r->{status} $r->{body} $r->{headers}{connection}", '403 no close', 'an early answer in the middle of a large body');
$c->close;
ok(wait_for { $t->in_flight == 0 }, 'and all is given back');
$t->stop;

# ---- tunnels, both ways at once

my $agree = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
sub echo ($c) {
	while (length $c->{buffer} || $c->fill) {
		my $bytes = $c->{buffer};
		$c->{buffer} = '';
		$c->send($bytes) or return 0;
	}
	return 1;
}
$t = Fairlead::Test->new;
$t->origin('o', ['head', [send => $agree], \&echo]);
$own = begin($t);
$c = $t->connect;
$c->send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
is($c->head->{status}, 101, 'a tunnel');
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	$c->send_until_blocked($large, 10);	# without reading
	$c->half_close;
	POSIX::_exit(0);
}
is(sha256_hex($c->read_all), $hash, '8 MiB each way through a tunnel');
waitpid $pid, 0;
ok(wait_for { $t->in_flight == 0 }, 'both ends of it');
$t->stop;

finish();
