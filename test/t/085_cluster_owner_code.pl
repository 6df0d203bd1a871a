# What the owner of a measurement has put into constraints, generated columns
# and triggers is not run by the superusers who hand over, copy and move rows.
#
# test/t/085_cluster_owner_code.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('owner', factor => 3, mode => 'Quorum',
	conf => "rusts.cluster_timeout = 2s\n");

for my $i (1 .. 3)
{
	$cluster->sql($i, <<'END');
CREATE ROLE alice LOGIN;
CREATE SCHEMA alices AUTHORIZATION alice;
GRANT CREATE ON SCHEMA public TO alice;
SET ROLE alice;
CREATE FUNCTION alices.twice(v float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'alice' THEN
		RAISE 'run as %', current_user;
	END IF;
	RETURN 2 * v;
END $$;
CREATE FUNCTION alices.twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM alices.twice(1);
	RETURN NULL;
END $$;
END
}
$cluster->apply;

my $lines = join '\n', map { "mine,host=h$_ v=$_ $_" } 1 .. 60;

$cluster->sql(1, <<"END");
SET ROLE alice;
SELECT rusts_write(E'$lines');
ALTER TABLE mine ADD COLUMN g float8 GENERATED ALWAYS AS (v * 3) STORED;
ALTER TABLE mine ADD CHECK (alices.twice(v) < 1000);
CREATE TRIGGER t BEFORE DELETE ON mine
	FOR EACH ROW EXECUTE FUNCTION alices.twice();
END

sub check
{
	my ($n, $copies, $test_name) = @_;
	my $sum = $n * ($n + 1) / 2;
	my $parts;
	my $rows = 0;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$cluster->server($_)->poll_query_until('postgres',
		"SELECT bool_and(state = 'live' AND hint_rows IS NULL)
		FROM rusts_cluster_status()")
	  or die 'nodes do not come back'
	  for 1 .. 3;
	$cluster->same_everywhere('SELECT count(*), sum(v), sum(g) FROM mine',
		"$n|$sum|" . 3 * $sum, $test_name);
	$parts = $cluster->parts('mine', 'concat_ws(E\',\', sum(v), sum(g))', 1 .. 3);
	for my $values (values %$parts)
	{
		is(scalar(@$values), $copies, "$test_name: copies");
		is($values->[$_], $values->[0], "$test_name: copies agree")
		  for 1 .. $#$values;
	}
	return;
}

check(60, 3, 'at first');

$cluster->server(3)->stop('immediate');
$cluster->sql(1, "SET ROLE alice; SELECT rusts_write('mine,host=h61 v=61 61')");
$cluster->server(3)->start;
check(61, 3, 'handed over');

$cluster->sql(1, "SELECT rusts_cluster_resync('node2')");
$cluster->server(2)->poll_query_until('postgres',
	'SELECT count(*) = 0 FROM rusts.cluster_lost')
  or die 'no copy';
check(61, 3, 'copied');

# Shards move, and those that stay lose some.
for my $factor (2, 1, 2)
{
	$cluster->{factor} = $factor;
	$cluster->{shards} = 6;
	$cluster->write_config;
	$cluster->apply;
	check(61, $factor, "$factor copies");
}
for my $i (1 .. 3)
{
	my $path = $cluster->server($i)->data_dir . '/cluster.toml';
	my $text = slurp_file($path);

	$text =~ s/^shards = \[0, 1\]/shards = [0, 2]/m;
	$text =~ s/^shards = \[2, 3\]/shards = [1, 3]/m;
	$text =~ s/^replica_shards = \[0, 1\]/replica_shards = [0, 2]/m;
	$text =~ s/^replica_shards = \[2, 3\]/replica_shards = [1, 3]/m;
	open my $fh, '>', $path or die $!;
	print $fh $text;
	close $fh;
}
$cluster->apply;
check(61, 2, 'exchanged');

# The new parts let in no more than the old ones.
like($cluster->error(2, "SET ROLE alice;
	INSERT INTO mine (time, host, v) VALUES (now(), 'h$_', 600)"),
	qr/violates check constraint/, 'a constraint')
  for 1 .. 5;
check(61, 2, 'in the end');

$cluster->stop;
done_testing();
