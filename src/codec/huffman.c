/*-------------------------------------------------------------------------
 *
 * huffman.c
 *	  Huffman coding of small alphabets; decoding is in huffman_decode.c.
 *
 * The differences of a sampled quantity crowd around zero: bit-packing them
 * pays the width of the largest for every one, a Huffman code pays each its
 * share.  Codes are canonical and at most 10 bits long, so that one lookup in
 * a small table decodes a symbol; the caller stores the code lengths.
 *
 * Decoding is a chain of lookups, each waiting for the length of the code
 * before.  From RUSTS_HUFFMAN_LANES_MIN symbols on there are therefore four
 * lanes, symbol i being in lane i % 4, whose chains the CPU works at side by
 * side:
 *
 *		varint[]	bytes of each lane, less those of the lane before it,
 *					zigzag; one or four entries
 *		bytes		the lanes, one after the other
 *
 * A lane is a string of bits, the first being bit 0 of its first byte; the
 * last byte is filled with zeros.  A code of l bits is written most
 * significant bit first.  Codes are given out by length, and by symbol within
 * a length, counting up from zero (as in RFC 1951, 3.2.2).
 *
 * src/codec/huffman.c
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

/* A code: its bits above, its length below. */
#define CODE(bits, len)		((uint16) ((bits) << 4 | (len)))

typedef struct Node
{
	uint32		count;
	uint16		left;			/* children, or 0 for a leaf */
	uint16		right;
} Node;

/* Sort symbols with a count by it, rarest first; returns how many. */
static uint32
sort_symbols(const uint32 *counts, uint32 nsymbols, uint8 *order)
{
	uint32		nused = 0;
	uint32		i;

	for (i = 0; i < nsymbols; i++)
	{
		uint32		j = nused;

		if (counts[i] == 0)
			continue;
		for (; j > 0 && counts[order[j - 1]] > counts[i]; j--)
			order[j] = order[j - 1];
		order[j] = (uint8) i;
		nused++;
	}
	return nused;
}

/*
 * Count the leaves at each depth of the Huffman tree.  With the leaves sorted
 * the inner nodes come out sorted as well: two queues, no heap.
 */
static void
count_depths(const uint32 *counts, const uint8 *order, uint32 nused,
			 uint32 *ndepth)
{
	uint32		weight[RUSTS_HUFFMAN_SYMBOLS];
	uint8		parent_leaf[RUSTS_HUFFMAN_SYMBOLS];
	uint8		parent_node[RUSTS_HUFFMAN_SYMBOLS];
	uint8		depth[RUSTS_HUFFMAN_SYMBOLS];
	uint32		leaf = 0;
	uint32		node = 0;
	uint32		next;
	int			i;

	for (next = 0; next < nused - 1; next++)
	{
		int			child;

		weight[next] = 0;
		for (child = 0; child < 2; child++)
		{
			if (leaf < nused &&
				(node == next || counts[order[leaf]] <= weight[node]))
			{
				weight[next] += counts[order[leaf]];
				parent_leaf[leaf++] = (uint8) next;
			}
			else
			{
				weight[next] += weight[node];
				parent_node[node++] = (uint8) next;
			}
		}
	}

	depth[nused - 2] = 0;
	for (i = (int) nused - 3; i >= 0; i--)
		depth[i] = depth[parent_node[i]] + 1;
	for (i = 0; i < (int) nused; i++)
		ndepth[depth[parent_leaf[i]] + 1]++;
}

/*
 * Choose code lengths for symbols with the given counts: 0 for those that do
 * not occur.  Returns the bits all symbols take, or 0 if fewer than two occur
 * (there is nothing to code then).
 */
uint32
rusts_huffman_lengths(const uint32 *counts, uint32 nsymbols, uint8 *lengths)
{
	uint8		order[RUSTS_HUFFMAN_SYMBOLS];
	uint32		ndepth[RUSTS_HUFFMAN_SYMBOLS + 1] = {0};
	uint32		excess = 0;
	uint32		nbits = 0;
	uint32		nused;
	uint32		i;
	unsigned	len;

	Assert(nsymbols <= RUSTS_HUFFMAN_SYMBOLS);
	memset(lengths, 0, nsymbols);
	nused = sort_symbols(counts, nsymbols, order);
	if (nused < 2)
		return 0;
	count_depths(counts, order, nused, ndepth);

	/*
	 * Bring codes that are too long up to the limit, then make room for them
	 * by pushing down leaves above it, two at a time, so that the code stays
	 * complete (the way zlib does it).
	 */
	for (len = RUSTS_HUFFMAN_BITS + 1; len <= RUSTS_HUFFMAN_SYMBOLS; len++)
		excess += ndepth[len];
	ndepth[RUSTS_HUFFMAN_BITS] += excess;
	if (excess > 0)
	{
		uint32		used = 0;	/* of the code space, 2^limit being all */

		for (len = 1; len <= RUSTS_HUFFMAN_BITS; len++)
			used += ndepth[len] << (RUSTS_HUFFMAN_BITS - len);
		while (used > 1 << RUSTS_HUFFMAN_BITS)
		{
			for (len = RUSTS_HUFFMAN_BITS - 1; ndepth[len] == 0; len--)
				;
			ndepth[len]--;
			ndepth[len + 1] += 2;
			ndepth[RUSTS_HUFFMAN_BITS]--;
			used--;
		}
	}

	/* The rarest symbols get the longest codes. */
	len = RUSTS_HUFFMAN_BITS;
	for (i = 0; i < nused; i++)
	{
		while (ndepth[len] == 0)
			len--;
		ndepth[len]--;
		lengths[order[i]] = (uint8) len;
		nbits += len * counts[order[i]];
	}
	return nbits;
}

