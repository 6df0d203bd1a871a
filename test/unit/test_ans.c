/*-------------------------------------------------------------------------
 *
 * test_ans.c
 *	  Coding by finite states: alphabets, round trips, damage, golden bytes.
 *
 * Usage: test_ans [test-directory [--write]]
 *
 * Codes are decoded from buffers of exactly their size, so that the address
 * sanitizer sees any access outside.  With --write the golden file is written
 * instead of compared.
 *
 * test/unit/test_ans.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "base/bits.h"
#include "codec/ans.h"
#include "codec/ans_plan.h"
#include "codec/ids.h"
#include "codec/scratch.h"
#include "codec_check.h"

/* A symbol, as often as the alphabet says. */
static uint8
random_symbol(const RustsAnsAlphabet *alphabet)
{
	uint32		place = random_below((uint32) 1 << alphabet->bits);
	uint8		symbol = 0;

	while (place >= alphabet->freq[symbol])
		place -= alphabet->freq[symbol++];
	return symbol;
}

/* Frequencies of any kind: even, steep, one alone. */
static void
random_alphabet(RustsAnsAlphabet *alphabet, unsigned bits, uint32 nsymbols)
{
	uint32		left = (uint32) 1 << bits;
	uint32		i;

	memset(alphabet, 0, sizeof(*alphabet));
	alphabet->bits = bits;
	alphabet->nsymbols = nsymbols;
	for (i = 0; i + 1 < nsymbols && left > 0; i++)
	{
		uint32		freq = bits % 2 == 0 ? random_below(left + 1) :
			random_below(2 * left / nsymbols + 1);

		alphabet->freq[i] = (uint16) Min(freq, left);
		left -= alphabet->freq[i];
	}
	alphabet->freq[random_below(nsymbols)] += (uint16) left;
}

static void
test_models(void)
{
	unsigned	model;

	for (model = 1; model <= RUSTS_ANS_NMODELS; model++)
	{
		RustsAnsAlphabet alphabet;
		uint32		reach;
		uint32		sum = 0;
		uint32		i;

		rusts_ans_model(model, &alphabet);
		reach = (alphabet.nsymbols - 2) / 2;
		CHECK(alphabet.bits == RUSTS_ANS_MAX_BITS &&
			  alphabet.nsymbols == 2 * reach + 2 &&
			  alphabet.nsymbols <= RUSTS_ANS_SYMBOLS, "model %u", model);
		for (i = 0; i < alphabet.nsymbols; i++)
		{
			sum += alphabet.freq[i];
			CHECK(alphabet.freq[i] >= 1, "model %u, symbol %u", model, i);
		}
		CHECK(sum == RUSTS_ANS_STATES, "model %u: %u", model, sum);
		for (i = 1; i <= reach; i++)
			CHECK(alphabet.freq[reach - i] == alphabet.freq[reach + i],
				  "model %u, symbol %u", model, i);
	}
}

