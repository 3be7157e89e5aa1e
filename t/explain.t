#!/usr/bin/perl
# t/explain.t -- what --explain says of a request
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
my $file = spit($t->dir . '/explain.yaml', <<'YAML');
listeners:
  - {address: "127.0.0.1:9080", trusted_proxies: 10.0.0.0/8}
  - {address: "[::1]:9443"}
routes:
  - {name: old, match: {host: [old.example.com, "*.old.example.com"]}, redirect: {to: "https://new${path}"}}
  - name: api
    match: {path_prefix: /api, method: [GET, PUT]}
    strip_prefix: /api
    split: {key: "${client}", upstreams: {web: 1, none: 0}}
    request_headers: {set: {X-Tenant: acme}, remove: X-Debug}
    response_headers: {set: {Server: us}, add: {X-C: "${client}"}, remove: X-Secret}
    timeouts: {response_head: 1500ms}
    retries: off
  - {match: {listener: "[::1]:9443"}, respond: {status: 204}}
  - {match: {client: 192.0.2.0/24}, respond: {status: 418}}
  - {match: {header: {X-Kind: {present: true}}, path_regex: '^/x[0-9]+$'}, upstream: web}
  - {match: {header: {X-Kind: {regex: "^b"}}}, upstream: web}
  - {match: {query: {a: b}}, upstream: none}
  - {match: {cookie: {c: {present: false}}, path: [/1, /2, /3, /4, /5, /6]}, upstream: none}
upstreams:
  web: {timeouts: {try: 300ms, total: 20s}, retries: {attempts: 2, when: [connect, 503]}, backends: [{host: a.example.com, port: 80, weight: 3}, {host: 10.0.0.2, port: 80}]}
  none: {strategy: round-robin, backends: [{host: "::1", port: 8080}, {host: "127.0.0.1", port: 1, weight: 0}]}
YAML

sub explained ($request, @options) {
	my ($code, $out, $err) = run_program('-c', $file, '--explain', $request, @options);
	is("$code $err", '0 ', "$request @options");
	return $out;
}

like(explained('GET http://old.example.com/a?b'), qr{\Ahost "old.example.com", path "/a", client "127.0.0.1", listener "127.0.0.1:9080"
route "old" \(line 5\): takes it
answer: 308
(?:  .*\n)*  Location: https://new/a
}, 'a redirection');

is(explained('PUT http://x/api/v1?y', '--header', 'X-Debug: 1', '--header', 'X-Forwarded-For: 192.0.2.7',
	'--header', 'Content-Length: 0', '--client', '10.1.1.1'), <<'END', 'what goes to a backend');
host "x", path "/api/v1", client "192.0.2.7", listener "127.0.0.1:9080"
route "old" (line 5): the host is "x", not "old.example.com" nor "*.old.example.com"
route "api" (line 6): takes it
split by its key
  upstream "web", weight 1 of 1: this one
  upstream "none", weight 0 of 1
upstream "web", weighted, 0 retries, connect 5 s, response_head 1.5 s, between_bytes 60 s, send 30 s, try 0.3 s, total 20 s
  backend a.example.com:80, weight 3 of 4
  backend 10.0.0.2:80, weight 1 of 4
request:
  PUT /v1?y HTTP/1.1
  Host: x
  Content-Length: 0
  X-Forwarded-For: 192.0.2.7, 10.1.1.1
  X-Forwarded-Proto: http
  X-Forwarded-Host: x
  X-Forwarded-Port: 9080
  Via: 1.1 fairlead
  X-Tenant: acme
response: without X-Secret
response: with Server: us
response: also X-C: ${client}
END

like(explained('GET http://x/x1', '--header', 'X-Kind: b'),
    qr/^upstream "web", weighted, 2 retries \(connect, 503; budget 20%\), connect 5 s, .*, try 0\.3 s, total 20 s$/m,
    'what is tried again, and for how long');
like(explained('GET http://x/?a=b'), qr/^upstream "none", round-robin, 2 retries \(connect, reset; budget 20%\), .*, send 30 s$/m, 'by default');

like(explained('POST http://x:9443/api'), qr/
route "api" \(line 6\): the method is "POST", not "GET" nor "PUT"
route "route 3" \(line 14\): takes it
answer: 204/, 'a listener by the port, a method');
like(explained('GET /', '--client', '192.0.2.200'), qr/client "192.0.2.200".*
route "route 3" \(line 14\): the listener is "127.0.0.1:9080", not "\[::1\]:9443"
route "route 4" \(line 15\): takes it
answer: 418/s, 'the client');
like(explained('GET /x7', '--header', 'Cookie: c=1'), qr/
route "route 4" \(line 15\): the client is "127.0.0.1", which is in none of its networks
route "route 5" \(line 16\): the field "X-Kind" is not there
route "route 6" \(line 17\): the field "X-Kind" does not match \/\^b\/
route "route 7" \(line 18\): the parameter "a" is not "b"
route "route 8" \(line 19\): the path is "\/x7", not "\/1" nor "\/2" nor "\/3" nor "\/4" nor 2 more
no route takes it
answer: 404/, 'each kind of condition, and no route');
like(explained('GET /1', '--header', 'Cookie: c=1'), qr/route 8.*: the cookie "c" is there\n/, 'what must be absent');
like(explained('GET /x', '--header', 'X-Kind: blue'), qr{\nroute "route 5" \(line 16\): the path is "/x", not /\^/x\[0-9\]\+\$/\n}, 'a pattern');
like(explained('GET /1'), qr/\nupstream "none", round-robin.*\n  backend \[::1\]:8080\n  backend 127.0.0.1:1, drained/, 'a backend that is drained');
like(explained("GET /\e[31m"), qr/\Aanswer: 400 \(bad_request\), before any route is asked\n\z/, 'what is no request');
like(explained('GET /', '--header', "X-Bad : 1"), qr/\Aanswer: 400/, 'a field that is none');
like(explained('OPTIONS *'), qr/path "\*"/, 'OPTIONS *');
like(explained('GET http://x/%61pi/../api/./b'), qr{path "/api/b".*GET /b HTTP/1.1}s, 'the normalised path');

mkdir $t->dir . '/more' or die;
spit($t->dir . '/more/one.yaml', "routes:\n  - {match: {path: /a}, upstream: default}\n\n  - {upstream: default}\n");
$file = spit($t->dir . '/main.yaml', "backends: [{host: 127.0.0.1, port: 1}]\ninclude: more/*.yaml\nroutes: [{match: {path: /m}, upstream: default}]\n");
like(explained('GET /x'), qr{\nroute "route 1" \(line 3\): .*\nroute "route 2" \(\S+/more/one.yaml, line 2\): .*\nroute "route 3" \(\S+/more/one.yaml, line 4\): takes it\n},
    'routes of another file');

my ($code, $out, $err) = run_program('-b', '127.0.0.1:1', '--explain', 'GET http://x');
like($out, qr/there are no routes.*upstream "default".*GET \/ HTTP/s, 'without routes, without a path');
for my $bad (['--explain', 'GET'], ['--explain', 'GET x'], ['--explain', ''], ['--client', '1.2.3.4'],
	['--header', 'A: b'], ['--explain', 'GET /', '--client', 'localhost']) {
	($code, $out, $err) = run_program('-b', '127.0.0.1:1', @$bad);
	is("$code $out", '2 ', "@$bad: wrong usage");
	like($err, qr/^fairlead: /, 'which is said');
}
finish();
