/*-------------------------------------------------------------------------
 *
 * test_time_bucket.c
 *	  Bucket arithmetic against 128-bit integers, months against a calendar
 *	  that counts day by day.
 *
 * test/unit/test_time_bucket.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "base/time_bucket.h"

#define RANDOM_SEED	20240229
#include "check.h"

static bool
is_leap(int64 year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Of all magnitudes. */
static int64
random_int64(void)
{
	uint64		n = random_uint64();

	return (int64) n >> (n % 64);
}

/* The floor of value's bucket in integers that cannot overflow. */
static __int128
wide_start(__int128 width, __int128 origin, __int128 value)
{
	__int128	rest = (value - origin) % width;

	return value - (rest < 0 ? rest + width : rest);
}

/*
 * An answer must be right, and may be missing only if it does not fit or if
 * value less the origin's phase does not.
 */
static bool
right_start(int64 width, int64 origin, int64 value)
{
	__int128	wanted = wide_start(width, origin, value);
	__int128	shifted = (__int128) value - origin % width;
	int64		start = 0;

	if (rusts_bucket_start(width, origin, value, &start))
		return start == wanted;
	return wanted < PG_INT64_MIN ||
		shifted < PG_INT64_MIN || shifted > PG_INT64_MAX;
}

static void
test_random(void)
{
	bool		ok = true;
	int			i;

	for (i = 0; i < 2000000; i++)
	{
		int64		width = random_int64() & PG_INT64_MAX;
		int64		origin = random_int64();
		int64		value = random_int64();

		ok &= right_start(width > 0 ? width : 1, origin, value);
	}
	check(ok, "random widths, origins and values");
}

static void
test_extremes(void)
{
	static const int64 at[] = {
		PG_INT64_MIN, PG_INT64_MIN + 1, PG_INT64_MIN / 2, -8, -7, -1, 0, 1, 6,
		7, 8, PG_INT64_MAX / 2, PG_INT64_MAX - 1, PG_INT64_MAX
	};
	int			w,
				o,
				v;
	bool		ok = true;
	int64		start;

	for (w = 0; w < lengthof(at); w++)
		for (o = 0; o < lengthof(at); o++)
			for (v = 0; v < lengthof(at); v++)
				if (at[w] > 0)
					ok &= right_start(at[w], at[o], at[v]);
	check(ok, "extremes");

	check(rusts_bucket_start(7, 0, -1, &start) && start == -7, "-1 by 7");
	check(rusts_bucket_start(7, 3, 2, &start) && start == -4, "2 by 7 from 3");
	check(!rusts_bucket_start(7, 0, PG_INT64_MIN, &start), "no room below");
	check(rusts_bucket_start(1, PG_INT64_MAX, PG_INT64_MIN, &start) &&
		  start == PG_INT64_MIN, "origin further away than an int64");
}

/* Days and months from 4714 BC to 5874897 AD. */
static void
test_calendar(void)
{
	static const int8 lengths[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	int64		first = 0;
	int64		month;
	bool		ok = true;

	for (month = 0; month < INT64CONST(5872897) * 12; month++)
	{
		int64		year = 2000 + month / 12;
		int			length = lengths[month % 12] +
		(month % 12 == 1 && is_leap(year));

		ok &= rusts_first_day_of_month(month) == first &&
			rusts_month_of_day(first) == month &&
			rusts_month_of_day(first + length - 1) == month;
		first += length;
	}
	check(ok, "months after 2000");

	first = 0;
	ok = true;
	for (month = -1; month >= -6714 * 12; month--)
	{
		int64		year = 2000 + (month - 11) / 12;
		int			of_year = (int) (month - (year - 2000) * 12);
		int			length = lengths[of_year] +
		(of_year == 1 && is_leap(year));
		int			day;

		first -= length;
		ok &= rusts_first_day_of_month(month) == first;
		for (day = 0; day < length; day++)
			ok &= rusts_month_of_day(first + day) == month;
	}
	check(ok, "months before 2000, every day of them");
}

int
main(void)
{
	test_random();
	test_extremes();
	test_calendar();
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0;
}
