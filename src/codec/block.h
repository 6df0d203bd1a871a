/*-------------------------------------------------------------------------
 *
 * block.h
 *	  One column of one block: choose a codec, encode, decode.
 *
 * A block is at most RUSTS_BLOCK_ROWS consecutive rows of a segment.  The
 * rows are sorted by (series, time), so a block is one or more runs, each of
 * one series; the codecs difference within runs and restart at each.
 *
 * Nothing here allocates, throws or needs a server.
 *
 * src/codec/block.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_BLOCK_H
#define RUSTS_CODEC_BLOCK_H

#include "base/bitmap.h"
#include "base/bytes.h"

#define RUSTS_BLOCK_ROWS	1024	/* at most, in any block */

typedef enum RustsCodecResult
{
	RUSTS_CODEC_OK = 0,
	RUSTS_CODEC_CORRUPT
} RustsCodecResult;

/* What a column's values are; frozen on disk. */
typedef enum RustsKind
{
	RUSTS_KIND_INT = 1,			/* int64; other pass-by-value types */
	RUSTS_KIND_FLOAT = 2,		/* double, bit-exact */
	RUSTS_KIND_BOOL = 3,		/* one byte each, 0 or 1 */
	RUSTS_KIND_BYTES = 4		/* byte strings */
} RustsKind;

/* How hard to try; a decoder does not need to know. */
typedef enum RustsEffort
{
	RUSTS_EFFORT_HOT,			/* bit-packing, LZ4 over what still shrinks */
	RUSTS_EFFORT_COLD			/* entropy coding, Zstd */
} RustsEffort;

/*
 * Input of the encoder.  Exactly one of the value arrays is set, as kind
 * says, with nrows entries; entries of null rows may hold anything.
 */
typedef struct RustsBlockInput
{
	RustsKind	kind;
	uint32		nrows;			/* 1 .. RUSTS_BLOCK_ROWS */
	const uint64 *nulls;		/* bit set = row is null; NULL = no nulls */
	uint32		nruns;			/* >= 1 */
	const uint32 *runs;			/* first row of each run, ascending; runs[0]
								 * is 0 */
	const int64 *ints;
	const double *floats;
	const uint8 *bools;
	const RustsBytes *bytes;	/* data is not NULL if the row is not null */
} RustsBlockInput;

/* Working memory of encoder and decoder, reusable; the caller allocates it. */
typedef struct RustsCodecScratch RustsCodecScratch;

extern size_t rusts_codec_scratch_size(void);

/*
 * The most bytes rusts_block_encode can write for this input.
 */
extern size_t rusts_block_encode_bound(const RustsBlockInput *in);

/*
 * Encode one column of one block to dst, which has room for
 * rusts_block_encode_bound(in) bytes.  Returns the bytes written (>= 1).
 */
extern size_t rusts_block_encode(const RustsBlockInput *in, RustsEffort effort,
								 uint8 *dst, RustsCodecScratch *scratch);

/*
 * Decoders.  src is untrusted: any byte string gives either nrows values or
 * RUSTS_CODEC_CORRUPT, never an access outside the buffers.  nrows and runs
 * come from the caller and are the same as at encoding (if they are not, the
 * values are wrong, but still no access outside the buffers happens).
 *
 * nulls has room for RUSTS_BITMAP_WORDS(nrows) words and is written whole;
 * *nnulls is the number of bits set.  Value entries of null rows are 0.
 */
extern RustsCodecResult rusts_block_decode_ints(const uint8 *src,
												size_t srclen,
												uint32 nrows, uint32 nruns,
												const uint32 *runs,
												int64 *values, uint64 *nulls,
												uint32 *nnulls,
												RustsCodecScratch *scratch);
extern RustsCodecResult rusts_block_decode_floats(const uint8 *src,
												  size_t srclen,
												  uint32 nrows, uint32 nruns,
												  const uint32 *runs,
												  double *values,
												  uint64 *nulls,
												  uint32 *nnulls,
												  RustsCodecScratch *scratch);
extern RustsCodecResult rusts_block_decode_bools(const uint8 *src,
												 size_t srclen,
												 uint32 nrows, uint32 nruns,
												 const uint32 *runs,
												 uint8 *values, uint64 *nulls,
												 uint32 *nnulls,
												 RustsCodecScratch *scratch);

/*
 * Byte strings are decoded into an arena of the caller's.  The distinct
 * strings of the block (dictionary entries, or every value) lie in it one
 * after the other, each preceded by RUSTS_ARENA_HEADER spare bytes and
 * starting, header included, at a multiple of 8 from the arena's beginning,
 * so that a server can write a varlena header in front of each in place.
 * The arena must be 8-byte aligned.
 *
 * rusts_block_bytes_arena tells how large the arena must be (and how many
 * distinct strings there are) without decoding; a corrupt size above
 * max_arena is RUSTS_CODEC_CORRUPT.  rusts_block_decode_bytes fills
 * distinct[0 .. ndistinct - 1] (pointers into the arena, past the spare
 * header) and index[row], the row's entry in distinct[] (0 for null rows;
 * ndistinct may be 0 if all rows are null).
 */
#define RUSTS_ARENA_HEADER	4

extern RustsCodecResult rusts_block_bytes_arena(const uint8 *src,
												size_t srclen, uint32 nrows,
												uint64 max_arena,
												uint64 *arena_size,
												uint32 *ndistinct);
extern RustsCodecResult rusts_block_decode_bytes(const uint8 *src,
												 size_t srclen, uint32 nrows,
												 char *arena,
												 uint64 arena_size,
												 RustsBytes *distinct,
												 uint32 ndistinct,
												 uint32 *index, uint64 *nulls,
												 uint32 *nnulls,
												 RustsCodecScratch *scratch);

#endif							/* RUSTS_CODEC_BLOCK_H */
