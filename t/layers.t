# t/layers.t -- contrib/layers accepts our tree and finds what is planted in it
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $top = dirname(__FILE__) . '/..';

# Run layers on a small tree that is in order, with some files put into it.
sub layers {
	my (%files) = @_;
	my $src = tempdir(CLEANUP => 1);
	my %tree = (
		'core/span.h' => "#include <stdint.h>\n#include <net/if.h>\n",
		'event/loop.h' => '#include "core/span.h"',
		'http1/head.h' => '',
		'http2/frame.h' => '',
		'net/conn.h' => "#include \"event/loop.h\"\n",
		'net/internal.h' => '#include "net/conn.h"',
		'net/conn.c' => qq{#include "net/conn.h"\n#include "net/internal.h"\n},
		'shm/segment.h' => '',
		'tls/context.h' => '',
		%files,
	);

	while (my ($path, $text) = each %tree) {
		make_path(dirname("$src/$path"));
		open my $f, '>', "$src/$path" or die "$path: $!";
		print $f $text;
		close $f;
	}
	my $out = `$top/contrib/layers '$src'`;
	return ($? >> 8, $out);
}

my @rows = (
	['up', 'event/x.c', '#include "net/conn.h"', 'up from event to net'],
	['sideways', 'event/x.c', '#include "shm/segment.h"',
	    'sideways from event to shm'],
	['internal.h of another folder', 'http1/x.c', '#include "net/internal.h"',
	    'net keeps that to itself'],
	['proxy sees http1', 'proxy/x.c', '#include "http1/head.h"',
	    'proxy may not see http1'],
	['proxy sees http2', 'proxy/x.c', '#include "http2/frame.h"',
	    'proxy may not see http2'],
	['proxy sees tls', 'proxy/x.h', '#include "tls/context.h"',
	    'proxy may not see tls'],
	['unknown folder', 'misc/x.c', '#include "core/span.h"',
	    'a folder that the table does not name'],
	['include of an unknown folder', 'net/x.c', '#include "misc/x.h"',
	    'unknown folder misc'],
	['folder in a folder', 'net/deep/x.c', '', 'a folder below a folder'],
	['file outside', 'x.c', '', 'a file outside the folders'],
	['..', 'event/x.c', '#include "../net/conn.h"', 'by way of . or ..'],
	['.. after a folder', 'event/x.c', '#include "core/../net/conn.h"',
	    'by way of . or ..'],
	['./', 'event/x.c', '#include "./net/conn.h"', 'by way of . or ..'],
	['absolute', 'event/x.c', '#include "/src/net/conn.h"',
	    'by way of . or ..'],
	['no folder', 'net/x.c', '#include "conn.h"', 'does not name its folder'],
	['angle', 'event/x.c', '#include <net/conn.h>', 'stand in quotes'],
	['angle, also downwards', 'net/x.c', '#include <core/span.h>',
	    'stand in quotes'],
	['angle by way of ..', 'event/x.c', '#include <net/../net/conn.h>',
	    'by way of . or ..'],
	['space after #', 'event/x.c', '#  include "net/conn.h"', 'up from'],
	['tab before #', 'event/x.c', "\t#\tinclude\t\"net/conn.h\"", 'up from'],
	['no space', 'event/x.c', '#include"net/conn.h"', 'up from'],
	['comment inside', 'event/x.c', '#/* x */include/**/"net/conn.h"',
	    'up from'],
	['comment before', 'event/x.c', "/* a\n b */ #include \"net/conn.h\"",
	    'up from'],
	['spliced', 'event/x.c', "#inc\\\nlude \\\n \"net/conn.h\"", 'up from'],
	['digraph', 'event/x.c', '%:include "net/conn.h"', 'up from'],
	['include_next', 'event/x.c', '#include_next "net/conn.h"', 'up from'],
	['behind a macro', 'event/x.c', '#include UPWARDS',
	    'neither a name nor a header'],
	['in a branch not taken', 'event/x.c',
	    "#if 0\n#include \"net/conn.h\"\n#endif", 'x.c:2: .* up from'],
	['another extension', 'event/x.inc', '#include "net/conn.h"', 'up from'],
	['no extension', 'event/table', '#include "net/conn.h"', 'up from'],
	['cycle', 'core/span.h', '#include "core/a.h"',
	    'core/a.h -> core/span.h -> core/a.h',
	    'core/a.h' => '#include "core/span.h"'],
	['cycle of one', 'core/a.h', '#include "core/a.h"',
	    'core/a.h -> core/a.h'],
);

is_deeply([layers()], [0, "layers: 0 violations in 9 files\n"],
    'a tree in order is accepted');
is((layers('event/x.c' => qq{// #include "net/conn.h"\n/* #include "net/conn.h"\n*/}))[0],
    0, 'comments are not includes');
is((layers('worker/x.c' => qq{#include "http1/head.h"\n}))[0], 0,
    'worker may see http1');
for my $row (@rows) {
	my ($name, $path, $text, $want, @more) = @$row;
	my ($status, $out) = layers($path => "$text\n", @more);
	ok($status == 1 && $out =~ /$want/, "found: $name") or diag($out);
}
my $ours = `$top/contrib/layers`;
is($?, 0, 'our own tree is in order') or diag($ours);
done_testing();
