# The query engine when things go wrong: queries that are cancelled or fail
# leave nothing behind, damage is reported or skipped, memory is bounded; and
# in parallel, in subtransactions, on a standby.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'query',
	init => { allows_streaming => 1 },
	conf => <<'END');
shared_buffers = 16MB
autovacuum = off
max_wal_size = 1GB
jit = off
rusts.flush_max_age = 1d
rusts.flush_max_points = 2000000000
END

# Three days of 100 series, a segment each; the same in a heap table.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE m (time timestamptz NOT NULL, host text, i int8, f float8, s text) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN m.host IS 'tag';
	INSERT INTO m SELECT '2024-01-01'::timestamptz + i / 100 * interval '1 min', 'h' || i % 100, i, i / 4.0, md5(i::text)
	  FROM generate_series(0, 431999) i;
	SELECT rusts_flush('m');
	INSERT INTO m VALUES ('2024-01-04', 'h1', -1, -1, 'active');
	CREATE TABLE h AS SELECT * FROM m;
	ANALYZE m, h});

my $parallel = q{
	SET max_parallel_workers_per_gather = 2;
	SET min_parallel_table_scan_size = 0;
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0};

# Whatever is asked of m and answered by the engine; endless(Q) makes it last.
my %queries = (
	scan => 'SELECT count(*) FROM (SELECT * FROM m WHERE i >= g OFFSET 0) x',
	'filtered scan' =>
	  q{SELECT count(*) FROM (SELECT * FROM m WHERE host <> 'h1' AND s LIKE '%0' || g || '%' AND f + g > 5 OFFSET 0) x},
	'sorted scan' =>
	  'SELECT count(*) FROM (SELECT * FROM m WHERE i >= g ORDER BY time OFFSET 100000) x',
	'scan sorted by tag' =>
	  'SELECT count(*) FROM (SELECT * FROM m WHERE i >= g ORDER BY host, time OFFSET 100000) x',
	total => 'SELECT count(f) + sum(f) FROM m WHERE f + g > 0',
	groups => 'SELECT count(*) FROM (SELECT host, avg(f), last(s, time) FROM m WHERE i >= g GROUP BY host) x',
	buckets => q{SELECT count(*) FROM (SELECT time_bucket('1 min', time), host, max(f) FROM m WHERE i >= g GROUP BY 1, 2) x},
	'latest buckets' =>
	  q{SELECT count(*) FROM (SELECT time_bucket('1 h', time) AS b, sum(f) FROM m WHERE f + g > 0 GROUP BY 1 ORDER BY 1 DESC LIMIT 48) x},
	latest => 'SELECT count(*) FROM (SELECT DISTINCT ON (host) host, s FROM m WHERE f + g > 0 ORDER BY host, time DESC) x');

sub endless
{
	my ($query) = @_;

	return "SELECT sum((SELECT x FROM ($query) AS y (x))) FROM generate_series(1, 100000) g";
}

# What the session's memory contexts of ours take, and all of them.
sub memory
{
	my ($session) = @_;

	return split /\|/, tell_session($session, q{
		SELECT coalesce(sum(total_bytes) FILTER (WHERE name LIKE 'rusts%'), 0), sum(total_bytes)
		  FROM pg_backend_memory_contexts});
}

# One test: so much has been done twice, and the second time took no memory.
sub does_not_grow
{
	my ($session, $test_name, $do) = @_;

	$do->();
	my ($ours, $all) = memory($session);
	$do->();
	my ($ours_then, $all_then) = memory($session);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	note "$ours, then $ours_then bytes";
	return ok($ours_then <= $ours + 65536 && $all_then <= $all + 1048576,
		$test_name);
}