/*
 * First code of each length.  Returns the longest length, or 0 if the lengths
 * do not make a complete code.
 */
static unsigned
first_codes(const uint8 *lengths, uint32 nsymbols, uint32 *next_code)
{
	uint32		nlength[RUSTS_HUFFMAN_BITS + 1] = {0};
	uint32		code = 0;
	unsigned	longest = 0;
	unsigned	len;
	uint32		i;

	for (i = 0; i < nsymbols; i++)
	{
		if (lengths[i] > RUSTS_HUFFMAN_BITS)
			return 0;
		nlength[lengths[i]]++;
		longest = Max(longest, lengths[i]);
	}
	nlength[0] = 0;
	for (len = 1; len <= longest; len++)
	{
		code = (code + nlength[len - 1]) << 1;
		next_code[len] = code;
	}
	if (longest == 0 ||
		next_code[longest] + nlength[longest] != (uint32) 1 << longest)
		return 0;
	return longest;
}

/* The low len bits of code, first to last. */
static inline uint32
reverse_bits(uint32 code, unsigned len)
{
	uint32		result = 0;

	for (; len > 0; len--)
	{
		result = result << 1 | (code & 1);
		code >>= 1;
	}
	return result;
}

/*
 * One lane: every step-th symbol.  Five codes and what is left of a byte fit
 * a word, so no branch asks whether it is full.  Returns the byte after.
 */
static uint8 *
encode_lane(const uint8 *symbols, uint32 n, uint32 step, const uint16 *codes,
			uint8 *dst)
{
	uint64		word = 0;
	unsigned	nbits = 0;
	uint32		i;

#define PUT(j) \
	do { \
		uint16		entry = codes[symbols[i + (j) * step]]; \
		word |= (uint64) (entry >> 4) << nbits; \
		nbits += entry & 15; \
	} while (0)
#define FLUSH() \
	do { \
		rusts_put_u64(dst, word); \
		dst += nbits / 8; \
		word >>= nbits & ~7U; \
		nbits &= 7; \
	} while (0)
	for (i = 0; i + 4 * step < n; i += 5 * step)
	{
		PUT(0);
		PUT(1);
		PUT(2);
		PUT(3);
		PUT(4);
		FLUSH();
	}
	for (; i < n; i += step)
	{
		PUT(0);
		FLUSH();
	}
#undef PUT
#undef FLUSH
	return dst + (nbits > 0);
}

/*
 * Code n symbols to dst; returns the byte after the last.  lengths are those
 * rusts_huffman_lengths chose.  Up to 8 bytes more may be written.
 */
uint8 *
rusts_huffman_encode(const uint8 *symbols, uint32 n, const uint8 *lengths,
					 uint32 nsymbols, uint8 *dst)
{
	uint16		codes[RUSTS_HUFFMAN_SYMBOLS];
	uint32		next_code[RUSTS_HUFFMAN_BITS + 1];
	uint32		nlanes = n < RUSTS_HUFFMAN_LANES_MIN ? 1 : RUSTS_HUFFMAN_LANES;
	uint8		lanes[RUSTS_HUFFMAN_LANE_BYTES];
	uint8	   *lane = lanes;
	uint64		previous = 0;
	uint32		i;

	first_codes(lengths, nsymbols, next_code);
	for (i = 0; i < nsymbols; i++)
	{
		unsigned	len = lengths[i];

		codes[i] = len == 0 ? 0 :
			CODE(reverse_bits(next_code[len]++, len), len);
	}

	for (i = 0; i < nlanes; i++)
	{
		uint8	   *end = encode_lane(symbols + i, n - i, nlanes, codes, lane);
		uint64		size = end - lane;

		dst = rusts_put_varint(dst, rusts_zigzag(size - previous));
		previous = size;
		lane = end;
	}
	memcpy(dst, lanes, lane - lanes);
	return dst + (lane - lanes);
}
