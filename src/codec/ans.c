/*-------------------------------------------------------------------------
 *
 * ans.c
 *	  Entropy coding of small alphabets by finite states: alphabets and
 *	  encoder.
 *
 * A Huffman code gives each symbol whole bits; where few symbols are likely
 * that costs five percent and more.  Asymmetric numeral systems (J. Duda,
 * 2009; in the tabled form of Y. Collet's FSE) give each its share: the coder
 * is in one of 2^bits states, of which each symbol has as many as its
 * frequency.  One lookup per symbol decodes, as with Huffman, but the next
 * state depends on the bits read, so four lanes of states take turns.  They
 * share one string of bits: no sizes to store.
 *
 * An alphabet costs as much as a tenth of the symbols of a block.  Most
 * residuals are differences of measured quantities, and distributed normally
 * or nearly so, or with heavier tails, as Laplace's.  For these there are
 * alphabets known by a number; the formula is doc/format-blocks.md's, in
 * integers, so that they are the same on every machine.
 *
 * alphabet		u8		bits, 5 .. 10
 *				u8		number of symbols, 1 .. 65
 *				u4[]	how many bits each frequency has, lower half first
 *				bits	of each frequency that has more than one, all below
 *						the highest
 *
 * codes		bits	the state each lane begins with
 *				bits	of each symbol in order, as its state says
 *
 * src/codec/ans.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "codec/ans.h"

#define MODEL_TOTAL		(1 << RUSTS_ANS_MAX_BITS)
#define MODEL_REACH		31		/* symbols on either side of the middle */
#define MODEL_ONE		(UINT64CONST(1) << 30)
#define MODEL_LEAST		(UINT64CONST(1) << 18)

/* exp(-1 / (2 s^2)) * 2^30 for s = 0.35 * 2^(i / 6) */
static const uint32 normal_ratios[RUSTS_ANS_NORMALS] = {
	18124638, 42068989, 82075324, 139503338, 212535252, 296863113,
	387027866, 477711199, 564583334, 644645644, 716197245, 778599216,
	831975354, 876932686, 914338308, 945159634, 970360398, 990839686,
	1007401325, 1020743133, 1031458197, 1040042757, 1046907156, 1052387669,
	1056757970
};

/* exp(-1 / b) * 2^30 for b = 0.25 * 2^(i / 6) */
static const uint32 laplace_ratios[RUSTS_ANS_LAPLACES] = {
	19666268, 30426380, 44884959, 63464312, 86406487, 113747464,
	145315154, 180748655, 219533273, 261044606, 304595239, 349478768,
	395007542, 440542156, 485512160, 529428476, 571888667, 612576501,
	651257337, 687770702, 722021268, 753969162, 783620304, 811017269,
	836230973, 859353343, 880491018, 899760092
};

void
rusts_ans_model(unsigned model, RustsAnsAlphabet *alphabet)
{
	bool		normal = model <= RUSTS_ANS_NORMALS;
	uint64		weights[MODEL_REACH + 1];
	uint64		ratio;
	uint64		step;
	uint64		total = MODEL_ONE;
	uint32		reach = 0;
	uint32		middle = MODEL_TOTAL - 1;
	uint32		i;

	Assert(model >= 1 && model <= RUSTS_ANS_NMODELS);
	ratio = normal ? normal_ratios[model - 1] :
		laplace_ratios[model - 1 - RUSTS_ANS_NORMALS];
	step = normal ? ratio * ratio >> 30 : MODEL_ONE;
	weights[0] = MODEL_ONE;
	while (reach < MODEL_REACH)
	{
		uint64		weight = weights[reach] * ratio >> 30;

		if (weight < MODEL_LEAST)
			break;
		weights[++reach] = weight;
		total += 2 * weight;
		ratio = ratio * step >> 30;
	}

	alphabet->bits = RUSTS_ANS_MAX_BITS;
	alphabet->nsymbols = 2 * reach + 2;
	for (i = 1; i <= reach; i++)
	{
		uint64		freq = (weights[i] * (MODEL_TOTAL - 1) + total / 2) /
			total;

		freq = Max(freq, 1);
		alphabet->freq[reach - i] = (uint16) freq;
		alphabet->freq[reach + i] = (uint16) freq;
		middle -= 2 * (uint32) freq;
	}
	alphabet->freq[reach] = (uint16) middle;
	alphabet->freq[2 * reach + 1] = 1;
}

/*
 * States are given out in steps that reach all of them, so that those of each
 * symbol are spread evenly.
 */
void
rusts_ans_spread(const RustsAnsAlphabet *alphabet, uint8 *spread,
				 uint16 *sorted)
{
	uint32		nstates = (uint32) 1 << alphabet->bits;
	uint32		step = (nstates >> 1) + (nstates >> 3) + 3;
	uint32		state = 0;
	uint32		symbol;
	uint32		i;

	for (symbol = 0; symbol < alphabet->nsymbols; symbol++)
	{
		for (i = 0; i < alphabet->freq[symbol]; i++)
		{
			spread[state] = (uint8) symbol;
			state = (state + step) & (nstates - 1);
		}
	}
	if (sorted != NULL)
	{
		uint32		next[RUSTS_ANS_SYMBOLS];
		uint32		sum = 0;

		for (symbol = 0; symbol < alphabet->nsymbols; symbol++)
		{
			next[symbol] = sum;
			sum += alphabet->freq[symbol];
		}
		for (i = 0; i < nstates; i++)
			sorted[next[spread[i]]++] = (uint16) i;
	}
}

