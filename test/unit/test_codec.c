/*-------------------------------------------------------------------------
 *
 * test_codec.c
 *	  Round trips, damage and golden bytes of the column codecs.
 *
 * Usage: test_codec [test-directory [--write]]
 *
 * Encoded blocks are decoded from buffers of exactly their size, so that the
 * address sanitizer sees any access outside.  With --write the golden files
 * are written instead of compared.
 *
 * test/unit/test_codec.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <math.h>
#include <zstd.h>

#include "base/bits.h"
#include "base/varint.h"
#include "codec/bitpack.h"
#include "codec/block.h"
#include "codec/scratch.h"

#define ROWS	RUSTS_BLOCK_ROWS

static int	npassed = 0;
static int	nfailed = 0;
static RustsCodecScratch *scratch;

#define CHECK(condition, ...) \
	do { \
		if (condition) \
			npassed++; \
		else \
		{ \
			nfailed++; \
			printf("%s:%d: failed: %s: ", __FILE__, __LINE__, #condition); \
			printf(__VA_ARGS__); \
			printf("\n"); \
		} \
	} while (0)

/* Deterministic random numbers (splitmix64). */
static uint64 random_state;

static uint64
random_word(void)
{
	uint64		z = (random_state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint32
random_below(uint32 limit)
{
	return (uint32) (random_word() % limit);
}

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

#define MAX_ARENA	(1024 * 1024)

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

#include "codec_shapes.h"

/* Every shape, at every size, with and without nulls, in many runs. */
static void
test_shapes(void)
{
	static const uint32 sizes[] = {
		1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 63, 64,
		65, 100, 127, 128, 129, 255, 256, 257, 500, 511, 512, 513, 777, 1000,
		1001, 1022, 1023, 1024
	};
	size_t		shape;
	size_t		i;

	for (shape = 0; shape < lengthof(shapes); shape++)
	{
		for (i = 0; i < lengthof(sizes); i++)
		{
			make_shape(shape, sizes[i]);
			check_both();
			make_nulls(1 + random_below(10), false);
			check_both();
			make_nulls(2, true);
			cut_runs(1 + random_below(100), i % 2 == 0);
			check_both();
			column.in.nulls = NULL;
			check_both();
		}
		make_shape(shape, ROWS);
		cut_runs(1, true);
		check_both();
		make_shape(shape, ROWS);
		cut_runs(50, true);
		check_both();
	}
}

/* Some shapes at all sizes. */
static void
test_sizes(void)
{
	size_t		shape;
	uint32		nrows;

	for (shape = 0; shape < lengthof(shapes); shape += 5)
	{
		for (nrows = 1; nrows <= ROWS; nrows++)
		{
			make_shape(shape, nrows);
			check_round_trip(&column.in, RUSTS_EFFORT_HOT);
			make_nulls(4, false);
			check_round_trip(&column.in, RUSTS_EFFORT_HOT);
		}
	}
}

/* All null, all but one, none but a bitmap nevertheless. */
static void
test_nulls(void)
{
	size_t		shape;
	uint32		nrows;

	for (shape = 0; shape < lengthof(shapes); shape++)
	{
		for (nrows = 1; nrows <= ROWS; nrows += 93)
		{
			make_shape(shape, nrows);
			make_nulls(1, false);
			check_both();
			CHECK(decoded.nnulls == nrows, "%s: %u nulls of %u", column.name,
				  decoded.nnulls, nrows);
			rusts_bitmap_clear(column.nulls, nrows / 2);
			check_both();
			CHECK(decoded.nnulls == nrows - 1, "%s: %u nulls of %u",
				  column.name, decoded.nnulls, nrows);
			memset(column.nulls, 0, sizeof(column.nulls));
			check_both();
			CHECK(decoded.nnulls == 0, "%s: %u nulls", column.name,
				  decoded.nnulls);
		}
	}
}

/* Damaged blocks: any answer will do, as long as the sanitizers are quiet. */
static void
damage(const RustsBlockInput *in, const uint8 *block, size_t size)
{
	size_t		step = size > 600 ? size / 300 : 1;
	size_t		i;

	for (i = 0; i < size; i++)
	{
		uint8	   *copy = malloc(i + 1);

		memcpy(copy, block, i);
		copy = realloc(copy, i > 0 ? i : 1);
		decode(in->kind, copy, i, in->nrows, in->nruns, in->runs);
		free(copy);
	}
	for (i = 0; i < size; i += i < 64 ? 1 : step)
	{
		uint8	   *copy = malloc(size);
		int			bit;

		memcpy(copy, block, size);
		for (bit = 0; bit < 8; bit++)
		{
			copy[i] ^= 1 << bit;
			decode(in->kind, copy, size, in->nrows, in->nruns, in->runs);
			copy[i] ^= 1 << bit;
		}
		free(copy);
	}

	/* The wrong number of rows, the wrong runs. */
	for (i = 1; i <= ROWS; i += 73)
		decode(in->kind, block, size, (uint32) i, in->nruns, in->runs);
	decode(in->kind, block, size, in->nrows, 1, in->runs);
	npassed++;
}

static void
test_damage(void)
{
	static const uint32 sizes[] = {1, 5, 40, 300, ROWS};
	size_t		shape;
	size_t		i;
	int			effort;

	for (shape = 0; shape < lengthof(shapes); shape++)
	{
		for (i = 0; i < lengthof(sizes); i++)
		{
			for (effort = RUSTS_EFFORT_HOT; effort <= RUSTS_EFFORT_COLD;
				 effort++)
			{
				size_t		size;
				uint8	   *block;

				make_shape(shape, sizes[i]);
				if (i % 2 == 0)
					make_nulls(3, false);
				if (i > 2)
					cut_runs(60, false);
				block = encode(&column.in, effort, &size);
				damage(&column.in, block, size);
				free(block);
			}
		}
	}
}

/* Random bytes, and all short ones. */
static void
test_noise(void)
{
	static const uint32 runs[] = {0, 3, 50};
	uint8		first;
	uint32		i;
	int			kind;

	for (kind = RUSTS_KIND_INT; kind <= RUSTS_KIND_BYTES; kind++)
	{
		for (i = 0; i < 100000; i++)
		{
			size_t		size = 1 + random_below(i % 2 == 0 ? 12 : 200);
			uint8	   *noise = malloc(size);
			size_t		j;

			for (j = 0; j < size; j++)
				noise[j] = (uint8) (random_below(3) == 0 ? random_word() :
									random_below(8));
			first = (uint8) i;
			noise[0] = first;
			decode(kind, noise, size, 1 + random_below(100), 3, runs);
			free(noise);
		}
	}
	npassed++;
}

static void
test_bitpack(void)
{
	static uint64 values[ROWS];
	static uint64 back[ROWS];
	unsigned	width;
	uint32		n;
	uint32		i;

	for (width = 0; width <= 64; width++)
	{
		for (n = 1; n <= ROWS; n += n < 70 ? 1 : 53)
		{
			uint64		base = random_word();
			size_t		size = rusts_bitpack_size(n, width);
			uint8	   *packed = malloc(size + RUSTS_BITPACK_SLACK);
			bool		same = true;

			for (i = 0; i < n; i++)
				values[i] = base + (random_word() & rusts_bit_mask(width));
			CHECK(rusts_bitpack(values, n, width, base, packed) ==
				  packed + size, "width %u", width);
			packed = realloc(packed, size > 0 ? size : 1);
			rusts_bitunpack(packed, size, n, width, base, back);
			for (i = 0; i < n; i++)
				same = same && back[i] == values[i];
			CHECK(same, "width %u, %u values", width, n);
			free(packed);
		}
	}
}

static void
test_varint(void)
{
	uint8		bytes[RUSTS_VARINT_MAX];
	static const uint8 overlong[] = {
		0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02
	};
	uint64		back;
	int			i;

	for (i = 0; i < 2000; i++)
	{
		uint64		v = i < 300 ? (uint64) i : random_word() >> i % 64;
		uint8	   *end = rusts_put_varint(bytes, v);

		CHECK(rusts_get_varint(bytes, end, &back) == end && back == v,
			  UINT64_FORMAT, v);
		CHECK(rusts_varint_size(v) == (size_t) (end - bytes), UINT64_FORMAT,
			  v);
		CHECK(rusts_get_varint(bytes, end - 1, &back) == NULL, UINT64_FORMAT,
			  v);
		CHECK(rusts_unzigzag(rusts_zigzag(v)) == v, UINT64_FORMAT, v);
	}
	CHECK(rusts_get_varint(overlong, overlong + sizeof(overlong),
						   &back) == NULL, "65 bits");
	CHECK(rusts_zigzag((uint64) -1) == 1 && rusts_zigzag(1) == 2, "zigzag");
}

static FILE *
open_file(const char *directory, const char *name, const char *mode)
{
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, mode);
	CHECK(file != NULL, "could not open file \"%s\": %m", path);
	return file;
}

/*
 * Encode, and tell whether LZ4 or Zstd had a hand in it: their output depends
 * on their version, so it is not compared.
 */
static uint8 *
encode_golden(RustsEffort effort, size_t *size, bool *compressor_used)
{
	uint8		untouched[64];
	uint8	   *block;

	memset(untouched, 0xA5, sizeof(untouched));
	memset(scratch->compressor, 0xA5, sizeof(untouched));
	block = encode(&column.in, effort, size);
	*compressor_used = memcmp(scratch->compressor, untouched,
							  sizeof(untouched)) != 0;
	return block;
}

/* One block against the next record of a file: u32 size, bytes. */
static void
check_golden_block(FILE *file, RustsEffort effort, bool write)
{
	size_t		size;
	bool		compressor_used;
	uint8	   *block = encode_golden(effort, &size, &compressor_used);
	uint8		header[4];
	size_t		golden_size;
	uint8	   *golden;
	uint32		row = 0;

	if (write)
	{
		rusts_put_u32(header, (uint32) size);
		fwrite(header, 1, sizeof(header), file);
		fwrite(block, 1, size, file);
		free(block);
		return;
	}

	golden_size = fread(header, 1, sizeof(header), file) == sizeof(header) ?
		Min(rusts_get_u32(header), 1 << 20) : 0;
	golden = malloc(golden_size + 1);
	CHECK(golden_size > 0 &&
		  fread(golden, 1, golden_size, file) == golden_size,
		  "%s: golden file is too short", column.name);
	if (!compressor_used)
		CHECK(size == golden_size && memcmp(block, golden, size) == 0,
			  "%s, %u rows: encoded differently", column.name,
			  column.in.nrows);
	decode(column.in.kind, golden, golden_size, column.in.nrows,
		   column.in.nruns, column.in.runs);
	while (row < column.in.nrows && row_matches(&column.in, row))
		row++;
	CHECK(decoded.result == RUSTS_CODEC_OK && row == column.in.nrows,
		  "%s, %u rows: decoded differently", column.name, column.in.nrows);
	free(golden);
	free(block);
}

static void
test_golden(const char *directory, bool write)
{
	size_t		shape;

	for (shape = 0; shape < lengthof(shapes); shape++)
	{
		char		name[128];
		FILE	   *file;

		snprintf(name, sizeof(name), "golden/codec_%s.bin",
				 shapes[shape].name);
		file = open_file(directory, name, write ? "wb" : "rb");
		if (file == NULL)
			continue;
		make_shape(shape, 1);
		check_golden_block(file, RUSTS_EFFORT_HOT, write);
		make_shape(shape, 7);
		make_nulls(3, false);
		check_golden_block(file, RUSTS_EFFORT_HOT, write);
		make_shape(shape, 300);
		check_golden_block(file, RUSTS_EFFORT_HOT, write);
		cut_runs(30, false);
		make_nulls(2, true);
		check_golden_block(file, RUSTS_EFFORT_HOT, write);
		check_golden_block(file, RUSTS_EFFORT_COLD, write);
		CHECK(fgetc(file) == EOF, "%s: golden file is too long", column.name);
		fclose(file);
	}
}

/* Read the first part of a float series, in ROWS at a time. */
static void
test_series(const char *directory)
{
	static const char *const names[] = {
		"Air-pressure", "Air-sensor", "Basel-temp", "Bitcoin-price",
		"City-temp", "IR-bio-temp", "POI-lat", "Stocks-DE", "Stocks-USA",
		"Wind-Speed"
	};
	size_t		i;

	for (i = 0; i < lengthof(names); i++)
	{
		char		name[128];
		char		packed[128 * 1024];
		size_t		text_size = 512 * 1024;
		char	   *text = malloc(text_size);
		char	   *p = text;
		size_t		size;
		FILE	   *file;
		uint32		nrows;

		snprintf(name, sizeof(name), "data/floats/%s.txt.zst", names[i]);
		file = open_file(directory, name, "rb");
		if (file == NULL)
			continue;
		size = fread(packed, 1, sizeof(packed), file);
		fclose(file);
		size = ZSTD_decompress(text, text_size - 1, packed, size);
		CHECK(!ZSTD_isError(size), "%s", name);
		text[ZSTD_isError(size) ? 0 : size] = '\0';

		while (*p != '\0')
		{
			begin_column(names[i], RUSTS_KIND_FLOAT, 0);
			for (nrows = 0; nrows < ROWS && *p != '\0'; nrows++)
			{
				column.floats[nrows] = strtod(p, &p);
				p += *p == '\n';
			}
			column.in.nrows = nrows;
			check_both();
		}
		free(text);
	}
}

int
main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : "test";
	bool		write = argc > 2 && strcmp(argv[2], "--write") == 0;

	scratch = malloc(rusts_codec_scratch_size());
	memset(scratch, 0xA5, rusts_codec_scratch_size());
	test_golden(directory, write);
	if (!write)
	{
		test_varint();
		test_bitpack();
		test_shapes();
		test_sizes();
		test_nulls();
		test_series(directory);
		test_damage();
		test_noise();
	}
	free(column.text);
	free(decoded.arena);
	free(scratch);
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0 ? 1 : 0;
}
