/*-------------------------------------------------------------------------
 *
 * ints_decode.c
 *	  Decode streams of 64-bit integers.
 *
 * A stream of n values is
 *
 *		starts		values at the beginnings of runs (delta, delta2)
 *		firsts		first differences of runs that have one (delta2)
 *		residuals	the other values, differences, or differences of
 *					differences
 *
 * where starts and firsts are a zigzag varint if there is one such number,
 * nothing if there is none, and else a tag byte and a stream of a single run.
 * If no value is left for the residuals, nothing stands for them.
 *
 * All arithmetic is modulo 2^64: every int64 comes back, and there is no
 * range check to get wrong.
 *
 * Most methods for residuals are in residuals.c.  The others hold streams,
 * each with its tag byte before it, or compressed bytes:
 *
 * runs			varint	number of runs
 *				stream	the value of each, a single run
 *				stream	length - 1 of each, a single run
 *
 * split		varint	divisor d, not 0; transform none only
 *				stream	quotients, rounded down; same runs
 *				stream	remainders; same runs
 *
 * dictionary	varint	number of entries
 *				stream	the entries, a single run
 *				stream	which entry each is, counting from 0; a single run
 *
 * LZ4, Zstd	varint	base, zigzag
 *				u8		width in bytes, 1 .. 8
 *				varint	compressed size
 *				bytes	value - base, width bytes each; LZ4: one value after
 *						the other; Zstd: all lowest bytes, then the next
 *
 * Streams inside runs, split and dictionary may not be any of these
 * themselves.
 *
 * src/codec/ints_decode.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/varint.h"
#include "codec/compress.h"
#include "codec/deltas.h"
#include "codec/ints.h"
#include "codec/residuals.h"
#include "codec/scratch.h"

static const uint32 first_row = 0;
const RustsRuns rusts_single_run = {&first_row, 1};

static const uint8 *decode_stream(const uint8 *src, const uint8 *end,
								  unsigned tag, uint32 n,
								  const RustsRuns *runs, uint64 *values,
								  RustsCodecScratch *scratch, int depth);

static const uint8 *
decode_tagged(const uint8 *src, const uint8 *end, uint32 n,
			  const RustsRuns *runs, uint64 *values,
			  RustsCodecScratch *scratch, int depth)
{
	if (src == end)
		return NULL;
	return decode_stream(src + 1, end, *src, n, runs, values, scratch, depth);
}

static const uint8 *
decode_runs(const uint8 *src, const uint8 *end, uint32 n, uint64 *values,
			RustsCodecScratch *scratch, int depth)
{
	uint64	   *run_values = scratch->parts[0];
	uint64	   *run_lengths = scratch->parts[1];
	uint64		nruns;
	uint32		done = 0;
	uint32		run;

	src = rusts_get_varint(src, end, &nruns);
	if (src == NULL || nruns < 1 || nruns > n)
		return NULL;
	src = decode_tagged(src, end, (uint32) nruns, &rusts_single_run,
						run_values, scratch, depth + 1);
	if (src == NULL)
		return NULL;
	src = decode_tagged(src, end, (uint32) nruns, &rusts_single_run,
						run_lengths, scratch, depth + 1);
	if (src == NULL)
		return NULL;

	for (run = 0; run < nruns; run++)
	{
		uint64		value = run_values[run];
		uint32		last;

		if (run_lengths[run] >= n - done)
			return NULL;
		last = done + (uint32) run_lengths[run];
		for (; done <= last; done++)
			values[done] = value;
	}
	return done == n ? src : NULL;
}

static const uint8 *
decode_split(const uint8 *src, const uint8 *end, uint32 n,
			 const RustsRuns *runs, uint64 *values,
			 RustsCodecScratch *scratch, int depth)
{
	uint64	   *remainders = scratch->parts[0];
	uint64		divisor;
	uint32		i;

	src = rusts_get_varint(src, end, &divisor);
	if (src == NULL || divisor == 0)
		return NULL;
	src = decode_tagged(src, end, n, runs, values, scratch, depth + 1);
	if (src == NULL)
		return NULL;
	src = decode_tagged(src, end, n, runs, remainders, scratch, depth + 1);
	if (src == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		values[i] = values[i] * divisor + remainders[i];
	return src;
}

static const uint8 *
decode_dictionary(const uint8 *src, const uint8 *end, uint32 n,
				  uint64 *values, RustsCodecScratch *scratch, int depth)
{
	uint64	   *entries = scratch->parts[0];
	uint64	   *which = scratch->parts[1];
	uint64		nentries;
	uint32		i;

	src = rusts_get_varint(src, end, &nentries);
	if (src == NULL || nentries < 1 || nentries > n)
		return NULL;
	src = decode_tagged(src, end, (uint32) nentries, &rusts_single_run,
						entries, scratch, depth + 1);
	if (src == NULL)
		return NULL;
	src = decode_tagged(src, end, n, &rusts_single_run, which, scratch,
						depth + 1);
	if (src == NULL)
		return NULL;
	for (i = 0; i < n; i++)
	{
		if (which[i] >= nentries)
			return NULL;
		values[i] = entries[which[i]];
	}
	return src;
}

static const uint8 *
decode_compressed(const uint8 *src, const uint8 *end, RustsMethod method,
				  uint32 n, uint64 *values, RustsCodecScratch *scratch)
{
	const uint8 *bytes = scratch->bytes;
	bool		lz4 = method == RUSTS_METHOD_LZ4;
	uint64		base;
	uint64		size;
	unsigned	width;
	size_t		next_value;
	size_t		next_byte;
	unsigned	byte;
	uint32		i;

	src = rusts_get_varint(src, end, &base);
	if (src == NULL || src == end)
		return NULL;
	width = *src++;
	src = rusts_get_varint(src, end, &size);
	if (src == NULL || width < 1 || width > 8 || size > (size_t) (end - src))
		return NULL;
	if (!rusts_decompress(lz4 ? RUSTS_COMPRESSION_LZ4 :
						  RUSTS_COMPRESSION_ZSTD, src, size, scratch->bytes,
						  (size_t) n * width, scratch))
		return NULL;

	base = rusts_unzigzag(base);
	next_value = lz4 ? width : 1;
	next_byte = lz4 ? 1 : n;
	for (i = 0; i < n; i++)
		values[i] = base;
	for (byte = 0; byte < width; byte++)
	{
		for (i = 0; i < n; i++)
			values[i] += (uint64) bytes[byte * next_byte + i * next_value]
				<< (8 * byte);
	}
	return src + size;
}

/*
 * Decode n residuals, if there are any.  Those of the methods that residuals.c
 * knows are left in the form it gives them.
 */
