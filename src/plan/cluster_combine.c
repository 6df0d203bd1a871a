/*-------------------------------------------------------------------------
 *
 * cluster_combine.c
 *	  Aggregates from partial aggregates.
 *
 * Partial aggregates are ordinary ones, which every node computes with its
 * RustsAgg and sends as values of its own types; only what combines them is
 * ours in parts:
 *
 *		count			sum of counts
 *		sum, min, ...	the same aggregate, where it adds up its own results
 *		avg				sums and counts
 *		stddev, ...		of floats: count, sum and var_pop, by the formula of
 *						float8_combine(); of other numbers: count, sum and sum
 *						of squares, exact as PostgreSQL's own
 *		first, last		of first or last value and time
 *
 * src/plan/cluster_combine.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "exec/agg_desc.h"
#include "plan/cluster.h"

/* How variances and deviations differ. */
static const struct
{
	const char *name;
	bool		sample;
	bool		root;
	Oid			of_floats;		/* from the state of float8_accum() */
}			variances[] = {
	{"stddev", true, true, F_FLOAT8_STDDEV_SAMP},
	{"stddev_samp", true, true, F_FLOAT8_STDDEV_SAMP},
	{"stddev_pop", false, true, F_FLOAT8_STDDEV_POP},
	{"variance", true, false, F_FLOAT8_VAR_SAMP},
	{"var_samp", true, false, F_FLOAT8_VAR_SAMP},
	{"var_pop", false, false, F_FLOAT8_VAR_POP},
};

typedef struct Combining
{
	RustsClusterPartials *partials;
	const Aggref *aggref;
	Expr	   *arg;
	Oid			argtype;
} Combining;

static Node *combine_count(const Combining *in);
static Node *combine_sum(const Combining *in);
static Node *combine_avg(const Combining *in);
static Node *combine_variance(const Combining *in, int i);
static Node *combine_float_variance(const Combining *in, int i);
static Node *combine_first_last(const Combining *in);
static Node *combine_itself(const Combining *in);
static bool adds_up_itself(const Combining *in);
static Var *partial_agg(const Combining *in, Oid aggfnoid, Oid type,
						Expr *arg);
static Var *count_part(const Combining *in);
static Node *partial_count(const Combining *in);
static Expr *exact_square(const Combining *in);
static Expr *as_float8(Expr *expr, Oid type);
static Node *as_numeric(Node *expr, Oid type);
static Node *make_call(Oid funcid, Oid type, List *args);
static Node *make_same(const Combining *in, List *args);
static Aggref *make_aggregate(Oid aggfnoid, Oid type, List *args,
							  Oid collation);
static Oid	ours(const char *name, int nargs, const Oid *types);
static Oid	find_function(Oid schema, const char *name, int nargs,
						  const Oid *types);

Node *
rusts_cluster_combine(RustsClusterPartials *partials, Aggref *aggref)
{
	Combining	in = {partials, aggref};
	const char *name;
	int			i;

	if (aggref->aggdistinct != NIL || aggref->aggorder != NIL ||
		aggref->aggdirectargs != NIL || aggref->aggvariadic ||
		aggref->aggkind != AGGKIND_NORMAL)
		return NULL;
	if (aggref->args != NIL)
	{
		in.arg = linitial_node(TargetEntry, aggref->args)->expr;
		in.argtype = exprType((Node *) in.arg);
	}
	if (list_length(aggref->args) == 2)
		return combine_first_last(&in);
	if (aggref->aggfnoid == F_COUNT_ || aggref->aggfnoid == F_COUNT_ANY)
		return combine_count(&in);
	if (list_length(aggref->args) != 1)
		return NULL;
	if (adds_up_itself(&in))
		return combine_itself(&in);
	if (aggref->aggfnoid >= FirstGenbkiObjectId)
		return NULL;
	name = get_func_name(aggref->aggfnoid);
	if (strcmp(name, "sum") == 0)
		return combine_sum(&in);
	if (strcmp(name, "avg") == 0)
		return combine_avg(&in);
	for (i = 0; i < lengthof(variances); i++)
	{
		if (strcmp(name, variances[i].name) == 0)
			return combine_variance(&in, i);
	}
	return NULL;
}

