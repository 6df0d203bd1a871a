/*-------------------------------------------------------------------------
 *
 * stats.h
 *	  Statistics of a column's blocks.
 *
 * src/segment/stats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_STATS_H
#define RUSTS_STATS_H

#include "codec/block.h"

typedef struct RustsBlockStats
{
	int64	   *lengths;		/* [nblocks], and so on */
	int64	   *nulls;
	int64	   *min;			/* doubles where the kind is FLOAT */
	int64	   *max;
	int64	   *first;
	int64	   *last;
	int64	   *sum;
	bool		sum_overflow;
} RustsBlockStats;

/* Enter block b of an INT column; the arrays are zero where it has nothing. */
extern void rusts_int_stats(const RustsBlockInput *in, uint32 b,
							RustsBlockStats *stats);

/* The same of a FLOAT column. */
extern void rusts_float_stats(const RustsBlockInput *in, uint32 b,
							  RustsBlockStats *stats);

#endif							/* RUSTS_STATS_H */
