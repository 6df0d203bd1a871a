# Short answers of other nodes: one statement, in binary form, and whatever
# goes wrong with that is no matter of the query's.
#
# test/t/082_cluster_answers.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('answers', mode => 'Quorum', factor => 2,
	conf => "log_statement = all\nrusts.cluster_timeout = 4s\n");

$cluster->apply;
$cluster->sql(1, q{SELECT rusts_write('points,host=h i8=1i');
	DELETE FROM points;
	ALTER TABLE points ADD COLUMN i4 int4, ADD COLUMN i2 int2,
		ADD COLUMN f8 float8, ADD COLUMN f4 float4, ADD COLUMN n numeric,
		ADD COLUMN b bool, ADD COLUMN d date, ADD COLUMN t timestamp,
		ADD COLUMN v varchar(9);
	INSERT INTO points (time, host, i8, i4, i2, f8, f4, n, b, d, t, v) SELECT '2024-01-01'::timestamptz + i * '1 min'::interval,
		CASE WHEN i % 9 > 0 THEN 'hö' || i % 40 END, i - 200, -i, i % 100,
		CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '-Infinity' WHEN 2 THEN 'NaN' ELSE i / 8.0 END,
		i / 4.0, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE -i * 1e20 / 3 END,
		i % 3 = 0, CASE WHEN i % 50 = 0 THEN 'infinity' ELSE '1999-12-31'::date + i END,
		'1999-12-31'::timestamp - i * '1 s'::interval, 'ü' || i % 7
	FROM generate_series(1, 400) AS i;
	CREATE TABLE same AS SELECT * FROM points});

my $all = q{host, b, count(*), sum(i8), sum(i4), avg(i2), min(i2), sum(f8),
	max(f4), sum(n), avg(n), bool_or(b), min(d), max(d), min(t), max(v),
	min(host), first(v, time), last(b, time), max(time)
	FROM %s WHERE f8 <> 'NaN' GROUP BY host, b};

is($cluster->sql(1, sprintf "SELECT count(*) FROM (SELECT $all EXCEPT SELECT $all) AS q",
		'points', 'same'), 0, 'all types');
is($cluster->sql(1, sprintf "SET client_encoding = 'LATIN1'; SET timezone = 'Asia/Tokyo';
		SELECT count(*) FROM (SELECT $all EXCEPT SELECT $all) AS q",
		'points', 'same'), 0, 'in a session of another encoding');

# What goes over the wire.
my $query = 'SELECT host, sum(i8) FROM points GROUP BY host ORDER BY host';
my $expected = $cluster->sql(1, $query =~ s/points/same/r);

