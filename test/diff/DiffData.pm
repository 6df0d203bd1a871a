# Values of every type: usual ones, extreme ones, and in patterns that a
# columnar store may treat in its own way (constant, null for whole blocks,
# decimals, walks).  A value is a text as COPY reads it, or undef for NULL.
#
# test/diff/DiffData.pm

package DiffData;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();

our @EXPORT_OK = qw(make_times make_field format_time flavours);

my @words = (
	'alpha', 'Beta', 'gamma', 'delta', 'a', 'A', 'ab', 'abc', 'aB', 'ABC',
	'zeta', "\x{c3}\x{a9}t\x{c3}\x{a9}", "Z\x{c3}\x{bc}rich", 'x_y', 'x%y',
	'50%', 'back\\slash', "quo'te", 'com,ma', 'sp ace', '', ' ', 'e', 'E',
	"tab\there", "line\nbreak", '-1', '10', '9', 'NULL', 'null', 'true');

# type => weight => flavour ...
my %flavours = (
	float8 => [
		4 => 'decimal', 2 => 'dec10', 2 => 'integer', 2 => 'random',
		1 => 'constant', 1 => 'sparse', 2 => 'special', 1 => 'wide',
		0.5 => 'huge', 0.5 => 'allnull', 3 => 'blocks', 1 => 'zeros'
	],
	float4 => [
		4 => 'decimal', 1 => 'integer', 2 => 'special', 1 => 'random',
		1 => 'sparse', 1 => 'blocks'
	],
	int8 => [
		3 => 'small', 2 => 'counter', 2 => 'extreme', 1 => 'constant',
		1 => 'sparse', 1 => 'random', 3 => 'blocks', 0.5 => 'allnull'
	],
	int4 => [
		3 => 'small', 1 => 'counter', 2 => 'extreme', 1 => 'sparse',
		1 => 'random', 1 => 'blocks'
	],
	int2 => [ 3 => 'small', 2 => 'extreme', 1 => 'random', 1 => 'blocks' ],
	numeric => [
		3 => 'decimal', 2 => 'mixed', 1 => 'big', 1 => 'special',
		1 => 'constant'
	],
	boolean => [
		3 => 'random', 1 => 'mostly', 1 => 'constant', 1 => 'sparse',
		1 => 'blocks'
	],
	text => [
		4 => 'words', 2 => 'unique', 2 => 'prefixed', 1 => 'constant',
		1 => 'sparse', 1 => 'blocks', 0.5 => 'long'
	],
	date => [ 3 => 'near', 1 => 'special' ],
	timestamptz => [ 3 => 'near', 1 => 'special' ],
	timestamp => [ 3 => 'near', 1 => 'special' ],
	interval => [ 1 => 'random' ],
	uuid => [ 1 => 'random' ],
	array => [ 1 => 'random' ]);

my %integer_limits = (
	int8 => [ '-9223372036854775808', '9223372036854775807' ],
	int4 => [ '-2147483648', '2147483647' ],
	int2 => [ '-32768', '32767' ]);

sub flavours
{
	my ($base) = @_;

	return @{ $flavours{$base} };
}

# Microseconds since 1970 as text; $zone is '+00' or ''.
sub format_time
{
	my ($us, $zone) = @_;
	my $seconds = POSIX::floor($us / 1_000_000);
	my $rest = $us - $seconds * 1_000_000;
	my @t = gmtime $seconds;
	my $text = sprintf '%04d-%02d-%02d %02d:%02d:%02d', $t[5] + 1900,
	  $t[4] + 1, @t[ 3, 2, 1, 0 ];

	$text .= sprintf '.%06d', $rest if $rest;
	return $text . $zone;
}

# Base, step in microseconds, and a function that gives the nth time of a
# series.
sub make_times
{
	my ($rng) = @_;
	my $day = 86400 * 1_000_000;
	my $base = $rng->weighted(
		5 => 1704067200,		# 2024-01-01
		2 => 1711756800,		# 2024-03-30, summer time begins
		1 => 1729900800,		# 2024-10-26, and ends
		1 => 1709078400,		# 2024-02-28
		1 => 1703980800,		# 2023-12-31
		1 => 946598400,			# 1999-12-31
		1 => -86400,			# 1969-12-31
		0.5 => -1577923200		# 1920
	) * 1_000_000;
	my $step = $rng->weighted(
		2 => 1, 4 => 10, 2 => 15, 4 => 60, 3 => 300, 2 => 3600, 1 => 21600,
		1 => 7777, 0.5 => 86400) * 1_000_000;
	my $jitter = $rng->weighted(5 => 0, 2 => 0.001, 2 => 0.5, 1 => 3);

	$base += $rng->int(0, 86399) * 1_000_000 if $rng->chance(0.4);
	$base += $rng->int(0, 999_999) if $rng->chance(0.2);
	return {
		base => $base,
		step => $step,
		jitter => $jitter,
		at => sub {
			my ($n) = @_;
			my $us = $base + $n * $step;

			$us += POSIX::floor(($rng->real - 0.5) * $step * $jitter)
			  if $jitter;
			return $us;
		}
	};
}

