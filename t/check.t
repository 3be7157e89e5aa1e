#!/usr/bin/perl
# t/check.t -- active health checks: what is asked, what is made of the answer,
# who knows of it, and what a monitor's death changes
use v5.36;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

# Fast, so that each test takes a moment; no jitter, so that it is exact. The
# timeout is for machines that are busy.
my $calm = 'interval: 100ms, fast: 50ms, down: 100ms, jitter: 0%';
my $fast = "$calm, timeout: 5s";

# An origin that answers as a file says: the bytes of a response, or a step of
# Fairlead::Origin; it notes when each request came.
sub mutable ($t, $name, $says) {
	my $dir = $t->dir;

	spit("$dir/$name.says", $says);
	return $t->origin($name, ['request', sub ($c) {
		open my $out, '>>', "$dir/$name.times" or return 0;
		syswrite $out, sprintf "%.4f\n", time;
		my $now = slurp("$dir/$name.says");
		return $now =~ /^HTTP/ ? $c->send($now) : $c->$now;
	}, 'again']);
}

sub say_now ($t, $name, $says) {
	my $file = $t->dir . "/$name.says";

	spit("$file.new", $says);
	rename "$file.new", $file or die "$file: $!";
	return;
}

sub times_of ($t, $name) { return split /\n/, slurp($t->dir . "/$name.times") }

sub answer ($status, $body = '', @fields) {
	return join '', "HTTP/1.1 $status X\r\n", (map { "$_\r\n" } @fields),
	    'Content-Length: ', length $body, "\r\n\r\n$body";
}

# One fairlead in front of one origin that says this, with these checks.
sub checked ($checks, $says, @arguments) {
	my $t = Fairlead::Test->new;
	my $o = mutable($t, 'o', $says);

	$t->start(config => "backends: [{host: 127.0.0.1, port: %%O%%}]\n" .
	    "health_check: {$checks}\n", args => ['--workers', 1, @arguments]);
	return ($t, $o);
}

# Of a day; the clocks that it is made of are read one after the other.
sub millis ($time) {
	my ($h, $m, $s, $ms) = $time =~ /T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/ or return -1e9;
	return (($h * 60 + $m) * 60 + $s) * 1000 + $ms;
}

# What is logged is written by another thread.
sub logs ($t, $pattern) { return wait_for { $t->log =~ $pattern } }

sub state_is ($t, $state) {
	return wait_for { ($t->upstream)[0]{state} eq $state };
}

# ---- what is asked

my ($t, $o) = checked('', answer(200));
ok(wait_for(sub { $o->requests > 0 }, 2), 'checks are made');
is($o->received(1), "GET / HTTP/1.1\r\nHost: 127.0.0.1:" . $o->port .
    "\r\nUser-Agent: fairlead-check\r\n\r\n", 'by default of /');
ok(state_is($t, 'up'), 'one that is good makes a backend up');
my ($b) = $t->upstream;
is("$b->{last_check}{result} $b->{last_check}{text}", 'pass 200',
    '/v1/upstreams has the last check');
like($b->{last_check}{at}, qr/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/, 'with its time');
cmp_ok($b->{last_check}{ms}, '<', 2000, 'and how long it took');
is($b->{reason}, undef, 'what is up has no reason');
like($b->{since}, qr/^\d{4}-.*Z$/, 'but a since');
unlike($t->log, qr/health check/, 'that a backend is up at first is not told');
$t->stop;

($t, $o) = checked("$fast, method: HEAD, path: '/up?x=1', host: www.example.com, " .
    'headers: {X-Token: abc, User-Agent: me}', answer(204));
ok(wait_for { $o->requests > 2 }, 'a check of another kind is made');
is($o->received(1) =~ s/\r\n\r\n.*//sr, "HEAD /up?x=1 HTTP/1.1\r\n" .
    "Host: www.example.com\r\nX-Token: abc\r\nUser-Agent: me", 'as its keys say');
is($o->connections, 1, 'over a connection that is kept');
$t->stop;

# ---- what is made of the answer

