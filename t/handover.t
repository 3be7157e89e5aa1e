#!/usr/bin/perl
# t/handover.t -- what clients notice of a reload: nothing
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Client;
use Fairlead::Test;

my $ask = "GET /ws HTTP/1.1\r\nHost: x\r\nUser-Agent: talker\r\nConnection: Upgrade\r\n" .
    "Upgrade: websocket\r\n\r\n";
my $agree = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" .
    "X-Said: yes\r\n\r\n";

my $t = Fairlead::Test->new;
$t->backend('b1');
$t->origin('ws', ['head', [send => $agree], \&Fairlead::Client::echo]);
my $other = free_port();
my $config = <<"YAML";
workers: 2
listeners:
  - address: "127.0.0.1:%%PORT%%"
  - address: "127.0.0.1:$other"
limits: {requests_per_connection: 4}
access_log:
  file: %%DIR%%/access.log
  format: '\${status} \${target} \${bytes_in} \${bytes_out} \${upstream} \${end} \${request.user-agent} \${response.x-said}'
routes:
  - {name: talk, match: {path: /ws}, upstream: ws}
  - {name: all, match: {path_prefix: /}, upstream: web}
upstreams:
  ws: {health_check: off, max_connections: 1, backends: [{host: 127.0.0.1, port: %%WS%%}]}
  web: {health_check: off, backends: [{host: 127.0.0.1, port: %%B1%%}]}
YAML

sub reload ($text) {
	my $n = () = $t->log =~ /reload applied/g;

	spit($t->dir . '/fairlead.yaml', $t->fill($text));
	kill 'HUP', $t->pid;
	return wait_for { (() = $t->log =~ /reload applied/g) > $n };
}
sub has_ended ($generation) {
	return wait_for { $t->log =~ /generation $generation has ended/ };
}
sub says ($c, $text) {
	$c->send($text);
	return $c->bytes(length $text) eq $text;
}
# "200" or "200 close".
sub answer_of ($c) {
	my $r = $c->response or return 'none';

	return join ' ', $r->{status}, $r->{headers}{connection} // ();
}
sub ask ($c, $path = '/') {
	$c->send("GET $path HTTP/1.1\r\nHost: x\r\n\r\n");
	return answer_of($c);
}

ok($t->start(config => $config, own_listeners => 1), 'it serves');
my $talk = $t->connect;
$talk->send($ask);
is($talk->head->{status}, 101, 'a WebSocket');
ok(says($talk, 'before'), 'that talks');

# ---- one of each kind, over a reload

my ($idle, $new, $half, $slow, $pair) = map { $t->connect } 1 .. 5;
is(ask($idle), '200', 'a connection that is idle');
$half->send("GET / HTTP/1.1\r\nHo");
$slow->send("GET /delay/700 HTTP/1.1\r\nHost: x\r\n\r\n");
$pair->send("GET /delay/500 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
wait_for { $t->in_flight >= 1 };
ok(reload($config), 'a reload');
$half->send("st: x\r\n\r\n");
is(answer_of($half), '200', 'what was half a request is a whole one');
is(answer_of($pair), '200', 'the first of two requests');
is(answer_of($pair), '200', 'and the second');
is(answer_of($slow), '200', 'a slow one');
ok(has_ended(1), 'the old workers are gone, nobody has closed anything');
is(ask($_), '200', 'goes on') for $idle, $new, $half, $slow, $pair;
ok(says($talk, 'after'), 'the WebSocket, too');
is($t->in_flight, 1, 'it is in flight, once');
is(ask($idle), '200', 'its third request');
is(ask($idle), '200 close', 'and the fourth is the last that limits allow');

# ---- many reloads, one after the other

my $lost = 0;
for my $i (1 .. 20) {
	kill 'HUP', $t->pid;
	$lost++ if !says($talk, "message $i") || ask($new, "/$i") !~ /^200/;
	$new = $t->connect if $i % 3 == 0;
}
is($lost, 0, 'twenty reloads and nothing lost');

# ---- where there is no heir for it

my $there = Fairlead::Client->to_port($other);
is(ask($there), '200', 'a connection to the other address');
$config =~ s/^  - address: "127.0.0.1:$other"\n//m or die;
ok(reload($config), 'which is no more');
ok($there->is_quiet(0.3), 'is not closed');
is(ask($there), '200 close', 'but ends with its next request');
ok(says($talk, 'still'), 'the WebSocket talks');
$config =~ s/port: %%WS%%/port: %%B1%%/ or die;
ok(reload($config), 'its backend is no more');
ok(says($talk, 'and here'), 'it talks, where it is');
ok(reload($config), 'and over a reload');
ok(says($talk, 'and there'), 'that changes nothing');
$config =~ s/(ws: .*)port: %%B1%%/$1port: %%WS%%/ or die;
ok(reload($config), 'its backend is back');
my ($last) = $t->log =~ /.*reload applied: [^\n]*; generation (\d+),/s;
ok(has_ended($last - 1), 'and it has gone on to the new workers');
ok(says($talk, 'last'), 'where it talks');
$talk->half_close;
is($talk->read_all, 'bye', 'until its end');

ok(wait_for { slurp($t->dir . '/access.log') =~ m{/ws} }, 'of which the log tells');
my $said = join '', 'before', 'after', (map { "message $_" } 1 .. 20), 'still', 'and here',
    'and there', 'last';
is_deeply([grep { m{/ws} } split /\n/, slurp($t->dir . '/access.log')],
    [sprintf '101 /ws %d %d ws -- talker yes', length $said, 3 + length $said],
    'once, with all that it was');

# ---- other numbers of workers

sub shares { return join ' ', sort map { $_->{connections} } @{ $t->status->{workers} } }

$_->close for $idle, $new, $half, $slow, $pair, $there, $talk;
$config =~ s/workers: 2/workers: 1/ or die;
ok(reload($config), 'one worker');
my @many = map { $t->connect } 1 .. 12;
is(ask($_), '200', 'a connection') for @many;
$config =~ s/workers: 1/workers: 3/ or die;
ok(reload($config), 'three workers');
ok(wait_for { shares() eq '4 4 4' }, 'share what it had') or diag shares();
is(ask($_), '200', 'goes on') for @many;
$config =~ s/workers: 3/workers: 2/ or die;
ok(reload($config), 'two workers');
ok(wait_for { shares() eq '4 8' }, 'have it all') or diag shares();
is(ask($_), '200', 'goes on') for @many;

is($t->stop('QUIT'), 0, 'and it stops');

finish();
