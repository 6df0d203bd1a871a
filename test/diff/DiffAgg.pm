# Aggregates and what they are grouped by.
#
# An item of a select list has
#	sql		the expression
#	kind	how answers are compared, see DiffCompare
#	far		for kinds approx and spread: the greatest error that rounding in
#			another order explains
#
# test/diff/DiffAgg.pm

package DiffAgg;

use strict;
use warnings;

use Exporter 'import';

use DiffExpr qw(ref_to constant condition quote atom numeric_columns);

our @EXPORT_OK = qw(aggregate aggregates grouping buckets having item_of);

# A column as an item.
sub item_of
{
	my ($c, $column) = @_;
	my $kind = $column->{base} =~ /^float/ ? 'float'
	  : $column->{base} eq 'numeric' ? 'numeric' : 'exact';

	return { sql => ref_to($c, $column), kind => $kind, column => $column };
}

# How far may the sum of the measurement's numbers be off?
sub sum_error
{
	my ($c, $column) = @_;
	my $n = @{ $c->{schema}{rows} } + 1;
	my $eps = $column->{base} eq 'float4' ? 1e-6 : 1e-13;

	return { far => $n * ($column->{max} + 1e-30) * $eps,
		near => $column->{base} eq 'float4' ? 1e-5 : 1e-9 };
}

# Sum, average or spread of a float, which depend on the order.
sub float_aggregate
{
	my ($c, $column, $name, $argument) = @_;
	my $max = $column->{max} + 1e-30;
	my $error = sum_error($c, $column);

	if ($column->{flavour} && $column->{flavour} eq 'huge')
	{
		$c->{risky} = 1;
		return { kind => 'skip' };
	}
	return { kind => 'approx', %$error } if $name eq 'sum';
	return { kind => 'approx', near => 1e-9,
		far => $max * ($column->{base} eq 'float4' ? 1e-12 : 1e-12) }
	  if $name eq 'avg';
	return { kind => 'approx', near => 1e-8, far => $max * $max * 1e-12 }
	  if $name =~ /^var/;
	return { kind => 'approx', near => 1e-8, far => $max * 1e-7 };
}

# Is there one first and one last row in each group?
sub has_ends
{
	my ($c, $keys) = @_;
	my $unique = $c->{schema}{unique};

	return 0 if $c->{joined};
	return 1 if $unique eq 'time';
	return 0 if $unique ne 'series';
	my %grouped = map { ($_->{column} ? $_->{column}{name} : '') => 1 } @$keys;
	foreach my $tag (@{ $c->{schema}->tags })
	{
		return 0 unless $tag->{late} || $grouped{ $tag->{name} };
	}
	return 1;
}