# checks, a good answer, a bad one, result, text
my @answers = (
	['', answer(499), answer(503), 'status', 'status 503'],
	['path: /a', answer(399), answer(404), 'status', 'status 404'],
	['expect_status: [201, 300-399]', answer(201), answer(200), 'status', 'status 200'],
	['expect_header: {X-A: b}', answer(200, '', 'X-A: c', 'x-a: b'),
	    answer(200, '', 'X-A: bb'), 'header', 'header X-A is not as expected'],
	['expect_header: {X-A: {present: false}}', answer(200),
	    answer(200, '', 'X-A: '), 'header', 'header X-A is not as expected'],
	['expect_header: {X-A: {regex: "^b"}}', answer(200, '', 'X-A: bcd'),
	    answer(200, '', 'X-A: cb'), 'header', 'header X-A is not as expected'],
	['expect_body: fine', answer(200, 'all is fine'), answer(200, 'all is fin'),
	    'body', 'the body is not as expected'],
	['expect_body: {regex: "^[0-9]+$"}', answer(200, '17'), answer(200),
	    'body', 'the body is not as expected'],
	['expect_body: fine', answer(200, ('x' x 65532) . 'fine'),
	    answer(200, ('x' x 65533) . 'fine'), 'body', 'the body is not as expected'],
	['expect_body: fine', "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" .
	    "2\r\nfi\r\n2\r\nne\r\n0\r\nX-T: u\r\n\r\n",
	    "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nfine", 'timeout', 'timeout'],
	['', answer(200, 'x' x 200000), 'never', 'timeout', 'timeout'],
	['', "HTTP/1.1 103 X\r\n\r\n" . answer(200), 'close', 'reset',
	    'connection closed'],
	['', "HTTP/1.1 200 X\r\n\r\n", 'reset', 'reset', 'reset: Connection reset by peer'],
	['', "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nx", "HTTP/1.1 xyz\r\n\r\n",
	    'junk', 'malformed response'],
);
for (@answers) {
	my ($checks, $good, $bad, $result, $text) = @$_;
	my ($t, $o) = checked(join(', ', $result eq 'timeout' ?
	    "$calm, timeout: 500ms" : $fast, $checks || ()), $good);
	my $what = "$result by {$checks}";

	ok(state_is($t, 'up'), "$what: up first");
	say_now($t, 'o', $bad);
	ok(state_is($t, 'down'), "$what: then down");
	my ($b) = $t->upstream;
	is("$b->{reason}: $b->{last_check}{result}: $b->{last_check}{text}",
	    "$result: $result: $text", "$what: it is told");
	my $line = qr/ warn \d+: health check: down after 3 failures: \Q$text\E, upstream default, backend 127\.0\.0\.1:@{[$o->port]}$/m;
	ok(logs($t, $line), "$what: and logged") or diag($t->log);
	say_now($t, 'o', $good);
	ok(state_is($t, 'up'), "$what: up again");
	ok(logs($t, qr/ notice \d+: health check: up: \d{3} in \d+\.\d{3} ms, upstream default, backend /),
	    "$what: which is logged, too");
	my $lines = () = $t->log =~ /health check/g;
	is($lines, 2, "$what: each once");
	$t->stop;
}

# A connection that the origin has closed, silently, is not a failure.
($t, $o) = (Fairlead::Test->new);
$o = $t->origin('o', ['request', [answer => 'well']]);
$t->start(config => "backends: [{host: 127.0.0.1, port: %%O%%}]\n" .
    "health_check: {$fast, fall: 1}\n", args => ['--workers', 1]);
ok(wait_for { $o->connections > 10 }, 'a connection for each check');
unlike($t->log, qr/health check/, 'is no failure');
$t->stop;

# ---- connections

$t = Fairlead::Test->new;
$t->origin('mute', ['never']);
$t->refused('none');
$t->start(config => <<"END", args => ['--workers', 1]);
backends:
  - {host: 127.0.0.1, port: %%MUTE%%}
  - {host: 127.0.0.1, port: %%NONE%%}
health_check: {type: tcp, $fast}
END
ok(wait_for { join(' ', map { $_->{state} } $t->upstream) eq 'up down' },
    'tcp: who accepts is up, who refuses is down');
my ($mute, $none) = $t->upstream;
is($mute->{last_check}{text}, 'connected', 'that is all that is asked');
is("$none->{reason} $none->{last_check}{text}", 'connect connect: Connection refused',
    'and why not is told');
