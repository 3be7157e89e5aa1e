#!/usr/bin/perl
# t/notify.t -- what the service manager is told, from the start to the end
use v5.36;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('b1');
my $path = $t->dir . '/notify';
my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path)
    or die "$path: $!";

# The next message that is no sign of life, in lines; none in time: undef.
sub told ($seconds = 10) {
	while (IO::Select->new($manager)->can_read($seconds)) {
		recv($manager, my $text, 4096, 0) // die "recv: $!";
		return join '|', split /\n/, $text if $text !~ /^WATCHDOG/;
	}
	return;
}

sub signs_of_life ($n) {
	my $got = 0;

	while ($got < $n && IO::Select->new($manager)->can_read(10)) {
		recv($manager, my $text, 4096, 0) // die "recv: $!";
		$got++ if $text eq 'WATCHDOG=1';
	}
	return $got;
}

# ---- ready, stopping

{
	local $ENV{NOTIFY_SOCKET} = $path;
	$t->start(args => ['--workers', 2]);
}
is(told(), 'READY=1|STATUS=2 workers, generation 1', 'ready, with a status');
is($t->stop('TERM'), 0, 'TERM');
is(told(), 'STOPPING=1', 'stopping');
is(told(0.2), undef, 'and no more');

# ---- reloads

{
	local $ENV{NOTIFY_SOCKET} = $path;
	$t->start(config => "backends: [{host: 127.0.0.1, port: %%B1%%}]\n",
	    args => ['--workers', 1]);
}
is(told(), 'READY=1|STATUS=1 workers, generation 1', 'ready');
kill 'HUP', $t->pid;
like(told(), qr/^RELOADING=1\|MONOTONIC_USEC=\d+$/, 'HUP: reloading');
is(told(), 'READY=1|STATUS=1 workers, generation 2', 'ready again');
spit($t->dir . '/fairlead.yaml', "workers: many\n");
kill 'HUP', $t->pid;
like(told(), qr/^RELOADING=1\|/, 'a bad configuration: reloading');
is(told(), 'READY=1|STATUS=generation 2; the last reload was rejected', 'ready as before');
spit($t->dir . '/fairlead.yaml', $t->fill("backends: [{host: 127.0.0.1, port: %%B1%%}]\n"));
kill 'USR2', $t->pid;
like(told(), qr/^RELOADING=1\|/, 'an upgrade is told as a reload');
is(told(), 'READY=1|STATUS=1 workers, generation 3', 'and by the binary behind it');
is($t->stop('TERM'), 0, 'TERM');
is(told(), 'STOPPING=1', 'stopping');

# ---- QUIT may take its time

{
	local $ENV{NOTIFY_SOCKET} = $path;
	$t->start(config => "shutdown_timeout: 20s\nbackends: [{host: 127.0.0.1, port: %%B1%%}]\n");
}
like(told(), qr/^READY=1/, 'ready');
is($t->stop('QUIT'), 0, 'QUIT');
is(told(), 'STOPPING=1|STATUS=finishing what is under way', 'stopping');
is(told(), 'EXTEND_TIMEOUT_USEC=30000000', 'for as long as shutdown_timeout, and some more');
is(told(0.2), undef, 'and no more');

# ---- an early end is no start

{
	local $ENV{NOTIFY_SOCKET} = $path;
	my ($code) = run_program('-b', 'a:1', '--workers', 'many');
	is($code, 1, 'a start that fails');
	is(told(0.2), undef, 'says nothing');
}

# ---- the watchdog

for my $mode ([], ['--mode', 'single']) {
	local $ENV{NOTIFY_SOCKET} = $path;
	local $ENV{WATCHDOG_USEC} = 100000;
	$t->start(args => $mode);
	like(told(), qr/^READY=1/, "ready @$mode");
	is(signs_of_life(4), 4, 'signs of life');
	is($t->stop('TERM'), 0, 'TERM');
	is(told(), 'STOPPING=1', 'stopping');
}

# ---- a manager that is not there

{
	local $ENV{NOTIFY_SOCKET} = $t->dir . '/nobody';
	$t->start;
}
is($t->get('/')->{status}, 200, 'it starts, whoever listens');
like($t->log, qr/ warn \d+: cannot tell the service manager: No such file/, 'and says so');

finish();
