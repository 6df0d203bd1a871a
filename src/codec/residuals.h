/*-------------------------------------------------------------------------
 *
 * residuals.h
 *	  What a transform leaves of a stream of integers: constant, bit-packed,
 *	  patched or Huffman-coded.
 *
 * src/codec/residuals.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RESIDUALS_H
#define RUSTS_RESIDUALS_H

#include "codec/huffman.h"
#include "codec/ints.h"

/* Huffman: symbols of the window, and one more for what lies outside. */
#define RUSTS_WINDOW_SYMBOLS	(RUSTS_HUFFMAN_SYMBOLS - 1)

/* How to encode a stream, and what it will take. */
typedef struct RustsPlan
{
	RustsMethod method;
	size_t		size;			/* bytes, at most */
	uint64		base;			/* subtracted from every value */
	unsigned	width;			/* bits packed */
	uint32		nexceptions;	/* outside the window (patch, Huffman) */
	unsigned	exception_width;
	uint32		nsymbols;		/* Huffman: in the window */
	uint8		lengths[RUSTS_HUFFMAN_SYMBOLS];
} RustsPlan;

/* How residuals come out of the decoder. */
typedef enum RustsResidualsForm
{
	RUSTS_RESIDUALS_VALUES,		/* they are in values[] */
	RUSTS_RESIDUALS_CONSTANT,	/* all are base; values[] is not written */
	RUSTS_RESIDUALS_SUMS		/* base and more: the sum of what is more up
								 * to each is in scratch->sums[], and less
								 * than 2^16; likewise */
} RustsResidualsForm;

typedef struct RustsResiduals
{
	RustsResidualsForm form;
	uint64		base;
} RustsResiduals;

extern void rusts_residuals_plan(const uint64 *values, uint32 n,
								 RustsEffort effort, RustsPlan *plan);
extern uint8 *rusts_residuals_encode(const uint64 *values, uint32 n,
									 const RustsPlan *plan, uint8 *dst,
									 RustsCodecScratch *scratch);
extern const uint8 *rusts_residuals_decode(const uint8 *src,
										   const uint8 *end,
										   RustsMethod method, uint32 n,
										   uint64 *values,
										   RustsResiduals *residuals,
										   RustsCodecScratch *scratch);
extern void rusts_residuals_expand(const RustsResiduals *residuals, uint32 n,
								   uint64 *values,
								   RustsCodecScratch *scratch);

#endif							/* RUSTS_RESIDUALS_H */
