# The maintenance workers: what makes them flush, where they run, what gets
# them out of the way, and what does not stop them.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my @limits = (
	'rusts.flush_max_bytes = 1GB',
	'rusts.flush_max_points = 2000000000',
	'rusts.flush_max_age = 1d',
	'rusts.flush_max_batches = 2000000000');

# Without the library there is no extension.
my $node = PostgreSQL::Test::Cluster->new('worker');
$node->init(extra => [ '--no-locale', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
fails_with(
	$node, 'postgres', 'CREATE EXTENSION rusts', '55000',
	'rusts must be loaded by way of shared_preload_libraries\nHINT:  Add "rusts" to shared_preload_libraries in postgresql.conf and restart',
	'CREATE EXTENSION without the library tells what to do');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_extension WHERE extname = 'rusts'}),
	'0',
	'and leaves nothing');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->append_conf('postgresql.conf', join "\n",
	"shared_preload_libraries = 'rusts'", @limits);
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION rusts');

# The settings that differ from @limits from now on.
sub configure
{
	$node->append_conf('postgresql.conf', join "\n", @limits, @_);
	$node->reload;
	return;
}

sub active_rows
{
	my ($measurement) = @_;

	return
	  "SELECT coalesce(sum(rows), 0) FROM rusts.segments WHERE measurement = '$measurement'::regclass AND tier = 'active'";
}

sub is_flushed
{
	my ($dbname, $measurement, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until($node, $dbname,
		'SELECT (' . active_rows($measurement) . ') = 0', $name);
}

# Each limit, when a write reaches it, and when it comes down to what waits.
my $batch =
  q{SELECT rusts_write(string_agg('%s,t=' || i %% 7 || ' v=' || random() || ' ' || (i + 5000 * n) * 1000, E'\n')) FROM generate_series(1, 5000) i, nextval('batches') n};
$node->safe_psql('postgres', 'CREATE SEQUENCE batches');
my %triggers = (
	'rusts.flush_max_bytes' => '64kB',
	'rusts.flush_max_points' => '7000',
	'rusts.flush_max_age' => '1s',
	'rusts.flush_max_batches' => '2');
foreach my $limit (sort keys %triggers)
{
	my $m = 'm_' . ($limit =~ s/.*_//r);
	my $sql = sprintf $batch, $m;

	configure();
	$node->safe_psql('postgres', $sql);
	is($node->safe_psql('postgres', active_rows($m)),
		'5000', "$limit: below it rows wait");
	configure("$limit = $triggers{$limit}");
	$node->safe_psql('postgres', $sql);
	is_flushed('postgres', $m, "$limit: a write that reaches it");
	configure();
	$node->safe_psql('postgres', $sql) for 1, 2;
	is($node->safe_psql('postgres', active_rows($m)),
		'10000', "$limit: rows wait again");
	configure("$limit = $triggers{$limit}");
	is_flushed('postgres', $m, "$limit: set below what waits");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $m"),
		'20000', "$limit: no row is lost");
}
configure('rusts.flush_max_points = 1');

# Where workers are.
my $where =
  q{SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'rusts maintenance worker'};
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION rusts');
$node->safe_psql('second', "SELECT rusts_write('m v=1')");
is_flushed('second', 'm', 'a second database has its worker');
wait_until($node, 'postgres', "SELECT ($where) = 'postgres,second'",
	'workers are where the extension is');
$node->restart;
wait_until($node, 'postgres', "SELECT ($where) = 'postgres,second'",
	'so they are after a restart');

# Workers that end come back.
foreach my $db ('postgres', 'second')
{
	my $pid = worker_pid($node, $db);

	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
	isnt(worker_pid($node, $db), $pid, "$db: a terminated worker comes back");
}
my $launcher = $node->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'rusts launcher'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher, 10000)");
$node->poll_query_until(
	'postgres', qq{
	SELECT count(*) = 1 FROM pg_stat_activity
	 WHERE backend_type = 'rusts launcher' AND pid <> $launcher})
  or die;
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(${\ worker_pid($node, 'second')}, 10000)");
worker_pid($node, 'second');
$node->safe_psql('second', "SELECT rusts_write('m v=2')");
is_flushed('second', 'm', 'a terminated launcher comes back');

# What needs a database for itself.
worker_pid($node, 'second');
$node->safe_psql('postgres', 'CREATE DATABASE third TEMPLATE second');
pass('CREATE DATABASE TEMPLATE');
is($node->safe_psql('third', 'SELECT count(*) FROM m'),
	'2', 'the copy has the rows');
$node->safe_psql('third', "SELECT rusts_write('m v=3')");
is_flushed('third', 'm', 'and gets a worker');
worker_pid($node, 'second');
$node->safe_psql('postgres', 'ALTER DATABASE second RENAME TO other');
worker_pid($node, 'other');
pass('ALTER DATABASE RENAME, and the worker is back');
$node->safe_psql('postgres',
	q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE space LOCATION ''});
