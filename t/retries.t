#!/usr/bin/perl
# t/retries.t -- tries of a request: what another one follows, how long they
# take, how many there are, and what the client gets in the end
use v5.36;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my @serve = ('request', [answer => 'well'], 'again');
my $busy = "HTTP/1.1 503 Busy\r\nX-Who: busy\r\n";
my @json = (fields => [['Accept', 'application/json']]);

sub status_answer ($status, $body = 'busy') {
	return ['request', [send => "HTTP/1.1 $status X\r\nX-Who: $status\r\n" .
	    'Content-Length: ' . length($body) . "\r\n\r\n$body"], 'again'];
}

# One worker in front of origins with one script each; $more is YAML of the
# upstream. Every failure is to be seen: no breaker, no checks.
sub before ($more, %scripts) {
	my $t = Fairlead::Test->new;
	my %o = map { $_ => $t->origin($_, $scripts{$_}) } sort keys %scripts;
	my $backends = join ', ', map { "{host: 127.0.0.1, port: $o{$_}{port}}" } sort keys %o;

	$t->start(args => ['--workers', 1], config => <<"YAML");
access_log: {file: %%DIR%%/access.log, format: "\${status} \${attempts} \${end} \${reason}"}
upstreams:
  default:
    backends: [$backends]
    circuit_breaker: off
    health_check: off
$more
YAML
	return ($t, %o);
}
# The next line of the access log.
sub access ($t) {
	my $n = $t->{n_lines}++;
	return wait_for { (split /\n/, slurp($t->dir . '/access.log'))[$n] };
}
sub said ($r) {
	return 'no answer' if !$r;
	return $r->{status} if $r->{body} !~ /^\{"status"/;
	my $said = decode_json($r->{body});
	return "$said->{status} $said->{error}";
}
# What so many requests get, each once.
sub all_said ($t, $n, %o) {
	my %said;
	$said{said($t->get('/', @json, %o))}++ for 1 .. $n;
	return join ', ', sort keys %said;
}
sub words ($when) { return "    retries: {when: [$when], budget: off}\n" }

# ---- what another try follows: one origin serves, the other one fails

my %fails = (
	reset => ['request', 'reset'],
	timeout => ['request', 'never'],
	junk => ['request', [send => "HTTP/1.1 two hundred\r\n\r\n"], 'close'],
	503 => status_answer(503), 502 => status_answer(502), 504 => status_answer(504),
	500 => status_answer(500), 429 => status_answer(429),
);
my %without = (reset => '502 reset', timeout => '504 timeout', junk => '502 junk');
for my $word (sort keys %fails) {
	my $try = $word eq 'timeout' ? "    timeouts: {try: 300ms}\n" : '';
	my $bad = $without{$word} // $word;
	for my $row (['GET', 1], ['PUT', 1], ['DELETE', 1], ['POST', 0], ['PATCH', 0]) {
		my ($method, $is_tried) = @$row;
		my %body = $method eq 'GET' ? () : (body => "a body\n");
		my ($t, %o) = before(words($word) . $try, bad => $fails{$word}, good => \@serve);

		is(all_said($t, 2, method => $method, %body), $is_tried ? 200 : "200, $bad", "$word of a $method");
		is($o{bad}->requests, 1, 'sent there once');
		is($o{good}->requests, $is_tried ? 2 : 1, 'and to the other one');
		$t->stop;
	}
	my ($t, %o) = before(words($word eq 'reset' ? 'connect' : 'connect, reset') . $try, bad => $fails{$word}, good => \@serve);
	is(all_said($t, 2), "200, $bad", "$word that is not listed");
	is($o{bad}->requests + $o{good}->requests, 2, 'no further try');
	$t->stop;
}

# The failures are charged as the table has it.
for my $row (['503', 1], ['500', 1], ['429', 0]) {
	my ($word, $n) = @$row;
	my ($t, %o) = before(words($word), bad => $fails{$word}, good => \@serve);
	$t->get('/') for 1, 2;
	my ($bad) = grep { $_->{port} == $o{bad}{port} } $t->upstream;
	is($bad->{failures}, $n, "$word: charged $n");
	like($t->log, qr/ $word while waiting for the response head, client 127\.0\.0\.1, upstream default, backend 127\.0\.0\.1:$o{bad}{port}$/m,
	    'and logged');
	is(join(', ', sort map { access($t) } 1, 2), '200 1 -- -, 200 2 -- -',
	    'the access log counts the tries and says what the client got');
	$t->stop;
}

# ---- the last real response

my @bodies = map { my $n = $_; join '', map { chr 97 + $_ % 26 } 1 .. $n } 0, 1, 4096, 65_536, 65_537, 300_000;
for my $body (@bodies) {
	for my $coding ('length', 'chunks', 'close') {
		my $size = length $body;
		my $head = $coding eq 'length' ? "Content-Length: $size\r\n\r\n" :
		    $coding eq 'chunks' ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n";
		my $content = $coding eq 'chunks' ? ($size ? sprintf("%x\r\n%s\r\n", $size, $body) : '') . "0\r\n\r\n" : $body;
		my @script = ('request', [send => $busy . $head . $content], $coding eq 'close' ? 'close' : 'again');
		my ($t, %o) = before(words('503'), a => \@script, b => \@script);
		my $r = $t->get('/');

		is($r->{status}, 503, "all answer 503, $size bytes, by $coding");
		is(length $r->{body}, $size, 'all of its body');
		ok($r->{body} eq $body, 'as it was');
		is($r->{headers}{'x-who'}, 'busy', 'with its fields');
		is($o{a}->requests + $o{b}->requests, $size <= 65_536 ? 3 : 1,
		    $size <= 65_536 ? 'after three tries' : 'at once: it is too long to be kept');
		is(access($t), $size <= 65_536 ? '503 3 -- -' : '503 1 -- -', 'as the log says');
		is($t->get('/', method => 'HEAD')->{status}, 503, 'HEAD') if $size == 1 && $coding eq 'length';
		$t->stop;
	}
}

# What fails behind it is not what the client gets. Only one of them answers,
# and that one only once.
for my $row (['resets', 'reset', 'request', 'reset'], ['hangs', 'timeout', 'request', 'never']) {
	my ($name, $word, @then) = @$row;
	my $t = Fairlead::Test->new;
	my $o = $t->origin('o', ['request', [send => "${busy}Connection: close\r\nContent-Length: 4\r\n\r\nbusy"], 'close'], \@then);
	$t->start(args => ['--workers', 1], config => <<"YAML");
upstreams:
  default:
    backends: [{host: 127.0.0.1, port: $o->{port}}]
    health_check: off
    timeouts: {try: 300ms}
    retries: {when: [$word, 503], budget: off}
YAML
	my $r = $t->get('/');
	is("$r->{status} $r->{body}", '503 busy', "503, then one that $name: the 503");
	is($o->requests, 3, 'after three tries');
	$t->stop;
}

# A slow client gets all of it.
my $long = $bodies[3];
my ($t, %o) = before(words('503'), a => ['request', [send => $busy . "Content-Length: 65536\r\n\r\n$long"], 'again']);
my $c = $t->connect;
$c->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
ok(wait_for { $o{a}->requests == 3 }, 'three tries');
ok($c->response->{body} eq $long, 'and then the response');
$t->stop;

# The body of a response that is kept back must come, too.
($t, %o) = before(words('503, timeout') . "    timeouts: {try: 300ms}\n",
    bad => ['request', [send => $busy . "Content-Length: 10\r\n\r\nhalf"], 'never'], good => \@serve);
is(all_said($t, 2), 200, 'half a 503: the other one');
$t->stop;

# ---- deadlines

sub took ($t, %o) {
	my $begin = time;
	my $r = $t->get('/', @json, %o);
	return (said($r), time - $begin);
}
($t, %o) = before("    timeouts: {total: 500ms}\n    retries: {when: [timeout], budget: off}\n", a => ['request', 'never']);
my ($said, $took) = took($t);
is($said, '504 timeout', 'timeouts.total');
cmp_ok($took, '>=', 0.5, 'no sooner');
cmp_ok($took, '<', 10, 'nor much later');
is($o{a}->requests, 1, 'one try had it all');
is(($t->upstream)[0]{failures}, 1, 'and is charged');
is(access($t), '504 1 sH timeout', 'the log says so');
$t->stop;

($t, %o) = before("    timeouts: {try: 200ms, total: 500ms}\n    retries: {when: [timeout], attempts: 7, budget: off}\n", a => ['request', 'never']);
($said, $took) = took($t);
is($said, '504 timeout', 'several tries in timeouts.total');
cmp_ok($took, '>=', 0.5, 'no sooner');
is($o{a}->requests, 3, 'two whole tries and a part');
is(($t->upstream)[0]{failures}, 2, 'of which the last is not to blame');
$t->stop;

($t, %o) = before("    timeouts: {total: 500ms}\n", a => ['request', [send => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"], 'never']);
$c = $t->connect;
$c->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
like($c->read_all, qr/\r\n\r\nhalf\z/, 'a response is cut by timeouts.total');
is(access($t), '200 1 sD timeout', 'the log says so');
is(($t->upstream)[0]{failures}, 0, 'charged to nobody');
$t->stop;

# Of a route, and off there.
$t = Fairlead::Test->new;
my $hangs = $t->origin('hangs', ['request', 'never']);
my $slow = $t->origin('slow', ['request', [until => 'now'], [answer => 'slow'], 'again']);
$t->start(args => ['--workers', 1], config => <<"YAML");
upstreams:
  hangs: {backends: [{host: 127.0.0.1, port: $hangs->{port}}], timeouts: {response_head: 30s}, health_check: off}
  slow: {backends: [{host: 127.0.0.1, port: $slow->{port}}], timeouts: {try: 200ms, total: 400ms}, health_check: off}
routes:
  - {match: {path: /try}, upstream: hangs, timeouts: {try: 200ms}, retries: {when: timeout, attempts: 1}}
  - {match: {path: /total}, upstream: hangs, timeouts: {total: 200ms}}
  - {upstream: slow, timeouts: {try: off, total: off}}
YAML
is($t->get('/total')->{status}, 504, 'a route has a total of its own');
is($hangs->requests, 1, 'and no further try');
is($t->get('/try')->{status}, 504, 'and a time for each try');
is($hangs->requests, 3, 'of which it has two');
$c = $t->connect;
$c->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
ok(wait_for { $slow->requests == 1 }, 'what the route has switched off');
ok(!$c->is_closed(1), 'does not end it');
$slow->go('now');
is($c->response->{body}, 'slow', 'and it is served');
$t->stop;

# ---- a client that leaves

($t, %o) = before("    retries: {when: [reset, timeout, 503], budget: off}\n    timeouts: {try: 10s}\n", a => ['request', 'never']);
$c = $t->connect;
$c->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
ok(wait_for { $o{a}->requests == 1 }, 'it waits');
$c->reset;
ok(wait_for { ($t->upstream)[0]{in_flight} == 0 }, 'the client leaves: so does its try');
is(access($t), '499 1 CH client_gone', 'as the log says');
is($o{a}->requests, 1, 'no other is made');
is(($t->upstream)[0]{failures}, 0, 'the backend is not to blame');
$t->stop;

# ---- the cookie is that of the response that is delivered

$t = Fairlead::Test->new;
my %by = (bad => $t->origin('bad', status_answer(503)), good => $t->origin('good', \@serve));
$t->start(args => ['--workers', 1], config => <<"YAML");
upstreams:
  default:
    strategy: sticky
    sticky: {cookie: C, secret: 0123456789abcdef}
    circuit_breaker: off
    health_check: off
    retries: {when: 503, budget: off}
    backends: [{host: 127.0.0.1, port: $by{bad}{port}}, {host: 127.0.0.1, port: $by{good}{port}}]
YAML
my %cookies = map { (($_->{headers}{'set-cookie'} // 'none') =~ s/;.*//r) => 1 } map { $t->get('/') } 1 .. 4;
is(scalar keys %cookies, 1, 'one backend serves: one cookie');
cmp_ok($by{bad}->requests, '>', 0, 'though the other one was asked');
my ($cookie) = keys %cookies;
my $r = $t->get('/', fields => [['Cookie', $cookie]]);
is($r->{status} . ($r->{headers}{'set-cookie'} // ''), 200, 'who has it keeps it');
$t->stop;

# ---- the budget

($t, %o) = before("    retries: {when: [503], attempts: 7}\n", a => status_answer(503));
is(all_said($t, 40), 503, 'all fail');
cmp_ok($o{a}->requests, '<=', 40 + 3 + 8, 'a fifth more, and three');
cmp_ok($o{a}->requests, '>=', 40 + 3 + 7, 'and not much less');
$t->stop;

finish();
