/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Sums, extremes and counts over rows of a block.
 *
 * The rows come in stretches: without a bitmap all of them are one, with a
 * bitmap each word that is not empty.  A stretch where some rows do not count
 * is copied, and they are replaced by a filler that changes nothing.  So each
 * reduction is one plain loop over values that all count, and neither it nor
 * the copying has a branch per row: both vectorize.
 *
 * Addition of floats is not associative, and compilers do not reorder it.  We
 * say the order: eight sums, the one of row i being number i modulo 8, and in
 * the end the sum of them.  A row that does not count adds -0.0, which no sum
 * notices.  Therefore stretches begin at multiples of eight.
 *
 * Extremes of floats are those of integers.  The bit pattern of a positive
 * float, taken as an integer, grows with it; for negative ones we flip all
 * other bits; NaN is the greatest integer, whatever its pattern is.
 *
 * src/vector/aggregate.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "base/bitmap.h"
#include "base/bits.h"
#include "base/kernels.h"
#include "vector/aggregate.h"

#define NLANES			8

#define SIGN_BIT		(UINT64CONST(1) << 63)
#define INFINITE_BITS	INT64CONST(0x7FF0000000000000)

/* n rows from first on, of which row first + i counts if bit i is set. */
typedef struct Stretch
{
	uint32		first;			/* a multiple of NLANES */
	uint32		n;				/* at most 64 unless all count */
	uint32		count;			/* how many count, at least 1 */
	bool		all;
	uint64		rows;			/* unless all count */
	uint64		copy[64];
} Stretch;

/* The bits of a word that are in [from, to), all set if bits is NULL. */
static inline uint64
rows_of_word(const uint64 *bits, uint32 word, uint32 from, uint32 to)
{
	uint32		first = word * 64;
	uint64		rows = bits != NULL ? bits[word] : ~UINT64CONST(0);

	if (from > first)
		rows &= ~rusts_bit_mask(Min(from - first, 64));
	if (to - first < 64)
		rows &= rusts_bit_mask(to - first);
	return rows;
}

/* The next stretch of [*from, to), and *from behind it; false at the end. */
static inline bool
next_stretch(const uint64 *bits, uint32 *from, uint32 to, Stretch *stretch)
{
	if (bits == NULL && *from < to && *from % NLANES == 0)
	{
		stretch->first = *from;
		stretch->n = stretch->count = to - *from;
		stretch->all = true;
		*from = to;
		return true;
	}
	while (*from < to)
	{
		uint32		word = *from / 64;
		uint64		rows = rows_of_word(bits, word, *from, to);

		*from = (word + 1) * 64;
		if (rows != 0)
		{
			uint32		skip = __builtin_ctzll(rows) / NLANES * NLANES;

			stretch->first = word * 64 + skip;
			stretch->rows = rows >> skip;
			stretch->n = rusts_bit_length(stretch->rows);
			stretch->count = __builtin_popcountll(rows);
			stretch->all = stretch->n == stretch->count;
			return true;
		}
	}
	return false;
}

/* a where mask is set, b where it is clear. */
static inline uint64
mix(uint64 mask, uint64 a, uint64 b)
{
	return (a & mask) | (b & ~mask);
}

/*
 * The values of a stretch, of eight bytes each, with filler where a row does
 * not count.
 */
static inline const void *
fill_stretch(const void *values, Stretch *stretch, uint64 filler)
{
	const uint64 *restrict v = (const uint64 *) values + stretch->first;
	uint64	   *restrict copy = stretch->copy;
	uint64		rows = stretch->rows;
	size_t		n = stretch->n;
	size_t		i;

	if (stretch->all)
		return v;
	for (i = 0; i < n; i++)
		copy[i] = mix(0 - ((rows >> i) & 1), v[i], filler);
	return copy;
}

