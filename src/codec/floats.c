/*-------------------------------------------------------------------------
 *
 * floats.c
 *	  Encode and decode the values of a float block.
 *
 * constant decimal		i8		digits, -22 .. 22, see decimal.c
 *						varint	the integer, zigzag
 *
 * decimal				i8		digits
 *						stream	integers
 *
 * patched decimal		i8		digits
 *						varint	number of exceptions, 1 .. n
 *						bits	their positions, as many bits each as n - 1
 *								needs
 *						stream	their bit patterns, a single run
 *						stream	integers; those of exceptions do not matter
 *
 * pattern				u8		shift, 0 .. 63; 128 more: flip all signs
 *						stream	bit patterns rotated left by one, so that the
 *								sign is the lowest bit, without their shift
 *								lowest bits, which are 0
 *
 * Gorilla				see gorilla.c
 *
 * A stream is a tag byte and what ints_decode.c says; its runs are the block's
 * unless it says otherwise.  With the sign below them, numbers of either sign
 * and like size have patterns near each other; where all have one sign, the
 * shift drops it.
 *
 * src/codec/floats.c
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
#include "codec/bitpack.h"
#include "codec/decimal.h"
#include "codec/floats.h"
#include "codec/gorilla.h"
#include "codec/scratch.h"

#define SIGN_BIT		(UINT64CONST(1) << 63)
#define ALL_NEGATIVE	0x80

/* Sign bit to and from the lowest place. */
static inline uint64
rotate_sign_down(uint64 pattern)
{
	return pattern << 1 | pattern >> 63;
}

static inline uint64
rotate_sign_up(uint64 v)
{
	return v >> 1 | v << 63;
}

static uint8 *
encode_pattern(const uint64 *patterns, uint32 n, const RustsRuns *runs,
			   RustsEffort effort, uint8 *dst, RustsCodecScratch *scratch)
{
	uint64	   *numbers = scratch->scaled;
	uint64		sign = SIGN_BIT;
	uint64		all = 0;
	unsigned	shift;
	uint32		i;

	for (i = 0; i < n; i++)
		sign &= patterns[i];
	for (i = 0; i < n; i++)
	{
		numbers[i] = rotate_sign_down(patterns[i] ^ sign);
		all |= numbers[i];
	}
	shift = all == 0 ? 0 : __builtin_ctzll(all);
	for (i = 0; i < n; i++)
		numbers[i] >>= shift;
	*dst++ = (uint8) (shift | (sign != 0 ? ALL_NEGATIVE : 0));
	return rusts_ints_encode_tagged(numbers, n, runs, effort, dst, scratch);
}

