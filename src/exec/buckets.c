/*-------------------------------------------------------------------------
 *
 * buckets.c
 *	  Buckets of time as ranges of times.
 *
 * Rows of a series are sorted by time, so those of one bucket are neighbours,
 * and it is enough to know where it ends.  For widths that are a fixed number
 * of microseconds that is arithmetic.  For others the function itself is
 * asked: it ascends, as long as the clock does, so the end of a bucket is
 * found by a guess from the width of the last one, and by bisection if the
 * guess is wrong.  Functions that go by the clock of a time zone ascend
 * between two changes of the clock; no range goes across one.
 *
 * What has been found is kept, in order, for all other series.
 *
 * src/exec/buckets.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/time_bucket.h"
#include "compat.h"
#include "exec/agg_desc.h"
#include "exec/buckets.h"
#include "exec/clause.h"

typedef enum BucketKind
{
	BUCKET_NONE,				/* not one of the functions */
	BUCKET_PLAIN,				/* ascends everywhere */
	BUCKET_WIDTH,				/* likewise, with a width: may be fixed */
	BUCKET_ORIGIN,				/* likewise, third argument is the origin */
	BUCKET_OFFSET,				/* likewise, third argument is the offset */
	BUCKET_SESSION_ZONE,		/* by the session's time zone */
	BUCKET_ZONE					/* by the time zone in the third argument */
} BucketKind;

#define MAX_ARGS	5

/* Of BUCKET_ZONE; what is behind it, origin and offset, may be null. */
#define ZONE_ARG	2

/* Buckets that are moved at most to keep all in order. */
#define MAX_MOVED	1024

/* More changes of a clock are not looked at. */
#define MAX_CLOCK_CHANGES	10000

struct RustsBuckets
{
	MemoryContext cxt;			/* what was found */
	BucketKind	kind;
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;
	int			time_arg;
	ExprState  *args[MAX_ARGS]; /* NULL: the time */
	int			nargs;
	MemoryContext call_cxt;		/* a call of the function */
	bool		always_null;	/* an argument is null that may not be */
	bool		fixed;
	int64		width;
	int64		origin;
	pg_tz	   *zone;			/* NULL: none, or its clock never changes */
	bool		each_row;		/* buckets may be anything but ranges */
	uint32		nfound;
	uint32		max_found;
	RustsBucket *found;			/* ascending */
	uint32		hit;			/* index of the one found last */
	int64		guess;			/* of a width, 0 for none */
};

static FuncExpr *bucket_call(Expr *expr);
static BucketKind function_kind(Oid funcid, int nargs, int *time_arg);
static bool has_months(const RustsBuckets *buckets);
static bool find_known(RustsBuckets *buckets, int64 time,
					   RustsBucket *bucket);
static void remember(RustsBuckets *buckets, const RustsBucket *bucket);
static int64 ask(RustsBuckets *buckets, int64 time, bool *isnull);
static bool belongs(RustsBuckets *buckets, int64 time,
					const RustsBucket *bucket);
static int64 find_end(RustsBuckets *buckets, int64 time, int64 last,
					  const RustsBucket *bucket);
static int64 clock_change_after(RustsBuckets *buckets, int64 time);

bool
rusts_is_bucket(Expr *expr, Index varno, const RustsSchema *schema)
{
	FuncExpr   *func = bucket_call(expr);
	int			time_arg;
	int			i = 0;
	ListCell   *lc;

	if (func == NULL || schema->time < 0 ||
		list_length(func->args) > MAX_ARGS || func->funcretset)
		return false;
	if (function_kind(func->funcid, list_length(func->args),
					  &time_arg) == BUCKET_NONE)
		return false;
	foreach(lc, func->args)
	{
		Node	   *arg = lfirst(lc);
		Bitmapset  *attnos = NULL;

		if (i++ == time_arg)
		{
			Var		   *var = rusts_column_var(arg, varno);

			if (var == NULL ||
				var->varattno != schema->columns[schema->time].attno)
				return false;
		}
		else if (!rusts_clause_attnos(arg, varno, &attnos) ||
				 !bms_is_empty(attnos) || contain_volatile_functions(arg) ||
				 rusts_has_run_time_params(arg))
			return false;
	}
	return true;
}

