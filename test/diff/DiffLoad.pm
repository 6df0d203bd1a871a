# The SQL that makes a measurement and its twin.
#
# The two tables are called t, in schema m (USING rusts) and in schema h (heap);
# their rows come from one staging table, s.stage, where n is a row's number.
# When the schema says which rows are kept (DiffReduce), the others are not
# there.
#
# test/diff/DiffLoad.pm

package DiffLoad;

use strict;
use warnings;

use Exporter 'import';

use DiffChange qw(change_sql);
use DiffData qw(format_time);
use DiffLines qw(line_of write_sql);
use DiffPoints qw(united_sql);

our @EXPORT_OK = qw(create_sql common_sql later_sql);

# What there is once, whatever the schema.
sub common_sql
{
	return <<'END';
DROP SCHEMA IF EXISTS m, h, s CASCADE;
DROP TABLE IF EXISTS public.dim;
DROP DOMAIN IF EXISTS public.rusts_diff_int8, public.rusts_diff_float8;
CREATE DOMAIN public.rusts_diff_int8 AS int8 CHECK (VALUE IS DISTINCT FROM 123456789);
CREATE DOMAIN public.rusts_diff_float8 AS float8;
CREATE TABLE public.dim (tag text, grp text, lo int4, at timestamptz);
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rusts_diff_reader') THEN
		CREATE ROLE rusts_diff_reader;
	END IF;
END $$;
END
}

# Both tables and all of their rows.
sub create_sql
{
	my ($schema) = @_;
	my @columns = grep { !$_->{late} } @{ $schema->{columns} };

	return "DROP SCHEMA IF EXISTS m, h, s CASCADE;\n"
	  . "CREATE SCHEMA m;\nCREATE SCHEMA h;\nCREATE SCHEMA s;\n"
	  . join('', map { table_sql($schema, $_, @columns) } 'm', 'h')
	  . label_sql($schema, grep { $_->{role} eq 'tag' } @columns)
	  . stage_sql($schema)
	  . load_sql($schema, @columns);
}

sub definition
{
	my ($column) = @_;
	my $sql = "$column->{q} $column->{type}";

	$sql .= ' NOT NULL' if $column->{notnull};
	$sql .= " DEFAULT $column->{default}" if defined $column->{default};
	return $sql;
}

# The bounds of partitions.
sub partition_bounds
{
	my ($schema) = @_;

	return () unless $schema->{partitioned};
	return map { "FOR VALUES WITH (MODULUS 3, REMAINDER $_)" } 0 .. 2
	  if $schema->{partitioned} eq 'tag';
	my $day = 86400 * 1_000_000;
	my $middle = (int($schema->{time_grid}{base} / $day) +
		  $schema->{partition_shift}) * $day;
	my ($a, $b) = map { "'" . format_time($_, '+00') . "'" }
	  ($middle, $middle + $day);

	return ("FOR VALUES FROM (MINVALUE) TO ($a)",
		"FOR VALUES FROM ($a) TO ($b)", "FOR VALUES FROM ($b) TO (MAXVALUE)",
		'DEFAULT');
}

