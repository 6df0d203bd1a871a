# Changed rows: over a crash, in prepared transactions, on a standby, in a
# dump, and with two sessions of pgbench that change the same few rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use RustsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node(
	'primary',
	init => { allows_streaming => 1 },
	conf => <<'END');
rusts.flush_max_age = 1d
max_prepared_transactions = 10
wal_consistency_checking = 'all'
hot_standby_feedback = on
END
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $answer = 'SELECT count(*), sum(v), count(DISTINCT k), max(f) FROM m';
$primary->safe_psql(
	'postgres', q{
	CREATE TABLE m (time timestamptz NOT NULL, k text, v int8, f float8) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN m.k IS 'tag';
	INSERT INTO m SELECT to_timestamp(i), 'k' || i % 10, i, 0 FROM generate_series(1, 50000) i;
	SELECT rusts_flush('m');
	INSERT INTO m SELECT to_timestamp(i), 'k' || i % 10, i, 0 FROM generate_series(50001, 60000) i;
	DELETE FROM m WHERE v % 3 = 0;
	UPDATE m SET f = 1, k = 'changed' WHERE v % 3 = 1 AND v % 7 = 0});
my $expected = '40000|1200000000|11|1';

sub same_everywhere
{
	my ($expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is($primary->safe_psql('postgres', $answer), $expected, $name);
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', $answer),
		$expected, "$name, on the standby");
}

same_everywhere($expected, 'changed');
$primary->stop('immediate');
$primary->start;
same_everywhere($expected, 'changed, after a crash');

# Prepared: others wait, and it survives a crash.
$primary->safe_psql(
	'postgres', q{
	BEGIN; UPDATE m SET f = 2 WHERE v = 2; DELETE FROM m WHERE v = 4; PREPARE TRANSACTION 'first'});
$primary->safe_psql(
	'postgres', q{BEGIN; UPDATE m SET f = 3 WHERE v = 5; PREPARE TRANSACTION 'second'});
$primary->stop('immediate');
$primary->start;
same_everywhere($expected, 'prepared changes are not seen');
my ($status, $out, $err) = $primary->psql('postgres',
	q{SET lock_timeout = '200ms'; UPDATE m SET f = 9 WHERE v = 2});
like($err, qr/lock timeout/, 'their locks are held after a crash');
($status, $out, $err) = $primary->psql('postgres',
	q{SET lock_timeout = '200ms'; SELECT rusts_flush('m')});
like($err, qr/lock timeout/, 'and rows are not moved');
is($primary->safe_psql('postgres', q{UPDATE m SET f = 1 WHERE v = 7 RETURNING f}),
	'1', 'other rows can be changed');
$primary->safe_psql('postgres', q{COMMIT PREPARED 'first'});
$primary->safe_psql('postgres', q{ROLLBACK PREPARED 'second'});
same_everywhere('39999|1199999996|11|2', 'one committed, one rolled back');

# A standby's transaction sees what its snapshot sees.
my $reader = $standby->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $reader->query_safe($answer);
$primary->safe_psql('postgres', 'DELETE FROM m WHERE v < 30000');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($reader->query_safe($answer), $before,
	'a snapshot on the standby does not see a later DELETE');
$reader->query_safe('COMMIT');
isnt($reader->query_safe($answer), $before, 'the next one does');
$reader->quit;
$primary->safe_psql('postgres', q{SELECT rusts_flush('m'), rusts_compact('m')});
$expected = $primary->safe_psql('postgres', $answer);
same_everywhere($expected, 'compacted');
is( $primary->safe_psql(
		'postgres', q{SELECT count(*) FROM rusts.deletion}),
	'0', 'nothing is noted of rows that are gone');

# A dump has what is there.
$primary->safe_psql('postgres', 'DELETE FROM m WHERE v % 2 = 0');
$expected = $primary->safe_psql('postgres', $answer);
my $dump = $primary->basedir . '/dump.sql';
$primary->command_ok(
	[ 'pg_dump', '-f', $dump, '-d', $primary->connstr('postgres') ], 'pg_dump');
$primary->safe_psql('postgres', 'CREATE DATABASE restored');
$primary->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump,
	'-d', $primary->connstr('restored') ], 'restored');
is($primary->safe_psql('restored', $answer), $expected, 'the dump has what is there');

# Few rows, many sessions: no update is lost.
$primary->safe_psql(
	'postgres', q{
	CREATE TABLE counters (time timestamptz NOT NULL, k text, n int8) USING rusts;
	INSERT INTO counters SELECT to_timestamp(i), 'k' || i, 0 FROM generate_series(1, 5) i});
my $script = $primary->basedir . '/count.sql';
append_to_file($script, <<'END');
\set k random(1, 5)
UPDATE counters SET n = n + 1 WHERE k = 'k' || :k;
END
$primary->command_ok(
	[
		'pgbench', '-n', '-c', 6, '-t', 100, '-f', $script,
		'-h', $primary->host, '-p', $primary->port, 'postgres'
	],
	'sessions that update the same rows');
is($primary->safe_psql('postgres', 'SELECT count(*), sum(n) FROM counters'),
	'5|600', 'no update is lost');
append_to_file($script, q{SELECT rusts_flush('counters');});
$primary->command_ok(
	[
		'pgbench', '-n', '-c', 6, '-t', 100, '-f', $script,
		'-h', $primary->host, '-p', $primary->port, 'postgres'
	],
	'sessions that update the same rows and flush them');
is($primary->safe_psql('postgres', 'SELECT count(*), sum(n) FROM counters'),
	'5|1200', 'no update is lost then either');

# All sessions delete the same rows, one after the other, and put the notes
# together while others look for a row in them.  That a row was deleted twice
# took some 40,000 transactions.
$primary->safe_psql(
	'postgres', q{
	CREATE TABLE once (time timestamptz NOT NULL, v int) USING rusts;
	INSERT INTO once SELECT to_timestamp(i), i FROM generate_series(1, 6000) i;
	SELECT rusts_flush('once');
	CREATE TABLE deleted (v int)});
$script = $primary->basedir . '/once.sql';
append_to_file($script, <<'END');
\set r :r + 1
WITH d AS (DELETE FROM once WHERE v = :r RETURNING v) INSERT INTO deleted SELECT v FROM d;
END
$primary->command_ok(
	[
		'pgbench', '-n', '-c', 8, '-t', 5000, '-D', 'r=0', '-f', $script,
		'-h', $primary->host, '-p', $primary->port, 'postgres'
	],
	'sessions that delete the same rows');
is( $primary->safe_psql('postgres',
		q{SELECT count(*), count(DISTINCT v), (SELECT count(*) FROM once) FROM deleted}),
	'5000|5000|1000',
	'each row is deleted once');
done_testing();