double
rusts_bucket_width(Expr *expr)
{
	Const	   *width = linitial(bucket_call(expr)->args);
	static const struct
	{
		const char *name;
		double		seconds;
	}			units[] = {
		{"microseconds", 1e-6}, {"milliseconds", 1e-3}, {"second", 1},
		{"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800},
		{"month", 2629800}, {"quarter", 7889400}, {"year", 31557600},
		{"decade", 315576000}, {"century", 3155760000.0},
		{"millennium", 31557600000.0}
	};
	int			i;

	if (!IsA(width, Const) || width->constisnull)
		return 0;
	if (width->consttype == INTERVALOID)
	{
		Interval   *interval = DatumGetIntervalP(width->constvalue);

		return interval->time + (double) interval->day * USECS_PER_DAY +
			(double) interval->month * 30.4375 * USECS_PER_DAY;
	}
	if (width->consttype == TEXTOID)
	{
		char	   *name = TextDatumGetCString(width->constvalue);

		for (i = 0; i < lengthof(units); i++)
		{
			if (pg_strncasecmp(name, units[i].name, 3) == 0 &&
				strlen(name) > 2 &&
				(pg_strncasecmp(name, units[i].name, 4) == 0 ||
				 strlen(units[i].name) == 3))
				return units[i].seconds * USECS_PER_SEC;
		}
	}
	return 0;
}

/*
 * The call that makes a bucket, whose number, rusts.time_key(), may be asked
 * for; NULL if it is none.
 */
static FuncExpr *
bucket_call(Expr *expr)
{
	FuncExpr   *func = (FuncExpr *) expr;

	if (!IsA(expr, FuncExpr))
		return NULL;
	if (func->funcresulttype == INT8OID && list_length(func->args) == 1)
	{
		const char *symbol = rusts_function_symbol(func->funcid);

		if (symbol != NULL && strcmp(symbol, "rusts_time_key") == 0)
			return bucket_call(linitial(func->args));
	}
	return func;
}

static BucketKind
function_kind(Oid funcid, int nargs, int *time_arg)
{
	const char *symbol;

	*time_arg = 1;
	switch (funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			return BUCKET_PLAIN;
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			return BUCKET_SESSION_ZONE;
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			return BUCKET_ZONE;
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			return BUCKET_PLAIN;
	}
	symbol = rusts_function_symbol(funcid);
	if (symbol == NULL)
		return BUCKET_NONE;
	if (strcmp(symbol, "rusts_time_bucket_timestamp") == 0)
		return nargs == 2 ? BUCKET_WIDTH : BUCKET_ORIGIN;
	if (strcmp(symbol, "rusts_time_bucket_timestamp_offset") == 0)
		return BUCKET_OFFSET;
	if (strcmp(symbol, "rusts_time_bucket_timezone") == 0)
		return BUCKET_ZONE;
	return BUCKET_NONE;
}

RustsBuckets *
rusts_buckets_create(Expr *expr, PlanState *parent)
{
	RustsBuckets *buckets = palloc0_object(RustsBuckets);
	FuncExpr   *func = bucket_call(expr);
	ListCell   *lc;

	buckets->nargs = list_length(func->args);
	buckets->kind = function_kind(func->funcid, buckets->nargs,
								  &buckets->time_arg);
	fmgr_info(func->funcid, &buckets->flinfo);
	fmgr_info_set_expr((Node *) func, &buckets->flinfo);
	buckets->fcinfo = palloc0(SizeForFunctionCallInfo(buckets->nargs));
	InitFunctionCallInfoData(*buckets->fcinfo, &buckets->flinfo,
							 buckets->nargs, func->inputcollid, NULL, NULL);
	foreach(lc, func->args)
	{
		int			i = foreach_current_index(lc);

		if (i != buckets->time_arg)
			buckets->args[i] = ExecInitExpr(lfirst(lc), parent);
	}
	buckets->cxt = AllocSetContextCreate(CurrentMemoryContext,
										 "rusts buckets",
										 ALLOCSET_DEFAULT_SIZES);
	buckets->call_cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "rusts bucket function",
											  ALLOCSET_SMALL_SIZES);
	return buckets;
}

