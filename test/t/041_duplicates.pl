# Points written again and again by several sessions, while a worker flushes
# and others read: the same as a heap table that keeps the last value of each
# field, on the primary, on a standby, after a crash.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'duplicates',
	init => { allows_streaming => 1 },
	conf => <<'END');
rusts.flush_max_batches = 40
rusts.flush_max_age = 1s
END
$node->safe_psql(
	'postgres', q{
	CREATE TABLE twin (time timestamptz, host text, a float8, b float8, s text,
		PRIMARY KEY (time, host)) USING heap;
	SELECT rusts_write('points,host=h a=1,b=1,s="s" 1000000000000');
	INSERT INTO twin VALUES (to_timestamp(1000), 'h', 1, 1, 's');
	CREATE FUNCTION write_both(h text, t int, f text, v int) RETURNS void AS $$
	BEGIN
		PERFORM rusts_write(format('points,host=%s %s=%s %s000000000', h, f, v, t));
		EXECUTE format('INSERT INTO twin AS o (time, host, %1$s) VALUES (to_timestamp(%2$s), %3$L, %4$s)
			ON CONFLICT (time, host) DO UPDATE SET %1$s = excluded.%1$s', f, t, h, v);
	END $$ LANGUAGE plpgsql;
	CREATE VIEW differences AS
		(SELECT time, host, a, b, s FROM points EXCEPT ALL TABLE twin) UNION ALL
		(TABLE twin EXCEPT ALL SELECT time, host, a, b, s FROM points)});
my $standby = PostgreSQL::Test::Cluster->new('duplicates_standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# A session's points are its own, but all are of the same times.
my $write = $node->basedir . '/write.sql';
append_to_file($write, <<'END');
\set t random(1, 60)
\set v random(1, 1000000)
\set again random(1, 3)
BEGIN;
SELECT write_both('h' || :client_id, :t, CASE WHEN :v % 2 = 0 THEN 'a' ELSE 'b' END, :v);
SELECT write_both('h' || :client_id, :t + :again, 'a', :v);
COMMIT;
END
my $read = $node->basedir . '/read.sql';
append_to_file($read, <<'END');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1 / (count(*) = 0)::int FROM differences;
SELECT 1 / (p.n = t.n AND p.a IS NOT DISTINCT FROM t.a)::int
FROM (SELECT count(*) AS n, sum(a) AS a FROM points WHERE time > to_timestamp(30)) p,
	(SELECT count(*) AS n, sum(a) AS a FROM twin WHERE time > to_timestamp(30)) t;
COMMIT;
END
my @connection = ('-h', $node->host, '-p', $node->port, 'postgres');
my $reader = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 2, '-T', 6, '-f', $read, @connection ],
	'>', \my $read_out, '2>', \my $read_err);
command_ok(
	[ 'pgbench', '-n', '-c', 6, '-j', 2, '-T', 5, '-f', $write, @connection ],
	'six sessions write the same times');
ok(IPC::Run::finish($reader), 'and each snapshot shows what the heap table shows')
  or diag($read_err);

my $differences = 'SELECT count(*) FROM differences';
my $same = 'SELECT count(*) = (SELECT count(*) FROM twin), count(*) > 100 FROM points';
is($node->safe_psql('postgres', $differences), '0', 'no differences in the end');
is($node->safe_psql('postgres', $same), 't|t', 'and no empty tables');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $differences), '0', 'nor on the standby');
is($standby->safe_psql('postgres', $same), 't|t', 'which is not empty, either');

# Compaction may have united all rows by now; there were more of them.
is( $node->safe_psql('postgres',
		"SELECT count(DISTINCT tier) > 0 FROM rusts.segments"),
	't', 'there are segments');
is( $node->safe_psql('postgres',
		"SELECT (rusts_stats()->'since_start'->>'points_written')::bigint > (SELECT count(*) FROM twin)"),
	't', 'points were written again');

stop_hard($node, 'KILL');
start_patiently($node);
is($node->safe_psql('postgres', $differences), '0', 'no differences after a crash');
$node->safe_psql('postgres', "SELECT rusts_flush('points')");
is($node->safe_psql('postgres', $differences), '0', '... after a flush');
$node->safe_psql('postgres', 'VACUUM FULL points');
is($node->safe_psql('postgres', $differences), '0', '... after a rewrite');
is( $node->safe_psql('postgres',
		'SELECT sum(rows) = (SELECT count(*) FROM twin) FROM rusts.segments'),
	't',
	'which leaves each point once');
consistent($node, 'postgres', 'directory, files and scans agree');
$standby->stop;
$node->stop;

done_testing();
