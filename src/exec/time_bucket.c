/*-------------------------------------------------------------------------
 *
 * time_bucket.c
 *	  SQL functions time_bucket(width, ts, ...).
 *
 * A width is either a fixed length (days and smaller units; a day has 24
 * hours) or a number of months, never both.  Fixed widths count from
 * 2000-01-03, a Monday, months from January 2000; of an origin, months heed
 * its month only.  Buckets begin where TimescaleDB's begin; README.md lists
 * the few inputs for which they do not.
 *
 * A timestamptz is bucketed as UTC unless a time zone is given.  The functions
 * are declared immutable and shipped to other nodes, so nothing here may look
 * at the session's TimeZone: intervals are added to a timestamptz as if it
 * were a timestamp, with days of 24 hours.  Both types can share one function
 * for that reason.
 *
 * src/exec/time_bucket.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/time_bucket.h"

PG_FUNCTION_INFO_V1(rusts_time_bucket_int2);
PG_FUNCTION_INFO_V1(rusts_time_bucket_int4);
PG_FUNCTION_INFO_V1(rusts_time_bucket_int8);
PG_FUNCTION_INFO_V1(rusts_time_bucket_timestamp);
PG_FUNCTION_INFO_V1(rusts_time_bucket_timestamp_offset);
PG_FUNCTION_INFO_V1(rusts_time_bucket_timezone);
PG_FUNCTION_INFO_V1(rusts_time_bucket_date);
PG_FUNCTION_INFO_V1(rusts_time_bucket_date_offset);

static int64 bucket_integer(int64 width, int64 value, int64 offset,
							int64 min, int64 max);
static TimestampTz step_back(TimestampTz start, const Interval *width,
							 TimestampTz ts);
static Timestamp bucket_timestamp(const Interval *width, Timestamp ts,
								  Timestamp origin);
static Timestamp bucket_timestamp_months(const Interval *width, Timestamp ts,
										 Timestamp origin);
static DateADT bucket_date(const Interval *width, DateADT date,
						   DateADT origin);
static int64 bucket_day_by_months(const Interval *width, int64 day,
								  int64 origin);
static int64 interval_usecs(const Interval *interval);
static int64 interval_days(const Interval *interval);
static int64 timestamp_day(Timestamp ts);
static void check_positive(int64 width);
static void timestamp_out_of_range(void);
static void date_out_of_range(void);

/* time_bucket(bucket_width int2, ts int2 [, "offset" int2]) */
Datum
rusts_time_bucket_int2(PG_FUNCTION_ARGS)
{
	int16		offset = PG_NARGS() > 2 ? PG_GETARG_INT16(2) : 0;

	PG_RETURN_INT16(bucket_integer(PG_GETARG_INT16(0), PG_GETARG_INT16(1),
								   offset, PG_INT16_MIN, PG_INT16_MAX));
}

/* time_bucket(bucket_width int4, ts int4 [, "offset" int4]) */
Datum
rusts_time_bucket_int4(PG_FUNCTION_ARGS)
{
	int32		offset = PG_NARGS() > 2 ? PG_GETARG_INT32(2) : 0;

	PG_RETURN_INT32(bucket_integer(PG_GETARG_INT32(0), PG_GETARG_INT32(1),
								   offset, PG_INT32_MIN, PG_INT32_MAX));
}

/* time_bucket(bucket_width int8, ts int8 [, "offset" int8]) */
Datum
rusts_time_bucket_int8(PG_FUNCTION_ARGS)
{
	int64		offset = PG_NARGS() > 2 ? PG_GETARG_INT64(2) : 0;

	PG_RETURN_INT64(bucket_integer(PG_GETARG_INT64(0), PG_GETARG_INT64(1),
								   offset, PG_INT64_MIN, PG_INT64_MAX));
}

/* time_bucket(bucket_width interval, ts T [, origin T]), T a timestamp[tz] */
Datum
rusts_time_bucket_timestamp(PG_FUNCTION_ARGS)
{
	Timestamp	origin = RUSTS_BUCKET_ORIGIN_USEC;

	if (PG_NARGS() > 2)
		origin = PG_GETARG_TIMESTAMP(2);
	PG_RETURN_TIMESTAMP(bucket_timestamp(PG_GETARG_INTERVAL_P(0),
										 PG_GETARG_TIMESTAMP(1), origin));
}

