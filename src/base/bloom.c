/*-------------------------------------------------------------------------
 *
 * bloom.c
 *	  Bloom filter of the tag values of a batch.
 *
 * A scan that asks for one value of a tag skips the batches whose filter
 * lacks it.  The filter says which attributes it speaks of, because a column
 * may be older or younger than its being a tag:
 *
 *		uint8		length of what follows, in bytes
 *		uint8[]		bit a is set: all values of attribute a are in the filter
 *		uint8[]		the filter: a power of two of bits, 64 to 16384
 *
 * Bit b of either is bit b % 8 (the lowest is 0) of byte b / 8.  A value sets
 * four bits, by double hashing (Kirsch and Mitzenmacher, "Less hashing, same
 * performance", 2006): bit (low + i * high) mod size for i from 0 to 3, where
 * low and high are the halves of its hash, and high is made odd so that the
 * four are different.
 *
 * The number of values is not known beforehand.  So the bits are set in a
 * filter of the largest size, which is then folded: as long as half the size
 * would leave it half full at most, the upper half is laid over the lower
 * one.  The size is a power of two, so that is what setting the bits modulo
 * half the size would have given.  It comes to 6 to 12 bits a value and 1 to
 * 6 % of false answers.
 *
 * The largest size has room for 2,800 values.  It is chosen so that the
 * filter always fits a row of the directory (a filter out of line would cost
 * more to fetch than many a batch does to open); a batch of more values
 * probably holds most of its measurement's series, and a filter of it would
 * exclude little.
 *
 * The hash is MurmurHash64A (Austin Appleby, public domain), its words read
 * as little-endian.  It is on disk and must never change; doc/format.md.
 *
 * src/base/bloom.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bitmap.h"
#include "base/bloom.h"
#include "base/bytes.h"

#define PROBES			4

/* Added to the seed for NULL: above any attribute number. */
#define NULL_SEED		0x10000

static inline uint32
probe(uint64 hash, int i)
{
	return (uint32) hash + i * ((uint32) (hash >> 32) | 1);
}

void
rusts_bloom_begin(RustsBloomBuilder *builder)
{
	memset(builder, 0, sizeof(*builder));
}

void
rusts_bloom_cover(RustsBloomBuilder *builder, int attno)
{
	if (attno < 0 || attno > RUSTS_BLOOM_MAX_ATTNO)
		return;
	builder->covered[attno / 8] |= 1 << (attno % 8);
	builder->ncovered = Max(builder->ncovered, attno / 8 + 1);
}

bool
rusts_bloom_add(RustsBloomBuilder *builder, uint64 hash)
{
	int			i;

	for (i = 0; i < PROBES; i++)
	{
		uint32		bit = probe(hash, i) % RUSTS_BLOOM_MAX_BITS;

		builder->nset += !rusts_bitmap_test(builder->words, bit);
		rusts_bitmap_set(builder->words, bit);
	}
	return builder->nset <= RUSTS_BLOOM_MAX_BITS / 2;
}

uint32
rusts_bloom_finish(RustsBloomBuilder *builder, uint8 *dst)
{
	uint64	   *words = builder->words;
	uint32		nbits = RUSTS_BLOOM_MAX_BITS;
	uint32		nset = builder->nset;	/* at least as many as are set */
	uint8	   *p = dst;
	uint32		i;

	if (nset > RUSTS_BLOOM_MAX_BITS / 2 || builder->ncovered == 0)
		return 0;
	while (nbits > RUSTS_BLOOM_MIN_BITS)
	{
		uint32		half = nbits / 128;

		/* Folding sets no bits, so counting may be unnecessary. */
		if (nset > nbits / 4)
		{
			nset = 0;
			for (i = 0; i < half; i++)
				nset += __builtin_popcountll(words[i] | words[i + half]);
			if (nset > nbits / 4)
				break;
		}
		for (i = 0; i < half; i++)
			words[i] |= words[i + half];
		nbits /= 2;
	}

	*p++ = builder->ncovered;
	memcpy(p, builder->covered, builder->ncovered);
	p += builder->ncovered;
	for (i = 0; i < nbits / 64; i++)
	{
		rusts_put_u64(p, words[i]);
		p += sizeof(uint64);
	}
	return p - dst;
}

bool
rusts_bloom_may_contain(const uint8 *filter, uint32 len, int attno,
						uint64 hash)
{
	uint32		ncovered;
	uint32		nbits;
	int			i;

	if (len == 0)
		return true;
	ncovered = *filter++;
	len--;
	if (len <= ncovered || attno < 0 || attno / 8 >= ncovered ||
		!((filter[attno / 8] >> (attno % 8)) & 1))
		return true;
	filter += ncovered;
	len -= ncovered;
	if (len > RUSTS_BLOOM_MAX_BITS / 8)
		return true;
	nbits = len * 8;
	if (nbits < RUSTS_BLOOM_MIN_BITS || (nbits & (nbits - 1)) != 0)
		return true;

	for (i = 0; i < PROBES; i++)
	{
		uint32		bit = probe(hash, i) % nbits;

		if (!((filter[bit / 8] >> (bit % 8)) & 1))
			return false;
	}
	return true;
}

/* MurmurHash64A. */
static uint64
hash_bytes(const uint8 *data, uint32 len, uint64 seed)
{
	const uint64 m = UINT64CONST(0xc6a4a7935bd1e995);
	const int	r = 47;
	uint64		h = seed ^ (len * m);
	uint64		k;

	for (; len >= sizeof(uint64); len -= sizeof(uint64))
	{
		k = rusts_get_u64(data);
		k *= m;
		k ^= k >> r;
		k *= m;
		h ^= k;
		h *= m;
		data += sizeof(uint64);
	}
	if (len > 0)
	{
		for (k = 0; len > 0; len--)
			k = k << 8 | data[len - 1];
		h ^= k;
		h *= m;
	}
	h ^= h >> r;
	h *= m;
	h ^= h >> r;
	return h;
}

uint64
rusts_bloom_hash_tag(int attno, const void *data, uint32 len)
{
	return hash_bytes(data, len, (uint16) attno);
}

uint64
rusts_bloom_hash_null(int attno)
{
	return hash_bytes(NULL, 0, NULL_SEED + (uint16) attno);
}
