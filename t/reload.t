#!/usr/bin/perl
# t/reload.t -- SIGHUP: all of the new configuration, or all of the old one
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;
use IO::Socket::INET;
use JSON::PP ();

my $t = Fairlead::Test->new;
$t->backend($_) for qw(b1 b2);
my $file = $t->dir . '/fairlead.yaml';
my $run = $t->dir . '/run';

sub told { return JSON::PP::decode_json(slurp("$run/status")) }

sub conf ($backends, $more = '') {
	$more .= "\nworkers: 2" if $more !~ /workers/;
	return $t->fill(<<"END");
health_check: off
listeners: [{address: "127.0.0.1:%%PORT%%"}]
backends: [$backends]
$more
END
}

sub write_conf (@arguments) { spit($file, conf(@arguments)) }

# HUP, and the word that comes of it.
sub reload ($signal = 'HUP') {
	my $before = told()->{sequence};
	kill $signal, $t->pid;
	wait_for { told()->{sequence} > $before && told()->{verdict} =~ /ed$/ };
	return told()->{verdict};
}

sub b ($name) { return "{host: 127.0.0.1, port: %%$name%%}" }
sub descriptors { return scalar(() = glob "/proc/@{[$t->pid]}/fd/*") }

$t->start(own_listeners => 1, config => <<'END');
workers: 2
health_check: off
listeners: [{address: "127.0.0.1:%%PORT%%"}]
backends: [{host: 127.0.0.1, port: %%B1%%}]
END
my $c = $t->connect;
my $idle = $t->connect;
is($c->get('/')->{backend}, 'b1', 'it serves');
is($idle->get('/')->{backend}, 'b1', 'another client, too');
my $status = $t->status;
my @before = $t->workers;

# ---- another configuration

write_conf(b('B2'));
is(reload(), 'applied', 'HUP');
is($t->status->{generation}, 2, 'is another generation');
is($t->status->{pid}, $t->pid, 'of the same master');
is($c->get('/')->{backend}, 'b2', 'a connection from before goes to the new backend');
is($t->get('/')->{backend}, 'b2', 'so does a new one');
ok((wait_for { !grep { is_alive($_) } @before }), 'the old workers end');
is($idle->get('/')->{backend}, 'b2', 'an idle connection is there still');
is($t->status->{started}, $status->{started}, 'started when it was');
isnt($t->status->{config}{sha256}, $status->{config}{sha256}, 'the hash is of the new file');
my $descriptors = descriptors();

# ---- what is bad changes nothing

my @same = $t->workers;
spit($file, conf(b('B1'), 'wieght: 3'));
is(reload(), 'rejected', 'a typo');
like("@{ told()->{diagnostics} }", qr/^\Q$file\E:\d+:1: error: unknown key "wieght"/, 'the status says why');
like($t->log, qr/ error \d+: \Q$file\E:\d+:1: error: unknown key "wieght"$/m, 'so does the log');
is($t->status->{config}{verdict}, 'rejected', 'and the admin interface');
like($t->status->{config}{errors}[0], qr/unknown key/, 'with its text');
is($c->get('/')->{backend}, 'b2', 'it serves as before');
is_deeply([$t->workers], \@same, 'by the same workers');

# A port that somebody else has.
my $other = Fairlead::Test->new;
my $taken = $other->backend('taken');
spit($file, conf(b('B1')) =~ s/\}\]$/}, {address: "127.0.0.1:$taken"}]/mr);
is(reload(), 'rejected', 'an address that is in use');
like("@{ told()->{diagnostics} }", qr/cannot listen on 127\.0\.0\.1:$taken/, 'the status names it');
is($c->get('/')->{backend}, 'b2', 'it serves as before');
is_deeply([$t->workers], \@same, 'by the same workers');

# A log that cannot be written.
write_conf(b('B1'), 'access_log: {file: /no/such/place/access.log}');
is(reload(), 'rejected', 'a log file that cannot be opened');
like("@{ told()->{diagnostics} }", qr{/no/such/place/access\.log: No such file}, 'is named');
is($c->get('/')->{backend}, 'b2', 'it serves as before');

# ---- listeners come and go, workers too

my $second = free_port();
spit($file, conf(b('B1'), 'workers: 4') =~ s/\}\]$/}, {address: "127.0.0.1:$second"}]/mr);
is(reload(), 'applied', 'another listener');
is(Fairlead::Client->to_port($second)->get('/')->{backend}, 'b1', 'listens');
is($c->get('/')->{backend}, 'b1', 'the first connection is alive');

