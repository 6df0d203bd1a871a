#!/usr/bin/perl
#
# compare.pl
#	  Lay the times of systems side by side, with the first one's ratios.
#
# Reads what query_bench -o writes, and lines before it that begin with "#":
#	# system<tab>name<tab>what it is
# Of a system that is TimescaleDB the ratio is held against the goals below.
# Other goals are given as arguments: "name<=1.2" says that the ratio to the
# system of that name must be 1.2 at most, "name>=1.7" that it must be so at
# least.  "!" marks a ratio that misses its goal, "+" one that is as good as
# we strive for.  A query whose rows differ between systems is told.
#
# usage: perl compare.pl file [goal...]
#
# bench/compare.pl

use strict;
use warnings;

# The ratios to TimescaleDB's columnstore that must be, and those striven for.
my %timescale_goals = (
	'single-groupby-1-1-1' => [ 1.0, 0.7 ],
	'single-groupby-5-1-1' => [ 1.0, 0.7 ],
	'single-groupby-1-1-12' => [ 0.7, 0.4 ],
	'single-groupby-1-8-1' => [ 0.7, 0.4 ],
	'single-groupby-5-1-12' => [ 0.7, 0.4 ],
	'single-groupby-5-8-1' => [ 0.7, 0.4 ],
	'cpu-max-all-1' => [ 0.7, 0.35 ],
	'cpu-max-all-8' => [ 0.7, 0.35 ],
	'double-groupby-1' => [ 0.25, 0.08 ],
	'double-groupby-5' => [ 0.25, 0.08 ],
	'double-groupby-all' => [ 0.25, 0.08 ],
	'high-cpu-1' => [ 1.0, 0.7 ],
	'high-cpu-all' => [ 1.0, 0.7 ],
	'lastpoint' => [ 0.1, 0.02 ],
	'groupby-orderby-limit' => [ 0.5, 0.2 ],
	'fullscan-count-avg' => [ 0.1, 0.02 ],
	'fullscan-hour-host' => [ 0.15, 0.04 ]);

my ($file, @arguments) = @ARGV;
my (@queries, @systems, %what, %ms, %rows, %goals);

die "usage: $0 file [goal...]\n" unless defined $file;
foreach my $goal (@arguments)
{
	$goal =~ /^(.*?)([<>])=([\d.]+)$/ or die "not a goal: $goal\n";
	$goals{$1} = [ $2, $3 ];
}
read_times();

my ($first, @others) = @systems;
my @timescale = grep { ($what{$_} // '') =~ /timescale/i } @others;
my $missed = 0;

print_head();
print_query($_) foreach @queries;
foreach my $query (@queries)
{
	my %seen = map { $_ => 1 } grep { defined } values %{ $rows{$query} };

	print "rows of $query differ: ",
	  join(', ', map { "$_ " . ($rows{$query}{$_} // 'none') } @systems), "\n"
	  if keys %seen > 1;
}
print "$missed ratios miss their goals\n" if $missed > 0;

sub read_times
{
	open my $fh, '<', $file or die "could not open \"$file\": $!\n";
	while (my $line = <$fh>)
	{
		chomp $line;
		my ($query, $system, $median, $rows) = (split /\t/, $line)[ 0 .. 2, 6 ];

		if ($line =~ /^#/)
		{
			$what{$1} = $2 if $line =~ /^# system\t([^\t]*)\t(.*)/;
			next;
		}
		next if $query eq 'query';
		push @queries, $query unless $ms{$query};
		push @systems, $system unless grep { $_ eq $system } @systems;
		next if $median eq '-';
		$ms{$query}{$system} = $median;
		$rows{$query}{$system} = $rows;
	}
	close $fh;
	die "no times in \"$file\"\n" unless @queries;
	return;
}

sub width
{
	my ($name) = @_;

	return length($name) > 10 ? length $name : 10;
}

sub print_head
{
	printf '%-24s', 'ms';
	printf ' %*s', width($_), $_ foreach @systems;
	printf ' %*s', width($_) + 3, "x $_ " foreach @others;
	print ' must strive' if @timescale;
	print "\n";
	return;
}

sub print_query
{
	my ($query) = @_;

	printf '%-24s', $query;
	foreach my $system (@systems)
	{
		my $ms = $ms{$query}{$system};

		printf ' %*s', width($system),
		  !defined $ms ? '-' : sprintf($ms < 1 ? '%.3f' : '%.2f', $ms);
	}
	foreach my $system (@others)
	{
		my ($ours, $theirs) = @{ $ms{$query} }{ $first, $system };
		my $ratio = $ours && $theirs ? $ours / $theirs : undef;

		printf ' %*s%s', width($system) + 2,
		  !defined $ratio ? '-' : sprintf($ratio < 10 ? '%.3f' : '%.1f', $ratio),
		  mark($query, $system, $ratio);
	}
	if (@timescale)
	{
		printf ' %4.2f %6.2f', @{ $timescale_goals{$query} }
		  if $timescale_goals{$query};
	}
	print "\n";
	return;
}

sub mark
{
	my ($query, $system, $ratio) = @_;
	my ($relation, $must) = @{ $goals{$system} // [] };
	my $strive;

	if (grep { $_ eq $system } @timescale)
	{
		$relation = '<';
		($must, $strive) = @{ $timescale_goals{$query} // [] };
	}
	return ' ' unless defined $must && defined $ratio;
	if ($relation eq '<' ? $ratio > $must : $ratio < $must)
	{
		$missed++;
		return '!';
	}
	return defined $strive && $ratio <= $strive ? '+' : ' ';
}
