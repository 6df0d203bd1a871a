/*-------------------------------------------------------------------------
 *
 * block.c
 *	  One column of one block: nulls, then the values of the other rows.
 *
 * A block is
 *
 *		u8		how nulls are stored, and the codec's id: see ids.h
 *		bits	which rows are null, unless none or all are: see bitseq.c
 *		values	of the rows that are not null, to the end of the block
 *
 * Values of null rows are left out, so runs are counted in the rows that are
 * left: a run that has none disappears.  The number of rows and the runs are
 * the caller's; it must pass the same to the decoder.
 *
 * The codecs are in ints_decode.c, floats.c and strings.c.  Booleans are
 * all false, all true, a bitmap, or lengths of runs, as in bitseq.c.
 *
 * src/codec/block.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "codec/bitseq.h"
#include "codec/compress.h"
#include "codec/floats.h"
#include "codec/ids.h"
#include "codec/ints.h"
#include "codec/scratch.h"
#include "codec/strings.h"

/* An encoded block: what precedes its values, and where they are. */
typedef struct BlockReader
{
	const uint8 *src;
	const uint8 *end;
	RustsCodec	codec;
	uint32		ndense;			/* rows that are not null */
	RustsRuns	runs;			/* among these */
} BlockReader;

size_t
rusts_codec_scratch_size(void)
{
	return offsetof(RustsCodecScratch, compressor) + rusts_compressor_size();
}

size_t
rusts_block_encode_bound(const RustsBlockInput *in)
{
	size_t		bound = 1 + RUSTS_BITSEQ_BYTES(in->nrows) + 8;
	size_t		total = 0;
	uint32		i;

	switch (in->kind)
	{
		case RUSTS_KIND_INT:
			return bound + RUSTS_INTS_BOUND(in->nrows);
		case RUSTS_KIND_FLOAT:
			return bound + RUSTS_FLOATS_BOUND(in->nrows);
		case RUSTS_KIND_BOOL:
			return bound + RUSTS_BITSEQ_BYTES(in->nrows);
		case RUSTS_KIND_BYTES:
			for (i = 0; i < in->nrows; i++)
			{
				if (in->nulls == NULL || !rusts_bitmap_test(in->nulls, i))
					total += in->bytes[i].len;
			}
			return bound + RUSTS_STRINGS_BOUND(in->nrows, total);
	}
	return 0;
}

/*
 * Runs counted in rows that are not null, to scratch->runs.  Whatever the
 * caller passes, the result begins with 0 and ascends below ndense.
 */
static void
make_dense_runs(uint32 nrows, const uint64 *nulls, uint32 ndense,
				uint32 nruns, const uint32 *runs, RustsRuns *result,
				RustsCodecScratch *scratch)
{
	uint32	   *starts = scratch->runs;
	uint32		nulls_before[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)] = {0};
	uint32		count = 1;
	uint32		row = 0;
	uint32		run;
	uint32		word;

	if (nruns <= 1 || ndense <= 1)
	{
		*result = rusts_single_run;
		return;
	}
	if (nulls != NULL)
	{
		for (word = 1; word < RUSTS_BITMAP_WORDS(nrows); word++)
			nulls_before[word] = nulls_before[word - 1] +
				__builtin_popcountll(nulls[word - 1]);
	}

	starts[0] = 0;
	for (run = 1; run < nruns; run++)
	{
		uint32		dense = runs[run];

		if (runs[run] <= row || runs[run] >= nrows)
			continue;
		row = runs[run];
		if (nulls != NULL)
			dense -= nulls_before[row / 64] +
				rusts_bitmap_count(&nulls[row / 64], row % 64);
		if (dense > starts[count - 1] && dense < ndense)
			starts[count++] = dense;
	}
	result->starts = starts;
	result->nruns = count;
}

/*
 * Write the first byte, with the codec still missing, and the nulls.  A bitmap
 * without a null is as good as none.
 */
static uint8 *
encode_nulls(const uint64 *nulls, uint32 nrows, uint32 nnulls, uint8 *dst)
{
	uint8	   *header = dst++;

	if (nnulls == 0)
		*header = RUSTS_NULLS_NONE;
	else if (nnulls == nrows)
		*header = RUSTS_NULLS_ALL;
	else if (rusts_bitseq_prefers_runs(nulls, nrows))
	{
		*header = RUSTS_NULLS_RUNS;
		dst = rusts_bitseq_put_runs(nulls, nrows, dst);
	}
	else
	{
		*header = RUSTS_NULLS_BITMAP;
		dst = rusts_bitseq_put_bitmap(nulls, nrows, dst);
	}
	return dst;
}

