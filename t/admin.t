#!/usr/bin/perl
# t/admin.t -- what the admin socket tells (interfaces.md)
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my $t = Fairlead::Test->new;
$t->backend('a');
$t->refused('b');
$t->start(config => <<'END', args => ['--workers', 2]);
backends:
  - {host: "127.0.0.1", port: %%A%%, weight: 3}
  - {host: "127.0.0.1", port: %%B%%, weight: 2}
END

sub ask ($path, %o) {
	return Fairlead::Client->to_socket($t->socket)->get($path, %o);
}
my $r = ask('/healthz');
is("$r->{status} $r->{body}", "200 ok\n", '/healthz');
$r = ask('/readyz');
is("$r->{status} $r->{body}", "200 ok\n", '/readyz');
$r = ask('/readyz?verbose');
is($r->{status}, 200, 'a query changes nothing');
$r = ask('/healthz', method => 'HEAD');
is("$r->{status} $r->{headers}{'content-length'}", '200 3', 'HEAD');
$r = ask('/nothing');
is("$r->{status} $r->{headers}{'content-type'}", '404 application/json', 'no such page');
like($r->{body}, qr/^\{"error":"[^"]+"\}\n?$/, 'is said in JSON');
$r = ask('/v1/status', body => '{}');
is($r->{status}, 405, 'POST to a page that is read: 405');
like($r->{body}, qr/^\{"error":"[^"]+"\}\n?$/, 'in JSON');
like($r->{headers}{allow}, qr/^GET, HEAD$/, 'with Allow');
my $c = Fairlead::Client->to_socket($t->socket);
is(join(' ', map { $c->get('/healthz')->{status} } 1 .. 3), '200 200 200',
    'three requests on one connection');
$c->send("GET /healthz HTTP/1.1\nHost: x\n\n");
is($c->response->{status}, 400, 'it is as strict as everything');

# ---- /v1/status

my $s = $t->status;
like($s->{version}, qr/^\d+\.\d+\.\d+/, 'version');
is($s->{pid}, $t->pid, 'pid');
like($s->{started}, $time, 'started');
is($s->{generation}, 1, 'generation');
ok($s->{ready}, 'ready');
is($s->{config}{file}, $t->dir . '/fairlead.yaml', 'the file');
like($s->{config}{sha256}, qr/^[0-9a-f]{64}$/, 'its hash');
is($s->{config}{sha256}, (split ' ', `sha256sum @{[$t->dir]}/fairlead.yaml`)[0],
    'which is right');
like($s->{config}{loaded}, $time, 'when it was read');
is($s->{config}{verdict}, 'applied', 'the verdict');
is_deeply($s->{config}{errors}, [], 'no errors');
is(scalar @{ $s->{workers} }, 2, 'two workers');
for my $i (0, 1) {
	my $w = $s->{workers}[$i];
	is($w->{slot}, $i, "worker $i");
	ok(is_alive($w->{pid}), 'its pid');
	is("$w->{generation} $w->{state} $w->{restarts}", '1 ready 0', 'its state');
	is("$w->{connections} $w->{requests}", '0 0', 'it has done nothing');
}
ok(is_alive($s->{monitor}{pid}), 'the monitor');
is($s->{monitor}{restarts}, 0, 'its restarts');

# ---- what moves

$c = $t->connect;
$c->get('/') for 1 .. 10;
my $sum = sub ($key) {
	my $n = 0;
	$n += $_->{$key} for @{ $t->status->{workers} };
	return $n;
};
ok(wait_for { $sum->('requests') == 10 }, 'requests are counted');
is($sum->('connections'), 1, 'and connections');
$c->close;
ok(wait_for { $sum->('connections') == 0 }, 'until they end');

my $u = $t->admin('/v1/upstreams')->{upstreams};
is(scalar @$u, 1, 'one upstream');
is("$u->[0]{name} $u->[0]{strategy}", 'default weighted', 'its name and strategy');
my ($a, $b) = @{ $u->[0]{backends} };
is("$a->{name} $a->{host} $a->{port} $a->{weight} $a->{effective_weight} $a->{state}",
    "127.0.0.1:$a->{port} 127.0.0.1 $t->{backends}[0]{port} 3 3 up", 'a backend');
is($b->{port}, $t->{backends}[1]{port}, 'and the other, in the order of the file');
is("$a->{requests} $a->{failures} $a->{in_flight} $a->{idle}", '10 0 0 1',
    'the one that serves');
my $ms = $a->{latency_ms};
ok($ms->{ewma} > 0 && $ms->{ewma} < 60_000, 'how long the backend takes');
ok($ms->{p50} > 0 && $ms->{p50} <= $ms->{p99}, 'half of the time, and nearly always');
is($b->{latency_ms}{p50}, undef, 'nothing is known of one that never answered');
ok(!$b->{failures} || $b->{latency_ms}{ewma} > 0, 'but that it fails');
is("$b->{requests} $b->{in_flight} $b->{idle}", "$b->{failures} 0 0",
    'the one that refuses');
is($a->{address}, "127.0.0.1:$a->{port}", 'where it is');
is(scalar keys %$a, 15, 'nothing else yet') or diag(join ' ', sort keys %$a);

# ---- the socket

my @mode = stat $t->socket;
is(sprintf('%o', $mode[2] & 0777), '660', 'the socket is for its group');
is(slurp($t->dir . '/run/status') =~ /"pid":(\d+)/ ? $1 : 'none', $t->pid,
    'RUN_DIR/status has the pid');
like(slurp($t->dir . '/run/status'), qr/"verdict":"applied"/, 'and the verdict');
$t->stop;
ok(!-e $t->socket, 'the socket goes');
ok(!-e $t->dir . '/run/status', 'the status too');

# ---- not ready while it stops

$t = Fairlead::Test->new;
my $origin = $t->origin('o', ['request', [mark => 'asked'], [until => 'go'],
    [answer => 'late'], 'to_end']);
$t->start(args => ['--workers', 1]);
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
ok(wait_for { $origin->is_marked('asked') }, 'a request is under way');
my $admin = Fairlead::Client->to_socket($t->socket);
$admin->get('/readyz');
kill 'QUIT', $t->pid;
ok(wait_for { $admin->get('/readyz')->{status} == 503 }, 'QUIT: not ready');
is($admin->get('/readyz')->{body}, "not ready\n", 'it says so');
is($admin->get('/healthz')->{status}, 200, 'but alive');
is($t->status->{ready}, JSON::PP::false, 'and so does /v1/status');
$origin->go('go');
$r = $c->response;
is("$r->{status} $r->{body}", '200 late', 'the request gets its answer');
is($r->{headers}{connection}, 'close', 'which closes');
is($t->exit_code, 0, 'and then it has ended');


# ---- where it is

$t->stop;
my $port = free_port();
my $again = $t->backend('again');
my $plain = "backends: [{host: 127.0.0.1, port: $again}]\n";
ok($t->launch(config => $plain . "admin: {socket: '%%DIR%%/other.sock', address: '127.0.0.1:$port'}\n"), 'it starts');
is(Fairlead::Client->to_port($port)->get('/healthz')->{body}, "ok\n", 'admin.address');
is(Fairlead::Client->to_socket($t->dir . '/other.sock')->get('/readyz')->{body}, "ok\n", 'admin.socket');
ok(!-e $t->socket, 'in place of that in the run directory');
kill 'KILL', Fairlead::Client->to_port($port)->get('/v1/status')->{body} =~ /"monitor":\{"pid":(\d+)/;
ok(wait_for { (eval { Fairlead::Client->to_port($port)->get('/healthz')->{body} } // '') eq "ok\n" }, 'also by the next monitor');
$t->stop;
ok(!-e $t->dir . '/other.sock', 'the socket goes with it');
ok($t->launch(config => $plain . "admin: {socket: off}\n"), 'it starts');
is($t->get('/')->{status}, 200, 'without a socket');
ok(!-e $t->socket, 'there is none');
$t->stop;
my $busy = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
for my $bad ("admin: {socket: '%%DIR%%/none/x.sock'}\n", "admin: {address: '127.0.0.1:@{[$busy->sockport]}'}\n") {
	$t->launch(config => $plain . $bad);
	is($t->exit_code, 1, 'what is asked for and cannot be had ends the start');
}
finish();
