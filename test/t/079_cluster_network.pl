# The network between nodes is cut, in whole and in part, or is slow.
#
# test/t/079_cluster_network.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterNet;

use ClusterPoints;
use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => ClusterNet::missing() if ClusterNet::missing();

my $net = ClusterNet->new(3);
my $cluster = ClusterTest->new('network', factor => 3, mode => 'Quorum',
	net => $net, conf => "rusts.cluster_timeout = 3s\n");
my $points = ClusterPoints->new($cluster);

sub set
{
	my (%options) = @_;

	$cluster->{$_} = $options{$_} for keys %options;
	$cluster->write_config;
	return $cluster->apply;
}

sub timed
{
	my ($what, $code) = @_;
	my $begun = time;

	$code->();
	note sprintf '%s took %.1f s', $what, time - $begun;
	return;
}

# The state that a node has for another.
sub wait_state
{
	my ($node, $of, $state) = @_;

	$points->wait_for($node,
		"SELECT state = '$state' FROM rusts_cluster_status() WHERE node_id = 'node$of'",
		"node $of is $state for node $node");
	return;
}

$cluster->apply;
$points->write($_, 50) for 1 .. 3;
$points->all_agree('to begin with');

# Both sides, with sessions that have connections to the other one.
my %session = map { $_ => open_session($cluster->server($_)) } 1 .. 3;

for my $i (1 .. 3)
{
	is(tell_session($session{$i}, $points->statement(20)), 20,
		"session at node $i");
	$points->acknowledge(20);
}
$points->settled('before the cut');
my $before = $points->{acknowledged};

$net->cut(3);
timed 'the first write of the majority', sub { $points->write(1, 30) };
is(tell_session($session{2}, $points->statement(20)), 20,
	'a session of the majority goes on');
$points->acknowledge(20);
is($points->read($_), $points->{acknowledged}, "node $_ reads on") for 1, 2;
timed 'the refusal', sub {
	my $error = $points->refused(3);

	like($error, qr/cannot write to shards [-0-9, ]+: 1 of 3 copies, 2 needed/,
		'the minority refuses');
	like($error, qr/node "node$_"/, "for want of node $_") for 1, 2;
};
tell_session($session{3}, $points->statement(20));
like($session{3}{err}, qr/cannot write to shards/, 'and in an old session');
is($points->read(3), $before, 'it reads what it has');
wait_state($_, 3, 'down') for 1, 2;
wait_state(3, $_, 'down') for 1, 2;
is($points->read(3), $before, 'and goes on');
timed 'the next write', sub { $points->write($_, 30) for 1, 2 };
$net->heal(3);
timed 'recovery', sub { $points->all_agree('healed') };
is(tell_session($session{3}, $points->statement(20)), 20, 'the old session');
$points->acknowledge(20);
close_session($_) for values %session;
$points->all_agree('healed, and written');

# In part: two do not see each other, the third sees both, and tells both that
# they are behind.
$net->part(1, 3);
for my $i (1, 3)
{
	$points->write($i, 10);
	$points->not_stale("written at node $i", 2);
	$points->wait_for(4 - $i, <<"END", 'the other one stops reading');
SELECT state = 'behind' FROM rusts_cluster_status() WHERE node_id = 'node${\ (4 - $i)}'
END
}
for (1 .. 3)
{
	for my $i (1, 3)
	{
		$points->write($i, 10);
		$points->not_stale("written at node $i again", 1 .. 3);
	}
}
$net->heal($_) for 1, 3;
$points->all_agree('in part');

# Sync: nobody writes.
set(mode => 'Sync');
$points->settled('Sync');
$net->cut(3);
like($points->refused(1),
	qr/cannot write to shards [-0-9, ]+: 2 of 3 copies, 3 needed.*node "node3"/s,
	'Sync: the majority refuses');
like($points->refused(3),
	qr/cannot write to shards [-0-9, ]+: 1 of 3 copies, 3 needed.*node "node1".*node "node2"/s,
	'Sync: and the minority');
$net->heal(3);
$points->all_agree('Sync');
set(mode => 'Quorum');

# The coordinator is cut off when all have prepared: before it decides.
for my $end ('goes on', 'is killed')
{
	my $holder = open_session($cluster->server(1));
	my $writer = open_session($cluster->server(1));

	$points->settled('to be prepared');
	tell_session($holder,
		'BEGIN; LOCK TABLE rusts.cluster_decision IN SHARE MODE');
	tell_session($writer, $points->statement(40), no_wait => 1);
	$points->wait_for($_, 'SELECT count(*) = 1 FROM pg_prepared_xacts',
		"node $_ has prepared")
	  for 2, 3;
	$net->cut(1);
	$points->write(2, 30) if $end ne 'goes on';
	if ($end eq 'goes on')
	{
		tell_session($holder, 'COMMIT');
		is(tell_session($writer, 'SELECT 1'), "40\n1", 'it decides');
		like($writer->{err}, qr/WARNING:  could not commit at node "node2" yet/,
			'and says that others do not know');
		$points->acknowledge(40);

		# What is written later counts, although it commits there first.
		$points->rewrite(2, 40, 25);
	}
	else
	{
		$cluster->server(1)->stop('immediate');
		$cluster->server(1)->start;
	}
	close_session($_) for $holder, $writer;
	$points->write($_, 30) for 2, 3;
	is($cluster->sql($_, 'SELECT count(*) FROM pg_prepared_xacts'), 1,
		"node $_ does not decide alone")
	  for 2, 3;
	$net->heal(1);
	$points->all_agree("the coordinator was cut off and $end");
	$cluster->same_everywhere('SELECT sum(v - floor(v)) FROM m', '10',
		'the newer values count');
}

# A node to which little gets at a time: it delays a write, and that is all.
$net->slow(3, 32);
timed 'a write with a slow node', sub {
	$cluster->sql(1, $points->large_statement(3000));
	$points->acknowledge(3000);
};
$net->heal(3);
$points->all_agree('slow');

# It gets what it has missed in pieces that are as small as they must be.
$net->slow(3, 128);
my $lock = open_session($cluster->server(3));

tell_session($lock, 'BEGIN; LOCK TABLE m');
for (1 .. 60)
{
	$cluster->sql(1, $points->large_statement(100));
	$points->acknowledge(100);
}
tell_session($lock, 'COMMIT');
close_session($lock);
timed 'handing over to a slow node', sub { $points->settled('in pieces') };
$net->heal(3);
$points->all_agree('in pieces');

# Two copies: queries need other nodes.
set(factor => 2);
$points->all_agree('two copies');
my $reader = open_session($cluster->server(1));

is(tell_session($reader, 'SELECT count(*) FROM m'), $points->{acknowledged},
	'it reads from others');
$net->cut(2);
timed 'reading on', sub {
	my $out = '';
	my $begun = time;

	while ($out ne $points->{acknowledged} && time - $begun < 60)
	{
		$out = tell_session($reader, 'SELECT count(*) FROM m');
		last if $out ne '' && $out ne $points->{acknowledged};
	}
	is($out, $points->{acknowledged}, 'the other copy is read');
};
like($points->refused(1),
	qr/cannot write to shards [-0-9, ]+: 1 of 2 copies, 2 needed.*node "node2"/s,
	'two copies: no majority');
$net->heal(2);
close_session($reader);
$points->all_agree('two copies, healed');

$cluster->stop;
done_testing();
