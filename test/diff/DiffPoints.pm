# Points that are written twice.
#
# The twin of a measurement that merges gets the rows of each statement united
# by SQL: of each field the last value that is not null, for each point.
#
# test/diff/DiffPoints.pm

package DiffPoints;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(united_sql rows_again);

sub key_columns
{
	my ($columns) = @_;

	return grep { $_->{role} =~ /^(?:tag|ns|time)$/ } @$columns;
}

# The rows of a query, in the order of n, written to the twin of a measurement
# that merges.  Rows without a time are no points.
sub united_sql
{
	my ($columns, $query) = @_;
	my ($time) = map { $_->{q} } grep { $_->{role} eq 'time' } @$columns;
	my @keys = map { $_->{q} } key_columns($columns);
	my @fields = grep { $_->{role} eq 'field' } @$columns;
	my $list = join ', ', @keys, map { $_->{q} } @fields;
	my $point = sub {
		my ($x) = @_;

		return "ROW(" . join(', ', map { "$x.$_" } grep { $_ ne $time } @keys) . ")::text";
	};
	my $same = "i.$time = t.$time AND " . $point->('i') . ' = ' . $point->('t');
	my $last = join ', ', @keys, map {
		my $type = $_->{base} eq 'array' ? 'int4[]' : '';
		my $value = $type ? "$_->{q}::text" : $_->{q};

		"(array_agg($value ORDER BY n DESC) FILTER (WHERE $_->{q} IS NOT NULL))[1]"
		  . ($type && "::$type") . " AS $_->{q}"
	} @fields;
	my $sql = "WITH r AS MATERIALIZED ($query), i AS MATERIALIZED (SELECT $last FROM r"
	  . " GROUP BY " . join(', ', @keys, "CASE WHEN $time IS NULL THEN n END") . ')';

	$sql .= ', u AS (UPDATE h.t SET '
	  . join(', ', map { "$_->{q} = coalesce(i.$_->{q}, t.$_->{q})" } @fields)
	  . " FROM i WHERE $same)" if @fields;
	return "$sql INSERT INTO h.t ($list) SELECT $list FROM i"
	  . " WHERE NOT EXISTS (SELECT FROM h.t WHERE $same)";
}

# Some of the rows again, with other values: at once, later, or in one pass
# after the other over all times, so that later versions of old points come when
# earlier versions have long been moved.  A row is [ late, time, values, pass ].
sub rows_again
{
	my ($rng, $schema, $rows, $values) = @_;
	my $chance = $rng->weighted(3 => 0.02, 4 => 0.2, 2 => 0.9);
	my $late = $rng->weighted(3 => 0, 3 => 0.5, 2 => 1);
	my $partial = $rng->weighted(2 => 0, 3 => 0.5, 1 => 0.9);
	my $passes = $rng->chance(0.5);
	my @more;

	foreach my $row (@$rows)
	{
		next unless $rng->chance($chance);
		next unless defined $row->[2][ $schema->{time}{idx} ];
		my $times = $passes ? $rng->int(1, 3) : $rng->weighted(5 => 1, 1 => 2, 0.3 => 6);

		foreach my $time (1 .. $times)
		{
			my @again = @{ $row->[2] };

			foreach my $column (grep { $_->{role} eq 'field' } @{ $schema->{columns} })
			{
				my $i = $column->{idx};

				$again[$i] = $rng->chance($partial) && !$column->{notnull} ? undef
				  : $values->{$i}->(0, $rng->int(0, 2000));
			}
			push @more, $passes ? [ 0, $row->[1], \@again, $time ]
			  : [ $rng->chance($late), $row->[1], \@again, 0 ];
		}
	}
	return @more;
}

1;
