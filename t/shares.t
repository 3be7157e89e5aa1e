#!/usr/bin/perl
# t/shares.t -- shares are exact, whichever worker serves
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::System;
use Test::More;

my @b = map { start_backend($_) } qw(a b c);

sub shares {
    my ($n, @options) = @_;
    my $f = start_fairlead(options => ['--workers', 4, @options]);
    my %hits;
    my @s = map { connect_to($f->{port}) } 1 .. 10;
    for my $i (1 .. $n) {
        my $s = $s[$i % @s];
        ask($s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        $hits{ answer($s)->{fields}{'x-backend'} }++;
    }
    my ($u) = @{ admin($f, '/v1/upstreams')->{upstreams} };
    my %counted = map { $_->{port} => $_->{requests} } @{ $u->{backends} };
    for my $b (@b) {
        is($counted{ $b->{port} } // 0, $hits{ $b->{name} } // 0,
            "the segment counted the answers of $b->{name}");
    }
    stop_process($f->{pid});
    return \%hits;
}

my @to = map { "127.0.0.1:$_->{port}" } @b;
is_deeply(shares(300, '-b', "$to[0]*2", '-b', $to[1], '-s', 'weighted'),
    { a => 200, b => 100 }, 'two to one');
is_deeply(shares(300, '-s', 'round-robin', map { ('-b', $_) } @to),
    { a => 100, b => 100, c => 100 }, 'round robin over three');
is_deeply(shares(90, '-b', "$to[0]*0", map { ('-b', $_) } @to[1, 2]),
    { b => 45, c => 45 }, 'weight 0 gets nothing');
