#!/usr/bin/perl
# t/conf_bad.t -- the golden files: what is said of each bad file, to the
# letter; t/conf/bad/RULES tells what each file shows, and that all is shown
use v5.36;
use File::Basename qw(basename);
use File::Temp qw(tempfile);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Golden qw(bytes_of keys_of schema_keys schema_path
    diagnostics_of);
use Fairlead::Test;

my $conf = "$FindBin::Bin/conf";
my $source = "$FindBin::Bin/../src/conf";
my $build = Fairlead::Test::build();
my $schema = schema_keys($build);
cmp_ok(scalar keys %$schema, '>', 60, 'the reader lists its keys');

# What files ask of the environment.
$ENV{GOLDEN_PORT} = 'many';
$ENV{GOLDEN_EMPTY} = '';
$ENV{GOLDEN_BYTES} = "\xff";
$ENV{GOLDEN_HOST} = '127.0.0.1';
$ENV{GOLDEN_ONE} = 1;
my ($secret, $secret_name) = tempfile(UNLINK => 1);	# others cannot read it
print $secret "0123456789abcdef\n";
close $secret;
$ENV{GOLDEN_SECRET} = $secret_name;
delete $ENV{NO_SUCH_VARIABLE};

# ---- each file

sub said_of ($dir, $file) {
	chdir $dir or die "$dir: $!";
	return run_program('-t', '-c', $file);
}

sub diff ($want, $got) {
	my @names;

	for my $text ($want, $got) {
		my ($out, $name) = tempfile(UNLINK => 1);
		print $out $text;
		close $out;
		push @names, $name;
	}
	return qx{diff -u --label wanted --label said @names};
}

my @files = map { basename($_) } glob "$conf/bad/*.yaml";
cmp_ok(scalar @files, '>=', 120, 'the files are many');
for my $file (@files) {
	my $expected = "$conf/bad/$file" =~ s/yaml$/expected/r;
	my $want = bytes_of($expected);
	my ($code, $out, $err) = said_of("$conf/bad", $file);

	ok("$out$err" eq $want, $file) or diag(diff($want, "$out$err"));
	is($code, $file =~ /^warn-/ ? 0 : 1, 'its exit code');
}
is_deeply([map { basename($_) =~ s/expected$/yaml/r } glob "$conf/bad/*.expected"],
    \@files, 'none is without its text, none is left over');

# ---- they were checked against their sources

