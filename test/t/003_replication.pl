# A streaming standby answers as its primary does, refuses to write, and
# becomes a primary; recovery to a point in time stops between two writes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $primary = new_node(
	'primary',
	init => { allows_streaming => 1, has_archiving => 1 },
	conf => <<'END');
rusts.flush_max_age = 1d
wal_consistency_checking = 'all'
hot_standby_feedback = on
END
$primary->safe_psql('postgres', "SELECT rusts_write('before v=1i 1')");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'archive_mode = off');
$standby->start;

# One test: both give the same answers.
my @questions = (
	q{SELECT c.oid::regclass FROM pg_class c JOIN pg_am a ON a.oid = relam AND amname = 'rusts' ORDER BY 1},
	'SELECT * FROM rusts.segments ORDER BY 1, 2',
	'SELECT * FROM rusts.measurements ORDER BY 1');

sub same
{
	my ($test_name, @more) = @_;
	my (@wanted, @got);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$primary->wait_for_catchup($standby);
	foreach my $sql (@questions, @more)
	{
		push @wanted, $primary->safe_psql('postgres', $sql);
		push @got, $standby->safe_psql('postgres', $sql);
	}
	is(join("\n--\n", @got), join("\n--\n", @wanted), $test_name);
}

my $m = q{SELECT count(*), count(DISTINCT host), sum(i), sum(v), min(time), max(time),
	md5(string_agg(to_jsonb(m)::text, '' ORDER BY host, time, i)) FROM m};
$primary->safe_psql(
	'postgres', q{
	SELECT rusts_write(string_agg('m,host=h' || i % 100 || ' i=' || i + 10000 * j || 'i,v=' ||
		i * 0.25 || ',s="' || md5(i::text) || '" ' || (i * 3 + j) * 20000000000::int8, E'\n'))
	  FROM generate_series(1, 10000) i, generate_series(0, 2) j GROUP BY j});
same('same answers before a flush', $m);
like($standby->safe_psql('postgres', $m), qr/^30000\|100\|/, 'and not empty ones');

# A reader that began before the flush goes on.
my $reader = open_session($standby);
tell_session($reader,
	'BEGIN; DECLARE c CURSOR FOR SELECT i FROM m; FETCH 10 FROM c');
$primary->safe_psql('postgres', 'SELECT rusts_flush()');
same('same answers after a flush', $m);
is( tell_session($reader, 'MOVE FORWARD ALL FROM c; MOVE BACKWARD ALL FROM c; FETCH 1 FROM c; COMMIT')
	  =~ /^\d+$/m ? 1 : 0,
	1,
	'an older cursor of the standby goes on after the flush');
$primary->safe_psql(
	'postgres', q{
	INSERT INTO m (time, host, i) SELECT to_timestamp(i), 'x', i FROM generate_series(1, 200000) i;
	BEGIN; INSERT INTO m (time, host, i) VALUES (now(), 'rolled back', 1); ROLLBACK});
same('same answers after a large INSERT', $m);
$primary->safe_psql('postgres', 'VACUUM FULL m');
same('same answers after VACUUM FULL', $m);
$primary->safe_psql('postgres',
	q{ALTER TABLE m ADD COLUMN d int8 DEFAULT 5, DROP COLUMN s;
	ALTER TABLE m RENAME COLUMN v TO w; ALTER TABLE m ALTER COLUMN i TYPE numeric});
same('same answers after ALTER TABLE', $m =~ s/sum\(v\)/sum(w), sum(d)/r);
$primary->safe_psql('postgres', "SELECT rusts_write('m,host=x,tag=new w=1 1'); VACUUM m; VACUUM rusts.segment");
same('same answers after a new tag and VACUUM',
	$m =~ s/sum\(v\)/sum(w), sum(d), count(tag)/r);
$primary->safe_psql(
	'postgres', q{
	CREATE TABLE n (LIKE m INCLUDING DEFAULTS) USING rusts; INSERT INTO n SELECT * FROM m;
	CREATE UNLOGGED TABLE u (time timestamptz) USING rusts; INSERT INTO u VALUES (now());
	CREATE MATERIALIZED VIEW mv USING rusts AS SELECT * FROM m;
	TRUNCATE m; INSERT INTO m (time, i) VALUES ('epoch', 1)});
@questions = map { s/ORDER/WHERE measurement::text <> 'u' ORDER/r } @questions[1, 2];
same('same answers after TRUNCATE', 'SELECT * FROM m',
	'SELECT count(*), sum(i) FROM n',
	'SELECT count(*), sum(i) FROM mv');
$primary->safe_psql('postgres', 'DROP TABLE m CASCADE');
same('same answers after DROP', 'SELECT count(*), sum(i) FROM n',
	q{SELECT to_regclass('m')});
