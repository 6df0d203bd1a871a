/*-------------------------------------------------------------------------
 *
 * ints_encode.c
 *	  Encode streams of 64-bit integers.
 *
 * The transform is chosen by how many bits a sample of its residuals needs;
 * what looks equally good is planned in full.  Methods that hold streams or
 * compressed bytes are tried only where a cheap look says they might win:
 * run lengths if few values change, LZ4 if what is left repeats itself, a
 * split by a power of ten if the plan is wide.  See ints_decode.c for the
 * bytes.
 *
 * src/codec/ints_encode.c
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
#include "codec/compress.h"
#include "codec/ints.h"
#include "codec/residuals.h"
#include "codec/scratch.h"

#define NTRANSFORMS			3

/* Up to this many values every transform is planned in full. */
#define SMALL_STREAM		32
#define SAMPLE_SIZE			64
#define SPLIT_MIN_VALUES	128

/* A transform is out if a value of it seems to take this much more. */
#define SAMPLE_MARGIN_BITS	0.75

/* What a transform makes of a stream. */
typedef struct Candidate
{
	RustsTransform transform;
	const uint64 *residuals;
	uint32		nresiduals;
	uint32		nfirsts;
	RustsPlan	plan;
	size_t		size;			/* with starts and firsts */
} Candidate;

/* Level of starts and firsts, whose own are single numbers. */
#define BASES_LEVEL			(RUSTS_SCRATCH_LEVELS - 1)

/* What a look at some of the values says of each transform. */
typedef struct Sample
{
	double		bits[NTRANSFORMS];	/* a residual takes; all 0 if not looked */
	bool		runs[NTRANSFORMS];	/* may residuals come in runs? */
} Sample;

typedef struct Encoder
{
	const uint64 *values;
	uint32		n;
	const RustsRuns *runs;
	RustsEffort effort;
	int			level;			/* of streams inside streams */
	RustsCodecScratch *scratch;
	RustsStreamScratch *mine;	/* of this level */
} Encoder;

static uint8 *encode_stream(const Encoder *enc, unsigned *tag, uint8 *dst);

static uint32
run_end(const Encoder *enc, uint32 run)
{
	return run + 1 < enc->runs->nruns ? enc->runs->starts[run + 1] : enc->n;
}

/* Encode a stream inside this one, its tag before it. */
static uint8 *
encode_nested(const Encoder *enc, const uint64 *values, uint32 n,
			  const RustsRuns *runs, int level, uint8 *dst)
{
	Encoder		nested = {values, n, runs, enc->effort, level,
		enc->scratch, &enc->scratch->levels[level]};
	unsigned	tag;
	uint8	   *end = encode_stream(&nested, &tag, dst + 1);

	*dst = (uint8) tag;
	return end;
}

static uint8 *
encode_bases(const Encoder *enc, const uint64 *bases, uint32 n, uint8 *dst)
{
	if (n == 0)
		return dst;
	if (n == 1)
		return rusts_put_varint(dst, rusts_zigzag(bases[0]));
	return encode_nested(enc, bases, n, &rusts_single_run, BASES_LEVEL, dst);
}

/*
 * Bits per value that each transform seems to need, from a sample of places.
 * Logarithms rather than sums, so that an outlier counts once, not a million
 * times.  The stream as it is and its differences are measured around a
 * middle value, as packing subtracts a base.
 */
