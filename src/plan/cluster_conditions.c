/*-------------------------------------------------------------------------
 *
 * cluster_conditions.c
 *	  What conditions say about tags and time of a measurement.
 *
 * For a tag these are tag = value, tag IS NULL, tag IN (values) and OR of
 * them, under a collation for which equal texts are the same bytes; for the
 * time time = value and both bounds of it, if they are constant.
 *
 * src/plan/cluster_conditions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/shard_hash.h"
#include "compat.h"
#include "plan/cluster.h"
#include "plan/cluster_conditions.h"

/* More spans than there are shards say nothing. */
#define MAX_SPANS	16384

typedef struct Reading
{
	Index		rti;
	const RustsShardKey *key;
	ParamListInfo params;
	RustsKeyConditions *result;
	bool		has_lower;
	bool		has_upper;
} Reading;

static void read_condition(Reading *reading, Node *condition);
static bool read_choice(Reading *reading, Node *condition,
						RustsFixedColumn *choice);
static bool read_equality(Reading *reading, OpExpr *op,
						  RustsFixedColumn *choice);
static bool read_any(Reading *reading, ScalarArrayOpExpr *any,
					 RustsFixedColumn *choice);
static bool read_array(Reading *reading, Node *array,
					   RustsFixedColumn *choice);
static bool read_or(Reading *reading, BoolExpr *expr,
					RustsFixedColumn *choice);
static void read_bound(Reading *reading, Node *condition);
static Var *column_of(Reading *reading, Node *node);
static Node *value_of(Reading *reading, Node *node);
static bool compares_bytes(Oid operator, Oid collation);
static void count_spans(Reading *reading);
static Node *use_columns(Node *node, void *context);

void
rusts_read_key_conditions(List *conditions, Index rti,
						  const RustsShardKey *key, ParamListInfo params,
						  RustsKeyConditions *result)
{
	Reading		reading = {rti, key, params, result};
	ListCell   *lc;

	memset(result, 0, sizeof(*result));
	result->tags = palloc0_array(RustsFixedColumn, key->ntags + 1);
	foreach(lc, conditions)
		read_condition(&reading, lfirst(lc));
	if (key->span_us > 0 && reading.has_lower && reading.has_upper)
		count_spans(&reading);
}

Node *
rusts_key_columns(Node *expr, const RustsKeyConditions *conditions)
{
	return use_columns(expr, unconstify(RustsKeyConditions *, conditions));
}

/* Of several conditions on a column the one with the fewest values counts. */
static void
read_condition(Reading *reading, Node *condition)
{
	const RustsShardKey *key = reading->key;
	RustsFixedColumn choice = {false};
	RustsFixedColumn *column = NULL;
	int			i;

	if (!read_choice(reading, condition, &choice))
	{
		read_bound(reading, condition);
		return;
	}
	for (i = 0; i < key->ntags; i++)
	{
		if (choice.var->varattno == key->tag_attnos[i])
			column = &reading->result->tags[i];
	}
	if (key->span_us > 0 && choice.var->varattno == key->time_attno)
		column = &reading->result->time;
	if (column == NULL ||
		(column->fixed &&
		 list_length(column->values) <= list_length(choice.values)))
		return;
	*column = choice;
	column->fixed = true;
}

/* The values of a column that the condition leaves. */
static bool
read_choice(Reading *reading, Node *condition, RustsFixedColumn *choice)
{
	if (IsA(condition, OpExpr))
		return read_equality(reading, (OpExpr *) condition, choice);
	if (IsA(condition, ScalarArrayOpExpr))
		return read_any(reading, (ScalarArrayOpExpr *) condition, choice);
	if (is_orclause(condition))
		return read_or(reading, (BoolExpr *) condition, choice);
	if (IsA(condition, NullTest))
	{
		NullTest   *test = (NullTest *) condition;

		choice->var = column_of(reading, (Node *) test->arg);
		if (choice->var == NULL || choice->var->vartype != TEXTOID ||
			test->nulltesttype != IS_NULL)
			return false;
		choice->values = list_make1(makeNullConst(TEXTOID, -1,
												  choice->var->varcollid));
		return true;
	}
	return false;
}

static bool
read_equality(Reading *reading, OpExpr *op, RustsFixedColumn *choice)
{
	Node	   *value;
	int			side;

	if (list_length(op->args) != 2 ||
		!(compares_bytes(op->opno, op->inputcollid) ||
		  get_opcode(op->opno) == F_TIMESTAMPTZ_EQ))
		return false;
	for (side = 0; side < 2; side++)
	{
		choice->var = column_of(reading, list_nth(op->args, side));
		value = value_of(reading, list_nth(op->args, 1 - side));
		if (choice->var == NULL || value == NULL)
			continue;
		choice->values = list_make1(value);
		return true;
	}
	return false;
}

static bool
read_any(Reading *reading, ScalarArrayOpExpr *any, RustsFixedColumn *choice)
{
	if (!any->useOr || !(compares_bytes(any->opno, any->inputcollid) ||
						 get_opcode(any->opno) == F_TIMESTAMPTZ_EQ))
		return false;
	choice->var = column_of(reading, linitial(any->args));
	return choice->var != NULL &&
		read_array(reading, lsecond(any->args), choice);
}

