# t/configure.t -- what configure takes and refuses; install keeps a configuration
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS CPPFLAGS LDFLAGS LIBS)};

# Run configure in a directory of its own: its status, what it said, config.mk.
sub configure {
	my ($arguments, $environment) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my $out = `cd $dir && @{[$environment // '']} $top/configure $arguments 2>&1`;
	my $status = $? >> 8;
	my $config = '';

	if (open my $f, '<', "$dir/config.mk") {
		local $/;
		$config = <$f>;
	}
	return ($status, $out, $config);
}

# As dh_auto_configure and RPM's %configure call it, and each form of an option.
my ($status, $out, $config) = configure(<<'END' =~ tr/\n/ /r);
--build=x86_64-linux-gnu --host=x86_64-linux-gnu --prefix=/usr
--includedir='${prefix}/include' --mandir='${prefix}/share/man'
--infodir='${prefix}/share/info' --sysconfdir=/etc --localstatedir /var
--runstatedir=/run --libdir='${prefix}/lib/x' --libexecdir=/x
--disable-option-checking --disable-silent-rules --disable-maintainer-mode
--disable-dependency-tracking --program-prefix= --exec-prefix=/usr
--bindir=/usr/bin --datadir=/usr/share --sharedstatedir=/var/lib
--with-initdir=/x/init.d --with-systemdsystemunitdir /lib/systemd/system
--user _fairlead --group=adm --with-debug CFLAGS='-O1 -g' CPPFLAGS=-DX
END
is($status, 0, 'the options of Debian and RPM are taken') or diag($out);
unlike($out, qr/ignored/, 'and not spoken of');
for my $line ('sysconfdir = /etc', 'localstatedir = /var', 'runstatedir = /run',
	'initdir = /x/init.d', 'systemdsystemunitdir = /lib/systemd/system',
	'mandir = ${prefix}/share/man', 'user = _fairlead', 'group = adm') {
	like($config, qr/^\Q$line\E$/m, $line);
}
like($config, qr/^CFLAGS = -O1 -g -Og/m, 'CFLAGS, then those of --with-debug');
like($config, qr/^CPPFLAGS = -DX /m, 'CPPFLAGS');
like($config, qr/^link = .*-pie .*-z,relro -Wl,-z,now/m, 'hardened when linked');
like($config, qr/^base = .*-fstack-protector-strong .*-D_FORTIFY_SOURCE=2/m,
    'hardened when compiled');

($status, $out) = configure('--enable-frobs --with-knobs');
is($status, 0, 'an unknown feature is no error');
like($out, qr/ignored: --enable-frobs --with-knobs/, 'but a warning');
for my $wrong ('--frob', 'frob', '--prefix', '-x', "--prefix='a b'") {
	is((configure($wrong))[0], 2, "refused: $wrong");
}
($status, $out) = configure('', 'PKG_CONFIG_LIBDIR=/nonexistent');
is($status, 1, 'without libraries it fails');
like($out, qr/apt-get install .*libyaml-dev libssl-dev libpcre2-dev libjansson-dev libxxhash-dev libc-ares-dev libjemalloc-dev/,
    'and names their packages');
($status, $out) = configure('CC=/nonexistent/cc');
is($status, 1, 'without a compiler it fails');
like($out, qr/apt-get install gcc/, 'and names one');
like((configure('--help'))[1], qr/^usage: .*--without-jemalloc/s, '--help');

SKIP: {
	my $build = abs_path($ENV{FAIRLEAD_BUILD} // '.');
	skip 'nothing was built', 23 if !-x "$build/fairlead";
	my $root = tempdir(CLEANUP => 1);
	my $make = "make -C $build DESTDIR=$root prefix=/usr sysconfdir=/etc " .
	    'exec_prefix=/usr localstatedir=/var runstatedir=/run user=_lead';
	my @kept = map { "$root/etc/$_" } qw(default/fairlead
	    fairlead/fairlead.yaml logrotate.d/fairlead);

	is(system("mkdir -p $root/etc/fairlead && echo mine >$root/etc/fairlead/fairlead.yaml"),
	    0, 'there is a configuration');
	is(system("$make install >$root/log 2>&1"), 0, 'make install')
	    or diag(`cat $root/log`);
	ok(-x "$root/usr/sbin/fairlead", 'the program is there');
	is(`cat $root/etc/fairlead/fairlead.yaml`, "mine\n", 'the configuration is kept');
	ok(-s "$root/usr/share/fairlead/fairlead.schema.json", 'so is the schema');
	like(`head -n 1 $root/usr/share/doc/fairlead/examples/fairlead.yaml`,
	    qr{^# .*: \$schema=/usr/share/fairlead/fairlead\.schema\.json$},
	    'and the examples name its place');
	# What has our places in it by nature is installed as it is.
	for my $row (['init', 'etc/init.d/fairlead'],
	    ['service', 'usr/lib/systemd/system/fairlead.service'],
	    ['default', 'etc/default/fairlead'],
	    ['logrotate', 'etc/logrotate.d/fairlead'],
	    ['tmpfiles', 'usr/lib/tmpfiles.d/fairlead.conf'],
	    ['completion', 'usr/share/bash-completion/completions/fairlead']) {
		my ($from, $to) = @$row;
		is(system("cmp $top/contrib/fairlead.$from $root/$to"), 0, $to);
	}
	ok(-x "$root/etc/init.d/fairlead", 'the init script can be run');
	like(`cat $root/usr/lib/sysusers.d/fairlead.conf`, qr/^u _lead - /m,
	    'sysusers.d has the user');
	is(sprintf('%o', (stat "$root/var/log/fairlead")[2] & 07777), 750,
	    'logs are not for everybody');
	is(sprintf('%o', (stat "$root/var/lib/fairlead")[2] & 07777), 700,
	    'secrets are for nobody else');
	system("for f in @kept; do echo mine >\$f; done");
	is(system("$make install >$root/log 2>&1"), 0, 'make install again');
	is(`cat @kept`, "mine\n" x 3, 'keeps what the operator may have changed');
	system("$make uninstall >$root/log 2>&1; rm $root/log");
	is(`find $root -type f | sort`, join('', map { "$_\n" } @kept),
	    'uninstall takes all but these');

	system("$make install prefix=/opt/f sysconfdir=/opt/f/e " .
	    "localstatedir=/opt/f/v runstatedir=/opt/f/r " .
	    "exec_prefix=/opt/f >$root/log 2>&1");
	is(`cd $root/opt/f && grep -rhoE '(/[a-z.]+)*/(sbin|etc|run|var|default|log|lib)/fairlead' e/init.d e/default e/logrotate.d lib | grep -v ^/opt/f/`,
	    '', 'another prefix is meant everywhere');
	like(`cat $root/opt/f/e/fairlead/fairlead.yaml`,
	    qr{^log:.*^  file: /opt/f/v/log/fairlead/error\.log\n.*^access_log:\n  file: /opt/f/v/log/fairlead/access\.log\n}ms,
	    'and the configuration to begin with has logs there');
	is(system("$build/fairlead -t -c $root/opt/f/e/fairlead/fairlead.yaml >$root/log 2>&1"),
	    0, 'and is right') or diag(`cat $root/log`);
}
done_testing();
