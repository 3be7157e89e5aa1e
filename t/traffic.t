#!/usr/bin/perl
# t/traffic.t -- requests go, answers come, bodies of any size, both ways
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha1_hex);
use Fairlead::System;
use Test::More;
use Time::HiRes qw(sleep);

my $one = start_backend('one');
my $f = start_fairlead(options => ['-b', "127.0.0.1:$one->{port}",
    '--workers', 2]);

my $r = get($f->{port}, '/');
is($r->{status}, 200, 'GET is answered');
is($r->{body}, "Hello from one on port $one->{port}\n", 'by the backend');
is($r->{fields}{'x-backend'}, 'one', 'its fields come along');
is($r->{fields}{via}, '1.1 fairlead', 'Via is added');
like($r->{fields}{date}, qr/GMT$/, 'with a Date');

my $s = connect_to($f->{port});
ask($s, "HEAD /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n");
$r = answer($s, head => 1);
is($r->{fields}{'content-length'}, 1000, 'HEAD keeps the length');
is($r->{body}, '', 'and has no body');

ask($s, "GET /status/404 HTTP/1.1\r\nHost: a\r\n\r\n");
is(answer($s)->{status}, 404, 'on the same connection the next one');

ask($s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 1);
is(answer($s)->{body}, 'hello', 'POST, byte by byte, comes back');

# Pipelined: three in one packet, a body in the middle.
$s = connect_to($f->{port});
ask($s, "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n" .
    "PUT /bytes/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" .
    "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n");
is(join(' ', map { length answer($s)->{body} } 1 .. 3), '1 2 3',
    'pipelined requests are answered in order');

# HTTP/1.0
$s = connect_to($f->{port});
ask($s, "GET / HTTP/1.0\r\n\r\n");
$r = answer($s);
is($r->{status}, 200, 'HTTP/1.0 without Host');
is($r->{fields}{connection}, 'close', 'closes by itself');
ok(is_closed($s), 'indeed');
$s = connect_to($f->{port});
ask($s, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
is(answer($s)->{fields}{connection}, 'keep-alive', 'unless asked not to');
ask($s, "GET / HTTP/1.0\r\n\r\n");
is(answer($s)->{status}, 200, 'then another one is answered');

# A half-closed client still gets its answer.
$s = connect_to($f->{port});
ask($s, "GET /delay/100 HTTP/1.1\r\nHost: a\r\n\r\n");
shutdown $s, 1;
is(answer($s)->{status}, 200, 'half-closed clients are answered');

# Large bodies, both ways, and a reader that takes its time.
my $block = join '', map { chr(($_ * 7 + ($_ >> 8)) & 255) } 0 .. 65535;
my $large = $block x 256;		# 16 MiB
$s = connect_to($f->{port});
my $pid = fork;
if ($pid == 0) {
    ask($s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " .
        length($large) . "\r\n\r\n$large");
    POSIX::_exit(0);
}
sleep 0.3;		# the answer fills all buffers while nobody reads
$r = answer($s, seconds => 30);
waitpid $pid, 0;
is(length $r->{body}, length $large, '16 MiB there and back');
is(sha1_hex($r->{body}), sha1_hex($large), 'unchanged');

$r = get($f->{port}, '/bytes/33554432');
is(length $r->{body}, 33554432, '32 MiB down');

# Nothing is left over.
ok(wait_for {
    my ($b) = admin($f, '/v1/upstreams')->{upstreams}[0]{backends}[0];
    $b->{in_flight} == 0
} , 'nothing is in flight at the end');
