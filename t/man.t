#!/usr/bin/perl
# t/man.t -- fairlead(8) and the program say the same
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $top = "$FindBin::Bin/..";
my $man = slurp("$top/man/fairlead.8");

sub section ($name) {
	return $man =~ /^\.Sh \Q$name\E\n(.*?)(?=^\.Sh |\z)/ms ? $1 : '';
}

# ---- options: --help, OPTIONS and SYNOPSIS

my (undef, $help) = run_program('--help');
my %in_help;
while ($help =~ /^ +(?:-(\w), )?--([a-z-]+)/mg) {
	$in_help{"--$2"} = $1 ? "-$1" : '';
}
my %in_man;
my $options = section('OPTIONS');
while ($options =~ /^\.It (?:Fl (\w) , )?Fl Fl ([a-z-]+)/mg) {
	$in_man{"--$2"} = $1 ? "-$1" : '';
}
cmp_ok(scalar keys %in_help, '>=', 13, '--help lists options');
is_deeply(\%in_man, \%in_help, 'OPTIONS and --help list the same');

my $synopsis = section('SYNOPSIS');
my %short = map { $_ => 1 } map { split // } $synopsis =~ /^\.Op Fl (\w+)/mg;
my %long = map { $_ => 1 } $synopsis =~ /^\.Op Fl Fl ([a-z-]+)/mg;
for my $option (sort keys %in_help) {
	my ($name, $letter) = map { s/^-+//r } $option, $in_help{$option};
	ok($letter ? $short{$letter} : $long{$name}, "SYNOPSIS has $option");
}

# Each is taken, with or without a value as the manual says.
for my $option (sort keys %in_help) {
	my $has_value = $help =~ /$option [A-Z]|$option (?:single)/;
	my ($code, undef, $err) = run_program($option);
	is($err =~ /value is missing/ ? 1 : 0, $has_value ? 1 : 0,
	    "$option " . ($has_value ? 'wants a value' : 'wants none'));
	unlike($err, qr/no such option/, 'and is known') if !$has_value;
}
my ($default) = $help =~ /--port PORT .*\((\d+)\)/;
is($default, 9000, 'the default port');
like(section('OPTIONS'), qr/The default is 9000\./, 'is in the manual');

# ---- reasons: DIAGNOSTICS and the table in the source

my %in_source = map { $_ => 1 } grep { $_ ne '-' }
    slurp("$top/src/http/reason.h") =~ /^\tX\(\w+,\s*"([^"]+)"/mg;
my %in_diagnostics = map { $_ => 1 } map { split / , / }
    section('DIAGNOSTICS') =~ /^\.It Sy (.+)$/mg;
cmp_ok(scalar keys %in_source, '>', 15, 'there are words for reasons');
is_deeply(\%in_diagnostics, \%in_source, 'DIAGNOSTICS has each of them, and no other');

# ---- the admin interface: pages and the names of all that they tell

my $t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1]);
my $admin = section('ADMIN INTERFACE');

sub names_in ($value) {
	return map { names_in($_) } @$value if ref $value eq 'ARRAY';
	return () if ref $value ne 'HASH';
	return map { ($_, names_in($value->{$_})) } keys %$value;
}
for my $page (qw(/healthz /readyz /v1/status /v1/upstreams)) {
	like($admin, qr/^\.It Cm GET \Q$page\E$/m, "the manual has $page");
	my $said = $t->admin($page);
	next if !ref $said;
	my %names = map { $_ => 1 } names_in($said);
	my ($text) = $admin =~ /^\.It Cm GET \Q$page\E\n(.*?)(?=^\.It |^\.El)/ms;
	my @missing = grep { $text !~ /\b$_\b/ } sort keys %names;
	is("@missing", $page =~ /upstreams/ && "@missing" eq 'upstreams' ?
	    'upstreams' : '', 'and all fields of it');
}
$t->stop;

# ---- what else has to be there

for my $name (qw(SIGNALS FILES ENVIRONMENT EXAMPLES), 'EXIT STATUS') {
	ok(length section($name), "there is $name");
}
for my $signal (qw(TERM INT QUIT HUP USR1 USR2 WINCH)) {
	like(section('SIGNALS'), qr/\bSIG$signal\b/, "SIGNALS has SIG$signal");
}
like(section('ENVIRONMENT'), qr/^\.It Ev FAIRLEAD_SIMD$/m, 'FAIRLEAD_SIMD');
like(section('ENVIRONMENT'), qr/^\.It Ev FAIRLEAD_STATE_DIR$/m, 'FAIRLEAD_STATE_DIR');

SKIP: {
	skip 'there is no mandoc', 1 if !grep { -x "$_/mandoc" } split /:/, $ENV{PATH};
	is(`mandoc -T lint -W warning $top/man/*.[1-9] 2>&1`, '', 'mandoc finds nothing');
}

finish();
