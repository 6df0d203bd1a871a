# Constants, conditions and expressions over the columns of a measurement.
#
# A context says how to write them:
#	rng		the generator of random numbers
#	schema	a DiffSchema
#	alias	what to put before a column, '' or 'a.'
#	params	an array that takes parameters of a prepared statement, or undef
#	risky	set when an error depends on the order of evaluation
#
# test/diff/DiffExpr.pm

package DiffExpr;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();

use DiffData qw(format_time);
use DiffSchema;

our @EXPORT_OK = qw(ref_to constant condition conditions time_range tag_match
  atom scalar_expression quote numeric_columns columns_of);

sub quote
{
	my ($text) = @_;

	return DiffSchema::quote_text($text);
}

sub ref_to
{
	my ($c, $column) = @_;

	return $c->{alias} . $column->{q};
}

sub columns_of
{
	my ($c, $pattern) = @_;

	return grep { $_->{base} =~ $pattern } $c->{schema}->visible;
}

sub numeric_columns
{
	my ($c) = @_;

	return columns_of($c, qr/^(?:float|int\d|numeric)/);
}

# A value that the column has, or might have.
sub sample
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my @samples = @{ $column->{samples} };

	return near_time($c, $column)
	  if $column->{base} =~ /^timestamp/ && $rng->chance(0.5);
	return $rng->pick(@samples) if @samples && $rng->chance(0.75);
	return extreme($c, $column);
}

# A round time somewhere in the measurement's range, or a little beyond.
sub near_time
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my $grid = $c->{schema}{time_grid};
	my $n = @{ $c->{schema}{rows} };
	my $unit = $rng->pick(1, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000);
	my $us = $grid->{base} + ($rng->real * 1.1 - 0.05) * ($n < 600 ? $n : 600) *
	  $grid->{step};

	return format_time(POSIX::floor($us / $unit) * $unit,
		$column->{base} eq 'timestamptz' ? '+00' : '');
}

sub extreme
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my $base = $column->{base};

	return $rng->pick('0', '1', '-1', '100', '-32768', '32767', '-2147483648',
		'2147483647', '-9223372036854775808', '9223372036854775807', '50')
	  if $base =~ /^int\d/;
	return $rng->pick('0', '-0', '1', '1.5', '-1.5', 'NaN', 'Infinity',
		'-Infinity', '50', $base eq 'float4' ? ('1e30', '-1e-30') : ('1e300', '-1e-300'), '20.5', '100')
	  if $base =~ /^float/;
	return $rng->pick('0', '0.00', '1.5', 'NaN', 'Infinity', '-Infinity',
		'12.5', '1e30', '-3')
	  if $base eq 'numeric';
	return $rng->pick('t', 'f') if $base eq 'boolean';
	return $rng->pick('', 'a', 'A', 'h1', 'h2', 'zzz', 'alpha', 'Beta',
		"\x{c3}\x{a9}", 'srv-010/cpu')
	  if $base eq 'text';
	return $rng->pick('2024-01-01', '2024-01-02', 'infinity', '-infinity',
		'1970-01-01')
	  if $base eq 'date';
	return $rng->pick('infinity', '-infinity', 'epoch', '2024-01-02 00:00:00')
	  if $base =~ /^timestamp/;
	return '1 day' if $base eq 'interval';
	return '00000000-0000-4000-8000-000000000000' if $base eq 'uuid';
	return '{1,NULL}';
}

my %base_sql = (array => 'int4[]');

# A constant to compare the column with, perhaps of another type; as a
# parameter when parameters are wanted.
sub constant
{
	my ($c, $column, %args) = @_;
	my $rng = $c->{rng};
	my $value = sample($c, $column);
	my $type = $base_sql{ $column->{base} } // $column->{base};
	my $cast = $args{same} ? $type : other_type($c, $column, \$value);

	$value = undef if !$args{not_null} && $rng->chance(0.015);
	if ($c->{params} && !$args{literal} && $rng->chance(0.7))
	{
		my $param_type = $cast || $type;

		push @{ $c->{params} }, {
			type => $param_type,
			make => sub {
				my $v = sample($c, $column);

				other_type($c, $column, \$v, $param_type);
				return $rng->chance(0.03) ? 'NULL' : fits($v, $param_type);
			},
			first => fits($value, $param_type) };
		return '$' . @{ $c->{params} };
	}
	return 'NULL' if !defined $value && $rng->chance(0.5);
	return fits($value, $cast || $type) . '::' . ($cast || $type)
	  if !defined $value;
	return bare_number($value)
	  if !$cast && $value =~ /^-?\d/ && $column->{base} =~ /^(?:int|float|num)/;
	return fits($value, $cast || $type) . ($cast ? "::$cast" : '');
}

