#!/usr/bin/perl
# t/daemon.t -- --daemon and the pid file: what is left when the command is
# back, what it says when it cannot start, and who may not start
use v5.36;
use Cwd qw(abs_path);
use JSON::PP ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
my $backend = $t->backend('b1');
my $dir = abs_path($t->dir);
my $run = "$dir/own";
my $pid_file = "$run/fairlead.pid";
my @started;

mkdir $run;
chdir $dir or die "$dir: $!";
$t->{port} = free_port();

sub config ($more = '') {
	spit('f.yaml', "backends: [{host: 127.0.0.1, port: $backend}]\n" .
	    "health_check: off\nlog: {file: error.log}\n$more");
	return ('-c', 'f.yaml', '-H', '127.0.0.1', '--workers', 2);
}

sub pid_in ($file) { return slurp($file) =~ /^(\d+)\n\z/ ? $1 : 0 }

# Runs it with -d until the command is back; the shell's pipe ends only when
# nobody holds it any more. (exit code, what it said)
sub daemon (@arguments) {
	my $command = join ' ', map { "'$_'" } Fairlead::Test::build() . '/fairlead',
	    '-d', '--run-dir', $run, @arguments;
	my $said = qx{$command 2>&1 </dev/null};
	my $code = $? >> 8;

	push @started, grep { $_ } pid_in($pid_file);
	return ($code, $said);
}

sub stop () {
	my $pid = pid_in($pid_file);
	my ($code, $out, $err) = run_program('--signal', 'stop', '--run-dir', $run);

	is("$code $out$err", '0 ', '--signal stop waits for its end, and says nothing');
	ok(!is_alive($pid), 'and it has ended');
	return;
}

END { kill 'KILL', grep { is_alive($_) } map { tree($_) } @started }

# ---- what runs when the command is back

my @config = config();
my ($code, $said) = daemon(@config, '-p', $t->port);
is($code, 0, 'the command is back') or diag($said, $t->log);
like($said, qr/^\S+ notice \d+: ready: [^\n]+\n\z/, 'and has said just that');
is($t->get('/')->{backend}, 'b1', 'by then it serves');
my $pid = pid_in($pid_file);
like(slurp("/proc/$pid/cmdline"), qr/^fairlead: master/, 'the pid file names the master');
is(sprintf('%o', (stat $pid_file)[2] & 07777), '644', 'its mode is 0644');
is(readlink "/proc/$pid/cwd", '/', 'it has left its directory');
my (undef, $parent, undef, $session) = slurp("/proc/$pid/stat") =~ /\) (\S) (\d+) (\d+) (\d+)/;
isnt($session, getpgrp, 'its session is its own');
isnt($session, $pid, 'which it does not lead: no terminal can become its');
isnt($parent, $$, 'it is nobody\'s child here');
my @family = tree($pid);
is(scalar @family, 4, 'master, two workers and the monitor');
for my $p (@family) {
	is_deeply([map { readlink "/proc/$p/fd/$_" } 0 .. 2], [('/dev/null') x 3],
	    'its standard descriptors are nobody\'s');
}
ok(-s "$dir/error.log", 'relative names are relative to where it was started');
my $status = JSON::PP::decode_json(slurp("$run/status"));
is("$status->{pid} $status->{verdict}", "$pid applied", 'so says the status file');

# ---- reload and upgrade read it from where it was

for my $order (qw(reload upgrade)) {
	my ($code, undef, $err) = run_program('--signal', $order, '--run-dir', $run, @config,
	    '-p', $t->port);
	is($code, 0, $order) or diag($err, slurp("$dir/error.log"));
}
is(JSON::PP::decode_json(slurp("$run/status"))->{generation}, 3, 'it serves the third');
is(pid_in($pid_file), $pid, 'in the same process');
is($t->get('/')->{backend}, 'b1', 'as before');

# ---- a second one

($code, $said) = daemon(@config, '-p', $t->port);
is($code, 1, 'a second start on its address is refused');
like($said, qr/cannot listen on .* in use by process $pid \(fairlead\)/, 'it says by whom');
($code, $said) = daemon(@config, '-p', free_port());
is($code, 1, 'and on another one, too');
like($said, qr/pid_file: \Q$pid_file\E is held by process $pid, which runs\n/, 'by the pid file');
like($said, qr/it did not start/, 'and the command says how that ended');
is(pid_in($pid_file), $pid, 'the file is as before');
is($t->get('/')->{backend}, 'b1', 'and the first one serves');
stop();
is_deeply([glob "$run/*"], [], 'nothing is left in the run directory');

# ---- what was left behind

spit($pid_file, "$$\n");
($code, $said) = daemon(@config, '-p', $t->port);
is($code, 0, 'a pid file that nobody holds is taken over') or diag($said);
isnt(pid_in($pid_file), $$, 'and names the new one');
$pid = pid_in($pid_file);
spit($pid_file, "$$\n");
kill 'TERM', $pid;
ok(wait_for { !is_alive($pid) }, 'it ends by TERM');
is(pid_in($pid_file), $$, 'a file that names another one is left alone');
unlink $pid_file;

# ---- pid_file

($code, $said) = daemon(config("pid_file: x.pid\n"), '-p', $t->port);
is($code, 0, 'pid_file, relative') or diag($said);
$pid = pid_in("$dir/x.pid");
push @started, $pid;
ok(is_alive($pid), 'is where it was started');
ok(!-e $pid_file, 'and the default one is not there');
($code, undef, $said) = run_program('--signal', 'stop', '--run-dir', $run);
is("$code $said", '0 ', '--signal finds it by its status');
ok(!-e "$dir/x.pid", 'it has gone');

($code, $said) = daemon(config("pid_file: off\n"), '-p', $t->port);
is($code, 0, 'pid_file: off') or diag($said);
push @started, $pid = JSON::PP::decode_json(slurp("$run/status"))->{pid};
ok(!-e $pid_file, 'is none');
run_program('--signal', 'stop', '--run-dir', $run);

chmod 0777, $run;
($code, $said) = daemon(config(), '-p', $t->port);
is($code, 1, 'a pid file that others can write is refused');
like($said, qr/others can write to \Q$run\E/, 'and why');
chmod 0755, $run;

# ---- it cannot start

($code, $said) = daemon(config("workers: many\n"), '-p', $t->port);
is($code, 1, 'a bad configuration');
like($said, qr{/f\.yaml:4:10: error}, 'is shown');
($code, $said) = daemon(config("log: {file: no/such/log}\n") , '-p', $t->port);
is($code, 1, 'a key that is given twice');
($code, $said) = daemon(config(), '-p', $t->port, '--log-file', 'no/such/log');
is($code, 1, 'a log that cannot be written');
like($said, qr{no/such/log: No such file}, 'is named');

# ---- one process

($code, $said) = daemon(config(), '-p', $t->port, '--mode', 'single');
is($code, 0, '--mode single') or diag($said);
is($t->get('/')->{backend}, 'b1', 'serves');
$pid = pid_in($pid_file);
is_deeply([map { readlink "/proc/$pid/fd/$_" } 0 .. 2], [('/dev/null') x 3],
    'and has left its terminal');
stop();

chdir '/';
finish();
