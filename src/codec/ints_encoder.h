/*-------------------------------------------------------------------------
 *
 * ints_encoder.h
 *	  An encoder of a stream of integers at work; private to ints_encode.c
 *	  and ints_trials.c.
 *
 * src/codec/ints_encoder.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_INTS_ENCODER_H
#define RUSTS_INTS_ENCODER_H

#include "codec/ints.h"
#include "codec/residuals.h"
#include "codec/scratch.h"

#define RUSTS_NTRANSFORMS	3

/* Up to this many values are looked at one by one. */
#define RUSTS_SMALL_STREAM	32
#define RUSTS_SAMPLE_SIZE	64

/* What a transform makes of a stream. */
typedef struct RustsCandidate
{
	RustsTransform transform;
	const uint64 *residuals;
	uint32		nresiduals;
	uint32		nfirsts;
	RustsPlan	plan;
	size_t		size;			/* with starts and firsts */
} RustsCandidate;

/*
 * What a look at some of the values says of each transform; without one, all
 * are equal.
 */
typedef struct RustsSample
{
	double		bits[RUSTS_NTRANSFORMS];	/* a residual takes */
	bool		runs[RUSTS_NTRANSFORMS];	/* may residuals come in runs? */
} RustsSample;

typedef struct RustsEncoder
{
	const uint64 *values;
	uint32		n;
	const RustsRuns *runs;
	RustsEffort effort;
	int			level;			/* of streams inside streams */
	RustsCodecScratch *scratch;
	RustsStreamScratch *mine;	/* of this level */
} RustsEncoder;

extern uint8 *rusts_ints_encode_nested(const RustsEncoder *enc,
									   const uint64 *values, uint32 n,
									   const RustsRuns *runs, int level,
									   uint8 *dst);
extern uint8 *rusts_ints_encode_starts(const RustsEncoder *enc,
									   const uint64 *starts, uint32 n,
									   uint8 *dst);
extern uint8 *rusts_ints_encode_bases(const RustsEncoder *enc,
									  const RustsCandidate *candidate,
									  uint8 *dst);
extern uint8 *rusts_ints_try_others(const RustsEncoder *enc,
									const RustsSample *sample,
									const RustsCandidate *best,
									unsigned *tag, uint8 *dst, uint8 *end);

#endif							/* RUSTS_INTS_ENCODER_H */
