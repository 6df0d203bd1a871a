/*-------------------------------------------------------------------------
 *
 * bits.h
 *	  Counting and masking bits of a word.
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

#endif							/* RUSTS_BITS_H */
