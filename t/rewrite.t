#!/usr/bin/perl
# t/rewrite.t -- the path that a backend gets, splits, and a route's own limits
use v5.36;
use Test::More;
use Time::HiRes qw(time);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
$t->refused('dead');
my $slow = $t->origin('slow', ['request', 'never']);

$t->start(args => ['--workers', 2], own_listeners => 1, config => <<'YAML');
listeners: [{address: "127.0.0.1:%%PORT%%"}]
limits: {request_body: 1000B}
routes:
  - {match: {path_prefix: [/api, /api/v2]}, upstream: a, strip_prefix: /api}
  - {match: {path_prefix: /dir/}, upstream: a, strip_prefix: /dir/}
  - {match: {path_prefix: /old, path_regex: "^/(x|oldheaders)"}, upstream: a, strip_prefix: /old}
  - {match: {path: /fixed}, upstream: a, replace_path: "/headers?from=${path}"}
  - {match: {path_prefix: /wild}, upstream: a, replace_path: "headers${request.x-rest}"}
  - match: {path_prefix: /split}
    replace_path: "/headers"
    split: {key: "${request.x-user}", upstreams: {a: 3, b: 1}}
  - match: {path_prefix: /none}
    split: {upstreams: {a: 0, b: 5}}
  - {match: {path: /slow}, upstream: slow, timeouts: {response_head: 200ms}}
  - {match: {path: /slow0}, upstream: slow0, timeouts: {response_head: 200ms}}
  - {match: {path: /once}, upstream: shaky, retries: off}
  - {match: {path: /twice}, upstream: shaky, retries: {attempts: 1}}
  - {match: {path: /same}, upstream: shaky, retries: {}}
  - {match: {path: /echo, method: PUT}, upstream: a, replace_path: /headers, limits: {request_body: 10B}}
  - {match: {path_prefix: /echo/}, upstream: a, replace_path: /headers, limits: {request_body: 5000B}}
  - {match: {path_prefix: /any/}, upstream: a, replace_path: /echo, limits: {request_body: off}}
  - upstream: a
upstreams:
  a: {backends: [{host: 127.0.0.1, port: %%A%%}]}
  b: {backends: [{host: 127.0.0.1, port: %%B%%}]}
  slow: {retries: off, backends: [{host: 127.0.0.1, port: %%SLOW%%}]}
  slow0: {retries: off, timeouts: {response_head: 30s}, backends: [{host: 127.0.0.1, port: %%SLOW%%}]}
  shaky: {strategy: round-robin, backends: [{host: 127.0.0.1, port: %%DEAD%%}, {host: 127.0.0.1, port: %%A%%}]}
YAML

# The request line that the backend got.
sub line ($path, @fields) {
	my $r = $t->get($path, fields => \@fields);
	return $r->{status} == 200 ? (split /\r\n/, $r->{body})[0] : $r->{status};
}

# ---- paths

is(line('/api/headers'), 'GET /headers HTTP/1.1', 'strip_prefix');
is(line('/api/headers?a=b&c=%2F'), 'GET /headers?a=b&c=%2F HTTP/1.1', 'the query stays');
is(line('/%61pi/x/../headers'), 'GET /headers HTTP/1.1', 'of the normalised path');
is(line('/dir/headers'), 'GET /headers HTTP/1.1', 'with a slash at its end');
like($t->get('/api')->{body}, qr/^Hello from a/, 'all of it: the root is left');
is(line('http://h/api/headers'), 'GET /headers HTTP/1.1', 'an absolute target');
is(line('/old/headers'), 'GET /headers HTTP/1.1', 'beside a pattern');
like($t->get($_)->{body}, qr/^Hello from a/, "$_ does not begin with it: whole") for '/oldheaders', '/x/headers';
is(line('/fixed?a=b'), 'GET /headers?from=/fixed HTTP/1.1', 'replace_path with a query of its own');
is(line('/wild'), 'GET /headers HTTP/1.1', 'a slash goes in front');
is(line('/wild?q=1', ['X-Rest', "?x y\x{e9}#z"]), 'GET /headers?x%20y%E9%23z HTTP/1.1', 'what no target may hold is escaped');
is(line('/wild?q=1', ['X-Rest', '?' . 'a' x 10000]), 'GET /headers?' . 'a' x 10000 . ' HTTP/1.1', 'a long one');
is(line('/headers'), 'GET /headers HTTP/1.1', 'a route that rewrites nothing');

# ---- splits

my %n;
my %of;
for my $user (1 .. 400) {
	my $who = $t->get('/split', fields => [['X-User', "user-$user"]])->{backend};
	$n{$who}++;
	$of{$user} = $who;
}
cmp_ok($n{a}, '>', 250, 'most keys go where the weight is');
cmp_ok($n{b}, '>', 50, 'some where less of it is');
my @moved = grep { $t->connect->get('/split', fields => [['X-User', "user-$_"]])->{backend} ne $of{$_} } 1 .. 100;
is(scalar @moved, 0, 'a key stays, whichever worker it meets');
%n = ();
$n{ $t->get('/split')->{backend} }++ for 1 .. 400;
cmp_ok($n{a}, '>', 250, 'without a key by chance');
cmp_ok($n{b}, '>', 50, 'by the weights');
is(join(',', map { $t->get('/none/x')->{backend} } 1 .. 10), join(',', ('b') x 10), 'the weight 0 gets nothing');

# ---- timeouts and retries

for my $path ('/slow', '/slow0') {
	my $start = time;
	my $r = $t->get($path);
	is($r->{status}, 504, "$path: the route's timeout");
	cmp_ok(time - $start, '<', 10, 'and not the upstream\'s');
}
ok(wait_for { $t->log =~ /timeout while waiting for the response head, .*upstream slow0/ }, 'the log says what was waited for');
my @once = map { $t->get('/once')->{status} } 1 .. 4;
is(join(' ', sort @once), '200 200 502 502', 'no retries: each second one fails');
@once = map { $t->get('/twice')->{status} } 1 .. 4;
is(join(' ', @once), '200 200 200 200', 'one retry');
@once = map { $t->get('/same')->{status} } 1 .. 4;
is(join(' ', @once), '200 200 200 200', 'an empty block changes nothing');

# ---- limits

sub put ($path, $size, %o) {
	return $t->connect->get($path, method => 'POST', body => 'x' x $size, %o)->{status};
}
is(put('/echo', 10, method => 'PUT'), 200, 'a body at the limit of its route');
is(put('/echo', 11, method => 'PUT'), 413, 'one byte more');
is(put('/echo', 1000), 200, 'a route without a limit has that of all');
is(put('/echo', 1001), 413, 'one byte more');
is(put('/echo/x', 5000), 200, 'a route may allow more');
is(put('/echo/x', 5001), 413, 'but not any');
is(put('/any/x', 300000), 200, 'unless it says so');
my $told = $t->connect;
$told->send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
is(($told->response // {})->{status}, 413, 'a length over the limit: before the body comes');
sub chunked ($path, $method, $size) {
	my $c = $t->connect;
	$c->send("$method $path HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	$c->send(sprintf "%x\r\n%s\r\n0\r\n\r\n", $size, 'x' x $size);
	return $c->response(method => $method)->{status};
}
is(chunked('/echo', 'PUT', 10), 200, 'in chunks, at the limit');
is(chunked('/echo', 'PUT', 11), 413, 'one byte more');
is(chunked('/echo/x', 'POST', 5000), 200, 'in chunks, more');
is(chunked('/echo/x', 'POST', 5001), 413, 'but not any');
finish();
