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
	both(2, $m, "WITH u AS (UPDATE %s SET host = host || 'a' WHERE w <> 4
		RETURNING host) SELECT count(*), min(host) FROM u",
		"$mode: rows move to other parts");

	# Many changes in one transaction, where the node has the group; the
	# node that does not have it cannot see what it has written itself.
	my @worked;

	for my $i (1 .. 3)
	{
		my $sql = <<"END";
BEGIN;
INSERT INTO %1\$s (time, host, v, w) VALUES
	(to_timestamp($i), 'q', 1, 1), (to_timestamp($i + 100), 'q', 2, 1);
SAVEPOINT s;
DELETE FROM %1\$s WHERE host = 'q' AND region IS NULL;
ROLLBACK TO s;
UPDATE %1\$s SET v = v + 1 WHERE host = 'q' AND region IS NULL;
SAVEPOINT t;
UPDATE %1\$s SET v = v + 1 WHERE host = 'q' AND region IS NULL;
RELEASE t;
DELETE FROM %1\$s WHERE host = 'q' AND region IS NULL
	AND time = to_timestamp($i + 100);
INSERT INTO %1\$s (time, host, v, w) VALUES (to_timestamp($i + 100), 'q', 9, 9);
COMMIT;
END
		next if $cluster->server($i)->psql('postgres', sprintf($sql, $m),
			on_error_stop => 1) != 0;
		push @worked, $i;
		$cluster->sql(1, sprintf($sql, 'model'));
		check($m, "$mode: a transaction on node $i");
	}
	is(scalar @worked, 2, "$mode: the nodes that have the group");
	both(3, $m, "INSERT INTO %s (time, host, region, v, w)
		SELECT '2024-01-01'::timestamptz + s * interval '1 s', 'i' || s, 'r0',
			s, 1 FROM generate_series(1, 20) AS s", "$mode: INSERT");
}


# Statements that all nodes carry out.

my $m = 'async';

