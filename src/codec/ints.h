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
 * A stream's tag is transform << 3 | method; frozen on disk.
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
	RUSTS_METHOD_ZSTD = 7
} RustsMethod;

#define RUSTS_TAG(transform, method)	((transform) << 3 | (method))
#define RUSTS_TAG_TRANSFORM(tag)		((tag) >> 3)
#define RUSTS_TAG_METHOD(tag)			((tag) & 7)
#define RUSTS_NTAGS						(3 << 3)

/* A stream may hold streams: run lengths, the parts of a split. */
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
