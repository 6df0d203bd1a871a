/*-------------------------------------------------------------------------
 *
 * ans_decode.c
 *	  Decode what ans.c encodes.
 *
 * src/codec/ans_decode.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/kernels.h"
#include "codec/ans.h"

/*
 * A state: the least of the next ones in the upper half, how many bits to add
 * to it, and the symbol.
 */
#define ENTRY(next, nbits, symbol) \
	((uint32) (next) << 16 | (uint32) (nbits) << 8 | (symbol))

static void
build_table(const RustsAnsAlphabet *alphabet, uint32 *table)
{
	uint32		nstates = (uint32) 1 << alphabet->bits;
	uint8		spread[RUSTS_ANS_STATES];
	uint32		seen[RUSTS_ANS_SYMBOLS];
	uint32		i;

	rusts_ans_spread(alphabet, spread, NULL);
	for (i = 0; i < alphabet->nsymbols; i++)
		seen[i] = alphabet->freq[i];
	for (i = 0; i < nstates; i++)
	{
		uint32		k = seen[spread[i]]++;
		unsigned	nbits = alphabet->bits + 1 - rusts_bit_length(k);

		table[i] = ENTRY((k << nbits) - nstates, nbits, spread[i]);
	}
}

/*
 * The tables of numbered alphabets are made once in a process, when they are
 * needed: they are constants too large to write down.
 */
static const uint32 *
model_table(unsigned model, const RustsAnsAlphabet *alphabet)
{
	static uint32 tables[RUSTS_ANS_NMODELS][RUSTS_ANS_STATES];
	static bool made[RUSTS_ANS_NMODELS];

	if (!made[model - 1])
	{
		build_table(alphabet, tables[model - 1]);
		made[model - 1] = true;
	}
	return tables[model - 1];
}

/* The bits that come next, of which 57 are valid. */
#define REFILL()	(rusts_get_u64(codes + (at >> 3)) >> (at & 7))

#define PUT(state, j) \
	do { \
		uint32		entry = table[state]; \
		unsigned	nbits = entry >> 8 & 0xFF; \
		\
		(state) = (entry >> 16) + \
			(uint32) (word & (((uint64) 1 << nbits) - 1)); \
		word >>= nbits; \
		at += nbits; \
		if (sums != NULL) \
			sums[j] = sum += (uint8) entry; \
		else \
			symbols[j] = (uint8) entry; \
	} while (0)

/*
 * Decode n symbols from the bit at on; returns the bit after them, or 0 if
 * the states do not end where the encoder's began.
 */
static inline __attribute__ ((always_inline))
uint32
decode_lanes(const uint8 *codes, uint32 at, const uint32 *table,
			 uint32 *states, uint32 nlanes, uint32 n, uint8 *symbols,
			 uint16 *sums)
{
	uint16		sum = 0;
	uint32		i = 0;

	if (nlanes == RUSTS_ANS_LANES)
	{
		uint32		a = states[0];
		uint32		b = states[1];
		uint32		c = states[2];
		uint32		d = states[3];

		for (; i + 4 <= n; i += 4)
		{
			uint64		word = REFILL();

			PUT(a, i);
			PUT(b, i + 1);
			PUT(c, i + 2);
			PUT(d, i + 3);
		}
		states[0] = a;
		states[1] = b;
		states[2] = c;
		states[3] = d;
	}
	for (; i < n; i++)
	{
		uint64		word = REFILL();

		PUT(states[i % nlanes], i);
	}
	return (states[0] | states[1] | states[2] | states[3]) == 0 ? at : 0;
}

RUSTS_KERNEL static uint32
decode_symbols(const uint8 *codes, uint32 at, const uint32 *table,
			   uint32 *states, uint32 nlanes, uint32 n, uint8 *symbols)
{
	return decode_lanes(codes, at, table, states, nlanes, n, symbols, NULL);
}

RUSTS_KERNEL static uint32
decode_sums(const uint8 *codes, uint32 at, const uint32 *table,
			uint32 *states, uint32 nlanes, uint32 n, uint16 *sums)
{
	return decode_lanes(codes, at, table, states, nlanes, n, NULL, sums);
}

/*
 * n symbols take at most n * RUSTS_ANS_MAX_BITS bits whatever they are, so
 * they are copied to where that much may be read, and the loops need no
 * checks.
 */
const uint8 *
rusts_ans_decode(const uint8 *src, const uint8 *end, unsigned model,
				 const RustsAnsAlphabet *alphabet, uint32 n, uint8 *symbols,
				 uint16 *sums, RustsAns *work)
{
	uint32		nlanes = n < RUSTS_ANS_LANES_MIN ? 1 : RUSTS_ANS_LANES;
	uint32		states[RUSTS_ANS_LANES] = {0};
	size_t		most = (size_t) (n + nlanes) * RUSTS_ANS_MAX_BITS / 8 + 1;
	size_t		size = Min((size_t) (end - src), most);
	const uint32 *table = work->table;
	uint32		at = 0;
	uint32		i;

	memcpy(work->codes, src, size);
	memset(work->codes + size, 0, most - size + 8);
	for (i = 0; i < nlanes; i++)
	{
		states[i] = (uint32) (rusts_get_u64(work->codes + at / 8) >> at % 8 &
							  rusts_bit_mask(alphabet->bits));
		at += alphabet->bits;
	}
	if (model > 0)
		table = model_table(model, alphabet);
	else
		build_table(alphabet, work->table);
	at = sums != NULL ?
		decode_sums(work->codes, at, table, states, nlanes, n, sums) :
		decode_symbols(work->codes, at, table, states, nlanes, n, symbols);
	if (at == 0 || (at + 7) / 8 > size)
		return NULL;
	return src + (at + 7) / 8;
}
