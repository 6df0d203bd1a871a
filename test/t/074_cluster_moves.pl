# Shards move to other nodes, nodes come and go, while points are written.
#
# test/t/074_cluster_moves.pl

use strict;
use warnings;

use FindBin;
use IPC::Run;
use List::Util qw(min);
use lib $FindBin::RealBin;

use ClusterTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Servers 1 to 4; who has what is said by each test.
my $cluster = ClusterTest->new('moves', nodes => 4, shards => 8);
my $mode;

# layout([primaries], [replicas]...) writes the file of all servers for nodes
# that are listed: a list of [number, shards, replica shards].
sub layout
{
	my ($factor, @nodes) = @_;

	for my $self (1 .. 4)
	{
		my $path = $cluster->server($self)->data_dir . '/cluster.toml';
		my $text = <<"END";
node_id = "node$self"
cluster_name = "test"
replication_mode = "$mode"
replication_factor = $factor
shard_count = 8
sharding_strategy = "BySeries"
END
		for (@nodes)
		{
			my ($i, $shards, $replicas) = @$_;

			$text .= $cluster->node_config($i, $shards, $replicas);
		}
		open my $fh, '>', $path or die "could not write $path: $!";
		print $fh $text;
		close $fh or die "could not write $path: $!";
	}
	return;
}

# Each part has so many placements, which agree, and all rows are there once.
sub check_placements
{
	my ($measurement, $factor, $expected, $test_name, @nodes) = @_;
	my $parts = $cluster->parts($measurement,
		"concat_ws('/', count(*), count(DISTINCT v), sum(v))", @nodes);
	my $rows = 0;
	my $fine = 1;

	for my $sums (values %$parts)
	{
		my ($n, $distinct) = split m{/}, $sums->[0];

		$rows += $n;
		$fine &&= @$sums == $factor && $n == $distinct
		  && !grep { $_ ne $sums->[0] } @$sums;
	}
	ok($fine, "$test_name: placements agree")
	  or diag explain $parts;
	is($rows, $expected, "$test_name: rows in all parts");
	return;
}

sub check_queries
{
	my ($measurement, $expected, $test_name, @nodes) = @_;

	for my $i (@nodes)
	{
		is($cluster->sql($i,
				"SELECT count(*), count(DISTINCT v) FROM $measurement"),
			"$expected|$expected", "$test_name: node $i");
	}
	return;
}

