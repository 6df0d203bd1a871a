# Random choices that depend on a seed alone, whatever the Perl.
#
# test/diff/DiffRandom.pm

package DiffRandom;

use strict;
use warnings;
no warnings 'portable';

# A generator; the names given are mixed into the seed, so that each part of
# a run has its own sequence and can be had alone.
sub new
{
	my ($class, $seed, @names) = @_;
	my $self = bless { state => 0 }, $class;

	foreach my $char (unpack 'C*', join "\0", $seed, @names)
	{
		use integer;
		$self->{state} = ($self->{state} ^ $char) * 1099511628211 + $char;
	}
	$self->bits for 1 .. 3;
	return $self;
}

# 32 random bits: splitmix64, whose arithmetic is modulo 2^64.
sub bits
{
	my ($self) = @_;
	use integer;

	my $z = $self->{state} += -7046029254386353131;
	$z = ($z ^ (($z >> 30) & 0x3ffffffff)) * -4658895280553007687;
	$z = ($z ^ (($z >> 27) & 0x1fffffffff)) * -7723592293110705685;
	return ($z >> 32) & 0xffffffff;
}

# From 0 to below 1.
sub real
{
	my ($self) = @_;

	return $self->bits / 4294967296;
}

# A whole number from one to the other, both included.
sub int
{
	my ($self, $from, $to) = @_;

	return $from + CORE::int($self->real * ($to - $from + 1));
}

sub chance
{
	my ($self, $probability) = @_;

	return $self->real < $probability;
}

sub pick
{
	my ($self, @list) = @_;

	return $list[ $self->int(0, $#list) ];
}

# One of weight => thing, weight => thing ...
sub weighted
{
	my ($self, @pairs) = @_;
	my $sum = 0;

	for (my $i = 0; $i < @pairs; $i += 2)
	{
		$sum += $pairs[$i];
	}
	my $point = $self->real * $sum;
	while (@pairs > 2)
	{
		my ($weight, $thing) = splice @pairs, 0, 2;

		return $thing if $point < $weight;
		$point -= $weight;
	}
	return $pairs[1];
}

sub shuffle
{
	my ($self, @list) = @_;

	for (my $i = $#list; $i > 0; $i--)
	{
		my $j = $self->int(0, $i);

		@list[ $i, $j ] = @list[ $j, $i ];
	}
	return @list;
}

# Some of a list, from so many to so many, in the list's order.
sub some
{
	my ($self, $from, $to, @list) = @_;
	my $n = $self->int($from, $to);
	my @order = $self->shuffle(0 .. $#list);

	$n = @list if $n > @list;
	return @list[ sort { $a <=> $b } @order[ 0 .. $n - 1 ] ];
}

# Roughly normal, mean 0, deviation 1.
sub normal
{
	my ($self) = @_;
	my $sum = -6;

	$sum += $self->real for 1 .. 12;
	return $sum;
}

1;
