/*-------------------------------------------------------------------------
 *
 * residuals.c
 *	  What a transform leaves of a stream of integers: constant, bit-packed,
 *	  patched, Huffman-coded or coded by finite states.
 *
 * All subtract a base; the encoder has computed the exact size of the first
 * four and takes the smallest; the last is tried by ints_trials.c.  varint
 * means zigzag varint for the base.
 *
 * constant		varint	the value
 *
 * pack			varint	base
 *				u8		width, 0 .. 64
 *				bits	value - base, width bits each
 *
 * patch		as pack, for values in a window [base, base + 2^width), with
 *				the others listed; between width and bits:
 *				varint	number of exceptions, at most n
 *				u8		exception width, 0 .. 64
 *				and after the bits:
 *				bits	positions, as many bits each as n - 1 needs
 *				bits	zigzag(value - base), exception width bits each
 *
 * Huffman		varint	base
 *				u8		width of the low bits, 0 .. 63
 *				u8		symbols in the window, 1 .. 64
 *				u4[]	code length of each, then that of the escape symbol;
 *						the lower half of a byte first
 *				bits	low bits of value - base, width bits each
 *				...		(value - base) >> width, see huffman.c
 *				u8		exception width, if there is an escape symbol
 *				bits	zigzag(value - base) of escaped values, likewise
 *
 * The low bits of a value that is none of the window's are ignored.
 *
 * ANS			as Huffman, with another code, see ans.c; from the width on
 *				u8		number of the alphabet, or 0; 128 more: the last
 *						symbol is an escape symbol
 *				...		the alphabet, if it is 0
 *				bits	low bits
 *				...		symbols
 *				u8		exception width, if there is an escape symbol
 *				bits	escaped values
 *
 * src/codec/residuals.c
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
#include "base/varint.h"
#include "codec/ans.h"
#include "codec/bitpack.h"
#include "codec/residuals.h"
#include "codec/scratch.h"

/* Symbols of the window and the number of symbols take a nibble and ... */
#define NIBBLE_BYTES(nsymbols)	(((nsymbols) + 2) / 2)

/* Values outside the window: their places and zigzag(value - base). */
static uint32
list_exceptions(const uint64 *values, uint32 n, const RustsPlan *plan,
				uint64 limit, uint64 *positions, uint64 *exceptions)
{
	uint32		nexceptions = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		x = values[i] - plan->base;

		if (x >= limit)
		{
			positions[nexceptions] = i;
			exceptions[nexceptions++] = rusts_zigzag(x);
		}
	}
	return nexceptions;
}

static uint8 *
encode_patch(const uint64 *values, uint32 n, const RustsPlan *plan,
			 uint8 *dst, RustsCodecScratch *scratch)
{
	uint64	   *positions = scratch->positions;
	uint64	   *exceptions = scratch->exceptions;
	uint32		nexceptions;

	nexceptions = list_exceptions(values, n, plan,
								  UINT64CONST(1) << plan->width,
								  positions, exceptions);
	dst = rusts_put_varint(dst, nexceptions);
	*dst++ = (uint8) plan->exception_width;
	dst = rusts_bitpack(values, n, plan->width, plan->base, dst);
	dst = rusts_bitpack(positions, nexceptions, rusts_bit_length(n - 1), 0,
						dst);
	return rusts_bitpack(exceptions, nexceptions, plan->exception_width, 0,
						 dst);
}

/* If all values are in the window. */
RUSTS_KERNEL static void
window_symbols(const uint64 *restrict values, uint32 n, uint64 base,
			   unsigned width, uint8 *restrict symbols)
{
	uint32		i;

	for (i = 0; i < n; i++)
		symbols[i] = (uint8) ((values[i] - base) >> width);
}

RUSTS_KERNEL static void
base_and_symbols(uint64 base, const uint8 *restrict symbols, uint32 n,
				 uint64 *restrict values)
{
	uint32		i;

	for (i = 0; i < n; i++)
		values[i] = base + symbols[i];
}

RUSTS_KERNEL static void
base_and_differences(uint64 base, const uint16 *restrict sums, uint32 n,
					 uint64 *restrict values)
{
	uint32		i;

	values[0] = base + sums[0];
	for (i = 1; i < n; i++)
		values[i] = base + (uint16) (sums[i] - sums[i - 1]);
}

/* Low bits and symbols together. */
RUSTS_KERNEL static void
add_symbols(const uint8 *restrict symbols, uint32 n, unsigned width,
			uint64 *restrict values)
{
	uint32		i;

	for (i = 0; i < n; i++)
		values[i] += (uint64) symbols[i] << width;
}

