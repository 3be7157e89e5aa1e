#!/usr/bin/perl
# t/schema.t -- conf/fairlead.schema.json is what the tables of keys make of it,
# and what is in it is true
use v5.36;
use JSON::PP ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $file = "$FindBin::Bin/../conf/fairlead.schema.json";
my ($code, $text, $err) = run_program('--schema');
is("$code $err", '0 ', '--schema');
ok($text eq slurp($file), 'the file is what --schema prints')
    or diag('make schema makes it anew');
my $schema = JSON::PP->new->decode($text);

# Every object in it that has properties, by its path.
my %sections;
sub walk ($at, $path) {
	if (ref $at eq 'ARRAY') {
		walk($_, $path) for @$at;
	} elsif (ref $at eq 'HASH') {
		$sections{$path} = $at if ref $at->{properties} &&
		    exists $at->{additionalProperties};
		for my $key (grep { $_ ne 'oneOf' } sort keys %$at) {
			walk($at->{$key}, $path), next if $key ne 'properties';
			walk($at->{properties}{$_}, "$path.$_")
			    for sort keys %{ $at->{properties} };
		}
	}
}
walk($schema, '');
cmp_ok(scalar keys %sections, '>', 15, 'it has many sections');
for my $path (sort keys %sections) {
	my $s = $sections{$path};
	my @keys = sort keys %{ $s->{properties} };
	ok(!$s->{additionalProperties}, "$path/ knows its keys");
	is_deeply([grep { !$s->{properties}{$_} } @{ $s->{required} }], [],
	    "$path/ requires only some of them");
	is_deeply([grep { my $p = $s->{properties}{$_};
	    !($p->{title} && $p->{description} && ref $p->{anyOf} eq 'ARRAY') }
	    @keys], [], "$path/: each has title, description and alternatives");
}

# Who reads null as absent says so, and who needs a value does not.
sub takes_null ($s) {
	return scalar grep { ($_->{type} // '') eq 'null' } @{ $s->{anyOf} };
}
ok(takes_null($schema->{properties}{workers}), 'null is as good as absent');
my ($item) = grep { $_->{items} } @{ $schema->{properties}{listeners}{anyOf} };
ok(!takes_null($item->{items}{properties}{address}), 'not where it is required');

# A pattern is one that Perl knows, too.
my @patterns = $text =~ /"pattern": ("(?:[^"\\]|\\.)*")/g;
cmp_ok(scalar @patterns, '>', 20, 'there are patterns');
my %by_text = map { $_ => 1 } @patterns;
for (sort keys %by_text) {
	my $pattern = JSON::PP->new->allow_nonref->decode($_);
	$pattern =~ s/\[\^\]/[\\s\\S]/g;	# ECMA's "any character"
	ok(eval { qr/$pattern/ }, "$pattern is a pattern");
}

finish();
