/*-------------------------------------------------------------------------
 *
 * test_vector_aggregate.c
 *	  Reductions against loops that do one row at a time.
 *
 * test/unit/test_vector_aggregate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "vector/aggregate.h"
#include "vector_harness.h"

/* Equal to the sign of zero; NaN is NaN. */
static bool
same_float(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static bool
counts(const Case *c, uint32 i)
{
	return c->some == NULL || rusts_bitmap_test(c->some, i);
}

static bool
int_reductions_agree(const Case *c)
{
	uint32		wanted_count = 0;
	int128		wanted_sum = 0;
	int128		wanted_squares = 0;
	bool		wanted_overflow = false;
	int64		wanted_min = PG_INT64_MAX;
	int64		wanted_max = PG_INT64_MIN;
	uint32		count[3];
	int128		sum[2];
	int128		squares;
	bool		overflow;
	int64		min;
	int64		max;
	uint32		i;

	for (i = c->from; i < c->to; i++)
		if (counts(c, i))
		{
			int128		v = c->ints[i];

			wanted_count++;
			wanted_sum += v;
			wanted_min = Min(wanted_min, v);
			wanted_max = Max(wanted_max, v);
			wanted_overflow |= wanted_squares > ~((int128) 1 << 127) - v * v;
			wanted_squares += v * v;
		}

	rusts_sum_ints(c->ints, c->from, c->to, c->some, &count[0], &sum[0]);
	rusts_minmax_ints(c->ints, c->from, c->to, c->some, &count[1], &min, &max);
	rusts_sum_and_squares_ints(c->ints, c->from, c->to, c->some, &count[2],
							   &sum[1], &squares, &overflow);
	return count[0] == wanted_count && count[1] == wanted_count &&
		count[2] == wanted_count &&
		sum[0] == wanted_sum && sum[1] == wanted_sum &&
		(wanted_count == 0 || (min == wanted_min && max == wanted_max)) &&
		overflow == wanted_overflow &&
		(overflow || squares == wanted_squares);
}

/* In the order that aggregate.c promises. */
static double
sum_lanes(const double *lanes)
{
	return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
		((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static bool
float_reductions_agree(const Case *c)
{
	double		mean = random_float(1 + random_below(3));
	double		sums[8];
	double		squares[8];
	uint32		wanted_count = 0;
	double		wanted_min = NAN;
	double		wanted_max = -INFINITY;
	uint32		count[2];
	double		sum;
	double		sum_squares;
	double		min;
	double		max;
	uint32		i;

	for (i = 0; i < 8; i++)
	{
		sums[i] = -0.0;
		squares[i] = isfinite(mean) ? 0.0 : NAN;
	}
	for (i = c->from; i < c->to; i++)
		if (counts(c, i))
		{
			double		v = c->floats[i];

			sums[i % 8] += v;
			squares[i % 8] += (v - mean) * (v - mean);
			if (wanted_count == 0 || float_less(v, wanted_min) ||
				(v == wanted_min && signbit(v)))
				wanted_min = v;
			if (wanted_count == 0 || float_less(wanted_max, v) ||
				(v == wanted_max && !signbit(v)))
				wanted_max = v;
			wanted_count++;
		}

	rusts_sum_floats(c->floats, c->from, c->to, c->some, &count[0], &sum);
	rusts_minmax_floats(c->floats, c->from, c->to, c->some, &count[1],
						&min, &max);
	sum_squares = rusts_sum_squares(c->floats, c->from, c->to, c->some, mean);
	return count[0] == wanted_count && count[1] == wanted_count &&
		same_float(sum, sum_lanes(sums)) &&
		same_float(sum_squares, sum_lanes(squares)) &&
		(wanted_count == 0 ||
		 (same_float(min, wanted_min) && same_float(max, wanted_max)));
}

static bool
bits_agree(const Case *c)
{
	uint32		count = 0;
	uint32		first = c->to;
	uint32		last = c->to;
	uint64	   *filled = copy_bits(c);
	bool		ok = true;
	uint32		i;

	for (i = c->from; i < c->to; i++)
		if (rusts_bitmap_test(c->bits, i))
		{
			if (count++ == 0)
				first = i;
			last = i;
		}
	rusts_fill_bits(filled, c->n, c->from, c->to);
	for (i = 0; i < RUSTS_BITMAP_WORDS(c->n) * 64; i++)
		ok &= rusts_bitmap_test(filled, i) == (i >= c->from && i < c->to);
	free(filled);
	return ok && rusts_count_bits(c->bits, c->from, c->to) == count &&
		rusts_next_bit(c->bits, c->from, c->to) == first &&
		rusts_prev_bit(c->bits, c->from, c->to) == last;
}

static void
test_random(void)
{
	bool		ints = true;
	bool		floats = true;
	bool		bits = true;
	int			i;

	for (i = 0; i < NCASES; i++)
	{
		Case		c;

		make_case(&c);
		ints &= int_reductions_agree(&c);
		floats &= float_reductions_agree(&c);
		bits &= bits_agree(&c);
		free_case(&c);
	}
	check(ints, "reductions of integers");
	check(floats, "reductions of floats");
	check(bits, "bits");
}

/* Answers known without a twin. */
static void
test_known(void)
{
	static const double zeros[] = {-0.0, -0.0, -0.0};
	static const double nans[] = {NAN, -NAN, 1.0};
	int64		ints[MAX_ROWS];
	uint32		count;
	double		sum;
	double		min;
	double		max;
	int128		exact;
	int128		squares;
	bool		overflow;
	uint32		i;

	rusts_sum_floats(zeros, 0, 3, NULL, &count, &sum);
	check(count == 3 && sum == 0 && signbit(sum), "sum of negative zeros");
	rusts_minmax_floats(nans, 0, 3, NULL, &count, &min, &max);
	check(min == 1.0 && isnan(max), "NaN is the greatest");
	rusts_minmax_floats(nans, 0, 2, NULL, &count, &min, &max);
	check(isnan(min) && isnan(max), "NaN alone is the smallest");
	check(memcmp(&min, &nans[0], sizeof(min)) == 0 &&
		  memcmp(&max, &nans[0], sizeof(max)) == 0,
		  "NaN is PostgreSQL's");

	for (i = 0; i < MAX_ROWS; i++)
		ints[i] = PG_INT64_MIN;
	rusts_sum_and_squares_ints(ints, 0, 1, NULL, &count, &exact, &squares,
							   &overflow);
	check(!overflow && squares == (int128) 1 << 126, "the largest square");
	rusts_sum_and_squares_ints(ints, 0, 2, NULL, &count, &exact, &squares,
							   &overflow);
	check(overflow, "two squares too large");
	rusts_sum_ints(ints, 0, MAX_ROWS, NULL, &count, &exact);
	check(count == MAX_ROWS && exact == (int128) PG_INT64_MIN * MAX_ROWS,
		  "the smallest sum");
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	test_random();
	test_known();
	return finish();
}
