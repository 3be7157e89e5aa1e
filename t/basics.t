#!/usr/bin/perl
# t/basics.t -- requests and responses go through as they are
use v5.36;
use Digest::SHA qw(sha256_hex);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('b1');
$t->start(args => ['--workers', 2]);

# ---- methods and bodies

my $r = $t->get('/');
is($r->{status}, 200, 'GET');
is($r->{backend}, 'b1', 'it was the backend that answered');
like($r->{body}, qr/^Hello from b1 on port \d+$/, 'with its body');

my $c = $t->connect;
$r = $c->get('/bytes/1000', method => 'HEAD');
is($r->{headers}{'content-length'}, 1000, 'HEAD tells the length');
is($c->get('/')->{status}, 200, 'and has no body: the next answer follows');

for my $method (qw(POST PUT PATCH DELETE OPTIONS QUERY)) {
	$r = $c->get('/echo', method => $method, body => "a body of $method");
	is($r->{body}, "a body of $method", "$method with a body");
}
is($c->get('/echo', body => '')->{body}, '', 'POST with an empty body');
is($c->get('/headers', method => 'DELETE')->{status}, 200, 'DELETE without one');

for my $status (200, 201, 301, 400, 404, 418, 500, 502, 503, 599) {
	$r = $c->get("/status/$status");
	is("$r->{status} $r->{backend}", "$status b1", "$status is relayed");
}
for my $status (204, 304) {
	is($c->get("/status/$status")->{status}, $status, "$status is relayed");
	is($c->get('/')->{status}, 200, 'and has no body');
}

# ---- large bodies

my $large = bytes_of_backend(32 << 20);
my $hash = sha256_hex($large);

$r = $t->get('/bytes/' . length $large);
is(sha256_hex($r->{body}), $hash, '32 MiB from the backend');

# A client that waits: nobody but the backend may hold what it does not take.
sub memory_kib {
	my $sum = 0;

	for my $pid ($t->workers) {
		$sum += $1 if slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m;
	}
	return $sum;
}
my $before = memory_kib();
$c = Fairlead::Client->to_port($t->port, receive_buffer => 16384);
$c->send(Fairlead::Client::request_of('/bytes/' . length $large));
is($c->head->{status}, 200, 'a client begins to read');
select undef, undef, undef, 0.3;	# for what is held to pile up
cmp_ok(memory_kib() - $before, '<', 8192, 'and waits: nothing piles up');
my $digest = Digest::SHA->new(256);
my $n = 0;
$c->pieces(length $large, sub ($piece) {
	$digest->add($piece);
	select undef, undef, undef, 0.001 if ++$n % 16 == 0;
});
is($digest->hexdigest, $hash, '32 MiB to a slow reader');

$r = $t->get('/echo', body => $large);
is(sha256_hex($r->{body}), $hash, '32 MiB to the backend and back');

# ---- connections

$c = $t->connect;
my $ok = 0;
$ok += ($c->get('/')->{status} // 0) == 200 for 1 .. 100;
is($ok, 100, '100 requests on one connection');

my $get = Fairlead::Client::request_of('/');
my $post = Fairlead::Client::request_of('/echo', body => 'piped');
$c->send($get . $post . $get x 18);
is(join(' ', map { $c->response->{status} // '-' } 1 .. 20),
    join(' ', (200) x 20), '20 requests in one packet');
$c->send($get . $post . $get, pieces => 7);
$c->response;
is($c->response->{body}, 'piped', 'pipelined in pieces, in order');
$c->response;
ok($c->is_quiet, 'and no answer more');

$c->send("\r\n\r\n$get");
is($c->response->{status}, 200, 'empty lines before a request are skipped');

$r = $c->get('/', fields => [['Connection', 'close']]);
is($r->{headers}{connection}, 'close', 'Connection: close is answered so');
ok($c->is_closed, 'and done');

$c = $t->connect;
$r = $c->get('/', version => '1.0');
is("$r->{version} $r->{status}", '1.1 200', 'HTTP/1.0 is answered in 1.1');
ok($c->is_closed, 'and closed');

$c = $t->connect;
for (1 .. 3) {
	$r = $c->get('/', version => '1.0',
	    fields => [['Connection', 'keep-alive']]);
	is($r->{headers}{connection}, 'keep-alive', 'HTTP/1.0 with keep-alive');
}

$c = $t->connect;
$c->send("GET / HTTP/1.0\r\n\r\n");
is($c->response->{status}, 200, 'HTTP/1.0 without Host');

$c = $t->connect;
$c->send($get);
$c->half_close;
is($c->response->{status}, 200, 'a client that half closes gets its answer');
ok($c->is_closed, 'and then the end');

# ---- in pieces

for my $pieces (1, 2, 3, 17, 64) {
	$r = $t->get('/echo', body => 'x' x 300, send => { pieces => $pieces });
	is(length $r->{body}, 300, "a request in pieces of $pieces");
}

finish();
