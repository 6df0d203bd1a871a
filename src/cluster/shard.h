/*-------------------------------------------------------------------------
 *
 * shard.h
 *	  The shard of a point, and the partition key that says how it is found.
 *
 * A measurement of a cluster is a table, PARTITION BY LIST over a call of
 * rusts_shard_of, with one partition per group of shards.  All that is to be
 * known about its sharding stands in that call, and pg_dump dumps it.
 *
 * src/cluster/shard.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SHARD_H
#define RUSTS_SHARD_H

#include "utils/relcache.h"

#include "cluster/config.h"

typedef struct RustsShardKey
{
	RustsShardingStrategy strategy;
	int			nshards;
	char	   *measurement;	/* name when it was made; NULL: ByTime */
	int			ntags;
	char	  **tags;			/* names when it was made */
	AttrNumber *tag_attnos;		/* their columns now */
	AttrNumber	time_attno;		/* 0: BySeries */
	int64		span_us;		/* 0: time does not count */
	uint64		hash;			/* of the measurement */
	Oid			funcid;			/* the rusts_shard_of of this strategy */
} RustsShardKey;

/*
 * Which strategy is the function's?  -1: it is no rusts_shard_of.  Looked up
 * once per session and OID.
 */
extern int	rusts_shard_function(Oid funcid);

/*
 * The key of a relation in the current memory context; NULL if it is no
 * measurement of a cluster.  Cheap for what is not partitioned.
 */
extern RustsShardKey *rusts_shard_key(Relation rel);

/* The same without the details. */
extern bool rusts_is_cluster_measurement(Relation rel);

/* Add the value of tag number i, which the point has, to a hash. */
extern uint64 rusts_shard_add_tag(const RustsShardKey *key, uint64 hash,
								  int tag, const char *value, size_t len);

/*
 * The shard of a point whose tags are in hash, which began as key->hash.  time
 * is a timestamp, in microseconds from 2000-01-01.
 */
extern int	rusts_shard_finish(const RustsShardKey *key, uint64 hash,
							   int64 time);

#endif							/* RUSTS_SHARD_H */
