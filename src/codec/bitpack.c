/*-------------------------------------------------------------------------
 *
 * bitpack.c
 *	  Integers of a fixed number of bits, one after the other.
 *
 * Value i occupies bits i * width to (i + 1) * width - 1 of the byte string,
 * bit b being bit b % 8 (the lowest is 0) of byte b / 8.  The last byte is
 * filled with zero bits.  The layout has no padding beyond that, so that
 * blocks of a few rows stay small.
 *
 * Eight values take exactly width bytes.  The loops go by such groups: with
 * the width a constant, every byte offset and shift inside a group is one
 * too, so a value costs a load, a shift, a mask and a store.  Narrow values
 * are unpacked four at a time, the shifts being those of a vector.
 *
 * src/codec/bitpack.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/kernels.h"
#include "codec/bitpack.h"

/* A value of up to this many bits lies within 8 bytes, wherever it starts. */
#define ONE_LOAD_BITS	57

/* Four values of up to this many bits do, beginning at a half byte. */
#define FOUR_LOAD_BITS	15

/* Four numbers, in whatever registers the machine has. */
typedef uint64 Four __attribute__ ((vector_size(32)));

typedef void (*PackGroups) (const uint64 *values, size_t ngroups,
							uint64 base, uint8 *dst);
typedef void (*UnpackGroups) (const uint8 *src, size_t ngroups, uint64 base,
							  uint64 *values);

static inline __attribute__ ((always_inline))
void
unpack_groups(const uint8 *restrict src, size_t ngroups, uint64 base,
			  uint64 *restrict values, unsigned width)
{
	uint64		mask = rusts_bit_mask(width);
	size_t		group;

	for (group = 0; group < ngroups; group++)
	{
#define UNPACK(j) \
		values[j] = base + \
			((rusts_get_u64(src + (j) * width / 8) >> \
			  ((j) * width % 8)) & mask)
		UNPACK(0);
		UNPACK(1);
		UNPACK(2);
		UNPACK(3);
		UNPACK(4);
		UNPACK(5);
		UNPACK(6);
		UNPACK(7);
#undef UNPACK
		src += width;
		values += 8;
	}
}

/*
 * A word is complete when the value that crosses its end arrives: with the
 * width constant the conditions are too, and only shifts and stores remain.
 * Writes up to 7 bytes after the group.
 */
static inline __attribute__ ((always_inline))
void
pack_groups(const uint64 *restrict values, size_t ngroups, uint64 base,
			uint8 *restrict dst, unsigned width)
{
	uint64		mask = rusts_bit_mask(width);
	size_t		group;

	for (group = 0; group < ngroups; group++)
	{
		uint64		word = 0;
		uint64		v;

#define PACK(j) \
		do { \
			v = (values[j] - base) & mask; \
			word |= v << ((j) * width % 64); \
			if (((j) + 1) * width / 64 != (j) * width / 64) \
			{ \
				rusts_put_u64(dst + (j) * width / 64 * 8, word); \
				word = ((j) + 1) * width % 64 == 0 ? 0 : \
					v >> ((64 - (j) * width % 64) & 63); \
			} \
		} while (0)
		PACK(0);
		PACK(1);
		PACK(2);
		PACK(3);
		PACK(4);
		PACK(5);
		PACK(6);
		PACK(7);
#undef PACK
		if (width % 8 != 0)
			rusts_put_u64(dst + width / 8 * 8, word);
		dst += width;
		values += 8;
	}
}

#define DEFINE_UNPACK(w) \
	static void \
	unpack_##w(const uint8 *src, size_t ngroups, uint64 base, uint64 *values) \
	{ \
		unpack_groups(src, ngroups, base, values, w); \
	}

#define DEFINE_PACK(w) \
	static void \
	pack_##w(const uint64 *values, size_t ngroups, uint64 base, uint8 *dst) \
	{ \
		pack_groups(values, ngroups, base, dst, w); \
	}

/* Up to FOUR_LOAD_BITS, and to ONE_LOAD_BITS. */
#define NARROW_WIDTHS(F) \
	F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) \
	F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define OTHER_WIDTHS(F) \
	F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23) F(24) \
	F(25) F(26) F(27) F(28) F(29) F(30) F(31) F(32) \
	F(33) F(34) F(35) F(36) F(37) F(38) F(39) F(40) \
	F(41) F(42) F(43) F(44) F(45) F(46) F(47) F(48) \
	F(49) F(50) F(51) F(52) F(53) F(54) F(55) F(56) \
	F(57)

OTHER_WIDTHS(DEFINE_UNPACK)
NARROW_WIDTHS(DEFINE_PACK)
OTHER_WIDTHS(DEFINE_PACK)

#define UNPACK_ENTRY(w)	[w] = unpack_##w,
#define PACK_ENTRY(w)	[w] = pack_##w,

static const UnpackGroups unpackers[ONE_LOAD_BITS + 1] = {
	OTHER_WIDTHS(UNPACK_ENTRY)
};
static const PackGroups packers[ONE_LOAD_BITS + 1] = {
	NARROW_WIDTHS(PACK_ENTRY)
	OTHER_WIDTHS(PACK_ENTRY)
};

