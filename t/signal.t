#!/usr/bin/perl
# t/signal.t -- --signal: whom it finds, what it tells, and how it waits
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('b1');
my $run = $t->dir . '/run';
my @b = ('-b', "127.0.0.1:$t->{backends}[0]{port}");

sub signal ($name, @arguments) {
	my ($code, $out, $err) = run_program('--signal', $name, '--run-dir', $run,
	    @arguments);

	is($out, '', 'nothing on standard output');
	return ($code, $err);
}

# ---- nobody is there

for my $name (qw(reload reopen upgrade quit stop)) {
	my ($code, $said) = signal($name, @b);
	is($code, 1, "$name: nobody runs");
	like($said, qr{--signal $name: none is running: nothing in \Q$run\E/status or \Q$run\E/fairlead.pid names one\n},
	    'and so it is said');
}

# ---- whoever is named is not told unless it is fairlead

my $other = fork // die;
if ($other == 0) {
	exec 'sleep', 100;
}
for my $file (["$run/status", qq({"pid":$other,"sequence":1,"generation":1,"verdict":"applied","diagnostics":[]}\n)],
    ["$run/fairlead.pid", "$other\n"]) {
	spit(@$file);
	my ($code, $said) = signal('stop', @b);
	is($code, 1, 'another process is not told');
	like($said, qr/none is running/, 'nothing runs');
	unlink $file->[0];
}
ok(is_alive($other), 'it lives');
kill 'KILL', $other;
waitpid $other, 0;

# ---- stop, quit

$t->start;
my ($code, $said) = signal('stop', '-c', $t->dir . '/no-such.yaml');
is("$code $said", '0 ', 'stop, whatever the configuration is');
is($t->exit_code, 0, 'by then it has ended');

$t->start;
my $client = $t->connect;
$client->send("GET /delay/300 HTTP/1.1\r\nHost: a\r\n\r\n");
wait_for { $t->in_flight == 1 };
($code, $said) = signal('quit', @b);
is("$code $said", '0 ', 'quit');
is($t->exit_code, 0, 'waits for its end');
is($client->response->{status}, 200, 'the request was answered');

# ---- what is bad is not even told

$t->start;
my $bad = spit($t->dir . '/bad.yaml', "workers: many\nbackends: [{host: 127.0.0.1, port: 1}]\n");
for my $name (qw(reload upgrade)) {
	($code, $said) = signal($name, '-c', $bad);
	is($code, 1, "$name with a bad configuration");
	like($said, qr/^\Q$bad\E:1:10: error: .*\n.*\n +\| +\^/m, 'shows what is wrong');
	unlike($t->log, qr/: signal \d+/, 'and tells nobody');
}

# ---- reload: the master's verdict

my $good = $t->dir . '/fairlead.yaml';
my @command = ('-c', $good, @b);
($code, $said) = signal('reload', @command);
is($code, 0, 'reload');
is($said, 'fairlead: reload applied: generation 2 serves (process ' . $t->pid . ")\n",
    'says what came of it');
is($t->status->{generation}, 2, 'so it is');

# What only the master finds wrong: our environment is not its.
spit($good, "health_check: off\nworkers: \${env:SIGNAL_TEST}\n");
{
	local $ENV{SIGNAL_TEST} = 1;
	($code, $said) = signal('reload', @command);
}
is($code, 1, 'a reload that the master rejects');
like($said, qr/^\Q$good\E:2:\d+: error: .*SIGNAL_TEST.*\n.*\n +\| +\^/m, 'shows its diagnostics');
like($said, qr/^fairlead: reload rejected: generation 2 serves \(process \d+\)\n\z/m, 'and its verdict');
spit($good, "health_check: off\n");

# Many at once: each has a verdict.
my @codes = map { waitpid $_, 0; $? >> 8 } map {
	my $pid = fork // die;
	if (!$pid) {
		open STDERR, '>', '/dev/null';
		exec Fairlead::Test::build() . '/fairlead', '--signal', 'reload',
		    '--run-dir', $run, @command;
	}
	$pid;
} 1 .. 5;
is("@codes", '0 0 0 0 0', 'five reloads at once');
is($t->get('/')->{backend}, 'b1', 'it serves');

# ---- reopen

rename $t->dir . '/error.log', $t->dir . '/error.log.1';
($code, $said) = signal('reopen');
is("$code $said", '0 ', 'reopen');
ok(-e $t->dir . '/error.log', 'by then the log is there again');

# How the last change went is still told.
spit($good, "wieght: 1\n");
kill 'HUP', $t->pid;
wait_for { $t->status->{config}{verdict} eq 'rejected' };
($code, $said) = signal('reopen');
is("$code $said", '0 ', 'reopen behind a reload that was rejected');
is($t->status->{config}{verdict}, 'rejected', 'which is still the verdict');
like($t->status->{config}{errors}[0], qr/unknown key "wieght"/, 'with its cause');
like(slurp("$run/status"), qr/"verdict":"rejected","diagnostics":\["[^]]*wieght/, 'also in the file');
spit($good, "health_check: off\n");

# ---- the pid file does where there is no status

unlink "$run/status";
spit("$run/fairlead.pid", $t->pid . "\n");
($code, $said) = signal('stop', @b);
is("$code $said", '0 ', 'stop, by the pid file');
is($t->exit_code, 0, 'has ended it');

# ---- usage

($code, $said) = signal('hup', @b);
is($code, 2, 'there is no such order');

finish();