static void
sample_transforms(const Encoder *enc, Sample *sample)
{
	const uint64 *values = enc->values;
	uint32		step = enc->n / SAMPLE_SIZE + 1;
	uint64		middle = values[enc->n / 2];
	uint64		slope;
	uint32		sums[NTRANSFORMS] = {0};
	uint32		nsamples = 0;
	uint32		unchanged = 0;
	uint32		unchanged_delta = 0;
	uint32		i;

	/* The middle one of three differences far apart. */
	{
		int64		a = (int64) (values[2] - values[1]);
		int64		b = (int64) (values[enc->n / 2] - values[enc->n / 2 - 1]);
		int64		c = (int64) (values[enc->n - 1] - values[enc->n - 2]);

		slope = (uint64) Max(Min(a, b), Min(Max(a, b), c));
	}

	for (i = 2; i < enc->n; i += step)
	{
		uint64		delta = values[i] - values[i - 1];
		uint64		delta2 = delta - (values[i - 1] - values[i - 2]);

		sums[0] += rusts_bit_length(rusts_zigzag(values[i] - middle));
		sums[1] += rusts_bit_length(rusts_zigzag(delta - slope));
		sums[2] += rusts_bit_length(rusts_zigzag(delta2));
		unchanged += delta == 0;
		unchanged_delta += delta2 == 0;
		nsamples++;
	}
	for (i = 0; i < NTRANSFORMS; i++)
		sample->bits[i] = (double) sums[i] / nsamples;
	sample->runs[RUSTS_TRANSFORM_NONE] = unchanged > nsamples / 2;
	sample->runs[RUSTS_TRANSFORM_DELTA] = unchanged_delta > nsamples / 2;
}

/* Starts, firsts and residuals of a transform, to scratch memory. */
static void
apply_transform(const Encoder *enc, Candidate *candidate)
{
	const uint64 *values = enc->values;
	uint64	   *out = enc->mine->residuals[candidate->transform];
	uint32		nfirsts = 0;
	uint32		run;

	if (candidate->transform == RUSTS_TRANSFORM_NONE)
	{
		candidate->residuals = values;
		candidate->nresiduals = enc->n;
		candidate->nfirsts = 0;
		return;
	}

	candidate->residuals = out;
	for (run = 0; run < enc->runs->nruns; run++)
	{
		uint32		first = enc->runs->starts[run];
		uint32		count = run_end(enc, run) - first;
		const uint64 *v = values + first;
		uint32		i;

		enc->mine->starts[run] = v[0];
		if (candidate->transform == RUSTS_TRANSFORM_DELTA)
		{
			for (i = 1; i < count; i++)
				out[i - 1] = v[i] - v[i - 1];
			out += count - 1;
			continue;
		}
		if (count == 1)
			continue;
		enc->mine->firsts[nfirsts++] = v[1] - v[0];
		for (i = 2; i < count; i++)
			out[i - 2] = (v[i] - v[i - 1]) - (v[i - 1] - v[i - 2]);
		out += count - 2;
	}
	candidate->nresiduals = (uint32) (out - candidate->residuals);
	candidate->nfirsts = nfirsts;
}

/* About what starts or firsts will take. */
static size_t
bases_size(const uint64 *bases, uint32 n)
{
	RustsPlan	plan;

	if (n == 0)
		return 0;
	if (n == 1)
		return rusts_varint_size(rusts_zigzag(bases[0]));
	rusts_residuals_plan(bases, n, RUSTS_EFFORT_HOT, &plan);
	return 1 + plan.size;
}

static void
plan_transform(const Encoder *enc, RustsTransform transform,
			   Candidate *candidate)
{
	candidate->transform = transform;
	apply_transform(enc, candidate);
	candidate->size = 0;
	if (candidate->nresiduals > 0)
	{
		rusts_residuals_plan(candidate->residuals, candidate->nresiduals,
							 enc->effort, &candidate->plan);
		candidate->size = candidate->plan.size;
	}
	if (transform >= RUSTS_TRANSFORM_DELTA)
		candidate->size += bases_size(enc->mine->starts,
									  enc->runs->nruns);
	if (transform == RUSTS_TRANSFORM_DELTA2)
		candidate->size += bases_size(enc->mine->firsts,
									  candidate->nfirsts);
}

