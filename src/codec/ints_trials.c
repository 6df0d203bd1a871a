/*-------------------------------------------------------------------------
 *
 * ints_trials.c
 *	  Encodings of a stream of integers that may or may not be smaller than
 *	  the planned one.
 *
 * Methods that hold streams or compressed bytes have no size to compute
 * beforehand: they are put together and measured.  That is expensive, so the
 * hot level does it only where a cheap look says that it may pay: run lengths
 * if few values change, a dictionary if few are different, LZ4 if sequences
 * repeat, a split if the plan is wide and remainders are few or near.
 *
 * src/codec/ints_trials.c
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
#include "codec/compress.h"
#include "codec/ints_encoder.h"

#define MIN_VALUES			8
#define SPLIT_MIN_VALUES	128
#define SPLIT_MIN_BITS		9.5
#define SPLIT_MIN_SAVED		1.0
#define SPLIT_TRIALS		2

/* As many as a Huffman code takes; fewer bits a value need no dictionary. */
#define DICTIONARY_MAX		RUSTS_WINDOW_SYMBOLS
#define DICTIONARY_MIN_BITS	2.0

#define LZ4_MIN_BITS		3.0

/* Of what it replaces, in 1,024ths. */
#define ANS_MAX_RATIO		1014

/*
 * An encoding was put together in the trial memory: let it replace the one at
 * dst if it is smaller.
 */
static uint8 *
keep_smaller(const RustsEncoder *enc, unsigned trial_tag,
			 const uint8 *trial_end,
			 unsigned *tag, uint8 *dst, uint8 *end)
{
	size_t		size = trial_end - enc->mine->trial;

	Assert(size <= RUSTS_SCRATCH_BYTES);
	if (size >= (size_t) (end - dst))
		return end;
	memcpy(dst, enc->mine->trial, size);
	*tag = trial_tag;
	return dst + size;
}

/*
 * Runs of one value each, as when every series has been sampled once: nothing
 * but starts, which are a single run themselves and can be differenced.
 */
static uint8 *
try_starts_only(const RustsEncoder *enc, unsigned *tag, uint8 *dst,
				uint8 *end)
{
	uint8	   *trial;

	trial = rusts_ints_encode_starts(enc, enc->values, enc->n,
									 enc->mine->trial);
	return keep_smaller(enc, rusts_make_tag(RUSTS_TRANSFORM_DELTA,
											RUSTS_METHOD_CONSTANT),
						trial, tag, dst, end);
}

static uint32
count_changes(const uint64 *values, uint32 n)
{
	uint32		changes = 0;
	uint32		i;

	for (i = 1; i < n; i++)
		changes += values[i] != values[i - 1];
	return changes;
}

/* Run lengths, if values come in runs of four or more on average. */
static uint8 *
try_runs(const RustsEncoder *enc, const RustsCandidate *candidate,
		 unsigned *tag,
		 uint8 *dst, uint8 *end)
{
	RustsCodecScratch *scratch = enc->scratch;
	const uint64 *values = candidate->residuals;
	uint32		n = candidate->nresiduals;
	uint64	   *run_values = scratch->parts[0];
	uint64	   *run_lengths = scratch->parts[1];
	uint32		nruns = 0;
	uint32		begin = 0;
	uint32		i;
	uint8	   *trial;

	if (count_changes(values, n) + 1 > n / 4)
		return end;
	for (i = 1; i <= n; i++)
	{
		if (i < n && values[i] == values[begin])
			continue;
		run_values[nruns] = values[begin];
		run_lengths[nruns++] = i - begin - 1;
		begin = i;
	}

	trial = rusts_ints_encode_bases(enc, candidate, enc->mine->trial);
	trial = rusts_put_varint(trial, nruns);
	trial = rusts_ints_encode_nested(enc, run_values, nruns, &rusts_single_run,
									 enc->level + 1, trial);
	trial = rusts_ints_encode_nested(enc, run_lengths, nruns,
									 &rusts_single_run,
									 enc->level + 1, trial);
	return keep_smaller(enc, rusts_make_tag(candidate->transform,
											RUSTS_METHOD_RUNS),
						trial, tag, dst, end);
}

