#!/usr/bin/perl
# t/large_reads.t -- chunked bodies are read in large pieces, but not for many
# clients that are slow: what the worker holds for them is bounded
use v5.36;
use Digest::SHA qw(sha256_hex);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('a');
$t->start(args => ['--workers', 1]);
my ($worker) = $t->workers;

sub held {	# MiB, the most so far
	my ($kib) = slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m;
	return $kib / 1024;
}

my $n = 20_000_000;
my $r = $t->get("/chunked/$n");
is(sha256_hex($r->{body}), sha256_hex(bytes_of_backend($n)), 'a large chunked body is whole');

my $before = held();
my @slow = map {
	my $c = $t->connect;
	$c->send("GET /chunked/50000000 HTTP/1.1\r\nHost: x\r\n\r\n");
	$c;
} 1 .. 100;
ok($_->fill(20), 'a slow client has something') for @slow;
wait_for { $t->in_flight == 100 };
my $last = -1;
wait_for { my $now = held(); my $same = $now == $last; $last = $now; $same && sleep 1 } 10;
SKIP: {
	skip 'the sanitizers keep what is freed', 1 if ($ENV{ASAN_OPTIONS} // '') ne '';
	cmp_ok(held() - $before, '<', 20, 'what is held for 100 of them is bounded');
	diag(sprintf 'held for 100 slow clients: %.1f MiB', held() - $before);
}
is($t->get('/')->{status}, 200, 'others are served');
$_->reset for @slow;
finish();