$node->safe_psql('postgres', 'ALTER DATABASE other SET TABLESPACE space');
$node->safe_psql('other', "SELECT rusts_write('m v=4')");
is_flushed('other', 'm', 'ALTER DATABASE SET TABLESPACE, and the worker is back');
worker_pid($node, 'third');
$node->safe_psql('postgres', 'DROP DATABASE third');
pass('DROP DATABASE');
$node->safe_psql('template1', 'CREATE EXTENSION rusts');
$node->safe_psql('template1', "SELECT rusts_write('m v=1')");
worker_pid($node, 'template1');
$node->safe_psql('postgres', 'CREATE DATABASE third');
pass('CREATE DATABASE while a worker is in template1');
is($node->safe_psql('third', 'SELECT count(*) FROM m'), '1', 'its copy');
$node->safe_psql('template1', 'DROP EXTENSION rusts CASCADE');
wait_until($node, 'postgres', "SELECT ($where) !~ 'template1'",
	'no extension, no worker');
$node->safe_psql('postgres', 'ALTER DATABASE third ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'DROP DATABASE third');
my $failed = open_session($node, 'other');
tell_session($failed, 'SELECT 1');
fails_with($node, 'postgres', 'DROP DATABASE other', '55006', 'other session',
	'DROP DATABASE that fails for another reason');
worker_pid($node, 'other');
pass('and the worker is back');
my $dropper = open_session($node, 'postgres');
tell_session($dropper, 'DROP DATABASE other', no_wait => 1);
$node->poll_query_until(
	'postgres', q{
	SELECT count(pg_terminate_backend(pid, 10000)) > 0 FROM pg_stat_activity
	 WHERE query = 'DROP DATABASE other;' AND state = 'active'}) or die;
close_session($failed);
worker_pid($node, 'other');
pass('so it is when the session that wanted to drop it was terminated');
close_session($dropper);

# Whoever may not do that sends nobody away.
my $stays = worker_pid($node, 'other');
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN');
foreach my $sql (
	'DROP DATABASE other',
	'ALTER DATABASE other RENAME TO another',
	'ALTER DATABASE other SET TABLESPACE pg_default',
	'CREATE DATABASE copy TEMPLATE other')
{
	fails_with($node, 'postgres', "SET ROLE stranger; $sql", '42501',
		'(owner|permission)', "$sql by a stranger");
}
$node->safe_psql('postgres', 'ALTER ROLE stranger CREATEDB');
fails_with($node, 'postgres',
	'SET ROLE stranger; CREATE DATABASE copy TEMPLATE other', '42501',
	'permission', 'a copy by a stranger who may create databases');
is( $node->safe_psql(
		'postgres', q{
		SELECT pid FROM pg_stat_activity
		 WHERE backend_type = 'rusts maintenance worker'
		   AND datname = 'other'}),
	$stays,
	'the worker has stayed');

# A running flush, held up where it deletes, holds up nobody else.
configure();
$node->safe_psql('other', "SELECT rusts_write('held v=1 1'), rusts_write('free v=1 1')");
my $locker = open_session($node, 'other');
tell_session($locker, q{
	BEGIN; SELECT segment_id FROM rusts.segment
	 WHERE storage_id = rusts.storage_id('held'::regclass) FOR UPDATE});
configure('rusts.flush_max_points = 1');
my $worker = worker_pid($node, 'other');
$node->poll_query_until(
	'other', qq{
	SELECT wait_event = 'transactionid' AND query ~ 'flush of .*held'
	  FROM pg_stat_activity WHERE pid = $worker}) or die;
is($node->safe_psql('other', "SELECT rusts_write('held v=2 2'); INSERT INTO held (time, v) VALUES (now(), 0)"),
	'1', 'a running flush does not hold up writers');
is($node->safe_psql('other', 'SELECT count(*), sum(v) FROM held'),
	'3|3', 'nor readers');
$node->safe_psql('other', "SET statement_timeout = '100s'; TRUNCATE free");
tell_session($locker, 'ROLLBACK');
close_session($locker);
is_flushed('other', 'held', 'the flush goes on when it can');
is($node->safe_psql('other', 'SELECT count(*), sum(v) FROM held'),
	'3|3', 'no row is lost');

# A measurement that cannot be flushed, and one that is locked.
configure();
$node->safe_psql(
	'other', q{
	SELECT rusts_write('bad v=1'), rusts_write('locked v=1');
	UPDATE rusts.segment SET payload = '\x00' || substr(payload, 2)
	 WHERE storage_id = rusts.storage_id('bad'::regclass)});
$locker = open_session($node, 'other');
tell_session($locker, 'BEGIN; LOCK TABLE locked');
configure('rusts.flush_max_age = 1s');
foreach my $i (1 .. 3)
{
	$node->safe_psql('other', "SELECT rusts_write('good v=$i')");
	is_flushed('other', 'good',
		"$i: what cannot be flushed or is locked holds up no other");
}
$node->wait_for_log(qr/WARNING:  flush of measurement public.bad failed: segment 0 of measurement "bad" is corrupted/);
pass('the log tells which is bad');
tell_session($locker, 'COMMIT');
close_session($locker);
is_flushed('other', 'locked', 'the locked one is flushed when it can be');
$node->safe_psql('other', 'DROP TABLE bad');

# A flush gives way to a statement that wants the measurement for itself.  It
# is stopped in the middle by the lock on the index it reads the second batch
# by.
$node->safe_psql('other', q{ALTER DATABASE other SET search_path = public});
configure('rusts.flush_max_points = 1000000');
configure('rusts.flush_max_age = 1d');
$node->safe_psql('other', "SELECT rusts_write('wanted v=1,w=1 1000')");
$node->safe_psql('other', q{
	INSERT INTO wanted SELECT to_timestamp(i / 1000.0), random(), random()
	  FROM generate_series(1, 5000) i;
	SELECT rusts_write('wanted v=1,w=1 3000')});
my $toast_index = $node->safe_psql('other', q{
	SELECT indexrelid::regclass FROM pg_index JOIN pg_class t ON t.oid = indrelid
	 WHERE indrelid = (SELECT reltoastrelid FROM pg_class
						WHERE oid = 'rusts.segment'::regclass)});
$locker = open_session($node, 'other');
tell_session($locker, "BEGIN; REINDEX INDEX $toast_index");
configure('rusts.flush_max_points = 1');
wait_waiting($node, 'flush of public.wanted');
my $changer = open_session($node, 'other');
tell_session($changer,
	q{BEGIN; ALTER TABLE wanted ADD COLUMN x float8; SELECT count(*) FROM rusts.segments
	   WHERE measurement = 'wanted'::regclass AND tier = 'active'; COMMIT},
	no_wait => 1);
wait_waiting($node, 'ALTER TABLE wanted');
tell_session($locker, 'COMMIT');
close_session($locker);
is(tell_session($changer, q{SELECT 'then'}), "3\nthen",
	'the flush gave way to ALTER TABLE');
close_session($changer);
is_flushed('other', 'wanted', 'and was done afterwards');
is($node->safe_psql('other', 'SELECT count(*) FROM wanted'),
	'5002', 'with all rows');

# Settings of a database that are not made for workers.
$node->safe_psql(
	'postgres', q{
	ALTER DATABASE other SET default_transaction_read_only = on;
	ALTER DATABASE other SET default_transaction_isolation = 'serializable';
	ALTER DATABASE other SET statement_timeout = '1ms';
	ALTER DATABASE other SET lock_timeout = '1ms';
	ALTER DATABASE other SET idle_in_transaction_session_timeout = '1ms';
	ALTER DATABASE other SET search_path = '';});
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(${\ worker_pid($node, 'other')}, 10000)");
worker_pid($node, 'other');
$node->safe_psql('other', q{
	SET statement_timeout = 0;
	SET default_transaction_read_only = off;
	INSERT INTO public.good (time, v) SELECT now(), i FROM generate_series(1, 100000) i});
{
	local $ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0';
	is_flushed('other', 'public.good', 'a worker with odd settings of its database');
}
$node->safe_psql('postgres', 'ALTER DATABASE other RESET ALL');

# The extension goes and comes.
configure('rusts.flush_max_points = 1');
foreach my $i (1, 2)
{
	worker_pid($node, 'other');
	$node->safe_psql('other', 'DROP EXTENSION rusts CASCADE');
	is( $node->safe_psql('other',
			q{SELECT count(*) FROM pg_class WHERE relname IN ('m', 'good')}),
		'0',
		"$i: DROP EXTENSION CASCADE");
	$node->safe_psql('other', 'CREATE EXTENSION rusts');
	$node->safe_psql('other', "SELECT rusts_write('m v=5')");
	is_flushed('other', 'm', "$i: CREATE EXTENSION again");
}

# A database that is gone is asked for no more.  Another one's worker starts
# after the launcher has looked for all.
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
foreach my $db ('a', 'b')
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION rusts');
	$node->safe_psql($db, "SELECT rusts_write('m v=1')");
	worker_pid($node, $db);
}
wait_until($node, 'postgres', "SELECT ($where) = 'a,b,postgres'",
	'workers are where the extension is, in the end');
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/FATAL:  database .* does not exist/,
	'nobody looks for a database that is gone');
unlike($log, qr/FATAL:  (?!terminating|the database system)/,
	'no worker died of anything');
done_testing();
