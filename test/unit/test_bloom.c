/*-------------------------------------------------------------------------
 *
 * test_bloom.c
 *	  The filter of tag values: no value is missed, others seldom found, and
 *	  the bytes are those of doc/format.md.
 *
 * test/unit/test_bloom.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "base/bloom.h"

#undef printf
#undef snprintf

#define MAX_KEYS	4000

#define RANDOM_SEED	20240229
#include "check.h"

/* Hash of a random value, or now and then NULL, of an attribute 1 .. 10. */
static uint64
random_hash(int *attno)
{
	uint64		bytes[5];
	int			i;

	*attno = 1 + random_uint64() % 10;
	if (random_uint64() % 1000 == 0)
		return rusts_bloom_hash_null(*attno);
	for (i = 0; i < lengthof(bytes); i++)
		bytes[i] = random_uint64();

	/* of 6 bytes and more, so that no two are the same */
	return rusts_bloom_hash_tag(*attno, bytes, 6 + random_uint64() % 34);
}

/* Set a value's bits in a filter of this size, by the definition. */
static void
set_bits(uint8 *bits, uint32 size, uint64 hash)
{
	uint64		low = hash & 0xffffffff;
	uint64		high = (hash >> 32) | 1;
	uint64		i;

	for (i = 0; i < 4; i++)
	{
		uint64		bit = (low + i * high) % size;

		bits[bit / 8] |= 1 << (bit % 8);
	}
}

static uint32
count_bits(const uint8 *bits, uint32 size)
{
	uint32		n = 0;
	uint32		i;

	for (i = 0; i < size; i++)
		n += (bits[i / 8] >> (i % 8)) & 1;
	return n;
}

static void
test_hash(void)
{
	/* computed with libstdc++'s std::_Hash_bytes, the same function */
	static const struct
	{
		int			attno;
		const char *value;
		uint64		hash;
	}			golden[] =
	{
		{1, "", UINT64CONST(0xc6a4a7935bd064dc)},
		{2, "", UINT64CONST(0x8d494f26b7a2c9b8)},
		{2, "a", UINT64CONST(0xd8788d18ba82e0b5)},
		{2, "\xff\xfe", UINT64CONST(0xd50e81cab960c9cb)},
		{2, "server01", UINT64CONST(0xed5935066f8efe7d)},
		{300, "server01", UINT64CONST(0x854b62a9230fff85)},
		{2, "server012", UINT64CONST(0x6f9ed68ce8a5cdfc)},
		{2, "us-west-1a", UINT64CONST(0x4b90dacd5e98b196)},
		{2, "abcdefghijklmnop", UINT64CONST(0xa8d10a8f253ea4f5)}
	};
	bool		ok = true;
	int			i;

	for (i = 0; i < lengthof(golden); i++)
	{
		char		shifted[64];

		ok &= rusts_bloom_hash_tag(golden[i].attno, golden[i].value,
								   strlen(golden[i].value)) == golden[i].hash;
		strcpy(shifted + 1, golden[i].value);
		ok &= rusts_bloom_hash_tag(golden[i].attno, shifted + 1,
								   strlen(golden[i].value)) == golden[i].hash;
	}
	check(ok, "hashes of values");
	check(rusts_bloom_hash_null(2) == UINT64CONST(0x34dcaaf8a138ba93),
		  "hash of NULL");
}

/* The bytes of a filter, as doc/format.md has them. */
static void
test_golden(void)
{
	static const uint8 golden[] = {
		0x02, 0x04, 0x02,
		0x91, 0x0f, 0x06, 0x08, 0x00, 0x00, 0x40, 0x20
	};
	RustsBloomBuilder builder;
	uint8		filter[RUSTS_BLOOM_MAX_BYTES];
	uint8		by_definition[8] = {0};
	uint32		len;

	rusts_bloom_begin(&builder);
	rusts_bloom_cover(&builder, 2);
	rusts_bloom_cover(&builder, 9);
	rusts_bloom_add(&builder, rusts_bloom_hash_tag(2, "server01", 8));
	rusts_bloom_add(&builder, rusts_bloom_hash_tag(9, "us-west-1a", 10));
	rusts_bloom_add(&builder, rusts_bloom_hash_null(9));
	len = rusts_bloom_finish(&builder, filter);
	check(len == sizeof(golden) && memcmp(filter, golden, len) == 0,
		  "golden bytes");

	set_bits(by_definition, 64, rusts_bloom_hash_tag(2, "server01", 8));
	set_bits(by_definition, 64, rusts_bloom_hash_tag(9, "us-west-1a", 10));
	set_bits(by_definition, 64, rusts_bloom_hash_null(9));
	check(memcmp(golden + 3, by_definition, 8) == 0, "golden bits");
}

/*
 * A filter of n values has them all, is as large as it should be, and has the
 * bits it should have.  Returns the rate of false answers, < 0 without a
 * filter.
 */
