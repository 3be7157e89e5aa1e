#!/usr/bin/perl
# t/routes.t -- which route takes a request, and what it does with it
use v5.36;
use Test::More;
use Time::HiRes qw(time);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b c);
my $other = free_port();

$t->start(args => ['--workers', 1], own_listeners => 1, config => <<"YAML");
listeners:
  - {address: "127.0.0.1:%%PORT%%", trusted_proxies: 127.0.0.1}
  - address: "127.0.0.1:$other"
routes:
  - match: {listener: "127.0.0.1:$other"}
    redirect: {to: "https://\${host}\${request_uri}"}
  - match: {path: [/health, /ready]}
    respond: {body: "ok\\n"}
  - match: {path: /teapot}
    respond: {status: 418, content_type: application/json, body: '{"path":"\${path}","q":"\${query}","m":"\${method}","c":"\${client}","v":"\${version}","f":"\${request.X-F}","r":"\${route}","d":"\$\${x}"}'}
  - match: {path: /large}
    respond: {body: "\${request.X-F}\${request.X-F}"}
  - match: {path: /not-modified}
    respond: {status: 304}
  - match: {host: [dot.example.org., "::1"]}
    respond: {body: "it is \${host}"}
  - match: {path: /empty}
    respond: {status: 204}
  - name: gone
    match: {host: [old.example.com, "*.old.example.com"]}
    redirect: {status: 301, to: "http://new.example.com\${path}"}
  - match: {path_prefix: /v1, method: [GET, PUT]}
    upstream: a
  - match: {path: /headers}
    upstream: a
    request_headers:
      set: {X-Tenant: acme, Host: inner.example, X-Forwarded-Proto: "x-\${scheme}", X-Path: "\${path}"}
      add: {X-Many: "\${request.x-many}+"}
      remove: [X-Debug, user-agent]
    response_headers:
      set: {Server: us, X-Client: "\${client}"}
      remove: [X-Backend, Content-Type]
  - match: {path_prefix: /dir/}
    upstream: a
  - match: {header: {X-Kind: blue}}
    upstream: b
  - match: {header: {X-Kind: {present: true}}, query: {k: "x y", flag: {present: false}}}
    upstream: c
  - match: {cookie: {who: me}}
    upstream: c
  - match: {path_regex: ['\\.(php|cgi)\$', '^/v[0-9]+/users']}
    upstream: b
  - match: {path_regex: '^/re', header: {X-Version: {regex: '^v[0-9]+\$'}}}
    upstream: a
  - match: {path_regex: '^/re', query: {k: {regex: '^[a-z]+ [a-z]+\$'}}}
    upstream: b
  - match: {path_regex: '^/re', cookie: {n: {regex: '[0-9]{3}'}}}
    upstream: c
  - match: {path_regex: '(a+)+\$'}
    upstream: c
  - match: {client: [192.0.2.0/24, "2001:db8::/32"]}
    upstream: c
  - match: {host: "*.example.com"}
    upstream: b
  - match: {method: DELETE}
    upstream: b
upstreams:
  a: {backends: [{host: 127.0.0.1, port: %%A%%}]}
  b: {backends: [{host: 127.0.0.1, port: %%B%%}]}
  c: {backends: [{host: 127.0.0.1, port: %%C%%}]}
YAML

# Who answers: a backend's name, or the status.
sub who ($path, %o) {
	my $r = $t->get($path, %o);
	return $r->{backend} // $r->{status};
}
sub fields (@pairs) {
	my @fields;
	push @fields, [splice @pairs, 0, 2] while @pairs;
	return (fields => \@fields);
}

# ---- conditions

