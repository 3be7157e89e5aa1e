# t/lib/Fairlead/System.pm -- starts the real thing on real sockets, for a test
package Fairlead::System;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_fairlead start_backend start_origin stop_process
    free_port get ask answer connect_to admin wait_for workers_of file_text
    received tree expect_alert run_command test_dir);

my $build = abs_path($ENV{FAIRLEAD_BUILD} // '.');
my $owner = $$;
my $dir = tempdir('fairlead-test-XXXXXX', TMPDIR => 1,
    CLEANUP => !$ENV{FAIRLEAD_TEST_LEAVE});
chmod 0777, $dir;
my (@pids, @logs, $expects_alert, $count);

sub test_dir { return $dir }
sub expect_alert { $expects_alert = 1 }

# ---- conditions instead of sleeps

# Until the code is true; its value, or undef after `seconds`.
sub wait_for (&;$) {
    my ($code, $seconds) = @_;
    my $end = time + ($seconds // 10);
    while (1) {
        my $value = $code->();
        return $value if $value;
        return if time > $end;
        sleep 0.02;
    }
}

my %given;

sub free_port {
    for (1 .. 100) {
        my $s = IO::Socket::INET->new(Listen => 1,
            LocalAddr => '127.0.0.1') or next;
        return $s->sockport unless $given{ $s->sockport }++;
    }
    die "no free port\n";
}

sub file_text {
    my ($file) = @_;
    open my $in, '<:raw', $file or return '';
    local $/;
    return scalar(<$in>) // '';
}

# ---- processes

sub spawn {
    my ($output, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $output;
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    push @pids, $pid;
    return $pid;
}

# The process and all below it.
sub tree {
    my @all = @_;
    for (my $i = 0; $i < @all; $i++) {
        push @all, split ' ', file_text($_)
            for glob "/proc/$all[$i]/task/*/children";
    }
    return @all;
}

# Ends it; its exit status, or undef when it had to be killed.
sub stop_process {
    my ($pid, $signal, $seconds) = @_;
    kill $signal // 'TERM', $pid;
    my $status;
    my $ended = wait_for {
        my $got = waitpid $pid, POSIX::WNOHANG();
        $status = $? if $got == $pid;
        $got != 0
    } $seconds // 20;
    kill 'KILL', $pid unless $ended;
    @pids = grep { $_ != $pid } @pids;
    return $ended ? $status : undef;
}

# Everything the program printed while it ran to its end.
sub run_command {
    my (@command) = @_;
    my $file = "$dir/command-" . ++$count;
    my $pid = spawn($file, @command);
    my $status = stop_process($pid, 0, 20);
    return { status => defined $status ? $status >> 8 : undef,
        output => file_text($file) };
}

# start_fairlead(options => [...], config => 'yaml', env => {...}); without a
# port of its own it gets a free one. %f: pid, port, run, log, output.
sub start_fairlead {
    my (%a) = @_;
    my $id = ++$count;
    my $port = $a{port} // free_port();
    my %f = (port => $port, run => "$dir/run-$id", log => "$dir/log-$id",
        output => "$dir/output-$id");
    my @options = @{ $a{options} // [] };
    mkdir $f{run};
    chmod 0777, $f{run};
    if (defined $a{config}) {
        open my $out, '>', "$dir/config-$id.yaml" or die;
        print $out $a{config};
        close $out;
        push @options, '-c', "$dir/config-$id.yaml";
    }
    local %ENV = (%ENV, %{ $a{env} // {} });
    $f{pid} = spawn($f{output}, $a{program} // "$build/fairlead", '-H',
        '127.0.0.1', '-p', $port, '--run-dir', $f{run}, '--log-file',
        $f{log}, @options);
    push @logs, $f{log}, $f{output};
    return \%f if $a{may_fail};
    my $ready = wait_for { file_text($f{log}) =~ /ready:/ } 20;
    unless ($ready) {
        diag(file_text($f{output}), file_text($f{log}));
        BAIL_OUT('fairlead did not start');
    }
    return \%f;
}

sub start_backend {
    my ($name) = @_;
    my $port = free_port();
    my $output = "$dir/backend-" . ++$count;
    my $pid = spawn($output, "$build/test-backend", $port, $name);
    push @logs, $output;
    wait_for { IO::Socket::INET->new("127.0.0.1:$port") } 10
        or BAIL_OUT('the test backend did not start');
    return { pid => $pid, port => $port, name => $name,
        output => $output };
}

# ---- a scripted origin

# start_origin([step, ...], ...): a script for each connection, the last one
# for all that follow. Steps: 'request' (reads a head and its body), [send =>
# bytes], [pieces => bytes, n], [wait => seconds], 'reset', 'half', 'hang' (until the
# peer closes), 'drain' (reads to the end), [serve => bytes] (answers each
# request with them); a connection closes at the end of its script. What came is in received($origin, $connection).
sub start_origin {
    my @scripts = @_;
    my $listener = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
        LocalAddr => '127.0.0.1') or die "origin: $!\n";
    my $o = { port => $listener->sockport, dir => "$dir/origin-" . ++$count };
    mkdir $o->{dir};
    my $pid = fork // die;
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{CHLD} = 'IGNORE';
        for (my $n = 0; ; $n++) {
            my $c = $listener->accept or POSIX::_exit(0);
            next if fork;
            close $listener;
            eval { play($c, "$o->{dir}/$n",
                $scripts[$n < @scripts ? $n : -1]) };
            POSIX::_exit(0);
        }
    }
    push @pids, $pid;
    close $listener;
    $o->{pid} = $pid;
    return $o;
}

sub received {
    my ($o, $n) = @_;
    return file_text("$o->{dir}/$n");
}

sub play {
    my ($c, $file, $script) = @_;
    open my $out, '>:raw', $file;
    $out->autoflush(1);
    my $rest = '';
    my $request = sub {
        my ($more) = @_;
        until ($rest =~ /\r\n\r\n/) { $more->() or return 0 }
        my ($len) = $rest =~ /^content-length: *(\d+)/mi;
        $rest =~ s/^.*?\r\n\r\n//s;
        while (length $rest < ($len // 0)) { $more->() or return 0 }
        substr $rest, 0, $len // 0, '';
        return 1;
    };
    my $more = sub {
        sysread $c, my $bytes, 65536 or return 0;
        print $out $bytes;
        $rest .= $bytes;
        return 1;
    };
    for my $step (@$script) {
        my ($what, @arg) = ref $step ? @$step : $step;
        if ($what eq 'request') {
            $request->($more) or return;
        } elsif ($what eq 'serve') {
            syswrite $c, $arg[0] while $request->($more);
        } elsif ($what eq 'send') {
            my $at = 0;
            while ($at < length $arg[0]) {
                $at += syswrite($c, $arg[0], 65536, $at) || return;
            }
        } elsif ($what eq 'pieces') {
            for (my $at = 0; $at < length $arg[0]; $at += $arg[1]) {
                syswrite $c, substr($arg[0], $at, $arg[1]);
                sleep 0.001;
            }
        } elsif ($what eq 'wait') {
            sleep $arg[0];
        } elsif ($what eq 'reset') {
            setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
        } elsif ($what eq 'half') {
            shutdown $c, 1;
        } elsif ($what eq 'hang' || $what eq 'drain') {
            1 while $more->();
        }
    }
    close $c;
}

# ---- clients

sub connect_to {
    my ($port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
        Timeout => 10) or die "port $port: $!\n";
    return $s;
}

# Sends bytes, whole or in pieces of n.
sub ask {
    my ($s, $bytes, $piece) = @_;
    local $SIG{PIPE} = 'IGNORE';
    $piece //= length $bytes;
    for (my $at = 0; $at < length $bytes; ) {
        my $n = syswrite $s, $bytes, $piece, $at;
        return unless $n;
        $at += $n;
        sleep 0.0002 if $piece < 100;
    }
}

# The next answer from the socket: {status, fields, body, text, eof}. `head`:
# of a HEAD request. undef if nothing came.
sub answer {
    my ($s, %a) = @_;
    my $buffer = \${*$s}{fairlead_rest};
    $$buffer //= '';
    my $end = time + ($a{seconds} // 10);
    my $eof = 0;
    my $more = sub {
        my $left = $end - time;
        return 0 if $eof || $left <= 0 ||
            !IO::Select->new($s)->can_read($left);
        my $n = sysread $s, $$buffer, 262144, length $$buffer;
        $eof = 1 unless $n;
        return $n;
    };
    until ($$buffer =~ /\r\n\r\n/) {
        next if $more->();
        return { status => 0, eof => $eof, text => $$buffer, body => '',
            fields => {} };
    }
    $$buffer =~ s/^(.*?\r\n)\r\n//s;
    my $text = $1;
    my ($status) = $text =~ m{^HTTP/1\.1 (\d+)};
    my %fields;
    push @{ $fields{ lc $1 } }, $2 while $text =~ /^([^:\r\n]+): *(.*?)\r$/mg;
    $fields{$_} = join ', ', @{ $fields{$_} } for keys %fields;
    my $len = $fields{'content-length'};
    $len = 0 if $a{head} || $status < 200 || $status == 204 ||
        $status == 304;
    while (!defined $len || length $$buffer < $len) { $more->() or last }
    my $body = defined $len ? substr($$buffer, 0, $len, '') : $$buffer;
    $$buffer = '' unless defined $len;
    return { status => $status, fields => \%fields, body => $body,
        text => $text, eof => $eof,
        is_short => defined $len && length $body < $len };
}

# Nothing comes any more, and the peer has closed.
sub is_closed {
    my ($s) = @_;
    my $a = answer($s, seconds => 5);
    return $a->{eof} && $a->{text} eq '';
}
push @EXPORT, 'is_closed';

# One request on a connection of its own.
sub get {
    my ($port, $path, @fields) = @_;
    my $s = connect_to($port);
    ask($s, join "\r\n", "GET $path HTTP/1.1", 'Host: test.example',
        'Connection: close', @fields, '', '');
    return answer($s);
}

# The admin interface: decoded JSON, or the answer where it is text.
sub admin {
    my ($f, $path, %a) = @_;
    my $s = IO::Socket::UNIX->new(Peer => "$f->{run}/admin.sock") or return;
    ask($s, ($a{method} // 'GET') . " $path HTTP/1.1\r\nHost: admin\r\n" .
        "Connection: close\r\n\r\n");
    my $r = answer($s);
    return $r if $a{raw} || $r->{status} != 200 ||
        $r->{fields}{'content-type'} !~ /json/;
    return decode_json($r->{body});
}

sub workers_of {
    my ($f) = @_;
    my $status = admin($f, '/v1/status') or return;
    return @{ $status->{workers} };
}

# ---- the end: two claims that every test makes

$SIG{$_} = sub { exit 1 } for qw(INT TERM);

END {
    if ($$ == $owner) {
        my $status = $?;
        my @all = reverse @pids;
        my @below = tree(@all);
        stop_process($_) for @all;
        kill 'KILL', grep { kill 0, $_ } @below;
        my $text = join '', map { file_text($_) } @logs;
        if (Test::More->builder->expected_tests ||
            Test::More->builder->current_test) {
            my @alerts = $expects_alert ? () :
                grep { /^\S+Z alert / } split /\n/, $text;
            is(join("\n", @alerts), '', 'no alert in the log');
            my @reports = grep { /Sanitizer|runtime error/ }
                split /\n/, $text;
            is(join("\n", @reports), '', 'no report of a sanitizer');
            diag($text =~ /(^=+\d+=+ERROR.{0,4000})/ms) if @reports;
            done_testing();
        }
        $? = $status || (Test::More->builder->is_passing ? 0 : 1);
    }
}

1;