sub table_sql
{
	my ($schema, $side, @columns) = @_;
	my @bounds = partition_bounds($schema);
	my $using = $side eq 'm' ? ' USING rusts' : '';
	my $list = join ",\n\t", map { definition($_) } @columns;

	return "CREATE TABLE $side.t (\n\t$list)$using;\n" unless @bounds;
	my ($key) = $schema->{partitioned} eq 'time' ? $schema->{time}
	  : grep { $_->{role} eq 'tag' } @columns;
	my $by = $schema->{partitioned} eq 'time' ? 'RANGE' : 'HASH';
	my $sql = "CREATE TABLE $side.t (\n\t$list) PARTITION BY $by ($key->{q});\n";

	foreach my $i (0 .. $#bounds)
	{
		my $name = "$side.t$i";

		if (!$schema->{attached}[$i])
		{
			$sql .= "CREATE TABLE $name PARTITION OF $side.t $bounds[$i]$using;\n";
			next;
		}

		# One whose columns have other numbers.
		$list = join ",\n\t", map({ definition($_) } reverse @columns);
		$sql .= "CREATE TABLE $name (junk text,\n\t$list)$using;\n"
		  . "ALTER TABLE $name DROP COLUMN junk;\n"
		  . "ALTER TABLE $side.t ATTACH PARTITION $name $bounds[$i];\n";
	}
	return $sql;
}

# The measurements; a table with partitions is none.
sub measurements
{
	my ($schema) = @_;
	my @bounds = partition_bounds($schema);

	return @bounds ? map { "m.t$_" } 0 .. $#bounds : ('m.t');
}

# A function called for each of them.
sub call_sql
{
	my ($schema, $function, @arguments) = @_;

	return join '', map {
		"SELECT $function(" . join(', ', "'$_'", @arguments) . ") \\g /dev/null\n"
	} measurements($schema);
}

sub label_sql
{
	my ($schema, @tags) = @_;
	my @tables = measurements($schema);
	my $sql = '';

	foreach my $tag (@tags)
	{
		$sql .= "SECURITY LABEL FOR rusts ON COLUMN $_.$tag->{q} IS 'tag';\n"
		  foreach @tables;
	}
	return $sql;
}

sub copy_text
{
	my ($text) = @_;

	return '\N' unless defined $text;
	$text =~ s/\\/\\\\/g;
	$text =~ s/\t/\\t/g;
	$text =~ s/\n/\\n/g;
	return $text;
}

# The numbers of rows that are there, of a range.
sub kept
{
	my ($schema, $from, $to) = @_;

	return grep { !$schema->{kept} || $schema->{kept}{$_} } $from .. $to - 1;
}

# COPY of some columns of a range of rows, with their numbers if wanted.
sub copy_sql
{
	my ($schema, $table, $columns, $from, $to, $numbered) = @_;
	my @index = map { $_->{idx} } @$columns;
	my $sql = "COPY $table (" . join(', ', $numbered ? 'n' : (), map { $_->{q} } @$columns)
	  . ") FROM STDIN;\n";

	foreach my $n (kept($schema, $from, $to))
	{
		my @row = @{ $schema->{rows}[$n] }[@index];

		$sql .= join("\t", $numbered ? $n : (), map { copy_text($_) } @row) . "\n";
	}
	return "$sql\\.\n";
}

sub stage_sql
{
	my ($schema) = @_;
	my @columns = @{ $schema->{columns} };
	my $list = join ', ', map { "$_->{q} $_->{type}" } @columns;

	return "CREATE TABLE s.stage (n int4, $list);\n"
	  . copy_sql($schema, 's.stage', \@columns, 0, scalar @{ $schema->{rows} }, 1)
	  . "CREATE INDEX ON s.stage (n);\nANALYZE s.stage;\n";
}

# The rows of a range, or those of a list.
sub range_sql
{
	my ($from, $to) = @_;

	return 'n IN (' . join(', ', @$from) . ')' if ref $from;
	return $to == $from + 1 ? "n = $from" : "n >= $from AND n < $to";
}

sub insert_sql
{
	my ($side, $columns, @range) = @_;
	my $list = join ', ', map { $_->{q} } @$columns;

	return "INSERT INTO $side.t ($list) SELECT $list FROM s.stage WHERE " . range_sql(@range)
	  . " ORDER BY n;\n";
}

# Some rows, written to the twin.
sub twin_sql
{
	my ($schema, $columns, @range) = @_;
	my $list = join ', ', map { $_->{q} } @$columns;

	return insert_sql('h', $columns, @range) unless $schema->{merge};
	return united_sql($columns, "SELECT n, $list FROM s.stage WHERE " . range_sql(@range)) . ";\n";
}

# A range of rows written by lines, after those of them that have none.
sub lines_sql
{
	my ($schema, $columns, $from, $to, $precision) = @_;
	my (@others, @lines, @numbers);

	foreach my $n (kept($schema, $from, $to))
	{
		my $line = line_of($columns, $schema->{rows}[$n], $precision);

		push @others, $n unless defined $line;
		push @lines, $line if defined $line;
		push @numbers, $n if defined $line;
	}
	return (@others ? insert_sql('m', $columns, \@others) . twin_sql($schema, $columns, \@others) : '')
	  . (@lines ? write_sql($precision, @lines) . twin_sql($schema, $columns, \@numbers) : '');
}

# The steps of DiffSchema's plan, each a function of the schema, the columns
# that are there, which it may change, and its arguments.
my %steps = (
	rows => sub {
		my ($schema, $columns, @range) = @_;

		return insert_sql('m', $columns, @range) . twin_sql($schema, $columns, @range);
	},
	single => sub {
		my ($schema, $columns, @range) = @_;

		return join '', twin_sql($schema, $columns, @range),
		  map { insert_sql('m', $columns, $_, $_ + 1) } kept($schema, @range);
	},
	tx => sub {
		my ($schema, $columns, $from, $to) = @_;
		my $middle = int(($from + $to) / 2);

		return twin_sql($schema, $columns, $from, $to) . "BEGIN;\n"
		  . insert_sql('m', $columns, $from, $middle) . "SAVEPOINT s;\n"
		  . insert_sql('m', $columns, $from, $middle + 1) . "ROLLBACK TO s;\n"
		  . "SELECT count(*) FROM m.t \\g /dev/null\n"
		  . insert_sql('m', $columns, $middle, $to) . "COMMIT;\n";
	},
	copy => sub {
		my ($schema, $columns, @range) = @_;

		return copy_sql($schema, 'm.t', $columns, @range) . twin_sql($schema, $columns, @range)
		  if $schema->{merge};
		return join '', map { copy_sql($schema, "$_.t", $columns, @range) } 'm', 'h';
	},
	returning => sub {
		my ($schema, $columns, @range) = @_;

		return insert_sql('m', $columns, @range) =~ s/;\n\z/ RETURNING tableoid \\g \/dev\/null\n/r
		  . twin_sql($schema, $columns, @range);
	},
	write => \&lines_sql,
	merge => sub { return call_sql($_[0], 'rusts_set_duplicates', "'merge'") },
	change => sub {
		my ($schema, $columns, @statements) = @_;

		return change_sql(@statements) . "SET search_path = public;\n";
	},
	compact => sub { return call_sql($_[0], 'rusts_compact') },
	tier => sub {
		my ($schema, $columns, $before) = @_;

		return call_sql($schema, 'rusts_tier', "'$before'");
	},
	'plain vacuum' => sub { return "VACUUM m.t;\n" },
	aborted => sub {
		my ($schema, $columns, @range) = @_;

		return "BEGIN;\n" . insert_sql('m', $columns, @range) . "ROLLBACK;\n";
	},
	truncate => sub {
		my ($schema, $columns) = @_;

		return insert_sql('m', $columns, 0, 10) . "TRUNCATE m.t;\n";
	},
	late => sub {
		my ($schema, $columns) = @_;
		my @late = grep { $_->{late} } @{ $schema->{columns} };
		my $sql = '';

		foreach my $column (@late)
		{
			$sql .= "ALTER TABLE $_.t ADD COLUMN " . definition($column) . ";\n"
			  foreach 'm', 'h';
		}
		push @$columns, @late;
		return $sql . label_sql($schema, grep { $_->{role} eq 'tag' } @late);
	},
	drop => sub {
		my ($schema, $columns) = @_;
		my $sql = '';

		foreach my $column (grep { $_->{dropped} } @$columns)
		{
			$sql .= "ALTER TABLE $_.t DROP COLUMN $column->{q};\n" foreach 'm', 'h';
		}
		@$columns = grep { !$_->{dropped} } @$columns;
		return $sql;
	},
	flush => sub { return "SELECT rusts_flush() \\g /dev/null\n" },
	vacuum => sub { return "VACUUM FULL m.t;\n" },
	analyze => sub { return "ANALYZE m.t;\nANALYZE h.t;\n" });

sub load_sql
{
	my ($schema, @columns) = @_;

	return join '', map {
		my ($step, @arguments) = @$_;

		$steps{$step}->($schema, \@columns, @arguments)
	} @{ $schema->{steps} };
}

# Steps that come when all columns are there.
sub later_sql
{
	my ($schema, @later) = @_;

	return join '', map {
		my ($step, @arguments) = @$_;

		$steps{$step}->($schema, [ $schema->visible ], @arguments)
	} @later;
}

1;
