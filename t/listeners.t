#!/usr/bin/perl
# t/listeners.t -- listeners and upstreams of the long form
use v5.36;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b);

sub ask ($socket) {
	return 'no connection' if !$socket;
	print $socket "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	local $/;
	my $answer = <$socket> // '';
	return $answer =~ /^HTTP\/1.1 (\d+)/ ? $1 : "no answer: $answer";
}
sub tcp ($host, $port) {
	return ask(IO::Socket::IP->new(PeerHost => $host, PeerPort => $port));
}
my $has_ipv6 = IO::Socket::IP->new(Listen => 1, LocalHost => '::1');

my $other = free_port();
my $both = free_port();
$t->start(args => ['--workers', 2], own_listeners => 1, config => <<"YAML");
listeners:
  - address: "127.0.0.1:%%PORT%%"
  - {address: "127.0.0.2:$other", backlog: 5, freebind: true}
  - address: unix:%%DIR%%/run/http.sock
@{[ $has_ipv6 ? qq(  - address: "*:$both") : '' ]}
upstreams:
  only:
    backends:
      - {host: 127.0.0.1, port: %%A%%}
    retries: off
    timeouts: {connect: 1s}
YAML
is($t->get('/')->{backend}, 'a', 'the only upstream serves');
is(tcp('127.0.0.2', $other), 200, 'a second listener');
is(ask(IO::Socket::UNIX->new(Peer => $t->dir . '/run/http.sock')), 200,
    'a Unix socket');
SKIP: {
	skip 'no IPv6 here', 2 if !$has_ipv6;
	is(tcp('::1', $both), 200, 'both families: IPv6');
	is(tcp('127.0.0.3', $both), 200, 'both families: IPv4');
}
$t->stop;

# -H and -p replace them; of several upstreams "default" serves.
$t->start(args => ['--workers', 1], config => <<"YAML");
listeners:
  - address: "127.0.0.1:$other"
upstreams:
  one:
    backends: [{host: 127.0.0.1, port: %%A%%}]
  default:
    backends: [{host: 127.0.0.1, port: %%B%%}]
YAML
is($t->get('/')->{backend}, 'b', 'the upstream default serves');
is(tcp('127.0.0.1', $other), 'no connection', '-p replaces the listeners');
is(join(' ', sort map { $_->{name} } @{ $t->admin('/v1/upstreams')->{upstreams} }),
    'default one', 'the admin knows both');

# retries: off is one attempt.
$t->stop;
my $dead = refused_port();
for my $case (['off', 502], ['{attempts: 1}', 200]) {
	$t->start(args => ['--workers', 1], config => <<"YAML");
backends:
  - {host: 127.0.0.1, port: $dead, weight: 1000}
  - {host: 127.0.0.1, port: %%A%%, weight: 1}
retries: $case->[0]
YAML
	is($t->get('/')->{status}, $case->[1], "retries: $case->[0]");
	$t->stop;
}
finish();