/* Are there few different values, as far as a look at some of them tells? */
static bool
few_values(const uint64 *values, uint32 n)
{
	uint32		step = n / RUSTS_SAMPLE_SIZE + 1;
	uint64		seen[4] = {0};
	uint32		i;

	for (i = 0; i < n; i += step)
	{
		uint64		bucket =
		(values[i] * UINT64CONST(0x9E3779B97F4A7C15)) >> 56;

		seen[bucket / 64] |= UINT64CONST(1) << (bucket % 64);
	}
	return rusts_bitmap_count(seen, 256) <= RUSTS_SAMPLE_SIZE / 2;
}

/*
 * Replace values by places in a sorted dictionary; returns its size, or 0 if
 * there are too many different ones.
 */
static uint32
look_up_values(const uint64 *values, uint32 n, uint64 *entries,
			   uint64 *which)
{
	uint8		buckets[256] = {0};
	uint64		found[DICTIONARY_MAX];	/* in order of appearance */
	uint8		rank[DICTIONARY_MAX];
	uint32		nentries = 0;
	uint32		i;
	uint32		j;

	for (i = 0; i < n; i++)
	{
		uint32		bucket = (uint32)
		((values[i] * UINT64CONST(0x9E3779B97F4A7C15)) >> 56);

		while (buckets[bucket] != 0 && found[buckets[bucket] - 1] != values[i])
			bucket = (bucket + 1) % 256;
		if (buckets[bucket] == 0)
		{
			if (nentries == DICTIONARY_MAX)
				return 0;
			found[nentries++] = values[i];
			buckets[bucket] = (uint8) nentries;
		}
		which[i] = buckets[bucket] - 1;
	}

	for (i = 0; i < nentries; i++)
	{
		rank[i] = 0;
		for (j = 0; j < nentries; j++)
			rank[i] += (int64) found[j] < (int64) found[i];
		entries[rank[i]] = found[i];
	}
	for (i = 0; i < n; i++)
		which[i] = rank[which[i]];
	return nentries;
}

static uint8 *
try_dictionary(const RustsEncoder *enc, const RustsCandidate *candidate,
			   unsigned *tag,
			   uint8 *dst, uint8 *end)
{
	uint64	   *entries = enc->scratch->parts[0];
	uint64	   *which = enc->scratch->parts[1];
	uint32		n = candidate->nresiduals;
	uint32		nentries;
	uint8	   *trial;

	nentries = look_up_values(candidate->residuals, n, entries, which);
	if (nentries == 0)
		return end;
	trial = rusts_ints_encode_bases(enc, candidate, enc->mine->trial);
	trial = rusts_put_varint(trial, nentries);
	trial = rusts_ints_encode_nested(enc, entries, nentries, &rusts_single_run,
									 enc->level + 1, trial);
	trial = rusts_ints_encode_nested(enc, which, n, &rusts_single_run,
									 enc->level + 1,
									 trial);
	return keep_smaller(enc, rusts_make_tag(candidate->transform,
											RUSTS_METHOD_DICTIONARY),
						trial, tag, dst, end);
}

/* Do the values seem to repeat sequences of before? */
static bool
repeats(const uint64 *values, uint32 n)
{
	uint16		seen[512] = {0};
	uint32		begin = n > 512 ? n / 2 - 256 : 0;
	uint32		middle = n / 2;
	uint32		nqueries = Min(n - middle - 3, 64);
	uint32		nfound = 0;
	uint32		i;

#define QUAD_HASH(v) \
	(((v)[0] * UINT64CONST(0x9E3779B97F4A7C15) + \
	  (v)[1] * UINT64CONST(0xC2B2AE3D27D4EB4F) + \
	  (v)[2] * UINT64CONST(0x165667B19E3779F9) + \
	  (v)[3] * UINT64CONST(0x27D4EB2F165667C5)) >> 39)

	for (i = begin; i < middle; i++)
	{
		uint64		hash = QUAD_HASH(values + i);

		seen[hash & 511] = (uint16) (hash >> 9) | 1;
	}
	for (i = 0; i < nqueries; i++)
	{
		uint64		hash = QUAD_HASH(values + middle + i);

		nfound += seen[hash & 511] == ((uint16) (hash >> 9) | 1);
	}
#undef QUAD_HASH
	return nfound > nqueries / 4;
}

