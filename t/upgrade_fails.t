#!/usr/bin/perl
# t/upgrade_fails.t -- SIGUSR2 to a binary that does not come to serve
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Client;
use Fairlead::Test;
use IO::Socket::INET;
use JSON::PP ();

my $t = Fairlead::Test->new;
my $busy = $t->backend('b1');
my $file = $t->dir . '/fairlead.yaml';
my ($first, $second) = (free_port(), free_port());

sub told { return JSON::PP::decode_json(slurp($t->dir . '/run/status')) }

sub conf ($ports, $more = '', $backends = '{host: 127.0.0.1, port: %%B1%%}') {
	my $listeners = join ', ', map { "{address: \"127.0.0.1:$_\"}" } @$ports, '%%PORT%%';

	return "workers: 2\nhealth_check: off\nlisteners: [$listeners]\n" .
	    "backends: [$backends]\n$more\n";
}
sub write_conf (@arguments) { return spit($file, $t->fill(conf(@arguments))) }

sub change ($signal) {
	my $before = told()->{sequence};

	kill $signal, $t->pid;
	wait_for { told()->{sequence} > $before && told()->{verdict} =~ /ed$/ };
	return told()->{verdict};
}

sub children {
	my $pid = $t->pid;
	return split ' ', slurp("/proc/$pid/task/$pid/children");
}

sub serves ($port) {
	my $c = Fairlead::Client->to_port($port) // return 0;
	my $r = $c->get('/');
	return $r && $r->{status} == 200;
}

# ---- the rehearsal binds what is new

$t->start(own_listeners => 1, config => conf([$first, $second]));
my @same = $t->workers;
write_conf([$first, $second, $busy]);
is(change('USR2'), 'rejected', 'an address that another one has');
like("@{ told()->{diagnostics} }", qr/cannot listen on 127\.0\.0\.1:$busy: it is in use/, 'is told');
is_deeply([$t->workers], \@same, 'nothing has changed');

# ---- behind the exec: the log goes on, and so do the workers

write_conf([$first, $second], "admin: {address: \"127.0.0.1:$busy\"}");
is(change('USR2'), 'rejected', 'something else that cannot be had');
like($t->log, qr/the upgrade brought no workers: generation 1 goes on$/m, 'the log tells of it');
ok(serves($t->port), 'the workers of before serve');
kill 'KILL', $same[0];
ok((wait_for { $t->log =~ /the last reload was rejected/ }), 'one dies: a reload is tried');
ok(serves($t->port), 'the other one serves');
write_conf([$first, $second]);
is(change('HUP'), 'applied', 'HUP with a good file');
ok(serves($t->port), 'it serves');
ok((wait_for { @{ $t->status->{workers} } == 2 }), 'by two workers');

# ---- a worker dies that was to come, with fewer listeners than there were

my $mute = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "udp: $!";
my %old = map { $_ => 1 } children();
write_conf([], 'resolver: {servers: ["127.0.0.1:' . $mute->sockport . '"], timeout: 2s}',
    '{host: 127.0.0.1, port: %%B1%%}, {host: a.example, port: 80}');
kill 'USR2', $t->pid;
my @coming;
ok((wait_for { @coming = grep { !$old{$_} && slurp("/proc/$_/cmdline") =~ /worker process/ }
    children(); @coming == 2 }), 'workers of another binary, which wait');
my $generation = told()->{generation};
kill 'KILL', $coming[0];
ok((wait_for { told()->{verdict} eq 'rejected' }), 'one of them dies');
ok(serves($_), 'the old ones serve') for $first, $second, $t->port;
kill 'KILL', keys %old;
ok((wait_for { told()->{generation} > $generation && told()->{verdict} eq 'applied' }),
    'all of those die: the file is read again');
ok(serves($t->port), 'it serves');
unlike($t->log, qr/again and again/, 'nobody died of that');
is($t->stop('QUIT'), 0, 'QUIT');

finish();
