#!/usr/bin/perl
# t/strategies.t -- strategies by load, time and key, and sticky on top of them
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

# A fairlead with these keys beside its backends.
sub begin ($keys, @names) {
	my $t = Fairlead::Test->new;
	my $list = join '', map { "  - {host: 127.0.0.1, port: $_}\n" }
	    map { $t->backend($_) } @names;

	$t->start(config => "backends:\n${list}health_check: off\n$keys\n",
	    args => ['--workers', 2]);
	return $t;
}

sub served ($t, $path, @fields) {
	return $t->get($path, fields => [@fields])->{backend};
}

# Over many connections, so that both workers answer.
sub all_served ($t, $path, @fields) {
	my %seen = map { served($t, $path, @fields) => 1 } 1 .. 8;

	return join ' ', sort keys %seen;
}

# ---- hash

my @rows = (
	['header', 'name: X-User', sub ($i) { ('/', ['X-User', "u$i"]) }],
	['cookie', 'name: sid', sub ($i) { ('/', ['Cookie', "a=1; sid=s$i"]) }],
	['query', 'name: id', sub ($i) { ("/?x=$i$i&id=$i", ['X-Other', $i]) }],
	['path', '', sub ($i) { ("/p$i?x=" . rand, ['X-Other', $i]) }],
	['uri', '', sub ($i) { ("/?x=$i", ['X-Other', rand]) }],
);
for my $row (@rows) {
	my ($key, $more, $request) = @$row;
	my $t = begin("strategy: hash\nhash: {key: $key" . ($more && ", $more") .
	    '}', qw(a b c));
	my (%all, @torn);

	for my $i (1 .. 12) {
		my $seen = all_served($t, $request->($i));

		push @torn, $seen if $seen !~ /^\w$/;
		$all{$seen}++;
	}
	is("@torn", '', "$key: each has one backend, whichever worker it asks");
	cmp_ok(keys %all, '>', 1, 'but not all the same');
	is(all_served($t, '/', ['X-Other', 1]), 'a b c',
	    'without a key they take turns') if $more;
	$t->stop;
}

my $t = begin('strategy: hash', qw(a b c));
like(all_served($t, '/'), qr/^\w$/, 'client: one backend for one address');
is($t->admin('/v1/upstreams')->{upstreams}[0]{strategy}, 'hash', 'its name');
$t->stop;

# ---- by load

for my $strategy (qw(least-conn p2c peak-ewma)) {
	$t = begin("strategy: $strategy", qw(a b));
	my %n;

	$n{ served($t, '/') }++ for 1 .. 40;
	is(join(' ', sort keys %n), 'a b', "$strategy: all serve");
	my @held = map { $t->connect } 1 .. 4;
	$_->send("GET /delay/3000 HTTP/1.1\r\nHost: x\r\n\r\n") for @held;
	ok(wait_for { $t->in_flight == 4 }, 'four are under way');
	my @load = map { $_->{in_flight} } $t->upstream;
	is("@load", '2 2', 'two on each') if $strategy eq 'least-conn';
	$_->close for @held;
	$t->stop;
}

# ---- first

$t = begin('strategy: first', qw(a b));
is(all_served($t, '/'), 'a', 'first: the first serves');
$t->stop;

# ---- sticky under each

for my $strategy (qw(round-robin random least-conn p2c peak-ewma hash)) {
	$t = begin("strategy: $strategy\nsticky: {cookie: where}", qw(a b));
	my $r = $t->get('/');
	my ($cookie) = ($r->{headers}{'set-cookie'} // '') =~ /^(where=[\w-]{22});/;

	ok($cookie, "$strategy with sticky: a cookie is set");
	is(all_served($t, '/', ['Cookie', $cookie // 'x=1']), $r->{backend},
	    'and leads to who has set it');
	$t->stop;
}
$t = begin("strategy: weighted\nsticky: off", qw(a b));
is($t->get('/')->{headers}{'set-cookie'}, undef, 'sticky: off sets none');
$t->stop;

finish();