/* The best of the transforms. */
static void
choose_transform(const Encoder *enc, const Sample *sample, Candidate *best)
{
	const double *bits = sample->bits;
	double		limit;
	int			transform;

	/* Runs of one value each have no differences. */
	if (enc->n == enc->runs->nruns)
	{
		plan_transform(enc, RUSTS_TRANSFORM_NONE, best);
		return;
	}

	best->size = SIZE_MAX;
	limit = Min(Min(bits[0], bits[1]), bits[2]) + SAMPLE_MARGIN_BITS;

	for (transform = 0; transform < NTRANSFORMS; transform++)
	{
		Candidate	candidate;

		if (bits[transform] > limit)
			continue;
		plan_transform(enc, transform, &candidate);
		if (candidate.size < best->size)
			*best = candidate;
	}
}

/* What comes before the residuals. */
static uint8 *
encode_candidate_bases(const Encoder *enc, const Candidate *candidate,
					   uint8 *dst)
{
	if (candidate->transform >= RUSTS_TRANSFORM_DELTA)
		dst = encode_bases(enc, enc->mine->starts, enc->runs->nruns, dst);
	if (candidate->transform == RUSTS_TRANSFORM_DELTA2)
		dst = encode_bases(enc, enc->mine->firsts, candidate->nfirsts, dst);
	return dst;
}

/* As planned. */
static uint8 *
encode_candidate(const Encoder *enc, const Candidate *candidate,
				 unsigned *tag, uint8 *dst)
{
	dst = encode_candidate_bases(enc, candidate, dst);
	*tag = RUSTS_TAG(candidate->transform, RUSTS_METHOD_CONSTANT);
	if (candidate->nresiduals == 0)
		return dst;
	*tag |= candidate->plan.method;
	return rusts_residuals_encode(candidate->residuals,
								  candidate->nresiduals, &candidate->plan,
								  dst, enc->scratch);
}

/*
 * An encoding was put together in the trial memory: let it replace the one at
 * dst if it is smaller.
 */
