#!/usr/bin/perl
# t/dns.t -- names of backends at run time: they come, go, and fall silent
use v5.36;
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Names;
use Fairlead::Test;

plan(skip_all => 'there is no dnsmasq (Debian: dnsmasq-base)')
    if !Fairlead::Names->is_there;

my $t = Fairlead::Test->new;
my $dns = Fairlead::Names->start(tempdir(CLEANUP => 1));
my $port = $t->backend('b1');
$t->backend("b$_", address => "127.0.0.$_", port => $port) for 2 .. 4;

sub ip (@n) { return [map { "127.0.0.$_" } @n] }

# Who serves `n` requests.
sub serving ($n, @more) {
	my %seen;

	$seen{ $t->get('/', @more)->{backend} // 'nobody' }++ for 1 .. $n;
	return join ' ', map { "$_$seen{$_}" } sort keys %seen;
}

sub names { return join ' ', map { $_->{name} } $t->upstream }
sub states { return join ' ', map { $_->{state} } $t->upstream }

# Seconds until requests are spread like that; they go on all the time.
sub until_serving ($want, $most = 10) {
	my $from = time;

	# Once may be by chance, while one of the workers has another table yet.
	my $is_so = wait_for { serving(6) eq $want && serving(6) eq $want } $most;
	ok($is_so, "served by $want") or diag('it is ', serving(6));
	return time - $from;
}

$dns->set({ 'app.test' => ip(1, 2) });
$t->start(config => <<"END", args => ['--workers', 2]);
resolver: {servers: ["127.0.0.1:@{[$dns->port]}"], timeout: 1s, stale: 3s}
health_check: off
circuit_breaker: off
backends:
  - {host: app.test, port: $port, addresses: 2}
  - {host: late.test, port: $port}
END

# ---- they come and go

is(serving(10), 'b15 b25', 'each address of a name serves, from the first request on');
is(names(), "app.test\@127.0.0.1:$port app.test\@127.0.0.2:$port late.test:$port",
    'each is a backend; a name without any is one, too');
is(states(), 'up up unresolved', 'and is unresolved');
like($t->log, qr/ warn \d+: .*not found while resolving a backend, upstream default, backend late\.test$/m,
    'which is logged');

my ($before) = grep { ($_->{address} // '') eq "127.0.0.2:$port" } $t->upstream;
my @slow = map { $t->connect } 1, 2;	# one at b1, which goes
$_->send("GET /delay/4000 HTTP/1.1\r\nHost: x\r\n\r\n") for @slow;
wait_for { $t->in_flight == 2 };
$dns->set({ 'app.test' => ip(2, 3), 'late.test' => ip(4) });
cmp_ok(until_serving('b22 b32 b42'), '<', 4, 'others follow, soon behind the TTL');
my ($after) = grep { ($_->{address} // '') eq "127.0.0.2:$port" } $t->upstream;
cmp_ok($after->{requests}, '>', $before->{requests}, 'an address that stays keeps its counters');
is(join(' ', sort map { $_->response->{backend} } @slow), 'b1 b2', 'what was under way ends well');

$dns->set({ 'app.test' => ip(1, 2, 3, 4), 'late.test' => ip(4) });
ok(scalar(wait_for { $t->log =~ /it has 4 addresses, of which 2 serve/ }), 'more than "addresses" is told');
is(serving(6), 'b22 b32 b42', 'those that serve go on');

# ---- the monitor dies, the name server too

my $pid = $t->status->{monitor}{pid};
kill KILL => $pid;
ok(scalar(wait_for { my $s = eval { $t->status }; $s && $s->{monitor}{pid} != $pid }),
    'another monitor');
is(serving(6), 'b22 b32 b42', 'nobody is forgotten');

$dns->stop;
ok(scalar(wait_for { $t->log =~ /its last addresses serve on/ }), 'a dead name server is told');
my $others = wait_for { serving(3) ne 'b21 b31 b41' } 2;
ok(!$others, 'and changes nothing, also beyond the TTL');
ok(scalar(wait_for { states() eq 'unresolved unresolved' }), 'but not for ever');
is($t->get('/')->{status}, 503, 'then nobody serves');
$dns->set({ 'app.test' => ip(1, 2), 'late.test' => ip(4) });
$dns->run;
until_serving('b12 b22 b42', 15);
like($t->log, qr/answered again/, 'all is well again');

# ---- an operator speaks of a name, or of one of its addresses

sub order ($name, $body) {
	return Fairlead::Client->to_socket($t->socket)->get(
	    "/v1/upstreams/default/backends/$name", method => 'POST', body => $body);
}

is(order("app.test\@127.0.0.1:$port", '{"admin":"drain"}')->{status}, 200, 'one address drains');
until_serving('b23 b43');
is(order("app.test:$port", '{"admin":"maintenance"}')->{status}, 200, 'the whole name is out');
until_serving('b46');
$dns->set({ 'app.test' => ip(3), 'late.test' => ip(4) });
ok(scalar(wait_for { names() =~ /app\.test\@127\.0\.0\.3:\d+ late/ }), 'also the address');
is(states(), 'maintenance up', 'that it has later');
$t->stop;

# ---- SRV records

$t = Fairlead::Test->new;
my @at = map { $t->backend("b$_") } 1 .. 3;
$dns->set({ 'host.test' => ip(1) },
    { '_web._tcp.test' => ["host.test $at[0] 5 3", "host.test $at[1] 5 1", "host.test $at[2] 9 1"] });
$t->start(config => <<"END", args => ['--workers', 1]);
resolver: {servers: ["127.0.0.1:@{[$dns->port]}"], timeout: 1s}
health_check: off
sticky: {cookie: S}
backends:
  - {host: _web._tcp.test, resolve: srv}
END
is(serving(8), 'b16 b22', 'weights, and the better priority');
is(join(' ', sort map { $_->{effective_weight} } $t->upstream), '1 1 3', 'as DNS has them');
my ($cookie) = $t->get('/')->{headers}{'set-cookie'} =~ /^(S=[^;]+)/;
my $bound = $t->get('/', fields => [['Cookie', $cookie]])->{backend};
is(serving(3, fields => [['Cookie', $cookie]]), "${bound}3", 'a cookie names one of them');
$dns->set({ 'host.test' => ip(1) }, { '_web._tcp.test' => ["host.test $at[2] 9 1"] });
until_serving('b36');
is(serving(3, fields => [['Cookie', $cookie]]), 'b33', 'and no longer one that is gone');
finish();
