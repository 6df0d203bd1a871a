/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  Doubles that are decimal numbers, as scaled integers.
 *
 * Most measured values have a few decimal digits: 64.57 is 6457 / 10^2.  The
 * idea is that of ALP (Afroozeh, Kuffo, Boncz: "ALP: Adaptive Lossless
 * floating-Point Compression", SIGMOD 2024): find by sampling the number of
 * digits that suits the block, scale, round, and verify at once that the
 * decoder will get the same double, bit for bit; values for which it does not
 * are exceptions.
 *
 * We differ in how the decoder scales back.  ALP multiplies twice, by a power
 * of ten and by an inverse one, searching a pair for which the rounding
 * errors cancel.  We divide once by an exact power of ten: division is
 * rounded correctly, and so is reading a decimal number, so every decimal of
 * up to 15 digits comes back without exceptions, and there is one parameter
 * to search.  It costs some tenths of a nanosecond.
 *
 * The value of integer d with digits x is
 *
 *		(double) d / 10^x	for x > 0
 *		(double) d			for x = 0
 *		(double) d * 10^-x	for x < 0
 *
 * in IEEE double arithmetic, rounded to nearest.  A single operation follows
 * the conversion, so no compiler can contract or reorder anything.
 *
 * src/codec/decimal.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/kernels.h"
#include "codec/decimal.h"

#define SAMPLE_SIZE			32
#define CHOOSE_MAX_DIGITS	17

/* About what a value that is no decimal takes, and its position. */
#define EXCEPTION_BITS		75

/*
 * Adding and subtracting 1.5 * 2^52 rounds to an integer, which then is also
 * found in the low bits of the sum, provided that it is below 2^51.
 */
#define ROUNDING_NUMBER		6755399441055744.0
#define ROUNDING_LIMIT		2251799813685248.0

/* Integers i with i + LIMIT_BIAS < 2 * LIMIT_BIAS are safe. */
#define LIMIT_BIAS			(UINT64CONST(1) << 50)

static const double powers_of_ten[RUSTS_DECIMAL_MAX_DIGITS + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

static inline double
pattern_to_double(uint64 pattern)
{
	double		value;

	memcpy(&value, &pattern, sizeof(value));
	return value;
}

static inline uint64
double_to_pattern(double value)
{
	uint64		pattern;

	memcpy(&pattern, &value, sizeof(pattern));
	return pattern;
}

/*
 * Scale one value; false if the decoder would not get it back.  What the
 * rounding really gives does not matter, only that the check is exact.
 */
static inline bool
scale_value(uint64 pattern, double power, uint64 *scaled)
{
	double		product = pattern_to_double(pattern) * power;
	double		shifted = product + ROUNDING_NUMBER;
	double		rounded = shifted - ROUNDING_NUMBER;

	*scaled = double_to_pattern(shifted) - double_to_pattern(ROUNDING_NUMBER);
	return (product < ROUNDING_LIMIT) & (product > -ROUNDING_LIMIT) &
		(double_to_pattern(rounded / power) == pattern);
}

/*
 * Choose the number of digits for these values, or -1 if too few of them are
 * decimals.
 */
int
rusts_decimal_choose(const uint64 *patterns, uint32 n)
{
	uint32		step = (n + SAMPLE_SIZE - 1) / SAMPLE_SIZE;
	uint32		nsamples = 0;
	uint64		samples[SAMPLE_SIZE];
	uint32		best_cost;
	int			best = -1;
	int			digits;
	uint32		i;

	for (i = 0; i < n; i += step)
		samples[nsamples++] = patterns[i];
	best_cost = nsamples * 60;
	for (digits = 0; digits <= CHOOSE_MAX_DIGITS; digits++)
	{
		uint32		nexceptions = 0;
		uint64		all = 0;
		uint32		cost;

		for (i = 0; i < nsamples; i++)
		{
			uint64		scaled;
			uint64		mask;
			bool		exact = scale_value(samples[i],
											powers_of_ten[digits], &scaled);

			mask = exact ? ~UINT64CONST(0) : 0;
			nexceptions += !exact;
			all |= (scaled ^ (0 - (scaled >> 63))) & mask;
		}
		cost = nexceptions * EXCEPTION_BITS +
			(nsamples - nexceptions) * rusts_bit_length(all);
		if (cost < best_cost)
		{
			best_cost = cost;
			best = digits;
		}
		if (nexceptions == 0)
			break;
	}
	return best;
}

/* Scale values; true if all of them come back. */
RUSTS_KERNEL static bool
scale_values(const uint64 *restrict patterns, uint32 n, double power,
			 uint64 *restrict scaled)
{
	uint64		differences = 0;
	uint64		outside = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		double		product = pattern_to_double(patterns[i]) * power;
		double		shifted = product + ROUNDING_NUMBER;
		double		rounded = shifted - ROUNDING_NUMBER;
		uint64		number = double_to_pattern(shifted) -
		double_to_pattern(ROUNDING_NUMBER);

		scaled[i] = number;
		differences |= double_to_pattern(rounded / power) ^ patterns[i];
		outside |= number + LIMIT_BIAS;
	}
	return differences == 0 && outside < 2 * LIMIT_BIAS;
}

/*
 * Scale n values.  Returns the number of exceptions and their positions;
 * scaled[] has there the number before (or the first after), which costs
 * least.
 */
uint32
rusts_decimal_scale(const uint64 *patterns, uint32 n, int digits,
					uint64 *scaled, uint64 *positions)
{
	double		power = powers_of_ten[digits];
	uint32		nexceptions = 0;
	uint64		fill = 0;
	uint32		i;

	Assert(digits >= 0);
	if (scale_values(patterns, n, power, scaled))
		return 0;
	for (i = 0; i < n; i++)
	{
		positions[nexceptions] = i;
		nexceptions += !scale_value(patterns[i], power, &scaled[i]);
	}
	if (nexceptions == 0 || nexceptions == n)
		return nexceptions;

	/* The first value that is none. */
	for (i = 0; i < nexceptions && positions[i] == i; i++)
		;
	fill = scaled[i];
	for (i = 0; i < nexceptions; i++)
	{
		uint64		position = positions[i];

		scaled[position] = position > 0 ? scaled[position - 1] : fill;
	}
	return nexceptions;
}

/*
 * Integers below 2^50, either sign, become doubles by an addition and a
 * subtraction, which vectorize where conversion does not.  False if others are
 * among them.  While the CPU divides it has time to look.
 */
RUSTS_KERNEL static bool
divide_small(const uint64 *restrict values, uint32 n, double power,
			 uint64 *restrict patterns)
{
	uint64		all = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		double		number =
		pattern_to_double(values[i] +
						  double_to_pattern(ROUNDING_NUMBER)) -
		ROUNDING_NUMBER;

		all |= values[i] + LIMIT_BIAS;
		patterns[i] = double_to_pattern(number / power);
	}
	return all < 2 * LIMIT_BIAS;
}

/* Integers to the bit patterns of doubles, in another array. */
void
rusts_decimal_unscale(const uint64 *values, uint32 n, int digits,
					  uint64 *patterns)
{
	double		power = powers_of_ten[digits < 0 ? -digits : digits];
	uint32		i;

	if (digits < 0)
	{
		for (i = 0; i < n; i++)
			patterns[i] =
				double_to_pattern((double) (int64) values[i] * power);
	}
	else if (!divide_small(values, n, power, patterns))
	{
		for (i = 0; i < n; i++)
			patterns[i] =
				double_to_pattern((double) (int64) values[i] / power);
	}
}
