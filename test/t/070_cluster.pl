# Several servers as one database: every strategy and mode, by every way that
# points can come.
#
# test/t/070_cluster.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $lines = join '\n',
  map { "cpu,host=h$_,region=r" . ($_ % 3) . " usage=$_,n=${_}i 1700000000000000000" }
  1 .. 60;

my $cluster = ClusterTest->new('simple', factor => 1);

$cluster->apply;
is($cluster->sql(1, "SELECT rusts_write(E'$lines')"), '60', 'points written');
$cluster->same_everywhere(
	'SELECT count(*), sum(usage), sum(n), count(DISTINCT host) FROM cpu',
	'60|1830|1830|60', 'read');

my @own = map { $cluster->own_rows($_, 'cpu') } 1 .. 3;

is($own[0] + $own[1] + $own[2], 60, "each point is on one node (@own)");
ok((grep { $_ > 5 } @own) == 3, 'each node has some');

# INSERT and COPY, on another node.
$cluster->sql(2, q{INSERT INTO cpu (time, host, region, usage)
	SELECT '2024-01-01', 'i' || i, 'r', i FROM generate_series(1, 50) AS i});
$cluster->sql(3, qq{COPY cpu (time, host, usage) FROM stdin;
2024-01-02\tc1\t1
2024-01-02\tc2\t2
2024-01-02\tc3\t3
\\.
});
$cluster->same_everywhere('SELECT count(*), sum(usage) FROM cpu',
	'113|3111', 'INSERT and COPY');

# What one node learns, all know.
$cluster->sql(2, q{SELECT rusts_write('cpu,host=h1,rack=7 idle=5 1700000000000000001')});
$cluster->same_everywhere(
	q{SELECT rack, idle, time_ns FROM cpu WHERE rack IS NOT NULL},
	'7|5|1', 'a new tag, field and nanoseconds');

# Rolled back is nowhere.
$cluster->sql(1, q{BEGIN; SELECT rusts_write('cpu,host=gone usage=1'); ROLLBACK});
$cluster->sql(1, q{BEGIN; SAVEPOINT a;
	SELECT rusts_write('cpu,host=h5 usage=1'); ROLLBACK TO a; COMMIT});
$cluster->same_everywhere('SELECT count(*) FROM cpu', '114', 'rolled back');
is($cluster->sql(2, 'SELECT count(*) FROM pg_prepared_xacts'), '0',
	'nothing is left prepared');
$cluster->stop;

done_testing();
