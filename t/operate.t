#!/usr/bin/perl
# t/operate.t -- drain, maintenance, ready and weights by the admin socket
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
my $tcp = free_port();
$t->start(config => <<"END", args => ['--workers', 2]);
admin: {address: '127.0.0.1:$tcp'}
strategy: sticky
backends:
  - {host: "127.0.0.1", port: %%A%%}
  - {host: "127.0.0.1", port: %%B%%}
END

my ($a, $b) = map { "/v1/upstreams/default/backends/127.0.0.1:$_->{port}" } @{ $t->{backends} };

sub ask ($path, %o) {
	return Fairlead::Client->to_socket($t->socket)->get($path, %o);
}

sub order ($path, $body) {
	return ask($path, method => 'POST', body => $body);
}

sub said ($r) {
	return "$r->{status} " . (JSON::PP::decode_json($r->{body})->{error} // 'nothing');
}

sub state_of ($path) {
	my $one = JSON::PP::decode_json(ask($path)->{body})->{backends}[0];
	return "$one->{state} $one->{effective_weight}";
}

# Who serves `n` requests, with a cookie or without.
sub serving ($n, @more) {
	my %seen;
	$seen{ $t->get('/', @more)->{backend} }++ for 1 .. $n;
	return join ' ', map { "$_$seen{$_}" } sort keys %seen;
}

my %cookie;
while (keys %cookie < 2) {
	my $r = $t->get('/');
	$cookie{ $r->{backend} } = $1 if $r->{headers}{'set-cookie'} =~ /^(\S+=\S+);/;
}
my @to_a = (fields => [['Cookie', $cookie{a}]]);

# ---- drain, maintenance, ready

is(state_of($a), 'up 1', 'a backend alone');
is(serving(10), 'a5 b5', 'both serve');
my $r = order($a, '{"admin":"drain"}');
is($r->{status}, 200, 'drain');
is(JSON::PP::decode_json($r->{body})->{backends}[0]{state}, 'drain', 'the answer shows it');
is(serving(10), 'b10', 'no new client gets there, from the next request on');
is(serving(10, @to_a), 'a10', 'but those whose cookie names it');
is(state_of($a), 'drain 0', 'the state');
is(order($a, '{"admin":"maintenance"}')->{status}, 200, 'maintenance');
is(serving(10, @to_a), 'b10', 'nobody does');
is(state_of($a), 'maintenance 0', 'the state');
is(order($b, '{"admin":"maintenance"}')->{status}, 200, 'the other one, too');
is($t->get('/')->{status}, 503, 'nobody serves: an operator has said so');
is(order($a, '{"admin":"ready"}')->{status}, 200, 'ready');
is(serving(10), 'a10', 'it serves again');
order($b, '{"admin":"ready"}');
ok(wait_for { serving(10) eq 'a5 b5' }, 'both');
ok(wait_for { $t->log =~ / notice \d+: set to drain by the admin interface, upstream default, backend 127\.0\.0\.1:/ },
    'the log has it');

# ---- weights

is(order($a, '{"weight":3}')->{status}, 200, 'a weight');
is(state_of($a), 'up 3', 'is in use');
ok(wait_for { serving(8) eq 'a6 b2' }, 'by all workers');
is(order($a, ' { "weight" : 0 , "admin" : "ready" } ')->{status}, 200, 'weight 0');
is(state_of($a), 'drain 0', 'drains');
is(order($a, '{"weight":null}')->{status}, 200, 'null');
is(state_of($a), 'up 1', 'is as the configuration says');

# ---- what is wrong

my @wrong = (
	['{"admin":"off"}', '400 "admin" takes "drain", "maintenance" or "ready"'],
	['{"admin":1}', '400 "admin" takes "drain", "maintenance" or "ready"'],
	['{"weight":1001}', '400 "weight" takes a whole number of 0 to 1000, or null for that of the configuration'],
	['{"weight":-1}', '400 "weight" takes a whole number of 0 to 1000, or null for that of the configuration'],
	['{"weight":1.0}', '400 "weight" takes a whole number of 0 to 1000, or null for that of the configuration'],
	['{"weight":"1"}', '400 "weight" takes a whole number of 0 to 1000, or null for that of the configuration'],
	['{"admin":"drain","wait":1}', '400 unknown member "wait"; there are "admin" and "weight"'],
	['{}', '400 an object with "admin" or "weight" is needed'],
	['[]', '400 an object with "admin" or "weight" is needed'],
);
for my $row (@wrong) {
	is(said(order($a, $row->[0])), $row->[1], $row->[0]);
}
like(said(order($a, $_)), qr/^400 line \d+, column \d+: /, "no JSON: " . substr $_, 0, 20)
    for '', '{', 'drain', '{"admin":"drain","admin":"ready"}', '{"admin":"drain"} x', "{\"admin\":\"dr\xff\"}", '[' x 4000;
is(order($a, '{"admin":"drain"' . ' ' x 5000 . '}')->{status}, 413, 'too much');
is(state_of($a), 'up 1', 'and nothing has changed');
is(said(ask('/v1/upstreams/other/backends/x')), '404 no such upstream', 'no such upstream');
is(said(ask('/v1/upstreams/default/backends/x:1')), '404 no such backend', 'no such backend');
is(said(ask($_)), '404 no such page', "no such page: $_")
    for '/v1/upstreams/default', '/v1/upstreams/default/backends', '/v1/upstreams/default/backends/', '/v1/upstreams/';
is(said(ask('/v1/upstreams/default/backends/' . 'x' x 2000)), '404 no such page', 'a long name');
is(ask($a =~ s/:/%3A/r)->{status}, 200, 'a name may be escaped');
$r = ask($a, method => 'DELETE');
is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD, POST', 'other methods');
$r = ask($a, method => 'HEAD');
is($r->{status}, 200, 'HEAD');
is(said(Fairlead::Client->to_port($tcp)->get($a, method => 'POST', body => '{"admin":"drain"}')),
    '403 changes are made by the admin socket only', 'not by TCP');
is(Fairlead::Client->to_port($tcp)->get($a)->{status}, 200, 'where it can be read');
is(state_of($a), 'up 1', 'nothing has changed');

# ---- a crash of the monitor loses nothing

order($a, '{"admin":"drain","weight":7}');
$t->announce_alert(qr/monitor process \d+ was ended by signal 9/);
my $old = $t->status->{monitor}{pid};
kill 'KILL', $old;
ok(wait_for { eval { $t->status->{monitor}{pid} != $old } }, 'another monitor');
is(state_of($a), 'drain 0', 'it knows what was said to the one before');
is(serving(10), 'b10', 'and the workers never forgot');
order($a, '{"admin":"ready"}');
is(state_of($a), 'up 7', 'with its weight');
$t->stop;

# ---- wait

$t = Fairlead::Test->new;
my $origin = $t->origin('o', ['request', [mark => 'asked'], [until => 'go'], [answer => 'late'], 'to_end']);
$t->backend('b');
$t->start(args => ['--workers', 1]);
my $path = "/v1/upstreams/default/backends/127.0.0.1:" . $origin->port;
my @c;
until ($origin->is_marked('asked')) {
	my $c = $t->connect;
	$c->send(Fairlead::Client::request_of('/'));
	push @c, $c;
	wait_for { $origin->is_marked('asked') || $c->fill(0.1) } 5;
}
my $admin = Fairlead::Client->to_socket($t->socket);
is(said($admin->get("$path?wait=50ms", method => 'POST', body => '{"admin":"drain"}')),
    '504 the time is over, and 1 requests are in progress', 'wait: not idle in time');
is(said($admin->get("$path?wait=soon", method => 'POST', body => '{"admin":"drain"}')) =~ s/;.*//r,
    '400 "soon" is no duration', 'no time');
$admin = Fairlead::Client->to_socket($t->socket);
$admin->send("POST $path?wait=30s HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"admin\":\"drain\"}");
my $left = Fairlead::Client->to_socket($t->socket);
$left->send("POST $path?wait=30s HTTP/1.1\r\nHost: x\r\n\r\n");
ok($admin->is_quiet, 'it waits');
$left->reset;
$origin->go('go');
$r = $admin->response;
is($r->{status}, 200, 'until nothing is in progress');
is(JSON::PP::decode_json($r->{body})->{backends}[0]{in_flight}, 0, 'and says so');
is($admin->get('/healthz')->{status}, 200, 'the connection goes on');
$t->stop;

done_testing;
