/*-------------------------------------------------------------------------
 *
 * huffman.h
 *	  Huffman coding of small alphabets.
 *
 * src/codec/huffman.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_HUFFMAN_H
#define RUSTS_HUFFMAN_H

#include "codec/block.h"

#define RUSTS_HUFFMAN_SYMBOLS	65	/* at most, in an alphabet */
#define RUSTS_HUFFMAN_BITS		10	/* at most, in a code */
#define RUSTS_HUFFMAN_LANES		4
#define RUSTS_HUFFMAN_LANES_MIN	256 /* symbols; fewer are in a single lane */

/* Room for the lanes of a block, and for what one lane may read after them. */
#define RUSTS_HUFFMAN_LANE_BYTES \
	(RUSTS_BLOCK_ROWS * RUSTS_HUFFMAN_BITS / 8 + 16)
#define RUSTS_HUFFMAN_OVERREAD \
	(RUSTS_BLOCK_ROWS / RUSTS_HUFFMAN_LANES * RUSTS_HUFFMAN_BITS / 8 + 24)

/* Working memory. */
typedef struct RustsHuffman
{
	uint16		table[1 << RUSTS_HUFFMAN_BITS];
	uint8		lanes[RUSTS_HUFFMAN_LANE_BYTES + RUSTS_HUFFMAN_OVERREAD];
} RustsHuffman;

extern uint32 rusts_huffman_lengths(const uint32 *counts, uint32 nsymbols,
									uint8 *lengths);
extern uint8 *rusts_huffman_encode(const uint8 *symbols, uint32 n,
								   const uint8 *lengths, uint32 nsymbols,
								   uint8 *dst);
extern const uint8 *rusts_huffman_decode(const uint8 *src, const uint8 *end,
										 const uint8 *lengths,
										 uint32 nsymbols, uint32 n,
										 uint8 *symbols, uint16 *sums,
										 RustsHuffman *work);

#endif							/* RUSTS_HUFFMAN_H */
