/*-------------------------------------------------------------------------
 *
 * test_vector_filter.c
 *	  Filters and searches against loops that do one row at a time.
 *
 * test/unit/test_vector_filter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "vector/filter.h"
#include "vector_harness.h"

/* Are these the bits of the case where passes[] is true?  Frees them. */
static bool
bits_are(const Case *c, uint64 *bits, const bool *passes)
{
	uint64		wanted[RUSTS_BITMAP_WORDS(MAX_ROWS)] = {0};
	bool		ok;
	uint32		i;

	for (i = 0; i < c->n; i++)
		if (passes[i] && rusts_bitmap_test(c->bits, i))
			rusts_bitmap_set(wanted, i);
	ok = memcmp(bits, wanted, RUSTS_BITMAP_WORDS(c->n) * sizeof(uint64)) == 0;
	free(bits);
	return ok;
}

/* As float8_eq. */
static bool
float_equal(double a, double b)
{
	return isnan(a) ? isnan(b) : !isnan(b) && a == b;
}

static bool
float_passes(double v, RustsFloatTest test, double c)
{
	switch (test)
	{
		case RUSTS_FLOAT_LT:
			return float_less(v, c);
		case RUSTS_FLOAT_LE:
			return float_less(v, c) || float_equal(v, c);
		case RUSTS_FLOAT_EQ:
			return float_equal(v, c);
		case RUSTS_FLOAT_GE:
			return float_less(c, v) || float_equal(v, c);
		case RUSTS_FLOAT_GT:
			return float_less(c, v);
		default:
			return !float_equal(v, c);
	}
}

/* A value of the case, or another one. */
static int64
some_int(const Case *c)
{
	return c->n > 0 && random_below(3) ? c->ints[random_below(c->n)] :
		random_int(random_below(4));
}

static double
some_float(const Case *c)
{
	return c->n > 0 && random_below(3) ? c->floats[random_below(c->n)] :
		random_float(random_below(6));
}

