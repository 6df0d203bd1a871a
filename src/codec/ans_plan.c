/*-------------------------------------------------------------------------
 *
 * ans_plan.c
 *	  How to encode what a transform leaves of a stream of integers by finite
 *	  states.
 *
 * As for a Huffman code the range of most values is cut into bins, of which
 * the symbols are the numbers, and the bits below are stored as they are.
 * Where the bins are depends on the alphabet: one that is known by its number
 * has its most frequent symbol in the middle, and suits a certain width of
 * the distribution, which we get from the mean deviation from the mean.
 * Whatever is not distributed like that has an alphabet of its own, with the
 * bins of the Huffman code or the packed values it is to beat.
 *
 * Costs are in bits / 1,024, from a logarithm in integers, so that the choice
 * does not depend on a library.
 *
 * src/codec/ans_plan.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/bits.h"
#include "base/varint.h"
#include "codec/ans_plan.h"
#include "codec/bitpack.h"
#include "codec/scratch.h"

/* Below this many values no code is worth its header. */
#define MIN_VALUES		24

/* Widths of the numbered distributions grow by the sixth root of two. */
#define SCALE_STEP		1.122462048309373
#define NORMAL_SCALE	0.35
#define LAPLACE_SCALE	0.25
#define LARGEST_SCALE	5.7

/* Standard deviation of a normal distribution by its mean deviation. */
#define NORMAL_DEVIATION	1.2533

/* Symbols on either side of the middle. */
#define REACH			32

/* Bits of an alphabet of its own. */
#define OWN_MIN_BITS	8
#define OWN_MAX_BITS	9

/* What most values are like. */
typedef struct Shape
{
	const uint64 *values;
	uint32		n;
	double		mean;			/* above low */
	double		deviation;
	uint64		low;
} Shape;

static bool find_shape(const RustsPlan *other, Shape *shape);
static void try_models(const Shape *shape, bool normal, RustsAnsPlan *plan);
static void try_own(const Shape *shape, const RustsPlan *other,
					unsigned width, RustsAnsPlan *plan);
static uint64 codes_cost(const RustsAnsAlphabet *alphabet,
						 const uint32 *counts);
static void keep_better(size_t size, uint64 base, unsigned width,
						unsigned model, bool escapes,
						const RustsAnsAlphabet *alphabet, RustsAnsPlan *plan);

bool
rusts_ans_plan(const uint64 *values, uint32 n, const RustsPlan *other,
			   RustsAnsPlan *plan)
{
	Shape		shape = {.values = values, .n = n};

	plan->size = SIZE_MAX;
	if (n < MIN_VALUES || !find_shape(other, &shape))
		return false;
	try_models(&shape, true, plan);
	try_models(&shape, false, plan);
	if (other->method == RUSTS_METHOD_HUFFMAN)
	{
		try_own(&shape, other, other->width, plan);
		if (other->width > 0 && other->nsymbols <= REACH)
			try_own(&shape, other, other->width - 1, plan);
	}
	else
		try_own(&shape, other, other->width > 5 ? other->width - 5 : 0, plan);
	return plan->size < SIZE_MAX;
}

/* The values of a plan's window: how many of its base's neighbours it has. */
static uint64
window_size(const RustsPlan *plan)
{
	if (plan->method == RUSTS_METHOD_HUFFMAN)
		return (uint64) plan->nsymbols << plan->width;
	return plan->width > 62 ? 0 : UINT64CONST(1) << plan->width;
}

static bool
find_shape(const RustsPlan *other, Shape *shape)
{
	uint64		size = window_size(other);
	double		sum = 0;
	uint32		count = 0;
	uint32		i;

	if (size == 0 || size > UINT64CONST(1) << 62)
		return false;
	shape->low = other->base;
	for (i = 0; i < shape->n; i++)
	{
		uint64		x = shape->values[i] - shape->low;

		if (x >= size)
			continue;
		sum += (double) x;
		count++;
	}
	if (count == 0)
		return false;
	shape->mean = sum / count;
	sum = 0;
	for (i = 0; i < shape->n; i++)
	{
		uint64		x = shape->values[i] - shape->low;
		double		distance = (double) x - shape->mean;

		if (x < size)
			sum += distance < 0 ? -distance : distance;
	}
	shape->deviation = sum / count;
	return true;
}

