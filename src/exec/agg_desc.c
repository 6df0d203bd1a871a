/*-------------------------------------------------------------------------
 *
 * agg_desc.c
 *	  What RustsAgg can compute.
 *
 * Keys are tags and one bucket of time; the argument of an aggregate is a
 * column.  PostgreSQL's own aggregates are known by their OIDs, first and last
 * by the function that their rows go through.
 *
 * src/exec/agg_desc.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "exec/agg_desc.h"
#include "exec/buckets.h"
#include "exec/clause.h"

static bool describe_aggref(Aggref *aggref, Index varno,
							const RustsSchema *schema,
							RustsAggOutput *output);
static const RustsColumn *plain_column(Expr *expr, Index varno,
									   const RustsSchema *schema);

bool
rusts_agg_describe(Expr *expr, bool is_key, RustsRowMode mode, Index varno,
				   const RustsSchema *schema, RustsAggOutput *output)
{
	const RustsColumn *column;

	memset(output, 0, sizeof(*output));
	output->expr = expr;
	if (IsA(expr, Aggref))
	{
		output->kind = RUSTS_OUTPUT_AGG;
		return describe_aggref((Aggref *) expr, varno, schema, output);
	}
	if (is_key && rusts_is_bucket(expr, varno, schema))
	{
		output->kind = RUSTS_OUTPUT_BUCKET;
		return true;
	}
	column = plain_column(expr, varno, schema);
	if (column == NULL)
		return false;
	output->attno = column->attno;
	output->type = column->typid;
	if (is_key)
	{
		output->kind = RUSTS_OUTPUT_TAG;

		/* Equal must mean the same bytes. */
		return column->role == RUSTS_ROLE_TAG &&
			OidIsValid(((Var *) expr)->varcollid) &&
			get_collation_isdeterministic(((Var *) expr)->varcollid);
	}
	output->kind = RUSTS_OUTPUT_AGG;
	output->agg = mode == RUSTS_ROW_FIRST ? RUSTS_AGG_FIRST : RUSTS_AGG_LAST;
	return mode != RUSTS_ROW_NONE;
}

static bool
describe_aggref(Aggref *aggref, Index varno, const RustsSchema *schema,
				RustsAggOutput *output)
{
	const RustsColumn *column = NULL;
	Oid			type = InvalidOid;

	if (aggref->aggorder != NIL || aggref->aggdirectargs != NIL ||
		aggref->aggvariadic || aggref->agglevelsup != 0 ||
		(aggref->aggsplit != AGGSPLIT_SIMPLE &&
		 aggref->aggsplit != AGGSPLIT_INITIAL_SERIAL))
		return false;
	output->aggfnoid = aggref->aggfnoid;
	output->partial = aggref->aggsplit == AGGSPLIT_INITIAL_SERIAL;
	output->filter = aggref->aggfilter;
	if (aggref->aggfilter != NULL)
	{
		Bitmapset  *attnos = NULL;

		if (contain_volatile_functions((Node *) aggref->aggfilter) ||
			rusts_has_run_time_params((Node *) aggref->aggfilter) ||
			!rusts_clause_attnos((Node *) aggref->aggfilter, varno, &attnos))
			return false;
	}
	if (aggref->aggstar)
	{
		output->agg = RUSTS_AGG_COUNT_STAR;
		return aggref->aggfnoid == F_COUNT_;
	}

	if (list_length(aggref->args) >= 1)
		column = plain_column(linitial_node(TargetEntry, aggref->args)->expr,
							  varno, schema);
	if (column == NULL)
		return false;
	output->attno = column->attno;
	output->type = column->typid;

	if (list_length(aggref->args) == 2)
	{
		const RustsColumn *time =
			plain_column(lsecond_node(TargetEntry, aggref->args)->expr,
						 varno, schema);

		return time != NULL && time->role == RUSTS_ROLE_TIME &&
			aggref->aggdistinct == NIL &&
			rusts_is_first_last(aggref->aggfnoid, &output->agg);
	}
	if (list_length(aggref->args) != 1 ||
		!rusts_agg_builtin(aggref->aggfnoid, &output->agg, &type))
		return false;

	if (aggref->aggdistinct != NIL)
	{
		Var		   *var = (Var *) linitial_node(TargetEntry,
												aggref->args)->expr;

		if (output->agg == RUSTS_AGG_COUNT && !output->partial &&
			column->role == RUSTS_ROLE_TAG && OidIsValid(var->varcollid) &&
			get_collation_isdeterministic(var->varcollid))
		{
			output->agg = RUSTS_AGG_COUNT_DISTINCT;
			return true;
		}

		/* The smallest of different values is the smallest of all. */
		if (output->agg != RUSTS_AGG_MIN && output->agg != RUSTS_AGG_MAX &&
			output->agg != RUSTS_AGG_BOOL_AND &&
			output->agg != RUSTS_AGG_BOOL_OR)
			return false;
	}
	return type == InvalidOid || column->typid == type;
}

