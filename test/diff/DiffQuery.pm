# Queries over one measurement: rows, groups, orders, limits.
#
# A query is a hash:
#	shape	what it is called in reports
#	steps	statements in order, each { sql, compare, ... }: compare says how its
#			answer is compared, see DiffCompare; undef for its SQLSTATE alone
#	role	run by the reader, who is no superuser
#	risky	it may fail on one side only
#
# What is risky: arithmetic that overflows for some order of additions or some
# order in which conditions are evaluated.  SQL promises neither.
#
# test/diff/DiffQuery.pm

package DiffQuery;

use strict;
use warnings;

use Exporter 'import';

use DiffAgg qw(aggregates grouping buckets having item_of);
use DiffExpr qw(ref_to constant conditions condition time_range tag_match
  scalar_expression quote columns_of);

our @EXPORT_OK = qw(context source where one order_by plain grouped hidden distinct
  distinct_on ends templates select_of);

sub context
{
	my ($rng, $schema, %more) = @_;

	return { rng => $rng, schema => $schema, alias => '', risky => 0,
		params => undef, %more };
}

# Where rows come from.
sub source
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $alias = $c->{alias} =~ s/\.$//r;
	my $from = $rng->weighted(10 => 't', 1 => 'v', 1 => 'sv',
		0.2 => 't TABLESAMPLE SYSTEM (100)', 0.5 => '(SELECT * FROM t)', 0.3 => '(SELECT * FROM t OFFSET 0)');

	if ($alias)
	{
		$from =~ s/^t TABLE/t AS $alias TABLE/ or $from .= " AS $alias";
		return $from;
	}
	return $from =~ /^\(/ ? "$from AS x" : $from;
}

sub where
{
	my ($c, @more) = @_;
	my @all = (@more, $c->{rng}->chance(0.15) ? () : conditions($c));

	return @all ? ' WHERE ' . join(' AND ', @all) : '';
}

# A query of one statement.
sub one
{
	my ($c, $shape, $sql, $compare) = @_;

	return { shape => $shape, steps => [ { sql => $sql, compare => $compare } ],
		risky => $c->{risky} };
}

