# t/lib/Fairlead/Origin.pm -- a server that follows a script, good or bad
#
#	my $o = $t->origin('o1', ['request', [answer => 'hello'], 'again']);
#	$o->received(1);	# all bytes of its first connection
#
# Each connection has a process and a script: the first connection the first,
# the second the second, further ones the last. A script is a list of steps:
#
#	'request'		read a head and its body, by length or in chunks
#	'head'			read a head only
#	[body => N]		read N bytes
#	'to_end'		read until the peer closes
#	[send => BYTES, PIECE, PAUSE]	in pieces, with pauses in seconds
#	[answer => BODY, FIELD...]	a 200 with Content-Length
#	[bytes => N]		N bytes as test-backend's /bytes/N has them
#	[mark => NAME]		tell the test: $o->is_marked(NAME)
#	[until => NAME]		wait for the test: $o->go(NAME)
#	'again'			from the first step, while the peer stays
#	[maybe_close => P, MS]	with probability P close within MS, silently
#	'half_close', 'close', 'reset', 'never' (read on, answer nothing)
#	a sub			is called with the connection
#
# When a script ends, the connection is closed.
package Fairlead::Origin;
use v5.36;
use Errno qw(EINTR);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

# ---- what the test sees

# `prefix`: of the files with what connections received.
sub start ($class, $prefix, @scripts) {
	my $listener = IO::Socket::INET->new(Listen => 1024,
	    LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
	my $self = bless { prefix => $prefix, port => $listener->sockport }, $class;

	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0) {
		eval { serve($listener, $prefix, @scripts); 1 }
		    or print STDERR "origin: $@";
		POSIX::_exit(0);
	}
	return $self;
}

sub port ($self) { return $self->{port} }
sub pid ($self) { return $self->{pid} }

sub connections ($self) {
	my @files = grep { /\.\d+$/ } glob "$self->{prefix}.*";
	return scalar @files;
}

sub received ($self, $n) {
	open my $in, '<:raw', "$self->{prefix}.$n" or return '';
	local $/;
	return <$in> // '';
}

sub all_received ($self) {
	return join '', map { $self->received($_) } 1 .. $self->connections;
}

# How many request heads have come on all connections.
sub requests ($self) {
	my $n = () = $self->all_received =~ m{^[A-Z]+ \S+ HTTP/1\.\d\r$}mg;
	return $n;
}

sub is_marked ($self, $name) { return -e "$self->{prefix}.mark-$name" }

sub go ($self, $name) {
	open my $out, '>', "$self->{prefix}.go-$name" or die "$name: $!";
	return;
}

# ---- the process that accepts

sub serve ($listener, $prefix, @scripts) {
	my (%children, $is_ending);
	my $n = 0;

	$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { $is_ending = 1 };
	my $parent = getppid;
	until ($is_ending || getppid != $parent) {
		while ((my $gone = waitpid -1, POSIX::WNOHANG()) > 0) {
			delete $children{$gone};
		}
		IO::Select->new($listener)->can_read(0.2) or next;
		my $s = $listener->accept or next;
		my $script = $scripts[$n < @scripts ? $n : -1];
		$n++;
		# The file is there before the connection can be answered.
		open my $record, '>:raw', "$prefix.$n" or die "$prefix.$n: $!";
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			CORE::close $listener;
			talk($s, $record, $prefix, @$script);
			POSIX::_exit(0);
		}
		$children{$pid} = 1;
	}
	kill 'KILL', keys %children;
	waitpid $_, 0 for keys %children;
	return;
}

# ---- the process of a connection

sub talk ($s, $record, $prefix, @steps) {
	my $c = bless { socket => $s, record => $record, buffer => '',
	    prefix => $prefix, parent => getppid }, 'Fairlead::Origin::Connection';

	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
	$SIG{PIPE} = 'IGNORE';
	setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
	srand;
	my $goes_on;
	do {
		$goes_on = 0;
		for my $step (@steps) {
			my ($name, @more) = ref $step eq 'ARRAY' ? @$step : $step;
			$goes_on = 1, last if $name eq 'again';
			return if !(ref $name ? $name->($c) : $c->$name(@more));
		}
	} while ($goes_on);
	return;
}

