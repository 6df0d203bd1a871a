/*-------------------------------------------------------------------------
 *
 * ints_encode.c
 *	  Encode streams of 64-bit integers.
 *
 * The transform is chosen by how many bits a sample of its residuals needs;
 * what looks equally good is planned in full.  Then ints_trials.c has a go at
 * something better.  See ints_decode.c for the bytes.
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
#include "codec/ints_encoder.h"

/* A transform is out if a value of it seems to take this much more. */
#define SAMPLE_MARGIN_BITS	0.75

/* Level of starts and firsts, whose own are single numbers. */
#define BASES_LEVEL			(RUSTS_SCRATCH_LEVELS - 1)

static uint8 *encode_stream(const RustsEncoder *enc, unsigned *tag,
							uint8 *dst);

static uint32
run_end(const RustsEncoder *enc, uint32 run)
{
	return run + 1 < enc->runs->nruns ? enc->runs->starts[run + 1] : enc->n;
}

/* Encode a stream inside this one, its tag before it. */
uint8 *
rusts_ints_encode_nested(const RustsEncoder *enc, const uint64 *values,
						 uint32 n, const RustsRuns *runs, int level,
						 uint8 *dst)
{
	RustsEncoder nested = {values, n, runs, enc->effort, level,
	enc->scratch, &enc->scratch->levels[level]};
	unsigned	tag;
	uint8	   *end = encode_stream(&nested, &tag, dst + 1);

	*dst = (uint8) tag;
	return end;
}

/* Starts or firsts. */
uint8 *
rusts_ints_encode_starts(const RustsEncoder *enc, const uint64 *starts,
						 uint32 n, uint8 *dst)
{
	if (n == 0)
		return dst;
	if (n == 1)
		return rusts_put_varint(dst, rusts_zigzag(starts[0]));
	return rusts_ints_encode_nested(enc, starts, n, &rusts_single_run,
									BASES_LEVEL, dst);
}

/*
 * Bits per value that each transform seems to need, from a sample of places.
 * Logarithms rather than sums, so that an outlier counts once, not a million
 * times.  The stream as it is and its differences are measured around a
 * middle value, as packing subtracts a base.
 */
static void
sample_transforms(const RustsEncoder *enc, RustsSample *sample)
{
	const uint64 *values = enc->values;
	uint32		step = enc->n / RUSTS_SAMPLE_SIZE + 1;
	uint64		middle = values[enc->n / 2];
	uint64		slope;
	uint32		sums[RUSTS_NTRANSFORMS] = {0};
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
	for (i = 0; i < RUSTS_NTRANSFORMS; i++)
		sample->bits[i] = (double) sums[i] / nsamples;
	sample->runs[RUSTS_TRANSFORM_NONE] = unchanged > nsamples / 2;
	sample->runs[RUSTS_TRANSFORM_DELTA] = unchanged_delta > nsamples / 2;
}

/* Starts, firsts and residuals of a transform, to scratch memory. */
static void
apply_transform(const RustsEncoder *enc, RustsCandidate *candidate)
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
plan_transform(const RustsEncoder *enc, RustsTransform transform,
			   RustsCandidate *candidate)
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
choose_transform(const RustsEncoder *enc, const RustsSample *sample,
				 RustsCandidate *best)
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

	for (transform = 0; transform < RUSTS_NTRANSFORMS; transform++)
	{
		RustsCandidate candidate;

		if (bits[transform] > limit)
			continue;
		plan_transform(enc, transform, &candidate);
		if (candidate.size < best->size)
			*best = candidate;
	}
}

/* What comes before the residuals. */
uint8 *
rusts_ints_encode_bases(const RustsEncoder *enc,
						const RustsCandidate *candidate,
						uint8 *dst)
{
	if (candidate->transform >= RUSTS_TRANSFORM_DELTA)
		dst = rusts_ints_encode_starts(enc, enc->mine->starts,
									   enc->runs->nruns, dst);
	if (candidate->transform == RUSTS_TRANSFORM_DELTA2)
		dst = rusts_ints_encode_starts(enc, enc->mine->firsts,
									   candidate->nfirsts, dst);
	return dst;
}

/* As planned. */
static uint8 *
encode_candidate(const RustsEncoder *enc, const RustsCandidate *candidate,
				 unsigned *tag, uint8 *dst)
{
	dst = rusts_ints_encode_bases(enc, candidate, dst);
	*tag = rusts_make_tag(candidate->transform,
						  candidate->nresiduals == 0 ? RUSTS_METHOD_CONSTANT :
						  candidate->plan.method);
	if (candidate->nresiduals == 0)
		return dst;
	return rusts_residuals_encode(candidate->residuals,
								  candidate->nresiduals, &candidate->plan,
								  dst, enc->scratch);
}

/*
 * Encode, and set *tag to the stream's tag, which the caller stores.
 */
static uint8 *
encode_stream(const RustsEncoder *enc, unsigned *tag, uint8 *dst)
{
	RustsSample sample = {{0, 0, 0}, {true, true, true}};
	RustsCandidate best;
	uint8	   *end;

	if (enc->n > RUSTS_SMALL_STREAM && enc->effort == RUSTS_EFFORT_HOT)
		sample_transforms(enc, &sample);
	choose_transform(enc, &sample, &best);
	end = encode_candidate(enc, &best, tag, dst);
	if (best.nresiduals == 0 || best.plan.method == RUSTS_METHOD_CONSTANT)
		return end;
	return rusts_ints_try_others(enc, &sample, &best, tag, dst, end);
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
	RustsEncoder enc = {values, n, runs, effort, 0, scratch,
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