static const uint8 *
decode_residuals(const uint8 *src, const uint8 *end, unsigned tag, uint32 n,
				 const RustsRuns *runs, uint64 *values,
				 RustsResiduals *residuals, RustsCodecScratch *scratch,
				 int depth)
{
	RustsMethod method = rusts_tag_method(tag);

	residuals->form = n == 0 ? RUSTS_RESIDUALS_CONSTANT :
		RUSTS_RESIDUALS_VALUES;
	residuals->base = 0;
	if (n == 0)
		return src;
	switch (method)
	{
		case RUSTS_METHOD_RUNS:
			if (depth >= RUSTS_STREAM_DEPTH)
				return NULL;
			return decode_runs(src, end, n, values, scratch, depth);
		case RUSTS_METHOD_SPLIT:
			if (depth >= RUSTS_STREAM_DEPTH ||
				rusts_tag_transform(tag) != RUSTS_TRANSFORM_NONE)
				return NULL;
			return decode_split(src, end, n, runs, values, scratch, depth);
		case RUSTS_METHOD_DICTIONARY:
			if (depth >= RUSTS_STREAM_DEPTH)
				return NULL;
			return decode_dictionary(src, end, n, values, scratch, depth);
		case RUSTS_METHOD_LZ4:
		case RUSTS_METHOD_ZSTD:
			return decode_compressed(src, end, method, n, values, scratch);
		default:
			return rusts_residuals_decode(src, end, method, n, values,
										  residuals, scratch);
	}
}

/*
 * Starts or firsts.  They are complete before anything else needs the scratch
 * arrays that streams of more than one run use.
 */
static const uint8 *
decode_bases(const uint8 *src, const uint8 *end, uint32 n, uint64 *bases,
			 RustsCodecScratch *scratch)
{
	if (n == 1)
	{
		src = rusts_get_varint(src, end, bases);
		bases[0] = rusts_unzigzag(bases[0]);
		return src;
	}
	if (n == 0)
		return src;
	return decode_tagged(src, end, n, &rusts_single_run, bases, scratch,
						 RUSTS_STREAM_DEPTH);
}

