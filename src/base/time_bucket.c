/*-------------------------------------------------------------------------
 *
 * time_bucket.c
 *	  Days and months of the proleptic Gregorian calendar.
 *
 * The calendar repeats every 400 years.  Counted from a 1 March the leap day
 * is the last one of its year, and the lengths of the months before it follow
 * the pattern 31 30 31 30 31, which (153 * month + 2) / 5 sums up.  We shift
 * to 2000-03-01, where a period of 400 years begins as well.
 *
 * src/base/time_bucket.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/time_bucket.h"

#define DAYS_PER_ERA		146097
#define MONTHS_PER_ERA		4800
#define FIRST_MARCH_DAY		60	/* 2000-03-01 */
#define FIRST_MARCH_MONTH	2

/* Split n into eras and the non-negative rest. */
static inline int64
floor_divide(int64 n, int64 divisor, int64 *rest)
{
	int64		quotient = n / divisor;

	*rest = n % divisor;
	if (*rest < 0)
	{
		*rest += divisor;
		quotient--;
	}
	return quotient;
}

/* The month that a day belongs to. */
int64
rusts_month_of_day(int64 day)
{
	int64		rest;
	int64		era = floor_divide(day - FIRST_MARCH_DAY, DAYS_PER_ERA, &rest);
	int64		year;
	int64		day_of_year;

	/* take away the leap days before, then all years are equally long */
	year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	day_of_year = rest - (365 * year + year / 4 - year / 100);
	return era * MONTHS_PER_ERA + year * 12 + (5 * day_of_year + 2) / 153 +
		FIRST_MARCH_MONTH;
}

/* The day on which a month begins. */
int64
rusts_first_day_of_month(int64 month)
{
	int64		rest;
	int64		era = floor_divide(month - FIRST_MARCH_MONTH, MONTHS_PER_ERA,
								   &rest);
	int64		year = rest / 12;

	return era * DAYS_PER_ERA + 365 * year + year / 4 - year / 100 +
		(153 * (rest % 12) + 2) / 5 + FIRST_MARCH_DAY;
}
