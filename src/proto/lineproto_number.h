/*-------------------------------------------------------------------------
 *
 * lineproto_number.h
 *	  Numbers and booleans of line protocol.
 *
 *		float		-? digits* [. digits*] [(e|E) [+|-] digits+]
 *		integer		-? digits+ i
 *		unsigned	digits+ u
 *		boolean		t T true True TRUE f F false False FALSE
 *
 * with at least one digit in a float's digits.
 *
 * src/proto/lineproto_number.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINEPROTO_NUMBER_H
#define RUSTS_LINEPROTO_NUMBER_H

#include <float.h>

#include "base/bytes.h"
#include "proto/lineproto.h"

/* Is one division of doubles rounded once?  On an x87 it is rounded twice. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
#define RUSTS_LP_EXACT_DOUBLE
#endif

/*
 * Read a number that starts at p and set type and value of *field.  Returns
 * the first byte behind it, or NULL and the static text of the error.
 */
extern const char *rusts_lp_scan_number(const char *p, const char *end,
										RustsLpField *field,
										const char **error);

/* Likewise a boolean. */
extern const char *rusts_lp_scan_bool(const char *p, const char *end,
									  RustsLpField *field,
									  const char **error);

/* 10^n for n <= 19. */
extern const uint64 rusts_lp_power10[20];

/*
 * Eight bytes, taken as a little-endian word, that are each xor'ed with '0':
 * how many of the first ones are digits (0 .. 8)?
 *
 * A byte above 9 gets its top bit set.  The carry out of one above 0x89 spoils
 * only bytes behind it, and it is the first that counts.
 */
static inline uint32
rusts_lp_count_digits(uint64 word)
{
	uint64		other = ((word + UINT64CONST(0x7676767676767676)) | word) &
		UINT64CONST(0x8080808080808080);

	return other == 0 ? 8 : __builtin_ctzll(other) / 8;
}

/*
 * Value of the first n digits (1 .. 8) of such a word.  Digits are summed by
 * pairs, then pairs by fours, then both fours.
 */
static inline uint32
rusts_lp_digits_value(uint64 word, uint32 n)
{
	word <<= 64 - 8 * n;
	word = word * 10 + (word >> 8);
	return ((word & UINT64CONST(0x000000FF000000FF)) *
			UINT64CONST(0x000F424000000064) +
			((word >> 16) & UINT64CONST(0x000000FF000000FF)) *
			UINT64CONST(0x0000271000000001)) >> 32;
}

static inline uint64
rusts_lp_get_digits(const char *p)
{
	return rusts_get_u64(p) ^ UINT64CONST(0x3030303030303030);
}

#endif							/* RUSTS_LINEPROTO_NUMBER_H */