/* A string of bits being written. */
typedef struct BitWriter
{
	uint8	   *next;
	uint64		word;
	unsigned	nbits;			/* in word, below 8 between calls */
} BitWriter;

static inline void
put_bits(BitWriter *writer, uint32 bits, unsigned nbits)
{
	writer->word |= (uint64) bits << writer->nbits;
	writer->nbits += nbits;
	while (writer->nbits >= 8)
	{
		*writer->next++ = (uint8) writer->word;
		writer->word >>= 8;
		writer->nbits -= 8;
	}
}

static uint8 *
end_bits(BitWriter *writer)
{
	if (writer->nbits > 0)
		*writer->next++ = (uint8) writer->word;
	return writer->next;
}

uint8 *
rusts_ans_put_alphabet(const RustsAnsAlphabet *alphabet, uint8 *dst)
{
	uint32		nsymbols = alphabet->nsymbols;
	BitWriter	writer = {0};
	uint32		i;

	*dst++ = (uint8) alphabet->bits;
	*dst++ = (uint8) nsymbols;
	memset(dst, 0, (nsymbols + 1) / 2);
	for (i = 0; i < nsymbols; i++)
		dst[i / 2] |= rusts_bit_length(alphabet->freq[i]) << (i % 2 * 4);
	writer.next = dst + (nsymbols + 1) / 2;
	for (i = 0; i < nsymbols; i++)
	{
		unsigned	len = rusts_bit_length(alphabet->freq[i]);

		if (len > 1)
			put_bits(&writer, alphabet->freq[i] ^ (1 << (len - 1)), len - 1);
	}
	return end_bits(&writer);
}

const uint8 *
rusts_ans_get_alphabet(const uint8 *src, const uint8 *end,
					   RustsAnsAlphabet *alphabet)
{
	const uint8 *lengths;
	uint64		word = 0;
	unsigned	nbits = 0;
	uint32		total = 0;
	uint32		i;

	if (end - src < 2)
		return NULL;
	alphabet->bits = *src++;
	alphabet->nsymbols = *src++;
	if (alphabet->bits < RUSTS_ANS_MIN_BITS ||
		alphabet->bits > RUSTS_ANS_MAX_BITS || alphabet->nsymbols < 1 ||
		alphabet->nsymbols > RUSTS_ANS_SYMBOLS ||
		end - src < (alphabet->nsymbols + 1) / 2)
		return NULL;
	lengths = src;
	src += (alphabet->nsymbols + 1) / 2;
	for (i = 0; i < alphabet->nsymbols; i++)
	{
		unsigned	len = lengths[i / 2] >> (i % 2 * 4) & 15;
		uint32		freq = len > 0;

		if (len > RUSTS_ANS_MAX_BITS + 1)
			return NULL;
		if (len > 1)
		{
			for (; nbits < len - 1; nbits += 8)
			{
				if (src == end)
					return NULL;
				word |= (uint64) *src++ << nbits;
			}
			freq = (uint32) (1 << (len - 1) |
							 (word & rusts_bit_mask(len - 1)));
			word >>= len - 1;
			nbits -= len - 1;
		}
		alphabet->freq[i] = (uint16) freq;
		total += freq;
	}
	return total == (uint32) 1 << alphabet->bits ? src : NULL;
}

/*
 * The last symbol comes first: each state says what bits to read to come to
 * the one behind it.
 */
uint8 *
rusts_ans_encode(const uint8 *symbols, uint32 n,
				 const RustsAnsAlphabet *alphabet, uint8 *dst,
				 RustsAns *work)
{
	uint32		nlanes = n < RUSTS_ANS_LANES_MIN ? 1 : RUSTS_ANS_LANES;
	unsigned	bits = alphabet->bits;
	uint32		first[RUSTS_ANS_SYMBOLS];
	uint32		states[RUSTS_ANS_LANES] = {0};
	uint8		spread[RUSTS_ANS_STATES];
	BitWriter	writer = {dst, 0, 0};
	uint32		sum = 0;
	uint32		i;

	rusts_ans_spread(alphabet, spread, work->states);
	for (i = 0; i < alphabet->nsymbols; i++)
	{
		first[i] = sum;
		sum += alphabet->freq[i];
	}
	for (i = n; i-- > 0;)
	{
		uint32	   *state = &states[i % nlanes];
		uint32		x = *state + (1 << bits);
		uint32		freq = alphabet->freq[symbols[i]];
		unsigned	len = bits + 1 - rusts_bit_length(freq);

		Assert(freq > 0);
		if (x >> len < freq)
			len--;
		work->values[i] = (uint16) (x & rusts_bit_mask(len));
		work->lengths[i] = (uint8) len;
		*state = work->states[first[symbols[i]] + (x >> len) - freq];
	}
	for (i = 0; i < nlanes; i++)
		put_bits(&writer, states[i], bits);
	for (i = 0; i < n; i++)
		put_bits(&writer, work->values[i], work->lengths[i]);
	return end_bits(&writer);
}