/* LZ4 or Zstd over the residuals as bytes, of the fewest bytes each. */
static uint8 *
try_compression(const RustsEncoder *enc, const RustsCandidate *candidate,
				RustsMethod method, unsigned *tag, uint8 *dst, uint8 *end)
{
	const uint64 *values = candidate->residuals;
	uint32		n = candidate->nresiduals;
	uint8	   *bytes = enc->scratch->bytes;
	uint8	   *trial = enc->mine->trial;
	uint8	   *compressed = trial + RUSTS_SCRATCH_BYTES / 2;
	bool		lz4 = method == RUSTS_METHOD_LZ4;
	int64		low = (int64) values[0];
	int64		high = low;
	uint64		base;
	unsigned	width;
	unsigned	byte;
	size_t		size;
	uint32		i;

	for (i = 1; i < n; i++)
	{
		low = Min(low, (int64) values[i]);
		high = Max(high, (int64) values[i]);
	}
	base = (uint64) low;
	width = (rusts_bit_length((uint64) high - base) + 7) / 8;
	if (width == 0)
		return end;
	for (byte = 0; byte < width; byte++)
	{
		uint8	   *out = bytes + (lz4 ? byte : byte * n);
		uint32		step = lz4 ? width : 1;

		for (i = 0; i < n; i++)
			out[i * step] = (uint8) ((values[i] - base) >> (8 * byte));
	}

	size = rusts_compress(lz4 ? RUSTS_COMPRESSION_LZ4 :
						  RUSTS_COMPRESSION_ZSTD, bytes, (size_t) n * width,
						  compressed,
						  Min((size_t) (end - dst), RUSTS_SCRATCH_BYTES / 2),
						  enc->scratch);
	if (size == 0)
		return end;
	trial = rusts_ints_encode_bases(enc, candidate, trial);
	trial = rusts_put_varint(trial, rusts_zigzag(base));
	*trial++ = (uint8) width;
	trial = rusts_put_varint(trial, size);
	memmove(trial, compressed, size);
	return keep_smaller(enc, rusts_make_tag(candidate->transform, method),
						trial + size, tag, dst, end);
}

/*
 * Finite states: they take longer to decode, so they must be worth something.
 */
static uint8 *
try_ans(const RustsEncoder *enc, const RustsCandidate *candidate,
		unsigned *tag, uint8 *dst, uint8 *end)
{
	size_t		to_beat = (size_t) (end - dst) * ANS_MAX_RATIO / 1024;
	RustsAnsPlan plan;
	uint8	   *trial;

	if (!rusts_ans_plan(candidate->residuals, candidate->nresiduals,
						&candidate->plan, &plan) ||
		plan.size >= to_beat)
		return end;
	trial = rusts_ints_encode_bases(enc, candidate, enc->mine->trial);
	trial = rusts_ans_encode_values(candidate->residuals,
									candidate->nresiduals, &plan, trial,
									enc->scratch);
	if ((size_t) (trial - enc->mine->trial) >= to_beat)
		return end;
	return keep_smaller(enc, rusts_make_tag(candidate->transform,
											RUSTS_METHOD_ANS),
						trial, tag, dst, end);
}

/*
 * Split values into quotients and remainders: what was measured coarsely and
 * then converted to another unit has few or near remainders.
 */
static uint8 *
try_split(const RustsEncoder *enc, int64 divisor, unsigned *tag, uint8 *dst,
		  uint8 *end)
{
	uint64	   *quotients = enc->scratch->parts[0];
	uint64	   *remainders = enc->scratch->parts[1];
	uint8	   *trial;
	uint32		i;

	for (i = 0; i < enc->n; i++)
	{
		int64		quotient = (int64) enc->values[i] / divisor;
		int64		remainder = (int64) enc->values[i] % divisor;

		if (remainder < 0)
		{
			quotient--;
			remainder += divisor;
		}
		quotients[i] = (uint64) quotient;
		remainders[i] = (uint64) remainder;
	}
	trial = rusts_put_varint(enc->mine->trial, (uint64) divisor);
	trial = rusts_ints_encode_nested(enc, quotients, enc->n, enc->runs,
									 enc->level + 1,
									 trial);
	trial = rusts_ints_encode_nested(enc, remainders, enc->n, enc->runs,
									 enc->level + 1,
									 trial);
	return keep_smaller(enc, rusts_make_tag(RUSTS_TRANSFORM_NONE,
											RUSTS_METHOD_SPLIT),
						trial, tag, dst, end);
}

/*
 * Bits per value that splitting by a divisor seems to save: what the
 * remainders would take were they random, though no more than values take
 * now, less what they seem to take.
 */