static uint8 *
encode_bools(const uint8 *bools, uint32 nrows, const uint64 *nulls,
			 RustsCodec *codec, uint8 *dst)
{
	uint64		bits[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)] = {0};
	uint32		n = 0;
	uint32		ntrue = 0;
	uint32		row;

	for (row = 0; row < nrows; row++)
	{
		uint64		value = bools[row] != 0;

		if (nulls != NULL && rusts_bitmap_test(nulls, row))
			continue;
		bits[n / 64] |= value << (n % 64);
		ntrue += value;
		n++;
	}

	if (ntrue == 0 || ntrue == n)
		*codec = ntrue == 0 ? RUSTS_CODEC_BOOL_FALSE : RUSTS_CODEC_BOOL_TRUE;
	else if (rusts_bitseq_prefers_runs(bits, n))
	{
		*codec = RUSTS_CODEC_BOOL_RUNS;
		dst = rusts_bitseq_put_runs(bits, n, dst);
	}
	else
	{
		*codec = RUSTS_CODEC_BOOL_BITMAP;
		dst = rusts_bitseq_put_bitmap(bits, n, dst);
	}
	return dst;
}

/*
 * The values of rows that are not null, eight bytes each: the caller's array
 * if it has no others and they are integers, else in scratch->dense.
 */
static const uint64 *
gather_words(const RustsBlockInput *in, const uint64 *nulls,
			 RustsCodecScratch *scratch)
{
	const void *words = in->kind == RUSTS_KIND_INT ? (const void *) in->ints :
	(const void *) in->floats;
	uint64	   *dense = scratch->dense;
	uint32		n = 0;
	uint32		row;

	if (nulls == NULL && in->kind == RUSTS_KIND_INT)
		return (const uint64 *) in->ints;
	memcpy(dense, words, in->nrows * sizeof(uint64));
	if (nulls != NULL)
	{
		for (row = 0; row < in->nrows; row++)
		{
			dense[n] = dense[row];
			n += !rusts_bitmap_test(nulls, row);
		}
	}
	return dense;
}

static const RustsBytes *
gather_strings(const RustsBlockInput *in, const uint64 *nulls,
			   RustsCodecScratch *scratch)
{
	RustsBytes *dense = scratch->strings;
	uint32		n = 0;
	uint32		row;

	if (nulls == NULL)
		return in->bytes;
	for (row = 0; row < in->nrows; row++)
	{
		if (!rusts_bitmap_test(nulls, row))
			dense[n++] = in->bytes[row];
	}
	return dense;
}

size_t
rusts_block_encode(const RustsBlockInput *in, RustsEffort effort, uint8 *dst,
				   RustsCodecScratch *scratch)
{
	uint32		nnulls = in->nulls == NULL ? 0 :
	rusts_bitmap_count(in->nulls, in->nrows);
	const uint64 *nulls = nnulls == 0 ? NULL : in->nulls;
	uint32		ndense = in->nrows - nnulls;
	uint8	   *end = encode_nulls(nulls, in->nrows, nnulls, dst);
	RustsCodec	codec = RUSTS_CODEC_NONE;
	RustsRuns	runs;
	unsigned	tag;

	Assert(in->nrows >= 1 && in->nrows <= RUSTS_BLOCK_ROWS);
	if (ndense == 0)
		return end - dst;
	make_dense_runs(in->nrows, nulls, ndense, in->nruns, in->runs, &runs,
					scratch);

	switch (in->kind)
	{
		case RUSTS_KIND_INT:
			end = rusts_ints_encode(gather_words(in, nulls, scratch), ndense,
									&runs, effort, &tag, end, scratch);
			codec = RUSTS_CODEC_INTS + tag;
			break;
		case RUSTS_KIND_FLOAT:
			end = rusts_floats_encode(gather_words(in, nulls, scratch),
									  ndense, &runs, effort, &codec, end,
									  scratch);
			break;
		case RUSTS_KIND_BOOL:
			end = encode_bools(in->bools, in->nrows, nulls, &codec, end);
			break;
		case RUSTS_KIND_BYTES:
			end = rusts_strings_encode(gather_strings(in, nulls, scratch),
									   ndense, effort, &codec, end, scratch);
			break;
	}
	*dst |= RUSTS_BLOCK_HEADER(codec, 0);
	return end - dst;
}

