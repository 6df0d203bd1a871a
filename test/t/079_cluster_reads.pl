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

# Row-level security: of the measurement, and of the parts that other nodes read
# in the user's name, and that he can name himself.
sub as
{
	my ($role, $number, $sql) = @_;
	my ($out, $err) = ('', '');

	$cluster->server($number)->psql('postgres', $sql, stdout => \$out,
		stderr => \$err, extra_params => [ '-U', $role ]);
	return $err ne '' ? $err : $out;
}

$cluster->sql($_, 'CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN') for 1 .. 3;
$cluster->apply;
$cluster->sql(2, q{ALTER TABLE cpu OWNER TO alice});
is(as('alice', 1, q{GRANT SELECT, INSERT, UPDATE, DELETE ON cpu TO bob;
	ALTER TABLE cpu ENABLE ROW LEVEL SECURITY;
	CREATE POLICY few ON cpu TO bob USING (host IN ('h1', 'h2', 'h3', 'h4'));
	CREATE POLICY most ON cpu AS RESTRICTIVE USING (usage < 4)}),
	'', 'policies are made');
for my $i (1 .. 3)
{
	my $all = join ' UNION ALL ',
	  map { "SELECT * FROM $_" } split /\n/,
	  $cluster->sql($i, q{SELECT inhrelid::regclass FROM pg_inherits
		WHERE inhparent = 'cpu'::regclass});

	is(as('bob', $i, 'SELECT count(*), sum(usage) FROM cpu'), '3|7.5',
		"bob reads what he may at node $i");
	is(as('bob', $i, "SELECT count(*), sum(usage) FROM ($all) AS parts"),
		'3|7.5', "and no more of its parts at node $i");
	is(as('alice', $i, "SELECT count(*) FROM ($all) AS parts"), '61',
		"which alice reads at node $i");
	like(as('bob', $i, q{INSERT INTO cpu (time, host, usage)
		SELECT now(), 'h' || i, 1 FROM generate_series(1, 4) AS i}),
		qr/cannot change rows of measurement "cpu" with row-level security/,
		"bob's rows would not be checked elsewhere, node $i");
	like(as('bob', $i, 'DELETE FROM cpu'), qr/measurement "cpu" with row-level security/,
		"nor what he deletes, node $i");
}
my $part = $cluster->sql(1, q{SELECT min(relname::text) FROM pg_inherits
	JOIN pg_class AS c ON c.oid = inhrelid
	WHERE inhparent = 'cpu'::regclass AND relkind = 'r'});

like(as('bob', 1, "SELECT rusts.store_image('$part', '{}', '')"),
	qr/row-level security/, 'not when he sends them himself');
$cluster->sql(3, 'DROP POLICY most ON cpu');
is(as('bob', $_, 'SELECT count(*) FROM cpu'), '4', 'a policy less') for 1 .. 3;
$cluster->sql(2, 'ALTER TABLE cpu FORCE ROW LEVEL SECURITY');
is(as('alice', $_, 'SELECT count(*) FROM cpu'), '0', 'the owner, too') for 1 .. 3;
$cluster->sql(1, 'ALTER TABLE cpu NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY');
is(as('bob', $_, 'SELECT count(*) FROM cpu'), '61', 'no policies') for 1 .. 3;
is(as('bob', $_, q{INSERT INTO cpu (time, host, usage) VALUES (now(), 'new', 1)}),
	'', 'and bob writes') for 1 .. 3;
$cluster->stop;

done_testing();