# ORDER BY over some items of the list: its SQL and their numbers.
sub order_by
{
	my ($c, $items, @numbers) = @_;
	my $rng = $c->{rng};
	my @terms;

	foreach my $i (@numbers)
	{
		my $term = $rng->chance(0.5) ? $i + 1 : $items->[$i]{sql};

		# A constant would be taken for a number of the list.
		$term = $i + 1 unless $term =~ /[a-z"]/ && $term =~ /[^a-z']/i;
		$term .= $rng->weighted(5 => '', 4 => ' DESC', 1 => ' ASC');
		$term .= $rng->weighted(6 => '', 1 => ' NULLS FIRST', 1 => ' NULLS LAST');
		push @terms, $term;
	}
	return @terms ? ' ORDER BY ' . join(', ', @terms) : '';
}

sub limit
{
	my ($c) = @_;
	my $rng = $c->{rng};

	return $rng->weighted(
		5 => ' LIMIT ' . $rng->pick(1, 1, 5, 10, 100, 1000, 0),
		2 => ' LIMIT ' . $rng->int(1, 20) . ' OFFSET ' . $rng->pick(0, 1, 7, 500),
		1 => ' OFFSET ' . $rng->pick(0, 3, 100),
		0.3 => ' FETCH FIRST ' . $rng->int(1, 9) . ' ROWS WITH TIES');
}

# Put SELECT, order and limit together, and say how to compare.
#	total	the order leaves no two rows that differ in their places
sub select_of
{
	my ($c, $shape, $items, $rest, $keys, %args) = @_;
	my $list = join ', ', map { $_->{sql} } @$items;
	my $sql = "SELECT $args{distinct}$list $rest";
	my $order = order_by($c, $items, @$keys);
	my %compare = (cols => $items, keys => $keys, mode => @$keys ? 'ordered' : 'rows');
	my $limit = $args{limit} ? limit($c) : '';

	$limit = '' if $limit =~ /TIES/ && !@$keys;
	if ($limit && !$args{total})
	{
		if ($limit !~ /TIES/)
		{
			$compare{mode} = 'keys';
			$compare{superset} = $sql
			  unless grep { $_->{kind} !~ /^(?:exact|float|numeric)$/ } @$items;
		}
		$c->{risky} = 1 if $args{risky_limit};
	}
	return one($c, $shape, $sql . $order . $limit, \%compare);
}

# Does an order by these columns decide everything?
sub total_order
{
	my ($c, $items, $keys) = @_;
	my $unique = $c->{schema}{unique};
	my %key = map { $items->[$_]{column} ? ($items->[$_]{column}{name} => 1) : () }
	  @$keys;

	return 0 unless $key{ $c->{schema}{time}{name} };
	return 1 if $unique eq 'time';
	return 0 if $unique ne 'series';
	return !grep { !$_->{late} && !$key{ $_->{name} } } @{ $c->{schema}->tags };
}

# Rows as they are.
sub plain
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my $from = source($c);
	my @items = map { item_of($c, $_) } $rng->some(1, 5, $schema->visible);
	my @keys;

	@items = map { item_of($c, $_) } $schema->visible if $rng->chance(0.2);
	foreach (1 .. $rng->weighted(5 => 0, 3 => 1, 1 => 3))
	{
		my ($sql, $kind) = scalar_expression($c);

		push @items, { sql => $sql, kind => $kind };
	}
	@items = $rng->shuffle(@items);
	if ($from eq 't' && $rng->chance(0.08))
	{
		push @items, { sql => $rng->pick('t', 'row_to_json(t)::text', 't.*::text'), kind => 'exact' };
	}
	if ($rng->chance(0.45))
	{
		my %place = map { $items[$_]{column} ? ($items[$_]{column}{name} => $_) : () }
		  0 .. $#items;
		my $place_of = sub {
			my ($column) = @_;

			if (!defined $place{ $column->{name} })
			{
				push @items, item_of($c, $column);
				$place{ $column->{name} } = $#items;
			}
			return $place{ $column->{name} };
		};
		my @tags = @{ $schema->tags };
		my $kind = $rng->weighted(5 => 'time', 2 => 'tags', 3 => 'tags, time',
			1 => 'time, tags', 2 => 'any', 1 => 'all');

		@keys = $place_of->($schema->{time}) if $kind eq 'time';
		@keys = map { $place_of->($_) } @tags if $kind eq 'tags';
		@keys = map { $place_of->($_) } @tags, $schema->{time} if $kind eq 'tags, time';
		@keys = map { $place_of->($_) } $schema->{time}, @tags if $kind eq 'time, tags';
		@keys = $rng->some(1, 2, 0 .. $#items) if $kind eq 'any';
		@keys = 0 .. $#items if $kind eq 'all';
		# These have no order, or text does not show it.
		@keys = grep { $items[$_]{sql} !~ /^(?:t|t\.\*.*)$/ } @keys;
	}
	return select_of($c, 'plain', \@items, "FROM $from" . where($c), \@keys,
		distinct => '', limit => $rng->chance(@keys ? 0.5 : 0.15),
		total => total_order($c, \@items, \@keys) || @keys == @items);
}

# Groups.
sub grouped
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $from = source($c);
	my %seen;
	my @groups = grep { !$seen{ $_->{sql} }++ } grouping($c);

	# Some sets group by none, so they have no tags to tell ends apart.
	my $sets = @groups > 1 && $rng->chance(0.08);
	my @aggregates = aggregates($c, $sets ? [] : \@groups,
		$rng->weighted(3 => 1, 4 => 2, 3 => 4, 1 => 8));
	my $where = where($c);
	my (@order, $by);
	my $total = 0;

	my @items = (@groups, @aggregates);
	if ($sets)
	{
		my $list = join ', ', map { $_->{sql} } @groups;

		$by = $rng->pick("ROLLUP ($list)", "CUBE ($list)",
			"GROUPING SETS (($list), ())",
			'GROUPING SETS (' . join(', ', map { "($_->{sql})" } @groups) . ')');
		$by = "ROLLUP ($list)" if $by =~ /CUBE/ && @groups > 3;
		push @items, { sql => "grouping($list)", kind => 'exact' };
	}
	else
	{
		my $i = 0;

		$by = join ', ', map { $i++; $rng->chance(0.4) ? $i : $_->{sql} } @groups;
	}
	push @items, derived($c, @groups) if @groups && $rng->chance(0.12);
	my $rest = "FROM $from$where" . ($by ? " GROUP BY $by" : '');
	$rest .= ' HAVING ' . having($c) if $rng->chance(@groups ? 0.12 : 0.04);
	if (@groups && $rng->chance(0.5))
	{
		my @g = 0 .. $#groups;
		my @a = grep { $items[$_]{kind} ne 'skip' && $items[$_]{sql} !~ /array_agg/ }
		  @groups .. $#items;
		my $kind = $rng->weighted(5 => 'groups', 2 => 'some', @a ? (2 => 'aggregate', 1 => 'both') : ());

		@order = $rng->shuffle(@g) if $kind eq 'groups';
		@order = $rng->some(1, 2, @g) if $kind eq 'some';
		@order = $rng->pick(@a) if $kind =~ /aggregate|both/;
		push @order, @g if $kind eq 'both';
		$total = $kind eq 'groups' && !$sets;
	}
	return select_of($c, 'grouped', \@items, $rest, \@order, distinct => '',
		limit => @groups && $rng->chance(@order ? 0.4 : 0.08), total => $total);
}

