/*-------------------------------------------------------------------------
 *
 * codec_harness.h
 *	  A column of test data and its way through the codecs, for test_codec.c.
 *
 * test/unit/codec_harness.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_HARNESS_H
#define RUSTS_CODEC_HARNESS_H

#include "base/bits.h"
#include "codec/block.h"
#include "codec_check.h"

/* About a normal distribution, standard deviation 1. */
static double
random_normal(void)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < 12; i++)
		sum += (double) (random_word() >> 11) / 9007199254740992.0;
	return sum - 6;
}

/* One column of test data; arrays have ROWS entries. */
typedef struct Column
{
	char		name[64];
	RustsBlockInput in;
	uint64		nulls[RUSTS_BITMAP_WORDS(ROWS)];
	uint32		runs[ROWS];
	int64		ints[ROWS];
	double		floats[ROWS];
	uint8		bools[ROWS];
	RustsBytes	bytes[ROWS];
	char	   *text;			/* storage of some of the strings */
} Column;

static Column column;

/* What a decoder gives, in one piece whatever the kind. */
typedef struct Decoded
{
	RustsCodecResult result;
	uint64		nulls[RUSTS_BITMAP_WORDS(ROWS)];
	uint32		nnulls;
	int64		ints[ROWS];
	double		floats[ROWS];
	uint8		bools[ROWS];
	RustsBytes	distinct[ROWS];
	uint32		ndistinct;
	uint32		index[ROWS];
	uint64	   *arena;
} Decoded;

static Decoded decoded;

#define MAX_ARENA	(128 * 1024)

/*
 * Decode to decoded.  The value arrays are on the heap, of exact size, for
 * the address sanitizer.
 */
static void
decode(RustsKind kind, const uint8 *src, size_t srclen, uint32 nrows,
	   uint32 nruns, const uint32 *runs)
{
	size_t		nulls_size = RUSTS_BITMAP_WORDS(nrows) * sizeof(uint64);
	uint64	   *nulls = malloc(nulls_size);
	void	   *values = malloc(nrows * 8);
	uint64		arena_size = 0;

	free(decoded.arena);
	memset(&decoded, 0, sizeof(decoded));
	memset(nulls, 0xA5, nulls_size);
	memset(values, 0xA5, nrows * 8);
	switch (kind)
	{
		case RUSTS_KIND_INT:
			decoded.result = rusts_block_decode_ints(src, srclen, nrows,
													 nruns, runs, values,
													 nulls, &decoded.nnulls,
													 scratch);
			memcpy(decoded.ints, values, nrows * 8);
			break;
		case RUSTS_KIND_FLOAT:
			decoded.result = rusts_block_decode_floats(src, srclen, nrows,
													   nruns, runs, values,
													   nulls,
													   &decoded.nnulls,
													   scratch);
			memcpy(decoded.floats, values, nrows * 8);
			break;
		case RUSTS_KIND_BOOL:
			values = realloc(values, nrows);
			decoded.result = rusts_block_decode_bools(src, srclen, nrows,
													  nruns, runs, values,
													  nulls,
													  &decoded.nnulls,
													  scratch);
			memcpy(decoded.bools, values, nrows);
			break;
		case RUSTS_KIND_BYTES:
			decoded.result = rusts_block_bytes_arena(src, srclen, nrows,
													 MAX_ARENA, &arena_size,
													 &decoded.ndistinct);
			if (decoded.result != RUSTS_CODEC_OK)
				break;
			decoded.arena = malloc(arena_size + 1);
			decoded.result = rusts_block_decode_bytes(src, srclen, nrows,
													  (char *) decoded.arena,
													  arena_size,
													  decoded.distinct,
													  decoded.ndistinct,
													  decoded.index, nulls,
													  &decoded.nnulls,
													  scratch);
			break;
	}
	memcpy(decoded.nulls, nulls, nulls_size);
	free(nulls);
	free(values);
}

