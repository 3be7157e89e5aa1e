#!/usr/bin/perl
# t/queue.t -- limits of connections, and requests that wait for one
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my @json = (fields => [['Accept', 'application/json']]);
my $request = Fairlead::Client::request_of('/');

# One origin that answers when it is told to; the configuration's rest.
sub behind ($keys, @scripts) {
	my $t = Fairlead::Test->new;
	my $o = $t->origin('o', @scripts);
	$t->start(config => <<"END", args => ['--workers', 2]);
access_log: {file: '%%DIR%%/access.log', format: timing}
health_check: off
backends:
  - {host: 127.0.0.1, port: %%O%%, max_connections: 1}
$keys
END
	return ($t, $o);
}

sub reason_of ($r) {
	return $r->{status} == 200 ? '200' : "$r->{status} " . JSON::PP::decode_json($r->{body})->{error};
}

sub lines ($t) { return slurp($t->dir . '/access.log') }

my @held = ('request', [mark => 'asked'], [until => 'go'], [answer => 'one'], 'again');

# ---- one waits for the other

my ($t, $o) = behind('queue: {size: 2, timeout: 20s}', [@held]);
my @c = map { $t->connect } 1 .. 4;
$c[0]->send($request);
ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
$c[1]->send($request);
$c[2]->send($request);
ok($c[1]->is_quiet && $c[2]->is_quiet, 'two others wait');
my $r = $t->get('/', @json);
is(reason_of($r), '503 queue_full', 'for a third one there is no room');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'it is told when to come again');
$o->go('go');
is(join(' ', map { $c[$_]->response->{body} } 0 .. 2), 'one one one', 'all that waited are served');
ok(wait_for { lines($t) =~ / q=0\.[0-9]*[1-9][0-9]* / || lines($t) =~ / q=[1-9]/ }, 'the log has how long they waited');
ok(wait_for { lines($t) =~ / 503 \d+ \S+ q=- .* end=SQ / }, 'and who was refused');
$t->stop;

# ---- for too long

($t, $o) = behind("queue: {size: 10, timeout: 300ms}\nretries: off", [@held]);
@c = map { $t->connect } 1 .. 2;
$c[0]->send($request);
ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
is(reason_of($t->get('/', @json)), '503 queue_timeout', 'one has waited for too long');
ok(wait_for { lines($t) =~ / end=sQ / }, 'the log says so');
$o->go('go');
is($c[0]->response->{body}, 'one', 'the first is served');
is($t->get('/')->{body}, 'one', 'and who comes then');
$t->stop;

# ---- off

($t, $o) = behind('queue: off', [@held]);
$c[0] = $t->connect;
$c[0]->send($request);
ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
is(reason_of($t->get('/', @json)), '503 queue_full', 'without a queue there is no room');
$o->go('go');
is($c[0]->response->{body}, 'one', 'the first is served');
$t->stop;

# ---- who leaves is not served

for my $how ('reset', 'half_close') {
	($t, $o) = behind('queue: {size: 10, timeout: 20s}', [@held]);
	@c = map { $t->connect } 1 .. 3;
	$c[0]->send($request);
	ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
	$c[1]->send($request);
	ok($c[1]->is_quiet, "another waits, and leaves by $how");
	$c[1]->$how;
	$c[2]->send($request);
	ok($c[2]->is_quiet, 'a third one waits');
	$o->go('go');
	is(join(' ', map { $c[$_]->response->{body} } 0, 2), 'one one', 'the others are served');
	is($o->requests, 2, 'the origin does not see the one that left');
	ok(wait_for { lines($t) =~ / 499 .* end=CQ / }, 'the log has it');
	$t->stop;
}

# ---- a body waits with its request

