/*-------------------------------------------------------------------------
 *
 * huffman_decode.c
 *	  Decode what huffman.c encodes; see there what it is.
 *
 * One lookup in a table by the next bits gives a symbol and the length of its
 * code.  A block has a thousand symbols, so building the table must not take
 * long either.
 *
 * src/codec/huffman_decode.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/varint.h"
#include "codec/huffman.h"

/*
 * A table entry: the symbol in the upper byte, the length of its code in the
 * lower, where shifts and 8-bit subtractions find it without a mask.
 */
#define ENTRY(symbol, len)	((uint16) ((symbol) << 8 | (len)))

/* The table is copied so many entries at a time. */
#define TABLE_CHUNK		8

/*
 * Sort the symbols that have codes by length, and among those of a length by
 * number, to sorted[]; nlength[] counts the codes of each length.  Returns the
 * longest length, or 0 if the code is not complete.
 */
static unsigned
sort_codes(const uint8 *lengths, uint32 nsymbols, uint32 *nlength,
		   uint8 *sorted)
{
	uint32		next[RUSTS_HUFFMAN_BITS + 1];
	uint32		space = 0;		/* that codes take of 2^RUSTS_HUFFMAN_BITS */
	uint32		total = 0;
	unsigned	longest = 0;
	unsigned	len;
	uint32		i;

	memset(nlength, 0, (RUSTS_HUFFMAN_BITS + 1) * sizeof(uint32));
	for (i = 0; i < nsymbols; i++)
	{
		if (lengths[i] > RUSTS_HUFFMAN_BITS)
			return 0;
		nlength[lengths[i]]++;
	}
	for (len = 1; len <= RUSTS_HUFFMAN_BITS; len++)
	{
		next[len] = total;
		total += nlength[len];
		space += nlength[len] << (RUSTS_HUFFMAN_BITS - len);
		longest = nlength[len] > 0 ? len : longest;
	}
	next[0] = total;			/* those without a code, behind */
	if (space != 1 << RUSTS_HUFFMAN_BITS)
		return 0;
	for (i = 0; i < nsymbols; i++)
		sorted[next[lengths[i]]++] = (uint8) i;
	return longest;
}

/*
 * Table of symbol and length by the next bits; returns how many bits, or 0 if
 * the code is not complete.
 *
 * Codes are read lowest bit first, so an entry for a shorter code is repeated
 * at distances of a power of two: the table begins with the shortest codes,
 * and is doubled from one length to the next.  Codes are counted up from the
 * highest bit down, which is their lowest.  (After libdeflate.)
 */
static unsigned
build_table(const uint8 *lengths, uint32 nsymbols, uint16 *table)
{
	uint8		sorted[RUSTS_HUFFMAN_SYMBOLS];
	const uint8 *next_symbol = sorted;
	uint32		nlength[RUSTS_HUFFMAN_BITS + 1];
	unsigned	longest = sort_codes(lengths, nsymbols, nlength, sorted);
	uint32		size = 1;
	uint32		code = 0;
	unsigned	len;
	uint32		i;

	for (len = 1; len <= longest; len++)
	{
		for (i = 0; i < size; i += TABLE_CHUNK)
		{
			uint16		chunk[TABLE_CHUNK]; /* may overlap its copy */

			memcpy(chunk, &table[i], sizeof(chunk));
			memcpy(&table[size + i], chunk, sizeof(chunk));
		}
		size *= 2;
		for (i = 0; i < nlength[len]; i++)
		{
			uint32		zeros = code ^ (size - 1);
			uint32		bit;

			table[code] = ENTRY(*next_symbol++, len);
			bit = (uint32) 1 << (31 - __builtin_clz(zeros | 1));
			code = (code & (bit - 1)) | bit;
		}
	}
	return longest;
}

/*
 * A lane being read.  Decoding waits for one thing, the lookup of the symbol
 * before: next bits, entry, shift.  Nothing else may be in the loop's way, and
 * all of it, but for the pointers, should stay in registers.
 *
 * The next bits are the low ones of word.  The low six bits of nbits count
 * those that are valid; what is above them means nothing.
 */
typedef struct Lane
{
	const uint8 *next;
	uint64		word;
	uint64		nbits;
} Lane;

/* At least 56 valid bits afterwards. */
#define REFILL(lane) \
	do { \
		(lane).word |= rusts_get_u64((lane).next) << ((lane).nbits & 63); \
		(lane).next += ((lane).nbits >> 3 & 7) ^ 7; \
		(lane).nbits |= 56; \
	} while (0)

/*
 * The empty assembler statement keeps gcc from subtracting the lengths of all
 * entries at the end, for which it would store them away.
 */
#define TAKE(lane, symbol) \
	do { \
		uint64		entry = table[(lane).word & mask]; \
		\
		(lane).word >>= entry & 63; \
		(lane).nbits -= entry; \
		__asm__("" : "+r"((lane).nbits)); \
		(symbol) = (uint8) (entry >> 8); \
	} while (0)

/* A symbol, or with sums all up to it, goes to its place. */
#define PUT(lane, j) \
	do { \
		uint8		symbol; \
		\
		TAKE(lane, symbol); \
		if (sums != NULL) \
			sums[j] = sum += symbol; \
		else \
			symbols[j] = symbol; \
	} while (0)

