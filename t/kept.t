#!/usr/bin/perl
# t/kept.t -- what backends keep over reloads, and what is told of these
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b d);
$t->refused('c');

sub config ($workers, @backends) {
	return "health_check: off\nworkers: $workers\nretries: off\n" .
	    "circuit_breaker: {failures: 2, open: 5m}\nbackends:\n" .
	    join '', map { "  - {host: 127.0.0.1, port: $_}\n" } @backends;
}

# Asks for it; true when only workers of another generation are left.
sub reload ($config) {
	my $before = $t->status->{generation};

	spit($t->dir . '/fairlead.yaml', $t->fill($config));
	kill 'HUP', $t->pid;
	return wait_for {
		my $s = $t->status;
		$s->{generation} > $before &&
		    !grep { $_->{generation} != $s->{generation} } @{ $s->{workers} };
	};
}

sub order ($name, $body) {
	my $path = "/v1/upstreams/default/backends/127.0.0.1:" . port_of($name);
	return Fairlead::Client->to_socket($t->socket)->get($path,
	    method => 'POST', body => $body)->{status};
}

sub port_of ($name) { return $t->fill("%%\U$name%%") }

# Of each: state, effective weight, requests, failures.
sub told {
	my %names = map { port_of($_) => $_ } qw(a b c d);
	return join ', ', sort map {
		"$names{$_->{port}} $_->{state} $_->{effective_weight} " .
		    "$_->{requests} $_->{failures}"
	} $t->upstream;
}

# ---- what is known of a backend

$t->start(config => config(2, qw(%%A%% %%B%% %%C%%)));
$t->get('/') for 1 .. 8;
is(order('a', '{"admin":"drain"}'), 200, 'an order');
is(order('b', '{"weight":7}'), 200, 'another weight');
my $told = told();
like($told, qr/^a drain 0 \d+ 0, b up 7 \d+ 0, c ejected 0 2 2$/, 'one is down, one drains');

ok(reload(config(3, qw(%%D%% %%C%% %%B%% %%A%%))), 'another order, one more, workers too');
is(told(), "$told, d up 1 0 0", 'all of it goes on');
is($t->get('/')->{status}, 200, 'it serves') for 1 .. 9;
unlike(told(), qr/^\Q$told\E/, 'and counts on');
like(told(), qr/^a drain 0 \d+ 0, b up 7 \d+ 0, c ejected 0 2 2, d up 1 \d+ 0$/, 'as it was told');

# ---- one that leaves and returns

my ($of_a) = told() =~ /(a [^,]+)/;
ok(reload(config(1, qw(%%B%% %%C%%))), 'a is gone');
like(told(), qr/^b up 7 \d+ 0, c ejected 0 2 2$/, 'and the others not');
ok(reload(config(1, qw(%%A%% %%B%%))), 'it is back');
like(told(), qr/^\Q$of_a\E, b up 7 /, 'as it left');

# ---- the verdict

my $good = $t->status->{config};
is($good->{verdict}, 'applied', 'the verdict');
is_deeply($good->{errors}, [], 'no errors');
spit($t->dir . '/fairlead.yaml', "workers: 2\nworkes: 1  # gr\xc3\xbc\xc3\x9fe\n");
kill 'HUP', $t->pid;
ok(wait_for { $t->status->{config}{verdict} eq 'rejected' }, 'a typo is rejected');
my $bad = $t->status->{config};
like($bad->{errors}[0], qr/fairlead\.yaml:2:1: error: .*workes/, 'and told');
like("@{ $bad->{errors} }", qr/gr\x{fc}\x{df}e/, 'in its own letters');
is($bad->{sha256}, $good->{sha256}, 'what serves is what it was');
is($bad->{loaded}, $good->{loaded}, 'since then');
ok(reload(config(1, qw(%%A%% %%B%% %%D%%))), 'mended');
my $mended = $t->status->{config};
is($mended->{verdict}, 'applied', 'applied');
is_deeply($mended->{errors}, [], 'and nothing wrong');
isnt($mended->{sha256}, $good->{sha256}, 'another hash');
cmp_ok($mended->{loaded}, 'gt', $good->{loaded}, 'later');

# ---- room in the segment

sub segment_size {
	my ($fd) = grep { (readlink // '') =~ m{^/memfd:fairlead } } glob '/proc/' . $t->pid . '/fd/*';
	return -s $fd;
}

# 20 new ones each time, of which none is asked.
sub many ($round) {
	return config(1, '%%A%%') .
	    join '', map { "  - {host: 127.1.$round.$_, port: 1, weight: 0}\n" } 1 .. 20;
}

my $size = segment_size();
cmp_ok($size, '>', 0, 'a segment');
is(scalar(grep { reload(many($_)) } 1 .. 20), 20, '400 backends come and go');
is(segment_size(), $size, 'in a segment that has room for 256');
is($t->get('/')->{status}, 503, 'the one that is left still drains');
is(order('a', '{"admin":"ready"}'), 200, 'no more');
is($t->get('/')->{backend}, 'a', 'it serves');

is($t->stop, 0, 'TERM');
$t->finish;
