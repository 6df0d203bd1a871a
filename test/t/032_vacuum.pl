# VACUUM, ANALYZE, autovacuum: they come by themselves, do not loop, and
# transaction ids may go round.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'vacuum', conf => <<'END');
rusts.flush_max_age = 1d
rusts.flush_max_batches = 100000
autovacuum_naptime = 1
log_autovacuum_min_duration = 0
synchronous_commit = off
END
my $measurements = q{pg_class c JOIN pg_am a ON a.oid = relam AND amname = 'rusts'};
my $runs = q{
	SELECT string_agg(relname || ' ' || autovacuum_count || ' ' || autoanalyze_count, ', ' ORDER BY relname)
	  FROM pg_stat_all_tables
	 WHERE relid IN (SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = relam AND amname = 'rusts')};

# Let so many rounds of autovacuum go by: each vacuums this table.
$node->safe_psql('postgres', q{
	CREATE TABLE tick (i int) WITH (autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0);
	INSERT INTO tick SELECT generate_series(1, 100)});

sub let_pass
{
	my ($rounds) = @_;
	my $count = q{SELECT autovacuum_count FROM pg_stat_all_tables WHERE relname = 'tick'};

	foreach (1 .. $rounds)
	{
		my $before = $node->safe_psql('postgres', $count);

		$node->safe_psql('postgres', 'UPDATE tick SET i = i + 1');
		$node->poll_query_until('postgres', "SELECT ($count) > $before")
		  or die 'autovacuum does not run';
	}
	return;
}

# What is written by each way in is analyzed and vacuumed, once.
$node->safe_psql(
	'postgres', q{
	SELECT rusts_write(string_agg('m,host=h' || i % 10 || ' v=' || i || 'i ' || i * 1000000::int8, E'\n'))
	  FROM generate_series(1, 20000) i;
	CREATE TABLE copied (LIKE m) USING rusts;
	INSERT INTO copied SELECT * FROM m});
foreach my $table ('m', 'copied')
{
	wait_until($node, 'postgres', qq{
		SELECT autovacuum_count > 0 AND autoanalyze_count > 0 FROM pg_stat_all_tables
		 WHERE relid = '$table'::regclass},
		"$table: autovacuum comes by itself");
	is( $node->safe_psql('postgres', qq{
			SELECT reltuples, (SELECT count(*) FROM pg_stats WHERE tablename = '$table'),
				   (SELECT n_distinct FROM pg_stats WHERE tablename = '$table' AND attname = 'host')
			  FROM pg_class WHERE oid = '$table'::regclass}),
		'20000|3|10',
		"$table: what it finds is right");
}
my $before = $node->safe_psql('postgres', $runs);
let_pass(3);
is($node->safe_psql('postgres', $runs), $before, 'and not again for nothing');

# By hand, in each way, whatever the tiers.
$node->safe_psql('postgres', q{
	SELECT rusts_flush('m');
	SELECT rusts_write('m,host=h1 v=1i 1')});
foreach my $command (
	'VACUUM m', 'VACUUM (FREEZE, ANALYZE) m',
	'VACUUM (DISABLE_PAGE_SKIPPING, INDEX_CLEANUP OFF, TRUNCATE OFF, PARALLEL 2) m',
	'ANALYZE m', 'ANALYZE m (v)', 'VACUUM FULL m', 'VACUUM ANALYZE')
{
	$node->safe_psql('postgres', $command);
	is($node->safe_psql('postgres', q{
		SELECT reltuples, (SELECT count(*) FROM m) FROM pg_class WHERE oid = 'm'::regclass}),
		'20001|20001', $command);
}

# The directory: its dead rows go soon, and their space is used again.
my $directory = q{relid = 'rusts.segment'::regclass};
my @size;
foreach my $round (1 .. 5)
{
	$node->safe_psql('postgres', q{
		DO $$BEGIN
			FOR i IN 1 .. 2000 LOOP
				PERFORM rusts_write('d,host=h' || i || ' v=' || i || 'i ' || i);
				COMMIT;
			END LOOP;
		END$$;
		SELECT rusts_flush('d'); TRUNCATE d});
	wait_until($node, 'postgres',
		"SELECT n_dead_tup < 300 FROM pg_stat_all_tables WHERE $directory",
		"$round: dead rows of the directory go");
	push @size,
	  $node->safe_psql('postgres', q{SELECT pg_total_relation_size('rusts.segment')});
}
cmp_ok($size[4], '<=', 1.5 * $size[1], "the directory does not grow: @size");