/* Runs of at least two values. */
static uint32
count_firsts(const RustsRuns *runs, uint32 n)
{
	uint32		nfirsts = 0;
	uint32		run;

	for (run = 0; run < runs->nruns; run++)
	{
		uint32		next = run + 1 < runs->nruns ? runs->starts[run + 1] : n;

		nfirsts += next - runs->starts[run] > 1;
	}
	return nfirsts;
}

static const uint8 *
decode_deltas(const uint8 *src, const uint8 *end, unsigned tag, uint32 n,
			  const RustsRuns *runs, const uint64 *starts, uint64 *values,
			  RustsCodecScratch *scratch, int depth)
{
	RustsResiduals residuals;

	src = decode_residuals(src, end, tag, n - runs->nruns, runs,
						   values + runs->nruns, &residuals, scratch, depth);
	if (src == NULL)
		return NULL;
	switch (residuals.form)
	{
		case RUSTS_RESIDUALS_CONSTANT:
			rusts_deltas_sum_constant(runs, starts, residuals.base, n,
									  values);
			break;
		case RUSTS_RESIDUALS_SUMS:
			rusts_deltas_add_sums(runs, starts, scratch->sums, residuals.base,
								  n, values);
			break;
		case RUSTS_RESIDUALS_VALUES:
			rusts_deltas_sum(runs, starts, n, values);
			break;
	}
	return src;
}

static const uint8 *
decode_deltas2(const uint8 *src, const uint8 *end, unsigned tag, uint32 n,
			   const RustsRuns *runs, const uint64 *starts, uint64 *firsts,
			   uint64 *values, RustsCodecScratch *scratch, int depth)
{
	uint32		nfirsts = count_firsts(runs, n);
	uint32		nbases = runs->nruns + nfirsts;
	RustsResiduals residuals;

	src = decode_bases(src, end, nfirsts, firsts, scratch);
	if (src == NULL)
		return NULL;
	src = decode_residuals(src, end, tag, n - nbases, runs, values + nbases,
						   &residuals, scratch, depth);
	if (src == NULL)
		return NULL;
	if (residuals.form == RUSTS_RESIDUALS_CONSTANT && residuals.base == 0)
		rusts_deltas2_sum_zeros(runs, starts, firsts, n, values);
	else
	{
		rusts_residuals_expand(&residuals, n - nbases, values + nbases,
							   scratch);
		rusts_deltas2_sum(runs, starts, firsts, nfirsts, n, values);
	}
	return src;
}

static const uint8 *
decode_stream(const uint8 *src, const uint8 *end, unsigned tag, uint32 n,
			  const RustsRuns *runs, uint64 *values,
			  RustsCodecScratch *scratch, int depth)
{
	RustsTransform transform = rusts_tag_transform(tag);
	bool		single = runs->nruns == 1;
	RustsResiduals residuals;
	uint64		start;
	uint64		first = 0;
	uint64	   *starts = single ? &start : scratch->levels[0].starts;
	uint64	   *firsts = single ? &first : scratch->levels[0].firsts;

	if (tag >= RUSTS_NTAGS)
		return NULL;
	if (transform == RUSTS_TRANSFORM_NONE)
	{
		src = decode_residuals(src, end, tag, n, runs, values, &residuals,
							   scratch, depth);
		if (src != NULL)
			rusts_residuals_expand(&residuals, n, values, scratch);
		return src;
	}

	src = decode_bases(src, end, runs->nruns, starts, scratch);
	if (src == NULL)
		return NULL;
	if (transform == RUSTS_TRANSFORM_DELTA)
		return decode_deltas(src, end, tag, n, runs, starts, values, scratch,
							 depth);
	return decode_deltas2(src, end, tag, n, runs, starts, firsts, values,
						  scratch, depth);
}

const uint8 *
rusts_ints_decode(const uint8 *src, const uint8 *end, unsigned tag, uint32 n,
				  const RustsRuns *runs, uint64 *values,
				  RustsCodecScratch *scratch)
{
	return decode_stream(src, end, tag, n, runs, values, scratch, 0);
}

const uint8 *
rusts_ints_decode_tagged(const uint8 *src, const uint8 *end, uint32 n,
						 const RustsRuns *runs, uint64 *values,
						 RustsCodecScratch *scratch)
{
	return decode_tagged(src, end, n, runs, values, scratch, 0);
}
