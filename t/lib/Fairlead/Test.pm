# t/lib/Fairlead/Test.pm -- what every system test stands on
#
#	my $t = Fairlead::Test->new;
#	$t->backend('b1');		# a test-backend on a port of its own
#	$t->start(args => ['--workers', 2]);
#	is($t->get('/')->{backend}, 'b1', 'the request arrives');
#	finish();
#
# FAIRLEAD_BUILD names the directory of the programs. Each object has a
# directory for log, sockets and configuration; it goes when the test ends,
# unless FAIRLEAD_TEST_LEAVE=1. All that was started is ended by its pid, also
# when the test dies or is interrupted.
#
# finish() adds two claims: no alert in any log, no sanitizer report; then it
# calls done_testing.
package Fairlead::Test;
use v5.36;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Fairlead::Client;
use Fairlead::Origin;

our @EXPORT = qw(wait_for free_port refused_port finish run_program slurp spit
    bytes_of_backend is_alive tree);

my $build = abs_path($ENV{FAIRLEAD_BUILD} // '.');
my $owner = $$;
my @all;	# every object, for finish() and the end
my %running;	# pid => what it is; ended by whoever started it
my $is_finished;

# Nothing is kept where the program that is installed keeps it.
$ENV{FAIRLEAD_STATE_DIR} = tempdir('fairlead-state-XXXXXX', TMPDIR => 1,
    CLEANUP => 1);

$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
$SIG{PIPE} = 'IGNORE';

sub build { return $build }

INIT {	# not when perl -c only looks
	-x "$build/$_" or die "$build/$_ is not there; FAIRLEAD_BUILD tells where\n"
	    for qw(fairlead test-backend);
}

# ---- small things

# True as soon as the block is; false after so many seconds.
sub wait_for :prototype(&;$) {
	my ($condition, $seconds) = @_;
	my $end = time + ($seconds // 20);

	do {
		my $value = $condition->();
		return $value if $value;
		sleep 0.005;
	} while (time < $end);
	return;
}

# Free now, on all addresses, and none that the system gives to others: those
# begin at 32768. Who takes it must be ready to be refused.
sub free_port {
	for (1 .. 1000) {
		my $port = 10000 + int rand 10000;
		return $port if IO::Socket::INET->new(Listen => 1,
		    LocalAddr => '0.0.0.0', LocalPort => $port);
	}
	die 'no port';
}

# A port that refuses connections, and is nobody else's, until the test ends.
my @held;
sub refused_port {
	socket(my $s, Socket::PF_INET, Socket::SOCK_STREAM, 0) or die "socket: $!";
	bind($s, Socket::pack_sockaddr_in(0, Socket::INADDR_LOOPBACK))
	    or die "bind: $!";
	push @held, $s;
	return (Socket::unpack_sockaddr_in(getsockname($s)))[0];
}

sub slurp ($file) {
	open my $in, '<:raw', $file or return '';
	local $/;
	return <$in> // '';
}

sub spit ($file, $text) {
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $text;
	close $out or die "$file: $!";
	return $file;
}

# What the test backend sends for /bytes/N.
sub bytes_of_backend ($n) {
	state $period = pack 'C*', 0 .. 250;
	return substr $period x (1 + $n / 251), 0, $n;
}

# A zombie is not alive.
sub is_alive ($pid) {
	return slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) [^ZX]/s;
}

# A process and all that descend from it.
sub tree (@pids) {
	for (my $i = 0; $i < @pids; $i++) {
		push @pids, map { split ' ', slurp($_) }
		    glob "/proc/$pids[$i]/task/*/children";
	}
	return @pids;
}

# ---- processes

sub spawn ($what, $out, $err, @command) {
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $out;
		open STDERR, '>>', $err;
		{ no warnings 'exec'; exec { $command[0] } @command }
		print STDERR "$command[0]: $!\n";
		close STDERR;
		POSIX::_exit(127);
	}
	$running{$pid} = $what;
	return $pid;
}

# Its wait status once it has ended, undef if it does not in time.
sub reap ($pid, $seconds = 20) {
	my $status;

	wait_for {
		my $got = waitpid $pid, POSIX::WNOHANG();
		$status = $? if $got == $pid;
		$got != 0;
	} $seconds;
	delete $running{$pid} if defined $status;
	return $status;
}

sub end_process ($pid) {
	return if !$running{$pid};
	my @family = tree($pid);

	kill 'CONT', @family;
	kill 'TERM', $pid;
	if (!defined reap($pid, 10)) {
		diag("$running{$pid} did not end by TERM");
		kill 'KILL', @family;
		reap($pid, 5);
	}
	return;
}