/*
 * Read the first byte and the nulls, of which there may be all only where the
 * first byte says so.
 */
static bool
read_nulls(BlockReader *reader, const uint8 *src, size_t srclen,
		   uint32 nrows, uint64 *nulls, uint32 *nnulls)
{
	const uint8 *end = src + srclen;
	unsigned	mode;

	if (nrows < 1 || nrows > RUSTS_BLOCK_ROWS || srclen < 1)
		return false;
	reader->codec = RUSTS_BLOCK_CODEC(*src);
	mode = RUSTS_BLOCK_NULLS(*src);
	src++;
	switch (mode)
	{
		case RUSTS_NULLS_NONE:
			memset(nulls, 0, RUSTS_BITMAP_WORDS(nrows) * sizeof(uint64));
			*nnulls = 0;
			break;
		case RUSTS_NULLS_ALL:
			if (srclen != 1 || reader->codec != RUSTS_CODEC_NONE)
				return false;
			memset(nulls, 0xFF, nrows / 64 * sizeof(uint64));
			if (nrows % 64 != 0)
				nulls[nrows / 64] = (UINT64CONST(1) << (nrows % 64)) - 1;
			*nnulls = nrows;
			break;
		case RUSTS_NULLS_BITMAP:
			src = rusts_bitseq_get_bitmap(src, end, nrows, nulls);
			break;
		default:
			src = rusts_bitseq_get_runs(src, end, nrows, nulls);
			break;
	}
	if (src == NULL)
		return false;
	if (mode == RUSTS_NULLS_BITMAP || mode == RUSTS_NULLS_RUNS)
	{
		*nnulls = rusts_bitmap_count(nulls, nrows);
		if (*nnulls == nrows)
			return false;
	}
	reader->src = src;
	reader->end = end;
	reader->ndense = nrows - *nnulls;
	return true;
}

/* Also prepare the runs. */
static bool
open_block(BlockReader *reader, const uint8 *src, size_t srclen,
		   uint32 nrows, uint32 nruns, const uint32 *runs, uint64 *nulls,
		   uint32 *nnulls, RustsCodecScratch *scratch)
{
	if (!read_nulls(reader, src, srclen, nrows, nulls, nnulls))
		return false;
	make_dense_runs(nrows, *nnulls == 0 ? NULL : nulls, reader->ndense,
					nruns, runs, &reader->runs, scratch);
	return true;
}

/*
 * Spread ndense values, of the rows that are not null, over all rows, from the
 * end; those of null rows become 0.
 */
static void
make_room_for_nulls(uint64 *words, uint32 nrows, const uint64 *nulls,
					uint32 ndense)
{
	uint32		row;

	if (ndense == nrows)
		return;
	for (row = nrows; row-- > 0;)
		words[row] = rusts_bitmap_test(nulls, row) ? 0 : words[--ndense];
}

RustsCodecResult
rusts_block_decode_ints(const uint8 *src, size_t srclen, uint32 nrows,
						uint32 nruns, const uint32 *runs, int64 *values,
						uint64 *nulls, uint32 *nnulls,
						RustsCodecScratch *scratch)
{
	BlockReader reader;
	uint64	   *words = (uint64 *) values;

	if (!open_block(&reader, src, srclen, nrows, nruns, runs, nulls, nnulls,
					scratch))
		return RUSTS_CODEC_CORRUPT;
	if (reader.ndense > 0)
	{
		if (reader.codec < RUSTS_CODEC_INTS ||
			rusts_ints_decode(reader.src, reader.end,
							  reader.codec - RUSTS_CODEC_INTS, reader.ndense,
							  &reader.runs, words, scratch) != reader.end)
			return RUSTS_CODEC_CORRUPT;
	}
	make_room_for_nulls(words, nrows, nulls, reader.ndense);
	return RUSTS_CODEC_OK;
}

