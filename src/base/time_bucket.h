/*-------------------------------------------------------------------------
 *
 * time_bucket.h
 *	  Where the bucket begins that a point in time falls into.
 *
 * Buckets of one width tile the number line, and one of them begins at the
 * origin.  The unit is the caller's: microseconds, days, months or plain
 * integers.
 *
 * src/base/time_bucket.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TIME_BUCKET_H
#define RUSTS_TIME_BUCKET_H

#include "c.h"

#include "common/int.h"

/*
 * Default origins, counted from 2000-01-01.  Buckets of weeks shall begin on
 * a Monday, so those of fixed width start from 2000-01-03.
 */
#define RUSTS_BUCKET_ORIGIN_DAY		2
#define RUSTS_BUCKET_ORIGIN_USEC	INT64CONST(172800000000)
#define RUSTS_BUCKET_ORIGIN_MONTH	0

/*
 * Set *start to the begin of value's bucket; width must be positive.  False
 * when that does not fit, *start is garbage then.
 *
 * Usually one modulo.  Only when value and origin are further apart than an
 * int64 can tell is the origin replaced by the equivalent one nearest zero.
 */
static inline bool
rusts_bucket_start(int64 width, int64 origin, int64 value, int64 *start)
{
	int64		distance;
	int64		rest;

	if (unlikely(pg_sub_s64_overflow(value, origin, &distance)) &&
		pg_sub_s64_overflow(value, origin % width, &distance))
		return false;
	rest = distance % width;
	if (rest < 0)
		rest += width;
	return !pg_sub_s64_overflow(value, rest, start);
}

/* Day 0 is 2000-01-01, month 0 is January 2000; |day| < 2^40 or so. */
extern int64 rusts_month_of_day(int64 day);
extern int64 rusts_first_day_of_month(int64 month);

#endif							/* RUSTS_TIME_BUCKET_H */
