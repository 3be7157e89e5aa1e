#!/usr/bin/perl
# t/upgrade.t -- SIGUSR2: another binary in the same process, or none
use v5.36;
use Test::More;
use Time::HiRes qw(sleep);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;
use JSON::PP ();

my $t = Fairlead::Test->new;
$t->backend($_) for qw(b1 b2);
my $run = $t->dir . '/run';
my $real = Fairlead::Test::build() . '/fairlead';
my $program = $t->dir . '/fairlead';

sub told { return JSON::PP::decode_json(slurp("$run/status")) }

# What the path leads to from now on.
sub install ($what) {
	symlink $what, "$program.new" or die;
	rename "$program.new", $program or die;
}

sub script ($text) {
	state $n = 0;
	my $name = spit($t->dir . '/script-' . ++$n, "#!/bin/sh\n$text\n");

	chmod 0755, $name;
	return $name;
}

sub upgrade {
	my $before = told()->{sequence};
	kill 'USR2', $t->pid;
	wait_for { told()->{sequence} > $before && told()->{verdict} =~ /ed$/ };
	return told()->{verdict};
}

sub descriptors { return scalar(() = glob "/proc/@{[$t->pid]}/fd/*") }

install($real);
$t->start(program => $program, args => ['--workers', 2]);
my $c = $t->connect;
my $idle = $t->connect;
$idle->get('/');
is($c->get('/')->{status}, 200, 'it serves');
my $status = $t->status;
my @old = $t->workers;

# ---- a good one

is(upgrade(), 'applied', 'USR2');
is($t->status->{pid}, $t->pid, 'keeps the pid');
ok(is_alive($t->pid), 'which is alive');
is($t->status->{generation}, 2, 'another generation serves');
is($t->status->{started}, $status->{started}, 'started when it was');
ok((wait_for { !grep { is_alive($_) } @old }), 'the old workers end');
is($c->get('/')->{status}, 200, 'a connection goes on');
is($idle->get('/')->{status}, 200, 'an idle one, too');
like($t->log, qr/upgrade: version (\S+) goes on where \1 was$/m, 'the log tells of it');
my $counted = 0;
$counted += $_->{requests} for $t->upstream;
is($counted, 4, 'counters go on');
my $descriptors = descriptors();
is(upgrade(), 'applied', 'again');
ok((wait_for { descriptors() <= $descriptors }), 'no descriptor is left over');

# ---- bad ones change nothing

my @same = $t->workers;
my $generation = $t->status->{generation};
for my $bad (
    ['that exits', script('echo something is missing >&2; exit 1'),
	qr/something is missing \S*fairlead rehearsed with exit status 1/],
    ['that crashes', script('kill -SEGV $$'), qr/died by signal 11 in its rehearsal/],
    ['that is none', spit($t->dir . '/text', "no program\n"), qr/Permission denied|Exec format error/],
    ['that is not there', $t->dir . '/nowhere', qr/No such file or directory/]) {
	my ($what, $path, $why) = @$bad;
	install($path);
	is(upgrade(), 'rejected', "a binary $what");
	like("@{ told()->{diagnostics} }", $why, 'the status says why');
	is($c->get('/')->{status}, 200, 'the old one serves');
	is_deeply([$t->workers], \@same, 'by the same workers');
}
install($real);
my $file = $t->dir . '/fairlead.yaml';
my $good = slurp($file);
spit($file, "$good\nwieght: 1\n");
is(upgrade(), 'rejected', 'a configuration that cannot be read');
like("@{ told()->{diagnostics} }", qr/unknown key "wieght"/, 'the status says why');
is($c->get('/')->{status}, 200, 'the old one serves');
is($t->status->{generation}, $generation, 'nothing has changed');
spit($file, $good);

# ---- it is a master like any other

is(upgrade(), 'applied', 'another good one');
my ($worker) = $t->workers;
kill 'KILL', $worker;
ok((wait_for { (grep { $_->{state} eq 'ready' && $_->{pid} != $worker }
    @{ $t->status->{workers} }) == 2 }), 'a worker that dies is replaced');
kill 'HUP', $t->pid;
ok((wait_for { $t->status->{generation} == $generation + 2 }), 'HUP brings another generation');

# While a request is under way, and for those who are old; the killed worker may
# have had any of them.
$_->close for $c, $idle;
$c = $t->connect;
$idle = $t->connect;
$idle->get('/');
$c->send("GET /delay/1500 HTTP/1.1\r\nHost: a\r\n\r\n");
wait_for { $t->in_flight == 1 };
my @busy = $t->workers;
is(upgrade(), 'applied', 'USR2 while a request is under way');
rename $t->dir . '/error.log', $t->dir . '/error.log.1';
kill 'USR1', $t->pid;
ok((wait_for { -e $t->dir . '/error.log' && grep { $t->log =~ / info $_: logs reopened$/m } @busy }),
    'USR1: the worker of before writes to the new log, too');
is(upgrade(), 'applied', 'and again');
is($c->response->{status}, 200, 'it is answered');
is($c->get('/')->{status}, 200, 'the connection goes on');
kill 'USR2', $t->pid for 1 .. 10;
kill 'HUP', $t->pid for 1 .. 10;
is(upgrade(), 'applied', 'many at once');
is($c->get('/')->{status}, 200, 'the connection goes on');
is($idle->get('/')->{status}, 200, 'and the idle one');
ok((wait_for { @{ $t->status->{workers} } == 2 }), 'old workers end');
$t->announce_alert(qr/died by signal 9/);
is($t->stop('QUIT'), 0, 'QUIT');

# ---- whoever is to stop does not change any more

for my $change (qw(USR2 HUP)) {
	for my $ms (0, 5, 15, 40) {
		$t->start(program => $program, args => ['--workers', 1]);
		kill $change, $t->pid;
		sleep $ms / 1000;
		is($t->stop('QUIT'), 0, "QUIT $ms ms behind $change");
		is(join('', $t->alerts), '', 'without an alert');
	}
}

finish();
