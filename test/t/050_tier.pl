# The cold tier, in the measurement's file and in a tablespace: crashes,
# standbys, dumps, pg_upgrade.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'tier',
	init => { allows_streaming => 1 },
	conf => <<'END');
rusts.flush_max_age = 1d
allow_in_place_tablespaces = on
log_min_messages = fatal
hot_standby_feedback = on
END
my $answer = q{SELECT count(*), count(DISTINCT host), sum(i), sum(v::numeric), min(time), max(time),
	md5(string_agg(to_jsonb(m)::text, '' ORDER BY host, time, i)) FROM m};
my $tiers = q{SELECT tier, tablespace, count(*), sum(rows) FROM rusts.segments
	WHERE measurement = 'm'::regclass GROUP BY 1, 2 ORDER BY 1, 2};

$node->safe_psql('postgres', q{CREATE TABLESPACE slow LOCATION ''});

# The tablespace's table is made here: what a server that dies leaves of a new
# table would keep the tablespace from being dropped.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE first (time timestamptz, v int8) USING rusts;
	INSERT INTO first SELECT to_timestamp(i), i * i % 9973 FROM generate_series(1, 10000) AS i;
	SELECT rusts_tier('first', 'infinity', 'slow');
	DROP TABLE first});
$node->safe_psql(
	'postgres', q{
	SELECT rusts_write(string_agg('m,host=h' || i % 100 || ' i=' || i + 20000 * j || 'i,v=' ||
		sin(i) || ',s="' || md5(i::text) || '" ' || i * 10000000000::int8 + j * 1000000000::int8, E'\n'))
	  FROM generate_series(1, 20000) i, generate_series(0, 2) j GROUP BY j});
$node->safe_psql('postgres', 'SELECT rusts_flush()');
my $expected = $node->safe_psql('postgres', $answer);
like($expected, qr/^60000\|100\|/, 'the rows are there');
my $hot = $node->safe_psql('postgres', $tiers);

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('tier_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# A server that dies before the commit has moved nothing.
foreach my $where ("'infinity'", "'infinity', 'slow'")
{
	my $mover = open_session($node);

	tell_session($mover, "BEGIN; SELECT rusts_tier('m', $where)");
	is($node->safe_psql('postgres', $answer),
		$expected, "$where: readers are not held up");
	stop_hard($node);
	close_session($mover);
	$node->start;
	is($node->safe_psql('postgres', $tiers),
		$hot, "$where: nothing has moved when the server died");
	is($node->safe_psql('postgres', $answer), $expected, "$where: same rows");
}

# A reader of the standby that began before goes on.
my $reader = open_session($standby);
$node->wait_for_catchup($standby);
tell_session($reader,
	'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM m');
$node->safe_psql('postgres', "SELECT rusts_tier('m', '1970-01-02')");
$node->safe_psql('postgres', "SELECT rusts_tier('m', 'infinity', 'slow')");
my $cold = $node->safe_psql('postgres', $tiers);
like($cold, qr/^cold\|slow\|.*\ncold\|\|\d+\|\d+$/m, 'all rows are cold')
  or diag($cold);
unlike($cold, qr/hot/, 'and none is hot');
$node->wait_for_catchup($standby);
is(tell_session($reader, "$answer; COMMIT"),
	$expected, 'an older snapshot of the standby reads what was there');
is($standby->safe_psql('postgres', $tiers),
	$cold, 'the standby has the same tiers');
is($standby->safe_psql('postgres', $answer), $expected, 'and the same rows');
close_session($reader);

# A server that dies afterwards has moved everything.
stop_hard($node);
$node->start;
is($node->safe_psql('postgres', $tiers), $cold, 'cold after a crash');
is($node->safe_psql('postgres', $answer), $expected, 'same rows after it');

# A dump has each row once, and no table of the tablespace.
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
unlike(slurp_file($dump), qr/cold_\d/, 'nothing of the cold table in it');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'restored' ],
	'restored');
is($node->safe_psql('restored', $answer), $expected, 'same rows in the copy');

# Moved to another tablespace; then pg_upgrade, which between servers of one
# version does not do tablespaces, takes it along.
my $table = $node->safe_psql('postgres',
	q{SELECT 'rusts.cold_' || oid FROM pg_tablespace WHERE spcname = 'slow'});
$node->safe_psql('postgres', "ALTER TABLE $table SET TABLESPACE pg_default");
my $index = "${table}_pkey";
$node->safe_psql('postgres', "ALTER INDEX $index SET TABLESPACE pg_default");
$node->safe_psql('postgres', 'DROP TABLESPACE slow');
$node->safe_psql('postgres', "VACUUM FULL $table");
is($node->safe_psql('postgres', $answer),
	$expected, 'same rows from the default tablespace');
$standby->stop;
$node->stop;

my $new = PostgreSQL::Test::Cluster->new('tier_new');
$new->init(extra => [ '--no-locale', '--encoding=UTF8', '--data-checksums' ]);
$new->append_conf('postgresql.conf',
	"shared_preload_libraries = 'rusts'\nfsync = off\n");
chdir $node->basedir;
command_ok(
	[
		'pg_upgrade', '--no-sync',
		'-d', $node->data_dir,
		'-D', $new->data_dir,
		'-b', $node->config_data('--bindir'),
		'-B', $node->config_data('--bindir'),
		'-s', $new->host,
		'-p', $node->port,
		'-P', $new->port
	],
	'pg_upgrade');
$new->start;
is($new->safe_psql('postgres', $answer), $expected, 'same rows after it');
is( $new->safe_psql(
		'postgres',
		"SELECT deptype FROM pg_depend WHERE objid = '$table'::regclass AND refclassid = 'pg_extension'::regclass"),
	'e',
	'the cold table is still the extension\'s');
$new->safe_psql('postgres', 'VACUUM FULL m');
is($new->safe_psql('postgres', $answer), $expected, 'and after VACUUM FULL');
$new->safe_psql('postgres', 'DROP TABLE m');
is($new->safe_psql('postgres', "SELECT count(*) FROM $table"),
	'0', 'nothing is left of it');
$new->safe_psql('postgres', 'DROP EXTENSION rusts CASCADE');
is($new->safe_psql('postgres', "SELECT to_regclass('$table')"),
	'', 'the extension takes the table along');
$new->stop;
done_testing();