# A negative number in parentheses: a cast would bind before the sign.
sub bare_number
{
	my ($value) = @_;

	return $value =~ /^-/ ? "($value)" : $value;
}

# The value as a quoted text that the type takes.
sub fits
{
	my ($value, $type) = @_;

	return 'NULL' unless defined $value;
	if ($type =~ /^int([248])$/)
	{
		my $bits = $1 * 8;

		return "'0'" unless $value =~ /^-?\d+(?:\.\d*)?$/;
		$value =~ s/\..*//;
		$value = '0' if $value eq '-' || $value eq '-0';
		$value = $value < 0 ? '-5' : '5'
		  if $bits < 64 && abs($value) >= 2**($bits - 1);
	}
	return quote($value);
}

# Is this a number that float4 refuses, for being too large or too small?
sub beyond_float4
{
	my ($value) = @_;

	return $value =~ /^-?\d/ && $value != 0 && (abs($value) > 1e30 || abs($value) < 1e-30);
}

# Choose a type for the constant, and make the value fit; '' is the bare
# literal.
sub other_type
{
	my ($c, $column, $value, $wanted) = @_;
	my $rng = $c->{rng};
	my $base = $column->{base};
	my $type = $wanted;

	if ($base =~ /^int\d/)
	{
		$type //= $rng->weighted(6 => '', 1 => 'int8', 1 => 'int4', 1 => 'int2',
			1 => 'numeric', 1 => 'float8', 0.3 => 'float4');
		$$value += $rng->pick(0.5, -0.25, 0)
		  if $type =~ /^(?:numeric|float)/ && abs($$value) < 1e9;
	}
	elsif ($base =~ /^float/)
	{
		$type //= $$value =~ /^-?\d/
		  ? $rng->weighted(5 => '', 3 => 'float8', 1 => 'float4', 1 => 'numeric',
			0.5 => 'int4', 0.5 => 'int8')
		  : $rng->pick('float8', $base, 'float8');
		$type = 'float8' if !$wanted && $type eq 'float4' && beyond_float4($$value);
		$$value = '1e30' if $wanted && $wanted eq 'float4' && beyond_float4($$value);
	}
	elsif ($base eq 'numeric')
	{
		$type //= $$value =~ /^-?\d/
		  ? $rng->weighted(5 => '', 3 => 'numeric', 1 => 'int4', 1 => 'float8')
		  : 'numeric';
	}
	elsif ($base eq 'text')
	{
		$type //= $rng->weighted(8 => '', 2 => 'text', 0.5 => 'varchar',
			0.3 => 'name', 0.3 => 'bpchar');
	}
	elsif ($base =~ /^(?:date|timestamp)/)
	{
		$type //= $rng->weighted(6 => '', 3 => $base, 1 => 'timestamptz',
			1 => 'timestamp', 1 => 'date');
		$$value =~ s/[+]00$// if $type eq 'timestamp' || $base eq 'timestamp';
		$$value = substr $$value, 0, 10
		  if ($type eq 'date' || $base eq 'date') && $$value =~ /^\d/;
	}
	else
	{
		$type //= $base_sql{$base} // $base;
	}
	return $type;
}

sub operator
{
	my ($c) = @_;

	return $c->{rng}->weighted(3 => '=', 1 => '<>', 2 => '<', 2 => '<=', 2 => '>',
		2 => '>=');
}

my %commuted = ('=' => '=', '<>' => '<>', '<' => '>', '<=' => '>=',
	'>' => '<', '>=' => '<=');