RustsCodecResult
rusts_block_decode_floats(const uint8 *src, size_t srclen, uint32 nrows,
						  uint32 nruns, const uint32 *runs, double *values,
						  uint64 *nulls, uint32 *nnulls,
						  RustsCodecScratch *scratch)
{
	BlockReader reader;
	uint64	   *words = (uint64 *) values;

	if (!open_block(&reader, src, srclen, nrows, nruns, runs, nulls, nnulls,
					scratch))
		return RUSTS_CODEC_CORRUPT;
	if (reader.ndense > 0 &&
		rusts_floats_decode(reader.src, reader.end, reader.codec,
							reader.ndense, &reader.runs, words,
							scratch) != reader.end)
		return RUSTS_CODEC_CORRUPT;
	make_room_for_nulls(words, nrows, nulls, reader.ndense);
	return RUSTS_CODEC_OK;
}

RustsCodecResult
rusts_block_decode_bools(const uint8 *src, size_t srclen, uint32 nrows,
						 uint32 nruns, const uint32 *runs, uint8 *values,
						 uint64 *nulls, uint32 *nnulls,
						 RustsCodecScratch *scratch)
{
	uint64		bits[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	BlockReader reader;
	const uint8 *next;
	uint32		dense = 0;
	uint32		row;

	if (!open_block(&reader, src, srclen, nrows, nruns, runs, nulls, nnulls,
					scratch))
		return RUSTS_CODEC_CORRUPT;
	next = reader.src;
	switch (reader.codec)
	{
		case RUSTS_CODEC_NONE:
			if (reader.ndense > 0)
				return RUSTS_CODEC_CORRUPT;
			break;
		case RUSTS_CODEC_BOOL_FALSE:
			memset(bits, 0, sizeof(bits));
			break;
		case RUSTS_CODEC_BOOL_TRUE:
			memset(bits, 0xFF, sizeof(bits));
			break;
		case RUSTS_CODEC_BOOL_BITMAP:
			next = rusts_bitseq_get_bitmap(next, reader.end, reader.ndense,
										   bits);
			break;
		case RUSTS_CODEC_BOOL_RUNS:
			next = rusts_bitseq_get_runs(next, reader.end, reader.ndense,
										 bits);
			break;
		default:
			return RUSTS_CODEC_CORRUPT;
	}
	if (next != reader.end)
		return RUSTS_CODEC_CORRUPT;

	for (row = 0; row < nrows; row++)
	{
		if (*nnulls > 0 && rusts_bitmap_test(nulls, row))
			values[row] = 0;
		else
		{
			values[row] = rusts_bitmap_test(bits, dense);
			dense++;
		}
	}
	return RUSTS_CODEC_OK;
}

RustsCodecResult
rusts_block_bytes_arena(const uint8 *src, size_t srclen, uint32 nrows,
						uint64 max_arena, uint64 *arena_size,
						uint32 *ndistinct)
{
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	BlockReader reader;
	uint32		nnulls;

	*arena_size = 0;
	*ndistinct = 0;
	if (!read_nulls(&reader, src, srclen, nrows, nulls, &nnulls))
		return RUSTS_CODEC_CORRUPT;
	if (reader.ndense > 0 &&
		!rusts_strings_arena(reader.src, reader.end, reader.codec,
							 reader.ndense, arena_size, ndistinct))
		return RUSTS_CODEC_CORRUPT;
	return *arena_size <= max_arena ? RUSTS_CODEC_OK : RUSTS_CODEC_CORRUPT;
}

RustsCodecResult
rusts_block_decode_bytes(const uint8 *src, size_t srclen, uint32 nrows,
						 char *arena, uint64 arena_size,
						 RustsBytes *distinct, uint32 ndistinct,
						 uint32 *index, uint64 *nulls, uint32 *nnulls,
						 RustsCodecScratch *scratch)
{
	BlockReader reader;
	uint32		dense;
	uint32		row;

	if (!read_nulls(&reader, src, srclen, nrows, nulls, nnulls))
		return RUSTS_CODEC_CORRUPT;
	if (reader.ndense > 0 &&
		!rusts_strings_decode(reader.src, reader.end, reader.codec,
							  reader.ndense, arena, arena_size, distinct,
							  ndistinct, index, scratch))
		return RUSTS_CODEC_CORRUPT;
	if (*nnulls == 0)
		return RUSTS_CODEC_OK;

	/* Make room for null rows, from the end. */
	dense = reader.ndense;
	for (row = nrows; row-- > 0;)
		index[row] = rusts_bitmap_test(nulls, row) ? 0 : index[--dense];
	return RUSTS_CODEC_OK;
}