my $complaints = qx{$^X $conf/review $conf/bad/*.expected};
is($complaints, '', 'the reviewer finds nothing');

# ---- rules

# rule => [file ...]
sub rules_of ($name) {
	my %rules;

	for (split /\n/, bytes_of($name)) {
		next if /^#/;
		my ($rule, $file) = /^([^\t]+)\t([^\t]+)$/ or die "$name: $_\n";
		push @{ $rules{$rule} }, $file;
	}
	return \%rules;
}

# The key whose value stands at the place, or that a map there belongs to.
sub key_at ($text, $d) {
	my @lines = split /^/, $text;
	my $offset = $d->{column} - 1;
	my $last;

	$offset += length for @lines[0 .. $d->{line} - 2];
	for (sort { $a->[1] <=> $b->[1] } keys_of($text)) {
		last if $_->[1] >= $offset;
		$last = $_;
	}
	return $last && schema_path($schema, @{ $last->[0] });
}

# What a file's text has to say of the key, by the kind of rule.
sub shows ($kind, $key, $d) {
	my $k = $schema->{$key};
	my ($name) = $key =~ /(\w+)$/;
	my $range = qr/is out of range; "$name" takes \Q$k->{min}\E to \Q$k->{max}\E$/;

	return $d->{severity} eq 'error' && $d->{text} =~ $range if $kind eq 'range';
	return $d->{severity} eq 'error' && $d->{text} !~ /out of range/;
}

sub expected_of ($name) {
	return bytes_of("$conf/bad/$name" =~ s/yaml$/expected/r);
}

# True if a diagnostic of one of the files is about the key's value.
sub is_shown ($kind, $key, @names) {
	for my $name (@names) {
		my $text = bytes_of("$conf/bad/$name");
		my ($found) = diagnostics_of(expected_of($name));

		for (grep { shows($kind, $key, $_) } @$found) {
			return 1 if $_->{line} > 0 && $_->{file} eq $name &&
			    (key_at($text, $_) // '') eq $key;
		}
	}
	return 0;
}

# Rows of syntax.c: "problem|context|condition" => what is said.
sub syntax_rows {
	my ($table) = bytes_of("$source/syntax.c") =~
	    /^static const struct rule rules\[\] = \{\n(.*?)^\};/ms;
	my %rows;

	$table =~ s/\bIPV6_QUOTES\b/"put an IPv6 address in quotes"/g;
	$table =~ s/\bQUOTES\b/"put the value in quotes"/g;
	$table =~ s/"\s+"//g;
	for (split /^(?=\t\{ )/m, $table) {
		my $string = qr/NULL|"(?:[^"\\]|\\.)*"/;
		my ($problem, $context, $when, $c) =
		    /^\t\{ ($string),\s*($string),\s*(\w+),\s*('[^']+'|0),/
		    or next;
		my ($say) = /("(?:[^"\\]|\\.)*") \},\n/ or next;
		my $row = join '|', map { $_ eq 'NULL' ? '*' : s/"//gr }
		    $problem, $context;
		$rows{"$row|$when" . ($c eq '0' ? '' : " $c")} =
		    $say =~ s/^"|"$//gr =~ s/\\(.)/$1/gr;
	}
	return \%rows;
}

sub missing_rules ($rules) {
	my @missing;

	for my $key (sort keys %$schema) {
		my $k = $schema->{$key};
		push @missing, "type:$key"
		    if !is_shown('type', $key, @{ $rules->{"type:$key"} // [] });
		push @missing, "range:$key" if $k->{min} ne '-' &&
		    !is_shown('range', $key, @{ $rules->{"range:$key"} // [] });
	}
	my $rows = syntax_rows();
	for my $row (sort keys %$rows) {
		push @missing, "syntax:$row"
		    if !grep { index(expected_of($_), $rows->{$row}) >= 0 }
		    @{ $rules->{"syntax:$row"} // [] };
	}
	return @missing;
}

my $rules = rules_of("$conf/bad/RULES");
my %is_named = map { $_ => 1 } map { @$_ } values %$rules;
is(join(' ', grep { !$is_named{$_} } @files), '', 'each file is in RULES');
is(join(' ', grep { !-e "$conf/bad/$_" } sort keys %is_named), '',
    'and what is in RULES is there');
is_deeply([grep { /^(?:type|range):(.*)/ && !$schema->{$1} } sort keys %$rules], [],
    'its keys are keys of the schema');
cmp_ok(scalar keys %{ syntax_rows() }, '>', 30, "libyaml's messages are found");
is_deeply([missing_rules($rules)], [],
    "each row of the schema and each of libyaml's messages has its file");
# A file that shows something else does not do.
for my $pair (['type:workers', 'type-user.yaml'], ['range:workers', 'type-workers.yaml'],
    ['type:limits.connections', 'range-limits-connections.yaml'],
    ['type:timeouts.send', 'type-upstreams-timeouts-send.yaml'],
    ["syntax:found character that cannot start|*|AT_CHAR '\@'", 'syntax-percent.yaml']) {
	my ($rule, $file) = @$pair;
	ok((grep { $_ eq $rule } missing_rules({ %$rules, $rule => [$file] })),
	    "$rule is not shown by $file");
}

# ---- good files

my %is_used;
for my $file (glob "$conf/good/*.yaml $conf/short/*.yaml") {
	my ($code, $out, $err) = said_of($file =~ s{/[^/]*$}{}r, basename($file));
	my $is_tls = $file =~ m{/short/};

	is($code, 0, basename($file) . ' is good');
	like($out . $err, $is_tls ? qr/ 0 errors, 2 warnings\n.*configuration ok/ :
	    qr/^fairlead: \S+: configuration ok \(.*\)\n\z/, 'and so it is said');
	$is_used{$_} = 1 for grep { defined } map { schema_path($schema, @{ $_->[0] }) }
	    keys_of(bytes_of($file));
}
is_deeply([grep { !$is_used{$_} } sort keys %$schema], [],
    'each key of the schema is used in a good file');

finish();
