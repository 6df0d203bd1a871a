# A measurement and its twin: columns, rows, and the way that the rows get in.
#
# Everything is decided by the generator of random numbers it is given; the SQL
# that makes it is DiffLoad's.
#
# test/diff/DiffSchema.pm

package DiffSchema;

use strict;
use warnings;

use DiffData qw(make_times make_field format_time flavours);
use DiffLines qw(has_lines);
use DiffPoints qw(rows_again);

my %sql_type = (
	text_c => 'text COLLATE "C"',
	text_icu => 'text COLLATE "en-x-icu"',
	varchar => 'varchar(8000)',
	array => 'int4[]',
	int8_domain => 'public.rusts_diff_int8',
	float8_domain => 'public.rusts_diff_float8');

my %base_type = (
	text_c => 'text',
	text_icu => 'text',
	varchar => 'text',
	int8_domain => 'int8',
	float8_domain => 'float8');

# The schema number $number of a seed's.
#	columns	in the table's order, each with
#		name, q (quoted), type (SQL), base (type without domain and collation),
#		role (time, ns, tag, field), idx (in a row), max (of finite numbers),
#		samples, late and default (added by ALTER TABLE), dropped
#	rows	arrays of texts and undefs
#	unique	'time', 'series' (tags and time) or 'none'
#	merge	points written twice are one
sub new
{
	my ($class, $rng, %args) = @_;
	my $self = bless { rng => $rng, columns => [] }, $class;

	$self->choose_columns;
	$self->{time_grid} = make_times($rng);
	$self->{zone} = $rng->weighted(
		6 => 'UTC', 1 => 'Europe/Berlin', 1 => 'Asia/Kolkata',
		1 => 'America/New_York');
	$self->{unique} =
	  $rng->weighted(3 => 'time', 5 => 'series', 2 => 'none');
	$self->{merge} = $self->{time}{name} eq 'time' && $rng->chance(has_lines($self) ? 0.6 : 0.3);
	$self->{unique} = $self->merged_unique if $self->{merge};
	$self->{partitioned} =
	  $rng->weighted(8 => '', 1 => 'time', 1 => (grep { !$_->{late} } @{ $self->tags }) ? 'tag' : '');
	$self->{partition_shift} = $rng->int(0, 2);
	$self->{attached} = [ map { $rng->chance(0.3) } 1 .. 4 ];
	$self->{partition_duration} =
	  $rng->weighted(5 => '1d', 2 => '1h', 1 => '30d', 1 => '6h');
	$self->{flushes} = $rng->weighted(2 => 0, 5 => 0.4, 3 => 1);
	$self->{rls} = $rng->chance(0.3);
	$self->make_rows($args{rows});
	$self->take_samples;
	$self->plan_load;
	return $self;
}

sub quote_name
{
	my ($name) = @_;

	return $name =~ /^[a-z_][a-z0-9_]*$/ ? $name : qq("$name");
}

sub quote_text
{
	my ($text) = @_;

	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return $text =~ /\\/ ? "E'" . $text =~ s/\\/\\\\/gr . "'" : "'$text'";
}

sub column
{
	my ($self, $name, $kind, $role, %more) = @_;

	return {
		name => $name,
		q => quote_name($name),
		type => $sql_type{$kind} // $kind,
		kind => $kind,
		base => $base_type{$kind} // $kind,
		role => $role,
		max => 0,
		%more };
}