# One condition on one column.
sub atom
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my $ref = ref_to($c, $column);
	my $base = $column->{base};
	my @kinds = (
		8 => 'compare', 1 => 'commuted', 2 => 'null', 2 => 'in', 1 => 'any',
		1 => 'all', 2 => 'between', 1 => 'distinct');

	push @kinds, 3 => 'pattern' if $base eq 'text';
	push @kinds, 8 => 'bare' if $base eq 'boolean';
	my $kind = $rng->weighted(@kinds);
	if ($kind eq 'compare')
	{
		return "$ref " . operator($c) . ' ' . constant($c, $column);
	}
	if ($kind eq 'commuted')
	{
		return constant($c, $column) . ' ' . $commuted{ operator($c) } . " $ref";
	}
	return "$ref IS " . $rng->pick('', 'NOT ') . 'NULL' if $kind eq 'null';
	return "$ref IS " . $rng->pick('', 'NOT ') . 'DISTINCT FROM '
	  . constant($c, $column)
	  if $kind eq 'distinct';
	if ($kind eq 'in')
	{
		my $bare = $base =~ /^(?:int\d|float8|numeric)$/ && $rng->chance(0.4);
		my @list = map { constant($c, $column, same => !$bare) }
		  1 .. $rng->weighted(2 => 1, 3 => 2, 3 => 3, 1 => 12);

		push @list, 'NULL' if $rng->chance(0.1);
		return "$ref " . $rng->weighted(4 => '', 1 => 'NOT ') . 'IN ('
		  . join(', ', @list) . ')';
	}
	if ($kind eq 'any' || $kind eq 'all')
	{
		my $type = $base_sql{$base} // $base;
		my @list = map { constant($c, $column, same => 1, literal => 1) }
		  1 .. $rng->int(0, 4);

		return "$ref = " . constant($c, $column) if $type =~ /\[/;
		push @list, 'NULL' if $rng->chance(0.2);
		return "$ref = ANY (" . array_parameter($c, $column, $type) . ')'
		  if $c->{params} && $kind eq 'any';
		my $array = 'ARRAY[' . join(', ', @list) . "]::${type}[]";

		return $kind eq 'all' ? "$ref " . $rng->pick('<>', '>', '<=', '=') . " ALL ($array)"
		  : "$ref " . $rng->pick('=', '=', '=', '<', '>=', '<>') . " ANY ($array)";
	}
	if ($kind eq 'between')
	{
		return "$ref " . $rng->weighted(5 => '', 1 => 'NOT ') . 'BETWEEN '
		  . $rng->weighted(4 => '', 1 => 'SYMMETRIC ')
		  . constant($c, $column) . ' AND ' . constant($c, $column);
	}
	if ($kind eq 'bare')
	{
		return $rng->pick($ref, "NOT $ref", "$ref IS TRUE", "$ref IS NOT TRUE",
			"$ref IS FALSE", "$ref IS NOT FALSE", "$ref IS UNKNOWN",
			"$ref = true", "$ref <> false");
	}
	return pattern($c, $column);
}

# A parameter of several values.
sub array_parameter
{
	my ($c, $column, $type) = @_;
	my $rng = $c->{rng};
	my $make = sub {
		return 'NULL' if $rng->chance(0.05);
		my @list = map { my $v = sample($c, $column);
			other_type($c, $column, \$v, $type);
			$rng->chance(0.1) ? 'NULL' : fits($v, $type) } 1 .. $rng->int(0, 4);

		return 'ARRAY[' . join(', ', @list) . "]::${type}[]";
	};

	push @{ $c->{params} }, { type => "${type}[]", make => $make, first => $make->() };
	return '$' . @{ $c->{params} };
}

# LIKE and regular expressions, from a value that is there.
sub pattern
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my $ref = ref_to($c, $column);
	my $text = sample($c, $column);
	my $part = substr $text, 0, $rng->int(0, length($text) > 6 ? 6 : length $text);

	# Never half a character.
	$part =~ s/[\x80-\xff].*//s;
	return "starts_with($ref, " . quote($part) . ')' if $rng->chance(0.1);
	return "$ref ^@ " . quote($part) if $rng->chance(0.05);
	if ($rng->chance(0.7))
	{
		(my $like = $part) =~ s/([\\%_])/\\$1/g;
		$like = $rng->pick("$like%", "$like%", "%$like", "%$like%", "${like}_", $like, "$like%_%");

		return "$ref " . $rng->weighted(4 => 'LIKE', 1 => 'NOT LIKE', 1 => 'ILIKE',
			0.5 => 'NOT ILIKE') . ' ' . quote($like);
	}
	(my $regexp = $part) =~ s/([^\w])/\\$1/g;
	return "$ref " . $rng->pick('~', '~', '~*', '!~') . ' '
	  . quote($rng->pick("^$regexp", $regexp, "$regexp\$", "^$regexp\$", "^($regexp|h2)", '^h[0-3]$', '.'));
}

