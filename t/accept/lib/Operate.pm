# t/accept/lib/Operate.pm -- a fairlead that is operated under load
#
# All kinds of clients at once, which count each request and never try again;
# the signals of an operator, and the verdict of the master. ACCEPT_SHORT=1
# runs shorter versions, for whoever works on it. What was wrong leaves the
# logs in BUILD/accept/NAME.left.
package Operate;
use strict;
use warnings;
use Accept;
use Bench;
use Exporter qw(import);
use File::Copy qw(copy);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(whole check finish write_file until_time now_text log_of
    origin_begin twice clients_begin clients_stop clients_end verdict change
    admin_post ask_once master_figures file_changes strangers);

my @wrong;
my $name = $0 =~ s{.*/}{}r;

sub is_short { return $ENV{ACCEPT_SHORT} ? 1 : 0 }

# The one for the acceptance, the other for ACCEPT_SHORT.
sub whole { return $_[is_short()] }

# ---- what is found wrong

sub check { my ($ok, $what) = @_; push @wrong, $what unless $ok; return $ok }

sub keep_logs {
    my $to = "$build/accept/$name.left";
    mkdir "$build/accept";
    mkdir $to;
    unlink glob "$to/*";
    for my $file (glob("$dir/*.failures $dir/*.log $dir/*.yaml"),
        glob "$dir/accept-*/fairlead.log") {
        copy($file, "$to/" . ($file =~ s{^\Q$dir\E/}{}r =~ tr{/}{-}r));
    }
    print "logs are in $to\n";
}

# The last line and the end.
sub finish {
    my (@words) = @_;
    keep_logs() if @wrong;
    my $all = join '; ', is_short() ? 'SHORT' : (), @words;
    print @wrong ? 'wrong: ' . join('; ', @wrong, $all) : $all, "\n";
    exit(@wrong ? 1 : 0);
}

# ---- files and time

# Whole or not at all.
sub write_file {
    my ($file, $text) = @_;
    open my $out, '>', "$file.new" or die "$file.new: $!\n";
    print $out $text;
    close $out && rename "$file.new", $file or die "$file: $!\n";
    return $file;
}

sub until_time {
    my ($when) = @_;
    my $rest = $when - time;
    sleep $rest if $rest > 0;
}

# As logs and failures have it; such texts sort by time.
sub now_text {
    my $now = $_[0] // time;
    return POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime $now) .
        sprintf '.%03dZ', ($now - int $now) * 1000;
}

sub log_of {
    my ($f) = @_;
    open my $in, '<', $f->{log} or die "$f->{log}: $!\n";
    return <$in>;
}

# ---- clients

sub origin_begin {
    my $stats = "$dir/origin.stats";
    my $o = start_origin('0-1023', '-o', $stats);
    $o->{stats} = $stats;
    return $o;
}

# How many requests with an id came to it twice: POSTs that somebody repeated.
sub twice { return origin_stats($_[0]{pid}, $_[0]{stats})->{twice} }

sub tunnels_begin {
    my ($f, $what, @options) = @_;
    my $file = "$dir/$what";
    my $pid = spawn('0-1023', 'sh', '-c', 'exec "$0" "$@" >' . "$file.json",
        "$build/bench/tunnels", '-f', "$file.failures", @options,
        "127.0.0.1:$f->{port}", "/$what");
    return { pid => $pid, out => "$file.json", failures => "$file.failures" };
}