sub choose_columns
{
	my ($self) = @_;
	my $rng = $self->{rng};
	my (@tags, @fields);

	my $time = $self->column(
		$rng->chance(0.06) ? 'ts' : 'time',
		$rng->chance(0.12) ? 'timestamp' : 'timestamptz', 'time',
		notnull => $rng->chance(0.75));
	my @tag_names = $rng->shuffle('host', 'region', 'Rack No', 'dev');
	my $ntags = $rng->weighted(1.5 => 0, 4 => 1, 4 => 2, 2 => 3);
	for my $i (1 .. $ntags)
	{
		push @tags,
		  $self->column($tag_names[$i], $rng->weighted(8 => 'text',
				1 => 'text_c', 1 => 'text_icu'), 'tag');
	}
	my $nfields = $rng->weighted(1 => 1, 3 => 2, 4 => 4, 3 => 6, 1 => 9);
	my $ordinary = $rng->chance(0.4);		# columns that rusts_write makes
	for my $i (1 .. $nfields)
	{
		my $kind = $rng->weighted(
			7 => 'float8', 5 => 'int8', 2 => 'boolean', 3 => 'text', $ordinary ? () : (
				2 => 'int4', 1 => 'int2', 1 => 'float4', 1.5 => 'numeric',
				0.7 => 'date', 1 => 'timestamptz', 0.5 => 'timestamp',
				1 => 'text_c', 0.7 => 'text_icu', 0.5 => 'varchar',
				0.5 => 'int8_domain', 0.3 => 'float8_domain', 0.2 => 'interval',
				0.2 => 'uuid', 0.2 => 'array'));
		my $name = $rng->chance(0.1) ? "Field $i" : "f$i";
		my $column = $self->column($name, $kind, 'field',
			notnull => $rng->chance(0.1));

		$column->{flavour} = $rng->weighted(flavours($column->{base}));
		$column->{notnull} = 0 if $column->{flavour} =~ /^(?:sparse|allnull)$/;
		push @fields, $column;
	}
	push @fields,
	  $self->column('time_ns', 'int2', 'ns', notnull => 1, default => '0')
	  if $rng->chance(0.15);

	my @columns = ($time, @tags, @fields);
	@columns = $rng->shuffle(@columns) if $rng->chance(0.3);

	# One that is dropped on the way, one that comes later.
	if ($rng->chance(0.2))
	{
		my $column = $self->column('gone', $rng->pick('int8', 'text'), 'field',
			dropped => 1);

		$column->{flavour} = $rng->weighted(flavours($column->{base}));
		splice @columns, $rng->int(0, scalar @columns), 0, $column;
	}
	for my $i (1 .. $rng->weighted(6 => 0, 3 => 1, 1 => 2))
	{
		my $kind = $rng->pick(qw(float8 int8 text boolean), $ordinary ? () : qw(numeric int4));
		my $column = $self->column("late$i", $kind, 'field', late => 1);

		$column->{flavour} = $rng->weighted(flavours($column->{base}));
		$column->{default} = {
			float8 => "'NaN'", int8 => '42', text => "'by default'",
			boolean => 'true', numeric => '1.50', int4 => '-1' }->{$kind}
		  if $rng->chance(0.6);
		push @columns, $column;
	}
	if (@tags < 3 && $rng->chance(0.1))
	{
		push @columns,
		  $self->column('late_tag', 'text', 'tag', late => 1,
			$rng->chance(0.5) ? (default => "'none'") : ());
	}
	$columns[$_]{idx} = $_ foreach 0 .. $#columns;
	$self->{columns} = \@columns;
	$self->{time} = $time;
	return;
}

# What queries may name.
sub visible
{
	my ($self) = @_;

	return grep { !$_->{dropped} } @{ $self->{columns} };
}

sub tags
{
	my ($self) = @_;

	return [ grep { $_->{role} eq 'tag' } $self->visible ];
}

sub fields
{
	my ($self) = @_;

	return [ grep { $_->{role} =~ /^(?:field|ns)$/ } $self->visible ];
}

# How many rows each series has.
sub series_lengths
{
	my ($self, $nrows) = @_;
	my $rng = $self->{rng};
	my $shape = $rng->weighted(4 => 'equal', 3 => 'skewed', 1 => 'singles',
		2 => 'one long');
	my @lengths;

	$shape = 'one' unless grep { $_->{role} eq 'tag' } @{ $self->{columns} };
	return ($nrows) if $shape eq 'one';
	if ($shape eq 'equal')
	{
		my $n = $rng->weighted(2 => 1, 4 => 5, 3 => 20, 2 => 100, 1 => 600);

		$n = $nrows if $n > $nrows;
		@lengths = (int($nrows / $n)) x $n if $n;
	}
	elsif ($shape eq 'singles')
	{
		@lengths = (1) x ($nrows > 2000 ? 2000 : $nrows);
	}
	elsif ($shape eq 'one long')
	{
		my $n = $rng->int(1, 30);

		@lengths = (int($nrows * 0.7), (int($nrows * 0.3 / $n)) x $n);
	}
	else
	{
		for (my $left = $nrows; $left > 0;)
		{
			my $n = $rng->int(1, 1 + int($left / $rng->int(2, 6)));

			push @lengths, $n;
			$left -= $n;
		}
	}
	return grep { $_ > 0 } @lengths;
}