static double
sample_split(const RustsEncoder *enc, int64 divisor, double bits)
{
	uint32		step = enc->n / RUSTS_SAMPLE_SIZE;
	int64		origin = (int64) enc->values[0] % divisor;
	uint64		seen[8] = {0};
	uint32		ndistinct = 0;
	uint64		range = 0;
	unsigned	left;
	uint32		i;

	for (i = 0; i < enc->n; i += step)
	{
		int64		remainder = (int64) enc->values[i] % divisor - origin;
		uint64		bucket;

		/* to [-divisor / 2, divisor / 2] */
		if (remainder > divisor / 2)
			remainder -= divisor;
		else if (remainder < -(divisor / 2))
			remainder += divisor;
		range |= rusts_zigzag((uint64) remainder);
		bucket = ((uint64) remainder * UINT64CONST(0x9E3779B97F4A7C15)) >> 55;
		ndistinct += !(seen[bucket / 64] >> (bucket % 64) & 1);
		seen[bucket / 64] |= UINT64CONST(1) << (bucket % 64);
	}
	left = rusts_bit_length(range);
	if (ndistinct <= RUSTS_SAMPLE_SIZE / 2)
		left = Min(left, 1 + rusts_bit_length(ndistinct));
	return Min(bits, rusts_bit_length(divisor)) - left;
}

/*
 * Try the divisors that seem to save most, of a plan that takes so many bits
 * per value.
 */
static uint8 *
try_splits(const RustsEncoder *enc, double bits, unsigned *tag, uint8 *dst,
		   uint8 *end)
{
	static const int64 divisors[] = {
		25, 50, 100, 1000, 10000, 100000, 1000000, 10000000
	};
	bool		cold = enc->effort == RUSTS_EFFORT_COLD;
	int			ntrials = cold ? lengthof(divisors) : SPLIT_TRIALS;
	double		saved[lengthof(divisors)];
	size_t		best;
	size_t		i;

	for (i = 0; i < lengthof(divisors); i++)
		saved[i] = sample_split(enc, divisors[i], bits);
	for (; ntrials > 0; ntrials--)
	{
		best = 0;
		for (i = 1; i < lengthof(divisors); i++)
		{
			if (saved[i] > saved[best])
				best = i;
		}
		if (saved[best] < (cold ? 0.5 : SPLIT_MIN_SAVED))
			break;
		end = try_split(enc, divisors[best], tag, dst, end);
		saved[best] = 0;
	}
	return end;
}

/*
 * Try the methods that hold streams or compressed bytes where they may win.
 * The encoding at [dst, end) is what to beat; the one that is left there ends
 * at the result, and *tag is its tag.
 */
uint8 *
rusts_ints_try_others(const RustsEncoder *enc, const RustsSample *sample,
					  const RustsCandidate *best, unsigned *tag, uint8 *dst,
					  uint8 *end)
{
	bool		cold = enc->effort == RUSTS_EFFORT_COLD;
	double		bits = best->size * 8.0 / enc->n;
	size_t		i;

	if (enc->n == enc->runs->nruns && enc->n > 2)
		end = try_starts_only(enc, tag, dst, end);
	if (best->nresiduals < MIN_VALUES)
		return end;
	if (best->nresiduals > RUSTS_SMALL_STREAM)
	{
		if (cold ||
			(bits >= LZ4_MIN_BITS &&
			 repeats(best->residuals, best->nresiduals)))
			end = try_compression(enc, best, RUSTS_METHOD_LZ4, tag, dst, end);
		if (cold)
			end = try_compression(enc, best, RUSTS_METHOD_ZSTD, tag, dst,
								  end);
		if (cold)
			end = try_ans(enc, best, tag, dst, end);
	}
	if (enc->level >= RUSTS_STREAM_DEPTH)
		return end;

	/* What is said of the residuals may be true of the values themselves. */
	for (i = 0; i < 2; i++)
	{
		RustsCandidate candidate = *best;

		if (i == 1)
		{
			if (best->transform == RUSTS_TRANSFORM_NONE)
				break;
			candidate.transform = RUSTS_TRANSFORM_NONE;
			candidate.residuals = enc->values;
			candidate.nresiduals = enc->n;
		}
		if (sample->runs[candidate.transform])
			end = try_runs(enc, &candidate, tag, dst, end);
		if (bits >= DICTIONARY_MIN_BITS && best->plan.width > 0 &&
			few_values(candidate.residuals, candidate.nresiduals))
			end = try_dictionary(enc, &candidate, tag, dst, end);
	}
	if (bits >= SPLIT_MIN_BITS && enc->n >= SPLIT_MIN_VALUES)
		end = try_splits(enc, bits, tag, dst, end);
	return end;
}