static inline __attribute__ ((always_inline))
void
decode_one_lane(Lane *lane, const uint16 *table, uint64 mask, uint32 n,
				uint8 *symbols, uint16 *sums)
{
	uint16		sum = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		REFILL(*lane);
		PUT(*lane, i);
	}
}

static inline __attribute__ ((always_inline))
void
decode_four_lanes(Lane *lanes, const uint16 *table, uint64 mask, uint32 n,
				  uint8 *symbols, uint16 *sums)
{
	Lane		a = lanes[0];
	Lane		b = lanes[1];
	Lane		c = lanes[2];
	Lane		d = lanes[3];
	uint16		sum = 0;
	uint32		i;

#define PUT_FOUR(j) \
	do { \
		PUT(a, (j)); \
		PUT(b, (j) + 1); \
		PUT(c, (j) + 2); \
		PUT(d, (j) + 3); \
	} while (0)
	for (i = 0; i + 20 <= n; i += 20)
	{
		REFILL(a);
		REFILL(b);
		REFILL(c);
		REFILL(d);
		PUT_FOUR(0);
		PUT_FOUR(4);
		PUT_FOUR(8);
		PUT_FOUR(12);
		PUT_FOUR(16);
		if (sums != NULL)
			sums += 20;
		else
			symbols += 20;
	}
#undef PUT_FOUR
	lanes[0] = a;
	lanes[1] = b;
	lanes[2] = c;
	lanes[3] = d;
	for (n -= i, i = 0; i < n; i++)
	{
		REFILL(lanes[i % 4]);
		PUT(lanes[i % 4], i);
	}
}

/* Each way of its own, so that the loops do not ask which it is. */
static void
decode_symbols(Lane *lanes, const uint16 *table, uint64 mask, uint32 n,
			   uint8 *symbols)
{
	if (n < RUSTS_HUFFMAN_LANES_MIN)
		decode_one_lane(lanes, table, mask, n, symbols, NULL);
	else
		decode_four_lanes(lanes, table, mask, n, symbols, NULL);
}

static void
decode_sums(Lane *lanes, const uint16 *table, uint64 mask, uint32 n,
			uint16 *sums)
{
	if (n < RUSTS_HUFFMAN_LANES_MIN)
		decode_one_lane(lanes, table, mask, n, NULL, sums);
	else
		decode_four_lanes(lanes, table, mask, n, NULL, sums);
}

/*
 * Decode n symbols, all below nsymbols, from [src, end), to symbols[]; or, if
 * sums is not NULL, the sum of the symbols up to each, modulo 2^16, to sums[].
 * Returns the byte after the code, or NULL if it is corrupt.
 *
 * The sums come for nothing: the CPU adds while it waits for lookups.
 *
 * n symbols take at most n * RUSTS_HUFFMAN_BITS bits whatever they are, so
 * the lanes are copied to where that much may be read after the beginning of
 * any of them, and the loops need no checks.
 */
const uint8 *
rusts_huffman_decode(const uint8 *src, const uint8 *end,
					 const uint8 *lengths, uint32 nsymbols, uint32 n,
					 uint8 *symbols, uint16 *sums, RustsHuffman *work)
{
	uint32		nlanes = n < RUSTS_HUFFMAN_LANES_MIN ? 1 : RUSTS_HUFFMAN_LANES;
	unsigned	longest = build_table(lengths, nsymbols, work->table);
	uint64		mask = ((uint64) 1 << longest) - 1;
	Lane		lanes[RUSTS_HUFFMAN_LANES];
	uint64		sizes[RUSTS_HUFFMAN_LANES];
	uint64		size = 0;		/* of a lane; wraps if corrupt */
	uint64		total = 0;
	const uint8 *start;
	uint32		i;

	Assert(n <= RUSTS_BLOCK_ROWS);
	if (longest == 0)
		return NULL;
	for (i = 0; i < nlanes; i++)
	{
		uint64		difference;

		src = rusts_get_varint(src, end, &difference);
		if (src == NULL)
			return NULL;
		size += rusts_unzigzag(difference);
		if (size > RUSTS_HUFFMAN_LANE_BYTES - total)
			return NULL;
		lanes[i].next = work->lanes + total;
		lanes[i].word = 0;
		lanes[i].nbits = 0;
		sizes[i] = size;
		total += size;
	}
	if (total > (size_t) (end - src))
		return NULL;
	memcpy(work->lanes, src, total);
	if (size < RUSTS_HUFFMAN_OVERREAD)
		memset(work->lanes + total, 0, RUSTS_HUFFMAN_OVERREAD - size);

	if (sums != NULL)
		decode_sums(lanes, work->table, mask, n, sums);
	else
		decode_symbols(lanes, work->table, mask, n, symbols);

	/* Each lane must have been used up, to the byte. */
	start = work->lanes;
	for (i = 0; i < nlanes; i++)
	{
		uint64		nbits = (lanes[i].next - start) * 8;

		nbits -= lanes[i].nbits & 63;
		if ((nbits + 7) / 8 != sizes[i])
			return NULL;
		start += sizes[i];
	}
	return src + total;
}
