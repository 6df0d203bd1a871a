# Make a difference smaller: leave out rows and steps of loading as long as
# the answers still differ.
#
# test/diff/DiffReduce.pm

package DiffReduce;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(reduce);

# Reduce a failure of a DiffRun for some seconds; its schema is changed, and
# its script written anew.  False when it does not show again.
sub reduce
{
	my ($run, $failure, $seconds) = @_;
	my $schema = $failure->{schema};
	my $end = time + $seconds;
	my $n = @{ $schema->{rows} };
	my @rows = 0 .. $n - 1;
	my $fails = sub {
		my ($rows, $steps, $later) = @_;

		local $schema->{kept} = { map { $_ => 1 } @$rows };
		local $schema->{steps} = $steps;
		local $schema->{kept_later} = $later;
		return defined $run->check_again($failure);
	};
	my @steps = @{ $schema->{steps} };
	my @later = map { @$_ } @{ $schema->{later} }[ 0 .. $failure->{phase} - 1 ];

	return 0 unless $fails->(\@rows, \@steps, \@later);
	for (my $size = int($n / 2); $size >= 1 && time < $end; $size = int($size / 2))
	{
		for (my $from = 0; $from < @rows && time < $end;)
		{
			my @fewer = @rows;

			splice @fewer, $from, $size;
			if ($fails->(\@fewer, \@steps, \@later)) { @rows = @fewer }
			else { $from += $size }
		}
	}
	for (my $i = $#steps; $i >= 0 && time < $end; $i--)
	{
		next if $steps[$i][0] =~ /^(?:late|drop|merge)$/;
		my @fewer = @steps;

		splice @fewer, $i, 1;
		@steps = @fewer if $fails->(\@rows, \@fewer, \@later);
	}
	for (my $i = $#later; $i >= 0 && time < $end; $i--)
	{
		my @fewer = @later;

		splice @fewer, $i, 1;
		@later = @fewer if $fails->(\@rows, \@steps, \@fewer);
	}
	$schema->{kept} = { map { $_ => 1 } @rows };
	$schema->{steps} = \@steps;
	$schema->{kept_later} = \@later;
	$failure->{what} = $run->check_again($failure) // $failure->{what};
	return 1;
}

1;
