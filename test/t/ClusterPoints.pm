# Points that a cluster has acknowledged: in the end they are all on every
# placement, once, and nothing else is.
#
# test/t/ClusterPoints.pm

package ClusterPoints;

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

# Points of measurement m in a ClusterTest.
sub new
{
	my ($class, $cluster) = @_;

	return bless { cluster => $cluster, made => 0, acknowledged => 0 }, $class;
}

# A statement that writes n points that nobody has written yet, as a batch if
# it has a name.
sub statement
{
	my ($self, $n, $batch) = @_;
	my $lines = join '\n', map {
		my $i = ++$self->{made};

		'm,host=h' . $i % 17 . " v=$i ${i}000000000"
	} 1 .. $n;

	return "SELECT rusts_write(E'$lines'"
	  . ($batch ? ", batch_id => '$batch'" : '') . ')';
}

# The same as an INSERT, with values that do not compress.
sub large_statement
{
	my ($self, $n) = @_;
	my $first = $self->{made} + 1;
	my $last = $self->{made} += $n;

	return 'INSERT INTO m (time, host, v) '
	  . "SELECT to_timestamp(i), 'h' || i % 17, i + random() "
	  . "FROM generate_series($first, $last) AS i";
}

sub acknowledge
{
	my ($self, $n) = @_;

	$self->{acknowledged} += $n;
	return;
}

sub write
{
	my ($self, $node, $n) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($self->{cluster}->sql($node, $self->statement($n)),
		$n, "$n points at node $node");
	$self->acknowledge($n);
	return;
}

# A write that must fail, and what it says.
sub refused
{
	my ($self, $node) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->{cluster}->error($node, $self->statement(20));
}

# What a node says that is asked for the number of points, or why it does not.
sub read
{
	my ($self, $node) = @_;
	my ($out, $err) = ('', '');

	$self->{cluster}->server($node)->psql('postgres',
		'SELECT count(*) FROM m', stdout => \$out, stderr => \$err);
	return $err ne '' ? $err : $out;
}

# New values for the last n points.
sub rewrite
{
	my ($self, $node, $n, $value) = @_;
	my $lines = join '\n', map {
		'm,host=h' . $_ % 17 . " v=$_.$value ${_}000000000"
	} $self->{made} - $n + 1 .. $self->{made};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($self->{cluster}->sql($node, "SELECT rusts_write(E'$lines')"),
		$n, "$n points again, at node $node");
	return;
}

# A node reads all that there is, or says that it may not have all.
sub not_stale
{
	my ($self, $test_name, @nodes) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($self->read($_),
		qr/^$self->{acknowledged}$|may lack rows|cannot read shards|could not write init file/,
		"$test_name: node $_ is not stale")
	  for @nodes;
	return;
}

# Wait until a query is true on a node.
sub wait_for
{
	my ($self, $node, $query, $test_name) = @_;

	local $PostgreSQL::Test::Utils::timeout_default = 60;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($self->{cluster}->server($node)->poll_query_until('postgres', $query),
		$test_name)
	  or diag(explain $self->{cluster}
		  ->sql($node, 'SELECT * FROM rusts_cluster_status()'));
	return;
}

# All is quiet: nothing is prepared, nothing waits, nobody is away.
sub settled
{
	my ($self, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $i (1 .. $self->{cluster}{nodes})
	{
		$self->wait_for($i, <<'END', "$test_name: node $i has settled");
SELECT NOT EXISTS (SELECT FROM pg_prepared_xacts)
	AND NOT EXISTS (SELECT FROM rusts.cluster_hint)
	AND (SELECT bool_and(state = 'live') FROM rusts_cluster_status())
END
	}
	return;
}

sub all_agree
{
	my ($self, $test_name) = @_;
	my $cluster = $self->{cluster};
	my @nodes = 1 .. $cluster->{nodes};
	my ($rows, $wrong) = (0, 0);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->settled($test_name);
	my $parts;

	# A node may hear only now that it has missed something.
	until ($parts)
	{
		$parts = eval {
			$cluster->parts('m', q{concat_ws('/', count(*),
				md5(string_agg(concat_ws(' ', host, time, v), ',' ORDER BY time, v)))},
				@nodes);
		};
		last if $parts;
		die $@ if $@ !~ /may lack rows/;
		$self->settled("$test_name, again");
	}

	for my $copies (values %$parts)
	{
		$rows += (split /\//, $_)[0] for @$copies;
		$wrong++ if grep { $_ ne $copies->[0] } @$copies;
		$wrong++ if @$copies != $cluster->{factor};
	}
	is($wrong, 0, "$test_name: all placements are equal");
	is($rows, $self->{acknowledged} * $cluster->{factor},
		"$test_name: all that was acknowledged is on all of them");
	$cluster->same_everywhere('SELECT count(*), count(DISTINCT v) FROM m',
		"$self->{acknowledged}|$self->{acknowledged}", $test_name);
	return;
}

1;
