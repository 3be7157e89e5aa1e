# t/lib/Fairlead/Names.pm -- a name server (dnsmasq) whose answers change
#
#	my $dns = Fairlead::Names->start($dir);
#	$dns->set({ 'app.test' => ['127.0.0.1', '127.0.0.2'] },
#	    { '_web._tcp.test' => ['app.test 8080 PRIORITY WEIGHT'] });
#	... "127.0.0.1:" . $dns->port ...
#	$dns->stop;	# and ->run again
#
# It knows the domain "test" alone, asks nobody else, and says a TTL of 1 s.
# Debian's dnsmasq-base has it. It ends with the script.
package Fairlead::Names;
use v5.36;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my $owner = $$;
my %running;
my ($program) = grep { -x } '/usr/sbin/dnsmasq', '/usr/bin/dnsmasq';

sub is_there ($class) { return defined $program }

# Free for UDP and for TCP, and none that the system gives to others while the
# server is stopped: those begin at 32768.
sub free_port {
	for (1 .. 100) {
		my $port = 20000 + int rand 12000;
		my @free = grep { IO::Socket::INET->new(Proto => $_,
		    LocalAddr => '127.0.0.1', LocalPort => $port) } qw(udp tcp);
		return $port if @free == 2;
	}
	die 'no port';
}

sub start ($class, $dir) {
	my $self = bless { dir => $dir, port => free_port() }, $class;

	$self->set({}, {});
	return $self;
}

sub port ($self) { return $self->{port} }

sub write_file ($self, $name, @lines) {
	open my $out, '>', "$self->{dir}/$name" or die "$name: $!";
	print {$out} map { "$_\n" } @lines;
	close $out or die "$name: $!";
	return;
}

# What it says from now on: addresses by name, SRV records by name. Other
# addresses are read again by the running one; records make it start anew.
sub set ($self, $addresses, $records = undef) {
	$self->write_file('names', map { my $name = $_;
	    map { "$_ $name" } @{ $addresses->{$name} } } sort keys %$addresses);
	if (!$records) {
		kill HUP => $self->{pid} if $self->{pid};
		return;
	}
	$self->stop;
	$self->write_file('dnsmasq.conf', "port=$self->{port}",
	    'listen-address=127.0.0.1', 'bind-interfaces', 'no-resolv',
	    'no-hosts', 'no-poll', 'user=', 'group=', 'pid-file=', 'local-ttl=1',
	    'local=/test/', "addn-hosts=$self->{dir}/names",
	    map { my $name = $_; map { 'srv-host=' . join ',', $name, split }
	    @{ $records->{$name} } } sort keys %$records);
	$self->run;
	return;
}

# An answer to any question shows that it is there.
sub is_up ($self) {
	my $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1',
	    PeerPort => $self->{port}) or return;

	$s->send(pack('n6', 1, 0x100, 1, 0, 0, 0) . "\4test\0" . pack('n2', 1, 1));
	vec(my $bits = '', $s->fileno, 1) = 1;
	return select($bits, undef, undef, 0.05) &&
	    defined $s->recv(my $answer, 512);
}

sub run ($self) {
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/dnsmasq.out";
		open STDERR, '>&', \*STDOUT;
		{ no warnings 'exec'; exec $program, '-k',
		    "--conf-file=$self->{dir}/dnsmasq.conf", '--log-facility=-' }
		POSIX::_exit(127);
	}
	$running{$pid} = 1;
	$self->{pid} = $pid;
	for (my $end = time + 10; !$self->is_up; sleep 0.01) {
		die 'dnsmasq does not answer' if time > $end;
	}
	return;
}

sub stop ($self) {
	my $pid = delete $self->{pid} or return;

	kill KILL => $pid;
	waitpid $pid, 0;
	delete $running{$pid};
	return;
}

END {
	if ($$ == $owner) {
		my $status = $?;
		kill KILL => keys %running;
		$? = $status;
	}
}

1;