# The tags of so many series, all different.
sub series_tags
{
	my ($self, $n) = @_;
	my $rng = $self->{rng};
	my @tags = grep { $_->{role} eq 'tag' } @{ $self->{columns} };
	my %seen;
	my @series;
	my $plain = $rng->chance(0.5);
	my $tries = 0;

	while (@series < $n)
	{
		my $i = @series;
		my @values = map {
			my $width = $_ == 0 ? $n : $rng->pick(2, 3, 10);
			my $k = $rng->int(0, $width * 1.2);

			!$plain && $rng->chance(0.05) ? undef
			  : !$plain && $rng->chance(0.05) ? ''
			  : !$plain && $rng->chance(0.05)
			  ? $rng->pick('Host-1', "h\x{c3}\x{a9}", 'a b', "o'hara", 'h_1')
			  : "h$k"
		} 0 .. $#tags;

		$values[0] = "h$i" if @tags && $tries++ > 3 * $n;
		next
		  if $seen{ join "\0", map { defined ? "=$_" : '' } @values }++;
		push @series, \@values;
		last unless @tags;
	}
	return @series;
}

# What tells the points of a measurement that merges apart.
sub merged_unique
{
	my ($self) = @_;

	return (grep { $_->{role} eq 'ns' || ($_->{role} eq 'tag' && $_->{late}) } @{ $self->{columns} })
	  ? 'none' : 'series';
}