Var *
rusts_cluster_partial(RustsClusterPartials *partials, Expr *expr)
{
	TargetEntry *tle = tlist_member(expr, partials->targetlist);

	if (tle == NULL)
	{
		int			resno = list_length(partials->targetlist) + 1;

		tle = makeTargetEntry(copyObject(expr), resno,
							  psprintf("p%d", resno), false);
		partials->targetlist = lappend(partials->targetlist, tle);
	}
	return makeVarFromTargetEntry(partials->union_rti, tle);
}

/*
 * Times go as integers: to make text of them and times of the text takes
 * longer than anything else about a row.
 */
Node *
rusts_cluster_key(RustsClusterPartials *partials, Expr *expr, Var **column)
{
	Oid			type = exprType((Node *) expr);
	Oid			bigint = INT8OID;
	Oid			time_key = InvalidOid;
	Oid			key_time = InvalidOid;

	if (type == TIMESTAMPTZOID || type == TIMESTAMPOID)
	{
		time_key = ours("time_key", 1, &type);
		key_time = ours(type == TIMESTAMPTZOID ? "key_timestamptz" :
						"key_timestamp", 1, &bigint);
	}
	if (!OidIsValid(time_key) || !OidIsValid(key_time))
	{
		*column = rusts_cluster_partial(partials, expr);
		return (Node *) *column;
	}
	expr = (Expr *) make_call(time_key, INT8OID, list_make1(expr));
	*column = rusts_cluster_partial(partials, expr);
	return make_call(key_time, type, list_make1(*column));
}

static Node *
combine_count(const Combining *in)
{
	Oid			types[] = {INT8OID};
	Oid			combining = ours("cluster_count", 1, types);
	Var		   *count;

	if (!OidIsValid(combining))
		return NULL;
	count = rusts_cluster_partial(in->partials, (Expr *) in->aggref);
	return (Node *) make_aggregate(combining, INT8OID, list_make1(count),
								   InvalidOid);
}

/* The sums of small integers are bigint, those of bigint are numeric. */
static Node *
combine_sum(const Combining *in)
{
	Oid			type = in->aggref->aggtype;
	Oid			combining;
	Var		   *sum;

	if (type != NUMERICOID && type != INT8OID)
		return NULL;
	combining = ours("cluster_sum", 1, &type);
	if (!OidIsValid(combining))
		return NULL;
	sum = rusts_cluster_partial(in->partials, (Expr *) in->aggref);
	return (Node *) make_aggregate(combining, type, list_make1(sum),
								   InvalidOid);
}

/* The division is the one that PostgreSQL's avg() does. */
static Node *
combine_avg(const Combining *in)
{
	Oid			types[2] = {NUMERICOID, INT8OID};
	Oid			combining;
	Node	   *count;
	Node	   *sum;
	Var		   *part;

	switch (in->argtype)
	{
		case FLOAT4OID:
		case FLOAT8OID:
			part = partial_agg(in, F_SUM_FLOAT8, FLOAT8OID,
							   as_float8(in->arg, in->argtype));
			sum = (Node *) make_aggregate(F_SUM_FLOAT8, FLOAT8OID,
										  list_make1(part), InvalidOid);
			count = partial_count(in);
			if (count == NULL)
				return NULL;
			count = make_call(F_FLOAT8_INT8, FLOAT8OID, list_make1(count));
			return make_call(F_FLOAT8DIV, FLOAT8OID, list_make2(sum, count));
		case INT2OID:
			part = partial_agg(in, F_SUM_INT2, INT8OID, in->arg);
			break;
		case INT4OID:
			part = partial_agg(in, F_SUM_INT4, INT8OID, in->arg);
			break;
		case INT8OID:
			part = partial_agg(in, F_SUM_INT8, NUMERICOID, in->arg);
			break;
		case NUMERICOID:
			part = partial_agg(in, F_SUM_NUMERIC, NUMERICOID, in->arg);
			break;
		default:
			return NULL;
	}
	types[0] = part->vartype;
	combining = ours("cluster_avg", 2, types);
	if (!OidIsValid(combining))
		return NULL;
	return (Node *) make_aggregate(combining, NUMERICOID,
								   list_make2(part, count_part(in)),
								   InvalidOid);
}

