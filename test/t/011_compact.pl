# Compaction in the background: a day of one-row writes ends up as small as the
# same rows at once; stops in the middle, a full disk and standbys lose nothing.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'compact',
	init => {
		allows_streaming => 1,
		extra => [
			'--no-locale', '--encoding=UTF8',
			'--data-checksums', '--wal-segsize=1'
		]
	},
	conf => <<'END');
rusts.flush_max_batches = 60
max_standby_streaming_delay = 100ms
log_min_messages = fatal
END

# What a measurement takes, its directory rows included.
sub size_of
{
	my ($measurement) = @_;

	return $node->safe_psql(
		'postgres', qq{
		SELECT pg_total_relation_size('$measurement') + sum(pg_column_size(s))
		  FROM rusts.segment s
		 WHERE storage_id = rusts.storage_id('$measurement'::regclass)});
}

# The same rows in a heap table.
sub same_as_heap
{
	my ($measurement, $heap, $test_name) = @_;
	my $differences = $node->safe_psql(
		'postgres', qq{
		SELECT (SELECT count(*) FROM (SELECT * FROM $measurement EXCEPT ALL SELECT * FROM $heap) x),
			   (SELECT count(*) FROM (SELECT * FROM $heap EXCEPT ALL SELECT * FROM $measurement) x)});

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($differences, '0|0', $test_name);
}

# A tenth of a day, a row a second, each in a transaction of its own.
my $columns = 'time timestamptz NOT NULL, host text, v float8, w float8, i int8';
my $row = q{'2024-01-01'::timestamptz + i * interval '1 s', 'h' || i % 4,
	sin(i / 100.0) + hashint8(i) / 1e11, hashint8(-i) / 1e9, i};
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE day ($columns) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN day.host IS 'tag';
	CREATE TABLE bulk (LIKE day) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN bulk.host IS 'tag';
	CREATE TABLE heap (LIKE day);
	INSERT INTO heap SELECT $row FROM generate_series(1, 8640) i;
	INSERT INTO bulk SELECT * FROM heap;
	SELECT rusts_flush('bulk');
	DO \$\$ BEGIN FOR i IN 1..8640 LOOP INSERT INTO day VALUES ($row); COMMIT; END LOOP; END \$\$});
wait_until($node, 'postgres',
	q{SELECT count(*) < 20 FROM rusts.segments WHERE measurement = 'day'::regclass AND tier = 'hot'},
	'the worker merges what it flushes');
$node->safe_psql('postgres', "SELECT rusts_flush('day')");
same_as_heap('day', 'heap', 'one-row writes are all there');
wait_until(
	$node, 'postgres', q{
	SELECT rusts_compact('day') >= 0 AND pg_relation_size('day') <= pg_relation_size('bulk') + 8 * 8192},
	'removed segments give their space back');
cmp_ok(
	size_of('day'), '<=', 1.2 * size_of('bulk') + 4 * 8192,
	'one-row writes take no more space than the same rows at once');
same_as_heap('day', 'heap', 'and they are all there');
consistent($node, 'postgres', 'directory, files and scans agree');

# Stops at any time: writers of small and of large batches, compaction by the
# worker and by hand, and then no server.
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE c ($columns) USING rusts;
	CREATE TABLE c_heap (LIKE c);
	CREATE PROCEDURE write(n int) LANGUAGE plpgsql AS \$\$
	DECLARE
		rows int;
		start int;
	BEGIN
		LOOP
			start := 1000000 * n + (random() * 900000)::int;
			rows := (ARRAY[1, 500, 3000, 60000])[1 + (random() * 4)::int % 4];
			INSERT INTO c SELECT $row FROM generate_series(start, start + rows) i;
			INSERT INTO c_heap SELECT $row FROM generate_series(start, start + rows) i;
			IF random() < 0.3 THEN ROLLBACK; ELSE COMMIT; END IF;
		END LOOP;
	END \$\$;
	CREATE PROCEDURE compact() LANGUAGE plpgsql AS \$\$
	BEGIN
		LOOP
			PERFORM rusts_flush('c');
			COMMIT;
			PERFORM rusts_compact('c');
			IF random() < 0.3 THEN ROLLBACK; ELSE COMMIT; END IF;
		END LOOP;
	END \$\$});
