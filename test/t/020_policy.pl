# Policies carried out by the worker: retention, its failures, its death in the
# middle; policies in dumps.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node('policy', init => { allows_streaming => 1 }, conf => <<'END');
rusts.flush_max_age = 1d
rusts.job_interval = 1s
END
my $dir = $node->basedir;

# A measurement with a row a day for so many days.
sub make_days
{
	my ($name, $days) = @_;

	$node->safe_psql(
		'postgres', qq{
		CREATE TABLE $name (time timestamptz NOT NULL, v int) USING rusts;
		INSERT INTO $name SELECT now() - i * interval '1 day', i
		  FROM generate_series(0, $days - 1) i;
		SELECT rusts_flush('$name')});
	return;
}

sub job
{
	my ($name, $what) = @_;

	return
	  "SELECT $what FROM rusts.jobs WHERE measurement = '$name'::regclass AND job = 'retain'";
}

# The worker does it, with a policy that is older than the measurement.
my ($ret, $out, $err) = $node->psql('postgres',
	"SELECT rusts_add_retention_policy('cpu*', '30d')");
like($err, qr/NOTICE:  no measurement matches "cpu\*" yet/,
	'a policy for measurements that do not exist');
make_days('cpu1', 365);
make_days('mem', 365);
wait_until($node, 'postgres', 'SELECT count(*) = 30 FROM cpu1',
	'retention by the worker');
is($node->safe_psql('postgres', 'SELECT min(v), max(v), count(*) FROM cpu1'),
	'0|29|30', 'what is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mem'),
	'365', 'no policy, no retention');
wait_until($node, 'postgres',
	job('cpu1', q{last_outcome = 'done' AND last_rows >= 0 AND error IS NULL AND next_run > now()}),
	'the job is listed');
$node->safe_psql('postgres',
	"SELECT rusts_alter_retention_policy('cpu*', '10d')");
wait_until($node, 'postgres', 'SELECT count(*) = 10 FROM cpu1',
	'a policy that was altered');

# Segments that span more than the limit are rewritten, now and then.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE wide (time timestamptz NOT NULL, v int) USING rusts;
	INSERT INTO wide SELECT '2001-01-01'::timestamptz + i * interval '1 min', i
	  FROM generate_series(0, 24 * 60 - 1) i;
	SELECT rusts_flush('wide')});
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM rusts.segments WHERE measurement = 'wide'::regclass}),
	'1', 'a segment of a day');
$node->safe_psql('postgres',
	"SELECT rusts_add_retention_policy('wide', '3h', 'data')");
wait_until($node, 'postgres', 'SELECT count(*) = 3 * 60 + 1 FROM wide',
	'a segment that reaches back too far is rewritten');
is($node->safe_psql('postgres', 'SELECT min(v), max(v), sum(v) FROM wide'),
	'1259|1439|244169', 'without what is past the limit');
$node->safe_psql('postgres', q{
	INSERT INTO wide VALUES ('2001-01-02 01:00', 2000); SELECT rusts_flush('wide')});
wait_until(
	$node,
	'postgres',
	q{SELECT rows_past = 0 AND rows_partly_past = 181 FROM rusts.policies WHERE pattern = 'wide'},
	'the view says what is left');

# Tiering, on another measurement.
make_days('cool', 30);
$node->safe_psql('postgres', "SELECT rusts_add_tiering_policy('cool', '10d')");
wait_until($node, 'postgres',
	q{SELECT sum(rows) = 20 FROM rusts.segments WHERE measurement = 'cool'::regclass AND tier = 'cold'},
	'tiering by the worker');
is($node->safe_psql('postgres', 'SELECT count(*), sum(v) FROM cool'),
	'30|435', 'nothing is lost');

# A job that fails: others go on, it backs off, the log hears of it once.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE bad (time timestamptz NOT NULL, v int) USING rusts;
	INSERT INTO bad SELECT '2001-01-01'::timestamptz + i * interval '1 h', i
	  FROM generate_series(0, 23) i;
	SELECT rusts_flush('bad');
	CREATE TABLE kept AS SELECT storage_id, payload FROM rusts.segment
	 WHERE storage_id = rusts.storage_id('bad'::regclass);
	UPDATE rusts.segment SET payload = '\x00' || substr(payload, 2)
	 WHERE storage_id = rusts.storage_id('bad'::regclass);
	SELECT rusts_add_retention_policy('bad', '3h', 'data')});
wait_until($node, 'postgres',
	job('bad', q{last_outcome = 'failed' AND failures >= 2}),
	'a job fails, and again');
