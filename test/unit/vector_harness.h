/*-------------------------------------------------------------------------
 *
 * vector_harness.h
 *	  Random blocks for the tests of src/vector, and the order of floats.
 *
 * Arrays are exactly as long as they need to be, so that the sanitizer sees
 * a kernel that reads on.
 *
 * test/unit/vector_harness.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef VECTOR_HARNESS_H
#define VECTOR_HARNESS_H

#include <math.h>

#include "base/bitmap.h"

#undef printf

#define MAX_ROWS	1024
#define NCASES		10000

/* Rows of a block, and a range and a set of them. */
typedef struct Case
{
	uint32		n;
	uint32		from;
	uint32		to;
	int64	   *ints;
	double	   *floats;
	uint8	   *bools;
	uint64	   *bits;
	const uint64 *some;			/* bits, or NULL */
} Case;

static const int64 special_ints[] = {
	PG_INT64_MIN, PG_INT64_MIN + 1, -INT64CONST(0x100000000), -1, 0, 1,
	0xFFFFFFFF, INT64CONST(0x100000000), PG_INT64_MAX - 1, PG_INT64_MAX
};

static const double special_floats[] = {
	-INFINITY, -1.7976931348623157e308, -1.5, -2.2250738585072014e-308,
	-4.9406564584124654e-324, -0.0, 0.0, 4.9406564584124654e-324,
	2.2250738585072014e-308, 1.0, 1.7976931348623157e308, INFINITY, NAN, -NAN
};

static const uint32 special_sizes[] = {
	0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1000, 1023, 1024
};

#define RANDOM_SEED	20240229
#include "check.h"

static uint32
random_below(uint32 limit)
{
	return (random_uint64() >> 32) % limit;
}

/* Of few values, of small ones, of all magnitudes, of the extreme ones. */
static int64
random_int(int kind)
{
	if (random_below(50) == 0)
		kind = 3;
	switch (kind)
	{
		case 0:
			return random_below(4);
		case 1:
			return (int64) random_below(2000) - 1000;
		case 2:
			return (int64) random_uint64() >> random_below(64);
		default:
			return special_ints[random_below(lengthof(special_ints))];
	}
}

/* Likewise; any bits are NaN once in a thousand times. */
static double
random_float(int kind)
{
	uint64		bits = random_uint64();
	double		any;

	memcpy(&any, &bits, sizeof(any));
	switch (kind)
	{
		case 0:
			return special_floats[5 + random_below(2)];
		case 1:
			return ((double) random_below(4000) - 2000) / 4;
		case 2:
			return any;
		case 3:
			return special_floats[random_below(lengthof(special_floats))];
		case 4:
			return random_below(30) == 0 ? -NAN : (double) random_below(5);
		default:
			return random_below(2) ? NAN : -NAN;
	}
}

static uint64
random_word(int density)
{
	switch (density)
	{
		case 0:
			return 0;
		case 1:
			return random_below(2) ? UINT64CONST(1) << random_below(64) : 0;
		case 2:
			return random_uint64();
		case 3:
			return random_uint64() | random_uint64() | random_uint64();
		default:
			return ~UINT64CONST(0);
	}
}

static uint64 *
random_bitmap(uint32 n)
{
	size_t		nwords = RUSTS_BITMAP_WORDS(n);
	uint64	   *bits = malloc(nwords * sizeof(uint64));
	int			density = random_below(6);
	size_t		word;

	for (word = 0; word < nwords; word++)
		bits[word] = random_word(density < 5 ? density : random_below(5));
	if (n % 64 != 0)
		bits[nwords - 1] &= (UINT64CONST(1) << n % 64) - 1;
	return bits;
}

static void
make_case(Case *c)
{
	int			int_kind = random_below(4);
	int			float_kind = random_below(6);
	uint32		i;

	c->n = random_below(2) ? random_below(MAX_ROWS + 1) :
		special_sizes[random_below(lengthof(special_sizes))];
	c->from = random_below(3) ? 0 : random_below(c->n + 1);
	c->to = random_below(3) ? c->n :
		c->from + random_below(c->n - c->from + 1);
	c->ints = malloc(c->n * sizeof(int64));
	c->floats = malloc(c->n * sizeof(double));
	c->bools = malloc(c->n);
	c->bits = random_bitmap(c->n);
	c->some = random_below(3) ? c->bits : NULL;
	for (i = 0; i < c->n; i++)
	{
		c->ints[i] = random_int(int_kind);
		c->floats[i] = random_float(float_kind);
		c->bools[i] = random_below(2);
	}
}

static void
free_case(Case *c)
{
	free(c->ints);
	free(c->floats);
	free(c->bools);
	free(c->bits);
}

static uint64 *
copy_bits(const Case *c)
{
	size_t		size = RUSTS_BITMAP_WORDS(c->n) * sizeof(uint64);
	uint64	   *copy = malloc(size);

	memcpy(copy, c->bits, size);
	return copy;
}

/* As float8_lt of PostgreSQL's utils/float.h. */
static bool
float_less(double a, double b)
{
	return !isnan(a) && (isnan(b) || a < b);
}

/* A seed may be given as argument. */
static void
begin(int argc, char **argv)
{
	if (argc > 1)
		random_state = strtoull(argv[1], NULL, 10);
	printf("# seed " UINT64_FORMAT "\n", random_state);
}

static int
finish(void)
{
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0;
}

#endif							/* VECTOR_HARNESS_H */
