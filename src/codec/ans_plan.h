/*-------------------------------------------------------------------------
 *
 * ans_plan.h
 *	  How to encode what a transform leaves of a stream of integers by finite
 *	  states.
 *
 * src/codec/ans_plan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ANS_PLAN_H
#define RUSTS_ANS_PLAN_H

#include "codec/ans.h"
#include "codec/residuals.h"

typedef struct RustsAnsPlan
{
	size_t		size;			/* bytes, about */
	uint64		base;			/* subtracted from every value */
	unsigned	width;			/* low bits that are packed */
	unsigned	model;			/* the alphabet's number, or 0 */
	bool		escapes;		/* the last symbol is for values outside */
	RustsAnsAlphabet alphabet;
} RustsAnsPlan;

/*
 * Plan the encoding of n values, given the best plan without; false if there
 * is nothing to try.
 */
extern bool rusts_ans_plan(const uint64 *values, uint32 n,
						   const RustsPlan *other, RustsAnsPlan *plan);

/* Encode n values as planned; returns the byte after. */
extern uint8 *rusts_ans_encode_values(const uint64 *values, uint32 n,
									  const RustsAnsPlan *plan, uint8 *dst,
									  RustsCodecScratch *scratch);

#endif							/* RUSTS_ANS_PLAN_H */