sub make_rows
{
	my ($self, $nrows) = @_;
	my $rng = $self->{rng};
	my @columns = @{ $self->{columns} };
	my @tags = grep { $_->{role} eq 'tag' } @columns;
	my $time = $self->{time};
	my $zone = $time->{base} eq 'timestamptz' ? '+00' : '';

	$nrows //= $rng->weighted(
		4 => 0, 3 => 1, 10 => $rng->int(2, 30), 25 => $rng->int(100, 1000),
		38 => $rng->int(1000, 5000), 20 => $rng->int(5000, 20000));
	my @lengths = $self->series_lengths($nrows);
	my @series = $self->series_tags(scalar @lengths);
	my %make = map { $_->{idx} => make_field($rng, $_, $self->{time_grid}) }
	  grep { defined $_->{flavour} } @columns;
	my $ns = (grep { $_->{role} eq 'ns' } @columns)[0];
	my $infinite = $rng->chance(0.12) ? 0.003 : 0;
	my $no_time = !$time->{notnull} && $rng->chance(0.6) ? 0.01 : 0;
	my $duplicates =
	  $self->{unique} eq 'none' ? $rng->weighted(1 => 0, 2 => 0.05, 1 => 0.5) : 0;
	my $late = $rng->weighted(4 => 0, 3 => 0.03, 1 => 1);
	my $together = $rng->chance(0.7);
	my (@rows, %seen);

	for my $s (0 .. $#series)
	{
		my $begin = $together ? 0 : $rng->int(0, 500);
		my $last = 0;

		for my $n (0 .. $lengths[$s] - 1)
		{
			my $us = $self->{time_grid}{at}->($begin + $n);

			$us = $last if $n && $duplicates && $rng->chance($duplicates);
			$last = $us;
			my $text = format_time($us, $zone);
			$text = $rng->pick('infinity', '-infinity')
			  if $infinite && $rng->chance($infinite);
			$text = undef if $no_time && $rng->chance($no_time);
			my $series = $self->{unique} eq 'time' ? ''
			  : join "\0", map { $tags[$_]{late} ? () : $series[$s][$_] // '\N' }
			  0 .. $#tags;
			my $key = "$series " . ($text // 'null');
			if (($self->{unique} ne 'none' || ($self->{merge} && !defined $text)) && $seen{$key}++)
			{
				# Another microsecond, or not at all.
				next unless defined $text && $text !~ /infinity/;
				$us += $s + 1;
				$text = format_time($us, $zone);
				$key = "$series $text";
				next if $seen{$key}++;
			}
			my @row;

			$row[ $time->{idx} ] = $text;
			$row[ $tags[$_]{idx} ] = $series[$s][$_] foreach 0 .. $#tags;
			$row[$_] = $make{$_}->($s, $n) foreach sort { $a <=> $b } keys %make;
			$row[ $ns->{idx} ] = $rng->chance(0.5) ? 0 : $rng->int(0, 999)
			  if $ns;
			push @rows, [ $rng->chance($late), $us, \@row ];
		}
	}

	push @rows, rows_again($rng, $self, \@rows, \%make) if $self->{merge};

	# The order of arrival: by time, some of them late; or a series at a time.
	if ($rng->chance(0.8))
	{
		my $span = @rows ? abs($rows[-1][1] - $rows[0][1]) + 1 : 1;

		$_->[0] = ($_->[0] ? $_->[1] + $rng->real * $span : $_->[1]) + ($_->[3] // 0) * $span
		  foreach @rows;
		@rows = sort { $a->[0] <=> $b->[0] } @rows;
	}
	$self->{rows} = [ map { $_->[2] } @rows ];
	return;
}

# A few values of each column, for constants in queries.
sub take_samples
{
	my ($self) = @_;
	my $rng = $self->{rng};
	my @rows = @{ $self->{rows} };

	foreach my $column (@{ $self->{columns} })
	{
		my %seen;

		$column->{samples} = [
			grep { defined && length $_ < 200 && !$seen{$_}++ }
			map { $rows[ $rng->int(0, $#rows) ][ $column->{idx} ] }
			  @rows ? 1 .. 60 : () ];
		$column->{samples} = ['h1']
		  if $column->{role} eq 'tag' && !@{ $column->{samples} };
	}

	my (%times, $most);
	foreach my $row (@rows)
	{
		my $n = ++$times{ $row->[ $self->{time}{idx} ] // '' };

		$most = $n if $n > ($most // 0);
	}
	$self->{same_time} = $most // 0;
	return;
}

# Steps of loading: [rows, from, to], [single, from, to], [tx, from, to],
# [copy, from, to], [returning, from, to], [write, from, to, precision],
# [flush], [late], [drop], [aborted, from, to], [vacuum], [analyze]; and what
# DiffChange adds.
sub plan_load
{
	my ($self) = @_;
	my $rng = $self->{rng};
	my $n = @{ $self->{rows} };
	my @cuts = sort { $a <=> $b }
	  map { $rng->int(0, $n) } 1 .. $rng->weighted(2 => 1, 4 => 3, 3 => 8, 1 => 20);
	my $half = $cuts[ $#cuts / 2 ];
	my $drop = $cuts[ $rng->int(0, $#cuts) ];
	my @steps;
	my $from = 0;
	my $singles = 0;

	push @steps, ['flush'] if $rng->chance(0.1);
	push @steps, [ 'aborted', 0, $n > 50 ? 50 : $n ], ['truncate']
	  if $n && $rng->chance(0.1);
	foreach my $to (@cuts, $n)
	{
		if ($to > $from)
		{
			my $how = $rng->weighted(5 => 'rows', 3 => 'copy', 2 => 'tx',
				1.5 => 'aborted', 2 => 'single', 1 => 'returning',
				has_lines($self) ? (6 => 'write') : ());

			if ($how eq 'single')
			{
				my $end = $from + $rng->int(1, 250);

				$end = $to if $end > $to;
				$how = 'rows' if $singles + $end - $from > 500;
				if ($how eq 'single')
				{
					push @steps, [ 'single', $from, $end ];
					$singles += $end - $from;
					$from = $end;
				}
				$how = 'rows';
			}
			if ($how eq 'aborted')
			{
				push @steps, [ 'aborted', $from, $to ];
				$how = 'rows';
			}
			my @more = $how eq 'write' ? $rng->pick('ns', 'us') : ();

			push @steps, [ $how, $from, $to, @more ] if $to > $from;
			push @steps, ['flush'] if $rng->chance($self->{flushes});
		}
		$from = $to;
		if (defined $half && $to >= $half)
		{
			push @steps, ['late'];
			$half = undef;
		}
		if (defined $drop && $to >= $drop)
		{
			push @steps, ['drop'];
			$drop = undef;
		}
	}
	push @steps, ['vacuum'] if $rng->chance(0.08);
	push @steps, ['analyze'] if $rng->chance(0.6);
	$self->{steps} = \@steps;
	return;
}

1;
