#!/usr/bin/perl
# t/pace.t -- clients that drip bytes, or stop: limits.min_rate and timeouts
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Errno;
use Fairlead::Client;
use Fairlead::Test;
use Test::More;
use Time::HiRes qw(sleep time);

sub start ($more) {
	my $t = Fairlead::Test->new;
	$t->backend('b');
	$t->start(args => ['--workers', 1], config => <<"END");
backends:
  - {host: "127.0.0.1", port: %%B%%}
$more
END
	return $t;
}

# Sends `bytes` every 50 ms until an answer comes; seconds, answer.
sub upload ($t, $bytes, $most) {
	my $c = $t->connect;
	my $begin = time;
	$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
	while (time - $begin < $most) {
		$c->send_some('x' x $bytes);
		sleep 0.05;		# the pace itself, not a wait for something
		return (time - $begin, $c->response) if !$c->is_quiet(0);
	}
	return ($most, undef);
}

# Reads up to `bytes` every 50 ms; seconds until the end of it.
sub download ($t, $bytes, $most) {
	my $c = Fairlead::Client->to_port($t->port, receive_buffer => 4096);
	my $begin = time;
	$c->send("GET /bytes/200000000 HTTP/1.1\r\nHost: x\r\n\r\n");
	while (time - $begin < $most) {
		my $n = sysread($c->socket, my $part, $bytes);
		return time - $begin if defined $n ? $n == 0 : !$!{EAGAIN};
		sleep 0.05;
	}
	return $most;
}

sub is_within ($seconds, $from, $to, $what) {
	ok($seconds >= $from && $seconds <= $to, $what) or diag sprintf '%.3f s', $seconds;
}

# ---- uploads: one byte every 50 ms is 20 B/s

my $t = start("limits: {min_rate: 1KiB/s}\ntimeouts: {client_body: 600ms}");
my ($seconds, $r) = upload($t, 1, 20);
is($r->{status}, 408, 'a body that drips: 408');
is_within($seconds, 0.5, 5, 'after one round');
(undef, $r) = upload($t, 1000, 2);
is($r, undef, 'one of 20 kB/s goes on for longer than that');
$t->stop;

$t = start("limits: {min_rate: off}\ntimeouts: {client_body: 600ms}");
(undef, $r) = upload($t, 1, 2);
is($r, undef, 'without a rate it may drip');
$t->stop;

# ---- downloads

$t = start("limits: {min_rate: 1MiB/s}\ntimeouts: {client_body: 500ms, send: 5s}");
is_within(download($t, 500, 20), 0.4, 4.5, 'who reads 10 kB/s is ended long before timeouts.send');
$t->stop;

$t = start("limits: {min_rate: 1KiB/s}\ntimeouts: {client_body: 500ms, send: 600ms}");
is_within(download($t, 1000, 3), 3, 3, 'who reads 20 kB/s goes on for longer than timeouts.send');
Fairlead::Test::wait_for { $t->in_flight == 0 };
my $c = Fairlead::Client->to_port($t->port, receive_buffer => 4096);
my $begin = time;
$c->send("GET /bytes/200000000 HTTP/1.1\r\nHost: x\r\n\r\n");
Fairlead::Test::wait_for { $t->in_flight == 1 };
Fairlead::Test::wait_for { $t->in_flight == 0 };
is_within(time - $begin, 0.5, 8, 'who reads nothing is ended after timeouts.send');
$t->stop;

finish();