/* Elements that are null find nothing. */
static bool
read_array(Reading *reading, Node *array, RustsFixedColumn *choice)
{
	Oid			type = choice->var->vartype;

	if (!IsA(array, ArrayExpr))
		array = value_of(reading, array);
	if (array != NULL && IsA(array, ArrayExpr) &&
		!((ArrayExpr *) array)->multidims)
	{
		ListCell   *lc;

		foreach(lc, ((ArrayExpr *) array)->elements)
		{
			Node	   *value = value_of(reading, lfirst(lc));
			Node	   *simple = rusts_cluster_simplify(lfirst(lc),
														reading->params);

			if (value != NULL)
				choice->values = lappend(choice->values, value);
			else if (!IsA(simple, Const))
				return false;
		}
		return choice->values != NIL;
	}
	if (array != NULL && IsA(array, Const))
	{
		Datum	   *elements;
		bool	   *nulls;
		int			n;
		int			i;
		int16		len = type == TEXTOID ? -1 : 8;
		bool		byval = type == TEXTOID ? false : FLOAT8PASSBYVAL;

		deconstruct_array(DatumGetArrayTypeP(((Const *) array)->constvalue),
						  type, len, byval,
						  type == TEXTOID ? TYPALIGN_INT : TYPALIGN_DOUBLE,
						  &elements, &nulls, &n);
		for (i = 0; i < n; i++)
		{
			if (!nulls[i])
				choice->values = lappend(choice->values,
										 makeConst(type, -1,
												   get_typcollation(type), len,
												   elements[i], false, byval));
		}
		return choice->values != NIL;
	}
	return false;
}

static bool
read_or(Reading *reading, BoolExpr *expr, RustsFixedColumn *choice)
{
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		RustsFixedColumn arm = {false};

		if (!read_choice(reading, lfirst(lc), &arm) ||
			(choice->var != NULL && !equal(choice->var, arm.var)))
			return false;
		choice->var = arm.var;
		choice->values = list_concat(choice->values, arm.values);
	}
	return choice->var != NULL;
}

/* time < constant and the like */
static void
read_bound(Reading *reading, Node *condition)
{
	OpExpr	   *op = (OpExpr *) condition;
	RustsKeyConditions *result = reading->result;
	Var		   *var;
	Const	   *bound;
	Oid			operator;
	int64		time;

	if (reading->key->span_us == 0 || !IsA(condition, OpExpr) ||
		list_length(op->args) != 2)
		return;
	operator = op->opno;
	var = column_of(reading, linitial(op->args));
	bound = (Const *) value_of(reading, lsecond(op->args));
	if (var == NULL)
	{
		operator = get_commutator(operator);
		var = column_of(reading, lsecond(op->args));
		bound = (Const *) value_of(reading, linitial(op->args));
	}
	if (var == NULL || var->varattno != reading->key->time_attno ||
		bound == NULL || !IsA(bound, Const) ||
		bound->consttype != TIMESTAMPTZOID || !OidIsValid(operator))
		return;
	time = DatumGetTimestampTz(bound->constvalue);
	if (TIMESTAMP_NOT_FINITE(time))
		return;
	switch (get_opcode(operator))
	{
		case F_TIMESTAMPTZ_GT:
			time++;
			/* FALLTHROUGH */
		case F_TIMESTAMPTZ_GE:
			result->lower = reading->has_lower ?
				Max(result->lower, time) : time;
			reading->has_lower = true;
			break;
		case F_TIMESTAMPTZ_LT:
			time--;
			/* FALLTHROUGH */
		case F_TIMESTAMPTZ_LE:
			result->upper = reading->has_upper ?
				Min(result->upper, time) : time;
			reading->has_upper = true;
			break;
		default:
			return;
	}
	result->time.var = var;
}

/* Is this a column of the relation?  NULL if not. */
static Var *
column_of(Reading *reading, Node *node)
{
	Var		   *var = (Var *) node;

	if (!IsA(node, Var) || var->varlevelsup != 0 ||
		var->varno != reading->rti || var->varattno <= 0 ||
		(var->vartype != TEXTOID && var->vartype != TIMESTAMPTZOID))
		return NULL;
	return var;
}

/*
 * A value that is the same for all rows, and not null if it is constant; NULL
 * if it is none.  It is going to be computed once more.
 */
static Node *
value_of(Reading *reading, Node *node)
{
	if (contain_vars_of_level(node, 0) || contain_subplans(node) ||
		contain_volatile_functions(node) || expression_returns_set(node))
		return NULL;
	node = rusts_cluster_simplify(node, reading->params);
	if (IsA(node, Const) && ((Const *) node)->constisnull)
		return NULL;
	return node;
}

static bool
compares_bytes(Oid operator, Oid collation)
{
	return operator == TextEqualOperator && OidIsValid(collation) &&
		get_collation_isdeterministic(collation);
}

static void
count_spans(Reading *reading)
{
	RustsKeyConditions *result = reading->result;
	int64		span_us = reading->key->span_us;
	int64		first;
	int64		last;

	if (result->lower > result->upper)
		return;
	first = rusts_shard_span(result->lower, span_us);
	last = rusts_shard_span(result->upper, span_us);
	if (last - first < MAX_SPANS)
		result->nspans = last - first + 1;
}

static Node *
use_columns(Node *node, void *context)
{
	RustsKeyConditions *conditions = context;
	Var		   *var = (Var *) node;
	RustsFixedColumn *tag;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, use_columns, context);
	for (tag = conditions->tags; tag->var != NULL; tag++)
	{
		if (tag->var->varattno == var->varattno)
			return (Node *) copyObject(tag->var);
	}
	if (conditions->time.var != NULL &&
		conditions->time.var->varattno == var->varattno)
		return (Node *) copyObject(conditions->time.var);
	return (Node *) copyObject(var);
}