# Runs fairlead to its end: (exit code or -1, stdout, stderr).
sub run_program (@arguments) {
	my $dir = tempdir('fairlead-run-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $pid = spawn('fairlead', "$dir/out", "$dir/err", "$build/fairlead",
	    @arguments);
	my $status = reap($pid);

	end_process($pid) if !defined $status;
	return (!defined $status || $status & 127 ? -1 : $status >> 8,
	    slurp("$dir/out"), slurp("$dir/err"));
}

# ---- one fairlead and what is behind it

sub new ($class) {
	my $dir = tempdir('fairlead-test-XXXXXX', TMPDIR => 1);
	my $self = bless { dir => $dir, backends => [], announced => [] }, $class;

	chmod 0755, $dir;
	for my $name (qw(run reports)) {	# workers are not root
		mkdir "$dir/$name";
		chmod 0777, "$dir/$name";
	}
	push @all, $self;
	return $self;
}

sub dir ($self) { return $self->{dir} }
sub port ($self) { return $self->{port} }
sub pid ($self) { return $self->{pid} }
sub log ($self) { return slurp("$self->{dir}/error.log") }
sub socket ($self) { return "$self->{dir}/run/admin.sock" }

# A test-backend; it answers when this returns. Its port. address, port: where
# it is, if not at any port of 127.0.0.1.
sub backend ($self, $name, %o) {
	my $file = "$self->{dir}/backend-$name";
	my $pid = spawn("test-backend $name", "$file.out", "$file.err",
	    "$build/test-backend", '-a', $o{address} // '127.0.0.1',
	    $o{port} // 0, $name);
	my $port = $o{port};

	# It tells a port that it has found, and listens before it does.
	wait_for { ($port) = slurp("$file.err") =~ /port (\d+)/ if !$o{port};
	    $port && IO::Socket::INET->new(PeerAddr => $o{address} // '127.0.0.1',
	    PeerPort => $port) }
	    or die "test-backend did not start: ", slurp("$file.err");
	push @{ $self->{backends} }, { name => $name, port => $port,
	    pid => $pid, file => $file };
	return $port;
}

# An origin that does as its scripts say (Fairlead::Origin). The object.
sub origin ($self, $name, @scripts) {
	my $origin = Fairlead::Origin->start("$self->{dir}/origin-$name",
	    @scripts);

	$running{ $origin->pid } = "origin $name";
	push @{ $self->{backends} }, { name => $name, port => $origin->port,
	    pid => $origin->pid };
	return $origin;
}

# An address that refuses connections. Its port.
sub refused ($self, $name) {
	push @{ $self->{backends} }, { name => $name, port => refused_port() };
	return $self->{backends}[-1]{port};
}

# Ends a test-backend and returns how many requests it counted.
sub count_of ($self, $name) {
	my ($b) = grep { $_->{name} eq $name } @{ $self->{backends} };

	end_process($b->{pid});
	return JSON::PP::decode_json(slurp("$b->{file}.out"))->{requests};
}

# %%DIR%%, %%PORT%%, and %%NAME%% for the port of a backend.
sub fill ($self, $text) {
	my %value = (DIR => $self->{dir}, PORT => $self->{port},
	    map { uc $_->{name} => $_->{port} } @{ $self->{backends} });

	$text =~ s/%%(\w+)%%/$value{$1} \/\/ die "%%$1%% means nothing"/ge;
	return $text;
}

sub environment ($self) {
	my $log = "log_path=$self->{dir}/reports/report";

	return (ASAN_OPTIONS => join(':', $ENV{ASAN_OPTIONS} // (), $log),
	    UBSAN_OPTIONS => join(':', $ENV{UBSAN_OPTIONS} // (), $log),
	    FAIRLEAD_STATE_DIR => "$self->{dir}/state",
	    map { $_ => $ENV{$_} }
	    grep { !/^(?:(?:AS|UBS)AN_OPTIONS|FAIRLEAD_STATE_DIR)$/ } keys %ENV);
}

# Nobody asks the backends but the test, unless its configuration says so.
sub quiet ($config) {
	return $config if $config =~ /health_check/;
	$config =~ s/^(\s*)(?=backends:)/$1health_check: off\n$1/mg;
	$config =~ s/(?<=[{,])(\s*)(?=backends:)/$1health_check: off, /g;
	return $config;
}

# The command line: config => text, else all backends by -b; args => [...];
# own_listeners: the configuration has them, with %%PORT%%; own_log: it says
# where the log goes; to: the arguments say where to; no_file: there is none; program: another.
sub command ($self, %o) {
	my $config = quiet($o{config} // "health_check: off\n");
	my @file = ('-c', spit("$self->{dir}/fairlead.yaml", $self->fill($config)));
	my @to = map { ('-b', "127.0.0.1:$_->{port}") } @{ $self->{backends} };

	@file = () if $o{no_file};
	return ($o{program} // "$build/fairlead",
	    $o{own_listeners} ? () : ('-H', '127.0.0.1', '-p', $self->{port}),
	    '--run-dir', "$self->{dir}/run",
	    $o{own_log} ? () : ('--log-file', "$self->{dir}/error.log"),
	    @file, $o{to} || defined $o{config} ? () : @to,
	    map { $self->fill($_) } @{ $o{args} // [] });
}

sub launch ($self, %o) {
	local %ENV = $self->environment;

	unlink "$self->{dir}/error.log";
	$self->{port} = $o{port} // free_port();
	$self->{pid} = spawn('fairlead', "$self->{dir}/stdout",
	    "$self->{dir}/stderr", $self->command(%o));
	my $is_up = sub { $o{own_log} ? $self->is_ready :
	    $self->log =~ /: ready: |"ready: / };
	wait_for { $is_up->() || !is_alive($self->{pid}) } 60;
	return $is_up->();
}

# Starts it and returns when it is ready: a port that somebody else was faster
# to take is replaced by another.
sub start ($self, %o) {
	for (1 .. 5) {
		last if $self->launch(%o);
		my $log = $self->log . slurp("$self->{dir}/stderr");
		end_process($self->{pid});
		reap($self->{pid});
		die "fairlead did not start: $log"
		    if defined $o{port} || $log !~ /in use/;
	}
	wait_for { $self->is_ready } or die 'it did not become ready: ', $self->log;
	return $self;
}

sub is_ready ($self) {
	my $c = Fairlead::Client->to_socket($self->socket) or return;

	my $r = $c->get('/readyz');
	return $r && $r->{status} == 200;
}

# Sends the signal and waits for the end: exit code, or "signal N", or undef.
sub stop ($self, $signal = 'TERM', $seconds = 20) {
	kill $signal, $self->{pid};
	return $self->exit_code($seconds);
}

sub exit_code ($self, $seconds = 20) {
	my $status = reap($self->{pid}, $seconds);

	return if !defined $status;
	return $status & 127 ? 'signal ' . ($status & 127) : $status >> 8;
}

# ---- asking it

sub connect ($self) {
	return Fairlead::Client->to_port($self->{port})
	    // die "connect to port $self->{port}: $!";
}

# One request on a connection of its own: status, headers, body, backend.
sub get ($self, $path = '/', %o) {
	return $self->connect->get($path, %o);
}

# (what the JSON says, the response)
sub admin ($self, $path) {
	my $c = Fairlead::Client->to_socket($self->socket)
	    // die "admin socket: $!";
	my $r = $c->get($path) // die "no answer to $path";

	return $r->{body} if $r->{headers}{'content-type'} !~ /json/;
	return JSON::PP::decode_json($r->{body});
}

sub status ($self) { return $self->admin('/v1/status') }
sub workers ($self) { return map { $_->{pid} } @{ $self->status->{workers} } }

# The backends as /v1/upstreams tells them, in the order of the configuration.
sub upstream ($self) {
	return @{ $self->admin('/v1/upstreams')->{upstreams}[0]{backends} };
}

sub in_flight ($self) {
	my $sum = 0;

	$sum += $_->{in_flight} for $self->upstream;
	return $sum;
}

# ---- the end

# A pattern of an alert that the test has provoked.
sub announce_alert ($self, $pattern) {
	push @{ $self->{announced} }, $pattern;
	return;
}

sub alerts ($self) {
	my @lines = grep { /^\S+ alert |"level":"alert"/ } split /\n/, $self->log;

	for my $known (@{ $self->{announced} }) {
		@lines = grep { $_ !~ $known } @lines;
	}
	return @lines;
}

sub sanitizer_reports ($self) {
	return grep { /Sanitizer|runtime error/ } map { slurp($_) }
	    glob "$self->{dir}/reports/* $self->{dir}/stderr $self->{dir}/*.err";
}

sub last_lines ($text) {
	my @lines = $text =~ /^.*\n/mg;
	return @lines > 20 ? @lines[-20 .. -1] : @lines;
}

sub end_all {
	my @pids = reverse sort { $a <=> $b } keys %running;

	end_process($_) for grep { $running{$_} eq 'fairlead' } @pids;
	end_process($_) for @pids;
	return;
}

sub finish {
	my (@alerts, @reports);

	end_all();
	for my $t (@all) {
		push @alerts, $t->alerts;
		push @reports, $t->sanitizer_reports;
	}
	is(join("\n", @alerts), '', 'no alert in the log');
	is(join("\n", @reports), '', 'no sanitizer report');
	$is_finished = 1;
	done_testing();
	return;
}

END {
	if ($$ == ($owner // 0)) {
		my $status = $?;
		end_all();
		for my $t (@all) {
			if ($ENV{FAIRLEAD_TEST_LEAVE}) {
				diag("left: $t->{dir}");
				next;
			}
			diag('log: ', last_lines($t->log), $t->sanitizer_reports)
			    if !$is_finished;
			remove_tree($t->{dir});
		}
		$? = $status;
	}
}

1;
