#!/usr/bin/perl
# t/failures.t -- what the client gets when an origin fails (the table in
# interfaces.md), and what costs it nothing
use v5.36;
use JSON::PP qw(decode_json);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $well = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";
my @serve = ('request', [answer => 'well'], 'again');

# One fairlead, one worker, in front of one origin with these scripts.
sub behind (@scripts) {
	my $t = Fairlead::Test->new;
	my $origin = $t->origin('o', @scripts);

	$t->start(args => ['--workers', 1]);
	return ($t, $origin);
}
sub reason_of ($r) {
	return 'no answer' if !$r;
	return $r->{status} if $r->{body} !~ /^\{"status"/;
	my $said = decode_json($r->{body});
	return "$said->{status} $said->{error}";
}
my @json = (fields => [['Accept', 'application/json']]);

# ---- nothing listens

my $t = Fairlead::Test->new;
$t->refused('none');
$t->backend('b');
$t->start(args => ['--workers', 1]);
# Every second one needs another try, more than retries.budget has at the start:
# what is refused is no load.
is(join(' ', map { $t->get('/')->{backend} // '-' } 1 .. 16),
    join(' ', ('b') x 16), 'a backend that refuses: the other one serves');
is($t->get('/echo', body => 'posted')->{body}, 'posted', 'also a POST');
my ($refused, $b) = $t->upstream;
cmp_ok($refused->{failures}, '>', 0, 'the failures are counted');
is($b->{failures}, 0, 'where they belong');
like($t->log, qr/ connect: Connection refused while connecting to the backend, client 127\.0\.0\.1, upstream default, backend 127\.0\.0\.1:$refused->{port}$/m,
    'and logged');
$t->stop;

$t = Fairlead::Test->new;
$t->refused("none$_") for 1 .. 4;
$t->start(args => ['--workers', 1]);
my $c = $t->connect;
is(reason_of($c->get('/', @json)), '502 connect', 'all refuse: 502 connect');
is(reason_of($c->get('/', @json)), '502 connect', 'on the same connection');
$t->stop;

# ---- closed or reset before the response

for my $end (qw(close reset half_close)) {
	my ($t, $o) = behind(['request', $end, 'to_end']);
	is(reason_of($t->get('/', @json, body => 'x')), '502 reset',
	    "$end behind a POST: 502 reset");
	is($o->requests, 1, 'sent once');
	$t->stop;
}

# With another backend an idempotent request is tried there; nothing else is.
# (Five failures would leave it out.)
for my $row (['GET', 8, 0], ['PUT', 8, 0], ['POST', 4, 4]) {
	my ($method, $good, $bad) = @$row;
	my %o = $method eq 'GET' ? () : (body => '');
	$t = Fairlead::Test->new;
	my $failing = $t->origin('failing', ['request', 'reset']);
	my $serving = $t->origin('serving', [@serve]);
	$t->start(args => ['--workers', 1]);
	my @said = map { reason_of($t->get('/', @json, method => $method, %o)) } 1 .. 8;
	is(scalar(grep { $_ eq '200' } @said), $good, "$method, one of two resets: served");
	is(scalar(grep { $_ eq '502 reset' } @said), $bad, 'not served');
	is($serving->requests, $good, 'and sent there once');
	cmp_ok($failing->requests, '<=', 8, 'and to the failing one at most once');
	$t->stop;
}

# Its body goes there again, if it is not too long to be kept.
my $o;
for my $row ([1, '200'], [70, '200'], [9_000, '200'], [65_536, '200'], [65_537, '502 reset'], [200_000, '502 reset']) {
	my ($size, $want) = @$row;
	my $body = join '', map { chr 97 + $_ % 26 } 1 .. $size;
	for my $coding ('length', 'chunks') {
		my $request = "PUT / HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n" . ($coding eq 'length' ?
		    "Content-Length: $size\r\n\r\n$body" : "Transfer-Encoding: chunked\r\n\r\n" .
		    sprintf("%x\r\n%s\r\n0\r\n\r\n", $size, $body));
		$t = Fairlead::Test->new;
		my $failing = $t->origin('failing', ['request', 'reset']);
		my $serving = $t->origin('serving', ['request', sub ($c) {
			return $c->answer(join ' ', length $c->{content}, unpack '%32C*', $c->{content}) }, 'again']);
		$t->start(args => ['--workers', 1]);
		my $sum = join ' ', $size, unpack '%32C*', $body;
		my %said;
		for (1 .. 4) {
			my $c = $t->connect;
			$c->send($request);
			my $r = $c->response;
			my $said = reason_of($r);
			$said = 'another body' if $said eq '200' && $r->{body} ne $sum;
			$said{$said}++;
		}
		is(join(' ', sort keys %said), $want eq '200' ? '200' : "200 $want", "PUT of $size, by $coding");
		$t->stop;
	}
}

($t, $o) = behind(['request', 'close'], [@serve]);
is(reason_of($t->get('/', @json, body => 'x')), '502 reset', 'POST is not');
is($o->requests, 1, 'and the origin saw it once');
is($t->get('/')->{body}, 'well', 'and the next request is served');
$t->stop;

($t, $o) = behind(['request', 'close']);
is(reason_of($t->get('/', @json)), '502 reset', 'GET that always fails');
cmp_ok($o->requests, '<=', 3, 'is tried three times at most');
$t->stop;

# Half of a head is no response.
($t, $o) = behind(['request', [send => "HTTP/1.1 200 OK\r\nContent-Le"], 'close']);
is(reason_of($t->get('/', @json, body => 'x')) =~ s/reset|junk/either/r,
    '502 either', 'a head that breaks off');
$t->stop;

# ---- pooled connections

# The origin closes behind each answer, in silence: whoever meets that pays
# nothing, whatever the method.
for my $method (qw(GET POST)) {
	($t, $o) = behind(['request', [answer => 'well'], [until => 'closed'], 'close'],
	    ['request', [answer => 'well'], [mark => 'second'], 'to_end']);
	$c = $t->connect;
	is($c->get('/')->{body}, 'well', 'the first request');
	wait_for { ($t->upstream)[0]{idle} == 1 };
	$o->go('closed');
	ok(wait_for { ($t->upstream)[0]{idle} == 0 }, 'the idle connection goes');
	my %o = $method eq 'POST' ? (body => 'posted') : ();
	is($c->get('/', %o)->{body}, 'well', "$method behind it is served");
	is($o->connections, 2, 'on another connection');
	is($o->requests, 2, 'each sent once');
	$t->stop;
}

# It closes or resets, and there is a request before we have seen that: for
# POST we look first.
for my $method (qw(GET POST)) {
	for my $end (qw(close reset)) {
		($t, $o) = behind(['request', [answer => 'well'], [until => 'end'], [mark => 'ended'], $end], [@serve]);
		my ($worker) = $t->workers;
		$c = $t->connect;
		$c->get('/');
		wait_for { ($t->upstream)[0]{idle} == 1 };
		kill 'STOP', $worker;
		wait_for { slurp("/proc/$worker/stat") =~ /\) T / };
		$c->send(Fairlead::Client::request_of('/', method => $method, body => 'x'));
		$o->go('end');
		wait_for { $o->is_marked('ended') };
		select undef, undef, undef, 0.05;
		kill 'CONT', $worker;
		is(reason_of($c->response), 200, "$method on a connection with an unseen $end");
		is($o->connections, 2, 'goes on another one');
		is(($t->upstream)[0]{failures}, 0, 'and costs nothing');
		$t->stop;
	}
}

# Something behind an answer that fills a read to its last byte: another answer
# is not made of it.
{
	my $head = "HTTP/1.1 200 OK\r\nContent-Length: 65476\r\n\r\n";
	my $full = $head . 'x' x (65_536 - length $head);
	$full =~ s/65476/length($full) - length $head/e;
	($t, $o) = behind(['request', [mark => 'asked'], [until => 'go'], [send => $full .
	    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"], [mark => 'sent'], 'to_end'], [@serve]);
	my ($worker) = $t->workers;
	$c = $t->connect;
	$c->send(Fairlead::Client::request_of('/'));
	wait_for { $o->is_marked('asked') };
	kill 'STOP', $worker;	# so that all of it is there at once
	$o->go('go');
	wait_for { $o->is_marked('sent') };
	kill 'CONT', $worker;
	is(length $c->response->{body}, 65_536 - length $head, 'an answer that fills a read, and more behind it');
	is($c->get('/')->{body}, 'well', 'the next answer is another connection\'s');
	$t->stop;
}

# The origin reads the second request and then closes.
($t, $o) = behind(['request', [answer => 'well'], 'request', 'reset'], [@serve]);
$c = $t->connect;
$c->get('/');
is($c->get('/')->{body}, 'well', 'GET on a reused connection that is reset');
is($o->requests, 3, 'is sent again, once');
is(($t->upstream)[0]{failures}, 0, 'and the backend not charged');
$t->stop;

for my $method (qw(POST PATCH BREW)) {
	($t, $o) = behind(['request', [answer => 'well'], 'request', 'close'], [@serve]);
	$c = $t->connect;
	$c->get('/');
	is(reason_of($c->get('/', @json, method => $method, body => 'once')),
	    '502 reset_reused', "$method on a reused connection that closes");
	is($o->requests, 2, 'is never sent twice');
	is(($t->upstream)[0]{failures}, 0, 'the backend is not charged');
	$t->stop;
}

# Bytes that nobody asked for, with the answer or later: the connection cannot
# be used again.
for my $when ('at once', 'while it is idle') {
	my @surplus = $when eq 'at once' ? ([send => $well . $well], 'to_end') :
	    ([send => $well], [until => 'idle'], [send => $well], 'to_end');
	($t, $o) = behind(['request', @surplus], ['request', [answer => 'mine'], 'to_end']);
	$c = $t->connect;
	is($c->get('/')->{body}, 'well', "an answer with another one behind it, $when");
	wait_for { $when eq 'at once' || ($t->upstream)[0]{idle} == 1 };
	$o->go('idle');
	ok(wait_for { ($t->upstream)[0]{idle} == 0 }, 'its connection is closed');
	is($c->get('/')->{body}, 'mine', 'the second is given to nobody');
	$t->stop;
}

# Reuse as such.
($t, $o) = behind([@serve]);
$c = $t->connect;
$c->get('/') for 1 .. 10;
is($o->connections, 1, 'ten requests on one connection to the origin');
$t->get('/') for 1 .. 5;
is($o->connections, 1, 'also from other clients');
$t->stop;
($t, $o) = behind(['request', [answer => 'well', 'Connection: close'], 'to_end']);
$c = $t->connect;
is(join(' ', map { $c->get('/')->{body} } 1 .. 3), 'well well well',
    'an origin that says close');
is($o->connections, 3, 'gets a connection for each request');
$t->stop;
($t, $o) = behind(['request', [send => "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nwell"], 'to_end']);
$c = $t->connect;
is(join(' ', map { $c->get('/')->{body} } 1 .. 2), 'well well',
    'an origin of HTTP/1.0');
is($o->connections, 2, 'is not reused');
$t->stop;

# ---- junk

my @junk = (
	['a banner', "SSH-2.0-OpenSSH_9.2\r\n"],
	['no status', "HTTP/1.1 OK\r\n\r\n"],
	['a status of four digits', "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"],
	['status 600', "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"],
	['HTTP/2', "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
	['bare LF', "HTTP/1.1 200 OK\nContent-Length: 4\n\nwell"],
	['a folded field', "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"],
	['a space before the colon', "HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nwell"],
	['NUL', "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n"],
	['two lengths', "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nwell!"],
	['a bad length', "HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nwell"],
	['length and coding', "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
	['101 that nobody asked for', "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
	['a head of 70,000 bytes', "HTTP/1.1 200 OK\r\n" . "A: " . 'b' x 996 . "\r\n" . ('A: ' . 'b' x 995 . "\r\n") x 69 . "\r\n"],
	['Connection that names Content-Length', "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\nwell"],
);
($t, $o) = behind(map { ['request', [send => $_->[1]], 'to_end'] } @junk);
for my $row (@junk) {
	is(reason_of($t->get('/', @json)), '502 junk', "junk: $row->[0]");
}
is($o->requests, scalar @junk, 'junk is never asked for again');
is(($t->upstream)[0]{failures}, scalar @junk, 'and charged');
$t->stop;

# ---- 1xx

($t, $o) = behind(['request', [send => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
    [send => "HTTP/1.1 100 Continue\r\n\r\n"], [send => $well], 'again']);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
my $r = $c->response;
is("$r->{status} $r->{headers}{link}", '103 </a>', 'an informational response is relayed');
$r = $c->response;
$r = $c->response if $r->{status} == 100;
is("$r->{status} $r->{body}", '200 well', 'and then the final one');
$r = $t->get('/', version => '1.0');
is($r->{status}, 200, 'but not to HTTP/1.0');
$t->stop;

($t, $o) = behind(['request', [send => "HTTP/1.1 103 Early Hints\r\n\r\n" x 17 . $well], 'to_end']);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/', @json));
my @said = map { $c->response } 1 .. 17;
is(join(' ', map { $_->{status} } @said), join(' ', (103) x 16, 502), 'but not for ever');
is(reason_of($said[16]), '502 junk', 'that is junk');
$t->stop;

# ---- expectations

($t, $o) = behind(['head', [mark => 'head'], [until => 'go'], [send => "HTTP/1.1 100 Continue\r\n\r\n"],
    [body => 5], [send => $well], 'to_end']);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nConnection: expect\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
ok(wait_for { $o->is_marked('head') }, 'a head that expects leaves without its body');
like($o->all_received, qr/^Expect: 100-continue\r$/m, 'and still expects');
ok($c->is_quiet(0.1), 'no 100 of our own');
$o->go('go');
is($c->response->{status}, 100, 'but the one of the origin');
$c->send('hello');
is($c->response->{body}, 'well', 'and then its answer');
$t->stop;

($t, $o) = behind(['head', [send => "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno"], 'to_end']);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
$r = $c->response;
is("$r->{status} $r->{body} $r->{headers}{connection}", '417 no close', '417 is relayed, and ends the connection');
ok($c->is_closed, 'at once');
$t->stop;

# ---- bodies that end early

for my $end (qw(close reset)) {
	($t, $o) = behind(['request', [send => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
	    [until => 'read'], $end]);
	$c = $t->connect;
	$c->send(Fairlead::Client::request_of('/'));
	$r = $c->head;
	my $half = '';
	$c->pieces(4, sub ($piece) { $half .= $piece });
	$o->go('read');
	is("$r->{status} $half", '200 half', "a body that ends by $end is begun");
	ok($c->is_closed, 'and the connection cut');
	ok(wait_for { $t->log =~ / truncated\b/ }, 'the log says truncated');
	ok(wait_for { $t->in_flight == 0 }, 'and nothing stays in flight');
	is(($t->upstream)[0]{failures}, 1, 'the backend is charged');
	$t->stop;
}

($t, $o) = behind(['request', [send => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\nzz\r\n"], 'to_end']);
$c = $t->connect;
$r = $c->get('/');
ok(!$r->{is_whole}, 'bad chunks are not a whole body');
is($c->end, 'eof', 'the connection is cut');
like($t->log, qr/ junk\b/, 'the log says junk');
is(($t->upstream)[0]{failures}, 1, 'the backend is charged');
$t->stop;

# Without a length the close is the end, and a reset must not look like one.
($t, $o) = behind(['request', [send => "HTTP/1.1 200 OK\r\n\r\nuntil the end"], 'close'],
    ['request', [send => "HTTP/1.1 200 OK\r\n\r\nuntil the"], [until => 'read'], 'reset']);
$r = $t->get('/');
is($r->{body}, 'until the end', 'a body without a length');
is($r->{headers}{'transfer-encoding'}, 'chunked', 'in chunks');
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
$c->head;
$c->pieces(12, sub { });
$o->go('read');
unlike($c->read_all, qr/0\r\n\r\n/, 'one that is reset has no last chunk');
$t->stop;
($t, $o) = behind(['request', [send => "HTTP/1.1 200 OK\r\n\r\nuntil the"], [until => 'read'], 'reset']);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/', version => '1.0'));
$c->head;
$c->pieces(9, sub { });
$o->go('read');
ok($c->is_closed, 'to HTTP/1.0 it ends');
is($c->end, 'reset', 'by a reset');
$t->stop;

# ---- clients that leave

($t, $o) = behind(['head', [mark => 'head'], 'to_end'], [@serve]);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
ok(wait_for { $o->is_marked('head') }, 'a request is under way');
is($t->in_flight, 1, 'in flight');
$c->reset;
ok(wait_for { $t->in_flight == 0 }, 'the client leaves: nothing is in flight');
is(($t->upstream)[0]{failures}, 0, 'nobody is charged');
is($t->get('/')->{body}, 'well', 'and others are served');
$t->stop;

($t, $o) = behind(['head', [mark => 'head'], 'to_end'], [@serve]);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nten bytes.");
ok(wait_for { $o->is_marked('head') }, 'an upload is under way');
$c->close;
ok(wait_for { $t->in_flight == 0 }, 'the client leaves it');
is($t->get('/')->{body}, 'well', 'and others are served');
unlike($o->received(1), qr/ten bytes\..+/s, 'nothing was made up');
$t->stop;

# A client that leaves in the middle of its answer: the origin is not heard to
# its end.
($t, $o) = behind(['head', [send => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"], sub ($c) {
	$c->to_end;
	return $c->mark('gone') }]);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
$c->head;
$c->reset;
ok(wait_for { $o->is_marked('gone') }, 'a client leaves in the middle of its answer: so do we');
ok(wait_for { $t->in_flight == 0 }, 'nothing is in flight');
is(($t->upstream)[0]{failures}, 0, 'and nobody is charged');
$t->stop;

# One that has only ended its side still listens.
($t, $o) = behind(['head', [mark => 'head'], [until => 'go'], [answer => 'well'], 'to_end']);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
wait_for { $o->is_marked('head') };
$c->half_close;
select undef, undef, undef, 0.05;
$o->go('go');
is(($c->response // {})->{body}, 'well', 'a client that half closes while we wait gets its answer');
$t->stop;

# ---- an origin that reads late: what it does not take stays with the kernel

sub memory_kib ($pid) {
	return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m ? $1 : 0;
}
($t, $o) = behind(['head', [until => 'go'], [body => 16_000_000], [answer => 'well'], 'to_end']);
my ($worker) = $t->workers;
my $before = memory_kib($worker);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n");
my $taken = $c->send_until_blocked('x' x 16_000_000, 0.2);
cmp_ok(memory_kib($worker) - $before, '<', 4096, 'an upload waits for its reader');
$o->go('go');
$c->send('x' x (16_000_000 - $taken)) if $taken < 16_000_000;
is(($c->response // {})->{body}, 'well', 'and goes on');
$t->stop;

# ---- the answer comes before the request is complete

# The origin would go on: its connection is not used again. The client may send
# on; it sees our end, not a reset.
($t, $o) = behind(['head', [send => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"], sub ($c) {
	$c->to_end;
	return $c->mark('gone') }], [@serve]);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" . 'x' x 1000);
is($c->response->{status}, 403, 'an early answer');
ok(wait_for { $o->is_marked('gone') }, 'ends the connection to the origin');
ok($c->is_closed && $c->end eq 'eof', 'and our side of the client\'s');
my $sent = 0;
for (1 .. 10) {
	$sent += $c->send('x' x 1000) // 0;
	select undef, undef, undef, 0.02;
}
is($sent, 10, 'which may still send');
is($t->get('/')->{body}, 'well', 'the next request');
is($o->connections, 2, 'has another connection');
is(($t->upstream)[0]{failures}, 0, 'and nobody is charged');
$t->stop;

($t, $o) = behind(['head', [send => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"], 'to_end']);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" . 'x' x 1000);
$r = $c->response;
is("$r->{status} $r->{body}", '403 no', 'an early answer is relayed at once');
is($r->{headers}{connection}, 'close', 'and ends the connection');
$c->send('x' x 1000);
ok($c->is_closed, 'in the end');
$t->stop;

finish();
