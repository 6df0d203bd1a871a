/*-------------------------------------------------------------------------
 *
 * partial_avg.c
 *	  Averages from sums and counts of parts, and keys of groups.
 *
 * The aggregate cluster_avg is what RustsCombine computes itself; where
 * PostgreSQL's own Aggregate is the node, it goes through the same states.
 *
 * src/exec/partial_avg.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "exec/combine.h"

PG_FUNCTION_INFO_V1(rusts_cluster_avg_numeric);
PG_FUNCTION_INFO_V1(rusts_cluster_avg_int8);
PG_FUNCTION_INFO_V1(rusts_cluster_avg_final);
PG_FUNCTION_INFO_V1(rusts_time_key);

static Datum add(FunctionCallInfo fcinfo, bool is_numeric);

/* (state internal, sum numeric, n bigint) returns internal */
Datum
rusts_cluster_avg_numeric(PG_FUNCTION_ARGS)
{
	return add(fcinfo, true);
}

/* (state internal, sum bigint, n bigint) returns internal */
Datum
rusts_cluster_avg_int8(PG_FUNCTION_ARGS)
{
	return add(fcinfo, false);
}

static Datum
add(FunctionCallInfo fcinfo, bool is_numeric)
{
	RustsCombineColumn column = {
		.kind = RUSTS_COMBINE_AVG, .second = 1, .is_numeric = is_numeric
	};
	MemoryContext cxt;
	RustsCombineState *state;
	Datum		values[2];
	bool		isnull[2];
	int			i;

	if (!AggCheckCallContext(fcinfo, &cxt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rusts.cluster_avg_transition() is for aggregates only")));
	if (PG_ARGISNULL(0))
	{
		/* palloc aligns to 8 only; int128 wants 16 */
		char	   *chunk = MemoryContextAllocZero(cxt, sizeof(*state) + 8);

		state = (RustsCombineState *) TYPEALIGN(16, chunk);
	}
	else
		state = (RustsCombineState *) PG_GETARG_POINTER(0);
	for (i = 0; i < 2; i++)
	{
		isnull[i] = PG_ARGISNULL(i + 1);
		values[i] = isnull[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 1);
	}
	rusts_combine_add(&column, state, values, isnull, cxt);
	PG_RETURN_POINTER(state);
}

/* (state internal) returns numeric */
Datum
rusts_cluster_avg_final(PG_FUNCTION_ARGS)
{
	RustsCombineColumn column = {.kind = RUSTS_COMBINE_AVG};
	Datum		result;
	bool		isnull;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	result = rusts_combine_result(&column, (RustsCombineState *)
								  PG_GETARG_POINTER(0), &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* (timestamptz or timestamp) returns bigint, and back */
Datum
rusts_time_key(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_INT64(0));
}
