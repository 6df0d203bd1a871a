/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  Sums, extremes and counts over rows of a block.
 *
 * A reduction takes the rows [from, to) of a block's values; if bits is not
 * NULL, those of them that are set in this bitmap of the whole block.  What
 * the values of other rows are does not matter, and values[to] need not
 * exist.  Results are a function of the rows taken and their values, on every
 * machine: whether the others are excluded by the range or by the bitmap
 * makes no difference, not even to a sum of floats.
 *
 * *count is the number of rows taken; if it is 0, the other results are what
 * the functions say, or garbage.  At most 2^20 rows.
 *
 * src/vector/aggregate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGGREGATE_H
#define RUSTS_AGGREGATE_H

#include "c.h"

/* The exact sum; 0 of no rows. */
extern void rusts_sum_ints(const int64 *values, uint32 from, uint32 to,
						   const uint64 *bits, uint32 *count, int128 * sum);

extern void rusts_minmax_ints(const int64 *values, uint32 from, uint32 to,
							  const uint64 *bits, uint32 *count,
							  int64 *min, int64 *max);

/*
 * The exact sum, and the sum of squares, exact if *overflow is false and
 * garbage if it is true: 2^126 is the largest square, and two of them are too
 * much.  Both 0 of no rows.
 */
extern void rusts_sum_and_squares_ints(const int64 *values, uint32 from,
									   uint32 to, const uint64 *bits,
									   uint32 *count, int128 * sum,
									   int128 * sum_squares, bool *overflow);

/*
 * The sum in the order that suits us.  It begins with -0.0, the identity of
 * addition: negative zeros have the sum -0.0, and so have no rows.  It is
 * infinite or NaN though no value is, if it overflows.
 */
extern void rusts_sum_floats(const double *values, uint32 from, uint32 to,
							 const uint64 *bits, uint32 *count, double *sum);

/*
 * Extremes in PostgreSQL's order: NaN is the greatest.  -0.0 and 0.0 are
 * equal there; the minimum of both is -0.0, the maximum is 0.0.
 */
extern void rusts_minmax_floats(const double *values, uint32 from, uint32 to,
								const uint64 *bits, uint32 *count,
								double *min, double *max);

/*
 * The sum of the squares of differences from mean, 0.0 of no rows; NaN if
 * mean is not finite.
 */
extern double rusts_sum_squares(const double *values, uint32 from, uint32 to,
								const uint64 *bits, double mean);

/* How many bits of [from, to) are set. */
extern uint32 rusts_count_bits(const uint64 *bits, uint32 from, uint32 to);

/* The first and the last bit that is set in [from, to); to if none is. */
extern uint32 rusts_next_bit(const uint64 *bits, uint32 from, uint32 to);
extern uint32 rusts_prev_bit(const uint64 *bits, uint32 from, uint32 to);

/* Make bits[], of n rows, the set [from, to); to <= n. */
extern void rusts_fill_bits(uint64 *bits, uint32 n, uint32 from, uint32 to);

#endif							/* RUSTS_AGGREGATE_H */
