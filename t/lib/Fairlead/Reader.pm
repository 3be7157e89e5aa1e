# t/lib/Fairlead/Reader.pm -- a strict reader of HTTP/1, written for itself
#
#	my ($messages, $error) = requests_in($bytes);
#	my ($messages, $error) = responses_in($bytes, $was_closed, 'GET', 'HEAD'...);
#
# It knows nothing of fairlead's parser: what it accepts nobody can read in
# another way. $error is '' or says what is wrong; 'cut' is a last message that
# is not complete. A message: {line, fields, body, trailers, is_whole}.
package Fairlead::Reader;
use v5.36;
use Exporter qw(import);

our @EXPORT = qw(requests_in responses_in field_of);

my $token = qr/[!#\$%&'*+.^_`|~0-9A-Za-z-]+/;
my $value = qr/(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?/;

# The values of a field, lower-case name.
sub field_of ($m, $name) {
	return map { $_->[1] } grep { lc $_->[0] eq $name } @{ $m->{fields} };
}

# Takes a line off $$bytes; undef: there is none. Dies on what is no line.
sub line ($bytes) {
	return if $$bytes !~ s/^(.*?)\r\n//s;
	my $line = $1;
	die "a line with CR or LF\n" if $line =~ /[\r\n]/;
	return $line;
}

# Up to the empty line; undef: cut.
sub fields ($bytes) {
	my @fields;

	while (1) {
		my $line = line($bytes) // return;
		return \@fields if $line eq '';
		$line =~ /^($token):[ \t]*($value)[ \t]*$/ or die "no field: $line\n";
		push @fields, [$1, $2];
	}
}

sub chunks ($bytes, $m) {
	$m->{body} = '';
	while (1) {
		my $size = line($bytes) // return 0;
		$size =~ /^[0-9a-f]{1,15}$/ or die "chunk size $size\n";
		last if hex $size == 0;
		return 0 if length $$bytes < 2 + hex $size;
		$m->{body} .= substr $$bytes, 0, hex $size, '';
		(line($bytes) // '') eq '' or die "no end of a chunk\n";
	}
	$m->{trailers} = fields($bytes) // return 0;
	return 1;
}

sub one_hop ($m) {
	my @connection = map { lc } field_of($m, 'connection');

	for my $name (qw(keep-alive proxy-connection te proxy-authenticate
	    proxy-authorization)) {
		die "$name is for one hop\n" if field_of($m, $name);
	}
	die "two Connections\n" if @connection > 1;
	my $upgrades = () = field_of($m, 'upgrade');
	die "Upgrade without its option\n"
	    if $upgrades && ($connection[0] // '') ne 'upgrade';
	return $connection[0] // '';
}

# 'length', 'chunked' or ''.
sub framing ($m) {
	my @length = field_of($m, 'content-length');
	my @coding = field_of($m, 'transfer-encoding');

	die "two framings\n" if @length + @coding > 1;
	die "length $length[0]\n" if @length && $length[0] !~ /^\d{1,18}$/;
	die "coding $coding[0]\n" if @coding && $coding[0] ne 'chunked';
	die "Trailer without trailers\n"
	    if field_of($m, 'trailer') && !@coding;
	return @length ? 'length' : @coding ? 'chunked' : '';
}

sub by_length ($bytes, $m) {
	my ($n) = field_of($m, 'content-length');

	return 0 if length $$bytes < $n;
	$m->{body} = substr $$bytes, 0, $n, '';
	return 1;
}

sub forbidden_trailers ($m) {
	for my $f (@{ $m->{trailers} // [] }) {
		die "trailer $f->[0]\n" if $f->[0] =~ /^(?:host|content-.*|
		    transfer-encoding|connection|te|trailer|upgrade|cookie|
		    set-cookie|authorization|expect|via|forwarded|
		    x-forwarded-.*|cache-control|max-forwards|date)$/xi;
	}
	return;
}

sub request ($bytes) {
	my $line = line($bytes) // return;
	$line =~ m{^$token (?:/[!-~]*|\*) HTTP/1\.1$} or die "request line $line\n";
	my $m = { line => $line };
	$m->{fields} = fields($bytes) // return $m;
	my @host = field_of($m, 'host');
	die scalar(@host), " Hosts\n" if @host != 1;
	die "Host $host[0]\n" if $host[0] !~ /^[\w.:\[\]%~!\$&'()*+,;=-]+$/;
	my $option = one_hop($m);
	die "Connection: $option\n" if $option !~ /^(?:upgrade|)$/;
	my $framing = framing($m);
	$m->{is_whole} = $framing eq '' ? 1 : $framing eq 'length' ?
	    by_length($bytes, $m) : chunks($bytes, $m);
	forbidden_trailers($m);
	return $m;
}

sub response ($bytes, $was_closed, $method) {
	my $line = line($bytes) // return;
	$line =~ m{^HTTP/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$}
	    or die "status line $line\n";
	my $m = { line => $line, status => $1 };
	$m->{fields} = fields($bytes) // return $m;
	my $option = one_hop($m);
	my $framing = framing($m);
	if ($m->{status} =~ /^1|204/) {
		die "framing in a $m->{status}\n" if $framing ne '';
		$m->{is_whole} = 1;
	} elsif ($method eq 'HEAD' || $m->{status} == 304) {
		$m->{is_whole} = 1;
	} elsif ($framing eq '') {
		die "no framing and no close\n" if $option ne 'close';
		$m->{body} = $$bytes;
		$$bytes = '';
		$m->{is_whole} = $was_closed;
	} else {
		$m->{is_whole} = $framing eq 'length' ?
		    by_length($bytes, $m) : chunks($bytes, $m);
	}
	forbidden_trailers($m);
	return $m;
}

sub all ($bytes, $take) {
	my @messages;

	while ($bytes ne '') {
		my $m = eval { $take->(\$bytes) };
		return \@messages, $@ =~ s/\n\z//r if $@;
		return \@messages, 'cut' if !$m || !$m->{is_whole};
		push @messages, $m;
		if (($m->{status} // 0) == 101) {
			$m->{tunnel} = $bytes;
			last;
		}
	}
	return \@messages, '';
}

sub requests_in ($bytes) {
	return all($bytes, \&request);
}

sub responses_in ($bytes, $was_closed, @methods) {
	return all($bytes, sub ($rest) {
		@methods or die "bytes behind the last message\n";
		my $m = response($rest, $was_closed, $methods[0]);
		shift @methods if $m && $m->{is_whole} &&
		    ($m->{status} >= 200 || $m->{status} == 101);
		return $m;
	});
}

1;
