# t/accept/lib/Chromium.pm -- a browser without a window, by its DevTools pipe
#
#	my $browser = Chromium->start($dir);
#	my $page = $browser->open($url);	# when it has loaded
#	say $page->evaluate('1 + 1');
package Chromium;
use v5.36;
use IO::Select;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes qw(time);

my $patience = 90;

sub start ($class, $dir) {
	pipe(my $in, my $to) or die "pipe: $!";
	pipe(my $from, my $out) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$dir/chromium.log";
		open STDERR, '>&', \*STDOUT;
		POSIX::dup2(fileno $in, 103);	# 3 and 4 may be taken
		POSIX::dup2(fileno $out, 104);
		POSIX::dup2(103, 3);
		POSIX::dup2(104, 4);
		POSIX::close($_) for 103, 104;
		@ENV{qw(HOME TMPDIR)} = ($dir, $dir);
		{ no warnings 'exec'; exec 'timeout', '-k', 5, 300, 'chromium', '--headless=new', '--no-sandbox', '--disable-gpu',
		    '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
		    '--no-proxy-server', "--user-data-dir=$dir/chromium", '--remote-debugging-pipe' }
		POSIX::_exit(127);
	}
	$to->autoflush;
	my $self = bless { pid => $pid, to => $to, from => $from, buffer => '', id => 0 }, $class;
	$self->call('Browser.getVersion');
	return $self;
}

sub message ($self) {
	my $end = time + $patience;

	while ((my $at = index $self->{buffer}, "\0") < 0) {
		IO::Select->new($self->{from})->can_read($end - time) or die "chromium: no answer\n";
		sysread $self->{from}, $self->{buffer}, 1 << 20, length $self->{buffer}
		    or die "chromium has ended\n";
	}
	$self->{buffer} =~ s/^([^\0]*)\0//;
	return JSON::PP::decode_json($1);
}

# The result; events that come meanwhile are dropped, but for `until`.
sub call ($self, $method, $arguments = {}, %o) {
	my $id = ++$self->{id};
	my ($result, $event);

	print { $self->{to} } JSON::PP::encode_json({ id => $id, method => $method, params => $arguments,
	    $o{session} ? (sessionId => $o{session}) : () }) . "\0";
	until ($result && ($event || !$o{until})) {
		my $m = $self->message;
		die "chromium: $method: $m->{error}{message}\n" if $m->{error} && ($m->{id} // 0) == $id;
		$result = $m->{result} if ($m->{id} // 0) == $id;
		$event = 1 if ($m->{method} // '') eq ($o{until} // '-');
	}
	return $result;
}

sub open ($self, $url) {
	my $page = { browser => $self, target => $self->call('Target.createTarget', { url => 'about:blank' })->{targetId} };

	$page->{session} = $self->call('Target.attachToTarget',
	    { targetId => $page->{target}, flatten => JSON::PP::true })->{sessionId};
	$self->call('Page.enable', {}, session => $page->{session});
	$self->call('Page.navigate', { url => $url }, session => $page->{session}, until => 'Page.loadEventFired');
	return bless $page, 'Chromium::Page';
}

sub stop ($self) {
	return if !$self->{pid};
	local ($?, $@);
	eval { $self->call('Browser.close') };
	kill 'TERM', $self->{pid};	# of timeout, that passes it on
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
	return;
}

package Chromium::Page;

# The value that the promise of an expression comes to.
sub evaluate ($self, $expression) {
	my $r = $self->{browser}->call('Runtime.evaluate', { expression => $expression,
	    awaitPromise => JSON::PP::true, returnByValue => JSON::PP::true }, session => $self->{session});

	die "chromium: $r->{exceptionDetails}{exception}{description}\n" if $r->{exceptionDetails};
	return $r->{result}{value};
}

sub picture ($self) {
	my $r = $self->{browser}->call('Page.captureScreenshot', {}, session => $self->{session});
	return MIME::Base64::decode_base64($r->{data});
}

sub close ($self) {
	$self->{browser}->call('Target.closeTarget', { targetId => $self->{target} });
	return;
}

1;
