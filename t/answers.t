#!/usr/bin/perl
# t/answers.t -- responses of our own: in the form that the client accepts
use v5.36;
use JSON::PP qw(decode_json);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->refused('none');
$t->start(args => ['--workers', 1]);

sub ask ($accept, %o) {
	return $t->get('/', %o, fields => [defined $accept ? ['Accept', $accept] : ()]);
}
sub kind_of ($accept) {
	my $r = ask($accept);
	my $type = $r->{headers}{'content-type'};

	is($r->{status}, 502, 'status') if $r->{status} != 502;
	return 'html' if $type eq 'text/html; charset=utf-8' &&
	    $r->{body} =~ /^<!DOCTYPE html>.*\b502 Bad Gateway\b.*\bconnect\b/s;
	return 'json' if $type eq 'application/json' &&
	    decode_json($r->{body})->{error} eq 'connect';
	return 'text' if $type eq 'text/plain; charset=utf-8' &&
	    $r->{body} =~ /^502 Bad Gateway: connect/;
	return "$type $r->{body}";
}

# Accept, form
my @rows = (
	[undef, 'text'],
	['*/*', 'text'],
	['', 'text'],
	['text/html', 'html'],
	['TEXT/HTML', 'html'],
	['application/json', 'json'],
	['text/plain', 'text'],
	['image/png', 'text'],
	['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'html'],
	['application/json, text/plain, */*', 'json'],
	['text/plain, application/json', 'text'],
	['text/html;q=0.5, application/json', 'json'],
	['application/json;q=0.2, text/html;q=0.3', 'html'],
	['application/json;q=0, text/html;q=0, */*', 'text'],
	['application/json;q=0.000', 'text'],
);
for my $row (@rows) {
	is(kind_of($row->[0]), $row->[1], 'Accept: ' . ($row->[0] // 'none'));
}

my $r = ask('application/json');
my $said = decode_json($r->{body});
is_deeply([sort keys %$said], [qw(error request_id status)], 'the JSON');
is($said->{status}, 502, 'its status');
like($said->{request_id}, qr/^[0-9A-HJKMNP-TV-Z]{26}$/, 'its request id');
isnt(decode_json(ask('application/json')->{body})->{request_id},
    $said->{request_id}, 'which is another each time');
is($r->{headers}{server}, 'fairlead', 'Server');
like($r->{headers}{date}, qr/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
    'Date');
is($r->{headers}{'content-length'}, length $r->{body}, 'Content-Length');
ok(!exists $r->{headers}{connection}, 'the connection goes on');

my $c = $t->connect;
$r = $c->get('/', method => 'HEAD');
is($r->{status}, 502, 'HEAD');
cmp_ok($r->{headers}{'content-length'}, '>', 0, 'tells a length');
is($c->get('/', method => 'HEAD')->{status}, 502, 'and has no body');
$r = $c->get('/', body => 'x' x 100_000);
is($r->{status}, 502, 'POST with a body');
$t->stop;

# ---- nobody may serve

$t = Fairlead::Test->new;
$t->backend('b');
$t->start(to => [], args => ['-b', '127.0.0.1:%%B%%*0', '--workers', 1]);
$r = ask('application/json');
is("$r->{status} " . decode_json($r->{body})->{error}, '503 no_backend',
    'all backends drain: 503 no_backend');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
is(($t->upstream)[0]{state}, 'drain', 'and the state says why');
$t->stop;

# ---- refused requests say which methods there are, and close

$t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1], config => <<'END');
backends:
  - {host: "127.0.0.1", port: %%B%%}
limits: {request_body: 1k, requests_per_connection: 3, header_count: 10, request_head: 4k}
timeouts: {client_head: 300ms, client_body: 300ms, keep_alive: 300ms}
END
$c = $t->connect;
$c->send("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n");
$r = $c->response;
like($r->{headers}{allow}, qr/\bGET\b.*\bPOST\b/, '405 has Allow');
is($r->{headers}{connection}, 'close', 'and closes');

# ---- limits

is($t->get('/echo', body => 'x' x 1024)->{status}, 200, 'a body at its limit');
$c = $t->connect;
$r = $c->get('/echo', body => 'x' x 1025);
is($r->{status}, 413, 'one over it: 413');
ok($c->is_closed, 'and closed');
for my $row ([1024, 1024, 200], [1025, 1025, 413], [1025, 1, 413]) {
	my ($size, $piece, $want) = @$row;
	my $chunks = join '', map { sprintf "%x\r\n%s\r\n", $piece, 'x' x $piece } 1 .. $size / $piece;
	$c = $t->connect;
	$c->send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n");
	is($c->response->{status}, $want, "$size bytes in chunks of $piece: $want");
}
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
is($c->response->{status}, 400, 'a bad chunk: 400');
ok($c->is_closed, 'and closed');
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\nhalf");
is(eval { $c->response->{status} }, 408, 'who expects a 100, sends a part all the same and stops: 408');
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n");
is(($c->response // { status => 'none' })->{status}, 413, 'who expects a 100 for too much: 413 instead');
my @nine = map { ["X-$_", 'a'] } 1 .. 9;
is($t->get('/', fields => \@nine)->{status}, 200, 'as many fields as may be');
is($t->get('/', fields => [@nine, ['X', 'a']])->{status}, 431, 'one more: 431');
is($t->get('/', fields => [['X', 'a' x 3000], ['Y', 'a' x 1500]])->{status}, 431,
    'a head that is too large: 431');
$c = $t->connect;
is(join(' ', map { $c->get('/')->{headers}{connection} // 'on' } 1 .. 3),
    'on on close', 'the last request that a connection may carry says close');
ok($c->is_closed, 'and it is closed');

# ---- time

$c = $t->connect;
$c->send('GET / HT');
$r = $c->response;
is($r->{status}, 408, 'half a head for too long: 408');
ok($c->is_closed, 'and closed');
$c = $t->connect;
$c->send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
$r = $c->response;
is($r->{status}, 408, 'half a body for too long: 408');
ok($c->is_closed, 'and closed');
ok(wait_for { $t->in_flight == 0 }, 'and nothing is in flight');
$c = $t->connect;
$c->get('/');
ok($c->is_closed(5), 'an idle connection is closed, silently');
is($c->{buffer}, '', 'without a word');
# A byte now and then does not make a head last.
$c = $t->connect;
my $n = 0;
$n++ while $n < 100 && $c->send('a') && $c->is_quiet(0.05);
cmp_ok($n, '<', 100, 'a head that drips is ended all the same');

# A head that breaks off behind a HEAD: its answer has a body all the same.
$c = $t->connect;
$c->get('/', method => 'HEAD');
$c->send('GET / HT');
$r = $c->response;
is($r->{status}, 408, 'half a head behind a HEAD: 408');
like($r->{body}, qr/client_timeout/, 'with a body');
$t->stop;

# Who expects a 100 waits for it, not we for the body.
$t = Fairlead::Test->new;
my $o = $t->origin('o', ['head', [mark => 'head'], [body => 5], [answer => 'well'], 'to_end']);
$t->start(args => ['--workers', 1], config => <<'END');
backends: [{host: "127.0.0.1", port: %%O%%}]
timeouts: {client_body: 100ms}
END
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
wait_for { $o->is_marked('head') };
ok($c->is_quiet(0.4), 'who expects a 100 may wait as long as it likes');
$c->send('hello');
is($c->response->{body}, 'well', 'and then send');
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
my $r408 = eval { $c->fill(5) && $c->response };	# dies when it is cut
is($r408 && $r408->{status}, 408, 'half a body: we do not wait long, and say so');
$t->stop;

# Who is served while we drain is told that it was the last time.
$t = Fairlead::Test->new;
$o = $t->origin('o', ['request', [mark => 'asked'], [until => 'go'], [answer => 'well'], 'again']);
$t->start(args => ['--workers', 1]);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
wait_for { $o->is_marked('asked') };
kill 'QUIT', $t->pid;
wait_for { $t->log =~ /signal 3/ };
select undef, undef, undef, 0.2;	# for the worker to hear of it
$o->go('go');
is($c->response->{headers}{connection}, 'close', 'a drain says close');
ok($c->is_closed, 'and closes');
is($t->exit_code, 0, 'and ends');

# What has not left yet is the business of "send", not of "keep_alive".
$t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1], config => <<'END');
backends: [{host: "127.0.0.1", port: %%B%%}]
timeouts: {keep_alive: 200ms}
END
$c = Fairlead::Client->to_port($t->port, receive_buffer => 4096);
my $many = 4000;
$c->send_until_blocked("GET /bytes/3000 HTTP/1.1\r\nHost: x\r\n\r\n" x $many);
select undef, undef, undef, 0.6;
my $whole = 0;
while (my $one = $c->response) {
	last if length $one->{body} != 3000;
	$whole++;
}
is($whole, $many, 'a client that reads late gets every answer');
$t->stop;

# Who does not read in time loses the rest; HTTP/1.0 must not take the part for
# the whole.
$t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1], config => <<'END');
backends: [{host: "127.0.0.1", port: %%B%%}]
timeouts: {send: 300ms}
END
$c = Fairlead::Client->to_port($t->port, receive_buffer => 4096);
$c->send("GET /chunked/8388608 HTTP/1.0\r\nHost: x\r\n\r\n");
select undef, undef, undef, 1;
cmp_ok(length $c->read_all, '<', 8388608, 'a body that is cut while it waits');
is($c->end, 'reset', 'does not end as if it were whole');
$t->stop;

finish();
