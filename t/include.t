#!/usr/bin/perl
# t/include.t -- several files, and the environment: what is merged, in which
# order, and what is refused
use v5.36;
use Cwd qw(getcwd);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use POSIX qw(mkfifo);
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $dir = tempdir('fairlead-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chdir $dir or die "$dir: $!\n";
END { chdir '/' }

my $backends = "backends: [{host: 127.0.0.1, port: 9001}]\n";

# What -t says about the files; main.yaml is the main one.
sub check {
	my (%files) = @_;
	remove_tree(glob '*');
	for my $name (keys %files) {
		make_path($1) if $name =~ m{^(.*)/};
		spit($name, $files{$name});
	}
	return run_check('main.yaml');
}

sub run_check {
	my ($name) = @_;
	my ($code, $out, $err) = run_program('-t', '-c', $name);
	is($code, $err =~ /: error: / ? 1 : 0, 'the exit code agrees');
	return $err . $out;
}

sub says {
	my ($files, $want, $what) = @_;
	my $said = check(%$files);
	ref $want ? like($said, $want, $what) : is($said, $want, $what);
}

# ---- what is merged

says({ 'main.yaml' => "include: conf.d/*.yaml\n$backends",
	'conf.d/b.yaml' => "upstreams: {b: {backends: [{host: b, port: 1}]}}\n" .
		"routes: [{upstream: b}]\n",
	'conf.d/a.yaml' => "upstreams: {a: {backends: [{host: a, port: 1}]}}\n" .
		"routes: [{upstream: a, match: {host: a}}]\n" .
		"limits: {header_count: 9}\nuser: nobody\n",
	'conf.d/.hidden.yaml' => '[', 'conf.d/c.yml' => '[' },
	"fairlead: main.yaml: configuration ok (1 listener, 2 routes, " .
	"3 upstreams)\n", 'lists and maps of the top level are merged');

my %order = ('main.yaml' => "include: [z/*, a/*]\n$backends" .
		"routes: [{name: main, match: {path: /1}, respond: {}}]\n",
	map { my $n = s/\.yaml$//r =~ tr{/}{-}r;
		$_ => "routes: [{name: $n, match: {path: /" . length($n) . "}, respond: {}}]\n" }
		'z/B.yaml', 'z/a.yaml', 'z/10.yaml', 'a/9.yaml', "z/\xc3\xa9.yaml");
check(%order);
my (undef, $dump) = run_program('-T', '-c', 'main.yaml');
is(join(' ', $dump =~ /^  - name: "?([^"\n]+)/mg),
	"main z-10 z-B z-a z-\xc3\xa9 a-9",
	'patterns in their order, names by bytes') or diag($dump);
unlike($dump, qr/include/, 'what is merged is not included again');

says({ 'main.yaml' => "$backends\ninclude: a.yaml\nlimits: {connections: 3}\n",
	'a.yaml' => "limits: {request_head: 4k}\nbackends: []\nuser:\n" },
	qr/configuration ok/, 'a block is united key by key');
says({ 'main.yaml' => "include: a/one.yaml\n$backends",
	'a/one.yaml' => "include: [b/two.yaml]\n",
	'a/b/two.yaml' => "include: ../../three.yaml\n",
	'three.yaml' => "include: four.yaml\n", 'four.yaml' => "user: [x]\n" },
	"a/b/../../four.yaml:1:7: error: \"user\" takes a single value, not a " .
	"list\n    1 | user: [x]\n      |       ^\n" .
	"fairlead: main.yaml: 1 error, 0 warnings\n",
	'four levels, each from its own folder');
says({ 'main.yaml' => "include: [none/*.yaml, '*.none']\n$backends" },
	qr/configuration ok/, 'a wildcard may match nothing');
says({ 'main.yaml' => "$backends\ninclude:\n" }, qr/configuration ok/,
	'an empty include');
says({ 'main.yaml' => "$backends\ninclude: [a.yaml, b.yaml]\n",
	'a.yaml' => '', 'b.yaml' => "# nothing\n" }, qr/configuration ok/,
	'empty files');
