/*-------------------------------------------------------------------------
 *
 * scratch.h
 *	  Working memory of the codecs, private to this directory.
 *
 * Nothing in it outlives a call, and nothing is read before it is written in
 * the same call, so it need not be initialised.
 *
 * src/codec/scratch.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_SCRATCH_H
#define RUSTS_CODEC_SCRATCH_H

#include "codec/ans.h"
#include "codec/block.h"
#include "codec/huffman.h"

/* Unpackers write whole groups of eight. */
#define RUSTS_SCRATCH_VALUES	(RUSTS_BLOCK_ROWS + 8)

/* Room for any encoding of one stream of integers. */
#define RUSTS_SCRATCH_BYTES		(RUSTS_BLOCK_ROWS * 8 * 2 + 1024)

/* A stream; the parts of a split or run lengths; starts and firsts. */
#define RUSTS_SCRATCH_LEVELS	3

typedef uint64 RustsScratchValues[RUSTS_SCRATCH_VALUES];

/* One level of streams inside streams. */
typedef struct RustsStreamScratch
{
	RustsScratchValues residuals[3];	/* by transform */
	RustsScratchValues starts;	/* first values of runs */
	RustsScratchValues firsts;	/* first differences of runs */
	uint8		trial[RUSTS_SCRATCH_BYTES]; /* an encoding that may not win */
} RustsStreamScratch;

struct RustsCodecScratch
{
	/* block.c: the rows that are not null, and where runs begin in them */
	RustsScratchValues dense;
	uint32		runs[RUSTS_BLOCK_ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];

	/* integers; a stream may hold streams, one level up */
	RustsStreamScratch levels[RUSTS_SCRATCH_LEVELS];
	RustsScratchValues parts[2];	/* run-length and split: nested streams */
	RustsScratchValues positions;	/* of exceptions */
	RustsScratchValues exceptions;
	uint8		symbols[RUSTS_BLOCK_ROWS + 64];
	uint16		sums[RUSTS_BLOCK_ROWS]; /* of symbols */
	uint8		bytes[RUSTS_BLOCK_ROWS * 8];	/* without LZ4 or Zstd */
	RustsHuffman huffman;
	RustsAns	ans;

	/* floats: integers that stand for them; those that no integer can */
	RustsScratchValues scaled;
	RustsScratchValues exception_positions;
	RustsScratchValues exception_patterns;
	uint8		float_trial[RUSTS_SCRATCH_BYTES];

	/* strings */
	uint16		buckets[2 * RUSTS_BLOCK_ROWS];
	uint16		distinct[RUSTS_BLOCK_ROWS];
	RustsScratchValues string_index;
	RustsScratchValues string_lengths;
	RustsBytes	strings[RUSTS_BLOCK_ROWS];	/* of rows that are not null */

	/* LZ4 and Zstd working memory follows, 8-byte aligned */
	uint64		compressor[FLEXIBLE_ARRAY_MEMBER];
};

#endif							/* RUSTS_CODEC_SCRATCH_H */
