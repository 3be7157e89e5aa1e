# t/accept/lib/Accept.pm -- a whole fairlead, seen from its admin socket
#
# With contrib/bench/Bench.pm: what is started here ends with the script, also
# when the master is dead and its children are nobody's.
package Accept;
use strict;
use warnings;
use Exporter qw(import);
use FindBin;
use lib "$FindBin::Bin/../../contrib/bench";
use Bench;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_fairlead start_binary admin status backends wait_for load_begin
    load_end load_all origin_stats is_gone stopped end_fairlead sockets
    start_troubled set_mode config_file);

my $owner = $$;
my $count = 0;
my @known;		# every process of every fairlead
my $cpus = do {
    open my $in, '<', '/proc/self/status' or die "/proc: $!\n";
    (map { /^Cpus_allowed_list:\s*(\S+)/ } <$in>)[0];
};
umask 022;

sub wait_for {
    my ($seconds, $check, $pause) = @_;
    my $end = time + $seconds;
    for (;;) {
        my $value = $check->();
        return $value if $value;
        return undef if time > $end;	# not (): it is an argument of check()
        sleep($pause // 0.02);
    }
}

# Gone, or dead and not yet reaped by whoever inherited it.
sub is_gone {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 1;
    return (<$in> // '') =~ /\) [ZX] /;
}

sub stopped {
    my ($pid) = @_;
    return wait_for(5, sub {
        open my $in, '<', "/proc/$pid/stat" or return;
        return (<$in> // '') =~ /\) T /;
    }, 0.001) // die "process $pid does not stop\n";
}

# ---- fairlead

# Without a file of theirs nobody asks the origins but the script.
sub start_fairlead {
    my (@options) = @_;
    my $port = free_port();
    unshift @options, '-c', config_file("health_check: off\n")
        unless grep { $_ eq '-c' } @options;
    return start_binary("$build/fairlead", $port, '-H', '127.0.0.1', '-p',
        $port, @options);
}

# Any binary; the options say where it listens: at this port and maybe others.
sub start_binary {
    my ($binary, $port, @options) = @_;
    my $where = "$dir/accept-" . ++$count;
    mkdir $where and mkdir "$where/run" and chmod 0777, $where, "$where/run"
        or die "$where: $!\n";
    local $ENV{FAIRLEAD_STATE_DIR} = "$where/state";
    my $pid = spawn($cpus, $binary, '--run-dir', "$where/run", '--log-file',
        "$where/fairlead.log", @options);
    my $f = { pid => $pid, port => $port, admin => "$where/run/admin.sock",
        log => "$where/fairlead.log", run => "$where/run" };
    wait_for(10, sub {
        my $s = eval { status($f) };
        return $s && $s->{ready} &&
            !grep { $_->{state} ne 'ready' } @{ $s->{workers} };
    }) or die "fairlead is not ready\n" . `tail -n 5 $dir/*.log`;
    return $f;
}

# The answer to GET, decoded; dies if there is none.
sub admin {
    my ($f, $path) = @_;
    my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $f->{admin})
        or die "$f->{admin}: $!\n";
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "$f->{admin}: no answer\n" };
    alarm 5;
    print $s "GET $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    $s->flush;
    my $answer = do { local $/; <$s> };
    alarm 0;
    my ($head, $body) = split /\r\n\r\n/, $answer // '', 2;
    die "$path: no answer\n" unless ($head // '') =~ m{^HTTP/1.1 200 };
    return decode_json($body);
}

sub status {
    my ($f) = @_;
    my $s = admin($f, '/v1/status');
    my %is_known = map { $_ => 1 } @known;
    push @known, grep { $_ && !$is_known{$_} }
        map { $_->{pid} } @{ $s->{workers} }, $s->{monitor};
    return $s;
}

sub backends {
    my ($f) = @_;
    return @{ admin($f, '/v1/upstreams')->{upstreams}[0]{backends} };
}

sub end_fairlead {
    my ($f) = @_;
    stop($f->{pid});
    wait_for(5, sub { !grep { !is_gone($_) } @known });
    @known = grep { !is_gone($_) } @known;
}

# TERM would do for each of them, but for one that is stopped.
END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'KILL', grep { !is_gone($_) &&
            (readlink "/proc/$_/exe" // '') =~ m{/fairlead\b} } @known;
        $? = $status;
    }
}

# ---- load: as Bench's, but failures are counted, not fatal

sub load_begin {
    my ($f, $path, @options) = @_;
    my $n = ++$count;
    my $out = "$dir/load-$n.json";
    my $failures = "$dir/load-$n.failures";
    my $pid = spawn($cpus, 'sh', '-c', 'exec "$0" "$@" >' . $out,
        "$build/bench/load", '-j', '-f', $failures, @options,
        "127.0.0.1:$f->{port}", $path);
    return { pid => $pid, out => $out, failures => $failures };
}

# The result, with the failures as [port, how, status, ms, when it began, which
# request of its connection].
sub load_end {
    my ($l) = @_;
    waitpid $l->{pid}, 0;
    my $r = read_json($l->{out});
    open my $in, '<', $l->{failures} or die "$l->{failures}: $!\n";
    $r->{failures} = [map { [split] } <$in>];
    return $r;
}

sub load_all { return load_end(load_begin(@_)) }

sub origin_stats {
    my ($pid, $file) = @_;
    unlink $file;
    kill 'USR1', $pid;
    return wait_for(10, sub { -s $file && eval { read_json($file) } })
        // die "the origin says nothing\n";
}

# A file with this text.
sub config_file {
    my ($text) = @_;
    my $file = "$dir/accept-" . ++$count . '.yaml';
    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
    return $file;
}

# ---- origins in trouble (contrib/bench/troubled.c)

# { name, port, pid, stats, ids }; started again by giving it.
sub start_troubled {
    my ($name, $t, @options) = @_;
    $t = { name => $name, port => free_port(), stats => "$dir/$name.stats",
        mode => "$dir/$name.mode", ids => "$dir/$name.ids",
        options => [@options] } unless $t->{port};
    set_mode($t, 'serve');
    $t->{pid} = spawn($cpus, "$build/bench/troubled", '-n', $name,
        '-o', $t->{stats}, '-m', $t->{mode}, '-i', $t->{ids},
        @{ $t->{options} }, $t->{port});
    wait_port($t->{port});
    return $t;
}

# Whole or not at all: it may be read at any moment.
sub set_mode {
    my ($t, $mode) = @_;
    open my $out, '>', "$t->{mode}.new" or die "$t->{mode}.new: $!\n";
    print $out "$mode\n";
    close $out && rename "$t->{mode}.new", $t->{mode}
        or die "$t->{mode}: $!\n";
}

# ---- TCP sockets over 127.0.0.1: local and remote port, state, inode

sub sockets {
    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    my @all;
    while (my $line = <$in>) {
        my @f = split ' ', $line;
        next unless $f[1] =~ /:(\w{4})$/;
        my $local = hex $1;
        next unless $f[2] =~ /:(\w{4})$/;
        push @all, { local => $local, remote => hex $1, state => hex $f[3],
            inode => $f[9] };
    }
    return @all;
}

1;