# Transaction ids.  A measurement has none, but after a rewrite.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE full_one (LIKE m) USING rusts;
	INSERT INTO full_one SELECT * FROM m;
	CREATE TABLE altered (LIKE m) USING rusts;
	INSERT INTO altered SELECT * FROM m;
	CREATE UNLOGGED TABLE u (LIKE m) USING rusts;
	INSERT INTO u SELECT * FROM m;
	CREATE TABLE emptied (LIKE m) USING rusts;
	INSERT INTO emptied SELECT * FROM m;
	CREATE MATERIALIZED VIEW mv USING rusts AS SELECT * FROM m WHERE v < 100;
	VACUUM FULL full_one;
	ALTER TABLE altered ALTER COLUMN v TYPE numeric;
	ALTER TABLE u ADD COLUMN x numeric DEFAULT random();
	REFRESH MATERIALIZED VIEW mv;
	TRUNCATE emptied;
	INSERT INTO emptied SELECT * FROM m});
is( $node->safe_psql('postgres', qq{
		SELECT string_agg(relname || ' ' || (relfrozenxid <> '0'), ', ' ORDER BY relname)
		  FROM $measurements WHERE relname IN ('copied', 'full_one', 'altered', 'emptied')}),
	'altered true, copied false, emptied false, full_one true',
	'only rewrites leave a transaction id');
my $question = join ' UNION ALL ',
  map { "SELECT '$_', count(*), md5(string_agg(row(time, host, v)::text, ',' ORDER BY time, host, v)) FROM $_" }
  qw(m copied full_one altered u emptied mv);
my $answer = $node->safe_psql('postgres', $question);

# The oldest of any database, and of measurements; template0 counts, too.
my $database_age = 'SELECT max(age(datfrozenxid)) FROM pg_database';
my $age = qq{
	SELECT coalesce(max(age(relfrozenxid)), 0) FROM $measurements WHERE relfrozenxid <> '0'};

sub consume
{
	my ($n) = @_;

	$node->safe_psql('postgres', qq{
		DO \$\$BEGIN
			FOR i IN 1 .. $n LOOP
				PERFORM pg_current_xact_id();
				COMMIT;
			END LOOP;
		END\$\$});
	return;
}
consume(150000);
cmp_ok($node->safe_psql('postgres', $age), '>', 100000, 'measurements grow old');
cmp_ok($node->safe_psql('postgres', $database_age),
	'>', 100000, 'and so do databases');

# By hand at once.
$node->safe_psql('postgres', 'VACUUM FREEZE');
cmp_ok($node->safe_psql('postgres', $age), '<', 1000, 'VACUUM FREEZE: measurements');
cmp_ok(
	$node->safe_psql('postgres',
		q{SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'postgres'}),
	'<', 1000, 'VACUUM FREEZE: the database');
is( $node->safe_psql('postgres', qq{
		SELECT count(*) FROM $measurements WHERE relminmxid <> '0' AND mxid_age(relminmxid) > 1}),
	'0', 'VACUUM FREEZE: multixacts');

# And by autovacuum, which does not loop when it is done.
$node->append_conf('postgresql.conf', 'autovacuum_freeze_max_age = 100000');
$node->restart;
consume(150000);
wait_until($node, 'postgres', "SELECT ($age) < 100000",
	'autovacuum keeps measurements young');
wait_until($node, 'postgres', "SELECT ($database_age) < 100000",
	'autovacuum keeps databases young');
$before = $node->safe_psql('postgres', $runs);
let_pass(3);
is($node->safe_psql('postgres', $runs), $before,
	'autovacuum leaves measurements alone that are young');
is($node->safe_psql('postgres', $question), $answer, 'the rows are there');

# Transaction ids go round: half of the numbers on, and half again.
foreach my $round (1, 2)
{
	my $next;

	$node->safe_psql('postgres', 'VACUUM FREEZE');
	$next = $node->safe_psql('postgres', 'SELECT pg_current_xact_id()::text::int8 + 1500000000');

	# The first transaction of a file of pg_xact, which is made then.
	$next += 1048576 - $next % 1048576;
	$node->stop;
	$node->command_ok([ 'pg_resetwal', '-x', $next, '-D', $node->data_dir ],
		"round $round: transaction ids jump to $next");
	$node->start;
	is($node->safe_psql('postgres', $question), $answer,
		"round $round: the rows are there");
	wait_until($node, 'postgres', "SELECT ($database_age) < 1000000",
		"round $round: autovacuum makes databases young again");
	cmp_ok($node->safe_psql('postgres', $age), '<', 1000000,
		"round $round: and measurements");
	$node->safe_psql('postgres', qq{SELECT rusts_write('late v=${round}i')});
	is($node->safe_psql('postgres', "SELECT rusts_flush('late')"),
		'1', "round $round: one can write and flush");
	$node->safe_psql('postgres', 'VACUUM FULL full_one');
	consistent($node, 'postgres', "round $round: directory, files and scans agree");
}
$node->stop;
done_testing();
