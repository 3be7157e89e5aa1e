#!/usr/bin/perl
# t/access_log.t -- a line for each request, however it ended
use v5.36;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('a');
$t->origin('rude', ['request', 'reset']);
my $dead = refused_port();
my $config = <<"YAML";
listeners: [{address: "127.0.0.1:%%PORT%%", trusted_proxies: 127.0.0.1}]
access_log: {file: %%DIR%%/access.log, format: FORMAT}
limits: {request_body: 100B}
timeouts: {client_head: 300ms}
routes:
  - match: {path: /dead}
    upstream: dead
  - match: {path: /rude}
    upstream: rude
  - match: {path: /here}
    respond: {body: "here\\n"}
  - match: {path: /none, method: PUT}
    upstream: a
  - match: {path: /none}
    redirect: {to: /}
  - match: {path: /no}
    upstream: a
  - name: rest
    match: {path_prefix: [/bytes, /headers, /echo, /slow, /x, /chunked, /status, /delay]}
    upstream: a
upstreams:
  a: {backends: [{host: 127.0.0.1, port: %%A%%}], timeouts: {response_head: 500ms}}
  dead: {backends: [{host: 127.0.0.1, port: $dead}]}
  rude: {backends: [{host: 127.0.0.1, port: %%RUDE%%}]}
YAML
sub begin ($format, @more) {
	unlink $t->dir . '/access.log';
	$t->start(args => ['--workers', 1], own_listeners => 1,
	    config => $config =~ s/FORMAT/$format/r, @more);
}
my $seen = 0;
sub lines { return split /^/, slurp($t->dir . '/access.log') }

# The line that comes next.
sub line {
	my @all;

	wait_for { @all = lines(); @all > $seen };
	return '' if @all <= $seen;
	chomp(my $line = $all[$seen++]);
	return $line;
}

# ---- timing

