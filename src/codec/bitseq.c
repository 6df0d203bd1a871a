/*-------------------------------------------------------------------------
 *
 * bitseq.c
 *	  Sequences of bits: as they are, or as lengths of runs.
 *
 * bitmap		u8[]	bit i is bit i % 8 of byte i / 8; the last byte is
 *						filled with zero bits
 *
 * runs			varint[]	length of a run of zeros (may be 0), of ones, of
 *							zeros, ... until all bits are there; none but the
 *							first is 0
 *
 * src/codec/bitseq.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/varint.h"
#include "codec/bitseq.h"

/* Length of the run of equal bits that begins at bit i, which is value. */
static uint32
run_length(const uint64 *bits, uint32 n, uint32 i, bool value)
{
	uint32		begin = i;

	while (i < n)
	{
		uint64		word = bits[i / 64] ^ (value ? ~UINT64CONST(0) : 0);

		word >>= i % 64;
		if (word != 0)
		{
			i += __builtin_ctzll(word);
			break;
		}
		i += 64 - i % 64;
	}
	return Min(i, n) - begin;
}

/* Would lengths of runs take less than the bitmap? */
bool
rusts_bitseq_prefers_runs(const uint64 *bits, uint32 n)
{
	size_t		limit = RUSTS_BITSEQ_BYTES(n);
	size_t		size = 0;
	bool		value = false;
	uint32		i;
	uint32		length;

	for (i = 0; i < n && size < limit; i += length)
	{
		length = run_length(bits, n, i, value);
		size += rusts_varint_size(length);
		value = !value;
	}
	return size < limit;
}

/* Both return the byte after what they wrote. */
uint8 *
rusts_bitseq_put_bitmap(const uint64 *bits, uint32 n, uint8 *dst)
{
	uint32		i;

	for (i = 0; i + 64 <= n; i += 64)
	{
		rusts_put_u64(dst, bits[i / 64]);
		dst += 8;
	}
	for (; i < n; i += 8)
	{
		uint64		byte = bits[i / 64] >> (i % 64);

		*dst++ = (uint8) (byte & rusts_bit_mask(Min(n - i, 8)));
	}
	return dst;
}

uint8 *
rusts_bitseq_put_runs(const uint64 *bits, uint32 n, uint8 *dst)
{
	bool		value = false;
	uint32		i;
	uint32		length;

	for (i = 0; i < n; i += length)
	{
		length = run_length(bits, n, i, value);
		dst = rusts_put_varint(dst, length);
		value = !value;
	}
	return dst;
}

/*
 * Read n bits to bits[0 .. RUSTS_BITMAP_WORDS(n) - 1], clear after the last.
 * Return the byte after them, or NULL if they are corrupt.
 */
const uint8 *
rusts_bitseq_get_bitmap(const uint8 *src, const uint8 *end, uint32 n,
						uint64 *bits)
{
	uint32		i;

	if ((size_t) (end - src) < RUSTS_BITSEQ_BYTES(n))
		return NULL;
	if (n % 8 != 0 && src[n / 8] >> (n % 8) != 0)
		return NULL;
	for (i = 0; i + 64 <= n; i += 64)
	{
		bits[i / 64] = rusts_get_u64(src);
		src += 8;
	}
	if (i < n)
		bits[i / 64] = 0;
	for (; i < n; i += 8)
		bits[i / 64] |= (uint64) *src++ << (i % 64);
	return src;
}

const uint8 *
rusts_bitseq_get_runs(const uint8 *src, const uint8 *end, uint32 n,
					  uint64 *bits)
{
	bool		value = false;
	uint32		i = 0;

	memset(bits, 0, RUSTS_BITMAP_WORDS(n) * sizeof(uint64));
	while (i < n)
	{
		uint64		length;

		src = rusts_get_varint(src, end, &length);
		if (src == NULL || length > n - i || (length == 0 && (i > 0 || value)))
			return NULL;
		while (value && length > 0)
		{
			uint32		count = Min((uint32) length, 64 - i % 64);

			bits[i / 64] |= rusts_bit_mask(count) << (i % 64);
			i += count;
			length -= count;
		}
		i += (uint32) length;
		value = !value;
	}
	return src;
}
