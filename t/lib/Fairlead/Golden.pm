# t/lib/Fairlead/Golden.pm -- the files under t/conf, seen without fairlead
#
# What a YAML file says is found here by a reader of our own, which knows no
# more of YAML than those files use, so that it can judge what the program
# says of them: where each key stands, and what a printed diagnostic shows.
package Fairlead::Golden;
use v5.36;
use Exporter qw(import);

our @EXPORT_OK = qw(bytes_of lines_of keys_of schema_keys schema_path
    diagnostics_of);

sub bytes_of ($file) {
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	return <$in> // '';
}

# ---- text

# A character or, where it is no UTF-8, what the program counts as one.
my $character = qr/[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|
    [\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\x80-\xff]/x;

# One as it is shown: a tab as a space, what is no text as U+FFFD.
sub shown ($c) {
	return ' ' if $c eq "\t";
	return "\x{fffd}" if !utf8::decode($c) ||
	    $c =~ /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
	return $c;
}

# The lines of a file, without their ends, as they are shown.
sub lines_of ($file) {
	my $text = bytes_of($file) =~ s/\A\xef\xbb\xbf//r;

	return split /\r\n|[\n\r\x{85}\x{2028}\x{2029}]/,
	    join('', map { shown($_) } $text =~ /$character/g), -1;
}

# ---- keys and where they stand

my $quoted = qr/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/;
my $key = qr/($quoted|[^\s\[\]{},"'#&*!|>%@`-][^:#\[\]{},"]*?)\s*:(?=[\s,\]}]|\z)/;

sub bare ($word) {
	return $word =~ /\A(["'])(.*)\1\z/s ? $2 : $word;
}

# A list or map in brackets from `$$text` at `$at`; returns where it ends.
sub flow_keys ($text, $at, $path, $found) {
	my $is_map = substr($$text, $at, 1) eq '{';
	my $may_be_key = $is_map;

	pos($$text) = $at + 1;
	while (pos($$text) < length $$text) {
		my $here = pos $$text;
		if ($$text =~ /\G(?:\s+|#.*)/gc) {
		} elsif ($$text =~ /\G[\]}]/gc) {
			return pos $$text;
		} elsif ($$text =~ /\G,/gc) {
			$may_be_key = $is_map;
		} elsif ($may_be_key && $$text =~ /\G$key/gc) {
			push @$found, [[@$path, bare($1)], $here];
			$may_be_key = 0;
		} elsif ($$text =~ /\G[\[{]/) {
			my $inner = $is_map ? $found->[-1][0] : $path;
			pos($$text) = flow_keys($text, $here, [@$inner], $found);
		} else {
			$$text =~ /\G(?:$quoted|[^,\[\]{}\n]+|.)/gcs;
		}
	}
	return length $$text;
}

# Behind a key's ":" or a dash: what is no block of its own. Where it ends.
sub value_end ($text, $at, $column, $path, $found) {
	pos($$text) = $at;
	$$text =~ /\G[ \t]*(?:[&!]\S*[ \t]*)*/gc;
	return flow_keys($text, pos $$text, $path, $found) if $$text =~ /\G[\[{]/;
	if ($$text =~ /\G[|>][^\n]*\n/gc) {
		1 while $$text =~ /\G(?: {$column} [^\n]*|[ ]*)(?:\n|(?<=\N)\z)/gc;
		return pos $$text;
	}
	$$text =~ /\G(?:$quoted|[^\n#]|(?<=\S)#)*(?:#[^\n]*)?\n?/gc;
	return pos $$text;
}

# All keys of a text: [[names from the top], offset].
sub keys_of ($text) {
	my (@found, @open);	# open: [column, names]
	my $at = 0;

	while ($at < length $text) {
		pos($text) = $at;
		$text =~ /\G(?:[ \t\r]*(?:#[^\n]*)?\n)+/gc and $at = pos $text, next;
		my $column = $at - (1 + rindex $text, "\n", $at - 1);
		if ($text =~ /\G[ \t]+/gc || $text =~ /\G(?:---|%)[^\n]*\n/gc) {
			$at = pos $text;
		} elsif ($text =~ /\G-(?=\s)/gc) {
			pop @open while @open && $open[-1][0] > $column;
			$at = pos $text;
		} elsif ($text =~ /\G$key/gc) {
			pop @open while @open && $open[-1][0] >= $column;
			push @open, [$column, [@open ? @{ $open[-1][1] } : (), bare($1)]];
			push @found, [$open[-1][1], $at];
			$at = value_end(\$text, pos $text, $column, $open[-1][1], \@found);
		} else {
			$at = value_end(\$text, $at, $column,
			    @open ? $open[-1][1] : [], \@found);
		}
		last if !defined $at;
	}
	return @found;
}

# ---- the schema, as unit/conf/schema_test lists it

# key => { type, default, min, max, word }
sub schema_keys ($build) {
	my %keys;

	for (qx{$build/unit/conf/schema_test --keys}) {
		chomp;
		my ($name, @of) = split /\t/;
		@{ $keys{$name} }{qw(type default min max word)} = @of;
	}
	return \%keys;
}

# The name in the schema of a key of a file: without the names of a map, and
# an upstream's as those of the top level. Undef: there is none.
sub schema_path ($schema, @names) {
	my @path;

	while (@names) {
		push @path, shift @names;
		my $here = join '.', @path;
		if (!$schema->{$here} && $path[0] eq 'upstreams') {
			shift @path;
			$here = join '.', @path;
		}
		my $k = $schema->{$here} or return;
		shift @names if $k->{type} eq 'map' && @names;
	}
	return join '.', @path;
}

# ---- what was printed

# { file, line, column, severity, text, excerpt, caret, notes } of each, then
# the lines that are none.
sub diagnostics_of ($text) {
	my @lines = split /\n/, $text;
	my (@found, @rest);

	while (@lines) {
		my $line = shift @lines;
		if ($line =~ /^([^:]+):(\d+):(\d+): (error|warning): (.*)/) {
			push @found, { file => $1, line => $2, column => $3,
			    severity => $4, text => $5, notes => [],
			    excerpt => shift @lines // '', caret => shift @lines // '' };
		} elsif ($line =~ /^([^:]+): (error|warning): (.*)/) {
			push @found, { file => $1, line => 0, column => 0,
			    severity => $2, text => $3, notes => [] };
		} elsif ($line =~ /^      = note: (.*)/ && @found) {
			push @{ $found[-1]{notes} }, $1;
		} else {
			push @rest, $line;
		}
	}
	return (\@found, \@rest);
}

1;
