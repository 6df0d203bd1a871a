# pg_dump, pg_restore, pg_dumpall and pg_upgrade: each row once, labels before
# data, and nothing of the directory.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use File::Glob qw(bsd_glob);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $conf = <<'END';
rusts.flush_max_age = 1d
END
my $node = new_node('dump', conf => $conf);
my $dir = $node->basedir;

$node->safe_psql(
	'postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE DATABASE src OWNER owner});
$node->safe_psql('src',
	'CREATE EXTENSION rusts; GRANT ALL ON SCHEMA public TO owner');
$node->safe_psql(
	'src', q{
	SET ROLE owner;
	SELECT rusts_write(string_agg('cpu,host=h' || i % 10 || ',region=r' || i % 3 || ' usage=' ||
		i * 0.1 || ',n=' || i || 'i,ok=' || (i % 2 = 0) || ',s="' || md5(i::text) || '" ' ||
		i * 1000 || '001', E'\n')) FROM generate_series(1, 5000) i;
	SELECT rusts_flush();
	SELECT rusts_write('cpu,host=late,odd\ tag=x usage=-0,other=9223372036854775807i 5000');
	SELECT rusts_write('cpu usage=1e307,n=-7i 6000');
	SELECT rusts_write('cpu usage=1e308 6000');
	ALTER TABLE cpu ADD COLUMN late numeric DEFAULT 1.25;
	ALTER TABLE cpu DROP COLUMN ok;
	CREATE TABLE "Odd Name" ("time" timestamptz NOT NULL, a text[], j jsonb, b bytea,
		CHECK (b IS NOT NULL)) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN "Odd Name"."time" IS NULL;
	INSERT INTO "Odd Name" VALUES ('2024-02-29', '{a,"b,c"}', '{"x": [1, null]}', '\xdeadbeef');
	CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, v float8) USING rusts;
	INSERT INTO u SELECT to_timestamp(i), i FROM generate_series(1, 100) i;
	CREATE TABLE part (time timestamptz NOT NULL, v float8) PARTITION BY RANGE (time);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') USING rusts;
	CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') USING rusts;
	INSERT INTO part SELECT '2024-06-01'::timestamptz + i * interval '1 day', i FROM generate_series(1, 300) i;
	CREATE MATERIALIZED VIEW mv USING rusts AS SELECT time, n FROM cpu WHERE n <= 10;
	CREATE TABLE swapped (gone int, time timestamptz, v float8, other timestamp) USING rusts;
	ALTER TABLE swapped DROP COLUMN gone;
	ALTER TABLE swapped DROP COLUMN time;
	ALTER TABLE swapped RENAME COLUMN other TO time;
	INSERT INTO swapped SELECT i, '2024-01-01'::timestamp + i * interval '1 h' FROM generate_series(1, 100) i;
	CREATE VIEW lately AS SELECT * FROM swapped WHERE time >= '2024-01-03';
	CREATE VIEW v AS SELECT host, last(usage, time) FROM cpu GROUP BY 1;
	GRANT SELECT ON cpu TO PUBLIC;
	COMMENT ON TABLE cpu IS 'a measurement'});

my $tables = q{cpu "Odd Name" u part_1 part_2 mv};
my $question = join ' UNION ALL ',
  map { "SELECT '$_', count(*), md5(string_agg(to_jsonb(x)::text, ',' ORDER BY to_jsonb(x)::text COLLATE \"C\")) FROM $_ x" }
  ('cpu', '"Odd Name"', 'u', 'part', 'part_1', 'part_2', 'mv', 'v', 'lately');
my $labels = q{
	SELECT objoid::regclass, attname, provider, label FROM pg_seclabel
	  LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid
	 WHERE objoid = 'cpu'::regclass ORDER BY 1, 2};
my $expected = $node->safe_psql('src', $question);
my $tags = $node->safe_psql('src', $labels);
like($expected, qr/^cpu\|5002\|/, 'there is something to dump');
like($tags, qr/^cpu\|host\|rusts\|tag$/m, 'there are labels to dump');
like($tags, qr/^cpu\|\|rusts\|duplicates=merge$/m, '... and a rule for duplicates');
is( $node->safe_psql('src', "SELECT n FROM cpu WHERE usage = 1e308"),
	'-7', 'there is a point to dump that was written twice');

# One test each: what was restored is the same, and works on.
sub same_in
{
	my ($other, $dbname, $name) = @_;

	is($other->safe_psql($dbname, $question), $expected, "$name: the same rows");
	is($other->safe_psql($dbname, $labels), $tags, "$name: the same labels");
	is( $other->safe_psql($dbname,
			"SELECT rusts_write('cpu,host=again usage=1 7000'), rusts_flush() > 0"),
		'1|t',
		"$name: it can be written to and flushed");
	consistent($other, $dbname, "$name: directory, files and scans agree");
}

# The owner, who is no superuser, dumps; who restores may create extensions.
my @owner = ('-U', 'owner', '-d', $node->connstr('src'));
my %formats = (
	plain => ['-Fp'],
	custom => ['-Fc'],
	directory => [ '-Fd', '-j', '2' ],
	inserts => [ '--inserts', '--rows-per-insert=100' ],
	clean => [ '-Fp', '--clean', '--if-exists', '--no-owner' ]);