# Writers on nodes: each begins again and again a session of 40 statements, up
# to 500 times, until it is told to stop.  Returned is what they have been told
# to be written.
sub with_writers
{
	my ($measurement, $code, @nodes) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my (@harnesses, @outputs, @errors);

	for my $i (@nodes)
	{
		my $path = "$dir/$measurement$i.sql";

		open my $fh, '>', $path or die "could not write $path: $!";
		for my $k (1 .. 20)
		{
			print $fh <<"END";
SELECT ${i}000000 + :round * 40 + $k + 0 * rusts_write(format(
	'$measurement,writer=w$i,host=h$k v=%s %s',
	${i}000000 + :round * 40 + $k, 1700000000000000000 + :round));
INSERT INTO $measurement (time, writer, host, v)
VALUES (to_timestamp(:round), 'w$i', 'i$k', ${i}000000 + :round * 40 + 20 + $k)
RETURNING v;
END
		}
		close $fh or die "could not write $path: $!";
		push @outputs, '';
		push @errors, '';
		push @harnesses, IPC::Run::start([
			'sh', '-c',
			'i=0; while [ ! -e "$1/stop" ] && [ $i -lt 500 ]; do '
			  . 'psql -XAtq -f "$2" -v round=$i -d "$3"; i=$((i + 1)); done',
			'sh', $dir, $path, $cluster->server($i)->connstr('postgres') ],
			'<', '/dev/null', '>', \$outputs[-1], '2>', \$errors[-1]);
	}
	$code->();
	PostgreSQL::Test::Utils::append_to_file("$dir/stop", '');
	$_->finish for @harnesses;

	my @acknowledged;

	for my $n (0 .. $#nodes)
	{
		push @acknowledged, split /\n/, $outputs[$n];

		# In Async, rows that wait for both placements are in the way.
		$errors[$n] =~ s/^.* 0 of 2 copies, 1 needed\n(DETAIL: .*|Node .* before\.)\n(Node .* before\.\n)?//mg
		  if $mode eq 'Async';
		is($errors[$n], '', "$measurement: no errors at node $nodes[$n]");
	}
	cmp_ok(scalar @acknowledged, '>', 100, "$measurement: points written");
	note(scalar(@acknowledged) . ' points');
	return @acknowledged;
}

$mode = 'Sync';
layout(1, [ 1, '0, 1, 2, 3' ], [ 2, '4, 5, 6, 7' ], [ 3, '' ]);
$cluster->apply;
$cluster->sql(1, q{SELECT rusts_write(string_agg(
	format('cpu,host=h%s v=%s %s', i % 50, i, 1700000000000000000 + i * 1000000), E'\n'))
	FROM generate_series(1, 1000) AS i});
check_placements('cpu', 1, 1000, 'at first', 1 .. 3);

# Batches that are known where their shards go, too.
sub send_batches
{
	my ($node) = @_;

	$cluster->sql($node, join ';', map {
		"SELECT rusts_write('named,host=h$_ v=$_ 1', batch_id => 'b$_')" } 1 .. 16);
	return;
}
$cluster->sql(1, q{SELECT rusts_write('named,host=h0 v=0 1')});
$cluster->sql(1, q{SELECT rusts_set_duplicates('named', 'keep')});
send_batches(1);

# What is not a change.
is($cluster->sql(1, 'SELECT count(*) FROM rusts_cluster_plan()'), '0',
	'nothing to move');

layout(1, [ 1, '0, 1' ], [ 2, '6, 7' ], [ 3, '2, 3, 4, 5' ]);
is($cluster->sql(1, q{SELECT step, action, shards, from_nodes, to_nodes, bytes > 0
	FROM rusts_cluster_plan()}), <<'END' =~ s/\n$//r, 'plan of moves');
1|move|{2,3}|{node1}|{node3}|t
2|move|{4,5}|{node2}|{node3}|t
END
$cluster->apply;
check_placements('cpu', 1, 1000, 'moved', 1 .. 3);
check_queries('cpu', 1000, 'moved', 1 .. 3);
send_batches(2);
is($cluster->sql($_, 'SELECT count(*), count(DISTINCT host) FROM named'),
	'17|17', "batches sent again, node $_")
  for 1 .. 3;
$cluster->sql(1, 'DROP TABLE named');

# Privileges go along.
$cluster->sql($_, 'CREATE ROLE reader LOGIN; CREATE ROLE half LOGIN')
  for 1 .. 4;
$cluster->sql(1, q{GRANT SELECT ON cpu TO reader WITH GRANT OPTION;
	GRANT SELECT (host, "time") ON cpu TO half;
	ALTER TABLE cpu ENABLE ROW LEVEL SECURITY;
	CREATE POLICY p ON cpu TO reader, half USING (host IS NOT NULL)});

# A table that would lose many rows is made anew, with the same name (node 1)
# and with another one (node 2).
layout(1, [ 1, '0, 1' ], [ 2, '2, 3, 4, 5, 6, 7' ], [ 3, '' ]);
$cluster->apply;
$cluster->sql(1, q{SELECT rusts_write('big,host=h v=0 1')});
$cluster->sql(1, q{INSERT INTO big (time, host, v)
	SELECT timestamptz '2024-01-01' + i * interval '1 second', 'h' || i % 100, i
	FROM generate_series(1, 100000) AS i});
layout(1, [ 1, '0' ], [ 2, '2, 3, 4' ], [ 3, '1, 5, 6, 7' ]);
$cluster->apply;
check_placements('big', 1, 100001, 'made anew', 1 .. 3);
check_queries('big', 100001, 'made anew', 1 .. 3);
layout(2, [ 1, '0', '2' ], [ 2, '2', '1, 3, 4, 5, 6, 7' ],
	[ 3, '1, 3, 4, 5, 6, 7', '0' ]);
$cluster->apply;
check_placements('big', 2, 100001, 'renamed and made anew', 1 .. 3);
check_queries('big', 100001, 'renamed and made anew', 1 .. 3);
$cluster->apply;
for my $i (1 .. 3)
{
	is($cluster->sql($i, q{SET ROLE reader; SELECT count(*) FROM cpu}),
		'1000', "a reader on node $i");
	is($cluster->sql($i, q{SET ROLE half; SELECT count(host) FROM cpu}),
		'1000', "a reader of a column on node $i");
	like($cluster->error($i, q{SET ROLE half; SELECT count(v) FROM cpu}),
		qr/permission denied/, "not of others");
}
is($cluster->sql($_, q{SELECT count(*) > 0, bool_and(relrowsecurity)
	FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
	WHERE inhparent = 'cpu'::regclass AND relkind = 'r'}), 't|t',
	"row-level security goes along on node $_") for 1 .. 3;
is($cluster->sql($_, q{SELECT count(*) FROM pg_class AS c
	JOIN pg_namespace AS n ON n.oid = relnamespace
	WHERE nspname = 'rusts_shard' AND NOT relispartition}), '0',
	"nothing is left over on node $_")
  for 1 .. 3;

# What makes a copy useless: rows that were deleted since, other columns.
{
	my $path = $cluster->server(1)->data_dir . '/cluster.toml';

	layout(1, [ 1, '0, 1, 2, 3, 4, 5, 6, 7' ], [ 2, '' ], [ 3, '' ]);
	my $copy = sub {
		my ($what) = @_;

		return $cluster->sql(1,
			"SELECT rusts.cluster_copy(pg_read_file('$path'), '$what')");
	};
	$cluster->sql(1, "SELECT rusts.cluster_stage(pg_read_file('$path'))");
	is($copy->('all'), '101001', 'copied');
	is($copy->('since'), '-1', 'nobody has watched');
	$cluster->sql($_, 'SELECT rusts.cluster_watch(rusts.cluster_marks())')
	  for 1 .. 3;
	is($copy->('since'), '0', 'nothing is new');
	$cluster->sql(3, q{SELECT rusts_write(
		E'big,host=h v=0 2\nbig,host=h v=0 1\nbig,host=x v=0 1')});
	is($copy->('since'), '3', 'three points are new');
	$cluster->sql(1, q{SELECT rusts_write('big,host=h v=0,w=1 1')});
	is($copy->('since'), '-1', 'another column');
	$cluster->sql($_, "SELECT rusts.cluster_stage(pg_read_file('$path'))")
	  for 1 .. 3;
	$copy->('all');
	$cluster->sql($_, 'SELECT rusts.cluster_watch(rusts.cluster_marks())')
	  for 1 .. 3;
	isnt($copy->('since'), '-1', 'as it is wanted');
	$cluster->sql(1, q{ALTER TABLE big ADD CONSTRAINT least CHECK (v > -1e9)});
	is($copy->('since'), '-1', 'another constraint');

	my ($part) = split /\n/, $cluster->sql(1,
		q{SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class AS c
			ON c.oid = inhrelid WHERE inhparent = 'big'::regclass
			AND relkind = 'r' ORDER BY relpages DESC});
	my $marks = q{SELECT split_part(rusts.cluster_marks(), E'\n', 2)};
	my $before = $cluster->sql(1, $marks);

	is($cluster->sql(1, $marks), $before, 'marks');
	isnt($cluster->sql(1, "BEGIN; DELETE FROM $part; $marks; ROLLBACK"),
		$before, 'marks of rows deleted');
}

# A replica of all, and a node more.
layout(1, [ 1, '0, 1' ], [ 2, '6, 7' ], [ 3, '2, 3, 4, 5' ]);
$cluster->apply;
layout(2, [ 1, '0, 1', '6, 7' ], [ 2, '6, 7', '2, 3' ],
	[ 3, '2, 3', '4, 5' ], [ 4, '4, 5', '0, 1' ]);
is($cluster->sql(1, q{SELECT step, action, shards, from_nodes, to_nodes
	FROM rusts_cluster_plan()}), <<'END' =~ s/\n$//r, 'plan of replicas');
1|add node|{}|{}|{node4}
2|add placement|{0,1}|{node1}|{node1,node4}
3|add placement|{2,3}|{node3}|{node3,node2}
4|move|{4,5}|{node3}|{node4,node3}
5|add placement|{6,7}|{node2}|{node2,node1}
END
$cluster->apply;
check_placements('cpu', 2, 1000, 'replicas', 1 .. 4);
check_queries('cpu', 1000, 'replicas', 1 .. 4);
{
	my $query = q{SELECT relacl, relrowsecurity, relforcerowsecurity, attacl,
		(SELECT string_agg(concat_ws(';', polname, permissive, roles, cmd, qual,
			with_check), ',' ORDER BY polname)
			FROM pg_policies, pg_policy WHERE polname = policyname
			AND polrelid = c.oid)
		FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid
		WHERE c.oid = 'cpu'::regclass AND attname = 'host'};
	my $security = $cluster->sql(1, $query);

	like($security, qr/reader=r.*half=r.*PERMISSIVE/, 'security of node 1');
	is($cluster->sql($_, $query), $security, "... and of node $_") for 2 .. 4;
	is($cluster->sql($_, 'SET ROLE reader; SELECT count(*) FROM cpu'), '1000',
		"a reader reads at node $_") for 1 .. 4;
}
$cluster->sql(4, q{INSERT INTO cpu (time, host, v)
	SELECT '2024-01-01', 'n' || i, 2000 + i FROM generate_series(1, 100) AS i});
check_placements('cpu', 2, 1100, 'written at the new node', 1 .. 4);

# Names are exchanged: primaries become replicas.
layout(2, [ 1, '0, 1', '4, 5' ], [ 2, '2, 3', '6, 7' ],
	[ 3, '4, 5', '2, 3' ], [ 4, '6, 7', '0, 1' ]);
$cluster->apply;
check_placements('cpu', 2, 1100, 'exchanged', 1 .. 4);

# What cannot be changed, and a change that fails: all is as before.
{
	my $path = $cluster->server(1)->data_dir . '/cluster.toml';
	my $good = slurp_file($path);

	for ([ 'shard_count = 8', 'shard_count = 4', qr/shard_count cannot be changed: it is 8/ ],
		[ '"test"', '"other"', qr/cluster_name cannot be changed: it is "test"/ ])
	{
		my ($from, $to, $message) = @$_;
		my $text = $good =~ s/$from/$to/r;

		$text =~ s/, [4-7]\b//g, $text =~ s/\[[4-7]\b/[/g, $text =~ s/\[, /[/g
		  if $to =~ /count/;
		unlink $path;
		append_to_file($path, $text);
		like($cluster->error(1, 'SELECT rusts_cluster_apply()'),
			$message, "refused: $to");
	}
	unlink $path;
	append_to_file($path, $good);
}
layout(1, [ 1, '0, 1, 2, 3' ], [ 2, '4, 5, 6, 7' ], [ 3, '' ]);
like($cluster->error(1, 'BEGIN; SELECT rusts_cluster_apply()'),
	qr/cannot move shards in a transaction block/, 'in a transaction block');
$cluster->server(4)->stop('immediate');
layout(1, [ 1, '0, 1, 2, 3' ], [ 2, '4, 5, 6, 7' ], [ 3, '' ], [ 4, '' ]);
like($cluster->error(1, 'SELECT rusts_cluster_apply()'),
	qr/node4/, 'a node cannot be reached');
$cluster->server(4)->start;
check_placements('cpu', 2, 1100, 'as before', 1 .. 4);
check_queries('cpu', 1100, 'as before', 1 .. 4);

# Ended in the middle, once by a cancel, once by the end of a node: somebody
# holds a lock, so it tries again and again.
for my $end ('cancel', 'crash')
{
	my ($out, $err) = ('', '');

	layout(1, [ 1, '0, 1, 2, 3' ], [ 2, '4, 5, 6, 7' ], [ 3, '' ], [ 4, '' ]);
	$cluster->sql(3, q{BEGIN; LOCK TABLE cpu IN ROW EXCLUSIVE MODE;
		PREPARE TRANSACTION 'holder'});

	my $apply = IPC::Run::start([ 'psql', '-XAtq',
			'-c', 'SELECT rusts_cluster_apply()',
			'-d', $cluster->server(1)->connstr('postgres') ],
		'<', '/dev/null', '>', \$out, '2>', \$err);

	ok($cluster->server(3)->poll_query_until('postgres',
			q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted
				AND mode = 'ShareRowExclusiveLock'}),
		"$end: it waits for the lock");
	if ($end eq 'cancel')
	{
		$cluster->sql(1, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity
			WHERE query = 'SELECT rusts_cluster_apply()'});
	}
	else
	{
		$cluster->server(3)->stop('immediate');
	}
	$apply->finish;
	like($err, $end eq 'cancel' ? qr/canceling statement/ : qr/node3/,
		"$end: it fails");
	$cluster->server(3)->start if $end eq 'crash';
	$cluster->sql(3, q{ROLLBACK PREPARED 'holder'});
	check_placements('cpu', 2, 1100, $end, 1 .. 4);
	check_queries('cpu', 1100, $end, 1 .. 4);
	is($cluster->sql($_, 'SELECT count(*) FROM pg_prepared_xacts'), '0',
		"$end: nothing is prepared on node $_")
	  for 1 .. 4;
}
$cluster->apply;
check_placements('cpu', 1, 1100, 'called again', 1 .. 4);
check_queries('cpu', 1100, 'called again', 1 .. 4);

# Drained and removed.
layout(2, [ 1, '0, 1', '4, 5' ], [ 2, '2, 3, 6, 7', '0, 1' ],
	[ 3, '4, 5', '2, 3, 6, 7' ], [ 4, '', '' ]);
$cluster->apply;
check_placements('cpu', 2, 1100, 'drained', 1 .. 4);
is($cluster->own_rows(4, 'cpu'), '0', 'nothing is left there');
layout(2, [ 1, '0, 1', '4, 5' ], [ 2, '2, 3, 6, 7', '0, 1' ],
	[ 3, '4, 5', '2, 3, 6, 7' ]);
$cluster->apply;
is($cluster->sql(4, 'SELECT count(*) FROM rusts.cluster'), '0', 'removed');
check_queries('cpu', 1100, 'removed', 1 .. 3);

# All of that while points are written.
for (qw(Sync Quorum Async))
{
	my $m = lc $_;

	$mode = $_;
	layout(2, [ 1, '0, 1, 2', '6, 7' ], [ 2, '3, 4, 5', '0, 1, 2' ],
		[ 3, '6, 7', '3, 4, 5' ]);
	$cluster->apply;
	$cluster->sql(1, "SELECT rusts_write('$m,writer=a,host=b v=-1 1')");

	my @acknowledged = with_writers(
		$m,
		sub {
			layout(2, [ 1, '0, 1', '2, 6, 7' ], [ 2, '3, 4', '0, 1, 5' ],
				[ 3, '6, 7', '3, 4' ], [ 4, '2, 5', '' ]);
			$cluster->apply;
			layout(2, [ 1, '0, 1, 2', '3, 5' ], [ 2, '4', '0, 1, 2' ],
				[ 3, '3, 6, 7', '4' ], [ 4, '5', '6, 7' ]);
			$cluster->apply;
			layout(2, [ 1, '0, 1, 2', '3, 5' ], [ 2, '4, 5', '0, 1, 2' ],
				[ 3, '3, 6, 7', '4' ], [ 4, '', '6, 7' ]);
			$cluster->apply;
			layout(2, [ 1, '0, 1, 2', '3, 5' ], [ 2, '4, 5', '0, 1, 2, 6, 7' ],
				[ 3, '3, 6, 7', '4' ], [ 4, '', '' ]);
			$cluster->apply;
			layout(2, [ 1, '0, 1, 2', '3, 5' ], [ 2, '4, 5', '0, 1, 2, 6, 7' ],
				[ 3, '3, 6, 7', '4' ]);
			$cluster->apply;
		},
		1 .. 3);

	for my $i (1 .. 3)
	{
		ok($cluster->server($i)->poll_query_until('postgres',
				'SELECT count(*) = 0 FROM rusts.cluster_hint'),
			"$m: nothing is left to hand over, node $i");
	}
	my %found = map { $_ => 1 } split /\n/,
	  $cluster->sql(1, "SELECT v FROM $m");
	my @lost = grep { !$found{$_} } @acknowledged;

	is(scalar @lost, 0, "$m: no acknowledged point is lost")
	  or diag("@lost[0 .. min($#lost, 20)]");
	check_queries($m, scalar keys %found, $m, 1 .. 3);
	check_placements($m, 2, scalar keys %found, $m, 1 .. 3);
	is($cluster->sql(4, 'SELECT count(*) FROM rusts.cluster'), '0',
		"$m: removed");
}

$cluster->stop;
done_testing();
