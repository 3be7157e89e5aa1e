#!/usr/bin/perl
# t/trust.t -- X-Forwarded-* and Forwarded: of peers that are trusted, of others
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
my $backend = $t->backend('b');

# The fields as the backend got them: {name => [values]}.
sub seen (%o) {
	my %fields;

	for (split /\r\n/, $t->get('/headers', %o)->{body}) {
		/^([^:]+): (.*)$/ and push @{ $fields{ lc $1 } }, $2;
	}
	return \%fields;
}
sub all_of ($fields, $name) { return join ' | ', @{ $fields->{$name} // [] } }
sub with (@fields) { return seen(fields => [@fields]) }
sub xff (@values) {
	return all_of(with(map { ['X-Forwarded-For', $_] } @values),
	    'x-forwarded-for');
}
sub proto_host_port ($f) {
	return join ' ', map { all_of($f, "x-forwarded-$_") } qw(proto host port);
}

$t->start(args => ['--workers', 1], own_listeners => 1, config => <<'YAML');
listeners:
  - address: "127.0.0.1:%%PORT%%"
    trusted_proxies: [127.0.0.0/8, 10.0.0.0/8, "2001:db8::/32"]
forwarded: true
via: edge
backends:
  - {host: 127.0.0.1, port: %%B%%}
YAML
my $port = $t->port;

# ---- trusted: what is said stays, and grows

is(xff(), '127.0.0.1', 'nothing was said');
is(xff('192.0.2.7'), '192.0.2.7, 127.0.0.1', 'the peer is appended');
is(xff('192.0.2.7', '10.1.1.1,10.2.2.2'),
    '192.0.2.7, 10.1.1.1,10.2.2.2, 127.0.0.1', 'several fields become one');
is(xff('unknown, "x"'), 'unknown, "x", 127.0.0.1', 'whatever it is');
is(xff('', '192.0.2.7'), '192.0.2.7, 127.0.0.1', 'an empty one is nothing');
is(xff('9' x 800, '192.0.2.7' . ',10.0.0.1' x 40), '192.0.2.7, 127.0.0.1',
    'of too much the client stays');
my $f = with(['X-Forwarded-Proto', 'https'], ['X-Forwarded-Host', 'a.example'],
    ['X-Forwarded-Port', '443'], ['X_Forwarded_Proto', 'gopher']);
is(proto_host_port($f), 'https a.example 443', 'Proto, Host and Port stay');
ok(!exists $f->{x_forwarded_proto}, 'twins with underscores do not');
is(proto_host_port(with(['X-Forwarded-Proto', 'https'])), "https test $port",
    'what was not said is ours');
is(all_of(with(['Forwarded', 'for=192.0.2.7;proto=https']), 'forwarded'),
    'for=192.0.2.7;proto=https, for=127.0.0.1;proto=http;host="test"',
    'Forwarded grows');
is(all_of(with(), 'forwarded'), 'for=127.0.0.1;proto=http;host="test"',
    'or begins');
is(all_of(with(), 'via'), '1.1 edge', 'via');
$t->stop;

# ---- who is the client: the rightmost that is not trusted

$t->start(args => ['--workers', 1], own_listeners => 1,
    config => <<"YAML");
listeners:
  - address: "127.0.0.1:%%PORT%%"
    trusted_proxies: [127.0.0.0/8, 10.0.0.0/8, "2001:db8::/32"]
backends:
  - {host: 127.0.0.1, port: @{[ refused_port() ]}}
YAML

sub client_of (@values) {
	my $before = () = $t->log =~ /, client /g;

	$t->get('/', fields => [map { ['X-Forwarded-For', $_] } @values]);
	wait_for { (() = $t->log =~ /, client /g) > $before };
	return ($t->log =~ /, client ([^,\n]+)/g)[-1];
}
is(client_of(), '127.0.0.1', 'the peer');
is(client_of('192.0.2.7'), '192.0.2.7', 'who the proxy names');
is(client_of('1.1.1.1, 192.0.2.7'), '192.0.2.7', 'not whom the client names');
is(client_of('1.1.1.1, 192.0.2.7', '10.0.0.1, 2001:db8::1'), '192.0.2.7',
    'behind several proxies');
is(client_of('192.0.2.7:4711, [2001:db8::5]:80'), '192.0.2.7',
    'ports do not matter');
is(client_of('192.0.2.7, bogus, 10.0.0.1'), '10.0.0.1',
    'what is no address ends it');
is(client_of('10.0.0.3, 10.0.0.1'), '10.0.0.3', 'all are trusted: the first');
is(client_of('unix:/x, 10.0.0.1'), '10.0.0.1', 'no sockets');
is(client_of('*:80'), '127.0.0.1', 'no wildcards');
$t->stop;

# ---- a listener that trusts others than this peer

$t->start(args => ['--workers', 1], own_listeners => 1, config => <<'YAML');
listeners:
  - {address: "127.0.0.1:%%PORT%%", trusted_proxies: 192.0.2.1}
forwarded: true
via: off
backends:
  - {host: 127.0.0.1, port: %%B%%}
YAML
$f = with(['X-Forwarded-For', '192.0.2.1'], ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'evil'], ['Forwarded', 'for=evil']);
is(all_of($f, 'x-forwarded-for'), '127.0.0.1', 'it replaces For');
is(proto_host_port($f), 'http test ' . $t->port, 'Proto, Host and Port');
is(all_of($f, 'forwarded'), 'for=127.0.0.1;proto=http;host="test"',
    'and Forwarded');
is(all_of($f, 'via'), '', 'no via');
finish();
