# What measurements have, a node that is added later has, too.
#
# test/t/083_cluster_new_node.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Servers 1 to 4, of which 3 and 4 are added.
my $cluster = ClusterTest->new('newnode', nodes => 4, shards => 8);

# layout(factor, [number, shards, replica shards]...)
sub layout
{
	my ($factor, @nodes) = @_;
	my $text = <<"END";
node_id = "node1"
cluster_name = "test"
replication_mode = "Quorum"
replication_factor = $factor
shard_count = 8
sharding_strategy = "BySeries"
END

	$text .= $cluster->node_config(@$_) for @nodes;
	unlink my $path = $cluster->server(1)->data_dir . '/cluster.toml';
	append_to_file($path, $text);
	return;
}

# All that a measurement is, as PostgreSQL says it.
my $everything = q{
SELECT concat_ws('|', 'table', pg_get_userbyid(relowner), relacl, relrowsecurity,
	relforcerowsecurity, obj_description(oid, 'pg_class'))
FROM pg_class WHERE oid = 'cpu'::regclass
UNION ALL
SELECT concat_ws('|', 'column', attname, format_type(atttypid, atttypmod),
	attcollation::regcollation, attnotnull, attgenerated, attacl,
	pg_get_expr(adbin, adrelid), col_description(attrelid, attnum),
	(SELECT label FROM pg_seclabel WHERE objoid = attrelid AND objsubid = attnum))
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'cpu'::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT concat_ws('|', 'constraint', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = 'cpu'::regclass
UNION ALL
SELECT concat_ws('|', 'trigger', tgenabled, pg_get_triggerdef(oid))
FROM pg_trigger WHERE tgrelid = 'cpu'::regclass AND NOT tgisinternal
UNION ALL
SELECT concat_ws('|', 'rule', pg_get_ruledef(oid))
FROM pg_rewrite WHERE ev_class = 'cpu'::regclass
UNION ALL
SELECT concat_ws('|', 'policy', policyname, permissive, roles, cmd, qual, with_check)
FROM pg_policies WHERE tablename = 'cpu'
UNION ALL
SELECT concat_ws('|', 'rusts policy', pattern, kind, owner, after, clock)
FROM rusts.policy
ORDER BY 1};

# ... and what its parts are, each the same but for those of other nodes.
my $parts = q{
SELECT DISTINCT concat_ws('|', 'column', attname, format_type(atttypid, atttypmod),
	attnotnull, attgenerated, pg_get_expr(adbin, adrelid),
	(SELECT label FROM pg_seclabel WHERE objoid = attrelid AND objsubid = attnum))
FROM pg_inherits JOIN pg_attribute AS a ON attrelid = inhrelid AND attnum > 0
	AND NOT attisdropped
	LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE inhparent = 'cpu'::regclass
UNION
SELECT concat_ws('|', 'constraint', conname, pg_get_expr(conbin, conrelid))
FROM pg_inherits JOIN pg_constraint AS c ON conrelid = inhrelid
WHERE inhparent = 'cpu'::regclass AND contype = 'c'
UNION
SELECT concat_ws('|', 'trigger', tgname, tgenabled, tgtype, tgfoid::regproc)
FROM pg_inherits JOIN pg_trigger ON tgrelid = inhrelid
WHERE inhparent = 'cpu'::regclass
UNION
SELECT concat_ws('|', 'duplicates', substring(label, 'duplicates=([a-z]+)'))
FROM pg_inherits LEFT JOIN pg_seclabel ON objoid = inhrelid AND objsubid = 0
	AND provider = 'rusts'
WHERE inhparent = 'cpu'::regclass
UNION
SELECT concat_ws('|', 'table', pg_get_userbyid(relowner),
	rusts_wal_mode(inhrelid::regclass), relpersistence)
FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = 'cpu'::regclass AND relkind = 'r'
ORDER BY 1};

sub check
{
	my ($test_name, @nodes) = @_;
	my $all = $cluster->sql(1, $everything);
	my $of_parts = $cluster->sql(1, $parts);

	for my $i (@nodes)
	{
		is($cluster->sql($i, $everything), $all, "$test_name: node $i");
		is($cluster->sql($i, $parts), $of_parts, "$test_name: parts of node $i");
	}
	return;
}

sub check_rows
{
	my ($expected, $test_name, @nodes) = @_;

	is($cluster->sql($_, 'SELECT count(*), sum(v), sum(twice) FROM cpu'),
		$expected, "$test_name: rows, node $_") for @nodes;
	return;
}

my $functions = <<'END';
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen VALUES (TG_NAME, TG_OP);
	RETURN COALESCE(NEW, OLD);
END $$
END
my $here = <<'END';
CREATE ROLE keeper LOGIN; CREATE ROLE reader LOGIN;
GRANT CREATE ON SCHEMA public TO keeper;
CREATE TABLE seen (name text, op text);
CREATE TABLE ran (name text);
GRANT ALL ON seen, ran TO PUBLIC;
SET ROLE keeper;
CREATE FUNCTION honest(float8) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.ran VALUES (current_user);
	RETURN true;
END $$;
END

$cluster->sql($_, $here) for 1 .. 4;
$cluster->sql($_, $functions) for 1 .. 2;

layout(1, [ 1, '0, 1, 2, 3' ], [ 2, '4, 5, 6, 7' ]);
$cluster->apply;
$cluster->sql(1, q{SET ROLE keeper;
	SELECT rusts_write('cpu,host=a v=1,w=1i 1');
	SELECT rusts_set_duplicates('cpu', 'keep')});
$cluster->sql(2, q{SET ROLE keeper;
	SELECT rusts_write('cpu,host=a v=1,w=1i,name="n" 1')});
like($cluster->sql($_, $parts), qr/^duplicates\|keep$/m,
	'a new column does not change how duplicates are treated') for 1 .. 2;
$cluster->sql(2, <<'END');
SET ROLE keeper;
ALTER TABLE cpu ADD COLUMN exact numeric(10, 2);
ALTER TABLE cpu ADD COLUMN note text COLLATE "C";
ALTER TABLE cpu ADD COLUMN twice float8 GENERATED ALWAYS AS (v * 2) STORED;
ALTER TABLE cpu ADD COLUMN day date DEFAULT '2020-02-01';
ALTER TABLE cpu ALTER COLUMN v SET NOT NULL;
ALTER TABLE cpu ALTER COLUMN w SET DEFAULT 7;
ALTER TABLE cpu ADD CONSTRAINT few CHECK (v < 1000000);
ALTER TABLE cpu ADD CONSTRAINT later CHECK (w > 0) NOT VALID;
ALTER TABLE cpu ADD CONSTRAINT owned CHECK (honest(v));
COMMENT ON TABLE cpu IS 'what''s used';
COMMENT ON COLUMN cpu.v IS E'a \\ value';
CREATE TRIGGER each AFTER INSERT OR DELETE ON cpu FOR EACH ROW
	WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION note();
CREATE TRIGGER whole AFTER UPDATE ON cpu EXECUTE FUNCTION note();
CREATE TRIGGER never BEFORE INSERT ON cpu FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE cpu DISABLE TRIGGER never;
CREATE RULE also AS ON INSERT TO cpu WHERE NEW.v < 0
	DO ALSO INSERT INTO seen VALUES ('rule', NEW.host);
GRANT SELECT, INSERT ON cpu TO reader;
GRANT UPDATE (v) ON cpu TO reader;
CREATE POLICY ours ON cpu FOR SELECT TO reader USING (host < 'x');
ALTER TABLE cpu ENABLE ROW LEVEL SECURITY;
SELECT rusts_set_wal_mode('cpu', 'periodic');
SELECT rusts_add_retention_policy('cpu', '1000000 days');
INSERT INTO cpu (time, host, v)
SELECT timestamptz '2024-01-01' + i * interval '1 s', 'h' || i % 40, i
FROM generate_series(1, 400) AS i, generate_series(1, 2);
END
$cluster->sql(2, q{SET ROLE keeper; SELECT rusts_write('cpu,host=a v=1,more=1i 1');
	DELETE FROM cpu WHERE more = 1});
check('two nodes', 2);
check_rows('802|160402|320804', 'two nodes', 1 .. 2);

# It cannot have a trigger whose function it does not have.
my $rows = $cluster->sql(1, 'SELECT count(*) FROM seen');

layout(2, [ 1, '0, 1, 2', '3, 4' ], [ 2, '6, 7', '0, 1, 5' ],
	[ 3, '3, 4, 5', '2, 6, 7' ]);
my $error = $cluster->error(1, 'SELECT rusts_cluster_apply()');

like($error, qr/function public\.note\(\) does not exist/, 'what is missing');
like($error, qr/node3/, '... where');
like($error, qr/CREATE TRIGGER each .*public\.cpu/, '... for what');
like($error, qr/HINT: .*rusts_cluster_apply/, '... and what to do');
check_rows('802|160402|320804', 'not added', 1 .. 2);

$cluster->sql($_, $functions) for 3 .. 4;
$cluster->apply;
check('added', 2 .. 3);
check_rows('802|160402|320804', 'added', 1 .. 3);
is($cluster->sql($_, 'SELECT count(*) FROM seen'),
	$_ == 1 ? $rows : $_ == 2 ? $cluster->sql(2, 'SELECT count(*) FROM seen') : 0,
	"nothing fires on node $_ when shards move") for 1 .. 3;

# All of it works there.
$cluster->sql(3, q{INSERT INTO cpu (time, host, v)
	SELECT '2025-01-01', 'n' || i, -i FROM generate_series(1, 20) AS i});
is($cluster->sql(3, q{SELECT name, count(*) FROM seen GROUP BY 1 ORDER BY 1}),
	"each|20\nrule|20", 'triggers and rules work at the new node');
like($cluster->error(3, q{INSERT INTO cpu (time, host, v)
	VALUES ('2025-01-01', 'n', 1000000)}), qr/"few"/, 'and so do constraints');
check_rows('822|160192|320384', 'written there', 1 .. 3);

# A change that comes later, and one more node, with all shards; its parts come
# from those of other nodes.
$cluster->sql(3, q{SELECT rusts_set_wal_mode('cpu', 'none')});
layout(1, [ 1, '' ], [ 2, '' ], [ 3, '' ],
	[ 4, '0, 1, 2, 3, 4, 5, 6, 7' ]);
$cluster->apply;
is($cluster->sql(4, $everything), $cluster->sql(1, $everything), 'the last node');
is($cluster->sql(4, q{SELECT DISTINCT relpersistence FROM pg_class JOIN pg_inherits
	ON inhrelid = oid WHERE inhparent = 'cpu'::regclass}), 'u', 'wal mode none');
check_rows('822|160192|320384', 'the last node', 1 .. 4);
layout(2, [ 1, '0, 1', '2, 3, 4' ], [ 2, '2, 3', '0, 1' ],
	[ 3, '4, 5, 6, 7', '' ], [ 4, '', '5, 6, 7' ]);
$cluster->apply;
check('back again', 2 .. 4);
check_rows('822|160192|320384', 'back again', 1 .. 4);

# A node that leaves, and is one again after there were changes.
layout(2, [ 1, '0, 1', '2, 3, 4' ], [ 2, '2, 3', '0, 1, 5, 6, 7' ],
	[ 3, '4, 5, 6, 7', '' ]);
$cluster->apply;
$cluster->sql(3, <<'END');
COMMENT ON COLUMN cpu.w IS 'new';
CREATE TRIGGER another AFTER INSERT ON cpu EXECUTE FUNCTION note();
END
layout(2, [ 1, '0, 1', '2, 3, 4' ], [ 2, '2, 3', '0, 1' ],
	[ 3, '6, 7', '5' ], [ 4, '4, 5', '6, 7' ]);
$cluster->apply;
check('a node again', 2 .. 4);
check_rows('822|160192|320384', 'a node again', 1 .. 4);

# Rows are copied by a superuser, so functions in constraints do not run then:
# they have when the rows were written.
$cluster->sql($_, 'TRUNCATE ran') for 1 .. 4;
layout(2, [ 1, '4, 5', '6, 7' ], [ 2, '0, 1', '2, 3, 4' ],
	[ 3, '2, 3', '0, 1' ], [ 4, '6, 7', '5' ]);
$cluster->apply;
is($cluster->sql($_, 'SELECT count(*) FROM ran'), 0,
	"shards move to node $_") for 1 .. 4;
$cluster->sql(1, q{SELECT rusts_cluster_resync('node2')});
$cluster->server(2)->poll_query_until('postgres',
	'SELECT count(*) = 0 FROM rusts.cluster_lost') or die 'it copies for ever';
is($cluster->sql(2, 'SELECT count(*) FROM ran'), 0, 'a node copies');
check_rows('822|160192|320384', 'copied', 1 .. 4);

$cluster->stop;
done_testing();