fails_with($standby, 'postgres', 'SELECT * FROM u', '0A000',
	'cannot access temporary or unlogged relations during recovery',
	'a standby has no unlogged measurements');

# Writing on the standby.
foreach my $sql (
	"SELECT rusts_write('n i=1i')",
	"SELECT rusts_write('newer i=1i')",
	"SELECT rusts_write('n i=1i'::bytea)",
	'SELECT rusts_flush()',
	"SELECT rusts_flush('n')",
	'INSERT INTO n (time) VALUES (now())',
	'TRUNCATE n',
	'CREATE TABLE z (time timestamptz) USING rusts')
{
	fails_with($standby, 'postgres', $sql, '25006', '', "standby: $sql");
}
foreach my $sql ('VACUUM n', 'ANALYZE n', 'COPY n (time) FROM STDIN')
{
	my ($ret, $stdout, $stderr) = $standby->psql('postgres', $sql);
	like($stderr, qr/recovery|read-only/, "standby: $sql");
}
is( $standby->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'rusts%'}),
	'0',
	'a standby has no workers');
is( $standby->safe_psql('postgres',
		q{SELECT h->>'status', h->>'message' FROM rusts_health() h}),
	'pass|ready for queries; a standby takes no writes',
	'a standby is healthy, and does not promise what it cannot do');

# Promotion, in the middle of the primary's transaction.
my $half = open_session($primary);
tell_session($half,
	q{BEGIN; INSERT INTO n (time, i) SELECT now(), -i FROM generate_series(1, 100000) i});
$primary->wait_for_catchup($standby);
my $sum = $standby->safe_psql('postgres', 'SELECT count(*), sum(i) FROM n');
$primary->stop('immediate');
close_session($half);
$standby->promote;
is($standby->safe_psql('postgres', 'SELECT count(*), sum(i) FROM n'),
	$sum, 'the same rows after promotion');
$standby->safe_psql(
	'postgres', q{
	SELECT rusts_write('promoted,host=new i=1 1');
	INSERT INTO n (time, host, i) VALUES (now(), 'promoted', 1);
	INSERT INTO u VALUES (now());
	COPY n (time, host, i) FROM STDIN;
2024-01-01	promoted	2
\.
});
is( $standby->safe_psql('postgres',
		"SELECT count(*), sum(i) FROM n WHERE host = 'promoted'"),
	'2|3',
	'the promoted standby can be written to');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM u'),
	'1', 'and its unlogged measurement was empty');
worker_pid($standby, 'postgres');
$standby->append_conf('postgresql.conf', 'rusts.flush_max_points = 1');
$standby->reload;
wait_until($standby, 'postgres',
	q{SELECT count(*) = 0 FROM rusts.segments WHERE tier = 'active'},
	'the promoted standby has a worker that flushes');
consistent($standby, 'postgres', 'directory, files and scans agree');
$standby->stop;
command_ok([ 'pg_checksums', '--check', '-D', $standby->data_dir ],
	'checksums are right');

# Recovery to a point between two writes; the flush comes after it.
$primary->start;
$primary->safe_psql('postgres', "SELECT rusts_write('m,t=a v=1i 1'), rusts_write('m,t=b v=2i 2')");
$primary->safe_psql('postgres',
	q{INSERT INTO m SELECT to_timestamp(i), 'c', i FROM generate_series(1, 100000) i});
$primary->safe_psql('postgres', "SELECT pg_create_restore_point('between')");
$primary->safe_psql('postgres', "SELECT rusts_write('m,t=a w=1i 3')");
$primary->safe_psql('postgres', 'SELECT rusts_flush()');
$primary->safe_psql('postgres', 'TRUNCATE n');
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
$primary->stop;

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($primary, 'base', has_restoring => 1);
$restored->append_conf('postgresql.conf', <<'END');
recovery_target_name = 'between'
recovery_target_action = 'promote'
END
$restored->start;
$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
  or die;
is( $restored->safe_psql('postgres', 'SELECT count(*), count(DISTINCT t), sum(v) FROM m'),
	'100002|3|5000050003',
	'recovery to a point in time has the write before it, not the one after');
is( $restored->safe_psql('postgres',
		q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'm'::regclass AND attname = 'w'}),
	'0',
	'nor the field that came after it');
is($restored->safe_psql('postgres', 'SELECT count(*), sum(i) FROM n'),
	$sum, 'nor the TRUNCATE');
is($restored->safe_psql('postgres', "SELECT rusts_write('m,t=d x=1i 4')"),
	'1', 'what was recovered can be written to');
$restored->safe_psql('postgres', 'SELECT rusts_flush()');
consistent($restored, 'postgres', 'directory, files and scans agree');
$restored->stop;
done_testing();