# Cancelled queries.
my $session = open_session($node);
my $pid = tell_session($session, 'SELECT pg_backend_pid()');
foreach my $how ('serial', 'parallel')
{
	tell_session($session,
		$how eq 'serial' ? 'SET max_parallel_workers_per_gather = 0' : $parallel);
	foreach my $name (sort keys %queries)
	{
		$session->{err} = '';
		does_not_grow(
			$session,
			"$how $name, cancelled again and again: memory does not grow",
			sub {
				tell_session($session,
					"SET statement_timeout = '20ms'; "
					  . endless($queries{$name})
					  . '; RESET statement_timeout') for 1 .. 10;
			});
		my $cancelled = () = $session->{err} =~ /canceling statement due to statement timeout/g;
		is($cancelled, 20, "$how $name: each was cancelled");
	}
}
$session->{err} = '';
tell_session($session, endless($queries{groups}), no_wait => 1);
$node->poll_query_until('postgres', qq{
	SELECT state = 'active' AND query ~ 'endless|generate_series' FROM pg_stat_activity WHERE pid = $pid})
  or die;
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
is(tell_session($session, 'SELECT count(*) FROM m'),
	'432001', 'after pg_cancel_backend the session goes on');
like($session->{err}, qr/canceling statement due to user request/,
	'pg_cancel_backend: the error');

# Queries that fail in the middle, as statements, in subtransactions, while a
# cursor is open.
my @failing = (
	'SELECT 1 / (i - 200000) FROM m',
	'SELECT i FROM m WHERE 1 / (f - 50000) < 5',
	'SELECT i FROM m WHERE 1 / (i - 200000 + length(s) - 32) < 5 ORDER BY time DESC',
	'SELECT host, sum(f) FROM m GROUP BY host HAVING 1 / (sum(i) - sum(i)) > 0',
	'SELECT host, sum(f) FILTER (WHERE 1 / (i - 200000) < 5) FROM m GROUP BY host',
	q{SELECT date_trunc('nonsense', time), count(*) FROM m GROUP BY 1},
	'SELECT sum(f) FROM m WHERE 1 / (i - 200000) < 5',
	q{SELECT i FROM m WHERE 1 / length(replace(host, 'h99', '')) > 0});
tell_session($session, 'SET max_parallel_workers_per_gather = 0');
$session->{err} = '';
does_not_grow($session, 'failing queries: memory does not grow',
	sub {
		foreach my $sql (@failing)
		{
			tell_session($session, "COPY ($sql) TO '/dev/null'") for 1 .. 5;
		}
	});
my $failed = () = $session->{err} =~ /ERROR:  (division by zero|unit "nonsense")/g;
is($failed, 10 * @failing, 'each failed');
does_not_grow(
	$session,
	'failing queries in subtransactions: memory does not grow',
	sub {
		foreach my $sql (@failing)
		{
			tell_session(
				$session, qq{DO \$do\$
				DECLARE r record; n int := 0;
				BEGIN
					FOR j IN 1 .. 5 LOOP
						BEGIN
							FOR r IN $sql LOOP n := n + 1; END LOOP;
							RAISE 'did not fail';
						EXCEPTION WHEN division_by_zero OR invalid_parameter_value THEN
						END;
					END LOOP;
				END \$do\$});
		}
	});
$session->{err} = '';
is( tell_session(
		$session, q{
		BEGIN;
		INSERT INTO m VALUES ('2024-01-05', 'new', 1000000, 0, NULL);
		DECLARE c CURSOR FOR SELECT i FROM m ORDER BY time, i;
		FETCH 2 FROM c;
		SAVEPOINT a;
		INSERT INTO m VALUES ('2024-01-06', 'newer', 2000000, 0, NULL);
		DECLARE d CURSOR FOR SELECT host, max(i) FROM m GROUP BY host ORDER BY max(time) DESC, host;
		FETCH 2 FROM d;
		SELECT 1 / (i - 200000) FROM m WHERE i = 200000;
		ROLLBACK TO a;
		FETCH 2 FROM c;
		SELECT count(*), max(i), max(time) = '2024-01-05' FROM m;
		SELECT host, i FROM m WHERE i > 431998 ORDER BY i;
		COMMIT}),
	"0\n1\nnewer|2000000\nnew|1000000\n2\n3\n432002|1000000|t\nh99|431999\nnew|1000000",
	'cursors and queries around a savepoint');