my $kept = Fairlead::Client->to_port($second);
is($kept->get('/')->{backend}, 'b1', 'a client of it');
write_conf(b('B2'));
is(reload(), 'applied', 'without it again');
my $r = $kept->get('/');
is($r->{backend}, 'b1', 'who is connected is served, as it was');
is($r->{headers}{connection} // '', 'close', 'and told to go');
ok((wait_for { !Fairlead::Client->to_port($second) } 5), 'nobody listens there any more');
is($c->get('/')->{backend}, 'b2', 'the first connection is alive');
is(scalar(grep { $_->{state} eq 'ready' } @{ $t->status->{workers} }), 2, 'two workers again');
ok((wait_for { @{ $t->status->{workers} } == 2 }), 'and no more');
ok((wait_for { descriptors() <= $descriptors + 2 }), 'no descriptor is left over');

# ---- a request under way is finished, its connection goes on

$c->send("GET /delay/600 HTTP/1.1\r\nHost: a\r\n\r\n");
wait_for { $t->in_flight == 1 };
is(reload(), 'applied', 'HUP while a request is under way');
is($c->response->{status}, 200, 'it is answered');
is($c->get('/')->{backend}, 'b2', 'and the connection goes on');

# Half of a head.
$c->send("GET / HTTP/1.1\r\nHo");
is(reload(), 'applied', 'HUP in the middle of a head');
$c->send("st: a\r\n\r\n");
is($c->response->{status}, 200, 'is answered');
is($c->get('/')->{backend}, 'b2', 'and the connection goes on');

# ---- the monitor is another one, and its state the same

my $monitor = $t->status->{monitor}{pid};
my ($b) = $t->upstream;
is(reload(), 'applied', 'the same file');
isnt($t->status->{monitor}{pid}, $monitor, 'has another monitor');
ok((wait_for { !is_alive($monitor) }), 'the old one ends');
ok((($t->upstream)[0]{requests}) >= $b->{requests}, 'counters go on');

# ---- many at once

kill 'HUP', $t->pid for 1 .. 50;
is(reload(), 'applied', 'fifty more');
is($c->get('/')->{backend}, 'b2', 'the connection is alive');
ok((wait_for { @{ $t->status->{workers} } == 2 }), 'all old workers end');
is($idle->get('/')->{backend}, 'b2', 'so is the one that was idle all the time');

# ---- an address that comes and goes, faster than whoever is leaving it

my $third = free_port();
for (1 .. 3) {
	spit($file, conf(b('B2')) =~ s/^listeners: \[/$&\{address: "127.0.0.1:$third"\}, /mr);
	is(reload(), 'applied', 'another listener') or diag(@{ told()->{diagnostics} });
	is(Fairlead::Client->to_port($third)->get('/')->{backend}, 'b2', 'serves');
	write_conf(b('B2'));
	is(reload(), 'applied', 'and is gone');
}
is($c->get('/')->{backend}, 'b2', 'the connection is alive');

# ---- who was there before serves as the user of before

SKIP: {
	skip 'not root', 5 if $> != 0;
	my $user_of = sub ($pid) { (stat "/proc/$pid")[4] };
	my $worker = ($t->workers)[0];
	my $user = $user_of->($worker);

	write_conf(b('B2'), "user: daemon\nadmin: {socket: $run/no/such/place}");
	is(reload(), 'rejected', 'another user, and what cannot be had');
	like("@{ told()->{diagnostics} }", qr/cannot make the admin socket/, 'but the user can');
	kill 'KILL', $worker;
	ok((wait_for { my %is = map { $_ => 1 } $t->workers; keys %is == 2 && !$is{$worker} }),
	    'a worker is replaced');
	is($user_of->($_), $user, 'by one of the same user') for $t->workers;
	write_conf(b('B2'));
}
$c = $t->connect;
$idle = $t->connect;
$idle->get('/');

# ---- more workers than there are slots at first, again and again

write_conf(b('B2'), 'workers: 40');
# Two hold their generation, which has to go when others want its room.
my @held = map { my $h = $t->connect;
    $h->send("GET /delay/20000 HTTP/1.1\r\nHost: a\r\n\r\n"); $h } 1 .. 2;
wait_for { $t->in_flight == 2 };
for my $n (1 .. 8) {
	is(reload(), 'applied', "40 workers, reload $n");
	push @held, my $h = $t->connect;
	$h->send("GET /delay/20000 HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for { $t->in_flight >= 1 };
}
like($t->log, qr/ warn \d+: no room for 40 workers more: ending generation \d+ before its time$/m,
    'for some of them the oldest generation ended');
is($c->get('/')->{status}, 200, 'the connection is alive');
$_->reset for @held;
ok((wait_for { @{ $t->status->{workers} } == 40 }), 'the old workers end');

# ---- QUIT still asks everybody to go

is($t->stop('QUIT'), 0, 'QUIT');

# ---- TERM ends a reload that waits for names, and begins nothing

my $mute = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "udp: $!";
$t->start(own_listeners => 1, config => conf(b('B1')));
write_conf('{host: a.example, port: 80}', 'resolver: {servers: ["127.0.0.1:' .
    $mute->sockport . '"], timeout: 4s}');
kill 'HUP', $t->pid;
ok((wait_for { my $log = $t->log; $log =~ /generation 2 is coming/ &&
    !(grep { $_->{state} eq 'starting' } @{ $t->status->{workers} }) }), 'a reload that waits');
is($t->stop('TERM'), 0, 'TERM');
unlike($t->log, qr/failed to start|died|applied: .*generation 2,/, 'ends all of it');

finish();
