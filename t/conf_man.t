#!/usr/bin/perl
# t/conf_man.t -- fairlead.yaml(5) and the reader's table have the same keys,
# with the same types, defaults, ranges and first versions; and the manual's
# examples are good
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $top = "$FindBin::Bin/..";
my $build = $ENV{FAIRLEAD_BUILD} // '.';
my $lister = "$build/unit/conf/schema_test";

my %word_of = (
	string => 'string', integer => 'number', size => 'size', rate => 'rate',
	duration => 'duration', choice => 'word', block => 'map',
	list => 'list', map => 'map', boolean => 'boolean',
	address => 'address', text => 'text', path => 'path',
	pattern => 'pattern',
	percentage => 'percentage',
);

sub slurp {
	my ($name) = @_;
	open my $fh, '<', $name or die "$name: $!\n";
	local $/;
	return scalar <$fh>;
}

# What the program knows: key => "type, default D, A to B, since V".
sub keys_of_reader {
	my ($lines) = @_;
	my %keys;
	for (split /\n/, $lines) {
		my ($key, $type, $default, $min, $max, undef, $since) =
		    split /\t/;
		$keys{$key} = describe($word_of{$type} // "unknown $type",
			$default, $min, $max, $since);
	}
	return \%keys;
}

sub describe {
	my ($type, $default, $min, $max, $since) = @_;
	return "$type, default $default, $min to $max, since $since";
}

# What the manual says. Nested lists are nested keys; what is said of all of
# them goes for those that do not say otherwise.
sub keys_of_manual {
	my ($text) = @_;
	my ($section) = $text =~ /^\.Ss Keys\n(.*?)^\.S[sh] /ms or return {};
	my ($since_all) =
	    $section =~ /^Keys are there since\n\.Ql (\S+)\n/m or return {};
	my (@path, %keys, %at);
	my $depth = 0;
	for (split /\n(?=\.(?:Bl|El|It))/, $section) {
		/^\.Bl/ and $depth++;
		/^\.El/ and $depth--, $#path = $depth - 1, next;
		/^\.It Ic (\w+) : Ar (\w+)\n(.*)/s or next;
		my ($name, $type, $body) = ($1, $2, $3);
		$#path = $depth - 2 if $depth > 1 || @path;
		push @path, $name;
		my ($default) = $body =~ /^The default is\n\.Ql (\S+) \.$/m;
		my ($min, $max) =
		    $body =~ /^The range is\n\.Ql (\S+)\nto\n\.Ql (\S+) \.$/m;
		my ($since) = $body =~ /^It is there since\n\.Ql (\S+) \.$/m;
		$keys{join '.', @path} = describe($type, $default // '-',
			$min // '-', $max // '-', $since // $since_all);
	}
	return \%keys;
}

# Lines that say what is in one and not, or otherwise, in the other.
sub differences {
	my ($reader, $manual) = @_;
	my @lines;
	for my $key (sort keys %{{%$reader, %$manual}}) {
		my $r = $reader->{$key} // 'absent';
		my $m = $manual->{$key} // 'absent';
		push @lines, "$key: reader: $r; manual: $m" if $r ne $m;
	}
	return @lines;
}

system('make', '-s', '-C', $build, 'unit/conf/schema_test') if !-x $lister;
my $lines = `$lister --keys`;
is($?, 0, 'the reader lists its keys');
my $page = slurp("$top/man/fairlead.yaml.5");
my $reader = keys_of_reader($lines);
my $manual = keys_of_manual($page);
cmp_ok(scalar keys %$reader, '>', 15, 'they are many');
is_deeply([differences($reader, $manual)], [],
	'the manual has the same keys, types, defaults and ranges');

# The comparison notices what it is for, in both directions.
for my $key (sort keys %$reader) {
	my %less = %$reader;
	delete $less{$key};
	my @found = differences(\%less, $manual);
	is(scalar @found, 1, "$key would be missed in the reader");
	my ($name) = $key =~ /(\w+)$/;
	(my $cut = $page) =~ s/^\.It Ic \Q$name\E : /.It Ic x$name : /m;
	isnt(scalar differences($reader, keys_of_manual($cut)), 0,
		"$key would be missed in the manual");
}
(my $changed = $page) =~ s/^\.Ql 75s \.$/.Ql 76s ./m;
is_deeply([differences($reader, keys_of_manual($changed))],
	['timeouts.keep_alive: reader: duration, default 75s, 1ms to 1d, ' .
	 'since 0.1.0; ' .
	 'manual: duration, default 76s, 1ms to 1d, since 0.1.0'],
	'a wrong default is noticed');
($changed = $page) =~ s/^\.Ql 75s \.$/.Ql 75s .\nIt is there since\n.Ql 0.2.0 ./m;
is_deeply([differences($reader, keys_of_manual($changed))],
	['timeouts.keep_alive: reader: duration, default 75s, 1ms to 1d, ' .
	 'since 0.1.0; ' .
	 'manual: duration, default 75s, 1ms to 1d, since 0.2.0'],
	'so is a wrong version');

# Every default stands in the commented example, every example is good.
my $example = slurp("$top/conf/fairlead.yaml");
for (split /\n/, $lines) {
	my ($key, $type, $default) = split /\t/;
	my ($name) = $key =~ /(\w+)$/;
	next if $default eq '-' || $name eq 'weight';
	like($example, qr/^\s*#?\s*\Q$name\E: \Q$default\E(\s|$)/m,
		"conf/fairlead.yaml shows $key: $default");
}
my $dir = tempdir(CLEANUP => 1);
my @files = ("$top/conf/fairlead.yaml", "$top/conf/backends.yaml");
while ($page =~ /^\.Bd[^\n]*\n((?:backends|listeners|routes):\n.*?)^\.Ed/msg) {
	push @files, "$dir/" . @files . '.yaml';
	open my $fh, '>', $files[-1] or die "$files[-1]: $!\n";
	print $fh $1 =~ s/\\e/\\/gr;
	close $fh or die "$files[-1]: $!\n";
}
cmp_ok(scalar @files, '==', 8, 'the manual has six examples');
@ENV{qw(API_HOST API_PORT)} = ('192.0.2.10', 8080);
for my $file (@files) {
	my $said = `$build/fairlead -t -c $file 2>&1`;
	like($said, qr/\A\S+ \S+ configuration ok \(.*\)\n\z/,
		"$file is good");
}
done_testing();