static uint8 *
encode_huffman(const uint64 *values, uint32 n, const RustsPlan *plan,
			   uint8 *dst, RustsCodecScratch *scratch)
{
	uint8	   *symbols = scratch->symbols;
	uint64	   *exceptions = scratch->exceptions;
	uint32		nescapes;
	uint32		i;

	*dst++ = (uint8) plan->nsymbols;
	memset(dst, 0, NIBBLE_BYTES(plan->nsymbols));
	for (i = 0; i <= plan->nsymbols; i++)
		dst[i / 2] |= plan->lengths[i] << (i % 2 * 4);
	dst += NIBBLE_BYTES(plan->nsymbols);

	if (plan->nexceptions == 0)
		window_symbols(values, n, plan->base, plan->width, symbols);
	else
	{
		for (i = 0; i < n; i++)
		{
			uint64 symbol = (values[i] - plan->base) >> plan->width;

			symbols[i] = (uint8) Min(symbol, plan->nsymbols);
		}
	}
	dst = rusts_bitpack(values, n, plan->width, plan->base, dst);
	dst = rusts_huffman_encode(symbols, n, plan->lengths,
							   plan->nsymbols + 1, dst);
	if (plan->nexceptions == 0)
		return dst;

	nescapes = 0;
	for (i = 0; i < n; i++)
	{
		if (symbols[i] == plan->nsymbols)
			exceptions[nescapes++] = rusts_zigzag(values[i] - plan->base);
	}
	*dst++ = (uint8) plan->exception_width;
	return rusts_bitpack(exceptions, nescapes, plan->exception_width, 0, dst);
}

/*
 * Encode n values as planned; returns the byte after.  Takes at most
 * plan->size bytes, but RUSTS_BITPACK_SLACK more may be touched.
 */
uint8 *
rusts_residuals_encode(const uint64 *values, uint32 n, const RustsPlan *plan,
					   uint8 *dst, RustsCodecScratch *scratch)
{
	dst = rusts_put_varint(dst, rusts_zigzag(plan->base));
	if (plan->method == RUSTS_METHOD_CONSTANT)
		return dst;
	*dst++ = (uint8) plan->width;
	if (plan->method == RUSTS_METHOD_PACK)
		return rusts_bitpack(values, n, plan->width, plan->base, dst);
	if (plan->method == RUSTS_METHOD_PATCH)
		return encode_patch(values, n, plan, dst, scratch);
	return encode_huffman(values, n, plan, dst, scratch);
}

/* Take n values of width bits each from *src; NULL values: skip them. */
static bool
take_packed(const uint8 **src, const uint8 *end, uint32 n, unsigned width,
			uint64 base, uint64 *values)
{
	size_t		size = rusts_bitpack_size(n, width);

	if (width > 64 || size > (size_t) (end - *src))
		return false;
	rusts_bitunpack(*src, end - *src, n, width, base, values);
	*src += size;
	return true;
}

static const uint8 *
decode_patch(const uint8 *src, const uint8 *end, unsigned width, uint64 base,
			 uint32 n, uint64 *values, RustsCodecScratch *scratch)
{
	uint64	   *positions = scratch->positions;
	uint64	   *exceptions = scratch->exceptions;
	uint64		nexceptions;
	unsigned	exception_width;
	uint32		i;

	src = rusts_get_varint(src, end, &nexceptions);
	if (src == NULL || nexceptions > n || src == end)
		return NULL;
	exception_width = *src++;
	if (!take_packed(&src, end, n, width, base, values) ||
		!take_packed(&src, end, (uint32) nexceptions,
					 rusts_bit_length(n - 1), 0, positions) ||
		!take_packed(&src, end, (uint32) nexceptions, exception_width, 0,
					 exceptions))
		return NULL;
	for (i = 0; i < nexceptions; i++)
	{
		if (positions[i] >= n)
			return NULL;
		values[positions[i]] = base + rusts_unzigzag(exceptions[i]);
	}
	return src;
}

/*
 * Put symbols and what else there is of n values together: low bits, which
 * are in values[], and the values of which the symbol is the escape symbol,
 * if there is one.  With neither of them the sums of the symbols are at hand.
 */
static const uint8 *
decode_symbols(const uint8 *src, const uint8 *end, unsigned width,
			   int escape, uint32 n, uint64 *values,
			   RustsResiduals *residuals, RustsCodecScratch *scratch)
{
	uint64		base = residuals->base;
	const uint8 *symbols = scratch->symbols;
	uint64	   *exceptions = scratch->exceptions;
	uint32		nescapes = 0;
	uint32		i;

	if (width == 0 && escape < 0)
	{
		residuals->form = RUSTS_RESIDUALS_SUMS;
		return src;
	}
	if (width == 0)
		base_and_symbols(base, symbols, n, values);
	else
		add_symbols(symbols, n, width, values);
	if (escape < 0)
		return src;

	for (i = 0; i < n; i++)
		nescapes += symbols[i] == escape;
	if (src == end)
		return NULL;
	width = *src++;
	if (!take_packed(&src, end, nescapes, width, 0, exceptions))
		return NULL;
	nescapes = 0;
	for (i = 0; i < n; i++)
	{
		if (symbols[i] == escape)
			values[i] = base + rusts_unzigzag(exceptions[nescapes++]);
	}
	return src;
}

