#!/usr/bin/perl
# t/refused.t -- what two readers could read in two ways never reaches the origin
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::System;
use Test::More;

my $origin = start_origin(
    [[serve => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]]);
my $f = start_fairlead(options => ['-b', "127.0.0.1:$origin->{port}",
    '--workers', 1]);

my $h = "Host: a\r\n";
my @rows = (
    # what, request, status
    ['bare LF behind the request line', "GET / HTTP/1.1\n$h\r\n", 400],
    ['bare LF behind a field', "GET / HTTP/1.1\r\nHost: a\n\r\n", 400],
    ['bare LF as the empty line', "GET / HTTP/1.1\r\n$h\n", 400],
    ['bare CR in a value', "GET / HTTP/1.1\r\n${h}X: a\rb\r\n\r\n", 400],
    ['NUL in a value', "GET / HTTP/1.1\r\n${h}X: a\0b\r\n\r\n", 400],
    ['NUL in a name', "GET / HTTP/1.1\r\n${h}X\0: a\r\n\r\n", 400],
    ['space before the colon', "GET / HTTP/1.1\r\n${h}X : a\r\n\r\n", 400],
    ['an empty name', "GET / HTTP/1.1\r\n$h: a\r\n\r\n", 400],
    ['a folded line', "GET / HTTP/1.1\r\n${h}X: a\r\n b\r\n\r\n", 400],
    ['white space before the first field',
        "GET / HTTP/1.1\r\n X: a\r\n$h\r\n", 400],
    ['a line without a colon', "GET / HTTP/1.1\r\n${h}nothing\r\n\r\n", 400],
    ['no Host', "GET / HTTP/1.1\r\n\r\n", 400],
    ['two Hosts', "GET / HTTP/1.1\r\n$h$h\r\n", 400],
    ['a Host with a path', "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
    ['a Host with a space', "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ['a Host with a comma list',
        "GET / HTTP/1.1\r\nHost: a\@b\r\n\r\n", 400],
    ['two lengths', "POST / HTTP/1.1\r\n${h}Content-Length: 1\r\n" .
        "Content-Length: 2\r\n\r\nx", 400],
    ['the same length twice', "POST / HTTP/1.1\r\n${h}Content-Length: 1\r\n" .
        "Content-Length: 1\r\n\r\nx", 400],
    ['a list of lengths',
        "POST / HTTP/1.1\r\n${h}Content-Length: 1, 1\r\n\r\nx", 400],
    ['a signed length',
        "POST / HTTP/1.1\r\n${h}Content-Length: +1\r\n\r\nx", 400],
    ['a negative length',
        "POST / HTTP/1.1\r\n${h}Content-Length: -1\r\n\r\nx", 400],
    ['a hexadecimal length',
        "POST / HTTP/1.1\r\n${h}Content-Length: 0x1\r\n\r\nx", 400],
    ['an empty length',
        "POST / HTTP/1.1\r\n${h}Content-Length:\r\n\r\nx", 400],
    ['a length beyond all bounds', "POST / HTTP/1.1\r\n${h}Content-Length: " .
        "99999999999999999999\r\n\r\nx", 400],
    ['length and coding', "POST / HTTP/1.1\r\n${h}Content-Length: 5\r\n" .
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['a coding in HTTP/1.0', "POST / HTTP/1.0\r\n${h}" .
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ['chunked is not built yet', "POST / HTTP/1.1\r\n${h}" .
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501],
    ['another coding', "POST / HTTP/1.1\r\n${h}" .
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400],
    ['Upgrade is not built yet', "GET / HTTP/1.1\r\n${h}" .
        "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 501],
    ['Expect is not built yet', "POST / HTTP/1.1\r\n${h}" .
        "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 501],
    ['CONNECT', "CONNECT a:1 HTTP/1.1\r\n$h\r\n", 405],
    ['an asterisk for GET', "GET * HTTP/1.1\r\n$h\r\n", 400],
    ['a target without a slash', "GET a HTTP/1.1\r\n$h\r\n", 400],
    ['a fragment in the target', "GET /#a HTTP/1.1\r\n$h\r\n", 400],
    ['a target with 8-bit bytes', "GET /\xe4 HTTP/1.1\r\n$h\r\n", 400],
    ['two spaces', "GET  / HTTP/1.1\r\n$h\r\n", 400],
    ['no version', "GET /\r\n$h\r\n", 400],
    ['HTTP/2.0', "GET / HTTP/2.0\r\n$h\r\n", 505],
    ['lower-case version', "GET / http/1.1\r\n$h\r\n", 400],
    ['a method that is no token', "G(T / HTTP/1.1\r\n$h\r\n", 400],
    ['Connection names Host',
        "GET / HTTP/1.1\r\n${h}Connection: host\r\n\r\n", 400],
    ['Connection names Content-Length', "POST / HTTP/1.1\r\n${h}" .
        "Connection: content-length\r\nContent-Length: 1\r\n\r\nx", 400],
    ['TLS to a plain port', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        400],
    ['a head that is too large', "GET / HTTP/1.1\r\n$h" .
        join('', map { "X-$_: " . ('a' x 1000) . "\r\n" } 1 .. 40) . "\r\n",
        431],
    ['too many fields', "GET / HTTP/1.1\r\n$h" .
        join('', map { "X-$_: a\r\n" } 1 .. 200) . "\r\n", 431],
    ['a target that is too long',
        'GET /' . ('a' x 40000) . " HTTP/1.1\r\n$h\r\n", 414],
);

for my $row (@rows) {
    my ($what, $bytes, $status) = @$row;
    for my $piece (length $bytes, 1) {
        next if $piece == 1 && length $bytes > 2000;
        my $s = connect_to($f->{port});
        ask($s, $bytes, $piece);
        my $r = answer($s, seconds => 5);
        my $how = $piece == 1 ? ', byte by byte' : '';
        is($r->{status}, $status, "$what$how: $status");
        is($r->{fields}{connection} // '', 'close', "$what$how: closed");
    }
}

# CONNECT and refused Connection fields are our own answers, too.
is(received($origin, 0), '', 'nothing of all this reached the origin');

# And what is good still passes, on one connection, in any pieces.
for my $piece (1, 2, 3, 7, 1000) {
    my $s = connect_to($f->{port});
    ask($s, "\r\nGET /?q HTTP/1.1\r\n${h}X:a\r\nY: \t b\t \r\n\r\n", $piece);
    is(answer($s)->{status}, 200, "a good one in pieces of $piece");
}
