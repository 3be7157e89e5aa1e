#!/usr/bin/perl
# t/command.t -- the command line: what it prints, where, and how it exits
use v5.36;
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $dir = tempdir('fairlead-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# ---- help, version

for my $option ('-h', '--help') {
	my ($code, $out, $err) = run_program($option);
	is("$code $err", '0 ', "$option: exit 0, nothing on stderr");
	like($out, qr/^fairlead -- .*^usage: fairlead /ms, 'help on stdout');
}
for my $option ('-V', '--version') {
	my ($code, $out, $err) = run_program($option);
	is("$code $err", '0 ', "$option: exit 0, nothing on stderr");
	like($out, qr/^fairlead \d+\.\d+\.\d+\n\z/, 'one line');
}
my ($code, $out, $err) = run_program('-VV');
is($code, 0, '-VV');
like($out, qr/^libyaml \d.*^OpenSSL \d.*^PCRE2 \d\S* .*(with|without) JIT$/ms, 'with the libraries');

# ---- wrong usage: exit 2, all on stderr

my @wrong = (
	[['--frobnicate'], qr/--frobnicate/],
	[['-x'], qr/-x\b/],
	[['--config'], qr/--config/],
	[['-p', '0'], qr/--port/],
	[['-p', '65536'], qr/65536/],
	[['-p', '80x'], qr/80x/],
	[['--mode', 'double'], qr/double/],
	[['--log-level', 'loud'], qr/loud/],
	[['--log-level', 'alert', '-T', '-b', '127.0.0.1:1'], qr/"alert" is no log level/],
	[['surplus'], qr/surplus/],
	[['-b', ''], qr/empty/],
	[['--show', ''], qr/empty/],
	[['--show'], qr/--show/],
);
for my $row (@wrong) {
	my ($arguments, $says) = @$row;
	($code, $out, $err) = run_program(@$arguments);
	is($code, 2, "exit 2: @$arguments");
	like($err, $says, 'stderr names it');
	is($out, '', 'stdout is empty');
}

# ---- start-up failures: exit 1

my @bad = (
	[['-b', 'x:y'], qr/"y"/],
	[['-b', '127.0.0.1:80*1001'], qr/1001/],
	[['-b', '127.0.0.1:1', '-s', 'fastest'], qr/fastest/],
	[['-b', '127.0.0.1:1', '-H', 'nowhere'], qr/nowhere/],
	[['-b', '127.0.0.1:1', '--workers', 'many'], qr/many/],
	[['-c', "$dir/missing.yaml"], qr/missing\.yaml.*No such file/],
	[['-c', $dir], qr/\Q$dir\E/],
	[['-b', '127.0.0.1:1', '--log-file', "$dir/no/such/log"], qr{no/such/log}],
	[[], qr/backends/],
);
for my $row (@bad) {
	my ($arguments, $says) = @$row;
	($code, $out, $err) = run_program(@$arguments);
	is($code, 1, "exit 1: @$arguments");
	like($err, $says, 'stderr says why');
	is($out, '', 'stdout is empty');
}

# ---- -t

my $good = spit("$dir/good.yaml", <<'END');
backends:
  - host: "127.0.0.1"
    port: 9001
    weight: 2
  - {host: "does-not-exist.invalid", port: 80}
END
($code, $out, $err) = run_program('-t', '-c', $good);
is($code, 0, '-t with a good file');
is($out . $err, "fairlead: $good: configuration ok (1 listener, 0 routes, 1 upstream)\n",
    'says so in one line, and resolves nothing');
($code, $out, $err) = run_program('--test', '-b', '127.0.0.1:1');
is($code, 0, '--test with the command line alone');
is(join(' ', glob "$dir/*"), $good, 'and leaves nothing behind');

my $bad = spit("$dir/bad.yaml", <<'END');
backends:
  - host: "127.0.0.1"
    port: 9001
    wieght: 3
  - host: "127.0.0.1"
    port: 99999
strategy: fastest
END
($code, $out, $err) = run_program('-t', '-c', $bad);
is($code, 1, '-t with a bad file');
like($err, qr/^\Q$bad\E:4:5: error: unknown key "wieght" in a backend; did you mean "weight"\?\n    4 \|     wieght: 3\n      \|     \^~~~~~\n/m,
    'shows the place with a caret, and the way out');
like($err, qr/^\Q$bad\E:6:11: error: .*99999.*\n +6 \|     port: 99999\n +\|           \^~~~~\n/m,
    'and the next one in the same run');
like($err, qr/^\Q$bad\E:7:11: error: .*"fastest"/m, 'and the next');
like($err, qr/^fairlead: \Q$bad\E: 3 errors, 0 warnings\n\z/m, 'and counts them');
is($out, '', 'stdout is empty');
($code, undef, my $err2) = run_program('-c', $bad);
is($code, 1, 'the same without -t: it does not start');
is($err2, $err, 'and says the same');

# ---- -T, --show

($code, $out, $err) = run_program('-T', '-c', $good, '-p', 9123, '-s', 'random');
is($code, 0, '-T with a good file');
is($err, "fairlead: $good: configuration ok (1 listener, 0 routes, 1 upstream)\n",
    'says what -t says');
like($out, qr/\A# fairlead \d.*^backends:\n  - host: "127\.0\.0\.1"\n/ms,
    'and prints it');
like($out, qr/^strategy: random\n.*^  - address: "0\.0\.0\.0:9123"\n/ms,
    'with what the command line says');
my $dumped = spit("$dir/dumped.yaml", $out);
is((run_program('--dump', '-c', $dumped))[1], $out, 'fed back: the same');
($code, $out, undef) = run_program('-T', '-c', $bad);
is("$code $out", '1 ', '-T with a bad file: exit 1, nothing printed');
($code, $out, $err) = run_program('--show', 'backends.0.port', '-c', $good);
is("$code $out$err", "0 9001\n", '--show prints one setting and nothing else');
($code, $out, $err) = run_program('--show', 'limit.connections', '-c', $good);
is("$code $out$err", '1 fairlead: --show: there is no "limit.connections"; ' .
    "did you mean \"limits.connections\"?\n", 'one that is not there: exit 1');
($code, $out) = run_program('--show', 'workers', '-c', $bad);
is("$code $out", '1 ', '--show with a bad file: exit 1');

# ---- --schema

($code, $out, $err) = run_program('--schema', '-c', $bad);
is("$code $err", '0 ', '--schema reads nothing');
my $schema = JSON::PP->new->decode($out);
is($schema->{'$schema'}, 'http://json-schema.org/draft-07/schema#', 'draft-07');
is($schema->{properties}{limits}{anyOf}[0]{properties}{connections}{default},
    65536, 'with defaults');

# ---- the command line wins over the file

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
$t->start(config => <<'END', args => ['-b', '127.0.0.1:%%B%%', '--workers', 1]);
backends:
  - {host: "127.0.0.1", port: %%A%%}
workers: 3
END
is(join(' ', map { $t->get('/')->{backend} } 1 .. 4), 'b b b b',
    '-b replaces the backends of the file');
is(scalar $t->workers, 1, '--workers too');
$t->stop;

# ---- where the log goes

sub started_in ($where, @more) {
	my $u = Fairlead::Test->new;
	$u->{port} = free_port();
	mkdir $where;
	chdir $where or die "$where: $!";
	my ($code, $out, $err) = run_program('-H', '127.0.0.1', '-p', $u->{port},
	    '-b', '127.0.0.1:1', '--run-dir', "$where/run", '--workers', 1, @more);
	chdir $FindBin::Bin;
	return ($code, $err);
}
# A port that is taken ends it at once, after the log is open.
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
($code, $err) = started_in("$dir/one", '-p', $taken->sockport);
is($code, 1, 'a port that is taken: exit 1');
my @logs = glob "$dir/one/logs/*";
is(scalar @logs, 1, 'the default log is made');
like($logs[0] // '', qr{/logs/lb-\d{8}-\d{6}\.log$}, 'named by the time');
like(slurp($logs[0] // ''), qr/in use/, 'and says why it does not start');
like($err, qr/in use/, 'so does stderr, where somebody waits');
($code, $err) = started_in("$dir/two", '-p', $taken->sockport, '--log-file', '-');
like($err, qr/ error \d+: .*in use/, '--log-file - is stderr');
ok(!-e "$dir/two/logs", 'and nothing else is made');

finish();