static const uint8 *
decode_huffman(const uint8 *src, const uint8 *end, unsigned width,
			   uint32 n, uint64 *values, RustsResiduals *residuals,
			   RustsCodecScratch *scratch)
{
	uint64		base = residuals->base;
	uint8		lengths[RUSTS_HUFFMAN_SYMBOLS + 1];
	uint8	   *symbols = scratch->symbols;
	bool		only_symbols;	/* no low bits, no escapes */
	uint32		nsymbols;
	uint32		i;

	if (src == end)
		return NULL;
	nsymbols = *src++;
	if (width > 63 || nsymbols < 1 || nsymbols > RUSTS_WINDOW_SYMBOLS ||
		end - src < NIBBLE_BYTES(nsymbols))
		return NULL;
	for (i = 0; i <= nsymbols; i++)
		lengths[i] = src[i / 2] >> (i % 2 * 4) & 15;
	src += NIBBLE_BYTES(nsymbols);

	if (width > 0 && !take_packed(&src, end, n, width, base, values))
		return NULL;
	only_symbols = width == 0 && lengths[nsymbols] == 0;
	src = rusts_huffman_decode(src, end, lengths, nsymbols + 1, n, symbols,
							   only_symbols ? scratch->sums : NULL,
							   &scratch->huffman);
	if (src == NULL)
		return NULL;
	return decode_symbols(src, end, width,
						  lengths[nsymbols] > 0 ? (int) nsymbols : -1, n,
						  values, residuals, scratch);
}

static const uint8 *
decode_ans(const uint8 *src, const uint8 *end, unsigned width, uint32 n,
		   uint64 *values, RustsResiduals *residuals,
		   RustsCodecScratch *scratch)
{
	RustsAnsAlphabet alphabet;
	bool		escapes;
	unsigned	model;

	if (src == end || width > 63)
		return NULL;
	escapes = (*src & RUSTS_ANS_ESCAPES) != 0;
	model = *src++ & ~RUSTS_ANS_ESCAPES;
	if (model > RUSTS_ANS_NMODELS)
		return NULL;
	if (model > 0)
		rusts_ans_model(model, &alphabet);
	else
		src = rusts_ans_get_alphabet(src, end, &alphabet);
	if (src == NULL ||
		(width > 0 && !take_packed(&src, end, n, width, residuals->base,
								   values)))
		return NULL;
	src = rusts_ans_decode(src, end, model, &alphabet, n, scratch->symbols,
						   width == 0 && !escapes ? scratch->sums : NULL,
						   &scratch->ans);
	if (src == NULL)
		return NULL;
	return decode_symbols(src, end, width,
						  escapes ? (int) alphabet.nsymbols - 1 : -1, n,
						  values, residuals, scratch);
}

/*
 * Decode n >= 1 values, in the form that residuals tells.  Returns the byte
 * after them, or NULL if they are corrupt.
 */
const uint8 *
rusts_residuals_decode(const uint8 *src, const uint8 *end,
					   RustsMethod method, uint32 n, uint64 *values,
					   RustsResiduals *residuals, RustsCodecScratch *scratch)
{
	uint64		base;
	unsigned	width;

	src = rusts_get_varint(src, end, &base);
	if (src == NULL)
		return NULL;
	base = rusts_unzigzag(base);
	residuals->base = base;
	if (method == RUSTS_METHOD_CONSTANT)
	{
		residuals->form = RUSTS_RESIDUALS_CONSTANT;
		return src;
	}

	residuals->form = RUSTS_RESIDUALS_VALUES;
	if (src == end)
		return NULL;
	width = *src++;
	switch (method)
	{
		case RUSTS_METHOD_PACK:
			return take_packed(&src, end, n, width, base, values) ?
				src : NULL;
		case RUSTS_METHOD_PATCH:
			return decode_patch(src, end, width, base, n, values, scratch);
		case RUSTS_METHOD_HUFFMAN:
			return decode_huffman(src, end, width, n, values, residuals,
								  scratch);
		case RUSTS_METHOD_ANS:
			return decode_ans(src, end, width, n, values, residuals, scratch);
		default:
			return NULL;
	}
}

/* Values of any form to values[]. */
void
rusts_residuals_expand(const RustsResiduals *residuals, uint32 n,
					   uint64 *values, RustsCodecScratch *scratch)
{
	uint32		i;

	switch (residuals->form)
	{
		case RUSTS_RESIDUALS_CONSTANT:
			for (i = 0; i < n; i++)
				values[i] = residuals->base;
			break;
		case RUSTS_RESIDUALS_SUMS:
			base_and_differences(residuals->base, scratch->sums, n, values);
			break;
		case RUSTS_RESIDUALS_VALUES:
			break;
	}
}