# For so many seconds `rate` requests a second of keep-alive GETs, some with a
# connection for each, POSTs on connections that were idle for 0.1 to 5 s,
# pairs; and WebSockets, half of them at once (/sockets), half one by one, in
# `opening` seconds (/later).
sub clients_begin {
    my ($f, $seconds, $rate, $sockets, $opening) = @_;
    my @for = ('-d', $seconds);
    my $half = int(($sockets // 0) / 2);
    my $every = $half ? int(1000 * ($opening // 0.8 * $seconds) / $half) : 0;
    my %c = (gets => load_begin($f, '/1024', @for, '-c', 32, '-r', $rate),
        new => load_begin($f, '/512', @for, '-1', '-c', 32, '-r', 300),
        posts => load_begin($f, '/100', @for, '-I', '-p', 1000, '-c', 150,
            '-t', '100-5000'),
        pairs => load_begin($f, '/300', @for, '-P', 2, '-c', 16,
            '-t', '5-60'));
    $c{sockets} = tunnels_begin($f, 'sockets', @for, '-c', $half) if $half;
    $c{'later_sockets'} = tunnels_begin($f, 'later', @for, '-c', $half,
        '-e', $every) if $half;
    return \%c;
}

sub clients_stop { kill 'TERM', map { $_->{pid} } values %{ $_[0] } }

sub add_sockets {
    my ($sum, $r) = @_;
    $sum->{$_} += $r->{$_} for qw(sockets alive);
    $sum->{requests} += $r->{messages};
    $sum->{lost} += $r->{messages} - $r->{ok};
}

# {requests, lost, closed_idle, max_ms, sockets, alive, kinds => {name =>
# result}, failures => ["name port how ..."], words}
sub clients_end {
    my ($clients) = @_;
    my %sum = (requests => 0, lost => 0, closed_idle => 0, max_ms => 0,
        sockets => 0, alive => 0, failures => []);
    for my $kind (sort keys %$clients) {
        my $r = load_end($clients->{$kind});
        $sum{kinds}{$kind} = $r;
        push @{ $sum{failures} }, map { "$kind @$_" } @{ $r->{failures} };
        $sum{max_ms} = $r->{max_ms} if $r->{max_ms} > $sum{max_ms};
        if ($kind =~ /sockets/) {
            add_sockets(\%sum, $r);
            next;
        }
        $sum{requests} += $r->{requests};
        $sum{lost} += $r->{failed};
        $sum{closed_idle} += $r->{closed_idle};
    }
    $sum{words} = sprintf '%d requests, %d lost, %d idle connections closed, ' .
        'max %.0f ms', @sum{qw(requests lost closed_idle max_ms)};
    $sum{words} .= "; $sum{alive} of $sum{sockets} WebSockets alive"
        if $sum{sockets};
    print map { "lost: $_\n" } grep { defined } @{ $sum{failures} }[0 .. 19];
    return \%sum;
}

# ---- signals and verdicts

sub verdict {
    my ($f) = @_;
    return eval { read_json("$f->{run}/status") } // {};
}

# Signals and waits for the end of it: the verdict, with the ms that it took.
sub change {
    my ($f, $signal) = @_;
    my $before = verdict($f)->{sequence} // -1;
    my $begun = time;
    kill $signal, $f->{pid};
    my $v = wait_for(20, sub {
        my $now = verdict($f);
        return ($now->{sequence} // $before) != $before &&
            $now->{verdict} =~ /^(?:applied|rejected)$/ ? $now : undef;
    }, 0.002) // { verdict => 'none', generation => 0, diagnostics => [] };
    $v->{ms} = 1000 * (time - $begun);
    return $v;
}

# ---- asking it

# The whole answer.
sub admin_post {
    my ($f, $path, $body) = @_;
    my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $f->{admin})
        or die "$f->{admin}: $!\n";
    printf $s "POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" .
        "Content-Length: %d\r\n\r\n%s", $path, length $body, $body;
    $s->flush;
    local $/;
    return scalar(<$s>) // '';
}

# On a connection of its own: the answer with its head, or "".
sub ask_once {
    my ($f, $path, @fields) = @_;
    my $s = IO::Socket::INET->new("127.0.0.1:$f->{port}") or return '';
    local $SIG{PIPE} = 'IGNORE';
    print $s join "\r\n", "GET $path HTTP/1.1", 'Host: a',
        'Connection: close', @fields, '', '';
    $s->flush;
    local $/;
    return scalar(<$s>) // '';
}

# ---- the master from outside

# Descriptors, also by what they are, resident KiB, bytes of the segment.
sub master_figures {
    my ($f) = @_;
    my %m = (files => 0, segment => 0);
    for my $fd (glob "/proc/$f->{pid}/fd/*") {
        my $what = readlink $fd // next;
        $m{files}++;
        $m{kinds}{ $what =~ s/:\[\d+\]$//r }++;
        $m{segment} = -s $fd if $what =~ m{^/memfd:};
    }
    open my $in, '<', "/proc/$f->{pid}/status" or die "/proc: $!\n";
    while (<$in>) {
        $m{rss} = $1 if /^VmRSS:\s+(\d+)/;
    }
    return \%m;
}

# The kinds of descriptors of which there are now more or fewer.
sub file_changes {
    my ($before, $now) = @_;
    my ($b, $n) = map { $_->{kinds} } $before, $now;
    return join ', ', map { "$_: " . ($b->{$_} // 0) . ', now ' .
        ($n->{$_} // 0) } grep { ($b->{$_} // 0) != ($n->{$_} // 0) }
        sort keys %{ { %$b, %$n } };
}

# Its descendants that are neither the workers that serve nor the monitor.
sub strangers {
    my ($f) = @_;
    my $s = status($f);
    my %is_known = map { $_->{pid} => 1 } $s->{monitor}, { pid => $f->{pid} },
        grep { $_->{generation} == $s->{generation} } @{ $s->{workers} };
    return grep { !$is_known{$_} && !is_gone($_) } tree($f->{pid});
}

1;