# Something computed from what is grouped by.
sub derived
{
	my ($c, @groups) = @_;
	my @choices = map {
		my $sql = $_->{sql};

		($_->{column}{role} // '') eq 'tag' ? ("upper($sql)", "$sql || '!'", "$sql IS NULL")
		  : $sql =~ /^(?:time_bucket|date_trunc)\(/ ? ("$sql + interval '1 hour'", "extract(day FROM $sql)")
		  : "$sql IS NULL"
	} @groups;

	return { sql => $c->{rng}->pick(@choices), kind => 'exact' };
}

# Groups that do not show what they are grouped by, and rows without columns.
sub hidden
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $from = source($c);
	my $where = where($c);

	if ($rng->chance(0.4))
	{
		return one($c, 'no columns', $rng->pick(
				"SELECT count(*) FROM (SELECT FROM $from$where) AS y",
				"SELECT 'x' FROM $from$where", "SELECT 1, NULL FROM $from$where",
				"SELECT EXISTS (SELECT FROM $from$where)",
				"SELECT count(*) FROM (SELECT FROM $from$where LIMIT 10) AS y"),
			{ mode => 'rows', keys => [], cols => [] });
	}
	my @groups = grouping($c, $rng->pick('tags', 'bucket', 'bucket and tags'));
	my @items = grep { $_->{kind} !~ /^(?:approx|skip)$/ } aggregates($c, \@groups, 4);

	push @items, { sql => 'count(*)', kind => 'exact' } unless @items;
	return select_of($c, 'hidden groups', \@items, "FROM $from$where"
		  . (@groups ? ' GROUP BY ' . join(', ', map { $_->{sql} } @groups) : ''),
		[], distinct => '');
}

sub distinct
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags };
	my $kind = $rng->weighted(@tags ? (6 => 'tags') : (), 2 => 'bucket',
		2 => 'columns');
	my @items;

	@items = map { item_of($c, $_) } $rng->some(1, 3, @tags) if $kind eq 'tags';
	@items = buckets($c) if $kind eq 'bucket';
	@items = map { item_of($c, $_) }
	  $rng->some(1, 2, grep { $_->{base} ne 'interval' } $schema->visible)
	  if $kind eq 'columns';
	my @keys = $rng->chance(0.4) ? $rng->some(1, scalar @items, 0 .. $#items) : ();
	return select_of($c, 'distinct', \@items, 'FROM ' . source($c) . where($c),
		\@keys, distinct => 'DISTINCT ', limit => $rng->chance(@keys ? 0.4 : 0.1),
		total => @keys == @items);
}

