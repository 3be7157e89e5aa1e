#!/usr/bin/perl
# t/dump.t -- -T of every good file, fed back, is the same byte for byte
use v5.36;
use File::Temp qw(tempdir);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

# What files ask of the environment.
$ENV{GOLDEN_HOST} = '127.0.0.1';
$ENV{GOLDEN_ONE} = 1;

my $top = "$FindBin::Bin/..";
my $dir = tempdir('fairlead-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0600, $ENV{GOLDEN_SECRET} = spit("$dir/secret", 'x' x 16);
my @files = glob "$top/conf/*.yaml $top/t/conf/good/*.yaml";

cmp_ok(scalar @files, '>=', 2, 'there are files');
for my $file (@files) {
	my ($name) = $file =~ m{([^/]+/[^/]+)$};
	my ($code, $out) = run_program('-T', '-c', $file);
	is($code, 0, "$name is good");
	my $dumped = spit("$dir/dumped.yaml", $out);
	my ($code2, $out2, $err) = run_program('-T', '-c', $dumped);
	is($code2, 0, "$name: what is printed is good") or diag($err);
	is($out2, $out, "$name: and prints the same");
}

finish();
