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
$t->origin('bad',
    ['request', [send => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"], 'close'],
    ['request', [send => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"], 'to_end'],
    ['request', [send => "HTTP/1.1 2000 OK\r\n\r\n"], 'to_end']);
my $dead = refused_port();
my $config = <<"YAML";
listeners: [{address: "127.0.0.1:%%PORT%%", trusted_proxies: 127.0.0.1}]
access_log: {file: %%DIR%%/access.log, format: FORMAT}
limits: {request_body: 100B}
timeouts: {client_head: 300ms, client_body: 300ms}
routes:
  - match: {path: /dead}
    upstream: dead
  - match: {path: /rude}
    upstream: rude
  - match: {path: [/half, /chunks, /junk]}
    upstream: bad
  - match: {path: /off}
    respond: {status: 200}
    access_log: off
  - match: {path: /off/500}
    respond: {status: 500}
    access_log: off
  - match: {path: /rare}
    respond: {status: 200}
    access_log: {sample: 0%}
  - match: {path: /rare/500}
    respond: {status: 500}
    access_log: {sample: 0%}
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
  bad: {backends: [{host: 127.0.0.1, port: %%BAD%%}]}
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
$t->get('/delay/200');
my ($to_connect, $to_head) = line() =~ / c=(\S+) h=(\S+) /;
cmp_ok($to_connect, '<', 100, 'a new connection is there at once');
cmp_ok($to_head, '>', 190, 'the head takes its time');
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
like($line, qr{"GET /dead HTTP/1\.1" 502 \d+ \S+/dead/127\.0\.0\.1:$dead q=0\.000 c=- h=- t=$ms try=3 end=SC id=$shown$},
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

# ---- templates: every variable against a request

my @names = qw(client client_port time method target request_uri path query version host scheme
    listener route tls_version tls_cipher sni status upstream backend attempts bytes_in bytes_out
    t_queue t_connect t_head t_total end reason request_id request.X-One response.X-Backend
    response.Content-Length request.None response.None);
my @quoted = map { "\${$_}" } @names;
sub variables ($line) {
	my @values = split /\|/, $line, -1;
	my %value;

	@value{@names} = @values;
	return @values == @names ? \%value : { line => $line };
}
begin('"' . join('|', @quoted) . '"');
$seen = 0;
my ($origin) = map { $_->{port} } grep { $_->{name} eq 'a' } @{ $t->{backends} };
$port = $t->port;
my $client = $t->connect;
$r = $client->get('/echo/../echo?a=%20', method => 'POST', body => 'x' x 7, host => 'h.example:80',
    fields => [['X-One', 'first'], ['X-One', 'second']]);
my $v = variables(line());
my %want = (
	client => '127.0.0.1', client_port => $client->port, method => 'POST',
	target => '/echo/../echo?a=%20', request_uri => '/echo/../echo?a=%20', path => '/echo',
	query => 'a=%20', version => '1.1', host => 'h.example', scheme => 'http',
	listener => "127.0.0.1:$port", route => 'rest', tls_version => '-', tls_cipher => '-',
	sni => '-', status => $r->{status}, upstream => 'a', backend => "127.0.0.1:$origin",
	attempts => 1, bytes_in => 7, bytes_out => length $r->{body}, t_queue => '0.000',
	end => '--', reason => '-', 'request.X-One' => 'first',
	'response.X-Backend' => $r->{headers}{'x-backend'},
	'response.Content-Length' => length $r->{body}, 'request.None' => '-', 'response.None' => '-',
);
is($v->{$_}, $want{$_}, "\${$_} is $want{$_}") for grep { exists $want{$_} } @names;
like($v->{$_}, qr/^$ms$/, "\${$_} is a time") for qw(t_connect t_head t_total);
like("[$v->{time}]", $time, '${time} is one');
like($v->{request_id}, qr/^[0-9A-Z]{26}$/, '${request_id} is one');

$t->get('/here');
$v = variables(line());
is_deeply([@$v{qw(status upstream backend attempts t_queue t_connect t_head end response.X-Backend bytes_out)}],
    [200, '-', '-', 0, '-', '-', '-', 'L-', '-', 5], 'answered here: what was not reached is a dash');
$t->get('/dead');
$v = variables(line());
is_deeply([@$v{qw(status upstream attempts t_connect t_head end reason response.X-Backend)}],
    [502, 'dead', 3, '-', '-', 'SC', 'connect', '-'], 'a backend that refuses');
$raw = $t->connect;
$raw->send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
$raw->response;
$v = variables(line());
is_deeply([@$v{qw(method target path host route status end reason request.X-One)}],
    ['-', '-', '-', '-', '-', 400, 'PR', 'bad_request', '-'], 'a bad request');

# What a client sends cannot break the line, nor a field of it.
my $hostile = join '', map { chr } 0x21, 0x22, 0x5c, 0x80 .. 0xff;
$t->get('/x', fields => [['X-One', $hostile]]);
$v = variables(line());
is($v->{'request.X-One'}, join('', '!', map { sprintf '\x%02x', ord } split //, substr $hostile, 1),
    'hostile bytes are escaped');
$t->get('/x', fields => [['X-One', 'y' x 9000]]);
$v = variables(line());
cmp_ok(length $v->{'request.X-One'}, '<=', 2048, 'and what is too long is cut');
is($v->{'response.None'}, '-', 'with all that is behind it');
is($t->stop, 0, 'it stops');

# ---- end codes

my $ends = '"${status} ${end} ${reason} ${t_head} ${method}"';
sub reset_in ($path, $wait, $method = 'GET', $more = '') {
	my $c = $t->connect;
	$c->send("$method $path HTTP/1.1\r\nHost: x\r\n$more\r\n");
	$wait->($c);
	$c->reset;
	return line();
}
begin($ends);
$seen = 0;
my $busy = sub ($c) {
	wait_for { grep { $_->{in_flight} } map { @{ $_->{backends} } } @{ $t->admin('/v1/upstreams')->{upstreams} } };
};
is(reset_in('/delay/4000', $busy), '499 CH client_gone - GET', 'a client leaves before the response');
is(reset_in('/delay/4000', $busy, 'POST', "Content-Length: 50\r\n"), '499 CH client_gone - POST',
    'and in the middle of its own content');
like(reset_in('/bytes/100000000', sub ($c) { $c->head }), qr/^200 CD client_gone $ms GET$/,
    'in the middle of the response');
$t->get('/half');
like(line(), qr/^200 SD truncated $ms GET$/, 'a response that ends early');
$t->get('/chunks');
like(line(), qr/^200 PD junk $ms GET$/, 'a response that becomes junk');
$t->get('/junk');
is(line(), '502 PH junk - GET', 'a response that is junk');
$raw = $t->connect;
$raw->send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
$raw->response;
is(line(), '408 cH client_timeout - POST', 'content that ceases to come');
$t->stop;

# ---- sampling

# How many of $n requests for each path leave a line.
sub sampled ($n, @paths) {
	for my $path (@paths) {
		my $c = $t->connect;
		$c->get($path) for 1 .. $n;
	}
	$t->stop('QUIT');
	return map { my $path = $_; scalar grep { / \Q$path\E$/ } lines() } @paths;
}
sub sampling ($sample, @more) {
	begin("'\${status} \${path}', sample: $sample", @more);
}
sampling('25%');
my ($some, $every, $silent, $never) = sampled(2000, '/here', '/status/500', '/off', '/rare');
cmp_ok(abs($some - 500), '<', 100, "a quarter: $some of 2000");	# five standard deviations
is($every, 2000, 'all that failed');
is($silent, 0, 'none of a route without a log');
is($never, 0, 'none of a route that logs failures only');
sampling('0%');
my ($none, $unrouted, $failed) = sampled(50, '/here', '/nowhere', '/rare/500');
is("$none $unrouted $failed", '0 50 50', '0%: what failed only');
$t->start(args => ['--workers', 1], own_listeners => 1,
    config => $config =~ s/FORMAT/'\${status} \${path}', sample: 50%/r);
$t->get('/here') for 1 .. 20;
is((map { $_->{log_dropped} } @{ $t->status->{workers} })[0], 0, 'what is left out is not dropped');
$t->get('/off/500');
$t->get('/status/503');
wait_for { grep { /^503/ } lines() };
is(scalar(grep { m{/off} } lines()), 0, 'access_log: off is silent on failures, too');
$t->stop;

# ---- standard output and standard error

for my $where (qw(stdout stderr)) {
	$t->start(args => ['--workers', 1], own_listeners => 1,
	    config => $config =~ s/FORMAT/'to $where \${path}'/r =~ s/%%DIR%%\/access\.log/$where/r);
	$t->get('/here');
	$t->stop;
	my $said = slurp($t->dir . "/$where");
	like($said, qr{^to $where /here$}m, "file: $where");
	ok(!-e $where, 'which is no file here');
}

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
