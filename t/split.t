#!/usr/bin/perl
# t/split.t -- where the bytes are cut makes no difference, on either side
use v5.36;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::Test;

my $body = join '', map { "line $_\n" } 1 .. 20;
my $response = "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: " .
    length($body) . "\r\nX-B: two\r\n\r\n$body";

my $t = Fairlead::Test->new;
my @connections = map {
	my $piece = $_;
	['request', [send => $response, $piece, 0.0005], 'close'];
} 1 .. 8;
# each cut of the head once
my $head_len = index($response, "\r\n\r\n") + 4;
push @connections, map {
	my ($a, $b) = (substr($response, 0, $_), substr($response, $_));
	['request', [send => $a], [send => $b, length $b, 0.002], 'close'];
} 1 .. $head_len + 1;
my $origin = $t->origin('o', @connections);
$t->start(args => ['--workers', 1]);

my $bad = '';
for my $i (1 .. @connections) {
	my $r = $t->get('/') // {};
	$bad .= " $i" if ($r->{status} // 0) != 200 || $r->{body} ne $body ||
	    ($r->{headers}{'x-b'} // '') ne 'two';
}
is($bad, '', 'responses in pieces and cut at every byte of the head');

# ---- requests, all cuts of one with a body, and of two in a row

my $request = Fairlead::Client::request_of('/echo', body => 'the body',
    fields => [['X-A', '1']]);
my $two = $request . Fairlead::Client::request_of('/echo', body => 'another');
$t = Fairlead::Test->new;
$t->backend('b');
$t->start(args => ['--workers', 1]);
my $c = $t->connect;
$bad = '';
for my $cut (1 .. length($two) - 1) {
	$c->send(substr $two, 0, $cut);
	select undef, undef, undef, 0.001;
	$c->send(substr $two, $cut);
	my @bodies = map { ($c->response // { body => '-' })->{body} } 1, 2;
	$bad .= " $cut" if "@bodies" ne 'the body another';
}
is($bad, '', 'two requests in a row cut at every byte');
$c->send($two, pieces => 1, pause => 0.0005);
is($c->response->{body}, 'the body', 'byte by byte, the first');
is($c->response->{body}, 'another', 'byte by byte, the second');

# ---- a body that comes slowly, both ways at once

$t = Fairlead::Test->new;
$origin = $t->origin('o', ['head', [mark => 'head'],
    [send => "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"], [body => 3],
    [mark => 'half'], [send => 'abc'], [body => 3], [send => 'def'], 'to_end']);
$t->start(args => ['--workers', 1]);
$c = $t->connect;
$c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n");
ok(wait_for { $origin->is_marked('head') }, 'the head is not held back');
my $r = $c->head;
is($r->{status}, 200, 'nor is an early answer');
$c->send('123');
ok(wait_for { $origin->is_marked('half') }, 'nor is half of the body');
my $half = '';
$c->pieces(3, sub ($piece) { $half .= $piece });
is($half, 'abc', 'nor is half of the answer');
$c->send('456');
$c->pieces(3, sub ($piece) { $half .= $piece });
is($half, 'abcdef', 'and the rest comes');

finish();
