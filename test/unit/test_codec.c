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
#include "codec/deltas.h"
#include "codec/scratch.h"

#include "codec_harness.h"
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

/* What the scratch memory holds beforehand makes no difference. */
static void
test_scratch(void)
{
	size_t		shape;
	int			effort;

	for (shape = 0; shape < lengthof(shapes); shape++)
	{
		for (effort = RUSTS_EFFORT_HOT; effort <= RUSTS_EFFORT_COLD; effort++)
		{
			size_t		size;
			size_t		size2;
			uint8	   *block;
			uint8	   *block2;

			make_shape(shape, 700);
			make_nulls(5, false);
			cut_runs(80, false);
			memset(scratch, 0, rusts_codec_scratch_size());
			block = encode(&column.in, effort, &size);
			memset(scratch, 0xFF, rusts_codec_scratch_size());
			block2 = encode(&column.in, effort, &size2);
			CHECK(size == size2 && memcmp(block, block2, size) == 0,
				  "%s, effort %d", column.name, effort);
			free(block);
			free(block2);
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

/* Random symbols, the rare ones with the longest codes. */
static void
make_symbols(uint8 *symbols, uint32 n, uint32 nsymbols, uint32 *counts)
{
	uint32		i;

	memset(counts, 0, RUSTS_HUFFMAN_SYMBOLS * sizeof(uint32));
	for (i = 0; i < n; i++)
	{
		uint32		rank = __builtin_ctzll(random_word() |
										   UINT64CONST(1) << 63);

		if (nsymbols % 2 == 0)
			rank = random_below(nsymbols);
		symbols[i] = (uint8) (nsymbols - 1 - Min(rank, nsymbols - 1));
		counts[symbols[i]]++;
	}
}

/* Symbols and their sums come back; so do damaged lengths, without harm. */
static void
test_huffman(void)
{
	static uint8 symbols[ROWS];
	static uint8 back[ROWS];
	static uint16 sums[ROWS];
	static uint8 code[ROWS * 2];
	uint8		lengths[RUSTS_HUFFMAN_SYMBOLS];
	uint32		counts[RUSTS_HUFFMAN_SYMBOLS];
	uint32		nsymbols;
	uint32		n;
	uint32		i;

	for (nsymbols = 2; nsymbols <= RUSTS_HUFFMAN_SYMBOLS; nsymbols++)
	{
		for (n = 2; n <= ROWS; n += n < 24 || (n > 250 && n < 260) ? 1 : 97)
		{
			uint32		row = 0;
			uint16		sum = 0;
			const uint8 *end;

			make_symbols(symbols, n, nsymbols, counts);
			if (rusts_huffman_lengths(counts, nsymbols, lengths) == 0)
				continue;
			end = rusts_huffman_encode(symbols, n, lengths, nsymbols, code);
			CHECK(rusts_huffman_decode(code, end, lengths, nsymbols, n, back,
									   NULL, &scratch->huffman) == end,
				  "%u of %u symbols", n, nsymbols);
			CHECK(memcmp(symbols, back, n) == 0, "%u of %u symbols", n,
				  nsymbols);
			CHECK(rusts_huffman_decode(code, end, lengths, nsymbols, n, NULL,
									   sums, &scratch->huffman) == end,
				  "%u of %u symbols", n, nsymbols);
			while (row < n && sums[row] == (sum += symbols[row]))
				row++;
			CHECK(row == n, "%u of %u symbols: sum %u", n, nsymbols, row);

			i = random_below(nsymbols);
			lengths[i] = (lengths[i] + 1 + random_below(14)) % 16;
			CHECK(rusts_huffman_decode(code, end, lengths, nsymbols, n, back,
									   NULL, &scratch->huffman) == NULL,
				  "%u of %u symbols, incomplete code", n, nsymbols);
		}
	}
}

/* The sums of differences, against one addition after the other. */
static void
test_deltas(void)
{
	static uint32 starts[ROWS];
	static uint64 run_starts[ROWS];
	static uint64 firsts[ROWS];
	static uint64 values[ROWS];
	static uint16 sums[ROWS];
	static uint64 expected[4][ROWS];
	uint32		n;

	for (n = 1; n <= ROWS; n += n < 70 ? 1 : 53)
	{
		RustsRuns	runs = {starts, 0};
		uint64		base = random_word();
		uint32		length = 1 + random_below(n);
		uint32		nfirsts = 0;
		uint16		sum = 0;
		uint32		run = 0;
		uint32		i;

		for (i = 0; i < n; i++)
		{
			bool		start = i % length == 0;
			uint16 symbol = (uint16) random_below(64);

			if (start)
			{
				run = runs.nruns++;
				starts[run] = i;
				run_starts[run] = random_word();
				expected[0][i] = expected[1][i] = expected[2][i] =
					expected[3][i] = run_starts[run];
				continue;
			}
			if (i % length == 1)
				firsts[nfirsts++] = random_word();
			values[i - run - 1] = random_word();
			expected[0][i] = expected[0][i - 1] + values[i - run - 1];
			expected[1][i] = expected[1][i - 1] + base + symbol;

			expected[2][i] = expected[2][i - 1] + base;
			expected[3][i] = expected[3][i - 1] + firsts[nfirsts - 1];
			sum += symbol;

			sums[i - run - 1] = sum;
		}

		memmove(values + runs.nruns, values,
				(n - runs.nruns) * sizeof(uint64));
		rusts_deltas_sum(&runs, run_starts, n, values);
		CHECK(memcmp(values, expected[0], n * 8) == 0, "%u rows", n);
		rusts_deltas_add_sums(&runs, run_starts, sums, base, n, values);
		CHECK(memcmp(values, expected[1], n * 8) == 0, "%u rows", n);
		rusts_deltas_sum_constant(&runs, run_starts, base, n, values);
		CHECK(memcmp(values, expected[2], n * 8) == 0, "%u rows", n);
		rusts_deltas2_sum_zeros(&runs, run_starts, firsts, n, values);
		CHECK(memcmp(values, expected[3], n * 8) == 0, "%u rows", n);
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
		test_huffman();
		test_deltas();
		test_shapes();
		test_sizes();
		test_scratch();
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
