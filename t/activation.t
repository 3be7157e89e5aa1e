#!/usr/bin/perl
# t/activation.t -- listening sockets that whoever starts us has opened
use v5.36;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend('b1');
my $dir = $t->dir;

# Starts it as systemd would, with these sockets; sets pid and port.
sub start ($config, $names, @sockets) {
	$t->{port} = $sockets[0]->sockport;
	unlink "$dir/error.log";
	my @command = $t->command(config => $config, own_listeners => 1);
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		my $above = 3 + @sockets;
		my @high = map { POSIX::dup2(fileno $_, $above + 20 + fileno $_);
		    $above + 20 + fileno $_ } @sockets;
		POSIX::dup2($high[$_], 3 + $_) for 0 .. $#high;
		POSIX::close($_) for $above .. 200;
		$ENV{LISTEN_PID} = $$;
		$ENV{LISTEN_FDS} = @sockets;
		$ENV{LISTEN_FDNAMES} = $names;
		open STDERR, '>', "$dir/stderr";
		{ exec @command };
		POSIX::_exit(127);
	}
	$t->{pid} = $pid;
	wait_for { $t->is_ready || !is_alive($pid) };
	ok($t->is_ready, 'it is ready') or diag(slurp("$dir/stderr"));
	return;
}

sub stop () {
	kill 'TERM', $t->pid;
	wait_for { waitpid($t->pid, POSIX::WNOHANG()) == $t->pid };
	is($?, 0, 'it ends');
	return;
}

END { kill 'KILL', tree($t->pid) if $t && $t->pid && is_alive($t->pid) }

# As systemd does it: connections that come early must not be in our way.
sub tcp {
	return IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', ReuseAddr => 1)
	    // die "tcp: $!";
}

my $backends = "backends: [{host: 127.0.0.1, port: %%B1%%}]\nworkers: 3\n";

# ---- TCP and Unix

my $web = tcp();
my $unix = IO::Socket::UNIX->new(Listen => 64, Local => "$dir/web.sock") // die "unix: $!";
my $early = Fairlead::Client->to_port($web->sockport);	# waits in its queue
$early->send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
start("$backends\nlisteners: [{address: \"127.0.0.1:%%PORT%%\"}, {address: \"unix:$dir/web.sock\"}]\n",
    'web:unix', $web, $unix);
is($early->response->{status}, 200, 'whoever came before it is served');
is($t->get('/')->{backend}, 'b1', 'and who comes now') for 1 .. 20;
my $c = Fairlead::Client->to_socket("$dir/web.sock");
is($c->get('/')->{backend}, 'b1', 'on the path, too');
unlike($t->log, qr/socket activation/, 'nothing is left over');

# ---- a reload goes on with them

kill 'HUP', $t->pid;
ok(wait_for { $t->status->{generation} == 2 }, 'a reload');
is($t->get('/')->{backend}, 'b1', 'serves on them') for 1 .. 20;
stop();

# ---- they are still there for the next start

start("$backends\nlisteners: [{address: \"127.0.0.1:%%PORT%%\"}]\n", 'web', $web);
is($t->get('/')->{backend}, 'b1', 'a second start with the same socket');
stop();

# Also behind an end in peace, an upgrade and a reload that had no use for it.
my $both = "listeners: [{address: \"127.0.0.1:%%PORT%%\"}, {address: \"unix:$dir/web.sock\"}]\n";
for my $end (
    ['QUIT', sub { }],
    ['an upgrade and QUIT', sub { kill 'USR2', $t->pid;
	wait_for { $t->status->{generation} == 2 } }],
    ['its removal', sub { spit("$dir/fairlead.yaml", $t->fill(
	"health_check: off\n${backends}listeners: [{address: \"unix:$dir/other.sock\"}]\n"));
	kill 'HUP', $t->pid;
	wait_for { $t->status->{generation} == 2 } }]) {
	my ($what, $act) = @$end;
	start("$backends\n$both", 'web:unix', $web, $unix);
	is($t->get('/')->{backend}, 'b1', "serves, to be ended by $what");
	ok($act->(), $what) if $what ne 'QUIT';
	is($t->stop('QUIT'), 0, 'QUIT');
	my $waits = Fairlead::Client->to_port($web->sockport);
	ok($waits, "behind $what connections wait") or next;
	$waits->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start("$backends\n$both", 'web:unix', $web, $unix);
	is($waits->response->{backend}, 'b1', 'and are served by the next start');
	is(Fairlead::Client->to_socket("$dir/web.sock")->get('/')->{backend}, 'b1', 'on the path, too');
	stop();
}

# ---- what nobody wants, what cannot be used

my $other = tcp();
open my $file, '<', $0;
start("$backends\nlisteners: [{address: \"127.0.0.1:%%PORT%%\"}]\n", 'web:spare:file',
    $web, $other, $file);
is($t->get('/')->{backend}, 'b1', 'with a socket and a file too many');
my $spare = $other->sockport;
like($t->log . slurp("$dir/stderr"), qr/warn \d+: socket activation: 127\.0\.0\.1:$spare \(spare\) is no listener of the configuration/,
    'the one is named');
like(slurp("$dir/stderr"), qr/descriptor 5 \(file\) is not used: it is no stream socket/,
    'and so is the other');
# A reload may want it.
spit("$dir/fairlead.yaml", $t->fill("health_check: off\n$backends") .
    "listeners: [{address: \"127.0.0.1:$t->{port}\"}, {address: \"127.0.0.1:$spare\"}]\n");
kill 'HUP', $t->pid;
ok(wait_for { $t->status->{generation} == 2 }, 'a reload that has a listener there') or diag($t->log);
is(Fairlead::Client->to_port($spare)->get('/')->{backend}, 'b1', 'takes it');
stop();

# ---- meant for somebody else

{
	local @ENV{qw(LISTEN_PID LISTEN_FDS)} = (1, 1);
	$t->start;
}
is($t->get('/')->{backend}, 'b1', 'LISTEN_PID of another process says nothing');
unlike($t->log, qr/socket activation/, 'to us');

finish();