foreach my $format (sort keys %formats)
{
	my $file = "$dir/$format.dump";
	my $db = "to_$format";

	$node->command_ok(
		[ 'pg_dump', @owner, @{ $formats{$format} }, '-f', $file ],
		"$format: the owner can dump");
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	if ($formats{$format}[0] =~ /-F[cd]/)
	{
		my @jobs = $format eq 'directory' ? ('-j', '2') : ();

		$node->command_ok(
			[
				'pg_restore', '--exit-on-error', @jobs, '-d',
				$node->connstr($db), $file
			],
			"$format: pg_restore");
	}
	else
	{
		$node->command_ok(
			[
				'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d',
				$node->connstr($db), '-f', $file
			],
			"$format: psql");
	}
	same_in($node, $db, $format);
}
my $plain = slurp_file("$dir/plain.dump");
unlike($plain, qr/rusts\.segment\b/, 'the directory is not dumped');
cmp_ok(
	rindex($plain, 'SECURITY LABEL'),
	'<', index($plain, 'COPY public.'),
	'labels come before data');

# The schema alone, data alone into it.
$node->command_ok(
	[ 'pg_dump', @owner, '--schema-only', '-f', "$dir/schema.sql" ],
	'schema only');
like(
	slurp_file("$dir/schema.sql"),
	qr/^SECURITY LABEL FOR rusts ON COLUMN public\.cpu\.host IS 'tag';$/m,
	'a schema has the labels');
$node->command_ok(
	[ 'pg_dump', @owner, '--data-only', '-f', "$dir/data.sql" ],
	'data only');
$node->safe_psql('postgres', 'CREATE DATABASE apart');
foreach my $part ('schema', 'data')
{
	$node->command_ok(
		[
			'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d',
			$node->connstr('apart'), '-f', "$dir/$part.sql"
		],
		"$part apart");
}
$node->safe_psql('apart', 'REFRESH MATERIALIZED VIEW mv');
same_in($node, 'apart', 'schema and data apart');

# Who may not read the rows may not dump them.
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN');
$node->command_fails_like(
	[ 'pg_dump', '-U', 'stranger', '-d', $node->connstr('src') ],
	qr/permission denied for/,
	'a stranger cannot dump');

# A whole cluster into another.
$node->safe_psql('postgres', "DROP DATABASE $_")
  foreach 'apart', map { "to_$_" } keys %formats;
$node->command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '-f', "$dir/all.sql" ],
	'pg_dumpall');
my $other = new_node('other', conf => $conf);
$other->safe_psql('postgres', 'DROP EXTENSION rusts');
$other->command_ok(
	[ 'psql', '-Xq', '-d', $other->connstr('postgres'), '-f', "$dir/all.sql" ],
	'restore a cluster');
same_in($other, 'src', 'pg_dumpall');
$other->stop;

# pg_upgrade, to the same version.  It reads the counter of transactions
# first and starts the old server then: no worker may make transactions there.
$node->safe_psql('src', "SELECT rusts_write('late usage=1 1000'), rusts_write('cpu usage=2 1000')");
$expected = $node->safe_psql('src', $question);
foreach my $mode ('', '--link')
{
	my $name = 'new' . $mode =~ s/-/_/gr;
	my $new = PostgreSQL::Test::Cluster->new($name);

	$new->init(
		extra => [ '--no-locale', '--encoding=UTF8', '--data-checksums' ]);
	$new->append_conf('postgresql.conf',
		"shared_preload_libraries = 'rusts'\nfsync = off\nrusts.flush_max_points = 1\n");
	if ($node->{_pid})
	{
		$node->append_conf('postgresql.conf',
			"rusts.flush_max_points = 1\nlog_min_messages = debug1");
		$node->stop;
	}
	chdir $dir;
	command_ok(
		[
			'pg_upgrade', '--no-sync', '--retain',
			'-d', $node->data_dir,
			'-D', $new->data_dir,
			'-b', $node->config_data('--bindir'),
			'-B', $node->config_data('--bindir'),
			'-s', $new->host,
			'-p', $node->port,
			'-P', $new->port,
			$mode || ()
		],
		"pg_upgrade $mode");
	my $log = join '',
	  map { slurp_file($_) }
	  bsd_glob($new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_server.log');
	like($log, qr/starting background worker process|database system is ready/,
		"pg_upgrade $mode: there is a log");
	unlike($log, qr/starting background worker process "rusts/,
		"pg_upgrade $mode: no worker ran meanwhile");
	$new->append_conf('postgresql.conf', 'rusts.flush_max_points = 1000000');
	$new->start;

	# Both had batches in the directory and segments in pages.
	same_in($new, 'src', "pg_upgrade $mode");
	$new->safe_psql('src', 'VACUUM FREEZE; VACUUM FULL cpu');
	is($new->safe_psql('src', 'SELECT count(*) FROM cpu'),
		'5004', "pg_upgrade $mode: VACUUM FULL");
	$new->stop;
}
done_testing();