like($session->{err}, qr/^[^\n]*division by zero\n$/, 'of which one failed');

# In parallel, with what the transaction itself has written.
is( tell_session(
		$session, qq{$parallel;
		BEGIN;
		INSERT INTO m SELECT '2024-02-01'::timestamptz + g * interval '1 s', 'own', 5000000 + g, 0, NULL FROM generate_series(1, 1000) g;
		SELECT count(*), count(DISTINCT host), max(i) FROM m WHERE f >= 0;
		SELECT count(*), max(i) FROM m WHERE i >= 1000000;
		SELECT count(*) FROM (SELECT host, sum(i) FROM m GROUP BY host) x;
		INSERT INTO m VALUES ('2024-02-02', 'own2', 6000000, 0, NULL);
		SELECT sum(i) FROM m WHERE i >= 5000000;
		SELECT count(*) FROM (SELECT time_bucket('1 day', time) FROM m GROUP BY 1) x;
		ROLLBACK;
		SELECT count(*), max(i) FROM m WHERE i >= 1000000}),
	"433001|102|5001000\n1001|5001000\n102\n5006500500\n7\n1|1000000",
	'parallel queries see the transaction\'s own rows');
like(
	tell_session($session, 'EXPLAIN (COSTS OFF) SELECT count(*), max(i) FROM m WHERE i >= 1000000'),
	qr/Gather\n.*\n.*RustsAgg.*\n.*Parallel Custom Scan \(RustsScan\)/,
	'and they were parallel');
close_session($session);

# The cache of segments: too small, or none.
$node->safe_psql('postgres', q{INSERT INTO h VALUES ('2024-01-05', 'new', 1000000, 0, NULL)});
my @questions = (
	'SELECT count(*), sum(i), count(DISTINCT s) FROM $ WHERE f < 100000',
	'SELECT host, count(*), sum(f), max(s) FROM $ GROUP BY host ORDER BY host',
	q{SELECT time_bucket('6 h', time) AS b, min(i), max(f) FROM $ WHERE host IN ('h1', 'h2') GROUP BY 1 ORDER BY 1},
	'SELECT DISTINCT ON (host) host, time, i FROM $ ORDER BY host, time DESC',
	'SELECT time, host, i FROM $ WHERE i % 1000 = 7 ORDER BY time DESC, i LIMIT 100');
foreach my $size ('0', '64kB', '1GB')
{
	my @differ;

	$session = open_session($node);
	tell_session($session, "SET rusts.segment_cache_size = '$size'");
	foreach my $question ((@questions) x 2)
	{
		my ($rusts, $heap) =
		  map { tell_session($session, $question =~ s/\$/$_/r) } 'm', 'h';

		push @differ, $question if $rusts ne $heap || $heap eq '';
	}
	is(join("\n", @differ), '', "segment_cache_size = $size: answers");
	my ($ours) = memory($session);
	note "$ours bytes";
	cmp_ok($ours, '<', 1024 * 1024, "segment_cache_size = $size: little is kept")
	  if $size ne '1GB';
	is($session->{err}, '', "segment_cache_size = $size: no error");
	close_session($session);
}