begin('timing');
my $port = $t->port;
my $time = qr/\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]/;
my $ms = qr/\d+\.\d{3}/;
my $id = qr/id=[0-9A-HJKMNP-TV-Z]{26}/;
$t->get('/bytes/1000?a=b');
like(line(), qr{^127\.0\.0\.1:\d+ $time "GET /bytes/1000\?a=b HTTP/1\.1" 200 1000 127\.0\.0\.1:$port/a/127\.0\.0\.1:\d+ q=0\.000 c=$ms h=$ms t=$ms try=1 end=-- $id$}, 'a request');
$t->get('/bytes/10', method => 'HEAD');
like(line(), qr{"HEAD /bytes/10 HTTP/1\.1" 200 0 }, 'HEAD has no content');
$t->get('/chunked/3000');
like(line(), qr{" 200 3000 }, 'content, not its chunks');
$t->get('/bytes/1', version => '1.0');
like(line(), qr{HTTP/1\.0" 200 1 }, 'HTTP/1.0');
$t->get('/bytes/1', fields => [['X-Forwarded-For', '192.0.2.7']]);
like(line(), qr{^192\.0\.2\.7:0 }, 'the client behind a trusted proxy');
my $r = $t->get('/dead');
my ($shown) = $r->{body} =~ /request (\w+)/;
my $line = line();
like($line, qr{"GET /dead HTTP/1\.1" 502 \d+ \S+/dead/127\.0\.0\.1:$dead q=0\.000 c=- h=- t=$ms try=1 end=SC id=$shown$},
    'refused: the id is the one that the client saw');
like($line, qr/ 502 @{[ length $r->{body} ]} /, 'and the size of what it got');
$t->get('/rude', method => 'POST', body => 'x' x 50);
like(line(), qr{"POST /rude HTTP/1\.1" 502 \d+ .* c=$ms h=- t=$ms try=1 end=SH },
    'a backend that takes the content and resets gave no head');
$t->get('/here');
like(line(), qr{" 200 5 \S+/-/- q=- c=- h=- t=$ms try=0 end=L- }, 'answered here');
$t->get('/none');
like(line(), qr{" 308 0 \S+/-/- .* end=L- }, 'redirected');
$t->get('/nowhere');
like(line(), qr{" 404 \d+ \S+/-/- .* end=PR }, 'no route');
$t->get('/x', method => 'POST', body => 'x' x 200);
like(line(), qr{^\S+ $time "- - HTTP/1\.1" 413 0 .* end=PR }, 'too large a body');
my $raw = $t->connect;
$raw->send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
$raw->response;
like(line(), qr{"- - HTTP/1\.1" 400 0 .* end=PR }, 'a bad request');
$raw = $t->connect;
$raw->send("GET / HTTP/1.1\r\nHo");
$raw->response;
like(line(), qr{"- - HTTP/1\.1" 408 0 .* end=c. }, 'half a head');
$raw = $t->connect;
$raw->send("GET /bytes/1 HTTP/1.1\r\nHost: x\r\n\r\n" x 3);
$raw->response for 1 .. 3;
line() for 1 .. 3;
is($seen, scalar(lines()), 'a line each of a pipeline');
$raw = $t->connect;
$raw->send("GET /delay/4000 HTTP/1.1\r\nHost: x\r\n\r\n");
wait_for { ($t->admin('/v1/upstreams')->{upstreams}[0]{backends}[0]{in_flight} // 0) == 1 };
$raw->reset;
like(line(), qr{"GET /delay/4000 HTTP/1\.1" 499 0 \S+/a/\S+ q=0\.000 c=$ms h=- t=$ms try=1 end=CH },
    'who leaves: 499');
$t->get("/delay/4000");
like(line(), qr{"GET /delay/4000 HTTP/1\.1" 504 \d+ .* h=- .* end=sH }, 'a backend that takes too long');
is($t->stop, 0, 'it stops');
is(scalar(lines()), $seen, 'nothing more is written');


# ---- combined and JSON

begin('combined');
$seen = 0;
$t->get('/bytes/5', fields => [['Referer', 'http://x/"\\'], ['User-Agent', "me\xe4"]]);
like(line(), qr{^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /bytes/5 HTTP/1\.1" 200 5 "http://x/\\x22\\x5c" "me\\xe4"$},
    'combined, with what could break it');
$t->stop;

begin('json');
$seen = 0;
$t->get('/bytes/5?q=%22', host => 'h.example:80', fields => [['Referer', "\x{fc}\"\\"]]);
my $j = JSON::PP::decode_json(line());
is_deeply([@$j{qw(http.request.method url.path url.query server.address http.response.status_code
    http.response.body.size http.request.body.size network.protocol.version fairlead.route
    fairlead.upstream fairlead.attempts fairlead.end http.request.header.referer)}],
    ['GET', '/bytes/5', 'q=%22', 'h.example:80', 200, 5, 0, '1.1', 'rest', 'a', 1, '--', "\x{fc}\"\\"],
    'JSON');
$t->get('/dead');
is(JSON::PP::decode_json(line())->{'error.type'}, 'connect', 'the reason in words');
$t->stop;

# ---- every request has its line, also of several workers

unlink $t->dir . '/access.log';
$t->start(args => ['--workers', 2], own_listeners => 1,
    config => $config =~ s/FORMAT/timing/r);
my @clients = map { $t->connect } 1 .. 20;
for my $n (1 .. 50) {
	$_->send("GET /bytes/$n HTTP/1.1\r\nHost: x\r\n\r\n") for @clients;
	$_->response for @clients;
}
is($t->stop('QUIT'), 0, 'it drains');
my @all = lines();
is(scalar @all, 1000, '1000 requests, 1000 lines');
is(scalar(grep { /^\S+ $time "GET \/bytes\/\d+ HTTP\/1\.1" 200 .* $id$/ } @all), 1000, 'each whole');

# ---- a FIFO that nobody reads, a disk that is full

unlink $t->dir . '/access.log';
POSIX::mkfifo($t->dir . '/access.log', 0600) or die "mkfifo: $!";
$t->start(args => ['--workers', 1], own_listeners => 1,
    config => $config =~ s/FORMAT/timing/r);
my $c = $t->connect;
my $sent = 0;
my ($dropped, $path) = (0, '/x' . 'y' x 6000);
while ($dropped < 50 && $sent < 2000) {
	$c->get($path) or last;
	$sent++;
	($dropped) = map { $_->{log_dropped} } @{ $t->status->{workers} } if $sent % 50 == 0;
}
cmp_ok($dropped, '>=', 50, 'lines are dropped, and counted');
is($c->get('/here')->{status}, 200, 'and requests go on');
$sent++;
my ($read, $got) = ('', 0);
open my $fifo, '<', $t->dir . '/access.log' or die "fifo: $!";
wait_for {
	my $set = '';
	vec($set, fileno $fifo, 1) = 1;
	if (select($set, undef, undef, 0.2) > 0) {
		sysread($fifo, $read, 65536, length $read);
	}
	$got = () = $read =~ /\n/g;
	($dropped) = map { $_->{log_dropped} } @{ $t->status->{workers} };
	$got + $dropped == $sent;
} 30;
is($got + $dropped, $sent, 'what was kept comes, what was not is counted');
is(scalar(grep { !/^\S+ $time "GET .* $id$/ } split /\n/, $read), 0, 'no line is torn');
$t->stop;

unlink $t->dir . '/access.log';
symlink '/dev/full', $t->dir . '/access.log' or die "symlink: $!";
$t->start(args => ['--workers', 1], own_listeners => 1,
    config => $config =~ s/FORMAT/timing/r);
is(join(' ', map { $t->get('/here')->{status} } 1 .. 20), join(' ', (200) x 20), 'a full disk');
is($t->stop, 0, 'does not keep it from stopping');
unlink $t->dir . '/access.log';

# ---- what cannot be opened

my $bad = $t->fill($config =~ s/FORMAT/timing/r =~ s/%%DIR%%/%%DIR%%\/nowhere/r);
my ($code, undef, $err) = run_program('-c', spit($t->dir . '/bad.yaml', $bad), '--log-file', '-',
    '--run-dir', $t->dir . '/run');
is($code, 1, 'a file that cannot be opened ends it');
like($err, qr{access_log: \S+/nowhere/access\.log: No such file}, 'and is named');
finish();