says({ 'main.yaml' => "include: 'a[b]/*.yaml'\n", 'ab/x.yaml' => $backends },
	qr/configuration ok/, 'brackets');
{
	check('w[x]*/main.yaml' => "include: '?.yaml'\n",
		'w[x]*/b.yaml' => $backends, 'wx/b.yaml' => '[',
		'main.yaml' => $backends);
	like(run_check('w[x]*/main.yaml'), qr/configuration ok/,
		'the folder of the file is no pattern');
	like(run_check("$dir/w[x]*/main.yaml"), qr/configuration ok/,
		'nor is an absolute one');
	spit('main.yaml', "include: '$dir/wx/../w\\[x]\\*/b.yaml'\n");
	like(run_check('main.yaml'), qr/configuration ok/,
		'an absolute pattern');
}

# What an anchor shares does not grow with one of its uses.
says({ 'main.yaml' => "include: [a.yaml, b.yaml]\n" .
		"backends: &b [{host: 127.0.0.1, port: 1}]\n" .
		"upstreams: {x: {backends: *b}}\nroutes: [{upstream: x}]\n",
	'a.yaml' => "backends: &b [{host: 127.0.0.2, port: 1}]\n" .
		"upstreams: {y: {backends: *b}}\n",
	'b.yaml' => "backends: [{host: 127.0.0.300, port: 1}]\n" },
	"b.yaml:1:19: error: \"127.0.0.300\" is no IPv4 address; write four " .
	"numbers up to 255, as in 192.0.2.1\n" .
	"    1 | backends: [{host: 127.0.0.300, port: 1}]\n" .
	"      |                   ^~~~~~~~~~~\n" .
	"fairlead: main.yaml: 1 error, 0 warnings\n", 'anchors stay as they are');

# ---- what is refused

says({ 'main.yaml' => "include: a.yaml\nuser: x\nlimits: {connections: 1}\n" .
		"${backends}upstreams: {u: {backends: [{host: h, port: 1}]}}\n",
	'a.yaml' => "limits:\n  connections: 2\nuser: y\n" .
		"upstreams:\n  u:\n    backends: [{host: h, port: 1}]\n" .
		"retries: off\n" }, <<'END', 'what is given twice, with both places');
a.yaml:2:3: error: the key "connections" is given twice
    2 |   connections: 2
      |   ^~~~~~~~~~~
      = note: the first is in main.yaml, line 3, column 10
a.yaml:3:1: error: the key "user" is given twice
    3 | user: y
      | ^~~~
      = note: the first is in main.yaml, line 2, column 1
a.yaml:5:3: error: the key "u" is given twice
    5 |   u:
      |   ^
      = note: the first is in main.yaml, line 5, column 13
fairlead: main.yaml: 3 errors, 0 warnings
END
says({ 'main.yaml' => "include: a.yaml\n${backends}retries: off\n",
	'a.yaml' => "retries: {attempts: 1}\n" },
	qr/^a.yaml:1:1: error: the key "retries" is given twice\n/,
	'a word and a map');
says({ 'main.yaml' => "include: [a.yaml]\n${backends}bakends: 1\n",
	'a.yaml' => "routes: [{upstream: nowhere}]\nusr: x\n" },
	<<'END', 'in the order of the files');
main.yaml:3:1: error: unknown key "bakends"; did you mean "backends"?
    3 | bakends: 1
      | ^~~~~~~
a.yaml:1:21: error: route "route 1" names the upstream "nowhere", which this file does not declare
    1 | routes: [{upstream: nowhere}]
      |                     ^~~~~~~
      = note: declared here are: default
a.yaml:2:1: error: unknown key "usr"; did you mean "user"?
    2 | usr: x
      | ^~~
fairlead: main.yaml: 3 errors, 0 warnings
END
says({ 'main.yaml' => "include: [a.yaml, 'b*']\nroutes: [{upstream: u}]\n",
	'b.yaml' => 'x: 1' }, <<'END', 'a missing file; what it may hold is not judged');
main.yaml:1:11: error: "a.yaml" cannot be read: No such file or directory
    1 | include: [a.yaml, 'b*']
      |           ^~~~~~
b.yaml:1:1: error: unknown key "x"
    1 | x: 1
      | ^
fairlead: main.yaml: 2 errors, 0 warnings
END
says({ 'main.yaml' => "include: a.yaml\nusr: x\n", 'a.yaml' => "a: [b\n" },
	qr/\Aa.yaml:1:4: error: this list needs .*\n.*\n.*\nfairlead: main.yaml: 1 error/,
	'a syntax error stands alone, with its file');
