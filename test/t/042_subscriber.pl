# A measurement that a subscription writes to: rows come as they were sent,
# and what the apply worker keeps in memory does not grow with a transaction.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RustsTest;
use Test::More;

my $node = new_node(
	'node',
	init => { allows_streaming => 'logical' },
	conf => <<'END');
rusts.flush_max_age = 1d
END

# Publisher and subscriber are two databases of one server.
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql(
	'source', q{
	CREATE TABLE m (time timestamptz, host text, v int8);
	ALTER TABLE m REPLICA IDENTITY FULL;
	CREATE PUBLICATION p FOR TABLE m;
	INSERT INTO m SELECT 'epoch', 'before', i FROM generate_series(1, 100) i;});
$node->safe_psql(
	'postgres', q{
	CREATE TABLE m (time timestamptz, host text, v int8) USING rusts;
	SECURITY LABEL FOR rusts ON COLUMN m.host IS 'tag';
	CREATE TABLE seen (v int8, contexts int8, rows int8);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.seen SELECT NEW.v, count(*), (SELECT count(*) FROM public.m)
		FROM pg_backend_memory_contexts WHERE name LIKE 'rusts builder%';
		RETURN NEW;
	END $$;
	CREATE TRIGGER note BEFORE INSERT ON m FOR EACH ROW
		WHEN (NEW.v = 5000) EXECUTE FUNCTION note();
	ALTER TABLE m ENABLE REPLICA TRIGGER note;});
$node->safe_psql('source',
	q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
my $source = $node->connstr('source');
$node->safe_psql(
	'postgres', qq{
	CREATE SUBSCRIPTION s CONNECTION \$\$$source\$\$ PUBLICATION p
		WITH (create_slot = false, slot_name = 's')});

my $answer = q{SELECT host, count(*), sum(v), count(DISTINCT v) FROM m
	GROUP BY host ORDER BY host};

sub arrived
{
	my ($test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_catchup('s');
	is( $node->safe_psql('postgres', $answer),
		$node->safe_psql('source', $answer), $test_name);
}

$node->wait_for_subscription_sync(undef, 's', 'postgres');
arrived('what was there before');

$node->safe_psql('source',
	q{INSERT INTO m SELECT 'epoch', 'h' || i % 7, i FROM generate_series(1, 5000) i});
arrived('a large transaction');
is( $node->safe_psql('postgres',
		'SELECT count(*), max(contexts) < 10, max(rows) FROM seen'),
	'1|t|5099',
	'few buffers at a time, and a trigger sees the rows before its own');

$node->safe_psql(
	'source', q{
	BEGIN;
	INSERT INTO m VALUES ('epoch', 'kept', 1), ('epoch', 'kept', 2);
	SAVEPOINT a;
	INSERT INTO m VALUES ('epoch', 'lost', 3);
	ROLLBACK TO a;
	UPDATE m SET v = v + 10 WHERE host = 'kept';
	INSERT INTO m VALUES ('epoch', 'kept', 4);
	DELETE FROM m WHERE v = 11;
	COMMIT;});
arrived('changes and a savepoint');

$node->safe_psql(
	'source', q{
	BEGIN;
	INSERT INTO m VALUES ('epoch', 'truncated', 1);
	TRUNCATE m;
	INSERT INTO m VALUES ('epoch', 'after', 2);
	COMMIT;});
arrived('TRUNCATE in the middle of a transaction');

$node->safe_psql('postgres', 'DROP SUBSCRIPTION s');
done_testing();
