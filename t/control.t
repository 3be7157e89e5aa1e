#!/usr/bin/perl
# t/control.t -- the admin interface
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fairlead::System;
use JSON::PP;
use Test::More;

my $b = start_backend('one');
my $f = start_fairlead(options => ['-b', "127.0.0.1:$b->{port}*3", '-b',
    'localhost.invalid:80', '--workers', 2]);
get($f->{port}, '/') for 1 .. 3;

is(admin($f, '/healthz')->{body}, "ok\n", 'healthz');
is(admin($f, '/readyz')->{status}, 200, 'readyz');

my $status = admin($f, '/v1/status');
like($status->{version}, qr/^\d+\.\d+\.\d+/, 'version');
is($status->{pid}, $f->{pid}, 'the master\'s pid');
like($status->{started}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    'started');
is($status->{generation}, 1, 'generation');
ok($status->{ready}, 'ready');
is($status->{config}{verdict}, 'applied', 'the verdict');
is(scalar @{ $status->{workers} }, 2, 'workers');
is_deeply([sort keys %{ $status->{workers}[0] }],
    [qw(connections generation pid requests restarts slot state)],
    'fields of a worker');
is($status->{workers}[0]{requests} + $status->{workers}[1]{requests}, 3,
    'they count requests');

my ($u) = @{ admin($f, '/v1/upstreams')->{upstreams} };
is($u->{name}, 'default', 'upstream');
is($u->{strategy}, 'weighted', 'strategy');
my ($first, $second) = @{ $u->{backends} };
is($first->{weight}, 3, 'weight');
is($first->{state}, 'up', 'up');
is($first->{requests}, 3, 'requests');
is($second->{state}, 'unresolved', 'a name that leads nowhere');

my $r = admin($f, '/nothing');
is($r->{status}, 404, 'no such page');
ok(decode_json($r->{body})->{error}, 'with an error in JSON');
is(admin($f, '/v1/status', method => 'POST')->{status}, 405, 'only GET and HEAD');