# The first or last row of each series, and its like.
sub distinct_on
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags };
	my @on = @tags ? $rng->chance(0.7) ? @tags : $rng->some(1, 2, @tags)
	  : $rng->pick($schema->visible);
	my %on = map { $_->{name} => 1 } @on;

	return plain($c) if $on{ $schema->{time}{name} } || grep { $_->{base} eq 'interval' } @on;
	my @order = map { ref_to($c, $_) . $rng->weighted(8 => '', 1 => ' DESC', 1 => ' NULLS FIRST') } @on;
	my $time = ref_to($c, $schema->{time});
	my @items = map { item_of($c, $_) } @on, $schema->{time};
	my @keys = 0 .. $#on;

	push @items, map { item_of($c, $_) } grep { !$on{ $_->{name} } } $rng->some(1, 4, $schema->visible)
	  if total_order($c, \@items, [ 0 .. $#items ]);
	my $direction = $rng->weighted(4 => ' DESC', 1 => ' DESC NULLS LAST', 2 => '', 1 => ' NULLS FIRST');
	my $sql = 'SELECT DISTINCT ON (' . join(', ', map { ref_to($c, $_) } @on) . ') '
	  . join(', ', map { $_->{sql} } @items) . ' FROM ' . source($c) . where($c)
	  . ' ORDER BY ' . join(', ', @order, "$time$direction");
	$sql .= ' LIMIT ' . $rng->int(1, 10) if $rng->chance(0.15);
	return one($c, 'distinct on', $sql,
		{ mode => 'ordered', cols => \@items, keys => \@keys });
}

# The ends of the measurement.
sub ends
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my $time = item_of($c, $schema->{time});
	my $t = $time->{sql};
	my $from = source($c);
	my $where = where($c);

	if ($rng->chance(0.5))
	{
		my @items = map { { sql => $_, kind => 'exact' } } $rng->some(1, 3,
			"min($t)", "max($t)", 'count(*)', "max($t) - interval '1 hour'",
			"count($t)");

		return select_of($c, 'ends', \@items, "FROM $from$where", [], distinct => '');
	}
	my @items = ($time);
	push @items, map { item_of($c, $_) } $rng->some(1, 3, grep { $_->{role} ne 'time' } $schema->visible)
	  if $schema->{unique} eq 'time' && $rng->chance(0.7);
	my $compare = { mode => 'ordered', cols => \@items, keys => [0] };
	my $sql = 'SELECT ' . join(', ', map { $_->{sql} } @items)
	  . " FROM $from$where ORDER BY $t" . $rng->weighted(3 => ' DESC', 1 => '',
		1 => ' DESC NULLS LAST', 1 => ' NULLS FIRST')
	  . ' LIMIT ' . $rng->pick(1, 1, 1, 10, 200);
	return one($c, 'ends', $sql, $compare);
}

# What dashboards and benchmarks of time series ask.
sub templates
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @numbers = grep { $_->{base} =~ /^(?:float8|int8|int4)$/ && ($_->{flavour} // '') ne 'huge' }
	  $schema->visible;
	my @tags = @{ $schema->tags };

	return grouped($c) unless @numbers;
	my $time = ref_to($c, $schema->{time});
	my @some = $rng->some(1, 5, @numbers);
	my $bucket = buckets($c);
	my @keys = ($bucket);
	my $where = time_range($c);
	my $tag = tag_match($c);

	$where = "$tag AND $where" if defined $tag && $rng->chance(0.6);
	push @keys, item_of($c, $tags[0]) if @tags && $rng->chance(0.5);
	my $function = $rng->pick('max', 'min', 'avg', 'sum', 'count');
	my @items = (@keys, map {
			my $item = { sql => "$function(" . ref_to($c, $_) . ')',
				kind => $_->{base} eq 'float8' ? 'float' : 'exact' };

			if ($_->{base} eq 'float8' && $function =~ /avg|sum/)
			{
				my $n = @{ $schema->{rows} } + 1;

				@$item{qw(kind near far)} = ('approx', 1e-9,
					($_->{max} + 1e-30) * ($function eq 'avg' ? 1e-12 : $n * 1e-13));
			}
			$item } @some);
	return select_of($c, 'dashboard', \@items,
		"FROM t WHERE $where GROUP BY " . join(', ', 1 .. @keys),
		[ 0 .. $#keys ], distinct => '', limit => $rng->chance(0.3), total => 1);
}

1;
