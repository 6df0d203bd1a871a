# What another node reads is what this session means.
#
# test/t/079_cluster_reads.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('reads');
my $lines = join '\n',
  map { "cpu,host=h$_ usage=$_.5 " . (1704067200 + $_ * 86400) . '000000000' }
  0 .. 60;

$cluster->apply;
$cluster->sql(1, "SELECT rusts_write(E'$lines')");

# Constants in what is selected and grouped by, whatever the settings. In
# February and March day and month of some are exchanged by who reads them so.
my %queries = (
	q{SELECT count(*) FILTER (WHERE time >= '2024-02-01 00:00+00'),
		count(*) FILTER (WHERE time < '2024-01-03 00:00+00') FROM cpu} => '30|2',
	q{SELECT extract(epoch FROM week), n FROM (SELECT date_bin('7 days', time,
		'2023-02-01 00:00+00') AS week, count(*) AS n FROM cpu GROUP BY 1) AS q
		ORDER BY 1 LIMIT 1} => '1703635200.000000|2',
	q{SELECT round(sum(usage * 1.23456789012345::float8)::numeric, 8) FROM cpu} =>
	  '2296.91355957',
	q{SELECT extract(epoch FROM max(time + '-1 days +02:00:00'::interval))
		FROM cpu WHERE host = 'h3'} => '1704247200.000000');

for my $set ('DateStyle = ISO', q{DateStyle = 'SQL, DMY'}, 'DateStyle = German',
	q{DateStyle = 'Postgres, DMY'}, 'IntervalStyle = sql_standard',
	'extra_float_digits = -10')
{
	$cluster->same_everywhere("SET $set; $_", $queries{$_}, "$set: $_")
	  for sort keys %queries;
}
$cluster->stop;

done_testing();
