#!/usr/bin/perl
# t/strict.t -- what two programs could read in two ways is refused
#
# Each row is sent whole, in pieces of one byte and of seven bytes; nothing of it
# may reach the origin, the answer names the reason, and the connection ends.
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $ok = "HTTP/1.1\r\nHost: x\r\n";
my $long = 'a' x 40_000;

# name, request, status, reason
my @rows = (
	# lines
	['bare LF behind the request line', "GET / HTTP/1.1\nHost: x\r\n\r\n", 400, 'bad_request'],
	['bare LF behind a field', "GET / $ok" . "A: b\nC: d\r\n\r\n", 400, 'bad_request'],
	['bare LF as the end', "GET / $ok\n", 400, 'bad_request'],
	['bare CR in a value', "GET / $ok" . "A: b\rC: d\r\n\r\n", 400, 'bad_request'],
	['obs-fold by a space', "GET / $ok" . "A: b\r\n c\r\n\r\n", 400, 'bad_request'],
	['obs-fold by a tab', "GET / $ok" . "A: b\r\n\tc\r\n\r\n", 400, 'bad_request'],
	['space in front of the first field', "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, 'bad_request'],
	['space before the colon', "GET / $ok" . "A : b\r\n\r\n", 400, 'bad_request'],
	['tab before the colon', "GET / $ok" . "A\t: b\r\n\r\n", 400, 'bad_request'],
	['space before the colon of Content-Length', "POST / $ok" . "Content-Length : 5\r\n\r\nhello", 400, 'bad_request'],
	['no colon', "GET / $ok" . "Abc\r\n\r\n", 400, 'bad_request'],
	['empty field name', "GET / $ok: b\r\n\r\n", 400, 'bad_request'],
	['field name with a slash', "GET / $ok" . "A/B: c\r\n\r\n", 400, 'bad_request'],
	['field name with a byte over 127', "GET / $ok" . "A\xe4: c\r\n\r\n", 400, 'bad_request'],
	['NUL in a value', "GET / $ok" . "A: b\0c\r\n\r\n", 400, 'bad_request'],
	['NUL in a name', "GET / $ok" . "A\0: b\r\n\r\n", 400, 'bad_request'],
	['NUL in the target', "GET /\0 $ok\r\n", 400, 'bad_request'],
	['DEL in a value', "GET / $ok" . "A: b\x7fc\r\n\r\n", 400, 'bad_request'],
	['BEL in a value', "GET / $ok" . "A: b\x07\r\n\r\n", 400, 'bad_request'],
	# request line
	['two spaces', "GET  / $ok\r\n", 400, 'bad_request'],
	['tab as the space', "GET\t/ $ok\r\n", 400, 'bad_request'],
	['space behind the version', "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, 'bad_request'],
	['space in the target', "GET /a b $ok\r\n", 400, 'bad_request'],
	['byte over 127 in the target', "GET /\xe4 $ok\r\n", 400, 'bad_request'],
	['fragment in the target', "GET /a#b $ok\r\n", 400, 'bad_request'],
	['relative target', "GET a $ok\r\n", 400, 'bad_request'],
	['* with GET', "GET * $ok\r\n", 400, 'bad_request'],
	['user in the target', "GET http://u\@x/ $ok\r\n", 400, 'bad_request'],
	['another scheme', "GET ftp://x/ $ok\r\n", 400, 'bad_request'],
	['no method', " / $ok\r\n", 400, 'bad_request'],
	['method that is no token', "G(T / $ok\r\n", 400, 'bad_request'],
	['HTTP/0.9', "GET /\r\n\r\n", 400, 'bad_request'],
	['http/1.1', "GET / http/1.1\r\nHost: x\r\n\r\n", 400, 'bad_request'],
	['HTTP/1.10', "GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400, 'bad_request'],
	['HTTP/2.0', "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, 'version'],
	['the preface of HTTP/2', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 'version'],
	['TLS', "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400, 'bad_request'],
	['CONNECT', "CONNECT x:443 $ok\r\n", 405, 'method'],
	# Host
	['no Host', "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400, 'bad_request'],
	['two Hosts', "GET / $ok" . "Host: y\r\n\r\n", 400, 'bad_request'],
	['two equal Hosts', "GET / $ok" . "Host: x\r\n\r\n", 400, 'bad_request'],
	['empty Host', "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400, 'bad_request'],
	['Host with a space', "GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400, 'bad_request'],
	['Host with a slash', "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, 'bad_request'],
	['Host with a user', "GET / HTTP/1.1\r\nHost: u\@x\r\n\r\n", 400, 'bad_request'],
	['Host as a list', "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400, 'bad_request'],
	['Host with a bad port', "GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n", 400, 'bad_request'],
	# framing
	['two Content-Lengths', "POST / $ok" . "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, 'bad_request'],
	['two equal Content-Lengths', "POST / $ok" . "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, 'bad_request'],
	['list as Content-Length', "POST / $ok" . "Content-Length: 5, 5\r\n\r\nhello", 400, 'bad_request'],
	['signed Content-Length', "POST / $ok" . "Content-Length: +5\r\n\r\nhello", 400, 'bad_request'],
	['negative Content-Length', "POST / $ok" . "Content-Length: -1\r\n\r\n", 400, 'bad_request'],
	['hexadecimal Content-Length', "POST / $ok" . "Content-Length: 0x5\r\n\r\nhello", 400, 'bad_request'],
	['Content-Length with a space', "POST / $ok" . "Content-Length: 1 1\r\n\r\nhello world", 400, 'bad_request'],
	['empty Content-Length', "POST / $ok" . "Content-Length: \r\n\r\n", 400, 'bad_request'],
	['Content-Length over 2^63', "POST / $ok" . "Content-Length: 9223372036854775808\r\n\r\n", 400, 'bad_request'],
	['Content-Length over 2^64', "POST / $ok" . "Content-Length: 18446744073709551621\r\n\r\nhello", 400, 'bad_request'],
	['Content-Length and Transfer-Encoding', "POST / $ok" . "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding and Content-Length', "POST / $ok" . "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding in HTTP/1.0', "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding twice', "POST / $ok" . "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding: identity', "POST / $ok" . "Transfer-Encoding: identity\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding: gzip, chunked', "POST / $ok" . "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	['Transfer-Encoding: xchunked', "POST / $ok" . "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, 'bad_request'],
	# expectations
	['an unknown expectation', "POST / $ok" . "Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", 417, 'expectation'],
	# too much
	['long target', "GET /$long $ok\r\n", 414, 'uri_too_long'],
	['long field', "GET / $ok" . "A: $long\r\n\r\n", 431, 'head_too_large'],
	['long field name', "GET / $ok" . "$long: a\r\n\r\n", 431, 'head_too_large'],
	['many fields', "GET / $ok" . "A: b\r\n" x 200 . "\r\n", 431, 'head_too_large'],
	['large head', "GET / $ok" . ('A' x 90 . ': ' . 'b' x 300 . "\r\n") x 100 . "\r\n", 431, 'head_too_large'],
);

my $t = Fairlead::Test->new;
my $origin = $t->origin('o', ['request', [answer => "well\n"], 'again']);
$t->start(args => ['--workers', 1]);

sub is_refused ($row, $pieces) {
	my ($name, $bytes, $status, $reason) = @$row;
	my $c = $t->connect;

	$c->send($bytes, pieces => $pieces, pause => 0);
	my $r = $c->response;
	return 'no answer' if !$r;
	return "status $r->{status}" if $r->{status} != $status;
	return "body $r->{body}" if $r->{body} !~ /\b$reason\b/;
	return "it stays open" if ($r->{headers}{connection} // '') ne 'close' ||
	    !$c->is_closed;
	return 'ok';
}

for my $row (@rows) {
	my @ways = length $row->[1] > 5000 ? (0, 977) : (0, 1, 7);
	my $said = join ', ', map { is_refused($row, $_) } @ways;
	is($said, join(', ', ('ok') x @ways), "$row->[2]: $row->[0]");
}
is($origin->all_received, '', 'nothing of that has reached the origin');

# Not only the answer: what stands behind a refused request is never read as
# another.
my $c = $t->connect;
$c->send("POST / $ok" . "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" .
    "GET /smuggled $ok\r\n");
my $all = $c->read_all;
is(scalar(() = $all =~ m{^HTTP/1.1 }mg), 1, 'one answer to two requests');
is($origin->all_received, '', 'and the second was not read');

# HEAD is answered by a head alone, also when it is refused.
for my $row (grep { $_->[1] =~ m{^GET \S+ HTTP/1\.1\r\n} } @rows) {
	my $c = $t->connect;
	$c->send($row->[1] =~ s/^GET/HEAD/r);
	like($c->read_all, qr{^HTTP/1\.1 $row->[2] .*\r\n\r\n\z}s,
	    "HEAD: no content: $row->[0]");
}
# Also behind a good one.
$c = $t->connect;
is($c->get('/')->{status}, 200, 'a good request');
$c->send("GET /$long $ok\r\n");
my $last = $c->response;
is("$last->{status} " . ($last->{headers}{connection} // 'none'), '414 close', 'the refusal of the next says close');
my $heard = $origin->all_received;

# Connection must not take away what a message is understood by.
for my $row (
	["Connection: host\r\n", ''],
	["Connection: close, HOST\r\n", ''],
	["Connection: Content-Length\r\nContent-Length: 5\r\n", 'hello'],
	["Connection: Transfer-Encoding\r\n", ''],
	["Connection: a,,transfer-encoding\r\n", ''],
	["Connection: " . join(',', map { "a$_" } 1 .. 65) . "\r\n", ''],
    ) {
	my $c = $t->connect;
	$c->send("POST / $ok$row->[0]\r\n$row->[1]");
	my $r = $c->response // { status => 'none' };
	is($r->{status} . ($c->is_closed ? ' closed' : ''), '400 closed', '400: ' . $row->[0] =~ s/(.{50}).*|\r\n.*/$1 \/\/ ''/ser);
}
is($origin->all_received, $heard, 'and the origin has heard nothing');

# ---- what looks odd and is good

my @good = (
	['spaces around a value', "GET / $ok" . "A:  \t b \t \r\n\r\n"],
	['an empty value', "GET / $ok" . "A:\r\n\r\n"],
	['bytes over 127 in a value', "GET / $ok" . "A: \xe4\xff\r\n\r\n"],
	['an unknown method', "BREW /pot $ok\r\n"],
	['absolute form', "GET http://x:80/ HTTP/1.1\r\nHost: y\r\n\r\n"],
	['OPTIONS *', "OPTIONS * $ok\r\n"],
	['Host with a port', "GET / HTTP/1.1\r\nHost: x:8080\r\n\r\n"],
	['Host as an IPv6 address', "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"],
	['HTTP/1.0 without Host', "GET / HTTP/1.0\r\n\r\n"],
	['odd escapes in the target', "GET /%2e%2E/%00?a=%zz&{} $ok\r\n"],
	['Content-Length: 0 with GET', "GET / $ok" . "Content-Length: 0\r\n\r\n"],
	['a body with GET', "GET / $ok" . "Content-Length: 5\r\n\r\nhello"],
	['leading zeros', "POST / $ok" . "Content-Length: 0005\r\n\r\nhello"],
	['127 fields', "GET / $ok" . "A: b\r\n" x 126 . "\r\n"],
	['a field of 15,000 bytes', "GET / $ok" . "A: " . 'b' x 15_000 . "\r\n\r\n"],
);
for my $row (@good) {
	my @status = map {
		my $c = $t->connect;
		$c->send($row->[1], pieces => $_, pause => 0);
		($c->response // { status => 'none' })->{status};
	} length $row->[1] > 5000 ? (0, 977) : (0, 1, 7);
	is(join(' ', @status), join(' ', (200) x @status), "good: $row->[0]");
}

finish();