is(who('/'), 404, 'no route: 404');
like($t->get('/', fields => [['Accept', 'application/json']])->{body}, qr/"not_found"/, 'with its word');
is(who('/v1'), 'a', 'a prefix itself');
is(who('/v1/x'), 'a', 'below it');
is(who('/v1x'), 404, 'not beside it');
is(who('/V1'), 404, 'paths know letter case');
is(who('/x/../v1/./y'), 'a', 'dot segments');
is(who('/%76%31'), 'a', 'unreserved escapes');
is(who('/v1%2Fx'), 404, '%2F is no slash');
is(who('/v1?a=/../..'), 'a', 'the query is no path');
is(who('/v1', method => 'POST'), 404, 'another method');
is(who('/v1', method => 'PUT'), 'a', 'one of the methods');
is(who('http://x/v1/abs'), 'a', 'an absolute target');
is(who('/dir/'), 'a', 'a prefix with a slash');
is(who('/dir'), 404, 'takes only what is below');
is(who('/', host => 'www.example.com'), 'b', 'a name below');
is(who('/', host => 'a.b.EXAMPLE.com:8080'), 'b', 'deeper, any case, with a port');
is(who('/', host => 'www.example.com.'), 'b', 'with a dot at the end');
is(who('/', host => 'example.com'), 404, 'not the bare name');
is(who('/', host => 'wwwexample.com'), 404, 'nor another');
is(who('/', fields('X-Kind', 'blue')), 'b', 'a field');
is(who('/', fields('X-Kind', 'red', 'x-kind', 'blue')), 'b', 'one of two');
is(who('/', fields('X-Kind', 'Blue')), 404, 'another value');
is(who('/?k=x%20y', fields('X-Kind', '')), 'c', 'present, and a parameter');
is(who('/?k=x+y&flag', fields('X-Kind', '1')), 404, 'what must be absent');
is(who('/', fields('Cookie', 'a=b; who=me')), 'c', 'a cookie');
is(who('/', fields('Cookie', 'a=b; who=you; who=me')), 404, 'the first of a name');
is(who('/', fields('X-Forwarded-For', '192.0.2.9')), 'c', 'a client behind a trusted proxy');
is(who('/', fields('X-Forwarded-For', '2001:db8::1')), 'c', 'by IPv6');
is(who('/', fields('X-Forwarded-For', '192.0.3.9')), 404, 'another one');
is(who('/', method => 'DELETE'), 'b', 'by method alone');
is(who('*', method => 'OPTIONS'), 404, 'OPTIONS *');

is(who('/x/y.php?a'), 'b', 'a pattern');
is(who('/x/y.cg%69'), 'b', 'on the normal form');
is(who('/x/y.php/'), 404, 'bound to the end');
is(who('/v10/users/1'), 'b', 'another of the list');
is(who('/x/v10/users'), 404, 'bound to the start');
is(who('/re', fields('X-Version', 'v12')), 'a', 'a field by pattern');
is(who('/re', fields('X-Version', 'v', 'X-Version', 'v1')), 'a', 'one of two');
is(who('/re', fields('X-Version', 'v1x')), 404, 'not this one');
is(who('/re?k=%61b+c'), 'b', 'a parameter by pattern, decoded');
is(who('/re?k=ab%20c%0a'), 404, 'up to its very end');
is(who('/re', fields('Cookie', 'n=a123')), 'c', 'a cookie by pattern');
is(who('/aaa'), 'c', 'a costly pattern');
my $begun = time;
is(who('/' . 'a' x 8000 . '/'), 400, 'that cannot decide: the request is refused');
is(who('/' . 'aa/' x 2500), 404, 'wherever it might');
cmp_ok(time - $begun, '<', 2, 'is given up');

# ---- answers and redirections

my $r = $t->get('/ready');
is("$r->{status} $r->{headers}{'content-type'} $r->{body}", "200 text/plain ok\n", 'respond');
$r = $t->get('/teapot?a=1', fields('X-F', 'it'));
is($r->{status}, 418, 'a status');
is($r->{body}, '{"path":"/teapot","q":"a=1","m":"GET","c":"127.0.0.1","v":"1.1","f":"it","r":"route 3","d":"${x}"}',
    'variables');
for my $path ('/empty', '/not-modified') {
	my $r = $t->get($path);
	is($r->{status}, $path eq '/empty' ? 204 : 304, 'no content');
	ok(!exists $r->{headers}{$_}, "and no $_") for qw(content-length content-type);
}
is($t->get('/', host => $_->[0])->{body}, "it is $_->[1]", "a host $_->[0]")
    for ['dot.example.org', 'dot.example.org'], ['dot.example.org.:80', 'dot.example.org'],
    ['[::1]', '[::1]'];

