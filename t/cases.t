#!/usr/bin/perl
# t/cases.t -- HTTP/1, message by message: what passes and what does not
#
# A row: name, request, what the origin sends, the outcome. It is played whole,
# in pieces of one byte and of 13 (the origin's answer as well), always with the
# same verdict. A strict reader (Fairlead::Reader) checks every byte that the
# origin and the client got.
#
# In requests %% stands for the target, which names the row. The outcome: the
# statuses that the client gets; '-' none. Behind a slash how many whole requests
# the origin gets, if that is not one for each status from 200 on; behind "=" the
# body of the last response.
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Reader;
use Fairlead::Test;

my $n = "\r\n";
my $host = "Host: x$n";
my $te = "Transfer-Encoding: chunked$n";
my $well = "HTTP/1.1 200 OK${n}Content-Length: 4$n${n}well";
my @rows;

sub row ($name, $request, $answer, $want) {
	push @rows, { name => $name, request => $request, answer => $answer,
	    want => $want };
	return;
}

sub get (@fields) {
	return "GET %% HTTP/1.1$n$host" . join('', map { "$_$n" } @fields) . $n;
}

sub post ($body, @fields) {
	return "POST %% HTTP/1.1$n$host" . join('', map { "$_$n" } @fields) .
	    "$n$body";
}

sub chunked ($body, @fields) {
	return post($body, 'Transfer-Encoding: chunked', @fields);
}

# ---- requests