like(
	$node->safe_psql('postgres', job('bad', 'error')),
	qr/segment \d+ of measurement "bad" is corrupted/,
	'the view says why');
is( $node->safe_psql('postgres',
		job('bad', q{next_run - last_start - last_duration BETWEEN '3 s' AND '300 s'})),
	't',
	'it backs off');
make_days('cpu2', 20);
wait_until($node, 'postgres', 'SELECT count(*) = 10 FROM cpu2',
	'others go on meanwhile');
wait_until($node, 'postgres', job('bad', 'failures >= 3'),
	'it is tried again');
is(() = slurp_file($node->logfile) =~
	  /WARNING:  retention of measurement public.bad failed: segment \d+ of measurement "bad" is corrupted/g,
	1, 'the log hears of it once');
is($node->safe_psql('postgres',
		q{SELECT (s->>'jobs_failed')::int >= 3 FROM (SELECT rusts_stats()->'since_start') x(s)}),
	't', 'failures are counted');
$node->safe_psql(
	'postgres', q{
	UPDATE rusts.segment s SET payload = k.payload FROM kept k
	 WHERE s.storage_id = k.storage_id});
wait_until($node, 'postgres', 'SELECT count(*) = 4 FROM bad',
	'it goes well when it can');
wait_until($node, 'postgres',
	job('bad', q{last_outcome = 'done' AND failures = 0 AND error IS NULL}),
	'and the view says so');
$node->safe_psql('postgres', "SELECT rusts_remove_retention_policy('bad')");

# The worker dies in the middle: held up at the last segment it deletes.
make_days('dies', 20);
my $locker = open_session($node, 'postgres');
tell_session($locker, q{
	BEGIN; SELECT segment_id FROM rusts.segment
	 WHERE storage_id = rusts.storage_id('dies'::regclass)
	   AND max_time < now() - interval '10 days'
	 ORDER BY segment_id DESC LIMIT 1 FOR UPDATE});
$node->safe_psql('postgres', "SELECT rusts_add_retention_policy('dies', '10d')");
my $worker = worker_pid($node, 'postgres');
$node->poll_query_until(
	'postgres', qq{
	SELECT wait_event = 'transactionid' AND query ~ 'rusts: retention of public.dies'
	  FROM pg_stat_activity WHERE pid = $worker}) or die;
is( $node->safe_psql('postgres', 'SELECT pid, measurement, job FROM rusts.progress'),
	"$worker|dies|retain",
	'its progress can be watched');
is($node->safe_psql('postgres', "INSERT INTO dies VALUES (now(), 1000) RETURNING v"),
	'1000', 'it does not hold up writers');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dies'),
	'21', 'nor readers');
kill 'KILL', $worker;
close_session($locker);
$node->poll_query_until('postgres', 'SELECT true') or die;
wait_until($node, 'postgres', 'SELECT count(*) = 11 FROM dies',
	'a worker that was killed comes back and does it');
is($node->safe_psql('postgres', 'SELECT min(v), max(v), sum(v) FROM dies'),
	'0|1000|1045', 'nothing else is lost');
is($node->safe_psql('postgres', 'SELECT count(*) FROM rusts.progress WHERE job = \'retain\''),
	'0', 'nobody is at work any more');
consistent($node, 'postgres', 'directory, files and scans agree');

# What made flushes due is counted.
my %limits = (
	size => 'rusts.flush_max_bytes = 1kB',
	points => 'rusts.flush_max_points = 1000',
	batches => 'rusts.flush_max_batches = 3',
	age => 'rusts.flush_max_age = 1s');
foreach my $limit (sort keys %limits)
{
	my $count = "SELECT (rusts_stats()->'since_start'->>'flushes_by_$limit')::int";
	my $before = $node->safe_psql('postgres', $count);

	$node->append_conf('postgresql.conf', $limits{$limit});
	$node->reload;
	$node->safe_psql('postgres', q{
		INSERT INTO mem SELECT now(), 1e9 * random() FROM generate_series(1, 1000) i;
		INSERT INTO mem VALUES (now(), 0);
		INSERT INTO mem VALUES (now(), 0)});
	wait_until($node, 'postgres', "SELECT ($count) > $before", "flushes by $limit");
	$node->append_conf('postgresql.conf', <<'END');
rusts.flush_max_bytes = 1GB
rusts.flush_max_points = 2000000000
rusts.flush_max_batches = 2000000000
rusts.flush_max_age = 1d
END
	$node->reload;
}
$node->safe_psql('postgres', 'DELETE FROM mem WHERE time > now() - interval \'1 hour\' OR v > 1000');
wait_until($node, 'postgres',
	q{SELECT count(*) > 0 FROM rusts.jobs WHERE job = 'compact' AND last_outcome = 'done' AND last_rows >= 0},
	'compaction is a job');