static uint8 *
keep_smaller(const Encoder *enc, unsigned trial_tag, const uint8 *trial_end,
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
try_runs(const Encoder *enc, const Candidate *candidate, unsigned *tag,
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

	if (n < 8 || count_changes(values, n) + 1 > n / 4)
		return end;
	for (i = 1; i <= n; i++)
	{
		if (i < n && values[i] == values[begin])
			continue;
		run_values[nruns] = values[begin];
		run_lengths[nruns++] = i - begin - 1;
		begin = i;
	}

	trial = encode_candidate_bases(enc, candidate, enc->mine->trial);
	trial = rusts_put_varint(trial, nruns);
	trial = encode_nested(enc, run_values, nruns, &rusts_single_run,
						  enc->level + 1, trial);
	trial = encode_nested(enc, run_lengths, nruns, &rusts_single_run,
						  enc->level + 1, trial);
	return keep_smaller(enc, RUSTS_TAG(candidate->transform,
									   RUSTS_METHOD_RUNS),
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
try_compression(const Encoder *enc, const Candidate *candidate,
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
	trial = encode_candidate_bases(enc, candidate, trial);
	trial = rusts_put_varint(trial, rusts_zigzag(base));
	*trial++ = (uint8) width;
	trial = rusts_put_varint(trial, size);
	memmove(trial, compressed, size);
	return keep_smaller(enc, RUSTS_TAG(candidate->transform, method),
						trial + size, tag, dst, end);
}

/*
 * Split values into quotients and remainders: what was measured coarsely and
 * then converted to another unit has few or near remainders.
 */
static uint8 *
try_split(const Encoder *enc, int64 divisor, unsigned *tag, uint8 *dst,
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
	trial = encode_nested(enc, quotients, enc->n, enc->runs, enc->level + 1,
						  trial);
	trial = encode_nested(enc, remainders, enc->n, enc->runs, enc->level + 1,
						  trial);
	return keep_smaller(enc, RUSTS_TAG(RUSTS_TRANSFORM_NONE,
									   RUSTS_METHOD_SPLIT),
						trial, tag, dst, end);
}

/*
 * Bits per value that splitting by a divisor seems to save: what the
 * remainders would take were they random, less what they seem to take.
 */
static double
sample_split(const Encoder *enc, int64 divisor)
{
	uint32		step = enc->n / SAMPLE_SIZE;
	int64		origin = (int64) enc->values[0] % divisor;
	uint64		seen[8] = {0};
	uint32		ndistinct = 0;
	uint64		range = 0;
	uint32		i;
	unsigned	bits;

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
	bits = Min(rusts_bit_length(range), 1 + rusts_bit_length(ndistinct));
	return (double) rusts_bit_length(divisor) - bits;
}

/*
 * Encode, and set *tag to the stream's tag, which the caller stores.
 */
static uint8 *
encode_stream(const Encoder *enc, unsigned *tag, uint8 *dst)
{
	static const int64 divisors[] = {
		25, 50, 100, 1000, 10000, 100000, 1000000, 10000000
	};
	bool		cold = enc->effort == RUSTS_EFFORT_COLD;
	Sample		sample = {{0, 0, 0}, {true, true, true}};
	Candidate	best;
	uint8	   *end;
	double		bits;
	size_t		i;

	if (enc->n > SMALL_STREAM && !cold)
		sample_transforms(enc, &sample);
	choose_transform(enc, &sample, &best);
	end = encode_candidate(enc, &best, tag, dst);
	if (best.nresiduals < 8 || best.plan.method == RUSTS_METHOD_CONSTANT)
		return end;
	bits = best.size * 8.0 / enc->n;

	if (best.nresiduals > SMALL_STREAM)
	{
		if (cold ||
			(bits >= 3 && repeats(best.residuals, best.nresiduals)))
			end = try_compression(enc, &best, RUSTS_METHOD_LZ4, tag, dst, end);
		if (cold)
			end = try_compression(enc, &best, RUSTS_METHOD_ZSTD, tag, dst,
								  end);
	}
	if (enc->level >= RUSTS_STREAM_DEPTH)
		return end;

	if (sample.runs[best.transform])
		end = try_runs(enc, &best, tag, dst, end);
	if (sample.runs[RUSTS_TRANSFORM_NONE] &&
		best.transform != RUSTS_TRANSFORM_NONE)
	{
		Candidate	plain = {
			.transform = RUSTS_TRANSFORM_NONE,
			.residuals = enc->values,
			.nresiduals = enc->n
		};

		end = try_runs(enc, &plain, tag, dst, end);
	}
	if (bits >= 9.5 && enc->n >= SPLIT_MIN_VALUES)
	{
		for (i = 0; i < lengthof(divisors); i++)
		{
			if (sample_split(enc, divisors[i]) >= (cold ? 1 : 2))
				end = try_split(enc, divisors[i], tag, dst, end);
		}
	}
	return end;
}

/*
 * Encode n >= 1 values, and set *tag to the stream's tag, which the caller
 * stores.  Returns the byte after the stream; up to RUSTS_INTS_BOUND(n) bytes
 * may be touched.
 */
uint8 *
rusts_ints_encode(const uint64 *values, uint32 n, const RustsRuns *runs,
				  RustsEffort effort, unsigned *tag, uint8 *dst,
				  RustsCodecScratch *scratch)
{
	Encoder		enc = {values, n, runs, effort, 0, scratch,
		&scratch->levels[0]};

	return encode_stream(&enc, tag, dst);
}

/* Likewise, with the tag in the first byte. */
uint8 *
rusts_ints_encode_tagged(const uint64 *values, uint32 n,
						 const RustsRuns *runs, RustsEffort effort,
						 uint8 *dst, RustsCodecScratch *scratch)
{
	unsigned	tag;
	uint8	   *end = rusts_ints_encode(values, n, runs, effort, &tag,
										dst + 1, scratch);

	*dst = (uint8) tag;
	return end;
}