/* ... with the value of a row that counts, which no extreme notices. */
static inline const void *
repeat_in_stretch(const void *values, Stretch *stretch)
{
	uint64		filler = 0;

	if (!stretch->all)
		filler = ((const uint64 *) values)[stretch->first + stretch->n - 1];
	return fill_stretch(values, stretch, filler);
}

/*
 * Values plus 2^63 are not negative.  Their sum modulo 2^64 and the sum of
 * their upper halves, both of which vectorize, give the sum of the lower
 * halves, which is small, and so the whole.
 */
RUSTS_KERNEL void
rusts_sum_ints(const int64 *values, uint32 from, uint32 to,
			   const uint64 *bits, uint32 *count, int128 * sum)
{
	Stretch		stretch;
	uint64		whole = 0;
	uint64		upper = 0;

	*count = 0;
	while (next_stretch(bits, &from, to, &stretch))
	{
		const int64 *v = fill_stretch(values, &stretch, SIGN_BIT);
		size_t		n = stretch.n;
		size_t		i;

		for (i = 0; i < n; i++)
		{
			uint64		shifted = (uint64) v[i] + SIGN_BIT;

			whole += shifted;
			upper += shifted >> 32;
		}
		*count += stretch.count;
	}
	*sum = ((int128) upper << 32) + (int128) (whole - (upper << 32)) -
		((int128) * count << 63);
}

RUSTS_KERNEL void
rusts_minmax_ints(const int64 *values, uint32 from, uint32 to,
				  const uint64 *bits, uint32 *count, int64 *min, int64 *max)
{
	Stretch		stretch;
	int64		lowest = PG_INT64_MAX;
	int64		highest = PG_INT64_MIN;

	*count = 0;
	while (next_stretch(bits, &from, to, &stretch))
	{
		const int64 *v = repeat_in_stretch(values, &stretch);
		size_t		n = stretch.n;
		size_t		i;

		for (i = 0; i < n; i++)
		{
			lowest = v[i] < lowest ? v[i] : lowest;
			highest = v[i] > highest ? v[i] : highest;
		}
		*count += stretch.count;
	}
	*min = lowest;
	*max = highest;
}

/*
 * Only the copying vectorizes: machines multiply to 128 bits one by one.
 */
RUSTS_KERNEL void
rusts_sum_and_squares_ints(const int64 *values, uint32 from, uint32 to,
						   const uint64 *bits, uint32 *count, int128 * sum,
						   int128 * sum_squares, bool *overflow)
{
	Stretch		stretch;
	int128		squares = 0;
	bool		overflows = false;

	rusts_sum_ints(values, from, to, bits, count, sum);
	while (next_stretch(bits, &from, to, &stretch))
	{
		const int64 *v = fill_stretch(values, &stretch, 0);
		uint32		i;

		for (i = 0; i < stretch.n; i++)
			overflows |= __builtin_add_overflow(squares, (int128) v[i] * v[i],
												&squares);
	}
	*sum_squares = squares;
	*overflow = overflows;
}

