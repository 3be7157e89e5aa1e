#!/usr/bin/perl
# t/sticky.t -- sticky and random strategies, and backends that are left out
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $name = 'ZZZ_BACKEND_ID';

sub cookie_in ($r) {
	return ($r->{headers}{'set-cookie'} // '') =~ /^\Q$name\E=([\w-]{22});/ ? $1 : '';
}

sub with ($cookie, @more) {
	return (fields => [['Cookie', $cookie], @more]);
}

# ---- sticky

my $t = Fairlead::Test->new;
$t->backend($_) for qw(a b c);
$t->start(args => ['-s', 'sticky', '--workers', 2]);

my %value;
for (1 .. 30) {
	my $r = $t->get('/');
	$value{ $r->{backend} }{ cookie_in($r) } = 1;
}
is(join(' ', sort keys %value), 'a b c', 'without a cookie all are used');
is(join(' ', map { scalar keys %{ $value{$_} } } qw(a b c)), '1 1 1',
    'each has one name, whichever worker says it');
my %id = map { $_ => keys %{ $value{$_} } } qw(a b c);
isnt($id{a}, $id{b}, 'and not the same');
for my $b (qw(a b c)) {
	my @r = map { $t->get('/', with("$name=$id{$b}")) } 1 .. 10;
	is(join(' ', map { $_->{backend} } @r), join(' ', ($b) x 10), "the cookie of $b leads to $b");
	is(join('', map { cookie_in($_) } @r), '', 'which does not give it again');
	is($r[0]{headers}{'cache-control'}, undef, 'nor forbids caches to keep it');
}
sub reload ($signal = 'HUP') {
	my $generation = $t->status->{generation};
	kill $signal, $t->pid;
	ok(wait_for { $t->status->{generation} > $generation &&
	    slurp($t->dir . '/run/status') =~ /"verdict":"applied"/ },
	    $signal eq 'HUP' ? 'the configuration is read again' : 'another binary goes on');
	return;
}
reload();
for my $b (qw(a b c)) {
	my $r = $t->get('/', with("$name=$id{$b}"));
	is($r->{backend} . cookie_in($r), $b, "the cookie of $b still leads to $b");
}
my $r = $t->get('/');
is($r->{headers}{'cache-control'}, 'private', 'a response with a cookie is not for shared caches');
like($r->{headers}{'set-cookie'}, qr{; Path=/; HttpOnly; SameSite=Lax$}, 'the cookie is not for scripts');

my @rows = (
	['alone', "$name=$id{a}", ''],
	['first', "$name=$id{a}; x=1", 'x=1'],
	['last', "x=1; $name=$id{a}", 'x=1'],
	['in the middle', "x=1; $name=$id{a}; y=2", 'x=1; y=2'],
	['twice', "$name=$id{a}; x=1; $name=$id{b}", 'x=1'],
	['with another of a longer name', "x$name=1; $name=$id{a}", "x$name=1"],
	['without', 'x=1;y=2', 'x=1;y=2'],
	['without a value', "x; $name", "x; $name"],
	['with empty parts', ";; $name=$id{a} ;; x=1 ;", 'x=1'],
);
for my $row (@rows) {
	my $seen = $t->get('/headers', with($row->[1]))->{body};
	my @sent = $seen =~ /^Cookie: (.*?)\r?$/mg;
	is(join('|', @sent), $row->[2], "our cookie $row->[0]: the backend gets the others");
}
my $seen = $t->get('/headers', with('x=1', ['Cookie', "$name=$id{c}"], ['Cookie', 'y=2']));
is(join('|', $seen->{body} =~ /^Cookie: (.*?)\r?$/mg), 'x=1; y=2', 'three fields become one');
is($seen->{backend}, 'c', 'and ours is found in any');

for my $wrong ('', 'x', 'A' x 22, substr($id{a}, 0, 21), "$id{a}x", lc $id{a}, "$id{a},") {
	next if $wrong eq $id{a};
	$r = $t->get('/', with("$name=$wrong"));
	is("$r->{status} " . length cookie_in($r), '200 22', "\"$wrong\" names nobody: there is a new one");
}

# POST of a client that sticks, and a backend that dies.
my ($b) = grep { $_->{name} eq 'b' } @{ $t->{backends} };
Fairlead::Test::end_process($b->{pid});
my @all = map { $t->get('/', method => 'POST', body => 'x', with("$name=$id{b}")) } 1 .. 20;
is(scalar(grep { $_->{status} == 200 } @all), 20, 'a named backend that is gone: another serves');
is(scalar(grep { cookie_in($_) eq $id{ $_->{backend} } } @all), 20, 'and gives its own name');
ok(wait_for { my ($u) = grep { $_->{state} eq 'ejected' } $t->upstream; $u }, 'it is left out');
like($t->log, qr/ left out for (?:9|10|11)\.\d s after 5 failures in a row, upstream default, backend /, 'the log says so');
my ($out) = grep { $_->{state} eq 'ejected' } $t->upstream;
my $before = $out->{requests};
$t->get('/') for 1 .. 20;
($out) = grep { $_->{state} eq 'ejected' } $t->upstream;
is($out->{failures}, 5, 'after five failures');
is($out->{requests}, $before, 'and is not asked any more');
$t->stop;

# ---- the secret of those that have none

# How often the log tells that it is there, and where.
sub told { return scalar(() = $t->log =~ / warn \d+: sticky: no secret is configured, /g) }

# Where each cookie leads: "a=a b=b".
sub leads {
	return join ' ', map { "$_=" . $t->get('/', with("$name=$id{$_}"))->{backend} } sort keys %id;
}

$t = Fairlead::Test->new;
$t->backend($_) for qw(a b c);
my @stays = (args => ['-s', 'sticky', '--workers', 2]);
my $kept = $t->dir . '/state/sticky.secret';
sub learn {
	%id = ();
	wait_for { my $r = $t->get('/'); $id{ $r->{backend} } = cookie_in($r); keys %id == 3 };
	return;
}

for my $option ('-t', '-T', ['--show', 'strategy'], ['--explain', 'GET http://x/']) {
	local %ENV = $t->environment;
	my @option = ref $option ? @$option : $option;
	my ($code) = run_program('-b', '127.0.0.1:1', '-s', 'sticky', @option);
	is($code, 0, $option[0]);
	ok(!-e $t->dir . '/state', 'makes nothing');
}
$t->start(args => ['--workers', 1]);
ok(!-e $t->dir . '/state', 'who needs none makes none');
$t->stop;

$t->start(@stays);
learn();
is(sprintf('%o %d', (stat $kept)[2] & 07777, -s $kept), '600 32', 'a secret is kept');
is(sprintf('%o', (stat $t->dir . '/state')[2] & 07777), '700', 'in a directory of its own');
is(told(), 1, 'the log says where');
like($t->log, qr/: sticky: no secret is configured, the one in \Q$kept\E is used; several machines/, 'and that it is of one machine');
reload();
is(leads(), 'a=a b=b c=c', 'cookies survive a reload');
is(told(), 1, 'which says nothing of it');
my $bytes = slurp($kept);
is($t->log =~ /\Q$bytes\E|@{[unpack 'H*', $bytes]}/ ? 1 : 0, 0, 'nor does the log tell it');
$t->stop;
$t->start(@stays);
is(leads(), 'a=a b=b c=c', 'and a restart');
$t->stop;
$t->start(args => ['-s', 'sticky', '--mode', 'single']);
is(leads(), 'a=a b=b c=c', 'also as a single process');
$t->stop;

# A reload is the first to need it.
$t->start(config => my $plain = "backends:\n" . join('', map { "  - {host: 127.0.0.1, port: $_->{port}}\n" } @{ $t->{backends} }));
is(told(), 0, 'nobody needs it');
spit($t->dir . '/fairlead.yaml', "health_check: off\nstrategy: sticky\n$plain");
reload();
is(leads(), 'a=a b=b c=c', 'then a reload does');
is(told(), 1, 'and says so');
$t->stop;

# What is there but cannot be trusted is left alone.
for my $row (['that others can read', sub { chmod 0644, $kept }, 'others can read'],
    ['that is cut', sub { chmod 0600, $kept; truncate $kept, 31 }, 'not of the size'],
    ['that is none', sub { unlink $kept; mkdir $kept }, 'no regular file'],
    ['in no directory', sub { rmdir $kept; rmdir $t->dir . '/state'; spit($t->dir . '/state', '') }, 'Not a directory']) {
	my ($what, $make, $why) = @$row;
	$make->();
	my @was = stat $kept;
	$t->start(@stays);
	learn();
	like($t->log, qr/none can be kept: \Q$kept\E: [^;]*$why/, "a file $what: why it will not do");
	reload();
	is(leads(), 'a=a b=b c=c', 'cookies survive a reload all the same');
	reload('USR2');
	is(leads(), 'a=a b=b c=c', 'and an upgrade');
	is(told(), 1, 'it is said once');
	my @is = stat $kept;
	is("@is[0 .. 7]", "@was[0 .. 7]", 'what is there stays') if @was;
	$t->stop;
}

# One for many machines.
my $shared = spit($t->dir . '/shared', "0123456789abcdef\n");
chmod 0600, $shared;
my $by_file = "strategy: sticky\nsticky: {secret_file: %%DIR%%/shared}\n$plain";
$t->start(config => $by_file);
learn();
is(told(), 0, 'a secret_file needs no secret');
$t->stop;
$t->start(config => "strategy: sticky\nsticky: {secret: 0123456789abcdef}\n$plain");
is(leads(), 'a=a b=b c=c', 'and is as good as the same in a secret, without its newline');
$t->stop;
$t->start(config => $by_file);
chmod 0644, $shared;
kill 'HUP', $t->pid;
ok(wait_for { slurp($t->dir . "/run/status") =~ /"verdict":"rejected"/ }, 'one that others can read is refused');
like($t->log, qr/fairlead\.yaml:2:23: error: "\Q$shared\E" gives no secret: others can read or change it; chmod 600 it/, 'with its place');
is(leads(), 'a=a b=b c=c', 'what serves goes on');
$t->stop;

# ---- with a file

$t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
my $file = <<'END';
backends:
  - {host: 127.0.0.1, port: %%A%%}
  - {host: 127.0.0.1, port: %%B%%}
strategy: sticky
sticky: {cookie: where, secret: 0123456789abcdef, path: /app, domain: example.com, max_age: 1h, on_down: fail}
END
$t->start(config => $file);
$r = $t->get('/');
like($r->{headers}{'set-cookie'}, qr{^where=[\w-]{22}; Path=/app; Domain=example\.com; Max-Age=3600; HttpOnly; SameSite=Lax$},
    'all that the file says of the cookie');
my ($where) = $r->{headers}{'set-cookie'} =~ /=([\w-]+)/;
my $first = $r->{backend};
$t->stop;
$t->start(config => $file);
is($t->get('/', with("where=$where"))->{backend}, $first, 'a secret outlives the program') for 1 .. 3;
($b) = grep { $_->{name} eq $first } @{ $t->{backends} };
Fairlead::Test::end_process($b->{pid});
my @said = map { $t->get('/', with("where=$where"))->{status} } 1 .. 8;
like("@said", qr/503$/, 'on_down: fail, once it is left out');
$t->stop;

# ---- random

$t = Fairlead::Test->new;
$t->backend($_) for qw(a b);
$t->start(args => ['-s', 'random', '--workers', 1]);
my $c = $t->connect;
my %n;
my $word = join '', map { my $b = $c->get('/')->{backend}; $n{$b}++; $b } 1 .. 400;
cmp_ok($n{$_}, '>', 120, "random: $_ has its part") for qw(a b);
unlike($word, qr/^(?:ab)+a?$|^(?:ba)+b?$/, 'and they do not take turns');
is($t->admin('/v1/upstreams')->{upstreams}[0]{strategy}, 'random', 'the admin page says random');
$t->stop;

# ---- never all

$t = Fairlead::Test->new;
my $port = $t->refused('gone');
$t->start(args => ['--workers', 1]);
is($t->get('/')->{status}, 502, 'a backend that refuses') for 1 .. 8;
cmp_ok(($t->upstream)[0]{failures}, '>=', 8, 'the only one is asked for ever');
$t->stop;

# 502, 503 and 504 of a backend count, others end the row.
my $bad = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";
my $good = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";
$t = Fairlead::Test->new;
my $o = $t->origin('o', [map { ('request', [send => $_]) } ($bad) x 4, $good, ($bad) x 5, $good]);
$t->start(args => ['--workers', 1]);
$t->get('/') for 1 .. 9;
is(($t->upstream)[0]{state}, 'up', 'four 503 in a row, and four more');
$t->get('/');
is(($t->upstream)[0]{state}, 'ejected', 'the fifth in a row is one too many');
is($t->get('/')->{status}, 500, 'but never all: it goes on');
finish();
