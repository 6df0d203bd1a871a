/*-------------------------------------------------------------------------
 *
 * fuzz_codec.c
 *	  libFuzzer target: any bytes as a column block, any values through the
 *	  encoder and back.
 *
 * The first byte chooses the kind, and whether the rest is a block to decode
 * or values to encode; the second and third the number of rows; the fourth
 * the length of the runs.
 *
 * test/fuzz/fuzz_codec.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "codec/block.h"

#define MAX_ARENA	(1 << 20)

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static RustsCodecScratch *scratch;

/* What a decoder gives. */
typedef struct Decoded
{
	RustsCodecResult result;
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nnulls;
	uint64		words[RUSTS_BLOCK_ROWS];
	uint8		bools[RUSTS_BLOCK_ROWS];
	RustsBytes	distinct[RUSTS_BLOCK_ROWS];
	uint32		ndistinct;
	uint32		index[RUSTS_BLOCK_ROWS];
	char	   *arena;
} Decoded;

static Decoded decoded;

static void
decode(RustsKind kind, const uint8 *src, size_t srclen, uint32 nrows,
	   uint32 nruns, const uint32 *runs)
{
	void	   *values = malloc(nrows * 8);
	uint64		arena_size;

	switch (kind)
	{
		case RUSTS_KIND_INT:
			decoded.result = rusts_block_decode_ints(src, srclen, nrows,
													 nruns, runs, values,
													 decoded.nulls,
													 &decoded.nnulls,
													 scratch);
			memcpy(decoded.words, values, nrows * 8);
			break;
		case RUSTS_KIND_FLOAT:
			decoded.result = rusts_block_decode_floats(src, srclen, nrows,
													   nruns, runs, values,
													   decoded.nulls,
													   &decoded.nnulls,
													   scratch);
			memcpy(decoded.words, values, nrows * 8);
			break;
		case RUSTS_KIND_BOOL:
			values = realloc(values, nrows);
			decoded.result = rusts_block_decode_bools(src, srclen, nrows,
													  nruns, runs, values,
													  decoded.nulls,
													  &decoded.nnulls,
													  scratch);
			memcpy(decoded.bools, values, nrows);
			break;
		case RUSTS_KIND_BYTES:
			free(decoded.arena);
			decoded.arena = NULL;
			decoded.result = rusts_block_bytes_arena(src, srclen, nrows,
													 MAX_ARENA, &arena_size,
													 &decoded.ndistinct);
			if (decoded.result != RUSTS_CODEC_OK)
				break;
			decoded.arena = malloc(Max(arena_size, 1));
			decoded.result = rusts_block_decode_bytes(src, srclen, nrows,
													  decoded.arena,
													  arena_size,
													  decoded.distinct,
													  decoded.ndistinct,
													  decoded.index,
													  decoded.nulls,
													  &decoded.nnulls,
													  scratch);
			break;
	}
	free(values);
}

/* Take values of a kind from the bytes; one byte in ten is a null's. */
static void
round_trip(RustsKind kind, const uint8 *data, size_t size, uint32 nrows,
		   uint32 nruns, const uint32 *runs, RustsEffort effort)
{
	static uint64 nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	static uint64 words[RUSTS_BLOCK_ROWS];
	static double floats[RUSTS_BLOCK_ROWS];
	static uint8 bools[RUSTS_BLOCK_ROWS];
	static RustsBytes strings[RUSTS_BLOCK_ROWS];
	RustsBlockInput in = {
		.kind = kind,
		.nrows = nrows,
		.nulls = nulls,
		.nruns = nruns,
		.runs = runs,
		.ints = (const int64 *) words,
		.floats = floats,
		.bools = bools,
		.bytes = strings
	};
	size_t		next = 0;
	uint8	   *block;
	uint32		row;

	memset(nulls, 0, sizeof(nulls));
	for (row = 0; row < nrows; row++)
	{
		uint8		first = next < size ? data[next++] : 0;
		size_t		width = Min(first % 9, size - next);

		if (first >= 230)
			rusts_bitmap_set(nulls, row);
		words[row] = row > 0 && first < 128 ? words[row - 1] : 0;
		memcpy(&words[row], data + next, width);
		memcpy(&floats[row], &words[row], sizeof(double));
		bools[row] = first & 1;
		strings[row].data = (const char *) data + next;
		strings[row].len = (uint32) width;
		next += width;
	}

	block = malloc(rusts_block_encode_bound(&in));
	size = rusts_block_encode(&in, effort, block, scratch);
	block = realloc(block, size);
	decode(kind, block, size, nrows, nruns, runs);
	if (decoded.result != RUSTS_CODEC_OK)
		abort();
	for (row = 0; row < nrows; row++)
	{
		bool		null = rusts_bitmap_test(nulls, row);

		if (rusts_bitmap_test(decoded.nulls, row) != null)
			abort();
		if (null)
			continue;
		if (kind == RUSTS_KIND_BYTES ?
			!rusts_bytes_equal(decoded.distinct[decoded.index[row]],
							   strings[row]) :
			kind == RUSTS_KIND_BOOL ? decoded.bools[row] != bools[row] :
			decoded.words[row] != words[row])
			abort();
	}
	free(block);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static uint32 runs[RUSTS_BLOCK_ROWS];
	RustsKind	kind;
	uint32		nrows;
	uint32		nruns = 0;
	uint32		row;

	if (size < 5)
		return 0;
	if (scratch == NULL)
		scratch = malloc(rusts_codec_scratch_size());
	kind = RUSTS_KIND_INT + data[0] % 4;
	nrows = 1 + rusts_get_u16(data + 1) % RUSTS_BLOCK_ROWS;
	for (row = 0; row < nrows; row += 1 + data[3])
		runs[nruns++] = row;
	if (data[3] == 255)
		nruns = 1;
	if ((data[0] & 4) == 0)
		decode(kind, data + 4, size - 4, nrows, nruns, runs);
	else
		round_trip(kind, data + 4, size - 4, nrows, nruns, runs,
				   (data[0] & 8) == 0 ? RUSTS_EFFORT_HOT : RUSTS_EFFORT_COLD);
	return 0;
}