# A million groups in 64 kB, or as little as there is.
SKIP:
{
	skip 'no /proc', 1 if !-r '/proc/self/status';
	$node->safe_psql(
		'postgres', q{
		CREATE TABLE many (time timestamptz NOT NULL, host text, i int8, f float8, s text) USING rusts;
		SECURITY LABEL FOR rusts ON COLUMN many.host IS 'tag';
		INSERT INTO many SELECT '2024-01-01'::timestamptz + i / 1000 * interval '1 min', 'host' || i % 1000, i, i, 's' || i
		  FROM generate_series(0, 999999) i;
		SELECT rusts_flush('many')});
	my $aggs = 'count(*), sum(i), avg(f), min(f), max(i), variance(i), first(s, time), last(s, time)';
	my %groups = (
		'of buckets and tags' =>
		  "SELECT time_bucket('1 min', time), host, $aggs FROM many GROUP BY 1, 2",
		'of buckets and tags, in order' =>
		  "SELECT time_bucket('1 min', time) AS b, host, $aggs FROM many GROUP BY 1, 2 ORDER BY host DESC, b",
		'of buckets and tags, some' =>
		  "SELECT time_bucket('1 min', time) AS b, host, $aggs FROM many GROUP BY 1, 2 ORDER BY b DESC LIMIT 1000000");
	foreach my $name (sort keys %groups)
	{
		$session = open_session($node);
		$pid = tell_session($session, 'SELECT pg_backend_pid()');
		like(
			tell_session($session, "EXPLAIN (COSTS OFF) $groups{$name}"),
			qr/RustsAgg/, "a million groups $name are RustsAgg's");
		is( tell_session(
				$session, qq{
				SET work_mem = '64kB';
				SET hash_mem_multiplier = 1;
				SET max_parallel_workers_per_gather = 0;
				SELECT count(*), sum(x.sum), count(DISTINCT (x.avg, x.host)) FROM ($groups{$name}) AS x}),
			'1000000|499999500000|1000000', "a million groups $name");
		my ($peak_kb) =
		  slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB$/m;

		# It includes the server's 16 MB of shared buffers.
		note "$peak_kb kB";
		cmp_ok($peak_kb, '<', 100 * 1024,
			"a million groups $name: the backend's memory");
		close_session($session);
	}
	$node->safe_psql('postgres', 'DROP TABLE many');
}

# A standby.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', q{
	INSERT INTO m VALUES ('2024-01-07', 'last', 3000000, 0, NULL);
	INSERT INTO h VALUES ('2024-01-07', 'last', 3000000, 0, NULL)});
$node->wait_for_catchup($standby);
foreach my $how ('SET max_parallel_workers_per_gather = 0', $parallel)
{
	my @differ;

	$session = open_session($standby);
	tell_session($session, $how);
	foreach my $question ('SELECT count(*) FROM $', @questions)
	{
		my ($rusts, $heap) =
		  map { tell_session($session, $question =~ s/\$/$_/r) } 'm', 'h';

		push @differ, $question if $rusts ne $heap || $heap eq '';
		push @differ, "$question: not RustsScan's"
		  if tell_session($session, 'EXPLAIN ' . $question =~ s/\$/m/r) !~ /RustsScan/;
	}
	is(join("\n", @differ), '', 'a standby answers as heap does');
	is( tell_session(
			$session, q{
			BEGIN ISOLATION LEVEL REPEATABLE READ;
			SELECT count(*) FROM m;
			SAVEPOINT a;
			SELECT max(i) FROM m;
			ROLLBACK TO a;
			SELECT count(*) FROM m;
			COMMIT}),
		"432003\n3000000\n432003",
		'in a transaction of a standby');
	is($session->{err}, '', 'a standby: no error');
	close_session($session);
}
$standby->stop;

# Nothing that the server's log would complain about.
unlike(slurp_file($node->logfile),
	qr/refcount leak|leaked|was not closed|WARNING|PANIC|TRAP/,
	'nothing leaked');

# Damage.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE damaged (time timestamptz NOT NULL, t text, i int8, s text) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN damaged.t IS 'tag';
	INSERT INTO damaged SELECT '2024-01-01'::timestamptz + d * interval '1 day' + i * interval '1 second',
		   't' || i % 10, i + d * 10000, md5(i::text)
	  FROM generate_series(1, 3000) i, generate_series(0, 2) d;
	SELECT rusts_flush('damaged');
	INSERT INTO damaged SELECT '2024-01-05', 'a', -i, i FROM generate_series(1, 30) i});