/* The aggregates of pg_aggregate.dat that arrays are reduced by. */
bool
rusts_agg_builtin(Oid aggfnoid, RustsAggKind *kind, Oid *type)
{
	static const struct
	{
		Oid			aggfnoid;
		RustsAggKind kind;
		Oid			type;
	}			known[] = {
		{F_COUNT_ANY, RUSTS_AGG_COUNT, InvalidOid},
		{F_SUM_INT2, RUSTS_AGG_SUM, INT2OID},
		{F_SUM_INT4, RUSTS_AGG_SUM, INT4OID},
		{F_SUM_INT8, RUSTS_AGG_SUM, INT8OID},
		{F_SUM_FLOAT8, RUSTS_AGG_SUM, FLOAT8OID},
		{F_AVG_INT2, RUSTS_AGG_AVG, INT2OID},
		{F_AVG_INT4, RUSTS_AGG_AVG, INT4OID},
		{F_AVG_INT8, RUSTS_AGG_AVG, INT8OID},
		{F_AVG_FLOAT8, RUSTS_AGG_AVG, FLOAT8OID},
		{F_MIN_INT2, RUSTS_AGG_MIN, INT2OID},
		{F_MIN_INT4, RUSTS_AGG_MIN, INT4OID},
		{F_MIN_INT8, RUSTS_AGG_MIN, INT8OID},
		{F_MIN_FLOAT8, RUSTS_AGG_MIN, FLOAT8OID},
		{F_MIN_DATE, RUSTS_AGG_MIN, DATEOID},
		{F_MIN_TIME, RUSTS_AGG_MIN, TIMEOID},
		{F_MIN_TIMESTAMP, RUSTS_AGG_MIN, TIMESTAMPOID},
		{F_MIN_TIMESTAMPTZ, RUSTS_AGG_MIN, TIMESTAMPTZOID},
		{F_MAX_INT2, RUSTS_AGG_MAX, INT2OID},
		{F_MAX_INT4, RUSTS_AGG_MAX, INT4OID},
		{F_MAX_INT8, RUSTS_AGG_MAX, INT8OID},
		{F_MAX_FLOAT8, RUSTS_AGG_MAX, FLOAT8OID},
		{F_MAX_DATE, RUSTS_AGG_MAX, DATEOID},
		{F_MAX_TIME, RUSTS_AGG_MAX, TIMEOID},
		{F_MAX_TIMESTAMP, RUSTS_AGG_MAX, TIMESTAMPOID},
		{F_MAX_TIMESTAMPTZ, RUSTS_AGG_MAX, TIMESTAMPTZOID},
		{F_VAR_POP_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_VAR_POP_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_VAR_POP_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_VAR_POP_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_VAR_SAMP_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_VAR_SAMP_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_VAR_SAMP_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_VAR_SAMP_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_VARIANCE_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_VARIANCE_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_VARIANCE_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_VARIANCE_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_STDDEV_POP_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_STDDEV_POP_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_STDDEV_POP_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_STDDEV_POP_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_STDDEV_SAMP_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_STDDEV_SAMP_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_STDDEV_SAMP_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_STDDEV_SAMP_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_STDDEV_INT2, RUSTS_AGG_VARIANCE, INT2OID},
		{F_STDDEV_INT4, RUSTS_AGG_VARIANCE, INT4OID},
		{F_STDDEV_INT8, RUSTS_AGG_VARIANCE, INT8OID},
		{F_STDDEV_FLOAT8, RUSTS_AGG_VARIANCE, FLOAT8OID},
		{F_BOOL_AND, RUSTS_AGG_BOOL_AND, BOOLOID},
		{F_EVERY, RUSTS_AGG_BOOL_AND, BOOLOID},
		{F_BOOL_OR, RUSTS_AGG_BOOL_OR, BOOLOID}
	};
	int			i;

	for (i = 0; i < lengthof(known); i++)
	{
		if (known[i].aggfnoid == aggfnoid)
		{
			*kind = known[i].kind;
			*type = known[i].type;
			return true;
		}
	}
	return false;
}

bool
rusts_is_first_last(Oid aggfnoid, RustsAggKind *kind)
{
	HeapTuple	tuple;
	Oid			transition;
	const char *symbol;

	if (aggfnoid < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	if (!HeapTupleIsValid(tuple))
		return false;
	transition = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn;
	ReleaseSysCache(tuple);

	symbol = rusts_function_symbol(transition);
	if (symbol == NULL)
		return false;
	if (strcmp(symbol, "rusts_first_transition") == 0)
		*kind = RUSTS_AGG_FIRST;
	else if (strcmp(symbol, "rusts_last_transition") == 0)
		*kind = RUSTS_AGG_LAST;
	else
		return false;
	return true;
}

const char *
rusts_function_symbol(Oid funcid)
{
	HeapTuple	tuple;
	char	   *symbol = NULL;

	if (funcid < FirstNormalObjectId)
		return NULL;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple,
											 Anum_pg_proc_prosrc, &isnull);

		if (!isnull)
			symbol = TextDatumGetCString(source);
	}
	ReleaseSysCache(tuple);
	return symbol;
}

static const RustsColumn *
plain_column(Expr *expr, Index varno, const RustsSchema *schema)
{
	Var		   *var = rusts_column_var((Node *) expr, varno);

	if (var == NULL || schema->by_attno[var->varattno - 1] < 0)
		return NULL;
	return &schema->columns[schema->by_attno[var->varattno - 1]];
}