package Fairlead::Origin::Connection;
use v5.36;
use Errno qw(EINTR);
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

# Each step returns false when the connection is over.

sub fill ($self) {
	while (1) {
		POSIX::_exit(1) if getppid != $self->{parent};
		IO::Select->new($self->{socket})->can_read(0.5) or next;
		my $n = sysread $self->{socket}, my $bytes, 262144;
		return 0 if !$n && !$!{EINTR};
		next if !$n;
		syswrite $self->{record}, $bytes;
		$self->{buffer} .= $bytes;
		return 1;
	}
}

sub head ($self) {
	my $end;

	until (($end = index $self->{buffer}, "\r\n\r\n") >= 0) {
		$self->fill or return 0;
	}
	$self->{head} = substr $self->{buffer}, 0, $end + 4, '';
	return 1;
}

sub body ($self, $n) {
	while ($n > length $self->{buffer}) {
		$n -= length $self->{buffer};
		$self->{content} .= $self->{buffer};
		$self->{buffer} = '';
		$self->fill or return 0;
	}
	$self->{content} .= substr $self->{buffer}, 0, $n, '';
	return 1;
}

sub request ($self) {
	$self->head or return 0;
	$self->{content} = '';
	return $self->chunks if $self->{head} =~ /^Transfer-Encoding: *chunked/mi;
	my ($n) = $self->{head} =~ /^Content-Length: *(\d+)/mi;
	return $self->body($n // 0);
}

# A chunked body as fairlead sends it: sizes alone, and trailer fields.
sub chunks ($self) {
	while (1) {
		my $end;
		until (($end = index $self->{buffer}, "\r\n") >= 0) {
			$self->fill or return 0;
		}
		my $line = substr $self->{buffer}, 0, $end + 2, '';
		return 0 if $line !~ /^([0-9a-f]{1,15})\r\n\z/;
		my $size = hex $1 or last;
		$self->body($size + 2) or return 0;
		$self->{content} = substr $self->{content}, 0, -2;
	}
	until ($self->{buffer} =~ s/^(?:[^\r\n]+\r\n)*\r\n//) {
		$self->fill or return 0;
	}
	return 1;
}

sub to_end ($self) {
	$self->{buffer} = '' while $self->fill;
	return 0;
}
sub never ($self) { return $self->to_end }

sub send ($self, $bytes, $piece = 0, $pause = 0.001) {
	my $size = $piece || length $bytes;

	for (my $at = 0; $at < length $bytes; $at += $size) {
		my $part = substr $bytes, $at, $size;
		while (length $part) {
			my $n = syswrite $self->{socket}, $part;
			return 0 if !defined $n && !$!{EINTR};
			substr $part, 0, $n // 0, '';
		}
		sleep $pause if $piece;
	}
	return 1;
}

sub answer ($self, $body, @fields) {
	return $self->send(join '', "HTTP/1.1 200 OK\r\n",
	    'Content-Length: ', length $body, "\r\n",
	    (map { "$_\r\n" } @fields), "\r\n",
	    $self->{head} =~ /^HEAD / ? '' : $body);
}

sub bytes ($self, $n) {
	my $period = pack 'C*', 0 .. 250;
	return $self->send(substr $period x (1 + $n / 251), 0, $n);
}

sub mark ($self, $name) {
	open my $out, '>', "$self->{prefix}.mark-$name" or return 0;
	return 1;
}

sub until ($self, $name) {
	until (-e "$self->{prefix}.go-$name") {
		POSIX::_exit(1) if getppid != $self->{parent};
		sleep 0.005;
	}
	return 1;
}

sub half_close ($self) { return shutdown $self->{socket}, 1 }
sub close ($self) { CORE::close $self->{socket}; return 0 }

sub reset ($self) {
	setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
	return $self->close;
}

sub maybe_close ($self, $probability, $ms) {
	return 1 if rand >= $probability;
	sleep rand($ms) / 1000;
	return $self->close;
}

1;
