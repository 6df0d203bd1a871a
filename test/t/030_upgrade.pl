# ALTER EXTENSION UPDATE: what an older version becomes is what CREATE
# EXTENSION makes, and measurements come through.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

# Every property of the extension's members that a script can set, a line
# each.  Names instead of OIDs.
my $catalog = <<'END';
WITH ext AS (SELECT * FROM pg_extension WHERE extname = 'rusts'),
member AS
	(SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
	   FROM pg_depend d, ext
	  WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = ext.oid
		AND d.deptype = 'e'),
rel AS
	(SELECT c.*, m.name FROM member m JOIN pg_class c ON c.oid = m.objid
	  WHERE m.classid = 'pg_class'::regclass),
said AS (
SELECT name || ': there' AS line FROM member
UNION ALL
SELECT name || ' comment: ' || obj_description(objid, classid::regclass::text::name)
  FROM member
UNION ALL
SELECT name || ' initial privileges: ' || p.objsubid || ' ' ||
	   (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(initprivs) a)
  FROM member m JOIN pg_init_privs p ON p.classoid = m.classid AND p.objoid = m.objid
UNION ALL
SELECT m.name || ' definition: ' ||
	   CASE prokind WHEN 'a' THEN
			(SELECT replace(row(aggkind, aggnumdirectargs, aggtransfn, aggfinalfn, aggcombinefn,
						aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn,
						aggfinalextra, aggmfinalextra, aggfinalmodify, aggmfinalmodify, aggsortop,
						aggtranstype::regtype, aggtransspace, agginitval)::text, '\n', ' ')
			   FROM pg_aggregate WHERE aggfnoid = p.oid)
	   ELSE pg_get_functiondef(p.oid) END
  FROM member m JOIN pg_proc p ON p.oid = m.objid
 WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT m.name || ' flags: ' ||
	   row(prokind, provolatile, proparallel, proisstrict, proleakproof, prosecdef, procost,
		   prorows, prosupport, proconfig, proargnames, proowner = 10)::text
  FROM member m JOIN pg_proc p ON p.oid = m.objid
 WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT m.name || ' privileges: ' || a::text
  FROM member m JOIN pg_proc p ON p.oid = m.objid, unnest(proacl) a
 WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT m.name || ' privileges: ' || a::text
  FROM member m JOIN pg_namespace n ON n.oid = m.objid, unnest(nspacl) a
 WHERE m.classid = 'pg_namespace'::regclass
UNION ALL
SELECT name || ' relation: ' ||
	   row(relkind, relpersistence, relam, relrowsecurity, relforcerowsecurity, relreplident,
		   reltoastrelid <> 0, relowner = 10)::text
  FROM rel
UNION ALL
SELECT name || ' option: ' || o FROM rel, unnest(reloptions) o
UNION ALL
SELECT name || ' TOAST option: ' || o::text
  FROM rel JOIN pg_class t ON t.oid = rel.reltoastrelid, unnest(t.reloptions) o
UNION ALL
SELECT name || ' privileges: ' || a::text FROM rel, unnest(relacl) a
UNION ALL
SELECT name || ' view: ' || pg_get_viewdef(rel.oid) FROM rel WHERE relkind IN ('v', 'm')
UNION ALL
SELECT name || ' column: ' ||
	   row(attnum, attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
		   attcompression, attstattarget, attidentity, attgenerated, attcollation,
		   pg_get_expr(adbin, adrelid))::text
  FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND attnum > 0
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT name || ' column option: ' || attname || ' ' || o	-- one is PostgreSQL's own
  FROM rel JOIN pg_attribute a ON attrelid = rel.oid, unnest(attoptions) o
 WHERE o !~ '^pg_attver='
UNION ALL
SELECT name || ' column privileges: ' || attname || ' ' || c::text
  FROM rel JOIN pg_attribute a ON attrelid = rel.oid, unnest(attacl) c
UNION ALL
SELECT name || ' column comment: ' || attname || ': ' || col_description(rel.oid, attnum)
  FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND attnum > 0
UNION ALL
SELECT name || ' index: ' || pg_get_indexdef(indexrelid)
  FROM rel JOIN pg_index ON indrelid = rel.oid
UNION ALL
SELECT name || ' constraint: ' || conname || ' ' || pg_get_constraintdef(c.oid)
  FROM rel JOIN pg_constraint c ON conrelid = rel.oid
UNION ALL
SELECT name || ' trigger: ' || pg_get_triggerdef(t.oid)
  FROM rel JOIN pg_trigger t ON tgrelid = rel.oid AND NOT tgisinternal
UNION ALL
SELECT name || ' rule: ' || pg_get_ruledef(r.oid)
  FROM rel JOIN pg_rewrite r ON ev_class = rel.oid AND relkind <> 'v'
UNION ALL
SELECT name || ' policy: ' || row(polname, polcmd, polpermissive, polroles,
	   pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text
  FROM rel JOIN pg_policy ON polrelid = rel.oid
UNION ALL
SELECT name || ' sequence: ' || row(seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin,
	   seqcache, seqcycle)::text
  FROM rel JOIN pg_sequence ON seqrelid = rel.oid
UNION ALL
SELECT name || ' is dumped: ' || coalesce(extcondition[i], '')
  FROM ext, generate_subscripts(extconfig, 1) i, rel WHERE rel.oid = extconfig[i]
UNION ALL
SELECT m.name || ' handler: ' || row(amhandler, amtype)::text
  FROM member m JOIN pg_am a ON a.oid = m.objid WHERE m.classid = 'pg_am'::regclass
UNION ALL
SELECT 'extension: ' || row(extversion, extnamespace::regnamespace, extrelocatable,
	   extowner = 10)::text FROM ext)
SELECT replace(line, E'\n', ' ') FROM said WHERE line IS NOT NULL
 ORDER BY line COLLATE "C"
END

my $node = new_node(
	'upgrade', conf => <<'END');
rusts.flush_max_age = 1d
END
my ($now) = $node->safe_psql('postgres',
	q{SELECT extversion FROM pg_extension WHERE extname = 'rusts'});
my $fresh = $node->safe_psql('postgres', $catalog);
cmp_ok(scalar(split /\n/, $fresh), '>', 100, 'a fresh installation has properties');

my @versions = split /\n/,
  $node->safe_psql(
	'postgres', q{
	SELECT source FROM pg_extension_update_paths('rusts')
	 WHERE target = (SELECT default_version FROM pg_available_extensions
					  WHERE name = 'rusts') AND path IS NOT NULL
	 ORDER BY 1});
is($versions[0], '0.1.0', 'there is a way from the first version');
foreach my $version (@versions)
{
	my $db = "from_$version";
	my $rows = q{
		SELECT count(*), sum(v), count(DISTINCT host), md5(string_agg(time::text, ',' ORDER BY time, host))
		  FROM m};

	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
	$node->safe_psql($db, "CREATE EXTENSION rusts VERSION '$version'");
	is( $node->safe_psql($db,
			q{SELECT extversion FROM pg_extension WHERE extname = 'rusts'}),
		$version,
		"$version: installed");

	# The library is the new one already, the SQL objects are the old ones.
	$node->safe_psql(
		$db, q{
		SELECT rusts_write(string_agg('m,host=h' || i % 7 || ' v=' || i || 'i ' || i * 1000, E'\n'))
		  FROM generate_series(1, 1000) i;
		SELECT rusts_flush('m');
		INSERT INTO m (time, host, v) SELECT to_timestamp(i), 'late', i FROM generate_series(1, 50) i;
		CREATE VIEW mine AS SELECT * FROM rusts.measurements});
	my $before = $node->safe_psql($db, $rows);
	$node->safe_psql($db, 'ALTER EXTENSION rusts UPDATE');

	# What an update leaves out, or has too much, is in the difference.
	my %fresh = map { $_ => 1 } split /\n/, $fresh;
	my %updated = map { $_ => 1 } split /\n/, $node->safe_psql($db, $catalog);
	my @difference = sort ((map { "lacks $_" } grep { !$updated{$_} } keys %fresh),
		(map { "has only after an update: $_" } grep { !$fresh{$_} } keys %updated));
	is(join("\n", @difference), '',
		"$version: an update makes what an installation makes");

	is($node->safe_psql($db, $rows), $before, "$version: the rows are there");
	is($node->safe_psql($db, q{SELECT rows FROM mine WHERE measurement = 'm'::regclass}),
		'1050', "$version: a view of the user's over one of ours");
	$node->safe_psql($db, q{SELECT rusts_write('m,host=new v=1i 1')});
	is($node->safe_psql($db, 'SELECT rusts_flush()'),
		'51', "$version: it can be written to and flushed");
	consistent($node, $db, "$version: directory, files and scans agree");

	# A dump restores into the present version.
	$node->command_ok(
		[ 'pg_dump', '-Fc', '-f', $node->basedir . "/$db", '-d', $node->connstr($db) ],
		"$version: pg_dump");
}
$node->stop;
done_testing();
