#!/usr/bin/perl
# t/processes.t -- master, workers and monitor come, die, are replaced and leave
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

sub new ($workers, %o) {
	my $t = Fairlead::Test->new;
	$t->backend('b');
	$t->start(args => ['--workers', $workers], %o);
	return $t;
}
sub title ($pid) { return slurp("/proc/$pid/cmdline") =~ s/\0.*//sr }
sub restarts ($t) { return join ' ', map { $_->{restarts} } @{ $t->status->{workers} } }
sub are_gone (@pids) {
	return wait_for { !grep { is_alive($_) } @pids };
}

# ---- who there is

my $t = new(3);
my @workers = $t->workers;
my $monitor = $t->status->{monitor}{pid};
like(title($t->pid), qr/^fairlead: master process\b/, 'the master has its title');
is(title($workers[$_]), "fairlead: worker process $_", "worker $_ too") for 0 .. 2;
is(title($monitor), 'fairlead: monitor process', 'and the monitor');
is_deeply([sort { $a <=> $b } tree($t->pid)],
    [sort { $a <=> $b } $t->pid, @workers, $monitor], 'that is all');
SKIP: {
	skip 'not root', 1 if $> != 0;
	my @uids = map { slurp("/proc/$_/status") =~ /^Uid:\t(\d+)\t(\d+)\t(\d+)/m;
	    ($1, $2, $3) } @workers, $monitor;
	is(scalar(grep { $_ == 0 } @uids), 0, 'none of them but the master is root');
}

# ---- a worker dies

my @c = map { $t->connect } 1 .. 12;
$_->get('/') for @c;
my $status = $t->status;
my ($victim) = grep { $_->{connections} > 0 } @{ $status->{workers} };
kill 'KILL', $victim->{pid};
ok(wait_for { ($t->workers)[$victim->{slot}] !~ /^(?:0|$victim->{pid})$/ },
    'a worker that was killed is replaced');
is(restarts($t), join(' ', map { $_ == $victim->{slot} ? 1 : 0 } 0 .. 2),
    '/v1/status counts it');
ok(wait_for { $t->status->{workers}[$victim->{slot}]{state} eq 'ready' },
    'it becomes ready');
my $lost = grep { !$_->get('/') } @c;
is($lost, $victim->{connections}, 'only its own connections are lost');
is($t->status->{workers}[$victim->{slot}]{requests} >= $victim->{requests}, 1,
    'its counters go on');
like($t->log, qr/ warn \d+: worker \d \(process $victim->{pid}\) died by signal 9/,
    'the log tells');
is($t->get('/')->{status}, 200, 'new connections are served');
$t->stop;

# What it had in flight is forgotten.
$t = Fairlead::Test->new;
my $origin = $t->origin('o', ['request', 'never']);
$t->start(args => ['--workers', 2]);
@c = map { $t->connect } 1 .. 8;
$_->send(Fairlead::Client::request_of('/')) for @c;
ok(wait_for { $t->in_flight == 8 }, 'eight requests in flight');
@workers = $t->workers;
my %of = map { $_->{slot} => $_->{connections} } @{ $t->status->{workers} };
kill 'KILL', $workers[0];
ok(wait_for { $t->in_flight == $of{1} }, "a worker's death takes its own away");
kill 'KILL', $workers[1];
ok(wait_for { $t->in_flight == 0 }, 'and the other one the rest');
ok(wait_for { ($t->upstream)[0]{idle} == 0 }, 'no idle connection is left');
is(scalar(grep { $_->is_closed } @c), 8, 'the clients know');
$t->stop;

# Again and again: it waits a while, the others serve.
$t = new(2);
for my $n (1 .. 6) {
	my $pid;
	wait_for { $pid = ($t->workers)[0] } or last;
	kill 'KILL', $pid;
	wait_for { ($t->workers)[0] != $pid };
}
like($t->log, qr/dies again and again/, 'a worker that keeps dying is slowed down');
is(scalar(grep { $t->get('/')->{status} == 200 } 1 .. 20), 20,
    'its turn is served by the other one');
$t->stop;

# ---- a worker hangs

$t = new(4);
@workers = $t->workers;
kill 'STOP', $workers[2];
is(scalar(grep { ($t->get('/') // {})->{status} == 200 } 1 .. 60), 60,
    'a worker that hangs: all connections are served');
is(restarts($t), '0 0 0 0', 'before it is replaced');
kill 'CONT', $workers[2];
ok(wait_for { $t->status->{workers}[2]{state} eq 'ready' }, 'and it comes back');
is(($t->workers)[2], $workers[2], 'as the same');
$t->stop;

# ---- the monitor dies

$t = new(2);
@workers = $t->workers;
$monitor = $t->status->{monitor}{pid};
my $c = $t->connect;
$c->get('/');
kill 'KILL', $monitor;
is($c->get('/')->{status}, 200, 'the monitor is killed: traffic goes on');
ok(wait_for { my $s = eval { $t->status }; $s && $s->{monitor}{pid} != $monitor },
    'it comes back');
is($t->status->{monitor}{restarts}, 1, 'and says so');
is_deeply([$t->workers], \@workers, 'the workers are the same');
is($c->get('/')->{status}, 200, 'and their connections too');

# ---- a second start

my ($code, $out, $err) = run_program('-H', '127.0.0.1', '-p', $t->port, '-b',
    '127.0.0.1:1', '--run-dir', $t->dir . '/run', '--log-file', '-');
is($code, 1, 'a second start on the same address fails');
like($err, qr/127\.0\.0\.1:@{[$t->port]}\b.*\bin use\b/, 'names the address');
like($err, qr/\b@{[$t->pid]}\b/, 'and who has it');
is($t->get('/')->{status}, 200, 'the first one serves on');
is($t->status->{pid}, $t->pid, 'its admin socket is still there');
ok(-e $t->dir . '/run/status', 'and its status');
($code, $out, $err) = run_program('-H', '0.0.0.0', '-p', $t->port, '-b',
    '127.0.0.1:1', '--run-dir', $t->dir, '--log-file', '-');
is($code, 1, 'so does one on all addresses');

# ---- signals

kill $_, $t->pid for qw(USR1 WINCH);
is($c->get('/')->{status}, 200, 'these signals do no harm');
is_deeply([$t->workers], \@workers, 'nothing is restarted');
$t->stop;

for my $signal (qw(TERM INT QUIT)) {
	for my $load (0, 1) {
		$t = new(3);
		my @family = tree($t->pid);
		my @open = map { $t->connect } 1 .. $load * 10;
		$_->get('/') for @open;
		is($t->stop($signal), 0, "$signal: exit 0" . ($load ? ' with idle connections' : ''));
		ok(are_gone(@family), 'and no process is left');
		is(scalar(grep { !$_->is_closed } @open), 0, 'and no connection');
		ok(!Fairlead::Client->to_port($t->port), 'nor the port');
	}
}

# QUIT waits for requests, but not for ever.
$t = Fairlead::Test->new;
$origin = $t->origin('o', ['request', [mark => 'asked'], 'never']);
$t->start(args => ['--workers', 1], config => <<'END');
backends:
  - {host: "127.0.0.1", port: %%O%%}
shutdown_timeout: 500ms
END
$c = $t->connect;
$c->send(Fairlead::Client::request_of('/'));
ok(wait_for { $origin->is_marked('asked') }, 'a request that nobody answers');
my @family = tree($t->pid);
is($t->stop('QUIT'), 0, 'QUIT ends it after shutdown_timeout');
ok(are_gone(@family), 'and no process is left');
ok($c->is_closed, 'the client knows');

# A child that does not listen is killed.
$t = new(2);
@family = tree($t->pid);
kill 'STOP', ($t->workers)[0];
is($t->stop('TERM', 30), 0, 'TERM with a worker that hangs');
ok(are_gone(@family), 'and no process is left');

# ---- one process

$t = new(1, args => ['--mode', 'single']);
is_deeply([tree($t->pid)], [$t->pid], 'single mode is one process');
chmod 0777, $t->dir;	# it is nobody by now
rename $t->dir . '/error.log', $t->dir . '/error.log.1';
kill 'USR1', $t->pid;
ok((wait_for { -e $t->dir . '/error.log' && $t->log =~ /logs reopened/ }), 'USR1 opens its log anew');
is($t->get('/')->{status}, 200, 'it serves');
is($t->status->{pid}, $t->pid, 'and answers on the admin socket');
is($t->status->{workers}[0]{pid}, $t->pid, 'as worker');
is($t->status->{monitor}{pid}, $t->pid, 'and as monitor');
$c = $t->connect;
$c->get('/');
is($t->stop('QUIT'), 0, 'QUIT ends it');
ok($c->is_closed, 'and its connections');
for my $signal (qw(TERM INT)) {
	$t = new(1, args => ['--mode', 'single']);
	is($t->stop($signal), 0, "$signal ends it");
	ok(!-e $t->socket, 'and its socket');
}
TODO: {
	local $TODO = 'architecture.md: workers: 0 is the same';
	($code) = run_program('-t', '--workers', 0, '-b', '127.0.0.1:1');
	is($code, 0, '--workers 0');
}

# ---- the master dies

$t = new(2);
@family = tree($t->pid);
@workers = $t->workers;
$c = $t->connect;
$c->get('/');
kill 'KILL', $t->pid;
is($t->exit_code, 'signal 9', 'the master is killed');
is($c->get('/')->{status}, 200, 'its children serve on');
is($t->get('/')->{status}, 200, 'also new connections');
is(scalar(grep { is_alive($_) } @workers), 2, 'all of them');
ok(are_gone(@family), 'then they leave');
ok($c->is_closed, 'and their connections end');
ok(!Fairlead::Client->to_port($t->port), 'and the port is free');

finish();
