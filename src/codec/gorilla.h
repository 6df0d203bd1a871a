/*-------------------------------------------------------------------------
 *
 * gorilla.h
 *	  Doubles as differences of bit patterns by XOR.
 *
 * src/codec/gorilla.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_GORILLA_H
#define RUSTS_GORILLA_H

#include "codec/block.h"

/* Bytes for n values, at most, and slack for writing by the word. */
#define RUSTS_GORILLA_BOUND(n)	(((size_t) (n) * 78 + 7) / 8 + 24)

extern uint8 *rusts_gorilla_encode(const uint64 *patterns, uint32 n,
								   uint8 *dst);
extern const uint8 *rusts_gorilla_decode(const uint8 *src, const uint8 *end,
										 uint32 n, uint64 *patterns,
										 RustsCodecScratch *scratch);

#endif							/* RUSTS_GORILLA_H */
