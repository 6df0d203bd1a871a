/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Which rows of a block pass a comparison with constants.
 *
 * A filter looks at the values of rows 0 to n - 1 and clears in bits[] the
 * rows that fail.  It sets none, so filters one after the other are their
 * conjunction, and bits after the last row stay clear.  What the value of a
 * NULL is does not matter, but it is looked at: the caller takes NULLs out,
 * before or after.
 *
 * src/vector/filter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FILTER_H
#define RUSTS_FILTER_H

#include "c.h"

/* No filter takes more rows at once. */
#define RUSTS_FILTER_MAX_ROWS	1024

/* In the first half the tests, in the second half their negations. */
typedef enum RustsFloatTest
{
	RUSTS_FLOAT_LT,
	RUSTS_FLOAT_LE,
	RUSTS_FLOAT_EQ,
	RUSTS_FLOAT_GE,
	RUSTS_FLOAT_GT,
	RUSTS_FLOAT_NE
} RustsFloatTest;

/* lo <= v <= hi; nothing is if lo > hi. */
extern void rusts_filter_int_range(const int64 *values, uint32 n,
								   int64 lo, int64 hi, uint64 *bits);

/* Values other than v. */
extern void rusts_filter_int_not(const int64 *values, uint32 n, int64 v,
								 uint64 *bits);

/*
 * Values among sorted[], which ascends and may repeat itself; if negate,
 * values that are not.
 */
extern void rusts_filter_int_in(const int64 *values, uint32 n,
								const int64 *sorted, uint32 nsorted,
								bool negate, uint64 *bits);

/*
 * v test c, in PostgreSQL's order of float8: NaN equals NaN and is greater
 * than all others, -0.0 equals 0.0.
 */
extern void rusts_filter_float(const double *values, uint32 n,
							   RustsFloatTest test, double c, uint64 *bits);

/*
 * Values among list[], in any order; if negate, values that are not.
 *
 * XXX Each element is a pass over the values that are undecided.  A search
 * would be faster for hundreds of elements, which nobody has for floats.
 */
extern void rusts_filter_float_in(const double *values, uint32 n,
								  const double *list, uint32 nlist,
								  bool negate, uint64 *bits);

/* truth[v] says whether v passes; values are 0 and 1. */
extern void rusts_filter_bool(const uint8 *values, uint32 n,
							  const bool truth[2], uint64 *bits);

/* Rows that are not, or are, in nulls[]. */
extern void rusts_filter_not_null(const uint64 *nulls, uint32 n,
								  uint64 *bits);
extern void rusts_filter_null(const uint64 *nulls, uint32 n, uint64 *bits);

/*
 * Can some, must all values of a block satisfy v test c, if the smallest is
 * min and the greatest max, by the order above?
 */
extern bool rusts_float_may_match(RustsFloatTest test, double c,
								  double min, double max);
extern bool rusts_float_must_match(RustsFloatTest test, double c,
								   double min, double max);

/* -1, 0 or 1 as a is less than, equal to or greater than b. */
extern int	rusts_float_compare(double a, double b);

/*
 * The first i of [from, to) with values[i] >= v, or to if there is none;
 * values ascend there, and from <= to.  What is near from is found fastest.
 */
extern uint32 rusts_lower_bound(const int64 *values, uint32 from, uint32 to,
								int64 v);

#endif							/* RUSTS_FILTER_H */