static int
compare_ints(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static bool
int_filters_agree(const Case *c)
{
	int64		lo = some_int(c);
	int64		hi = some_int(c);
	bool		passes[MAX_ROWS];
	uint64	   *bits;
	bool		ok;
	uint32		i;

	bits = copy_bits(c);
	rusts_filter_int_range(c->ints, c->n, lo, hi, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = lo <= c->ints[i] && c->ints[i] <= hi;
	ok = bits_are(c, bits, passes);

	bits = copy_bits(c);
	rusts_filter_int_not(c->ints, c->n, lo, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = c->ints[i] != lo;
	return ok & bits_are(c, bits, passes);
}

static bool
int_list_agrees(const Case *c)
{
	uint32		nlist = random_below(random_below(2) ? 6 : 200);
	int64	   *list = malloc(nlist * sizeof(int64));
	bool		negate = random_below(2);
	bool		passes[MAX_ROWS];
	uint64	   *bits = copy_bits(c);
	uint32		i;

	for (i = 0; i < nlist; i++)
		list[i] = some_int(c);
	qsort(list, nlist, sizeof(int64), compare_ints);
	rusts_filter_int_in(c->ints, c->n, list, nlist, negate, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = negate ^ (bsearch(&c->ints[i], list, nlist, sizeof(int64),
									  compare_ints) != NULL);
	free(list);
	return bits_are(c, bits, passes);
}

static bool
float_filters_agree(const Case *c)
{
	bool		ok = true;
	int			test;

	for (test = RUSTS_FLOAT_LT; test <= RUSTS_FLOAT_NE; test++)
	{
		double		constant = some_float(c);
		bool		passes[MAX_ROWS];
		uint64	   *bits = copy_bits(c);
		uint32		i;

		rusts_filter_float(c->floats, c->n, test, constant, bits);
		for (i = 0; i < c->n; i++)
			passes[i] = float_passes(c->floats[i], test, constant);
		ok &= bits_are(c, bits, passes);
	}
	return ok;
}

static bool
float_list_agrees(const Case *c)
{
	uint32		nlist = random_below(7);
	double	   *list = malloc(nlist * sizeof(double));
	bool		negate = random_below(2);
	bool		passes[MAX_ROWS];
	uint64	   *bits = copy_bits(c);
	uint32		i,
				j;

	for (i = 0; i < nlist; i++)
		list[i] = some_float(c);
	rusts_filter_float_in(c->floats, c->n, list, nlist, negate, bits);
	for (i = 0; i < c->n; i++)
	{
		passes[i] = negate;
		for (j = 0; j < nlist; j++)
			if (float_equal(c->floats[i], list[j]))
				passes[i] = !negate;
	}
	free(list);
	return bits_are(c, bits, passes);
}

static bool
other_filters_agree(const Case *c)
{
	bool		truth[2] = {random_below(2), random_below(2)};
	bool		passes[MAX_ROWS];
	uint64	   *nulls = random_bitmap(c->n);
	uint64	   *bits;
	bool		ok;
	uint32		i;

	bits = copy_bits(c);
	rusts_filter_bool(c->bools, c->n, truth, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = truth[c->bools[i]];
	ok = bits_are(c, bits, passes);

	bits = copy_bits(c);
	rusts_filter_null(nulls, c->n, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = rusts_bitmap_test(nulls, i);
	ok &= bits_are(c, bits, passes);

	bits = copy_bits(c);
	rusts_filter_not_null(nulls, c->n, bits);
	for (i = 0; i < c->n; i++)
		passes[i] = !passes[i];
	free(nulls);
	return ok & bits_are(c, bits, passes);
}

/* All pairs of a range's ends, with all constants, over what is between. */
static void
test_float_ranges(void)
{
	bool		may = true;
	bool		must = true;
	bool		order = true;
	int			test,
				i,
				j,
				k,
				v;

	for (i = 0; i < lengthof(special_floats); i++)
		for (j = 0; j < lengthof(special_floats); j++)
		{
			double		a = special_floats[i];
			double		b = special_floats[j];

			order &= rusts_float_compare(a, b) ==
				float_less(b, a) - float_less(a, b);
			for (k = 0; k < lengthof(special_floats); k++)
				for (test = RUSTS_FLOAT_LT; test <= RUSTS_FLOAT_NE; test++)
				{
					double		c = special_floats[k];
					bool		any = false;
					bool		every = true;

					if (float_less(b, a))
						continue;
					for (v = 0; v < lengthof(special_floats); v++)
						if (!float_less(special_floats[v], a) &&
							!float_less(b, special_floats[v]))
						{
							any |= float_passes(special_floats[v], test, c);
							every &= float_passes(special_floats[v], test, c);
						}
					may &= rusts_float_may_match(test, c, a, b) == any;
					must &= rusts_float_must_match(test, c, a, b) == every;
				}
		}
	check(order, "order of floats");
	check(may, "what a range of floats may match");
	check(must, "what a range of floats must match");
}

static bool
lower_bound_agrees(Case *c)
{
	int64		v = some_int(c);
	uint32		wanted = c->from;

	qsort(c->ints, c->n, sizeof(int64), compare_ints);
	while (wanted < c->to && c->ints[wanted] < v)
		wanted++;
	return rusts_lower_bound(c->ints, c->from, c->to, v) == wanted;
}

static void
test_random(void)
{
	bool		int_filters = true;
	bool		int_lists = true;
	bool		float_filters = true;
	bool		float_lists = true;
	bool		other_filters = true;
	bool		lower_bounds = true;
	int			i;

	for (i = 0; i < NCASES; i++)
	{
		Case		c;

		make_case(&c);
		int_filters &= int_filters_agree(&c);
		int_lists &= int_list_agrees(&c);
		float_filters &= float_filters_agree(&c);
		float_lists &= float_list_agrees(&c);
		other_filters &= other_filters_agree(&c);
		lower_bounds &= lower_bound_agrees(&c);
		free_case(&c);
	}
	check(int_filters, "ranges of integers");
	check(int_lists, "lists of integers");
	check(float_filters, "comparisons of floats");
	check(float_lists, "lists of floats");
	check(other_filters, "booleans and nulls");
	check(lower_bounds, "lower bounds");
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	test_random();
	test_float_ranges();
	return finish();
}
