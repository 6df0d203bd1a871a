/*-------------------------------------------------------------------------
 *
 * bloom.h
 *	  Bloom filter of the tag values of a batch.
 *
 * src/base/bloom.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BLOOM_H
#define RUSTS_BLOOM_H

#include "c.h"

#define RUSTS_BLOOM_MIN_BITS		64
#define RUSTS_BLOOM_MAX_BITS		16384
#define RUSTS_BLOOM_MAX_ATTNO		1600	/* MaxHeapAttributeNumber */
#define RUSTS_BLOOM_COVERED_BYTES	(RUSTS_BLOOM_MAX_ATTNO / 8 + 1)

/* Bytes of a finished filter, at most. */
#define RUSTS_BLOOM_MAX_BYTES \
	(1 + RUSTS_BLOOM_COVERED_BYTES + RUSTS_BLOOM_MAX_BITS / 8)

typedef struct RustsBloomBuilder
{
	uint32		nset;			/* bits set in words */
	uint32		ncovered;		/* bytes in use of covered */
	uint8		covered[RUSTS_BLOOM_COVERED_BYTES];
	uint64		words[RUSTS_BLOOM_MAX_BITS / 64];
} RustsBloomBuilder;

/* An empty filter that covers no attribute. */
extern void rusts_bloom_begin(RustsBloomBuilder *builder);

/*
 * All values of this attribute are going to be added.  Of others the filter
 * says nothing.
 */
extern void rusts_bloom_cover(RustsBloomBuilder *builder, int attno);

/*
 * Add a value's hash; false says that the filter is too full to be of use,
 * and then there is no need to add more.
 */
extern bool rusts_bloom_add(RustsBloomBuilder *builder, uint64 hash);

/*
 * Write the filter to dst, which has room for RUSTS_BLOOM_MAX_BYTES; returns
 * its length, 0 if it is too full or covers nothing.  The builder is used up.
 */
extern uint32 rusts_bloom_finish(RustsBloomBuilder *builder, uint8 *dst);

/*
 * Can the attribute have the value with this hash?  False only if the batch
 * does not have it.  Any bytes will do: what is no filter, and an attribute
 * that is not covered, can have every value.
 */
extern bool rusts_bloom_may_contain(const uint8 *filter, uint32 len, int attno,
									uint64 hash);

/* Hashes of a value and of NULL; the bytes count, not what equals them. */
extern uint64 rusts_bloom_hash_tag(int attno, const void *data, uint32 len);
extern uint64 rusts_bloom_hash_null(int attno);

#endif							/* RUSTS_BLOOM_H */