/* Code and decode n symbols of an alphabet, in both forms, and damage them. */
static void
check_codes(unsigned model, const RustsAnsAlphabet *alphabet, uint32 n)
{
	static uint8 symbols[ROWS];
	static uint8 back[ROWS];
	static uint16 sums[ROWS];
	static uint8 room[RUSTS_ANS_CODE_BYTES];
	RustsAns   *work = &scratch->ans;
	uint16		sum = 0;
	uint32		row = 0;
	uint8	   *codes;
	size_t		size;
	uint32		i;

	for (i = 0; i < n; i++)
		symbols[i] = random_symbol(alphabet);
	size = rusts_ans_encode(symbols, n, alphabet, room, work) - room;
	codes = malloc(size);
	memcpy(codes, room, size);
	CHECK(rusts_ans_decode(codes, codes + size, model, alphabet, n, back,
						   NULL, work) == codes + size &&
		  memcmp(symbols, back, n) == 0,
		  "model %u, %u bits, %u symbols", model, alphabet->bits, n);
	CHECK(rusts_ans_decode(codes, codes + size, model, alphabet, n, NULL,
						   sums, work) == codes + size,
		  "model %u, %u bits, %u symbols", model, alphabet->bits, n);
	while (row < n && sums[row] == (sum += symbols[row]))
		row++;
	CHECK(row == n, "model %u, %u bits, sum %u", model, alphabet->bits, row);

	codes = realloc(codes, Max(size - 1, 1));
	CHECK(rusts_ans_decode(codes, codes + size - 1, model, alphabet, n, back,
						   NULL, work) == NULL,
		  "model %u, %u bits, %u symbols: one byte less", model,
		  alphabet->bits, n);
	for (i = 0; i < 20 && size > 1; i++)
	{
		const uint8 *end;

		codes[random_below((uint32) size - 1)] ^= 1 << random_below(8);
		end = rusts_ans_decode(codes, codes + size - 1, model, alphabet, n,
							   back, NULL, work);
		CHECK(end == NULL || end <= codes + size - 1, "model %u", model);
	}
	free(codes);
}

static void
test_codes(void)
{
	static const uint32 sizes[] = {1, 2, 3, 5, 100, 255, 256, 257, 258, 259,
	1000, ROWS};
	RustsAnsAlphabet alphabet;
	unsigned	model;
	unsigned	bits;
	uint32		nsymbols;
	size_t		i;

	for (i = 0; i < lengthof(sizes); i++)
	{
		for (model = 1; model <= RUSTS_ANS_NMODELS; model++)
		{
			rusts_ans_model(model, &alphabet);
			check_codes(model, &alphabet, sizes[i]);
		}
		for (bits = RUSTS_ANS_MIN_BITS; bits <= RUSTS_ANS_MAX_BITS; bits++)
		{
			for (nsymbols = 1; nsymbols <= RUSTS_ANS_SYMBOLS; nsymbols += 7)
			{
				random_alphabet(&alphabet, bits, nsymbols);
				check_codes(0, &alphabet, sizes[i]);
			}
		}
	}
}

/* Alphabets come back; cut short they do not; damaged they do no harm. */
static void
test_alphabets(void)
{
	uint32		nsymbols;
	unsigned	bits;

	for (bits = RUSTS_ANS_MIN_BITS; bits <= RUSTS_ANS_MAX_BITS; bits++)
	{
		for (nsymbols = 1; nsymbols <= RUSTS_ANS_SYMBOLS; nsymbols++)
		{
			RustsAnsAlphabet alphabet;
			RustsAnsAlphabet back;
			uint8		room[RUSTS_ANS_ALPHABET_BYTES];
			size_t		size;
			size_t		len;
			uint8	   *bytes;
			uint32		i;

			random_alphabet(&alphabet, bits, nsymbols);
			size = rusts_ans_put_alphabet(&alphabet, room) - room;
			memset(&back, 0, sizeof(back));
			for (len = 0; len <= size; len++)
			{
				const uint8 *end;

				bytes = malloc(Max(len, 1));
				memcpy(bytes, room, len);
				end = rusts_ans_get_alphabet(bytes, bytes + len, &back);
				CHECK(end == (len == size ? bytes + len : NULL),
					  "%u bits, %u symbols, %zu bytes of %zu", bits, nsymbols,
					  len, size);
				if (len == size)
					CHECK(memcmp(&alphabet, &back, sizeof(back)) == 0,
						  "%u bits, %u symbols", bits, nsymbols);
				free(bytes);
			}
			for (i = 0; i < 50; i++)
			{
				uint8		saved[RUSTS_ANS_ALPHABET_BYTES];

				memcpy(saved, room, size);
				saved[random_below((uint32) size)] ^= 1 << random_below(8);
				bytes = malloc(size);
				memcpy(bytes, saved, size);
				if (rusts_ans_get_alphabet(bytes, bytes + size, &back) != NULL)
					check_codes(0, &back, 300);
				free(bytes);
			}
		}
	}
}

