# Unlogged measurements are empty after a crash and stay usable; temporary
# ones leave nothing behind.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'unlogged', conf => <<'END');
rusts.flush_max_age = 1d
max_prepared_transactions = 2
END
my $counts = 'SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM l),
	(SELECT count(*) FROM mixed)';
my $orphans = q{
	SELECT count(*) FROM rusts.segment
	 WHERE storage_id NOT IN
		   (SELECT rusts.storage_id(c.oid) FROM pg_class c
			  JOIN pg_am a ON a.oid = c.relam AND amname = 'rusts'
			 WHERE relkind IN ('r', 'm') AND rusts.storage_id(c.oid) IS NOT NULL)};

$node->safe_psql(
	'postgres', q{
	CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, i int8) USING rusts;
	CREATE TABLE l (time timestamptz NOT NULL, i int8) USING rusts;
	CREATE TABLE mixed (time timestamptz NOT NULL, i int8) USING rusts});
foreach my $round (1 .. 2)
{
	$node->safe_psql(
		'postgres', qq{
		INSERT INTO u SELECT now(), i FROM generate_series(1, 100000) i;
		SELECT rusts_flush('u');
		SELECT rusts_write('u i=1i');
		INSERT INTO u SELECT now(), i FROM generate_series(1, 1000000) i;
		INSERT INTO l SELECT now(), i FROM generate_series(1, 1000) i;
		ALTER TABLE mixed SET UNLOGGED;
		TRUNCATE mixed;
		INSERT INTO mixed SELECT now(), i FROM generate_series(1, 1000) i;
		ALTER TABLE mixed SET LOGGED});
	is( $node->safe_psql('postgres', $counts),
		'1100001|' . 1000 * $round . '|1000',
		"round $round: rows are there");
	$node->restart;
	is( $node->safe_psql('postgres', $counts),
		'1100001|' . 1000 * $round . '|1000',
		"round $round: a clean restart keeps them");
	stop_hard($node, $round == 1 ? 'IMMEDIATE' : 'KILL');
	start_patiently($node);
	is( $node->safe_psql('postgres', $counts),
		'0|' . 1000 * $round . '|1000',
		"round $round: a crash empties unlogged measurements only");
	wait_until($node, 'postgres', "SELECT ($orphans) = 0",
		"round $round: their directory rows go");
	is( $node->safe_psql(
			'postgres', q{
			SELECT rows, bytes, active_rows + hot_rows FROM rusts.measurements
			 WHERE measurement = 'u'::regclass}),
		'0|0|0',
		"round $round: the view knows");
	consistent($node, 'postgres',
		"round $round: directory, files and scans agree");
}

# Empty at the time of the crash and while reset: each thing one can do first.
foreach my $first (
	'SELECT rusts_flush()',
	'TRUNCATE u',
	'VACUUM u',
	'VACUUM FULL u',
	'ANALYZE u',
	'ALTER TABLE u ADD COLUMN x int8 DEFAULT 3',
	'ALTER TABLE u ALTER COLUMN x TYPE numeric',
	'ALTER TABLE u SET LOGGED; ALTER TABLE u SET UNLOGGED',
	"SELECT rusts_write('u i=7i')",
	"INSERT INTO u (time) VALUES (now()) RETURNING tableoid")
{
	stop_hard($node, 'IMMEDIATE');
	$node->start;
	$node->safe_psql('postgres', $first);
	$node->safe_psql('postgres',
		'TRUNCATE u; INSERT INTO u (time, i) VALUES (now(), 1), (now(), 2)');
	is($node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM u'),
		'2|3', "after a crash, first: $first");
}
stop_hard($node, 'IMMEDIATE');
$node->start;
$node->safe_psql('postgres', 'DROP TABLE u');
wait_until($node, 'postgres', "SELECT ($orphans) = 0",
	'dropped when reset: nothing stays');

# While another is locked nobody knows whose directory rows are whose.
$node->safe_psql(
	'postgres', q{
	CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, i int8) USING rusts;
	INSERT INTO u VALUES (now(), 1);
	BEGIN; LOCK TABLE l; PREPARE TRANSACTION 'locked'});
stop_hard($node, 'IMMEDIATE');
$node->start;
my $worker = worker_pid($node, 'postgres');
$node->poll_query_until('postgres',
	"SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $worker")
  or die;
$node->safe_psql('postgres', "ROLLBACK PREPARED 'locked'");
wait_until($node, 'postgres', "SELECT ($orphans) = 0",
	'after a crash, with another measurement locked');

# Temporary measurements of a session that ends, of one that is terminated,
# and of one that is killed with all others.
my $temporary = q{
	CREATE TEMPORARY TABLE t (time timestamptz, i int8) USING rusts;
	INSERT INTO t SELECT now(), i FROM generate_series(1, 1000) i;
	SELECT rusts_flush('t');
	INSERT INTO t SELECT now(), i FROM generate_series(1, 600000) i;
	INSERT INTO t VALUES (now(), 1);
	SELECT pg_backend_pid(), count(*) FROM t};
foreach my $end ('quit', 'terminate', 'kill')
{
	my $session = open_session($node);
	tell_session($session, $temporary) =~ /^(\d+)\|601001$/m or die;
	my $pid = $1;

	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM rusts.segment'),
		'>=', 3, "$end: a temporary measurement has directory rows");
	$node->safe_psql('postgres', 'INSERT INTO l VALUES (now(), 1)');
	is($node->safe_psql('postgres', 'SELECT rusts_flush()'),
		'1', "$end: others can flush theirs");
	is( $node->safe_psql('postgres',
			"SELECT rusts_flush(oid) FROM pg_class WHERE relname = 't'"),
		'0',
		"$end: but not this one");
	$node->safe_psql('postgres', 'VACUUM');
	if ($end eq 'terminate')
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
	}
	elsif ($end eq 'kill')
	{
		kill 'KILL', $pid;
	}
	close_session($session);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
	  or die;

	# After a crash autovacuum drops it.
	wait_until(
		$node, 'postgres',
		q{SELECT count(*) = 0 FROM pg_class WHERE relname = 't'},
		"$end: the temporary measurement goes");
	wait_until($node, 'postgres', "SELECT ($orphans) = 0",
		"$end: its directory rows go");
}
$node->stop;
done_testing();
