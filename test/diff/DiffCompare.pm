# Are two answers the same?
#
# How a column is compared is its kind:
#	exact	as text
#	float	as text, but -0 is 0: which of equal values represents a group, or is
#			the least, depends on the order of rows
#	numeric	as text without trailing zeros, for the same reason
#	approx	as numbers: relative error below near, or absolute below far
#	skip	not at all
#
# How rows are compared is the mode:
#	rows	as multisets
#	ordered	as multisets, and the columns named by keys in their sequence
#	keys	the keys in their sequence, and the number of rows: what LIMIT leaves
#			when the order is not total; every row is one of the superset's
#	count	the number of rows
#
# test/diff/DiffCompare.pm

package DiffCompare;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(difference row_separator field_separator null_mark readable);

my ($rs, $fs, $null) = ("\x1e", "\x1f", "\x1d");

sub row_separator { return $rs }
sub field_separator { return $fs }
sub null_mark { return $null }

# An answer as rows of fields, each as its kind wants it.
sub rows_of
{
	my ($text, $cols) = @_;

	return [] if $text eq '';
	chop(my $copy = $text);
	my @rows = map { $_ eq '' ? [''] : [ split /$fs/, $_, -1 ] }
	  $copy eq '' ? '' : split /$rs/, $copy, -1;

	foreach my $i (0 .. $#$cols)
	{
		my $kind = $cols->[$i]{kind};

		if ($kind eq 'float')
		{
			$_->[$i] = '0' foreach grep { ($_->[$i] // '') eq '-0' } @rows;
		}
		elsif ($kind eq 'numeric')
		{
			foreach my $row (grep { defined $_->[$i] } @rows)
			{
				$row->[$i] =~ s/(\.\d*?)0+$/$1/;
				$row->[$i] =~ s/\.$//;
			}
		}
		elsif ($kind eq 'skip')
		{
			$_->[$i] = '' foreach @rows;
		}
	}
	return \@rows;
}

sub is_number
{
	return $_[0] =~ /^-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
}

sub close_enough
{
	my ($x, $y, $col) = @_;

	return 1 if $x eq $y;
	return 0 unless is_number($x) && is_number($y);
	my $error = abs($x - $y);
	my $size = abs $x > abs $y ? abs $x : abs $y;
	return $error <= $size * $col->{near} || $error <= $col->{far};
}

sub same_row
{
	my ($x, $y, $cols) = @_;

	return 0 unless @$x == @$y;
	foreach my $i (0 .. $#$x)
	{
		next if $x->[$i] eq $y->[$i];
		return 0 unless $cols->[$i] && $cols->[$i]{kind} eq 'approx'
		  && close_enough($x->[$i], $y->[$i], $cols->[$i]);
	}
	return 1;
}

# Rows in an order that puts equal ones at the same places: exact columns
# first, then the approximate ones as numbers.
sub in_order
{
	my ($rows, $cols) = @_;
	my @approx = grep { $cols->[$_]{kind} eq 'approx' } 0 .. $#$cols;
	my %approx = map { $_ => 1 } @approx;
	my @exact = grep { !$approx{$_} } 0 .. (@$rows ? $#{ $rows->[0] } : -1);
	my @keyed = map { [ join($fs, @$_[@exact]), $_ ] } @$rows;

	return map { $_->[1] } sort { $a->[0] cmp $b->[0] } @keyed unless @approx;
	return map { $_->[1] } sort {
		my $order = $a->[0] cmp $b->[0];

		foreach my $i (@approx)
		{
			last if $order;
			my ($x, $y) = ($a->[1][$i], $b->[1][$i]);

			$order = is_number($x) && is_number($y) ? $x <=> $y : $x cmp $y;
		}
		$order
	} @keyed;
}

# Rows of one that the other lacks, in both directions.
sub multiset_difference
{
	my ($one, $other, $cols) = @_;
	my @x = in_order($one, $cols);
	my @y = in_order($other, $cols);
	my (@more, @less);

	if (@x == @y)
	{
		my $equal = 1;

		foreach my $i (0 .. $#x)
		{
			$equal = same_row($x[$i], $y[$i], $cols);
			last unless $equal;
		}
		return if $equal;
	}
	if (grep { $_->{kind} eq 'approx' } @$cols)
	{
		# Find a partner for each row.
		my %rest;
		my @exact = grep { ($cols->[$_]{kind} // '') ne 'approx' } 0 .. $#$cols;

		push @{ $rest{ join $fs, @$_[@exact] } }, $_ foreach @y;
		foreach my $row (@x)
		{
			my $list = $rest{ join $fs, @$row[@exact] } // [];
			my ($found) = grep { same_row($row, $list->[$_], $cols) } 0 .. $#$list;

			if (defined $found) { splice @$list, $found, 1 }
			else { push @more, $row }
		}
		@less = map { @$_ } map { $rest{$_} } sort keys %rest;
	}
	else
	{
		my %count;

		$count{ join $fs, @$_ }++ foreach @y;
		foreach my $row (@x)
		{
			push @more, $row if --$count{ join $fs, @$row } < 0;
		}
		%count = ();
		$count{ join $fs, @$_ }++ foreach @x;
		foreach my $row (@y)
		{
			push @less, $row if --$count{ join $fs, @$row } < 0;
		}
	}
	return unless @more || @less;
	return (\@more, \@less);
}

sub readable
{
	my ($row) = @_;
	my $text = join ' | ', map { $_ eq $null ? 'NULL' : $_ } @$row;

	$text =~ s/\n/\\n/g;
	return length $text > 400 ? substr($text, 0, 400) . '...' : $text;
}

sub some_rows
{
	my ($title, $rows) = @_;
	my @some = map { '    ' . readable($_) } @$rows[ 0 .. ($#$rows > 4 ? 4 : $#$rows) ];

	return () unless @$rows;
	push @some, '    ...' if @$rows > 5;
	return ("  $title, " . scalar(@$rows) . ':', @some);
}

# What is different between the answers of a heap table and of a measurement,
# as text; undef when nothing is.
sub difference
{
	my ($compare, $heap, $rusts, $superset) = @_;
	my ($mode, $cols) = @$compare{qw(mode cols)};

	return if $heap eq $rusts;
	my $x = rows_of($heap, $cols);
	my $y = rows_of($rusts, $cols);

	return 'rows: heap ' . @$x . ', rusts ' . @$y . "\n"
	  . join "\n", some_rows('heap', $x), some_rows('rusts', $y)
	  if ($mode eq 'keys' || $mode eq 'count') && @$x != @$y;
	return if $mode eq 'count';
	if ($mode eq 'rows' || $mode eq 'ordered')
	{
		my ($heap_only, $rusts_only) = multiset_difference($x, $y, $cols);

		return "rows: heap " . @$x . ', rusts ' . @$y . "\n"
		  . join "\n", some_rows('only in heap', $heap_only),
		  some_rows('only in rusts', $rusts_only)
		  if $heap_only;
	}
	my @keys = @{ $compare->{keys} };
	my @key_cols = @$cols[@keys];

	foreach my $i (@keys ? 0 .. $#$x : ())
	{
		my ($a, $b) = map { [ @$_[@keys] ] } $x->[$i], $y->[$i];

		return "order: row $i\n  heap:  " . readable($a) . "\n  rusts: " . readable($b)
		  unless same_row($a, $b, \@key_cols);
	}
	if (defined $superset)
	{
		my %count;

		$count{ join $fs, @$_ }++ foreach @{ rows_of($superset, $cols) };
		foreach my $row (@$y)
		{
			return 'a row that is not there without LIMIT: ' . readable($row)
			  if --$count{ join $fs, @$row } < 0;
		}
	}
	return;
}

1;
