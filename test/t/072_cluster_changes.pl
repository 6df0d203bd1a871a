# DELETE, UPDATE, DDL and policies of a measurement of a cluster: after each
# change all copies agree with a model, a table like any other on one node.
#
# test/t/072_cluster_changes.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('changes', factor => 2);

# What each copy of each part of a measurement is: name => { content => copies }.
sub copies
{
	my ($measurement, $columns) = @_;
	my %copies;

	for my $i (1 .. 3)
	{
		my $parts = $cluster->sql($i, <<"END");
SELECT c.relname, (xpath('/row/n/text()', query_to_xml(format(
	'SELECT md5(coalesce(string_agg(r, E''\\n'' ORDER BY r), '''')) AS n
	 FROM (SELECT concat_ws('','', $columns) AS r FROM %s) AS s',
	inhrelid::regclass), false, true, '')))[1]
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = '$measurement'::regclass AND c.relkind = 'r'
END
		for (split /\n/, $parts)
		{
			my ($name, $content) = split /\|/;

			$copies{$name}{$content}++;
		}
	}
	return \%copies;
}

# All nodes give the model's rows, and both copies of each part are the same.
sub check
{
	my ($measurement, $test_name, $columns) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$columns //= 'host, region, extract(epoch FROM time), v, w';
	for my $i (1 .. 3)
	{
		ok($cluster->server($i)->poll_query_until('postgres',
				'SELECT count(*) = 0 FROM rusts.cluster_hint'),
			"$test_name: no hints left on node $i");
	}
	my $query = "SELECT $columns FROM %s ORDER BY time, host, region, v, w";

	my $expected = $cluster->sql(1, sprintf($query, 'model'));

	$cluster->same_everywhere(sprintf($query, $measurement), $expected,
		$test_name);
	my $copies = copies($measurement, $columns);
	is_deeply([ map { [ values %$_ ] } values %$copies ],
		[ map { [2] } values %$copies ],
		"$test_name: copies agree");
	return;
}

# The same statement on the model and, on a node, on the measurement.
sub both
{
	my ($node, $measurement, $sql, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $expected = $cluster->sql(1, sprintf($sql, 'model'));

	is($cluster->sql($node, sprintf($sql, $measurement)), $expected,
		"$test_name: what it returns");
	check($measurement, $test_name);
	return;
}

for my $mode (qw(Sync Quorum Async))
{
	my $m = lc $mode;

	$cluster->{mode} = $mode;
	$cluster->write_config;
	$cluster->apply;
	my $lines = join '\n', map {
		sprintf '%s,host=h%d%s v=%di,w=%d %d000000000', $m, $_ % 9,
		  $_ % 3 ? ",region=r" . $_ % 2 : '', $_, $_ % 13,
		  1_700_000_000 + $_ * 10
	} 1 .. 300;

	$cluster->sql(2, "SELECT rusts_write(E'$lines')");
	$cluster->sql(1, <<"END");
DROP TABLE IF EXISTS model;
CREATE TABLE model AS SELECT * FROM $m
END
	check($m, "$mode: written");

	both(1, $m, 'WITH d AS (DELETE FROM %s WHERE w = 3 RETURNING v)
		SELECT count(*), sum(v) FROM d', "$mode: DELETE");
	both(2, $m, 'WITH u AS (UPDATE %s SET v = v + 1000 WHERE w < 3
		RETURNING v) SELECT count(*), sum(v) FROM u', "$mode: UPDATE");
	both(3, $m, 'UPDATE %s SET v = NULL WHERE w = 5',
		"$mode: a field becomes null");
	both(2, $m, "UPDATE %s SET time = time + interval '10 s'",
		"$mode: each row moves to where the next one was");
	both(3, $m, "DELETE FROM %s WHERE region IS NULL AND host < 'h4'",
		"$mode: DELETE of rows without a tag");
	both(1, $m, 'DELETE FROM %1$s AS t USING %1$s AS s
		WHERE s.host = t.host AND s.w = 7 AND t.w = 6',
		"$mode: rows found more than once");
	both(1, $m, 'BEGIN; DELETE FROM %1$s WHERE w = 8; SAVEPOINT s;
		DELETE FROM %1$s WHERE w = 9; ROLLBACK TO s; COMMIT',
		"$mode: a part is undone") if 0;
	both(3, $m, "INSERT INTO %s (time, host, region, v, w)
		SELECT '2024-01-01'::timestamptz + s * interval '1 s', 'i' || s, 'r0',
			s, 1 FROM generate_series(1, 20) AS s", "$mode: INSERT");
}

$cluster->stop;

done_testing();
