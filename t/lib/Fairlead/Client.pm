# t/lib/Fairlead/Client.pm -- a client that sends what it is told to, byte by byte
#
#	my $c = $t->connect;
#	$c->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n", pieces => 1);
#	my $r = $c->response;	# status, headers, fields, body, backend, raw
#	ok($c->is_closed, 'and the connection ends');
#
# Nothing is repaired, nothing is sent twice. Every wait has an end (20 s).
package Fairlead::Client;
use v5.36;
use Errno qw(EAGAIN EINTR ECONNRESET EPIPE);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(sleep time);

my $patience = 20;

sub wrap ($class, $s) {
	return if !$s;
	$s->blocking(0);
	return bless { socket => $s, buffer => '', end => '' }, $class;
}

# receive_buffer: so small that a server is held up by a client that waits
sub to_port ($class, $port, %o) {
	my $s = IO::Socket::INET->new(Proto => 'tcp') or return;

	setsockopt $s, SOL_SOCKET, SO_RCVBUF, $o{receive_buffer}
	    if $o{receive_buffer};
	CORE::connect $s, Socket::pack_sockaddr_in($port,
	    Socket::INADDR_LOOPBACK) or return;
	setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
	return $class->wrap($s);
}

sub to_socket ($class, $path) {
	return $class->wrap(scalar IO::Socket::UNIX->new(Peer => $path));
}

sub socket ($self) { return $self->{socket} }
sub port ($self) { return $self->{socket}->sockport }

# ---- sending