void
rusts_buckets_prepare(RustsBuckets *buckets, ExprContext *econtext)
{
	NullableDatum *args = buckets->fcinfo->args;
	MemoryContext old_cxt;
	int			i;

	MemoryContextReset(buckets->cxt);
	old_cxt = MemoryContextSwitchTo(buckets->cxt);
	buckets->nfound = 0;
	buckets->max_found = 64;
	buckets->found = palloc_array(RustsBucket, buckets->max_found);
	buckets->hit = 0;
	buckets->guess = 0;
	buckets->always_null = false;
	buckets->fixed = false;
	buckets->zone = NULL;
	buckets->each_row = false;
	for (i = 0; i < buckets->nargs; i++)
	{
		if (buckets->args[i] == NULL)
			continue;
		args[i].value = ExecEvalExpr(buckets->args[i], econtext,
									 &args[i].isnull);
		if (args[i].isnull && (buckets->flinfo.fn_strict || i <= ZONE_ARG))
			buckets->always_null = true;
	}
	args[buckets->time_arg].isnull = false;

	if (buckets->kind == BUCKET_SESSION_ZONE)
		buckets->zone = session_timezone;
	else if (buckets->kind == BUCKET_ZONE && !args[ZONE_ARG].isnull)
	{
		char	   *name =
			text_to_cstring(DatumGetTextPP(args[ZONE_ARG].value));

		buckets->zone = pg_tzset(name);
		buckets->each_row = buckets->zone == NULL;
	}
	if (has_months(buckets))
		buckets->each_row = true;
	if ((buckets->kind == BUCKET_WIDTH || buckets->kind == BUCKET_ORIGIN) &&
		!buckets->always_null)
	{
		Interval   *width = DatumGetIntervalP(args[0].value);
		int64		origin = RUSTS_BUCKET_ORIGIN_USEC;

		if (buckets->kind == BUCKET_ORIGIN)
			origin = DatumGetTimestamp(args[2].value);
		if (width->month == 0 && width->day >= 0 && width->day < 100000000 &&
			width->time >= 0 && width->time < PG_INT64_MAX / 4 &&
			width->day * USECS_PER_DAY + width->time > 0 &&
			!TIMESTAMP_NOT_FINITE(origin))
		{
			buckets->fixed = true;
			buckets->width = width->day * USECS_PER_DAY + width->time;
			buckets->origin = origin;
		}
	}
	MemoryContextSwitchTo(old_cxt);
}

/*
 * Does the offset have months?  A month before 28 February and before the
 * three days that follow it is the same day: such buckets are no ranges.
 */
static bool
has_months(const RustsBuckets *buckets)
{
	int			offset;

	if (buckets->kind == BUCKET_OFFSET)
		offset = 2;
	else if (buckets->kind == BUCKET_ZONE && buckets->nargs == MAX_ARGS)
		offset = 4;
	else
		return false;
	return !buckets->fcinfo->args[offset].isnull &&
		DatumGetIntervalP(buckets->fcinfo->args[offset].value)->month != 0;
}

void
rusts_buckets_find(RustsBuckets *buckets, int64 time, int64 last,
				   RustsBucket *bucket)
{
	if (buckets->always_null)
	{
		bucket->low = PG_INT64_MIN;
		bucket->high = PG_INT64_MAX;
		bucket->value = 0;
		bucket->isnull = true;
		return;
	}
	if (buckets->fixed && !TIMESTAMP_NOT_FINITE(time) &&
		rusts_bucket_start(buckets->width, buckets->origin, time,
						   &bucket->value) &&
		IS_VALID_TIMESTAMP(bucket->value))
	{
		bucket->low = bucket->value;
		bucket->high = bucket->value + buckets->width;
		bucket->isnull = false;

		/* Infinities are outside of every bucket. */
		if (bucket->high < bucket->low || bucket->high >= END_TIMESTAMP)
			bucket->high = END_TIMESTAMP;
		return;
	}
	if (find_known(buckets, time, bucket))
		return;

	bucket->low = time;
	bucket->value = ask(buckets, time, &bucket->isnull);
	if (TIMESTAMP_NOT_FINITE(time) || buckets->each_row)
	{
		bucket->high = time == PG_INT64_MAX ? time : time + 1;
		if (buckets->each_row && !TIMESTAMP_NOT_FINITE(time))
			return;
	}
	else
	{
		bucket->high = find_end(buckets, time, last, bucket);

		/* Other series may have rows earlier in the bucket. */
		if (!bucket->isnull && bucket->value < time &&
			clock_change_after(buckets, bucket->value) > time &&
			belongs(buckets, bucket->value, bucket))
			bucket->low = bucket->value;
	}
	remember(buckets, bucket);
}

