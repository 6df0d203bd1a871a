/*-------------------------------------------------------------------------
 *
 * bitpack.h
 *	  Integers of a fixed number of bits, one after the other.
 *
 * src/codec/bitpack.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BITPACK_H
#define RUSTS_BITPACK_H

#include "base/bytes.h"

/* rusts_bitpack may touch this many bytes after its result. */
#define RUSTS_BITPACK_SLACK		8

/* Bytes that n values of width bits take. */
static inline size_t
rusts_bitpack_size(size_t n, unsigned width)
{
	return (n * width + 7) / 8;
}

extern uint8 *rusts_bitpack(const uint64 *values, uint32 n, unsigned width,
							uint64 base, uint8 *dst);
extern void rusts_bitunpack(const uint8 *src, size_t srclen, uint32 n,
							unsigned width, uint64 base, uint64 *values);

#endif							/* RUSTS_BITPACK_H */