sub remote
{
	my ($sql) = @_;
	my @before = map { -s $cluster->server($_)->logfile } 2, 3;
	my $answer = $cluster->sql(1, $sql);
	my $log = join '', map {
		my $text = slurp_file($cluster->server($_)->logfile, shift @before);
		join "\n", grep { /rusts:test:node1/ || /statement: |execute / } split /\n/, $text;
	} 2, 3;
	my @statements = $log =~ /(START TRANSACTION|DECLARE|FETCH|SELECT \* FROM \(SELECT)/g;

	return ($answer, join ',', sort @statements);
}

my ($answer, $statements) = remote($query);

is($answer, $expected, 'a short answer');
is($statements, 'SELECT * FROM (SELECT', 'is got by one statement');
($answer, $statements) =
  remote("BEGIN ISOLATION LEVEL REPEATABLE READ; $query; COMMIT");
is($answer, $expected, 'REPEATABLE READ');
like($statements, qr/DECLARE.*START TRANSACTION/, 'has a transaction of its own');
($answer, $statements) = remote("SET plan_cache_mode = force_generic_plan;
	PREPARE p(int) AS SELECT host, sum(i8) FROM points WHERE i4 < \$1 GROUP BY host ORDER BY host;
	EXECUTE p(1)");
is($answer, $expected, 'parameters');

# More than fits is read in pieces.
($answer, $statements) = remote("SET work_mem = '64kB'; SET hash_mem_multiplier = 1;
	SELECT count(q), sum(s) FROM (SELECT time, sum(i8) AS s, min(i8), max(i8), min(i4), max(i4), sum(i4),
		min(i2), max(i2), sum(i2), min(t), max(t), min(d), max(d),
		sum(f4), min(f4), max(f4), count(i2), count(i4), count(i8) FROM points GROUP BY time OFFSET 0) AS q");
is($answer, '400|200', 'a long answer');
like($statements, qr/DECLARE/, 'is read by a cursor');

# Several at once from a node, cursors, and an end before the end.
is($cluster->sql(1, "SELECT count(*) FROM (SELECT host, sum(i8) AS s FROM points GROUP BY host) AS a
		FULL JOIN (SELECT host, sum(i8) AS s FROM points GROUP BY host) AS b USING (host, s)"),
	41 + 1, 'joined with itself');
is($cluster->sql(1, "BEGIN; DECLARE a SCROLL CURSOR FOR $query; DECLARE b CURSOR WITH HOLD FOR $query;
		MOVE 3 IN a; MOVE 3 IN b; FETCH BACKWARD 1 FROM a; FETCH 1 FROM b; COMMIT; FETCH 1 FROM b"),
	join("\n", (split /\n/, $expected)[ 1, 3, 4 ]), 'cursors');
is($cluster->sql(1, 'SELECT sum(i8) > -1e9 FROM points GROUP BY host LIMIT 1'),
	't', 'a part of an answer');
is($cluster->sql(1, "SELECT g, (SELECT count(*) FROM (SELECT host, sum(i8) FROM points GROUP BY host OFFSET g) AS q)
		FROM generate_series(39, 41) AS g"), "39|2\n40|1\n41|0", 'again and again');

# All of a statement is of one time, however it is got.
($answer, $statements) = remote('SELECT (SELECT count(*) FROM points), (SELECT sum(i8) FROM points)');
is($answer, '400|200', 'two aggregates');
is($statements, 'SELECT * FROM (SELECT,SELECT * FROM (SELECT,START TRANSACTION', 'are one transaction');
($answer, $statements) = remote('SELECT (SELECT count(*) FROM points), count(*) FROM (SELECT * FROM points OFFSET 0) AS p');
is($answer, '400|400', 'an aggregate and rows');
unlike($statements, qr/SELECT \* FROM/, 'both are read by postgres_fdw');

# Errors are the statement's own, and the session goes on.
my $session = $cluster->server(1)->background_psql('postgres', on_error_stop => 0);

is($session->query($query), $expected, 'a session');
like(join('', map { $cluster->error($_, 'SELECT host, sum(i8 / (i4 + 7)) FROM points GROUP BY host') } 1 .. 3),
	qr/ERROR:  division by zero\n[^\n]*remote SQL command/, 'an error of a node');
is($session->query("SELECT host, sum(i8 / (i4 + 7)) FROM points GROUP BY host;\n$query"),
	$expected, 'does not end the session');

# On behalf of whom.
$cluster->sql($_, 'CREATE ROLE owner LOGIN; CREATE ROLE reader LOGIN') for 1 .. 3;
$cluster->apply;
$cluster->sql(1, "GRANT SELECT ON points TO owner;
	CREATE SCHEMA s AUTHORIZATION owner; GRANT USAGE ON SCHEMA s TO reader;
	SET ROLE owner; CREATE VIEW s.v AS SELECT host, sum(i8) AS s FROM points GROUP BY host;
	GRANT SELECT ON s.v TO reader");
is($cluster->sql(1, 'SET ROLE reader; SELECT * FROM s.v ORDER BY host'), $expected,
	'a view of somebody else');
like($cluster->error(1, "SET ROLE reader; $query"), qr/permission denied/,
	'and without it');

# Killed: what was connected to is not there any more, others have the rows.
is($session->query($query), $expected, 'all are there');
$cluster->server(2)->stop('immediate');
$cluster->server(1)->poll_query_until('postgres', "SELECT state = 'down' FROM rusts_cluster_status() WHERE node_id = 'node2'")
  or die 'node 2 is not down';
is($session->query($query), $expected, 'from replicas');
$cluster->server(2)->start;
$cluster->server(1)->poll_query_until('postgres', "SELECT bool_and(state = 'live') FROM rusts_cluster_status()")
  or die 'node 2 is not back';
is($session->query($query), $expected, 'it is back');
$session->quit;
$cluster->stop;

# A node that is primary of two groups of shards, asked by one that has neither.
$cluster = ClusterTest->new('groups', mode => 'Quorum', factor => 2, nodes => 4,
	shards => 4);
for my $i (1 .. 4)
{
	my $text = $cluster->config($i) =~ s/\[\[nodes.*//sr;

	$text .= $cluster->node_config(1, '0, 1', '2');
	$text .= $cluster->node_config(2, '2, 3', '0, 1');
	$text .= $cluster->node_config(3, '', '3');
	$text .= $cluster->node_config(4, '', '');
	open my $fh, '>', $cluster->server($i)->data_dir . '/cluster.toml' or die $!;
	print $fh $text;
	close $fh;
}
$cluster->apply;
$cluster->sql(1, q{SELECT rusts_write(string_agg(format('points,host=h%s v=%si %s', i % 50, i, i * 1000000), E'\n'))
	FROM generate_series(1, 1000) AS i});
like($cluster->sql(4, 'EXPLAIN (VERBOSE) SELECT host, sum(v) FROM points GROUP BY host'),
	qr/(Async Foreign Scan.*){3}/s, 'three groups');
is($cluster->sql($_, 'SELECT count(*), sum(s) FROM (SELECT host, sum(v) AS s FROM points GROUP BY host) AS q'),
	'50|500500', "asked by node $_")
  for 1 .. 4;
is($cluster->sql(4, q{SET work_mem = '64kB'; SELECT count(*), sum(s) FROM
		(SELECT time, sum(v) AS s, min(v), max(v), count(*), avg(v), first(v, time) FROM points GROUP BY time) AS q}),
	'1000|500500', 'long answers');
$cluster->stop;

done_testing();