$t->stop;

$t = Fairlead::Test->new;
my $other = $t->origin('other', ['request', [answer => 'well'], 'again']);
my $refused = refused_port();
$t->start(config => <<"END", args => ['--workers', 1]);
backends: [{host: 127.0.0.1, port: $refused}]
health_check: {port: %%OTHER%%, $fast}
END
ok(state_is($t, 'up'), 'another port is checked');
like($other->received(1), qr/^Host: 127\.0\.0\.1:$refused\r$/m, 'with the same Host');
$t->stop;

# ---- rise and fall, intervals

($t, $o) = checked("$fast, fall: 1, rise: 4", answer(200));
state_is($t, 'up');
say_now($t, 'o', answer(503));
ok(state_is($t, 'down'), 'fall: 1');
ok(logs($t, qr/down after 1 failure: /), 'is one failure');
unlink $t->dir . '/o.times';
say_now($t, 'o', answer(200));
ok(state_is($t, 'up'), 'rise: 4');
cmp_ok(scalar times_of($t, 'o'), '>=', 4, 'is four checks');
$t->stop;

($t, $o) = checked('interval: 200ms, timeout: 5s, jitter: 0%', answer(200));
wait_for(sub { times_of($t, 'o') >= 8 });
my @times = times_of($t, 'o');
my $mean = ($times[7] - $times[0]) / 7;
cmp_ok(abs($mean - 0.2), '<', 0.05, "an interval is what it should be ($mean)");
$t->stop;

# ---- requests that fail

($t, $o) = checked('interval: 1h, timeout: 5s, fast: 1h, jitter: 0%', answer(200));
state_is($t, 'up');
say_now($t, 'o', answer(503));
is(join(' ', map { $_->{status} } map { $t->get('/') } 1 .. 4), '503 503 503 503',
    'requests fail in a row');
ok(wait_for(sub { $o->all_received =~ /fairlead-check.*fairlead-check/s }, 5),
    'and the backend is checked at once');
ok(wait_for { ($t->upstream)[0]{last_check}{text} eq 'status 503' },
    'which confirms it');
$t->stop;

# ---- all processes, and a monitor that dies

$t = Fairlead::Test->new;
mutable($t, $_, answer(200, $_, "X-Backend: $_")) for qw(a b);
$t->start(config => <<"END", args => ['--workers', 2]);
backends: [{host: 127.0.0.1, port: %%A%%}, {host: 127.0.0.1, port: %%B%%}]
health_check: {interval: 100ms, timeout: 5s, fast: 50ms, down: 20s, rise: 1, jitter: 0%}
END
wait_for { join(' ', map { $_->{state} } $t->upstream) eq 'up up' };
say_now($t, 'b', answer(503));
ok(wait_for { ($t->upstream)[1]{state} eq 'down' }, 'one of two is down');
my $since = ($t->upstream)[1]{since};
my $of_b = times_of($t, 'b');
my $monitor = $t->status->{monitor}{pid};
kill 'KILL', $monitor;
wait_for { ($t->status->{monitor}{pid} // $monitor) != $monitor };
my ($a_now, $b_now) = $t->upstream;
is("$a_now->{state} $b_now->{state} $b_now->{reason}", 'up down status',
    'a monitor dies: the next one knows');
cmp_ok(abs(millis($b_now->{since}) - millis($since)), '<', 50, 'also since when');
ok(wait_for(sub { times_of($t, 'b') > $of_b }, 2), 'and goes on at once');
is(($t->upstream)[1]{state}, 'down', 'what was down stays so');
say_now($t, 'b', answer(200));
kill 'KILL', $t->status->{monitor}{pid};
ok(wait_for { my ($b) = eval { ($t->upstream)[1] }; $b && $b->{state} eq 'up' },
    'until a check is good');
$t->stop;

# ---- the one process

($t, $o) = checked($fast, answer(200), '--mode', 'single');
ok(state_is($t, 'up'), 'a single process checks, too');
say_now($t, 'o', 'reset');
ok(state_is($t, 'down'), 'all the same');
is($t->stop, 0, 'and ends');

finish();
