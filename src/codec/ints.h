/*-------------------------------------------------------------------------
 *
 * ints.h
 *	  Streams of 64-bit integers: a transform, and a method for what it
 *	  leaves.
 *
 * src/codec/ints.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_INTS_H
#define RUSTS_INTS_H

#include "codec/block.h"

/*
 * A stream's tag is transform << 3 | method for methods below 8,
 * 24 + transform for the dictionary, 27 + transform for ANS; frozen on disk.
 */
typedef enum RustsTransform
{
	RUSTS_TRANSFORM_NONE = 0,
	RUSTS_TRANSFORM_DELTA = 1,	/* differences within runs */
	RUSTS_TRANSFORM_DELTA2 = 2	/* differences of differences */
} RustsTransform;

typedef enum RustsMethod
{
	RUSTS_METHOD_CONSTANT = 0,
	RUSTS_METHOD_PACK = 1,
	RUSTS_METHOD_PATCH = 2,
	RUSTS_METHOD_HUFFMAN = 3,
	RUSTS_METHOD_RUNS = 4,
	RUSTS_METHOD_SPLIT = 5,
	RUSTS_METHOD_LZ4 = 6,
	RUSTS_METHOD_ZSTD = 7,
	RUSTS_METHOD_DICTIONARY = 8,
	RUSTS_METHOD_ANS = 9
} RustsMethod;

#define RUSTS_TAG_DICTIONARY	24
#define RUSTS_TAG_ANS			27
#define RUSTS_NTAGS				(RUSTS_TAG_ANS + 3)

static inline unsigned
rusts_make_tag(RustsTransform transform, RustsMethod method)
{
	if (method == RUSTS_METHOD_ANS)
		return RUSTS_TAG_ANS + transform;
	if (method == RUSTS_METHOD_DICTIONARY)
		return RUSTS_TAG_DICTIONARY + transform;
	return (unsigned) transform << 3 | method;
}

static inline RustsTransform
rusts_tag_transform(unsigned tag)
{
	return tag >= RUSTS_TAG_ANS ? tag - RUSTS_TAG_ANS :
		tag >= RUSTS_TAG_DICTIONARY ? tag - RUSTS_TAG_DICTIONARY : tag >> 3;
}

static inline RustsMethod
rusts_tag_method(unsigned tag)
{
	return tag >= RUSTS_TAG_ANS ? RUSTS_METHOD_ANS :
		tag >= RUSTS_TAG_DICTIONARY ? RUSTS_METHOD_DICTIONARY : tag & 7;
}

/* A stream may hold streams: run lengths, parts of a split, a dictionary. */
#define RUSTS_STREAM_DEPTH		1

/* Bytes rusts_ints_encode may touch for n values. */
#define RUSTS_INTS_BOUND(n)		((size_t) (n) * 8 + 128)

/* Where runs begin among the values of a stream: starts[0] is 0. */
typedef struct RustsRuns
{
	const uint32 *starts;
	uint32		nruns;
} RustsRuns;

extern const RustsRuns rusts_single_run;

extern uint8 *rusts_ints_encode(const uint64 *values, uint32 n,
								const RustsRuns *runs, RustsEffort effort,
								unsigned *tag, uint8 *dst,
								RustsCodecScratch *scratch);
extern uint8 *rusts_ints_encode_tagged(const uint64 *values, uint32 n,
									   const RustsRuns *runs,
									   RustsEffort effort, uint8 *dst,
									   RustsCodecScratch *scratch);

/* Both return the byte after the stream, or NULL if it is corrupt. */
extern const uint8 *rusts_ints_decode(const uint8 *src, const uint8 *end,
									  unsigned tag, uint32 n,
									  const RustsRuns *runs, uint64 *values,
									  RustsCodecScratch *scratch);
extern const uint8 *rusts_ints_decode_tagged(const uint8 *src,
											 const uint8 *end, uint32 n,
											 const RustsRuns *runs,
											 uint64 *values,
											 RustsCodecScratch *scratch);

#endif							/* RUSTS_INTS_H */