/* Groups of values of up to FOUR_LOAD_BITS. */
RUSTS_KERNEL static void
unpack_narrow(const uint8 *src, size_t ngroups, unsigned width, uint64 base,
			  uint64 *values)
{
	uint64		mask = rusts_bit_mask(width);
	Four		shifts = {0, width, 2 * width, 3 * width};
	Four		shifts2 = shifts + 4 * width % 8;
	const uint8 *src2 = src + 4 * width / 8;
	size_t		group;

	for (group = 0; group < ngroups; group++)
	{
		uint64		word = rusts_get_u64(src);
		uint64		word2 = rusts_get_u64(src2);
		Four		first = {word, word, word, word};
		Four		second = {word2, word2, word2, word2};

		first = (first >> shifts & mask) + base;
		second = (second >> shifts2 & mask) + base;
		memcpy(values, &first, sizeof(first));
		memcpy(values + 4, &second, sizeof(second));
		src += width;
		src2 += width;
		values += 8;
	}
}

static void
unpack_any(const uint8 *src, size_t ngroups, unsigned width, uint64 base,
		   uint64 *values)
{
	if (width <= FOUR_LOAD_BITS)
		unpack_narrow(src, ngroups, width, base, values);
	else
		unpackers[width] (src, ngroups, base, values);
}

/* Above ONE_LOAD_BITS: rare, so one plain loop each. */
static uint8 *
pack_wide(const uint64 *values, uint32 n, unsigned width, uint64 base,
		  uint8 *dst)
{
	uint64		mask = rusts_bit_mask(width);
	uint64		word = 0;
	unsigned	nbits = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		v = (values[i] - base) & mask;

		word |= v << nbits;
		nbits += width;
		if (nbits >= 64)
		{
			rusts_put_u64(dst, word);
			dst += 8;
			nbits -= 64;
			word = nbits == 0 ? 0 : v >> (width - nbits);
		}
	}
	for (; nbits > 0; nbits -= Min(nbits, 8))
	{
		*dst++ = (uint8) word;
		word >>= 8;
	}
	return dst;
}

static void
unpack_wide(const uint8 *src, uint32 n, unsigned width, uint64 base,
			uint64 *values)
{
	uint64		mask = rusts_bit_mask(width);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		size_t		bit = (size_t) i * width;
		unsigned	shift = bit % 8;
		uint64		v = rusts_get_u64(src + bit / 8) >> shift;

		if (shift + width > 64)
			v |= (uint64) src[bit / 8 + 8] << (64 - shift);
		values[i] = base + (v & mask);
	}
}

/*
 * Write the low width bits of values[i] - base for each of n values to dst;
 * returns the byte after the last.  Up to RUSTS_BITPACK_SLACK bytes after
 * that may be overwritten too.
 */
uint8 *
rusts_bitpack(const uint64 *values, uint32 n, unsigned width, uint64 base,
			  uint8 *dst)
{
	size_t		ngroups = n / 8;
	uint64		mask = rusts_bit_mask(width);
	uint64		rest[8];
	uint8		group[64 + RUSTS_BITPACK_SLACK];
	size_t		size;
	uint32		i;

	if (width == 0)
		return dst;
	if (width > ONE_LOAD_BITS)
		return pack_wide(values, n, width, base, dst);

	packers[width] (values, ngroups, base, dst);
	dst += ngroups * width;
	if (n % 8 == 0)
		return dst;

	for (i = 0; i < 8; i++)
		rest[i] = i < n % 8 ? (values[ngroups * 8 + i] - base) & mask : 0;
	packers[width] (rest, 1, 0, group);
	size = rusts_bitpack_size(n % 8, width);
	memcpy(dst, group, size);
	return dst + size;
}

/*
 * Unpack n values of width bits each, and add base to each.  src must have
 * rusts_bitpack_size(n, width) bytes; srclen says how many may be read at
 * least, and knowing of more makes it a little faster.
 */
void
rusts_bitunpack(const uint8 *src, size_t srclen, uint32 n, unsigned width,
				uint64 base, uint64 *values)
{
	size_t		size = rusts_bitpack_size(n, width);
	size_t		ngroups = n / 8;
	size_t		nsafe = 0;
	uint8		tail[256];
	uint64		rest[8];
	uint32		i;

	Assert(srclen >= size);
	if (width == 0)
	{
		for (i = 0; i < n; i++)
			values[i] = base;
		return;
	}
	if (width > ONE_LOAD_BITS)
	{
		unpack_wide(src, n, width, base, values);
		return;
	}

	/* A group reads up to 15 bytes after its own. */
	if (srclen >= width + 15)
		nsafe = Min(ngroups, (srclen - 15) / width);
	unpack_any(src, nsafe, width, base, values);
	if (nsafe * 8 == n)
		return;

	src += nsafe * width;
	size -= nsafe * width;
	Assert(size + 16 <= sizeof(tail));
	memcpy(tail, src, size);
	memset(tail + size, 0, 16);
	unpack_any(tail, ngroups - nsafe, width, base, values + nsafe * 8);
	if (n % 8 == 0)
		return;

	memset(tail + size, 0, sizeof(tail) - size);
	unpack_any(tail + (ngroups - nsafe) * width, 1, width, base, rest);
	memcpy(values + ngroups * 8, rest, n % 8 * sizeof(uint64));
}