/* time_bucket(bucket_width interval, ts T, "offset" interval), T likewise */
Datum
rusts_time_bucket_timestamp_offset(PG_FUNCTION_ARGS)
{
	Interval   *width = PG_GETARG_INTERVAL_P(0);
	Timestamp	ts = PG_GETARG_TIMESTAMP(1);
	Datum		offset = PG_GETARG_DATUM(2);
	Timestamp	start;

	if (TIMESTAMP_NOT_FINITE(ts))
		PG_RETURN_TIMESTAMP(ts);

	ts = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
											   TimestampGetDatum(ts), offset));
	start = bucket_timestamp(width, ts, RUSTS_BUCKET_ORIGIN_USEC);
	return DirectFunctionCall2(timestamp_pl_interval,
							   TimestampGetDatum(start), offset);
}

/*
 * time_bucket(bucket_width interval, ts timestamptz, timezone text,
 *			   origin timestamptz DEFAULT NULL,
 *			   "offset" interval DEFAULT NULL)
 *
 * Buckets of the local time in timezone.  A bucket that begins in the hour
 * that daylight saving time repeats is first taken to begin in its second
 * turn, as everywhere in PostgreSQL.  For a ts in the first turn that is too
 * late, and we go back by whole widths, as TimescaleDB does.  XXX That keeps
 * to the grid only if the width divides the hour: a width of a day, in a zone
 * that repeats midnight, begins an hour off on that day.
 */
Datum
rusts_time_bucket_timezone(PG_FUNCTION_ARGS)
{
	Interval   *width;
	Datum		ts;
	Datum		zone;
	Datum		local;
	Timestamp	origin = RUSTS_BUCKET_ORIGIN_USEC;
	Timestamp	start;
	bool		have_offset = !PG_ARGISNULL(4);

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	width = PG_GETARG_INTERVAL_P(0);
	ts = PG_GETARG_DATUM(1);
	zone = PG_GETARG_DATUM(2);

	if (have_offset)
		ts = DirectFunctionCall2(timestamp_mi_interval, ts,
								 PG_GETARG_DATUM(4));
	local = DirectFunctionCall2(timestamptz_zone, zone, ts);
	if (!PG_ARGISNULL(3))
		origin = DatumGetTimestamp(DirectFunctionCall2(timestamptz_zone, zone,
													   PG_GETARG_DATUM(3)));
	start = bucket_timestamp(width, DatumGetTimestamp(local), origin);
	start = DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone, zone,
													TimestampGetDatum(start)));

	if (unlikely(start > DatumGetTimestampTz(ts)))
		start = step_back(start, width, DatumGetTimestampTz(ts));

	if (have_offset)
		return DirectFunctionCall2(timestamp_pl_interval,
								   TimestampGetDatum(start),
								   PG_GETARG_DATUM(4));
	PG_RETURN_TIMESTAMPTZ(start);
}

/* time_bucket(bucket_width interval, ts date [, origin date]) */
Datum
rusts_time_bucket_date(PG_FUNCTION_ARGS)
{
	DateADT		origin = RUSTS_BUCKET_ORIGIN_DAY;

	if (PG_NARGS() > 2)
		origin = PG_GETARG_DATEADT(2);
	PG_RETURN_DATEADT(bucket_date(PG_GETARG_INTERVAL_P(0),
								  PG_GETARG_DATEADT(1), origin));
}

/*
 * time_bucket(bucket_width interval, ts date, "offset" interval)
 *
 * The offset must be a number of days.
 */
Datum
rusts_time_bucket_date_offset(PG_FUNCTION_ARGS)
{
	Interval   *width = PG_GETARG_INTERVAL_P(0);
	DateADT		date = PG_GETARG_DATEADT(1);
	Interval   *offset = PG_GETARG_INTERVAL_P(2);
	int64		days;
	int64		shifted;

	if (offset->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("offset of a date bucket cannot have months")));
	days = interval_days(offset);
	if (DATE_NOT_FINITE(date))
		PG_RETURN_DATEADT(date);

	/* both are a good deal smaller than int64 */
	shifted = date - days;
	if (!IS_VALID_DATE(shifted))
		date_out_of_range();
	shifted = bucket_date(width, shifted, RUSTS_BUCKET_ORIGIN_DAY) + days;
	if (!IS_VALID_DATE(shifted))
		date_out_of_range();
	PG_RETURN_DATEADT(shifted);
}

/*
 * Bucket an integer of a type that goes from min to max.
 *
 * An error also when the bucket begins inside that range but, the offset taken
 * away, it would not: then it would depend on the type which offsets work.
 */
