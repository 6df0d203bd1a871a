/*-------------------------------------------------------------------------
 *
 * shard_hash.h
 *	  Which shard of a cluster a point belongs to.
 *
 * Frozen: points lie where these functions say, so they give the same on
 * every machine and in every version.  doc/cluster.md describes them.
 *
 * The hash is 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv) over the
 * measurement's name and, of each tag that the point has, name and value, each
 * followed by a zero byte; of Composite also the number of the span of time,
 * 8 bytes, the lowest first.  Its bits are mixed as in the finalizer of
 * MurmurHash3 (fmix64) before the remainder is taken.
 *
 * src/base/shard_hash.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SHARD_HASH_H
#define RUSTS_SHARD_HASH_H

#include "c.h"

#define RUSTS_SHARD_HASH_INIT	UINT64CONST(0xCBF29CE484222325)
#define RUSTS_SHARD_HASH_PRIME	UINT64CONST(0x00000100000001B3)

/* Microseconds from 1970-01-01 to 2000-01-01. */
#define RUSTS_SHARD_EPOCH_US	INT64CONST(946684800000000)

/* Add a text and a zero byte; a text has none itself. */
static inline uint64
rusts_shard_hash_text(uint64 hash, const char *text, size_t len)
{
	size_t		i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (uint8) text[i]) * RUSTS_SHARD_HASH_PRIME;
	return hash * RUSTS_SHARD_HASH_PRIME;
}

/* Add a number. */
static inline uint64
rusts_shard_hash_number(uint64 hash, int64 number)
{
	uint64		bits = (uint64) number;
	int			i;

	for (i = 0; i < 8; i++, bits >>= 8)
		hash = (hash ^ (bits & 0xFF)) * RUSTS_SHARD_HASH_PRIME;
	return hash;
}

/* The shard, 0 .. nshards - 1, of a hash that is complete. */
static inline int
rusts_shard_of_hash(uint64 hash, int nshards)
{
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xFF51AFD7ED558CCD);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xC4CEB9FE1A85EC53);
	hash ^= hash >> 33;
	return (int) (hash % (uint64) nshards);
}

/*
 * The number of the span of time, spans of that many microseconds counted
 * from 1970-01-01 UTC, of a timestamp in microseconds from 2000-01-01.
 * -infinity and infinity belong to span 0.
 */
static inline int64
rusts_shard_span(int64 time, int64 span_us)
{
	int64		whole;
	int64		rest;

	if (time == PG_INT64_MIN || time == PG_INT64_MAX)
		return 0;

	/* The sum of time and epoch may not fit. */
	whole = time / span_us + RUSTS_SHARD_EPOCH_US / span_us;
	rest = time % span_us + RUSTS_SHARD_EPOCH_US % span_us;
	if (rest < 0)
		return whole - 1;
	return rest >= span_us ? whole + 1 : whole;
}

/* The shard of a span of time where nothing else counts. */
static inline int
rusts_shard_of_span(int64 span, int nshards)
{
	int64		rest = span % nshards;

	return (int) (rest < 0 ? rest + nshards : rest);
}

#endif							/* RUSTS_SHARD_HASH_H */
