#!/usr/bin/perl
# t/balance.t -- turns are exact over all workers together
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

# Sends n requests over as many connections, one after the other on each, and
# returns how often each backend answered.
sub spread ($t, $n, $connections) {
	my @c = map { $t->connect } 1 .. $connections;
	my %count;

	for my $i (0 .. $n - 1) {
		my $r = $c[$i % @c]->get('/') // { backend => 'nobody' };
		$count{ $r->{backend} // $r->{status} }++;
	}
	return %count;
}

# How often each answered, when all has been counted by the backends too.
sub claim ($t, $what, $n, $connections, %want) {
	my %count = spread($t, $n, $connections);

	is_deeply(\%count, \%want, $what);
	my %requests = map { $_->{port} => $_->{requests} } $t->upstream;
	my $sum = 0;
	$sum += $_ for values %requests;
	is($sum, $n, 'and /v1/upstreams counts them');
	my @served = grep { $_->{requests} > 0 } @{ $t->status->{workers} };
	cmp_ok(scalar @served, '>', 1, 'more than one worker served');
	for my $b (@{ $t->{backends} }) {
		is($t->count_of($b->{name}), $want{ $b->{name} } // 0,
		    "backend $b->{name} has counted the same");
	}
	$t->stop;
	return;
}

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b c);
$t->start(args => ['-s', 'round-robin', '--workers', 4]);
claim($t, 'round robin over three', 900, 16, a => 300, b => 300, c => 300);

$t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
$t->start(to => [], args => ['-b', '127.0.0.1:%%A%%*2', '-b',
    '127.0.0.1:%%B%%', '-s', 'weighted', '--workers', 4]);
claim($t, 'weights 2 and 1', 900, 16, a => 600, b => 300);

$t = Fairlead::Test->new;
$t->backend($_) for qw(a b c d);
$t->start(config => <<'END', args => ['--workers', 3]);
backends:
  - {host: "127.0.0.1", port: %%A%%, weight: 7}
  - {host: "127.0.0.1", port: %%B%%, weight: 2}
  - {host: "127.0.0.1", port: %%C%%}
  - {host: "127.0.0.1", port: %%D%%, weight: 0}
END
claim($t, 'weights 7, 2, 1; 0 gets nothing', 1000, 16,
    a => 700, b => 200, c => 100);

# Smooth: in any ten turns each has its share, and no long run of one.
$t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
$t->start(to => [], args => ['-b', '127.0.0.1:%%A%%*3', '-b',
    '127.0.0.1:%%B%%*2', '--workers', 1]);
my $c = $t->connect;
my $turns = join '', map { $c->get('/')->{backend} } 1 .. 50;
for my $at (0, 13, 27, 40) {
	my $a = () = substr($turns, $at, 10) =~ /a/g;
	is($a, 6, "of ten turns from $at on six are a's");
}
unlike($turns, qr/aaaa|bbb/, 'without long runs');

finish();
