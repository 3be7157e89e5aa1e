# t/accept/lib/Installed.pm -- a fairlead installed for real, for this script only
#
#	use Installed;		# first: the script begins anew, in namespaces
#	Installed::put();	# built, and installed below /opt
#
# The mount namespace has an /opt of its own, a tmpfs; nothing else of the
# machine is changed. Whatever daemon is left ends with the PID namespace.
package Installed;
use v5.36;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Temp qw(tempdir);
use FindBin;

our @EXPORT = qw(run slurp spit);
our $sources = abs_path("$FindBin::Bin/../..");

BEGIN {
	if (!$ENV{ACCEPT_IS_INSIDE}++) {
		# The shell buries whom nobody else does.
		exec 'unshare', qw(--mount --pid --fork --mount-proc --kill-child
		    -- sh -c), '"$@"; exit $?', 'sh', $^X,
		    "$FindBin::Bin/$FindBin::Script", @ARGV
		    or die "unshare: $!\n";
	}
}

# (exit code, what it said on both)
sub run (@command) {
	my $pid = open(my $out, '-|') // die "fork: $!\n";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>&', \*STDOUT;
		exec @command or print "$command[0]: $!\n";
		POSIX::_exit(127);
	}
	local $/;
	my $said = <$out> // '';
	close $out;
	return ($? >> 8, $said);
}

sub must (@command) {
	my ($code, $said) = run(@command);

	die "@command: $said\n" if $code != 0;
	return;
}

sub slurp ($file) {
	open my $in, '<', $file or return '';
	local $/;
	return <$in> // '';
}

sub spit ($file, $text) {
	open my $out, '>', $file or die "$file: $!\n";
	print $out $text;
	close $out or die "$file: $!\n";
	return $file;
}

# The build stays beside the other one, for the next script.
sub put () {
	my $build = abs_path($ENV{FAIRLEAD_BUILD} // '.') . '/accept/installed';
	my $root = tempdir('fairlead-installed-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $inside = 'mkdir -p "$1" && cd "$1" &&
	    { [ -e config.status ] || "$2/configure" --prefix=/opt \
	    --runstatedir=/opt/run --user=nobody; } &&
	    make -j2 fairlead && make install DESTDIR="$3"';

	must("$sources/contrib/install-packages", 'accept');
	must('sh', '-c', $inside, 'sh', $build, $sources, $root);
	must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'installed', '/opt');
	must('cp', '-a', "$root/opt/.", '/opt/');
	return;
}

1;