# A range of time, as queries mostly have one.
sub time_range
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $time = $c->{schema}{time};
	my $ref = ref_to($c, $time);
	my $kind = $rng->weighted(8 => 'both', 3 => 'from', 3 => 'to', 2 => 'between',
		2 => 'stable', 2 => 'subquery', 1 => 'date', 1 => 'equal', 2 => 'bucket');
	my $one = sub { constant($c, $time) };

	if ($kind eq 'both' || $kind eq 'between')
	{
		my ($from, $to) = sort { ($a // '') cmp($b // '') }
		  (sample($c, $time), sample($c, $time));

		return "$ref BETWEEN " . quote($from) . ' AND ' . quote($to)
		  if $kind eq 'between';
		return "$ref >= " . quote($from) . " AND $ref < " . quote($to)
		  unless $c->{params};
		return "$ref >= " . $one->() . " AND $ref < " . $one->();
	}
	return "$ref " . $rng->pick('>', '>=') . ' ' . $one->() if $kind eq 'from';
	return "$ref " . $rng->pick('<', '<=') . ' ' . $one->() if $kind eq 'to';
	return "$ref = " . $one->() if $kind eq 'equal';
	return in_bucket($c, $ref) . ' ' . $rng->pick('=', '>=', '<', '>', '<=') . ' ' . $one->()
	  if $kind eq 'bucket';
	return "$ref\::date " . $rng->pick('=', '>', '<=') . ' '
	  . constant($c, { %$time, base => 'date', samples => [] }, literal => 1)
	  if $kind eq 'date';
	if ($kind eq 'subquery')
	{
		return $rng->pick(
			"$ref > (SELECT max($time->{q}) FROM t WHERE isfinite($time->{q})) - interval '1 h'",
			"$ref >= (SELECT min($time->{q}) FROM t)",
			"$ref < (SELECT min($time->{q}) FROM t WHERE isfinite($time->{q})) + interval '1 day'",
			"$ref = (SELECT max($time->{q}) FROM t)",
			"$ref = ANY (ARRAY(SELECT max($time->{q}) FROM t))");
	}

	# What is known only when the query runs.
	my $at = quote(near_time($c, { base => 'timestamptz' }));
	return $rng->pick(
		"$ref > now() - (now() - $at\::timestamptz)",
		"$ref <= now() - interval '10 days'",
		"$ref > now() - interval '10 years'",
		"$ref < now() - (now() - timestamptz $at) + interval '3 hours'",
		"$ref >= to_timestamp(extract(epoch FROM $at\::timestamptz))",
		"$ref > current_setting('rusts_diff.cutoff')::timestamptz",
		"$ref < CURRENT_DATE",
		"$ref >= date_trunc('hour', $at\::timestamptz)",
		"$ref AT TIME ZONE 'Europe/Berlin' >= $at\::timestamptz AT TIME ZONE 'Asia/Kolkata'");
}

# A time in its bucket, or moved.
sub in_bucket
{
	my ($c, $ref) = @_;
	my $rng = $c->{rng};

	return $rng->pick(
		"time_bucket('1 hour', $ref)", "time_bucket('1 day', $ref)",
		"time_bucket('1 month', $ref)", "date_trunc('hour', $ref)",
		"date_trunc('day', $ref)", "($ref + interval '1 hour')",
		"($ref - interval '1 month')",
		$c->{schema}{time}{base} eq 'timestamptz'
		? ("time_bucket('1 day', $ref, 'Europe/Berlin')",
			"date_trunc('day', $ref, 'America/New_York')",
			"to_timestamp(extract(epoch FROM $ref))") : "$ref\::timestamp(0)");
}

# A condition on a tag as queries have it.
sub tag_match
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my @tags = @{ $c->{schema}->tags } or return;
	my $tag = $rng->pick(@tags);
	my $ref = ref_to($c, $tag);

	return $rng->weighted(
		4 => "$ref = " . constant($c, $tag),
		2 => "$ref IN (" . join(', ', map { constant($c, $tag, same => 1) }
			  1 .. $rng->int(1, 5)) . ')',
		1 => "$ref IS NULL",
		1 => pattern($c, $tag),
		1 => atom($c, $tag),
		1 => "$ref IN (SELECT tag FROM dim WHERE lo > 2)",
		0.5 => "$ref = ANY (ARRAY(SELECT tag FROM dim WHERE grp = 'g1'))",
		0.5 => "EXISTS (SELECT FROM dim WHERE dim.tag = $ref AND lo < 5)",
		0.5 => "$ref NOT IN (SELECT tag FROM dim WHERE tag IS NOT NULL AND lo < 3)",
		0.5 => "$ref = (SELECT min(tag) FROM dim WHERE lo > 1)",
		0.5 => "lower($ref) = " . constant($c, $tag, literal => 1),
		0.5 => "$ref || 'x' > 'h2'",
		0.5 => "$ref COLLATE " . $rng->pick('"C"', '"en-x-icu"') . ' '
		  . operator($c) . ' ' . constant($c, $tag, literal => 1),
		0.5 => "length($ref) = 2",
		0.5 => "coalesce($ref, 'none') <> 'h1'");
}

