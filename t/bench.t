#!/usr/bin/perl
# t/bench.t -- the bench measures what it says: load finds every bad answer,
# counts each request once, and origin answers what it is asked for
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../contrib/bench";
use Bench;
use IO::Handle;
use IO::Socket::INET;
use JSON::PP;
use Test::More;

sub run_load {
    my ($port, $path, @options) = @_;
    open my $in, '-|', "$build/bench/load", '-j', @options,
        "127.0.0.1:$port", $path or die "load: $!\n";
    my $r = decode_json(do { local $/; <$in> });
    close $in;
    return ($r, $? >> 8);
}

# Gives each connection the same bytes, whole or byte by byte, and closes.
sub serve {
    my ($listen, $bytes, $is_slow) = @_;
    my $c = $listen->accept or POSIX::_exit(1);
    setsockopt $c, 6, 1, 1;		# TCP_NODELAY
    sysread $c, my $request, 65536;
    for my $piece ($is_slow ? split //, $bytes : $bytes) {
        syswrite $c, $piece;
        select undef, undef, undef, 0.001 if $is_slow;
    }
    sysread $c, $request, 65536 if $bytes eq '';
    POSIX::_exit(0);
}

my $ok = "HTTP/1.1 200 OK\r\n";
my $chunked = "${ok}Transfer-Encoding: chunked\r\n\r\n";
my $five = "${ok}Content-Length: 5\r\n";
for (
    ['a plain answer', 'ok', "$five\r\nhello"],
    ['chunks', 'ok', "${chunked}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"],
    ['an interim answer first', 'ok',
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n$five\r\nhello"],
    ['no content', 'ok', "HTTP/1.1 204 No Content\r\n\r\n"],
    ['another status', 'bad_status',
        "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nhello"],
    ['too short a body', 'short', "$five\r\nhel"],
    ['half a head', 'short', $five],
    ['no last chunk', 'short', "${chunked}5\r\nhello\r\n"],
    ['nothing, then the end', 'timed_out', ''],
    ['no length', 'malformed', "$ok\r\nhello"],
    ['two lengths', 'malformed', "${five}Content-Length: 5\r\n\r\nhello"],
    ['length and chunks', 'malformed',
        "${five}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ['a length that is no number', 'malformed',
        "${ok}Content-Length: 5x\r\n\r\nhello"],
    ['another length than asked for', 'malformed',
        "${ok}Content-Length: 6\r\n\r\nhello!"],
    ['fewer bytes in chunks', 'malformed',
        "${chunked}3\r\nhel\r\n0\r\n\r\n"],
    ['a chunk longer than it says', 'malformed',
        "${chunked}3\r\nhello\r\n0\r\n\r\n"],
    ['a line that is no field', 'malformed', "${five}nothing\r\n\r\nhello"],
    ['another protocol', 'malformed', "SSH-2.0-OpenSSH_9.2 or so\r\n\r\n"],
) {
    my ($what, $outcome, $bytes) = @$_;
    for my $is_slow (0, 1) {
        my $listen = IO::Socket::INET->new(Listen => 5,
            LocalAddr => '127.0.0.1') or die "$!\n";
        my $port = $listen->sockport;
        my $pid = fork // die "fork: $!\n";
        serve($listen, $bytes, $is_slow) if $pid == 0;
        close $listen;
        my ($r, $status) = run_load($port, '/5', '-n', 1, '-c', 1, '-T', 500);
        is("$r->{requests} $r->{$outcome} $status",
            $outcome eq 'ok' ? '1 1 0' : '1 1 1',
            "$what is $outcome" . ($is_slow ? ', byte by byte' : ''));
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

{
    my $listen = IO::Socket::INET->new(Listen => 5,
        LocalAddr => '127.0.0.1') or die "$!\n";
    my $pid = fork // die "fork: $!\n";
    serve($listen, "$five\r\nhello!") if $pid == 0;
    my ($r, $status) = run_load($listen->sockport, '/5', '-n', 1, '-c', 1);
    is("$r->{ok} $r->{extra_bytes} $status", '1 1 1',
        'a byte behind the answer is seen');
    waitpid $pid, 0;
}

{
    my ($r, $status) = run_load(free_port(), '/5', '-n', 20, '-c', 4);
    is("$r->{requests} $r->{connect_failed} $status", '20 20 1',
        'nobody listens: each request has failed, once');
}

my $stats = "$dir/stats";
my $origin = start_origin(0, '-o', $stats);
for my $path (qw(/0 /1 /5000 /300000 /bytes/16384 /chunked/0 /chunked/1
    /chunked/100000)) {
    my ($r, $status) = run_load($origin->{port}, $path, '-n', 200, '-c', 8,
        '-w', 8);
    my ($size) = $path =~ /(\d+)$/;
    is("$r->{ok} $status", '200 0', "$path is answered with $size bytes");
    is($r->{connects}, 0, '  on the connections of the warm-up');
    is($r->{bytes}, 200 * $size, '  and all of them are counted');
}
{
    my ($r, $status) = run_load($origin->{port}, '/1', '-n', 300, '-c', 8,
        '--new');
    is("$r->{ok} $r->{connects} $status", '300 300 0',
        '--new: a connection for each request');
    ($r, $status) = run_load($origin->{port}, '/1', '-n', 500, '--ids',
        '--post', 100000);
    is("$r->{ok} $status", '500 0', 'POST with a body');
    ($r, $status) = run_load($origin->{port}, '/1', '-n', 300, '--rate',
        3000, '-c', 16);
    is("$r->{ok} $status", '300 0', '--rate: all are sent and answered');
    cmp_ok($r->{seconds}, '>=', 299 / 3000, '  not faster than that');
    ($r, $status) = run_load($origin->{port}, '/1', '-n', 200, '-c', 10,
        '--think', '1-3');
    is("$r->{ok} $status", '200 0', '--think: all are sent and answered');
}
is(hold_idle(0, $origin->{port}, '/1', 200, sub { 'held' }), 'held',
    '--idle: as many connections as asked for');
stop($origin->{pid});
my $seen = read_json($stats);
is("$seen->{ids} $seen->{twice}", '500 0', 'the origin saw each id once');

# What a program under load says on stdout, and its exit status.
sub run_tunnels {
    my ($port, @options) = @_;
    open my $in, '-|', "$build/bench/tunnels", '-c', 3, '-t', '1-20',
        @options, "127.0.0.1:$port" or die "tunnels: $!\n";
    my $r = decode_json(do { local $/; <$in> });
    close $in;
    return ($r, $? >> 8);
}

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    return <$in>;
}

# A server that does once as it is told.
sub served_by {
    my ($serve, $run) = @_;
    my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
        or die "$!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $c = $listen->accept or POSIX::_exit(1);
        $serve->($c);
        POSIX::_exit(0);
    }
    my $port = $listen->sockport;
    close $listen;
    my @result = $run->($port);
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return @result;
}

my $agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" .
    "Upgrade: websocket\r\n" .
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
my $when = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

$origin = start_origin(0, '-o', $stats);
{
    my ($r, $status) = run_load($origin->{port}, '/300', '-n', 600, '-P', 2,
        '-c', 8, '--think', '0-2');
    is("$r->{ok} $r->{requests} $r->{bytes} $r->{connects} $status",
        '600 600 180000 8 0', '--pipeline: pairs, each answer counted');
    ($r, $status) = run_load($origin->{port}, '/chunked/9', '-n', 90, '-P', 3,
        '-c', 1, '--rate', 2000);
    is("$r->{ok} $r->{requests} $status", '90 90 0', '  and three at a time');
    for (['-c', 5], ['-c', 20, '-e', 10]) {
        ($r, $status) = run_tunnels($origin->{port}, '-d', 1, @$_);
        is("$r->{opened} $r->{alive} $r->{lost} $status", "$_->[1] $_->[1] 0 0",
            "$_->[1] WebSockets live until the end");
        is($r->{ok}, $r->{messages}, '  each message came back');
        cmp_ok($r->{ok}, '>', 4 * $_->[1], '  and there were some');
    }
    stop($origin->{pid});
    $seen = read_json($stats);
    is($seen->{sockets}, 25, 'the origin saw them');
}

# One answer to two requests: the second is lost, and where is told.
for (['closes', 'reset', "$five\r\nhello"],
    ['says so and closes', 'reset', "${five}Connection: close\r\n\r\nhello"],
    ['breaks the second off', 'short', "$five\r\nhello$five"],
    ['garbles the second', 'malformed', "$five\r\nhelloHTTP/3\r\n\r\n" . 'x' x 9],
) {
    my ($how, $outcome, $bytes) = @$_;
    my ($r, $status) = served_by(sub {
        my ($c) = @_;
        sysread $c, my $request, 65536;
        syswrite $c, $bytes;
    }, sub { run_load($_[0], '/5', '-n', 2, '-c', 1, '-P', 2, '-f',
        "$dir/failures") });
    is("$r->{requests} $r->{ok} $r->{$outcome} $status", '2 1 1 1',
        "a server that answers one of two and $how");
    like(join('', lines_of("$dir/failures")),
        qr/\A\d+ $outcome \d+ [\d.]+ $when 2\n\z/, '  and the line of it');
}
{
    my ($r) = served_by(sub { sysread $_[0], my $request, 65536 },
        sub { run_load($_[0], '/5', '-n', 2, '-c', 1, '-P', 2) });
    is("$r->{requests} $r->{reset}", '2 2', 'no answer: both are lost');
}

for (['closes at once', 'reset', sub { }],
    ['refuses', 'bad_status', sub { syswrite $_[0], "$five\r\nhello" }],
    ['agrees with half a head', 'short',
        sub { syswrite $_[0], substr $agreed, 0, 60 }],
    ['agrees to another key', 'malformed',
        sub { syswrite $_[0], $agreed =~ s/s3pP/xxxx/r }],
    ['closes while all is quiet', 'closed_quiet',
        sub { syswrite $_[0], $agreed; select undef, undef, undef, 0.05 },
        '500-500'],
    ['says what nobody asked for', 'malformed',
        sub { syswrite $_[0], "$agreed"; select undef, undef, undef, 0.05;
            syswrite $_[0], "\x81\x01x"; sleep 1 }, '500-500'],
    ['sends other bytes back', 'malformed',
        sub { syswrite $_[0], $agreed; sysread $_[0], my $frame, 9;
            syswrite $_[0], "\x81\x01" . "\0" x 9; sleep 1 }, '1-1'],
    ['breaks off', 'short|reset',
        sub { syswrite $_[0], $agreed; sysread $_[0], my $frame, 9 }, '1-1'],
    ['says nothing', 'timed_out',
        sub { syswrite $_[0], $agreed; sleep 9 }, '1-1'],
) {
    my ($how, $outcome, $serve, $think) = @$_;
    my ($r, $status) = served_by(sub {
        sysread $_[0], my $request, 65536;
        $serve->($_[0]);
    }, sub { run_tunnels($_[0], '-c', 1, '-d', 1, '-T', 600, '-s', 3, '-t',
        $think // '1-1', '-f', "$dir/failures") });
    is("$r->{alive} $r->{lost} $status", '0 1 1',
        "a WebSocket whose server $how is lost");
    like(join('', lines_of("$dir/failures")),
        qr/\A\d+ (?:$outcome) \d+ [\d.]+ $when 1\n\z/, "  as $outcome");
}
{
    my ($r, $status) = run_tunnels(free_port(), '-d', 1);
    is("$r->{opened} $r->{lost} $status", '0 3 1', 'nobody listens: all lost');
}

# The origin closes as it likes: what is lost is counted, nothing repeated.
$origin = start_origin(0, '-o', $stats, '-x', 10, '-s', 7);
{
    my ($r) = run_load($origin->{port}, '/1', '-n', 5000, '--ids', '--think',
        '0-2');
    stop($origin->{pid});
    $seen = read_json($stats);
    is($r->{ok} + $r->{reset} + $r->{short}, 5000, 'each ends in one way');
    cmp_ok($seen->{closed}, '>', 0, 'connections were closed');
    is($seen->{twice}, 0, 'no id came twice');
    cmp_ok($seen->{ids}, '>=', $r->{ok}, 'what was answered was seen');
}
done_testing();
