/*-------------------------------------------------------------------------
 *
 * strings.h
 *	  Encode and decode the values of a block of byte strings.
 *
 * src/codec/strings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_STRINGS_H
#define RUSTS_STRINGS_H

#include "codec/ids.h"
#include "codec/ints.h"

/*
 * Bytes rusts_strings_encode may touch for n strings of total bytes: what it
 * compresses and two results lie side by side for a moment.
 */
#define RUSTS_STRINGS_BOUND(n, total) \
	(3 * (size_t) (total) + 2 * RUSTS_INTS_BOUND(n) + 64)

extern uint8 *rusts_strings_encode(const RustsBytes *strings, uint32 n,
								   RustsEffort effort, RustsCodec *codec,
								   uint8 *dst, RustsCodecScratch *scratch);
extern bool rusts_strings_arena(const uint8 *src, const uint8 *end,
								RustsCodec codec, uint32 n,
								uint64 *arena_size, uint32 *ndistinct);
extern bool rusts_strings_decode(const uint8 *src, const uint8 *end,
								 RustsCodec codec, uint32 n, char *arena,
								 uint64 arena_size, RustsBytes *distinct,
								 uint32 ndistinct, uint32 *index,
								 RustsCodecScratch *scratch);

#endif							/* RUSTS_STRINGS_H */
