# pg_dump in a cluster: a node's own rows, or the whole measurement once.
#
# test/t/077_cluster_dump.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = ClusterTest->new('dump', factor => 2);
my $dir = PostgreSQL::Test::Utils::tempdir();
my $lines = join '\n', map { "m,host=h$_ v=$_ $_" } 1 .. 200;

$cluster->apply;
$cluster->sql(1, "SELECT rusts_write(E'$lines')");

sub dump_node
{
	my ($number, @options) = @_;

	$cluster->server($number)->command_ok(
		[ 'pg_dump', '-f', "$dir/dump.sql", @options,
			$cluster->server($number)->connstr('postgres') ],
		"pg_dump @options at node $number");
	return slurp_file("$dir/dump.sql");
}

# Rows in COPY blocks.
sub rows
{
	my ($text) = @_;
	my $n = 0;

	$n += () = $1 =~ /^.*\th\d+\t/mg
	  while $text =~ /^COPY rusts_shard\..*?;\n(.*?)^\\\.$/msg;
	return $n;
}

for my $i (1 .. 3)
{
	is(rows(dump_node($i)), $cluster->own_rows($i, 'm'),
		"what node $i has itself");
	is(rows(dump_node($i, '--include-foreign-data=rusts_group_*')), 200,
		"all of it by node $i, once");
}
$cluster->stop;

done_testing();
