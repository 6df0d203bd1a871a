/*-------------------------------------------------------------------------
 *
 * buckets.h
 *	  Buckets of time as ranges of times.
 *
 * src/exec/buckets.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BUCKETS_H
#define RUSTS_BUCKETS_H

#include "nodes/execnodes.h"

#include "meta/schema.h"

typedef struct RustsBuckets RustsBuckets;

/* Rows with a time from low on and below high (or up to it, at the end). */
typedef struct RustsBucket
{
	int64		low;
	int64		high;			/* exclusive; PG_INT64_MAX is inclusive */
	int64		value;			/* the bucket, as the function returns it */
	bool		isnull;
} RustsBucket;

/*
 * Is this a function of the time column alone whose buckets are known to be
 * ranges: time_bucket, date_trunc, date_bin, with everything else the same
 * for all rows?
 */
extern bool rusts_is_bucket(Expr *expr, Index varno,
							const RustsSchema *schema);

/*
 * The width of such a function's buckets in microseconds, about, as far as it
 * is a constant; 0 if not known.
 */
extern double rusts_bucket_width(Expr *expr);

extern RustsBuckets *rusts_buckets_create(Expr *expr, PlanState *parent);

/* Evaluate the function's other arguments, now. */
extern void rusts_buckets_prepare(RustsBuckets *buckets,
								  ExprContext *econtext);

/*
 * The bucket of a time.  last is a time up to which the function may be asked,
 * the largest that occurs in the same rows, not an infinity unless time is
 * one.
 */
extern void rusts_buckets_find(RustsBuckets *buckets, int64 time, int64 last,
							   RustsBucket *bucket);

/* Are all times in the same bucket, infinities as well: NULL? */
extern bool rusts_buckets_are_one(const RustsBuckets *buckets);

/*
 * Do buckets follow each other in the order of their values, between two times
 * that occur, and is an infinity one by itself?  With a clock that is set back
 * over midnight they may not.
 */
extern bool rusts_buckets_ascend(RustsBuckets *buckets, int64 low,
								 int64 high);

/*
 * The first time not before the given one at which a bucket begins,
 * PG_INT64_MAX for none.  Buckets ascend, and there are smaller times.
 */
extern int64 rusts_buckets_border(RustsBuckets *buckets, int64 time);

#endif							/* RUSTS_BUCKETS_H */