# True when all has left. pieces => N: so many bytes a time, each in a packet
# of its own, pause => seconds between them (1 ms).
sub send ($self, $bytes, %o) {
	my $size = $o{pieces} || length $bytes;

	for (my $at = 0; $at < length $bytes; $at += $size) {
		$self->send_some(substr $bytes, $at, $size) or return;
		sleep($o{pause} // 0.001) if $o{pieces};
	}
	return 1;
}

sub send_some ($self, $bytes) {
	my $end = time + $patience;

	while (length $bytes) {
		my $n = syswrite $self->{socket}, $bytes;
		if (defined $n) {
			substr $bytes, 0, $n, '';
		} elsif ($! != EAGAIN && $! != EINTR) {
			return;
		} elsif (time > $end) {
			return;
		} else {
			$self->wait_for_room;
		}
	}
	return 1;
}

# What comes meanwhile is kept, or an echo would lock both sides up.
sub wait_for_room ($self) {
	my $this = IO::Select->new($self->{socket});
	my ($readable) = IO::Select->select($this, $this, undef, 1);

	sysread $self->{socket}, $self->{buffer}, 262144, length $self->{buffer}
	    if $readable && @$readable;
	return;
}

# How many bytes the peer takes until it takes no more for `quiet` seconds.
sub send_until_blocked ($self, $bytes, $quiet = 0.5) {
	my $sent = 0;

	while ($sent < length $bytes) {
		my $n = syswrite $self->{socket}, $bytes, 65536, $sent;
		$sent += $n if $n;
		next if $n || IO::Select->new($self->{socket})->can_write($quiet);
		last;
	}
	return $sent;
}

sub half_close ($self) { return shutdown $self->{socket}, 1 }
sub close ($self) { return CORE::close $self->{socket} }

sub reset ($self) {
	setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
	return $self->close;
}

# ---- receiving

# Something more in the buffer: true. Else {end} says why: eof, reset, timeout.
sub fill ($self, $seconds = $patience) {
	return if $self->{end} =~ /eof|reset/;
	my $end = time + $seconds;

	while (1) {
		my $n = sysread $self->{socket}, $self->{buffer}, 262144,
		    length $self->{buffer};
		return $n if $n;
		if (defined $n || $! == ECONNRESET || $! == EPIPE) {
			$self->{end} = defined $n ? 'eof' : 'reset';
			return;
		}
		$self->{end} = 'timeout', return if time >= $end;
		IO::Select->new($self->{socket})->can_read($end - time);
	}
}

# All that comes until the peer closes. {end} tells how.
sub read_all ($self, $seconds = $patience) {
	my $end = time + $seconds;

	while (time < $end && $self->fill($end - time)) { }
	my $all = $self->{buffer};
	$self->{buffer} = '';
	return $all;
}

# The peer closes (or resets) and sends nothing more before.
sub is_closed ($self, $seconds = $patience) {
	return if length $self->{buffer} || $self->fill($seconds);
	return $self->{end} =~ /eof|reset/;
}

sub end ($self) { return $self->{end} }

# It stays open and silent for so long.
sub is_quiet ($self, $seconds = 0.2) {
	return !length $self->{buffer} && !$self->fill($seconds) &&
	    $self->{end} eq 'timeout';
}

# Calls back with each piece of the next `left` bytes; true if all came.
sub pieces ($self, $left, $callback) {
	while ($left > 0) {
		return if !length $self->{buffer} && !$self->fill;
		my $piece = $self->take($left);
		$left -= length $piece;
		$callback->($piece);
	}
	return 1;
}

sub take ($self, $n) { return substr $self->{buffer}, 0, $n, '' }

# The next `n` bytes, or what came of them.
sub bytes ($self, $n) {
	my $bytes = '';

	$self->pieces($n, sub ($piece) { $bytes .= $piece });
	return $bytes;
}

# Of an origin: sends back what comes, also what came with the head, and at the
# end "bye".
sub echo ($self) {
	while (length $self->{buffer} || $self->fill) {
		$self->send($self->{buffer}) or return 0;
		$self->{buffer} = '';
	}
	return $self->send('bye');
}

sub parse_head ($head) {
	my ($first, @lines) = split /\r\n/, $head;
	my ($version, $status, $reason) =
	    $first =~ m{^HTTP/(\d\.\d) (\d{3}) ?(.*)$} or return;
	my (%headers, @fields);

	for my $line (@lines) {
		my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or return;
		push @fields, [$name, $value];
		my $key = lc $name;
		$headers{$key} = defined $headers{$key} ?
		    "$headers{$key}, $value" : $value;
	}
	return { version => $version, status => $status, reason => $reason,
	    headers => \%headers, fields => \@fields, head => $head,
	    backend => $headers{'x-backend'} };
}

sub head ($self) {
	my $end;
	until (($end = index $self->{buffer}, "\r\n\r\n") >= 0) {
		$self->fill or return;
	}
	my $r = parse_head($self->take($end + 4));
	$r->{body} = '' if $r;
	return $r;
}

# The next response: undef if the connection ends before its head does. Its
# `is_whole` is false if the body was cut. method => 'HEAD' has no body.
# Sets body and trailers; true if the last chunk came.
sub chunks ($self, $r) {
	$r->{body} = '';
	while (1) {
		my $line = $self->line // return 0;
		return 0 if $line !~ /^[0-9a-f]+\z/;
		my $size = hex $line or last;
		while (length $self->{buffer} < $size + 2) {
			$self->fill or return 0;
		}
		$r->{body} .= $self->take($size);
		return 0 if $self->take(2) ne "\r\n";
	}
	$r->{trailers} = '';
	while (1) {
		my $line = $self->line // return 0;
		return 1 if $line eq '';
		$r->{trailers} .= "$line\n";
	}
}

# Without its CR LF.
sub line ($self) {
	my $end;

	until (($end = index $self->{buffer}, "\r\n") >= 0) {
		$self->fill or return;
	}
	return substr $self->take($end + 2), 0, $end;
}

sub response ($self, %o) {
	my $r = $self->head or return;
	my $length = $r->{headers}{'content-length'};

	$r->{is_whole} = 1;
	return $r if ($o{method} // '') eq 'HEAD' || $r->{status} =~ /^1|204|304/;
	if (($r->{headers}{'transfer-encoding'} // '') eq 'chunked') {
		$r->{is_whole} = $self->chunks($r);
		return $r;
	}
	if (!defined $length) {
		$r->{body} = $self->read_all;
		$r->{is_whole} = $self->{end} eq 'eof';
		return $r;
	}
	while (length $self->{buffer} < $length) {
		$self->fill or last;
	}
	$r->{is_whole} = length $self->{buffer} >= $length;
	$r->{body} = $self->take($length);
	return $r;
}

# ---- requests

# The bytes of a request; fields => [[name, value]...] behind Host.
sub request_of ($path, %o) {
	my @fields = (['Host', $o{host} // 'test'], @{ $o{fields} // [] });

	push @fields, ['Content-Length', length $o{body}] if defined $o{body};
	return sprintf "%s %s HTTP/%s\r\n%s\r\n%s",
	    $o{method} // (defined $o{body} ? 'POST' : 'GET'), $path,
	    $o{version} // '1.1', join('', map { "$_->[0]: $_->[1]\r\n" } @fields),
	    $o{body} // '';
}

# Sends it and returns the answer. send => {pieces => ...}
sub get ($self, $path, %o) {
	$self->send(request_of($path, %o), %{ $o{send} // {} });
	return $self->response(method => $o{method});
}

1;