# One aggregate; $keys are the items it is grouped by.
sub aggregate
{
	my ($c, $keys) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my $column = $rng->pick($schema->visible);
	my $ref = ref_to($c, $column);
	my $time = ref_to($c, $schema->{time});
	my $base = $column->{base};
	my $number = $base =~ /^(?:float|int\d|numeric)/;
	my @names = (3 => 'count(*)', 2 => 'count', 1 => 'distinct');

	push @names, 3 => 'min', 3 => 'max'
	  unless $base =~ /^(?:interval|uuid|boolean)$/;
	push @names, 4 => 'sum', 4 => 'avg', 3 => 'spread', 1 => 'expression'
	  if $number;
	push @names, 4 => 'bool' if $base eq 'boolean';
	push @names, 4 => 'ends', 1 => 'time ends' if has_ends($c, $keys);
	push @names, 1 => 'ordered' if has_ends($c, $keys);
	push @names, 0.4 => 'constant';
	push @names, 0.5 => 'list' unless $base =~ /^(?:interval|float|num)/;

	my $kind = $base =~ /^float/ ? 'float' : $base eq 'numeric' ? 'numeric' : 'exact';
	my $name = $rng->weighted(@names);
	my $item;

	if ($name eq 'count(*)') { $item = { sql => 'count(*)', kind => 'exact' } }
	elsif ($name eq 'count') { $item = { sql => "count($ref)", kind => 'exact' } }
	elsif ($name eq 'distinct')
	{
		$item = { sql => "count(DISTINCT $ref)", kind => 'exact' };
	}
	elsif ($name =~ /^(?:min|max)$/)
	{
		$item = { sql => "$name($ref)", kind => $kind };
	}
	elsif ($name eq 'bool')
	{
		$name = $rng->pick('bool_and', 'bool_or', 'every');
		$item = { sql => "$name($ref)", kind => 'exact' };
	}
	elsif ($name =~ /ends/)
	{
		my $by = $time;
		my $value = $name eq 'ends' ? $ref : $time;
		my $kind = $name eq 'ends' && $base eq 'numeric' ? 'numeric' : 'exact';

		# Sorted by it, 1.5 and 1.50 are the same.
		$name = $rng->pick('first', 'last', 'last');
		$item = { sql => "$name($value, $by)", kind => $kind };
	}
	elsif ($name eq 'list')
	{
		$item = { sql => "array_agg(DISTINCT $ref ORDER BY $ref)", kind => 'exact' };
	}
	elsif ($name eq 'constant')
	{
		$item = { sql => $rng->pick('count(1)', 'sum(1)', 'count(NULL)', 'max(2.5)',
				"min('x'::text)", 'avg(3)', 'bool_and(true)'), kind => 'exact' };
	}
	elsif ($name eq 'ordered')
	{
		my $order = "$time" . $rng->pick('', ' DESC', ' DESC NULLS LAST');

		$item = { sql => $rng->pick("array_agg($ref ORDER BY $order)",
				"string_agg($ref\::text, ',' ORDER BY $order)",
				"(array_agg($ref ORDER BY $order))[1:3]",
				"first($ref, $time ORDER BY $order)"), kind => 'exact' };
		return $item;
	}
	elsif ($name eq 'expression')
	{
		return expression_aggregate($c, $column);
	}
	else
	{
		$name = $rng->pick('stddev', 'stddev_pop', 'stddev_samp', 'variance',
			'var_pop', 'var_samp')
		  if $name eq 'spread';
		$item = $base =~ /^float/ ? float_aggregate($c, $column, $name)
		  : { kind => $base eq 'numeric' ? 'numeric' : 'exact' };
		$item->{sql} = "$name($ref)";
		$item->{sql} = "$name(DISTINCT $ref)"
		  if $rng->chance(0.04);
	}
	$item->{sql} .= ' FILTER (WHERE ' . condition($c, 1) . ')'
	  if $rng->chance(0.12);
	return $item;
}

# An aggregate of an expression, or an expression of aggregates.
sub expression_aggregate
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my $ref = ref_to($c, $column);
	my $float = { %$column, base => 'float8', max => 2 * $column->{max} + 1 };
	my $max_kind = $column->{base} =~ /^float/ ? 'float' : 'numeric';
	my $make = sub {
		my ($name, $sql) = @_;

		return { %{ float_aggregate($c, $float, $name) }, sql => $sql };
	};

	return $rng->pick(
		$make->('sum', "sum($ref\::float8 * 2)"),
		$make->('avg', "avg($ref\::float8 + 1)"),
		$make->('sum', "sum(CASE WHEN $ref > 10 THEN $ref\::float8 END)"),
		$make->('avg', "avg($ref\::float8) * 2"),
		{ sql => "max($ref) - min($ref)", kind => $max_kind },
		{ sql => "max($ref\::float8 / 2)", kind => 'float' },
		{ sql => "count(*) FILTER (WHERE $ref > 10)", kind => 'exact' },
		{ sql => "count(nullif($ref, 0))", kind => 'exact' },
		{ sql => "coalesce(max($ref), 0)", kind => $max_kind },
		{ sql => "greatest(max($ref), 5)", kind => $max_kind },
		{ sql => "sum(($ref > 10)::int4)", kind => 'exact' },
		{ sql => "max($ref) IS NULL", kind => 'exact' },
		{ sql => "count($ref) * 100 / nullif(count(*), 0)", kind => 'exact' },
		{ sql => "count($ref) + count(*)", kind => 'exact' });
}

sub aggregates
{
	my ($c, $keys, $n) = @_;
	return map { aggregate($c, $keys) } 1 .. $n;
}