static Node *
combine_variance(const Combining *in, int i)
{
	Oid			types[] = {INT8OID, NUMERICOID, NUMERICOID, BOOLOID, BOOLOID};
	Oid			final = ours("cluster_variance", 5, types);
	Node	   *count = partial_count(in);
	Node	   *sum;
	Node	   *squares;
	Expr	   *square;
	Var		   *part;
	bool		is_small;

	if (in->argtype == FLOAT4OID || in->argtype == FLOAT8OID)
		return combine_float_variance(in, i);
	square = exact_square(in);
	if (!OidIsValid(final) || count == NULL || square == NULL)
		return NULL;
	is_small = in->argtype == INT2OID || in->argtype == INT4OID;
	part = partial_agg(in, in->argtype == INT2OID ? F_SUM_INT2 :
					   in->argtype == INT4OID ? F_SUM_INT4 :
					   in->argtype == INT8OID ? F_SUM_INT8 : F_SUM_NUMERIC,
					   is_small ? INT8OID : NUMERICOID, in->arg);
	sum = (Node *) make_aggregate(is_small ? F_SUM_INT8 : F_SUM_NUMERIC,
								  NUMERICOID, list_make1(part), InvalidOid);
	part = partial_agg(in, is_small ? F_SUM_INT8 : F_SUM_NUMERIC, NUMERICOID,
					   square);
	squares = (Node *) make_aggregate(F_SUM_NUMERIC, NUMERICOID,
									  list_make1(part), InvalidOid);
	return make_call(final, NUMERICOID,
					 list_make5(count, sum, squares,
								makeBoolConst(variances[i].sample, false),
								makeBoolConst(variances[i].root, false)));
}

static Node *
combine_float_variance(const Combining *in, int i)
{
	Oid			types[] = {INT8OID, FLOAT8OID, FLOAT8OID};
	Oid			combining = ours("cluster_moments", 3, types);
	Expr	   *arg = as_float8(in->arg, in->argtype);
	Var		   *count;
	Var		   *sum;
	Var		   *variance;
	Aggref	   *moments;

	if (!OidIsValid(combining))
		return NULL;
	count = count_part(in);
	sum = partial_agg(in, F_SUM_FLOAT8, FLOAT8OID, arg);
	variance = partial_agg(in, F_VAR_POP_FLOAT8, FLOAT8OID, arg);
	moments = make_aggregate(combining, FLOAT8ARRAYOID,
							 list_make3(count, sum, variance), InvalidOid);
	return make_call(variances[i].of_floats, FLOAT8OID, list_make1(moments));
}

/* Of two arguments only our own aggregates are known. */
static Node *
combine_first_last(const Combining *in)
{
	Expr	   *time = lsecond_node(TargetEntry, in->aggref->args)->expr;
	Oid			time_type = exprType((Node *) time);
	RustsAggKind kind;
	Oid			extreme;
	Var		   *value_part;
	Var		   *time_part;

	if (!rusts_is_first_last(in->aggref->aggfnoid, &kind))
		return NULL;
	extreme = find_function(PG_CATALOG_NAMESPACE,
							kind == RUSTS_AGG_FIRST ? "min" : "max", 1,
							&time_type);
	if (!OidIsValid(extreme))
		return NULL;
	value_part = rusts_cluster_partial(in->partials, (Expr *) in->aggref);
	time_part = partial_agg(in, extreme, time_type, time);
	return make_same(in, list_make2(value_part, time_part));
}

static Node *
combine_itself(const Combining *in)
{
	Var		   *part = rusts_cluster_partial(in->partials,
											 (Expr *) in->aggref);

	return make_same(in, list_make1(part));
}

/*
 * Where rows and states go the same way into a state that is the result,
 * results can be rows.
 */
static bool
adds_up_itself(const Combining *in)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	bool		result;

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(in->aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u",
			 in->aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	result = OidIsValid(form->aggcombinefn) &&
		form->aggcombinefn == form->aggtransfn &&
		!OidIsValid(form->aggfinalfn) &&
		in->aggref->aggtype == in->argtype &&
		heap_attisnull(tuple, Anum_pg_aggregate_agginitval, NULL);
	ReleaseSysCache(tuple);
	return result;
}