my ($segment, $first, $blocks) = split /\|/,
  $node->safe_psql(
	'postgres', q{
	SELECT segment_id, first_block, nblocks FROM rusts.segment
	 WHERE storage_id = rusts.storage_id('damaged'::regclass)
	   AND level = 1 ORDER BY min_time OFFSET 1 LIMIT 1});
my $file = $node->data_dir . '/'
  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('damaged')");
$node->stop;
my $bytes = slurp_file($file);
substr($bytes, $_ * 8192 + 4000, 1) ^= "\x20"
  foreach $first .. $first + $blocks - 1;
open my $out, '>:raw', $file or die;
print $out $bytes;
close $out;
$node->start;

# What is asked, and the answer of what is not damaged.
my @damaged = (
	[ 'SELECT i FROM damaged', '6030 rows' ],
	[ 'SELECT * FROM damaged ORDER BY time', '6030 rows' ],
	[ 'SELECT t, i FROM damaged ORDER BY t DESC, i', '6030 rows' ],
	[ q{SELECT s FROM damaged WHERE t = 't1' AND i > 100}, '590 rows' ],
	[ 'SELECT sum(i), count(s) FROM damaged', '69002535|6030' ],
	[ 'SELECT count(DISTINCT t), max(i), last(i, time) IS NOT NULL FROM damaged', '11|23000|t' ],
	[ 'SELECT t, sum(i) FROM damaged GROUP BY t', '11 rows' ],
	[ q{SELECT time_bucket('1 day', time), max(s) FROM damaged GROUP BY 1}, '3 rows' ],
	[ q{SELECT time_bucket('1 day', time) AS b, sum(i) FROM damaged GROUP BY 1 ORDER BY 1 DESC LIMIT 10}, '3 rows' ],
	[ 'SELECT DISTINCT ON (t) t, i, s FROM damaged ORDER BY t, time', '11 rows' ]);
foreach my $how ('SET max_parallel_workers_per_gather = 0', $parallel)
{
	my $name = $how eq $parallel ? 'parallel' : 'serial';

	foreach my $damaged (@damaged)
	{
		my ($question, $answer) = @$damaged;

		fails_with(
			$node,
			'postgres',
			"$how; $question",
			'XX001',
			"segment $segment of measurement \"damaged\"",
			"$name, $question: the error names measurement and segment");
		my ($ret, $stdout, $stderr) = $node->psql('postgres',
			"$how; SET rusts.skip_corrupt_segments = on; $question");
		my $rows = () = $stdout =~ /^.+$/mg;

		is($answer =~ / rows$/ ? "$rows rows" : $stdout,
			$answer, "$name, $question: the rest can be read");
		like(
			$stderr,
			qr/WARNING:  segment $segment of measurement "damaged" is corrupted/,
			"$name, $question: with a warning");
	}

	# The directory tells how many rows there are; but not when damage is to
	# be left out.
	is($node->safe_psql('postgres', "$how; SELECT count(*), min(time) < max(time) FROM damaged"),
		'9030|t', "$name: counting needs no segment");
	is( $node->safe_psql('postgres',
			"$how; SET rusts.skip_corrupt_segments = on; SELECT count(*) FROM damaged"),
		'6030',
		"$name: counting what can be read");
	is( $node->safe_psql('postgres',
			"$how; SELECT count(*), sum(i) FROM damaged WHERE time < '2024-01-02'"),
		'3000|4501500',
		"$name: other segments are readable");
	is( $node->safe_psql('postgres',
			"$how; SELECT last(i, time) < 0, max(time) FROM damaged WHERE time > '2024-01-03 12:00'"),
		't|2024-01-05 00:00:00+00',
		"$name: also without a condition that excludes it by its rows");
}
$node->stop;
done_testing();
