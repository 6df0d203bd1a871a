/*-------------------------------------------------------------------------
 *
 * varint.h
 *	  Variable-length unsigned integers, and zigzag for signed ones.
 *
 * Seven bits a byte, the lowest first; bit 7 says that another byte follows.
 * A uint64 takes 1 to 10 bytes.  Zigzag maps 0, -1, 1, -2, ... to 0, 1, 2,
 * 3, ..., on the two's complement representation, so every value has one.
 *
 * src/base/varint.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_VARINT_H
#define RUSTS_VARINT_H

#include "c.h"

#define RUSTS_VARINT_MAX	10	/* bytes, at most */

static inline uint64
rusts_zigzag(uint64 v)
{
	return (v << 1) ^ (0 - (v >> 63));
}

static inline uint64
rusts_unzigzag(uint64 z)
{
	return (z >> 1) ^ (0 - (z & 1));
}

/* Bytes rusts_put_varint will write. */
static inline size_t
rusts_varint_size(uint64 v)
{
	size_t		size = 1;

	while (v >= 0x80)
	{
		v >>= 7;
		size++;
	}
	return size;
}

/* Write v at p; returns the byte after it. */
static inline uint8 *
rusts_put_varint(uint8 *p, uint64 v)
{
	while (v >= 0x80)
	{
		*p++ = (uint8) (v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8) v;
	return p;
}

/*
 * Read a varint from [p, end) into *v.  Returns the byte after it, or NULL
 * if the bytes end too early or the number does not fit 64 bits.
 */
static inline const uint8 *
rusts_get_varint(const uint8 *p, const uint8 *end, uint64 *v)
{
	uint64		result = 0;
	int			shift;

	for (shift = 0; shift < 64 && p < end; shift += 7)
	{
		uint8		byte = *p++;

		if (shift == 63 && byte > 1)
			return NULL;
		result |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
		{
			*v = result;
			return p;
		}
	}
	return NULL;
}

#endif							/* RUSTS_VARINT_H */
