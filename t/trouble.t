#!/usr/bin/perl
# t/trouble.t -- backends fail, clients see the best answer there is
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::System;
use JSON::PP;
use Test::More;

my $ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

# A balancer in front of one scripted origin (or of these addresses).
sub in_front {
    my (@o) = @_;
    return start_fairlead(options => ['--workers', 1,
        map { ('-b', '127.0.0.1:' . (ref $_ ? $_->{port} : $_)) } @o]);
}

sub post {
    my ($f, $s) = @_;
    $s //= connect_to($f->{port});
    ask($s, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    return answer($s);
}

# ---- nobody there

my $dead = free_port();
my $good = start_backend('good');
my $f = in_front($dead, $good);
is(get($f->{port}, '/')->{status}, 200, 'refused: another backend serves')
    for 1 .. 4;
is(post($f)->{status}, 200, 'also a POST: nothing was sent');

$f = in_front($dead);
my $r = get($f->{port}, '/');
is($r->{status}, 502, 'all refused: 502');
like($r->{body}, qr/^502 Bad Gateway: connect/, 'the word, as text');
$r = get($f->{port}, '/', 'Accept: application/json');
is_deeply([@{ decode_json($r->{body}) }{qw(status error)}],
    [502, 'connect'], 'as JSON');
like(decode_json($r->{body})->{request_id}, qr/^[0-9A-Z]{26}$/, 'with an id');
$r = get($f->{port}, '/', 'Accept: text/html, */*;q=0.1');
like($r->{body}, qr/<h1>502 Bad Gateway/, 'as HTML');
like(file_text($f->{log}), qr/ warn .* connect: Connection refused while /,
    'the log says so');

# ---- connections that break

my $o = start_origin(['request', 'reset'], ['request', [send => $ok],
    'drain']);
$f = in_front($o);
is(get($f->{port}, '/')->{status}, 502, 'reset on a fresh connection: with ' .
    'one backend there is no other to ask');

$o = start_origin(['request', 'reset']);
my $p = start_origin([[serve => $ok]]);
$f = in_front($o, $p);
is(get($f->{port}, '/')->{status}, 200, 'GET: another backend is asked')
    for 1, 2;
$o = start_origin(['request', 'reset']);
$f = in_front($o, $o);
$r = post($f);
is($r->{status}, 502, 'POST: not again');
like($r->{body}, qr/: reset/, 'and says so');
is(() = join('', map { received($o, $_) } 0 .. 3) =~ /POST/g, 1,
    'the origin saw it once');

# A pooled connection that the origin closes: FIN first, then the request.
$o = start_origin(['request', [send => $ok], 'half', 'drain']);
$f = in_front($o);
is(get($f->{port}, '/')->{status}, 200, 'a closed idle connection, GET')
    for 1 .. 3;
is(post($f)->{status}, 200, 'a closed idle connection, POST') for 1 .. 3;

# The origin takes a second request on the connection and then breaks it.
$o = start_origin(['request', [send => $ok], 'request', 'reset'],
    [[serve => $ok]]);
$f = in_front($o);
get($f->{port}, '/');
is(get($f->{port}, '/')->{status}, 200,
    'GET: reset on a reused connection is retried');
$o = start_origin(['request', [send => $ok], 'request', 'reset'],
    [[serve => $ok]]);
$f = in_front($o);
get($f->{port}, '/');
$r = post($f);
is($r->{status}, 502, 'POST: it is not');
like($r->{body}, qr/reset_reused/, 'with its own word');
unlike(received($o, 1), qr/POST/, 'it came once');
is(admin($f, '/v1/upstreams')->{upstreams}[0]{backends}[0]{failures}, 0,
    'the backend is not charged for it');

# ---- answers that are none

for my $row (
    ['no HTTP', "hello\r\n\r\n"],
    ['two lengths', "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" .
        "Content-Length: 2\r\n\r\nab"],
    ['length and coding', "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" .
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['bare LF', "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ['a status of two digits', "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"],
    ['a switch that nobody asked for', "HTTP/1.1 101 Switching\r\n\r\n"],
    ['chunked, which is not built yet', "HTTP/1.1 200 OK\r\n" .
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['a head that ends early', "HTTP/1.1 200 OK\r\nContent-Le"],
    ['a head without end', "HTTP/1.1 200 OK\r\nX: " . ('a' x 100000)],
) {
    my ($what, $bytes) = @$row;
    $o = start_origin(['request', [send => $bytes], 'half', 'drain']);
    $f = in_front($o);
    $r = get($f->{port}, '/');
    is($r->{status}, 502, "$what: 502");
    like($r->{body}, qr/: junk/, "$what: junk");
    stop_process($f->{pid});
}

$o = start_origin(['request', [send => "HTTP/1.1 200 OK\r\n" .
    "Content-Length: 10\r\n\r\nabc"]]);
$f = in_front($o);
my $s = connect_to($f->{port});
ask($s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
$r = answer($s);
ok($r->{is_short} && $r->{eof}, 'a body that ends early: the client is cut');

# Bytes behind an answer: it counts, the connection is not used again.
$o = start_origin(['request', [send => "${ok}HTTP/1.1 200 OK\r\n\r\n"],
    'drain']);
$f = in_front($o);
is(get($f->{port}, '/')->{body}, 'ok', 'bytes behind an answer') for 1, 2;
like(received($o, 1), qr/GET/, 'the second has its own connection');

# In pieces, and until the connection closes.
$o = start_origin(['request', [pieces => $ok, 1], 'drain']);
$f = in_front($o);
is(get($f->{port}, '/')->{body}, 'ok', 'an answer byte by byte');
$o = start_origin(['request', [send => "HTTP/1.1 200 OK\r\n\r\nto the end"]]);
$f = in_front($o);
$r = get($f->{port}, '/');
is($r->{body}, 'to the end', 'a body until the end of the connection');
is($r->{fields}{connection}, 'close', 'closes the client\'s, too');

# An answer before the body has come: it counts at once.
$o = start_origin([[wait => 0.1],
    [send => "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"], 'drain']);
$f = in_front($o);
$s = connect_to($f->{port});
ask($s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
$r = answer($s);
is($r->{status}, 413, 'an early answer');
is($r->{fields}{connection}, 'close', 'closes the connection');

# A client that leaves: its backend connection is closed at once.
$o = start_origin(['request', 'hang']);
$f = in_front($o);
$s = connect_to($f->{port});
ask($s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
ok(wait_for { received($o, 0) =~ /GET/ }, 'the origin has the request');
setsockopt $s, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0);
close $s;
ok(wait_for { admin($f, '/v1/upstreams')->{upstreams}[0]{backends}[0]
    {in_flight} == 0 }, 'a client that leaves takes its request along');
