#!/usr/bin/perl
# t/forward.t -- which fields go through, which stay, which are ours
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1]);
my $port = $t->port;

# The head as the backend got it: ({name => [values]}, [names], request line)
sub seen ($path, %o) {
	my $r = $t->get($path, %o);
	my ($line, @lines) = split /\r\n/, $r->{body};
	my (%fields, @names);

	for (@lines) {
		my ($name, $value) = /^([^:]+): (.*)$/ or next;
		push @{ $fields{ lc $name } }, $value;
		push @names, $name;
	}
	return (\%fields, \@names, $line);
}
sub all_of ($fields, $name) { return join ' | ', @{ $fields->{$name} // [] } }

# ---- what passes

my ($f, $names, $line) = seen('/headers?a=%2f..;b&&', host => 'Some.Host:8080',
    fields => [['User-Agent', 'me/1'], ['Accept', 'text/plain;q=0.5, */*'],
    ['X-Many', '1'], ['x-many', '2'], ['X-Many', '3'], ['X-Empty', ''],
    ['Cookie', 'a=b; c=d'], ['Authorization', 'Basic eA=='],
    ['X-High', "\xe4\xf6"], ['Trailers-Not', 'x'], ['Cache-Control', 'no-cache']]);
is($line, 'GET /headers?a=%2f..;b&& HTTP/1.1', 'the target as it was sent');
is(all_of($f, 'host'), 'Some.Host:8080', "the client's Host");
is(all_of($f, 'user-agent'), 'me/1', 'User-Agent');
is(all_of($f, 'accept'), 'text/plain;q=0.5, */*', 'Accept');
is(all_of($f, 'x-many'), '1 | 2 | 3', 'a field that comes three times, in order');
is(all_of($f, 'x-empty'), '', 'an empty field');
ok(exists $f->{'x-empty'}, 'is still there');
is(all_of($f, 'cookie'), 'a=b; c=d', 'Cookie');
is(all_of($f, 'authorization'), 'Basic eA==', 'Authorization');
is(all_of($f, 'x-high'), "\xe4\xf6", 'bytes over 127');
is(all_of($f, 'cache-control'), 'no-cache', 'Cache-Control');
is(all_of($f, 'connection'), '', 'no Connection of ours');

# ---- what we say of the client

is(all_of($f, 'x-forwarded-for'), '127.0.0.1', 'X-Forwarded-For');
is(all_of($f, 'x-forwarded-proto'), 'http', 'X-Forwarded-Proto');
is(all_of($f, 'x-forwarded-host'), 'Some.Host:8080', 'X-Forwarded-Host');
is(all_of($f, 'x-forwarded-port'), $port, 'X-Forwarded-Port');
is(all_of($f, 'via'), '1.1 fairlead', 'Via');

my @lies = (['X-Forwarded-For', '1.1.1.1'], ['x-forwarded-for', '2.2.2.2'],
    ['X-Forwarded-Proto', 'https'], ['X-Forwarded-Host', 'evil'],
    ['X-Forwarded-Port', '1'], ['Forwarded', 'for=1.1.1.1'],
    ['X_Forwarded_For', '3.3.3.3'], ['X-Forwarded_Proto', 'https'],
    ['x_forwarded-host', 'evil'], ['X_FORWARDED_PORT', '1'], ['Via', '1.0 old']);
($f) = seen('/headers', fields => \@lies);
is(all_of($f, 'x-forwarded-for'), '127.0.0.1', 'what a client claims is replaced: For');
is(all_of($f, 'x-forwarded-proto'), 'http', 'Proto');
is(all_of($f, 'x-forwarded-host'), 'test', 'Host');
is(all_of($f, 'x-forwarded-port'), $port, 'Port');
ok(!exists $f->{forwarded}, 'Forwarded is gone');
is(join(' ', grep { /_/ } keys %$f), '', 'and so are the twins with underscores');
like(all_of($f, 'via'), qr/^1\.0 old(?:, | \| )1\.1 fairlead$/, 'Via grows');

($f) = seen('/headers', fields => [@lies, ['Connection', 'X-Forwarded-For, ' .
    'X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, Via, Forwarded']]);
is(join(', ', map { all_of($f, "x-forwarded-$_") } qw(for proto host port)),
    "127.0.0.1, http, test, $port", 'Connection cannot take ours away');
like(all_of($f, 'via'), qr/1\.1 fairlead$/, 'nor Via');

# ---- what stays

($f, $names) = seen('/headers', fields => [['Connection', 'X-One, keep-alive , ,x-two'],
    ['X-One', '1'], ['X-Two', '2'], ['x-one', '3'], ['X-Three', '3'],
    ['Connection', 'X-Four'], ['X-Four', '4'], ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'keep-alive'], ['TE', 'trailers'], ['Trailer', 'X'],
    ['Proxy-Authorization', 'Basic eA=='], ['Proxy-Authenticate', 'Basic']]);
is(join(' ', grep { /^x-(one|two|four)$/i } @$names), '',
    'the fields that Connection names stay behind');
is(all_of($f, 'x-three'), '3', 'others do not');
is(join(' ', grep { /^(connection|keep-alive|proxy-.*|te|trailer)$/i } @$names),
    '', 'nor does what concerns one connection only');
($f) = seen('/headers', version => '1.0');
is(all_of($f, 'x-forwarded-for'), '127.0.0.1', 'the same from HTTP/1.0');
like(all_of($f, 'via'), qr/^1\.0 fairlead$|^1\.1 fairlead$/, 'and its Via');

my $raw = $t->connect;
$raw->send("GET /headers HTTP/1.0\r\n\r\n");
like($raw->response->{body}, qr/^Host: default\r$/m, 'HTTP/1.1 names a host where HTTP/1.0 has not');

($f) = seen('/headers', version => '1.0', body => 'x', fields => [['Expect', '100-continue']]);
ok(!exists $f->{expect}, 'Expect of HTTP/1.0 means nothing');

# Upgrade: one protocol that may pass, by GET, in HTTP/1.1, with its option and
# without a body; else it is a plain request.
my @ask = (['Connection', 'Upgrade'], ['Upgrade', 'websocket']);
sub asked ($fields, %o) {
	my ($f) = seen('/headers', fields => $fields, %o);
	return join '; ', map { "$_: " . all_of($f, $_) } grep { $f->{$_} } qw(connection upgrade);
}
is(asked(\@ask), 'connection: upgrade; upgrade: websocket', 'an upgrade is asked for, and declined');
is(asked([['Connection', 'upgrade'], ['Upgrade', 'h2c']]), '', 'h2c never');
is(asked([['Connection', 'Upgrade, HTTP2-Settings'], ['Upgrade', 'h2c'], ['HTTP2-Settings', 'AA']]), '', 'h2c as clients ask for it neither');
is(asked([['Connection', 'upgrade'], ['Upgrade', 'other']]), '', 'nor what is not allowed');
is(asked([['Connection', 'upgrade'], ['Upgrade', 'websocket, h2c']]), '', 'nor two');
is(asked([@ask, ['Upgrade', 'h2c']]), '', 'nor two in two fields');
is(asked([$ask[1]]), '', 'nor without its option');
is(asked(\@ask, method => 'OPTIONS'), '', 'nor by another method');
is(asked(\@ask, version => '1.0'), '', 'nor in HTTP/1.0');
is(asked([@ask, ['Content-Length', '0']]), 'connection: upgrade; upgrade: websocket', 'a body of nothing is none');
is(asked(\@ask, method => 'GET', body => 'x'), '', 'but not with a body');

# ---- targets

($f, $names, $line) = seen('http://Other:81/headers?x', host => 'test');
is($line, 'GET /headers?x HTTP/1.1', 'an absolute target becomes a path');
is(all_of($f, 'host'), 'Other:81', 'its authority the Host');
is(all_of($f, 'x-forwarded-host'), 'Other:81', 'and X-Forwarded-Host');
is($t->get('http://test')->{status}, 200, 'absolute without a path');
is($t->get('http://test?x')->{status}, 200, 'with a query but no path: it is /');
is($t->get('*', method => 'OPTIONS')->{status}, 200, 'OPTIONS *');

# ---- a request that goes round in circles

is($t->get('/', fields => [['Via', join ', ', ('1.1 fairlead') x 10]])->{status},
    200, 'ten times through us');
is($t->get('/', fields => [['Via', join ', ', ('1.1 fairlead') x 11]])->{status},
    508, 'eleven times is a loop');
is($t->get('/', fields => [map { ['Via', '1.1 Fairlead'] } 1 .. 11])->{status},
    508, 'also as fields of their own, whatever the case');

# ---- responses

sub answered ($fields, $body = 'well', %o) {
	my $u = Fairlead::Test->new;
	my $origin = $u->origin('o', ['request', [send => "HTTP/1.1 200 Fine\r\n" .
	    $fields . "\r\n$body"], 'to_end']);
	$u->start(args => ['--workers', 1]);
	my $r = $u->get('/', %o);
	$u->stop;
	return $r;
}

my $r = answered("Content-Length: 4\r\nServer: theirs\r\n" .
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n" .
    "Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n" .
    "Proxy-Authenticate: Basic\r\nVia: 1.0 inner\r\nX-Empty:\r\nETag: \"x\"\r\n");
my $h = $r->{headers};
is($r->{body}, 'well', 'a response');
is($h->{server}, 'theirs', 'keeps its Server');
is($h->{date}, 'Sun, 06 Nov 1994 08:49:37 GMT', 'and its Date');
is($h->{'set-cookie'}, 'a=b, c=d', 'and both cookies');
is(scalar(grep { lc $_->[0] eq 'set-cookie' } @{ $r->{fields} }), 2, 'as two');
is($h->{etag}, '"x"', 'and others');
ok(!exists $h->{'x-secret'}, 'not what its Connection names');
ok(!exists $h->{'keep-alive'}, 'nor Keep-Alive');
ok(!exists $h->{'proxy-authenticate'}, 'nor Proxy-Authenticate');
is($h->{via}, '1.0 inner, 1.1 fairlead', 'Via is added');
ok(!exists $h->{connection}, 'no Connection while it goes on');

$r = answered("Content-Length: 4\r\nConnection: close\r\n");
ok(!exists $r->{headers}{connection}, "the origin's close is not the client's");
like($r->{headers}{date}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
    'Date is added where there is none');
ok(!exists $r->{headers}{server}, 'Server is not');

# What says how long a body is stays, also where there is none.
is(answered("Content-Length: 9\r\n", '', method => 'HEAD')->{headers}{'content-length'}, 9, 'HEAD: the length');
sub status_line ($status, $fields) {
	my $u = Fairlead::Test->new;
	my $origin = $u->origin('o', ['request', [send => "HTTP/1.1 $status X\r\n$fields\r\n"], 'again']);
	$u->start(args => ['--workers', 1]);
	my $c = $u->connect;
	my $r = $c->get('/');
	my @then = map { $c->get('/')->{status} } 1 .. 2;
	is("@then", "$status $status", "$status has no body: the connection goes on");
	is($origin->connections, 1, 'and so does the one behind');
	$u->stop;
	return $r;
}
is(status_line(304, "Content-Length: 9\r\n")->{headers}{'content-length'}, 9, '304: the length');
is(status_line(204, "Content-Length: 0\r\n")->{headers}{'content-length'}, undef, '204 has none');
my $v = Fairlead::Test->new;
$v->origin('o', ['request', [send => "HTTP/1.1 205 X\r\n\r\n"], 'to_end']);
$v->start(args => ['--workers', 1]);
is($v->get('/')->{headers}{'content-length'}, 0, '205 has one of nothing');
$v->stop;

# ---- trailers, both ways

my $u = Fairlead::Test->new;
my $origin = $u->origin('o', ['request', [send => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" .
    "Trailer: X-Sum\r\n\r\n4\r\nwell\r\n0\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\nWWW-Authenticate: x\r\n\r\n"], 'again']);
$u->start(args => ['--workers', 1]);
my $c = $u->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" .
    "2\r\nhi\r\n0\r\nX-Sum: 1\r\nHost: evil\r\nContent-Length: 3\r\nAuthorization: x\r\n\r\n");
$r = $c->response;
like($origin->all_received, qr/^Trailer: X-Sum\r$/m, 'a request may announce trailers');
like($origin->all_received, qr/\r\n0\r\nX-Sum: 1\r\n\r\n\z/, 'its trailers pass, but for those that would mean something');
is("$r->{headers}{trailer} $r->{trailers}", "X-Sum X-Sum: 2\n", 'as do those of a response');
$c = $u->connect;
$r = $c->get('/', version => '1.0');
is($r->{body}, 'well', 'HTTP/1.0 has no place for them');
$u->stop;

finish();