static const uint8 *
decode_pattern(const uint8 *src, const uint8 *end, uint32 n,
			   const RustsRuns *runs, uint64 *patterns,
			   RustsCodecScratch *scratch)
{
	uint64		sign;
	unsigned	shift;
	uint32		i;

	if (src == end || (*src & ~(ALL_NEGATIVE | 63)) != 0)
		return NULL;
	shift = *src & 63;
	sign = (*src & ALL_NEGATIVE) != 0 ? SIGN_BIT : 0;
	src = rusts_ints_decode_tagged(src + 1, end, n, runs, patterns, scratch);
	if (src == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		patterns[i] = rotate_sign_up(patterns[i] << shift) ^ sign;
	return src;
}

static uint8 *
encode_decimal(const uint64 *patterns, uint32 n, const RustsRuns *runs,
			   RustsEffort effort, int digits, uint32 nexceptions,
			   RustsCodec *codec, uint8 *dst, RustsCodecScratch *scratch)
{
	const uint64 *scaled = scratch->scaled;
	const uint64 *positions = scratch->exception_positions;
	uint32		i;

	*dst++ = (uint8) (int8) digits;
	if (nexceptions == 0)
	{
		for (i = 1; i < n && scaled[i] == scaled[0]; i++)
			;
		if (i == n)
		{
			*codec = RUSTS_CODEC_FLOAT_CONSTANT_DECIMAL;
			return rusts_put_varint(dst, rusts_zigzag(scaled[0]));
		}
		*codec = RUSTS_CODEC_FLOAT_DECIMAL;
	}
	else
	{
		uint64	   *exceptions = scratch->exception_patterns;

		*codec = RUSTS_CODEC_FLOAT_PATCHED_DECIMAL;
		dst = rusts_put_varint(dst, nexceptions);
		dst = rusts_bitpack(positions, nexceptions, rusts_bit_length(n - 1),
							0, dst);
		for (i = 0; i < nexceptions; i++)
			exceptions[i] = patterns[positions[i]];
		dst = rusts_ints_encode_tagged(exceptions, nexceptions,
									   &rusts_single_run, effort, dst,
									   scratch);
	}
	return rusts_ints_encode_tagged(scaled, n, runs, effort, dst, scratch);
}

static const uint8 *
decode_decimal(const uint8 *src, const uint8 *end, RustsCodec codec,
			   uint32 n, const RustsRuns *runs, uint64 *patterns,
			   RustsCodecScratch *scratch)
{
	uint64	   *positions = scratch->exception_positions;
	uint64	   *exceptions = scratch->exception_patterns;
	uint64	   *numbers = scratch->scaled;
	uint64		nexceptions = 0;
	int			digits;
	uint32		i;

	if (src == end)
		return NULL;
	digits = (int8) *src++;
	if (digits < -RUSTS_DECIMAL_MAX_DIGITS ||
		digits > RUSTS_DECIMAL_MAX_DIGITS)
		return NULL;

	if (codec == RUSTS_CODEC_FLOAT_CONSTANT_DECIMAL)
	{
		uint64		number;
		uint64		value;

		src = rusts_get_varint(src, end, &number);
		if (src == NULL)
			return NULL;
		number = rusts_unzigzag(number);
		rusts_decimal_unscale(&number, 1, digits, &value);
		for (i = 0; i < n; i++)
			patterns[i] = value;
		return src;
	}

	if (codec == RUSTS_CODEC_FLOAT_PATCHED_DECIMAL)
	{
		unsigned	width = rusts_bit_length(n - 1);
		size_t		size;

		src = rusts_get_varint(src, end, &nexceptions);
		if (src == NULL || nexceptions < 1 || nexceptions > n)
			return NULL;
		size = rusts_bitpack_size(nexceptions, width);
		if (size > (size_t) (end - src))
			return NULL;
		rusts_bitunpack(src, end - src, (uint32) nexceptions, width, 0,
						positions);
		src = rusts_ints_decode_tagged(src + size, end, (uint32) nexceptions,
									   &rusts_single_run, exceptions,
									   scratch);
		if (src == NULL)
			return NULL;
	}

	src = rusts_ints_decode_tagged(src, end, n, runs, numbers, scratch);
	if (src == NULL)
		return NULL;
	rusts_decimal_unscale(numbers, n, digits, patterns);
	for (i = 0; i < nexceptions; i++)
	{
		if (positions[i] >= n)
			return NULL;
		patterns[positions[i]] = exceptions[i];
	}
	return src;
}

/* A better encoding, in the trial memory, takes the place of the other. */
static uint8 *
keep_smaller(RustsCodec trial_codec, const uint8 *trial,
			 const uint8 *trial_end, RustsCodec *codec, uint8 *dst,
			 uint8 *end)
{
	size_t		size = trial_end - trial;

	if (end != NULL && size >= (size_t) (end - dst))
		return end;
	memcpy(dst, trial, size);
	*codec = trial_codec;
	return dst + size;
}

/*
 * Encode n >= 1 values, and set *codec, which the caller stores.  Returns the
 * byte after them.
 */
uint8 *
rusts_floats_encode(const uint64 *patterns, uint32 n, const RustsRuns *runs,
					RustsEffort effort, RustsCodec *codec, uint8 *dst,
					RustsCodecScratch *scratch)
{
	uint8	   *trial = scratch->float_trial;
	uint8	   *end = NULL;
	int			digits = rusts_decimal_choose(patterns, n);

	if (digits >= 0)
	{
		uint32		nexceptions;

		nexceptions = rusts_decimal_scale(patterns, n, digits,
										  scratch->scaled,
										  scratch->exception_positions);
		if (nexceptions <= n / 2)
			end = encode_decimal(patterns, n, runs, effort, digits,
								 nexceptions, codec, dst, scratch);

		/* Decimals without much ado: nothing else comes near. */
		if (end != NULL && effort == RUSTS_EFFORT_HOT &&
			nexceptions <= n / 16)
			return end;
	}

	end = keep_smaller(RUSTS_CODEC_FLOAT_PATTERN, trial,
					   encode_pattern(patterns, n, runs, effort, trial,
									  scratch), codec, dst, end);
	return keep_smaller(RUSTS_CODEC_FLOAT_GORILLA, trial,
						rusts_gorilla_encode(patterns, n, trial), codec,
						dst, end);
}

/* Returns the byte after the values, or NULL if they are corrupt. */
const uint8 *
rusts_floats_decode(const uint8 *src, const uint8 *end, RustsCodec codec,
					uint32 n, const RustsRuns *runs, uint64 *patterns,
					RustsCodecScratch *scratch)
{
	switch (codec)
	{
		case RUSTS_CODEC_FLOAT_PATTERN:
			return decode_pattern(src, end, n, runs, patterns, scratch);
		case RUSTS_CODEC_FLOAT_GORILLA:
			return rusts_gorilla_decode(src, end, n, patterns, scratch);
		case RUSTS_CODEC_FLOAT_DECIMAL:
		case RUSTS_CODEC_FLOAT_PATCHED_DECIMAL:
		case RUSTS_CODEC_FLOAT_CONSTANT_DECIMAL:
			return decode_decimal(src, end, codec, n, runs, patterns,
								  scratch);
		default:
			return NULL;
	}
}
