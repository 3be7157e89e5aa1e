#!/usr/bin/perl
# t/log.t -- the error log: its keys, its forms, and that nobody waits for it
use v5.36;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
my $dir = $t->dir;
my $dead = refused_port();
my $upstream = 'u' x 60;
my $config = <<"YAML";
log: LOG
listeners: [{address: "127.0.0.1:%%PORT%%"}]
routes:
  - match: {path: /here}
    respond: {body: "here\\n"}
  - upstream: $upstream
upstreams:
  $upstream: {backends: [{host: 127.0.0.1, port: $dead}], retries: off}
YAML

# LOG is what the file has behind "log:".
sub begin ($log, @args) {
	unlink "$dir/error.log";
	$t->start(args => ['--workers', 1, @args], own_listeners => 1,
	    own_log => 1, config => $config =~ s/LOG/$log/r);
}
sub lines ($file = "$dir/error.log") { return split /\n/, slurp($file) }
sub levels { my %seen; /^\S+ (\w+) / and $seen{$1}++ for lines(); return join ' ', sort keys %seen }
my $file = 'file: %%DIR%%/error.log';
my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

# ---- text, and at once

begin("{$file}");
my ($worker) = $t->workers;
is($t->get('/x')->{status}, 502, 'a request that fails');
ok((wait_for { grep { /: connect: / } lines() } 0.5), 'has its line, at once');
my ($line) = grep { /: connect: / } lines();
like($line, qr{^$time warn $worker #\d+\.1: connect: Connection refused while \S.*, client 127\.0\.0\.1, upstream $upstream, backend 127\.0\.0\.1:$dead$},
    'as text');
is($t->stop, 0, 'it stops');
like((lines())[-1], qr/^$time notice \d+: stopped$/, 'the last line is there');
is(levels(), 'notice warn', 'info is the default level');

# ---- levels

begin("{level: error, $file}");
is($t->get('/x')->{status}, 502, 'the same');
$t->stop;
is(levels(), '', 'is no line at the level error');
begin("{level: error, $file}", '--log-level', 'debug');
$t->get('/x');
$t->stop;
is(levels(), 'debug notice warn', '--log-level wins');
begin("{level: debug, $file}", '--log-level', 'notice');
$t->get('/x');
$t->stop;
is(levels(), 'notice warn', 'also where it says less');

# ---- JSON

begin("{level: debug, $file, format: json}");
($worker) = $t->workers;
$t->get('/x');
$t->stop;
my @json = map { eval { JSON::PP->new->utf8->decode($_) } // "bad: $_" } lines();
is(scalar(grep { !ref } @json), 0, 'each line is an object');
is(scalar(grep { $_->{timestamp} !~ /^$time$/ || $_->{pid} !~ /^\d+$/ || !length $_->{message} } @json),
    0, 'with time, pid and message');
my ($failure) = grep { $_->{message} =~ /^connect/ } @json;
like(delete $failure->{$_->[0]}, $_->[1], "its $_->[0]")
    for ['timestamp', qr/^$time$/], ['connection', qr/^\d+$/], ['doing', qr/\w/];
is_deeply($failure, { level => 'warn', pid => $worker, exchange => 1, message => 'connect: Connection refused',
    client => '127.0.0.1', upstream => $upstream, backend => "127.0.0.1:$dead" }, 'the others');
my ($ready) = grep { $_->{message} =~ /^ready/ } @json;
is(join(' ', sort keys %$ready), 'level message pid timestamp', 'what is absent has no key');

# ---- where it goes

begin('{file: %%DIR%%/other.log}', '--log-file', "$dir/error.log");
$t->stop;
ok(!-e "$dir/other.log", '--log-file wins');
like(slurp("$dir/error.log"), qr/stopped/, 'the line is there');
my %said = (stdout => 'stdout', stderr => 'stderr', '-' => 'stderr');
for my $word ('stdout', 'stderr', '-') {
	spit("$dir/$_", '') for qw(stdout stderr);
	begin("{file: '$word', format: json}");
	$t->get('/x');
	$t->stop;
	my @here = grep { /^\{"timestamp"/ } lines("$dir/$said{$word}");
	cmp_ok(scalar(grep { /"message":"(?:connect|stopped)/ } @here), '==', 2,
	    "$word: $said{$word}, by master and workers");
	ok(!-e "$dir/$word" || $word ne '-', 'no file of that name');
}
is(slurp("$dir/stdout"), '', 'stderr is not stdout');

# ---- start-up

# A port that is taken ends it at once, behind the opening of the log.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
$t->{port} = $taken->sockport;
sub run_with ($log, @more) {
	return run_program('-c', spit("$dir/run.yaml", $t->fill($config =~ s/LOG/$log/r)),
	    '--run-dir', "$dir/run", '--workers', 1, @more);
}
my ($code, $out, $err) = run_with('{file: %%DIR%%/tested.log}', '-t');
is($code, 0, '-t');
like($err, qr/\A\S+ \S+ configuration ok \([^\n]*\n\z/, 'says no more than that');
ok(!-e "$dir/tested.log", 'and does not make the log');
($code, $out, $err) = run_with('{file: %%DIR%%/nowhere/x.log}', '-t');
is($code, 0, 'nor opens it');
($code, $out, $err) = run_with('{file: %%DIR%%/nowhere/x.log}');
is($code, 1, 'a log that cannot be opened ends it');
like($err, qr{log: \S+/nowhere/x\.log: No such file}, 'and is named');
($code, $out, $err) = run_with('{file: %%DIR%%/taken.log, format: json}');
is($code, 1, 'a port that is taken');
like($err, qr/^$time error \d+: .*in use/m, 'is said on stderr as text');
like(slurp("$dir/taken.log"), qr/^\{"timestamp".*"message":"[^"]*in use/m, 'and in the log as JSON');
($code, $out, $err) = run_with('{level: loud, file: [a]}');
is($code, 1, 'errors');
like($err, qr/"loud" is no level; there are: debug, info, notice, warn, error/, 'levels are named');
like($err, qr/"file" takes a single value/, 'a file is one');

# ---- a FIFO that nobody reads

my $fifo = "$dir/log.fifo";
POSIX::mkfifo($fifo, 0600) or die "mkfifo: $!";
begin('{level: warn, file: %%DIR%%/log.fifo, format: json}');
my $began = time;
my $c = $t->connect;
my ($sent, $dropped) = (0, 0);
while ($dropped < 50 && $sent < 5000) {
	my $r = $c->get('/x') or last;
	$sent++;
	$c = $t->connect if ($r->{headers}{connection} // '') eq 'close';
	($dropped) = map { $_->{log_dropped} } @{ $t->status->{workers} } if $sent % 50 == 0;
}
cmp_ok($dropped, '>=', 50, 'lines are dropped, and counted');
is($t->get('/here')->{status}, 200, 'and requests go on');
like($t->status->{monitor}{log_dropped}, qr/^\d+$/, 'the monitor counts, too');

# What was kept comes, what was not is counted. The backend that always fails
# is also left out, once in ten seconds, which is a line.
open my $in, '<', $fifo or die "fifo: $!";
my ($read, $over) = ('', 0);
sub read_some {
	my $set = '';
	vec($set, fileno $in, 1) = 1;
	sysread($in, $read, 65536, length $read) if select($set, undef, undef, 0.2) > 0;
}
sub excess ($pid) {
	my $got = () = $read =~ /"pid":$pid,.*\n/g;
	($dropped) = map { $_->{log_dropped} } @{ $t->status->{workers} };
	return $got + $dropped - $sent;
}
($worker) = $t->workers;
wait_for { read_some(); ($over = excess($worker)) >= 0 } 30;
cmp_ok($over, '>=', 0, 'none is missing');
cmp_ok($over, '<=', 1 + (time - $began) / 10, 'and none is counted twice');
is(scalar(grep { !eval { JSON::PP::decode_json($_) } } split /\n/, $read), 0, 'none is torn');

# The master writes by itself; a pipe that is full again does not keep it.
for (1 .. 5000) {
	$c->get('/x') // ($c = $t->connect);
	last if $_ % 50 == 0 && (map { $_->{log_dropped} } @{ $t->status->{workers} })[0] > $dropped + 50;
}
kill 'KILL', $worker;
ok((wait_for { my ($w) = $t->workers; $w && $w != $worker && $t->is_ready }), 'the master replaces a worker');
cmp_ok((map { $_->{log_dropped} } @{ $t->status->{workers} })[0], '>', $dropped, 'counters never fall');
is($t->get('/here')->{status}, 200, 'which answers');
is($t->stop, 0, 'and stops');
close $in;

# ---- a disk that is full, a reader that has gone

symlink '/dev/full', "$dir/full.log" or die "symlink: $!";
begin('{file: %%DIR%%/full.log}');
is(join(' ', map { $t->get('/x')->{status} } 1 .. 20), join(' ', (502) x 20), 'a full disk');
is($t->stop, 0, 'does not keep it from stopping');

# A shell's stderr without a reader, and none at all.
for my $redirect ('2>&1 | true', '2>&- >&-') {
	$t->{port} = free_port();
	my $conf = spit("$dir/run.yaml", $t->fill($config =~ s/LOG/{level: debug, file: stderr}/r));
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		exec '/bin/sh', '-c', "exec " . Fairlead::Test::build()
		    . "/fairlead -c $conf --run-dir $dir/run --workers 1 $redirect"
		    or POSIX::_exit(127);
	}
	ok((wait_for { $t->is_ready }), "it starts with $redirect");
	is(join(' ', map { $t->get('/x')->{status} } 1 .. 5), join(' ', (502) x 5), 'and answers');
	kill 'TERM', $t->status->{pid};
	waitpid $pid, 0;
	is($?, 0, 'and ends well');
}

# ---- one process

begin("{$file, format: json}", '--mode', 'single');
$t->get('/x');
$t->stop;
is(scalar(grep { /"message":"connect: / } lines()), 1, 'in one process, too');

finish();