/*
 * Count symbols 0 .. nsymbols - 1 of values; the last entry is for those
 * outside.  Returns the bits that the widest of these takes.
 */
static unsigned
count_symbols(const Shape *shape, uint64 base, unsigned width,
			  uint32 nsymbols, uint32 *counts)
{
	uint64		outside = 0;
	uint32		i;

	memset(counts, 0, (nsymbols + 1) * sizeof(uint32));
	for (i = 0; i < shape->n; i++)
	{
		uint64		x = shape->values[i] - base;
		uint64		symbol = x >> width;

		if (symbol < nsymbols)
			counts[symbol]++;
		else
		{
			counts[nsymbols]++;
			outside |= rusts_zigzag(x);
		}
	}
	return rusts_bit_length(outside);
}

/* Header, packed bits, and codes. */
static size_t
plan_size(const Shape *shape, uint64 base, unsigned width, unsigned bits,
		  uint64 cost, uint32 nescapes, unsigned escape_width)
{
	uint32		nlanes = shape->n < RUSTS_ANS_LANES_MIN ? 1 :
		RUSTS_ANS_LANES;

	return rusts_varint_size(rusts_zigzag(base)) + 2 +
		rusts_bitpack_size(shape->n, width) +
		(cost / 1024 + nlanes * bits + 7) / 8 +
		(nescapes > 0 ? 1 + rusts_bitpack_size(nescapes, escape_width) : 0);
}

/* The distributions of a kind that are about as wide as this one. */
static void
try_models(const Shape *shape, bool normal, RustsAnsPlan *plan)
{
	int			nmodels = normal ? RUSTS_ANS_NORMALS : RUSTS_ANS_LAPLACES;
	double		scale = normal ? shape->deviation * NORMAL_DEVIATION :
		shape->deviation;
	double		model_scale = normal ? NORMAL_SCALE : LAPLACE_SCALE;
	uint32		counts[2 * REACH + 2];
	unsigned	width = 0;
	uint64		middle;
	int			nearest = 0;
	int			i;

	for (; scale >= LARGEST_SCALE && width < 62; scale /= 2)
		width++;
	for (; nearest < nmodels - 1 && model_scale < scale; nearest++)
		model_scale *= SCALE_STEP;

	/* The lowest value of the middle symbol. */
	middle = shape->low + (uint64) (int64) (shape->mean + 0.5) -
		(width > 0 ? UINT64CONST(1) << (width - 1) : 0);
	if (!normal)
	{
		/* Peaks are where most values are, not at their mean. */
		uint32		peak = REACH;
		uint32		j;

		(void) count_symbols(shape, middle - ((uint64) REACH << width), width,
							 2 * REACH + 1, counts);
		for (j = REACH - 3; j <= REACH + 3; j++)
		{
			if (counts[j] > counts[peak])
				peak = j;
		}
		middle += ((uint64) peak - REACH) << width;
	}

	for (i = Max(nearest - 2, 0); i <= Min(nearest + 1, nmodels - 1); i++)
	{
		unsigned	model = 1 + i + (normal ? 0 : RUSTS_ANS_NORMALS);
		RustsAnsAlphabet alphabet;
		uint64		base;
		unsigned	escape_width;
		uint32		last;
		size_t		size;

		rusts_ans_model(model, &alphabet);
		last = alphabet.nsymbols - 1;
		base = middle - ((uint64) (last / 2) << width);
		escape_width = count_symbols(shape, base, width, last, counts);
		size = plan_size(shape, base, width, alphabet.bits,
						 codes_cost(&alphabet, counts), counts[last],
						 escape_width);
		keep_better(size, base, width, model, counts[last] > 0, &alphabet,
					plan);
	}
}

/* Frequencies that add up to 2^bits. */
static void
make_alphabet(const uint32 *counts, uint32 nsymbols, uint32 n,
			  unsigned bits, RustsAnsAlphabet *alphabet)
{
	uint32		total = (uint32) 1 << bits;
	uint32		sum = 0;
	uint32		largest;
	uint32		i;

	alphabet->bits = bits;
	alphabet->nsymbols = nsymbols;
	for (i = 0; i < nsymbols; i++)
	{
		uint32		freq = (counts[i] * total + n / 2) / n;

		alphabet->freq[i] = (uint16) (counts[i] > 0 ? Max(freq, 1) : 0);
		sum += alphabet->freq[i];
	}
	while (sum != total)
	{
		largest = 0;
		for (i = 1; i < nsymbols; i++)
		{
			if (alphabet->freq[i] > alphabet->freq[largest])
				largest = i;
		}
		if (sum < total)
		{
			alphabet->freq[largest] += total - sum;
			break;
		}
		alphabet->freq[largest]--;
		sum--;
	}
}