# Does this flavour's text stand for a number that takes part in sums?
sub note_maximum
{
	my ($column, $text) = @_;

	return unless defined $text && $text =~ /^-?[\d.]+(?:e[-+]?\d+)?$/i;
	my $size = abs $text;
	$column->{max} = $size if $size > $column->{max};
	return;
}

# A function (series, nth row of it) => value, for a column.
sub make_field
{
	my ($rng, $column, $time) = @_;
	my ($base, $flavour) = @$column{qw(base flavour)};
	my $make = plain_values($rng, $base, $flavour, $time);
	my $null = $column->{notnull} ? 0
	  : $rng->weighted(5 => 0, 2 => 0.02, 2 => 0.3);

	$column->{max} //= 0;
	$null = 0.97 if $flavour eq 'sparse';
	$null = 1 if $flavour eq 'allnull';
	$make = in_blocks($rng, $base, $make, $column) if $flavour eq 'blocks';
	return sub {
		my $value = $null && $rng->chance($null) ? undef : $make->(@_);

		note_maximum($column, $value);
		return $value;
	};
}

# Long stretches of a series that are null, constant or special.
sub in_blocks
{
	my ($rng, $base, $make, $column) = @_;
	my $length = $rng->pick(50, 300, 1024, 1024, 1500);
	my %kinds;
	my $special = $base =~ /^float/ ? 'NaN' : undef;

	return sub {
		my ($series, $n) = @_;
		my $block = $series . '.' . int($n / $length);
		my $kind = $kinds{$block} //= [
			$rng->weighted(
				2 => 'null', 3 => 'constant', 4 => 'varying', 1 => 'special',
				1 => 'mostly'),
			$make->(@_) ];

		return $make->(@_) if $kind->[0] eq 'varying';
		return $kind->[1] if $kind->[0] eq 'constant';
		return $rng->chance(0.01) ? $make->(@_) : $kind->[1]
		  if $kind->[0] eq 'mostly';
		return $special // $kind->[1]
		  if $kind->[0] eq 'special' || $column->{notnull};
		return;
	};
}

sub plain_values
{
	my ($rng, $base, $flavour, $time) = @_;

	return numbers($rng, $base, $flavour) if $base =~ /^(?:float|int\d|num)/;
	return texts($rng, $flavour) if $base eq 'text';
	return sub { $rng->chance($flavour eq 'mostly' ? 0.99 : 0.5) ? 't' : 'f' }
	  if $base eq 'boolean' && $flavour ne 'constant';
	return sub { 't' }
	  if $base eq 'boolean';
	return dates($rng, $base, $flavour, $time)
	  if $base =~ /^(?:date|timestamp)/;
	return sub { $rng->int(-50, 50) . ' mins ' . $rng->int(0, 3) . ' days' }
	  if $base eq 'interval';
	return sub { sprintf '%08x-0000-4000-8000-00000000%04x', $rng->bits,
		  $rng->int(0, 65535) }
	  if $base eq 'uuid';
	return sub { '{' . join(',', map { $_ ? $rng->int(0, 9) : 'NULL' }
			  map { $rng->int(0, 3) } 1 .. $rng->int(0, 4)) . '}' };
}