says({ 'main.yaml' => "include: a.yaml\n$backends", 'a.yaml' => "[]\n" },
	qr/^a.yaml:1:1: error: a configuration is a map of keys/, 'no map');
says({ 'main.yaml' => "include: a.yaml\n$backends", 'a.yaml' => "a: \xff\n" },
	qr/^a.yaml:1:4: error: the byte 0xFF is no UTF-8/, 'no UTF-8');
says({ 'main.yaml' => "limits: {include: x}\nincldue: y\n$backends" },
	qr/"include" in "limits"; it belongs at the top level\n.*did you mean "include"\?/s,
	'include elsewhere, and misspelt');
for my $row (['{a: b}', qr/takes single values, not a map/],
	['[[a]]', qr/takes single values, not a list/],
	["''", qr/takes names of files/]) {
	says({ 'main.yaml' => "include: $row->[0]\n$backends" }, $row->[1],
		"include: $row->[0]");
}

says({ 'main.yaml' => "include: main.yaml\n" },
	qr/^main.yaml:1:10: error: "main.yaml" would include itself\n.*\n.*\n      = note: it is the main file\n/,
	'itself');
says({ 'main.yaml' => "include: a.yaml\n", 'a.yaml' => "include: b.yaml\n",
	'b.yaml' => "include: a.yaml\n" },
	qr/^b.yaml:1:10: error: "a.yaml" would include itself\n.*\n.*\n      = note: it is included in main.yaml, line 1, column 10\n/,
	'a circle');
says({ 'main.yaml' => "include: ['*.yml', a.yml]\n$backends",
	'a.yml' => "user: x\n" },
	qr/^main.yaml:1:20: error: "a.yml" is included twice\n.*\n.*\n      = note: it is included in line 1, column 11\n/,
	'twice');
check('main.yaml' => "include: ['[ab].yml']\n$backends", 'a.yml' => "\n");
symlink 'a.yml', 'b.yml' or die "b.yml: $!\n";
like(run_check('main.yaml'), qr/"b.yml" is included twice/,
	'twice by a symbolic link');

my %deep = ('main.yaml' => "include: 1.yaml\n$backends",
	map { ("$_.yaml" => 'include: ' . ($_ + 1) . ".yaml\n") } 1 .. 6);
says(\%deep, qr/\A4.yaml:1:10: error: files include each other deeper than 4 levels\n/,
	'five levels');
my %many = ('main.yaml' => "include: m/*\n$backends",
	map { (sprintf('m/%04d', $_) => "{}\n") } 1 .. 1000);
says(\%many, qr/configuration ok/, 'a thousand files');
spit('m/x', "{}\n");
like(run_check('main.yaml'), qr/more than 1000 files are included/,
	'and one more');

check('main.yaml' => "include: d\n$backends", 'd/a' => '');
like(run_check('main.yaml'), qr/"d" cannot be read: it is a directory/,
	'a directory');
spit('main.yaml', "include: '*'\n$backends");
like(run_check('main.yaml'), qr/"d" cannot be read: it is a directory/,
	'a directory that a wildcard matches');
spit('main.yaml', "include: p\n$backends");
mkfifo('p', 0600) or die "p: $!\n";
like(run_check('main.yaml'), qr/"p" cannot be read: it is no regular file/,
	'a pipe is not waited for');
SKIP: {
	skip 'root may read all', 2 if $> == 0;
	spit('main.yaml', "include: a.yaml\n$backends");
	spit('a.yaml', "\n");
	chmod 0, 'a.yaml';
	like(run_check('main.yaml'), qr/"a.yaml" cannot be read: Permission/,
		'a file that may not be read');
}

my $mib = '#' . 'x' x 1022 . "\n";
check('main.yaml' => "include: b*\n$backends", 'b1' => $mib x 16385);
like(run_check('main.yaml'), qr/\Ab1: error: the file is larger than 16 MiB\n/,
	'a large file');
spit("b$_", $mib x 16000) for 1 .. 5;
like(run_check('main.yaml'), qr/\Ab5: error: with this file the configuration is larger than 64 MiB\n/,
	'large files');

# ---- the environment

