/*-------------------------------------------------------------------------
 *
 * floats.h
 *	  Encode and decode the values of a float block.
 *
 * src/codec/floats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FLOATS_H
#define RUSTS_FLOATS_H

#include "codec/gorilla.h"
#include "codec/ids.h"
#include "codec/ints.h"

/*
 * Bytes rusts_floats_encode may touch.  Integers for decimals come with
 * exceptions: their positions and patterns.
 */
#define RUSTS_FLOATS_BOUND(n) \
	Max(RUSTS_GORILLA_BOUND(n), 2 * RUSTS_INTS_BOUND(n) + 2 * (n) + 32)

/* Values are passed as the bit patterns of doubles. */
extern uint8 *rusts_floats_encode(const uint64 *patterns, uint32 n,
								  const RustsRuns *runs, RustsEffort effort,
								  RustsCodec *codec, uint8 *dst,
								  RustsCodecScratch *scratch);
extern const uint8 *rusts_floats_decode(const uint8 *src, const uint8 *end,
										RustsCodec codec, uint32 n,
										const RustsRuns *runs,
										uint64 *patterns,
										RustsCodecScratch *scratch);

#endif							/* RUSTS_FLOATS_H */
