# rusts_write where psql and two sessions are not enough: many sessions that
# change the schema at once, large inputs, databases in other encodings.
#
# test/t/040_write.pl

use strict;
use warnings;
use utf8;

use Encode ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('write');
$node->init(extra => [ '--no-locale', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'rusts'
fsync = off
deadlock_timeout = 100ms
END
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rusts');

# Many sessions, few names: nearly every call meets something that another
# is about to make.  Each call writes five points and is a transaction.
my $clients = 8;
my $calls = 60;
my $script = $node->basedir . '/schema.sql';
append_to_file($script, <<'END');
\set a random(1, 12)
\set b random(1, 12)
\set c random(1, 12)
\set f random(1, 40)
\set g random(1, 40)
\set t random(1, 8)
SELECT nextval('points') * 10000 AS n \gset
SELECT rusts_write('m' || :a || ',t' || :t || '=x f' || :f || '=1 ' || :n || E'\nm' ||
	:b || ',u' || :t || '=y f' || :g || '=2 ' || :n + 1000 || E'\nm' || :a || ' g' || :g ||
	'=3i ' || :n + 2000 || E'\nm' || :c || ',t' || :t || '=x f' || :f || '=1,g' || :f ||
	'=7i ' || :n + 3000 || E'\nm' || :b || ' f' || :f || '=3,h' || :t || '=1 ' || :n + 4001 || E'\n');
END
$node->safe_psql('postgres', 'CREATE SEQUENCE points');
$node->command_ok(
	[
		'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $calls,
		'-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'
	],
	'sessions that meet the same new names');
my $tables = $node->safe_psql('postgres',
	q{SELECT string_agg('SELECT count(*) AS n FROM ' || oid::regclass, ' UNION ALL ')
		FROM pg_class WHERE relname ~ '^m\d+$'});
is($node->safe_psql('postgres', "SELECT sum(n) FROM ($tables) x"),
	$clients * $calls * 5, 'every point is there, none twice');
is( $node->safe_psql(
		'postgres', q{
		SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		  LEFT JOIN pg_seclabel ON objoid = attrelid AND objsubid = attnum
		 WHERE relname ~ '^m\d+$' AND attname ~ '^[tu]\d'
		   AND label IS DISTINCT FROM 'tag'}),
	'0',
	'every tag has its label');

# More series than any table holds at first, and more than one buffer's worth
# of rows: the second half has a field of its own.
is( $node->safe_psql(
		'postgres', q{
		SELECT rusts_write(string_agg('many,id=' || i || ' v=' || i || 'i' ||
			CASE WHEN i > 500000 THEN ',late=t' ELSE '' END || ' ' || i || '000',
			E'\n'))
		  FROM generate_series(1, 1000000) i}),
	'1000000',
	'a million series in a call');
is( $node->safe_psql(
		'postgres', q{
		SELECT count(*), count(DISTINCT id), sum(v), count(late),
			   sum((id::int8 <> v)::int) FROM many}),
	'1000000|1000000|500000500000|500000|0',
	'a million series are told apart');

# The rest of an input is looked at before the first rows leave memory.
is( $node->safe_psql(
		'postgres', q{
		SELECT rusts_write(string_agg('long,id=' || i % 10 || ' a=1i,b=2i,c=3i,d=' || i || 'i ' ||
			i || '000', E'\n') || E'\nlong,id=0 z=1 5000\nlonger z=1 6000')
		  FROM generate_series(1, 1500000) i}),
	'1500002',
	'a long input with a new field in its last lines');
is( $node->safe_psql('postgres',
		'SELECT count(*), sum(d), count(z), (SELECT count(*) FROM longer) FROM long'),
	'1500001|1125000750000|1|1',
	'a long input is there');

# Large lines.
is( $node->safe_psql(
		'postgres', q{
		SELECT rusts_write('large s="' || repeat('x', 100000000) ||
			$lp$",t="\\\\\\"" 1000$lp$ || E'\nlarge s="y" 2000')}),
	'2',
	'a line of 100 MB');
is( $node->safe_psql('postgres',
		'SELECT length(s), t FROM large ORDER BY time'),
	"100000000|\\\"\n1|", 'a line of 100 MB is there');
my ($ret, $stdout, $stderr) = $node->psql('postgres',
	q{SELECT rusts_write('large ' || repeat('x', 100000000))});
like(
	$stderr,
	qr/ERROR:  line 1: .*\nDETAIL:  The line is "large x{74}\.\.\."\.$/,
	'a bad line of 100 MB is shown shortened');

# Other encodings.
$node->safe_psql('postgres',
	"CREATE DATABASE latin1 ENCODING latin1 TEMPLATE template0");
$node->safe_psql('postgres',
	"CREATE DATABASE ascii ENCODING sql_ascii TEMPLATE template0");
foreach my $db ('latin1', 'ascii')
{
	$node->safe_psql($db, 'CREATE EXTENSION rusts');
}

# a measurement, tag, value, field and string with letters beyond ASCII
my $line = q{mäß,täg=wört fäld="stüring",g="a\"ü",h=1 1000};
my $hex = unpack('H*', Encode::encode('UTF-8', $line));
foreach my $call ("'$line'::text", "'\\x$hex'::bytea")
{
	is( $node->safe_psql(
			'latin1', Encode::encode('UTF-8', qq{
			SET client_encoding = utf8;
			SELECT rusts_write($call);
			SELECT convert_to("täg" || "fäld" || g || h, 'latin1') FROM "mäß";
			DROP TABLE "mäß"})),
		"1\n\\x77f672747374fc72696e676122fc31",
		'LATIN1 database, from ' . ($call =~ /bytea/ ? 'bytea' : 'text'));
}
$hex = unpack(
	'H*',
	Encode::encode(
		'UTF-8',
		"m,t=€ f=1 1000\nm f=\"€\" 2000\nm €=1 3000\n€ f=1 4000\nm f=\"ö\" 5000\nm,t=ä f=\"x\" 6000"
	));
($ret, $stdout, $stderr) =
  $node->psql('latin1', "SELECT rusts_write('\\x$hex'::bytea)");
like(
	$stderr,
	qr/ERROR:  line 1: a tag has a character that the database encoding lacks\n.*The line is "m,t=\?\?\? f=1 1000"/,
	'a character that LATIN1 lacks is an error');
($ret, $stdout, $stderr) = $node->psql('latin1',
	"SELECT rusts_write('\\x$hex'::bytea, 'ns', 'skip')");
is($stdout, '2', 'lines that LATIN1 can hold are written');
like($stderr, qr/line $_ skipped/, "line $_ is skipped") foreach 1 .. 4;
is( $node->safe_psql('latin1',
		"SELECT convert_to(coalesce(t, '') || f, 'latin1') FROM m ORDER BY time"),
	"\\xf6\n\\xe478",
	'nothing of skipped lines is left');

$hex = unpack('H*', Encode::encode('UTF-8', $line));
is( $node->safe_psql(
		'ascii', qq{
		SELECT rusts_write('\\x$hex'::bytea);
		SELECT count(*) FROM pg_class WHERE relname = convert_from('\\x6dc3a4c39f', 'sql_ascii')}),
	"1\n1",
	'SQL_ASCII database keeps UTF-8 as it is');
($ret, $stdout, $stderr) =
  $node->psql('ascii', q{SELECT rusts_write(E'm f="\xff" 1')});
like($stderr, qr/line 1: invalid UTF-8/,
	'SQL_ASCII database refuses what is not UTF-8');

$node->stop;
done_testing();
