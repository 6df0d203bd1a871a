# Crashes in the middle of a flush, and prepared transactions across
# restarts.  A lock of the test's own holds the flush up at a known point.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'flush_crash', conf => <<'END');
rusts.flush_max_age = 1d
max_prepared_transactions = 10
wal_consistency_checking = 'generic'
log_min_messages = fatal
END
my $answer = q{
	SELECT count(*), count(DISTINCT i), sum(i), sum(v), count(DISTINCT host), max(time) FROM m};
my $tiers = q{
	SELECT tier, count(*), sum(rows) FROM rusts.segments
	 WHERE measurement = 'm'::regclass GROUP BY 1 ORDER BY 1};

$node->safe_psql(
	'postgres', q{
	SELECT rusts_write(string_agg('m,host=h' || i % 100 || ' i=' || i + 20000 * j || 'i,v=' ||
		i * 0.25 || ' ' || (i * 5 + j) * 200000000::int8, E'\n'))
	  FROM generate_series(1, 20000) i, generate_series(0, 4) j GROUP BY j});
my $expected = $node->safe_psql('postgres', $answer);
like($expected, qr/^100000\|100000\|/, 'the rows are there');

# After the pages, before the first new directory row.  Then after the new
# rows, before an old one is deleted.
my @points = (
	[
		'at its first insert',
		'BEGIN; LOCK TABLE rusts.segment IN SHARE MODE',
		'relation'
	],
	[
		'at a delete',
		"BEGIN; SELECT segment_id FROM rusts.segment WHERE level = 0 ORDER BY 1 DESC LIMIT 1 FOR UPDATE",
		'transactionid'
	]);
my $first_size;
foreach my $by ('rusts_flush', 'the worker')
{
	foreach my $point (@points)
	{
		my ($where, $lock, $event) = @$point;
		my $locker = open_session($node);
		my $flusher = open_session($node);

		tell_session($locker, $lock);
		if ($by eq 'rusts_flush')
		{
			tell_session($flusher, 'SELECT rusts_flush()', no_wait => 1);
		}
		else
		{
			$node->append_conf('postgresql.conf',
				'rusts.flush_max_points = 1000');
			$node->reload;
		}
		$node->poll_query_until(
			'postgres', qq{
			SELECT count(*) = 1 FROM pg_stat_activity
			 WHERE wait_event_type = 'Lock' AND wait_event = '$event'
			   AND query ~ 'rusts.*flush'}) or die;
		my $size =
		  $node->safe_psql('postgres', "SELECT pg_relation_size('m')");

		# The next one uses the blocks of the one that was stopped.
		cmp_ok($size, '>', 8192,
			"the flush by $by has written pages, is held up $where");
		$first_size //= $size;
		is($size, $first_size, 'it has found the blocks of the last one');
		is($node->safe_psql('postgres', $answer),
			$expected, 'readers are not held up');
		stop_hard($node, 'IMMEDIATE');
		$node->append_conf('postgresql.conf',
			'rusts.flush_max_points = 1000000');
		close_session($_) foreach $locker, $flusher;
		$node->start;
		is($node->safe_psql('postgres', $answer),
			$expected, 'nothing is lost by a stop there');
		is($node->safe_psql('postgres', $tiers),
			"active|5|100000", 'the flush did not happen');
		consistent($node, 'postgres', 'directory, files and scans agree');
	}
}
is($node->safe_psql('postgres', "SELECT rusts_flush('m')"),
	'100000', 'the next flush does it');
is($node->safe_psql('postgres', $answer),
	$expected, 'the same rows after the flush');
is($node->safe_psql('postgres', $tiers), "hot|1|100000", 'all rows are hot');
stop_hard($node, 'IMMEDIATE');
$node->start;
is($node->safe_psql('postgres', $answer),
	$expected, 'the same rows after a stop after the flush');
