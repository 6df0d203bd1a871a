/*-------------------------------------------------------------------------
 *
 * bitmap.h
 *	  Bitmaps over row numbers: arrays of uint64, bit i in word i / 64.
 *
 * src/base/bitmap.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BITMAP_H
#define RUSTS_BITMAP_H

#include "c.h"

#define RUSTS_BITMAP_WORDS(nbits)	(((size_t) (nbits) + 63) / 64)

static inline bool
rusts_bitmap_test(const uint64 *map, size_t i)
{
	return (map[i / 64] >> (i % 64)) & 1;
}

static inline void
rusts_bitmap_set(uint64 *map, size_t i)
{
	map[i / 64] |= UINT64CONST(1) << (i % 64);
}

static inline void
rusts_bitmap_clear(uint64 *map, size_t i)
{
	map[i / 64] &= ~(UINT64CONST(1) << (i % 64));
}

/* Number of bits set among the first nbits. */
static inline uint32
rusts_bitmap_count(const uint64 *map, size_t nbits)
{
	uint32		count = 0;
	size_t		word;

	for (word = 0; word < nbits / 64; word++)
		count += __builtin_popcountll(map[word]);
	if (nbits % 64 != 0)
		count += __builtin_popcountll(map[word] &
									  ((UINT64CONST(1) << (nbits % 64)) - 1));
	return count;
}

#endif							/* RUSTS_BITMAP_H */
