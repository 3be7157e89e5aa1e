#!/usr/bin/perl
# t/fields.t -- what changes in a head on its way, and what does not
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::System;
use Test::More;

my $backend = start_backend('one');
my $f = start_fairlead(options => ['-b', "127.0.0.1:$backend->{port}",
    '--workers', 1]);

# The head as the backend saw it.
sub seen {
    my ($request) = @_;
    my $s = connect_to($f->{port});
    ask($s, $request);
    my $r = answer($s);
    is($r->{status}, 200, 'passes') or diag($r->{text});
    return $r->{body};
}

my $head = seen("GET /headers?a=b HTTP/1.1\r\nHost: A.example:81\r\n" .
    "X-Kept: 1\r\nConnection: close, X-Named\r\nX-Named: secret\r\n" .
    "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n" .
    "Trailer: X\r\nProxy-Authorization: basic x\r\n" .
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n" .
    "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n" .
    "X_Forwarded_For: 6.6.6.6\r\nx-forwarded_host: evil\r\n" .
    "Forwarded: for=6.6.6.6\r\nX-Last: 2\r\n\r\n");
like($head, qr{^GET /headers\?a=b HTTP/1\.1\r\n}, 'the target as it was');
like($head, qr/^Host: A\.example:81\r$/m, 'Host as it was');
like($head, qr/^X-Kept: 1\r$/m, 'other fields stay');
like($head, qr/^X-Last: 2\r$/m, 'also behind dropped ones');
unlike($head, qr/^\Q$_\E:/mi, "$_ stays behind")
    for qw(Connection X-Named Keep-Alive Proxy-Connection TE Trailer
    Proxy-Authorization X_Forwarded_For x-forwarded_host Forwarded);
unlike($head, qr/6\.6\.6\.6|evil|https/, 'no claim of the client is left');
like($head, qr/^X-Forwarded-For: 127\.0\.0\.1\r$/m, 'X-Forwarded-For');
like($head, qr/^X-Forwarded-Proto: http\r$/m, 'X-Forwarded-Proto');
like($head, qr/^X-Forwarded-Host: A\.example:81\r$/m, 'X-Forwarded-Host');
like($head, qr/^X-Forwarded-Port: $f->{port}\r$/m, 'X-Forwarded-Port');
like($head, qr/^Via: 1\.1 fairlead\r$/m, 'Via');
is(() = $head =~ /^X-Forwarded-For:/mgi, 1, 'once');

$head = seen("GET http://b.example/headers HTTP/1.1\r\nHost: a\r\n\r\n");
like($head, qr{^GET /headers HTTP/1\.1\r\n}, 'an absolute target: its path');
like($head, qr/^Host: b\.example\r$/m, 'its authority is the Host');
unlike($head, qr/^Host: a\r$/m, 'and the only one');

$head = seen("GET /headers HTTP/1.0\r\n\r\n");
like($head, qr{^GET /headers HTTP/1\.1\r\nHost: \S+\r}, 'a Host for HTTP/1.0');

$head = seen("GET /headers HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\n\r\n");
like($head, qr/^Via: 1\.0 fred\r.*^Via: 1\.1 fairlead\r$/ms,
    'Via behind those of others');

my $via = join ', ', ('1.1 fairlead') x 11;
is(get($f->{port}, '/', "Via: $via")->{status}, 508, 'a loop is cut');

# Responses.
my $origin = start_origin(['request', [send => "HTTP/1.1 200 OK\r\n" .
    "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nServer: own\r\n" .
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-End: 1\r\n" .
    "Content-Length: 0\r\n\r\n"], 'drain']);
my $g = start_fairlead(options => ['-b', "127.0.0.1:$origin->{port}",
    '--workers', 1]);
my $r = get($g->{port}, '/');
ok(!exists $r->{fields}{$_}, "$_ stays behind") for qw(x-hop keep-alive);
is($r->{fields}{server}, 'own', 'Server is the backend\'s');
is($r->{fields}{date}, 'Sun, 06 Nov 1994 08:49:37 GMT', 'so is Date');
is($r->{fields}{via}, '1.1 fairlead', 'Via is ours');
is($r->{fields}{'x-end'}, 1, 'the rest comes along');
