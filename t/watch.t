#!/usr/bin/perl
# t/watch.t -- --watch: files that change in all the usual ways bring a reload,
# bad ones none
use v5.36;
use Test::More;
use Time::HiRes qw(sleep);

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $t = Fairlead::Test->new;
$t->backend($_) for qw(b1 b2 b3);
my $dir = $t->dir;

# A configuration in which this backend serves.
sub config ($name, $more = '') {
	return $t->fill("health_check: off\nbackends: [{host: 127.0.0.1, port: %%\U$name\E%%}]\n$more");
}

sub replace ($file, $text) {
	spit("$file.new", $text);
	rename "$file.new", $file or die "$file: $!";
	return;
}

sub serves ($name, $what) {
	my $is = wait_for { $t->get('/')->{backend} eq $name } 10;

	ok($is, "$what: $name serves") or diag($t->log);
	return;
}

sub generation () { return $t->status->{generation} }

# Time for a change that should not be there.
sub several_looks () { sleep 0.6; return }

$t->start(config => config('b1'), args => ['--workers', 1, '-w', '-i', 100]);
my $file = "$dir/fairlead.yaml";
serves('b1', 'the start');

# ---- the file

spit($file, config('b2'));
serves('b2', 'written in place');
replace($file, config('b3'));
serves('b3', 'renamed over');
is(generation(), 3, 'one reload for each');
several_looks();
is(generation(), 3, 'and no more');

# ---- half written

open my $out, '>', $file;
$out->autoflush;
for (split /(?<=,)/, config('b1')) {
	print $out $_;
	sleep 0.03;
}
close $out;
serves('b1', 'written piece by piece');
unlike($t->log, qr/rejected/, 'no half was read');

# ---- a bad one

replace($file, config('b2', "workers: many\n"));
ok(wait_for { $t->log =~ /was rejected/ }, 'a bad one is rejected');
several_looks();
my @rejected = $t->log =~ /(was rejected)/g;
is(scalar @rejected, 1, 'once');
my @shown = $t->log =~ /error \d+: (\Q$file\E:3:10: error: .*)/g;
is(scalar @shown, 1, 'and shown once');
is($t->get('/')->{backend}, 'b1', 'the one before it serves');
replace($file, config('b2'));
serves('b2', 'a good one');
unlink $file;
ok(wait_for { (() = $t->log =~ /was rejected/g) == 2 }, 'removed: rejected');
is($t->get('/')->{backend}, 'b2', 'the one before it serves');
replace($file, config('b3'));
serves('b3', 'it is there again');

# ---- links, as of a ConfigMap

mkdir "$dir/$_" for qw(v1 v2);
spit("$dir/v1/f.yaml", config('b1'));
spit("$dir/v2/f.yaml", config('b2'));
sub link_to ($target, $name) {
	symlink $target, "$name.new" or die;
	rename "$name.new", $name or die;
	return;
}
link_to('v1', "$dir/data");
link_to('data/f.yaml', $file);
serves('b1', 'a link in its place');
link_to('v2', "$dir/data");
serves('b2', 'a link on the way is swapped');
spit("$dir/v2/f.yaml", config('b3'));
serves('b3', 'what it leads to is written');

# ---- included files

mkdir "$dir/conf.d";
unlink $file;
spit($file, "include: conf.d/*.yaml\nhealth_check: off\n");
ok(wait_for { (() = $t->log =~ /was rejected/g) == 3 }, 'a pattern that matches nothing');
spit("$dir/conf.d/one.yaml", $t->fill("backends: [{host: 127.0.0.1, port: %%B1%%}]\n"));
serves('b1', 'a file that the pattern matches now, though what it was in was rejected');
replace("$dir/conf.d/one.yaml", $t->fill("backends: [{host: 127.0.0.1, port: %%B2%%}]\n"));
serves('b2', 'an included file');

# ---- it goes on with HUP

kill 'HUP', $t->pid;
my $before = generation();
ok(wait_for { generation() > $before }, 'HUP');
replace("$dir/conf.d/one.yaml", $t->fill("backends: [{host: 127.0.0.1, port: %%B3%%}]\n"));
serves('b3', 'and is watched on');
is($t->stop('TERM'), 0, 'TERM');

# ---- without --watch nothing happens

$t->start(config => config('b1'));
replace($file, config('b2'));
several_looks();
is($t->get('/')->{backend}, 'b1', 'without --watch it stays as it is');

finish();