static void
try_own(const Shape *shape, const RustsPlan *other, unsigned width,
		RustsAnsPlan *plan)
{
	uint64		nbins = window_size(other) >> width;
	uint32		counts[2 * REACH + 2];
	unsigned	escape_width;
	uint32		nsymbols;
	unsigned	bits;

	if (nbins < 1 || nbins > 2 * REACH)
		return;
	escape_width = count_symbols(shape, other->base, width, (uint32) nbins,
								 counts);
	nsymbols = (uint32) nbins + (counts[nbins] > 0);
	for (bits = OWN_MIN_BITS; bits <= OWN_MAX_BITS; bits++)
	{
		RustsAnsAlphabet alphabet;
		uint8		bytes[RUSTS_ANS_ALPHABET_BYTES];
		size_t		size;

		make_alphabet(counts, nsymbols, shape->n, bits, &alphabet);
		size = plan_size(shape, other->base, width, bits,
						 codes_cost(&alphabet, counts), counts[nbins],
						 escape_width);
		size += rusts_ans_put_alphabet(&alphabet, bytes) - bytes;
		keep_better(size, other->base, width, 0, counts[nbins] > 0, &alphabet,
					plan);
	}
}

static void
keep_better(size_t size, uint64 base, unsigned width, unsigned model,
			bool escapes, const RustsAnsAlphabet *alphabet,
			RustsAnsPlan *plan)
{
	if (size >= plan->size)
		return;
	plan->size = size;
	plan->base = base;
	plan->width = width;
	plan->model = model;
	plan->escapes = escapes;
	plan->alphabet = *alphabet;
}

/* The logarithm to base 2 of a frequency, times 1,024, rounded down. */
static uint32
logarithm(uint32 freq)
{
	unsigned	whole = rusts_bit_length(freq) - 1;
	uint64		x = (uint64) freq << (31 - whole);
	uint32		result = whole;
	int			i;

	for (i = 0; i < 10; i++)
	{
		x = x * x >> 31;
		result <<= 1;
		if (x >> 32 != 0)
		{
			x >>= 1;
			result++;
		}
	}
	return result;
}

/* What so many of each symbol cost. */
static uint64
codes_cost(const RustsAnsAlphabet *alphabet, const uint32 *counts)
{
	uint64		cost = 0;
	uint32		i;

	for (i = 0; i < alphabet->nsymbols; i++)
	{
		if (counts[i] > 0)
			cost += (uint64) counts[i] *
				(alphabet->bits * 1024 - logarithm(alphabet->freq[i]));
	}
	return cost;
}

uint8 *
rusts_ans_encode_values(const uint64 *values, uint32 n,
						const RustsAnsPlan *plan, uint8 *dst,
						RustsCodecScratch *scratch)
{
	uint64		last = plan->alphabet.nsymbols - 1;
	uint8	   *symbols = scratch->symbols;
	uint64	   *exceptions = scratch->exceptions;
	uint64		all = 0;
	uint32		nescapes = 0;
	unsigned	escape_width;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		symbol = (values[i] - plan->base) >> plan->width;

		if (plan->escapes && symbol >= last)
		{
			exceptions[nescapes] = rusts_zigzag(values[i] - plan->base);
			all |= exceptions[nescapes++];
		}
		symbols[i] = (uint8) Min(symbol, last);
	}
	dst = rusts_put_varint(dst, rusts_zigzag(plan->base));
	*dst++ = (uint8) plan->width;
	*dst++ = (uint8) (plan->model | (plan->escapes ? RUSTS_ANS_ESCAPES : 0));
	if (plan->model == 0)
		dst = rusts_ans_put_alphabet(&plan->alphabet, dst);
	dst = rusts_bitpack(values, n, plan->width, plan->base, dst);
	dst = rusts_ans_encode(symbols, n, &plan->alphabet, dst, &scratch->ans);
	if (!plan->escapes)
		return dst;
	escape_width = rusts_bit_length(all);
	*dst++ = (uint8) escape_width;
	return rusts_bitpack(exceptions, nescapes, escape_width, 0, dst);
}