%ENV = (%ENV, FL_NAME => 'nobody', FL_PORT => '9001', FL_EMPTY => '',
	FL_FOLDER => 'conf.d', FL_VARIABLE => '${client}', FL_DOLLAR => '$',
	FL_YAML => '[a, "b": *c', FL_AGAIN => '${env:FL_NAME}', FL_OFF => 'off',
	FL_BYTES => "\xff", FL_LONG => 'x' x 40000);
delete $ENV{FL_NOWHERE};
says({ 'main.yaml' => <<'END', 'conf.d/a.yaml' => "user: \${env:FL_NAME}\n" },
include: ${env:FL_FOLDER}/*.yaml
backends:
  - host: 127.0.0.${env:FL_ONE}
    port: '${env:FL_PORT}'
  - {host: "127.0.0.1", port: "${env:FL_EMPTY}90${env:FL_EMPTY}02"}
retries: ${env:FL_OFF}
routes:
  - respond: {body: '${env:FL_VARIABLE}'}
END
	qr/^main.yaml:3:19: error: "FL_ONE" is not set in the environment.*\n.*\n      \|                   \^~~~~~~~~~~~~\nfairlead: main.yaml: 1 error/m,
	'values from the environment');
$ENV{FL_ONE} = 1;
like(run_check('main.yaml'), qr/configuration ok/, 'all of them are set');
for my $row (
	['max_hops: ${env:FL_PORT}', qr/1:11: error: "9001" is out of range/],
	['max_hops: ${env:FL_EMPTY}', qr/1:11: error: "" is no whole number/],
	['user: ${env:FL_EMPTY}', qr/1:7: error: "user" cannot be empty/],
	['via: ${env:FL_YAML}', qr/1:6: error: "\[a, "b": \*c" is no pseudonym/],
	['via: ${env:FL_AGAIN}', qr/"\$\{env:FL_NAME\}" is no pseudonym/],
	['via: $${env:FL_NAME}', qr/"\$\{env:FL_NAME\}" is no pseudonym/],
	['via: a${env:FL_BYTES}', qr/1:7: error: the variable "FL_BYTES" holds/],
	['via: "a${env:FL_NOWHERE}"', qr/1:8: error: "FL_NOWHERE" is not set/],
	['via: "\x61${env:FL_NOWHERE}"', qr/1:6: error: "FL_NOWHERE" is not set/],
	['via: ${env:FL_NAMES}', qr/1:6: error: "FL_NAMES" .*did you mean "FL_NAME"\?/],
	['via: ${env:}', qr/1:6: error: "" is no name of a variable/],
	['via: ${env:A B}', qr/1:6: error: "A B" is no name of a variable/],
	['via: a${env:FL_NAME', qr/1:7: error: "\$\{env:" lacks its "\}"/],
	['via: ${env:FL_LONG}${env:FL_LONG}', qr/1:6: error: with the environment's the value has 80000 bytes/],
	['limits: ${env:FL_YAML}', qr/1:9: error: "limits" takes a map/],
	['limits: {connections: ${env:X}}', qr/1:24: error: inside braces and brackets/],
) {
	says({ 'main.yaml' => "$row->[0]\n$backends" }, $row->[1], $row->[0]);
}

# -T writes what is read alike.
check('main.yaml' => "${backends}routes: [{respond: {body: " .
	"'\${env:FL_VARIABLE}', content_type: 'a/\$\${env:X}'}, " .
	"upgrade: ['\${env:FL_NAME}']}]\n");
(undef, $dump) = run_program('-T', '-c', 'main.yaml');
like($dump, qr/content_type: "a\/\$\$\{env:X\}"/, '-T escapes');
like($dump, qr/upgrade: \[nobody\]/, 'and shows what was expanded');
spit('dump.yaml', $dump);
my (undef, $again) = run_program('-T', '-c', 'dump.yaml');
is($again, $dump, 'read again it is the same');

# What came from the environment is text, also between pieces of variables.
my $t = Fairlead::Test->new;
$t->backend('a');
$t->start(args => ['--workers', 1], config => <<'YAML');
backends: [{host: 127.0.0.1, port: %%A%%}]
routes:
  - respond:
      body: '${env:FL_VARIABLE} ${env:FL_DOLLAR}{path} ${env:FL_DOLLAR}${path} $${env:X} ${path}'
YAML
is($t->get('/p')->{body}, '${client} ${path} $/p ${env:X} /p',
	'what came from the environment is no variable');
$t->stop;

done_testing();
