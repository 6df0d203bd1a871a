/*-------------------------------------------------------------------------
 *
 * duration.c
 *	  Durations as people of line protocol write them.
 *
 * The units are those of InfluxDB; m is a minute and mo a month.  What has
 * another form is PostgreSQL's business, which knows most of these units,
 * too, but neither mo nor ns nor u.
 *
 * src/base/duration.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "common/int.h"

#include "base/duration.h"

typedef struct Unit
{
	const char *name;
	int32		months;			/* of one */
	int32		days;
	int64		nanoseconds;
} Unit;

/* Longer names come before their beginnings. */
static const Unit units[] = {
	{"mo", 1, 0, 0},
	{"ms", 0, 0, INT64CONST(1000000)},
	{"us", 0, 0, INT64CONST(1000)},
	{"ns", 0, 0, INT64CONST(1)},
	{"y", 12, 0, 0},
	{"w", 0, 7, 0},
	{"d", 0, 1, 0},
	{"h", 0, 0, INT64CONST(3600000000000)},
	{"m", 0, 0, INT64CONST(60000000000)},
	{"s", 0, 0, INT64CONST(1000000000)},
	{"u", 0, 0, INT64CONST(1000)}
};

static bool read_number(const char **p, const char *end, int64 *number);
static const Unit *read_unit(const char **p, const char *end);
static bool add(RustsDuration *duration, int64 number, const Unit *unit);

bool
rusts_duration_parse(const char *text, size_t len, RustsDuration *duration)
{
	const char *p = text;
	const char *end = text + len;

	duration->months = 0;
	duration->days = 0;
	duration->microseconds = 0;
	if (len == 0)
		return false;
	while (p < end)
	{
		const Unit *unit;
		int64		number;

		if (!read_number(&p, end, &number))
			return false;
		unit = read_unit(&p, end);
		if (unit == NULL || !add(duration, number, unit))
			return false;
	}
	return true;
}

static bool
read_number(const char **p, const char *end, int64 *number)
{
	const char *start = *p;

	*number = 0;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
	{
		if (pg_mul_s64_overflow(*number, 10, number) ||
			pg_add_s64_overflow(*number, **p - '0', number))
			return false;
	}
	return *p > start;
}

static const Unit *
read_unit(const char **p, const char *end)
{
	int			i;

	for (i = 0; i < lengthof(units); i++)
	{
		size_t		len = strlen(units[i].name);

		if ((size_t) (end - *p) >= len &&
			memcmp(*p, units[i].name, len) == 0)
		{
			*p += len;
			return &units[i];
		}
	}
	return NULL;
}

static bool
add(RustsDuration *duration, int64 number, const Unit *unit)
{
	int64		microseconds;
	int32		months;
	int32		days;

	if (number > PG_INT32_MAX && unit->nanoseconds == 0)
		return false;
	if (unit->nanoseconds >= 1000)
	{
		if (pg_mul_s64_overflow(number, unit->nanoseconds / 1000,
								&microseconds))
			return false;
	}
	else
	{
		microseconds = unit->nanoseconds > 0 ? number / 1000 : 0;
		if (unit->nanoseconds > 0 && number % 1000 != 0)
			return false;
	}
	return !pg_add_s64_overflow(duration->microseconds, microseconds,
								&duration->microseconds) &&
		!pg_mul_s32_overflow(unit->months > 0 ? (int32) number : 0,
							 unit->months, &months) &&
		!pg_add_s32_overflow(duration->months, months, &duration->months) &&
		!pg_mul_s32_overflow(unit->days > 0 ? (int32) number : 0,
							 unit->days, &days) &&
		!pg_add_s32_overflow(duration->days, days, &duration->days);
}