/* Is row i decoded as it was? */
static bool
row_matches(const RustsBlockInput *in, uint32 row)
{
	bool		null = in->nulls != NULL && rusts_bitmap_test(in->nulls, row);
	RustsBytes	string;

	if (rusts_bitmap_test(decoded.nulls, row) != null)
		return false;
	switch (in->kind)
	{
		case RUSTS_KIND_INT:
			return decoded.ints[row] == (null ? 0 : in->ints[row]);
		case RUSTS_KIND_FLOAT:
			if (null)
				return decoded.floats[row] == 0;
			return memcmp(&decoded.floats[row], &in->floats[row], 8) == 0;
		case RUSTS_KIND_BOOL:
			return decoded.bools[row] == (null ? 0 : in->bools[row]);
		case RUSTS_KIND_BYTES:
			if (null)
				return decoded.index[row] == 0;
			if (decoded.index[row] >= decoded.ndistinct)
				return false;
			string = decoded.distinct[decoded.index[row]];
			return rusts_bytes_equal(string, in->bytes[row]);
	}
	return false;
}

/* Distinct strings lie in the arena as block.h promises. */
static bool
arena_is_laid_out(void)
{
	const char *expected = (const char *) decoded.arena;
	uint32		i;

	for (i = 0; i < decoded.ndistinct; i++)
	{
		if (decoded.distinct[i].data != expected + RUSTS_ARENA_HEADER)
			return false;
		expected += (decoded.distinct[i].len + RUSTS_ARENA_HEADER + 7) / 8 * 8;
	}
	return true;
}

static uint8 *
encode(const RustsBlockInput *in, RustsEffort effort, size_t *size)
{
	size_t		bound = rusts_block_encode_bound(in);
	uint8	   *block = malloc(bound);

	*size = rusts_block_encode(in, effort, block, scratch);
	CHECK(*size >= 1 && *size <= bound, "%s: size %zu of %zu",
		  column.name, *size, bound);
	return realloc(block, *size);
}

static void
check_round_trip(const RustsBlockInput *in, RustsEffort effort)
{
	size_t		size;
	uint8	   *block = encode(in, effort, &size);
	uint32		row = 0;

	decode(in->kind, block, size, in->nrows, in->nruns, in->runs);
	CHECK(decoded.result == RUSTS_CODEC_OK, "%s, %u rows, effort %d",
		  column.name, in->nrows, effort);
	while (row < in->nrows && row_matches(in, row))
		row++;
	CHECK(row == in->nrows, "%s, %u rows, effort %d: row %u", column.name,
		  in->nrows, effort, row);
	if (in->kind == RUSTS_KIND_BYTES)
		CHECK(arena_is_laid_out(), "%s", column.name);
	free(block);
}

static void
check_both(void)
{
	check_round_trip(&column.in, RUSTS_EFFORT_HOT);
	check_round_trip(&column.in, RUSTS_EFFORT_COLD);
}

/* Start a column: one run, no nulls. */
static void
begin_column(const char *name, RustsKind kind, uint32 nrows)
{
	free(column.text);
	memset(&column, 0, sizeof(column));
	snprintf(column.name, sizeof(column.name), "%s", name);
	column.in.kind = kind;
	column.in.nrows = nrows;
	column.in.nruns = 1;
	column.in.runs = column.runs;
	column.in.ints = kind == RUSTS_KIND_INT ? column.ints : NULL;
	column.in.floats = kind == RUSTS_KIND_FLOAT ? column.floats : NULL;
	column.in.bools = kind == RUSTS_KIND_BOOL ? column.bools : NULL;
	column.in.bytes = kind == RUSTS_KIND_BYTES ? column.bytes : NULL;
}

/* Give the column runs of about length rows, of exactly that if regular. */
static void
cut_runs(uint32 length, bool regular)
{
	uint32		row = 0;

	column.in.nruns = 0;
	while (row < column.in.nrows)
	{
		column.runs[column.in.nruns++] = row;
		row += regular ? length : 1 + random_below(2 * length);
	}
}

/* Make one row in every so many null; 1 is all. */
static void
make_nulls(uint32 every, bool clustered)
{
	uint32		row;

	memset(column.nulls, 0, sizeof(column.nulls));
	for (row = 0; row < column.in.nrows; row++)
	{
		if (clustered ? row / 37 % every == 0 : random_below(every) == 0)
			rusts_bitmap_set(column.nulls, row);
	}
	column.in.nulls = column.nulls;
}

#endif							/* RUSTS_CODEC_HARNESS_H */