static inline int64
bucket_integer(int64 width, int64 value, int64 offset, int64 min, int64 max)
{
	int64		shifted;
	int64		start;

	check_positive(width);
	offset %= width;
	if (pg_sub_s64_overflow(value, offset, &shifted) ||
		shifted < min || shifted > max ||
		!rusts_bucket_start(width, 0, shifted, &start) || start < min ||
		pg_add_s64_overflow(start, offset, &start) || start < min)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("begin of time bucket is out of range")));
	return start;
}

/* The latest time before or at ts that is whole widths before start. */
static TimestampTz
step_back(TimestampTz start, const Interval *width, TimestampTz ts)
{
	/* too late by an hour or so, so one month at least is enough */
	if (width->month != 0)
	{
		Datum		stepped = DirectFunctionCall2(timestamp_mi_interval,
												  TimestampTzGetDatum(start),
												  IntervalPGetDatum(width));

		return DatumGetTimestampTz(stepped);
	}

	if (!rusts_bucket_start(interval_usecs(width), start, ts, &start) ||
		!IS_VALID_TIMESTAMP(start))
		timestamp_out_of_range();
	return start;
}

/* Bucket a timestamp; infinity is its own bucket. */
static inline Timestamp
bucket_timestamp(const Interval *width, Timestamp ts, Timestamp origin)
{
	int64		usecs;
	Timestamp	start = 0;

	if (unlikely(TIMESTAMP_NOT_FINITE(ts)))
		return ts;
	if (unlikely(TIMESTAMP_NOT_FINITE(origin)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("origin of time buckets must be finite")));
	if (width->month != 0)
		return bucket_timestamp_months(width, ts, origin);

	usecs = interval_usecs(width);
	check_positive(usecs);
	if (unlikely(!rusts_bucket_start(usecs, origin, ts, &start) ||
				 !IS_VALID_TIMESTAMP(start)))
		timestamp_out_of_range();
	return start;
}

static Timestamp
bucket_timestamp_months(const Interval *width, Timestamp ts, Timestamp origin)
{
	int64		day = bucket_day_by_months(width, timestamp_day(ts),
										   timestamp_day(origin));

	if (day < MIN_TIMESTAMP / USECS_PER_DAY)
		timestamp_out_of_range();
	return day * USECS_PER_DAY;
}

/* Bucket a date; infinity is its own bucket. */
static DateADT
bucket_date(const Interval *width, DateADT date, DateADT origin)
{
	int64		start = 0;

	if (DATE_NOT_FINITE(date))
		return date;
	if (DATE_NOT_FINITE(origin))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("origin of time buckets must be finite")));

	if (width->month != 0)
		start = bucket_day_by_months(width, date, origin);
	else
	{
		check_positive(interval_usecs(width));
		if (!rusts_bucket_start(interval_days(width), origin, date, &start))
			date_out_of_range();
	}
	if (!IS_VALID_DATE(start))
		date_out_of_range();
	return (DateADT) start;
}

/* The first day of the bucket of months that day falls into. */
static int64
bucket_day_by_months(const Interval *width, int64 day, int64 origin)
{
	int64		start = 0;

	if (width->day != 0 || width->time != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("bucket width mixes months with smaller units")));
	check_positive(width->month);

	if (!rusts_bucket_start(width->month, rusts_month_of_day(origin),
							rusts_month_of_day(day), &start))
		elog(ERROR, "month out of range");
	return rusts_first_day_of_month(start);
}

/* The length of an interval without months. */
static inline int64
interval_usecs(const Interval *interval)
{
	int64		usecs;

	if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &usecs) ||
		pg_add_s64_overflow(usecs, interval->time, &usecs))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	return usecs;
}

/* Likewise, in whole days. */
static int64
interval_days(const Interval *interval)
{
	int64		usecs = interval_usecs(interval);

	if (usecs % USECS_PER_DAY != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("width and offset of date buckets must be whole days")));
	return usecs / USECS_PER_DAY;
}

/* The day that a finite timestamp falls on. */
static int64
timestamp_day(Timestamp ts)
{
	int64		day = ts / USECS_PER_DAY;

	return ts % USECS_PER_DAY < 0 ? day - 1 : day;
}

static inline void
check_positive(int64 width)
{
	if (unlikely(width <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bucket width must be greater than zero")));
}

static void
timestamp_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("begin of time bucket is out of range")));
}

static void
date_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("begin of date bucket is out of range")));
}
