/*-------------------------------------------------------------------------
 *
 * bitseq.h
 *	  Sequences of bits: as they are, or as lengths of runs.
 *
 * src/codec/bitseq.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BITSEQ_H
#define RUSTS_BITSEQ_H

#include "codec/block.h"

/* Bytes of a bitmap of n bits; runs are used only if they take less. */
#define RUSTS_BITSEQ_BYTES(n)	(((size_t) (n) + 7) / 8)

extern bool rusts_bitseq_prefers_runs(const uint64 *bits, uint32 n);
extern uint8 *rusts_bitseq_put_bitmap(const uint64 *bits, uint32 n,
									  uint8 *dst);
extern uint8 *rusts_bitseq_put_runs(const uint64 *bits, uint32 n, uint8 *dst);
extern const uint8 *rusts_bitseq_get_bitmap(const uint8 *src,
											const uint8 *end, uint32 n,
											uint64 *bits);
extern const uint8 *rusts_bitseq_get_runs(const uint8 *src,
										  const uint8 *end, uint32 n,
										  uint64 *bits);

#endif							/* RUSTS_BITSEQ_H */