static bool
find_known(RustsBuckets *buckets, int64 time, RustsBucket *bucket)
{
	uint32		low = 0;
	uint32		high = buckets->nfound;

	/* As often as not it is the next one. */
	if (buckets->hit + 1 < high &&
		buckets->found[buckets->hit + 1].low <= time)
		low = buckets->hit + 1;
	else if (buckets->hit < high && buckets->found[buckets->hit].low <= time)
		low = buckets->hit;
	if (low + 1 < high && buckets->found[low + 1].low > time)
		high = low + 1;
	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;

		if (buckets->found[mid].low <= time)
			low = mid;
		else
			high = mid;
	}
	if (low >= buckets->nfound || buckets->found[low].low > time ||
		(buckets->found[low].high <= time &&
		 buckets->found[low].high < PG_INT64_MAX))
		return false;
	buckets->hit = low;
	*bucket = buckets->found[low];
	return true;
}

/* Enter a range, shortened so that none overlaps. */
static void
remember(RustsBuckets *buckets, const RustsBucket *bucket)
{
	RustsBucket entry = *bucket;
	uint32		at = buckets->nfound;

	while (at > 0 && buckets->found[at - 1].low > entry.low)
		at--;

	/* Making room among many takes longer than asking for them again. */
	if (buckets->nfound - at > MAX_MOVED)
		buckets->nfound = at = 0;
	if (at > 0 && buckets->found[at - 1].high > entry.low)
		entry.low = buckets->found[at - 1].high;
	if (at < buckets->nfound && buckets->found[at].low < entry.high)
		entry.high = buckets->found[at].low;
	if (entry.low >= entry.high && entry.low < PG_INT64_MAX)
		return;
	if (buckets->nfound == buckets->max_found)
	{
		buckets->max_found *= 2;
		buckets->found = repalloc_huge(buckets->found, sizeof(RustsBucket) *
									   (Size) buckets->max_found);
	}
	memmove(buckets->found + at + 1, buckets->found + at,
			sizeof(RustsBucket) * (buckets->nfound - at));
	buckets->found[at] = entry;
	buckets->nfound++;
	buckets->hit = at;
}

/* The function itself. */
static int64
ask(RustsBuckets *buckets, int64 time, bool *isnull)
{
	FunctionCallInfo fcinfo = buckets->fcinfo;
	MemoryContext old_cxt = MemoryContextSwitchTo(buckets->call_cxt);
	Datum		value;

	fcinfo->args[buckets->time_arg].value = TimestampTzGetDatum(time);
	fcinfo->isnull = false;
	value = FunctionCallInvoke(fcinfo);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextReset(buckets->call_cxt);
	*isnull = fcinfo->isnull;
	return *isnull ? 0 : DatumGetTimestamp(value);
}

static bool
belongs(RustsBuckets *buckets, int64 time, const RustsBucket *bucket)
{
	bool		isnull;
	int64		value = ask(buckets, time, &isnull);

	return isnull == bucket->isnull && (isnull || value == bucket->value);
}

