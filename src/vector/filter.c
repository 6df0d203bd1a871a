/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  Which rows of a block pass a comparison with constants.
 *
 * Few loops do it all.  A range of integers costs one comparison: shifted so
 * that it begins at the smallest integer, it has only an upper end.  <> is
 * the range of one value, flipped.  Floats need <, <= and =; their negations
 * are flipped, which also gives NaN its place in PostgreSQL's order: it fails
 * all three in IEEE 754, hence it is "not less than" any c.
 *
 * A list is the conjunction of <>, done on a copy: what fails it is among the
 * list.  Rows that are decided drop out of the copy, and words without rows
 * cost nothing.
 *
 * src/vector/filter.c
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
#include "base/kernels.h"
#include "vector/filter.h"

#define MAX_WORDS		RUSTS_BITMAP_WORDS(RUSTS_FILTER_MAX_ROWS)

#define SIGN_BIT		(UINT64CONST(1) << 63)
#define ALL_ONES		(~UINT64CONST(0))

/* Searches of a list that take as long as comparing a block with a value. */
#define PASS_COST		16

#define FILTER_NAME			filter_range
#define FILTER_TYPE			int64
#define FILTER_PARAMETERS	uint64 shift, int64 limit
#define FILTER_TEST(v)		((int64) ((v) + shift) <= limit)
#include "vector/filter_impl.h"

#define FILTER_NAME			filter_less
#define FILTER_TYPE			double
#define FILTER_PARAMETERS	double c
#define FILTER_TEST(v)		((v) < c)
#include "vector/filter_impl.h"

#define FILTER_NAME			filter_less_equal
#define FILTER_TYPE			double
#define FILTER_PARAMETERS	double c
#define FILTER_TEST(v)		((v) <= c)
#include "vector/filter_impl.h"

#define FILTER_NAME			filter_equal
#define FILTER_TYPE			double
#define FILTER_PARAMETERS	double c
#define FILTER_TEST(v)		((v) == c)
#include "vector/filter_impl.h"

#define FILTER_NAME			filter_byte
#define FILTER_TYPE			uint8
#define FILTER_PARAMETERS	uint8 c
#define FILTER_TEST(v)		((v) == c)
#include "vector/filter_impl.h"

static void search_each(const int64 *values, uint32 n, const int64 *sorted,
						uint32 nsorted, uint64 *misses);
static uint32 count_less(const int64 *values, uint32 n, int64 v);
static void clear_all(uint64 *bits, uint32 n);

/* In the shifted range, subtraction modulo 2^64 keeps the order. */
static inline void
filter_between(const int64 *values, uint32 n, int64 lo, int64 hi,
			   uint64 flip, uint64 *bits)
{
	uint64		shift = SIGN_BIT - (uint64) lo;

	filter_range(values, n, shift, (int64) ((uint64) hi + shift), flip, bits);
}

void
rusts_filter_int_range(const int64 *values, uint32 n, int64 lo, int64 hi,
					   uint64 *bits)
{
	if (lo > hi)
		clear_all(bits, n);
	else
		filter_between(values, n, lo, hi, 0, bits);
}

void
rusts_filter_int_not(const int64 *values, uint32 n, int64 v, uint64 *bits)
{
	filter_between(values, n, v, v, ALL_ONES, bits);
}

/*
 * Of the rows in the list's range, the candidates, find those in the list: by
 * a pass per element or a search per row, whichever is cheaper.
 */
void
rusts_filter_int_in(const int64 *values, uint32 n, const int64 *sorted,
					uint32 nsorted, bool negate, uint64 *bits)
{
	uint64		candidates[MAX_WORDS];
	uint64		misses[MAX_WORDS];
	size_t		nwords = RUSTS_BITMAP_WORDS(n);
	size_t		word;
	uint32		i;

	Assert(n <= RUSTS_FILTER_MAX_ROWS);
	memcpy(candidates, bits, nwords * sizeof(uint64));
	if (nsorted == 0)
		clear_all(candidates, n);
	else
		rusts_filter_int_range(values, n, sorted[0], sorted[nsorted - 1],
							   candidates);

	memcpy(misses, candidates, nwords * sizeof(uint64));
	if (nsorted <= rusts_bitmap_count(candidates, n) / PASS_COST)
	{
		for (i = 0; i < nsorted; i++)
			rusts_filter_int_not(values, n, sorted[i], misses);
	}
	else
		search_each(values, n, sorted, nsorted, misses);

	for (word = 0; word < nwords; word++)
	{
		uint64		hits = candidates[word] & ~misses[word];

		bits[word] &= negate ? ~hits : hits;
	}
}