static inline double
sum_of_lanes(const double *sums)
{
	return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
		((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

RUSTS_KERNEL void
rusts_sum_floats(const double *values, uint32 from, uint32 to,
				 const uint64 *bits, uint32 *count, double *sum)
{
	double		sums[NLANES];
	Stretch		stretch;
	int			lane;

	*count = 0;
	for (lane = 0; lane < NLANES; lane++)
		sums[lane] = -0.0;
	while (next_stretch(bits, &from, to, &stretch))
	{
		const double *v = fill_stretch(values, &stretch, SIGN_BIT);
		size_t		n = stretch.n;
		size_t		i;

		for (i = 0; i + NLANES <= n; i += NLANES)
			for (lane = 0; lane < NLANES; lane++)
				sums[lane] += v[i + lane];
		for (lane = 0; i + lane < n; lane++)
			sums[lane] += v[i + lane];
		*count += stretch.count;
	}
	*sum = sum_of_lanes(sums);
}

RUSTS_KERNEL double
rusts_sum_squares(const double *values, uint32 from, uint32 to,
				  const uint64 *bits, double mean)
{
	double		sums[NLANES];
	Stretch		stretch;
	uint64		filler;
	int			lane;

	/* Infinity less infinity is not the 0 that we fill with. */
	if (!isfinite(mean))
		return NAN;

	memcpy(&filler, &mean, sizeof(filler));
	for (lane = 0; lane < NLANES; lane++)
		sums[lane] = 0.0;
	while (next_stretch(bits, &from, to, &stretch))
	{
		const double *v = fill_stretch(values, &stretch, filler);
		size_t		n = stretch.n;
		size_t		i;

		for (i = 0; i + NLANES <= n; i += NLANES)
			for (lane = 0; lane < NLANES; lane++)
				sums[lane] += (v[i + lane] - mean) * (v[i + lane] - mean);
		for (lane = 0; i + lane < n; lane++)
			sums[lane] += (v[i + lane] - mean) * (v[i + lane] - mean);
	}
	return sum_of_lanes(sums);
}

/* Flip all bits but the sign of what is negative; its own inverse. */
static inline int64
flip_negative(int64 v)
{
	return v ^ (v < 0 ? PG_INT64_MAX : 0);
}

/* Of all NaNs, PostgreSQL's. */
static inline double
float_of_rank(int64 rank)
{
	double		value;

	if (rank == PG_INT64_MAX)
		return NAN;
	rank = flip_negative(rank);
	memcpy(&value, &rank, sizeof(value));
	return value;
}

RUSTS_KERNEL void
rusts_minmax_floats(const double *values, uint32 from, uint32 to,
					const uint64 *bits, uint32 *count,
					double *min, double *max)
{
	Stretch		stretch;
	int64		lowest = PG_INT64_MAX;
	int64		highest = PG_INT64_MIN;

	*count = 0;
	while (next_stretch(bits, &from, to, &stretch))
	{
		const int64 *v = repeat_in_stretch(values, &stretch);
		size_t		n = stretch.n;
		size_t		i;

		for (i = 0; i < n; i++)
		{
			bool		nan = (v[i] & PG_INT64_MAX) > INFINITE_BITS;
			int64		rank = mix(0 - (uint64) nan, PG_INT64_MAX,
								   flip_negative(v[i]));

			lowest = rank < lowest ? rank : lowest;
			highest = rank > highest ? rank : highest;
		}
		*count += stretch.count;
	}
	*min = float_of_rank(lowest);
	*max = float_of_rank(highest);
}

uint32
rusts_count_bits(const uint64 *bits, uint32 from, uint32 to)
{
	uint32		count = 0;
	uint32		word;

	for (word = from / 64; word * 64 < to; word++)
		count += __builtin_popcountll(rows_of_word(bits, word, from, to));
	return count;
}

uint32
rusts_next_bit(const uint64 *bits, uint32 from, uint32 to)
{
	uint32		word;

	for (word = from / 64; word * 64 < to; word++)
	{
		uint64		rows = rows_of_word(bits, word, from, to);

		if (rows != 0)
			return word * 64 + __builtin_ctzll(rows);
	}
	return to;
}

uint32
rusts_prev_bit(const uint64 *bits, uint32 from, uint32 to)
{
	uint32		word;

	for (word = RUSTS_BITMAP_WORDS(to); word-- > from / 64;)
	{
		uint64		rows = rows_of_word(bits, word, from, to);

		if (rows != 0)
			return word * 64 + rusts_bit_length(rows) - 1;
	}
	return to;
}

void
rusts_fill_bits(uint64 *bits, uint32 n, uint32 from, uint32 to)
{
	uint32		word;

	Assert(to <= n);
	memset(bits, 0, RUSTS_BITMAP_WORDS(n) * sizeof(uint64));
	for (word = from / 64; word * 64 < to; word++)
		bits[word] = rows_of_word(NULL, word, from, to);
}