my $rounds = $ENV{RUSTS_COMPACT_ROUNDS} // 3;
foreach my $round (1 .. $rounds)
{
	my @sessions = map { open_session($node) } 1 .. 6;
	my $begin = $node->safe_psql('postgres', 'SELECT count(*) FROM c_heap');

	tell_session($sessions[0], 'CALL write(1)', no_wait => 1);
	tell_session($sessions[1], 'CALL write(2)', no_wait => 1);
	tell_session($sessions[2], 'CALL write(3)', no_wait => 1);
	tell_session($sessions[3], 'CALL compact()', no_wait => 1);
	tell_session($sessions[5], "VACUUM c \\watch 0.2\nSELECT 1", no_wait => 1);

	# In the meantime no answer is wrong.
	my $wrong = 0;
	my $checks = 0;
	my $until = time + 3 + rand 3;
	while (time < $until)
	{
		my $answer = tell_session($sessions[4],
			q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*), sum(i), sum(hashfloat8(w)) FROM c;
			  SELECT count(*), sum(i), sum(hashfloat8(w)) FROM c WHERE v IS NOT NULL;
			  SELECT count(*), sum(i), sum(hashfloat8(w)) FROM c_heap; COMMIT});
		my @answers = split /\n/, $answer;
		$wrong++ unless @answers == 3
		  && $answers[0] eq $answers[1]
		  && $answers[0] eq $answers[2];
		$checks++;
	}
	is($wrong, 0, "round $round: $checks answers under load are right");

	# Processes that are busy do not notice that their postmaster is gone, and
	# those that wait for one that was killed never will.
	if ($round % 2)
	{
		my $server = $node->{_pid};
		my @all = split ' ', `ps -o pid= --ppid $server`;

		kill 'KILL', $server;
		kill 'KILL', @all;
	}
	stop_hard($node, $round % 2 ? 'KILL' : 'IMMEDIATE');
	close_session($_) foreach @sessions;
	start_patiently($node);
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM c_heap'),
		'>', $begin, "round $round: there were writes");
	same_as_heap('c', 'c_heap', "round $round: nothing is lost by a stop");
	consistent($node, 'postgres', 'directory, files and scans agree');
}
wait_until(
	$node, 'postgres', q{
	SELECT rusts_flush('c') + rusts_compact('c') >= 0 AND pg_relation_size('c') <=
		   1.4 * (SELECT sum(bytes) FROM rusts.segments WHERE measurement = 'c'::regclass) + 65536},
	'the space of those who were stopped is found again');
same_as_heap('c', 'c_heap', 'and nothing is lost');

# A disk that is full: the file cannot grow.  It can again, and the worker
# tries again.
$node->safe_psql(
	'postgres', qq{
	DROP TABLE c, c_heap;
	CREATE TABLE f ($columns) USING rusts;
	DO \$\$ BEGIN FOR j IN 0..6 LOOP
		INSERT INTO f SELECT $row FROM generate_series(j * 100000 + 1, j * 100000 + 100000) i;
		PERFORM rusts_flush('f'); COMMIT;
	END LOOP; END \$\$;
	CREATE TABLE f_heap AS SELECT * FROM f;
	VACUUM (FREEZE) f_heap;
	CHECKPOINT});