void
rusts_filter_float(const double *values, uint32 n, RustsFloatTest test,
				   double c, uint64 *bits)
{
	/* Compared with NaN, values only differ in being NaN or not. */
	if (isnan(c))
	{
		if (test == RUSTS_FLOAT_LE)
			return;
		if (test == RUSTS_FLOAT_GT)
		{
			clear_all(bits, n);
			return;
		}
		test = test == RUSTS_FLOAT_LT || test == RUSTS_FLOAT_NE ?
			RUSTS_FLOAT_LE : RUSTS_FLOAT_GT;
		c = INFINITY;
	}

	switch (test)
	{
		case RUSTS_FLOAT_LT:
			filter_less(values, n, c, 0, bits);
			break;
		case RUSTS_FLOAT_LE:
			filter_less_equal(values, n, c, 0, bits);
			break;
		case RUSTS_FLOAT_EQ:
			filter_equal(values, n, c, 0, bits);
			break;
		case RUSTS_FLOAT_GE:
			filter_less(values, n, c, ALL_ONES, bits);
			break;
		case RUSTS_FLOAT_GT:
			filter_less_equal(values, n, c, ALL_ONES, bits);
			break;
		case RUSTS_FLOAT_NE:
			filter_equal(values, n, c, ALL_ONES, bits);
			break;
	}
}

void
rusts_filter_float_in(const double *values, uint32 n, const double *list,
					  uint32 nlist, bool negate, uint64 *bits)
{
	uint64		misses[MAX_WORDS];
	size_t		nwords = RUSTS_BITMAP_WORDS(n);
	size_t		word;
	uint32		i;

	Assert(n <= RUSTS_FILTER_MAX_ROWS);
	memcpy(misses, bits, nwords * sizeof(uint64));
	for (i = 0; i < nlist; i++)
		rusts_filter_float(values, n, RUSTS_FLOAT_NE, list[i], misses);
	for (word = 0; word < nwords; word++)
		bits[word] &= negate ? misses[word] : ~misses[word];
}

void
rusts_filter_bool(const uint8 *values, uint32 n, const bool truth[2],
				  uint64 *bits)
{
	if (truth[0] != truth[1])
		filter_byte(values, n, truth[1], 0, bits);
	else if (!truth[0])
		clear_all(bits, n);
}

void
rusts_filter_not_null(const uint64 *nulls, uint32 n, uint64 *bits)
{
	size_t		word;

	for (word = 0; word < RUSTS_BITMAP_WORDS(n); word++)
		bits[word] &= ~nulls[word];
}

void
rusts_filter_null(const uint64 *nulls, uint32 n, uint64 *bits)
{
	size_t		word;

	for (word = 0; word < RUSTS_BITMAP_WORDS(n); word++)
		bits[word] &= nulls[word];
}

bool
rusts_float_may_match(RustsFloatTest test, double c, double min, double max)
{
	int			min_side = rusts_float_compare(min, c);
	int			max_side = rusts_float_compare(max, c);

	switch (test)
	{
		case RUSTS_FLOAT_LT:
			return min_side < 0;
		case RUSTS_FLOAT_LE:
			return min_side <= 0;
		case RUSTS_FLOAT_EQ:
			return min_side <= 0 && max_side >= 0;
		case RUSTS_FLOAT_GE:
			return max_side >= 0;
		case RUSTS_FLOAT_GT:
			return max_side > 0;
		case RUSTS_FLOAT_NE:
			return min_side != 0 || max_side != 0;
	}
	return true;
}

/* All match if none can match the negation. */
bool
rusts_float_must_match(RustsFloatTest test, double c, double min, double max)
{
	return !rusts_float_may_match((RustsFloatTest) ((test + 3) % 6), c,
								  min, max);
}

int
rusts_float_compare(double a, double b)
{
	if (isnan(a) || isnan(b))
		return (isnan(a) != 0) - (isnan(b) != 0);
	return (a > b) - (a < b);
}

/*
 * Steps of 1, 2, 4, ... until v is passed, then bisect the last one.
 */
uint32
rusts_lower_bound(const int64 *values, uint32 from, uint32 to, int64 v)
{
	uint32		step = 1;

	Assert(from <= to);
	while (to - from > step && values[from + step - 1] < v)
	{
		from += step;
		step *= 2;
	}
	return from + count_less(values + from, Min(step, to - from), v);
}

/*
 * Clear in misses[] the rows whose value is among sorted[].  No value is
 * greater than all of it.
 */
static void
search_each(const int64 *values, uint32 n, const int64 *sorted,
			uint32 nsorted, uint64 *misses)
{
	size_t		word;

	for (word = 0; word < RUSTS_BITMAP_WORDS(n); word++)
	{
		uint64		rest = misses[word];

		while (rest != 0)
		{
			uint64		bit = rest & (0 - rest);
			int64		v = values[word * 64 + __builtin_ctzll(bit)];

			if (sorted[count_less(sorted, nsorted, v)] == v)
				misses[word] &= ~bit;
			rest &= ~bit;
		}
	}
}

/* How many of n ascending values are less than v; no branch to mispredict. */
static uint32
count_less(const int64 *values, uint32 n, int64 v)
{
	const int64 *first = values;

	while (n > 1)
	{
		uint32		half = n / 2;

		first += first[half - 1] < v ? half : 0;
		n -= half;
	}
	return (first - values) + (n == 1 && *first < v);
}

static void
clear_all(uint64 *bits, uint32 n)
{
	memset(bits, 0, RUSTS_BITMAP_WORDS(n) * sizeof(uint64));
}
