#!/usr/bin/perl
# t/tunnel.t -- WebSocket and its like: bytes both ways, ends one by one
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" .
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
my $agree = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" .
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

sub tunnel ($t, $behind = '') {
	my $c = $t->connect;

	$c->send($ask . $behind);
	my $r = $c->head;
	return ($c, $r);
}

my $t = Fairlead::Test->new;
my $o = $t->origin('o', ['head', [send => $agree], \&Fairlead::Client::echo]);
$t->start(args => ['--workers', 1]);

my ($c, $r) = tunnel($t);
is($r->{status}, 101, 'the backend agrees');
is("$r->{headers}{connection} $r->{headers}{upgrade}", 'upgrade websocket', 'and the client is told so');
is($r->{headers}{'sec-websocket-accept'}, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'with the fields of the protocol');
my ($head) = $o->all_received =~ /^(.*?\r\n\r\n)/s;
like($head, qr/^Connection: upgrade\r\nUpgrade: websocket\r$/m, 'the backend was asked');
like($head, qr/^Sec-WebSocket-Key: /m, 'with the fields of the protocol');
for my $bytes ('a', "GET / HTTP/1.1\r\n\r\n", "\0\xff\r\n" x 1000) {
	$c->send($bytes);
	is($c->bytes(length $bytes), $bytes, length($bytes) . ' bytes there and back');
}
is($t->in_flight, 1, 'it is in flight');
$c->half_close;
is($c->read_all, 'bye', 'the end of the client reaches the backend, its last word the client');
ok(wait_for { $t->in_flight == 0 }, 'and nothing is in flight');

($c) = tunnel($t, 'early');
is($c->bytes(5), 'early', 'bytes right behind the request');
$c->reset;
ok(wait_for { $t->in_flight == 0 }, 'a client that resets ends it');

# More than all buffers hold, both ways, the client slow to read.
($c) = tunnel($t);
my $sent = $c->send_until_blocked('x' x 100_000_000);
cmp_ok($sent, '<', 100_000_000, 'a client that does not read is not read from for ever');
my $got = length $c->bytes($sent);
is($got, $sent, 'and gets all back when it does');
$c->half_close;
is(length $c->read_all, 3, 'and then the end');
$t->stop;

# What has not been asked for is no answer.
for my $row (['to another protocol', $agree =~ s/websocket/other/r], ['without a protocol', $agree =~ s/Upgrade: .*\n//r],
    ['without its option', $agree =~ s/Connection: .*\n//r]) {
	$t = Fairlead::Test->new;
	$o = $t->origin('o', ['head', [send => $row->[1]], 'to_end']);
	$t->start(args => ['--workers', 1]);
	($c, $r) = tunnel($t);
	is($r->{status}, 502, "101 $row->[0]: 502");
	$t->stop;
}

# The backend ends first: the client may go on.
$t = Fairlead::Test->new;
$o = $t->origin('o', ['head', [send => "${agree}done"], 'half_close', [body => 6], [mark => 'got'], 'close']);
$t->start(args => ['--workers', 1]);
($c) = tunnel($t);
is($c->read_all, 'done', 'a backend that ends its side');
$c->send('thanks');
ok(wait_for { $o->is_marked('got') }, 'still hears the client');
$c->close;
ok(wait_for { $t->in_flight == 0 }, 'nothing is in flight');
$t->stop;

# A backend that resets.
$t = Fairlead::Test->new;
$o = $t->origin('o', ['head', [send => $agree], [until => 'go'], 'reset']);
$t->start(args => ['--workers', 1]);
($c) = tunnel($t);
$o->go('go');
ok($c->is_closed, 'a backend that resets ends it');
ok(wait_for { $t->in_flight == 0 }, 'nothing is in flight');
$t->stop;

# One end has ended its side and then resets: that is all there is.
$t = Fairlead::Test->new;
$o = $t->origin('o', ['head', [send => $agree], 'half_close', [until => 'go'], 'reset']);
$t->start(args => ['--workers', 1]);
($c) = tunnel($t);
is($c->read_all, '', 'a backend that ends its side');
is($t->in_flight, 1, 'may still listen');
$o->go('go');
ok(wait_for { $t->in_flight == 0 }, 'until it resets');
$t->stop;
$t = Fairlead::Test->new;
$o = $t->origin('o', ['head', [send => $agree], [until => 'ever']]);
$t->start(args => ['--workers', 1]);
($c) = tunnel($t);
$c->half_close;
select undef, undef, undef, 0.05;
is($t->in_flight, 1, 'a client that has ended its side may still listen');
$c->reset;
ok(wait_for { $t->in_flight == 0 }, 'until it resets');
$t->stop;

# Time.
$t = Fairlead::Test->new;
$o = $t->origin('o', ['head', [send => $agree], \&Fairlead::Client::echo]);
$t->start(args => ['--workers', 1], config => <<'END');
backends: [{host: 127.0.0.1, port: %%O%%}]
timeouts: {tunnel: 400ms, client_body: 100ms, keep_alive: 100ms}
limits: {request_body: 10B}
END
($c) = tunnel($t);
for (1 .. 8) {
	select undef, undef, undef, 0.15;
	$c->send("more than ten bytes");
	last if $c->bytes(19) ne 'more than ten bytes';
}
ok($c->is_quiet(0.01), 'one that is used stays, whatever limits requests have');
ok($c->is_closed, 'an idle one ends');
ok(wait_for { $t->in_flight == 0 }, 'nothing is in flight');

# A drain leaves it.
($c) = tunnel($t);
kill 'QUIT', $t->pid;
wait_for { $t->log =~ /signal 3/ };
$c->send('still');
is($c->bytes(5), 'still', 'a drain leaves it');
$c->half_close;
is($c->read_all, 'bye', 'until it ends');
is($t->exit_code, 0, 'then the program ends');
finish();
