/*-------------------------------------------------------------------------
 *
 * sharding.h
 *	  Parts of a measurement of the cluster, and which of them a point is for.
 *
 * src/ingest/sharding.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SHARDING_H
#define RUSTS_SHARDING_H

#include "ingest/ingest.h"

struct RustsShardKey;

struct RustsSharding
{
	struct RustsShardKey *key;
	int		   *part_of_shard;	/* [shards], -1: no partition */
	int		   *tag_places;		/* [tags of key] place in tag_values */
	int64		span_begin;		/* times that series are numbered for, in
								 * microseconds; all of them where time does
								 * not count */
	int64		span_end;		/* the first one after them */
};

/*
 * Open and lock the partitions of an open target.  target->sharding stays NULL
 * if points cannot be appended to them but must be inserted.  False, and
 * nothing open or locked, when wait is false and somebody has a lock.
 */
extern bool rusts_sharding_open(RustsIngest *in, RustsTarget *target,
								bool wait);
extern void rusts_sharding_close(RustsTarget *target, bool discard);

/* The part for the series in target->tag_values at that time. */
extern int	rusts_sharding_part(RustsTarget *target, int64 time);

/* A point of another span of time is next: number the series anew. */
extern void rusts_sharding_leave(RustsIngest *in, RustsTarget *target,
								 int64 time);

static inline void
rusts_sharding_move(RustsIngest *in, RustsTarget *target, int64 time)
{
	if (unlikely(time < target->sharding->span_begin ||
				 time >= target->sharding->span_end))
		rusts_sharding_leave(in, target, time);
}

#endif							/* RUSTS_SHARDING_H */