# The same query on all nodes, about the catalogs.
sub everywhere
{
	my ($sql, $expected, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$cluster->same_everywhere($sql, $expected, $test_name);
	return;
}

sub each_node
{
	my ($sql) = @_;

	$cluster->sql($_, $sql) for 1 .. 3;
	return;
}

each_node("CREATE ROLE reader; CREATE ROLE boss LOGIN");
$cluster->sql(1, "ALTER TABLE $m ADD COLUMN extra float8 DEFAULT 7.5");
$cluster->sql(1, "ALTER TABLE model ADD COLUMN extra float8 DEFAULT 7.5");
check($m, 'ADD COLUMN', 'host, region, time, v, w, extra');
$cluster->sql(2, "UPDATE $m SET extra = v WHERE w = 1");
$cluster->sql(1, "UPDATE model SET extra = v WHERE w = 1");
check($m, 'UPDATE of a new column', 'host, region, time, v, w, extra');
$cluster->sql(2, "ALTER TABLE $m RENAME COLUMN extra TO more");
$cluster->sql(1, "ALTER TABLE model RENAME COLUMN extra TO more");
check($m, 'RENAME COLUMN', 'host, region, time, v, w, more');
$cluster->sql(3, "BEGIN; INSERT INTO $m (time, host, v) "
	. "SELECT '2024-02-02', 'x' || s, s FROM generate_series(1, 9) AS s; "
	. "ALTER TABLE $m DROP COLUMN more; COMMIT");
$cluster->sql(1, "INSERT INTO model (time, host, v) "
	. "SELECT '2024-02-02', 'x' || s, s FROM generate_series(1, 9) AS s; "
	. "ALTER TABLE model DROP COLUMN more");
check($m, 'INSERT and DROP COLUMN');
$cluster->sql(1, "BEGIN; ALTER TABLE $m ADD COLUMN no float8; ROLLBACK");
everywhere("SELECT count(*) FROM pg_attribute WHERE attname = 'no'", '0',
	'a statement that is undone');

$cluster->sql(3, "ALTER TABLE $m RENAME TO renamed");
everywhere("SELECT count(*) FROM pg_class WHERE relname ~ '^$m'", '0',
	'RENAME: no old names');
both(2, 'renamed', 'UPDATE %s SET v = 5 WHERE w = 4', 'RENAME, UPDATE');
$cluster->sql(1, "SELECT rusts_write('$m,host=a v=1i 1700000000000000000')");
everywhere("SELECT count(*) FROM $m", '1', 'another one of the old name');
$cluster->sql(1, "DROP TABLE $m");
everywhere("SELECT count(*) FROM pg_class WHERE relname ~ '^${m}_'", '0',
	'DROP TABLE');
each_node('CREATE SCHEMA other');
$cluster->sql(2, 'ALTER TABLE renamed SET SCHEMA other');
$cluster->sql(1, "ALTER TABLE other.renamed SET SCHEMA public");
check('renamed', 'SET SCHEMA, there and back');

$cluster->sql(1, 'GRANT SELECT ON renamed TO reader');
$cluster->sql(2, 'GRANT UPDATE (v), INSERT ON renamed TO reader');
$cluster->sql(3, 'REVOKE INSERT ON renamed FROM reader');
my $privileges = <<'END';
SELECT string_agg(DISTINCT concat_ws(' ', has_table_privilege('reader', c.oid, 'SELECT'),
	has_table_privilege('reader', c.oid, 'INSERT'),
	has_column_privilege('reader', c.oid, 'v', 'UPDATE')), ',')
FROM pg_class AS c WHERE relname ~ '^renamed' AND relkind IN ('p', 'r', 'f')
END
everywhere($privileges, 't f t', 'GRANT and REVOKE, parts too');
$cluster->sql(2, 'ALTER TABLE renamed OWNER TO boss');
everywhere("SELECT string_agg(DISTINCT relowner::regrole::text, ',')
	FROM pg_class WHERE relname ~ '^renamed' AND relkind IN ('p', 'r', 'f')",
	'boss', 'OWNER TO');
$cluster->sql(3, "COMMENT ON TABLE renamed IS 'it''s a comment; really'");
everywhere("SELECT obj_description('renamed'::regclass)",
	"it's a comment; really", 'COMMENT');
$cluster->sql(1, "SECURITY LABEL FOR rusts ON COLUMN renamed.region IS NULL");
everywhere("SELECT count(*) FROM pg_seclabel AS s JOIN pg_attribute AS a
	ON attrelid = objoid AND attnum = objsubid WHERE attname = 'region'
	AND attrelid IN (SELECT relid FROM pg_partition_tree('renamed'))",
	'0', 'SECURITY LABEL');
$cluster->sql(1, "SECURITY LABEL FOR rusts ON COLUMN renamed.region IS 'tag'");
check('renamed', 'all that');

# What is refused, and leaves everything as it was.
like($cluster->error(1, 'TRUNCATE renamed, model'),
	qr/together with other tables.*HINT/s, 'TRUNCATE with another table');
like($cluster->error(1, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader'),
	qr/cannot change all tables.*HINT/s, 'GRANT ON ALL TABLES');
like($cluster->error(1, 'ALTER TABLE renamed SET TABLESPACE pg_default'),
	qr/this form of ALTER TABLE/, 'another form of ALTER TABLE');
like($cluster->error(1, "ALTER TABLE renamed ADD COLUMN bad $_"),
	qr/a default that is not immutable/, "ADD COLUMN bad $_")
  for 'float8 DEFAULT random()', 'timestamptz DEFAULT now()', 'bigserial';
like($cluster->error(1,
		'ALTER TABLE renamed ALTER COLUMN w TYPE bigint USING random()'),
	qr/by a volatile expression/, 'a volatile expression');
like($cluster->error(1, 'CREATE TABLE p PARTITION OF renamed FOR VALUES IN (99)'),
	qr/cannot change which partitions/, 'another partition');
like($cluster->error(1, 'DROP SCHEMA public CASCADE'),
	qr/cannot change all tables/, 'DROP SCHEMA');
like($cluster->error(1, 'DROP OWNED BY boss'), qr/all that role "boss" owns/,
	'DROP OWNED');
my $part = $cluster->sql(1, "SELECT inhrelid::regclass FROM pg_inherits
	WHERE inhparent = 'renamed'::regclass ORDER BY 1 LIMIT 1");
like($cluster->error(1, "TRUNCATE $part"), qr/a part of measurement/,
	'TRUNCATE of a part');
like($cluster->error(1, "BEGIN; DELETE FROM renamed WHERE w = 0; "
		. "UPDATE renamed SET v = 0; COMMIT"),
	qr/in a transaction that has written to it/, 'two changes of remote rows');
check('renamed', 'nothing of that');

# Policies and maintenance.
$cluster->sql(2, "SELECT rusts_add_retention_policy('renamed', '100 years', 'data')");
everywhere("SELECT pattern, after FROM rusts.policy", 'renamed|100 years',
	'a policy is known everywhere');
$cluster->sql(3, "SELECT rusts_alter_retention_policy('renamed', '90 years')");
everywhere("SELECT pattern, after, clock FROM rusts.policy",
	'renamed|90 years|data', 'altered');
$cluster->sql(1, "SELECT rusts_remove_retention_policy('renamed')");
everywhere("SELECT count(*) FROM rusts.policy", '0', 'removed');
$cluster->sql(1, "SELECT rusts_add_retention_policy('renamed', "
	. "now() - '2023-12-01'::timestamptz)");
each_node("SELECT count(*) FROM rusts_run_jobs('renamed')");
$cluster->sql(1, "DELETE FROM model WHERE time < '2023-12-01'");
check('renamed', 'retention');
is($cluster->sql(1, "SELECT rusts_flush('renamed'), rusts_compact('renamed') >= 0"),
	'0|t', 'flush and compact');
$cluster->sql(2, "SELECT rusts_set_duplicates('renamed', 'keep')");
for (1 .. 3)
{
	$cluster->sql($_, "INSERT INTO renamed (time, host, v)
		SELECT '2024-03-03', 'k' || s % 5, s % 2 FROM generate_series(1, 40) AS s");
	$cluster->sql(1, "INSERT INTO model (time, host, v)
		SELECT '2024-03-03', 'k' || s % 5, s % 2 FROM generate_series(1, 40) AS s");
}
check('renamed', 'duplicates are kept');
both(2, 'renamed', "DELETE FROM %s WHERE host = 'k1' AND v = 0",
	'some of them are deleted');
$cluster->sql(2, "DELETE FROM renamed WHERE (tableoid, ctid) IN (
	SELECT DISTINCT ON (host) tableoid, ctid FROM renamed
	WHERE time = '2024-03-03' AND v = 1 ORDER BY host)");
$cluster->sql(1, "DELETE FROM model WHERE ctid IN (
	SELECT DISTINCT ON (host) ctid FROM model
	WHERE time = '2024-03-03' AND v = 1 ORDER BY host)");
check('renamed', 'one of equal ones is deleted');
$cluster->sql(1, "SELECT rusts_set_wal_mode('renamed', 'periodic')");
everywhere("SELECT string_agg(DISTINCT rusts_wal_mode(relid), ',')
	FROM pg_partition_tree('renamed') JOIN pg_class AS c ON c.oid = relid
	WHERE relkind = 'r'", 'periodic', 'WAL mode');
$cluster->sql(3, "SELECT rusts_purge('renamed')");
check('renamed', 'purge');

# Rights are those that the role has where the rows lie.
each_node("CREATE ROLE worker LOGIN");
$cluster->apply;
$cluster->sql(2, 'GRANT SELECT, UPDATE, DELETE ON renamed TO worker');
$cluster->sql(1, "SET ROLE worker; DELETE FROM renamed WHERE host = 'k0'");
$cluster->sql(1, "DELETE FROM model WHERE host = 'k0'");
check('renamed', 'DELETE by another role');
$cluster->sql(2, 'REVOKE DELETE ON renamed FROM worker');
like($cluster->error(1, "SET ROLE worker; UPDATE renamed SET v = 3"),
	qr/permission denied/, 'UPDATE needs INSERT and DELETE');
like($cluster->error(1, "SET ROLE worker; SELECT rusts.delete_points("
		. "'$1', '{}', '')"), qr/permission denied/, 'delete_points')
  if $cluster->sql(1, "SELECT inhrelid::regclass FROM pg_inherits
	JOIN pg_class AS c ON c.oid = inhrelid WHERE relkind = 'r'
	AND inhparent = 'renamed'::regclass LIMIT 1") =~ /\.(\w+)/;
$cluster->sql(1, "SET DateStyle = 'German, DMY'; SET TimeZone = 'Asia/Tokyo';
	ALTER TABLE renamed ADD COLUMN since timestamptz
		DEFAULT '03.02.2024 01:00'");
everywhere("SELECT count(*) > 0, min(since) = '2024-02-03 01:00+09',
	max(since) = '2024-02-03 01:00+09' FROM renamed", 't|t|t',
	'constants mean the same everywhere');
$cluster->sql(1, 'ALTER TABLE renamed DROP COLUMN since');

# Without one of the nodes.
$cluster->{mode} = 'Async';
$cluster->server(3)->stop('fast');
like($cluster->error(1, 'TRUNCATE renamed'), qr/without node "node3"/,
	'TRUNCATE needs all nodes');
like($cluster->error(1, "SELECT rusts_add_tiering_policy('x', '1 day')"),
	qr/without node "node3"/, 'a policy does');
is($cluster->sql(1, 'SELECT count(*) FROM rusts.policy'), '1',
	'nothing has happened');
my $delete = "DELETE FROM %s WHERE host = 'k2' AND v = 0";
my $update = "UPDATE %s SET v = 77 WHERE host = 'k3'";

$cluster->sql(1, sprintf($delete, 'model'));
$cluster->sql(1, sprintf($update, 'model'));
$cluster->sql(2, sprintf($delete, 'renamed'));
$cluster->sql(2, sprintf($update, 'renamed'));
cmp_ok($cluster->sql(2, "SELECT count(*) FROM rusts.cluster_hint
		WHERE kind = 'deleted'"), '>', 0, 'hints about deleted rows');
$cluster->server(3)->start;
ok($cluster->server(3)->poll_query_until('postgres',
		'SELECT count(*) > 0 FROM renamed'), 'it has caught up');
check('renamed', 'a node that was away');
$cluster->sql(2, 'TRUNCATE renamed');
$cluster->sql(1, 'TRUNCATE model');
check('renamed', 'TRUNCATE');

$cluster->stop;

done_testing();