($t, $o) = behind('queue: {size: 10, timeout: 20s}', ['request', [mark => 'asked'], [until => 'go'],
    sub ($c) { return $c->answer(length($c->{content} // '') || 'one') }, 'again']);
@c = map { $t->connect } 1 .. 2;
$c[0]->send($request);
ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
$c[1]->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" . 'x' x 100_000);
ok($c[1]->is_quiet, 'a POST waits');
$o->go('go');
is($c[1]->response->{body}, '100000', 'with all of its content');
$t->stop;

# Content that ends while it waits: with nothing in it, or with trailers.
for my $end ("0\r\n\r\n", "0\r\nX-T: y\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nX-T: y\r\n\r\n") {
	($t, $o) = behind('queue: {size: 10, timeout: 20s}', ['request', [mark => 'asked'], [until => 'go'],
	    sub ($c) { return $c->answer('got ' . ($c->{content} // '')) }, 'again']);
	my @old = $t->workers;
	@c = map { $t->connect } 1 .. 2;
	$c[0]->send($request);
	ok(wait_for { $o->is_marked('asked') }, 'a request has the only connection');
	$c[1]->send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n$end");
	ok($c[1]->is_quiet, 'a POST waits: ' . $end =~ s/\r\n/|/gr);
	$o->go('go');
	is($c[1]->response->{body}, 'got ' . ($end =~ /abc/ ? 'abc' : ''), 'and is served');
	is(join(' ', $t->workers), join(' ', @old), 'by workers that live');
	$t->stop;
}

# ---- an idle connection of another worker is given up

($t, $o) = behind('queue: {size: 10, timeout: 20s}', ['request', [answer => 'one'], 'again']);
my %worker;
for my $i (1 .. 40) {
	is($t->get('/')->{body}, 'one', "request $i, of whichever worker") or last;
	$worker{ join ' ', map { $_->{requests} > 0 ? $_->{slot} : () } @{ $t->status->{workers} } } = 1;
}
ok(exists $worker{'0 1'}, 'both have served');
$t->stop;

# ---- of all backends together

$t = Fairlead::Test->new;
my @o = map { $t->origin($_, [@held]) } qw(a b);
$t->start(config => <<'END', args => ['--workers', 2]);
health_check: off
max_connections: 1
queue: {size: 1, timeout: 20s}
backends:
  - {host: 127.0.0.1, port: %%A%%}
  - {host: 127.0.0.1, port: %%B%%}
END
@c = map { $t->connect } 1 .. 2;
$c[0]->send($request);
ok(wait_for { grep { $_->is_marked('asked') } @o }, 'one of two backends has a request');
$c[1]->send($request);
ok($c[1]->is_quiet, 'that is all for both');
is(reason_of($t->get('/', @json)), '503 queue_full', 'and one may wait');
$_->go('go') for @o;
is(join(' ', map { $_->response->{body} } @c), 'one one', 'both are served');
$t->stop;

# ---- a sticky client waits for its backend, others do not wait behind it

$t = Fairlead::Test->new;
@o = map { my $n = $_; $t->origin($n, ['request', sub ($c) {
	return $c->answer($n) if $c->{head} !~ m{ /held };
	$c->mark('asked');
	$c->until('go');
	return $c->answer($n);
}, 'again']) } qw(a b);
$t->start(config => <<'END', args => ['--workers', 2]);
health_check: off
strategy: sticky
queue: {size: 10, timeout: 20s}
backends:
  - {host: 127.0.0.1, port: %%A%%, max_connections: 1}
  - {host: 127.0.0.1, port: %%B%%, max_connections: 1}
END
my %cookie;
while (keys %cookie < 2) {
	my $r = $t->get('/');
	$cookie{ $r->{body} } = $1 if $r->{headers}{'set-cookie'} =~ /^(\S+=\S+);/;
}
my @to_a = (fields => [['Cookie', $cookie{a}]]);
@c = map { $t->connect } 1 .. 2;
$c[0]->send(Fairlead::Client::request_of('/held', @to_a));
ok(wait_for { $o[0]->is_marked('asked') }, 'a sticky client has the only connection to its backend');
$c[1]->send(Fairlead::Client::request_of('/', @to_a));
ok($c[1]->is_quiet, 'another one of that backend waits');
is(join(' ', map { $t->get('/')->{body} } 1 .. 8), join(' ', ('b') x 8), 'others go to the other one');
$o[0]->go('go');
is(join(' ', map { $_->response->{body} } @c), 'a a', 'and both get their answer from theirs');
$t->stop;

done_testing;
