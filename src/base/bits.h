/*-------------------------------------------------------------------------
 *
 * bits.h
 *	  Counting, masking and mixing bits of a word.
 *
 * src/base/bits.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BITS_H
#define RUSTS_BITS_H

#include "c.h"

/* Bits needed to write v: 0 for 0, 1 for 1, 2 for 2 and 3, ... 64. */
static inline unsigned
rusts_bit_length(uint64 v)
{
	return v == 0 ? 0 : 64 - __builtin_clzll(v);
}

/* The lowest width bits set; width may be 0 to 64. */
static inline uint64
rusts_bit_mask(unsigned width)
{
	return width == 0 ? 0 : ~UINT64CONST(0) >> (64 - width);
}

/* The finalizer of MurmurHash3 (Austin Appleby): all bits depend on all. */
static inline uint64
rusts_mix_bits(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

#endif							/* RUSTS_BITS_H */
