/*-------------------------------------------------------------------------
 *
 * decimal.h
 *	  Doubles that are decimal numbers, as scaled integers.
 *
 * src/codec/decimal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DECIMAL_H
#define RUSTS_DECIMAL_H

#include "codec/block.h"

/* Powers of ten up to this are doubles without rounding. */
#define RUSTS_DECIMAL_MAX_DIGITS	22

extern int	rusts_decimal_choose(const uint64 *patterns, uint32 n);
extern uint32 rusts_decimal_scale(const uint64 *patterns, uint32 n,
								  int digits, uint64 *scaled,
								  uint64 *positions);
extern void rusts_decimal_unscale(const uint64 *values, uint32 n, int digits,
								  uint64 *patterns);

#endif							/* RUSTS_DECIMAL_H */