row("method $_", "$_ %% HTTP/1.1$n$host$n", $well, '200') for qw(GET POST PUT
    DELETE PATCH TRACE OPTIONS PROPFIND get A !#$%&'*+-.^_`|~ M-SEARCH);
row('HEAD', "HEAD %% HTTP/1.1$n$host$n", "HTTP/1.1 200 OK${n}Content-Length: 4$n$n", '200');
row('CONNECT', "CONNECT x:80 HTTP/1.1$n$host$n", $well, '405/0');
row("method with $_->[0]", "$_->[1] %% HTTP/1.1$n$host$n", $well, '400/0')
    for ['a slash', 'G/T'], ['a colon', 'G:'], ['a quote', 'G"'], ['a byte over 127', "G\xe9T"],
    ['a brace', 'G{'], ['an at sign', 'G@'], ['a comma', 'G,T'], ['a backslash', 'G\\'],
    ['a space in front', ' GET'], ['a tab in front', "\tGET"], ['two spaces behind', 'GET '];

row("version $_", "GET %% $_$n$host$n", $well, '200')
    for qw(HTTP/1.1 HTTP/1.2 HTTP/1.9);
row("version $_", "GET %% $_$n$host$n", $well, '505/0')
    for qw(HTTP/2.0 HTTP/0.9 HTTP/3.0 HTTP/9.9);
row("version $_", "GET %% $_$n$host$n", $well, '400/0')
    for qw(http/1.1 HTTP/1 HTTP/1. HTTP/1.x HTTP/11 HTTP/1.10 HTTP/1.1x HTTPS/1.1 HTTP-1.1),
    'HTTP/ 1.1', 'HTTP /1.1', 'HTTP/1.1 ', "HTTP/1.1\t", 'HTTP/+1.1', '';
row('HTTP/1.0', "GET %% HTTP/1.0$n$n", $well, '200');
row('HTTP/1.0 with a Host', "GET %% HTTP/1.0$n$host$n", $well, '200');
row('HTTP/1.0 and keep-alive', "GET %% HTTP/1.0${n}Connection: keep-alive$n$n", $well, '200');
row('no version', "GET %%$n$n", $well, '400/0');

row("target with byte $_", sprintf("GET %%%%%c HTTP/1.1$n$host$n", $_), $well, '400/0')
    for 0 .. 8, 11, 12, 14 .. 31, 127, 128, 233, 255;
row("target $_", "GET $_ HTTP/1.1$n$host$n", $well, '400/0')
    for '%%#f', 'a', '*', 'http://', 'http:///a', 'http://u@x/', 'ftp://x/',
    'http:/x', 'x:80', "http://x y/", 'http://[::1/', 'http://x:99999/';
row("target $_", "GET $_ HTTP/1.1$n$host$n", $well, '200')
    for '%%?a=b', '%%?', '%%/../x', '%%//', '%%%00', '%%;a', '%%"<>{}|\\^`', 'http://y%%',
    'HTTP://y:80%%', 'https://y%%', 'http://[::1]:8080%%';
row('OPTIONS *', "OPTIONS * HTTP/1.1$n$host$n", $well, '200/*');

row("Host: $_", "GET %% HTTP/1.1${n}Host: $_$n$n", $well, '200')
    for 'x', 'X.y', 'x:80', 'x:', '1.2.3.4', '[::1]', '[::1]:80', 'a-b_c', 'a%20b';
row("Host: $_", "GET %% HTTP/1.1${n}Host: $_$n$n", $well, '400/0')
    for '', ' ', 'x y', 'x/y', 'u@x', 'x, y', 'x:y', 'x:80:80', 'x:-1', 'x:65536',
    '[::1', '::1', '[::1]x', '[x]', 'x?', 'x#', 'x\\y', '"x"', "x\xe9", '%', 'x%2', '[]', '<x>', ':80';
row('no Host', "GET %% HTTP/1.1$n$n", $well, '400/0');
row('two Hosts', get('Host: y'), $well, '400/0');
row('two equal Hosts', get('Host: x'), $well, '400/0');
row('Host with a space before the colon', "GET %% HTTP/1.1${n}Host : x$n$n", $well, '400/0');

row("value with byte $_", get(sprintf 'A: b%cc', $_), $well, '400/0')
    for 0 .. 8, 10 .. 31, 127;
row("value with byte $_", get(sprintf 'A: b%cc', $_), $well, '200')
    for 9, 32, 34, 44, 128, 233, 255;
row("name with byte $_", get(sprintf 'A%cB: c', $_), $well, '400/0')
    for 0, 9, 10, 13, 32, 34, 40, 41, 44, 47, 59 .. 64, 91 .. 93, 123, 125, 127, 128, 255;
row("name with $_", get("A${_}B: c"), $well, '200')
    for '!', '#', '$', '%', '&', "'", '*', '+', '-', '.', '^', '_', '`', '|', '~', '0';
row('blanks around a value', get("A: \t b \t "), $well, '200');
row('an empty value', get('A:'), $well, '200');
row('no colon', get('A'), $well, '400/0');
row('no name', get(': a'), $well, '400/0');
row('folded', get("A: b$n c"), $well, '400/0');
row('folded by a tab', get("A: b$n\tc"), $well, '400/0');
row('a space before the first field', "GET %% HTTP/1.1$n $host$n", $well, '400/0');
row('a space before the colon', get('A : b'), $well, '400/0');
row('bare LF behind the request line', "GET %% HTTP/1.1\n$host$n", $well, '400/0');
row('bare LF behind a field', "GET %% HTTP/1.1${n}Host: x\n$n", $well, '400/0');
row('bare LF at the end', "GET %% HTTP/1.1$n$host\n", $well, '400/0');
row('bare CR at the end', "GET %% HTTP/1.1$n$host\rX", $well, '400/0');
row('CR CR LF', "GET %% HTTP/1.1\r$n$host$n", $well, '400/0');
row('empty lines in front', "$n$n" . get(), $well, '200');
row('five empty lines in front', $n x 5 . get(), $well, '400/0');
row('a bare LF in front', "\n" . get(), $well, '400/0');

row('300 fields', get(('A: b') x 300), $well, '431/0');
row('128 fields', get(('A: b') x 127), $well, '200');
row('129 fields', get(('A: b') x 128), $well, '431/0');
row('a long target', 'GET %%' . 'a' x 20_000 . " HTTP/1.1$n$host$n", $well, '414/0');
row('a long value', get('A: ' . 'b' x 20_000), $well, '431/0');
row('a head that is too large', get(map { "A$_: " . 'b' x 9000 } 1 .. 5), $well, '431/0');

# ---- framing of requests

row('Content-Length', post('hello', 'Content-Length: 5'), $well, '200');
row('Content-Length: 0', post('', 'Content-Length: 0'), $well, '200');
row('Content-Length with zeros', post('hello', 'Content-Length: 0005'), $well, '200');
row("Content-Length: $_", post('hello', "Content-Length: $_"), $well, '400/0')
    for '', '+5', '-5', '5 5', '5,5', '5, 5', '0x5', '5x', '5.0', '5e0', "5\0", '9223372036854775808',
    '18446744073709551621', '99999999999999999999', "'5'", '٥';
row('two lengths', post('hello', 'Content-Length: 5', 'Content-Length: 6'), $well, '400/0');
row('the same length twice', post('hello', 'Content-Length: 5', 'Content-Length: 5'), $well, '400/0');
row('length and coding', chunked("0$n$n", 'Content-Length: 5'), $well, '400/0');
row('coding in HTTP/1.0', "POST %% HTTP/1.0$n$host$te${n}0$n$n", $well, '400/0');
row("Transfer-Encoding: $_", post("0$n$n", "Transfer-Encoding: $_"), $well, '400/0')
    for '', 'identity', 'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked;a=b',
    'xchunked', 'chunkedx', ',chunked', 'chunked,', '"chunked"', "chunk\x0bed", "\x0bchunked", 'chunked chunked';
row("Transfer-Encoding: $_", post("0$n$n", "Transfer-Encoding: $_"), $well, '200')
    for 'chunked', 'Chunked', 'CHUNKED', "chunked \t";
row('a bad chunk behind HEAD', "HEAD %% HTTP/1.1$n$host$te${n}ZZ$n", $well, '400/0');
row('two codings', chunked("0$n$n", 'Transfer-Encoding: chunked'), $well, '400/0');
row('coding with a space before the colon', post("0$n$n", 'Transfer-Encoding : chunked'), $well, '400/0');
row('a body that breaks off', post('hel', 'Content-Length: 5'), $well, '-/0');

# ---- chunks

row("chunks: $_->[0]", chunked($_->[1] . "0$n$n"), $well, '200')
    for ['none', ''], ['one', "5${n}hello$n"], ['two', "5${n}hello${n}1${n}x$n"], ['upper case', "A${n}0123456789$n"],
    ['lower case', "a${n}0123456789$n"], ['zeros', "0005${n}hello$n"], ['an extension', "5;a${n}hello$n"],
    ['an extension with a value', "5;a=b${n}hello$n"], ['blanks in it', "5 ; a = b${n}hello$n"], ['quotes', "5;a=\"b c;\"${n}hello$n"],
    ['an escape', "5;a=\"b\\\"c\"${n}hello$n"], ['two extensions', "5;a;b=c${n}hello$n"], ['content that looks like chunks', "d${n}0$n${n}GET / $n$n"],
    ['many', "1${n}x$n" x 200], ['a long one', '2710' . $n . 'x' x 10_000 . $n];
row("chunks: $_->[0]", chunked($_->[1]), $well, '400/0')
    for ['bare LF behind content', "5${n}hello\n0$n$n"], ['bare LF behind a size', "5\nhello${n}0$n$n"],
    ['bare CR behind a size', "5\rhello${n}0$n$n"], ['two CRs', "5\r${n}hello${n}0$n$n"], ['LF in an extension', "5;a\nb${n}hello${n}0$n$n"],
    ['NUL in an extension', "5;a=\0${n}hello${n}0$n$n"], ['an extension without a name', "5;${n}hello${n}0$n$n"],
    ['a value that is missing', "5;a=${n}hello${n}0$n$n"], ['an open quote', "5;a=\"b${n}hello${n}0$n$n"],
    ['a line end in quotes', "5;a=\"$n\"${n}hello${n}0$n$n"], ['a blank behind the size', "5 ${n}hello${n}0$n$n"],
    ['a tab behind the size', "5\t${n}hello${n}0$n$n"], ['a blank behind an extension', "5;a ${n}hello${n}0$n$n"],
    ['a blank before the size', " 5${n}hello${n}0$n$n"], ['0x', "0x5${n}hello${n}0$n$n"], ['a sign', "+5${n}hello${n}0$n$n"],
    ['minus', "-5${n}hello${n}0$n$n"], ['an underscore', "1_0${n}hello${n}0$n$n"], ['no size', "${n}hello${n}0$n$n"],
    ['2^63', "8000000000000000${n}hello"], ['2^64 and more', "10000000000000005${n}hello"], ['too short', "3${n}hello${n}0$n$n"],
    ['too long', "6${n}hello${n}0$n$n"], ['no end of a chunk', "5${n}hello0$n$n"], ['a letter', "g${n}hello${n}0$n$n"],
    ['a comma', "5,6${n}hello${n}0$n$n"], ['an extension with a colon', "5;a:b${n}hello${n}0$n$n"],
    ['a trailer with a space in front', "0$n a: b$n$n"], ['a space before its colon', "0${n}a : b$n$n"], ['a trailer without a colon', "0${n}a$n$n"],
    ['a trailer with bare LF', "0${n}a: b\n$n"], ['a folded trailer', "0${n}a: b$n c$n$n"], ['NUL in a trailer', "0${n}a: \0$n$n"],
    ['bare LF at the end', "0$n\n"], ['a long extension', '5;a=' . 'x' x 5000 . "${n}hello${n}0$n$n"];
row('chunks: too many trailers', chunked("0$n" . "A: b$n" x 200 . $n), $well, '431/0');
row('chunks that break off', chunked("5${n}hel"), $well, '-/0');
row('chunks without the last', chunked("5${n}hello$n"), $well, '-/0');
row('chunks without the end of the trailers', chunked("0${n}a: b$n"), $well, '-/0');
row("trailer $_", chunked("0$n$_: x$n$n"), $well, '200')
    for qw(X-Sum Host Content-Length Transfer-Encoding Connection TE Trailer Upgrade Cookie Set-Cookie
    Authorization Expect Via Forwarded X-Forwarded-For Cache-Control Max-Forwards Date Content-Type Content-Encoding);

# ---- fields for one hop

row("request field $_", get("$_: x"), $well, '200')
    for qw(Keep-Alive Proxy-Connection TE Trailer Upgrade Proxy-Authenticate Proxy-Authorization Via
    X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port Forwarded X_Forwarded_For Max-Forwards);
row("Connection: $_", get("Connection: $_", 'X-A: 1', 'X-B: 2'), $well, '200')
    for 'x-a', 'X-A, X-B', 'close', 'keep-alive', 'close, x-a', 'x-forwarded-for', 'via', ',,x-a,', 'keep-alive, close', 'te', 'upgrade';
row("Connection: $_", get("Connection: $_"), $well, '400/0')
    for 'host', 'content-length', 'Transfer-Encoding', 'x-a, Host', join ',', map { "a$_" } 1 .. 80;
row("response field $_", get(), "HTTP/1.1 200 OK${n}$_: x${n}Content-Length: 4$n${n}well", '200')
    for qw(Keep-Alive Proxy-Connection TE Trailer Upgrade Proxy-Authenticate Connection Via Server Date);
row('response Connection names a field', get(), "HTTP/1.1 200 OK${n}Connection: x-a${n}X-A: 1${n}Content-Length: 4$n${n}well", '200');

# ---- expectations, hops, upgrades

row('Expect: 100-continue', post('hello', 'Expect: 100-continue', 'Content-Length: 5'), "HTTP/1.1 100 Continue$n$n$well", '100 200');
row('Connection: expect', post('hello', 'Expect: 100-continue', 'Connection: expect', 'Content-Length: 5'), "HTTP/1.1 100 Continue$n$n$well", '100 200');
row('Expect without a body', get('Expect: 100-continue'), $well, '200');
row('Expect of HTTP/1.0', "POST %% HTTP/1.0$n${host}Expect: 100-continue${n}Content-Length: 5$n${n}hello", $well, '200');
row("Expect: $_", post('hello', "Expect: $_", 'Content-Length: 5'), $well, '417/0')
    for '', 'x', '100-continue, x', '101', '100-continue;a=b';
row('Max-Forwards: 0', "OPTIONS %% HTTP/1.1$n${host}Max-Forwards: 0$n$n", $well, '200/0');
row('TRACE, Max-Forwards: 0', "TRACE %% HTTP/1.1$n${host}Max-Forwards: 0$n$n", $well, '405/0');
row('Max-Forwards: 1', "OPTIONS %% HTTP/1.1$n${host}Max-Forwards: 1$n$n", $well, '200');
row('GET, Max-Forwards: 0', get('Max-Forwards: 0'), $well, '200');
my $switch = "HTTP/1.1 101 Switching${n}Connection: Upgrade${n}Upgrade: websocket$n$n";
my @ask = ('Connection: Upgrade', 'Upgrade: websocket');
row('an upgrade', get(@ask), "${switch}hello", '101/1=hello');
row('an upgrade, upper case', get('Connection: UPGRADE', 'Upgrade: WebSocket'), "${switch}hello", '101/1=hello');
row('an upgrade with bytes behind', get(@ask) . 'hello', "${switch}hello", '101/1=hello');
row('an upgrade that is declined', get(@ask), $well, '200');
row('an upgrade without the option', get('Upgrade: websocket'), $well, '200');
row('h2c', get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA'), $well, '200');
row('two protocols', get('Connection: Upgrade', 'Upgrade: websocket, h2c'), $well, '200');
row('Upgrade twice', get(@ask, 'Upgrade: websocket'), $well, '200');
row('an upgrade with POST', post('', @ask, 'Content-Length: 0'), $well, '200');
row('an upgrade of HTTP/1.0', "GET %% HTTP/1.0$n${host}Connection: upgrade${n}Upgrade: websocket$n$n", $well, '200');
row('101 that was not asked for', get(), $switch, '502/1');
row('101 to another protocol', get(@ask), $switch =~ s/websocket/other/r, '502/1');
row('101 without Upgrade', get(@ask), "HTTP/1.1 101 Switching$n$n", '502/1');

# ---- responses

row("status $_", get(), "HTTP/1.1 $_ X${n}Content-Length: 0$n$n", $_) for 200, 201, 206, 301, 400, 401, 404, 418, 500, 501, 503, 599;
row("status $_ without content", get(), "HTTP/1.1 $_ X$n$n", $_) for 204, 304;
row('304 with a length', get(), "HTTP/1.1 304 X${n}Content-Length: 9$n$n", '304');
row('HEAD with a length', "HEAD %% HTTP/1.1$n$host$n", "HTTP/1.1 200 OK${n}Content-Length: 99$n$n", '200');
row('HEAD with a coding', "HEAD %% HTTP/1.1$n$host$n", "HTTP/1.1 200 OK$n$te$n", '200');
row('status 205', get(), "HTTP/1.1 205 X${n}Content-Length: 0$n$n", '205');
row('no reason phrase', get(), "HTTP/1.1 200 ${n}Content-Length: 4$n${n}well", '200=well');
row('an origin of HTTP/1.0', get(), "HTTP/1.0 200 OK${n}Content-Length: 4$n${n}well", '200=well');
row('chunks down', get(), "HTTP/1.1 200 OK$n${te}${n}4;x=y${n}well${n}0$n$n", '200=well');
row('chunks down, many', get(), "HTTP/1.1 200 OK$n${te}$n" . "4${n}well$n" x 50 . "0$n$n", '200=' . 'well' x 50);
row('chunks down, none', get(), "HTTP/1.1 200 OK$n${te}${n}0$n$n", '200=');
row('chunks down, trailers', get(), "HTTP/1.1 200 OK$n${te}Trailer: X$n${n}4${n}well${n}0${n}X: 1${n}Content-Length: 9$n$n", '200=well');
row('chunks to HTTP/1.0', "GET %% HTTP/1.0$n$host$n", "HTTP/1.1 200 OK$n${te}${n}4${n}well${n}0${n}X: 1$n$n", '200=well');
row('until the close', get(), "HTTP/1.1 200 OK$n${n}well!", '200=well');
row('until the close, HTTP/1.0', "GET %% HTTP/1.0$n$host$n", "HTTP/1.0 200 OK$n${n}well!", '200=well');
row('interim responses', get(), "HTTP/1.1 103 Hints${n}Link: a$n${n}HTTP/1.1 102 P$n$n$well", '103 102 200=well');
row('interim responses to HTTP/1.0', "GET %% HTTP/1.0$n$host$n", "HTTP/1.1 103 Hints$n$n$well", '200=well');
row('16 interim responses', get(), "HTTP/1.1 103 H$n$n" x 16 . $well, '103 ' x 16 . '200');
row('17 interim responses', get(), "HTTP/1.1 103 H$n$n" x 17 . $well, '103 ' x 16 . '502/1');
row("response $_->[0]", get(), $_->[1], '502/1')
    for ['two lengths', "HTTP/1.1 200 OK${n}Content-Length: 4${n}Content-Length: 4$n${n}well"], ['length and coding', "HTTP/1.1 200 OK${n}Content-Length: 4$n$te${n}0$n$n"],
    ['bare LF', "HTTP/1.1 200 OK\nContent-Length: 4$n${n}well"], ['bare LF in fields', "HTTP/1.1 200 OK${n}A: b\nContent-Length: 4$n${n}well"],
    ['folded', "HTTP/1.1 200 OK${n}A: b$n c${n}Content-Length: 4$n${n}well"], ['a space before a colon', "HTTP/1.1 200 OK${n}Content-Length : 4$n${n}well"],
    ['NUL', "HTTP/1.1 200 OK${n}A: \0${n}Content-Length: 4$n${n}well"], ['a coding unknown', "HTTP/1.1 200 OK${n}Transfer-Encoding: gzip, chunked$n${n}0$n$n"],
    ['coding twice', "HTTP/1.1 200 OK$n$te$te${n}0$n$n"], ['coding in HTTP/1.0', "HTTP/1.0 200 OK$n$te${n}0$n$n"], ['coding in a 204', "HTTP/1.1 204 X$n$te${n}0$n$n"],
    ['status 600', "HTTP/1.1 600 X${n}Content-Length: 0$n$n"], ['status 099', "HTTP/1.1 099 X${n}Content-Length: 0$n$n"], ['status 20', "HTTP/1.1 20 X${n}Content-Length: 0$n$n"],
    ['status 2000', "HTTP/1.1 2000 X${n}Content-Length: 0$n$n"], ['HTTP/2', "HTTP/2 200 OK${n}Content-Length: 0$n$n"], ['lower case', "http/1.1 200 OK${n}Content-Length: 0$n$n"],
    ['a length of +4', "HTTP/1.1 200 OK${n}Content-Length: +4$n${n}well"], ['Connection names the length', "HTTP/1.1 200 OK${n}Connection: content-length${n}Content-Length: 4$n${n}well"],
    ['no status', "HTTP/1.1 OK$n$n"], ['205 with content', "HTTP/1.1 205 X${n}Content-Length: 4$n${n}well"], ['CR CR LF', "HTTP/1.1 200 OK\r${n}Content-Length: 0$n$n"];
row("chunks down: $_->[0]", get(), "HTTP/1.1 200 OK$n${te}$n$_->[1]", 'cut/1')
    for ['bare LF', "4\nwell${n}0$n$n"], ['bare LF behind content', "4${n}well\n0$n$n"], ['no size', "${n}well$n"], ['too short', "3${n}well${n}0$n$n"],
    ['0x', "0x4${n}well${n}0$n$n"], ['2^63', "8000000000000000$n"], ['a folded trailer', "0${n}a: b$n c$n$n"], ['breaking off', "4${n}we!"], ['without the last', "4${n}well$n!"];
row('a length that breaks off', get(), "HTTP/1.1 200 OK${n}Content-Length: 9$n${n}well!", 'cut/1');

# ---- several requests

my $two = "GET %% HTTP/1.1$n$host$n";
row('two requests', $two x 2, $well, '200 200=well');
row('ten requests', $two x 10, $well, join ' ', (200) x 10);
row('behind a length', post('hello', 'Content-Length: 5') . $two, $well, '200 200');
row('behind chunks', chunked("5${n}hello${n}0$n$n") . $two, $well, '200 200');
row('behind chunks with trailers', chunked("5${n}hello${n}0${n}A: b$n$n") . $two, $well, '200 200');
row('behind HEAD', "HEAD %% HTTP/1.1$n$host$n$two", $well, '200 200');
row('behind close', get('Connection: close') . $two, $well, '200');
row('behind HTTP/1.0', "GET %% HTTP/1.0$n$host$n$two", $well, '200');
row('behind a bad one', get('A : b') . $two, $well, '400/0');
row('a bad one behind', $two . get('A : b'), $well, '200 400/1');
row('a bad chunk behind', $two . chunked("5\nhello${n}0$n$n") . $two, $well, '200 400/1');
row('empty lines between', $two . $n . $two, $well, '200 200');
row('a smuggled one behind both lengths', post("0$n$n$two", 'Content-Length: 5', 'Transfer-Encoding: chunked'), $well, '400/0');

# ---- playing

# The origin: answers what the row in the target says, in the same pieces. A "!"
# at the end: and closes.
sub serve ($c) {
	while ($c->request) {
		my ($i, $pieces, $is_head) = (-1, 0);

		($i, $pieces) = ($1, $2) if $c->{head} =~ m{^\S+ /r(\d+)\.(\d+)};
		my $bytes = $i < 0 ? $well : $rows[$i]{answer};
		$bytes =~ s/\r\n\r\n\Kwell\z// if $c->{head} =~ /^HEAD /;
		my $ends = $bytes =~ s/!\z//;
		$c->send($bytes, $pieces, 0.0002) or return 0;
		if ($c->{head} =~ /^Upgrade: /mi && $bytes =~ / 101 /) {
			$c->half_close;
			$c->to_end;
			return 0;
		}
		return 0 if $ends;
	}
	return 0;
}

my $t = Fairlead::Test->new;
my $origin = $t->origin('o', [\&serve]);
$t->start(args => ['--workers', 1]);

sub play ($row, $i, $pieces) {
	my $request = $row->{request} =~ s{%%}{/r$i.$pieces}gr;
	my @methods = $request =~ m{^\W*?(\S+)[ \t]+\S* ?HTTP/}mg;
	my $c = $t->connect;

	# What is refused early may not be read to its end.
	$c->send($request, pieces => $pieces, pause => 0.0001);
	$c->half_close;
	my $bytes = $c->read_all;
	my ($messages, $error) = responses_in($bytes, $c->end eq 'eof',
	    @methods ? @methods : 'GET');
	my $verdict = join ' ', map { $_->{status} } @$messages;
	my $last = $messages->[-1];
	my $body = $last && ($last->{tunnel} // $last->{body});
	$verdict = $error eq 'cut' ? 'cut' : "$verdict ($error)" if $error ne '';
	return ($verdict eq '' ? '-' : $verdict, $body);
}

for my $i (0 .. $#rows) {
	my $row = $rows[$i];
	my ($want, $count, $body) = $row->{want} =~ m{^([^/=]*)(?:/([^=]*))?(?:=(.*))?$}s;
	my @said;

	for my $pieces (0, 1, 13) {
		next if $pieces == 1 && length $row->{request} > 5000;
		my ($verdict, $got) = play($row, $i, $pieces);
		$verdict .= " body $got" if defined $body && ($got // '') ne $body;
		push @said, $verdict;
	}
	is(join(', ', @said), join(', ', ($want) x @said), $row->{name});
	$row->{count} = $count // grep { $_ >= 200 } split / /, $want;
	$row->{played} = @said;
}

# ---- what the origin got

my %whole;
my @wrong;
for my $connection (1 .. $origin->connections) {
	my ($messages, $error) = requests_in($origin->received($connection));

	push @wrong, "connection $connection: $error"
	    if $error ne '' && $error ne 'cut';
	$whole{ $_->{line} =~ m{ /r(\d+)\.} ? $1 : -1 }++ for @$messages;
}
is("@wrong[0 .. ($#wrong > 3 ? 3 : $#wrong)]", '', 'the origin got nothing that can be read in two ways');
for my $i (0 .. $#rows) {
	next if $rows[$i]{count} eq '*';
	my $want = $rows[$i]{count} * $rows[$i]{played};
	push @wrong, "$rows[$i]{name}: " . ($whole{$i} // 0) . " for $want"
	    if ($whole{$i} // 0) != $want;
}
is(join("\n", @wrong), '', 'and as many requests as there were');
cmp_ok(scalar @rows, '>=', 400, 'the number of cases');
ok(wait_for { $t->in_flight == 0 }, 'nothing stays in flight');
finish();
