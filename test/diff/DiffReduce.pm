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
		my ($rows, $steps) = @_;

		local $schema->{kept} = { map { $_ => 1 } @$rows };
		local $schema->{steps} = $steps;
		return defined $run->check_again($failure);
	};
	my @steps = @{ $schema->{steps} };

	return 0 unless $fails->(\@rows, \@steps);
	for (my $size = int($n / 2); $size >= 1 && time < $end; $size = int($size / 2))
	{
		for (my $from = 0; $from < @rows && time < $end;)
		{
			my @fewer = @rows;

			splice @fewer, $from, $size;
			if ($fails->(\@fewer, \@steps)) { @rows = @fewer }
			else { $from += $size }
		}
	}
	for (my $i = $#steps; $i >= 0 && time < $end; $i--)
	{
		next if $steps[$i][0] =~ /^(?:late|drop)$/;
		my @fewer = @steps;

		splice @fewer, $i, 1;
		@steps = @fewer if $fails->(\@rows, \@fewer);
	}
	$schema->{kept} = { map { $_ => 1 } @rows };
	$schema->{steps} = \@steps;
	$failure->{what} = $run->check_again($failure) // $failure->{what};
	return 1;
}

1;