SKIP:
{
	my $limit = $node->safe_psql('postgres', q{SELECT pg_relation_size('f')})
	  + 200000;
	my $server = $node->{_pid};
	my $worker = worker_pid($node, 'postgres');
	my $old = `prlimit --pid $server --fsize --noheadings --output SOFT 2>&1`;

	skip 'no prlimit', 4 if $? != 0;
	chomp $old;
	$old =~ s/\s//g;
	sub limit_files
	{
		system_or_bail('prlimit', '--pid', $_, "--fsize=$_[0]:") foreach @_[ 1 .. $#_ ];
	}
	limit_files($limit, $server, $worker);
	fails_with(
		$node, 'postgres', "SELECT rusts_compact('f')",
		'53100|58P01|58030|XX000', 'could not extend file',
		'a compaction that finds no space fails');
	my $answer = $node->safe_psql(
		'postgres', qq{
		INSERT INTO f SELECT $row FROM generate_series(0, 0) i; SELECT rusts_flush('f');
		SET work_mem = '256MB';
		SELECT count(*), sum(i), count(DISTINCT w) FROM f});
	my $expected = $node->safe_psql('postgres',
		q{SET work_mem = '256MB'; SELECT count(*) + 1, sum(i), count(DISTINCT w) + 1 FROM f_heap});
	is($answer, "1\n$expected", 'and loses nothing, small writes go on');
	limit_files($old, $server, $worker);
	$node->safe_psql('postgres',
		"INSERT INTO f_heap SELECT $row FROM generate_series(0, 0) i");
	wait_until(
		$node, 'postgres', q{
		SELECT rusts_compact('f') >= 0 AND count(*) = count(DISTINCT time_partition) FROM rusts.segments WHERE measurement = 'f'::regclass},
		'with more space it does its work');
	same_as_heap('f', 'f_heap', 'and still nothing is lost');
}

# A standby whose query is older than what the primary has removed: an error
# that says so, no wrong answer.
$node->append_conf('postgresql.conf', "autovacuum = off\nrusts.flush_max_age = 1d");
$node->restart;
$node->safe_psql('postgres', 'DROP TABLE f, f_heap');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('compact_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE s ($columns) USING rusts;
	DO \$\$ BEGIN FOR j IN 0..3 LOOP
		INSERT INTO s SELECT $row FROM generate_series(j * 20000 + 1, j * 20000 + 20000) i;
		PERFORM rusts_flush('s'); COMMIT;
	END LOOP; END \$\$});
$node->wait_for_catchup($standby);
my $reader = open_session($standby);
is( tell_session($reader,
		q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*), sum(i) FROM s}),
	'80000|3200040000',
	'a standby reads segments');
$node->safe_psql('postgres', "SELECT rusts_compact('s')");
$node->wait_for_catchup($standby);
is( tell_session($reader, 'SELECT count(*), sum(i), count(DISTINCT w) FROM s'),
	'80000|3200040000|80000',
	'and after they were merged, with its old snapshot');
$node->safe_psql(
	'postgres', qq{
	INSERT INTO s SELECT $row FROM generate_series(80001, 100000) i;
	SELECT rusts_flush('s')});
$node->wait_for_catchup($standby);
eval { tell_session($reader, 'SELECT count(*), sum(i), count(DISTINCT w) FROM s') };
unlike($reader->{out}, qr/\d/, 'but not when their space has been used again');
like($reader->{err}, qr/conflict with recovery/,
	'which is said to be a conflict');
is( $standby->safe_psql('postgres', 'SELECT count(*), sum(i), count(DISTINCT w) FROM s'),
	$node->safe_psql('postgres', 'SELECT count(*), sum(i), count(DISTINCT w) FROM s'),
	'the next transaction reads what is there now');
close_session($reader);
$node->safe_psql('postgres', "SELECT rusts_compact('s'); SELECT rusts_compact('s'); SELECT rusts_compact('s')");
$node->wait_for_catchup($standby);
is( $standby->safe_psql('postgres', "SELECT pg_relation_size('s'), count(*), sum(i), count(DISTINCT w) FROM s"),
	$node->safe_psql('postgres', "SELECT pg_relation_size('s'), count(*), sum(i), count(DISTINCT w) FROM s"),
	'the standby has the shorter file, too');
$standby->stop;
$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ],
	'checksums are right');
done_testing();
