# What happens to rows once they are there: DELETE, UPDATE, flushes,
# compactions, tiers.
#
# test/diff/DiffChange.pm

package DiffChange;

use strict;
use warnings;

use Exporter 'import';

use DiffExpr qw(atom time_range tag_match constant);
use DiffQuery qw(context);

our @EXPORT_OK = qw(plan_changes change_sql other_value);

# Moves rows beyond all others, and beyond those that a query inserts
# (DiffShapes::own_rows).
my $beyond = '3506400 hours';

# A value that is another than x.
my %other = (
	int8 => 'CASE WHEN x > 0 THEN x - 1 ELSE coalesce(x, 0) + 1 END',
	float8 => "CASE WHEN x = 'NaN' OR abs(x) > 1e9 THEN 0 ELSE coalesce(x, 0) + 1 END",
	boolean => 'x IS NOT true',
	text => "coalesce(x, '') || 'x'");

sub other_value
{
	my ($column) = @_;
	my $value = $other{ $column->{base} } // return;

	return $value =~ s/\bx\b(?!')/$column->{q}/gr;
}

# Add steps to a schema's: changes between those that load it, once all
# columns are there, and in {later} the steps that come after some of the
# queries, one list for each time.
sub plan_changes
{
	my ($rng, $schema) = @_;
	my @steps = @{ $schema->{steps} };
	my ($first) = grep { !grep { $_->[0] =~ /^(?:late|drop)$/ } @steps[ $_ .. $#steps ] } 0 .. @steps;
	my $changes = $rng->chance(0.55);

	if ($changes)
	{
		for (1 .. $rng->weighted(3 => 1, 3 => 2, 2 => 4))
		{
			splice @steps, $rng->int($first, scalar @steps), 0, change($rng, $schema);
		}
	}
	if ($schema->{merge})
	{
		splice @steps, $rng->chance(0.75) ? 0 : $rng->int(0, first_moved(@steps)), 0, ['merge'];
	}
	my $hold = $schema->{merge} && $rng->chance(0.5);
	my $begun = !$schema->{merge};

	$schema->{steps} = [ map {
			$begun ||= $_->[0] eq 'merge';
			($_, !$begun ? () : $hold ? flushes($rng, $_) : moves($rng, $schema, $_))
		} @steps ];
	push @{ $schema->{steps} }, [ 'tier', tier_time($rng, $schema) ] if $hold;
	$schema->{later} = [ map { [ map { later_step($rng, $schema, $changes) } 1 .. $rng->int(1, 3) ] }
		1 .. $rng->weighted(3 => 0, 4 => 1, 3 => 2, 1 => 3) ];
	return;
}

# The first step that changes rows, or moves what may be two batches: the rows
# of these have lost their order, which counts once points are merged.
sub first_moved
{
	my (@steps) = @_;
	my $batches = 0;

	foreach my $n (0 .. $#steps)
	{
		my $kind = $steps[$n][0];

		return $n if $kind =~ /^(?:change|vacuum)$/ || ($kind eq 'flush' && $batches > 1);
		$batches = $kind eq 'flush' ? 0 : $batches + ($kind =~ /^(?:tx|single|write)$/ ? 2 : 1);
	}
	return scalar @steps;
}

my $writes = qr/^(?:rows|single|tx|copy|returning|write|change)$/;

# Many segments, so that a tiering moves some of them that were written before
# and after others that stay.
sub flushes
{
	my ($rng, $step) = @_;

	return $step->[0] =~ $writes && $rng->chance(0.7) ? ['flush'] : ();
}

# What moves some of the rows after a step of loading, so that others, written
# before or later, stay where they are.
sub moves
{
	my ($rng, $schema, $step) = @_;

	return unless $step->[0] =~ $writes;
	return unless $rng->chance($schema->{merge} ? 0.35 : 0.05);
	return map {
		$_ eq 'tier' ? [ 'tier', tier_time($rng, $schema) ] : [$_]
	} $rng->weighted(1 => 'flush', 1 => 'compact', 3 => 'tier');
}

sub later_step
{
	my ($rng, $schema, $changes) = @_;
	my $kind = $rng->weighted(4 => 'flush', 3 => 'compact', 3 => 'tier',
		0.5 => 'vacuum', 0.5 => 'plain vacuum', $changes ? (4 => 'change') : ());

	return $kind eq 'change' ? change($rng, $schema)
	  : $kind eq 'tier' ? [ 'tier', tier_time($rng, $schema) ] : [$kind];
}

sub tier_time
{
	my ($rng, $schema) = @_;

	return $rng->pick('infinity', 'infinity', grep { defined } @{ $schema->{time}{samples} });
}

# One statement, or several in one transaction, of which some are rolled back.
sub change
{
	my ($rng, $schema) = @_;

	return [ 'change', statement($rng, $schema) ] if $rng->chance(0.6);
	my @parts = ('BEGIN', map({ statement($rng, $schema) } 1 .. $rng->int(0, 2)), 'SAVEPOINT a',
		map({ statement($rng, $schema) } 1 .. $rng->int(1, 2)));

	push @parts, 'SAVEPOINT b', statement($rng, $schema), $rng->pick('ROLLBACK TO b', 'RELEASE b')
	  if $rng->chance(0.4);
	push @parts, $rng->pick('ROLLBACK TO a', 'ROLLBACK TO a', 'RELEASE a'),
	  map({ statement($rng, $schema) } 1 .. $rng->int(0, 2)), $rng->weighted(5 => 'COMMIT', 1 => 'ROLLBACK');
	return [ 'change', @parts ];
}

# Conditions that no row makes fail, mostly of few rows.
sub predicate
{
	my ($rng, $schema) = @_;
	my @all;

	for (1 .. $rng->weighted(4 => 1, 4 => 2))
	{
		my $c = context($rng, $schema);
		my $sql = $rng->weighted(
			3 => time_range($c), 3 => tag_match($c) // 'true',
			4 => atom($c, $rng->pick($schema->visible)));

		# A name has a collation of its own, which may meet another one.
		push @all, $sql unless $c->{risky} || $sql =~ /::name\b/;
	}
	my $n = $rng->weighted(2 => 1, 3 => 2, 4 => 5, 3 => 50);
	my $rest = $rng->int(0, $n - 1);

	push @all, "abs(hashtext($schema->{time}{q}::text) % $n) = $rest" if $n > 1 || !@all;
	return join ' AND ', @all;
}

sub statement
{
	my ($rng, $schema) = @_;
	my $where = predicate($rng, $schema);

	return "DELETE FROM t WHERE $where" if $rng->chance(0.5);
	my @set = map {
		my $value = $rng->weighted(4 => other_value($_) // $_->{q},
			3 => constant(context($rng, $schema), $_, same => 1, not_null => 1, literal => 1),
			$_->{notnull} ? () : (2 => 'NULL'));

		"$_->{q} = $value"
	} $rng->some(1, 3, grep { $_->{role} ne 'ns' } @{ $schema->fields });

	# No two rows may become one point, unless that is so already.
	if (!$schema->{moved} && $rng->chance(0.15))
	{
		@set = () if $rng->chance(0.5);
		push @set, "$schema->{time}{q} = $schema->{time}{q} + interval '$beyond'";
		$schema->{moved} = 1;
	}
	if (!$schema->{merge} && $schema->{unique} ne 'series' && @{ $schema->tags } && $rng->chance(0.15))
	{
		push @set, $rng->pick(@{ $schema->tags })->{q} . " = 'moved'";
	}
	return "DELETE FROM t WHERE $where" unless @set;
	return "UPDATE t SET " . join(', ', @set) . " WHERE $where";
}

# Statements over both tables alike.
sub change_sql
{
	my (@statements) = @_;

	return join '', map { "SET search_path = $_, public;\n" . join '', map { "$_;\n" } @statements } 'm', 'h';
}

1;