sub numbers
{
	my ($rng, $base, $flavour) = @_;
	my %walk;

	return integers($rng, $base, $flavour) if $base =~ /^int/;
	return numerics($rng, $flavour) if $base eq 'numeric';
	if ($flavour =~ /^(?:decimal|sparse|blocks|allnull)$/)
	{
		my $digits = $rng->pick(1, 2, 2, 3);
		my $around = $rng->pick(0, 20, 100, -40, 5000);

		return sub {
			my ($series) = @_;

			$walk{$series} = ($walk{$series} // $around) + $rng->normal;
			return 0 + sprintf "%.${digits}f", $walk{$series};
		};
	}
	return sub { sprintf '%.10f', 50 + 20 * $rng->normal }
	  if $flavour eq 'dec10';
	return sub { $rng->int(-5, 100) }
	  if $flavour eq 'integer';
	return sub { $rng->pick('0', '-0', '0', '1') }
	  if $flavour eq 'zeros';
	if ($flavour eq 'constant')
	{
		my $value = $rng->pick('0', '-0', '1.5', '0.1', 'NaN', '100');

		return sub { $value };
	}
	if ($flavour eq 'special')
	{
		my @special = $rng->some(2, 6, 'NaN', 'Infinity', '-Infinity', '-0',
			'0', '1.5', '-1.5', 'NaN');
		my $often = $rng->pick(0.05, 0.5, 1);

		return sub { $rng->chance($often) ? $rng->pick(@special)
			  : sprintf '%.1f', 10 * $rng->normal };
	}
	if ($base eq 'float4')
	{
		return sub { sprintf '%.6e', $rng->normal };
	}
	return sub { sprintf '%.17g', $rng->normal * 10**$rng->int(-3, 3) }
	  if $flavour eq 'random';
	my $power = $flavour eq 'huge' ? 308 : 70;
	return sub { sprintf '%.15fe%d', $rng->normal * 0.25,
		  $rng->int(-$power, $power) };
}

sub integers
{
	my ($rng, $base, $flavour) = @_;
	my ($lowest, $highest) = @{ $integer_limits{$base} };
	my %count;

	if ($flavour eq 'counter')
	{
		my $base_value = $rng->pick(0, 1000);

		return sub { $count{ $_[0] } =
			  ($count{ $_[0] } // $base_value) + $rng->int(0, 3) };
	}
	if ($flavour eq 'extreme')
	{
		my @special = ($lowest, $highest, $lowest, $highest, 0, 1, -1);
		my $often = $rng->pick(0.02, 0.3, 1);

		return sub { $rng->chance($often) ? $rng->pick(@special)
			  : $rng->int(-100, 100) };
	}
	if ($flavour eq 'constant')
	{
		my $value = $rng->pick(0, 1, -7, $highest);

		return sub { $value };
	}
	if ($flavour eq 'random')
	{
		return sub { $rng->int(-32768, 32767) } if $base eq 'int2';
		return sub { $rng->int(-2147483648, 2147483647) } if $base eq 'int4';
		return sub { use integer; ($rng->bits << 31) - ($rng->bits << 30)
			  + $rng->bits };
	}
	my $width = $rng->pick(2, 10, 100, 1000);
	return sub { $rng->int(-int($width / 10), $width) };
}

sub numerics
{
	my ($rng, $flavour) = @_;

	return sub { sprintf '%.3f', 100 * $rng->normal }
	  if $flavour eq 'decimal';
	return sub { '12.50' }
	  if $flavour eq 'constant';
	return sub { join '', map({ $rng->int(1, 9) } 1 .. $rng->int(1, 40)),
		  '.', map { $rng->int(0, 9) } 1 .. $rng->int(1, 20) }
	  if $flavour eq 'big';
	return sub { $rng->pick('NaN', 'Infinity', '-Infinity', '0', '0.00',
			'1.5', '1.50', '-2') }
	  if $flavour eq 'special';
	return sub { sprintf '%.*f', $rng->int(0, 4), 5 * $rng->normal };
}

sub texts
{
	my ($rng, $flavour) = @_;
	my @some = $rng->some(2, 12, @words);

	return sub { $rng->pick(@some) }
	  if $flavour =~ /^(?:words|sparse|blocks)$/;
	return sub { $some[0] }
	  if $flavour eq 'constant';
	return sub { sprintf '%08x%s', $rng->bits, $_[1] }
	  if $flavour eq 'unique';
	return sub { sprintf 'srv-%03d/%s', $rng->int(0, 40),
		  $rng->pick('cpu', 'mem', 'CPU', 'net_0') }
	  if $flavour eq 'prefixed';
	return sub { $rng->chance(0.02) ? $rng->pick(@words) x 400
		  : $rng->pick(@words) };
}

sub dates
{
	my ($rng, $base, $flavour, $time) = @_;
	my $zone = $base eq 'timestamptz' ? '+00' : '';
	my $span = $time->{step} * 500;

	$span = 86400 * 1_000_000 * 5 if $span < 86400 * 1_000_000 * 5;
	return sub {
		return $rng->pick('infinity', '-infinity')
		  if $flavour eq 'special' && $rng->chance(0.2);
		my $text =
		  format_time($time->{base} + POSIX::floor($rng->real * $span), $zone);

		$text = format_time(
			POSIX::floor(
				($time->{base} + $rng->real * $span) / 3_600_000_000) *
			  3_600_000_000,
			$zone) if $rng->chance(0.5);
		return $base eq 'date' ? substr($text, 0, 10) : $text;
	};
}

1;