# A role that is gone leaves a policy that does nothing.
$node->safe_psql(
	'postgres', q{
	CREATE ROLE passing;
	SET ROLE passing;
	SELECT rusts_add_retention_policy('mem', '1d');
	RESET ROLE;
	DROP ROLE passing});
$node->safe_psql('postgres', "SELECT rusts_run_jobs()");
is($node->safe_psql('postgres', 'SELECT count(*) FROM mem'),
	'364', 'a policy of a role that is gone');
$node->safe_psql('postgres', "DELETE FROM rusts.policy WHERE pattern = 'mem'");

# Dumps have the policies, whoever makes them.
$node->safe_psql(
	'postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE DATABASE src OWNER owner});
$node->safe_psql(
	'src', q{
	CREATE EXTENSION rusts;
	GRANT ALL ON SCHEMA public TO owner;
	SELECT rusts_add_retention_policy('cpu*', '1 year 2 months 3 days 04:05:06', 'data');
	SET ROLE owner;
	SELECT rusts_add_retention_policy('cpu*', '30d');
	SELECT rusts_add_tiering_policy('"odd.name"*', '1w', 'pg_default');
	CREATE TABLE "cpu 1" (time timestamptz NOT NULL) USING rusts});
my $question = 'SELECT * FROM rusts.policies ORDER BY pattern, kind, owner::text';
my $expected = $node->safe_psql('src', $question);
like($expected, qr/^cpu\*\|retention\|30 days\|server\|\|owner\|\{"\\"cpu 1\\""\}\|/m,
	'there are policies to dump');
$node->command_ok(
	[ 'pg_dump', '-U', 'owner', '-f', "$dir/owner.sql", 'src' ],
	'pg_dump by an ordinary user');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/src.dump", 'src' ],
	'pg_dump by a superuser');
$node->safe_psql('postgres', 'CREATE DATABASE dst');
$node->command_ok(
	[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'dst', '-f', "$dir/owner.sql" ],
	'restoring it');
is($node->safe_psql('dst', $question), $expected, 'the same policies');
$node->safe_psql('postgres', 'DROP DATABASE dst');
$node->safe_psql('postgres', 'CREATE DATABASE dst');
$node->command_ok([ 'pg_restore', '-d', 'dst', "$dir/src.dump" ],
	'pg_restore');
is($node->safe_psql('dst', $question), $expected, 'the same policies again');

# Watching a standby needs no worker.
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
is($standby->safe_psql('src', "SELECT rusts_health()->>'status', rusts_ready()->>'status'"),
	'pass|ready', 'health of a standby');
is($standby->safe_psql('src', $question), $expected, 'policies on a standby');
is($standby->safe_psql('postgres', "SELECT count(*) > 0 FROM rusts.jobs"),
	't', 'jobs on a standby');
my ($r, $o, $e) = $standby->psql('postgres', 'SELECT * FROM rusts_run_jobs()');
like($e, qr/cannot execute rusts_run_jobs\(\) (?:in a read-only transaction|during recovery)/,
	'no jobs by hand there');
$standby->stop;
# A flush that keeps failing does not hold up the others' work on the
# measurement.
make_days('stuck', 20);
$node->safe_psql(
	'postgres', q{
	INSERT INTO stuck VALUES (now(), 0);
	UPDATE rusts.segment SET payload = '\x00' || substr(payload, 2)
	 WHERE storage_id = rusts.storage_id('stuck'::regclass) AND level = 0});
$node->append_conf('postgresql.conf', "rusts.flush_max_batches = 1\n");
$node->reload;
my $failures =
  q{SELECT failures FROM rusts.jobs WHERE measurement = 'stuck'::regclass AND job = 'flush'};
$node->poll_query_until('postgres', "SELECT ($failures) = 4") or die;
$node->safe_psql('postgres', "SELECT rusts_add_retention_policy('stuck', '10d')");
wait_until($node, 'postgres',
	q{SELECT sum(rows) = 10 FROM rusts.segments WHERE measurement = 'stuck'::regclass AND tier = 'hot'},
	'retention while the flush fails');
is($node->safe_psql('postgres', $failures), '4', 'and between its attempts');

$node->stop;
done_testing();