$node->safe_psql('postgres', 'BEGIN; TRUNCATE m; ROLLBACK;
	BEGIN; ALTER TABLE m ADD COLUMN x int8 DEFAULT 7; ROLLBACK;
	BEGIN; ALTER TABLE m ALTER COLUMN v TYPE numeric; ROLLBACK;');
is($node->safe_psql('postgres', $answer),
	$expected, 'the same rows after DDL that was rolled back');

# Prepared transactions: rows, a flush, DDL; a restart in between.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE p (time timestamptz NOT NULL, i int8) USING rusts;
	CREATE TABLE q (LIKE p INCLUDING ALL) USING rusts;
	INSERT INTO p SELECT 'epoch'::timestamptz, i FROM generate_series(1, 100) i;
	INSERT INTO q SELECT * FROM p;
	BEGIN; INSERT INTO p SELECT 'epoch'::timestamptz, i FROM generate_series(101, 200) i;
	SAVEPOINT a; INSERT INTO p VALUES ('epoch', -1); ROLLBACK TO a;
	SELECT rusts_write('p i=201i'); PREPARE TRANSACTION 'rows';
	BEGIN; INSERT INTO p VALUES ('epoch', 1000); PREPARE TRANSACTION 'never';
	BEGIN; INSERT INTO p SELECT 'epoch'::timestamptz, i FROM generate_series(300, 300000) i;
	PREPARE TRANSACTION 'many';
	BEGIN; TRUNCATE q; INSERT INTO q VALUES ('epoch', 7); PREPARE TRANSACTION 'truncate'});
is( $node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM p'),
	'100|5050', 'prepared rows are not visible');
is($node->safe_psql('postgres', "SELECT rusts_flush('p')"),
	'100', 'a flush leaves prepared rows alone');
stop_hard($node, 'IMMEDIATE');
$node->start;
is( $node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM p'),
	'100|5050', 'prepared rows are not visible after a restart');
is($node->safe_psql('postgres', "SELECT rusts_flush('p')"),
	'0', 'a flush after the restart leaves prepared rows alone');
$node->safe_psql('postgres', "COMMIT PREPARED 'rows'");
is( $node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM p'),
	'201|20301', 'prepared rows are there after COMMIT PREPARED');
is($node->safe_psql('postgres', "SELECT rusts_flush('p')"),
	'101', 'and can be flushed');
$node->restart;
$node->safe_psql('postgres', "ROLLBACK PREPARED 'never'");
$node->safe_psql('postgres', "COMMIT PREPARED 'many'");
$node->safe_psql('postgres', "COMMIT PREPARED 'truncate'");
is( $node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM p'),
	'299902|45000125451',
	'rows are there after COMMIT PREPARED, not after ROLLBACK PREPARED');
is( $node->safe_psql('postgres', 'SELECT count(*), sum(i) FROM q'),
	'1|7', 'a prepared TRUNCATE');
consistent($node, 'postgres', 'directory, files and scans agree');

# The worker learns of rows that COMMIT PREPARED made visible.
$node->append_conf('postgresql.conf', 'rusts.flush_max_age = 1s');
$node->reload;
wait_until($node, 'postgres',
	q{SELECT count(*) = 0 FROM rusts.segments WHERE tier = 'active'},
	'all is flushed');
$node->safe_psql('postgres',
	"BEGIN; INSERT INTO p VALUES ('epoch', 2000); PREPARE TRANSACTION 'late'");

# a new worker has looked when it is idle
my $worker = worker_pid($node, 'postgres');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker, 10000)");
$worker = worker_pid($node, 'postgres');
wait_until($node, 'postgres',
	"SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $worker",
	'the worker has seen nothing to do');
$node->safe_psql('postgres', "COMMIT PREPARED 'late'");
wait_until($node, 'postgres',
	q{SELECT count(*) = 0 FROM rusts.segments WHERE tier = 'active'},
	'rows of COMMIT PREPARED are flushed by their age');

$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ],
	'checksums are right');
done_testing();