/*
 * A block of values that are distributed as the alphabet says, with low bits
 * and a few values outside; its bytes are the golden file's.
 */
static void
check_golden_block(FILE *file, bool write, unsigned model, uint64 base,
				   unsigned width, bool escapes, uint32 n)
{
	static uint64 values[ROWS];
	static uint8 block[RUSTS_SCRATCH_BYTES];
	uint8		golden[RUSTS_SCRATCH_BYTES];
	int64		back[ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(ROWS)];
	uint32		nnulls;
	RustsAnsPlan plan = {.base = base, .width = width, .model = model,
	.escapes = escapes};
	uint32		run = 0;
	uint8		header[4];
	size_t		size;
	uint32		row = 0;
	uint32		i;

	if (model > 0)
		rusts_ans_model(model, &plan.alphabet);
	else
		random_alphabet(&plan.alphabet, 5 + n % 6, 1 + n % 64);
	for (i = 0; i < n; i++)
	{
		uint64		symbol = random_symbol(&plan.alphabet);

		values[i] = plan.base + (symbol << width) +
			(random_word() & rusts_bit_mask(width));
		if (escapes && symbol == plan.alphabet.nsymbols - 1)
			values[i] = random_word() >> random_below(64) |
				UINT64CONST(1) << 40;
	}
	block[0] = RUSTS_BLOCK_HEADER(RUSTS_CODEC_INTS +
								  rusts_make_tag(RUSTS_TRANSFORM_NONE,
												 RUSTS_METHOD_ANS),
								  RUSTS_NULLS_NONE);
	size = rusts_ans_encode_values(values, n, &plan, block + 1, scratch) -
		block;
	if (write)
	{
		rusts_put_u32(header, (uint32) size);
		fwrite(header, 1, sizeof(header), file);
		fwrite(block, 1, size, file);
		return;
	}
	CHECK(fread(header, 1, sizeof(header), file) == sizeof(header) &&
		  rusts_get_u32(header) == size &&
		  fread(golden, 1, size, file) == size &&
		  memcmp(block, golden, size) == 0,
		  "model %u, %u rows: encoded differently", model, n);
	CHECK(rusts_block_decode_ints(golden, size, n, 1, &run, back, nulls,
								  &nnulls, scratch) == RUSTS_CODEC_OK,
		  "model %u, %u rows", model, n);
	while (row < n && (uint64) back[row] == values[row])
		row++;
	CHECK(row == n,
		  "model %u, %u rows: decoded differently", model, n);
}

static void
test_golden(const char *directory, bool write)
{
	char		path[1024];
	FILE	   *file;
	unsigned	model;

	snprintf(path, sizeof(path), "%s/golden/codec_ans.bin", directory);
	file = fopen(path, write ? "wb" : "rb");
	CHECK(file != NULL, "could not open file \"%s\": %m", path);
	if (file == NULL)
		return;
	random_state = 1;
	for (model = 0; model <= RUSTS_ANS_NMODELS; model++)
	{
		uint64		base = 0;

		check_golden_block(file, write, model, -1000, 0, false, 100 + model);
		check_golden_block(file, write, model, -1000, 3, true, 300 + model);
		if (model > 0)
		{
			RustsAnsAlphabet alphabet;

			/* Base and width are left out then. */
			rusts_ans_model(model, &alphabet);
			base -= alphabet.nsymbols / 2 - 1;
		}
		check_golden_block(file, write, model, base, 0, model % 2 == 0,
						   250 + model);
	}
	for (model = 0; model < 20; model++)
		check_golden_block(file, write, 0, -1000, model, model % 3 == 0,
						   260 + 7 * model);
	CHECK(write || fgetc(file) == EOF, "golden file is too long");
	fclose(file);
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
		test_models();
		test_codes();
		test_alphabets();
	}
	free(scratch);
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0 ? 1 : 0;
}