# Expressions that put times in buckets.
sub buckets
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $column = $c->{schema}{time};
	my $time = ref_to($c, $column);
	my $type = $column->{base};
	my $width = $rng->weighted(
		2 => '1 minute', 1 => '7 minutes', 1 => '15 minutes', 3 => '1 hour',
		1 => '00:00:10', 1 => '90 seconds', 3 => '1 day', 1 => '1 week',
		1 => '1 month', 0.5 => '1 year', 0.5 => '3 months', 0.5 => '36 hours',
		0.5 => '2 days', 0.3 => '10 years', 0.3 => '1 us');
	my $zone = quote($rng->pick('Europe/Berlin', 'Asia/Kolkata',
		'America/New_York', 'UTC'));
	my $sub_day = $width !~ /month|year/;
	my @choices = (10 => "time_bucket('$width', $time)");
	my $unit = $rng->pick('minute', 'hour', 'hour', 'day', 'day', 'week', 'month', 'year');

	push @choices, 1 => "time_bucket('$width', $time, '2024-01-01 00:30:00'::$type)",
	  0.5 => "time_bucket('$width', $time, origin => '1999-12-31'::$type)"
	  if $sub_day;
	push @choices, 0.7 => "time_bucket('$width', $time, '30 seconds'::interval)",
	  0.7 => qq{time_bucket('$width', $time, "offset" => interval '-5 minutes')}
	  if $sub_day;
	push @choices, 2 => "time_bucket('$width', $time, $zone)",
	  0.5 => "time_bucket('$width', $time, timezone => $zone, origin => '2024-01-01'::timestamptz)",
	  2 => "date_trunc('$unit', $time, $zone)"
	  if $type eq 'timestamptz';
	push @choices, 4 => "date_trunc('$unit', $time)",
	  0.5 => "date_trunc('$unit', $time\::date)", 0.7 => "$time\::date",
	  0.5 => "date_bin('$width', $time, '2024-01-01'::$type)" x ($sub_day ? 1 : 0),
	  0.5 => "extract(hour FROM $time)";
	my $sql = $rng->weighted(@choices) || "time_bucket('$width', $time)";
	return { sql => $sql, kind => 'exact', bucket => 1 };
}

# Items to group by, none of them approximate; perhaps none at all.
sub grouping
{
	my ($c, $kind) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags };

	$kind //= $rng->weighted(3 => 'nothing', 4 => 'tags', 4 => 'bucket',
		5 => 'bucket and tags', 1.5 => 'column', 1.5 => 'expression', 1 => 'mixed');
	return () if $kind eq 'nothing';
	return map { item_of($c, $_) } @tags ? $rng->some(1, 3, @tags) : ()
	  if $kind eq 'tags';
	return buckets($c) if $kind eq 'bucket';
	return $rng->shuffle(buckets($c), map { item_of($c, $_) }
		  $rng->chance(0.6) ? @tags : $rng->some(1, 2, @tags))
	  if $kind eq 'bucket and tags';
	my $column = $rng->pick(grep { $_->{base} ne 'interval' } $schema->visible);
	return item_of($c, $column) if $kind eq 'column';
	if ($kind eq 'expression')
	{
		my $ref = ref_to($c, $column);
		my @choices = (
			"$ref IS NULL", "extract(dow FROM " . ref_to($c, $schema->{time}) . ')',
			"$ref > " . constant($c, $column, not_null => 1, literal => 1),
			"CASE WHEN $ref IS NULL THEN 0 ELSE 1 END");

		push @choices, map { my $tag = ref_to($c, $_);
			("left($tag, 2)", "upper($tag)", "$tag || '!'", "length($tag)", "coalesce($tag, 'none')") } @tags;
		return { sql => $rng->pick(@choices), kind => 'exact' };
	}
	return (item_of($c, $column), grouping($c, $rng->pick('bucket', 'tags')));
}

sub having
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my @numbers = grep { ($_->{flavour} // '') !~ /huge|wide/ } numeric_columns($c);
	my $column = $rng->pick($c->{schema}->visible);
	my $time = ref_to($c, $c->{schema}{time});
	my @choices = (
		'count(*) > ' . $rng->pick(0, 1, 5, 50), 'count(*) % 2 = 0',
		'count(' . ref_to($c, $column) . ') > ' . $rng->pick(0, 1, 10),
		"min($time) < '2024-01-02'", "max($time) IS NOT NULL", 'false', 'true');

	foreach my $number ($rng->some(0, 2, @numbers))
	{
		my $ref = ref_to($c, $number);

		push @choices, "avg($ref) > 20.0123457", "max($ref) > 10",
		  "sum($ref\::numeric) < 1000.00123457", "min($ref) IS NULL";
	}
	return $rng->pick(@choices);
}

1;
