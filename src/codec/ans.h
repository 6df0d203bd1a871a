/*-------------------------------------------------------------------------
 *
 * ans.h
 *	  Entropy coding of small alphabets by finite states.
 *
 * src/codec/ans.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ANS_H
#define RUSTS_ANS_H

#include "codec/block.h"

#define RUSTS_ANS_SYMBOLS	65	/* at most, in an alphabet */
#define RUSTS_ANS_MIN_BITS	5
#define RUSTS_ANS_MAX_BITS	10
#define RUSTS_ANS_STATES	(1 << RUSTS_ANS_MAX_BITS)
#define RUSTS_ANS_LANES		4
#define RUSTS_ANS_LANES_MIN 256 /* symbols; fewer are in a single lane */

/* Alphabets that are known by a number, from 1 on. */
#define RUSTS_ANS_NORMALS	25	/* bell-shaped, the narrowest first */
#define RUSTS_ANS_LAPLACES	28	/* falling from the middle, likewise */
#define RUSTS_ANS_NMODELS	(RUSTS_ANS_NORMALS + RUSTS_ANS_LAPLACES)

/* With the number: the last symbol is for values outside, which follow. */
#define RUSTS_ANS_ESCAPES	0x80

/* Room for the codes of a block, and for what a decoder may read after. */
#define RUSTS_ANS_CODE_BYTES \
	((RUSTS_BLOCK_ROWS + RUSTS_ANS_LANES) * RUSTS_ANS_MAX_BITS / 8 + 16)

/* How often each symbol occurs, of 2^bits. */
typedef struct RustsAnsAlphabet
{
	unsigned	bits;
	uint32		nsymbols;
	uint16		freq[RUSTS_ANS_SYMBOLS];
} RustsAnsAlphabet;

/* Working memory. */
typedef struct RustsAns
{
	uint32		table[RUSTS_ANS_STATES];
	uint16		states[RUSTS_ANS_STATES];
	uint16		values[RUSTS_BLOCK_ROWS];
	uint8		lengths[RUSTS_BLOCK_ROWS];
	uint8		codes[RUSTS_ANS_CODE_BYTES];
} RustsAns;

/*
 * The alphabet with a number, 1 .. RUSTS_ANS_NMODELS: an odd number of
 * symbols, the most frequent in the middle, and one more for all others.
 */
extern void rusts_ans_model(unsigned model, RustsAnsAlphabet *alphabet);

/* An alphabet as bytes: at most RUSTS_ANS_ALPHABET_BYTES. */
#define RUSTS_ANS_ALPHABET_BYTES	(2 + 33 + 82)

extern uint8 *rusts_ans_put_alphabet(const RustsAnsAlphabet *alphabet,
									 uint8 *dst);

/* Returns the byte after it, or NULL if it is corrupt. */
extern const uint8 *rusts_ans_get_alphabet(const uint8 *src,
										   const uint8 *end,
										   RustsAnsAlphabet *alphabet);

/*
 * Encode n >= 1 symbols that occur in the alphabet; returns the byte after
 * them.
 */
extern uint8 *rusts_ans_encode(const uint8 *symbols, uint32 n,
							   const RustsAnsAlphabet *alphabet, uint8 *dst,
							   RustsAns *work);

/*
 * Decode n >= 1 symbols from [src, end), to symbols[]; or, if sums is not
 * NULL, the sum of the symbols up to each, modulo 2^16, to sums[].  Returns
 * the byte after them, or NULL if they are corrupt.  model is the alphabet's
 * number, or 0.
 */
extern const uint8 *rusts_ans_decode(const uint8 *src, const uint8 *end,
									 unsigned model,
									 const RustsAnsAlphabet *alphabet,
									 uint32 n, uint8 *symbols, uint16 *sums,
									 RustsAns *work);

/*
 * Which state each symbol's occurrences have, in the order of the states:
 * sorted by symbol to sorted[]; or the symbol of each state to spread[].
 * Either may be NULL.
 */
extern void rusts_ans_spread(const RustsAnsAlphabet *alphabet, uint8 *spread,
							 uint16 *sorted);

#endif							/* RUSTS_ANS_H */
