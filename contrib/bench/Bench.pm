# contrib/bench/Bench.pm -- programs started, loaded, measured and ended
#
# For contrib/bench/run and the acceptance scripts. FAIRLEAD_BUILD names the
# build directory. Whatever is started here is ended when the script ends, in
# whichever way; files are in a directory of their own, gone then too.
package Bench;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Socket::INET;
use IPC::Open2;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw($build $dir free_port wait_port spawn stop tree program
    start_program start_origin load hold_idle cpu_ns ticks pss
    count_system_calls max_files median quartiles spread read_json);

our $build = abs_path($ENV{FAIRLEAD_BUILD} // '.');
my $here = abs_path(dirname(__FILE__));
our $dir = tempdir('fairlead-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0777, $dir;
my $owner = $$;
my @started;
my $n_programs = 0;
$SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);

# ---- processes

sub free_port {
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "no port: $!\n";
    return $s->sockport;
}

sub wait_port {
    my ($port) = @_;
    my $end = time + 30;
    while (time < $end) {
        return if IO::Socket::INET->new("127.0.0.1:$port");
        sleep 0.02;
    }
    system 'tail', '-n', 5, glob "$dir/*.log";
    die "nothing listens on port $port\n";
}

sub max_files { return `ulimit -n 60000 2>&- && ulimit -n || ulimit -Hn` + 0 }

# As many descriptors as may be; it ends with us even if we are killed.
my @limits = ('sh', '-c', 'ulimit -n 60000 2>/dev/null ||
    ulimit -n "$(ulimit -Hn)"; exec setpriv --pdeathsig TERM -- "$@"', 'sh');

sub spawn {
    my ($cpu, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>>', "$dir/output.log";
        open STDERR, '>&', \*STDOUT;
        exec @limits, 'taskset', '-c', $cpu, @command
            or POSIX::_exit(127);
    }
    push @started, $pid;
    return $pid;
}

sub stop {
    my ($pid) = @_;
    my @all = tree($pid);
    kill 'TERM', $pid;
    for (1 .. 100) {
        last if waitpid($pid, POSIX::WNOHANG()) != 0;
        sleep 0.05;
    }
    kill 'KILL', $pid if kill 0, $pid;
    @started = grep { $_ != $pid } @started;
}

END {
    if ($$ == $owner) {
        my $status = $?;
        my @all = reverse @started;
        stop($_) for @all;
        $? = $status;
    }
}

# A process and all that descend from it.
sub tree {
    my @all = @_;
    for (my $i = 0; $i < @all; $i++) {
        for my $f (glob "/proc/$all[$i]/task/*/children") {
            open my $in, '<', $f or next;
            push @all, split ' ', (<$in> // '');
        }
    }
    return @all;
}

# ---- the programs

sub fill {
    my ($template, $to, %value) = @_;
    open my $in, '<', "$here/$template" or die "$template: $!\n";
    my $text = do { local $/; <$in> };
    $text =~ s/\@([A-Z]+)\@/$value{$1}/g;
    open my $out, '>', $to or die "$to: $!\n";
    print $out $text;
    close $out or die "$to: $!\n";
    return $to;
}

# Two backends, or a thousand: all of them the same origin.
sub addresses {
    my ($n, $port) = @_;
    return map { sprintf '127.1.%d.%d:%d', $_ / 250, $_ % 250 + 1, $port }
        0 .. $n - 1;
}

# fairlead with its defaults; clients may send without limit and backends are
# not checked, as the rivals'.
sub fairlead_command {
    my ($where, $port, $options, @to) = @_;
    open my $out, '>', "$where/fairlead.yaml" or die "$where: $!\n";
    print $out "limits: {requests_per_connection: off}\nhealth_check: off\n",
        "keep_alive: {idle: 1024, idle_timeout: 5m}\nbackends:\n",
        map { /(.*):(\d+)/; qq(  - {host: "$1", port: $2}\n) } @to;
    close $out or die "$where: $!\n";
    mkdir "$where/run";
    return (@{ $options->{before} // [] }, "$build/fairlead", '-c',
        "$where/fairlead.yaml", '-H', '127.0.0.1', '-p', $port,
        '--run-dir', "$where/run", '--log-file', "$where/fairlead.log",
        @{ $options->{more} // ['--workers', 1] });
}

# The command of a program that listens on a port and forwards to `backends`
# addresses (2) of the origin; the floor opens a connection for each client.
sub program {
    my ($name, $port, $origin, $options) = @_;
    my @to = addresses($options->{backends} // 2, $origin);
    my $where = sprintf '%s/%s-%d', $dir, $name, ++$n_programs;
    my $i = 0;
    mkdir $where and chmod 0777, $where;
    return ("$build/bench/floor", $port, $origin,
        $options->{connections} // 64) if $name eq 'floor';
    return ('nginx', '-p', $where, '-c', fill('nginx.conf.in',
        "$where/nginx.conf", DIR => $where, PORT => $port,
        SERVERS => join "\n\t\t", map { "server $_;" } @to))
        if $name eq 'nginx';
    return ('haproxy', '-db', '-f', fill('haproxy.cfg.in',
        "$where/haproxy.cfg", PORT => $port,
        SPLICE => $name eq 'haproxy' ? '' : 'option splice-auto',
        SERVERS => join "\n\t", map { 'server s' . $i++ . " $_" } @to))
        if $name =~ /^haproxy(-splice)?$/;
    return fairlead_command($where, $port, $options, @to)
        if $name eq 'fairlead';
    die "$name: no such program\n";
}

sub start_program {
    my ($cpu, $name, $origin, $options) = @_;
    my $port = free_port();
    my $pid = spawn($cpu, program($name, $port, $origin, $options // {}));
    wait_port($port);
    return { name => $name, port => $port, pid => $pid };
}

# One process that is every 127.x.y.z.
sub start_origin {
    my ($cpu, @options) = @_;
    my $port = free_port();
    my $pid = spawn($cpu, "$build/bench/origin", '-a', '127.0.0.0', @options,
        $port);
    wait_port($port);
    return { port => $port, pid => $pid };
}

# ---- loading

sub start_load {
    my ($cpu, @command) = @_;
    my $pid = open2(my $out, my $in, 'taskset', '-c', $cpu,
        "$build/bench/load", @command);
    push @started, $pid;
    return ($pid, $in, $out);
}

# Runs the generator and returns its result with what `sample` returned (a
# list of numbers, by difference) between the end of the warm-up and the end
# of what is counted; at both moments all is quiet, the connections are open.
sub load {
    my ($cpu, $port, $path, $sample, @options) = @_;
    my ($pid, $in, $out) = start_load($cpu, '-j', '-H', @options,
        "127.0.0.1:$port", $path);
    (<$out> // '') eq "warm\n" or die "load has failed\n";
    my @before = $sample ? $sample->('begin') : ();
    print $in "\n";
    $in->flush;
    my $line = <$out> // die "load has failed\n";
    my @after = $sample ? $sample->('end') : ();
    close $in;
    waitpid $pid, 0;
    @started = grep { $_ != $pid } @started;
    my $r = decode_json($line);
    die "$r->{failed} requests of $r->{requests} failed: $line"
        if $r->{failed};
    return ($r, map { $after[$_] - $before[$_] } 0 .. $#after);
}

# Calls `sample` while n connections are idle behind a request each.
sub hold_idle {
    my ($cpu, $port, $path, $n, $sample) = @_;
    my ($pid, $in, $out) = start_load($cpu, "--idle=$n", "127.0.0.1:$port",
        $path);
    my ($idle) = (<$out> // '') =~ /^idle (\d+)/;
    die 'only ', $idle // 0, " of $n connections are idle\n"
        if ($idle // 0) != $n;
    my $value = $sample->();
    close $in;
    my ($closed) = (<$out> // '') =~ /^closed (\d+)/;
    die "$closed of $n idle connections were closed\n" if $closed;
    waitpid $pid, 0;
    @started = grep { $_ != $pid } @started;
    return $value;
}

# ---- measuring

sub cpu_ns {
    my $sum = 0;
    for my $f (map { glob "/proc/$_/task/*/schedstat" } @_) {
        open my $in, '<', $f or next;
        $sum += (split ' ', <$in>)[0];
    }
    return $sum;
}

# User and system time in ticks of 10 ms: good for shares, not for sums.
sub ticks {
    my ($user, $system) = (0, 0);
    for my $pid (@_) {
        open my $in, '<', "/proc/$pid/stat" or next;
        my @f = split ' ', (<$in> =~ s/.*\) //sr);
        $user += $f[11];
        $system += $f[12];
    }
    return ($user, $system);
}

sub pss {
    my $sum = 0;
    for my $pid (@_) {
        open my $in, '<', "/proc/$pid/smaps_rollup"
            or die "smaps_rollup of $pid: $!\n";
        while (my $line = <$in>) {
            $sum += $1 * 1024 if $line =~ /^Pss:\s+(\d+) kB/;
        }
    }
    return $sum;
}

# perf counts with the kernel's tracepoints, hardly slowing what it watches;
# strace, where perf may not, makes batches larger than they are.
sub can_perf {
    my $err = `perf stat -x, -e raw_syscalls:sys_enter true 2>&1`;
    return $? == 0 && $err =~ /^\d/m;
}

sub start_counting {
    my ($file, @pids) = @_;
    my @watch = ("perf", 'stat', '-x,', '-o', $file, '-e',
        'syscalls:sys_enter_*', '-p', join(',', @pids), '--', 'sh', '-c',
        'echo ready; read end || :');
    @watch = ('strace', '-f', '-c', '-U', 'name,calls', '-o', $file,
        map { ('-p', $_) } @pids) unless can_perf();
    my $pid = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        @watch);
    push @started, $pid;
    # perf says ready once; strace, that it has attached, once for each
    my $lines = $watch[0] eq 'perf' ? 1 : @pids;
    while ($lines > 0 && defined(my $line = <$out>)) {
        $lines-- if $line =~ /ready|attached/;
    }
    return { pid => $pid, in => $in, out => $out, name => $watch[0] };
}

sub stop_counting {
    my ($w, $file) = @_;
    kill 'INT', $w->{pid} if $w->{name} eq 'strace';
    close $w->{in};
    waitpid $w->{pid}, 0;
    @started = grep { $_ != $w->{pid} } @started;
    open my $in, '<', $file or die "$file: $!\n";
    my %calls;
    while (my $line = <$in>) {
        if ($line =~ /^(\d+),.*sys_enter_(\w+)/) {
            $calls{$2} += $1 if $1 > 0;
        } elsif ($line =~ /^(\w+)\s+(\d+)$/ && $1 ne 'total') {
            $calls{$1} += $2;
        }
    }
    return \%calls;
}

# By name, of all processes, per request in `n` requests behind a warm-up.
sub count_system_calls {
    my ($cpu, $p, $path, $connections, $n) = @_;
    my $file = "$dir/system-calls";
    my ($watch, $calls);
    my ($r) = load($cpu, $p->{port}, $path, sub {
        if ($_[0] eq 'begin') {
            $watch = start_counting($file, tree($p->{pid}));
        } else {
            $calls = stop_counting($watch, $file);
        }
        return ();
    }, '-c', $connections, '-w', 5000, '-n', $n);
    my $sum = 0;
    $sum += $_ for values %$calls;
    return { per_request => $sum / $r->{requests}, calls => $calls,
        requests => $r->{requests}, by => $watch->{name} };
}

# ---- figures

sub median {
    my @s = sort { $a <=> $b } @_;
    return @s % 2 ? $s[$#s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2;
}

sub spread { my @s = sort { $a <=> $b } @_; return @s[0, -1] }

# The first and the third, between neighbours where they fall.
sub quartiles {
    my @s = sort { $a <=> $b } @_;
    return map {
        my $at = $_ * $#s;
        my $low = int $at;
        my $high = $low < $#s ? $low + 1 : $low;
        $s[$low] + ($s[$high] - $s[$low]) * ($at - $low);
    } 0.25, 0.75;
}

sub read_json {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    return decode_json(do { local $/; <$in> });
}

1;
