# Queries of more than one table, or of more than one statement.
#
# test/diff/DiffShapes.pm

package DiffShapes;

use strict;
use warnings;

use Exporter 'import';

use DiffAgg qw(aggregates grouping buckets item_of);
use DiffExpr qw(ref_to constant conditions condition time_range tag_match
  quote columns_of atom numeric_columns);
use DiffPoints qw(united_sql);
use DiffQuery qw(context source where one plain grouped hidden distinct distinct_on
  ends templates select_of);

our @EXPORT_OK = qw(make_query dim_sql);

# The heap table that measurements are joined with; the same in both schemas.
sub dim_sql
{
	my ($rng, $schema) = @_;
	my @tags = @{ $schema->tags };
	my @names = @tags ? $rng->some(0, 9, @{ $tags[0]{samples} }) : ();
	my $sql = "TRUNCATE public.dim;\n";
	my $n = 0;

	foreach my $name (@names, 'h1', 'nowhere', undef, $rng->chance(0.3) ? 'h1' : ())
	{
		$sql .= sprintf "INSERT INTO public.dim VALUES (%s, 'g%d', %d, %s);\n",
		  quote($name), $n % 3, $n,
		  quote($rng->pick(map { $_ // () }
				  @{ $schema->{time}{samples} }, '2024-01-01', undef));
		$n++;
	}
	return $sql . "ANALYZE public.dim;\nGRANT SELECT ON public.dim TO PUBLIC;\n";
}

# The views and policies over table t of the schema in search_path.
sub view_sql
{
	my ($class, $rng, $schema) = @_;
	my $c = context($rng, $schema);
	my $sql = '';
	my $policy = $rng->pick(time_range($c), tag_match($c) // 'true', condition($c));
	my $barrier = $rng->pick(time_range($c), tag_match($c) // 'true', condition($c));

	# Subqueries of a view would be bound to one schema; that is fine, since
	# the view is made in each.
	foreach my $side ('m', 'h')
	{
		$sql .= "SET search_path = $side, public;\n"
		  . "CREATE VIEW v AS SELECT * FROM t;\n"
		  . "CREATE VIEW sv WITH (security_barrier) AS SELECT * FROM t WHERE $barrier;\n"
		  . "GRANT USAGE ON SCHEMA $side TO rusts_diff_reader;\n"
		  . "GRANT SELECT ON ALL TABLES IN SCHEMA $side TO rusts_diff_reader;\n";
		if ($schema->{rls})
		{
			# A policy that reads its own table would recurse.
			$policy = 'true' if $policy =~ /FROM t\b/;
			$sql .= "ALTER TABLE t ENABLE ROW LEVEL SECURITY;\n"
			  . "CREATE POLICY p ON t USING ($policy);\n";
		}
	}
	return $sql . "SET search_path = public;\n";
}

sub join_dim
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags } or return grouped($c);

	$c->{alias} = 'a.';
	$c->{joined} = 1;
	my $tag = $rng->pick(@tags);
	my $ref = ref_to($c, $tag);
	my $kind = $rng->weighted(5 => 'JOIN', 2 => 'LEFT JOIN', 1 => 'RIGHT JOIN', 1 => 'FULL JOIN');
	my $on = "$ref = d.tag";

	$on .= ' AND d.lo ' . $rng->pick('> 1', '< 4', '= 0') if $rng->chance(0.3);
	$on .= ' AND ' . ref_to($c, $schema->{time}) . ' >= d.at'
	  if $rng->chance(0.15) && $kind ne 'FULL JOIN';
	my $from = $rng->chance(0.7) ? source($c) . " $kind dim AS d ON $on"
	  : "dim AS d $kind " . source($c) . " ON $on";
	my $where = where($c);
	my @dim = map { { sql => "d.$_", kind => 'exact' } } $rng->some(1, 2, 'tag', 'grp', 'lo');

	if ($rng->chance(0.5))
	{
		my @groups = ($rng->chance(0.7) ? @dim : (), $rng->chance(0.5) ? buckets($c) : ());
		my @items = (@groups, aggregates($c, [], $rng->int(1, 3)));

		return select_of($c, 'join groups', \@items, "FROM $from$where"
			  . (@groups ? ' GROUP BY ' . join(', ', 1 .. @groups) : ''),
			$rng->chance(0.4) ? [ 0 .. $#groups ] : [], distinct => '');
	}
	my @items = (@dim, map { item_of($c, $_) } $rng->some(1, 3, $schema->visible));
	return select_of($c, 'join', \@items, "FROM $from$where",
		$rng->chance(0.4) ? [ 0 .. $#items ] : [], distinct => '', limit => 0);
}

# For each row of dim, something of the measurement: scans begun again.
sub lateral
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags };

	$c->{joined} = 1;
	my $time = $schema->{time}{q};
	my $link = @tags ? $tags[0]{q} . ' = d.tag'
	  : $rng->pick("$time < d.at", "$time >= d.at");

	$link = "$time < d.at" if $rng->chance(0.15);
	my @more = $rng->chance(0.5) ? condition($c) : ();
	my $where = 'WHERE ' . join ' AND ', $link, @more;
	my $kind = $rng->weighted(4 => 'last', 3 => 'scalar', 2 => 'groups', 2 => 'exists',
		1 => 'series');
	my @dim = ({ sql => 'd.lo', kind => 'exact' }, { sql => 'd.tag', kind => 'exact' });

	if ($kind eq 'last')
	{
		my @items = ({ sql => "x.$time", kind => 'exact' });
		my $direction = $rng->pick(' DESC', ' DESC', '', ' DESC NULLS LAST');
		my $inner = $schema->{unique} eq 'time' ? '*' : $time;
		my $limit = $rng->pick(1, 1, 3);

		push @items, map { my $i = item_of($c, $_); $i->{sql} = "x.$i->{sql}"; $i }
		  $rng->some(1, 3, grep { $_->{role} ne 'time' } $schema->visible)
		  if $inner eq '*';
		my ($join, $on) = @{ $rng->pick([ 'CROSS JOIN', '' ], [ 'LEFT JOIN', ' ON true' ]) };
		return select_of($c, 'lateral', [ @dim, @items ],
			"FROM dim AS d $join LATERAL (SELECT $inner FROM t $where ORDER BY $time$direction LIMIT $limit) AS x$on",
			[], distinct => '');
	}
	if ($kind eq 'scalar')
	{
		my @aggregates = grep { $_->{sql} !~ /array_agg/ } aggregates($c, [], 2);

		return select_of($c, 'correlated', [ @dim,
				map { { %$_, sql => "(SELECT $_->{sql} FROM t $where)" } } @aggregates ],
			'FROM dim AS d', [], distinct => '');
	}
	if ($kind eq 'exists')
	{
		return select_of($c, 'exists', [ @dim,
				{ sql => "EXISTS (SELECT FROM t $where)", kind => 'exact' } ],
			'FROM dim AS d WHERE ' . $rng->pick('', 'NOT ')
			  . "EXISTS (SELECT FROM t $where) OR d.lo < 2", [], distinct => '');
	}
	if ($kind eq 'series')
	{
		my @aggregates = aggregates($c, [], 2);

		return select_of($c, 'rescan', [ { sql => 'g', kind => 'exact' },
				map { { %$_, sql => "x.a$_->{n}" } } number(@aggregates) ],
			'FROM generate_series(1, 3) AS g, LATERAL (SELECT '
			  . join(', ', map { "$_->{sql} AS a$_->{n}" } number(@aggregates))
			  . ' FROM t WHERE ' . join(' AND ', "g < 3 OR $time IS NULL", @more) . ') AS x',
			[], distinct => '');
	}
	my @groups = grouping($c, $rng->pick('tags', 'bucket'));
	my @items = (@groups, aggregates($c, \@groups, 2));

	return select_of($c, 'lateral groups', [ @dim, map { { %$_, sql => "x.a$_->{n}" } } number(@items) ],
		'FROM dim AS d, LATERAL (SELECT '
		  . join(', ', map { "$_->{sql} AS a$_->{n}" } number(@items))
		  . " FROM t $where" . (@groups ? ' GROUP BY ' . join(', ', 1 .. @groups) : '') . ') AS x',
		[], distinct => '');
}

# Items with their numbers.
sub number
{
	my $n = 0;

	return map { { %$_, n => ++$n } } @_;
}

sub self_join
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my $rows = @{ $schema->{rows} };

	# A nested loop looks at all pairs.
	return grouped($c)
	  if $rows > 2500 || $rows * $schema->{same_time} > 300_000;
	$c->{alias} = 'a.';
	$c->{joined} = 1;
	my $time = $schema->{time}{q};
	my @on = ("a.$time = b.$time");
	my @tags = @{ $schema->tags };

	push @on, map { "a.$_->{q} = b.$_->{q}" } $rng->some(0, 2, @tags) if @tags;
	my $where = where($c, $rng->chance(0.5) ? condition({ %$c, alias => 'b.' }) : ());
	my $from = source($c) . ' ' . $rng->pick('JOIN', 'LEFT JOIN', 'JOIN') . ' t AS b ON ' . join(' AND ', @on);
	my @items = ({ sql => 'count(*)', kind => 'exact' },
		{ sql => "max(a.$time)", kind => 'exact' }, aggregates($c, [], 1));

	return select_of($c, 'self join', \@items, "FROM $from$where", [], distinct => '');
}

sub set_operation
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @columns = $rng->some(1, 4, grep { $_->{base} ne 'interval' } $schema->visible);
	my @items = map { item_of($c, $_) } @columns;
	my $word = $rng->weighted(5 => 'UNION ALL', 2 => 'UNION', 1 => 'EXCEPT', 1 => 'INTERSECT', 0.5 => 'EXCEPT ALL');
	my $list = join ', ', map { $_->{sql} } @items;
	my $sql = join " $word ", map { "(SELECT $list FROM " . source($c) . where($c) . ')' } 1 .. 2;
	my @keys;

	if ($rng->chance(0.3))
	{
		@keys = 0 .. $#items;
		$sql .= ' ORDER BY ' . join ', ', map { $_ + 1 } @keys;
	}
	return one($c, 'set operation', $sql,
		{ mode => @keys ? 'ordered' : 'rows', cols => \@items, keys => \@keys });
}

sub cte
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @groups = grouping($c, $rng->pick('tags', 'bucket', 'bucket and tags'));
	my @aggregates = aggregates($c, \@groups, 2);
	my %seen;

	@groups = grep { !$seen{ $_->{sql} }++ } @groups;
	my @items = number(@groups, @aggregates);
	my $inner = 'SELECT ' . join(', ', map { "$_->{sql} AS a$_->{n}" } @items) . ' FROM '
	  . source($c) . where($c) . (@groups ? ' GROUP BY ' . join(', ', 1 .. @groups) : '');
	my $with = 'WITH x AS ' . $rng->pick('', '', 'MATERIALIZED ', 'NOT MATERIALIZED ') . "($inner)";
	my @outer = map { { %$_, sql => "x.a$_->{n}" } } @items;

	if (@groups && $rng->chance(0.4))
	{
		# Groups of groups, and what all of them have.
		return one($c, 'cte', "$with SELECT count(*), count(DISTINCT a1), min(a1), max(a1) FROM x WHERE a1 IS NOT NULL",
			{ mode => 'rows', keys => [], cols => [ map { { kind => 'exact' } } 1 .. 4 ] })
		  if ($groups[0]{kind} eq 'exact' && ($groups[0]{column}{base} // '') !~ /bool|uuid/);
	}
	if (@groups && $rng->chance(0.4))
	{
		my $on = join ' AND ', map { "x.a$_ = y.a$_" } 1 .. @groups;

		return one($c, 'cte', "$with SELECT x.* FROM x JOIN x AS y ON $on",
			{ mode => 'rows', keys => [], cols => \@outer });
	}
	return one($c, 'cte', "$with SELECT * FROM x", { mode => 'rows', keys => [], cols => \@outer });
}

sub window
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @tags = @{ $schema->tags };
	my $time = ref_to($c, $schema->{time});
	my $unique = $schema->{unique};
	my $tag_list = join ', ', map { ref_to($c, $_) } @tags;
	my $direction = $rng->pick('', '', ' DESC');
	my $partition = @tags && $rng->chance(0.6) ? "PARTITION BY $tag_list " : '';
	my $order = $partition ? "ORDER BY $time$direction"
	  : 'ORDER BY ' . join ', ', $rng->shuffle("$time$direction", map { ref_to($c, $_) } @tags);
	my @items = map { item_of($c, $_) } @tags, $schema->{time};
	my @choices = ("rank() OVER ($partition$order)", "dense_rank() OVER ($partition$order)",
		"count(*) OVER ($partition$order)", "max($time) OVER ($partition$order)",
		"count(*) OVER (" . ($partition || "PARTITION BY $time\::date ") . ')');

	if ($unique ne 'none' && !grep { $_->{late} } @tags)
	{
		my $column = $rng->pick($schema->visible);
		my $ref = ref_to($c, $column);

		push @choices, "row_number() OVER ($partition$order)",
		  "lag($ref) OVER ($partition$order)", "lead($time, 2) OVER ($partition$order)",
		  "$time - lag($time) OVER ($partition$order)" x !!($rng->chance(0.3)),
		  "first_value($ref) OVER ($partition$order)",
		  "count($ref) OVER ($partition$order ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)";
	}
	push @items, map { { sql => $_, kind => 'exact' } } grep { $_ } $rng->some(1, 3, @choices);
	my ($number) = $rng->shuffle(grep { $_->{base} =~ /^(?:float8|int\d)/ && ($_->{flavour} // '') !~ /huge/ } $schema->visible);
	if ($number && $unique ne 'none' && !grep { $_->{late} } @tags)
	{
		push @items, { kind => 'approx', near => 1e-9, far => ($number->{max} + 1e-30) * 1e-11 * (@{ $schema->{rows} } + 1),
			sql => 'avg(' . ref_to($c, $number) . "::float8) OVER ($partition$order"
			  . $rng->pick('', ' ROWS 5 PRECEDING') . ')' };
	}
	return select_of($c, 'window', \@items, 'FROM ' . source($c) . where($c), [], distinct => '');
}

# A statement prepared and run with several sets of parameters, until its
# plan is a generic one.
sub prepared
{
	my ($c) = @_;
	my $rng = $c->{rng};

	$c->{params} = [];
	my $query = $rng->weighted(4 => \&grouped, 3 => \&plain, 2 => \&ends, 2 => \&templates,
		1 => \&distinct_on)->($c);
	my ($step) = @{ $query->{steps} };
	my @params = @{ $c->{params} };
	my $types = @params ? '(' . join(', ', map { $_->{type} } @params) . ')' : '';
	my @steps = ({ sql => "PREPARE p$types AS $step->{sql}" });
	my %compare = %{ $step->{compare} };

	delete $compare{superset};
	foreach my $n (1 .. $rng->pick(2, 7, 7))
	{
		my $values = @params ? '(' . join(', ', map { $n == 1 ? $_->{first} : $_->{make}->() } @params) . ')' : '';

		push @steps, { sql => "EXECUTE p$values", compare => \%compare };
	}
	push @steps, { sql => 'DEALLOCATE p' };
	return { shape => "prepared $query->{shape}", steps => \@steps, risky => $c->{risky},
		settings => $rng->chance(0.5) ? ['SET plan_cache_mode = force_generic_plan'] : [] };
}

# Cursors, forward and backward.
sub cursor
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @items = map { item_of($c, $_) } $rng->some(1, 4, grep { $_->{base} ne 'interval' } $schema->visible);
	my $list = join ', ', map { $_->{sql} } @items;
	my $sql = "SELECT $list FROM " . source($c) . where($c);
	my @keys = $rng->chance(0.5) ? 0 .. $#items : ();
	my %all = (cols => \@items, mode => @keys ? 'ordered' : 'rows', keys => \@keys);
	my %some = %all;
	my @steps = ({ sql => 'BEGIN' });

	$sql .= ' ORDER BY ' . join ', ', map { ($_ + 1) . $rng->pick('', ' DESC') } @keys if @keys;
	# Which rows come first is open.
	$some{mode} = 'count' unless @keys;
	my $scroll = $rng->chance(0.7);
	my $hold = $rng->chance(0.15);

	push @steps, { sql => 'DECLARE c ' . ($scroll ? 'SCROLL ' : 'NO SCROLL ')
		  . 'CURSOR ' . ($hold ? 'WITH HOLD ' : '') . "FOR $sql" };
	push @steps, { sql => 'COMMIT' } if $hold;
	my $fetch = sub {
		my ($what, $compare) = @_;

		push @steps, { sql => "FETCH $what FROM c", compare => $compare };
	};
	if ($scroll)
	{
		$fetch->('FORWARD ' . $rng->int(0, 1200), \%some);
		$fetch->('BACKWARD ' . $rng->int(0, 1300), \%some);
		$fetch->($rng->pick('RELATIVE 3', 'ABSOLUTE 7', 'PRIOR', 'LAST', 'FIRST', 'ABSOLUTE -2', 'NEXT'), \%some);
		push @steps, { sql => 'MOVE ABSOLUTE 0 FROM c' };
		$fetch->('ALL', \%all);
		my %back = %all;
		$fetch->('BACKWARD ALL', \%back);
		$fetch->('FORWARD ALL', \%all);
	}
	else
	{
		$fetch->($rng->int(0, 2000), \%some);
		$fetch->($rng->int(1, 10), \%some);
		$fetch->('ALL', \%some) if $rng->chance(0.5);
	}
	push @steps, $hold ? { sql => 'CLOSE c' } : { sql => 'COMMIT' };
	return { shape => 'cursor', steps => \@steps, risky => $c->{risky} };
}

# What a transaction reads of its own rows, and after a rollback.
sub own_rows
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $schema = $c->{schema};
	my @columns = grep { !$_->{dropped} } @{ $schema->{columns} };
	my $list = join ', ', map { $_->{q} } @columns;
	my $n = @{ $schema->{rows} };
	my $from = $n ? $rng->int(0, $n - 1) : 0;
	my $insert = sub {
		my ($count) = @_;
		my $to = $from + $count;

		# The same rows again, later than any other, so that no two are alike
		# where they must not be.
		my @values = map { $_->{role} eq 'time'
			  ? "CASE WHEN isfinite($_->{q}) THEN $_->{q} + interval '876000 hours' + $count * interval '9600 hours' END"
			  : $_->{late} || $_->{notnull} || $_->{role} eq 'tag' || !$rng->chance(0.1) ? $_->{q} : "NULL::$_->{type}" } @columns;
		my $rest = "FROM s.stage WHERE n >= $from AND n < $to AND isfinite($schema->{time}{q}) ORDER BY n";
		my $select = join ', ', @values;
		my $sql = "INSERT INTO t ($list) SELECT $select $rest";

		return { sql => $sql } unless $schema->{merge};
		$select = join ', ', map { "$values[$_] AS $columns[$_]{q}" } 0 .. $#columns;
		return { sql => $sql, heap_sql => united_sql(\@columns, "SELECT n, $select $rest") };
	};
	my @queries = map { my $q = $rng->weighted(3 => \&grouped, 2 => \&plain, 2 => \&ends,
			2 => \&distinct_on, 1 => \&distinct)->($c); delete $q->{steps}[0]{compare}{superset};
		$q->{steps}[0] } 1 .. 3;
	my @steps = ({ sql => 'BEGIN' }, $insert->($rng->pick(1, 20, 1500)), $queries[0],
		{ sql => 'SAVEPOINT a' }, $insert->($rng->pick(2, 21)), $queries[1],
		{ sql => $rng->pick('ROLLBACK TO a', 'RELEASE a') }, $queries[2],
		{ sql => 'ROLLBACK' }, $queries[0]);

	return { shape => 'own rows', steps => \@steps, risky => $c->{risky} };
}

# The plan's own words, for its errors only, and a table made of the answer.
sub explained
{
	my ($c) = @_;
	my $rng = $c->{rng};
	my $query = $rng->pick(\&grouped, \&plain, \&distinct_on)->($c);
	my $sql = $query->{steps}[0]{sql};

	unshift @{ $query->{steps} }, { sql => 'EXPLAIN (' . $rng->pick('ANALYZE, VERBOSE, BUFFERS, TIMING off',
			'VERBOSE', 'ANALYZE, FORMAT JSON', 'COSTS off, VERBOSE, FORMAT XML') . ") $sql" };
	return $query;
}

my @shapes = (
	20 => \&plain, 32 => \&grouped, 3 => \&hidden, 8 => \&templates, 6 => \&distinct,
	6 => \&distinct_on, 6 => \&ends, 6 => \&join_dim, 5 => \&lateral, 2 => \&self_join,
	3 => \&set_operation, 3 => \&cte, 4 => \&window, 7 => \&prepared, 4 => \&cursor,
	4 => \&own_rows, 2 => \&explained);

# One query of a schema.
sub make_query
{
	my ($rng, $schema) = @_;
	my $c = context($rng, $schema);
	my $query = $rng->weighted(@shapes)->($c);

	$query->{risky} = 1 if $c->{risky};
	$query->{role} = 1
	  if $query->{shape} ne 'own rows' && $rng->chance($schema->{rls} ? 0.4 : 0.03);
	return $query;
}

1;
