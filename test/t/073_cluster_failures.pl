# Nodes are killed, frozen and come back: reads go on at the others, and nobody
# reads from one that has not caught up.
#
# test/t/073_cluster_failures.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $cluster = ClusterTest->new('failures', factor => 2, mode => 'Async',
	conf => "rusts.cluster_timeout = 4s\n");
my $written = 0;
my $count = 'SELECT count(*), count(DISTINCT (host, time)) FROM m';

$cluster->apply;

sub write_points
{
	my ($node, $n) = @_;
	my $lines = join '\n',
	  map { 'm,host=h' . ($written + $_) % 13 . " v=1 " . ($written + $_) . '000000000' }
	  1 .. $n;

	is($cluster->sql($node, "SELECT rusts_write(E'$lines')"), $n,
		"$n points at node $node");
	$written += $n;
	return;
}

# Try until it works, and how long that took.
sub reads_again
{
	my ($node, $test_name) = @_;
	my $begun = time;
	my ($ret, $out, $err);

	do
	{
		($ret, $out, $err) = $cluster->server($node)->psql('postgres', $count);
	} while ($ret != 0 && time - $begun < 60);
	my $took = time - $begun;

	is($out, "$written|$written", "$test_name: all rows");
	note sprintf '%s: after %.1f s', $test_name, $took;
	return;
}

# The state that a node has for another.
sub wait_state
{
	my ($node, $of, $state) = @_;

	local $PostgreSQL::Test::Utils::timeout_default = 40;
	ok($cluster->server($node)->poll_query_until('postgres',
			"SELECT state = '$state' FROM rusts_cluster_status()
			 WHERE node_id = 'node$of'"),
		"node $of is $state for node $node");
	return;
}

sub signal_all
{
	my ($signal, $number) = @_;
	my $pid = $cluster->server($number)->{_pid};
	my @pids = ($pid, split /\s+/, `pgrep -P $pid`);

	kill $signal, @pids;
	return;
}

write_points($_, 40) for 1 .. 3;
for my $i (1 .. 3)
{
	wait_state($i, $_, 'live') for 1 .. 3;
	reads_again($i, "node $i to begin with");
}

# Killed.
$cluster->server(2)->stop('immediate');
reads_again($_, "node 2 is dead, read at node $_") for 1, 3;
write_points($_, 40) for 1, 3;
wait_state($_, 2, 'down') for 1, 3;
reads_again($_, "known to be dead, read at node $_") for 1, 3;
my $begun = time;

write_points($_, 40) for 1, 3;
note sprintf 'writes without the dead node took %.1f s', time - $begun;
$cluster->server(2)->start;
for my $i (1 .. 3)
{
	wait_state($i, $_, 'live') for 1 .. 3;
	reads_again($i, "node 2 is back, read at node $i");
}

# Frozen, in the middle of a session that reads from it.
my $session = $cluster->server(1)->background_psql('postgres',
	on_error_stop => 0);

$session->query($count);
signal_all('STOP', 2);
$begun = time;
$session->query($count);
note sprintf 'the session was set free after %.1f s', time - $begun;
wait_state(1, 2, 'down');
is($session->query($count), "$written|$written", 'and reads on');
write_points(1, 40);
write_points(3, 40);
signal_all('CONT', 2);

# It wakes up with a clock that has gone on, and knows that it knows nothing.
my ($ret, $out, $err) = $cluster->server(2)->psql('postgres', $count);
ok($ret != 0 && $err =~ /may lack rows/ || $out eq "$written|$written",
	'a node that wakes up says nothing that is wrong')
  or diag "returned $ret: $out $err";
for my $i (1 .. 3)
{
	wait_state($i, $_, 'live') for 1 .. 3;
	reads_again($i, "node 2 has woken up, read at node $i");
}
is($session->query($count), "$written|$written", 'the old session, too');
$session->quit;

# Two of three are gone: what nobody has is named, or left out.
$cluster->server($_)->stop('immediate') for 2, 3;
wait_state(1, $_, 'down') for 2, 3;
($ret, $out, $err) = $cluster->server(1)->psql('postgres', $count);
like($err, qr/cannot read shards [-0-9, ]+ of the cluster.*node2.*node3|may lack rows/s,
	'an error that names the shards');
($ret, $out, $err) = $cluster->server(1)->psql('postgres',
	"SET rusts.allow_partial_results = on; SELECT count(*) < $written AND count(*) > 0 FROM m");
is($out, 't', 'partial results');
like($err, qr/WARNING:  cannot read shards/, 'with a warning');
$cluster->server($_)->start for 2, 3;
for my $i (1 .. 3)
{
	wait_state($i, $_, 'live') for 1 .. 3;
	reads_again($i, "all are back, read at node $i");
}
is($cluster->own_rows(1, 'm') + $cluster->own_rows(2, 'm') +
	  $cluster->own_rows(3, 'm'), 2 * $written, 'two copies of each point');
$cluster->stop;

done_testing();