# More than a stream takes at once, for a client that reads none of it yet.
my $slow = Fairlead::Client->to_port($t->port, receive_buffer => 4096);
my $request = Fairlead::Client::request_of('/large', fields('X-F', 'x' x 3000));
my $whole = 0;
$slow->send($request x 1000);
$whole++ while $whole < 1000 && ($slow->response->{body} // '') eq 'x' x 6000;
is($whole, 1000, 'all answers come whole');
$r = $t->get('/a?b=1', host => 'x.old.example.com');
is("$r->{status} $r->{headers}{location}", '301 http://new.example.com/a', 'redirect');
my $second = Fairlead::Client->to_port($other);
$r = $second->get('/a?b=1', host => 'www.example.com:8080');
is("$r->{status} $r->{headers}{location}", '308 https://www.example.com/a?b=1', 'by listener');
$r = $second->get('/' . 'x' x 8000);
is($r->{status}, 308, 'a long one');
$r = $second->get('/' . 'x' x 8500);
is($r->{status}, 414, 'one that is too long');
my $c = $t->connect;
is($c->get('/ready')->{status}, 200, 'the connection');
$r = $t->connect->get('/ready', method => 'POST', body => 'x' x 100);
is($r->{status}, 200, 'a body is read');

# ---- fields

$r = $t->get('/headers?y', host => 'outer.example', fields('X-Debug', '1',
    'User-Agent', 'me', 'X-Tenant', 'evil', 'x-many', 'one', 'Connection', 'X-Tenant'));
is($r->{headers}{server}, 'us', 'a field of the response is set');
is($r->{headers}{'x-client'}, '127.0.0.1', 'with a variable');
ok(!exists $r->{headers}{'x-backend'}, 'one is removed');
ok(!exists $r->{headers}{'content-type'}, 'and another');
my %seen;
for (split /\r\n/, $r->{body}) {
	/^([^:]+): (.*)$/ and push @{ $seen{ lc $1 } }, $2;
}
sub seen ($name) { return join ' | ', @{ $seen{$name} // [] } }
is(seen('x-tenant'), 'acme', 'a field of the request is set, whatever came');
is(seen('host'), 'inner.example', 'Host');
is(seen('x-forwarded-host'), 'outer.example', 'the one that came is told');
is(seen('x-forwarded-proto'), 'x-http', 'one of ours is replaced');
is(seen('x-path'), '/headers', 'a variable');
is(seen('x-many'), 'one | one+', 'one is added');
is(seen('x-debug') . seen('user-agent'), '', 'some are removed');

# ---- Upgrade by route

sub asked ($path, $protocol) {
	my $body = $t->get($path, fields('Connection', 'Upgrade',
	    'Upgrade', $protocol))->{body};
	return $body =~ /^Upgrade: (.*)\r$/m ? $1 : '';
}
$t->stop;
my $echo = <<'YAML';
listeners: [{address: "127.0.0.1:%%PORT%%"}]
routes:
  - {upstream: a, upgrade: UPGRADE}
upstreams:
  a: {backends: [{host: 127.0.0.1, port: %%A%%}]}
YAML
for my $case (['[chat, other]', 'chat', 'chat'], ['[chat, other]', 'Other', 'Other'],
    ['[chat, other]', 'websocket', ''], ['chat', 'chat', 'chat'],
    ['off', 'websocket', ''], ['~', 'websocket', 'websocket']) {
	$t->start(args => ['--workers', 1], own_listeners => 1,
	    config => $echo =~ s/UPGRADE/$case->[0]/r);
	is(asked('/headers', $case->[1]), $case->[2],
	    "upgrade: $case->[0], asked for $case->[1]");
	$t->stop;
}

# ---- a retry makes the same changes

my $dead = refused_port();
$t->start(args => ['--workers', 1], own_listeners => 1, config => <<"YAML");
listeners: [{address: "127.0.0.1:%%PORT%%"}]
routes:
  - upstream: a
    request_headers: {set: {X-T: "\${request.x-t}-\${path}"}, add: {X-A: "1"}, remove: X-R}
upstreams:
  a: {strategy: round-robin, backends: [{host: 127.0.0.1, port: $dead}, {host: 127.0.0.1, port: %%A%%}]}
YAML
my @lines;
for (1 .. 4) {
	my $body = $t->connect->get('http://x/headers',
	    fields('X-T', 'v', 'X-R', '1'))->{body};
	push @lines, join ',', $body =~ /^(X-[TAR]: .*)\r$/mg;
}
is(join(' ', @lines), join(' ', ('X-T: v-/headers,X-A: 1') x 4), 'a retry makes the same changes');
$t->stop;

# ---- no backends are needed where none is asked

$t->start(args => ['--workers', 1], own_listeners => 1, config => <<'YAML');
listeners: [{address: "127.0.0.1:%%PORT%%"}]
routes: [{redirect: {to: "https://${host}${request_uri}"}}]
YAML
is($t->get('/a', host => 'x')->{headers}{location}, 'https://x/a', 'only a redirection');
$t->stop;

# ---- what a client sends is no fault of the backend; and it may send nothing

$t->start(args => ['--workers', 1], own_listeners => 1, config => <<"YAML");
listeners: [{address: "127.0.0.1:%%PORT%%"}]
routes:
  - {match: {path: /old}, redirect: {to: "http://new\${host}/\${query}"}}
  - upstream: a
    response_headers: {set: {X-T: "\${request.x-t}"}}
upstreams:
  a: {backends: [{host: 127.0.0.1, port: %%A%%}]}
YAML
my $large = 'x' x 5000;
is($t->get('/', fields('X-T', $large))->{status}, 431, 'a field of the response gets too large') for 1 .. 6;
is($t->get('/')->{status}, 200, 'others do not');
unlike($t->log, qr/left out/, 'the backend is not charged');
my $old = $t->connect;
$old->send("GET /old HTTP/1.0\r\n\r\n");
is($old->response->{headers}{location}, 'http://new/', 'no host, no query');
finish();
