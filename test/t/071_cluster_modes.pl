# Every strategy with every replication mode: all placements have the same.
#
# test/t/071_cluster_modes.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('modes', factor => 2);

# Of all copies of each shard: how many there are, and whether they agree.
sub copies
{
	my ($measurement) = @_;
	my $parts = $cluster->parts($measurement,
		"concat_ws('/', count(*), sum(v), count(DISTINCT (host, time)))", 1 .. 3);
	my $wrong = grep { @$_ != 2 || $_->[0] ne $_->[1] } values %$parts;

	return $wrong == 0 && keys %$parts;
}

my $base = 1700000000;

for my $mode (qw(Sync Quorum Async))
{
	for my $strategy (qw(BySeries ByMeasurement ByTime Composite))
	{
		my $m = lc "${mode}_$strategy";

		$cluster->{mode} = $mode;
		$cluster->{strategy} = $strategy;
		$cluster->{more} = $strategy =~ /Time|Composite/ ?
		  'time_shard_duration = "1h"' : '';
		$cluster->write_config;
		$cluster->apply;
		for my $i (1 .. 3)
		{
			my $lines = join '\n', map {
				sprintf '%s,host=h%d v=%d %d000000000', $m, $_ % 7, $_,
				  $base + $i * 100_000 + $_ * 600
			} 1 .. 100;

			$cluster->sql($i, "SELECT rusts_write(E'$lines')");
			$cluster->sql($i, <<"END");
INSERT INTO $m (time, host, v)
SELECT to_timestamp($base + $i * 100000 + 300 + s * 600), 'i' || s % 5, s
FROM generate_series(1, 50) AS s
END
		}

		# Late and again: the last value of a field counts everywhere.
		$cluster->sql(2, "SELECT rusts_write('$m,host=h1 v=1000 "
			. ($base + 100_600) . "000000000')");
		ok($cluster->server(1)->poll_query_until('postgres',
				'SELECT count(*) = 0 FROM rusts.cluster_hint'),
			"$m: no hints left, node 1");
		for my $i (2, 3)
		{
			ok($cluster->server($i)->poll_query_until('postgres',
					'SELECT count(*) = 0 FROM rusts.cluster_hint'),
				"$m: no hints left, node $i");
		}
		$cluster->same_everywhere("SELECT count(*), sum(v) FROM $m",
			'450|19974', $m);
		$cluster->same_everywhere(
			"SELECT host, count(*) FROM $m GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
			'h1|45', "$m: a group");
		ok(copies($m), "$m: all copies agree");
	}
}
$cluster->stop;

done_testing();