# Conditions that no storage can decide.
sub row_wise
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my @numbers = numeric_columns($c);
	my $time = ref_to($c, $c->{schema}{time});
	my $column = $rng->pick($c->{schema}->visible);
	my $ref = ref_to($c, $column);
	my @choices = (
		'random() >= 0',
		'random() < 2',
		"CASE WHEN $ref IS NULL THEN " . $rng->pick('true', 'false') . ' ELSE '
		  . atom($c, $column) . ' END',
		"coalesce($ref IS NULL, false)",
		row_comparison($c, $column),
		"extract(second FROM $time) < 30",
		"date_part('hour', $time) IN (0, 1, 5, 23)",
		"date_trunc('hour', $time) = $time",
		"num_nulls($ref, $time) = 0",
		"(" . atom($c, $column) . ') IS NOT FALSE',
		"(" . atom($c, $column) . ') IS UNKNOWN',
		$rng->pick('true', 'false', 'NULL::boolean', '1 = 1'));

	if (@numbers >= 2)
	{
		my ($x, $y) = map { ref_to($c, $_) . '::float8' } $rng->shuffle(@numbers);

		push @choices, "$x " . $rng->pick('>', '<=', '=') . " $y",
		  "$x / 4 + $y / 4 > 10", "abs($x / 8) > $y / 8", "($x, $y) > (1, 2)";
	}
	return $rng->pick(@choices);
}

# (a, b) < (c, d)
sub row_comparison
{
	my ($c, $column) = @_;
	my $rng = $c->{rng};
	my @both = $rng->shuffle($column, $c->{schema}{time});

	return '(' . join(', ', map { ref_to($c, $_) } @both) . ') '
	  . $rng->pick('<', '<=', '>', '>=', '=', '<>')
	  . ' (' . join(', ', map { constant($c, $_, same => 1, not_null => 1) } @both) . ')';
}

sub condition
{
	my ($c, $depth) = @_;
	my $rng = $c->{rng};

	$depth //= 0;
	my $kind = $rng->weighted(
		3 => 'time', 3 => 'tag', 8 => 'atom', 1 => 'row',
		$depth < 2 ? (2 => 'tree', 0.7 => 'not') : ());
	my $sql;

	return time_range($c) if $kind eq 'time';
	$sql = tag_match($c) if $kind eq 'tag';
	$sql = row_wise($c) if $kind eq 'row';
	$sql = 'NOT (' . condition($c, $depth + 1) . ')' if $kind eq 'not';
	if ($kind eq 'tree')
	{
		my $word = $rng->pick(' AND ', ' OR ', ' OR ');

		$sql = '(' . join($word, map { condition($c, $depth + 1) }
			  1 .. $rng->int(2, 3)) . ')';
	}
	return $sql // atom($c, $rng->pick($c->{schema}->visible));
}

# A list of conditions that all must hold, mostly short.
sub conditions
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my @all;

	push @all, time_range($c) if $rng->chance(0.45);
	push @all, tag_match($c) // () if $rng->chance(0.35);
	push @all, condition($c) for 1 .. $rng->weighted(4 => 0, 4 => 1, 2 => 2);
	return $rng->shuffle(@all);
}

# An expression over one row: its SQL and what kind of value it is.
sub scalar_expression
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $column = $rng->pick($c->{schema}->visible);
	my $ref = ref_to($c, $column);
	my $time = ref_to($c, $c->{schema}{time});
	my $base = $column->{base};
	my @choices = (
		[ "$ref IS NULL", 'exact' ],
		[ "$ref\::text", 'exact' ],
		[ "coalesce($ref\::text, 'nothing')", 'exact' ],
		[ "date_trunc('day', $time)", 'exact' ],
		[ "extract(hour FROM $time)", 'exact' ],
		[ "$time\::date", 'exact' ],
		[ "$time + interval '1 hour'", 'exact' ],
		[ "CASE WHEN $time < '2024-01-02' THEN 'early' ELSE 'late' END", 'exact' ],
		[ $rng->pick('1', "'x'", 'NULL::int4', 'now() IS NOT NULL'), 'exact' ]);

	if ($base =~ /^(?:float|int\d)/)
	{
		push @choices, [ "$ref\::float8 / 2", 'float' ],
		  [ "-($ref\::float8)", 'float' ],
		  [ "abs($ref\::float8)", 'float' ],
		  [ "CASE WHEN $ref > 10 THEN 1 ELSE 0 END", 'exact' ],
		  [ "$ref > 1", 'exact' ];
	}
	push @choices, [ "upper($ref)", 'exact' ], [ "length($ref)", 'exact' ],
	  [ "left($ref, 2)", 'exact' ]
	  if $base eq 'text';
	return @{ $rng->pick(@choices) };
}

1;
