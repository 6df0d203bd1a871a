/*-------------------------------------------------------------------------
 *
 * gorilla.c
 *	  Doubles as differences of bit patterns by XOR.
 *
 * Neighbouring values share sign, exponent and the upper digits, and often
 * end in zeros: the XOR of their bit patterns has few bits between the first
 * and the last that is set.  The idea is from "Gorilla: A Fast, Scalable,
 * In-Memory Time Series Database", VLDB 2015.  For each value, the one before
 * the first being 0:
 *
 *		0			the same as the value before
 *		1 0			XOR bits of the last window
 *		1 1			6 bits leading zeros l, 6 bits length - 1 of a new window,
 *					XOR bits of it
 *
 * A window of length m after l leading zeros is bits 64 - l - m to 63 - l of
 * the XOR; a window must end at bit 0 or above.  Before any, it is the whole
 * word.  Bits and numbers are written lowest first, and the last byte is
 * filled with zeros.  Runs make no difference.
 *
 * src/codec/gorilla.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "codec/gorilla.h"
#include "codec/scratch.h"

/* A window may be this much wider than needed before a new one is worth it. */
#define WINDOW_WASTE	12

typedef struct BitWriter
{
	uint8	   *dst;
	uint64		word;
	unsigned	nbits;			/* below 8 between calls */
} BitWriter;

/* Write up to 56 bits. */
static inline void
put_bits(BitWriter *writer, uint64 bits, unsigned count)
{
	writer->word |= bits << writer->nbits;
	writer->nbits += count;
	rusts_put_u64(writer->dst, writer->word);
	writer->dst += writer->nbits / 8;
	writer->word >>= writer->nbits & ~7U;
	writer->nbits &= 7;
}

/* Returns the byte after the last. */
uint8 *
rusts_gorilla_encode(const uint64 *patterns, uint32 n, uint8 *dst)
{
	BitWriter	writer = {dst, 0, 0};
	uint64		previous = 0;
	unsigned	window_low = 0;
	unsigned	window_length = 64;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		xor = patterns[i] ^ previous;
		unsigned	low;
		unsigned	length;

		previous = patterns[i];
		if (xor == 0)
		{
			put_bits(&writer, 0, 1);
			continue;
		}
		low = __builtin_ctzll(xor);
		length = rusts_bit_length(xor) - low;
		if (low >= window_low &&
			low + length <= window_low + window_length &&
			window_length <= length + WINDOW_WASTE)
			put_bits(&writer, 1, 2);
		else
		{
			window_low = low;
			window_length = length;
			put_bits(&writer,
					 3 | (64 - low - length) << 2 | (length - 1) << 8, 14);
		}
		xor >>= window_low;
		put_bits(&writer, xor & rusts_bit_mask(Min(window_length, 32)),
				 Min(window_length, 32));
		if (window_length > 32)
			put_bits(&writer, xor >> 32, window_length - 32);
	}
	return writer.dst + (writer.nbits > 0);
}

/* Read up to 57 bits at *position. */
static inline uint64
get_bits(const uint8 *bytes, size_t *position, unsigned count)
{
	uint64		bits = rusts_get_u64(bytes + *position / 8) >>
	(*position % 8);

	*position += count;
	return bits & rusts_bit_mask(count);
}

/*
 * Decode n values.  Returns the byte after them, which must be the last, or
 * NULL if they are corrupt.
 *
 * n values take at most RUSTS_GORILLA_BOUND(n) bytes whatever they are: the
 * input is copied to where that much may be read.
 */
const uint8 *
rusts_gorilla_decode(const uint8 *src, const uint8 *end, uint32 n,
					 uint64 *patterns, RustsCodecScratch *scratch)
{
	uint8	   *bytes = scratch->float_trial;
	size_t		size = end - src;
	size_t		position = 0;
	uint64		previous = 0;
	unsigned	window_low = 0;
	unsigned	window_length = 64;
	uint32		i;

	if (size > RUSTS_GORILLA_BOUND(n))
		return NULL;
	memcpy(bytes, src, size);
	memset(bytes + size, 0, RUSTS_GORILLA_BOUND(n) - size);

	for (i = 0; i < n; i++)
	{
		uint64		control = get_bits(bytes, &position, 2);

		if ((control & 1) == 0)
			position--;
		else
		{
			uint64		xor;

			if (control == 3)
			{
				unsigned	leading = get_bits(bytes, &position, 6);

				window_length = get_bits(bytes, &position, 6) + 1;
				if (leading + window_length > 64)
					return NULL;
				window_low = 64 - leading - window_length;
			}
			xor = get_bits(bytes, &position, Min(window_length, 32));
			if (window_length > 32)
				xor |= get_bits(bytes, &position, window_length - 32) << 32;
			previous ^= xor << window_low;
		}
		patterns[i] = previous;
	}
	return (position + 7) / 8 == size ? end : NULL;
}
