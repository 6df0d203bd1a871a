/*-------------------------------------------------------------------------
 *
 * shard.c
 *	  The shard of a point: SQL functions for partition keys.
 *
 * One function per strategy.  All of them are called rusts_shard_of; they
 * accept null for what a point has not, because PostgreSQL finds the
 * partition of a row before it looks at NOT NULL.
 *
 * src/cluster/shard.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/shard_hash.h"
#include "cluster/config.h"

PG_FUNCTION_INFO_V1(rusts_shard_of_series);
PG_FUNCTION_INFO_V1(rusts_shard_of_measurement);
PG_FUNCTION_INFO_V1(rusts_shard_of_time);
PG_FUNCTION_INFO_V1(rusts_shard_of_composite);

static int	shards_argument(FunctionCallInfo fcinfo, int arg);
static uint64 hash_measurement(FunctionCallInfo fcinfo, int arg);
static uint64 hash_tags(FunctionCallInfo fcinfo, int arg, uint64 hash);
static int64 span_argument(FunctionCallInfo fcinfo, int arg);
static void null_argument(const char *name);

/*
 * rusts_shard_of(shards int, measurement text, tags text[], values text[])
 */
Datum
rusts_shard_of_series(PG_FUNCTION_ARGS)
{
	int			nshards = shards_argument(fcinfo, 0);
	uint64		hash = hash_measurement(fcinfo, 1);

	hash = hash_tags(fcinfo, 2, hash);
	PG_RETURN_INT32(rusts_shard_of_hash(hash, nshards));
}

/*
 * rusts_shard_of(shards int, measurement text, time timestamptz)
 *
 * A partition key has to mention a column; the time does not count.
 */
Datum
rusts_shard_of_measurement(PG_FUNCTION_ARGS)
{
	int			nshards = shards_argument(fcinfo, 0);

	PG_RETURN_INT32(rusts_shard_of_hash(hash_measurement(fcinfo, 1),
										nshards));
}

/*
 * rusts_shard_of(shards int, time timestamptz, seconds bigint)
 */
Datum
rusts_shard_of_time(PG_FUNCTION_ARGS)
{
	int			nshards = shards_argument(fcinfo, 0);

	PG_RETURN_INT32(rusts_shard_of_span(span_argument(fcinfo, 1), nshards));
}

/*
 * rusts_shard_of(shards int, measurement text, tags text[], values text[],
 *				  time timestamptz, seconds bigint)
 */
Datum
rusts_shard_of_composite(PG_FUNCTION_ARGS)
{
	int			nshards = shards_argument(fcinfo, 0);
	uint64		hash = hash_measurement(fcinfo, 1);

	hash = hash_tags(fcinfo, 2, hash);
	hash = rusts_shard_hash_number(hash, span_argument(fcinfo, 4));
	PG_RETURN_INT32(rusts_shard_of_hash(hash, nshards));
}

static int
shards_argument(FunctionCallInfo fcinfo, int arg)
{
	int			nshards;

	if (PG_ARGISNULL(arg))
		null_argument("shards");
	nshards = PG_GETARG_INT32(arg);
	if (nshards < 1 || nshards > RUSTS_MAX_SHARDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of shards must be from 1 to %d",
						RUSTS_MAX_SHARDS)));
	return nshards;
}

static uint64
hash_measurement(FunctionCallInfo fcinfo, int arg)
{
	text	   *name;

	if (PG_ARGISNULL(arg))
		null_argument("measurement");
	name = PG_GETARG_TEXT_PP(arg);
	return rusts_shard_hash_text(RUSTS_SHARD_HASH_INIT, VARDATA_ANY(name),
								 VARSIZE_ANY_EXHDR(name));
}

/* Names in argument arg, values in the next. */
static uint64
hash_tags(FunctionCallInfo fcinfo, int arg, uint64 hash)
{
	Datum	   *names;
	Datum	   *values;
	bool	   *name_nulls;
	bool	   *value_nulls;
	int			nnames;
	int			nvalues;
	int			i;

	if (PG_ARGISNULL(arg))
		null_argument("tags");
	if (PG_ARGISNULL(arg + 1))
		null_argument("values");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &name_nulls, &nnames);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg + 1), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &value_nulls, &nvalues);
	if (nnames != nvalues)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d tags and %d values", nnames, nvalues)));
	for (i = 0; i < nnames; i++)
	{
		text	   *name;
		text	   *value;

		if (name_nulls[i])
			null_argument("tags");
		if (value_nulls[i])
			continue;
		name = DatumGetTextPP(names[i]);
		value = DatumGetTextPP(values[i]);
		hash = rusts_shard_hash_text(hash, VARDATA_ANY(name),
									 VARSIZE_ANY_EXHDR(name));
		hash = rusts_shard_hash_text(hash, VARDATA_ANY(value),
									 VARSIZE_ANY_EXHDR(value));
	}
	return hash;
}

/* The span of the time in argument arg, whose length is the next. */
static int64
span_argument(FunctionCallInfo fcinfo, int arg)
{
	int64		seconds;

	if (PG_ARGISNULL(arg + 1))
		null_argument("seconds");
	seconds = PG_GETARG_INT64(arg + 1);
	if (seconds < 1 || seconds > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("seconds must be from 1 to %d", PG_INT32_MAX)));
	if (PG_ARGISNULL(arg))
		return 0;
	return rusts_shard_span(PG_GETARG_TIMESTAMPTZ(arg),
							seconds * USECS_PER_SEC);
}

static void
null_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name)));
}
