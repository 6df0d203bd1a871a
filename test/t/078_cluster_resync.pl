# A node is away for so long that rows for it are given up: it copies its parts
# while points are written.
#
# test/t/078_cluster_resync.pl

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use ClusterTest;
use File::Path qw(rmtree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $cluster = ClusterTest->new('resync', factor => 2, mode => 'Async',
	conf => "rusts.cluster_timeout = 4s\nrusts.cluster_max_hints = 64kB\n");
my $written = 0;

$cluster->apply;

# Values that take room.
sub lines
{
	my ($n, $measurement) = @_;
	my $lines = join '\n',
	  map {
		"$measurement,host=h" . ($written + $_) % 13 . ' v=' . rand() .
		  ',w=' . rand() . ' ' . ($written + $_) . '000000000'
	  } 1 .. $n;

	$written += $n;
	return $lines;
}

sub write_points
{
	my ($node, $n) = @_;
	my $lines = lines($n, 'm');

	is($cluster->sql($node, "SELECT rusts_write(E'$lines')"), $n,
		"$n points at node $node");
	return;
}

sub wait_for
{
	my ($node, $query, $test_name) = @_;

	local $PostgreSQL::Test::Utils::timeout_default = 60;
	ok($cluster->server($node)->poll_query_until('postgres', $query),
		$test_name)
	  or diag($cluster->server($node)
		  ->safe_psql('postgres', 'SELECT * FROM rusts_cluster_status()'));
	return;
}

sub wait_live
{
	for my $i (1 .. 3)
	{
		wait_for($i, "SELECT count(*) = 3 FROM rusts_cluster_status()
			WHERE state = 'live'", "all are live for node $i");
	}
	return;
}

# What a node has of each part.
sub parts
{
	my ($node) = @_;
	my $names = $cluster->sql($node, <<'END');
SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
WHERE relnamespace = 'rusts_shard'::regnamespace AND relkind = 'r'
	AND relispartition
END

	return map {
		$_ => $cluster->sql($node, "SELECT count(*), md5(string_agg(t, ' ' ORDER BY t)) " .
			"FROM (SELECT host || ' ' || time || ' ' || v || ' ' || w AS t FROM rusts_shard.$_) AS r")
	} split / /, $names;
}

# Every point is on both of its placements, once.
sub all_agree
{
	my ($test_name) = @_;
	my %seen;
	my $rows = 0;

	for my $i (1 .. 3)
	{
		my %parts = parts($i);

		for my $name (keys %parts)
		{
			push @{ $seen{$name} }, $parts{$name};
			$rows += (split /\|/, $parts{$name})[0];
		}
	}
	for my $name (sort keys %seen)
	{
		is(scalar(@{ $seen{$name} }), 2, "$test_name: two copies of $name");
		is($seen{$name}[0], $seen{$name}[1], "$test_name: $name is the same");
	}
	is($rows, 2 * $written, "$test_name: all points, twice");
	$cluster->same_everywhere(
		'SELECT (SELECT count(*) FROM m) + ' .
		  "CASE WHEN to_regclass('late') IS NULL THEN 0 ELSE " .
		  "(xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM late', " .
		  "false, true, '')))[1]::text::int END",
		$written, $test_name);
	return;
}

write_points($_, 500) for 1 .. 3;

# One that comes twice is to be seen.
$cluster->sql(1, q{SELECT rusts_set_duplicates('m', 'keep')});
wait_live();
all_agree('to begin with');

# Too long away.
$cluster->server(2)->stop('immediate');
for (1 .. 6)
{
	write_points($_, 1500) for 1, 3;
}
for my $i (1, 3)
{
	wait_for($i, "SELECT detail LIKE 'rows for it were given up%'
		FROM rusts_cluster_status() WHERE node_id = 'node2'",
		"node $i has given up rows for node 2");
	is( $cluster->sql($i, "SELECT count(*) FROM rusts.cluster_hint WHERE node_id = 'node2'"),
		0, "node $i has none left");
}
write_points($_, 500) for 1, 3;
is( $cluster->sql(1, "SELECT count(*) FROM rusts.cluster_hint WHERE node_id = 'node2'"),
	0, 'and keeps no others');
{
	my $lines = lines(200, 'late');

	$cluster->sql(3, "SELECT rusts_write(E'$lines')");
}

# Writers go on while it copies.
my $begun = time;

$cluster->server(2)->start;
my $stale = 0;
my $live = 0;

while (!$live && time - $begun < 90)
{
	write_points($_, 300) for 1, 3;
	my ($ret, $out, $err) =
	  $cluster->server(2)->psql('postgres', 'SELECT count(*) FROM m');

	$stale++ if $ret == 0 && $out != $written - 200;
	$live = $cluster->sql(1, "SELECT state = 'live' AND NOT EXISTS
		(SELECT FROM rusts.cluster_lost WHERE NOT done)
		FROM rusts_cluster_status() WHERE node_id = 'node2'") eq 't';
}
is($stale, 0, 'it is never read before it has everything');
note sprintf 'copied after %.1f s', time - $begun;
wait_live();
all_agree('copied');
like(slurp_file($cluster->server(2)->logfile),
	qr/node "node2" copies its rows/, 'by a copy');

# On request: a node comes back with the files of an earlier day.
my $server = $cluster->server(3);
my $backup = $server->data_dir . '_old';

$server->stop;
PostgreSQL::Test::RecursiveCopy::copypath($server->data_dir, $backup);
$server->start;
wait_live();
write_points($_, 700) for 1 .. 3;
wait_for($_, 'SELECT count(*) = 0 FROM rusts.cluster_hint',
	"node $_ has handed over")
  for 1 .. 3;
$server->stop;
rmtree($server->data_dir);
PostgreSQL::Test::RecursiveCopy::copypath($backup, $server->data_dir);
chmod 0700, $server->data_dir;
$cluster->sql(1, q{SELECT rusts_cluster_resync('node3')});
write_points(1, 300);
$server->start;
wait_for(1, "SELECT state = 'live' AND detail IS NULL
	FROM rusts_cluster_status() WHERE node_id = 'node3'", 'node 3 is back');
wait_live();
all_agree('after a restore');

# The copy is interrupted: by the end of the node, and of whom it copies from.
# A lock that it needs for each part holds it up.
my $copying = q{SELECT count(*) > 0 FROM rusts.progress
	WHERE job = 'resync' AND phase = 'copying parts'};

for my $victim (2, 1, 3, 0)
{
	my $holder =
	  $cluster->server(2)->background_psql('postgres', on_error_stop => 0);

	$holder->query('BEGIN');
	$holder->query('LOCK TABLE rusts.cluster_batch IN SHARE MODE');
	$cluster->sql(3, q{SELECT rusts_cluster_resync('node2')});
	wait_for(2, $copying, 'node 2 copies');
	like($cluster->error(2,
			q{SET statement_timeout = '20s'; SELECT count(*) FROM m}),
		qr/node "node2" copies its rows/, 'it refuses to read');
	like($cluster->error(2,
			q{SET statement_timeout = '20s'; SELECT rusts_write('m,host=a v=1')}),
		qr/node "node2" copies its rows/, 'and to write');
	write_points($_, 300) for 1, 3;
	$cluster->server($victim)->stop('immediate') if $victim;
	write_points($_, 300) for $victim == 2 ? (1, 3) : ();
	$holder->query('COMMIT') if $victim != 2;
	wait_for(2, q{SELECT last_error IS NOT NULL
			FROM rusts_cluster_status() WHERE node_id = 'node2'},
		'it says what went wrong')
	  if $victim == 1 || $victim == 3;
	$cluster->server($victim)->start if $victim;
	eval { $holder->quit; };
	wait_live();
	wait_for(2, 'SELECT count(*) = 0 FROM rusts.cluster_lost',
		'nothing is left of it');
	wait_for(2, q{SELECT count(last_error) = 0 FROM rusts_cluster_status()
			WHERE node_id = 'node2'},
		'nothing is wrong any more');
	all_agree("node $victim was killed while node 2 copied");
}

like($cluster->error(1, q{SELECT rusts_cluster_resync('node9')}),
	qr/there is no node "node9"/, 'a node that there is not');
like($cluster->error(1, q{BEGIN; SELECT rusts_cluster_resync('node2');
		SELECT rusts_cluster_resync('node3'); COMMIT}),
	qr/nothing that node "node3" could copy/, 'two that wait for each other');
$cluster->stop;

done_testing();