/* The first time after the given one that is not in its bucket. */
static int64
find_end(RustsBuckets *buckets, int64 time, int64 last,
		 const RustsBucket *bucket)
{
	int64		change = clock_change_after(buckets, time);
	int64		inside = time;
	int64		outside;

	/* Not where the function might have no answer. */
	if (buckets->guess > 0 && !bucket->isnull &&
		bucket->value < END_TIMESTAMP - 3 * buckets->guess)
	{
		int64		guess = bucket->value + buckets->guess;

		if (guess > time && guess <= change &&
			(guess - 1 == time || belongs(buckets, guess - 1, bucket)) &&
			!belongs(buckets, guess, bucket))
			return guess;
	}

	outside = last + 1;
	if (outside > change)
		outside = change;
	if (outside <= time)
		return time + 1;
	if (outside - 1 == time || belongs(buckets, outside - 1, bucket))
		return outside;
	outside--;

	/* All of PostgreSQL's times span more than an int64. */
	while ((uint64) outside - (uint64) inside > 1)
	{
		int64		mid = inside +
			(int64) (((uint64) outside - (uint64) inside) / 2);

		if (belongs(buckets, mid, bucket))
			inside = mid;
		else
			outside = mid;
	}
	if (!bucket->isnull && outside > bucket->value &&
		(uint64) outside - (uint64) bucket->value < END_TIMESTAMP / 4)
		buckets->guess = outside - bucket->value;
	return outside;
}

/* When the zone's clock is changed next. */
static int64
clock_change_after(RustsBuckets *buckets, int64 time)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
		SECS_PER_DAY;
	pg_time_t	seconds;
	pg_time_t	boundary;
	long		before_offset;
	long		after_offset;
	int			before_dst;
	int			after_dst;

	if (buckets->zone == NULL || TIMESTAMP_NOT_FINITE(time))
		return PG_INT64_MAX;

	/* The second that the time is in. */
	seconds = time / USECS_PER_SEC - (time % USECS_PER_SEC < 0) + epoch;
	if (pg_next_dst_boundary(&seconds, &before_offset, &before_dst, &boundary,
							 &after_offset, &after_dst, buckets->zone) != 1)
		return PG_INT64_MAX;
	if (boundary - epoch > PG_INT64_MAX / USECS_PER_SEC)
		return PG_INT64_MAX;
	return (boundary - epoch) * USECS_PER_SEC;
}

bool
rusts_buckets_are_one(const RustsBuckets *buckets)
{
	return buckets->always_null;
}

bool
rusts_buckets_ascend(RustsBuckets *buckets, int64 low, int64 high)
{
	int			nchanges = 0;
	int64		change = low;

	if (buckets->each_row || buckets->always_null)
		return false;
	if (buckets->zone == NULL)
		return true;
	if (TIMESTAMP_NOT_FINITE(low) || TIMESTAMP_NOT_FINITE(high))
		return false;
	for (;;)
	{
		bool		isnull;

		change = clock_change_after(buckets, change);
		if (change > high)
			return true;
		if (++nchanges > MAX_CLOCK_CHANGES)
			return false;
		if (ask(buckets, change - 1, &isnull) > ask(buckets, change, &isnull))
			return false;
	}
}

int64
rusts_buckets_border(RustsBuckets *buckets, int64 time)
{
	RustsBucket bucket;
	int64		inside = time;
	int64		outside;
	int64		step = buckets->guess > 0 ? buckets->guess : USECS_PER_HOUR;

	if (time <= MIN_TIMESTAMP || time >= END_TIMESTAMP)
		return PG_INT64_MAX;
	if (buckets->fixed)
	{
		rusts_buckets_find(buckets, time, time, &bucket);
		return bucket.low == time ? time : bucket.high;
	}
	bucket.value = ask(buckets, time, &bucket.isnull);
	if (!belongs(buckets, time - 1, &bucket))
		return time;
	for (;;)
	{
		if (inside > END_TIMESTAMP - 2 * step)
			return PG_INT64_MAX;
		outside = inside + step;
		if (!belongs(buckets, outside, &bucket))
			break;
		inside = outside;
		step *= 2;
	}
	while (outside - inside > 1)
	{
		int64		mid = inside + (outside - inside) / 2;

		if (belongs(buckets, mid, &bucket))
			inside = mid;
		else
			outside = mid;
	}
	return outside;
}