/* Another aggregate over the same rows. */
static Var *
partial_agg(const Combining *in, Oid aggfnoid, Oid type, Expr *arg)
{
	Oid			collation = exprCollation((Node *) arg);
	Aggref	   *aggref;

	/* postgres_fdw sends no collation that does not come from the argument */
	if (OidIsValid(collation))
		collation = in->aggref->inputcollid;
	aggref = make_aggregate(aggfnoid, type, list_make1(arg), collation);
	aggref->aggfilter = copyObject(in->aggref->aggfilter);
	return rusts_cluster_partial(in->partials, (Expr *) aggref);
}

/* count(arg) */
static Var *
count_part(const Combining *in)
{
	return partial_agg(in, F_COUNT_ANY, INT8OID, in->arg);
}

/* ... of all parts */
static Node *
partial_count(const Combining *in)
{
	Oid			types[] = {INT8OID};
	Oid			combining = ours("cluster_count", 1, types);

	if (!OidIsValid(combining))
		return NULL;
	return (Node *) make_aggregate(combining, INT8OID,
								   list_make1(count_part(in)), InvalidOid);
}

/* arg * arg, without overflow; NULL if it is no number */
static Expr *
exact_square(const Combining *in)
{
	Node	   *arg = (Node *) copyObject(in->arg);

	switch (in->argtype)
	{
		case INT2OID:
		case INT4OID:
			arg = make_call(in->argtype == INT2OID ? F_INT8_INT2 :
							F_INT8_INT4, INT8OID, list_make1(arg));
			return (Expr *) make_call(F_INT8MUL, INT8OID,
									  list_make2(arg, copyObject(arg)));
		case INT8OID:
		case NUMERICOID:
			arg = as_numeric(arg, in->argtype);
			return (Expr *) make_call(F_NUMERIC_MUL, NUMERICOID,
									  list_make2(arg, copyObject(arg)));
		default:
			return NULL;
	}
}

static Expr *
as_float8(Expr *expr, Oid type)
{
	if (type == FLOAT8OID)
		return expr;
	return (Expr *) make_call(F_FLOAT8_FLOAT4, FLOAT8OID,
							  list_make1(copyObject(expr)));
}

static Node *
as_numeric(Node *expr, Oid type)
{
	if (type == NUMERICOID)
		return expr;
	return make_call(F_NUMERIC_INT8, NUMERICOID, list_make1(expr));
}

static Node *
make_call(Oid funcid, Oid type, List *args)
{
	return (Node *) makeFuncExpr(funcid, type, args, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* The same aggregate over partial results. */
static Node *
make_same(const Combining *in, List *args)
{
	Aggref	   *aggref = make_aggregate(in->aggref->aggfnoid,
										in->aggref->aggtype, args,
										in->aggref->inputcollid);

	aggref->aggcollid = in->aggref->aggcollid;
	return (Node *) aggref;
}

static Aggref *
make_aggregate(Oid aggfnoid, Oid type, List *args, Oid collation)
{
	Aggref	   *aggref = makeNode(Aggref);
	ListCell   *lc;

	aggref->aggfnoid = aggfnoid;
	aggref->aggtype = type;
	aggref->aggcollid = type_is_collatable(type) ? collation : InvalidOid;
	aggref->inputcollid = collation;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = -1;
	aggref->aggtransno = -1;
	aggref->location = -1;
	foreach(lc, args)
	{
		Expr	   *arg = copyObject(lfirst(lc));

		aggref->aggargtypes = lappend_oid(aggref->aggargtypes,
										  exprType((Node *) arg));
		aggref->args = lappend(aggref->args,
							   makeTargetEntry(arg,
											   list_length(aggref->args) + 1,
											   NULL, false));
	}
	return aggref;
}

/* One of ours; invalid where an older version of rusts is installed. */
static Oid
ours(const char *name, int nargs, const Oid *types)
{
	return find_function(get_namespace_oid("rusts", true), name, nargs,
						 types);
}

bool
rusts_cluster_is_ours(Oid aggfnoid, const char *name)
{
	return aggfnoid >= FirstNormalObjectId &&
		get_func_namespace(aggfnoid) == get_namespace_oid("rusts", true) &&
		strcmp(get_func_name(aggfnoid), name) == 0;
}

/* Whether the user may look into the schema does not matter. */
static Oid
find_function(Oid schema, const char *name, int nargs, const Oid *types)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(types, nargs)),
						   ObjectIdGetDatum(schema));
}