static double
try_size(int n)
{
	static uint64 hashes[MAX_KEYS];
	static int	attnos[MAX_KEYS];
	static uint8 bits[RUSTS_BLOOM_MAX_BITS / 8];
	RustsBloomBuilder builder;
	uint8		filter[RUSTS_BLOOM_MAX_BYTES];
	uint32		len;
	uint32		size = RUSTS_BLOOM_MAX_BITS;
	bool		room = true;
	bool		ok = true;
	int			nfalse = 0;
	int			ntries = 20000;
	int			i;
	char		what[64];

	snprintf(what, sizeof(what), "filter of %d values", n);
	rusts_bloom_begin(&builder);
	for (i = 1; i <= 10; i++)
		rusts_bloom_cover(&builder, i);
	for (i = 0; i < n; i++)
	{
		hashes[i] = random_hash(&attnos[i]);
		room = rusts_bloom_add(&builder, hashes[i]);
	}
	len = rusts_bloom_finish(&builder, filter);

	/* the smallest size that is half full at most */
	for (;;)
	{
		memset(bits, 0, sizeof(bits));
		for (i = 0; i < n; i++)
			set_bits(bits, size, hashes[i]);
		if (count_bits(bits, size) > size / 2)
		{
			size *= 2;
			break;
		}
		if (size == 64)
			break;
		size /= 2;
	}
	if (size > RUSTS_BLOOM_MAX_BITS)
	{
		check(len == 0 && !room, what);
		return -1;
	}
	memset(bits, 0, sizeof(bits));
	for (i = 0; i < n; i++)
		set_bits(bits, size, hashes[i]);
	ok &= room && len == 3 + size / 8 &&
		memcmp(filter + 3, bits, size / 8) == 0;
	ok &= filter[0] == 2 && filter[1] == 0xfe && filter[2] == 0x07;

	for (i = 0; i < n; i++)
		ok &= rusts_bloom_may_contain(filter, len, attnos[i], hashes[i]);
	for (i = 0; i < ntries; i++)
	{
		int			attno;
		uint64		hash = random_hash(&attno);

		while (hash == rusts_bloom_hash_null(attno))
			hash = random_hash(&attno);
		nfalse += rusts_bloom_may_contain(filter, len, attno, hash);
		ok &= rusts_bloom_may_contain(filter, len, 0, hash) &&
			rusts_bloom_may_contain(filter, len, attno + 10, hash) &&
			rusts_bloom_may_contain(filter, len, -attno, hash) &&
			rusts_bloom_may_contain(filter, len, 1600, hash) &&
			rusts_bloom_may_contain(filter, len, attno * 16, hash);
	}
	check(ok, what);
	return (double) nfalse / ntries;
}

static void
test_sizes(void)
{
	double		sum = 0;
	double		worst = 0;
	int			nfilters = 0;
	int			n;

	for (n = 0; n <= MAX_KEYS; n += 1 + n / 40)
	{
		double		rate = try_size(n);

		if (rate < 0)
			continue;
		sum += rate;
		worst = Max(worst, rate);
		nfilters++;
	}
	printf("# false answers: %.2f %% on average, %.2f %% at worst\n",
		   sum / nfilters * 100, worst * 100);
	check(sum / nfilters < 0.05, "false answers on average");
	check(worst < 0.08, "false answers at worst");
	check(try_size(2700) >= 0, "2,700 values have a filter");
	check(try_size(3000) < 0, "3,000 values have none");
}

static void
test_edges(void)
{
	RustsBloomBuilder builder;
	uint8		filter[RUSTS_BLOOM_MAX_BYTES];
	uint32		len;

	rusts_bloom_begin(&builder);
	rusts_bloom_add(&builder, 1);
	check(rusts_bloom_finish(&builder, filter) == 0, "nothing is covered");

	rusts_bloom_begin(&builder);
	rusts_bloom_cover(&builder, -1);
	rusts_bloom_cover(&builder, 1601);
	check(rusts_bloom_finish(&builder, filter) == 0, "no such attributes");

	rusts_bloom_begin(&builder);
	rusts_bloom_cover(&builder, 1600);
	rusts_bloom_add(&builder, rusts_bloom_hash_tag(1600, "", 0));
	len = rusts_bloom_finish(&builder, filter);
	check(len == 1 + 201 + 8, "the last attribute");
	check(rusts_bloom_may_contain(filter, len, 1600,
								  rusts_bloom_hash_tag(1600, "", 0)) &&
		  !rusts_bloom_may_contain(filter, len, 1600,
								   rusts_bloom_hash_tag(1600, "\0", 1)) &&
		  !rusts_bloom_may_contain(filter, len, 1600,
								   rusts_bloom_hash_null(1600)),
		  "an empty value is neither a zero byte nor NULL");
	check(rusts_bloom_may_contain(NULL, 0, 1600, 42), "no filter");
}

/* Every length, of random bytes, in a buffer of just that length. */
static void
test_total(void)
{
	uint32		len;
	bool		ok = true;

	for (len = 1; len < RUSTS_BLOOM_MAX_BYTES + 100; len++)
	{
		uint8	   *bytes = malloc(len);
		uint32		round;

		for (round = 0; round < 200; round++)
		{
			uint32		ncovered;
			uint32		rest;
			uint32		i;
			bool		valid;

			for (i = 0; i < len; i++)
				bytes[i] = random_uint64() >> 40;
			ncovered = bytes[0] = round < 100 ? round : bytes[0];
			rest = len - 1 - ncovered;
			valid = len > 1 + ncovered && rest >= 8 && rest <= 2048 &&
				(rest & (rest - 1)) == 0;
			for (i = 0; i < 20; i++)
			{
				int			attno = (int16) random_uint64() %
				(i < 10 ? 40 : 0x8000);

				if (!rusts_bloom_may_contain(bytes, len, attno,
											 random_uint64()))
					ok &= valid && attno >= 0 && attno / 8 < ncovered;
			}
		}
		free(bytes);
	}
	check(ok, "any bytes");
}

int
main(void)
{
	test_hash();
	test_golden();
	test_sizes();
	test_edges();
	test_total();
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0;
}
