#!/usr/bin/perl
# t/completion.t -- what bash completes is what --help lists
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $file = "$FindBin::Bin/../contrib/fairlead.completion";
my $program = Fairlead::Test::build() . '/fairlead';

# What is offered for the last of these words.
sub completed (@words) {
	open my $bash, '-|', 'bash', '--norc', '-c', '. "$1"; shift
	    _fairlead "$1" "${@: -1}" "${@: -2:1}"
	    printf "%s\n" "${COMPREPLY[@]}"', '-', $file, $program, @words
	    or die "bash: $!";
	return [sort grep { length } map { s/\n//r } <$bash>];
}

SKIP: {
	skip 'there is no bash', 1 if !grep { -x "$_/bash" } split /:/, $ENV{PATH};
	my (undef, $help) = run_program('--help');
	my @options = $help =~ /^ +(--[a-z-]+|-\w(?=, ))/mg;
	push @options, $help =~ /^ +-\w, (--[a-z-]+)/mg;
	cmp_ok(scalar @options, '>', 20, '--help lists options');
	is_deeply(completed('-'), [sort @options], 'all of them are offered');
	is_deeply(completed('--he'), ['--header', '--help'], 'or those that begin so');

	my ($strategies) = $help =~ /--strategy NAME +(.*?)(?=\n +-)/s;
	my @names = sort grep { !/^(?:or|default)$/ } $strategies =~ /[a-z0-9-]+/g;
	is_deeply(completed('-s', ''), \@names, 'the strategies of --help');
	is_deeply(completed('--strategy', 'pe'), ['peak-ewma'], 'one of them');
	my ($levels) = $help =~ /--log-level LEVEL +(.*)/;
	is_deeply(completed('--log-level', ''),
	    [sort grep { !/default/ } $levels =~ /\w+/g], 'the levels');
	my ($signals) = $help =~ /--signal NAME +(.*)/;
	is_deeply(completed('--signal', ''), [sort grep { $_ ne 'or' }
	    $signals =~ /\w+/g], 'the names of signals') if $signals;
	is_deeply(completed('--config', "$FindBin::Bin/completion"),
	    ["$FindBin::Bin/completion.t"], 'files');
	is_deeply(completed('-b', ''), [], 'nothing, where there is nothing to say');
}
finish();
