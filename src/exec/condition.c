/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Conditions of a running scan: operands evaluated, blocks checked.
 *
 * Comparisons of integers become inclusive ranges, so that one loop serves
 * <, <=, =, >= and >.  Comparisons of float8 are made in PostgreSQL's order:
 * NaN equals itself and is above everything else.
 *
 * src/exec/condition.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "exec/condition.h"
#include "vector/aggregate.h"
#include "vector/filter.h"

static void prepare_int(RustsCondition *condition, Oid column_type,
						Datum value);
static void prepare_array(RustsCondition *condition, Oid column_type,
						  Datum array);
static void learn_truth(RustsCondition *condition, int value,
						ExprContext *econtext, TupleTableSlot *slot);
static bool int_operand(Oid column_type, Oid type, Datum value,
						int64 *result);
static bool floor_operand(Oid type, Datum value, int64 *result, bool *above);
static double float_operand(Oid type, Datum value);
static int	compare_ints(const void *a, const void *b);
static RustsFloatTest float_test(RustsTest test);
static void check_ints(const RustsCondition *condition, int64 min, int64 max,
					   bool *may, bool *must);
static void check_floats(const RustsCondition *condition, double min,
						 double max, bool *may, bool *must);

RustsCondition *
rusts_conditions_create(List *clauses, Index varno, const RustsSchema *schema,
						PlanState *parent, int *nconditions)
{
	RustsCondition *conditions;
	int			n = 0;
	ListCell   *lc;

	conditions = palloc0_array(RustsCondition, Max(list_length(clauses), 1));
	foreach(lc, clauses)
	{
		RustsCondition *condition = &conditions[n++];
		Expr	   *expr = lfirst(lc);

		rusts_clause_classify(expr, varno, schema, &condition->clause);
		condition->qual = ExecInitQual(list_make1(expr), parent);
		if (condition->clause.operand != NULL)
			condition->operand = ExecInitExpr(condition->clause.operand,
											  parent);
	}
	*nconditions = n;
	return conditions;
}

void
rusts_condition_prepare(RustsCondition *condition, const RustsSchema *schema,
						ExprContext *econtext)
{
	const RustsClause *clause = &condition->clause;
	Oid			column_type = InvalidOid;
	Datum		value;
	bool		isnull;

	condition->never = false;
	condition->always = false;
	condition->generic = clause->kind == RUSTS_CLAUSE_ROW;
	condition->nvalues = 0;
	memset(condition->known, clause->kind == RUSTS_CLAUSE_NULL,
		   sizeof(condition->known));
	if (clause->kind == RUSTS_CLAUSE_NULL)
	{
		condition->truth[0] = condition->truth[1] = !clause->is_null;
		condition->truth[2] = clause->is_null;
	}
	if (condition->operand == NULL)
		return;

	value = ExecEvalExprSwitchContext(condition->operand, econtext, &isnull);
	if (isnull)
	{
		condition->never = true;
		return;
	}
	if (clause->attno != InvalidAttrNumber)
		column_type =
			schema->columns[schema->by_attno[clause->attno - 1]].typid;
	if (clause->is_array)
		prepare_array(condition, column_type, value);
	else if (clause->kind == RUSTS_CLAUSE_INT)
		prepare_int(condition, column_type, value);
	else if (clause->kind == RUSTS_CLAUSE_FLOAT)
		condition->value = float_operand(clause->operand_type, value);
	else
	{
		condition->texts = palloc_array(Datum, 1);
		condition->texts[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		condition->nvalues = 1;
	}
}

static void
prepare_int(RustsCondition *condition, Oid column_type, Datum value)
{
	RustsTest	test = condition->clause.test;
	int64		v;

	if (condition->clause.operand_type == NUMERICOID ||
		condition->clause.operand_type == FLOAT8OID)
	{
		bool		above;

		/* Between two integers: compare with the one below. */
		if (!floor_operand(condition->clause.operand_type, value, &v, &above))
			condition->generic = true;
		else if (above && (test == RUSTS_TEST_EQ ||
								test == RUSTS_TEST_NE))
			condition->generic = true;
		else if (above && test == RUSTS_TEST_LT)
			test = RUSTS_TEST_LE;
		else if (above && test == RUSTS_TEST_GE)
			test = RUSTS_TEST_GT;
		if (condition->generic)
			return;
	}
	else if (!int_operand(column_type, condition->clause.operand_type, value,
						  &v))
	{
		condition->generic = true;
		return;
	}
	condition->low = PG_INT64_MIN;
	condition->high = PG_INT64_MAX;
	switch (test)
	{
		case RUSTS_TEST_LT:
			condition->never = v == PG_INT64_MIN;
			condition->high = condition->never ? v : v - 1;
			break;
		case RUSTS_TEST_LE:
			condition->high = v;
			break;
		case RUSTS_TEST_EQ:
		case RUSTS_TEST_NE:
			condition->low = condition->high = v;
			break;
		case RUSTS_TEST_GE:
			condition->low = v;
			break;
		case RUSTS_TEST_GT:
			condition->never = v == PG_INT64_MAX;
			condition->low = condition->never ? v : v + 1;
			break;
	}
}

/*
 * As ExecEvalScalarArrayOp has it: nothing is equal to one of none, and all
 * rows, also those that are null, differ from all of none.
 */
static void
prepare_array(RustsCondition *condition, Oid column_type, Datum array)
{
	const RustsClause *clause = &condition->clause;
	ArrayType  *values = DatumGetArrayTypeP(array);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	uint32		n = 0;
	int			i;

	get_typlenbyvalalign(ARR_ELEMTYPE(values), &typlen, &typbyval, &typalign);
	deconstruct_array(values, ARR_ELEMTYPE(values), typlen, typbyval,
					  typalign, &elements, &nulls, &nelements);
	if (nelements == 0)
	{
		condition->never = clause->any;
		condition->always = !clause->any;
		return;
	}
	condition->ints = palloc_array(int64, nelements);
	condition->floats = palloc_array(double, nelements);
	condition->texts = palloc_array(Datum, nelements);
	for (i = 0; i < nelements; i++)
	{
		if (nulls[i])
		{
			/* Neither equal nor different. */
			if (!clause->any)
				condition->never = true;
			continue;
		}
		if (clause->kind == RUSTS_CLAUSE_INT &&
			!int_operand(column_type, clause->operand_type, elements[i],
						 &condition->ints[n]))
			condition->generic = true;
		if (clause->kind == RUSTS_CLAUSE_FLOAT)
			condition->floats[n] = float_operand(clause->operand_type,
												 elements[i]);
		if (clause->kind == RUSTS_CLAUSE_SERIES)
			condition->texts[n] =
				PointerGetDatum(PG_DETOAST_DATUM_COPY(elements[i]));
		n++;
	}
	condition->nvalues = n;
	if (n == 0)
		condition->never = true;
	if (clause->kind == RUSTS_CLAUSE_INT)
		qsort(condition->ints, n, sizeof(int64), compare_ints);
}

/*
 * The operand as a value of the column's type that compares alike; false if
 * there is none.
 */
static bool
int_operand(Oid column_type, Oid type, Datum value, int64 *result)
{
	int			overflow = 0;
	Timestamp	timestamp;

	switch (type)
	{
		case INT2OID:
			*result = DatumGetInt16(value);
			return true;
		case INT4OID:
			*result = DatumGetInt32(value);
			return true;
		case DATEOID:
			if (column_type == TIMESTAMPTZOID)
				*result = date2timestamptz_opt_overflow(DatumGetDateADT(value),
														&overflow);
			else if (column_type == TIMESTAMPOID)
				*result = date2timestamp_opt_overflow(DatumGetDateADT(value),
													  &overflow);
			else
				*result = DatumGetDateADT(value);
			return overflow == 0;
		case TIMESTAMPOID:
			timestamp = DatumGetTimestamp(value);
			if (column_type == TIMESTAMPTZOID)
				*result = timestamp2timestamptz_opt_overflow(timestamp,
															 &overflow);
			else
				*result = timestamp;
			return overflow == 0;
		default:				/* int8, timestamptz, time */
			*result = DatumGetInt64(value);
			return true;
	}
}

/*
 * The largest int64 not above a numeric or float8; *above: it is not the same.
 * False where that does not tell how integers compare with it.
 */
static bool
floor_operand(Oid type, Datum value, int64 *result, bool *above)
{
	/* Below this every integer is a float8 of its own. */
	const double limit = 9007199254740992.0;

	if (type == FLOAT8OID)
	{
		double		v = DatumGetFloat8(value);

		if (isnan(v) || v >= limit || v <= -limit)
			return false;
		*result = (int64) floor(v);
		*above = floor(v) != v;
	}
	else
	{
		Datum		low = NumericGetDatum(int64_to_numeric(PG_INT64_MIN));
		Datum		high = NumericGetDatum(int64_to_numeric(PG_INT64_MAX));
		Datum		floored;

		if (numeric_is_nan(DatumGetNumeric(value)) ||
			DatumGetBool(DirectFunctionCall2(numeric_lt, value, low)) ||
			DatumGetBool(DirectFunctionCall2(numeric_gt, value, high)))
			return false;
		floored = DirectFunctionCall1(numeric_floor, value);
		*result = DatumGetInt64(DirectFunctionCall1(numeric_int8, floored));
		*above = DatumGetBool(DirectFunctionCall2(numeric_ne, floored, value));
	}
	return true;
}

static double
float_operand(Oid type, Datum value)
{
	return type == FLOAT4OID ? (double) DatumGetFloat4(value) :
		DatumGetFloat8(value);
}

static int
compare_ints(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return (left > right) - (left < right);
}

static RustsFloatTest
float_test(RustsTest test)
{
	switch (test)
	{
		case RUSTS_TEST_LT:
			return RUSTS_FLOAT_LT;
		case RUSTS_TEST_LE:
			return RUSTS_FLOAT_LE;
		case RUSTS_TEST_EQ:
			return RUSTS_FLOAT_EQ;
		case RUSTS_TEST_GE:
			return RUSTS_FLOAT_GE;
		case RUSTS_TEST_GT:
			return RUSTS_FLOAT_GT;
		case RUSTS_TEST_NE:
			break;
	}
	return RUSTS_FLOAT_NE;
}

void
rusts_condition_check_block(const RustsCondition *condition,
							RustsReader *reader, int column, uint32 block,
							bool *may, bool *must)
{
	const int64 *nulls = rusts_reader_stat(reader, column, RUSTS_STAT_NULLS);
	const int64 *min;
	const int64 *max;
	uint32		nrows = reader->block_rows[block + 1] -
		reader->block_rows[block];

	*may = true;
	*must = false;
	if (nulls == NULL || condition->always)
		return;
	if (condition->clause.kind == RUSTS_CLAUSE_NULL)
	{
		bool		any_null = nulls[block] > 0;
		bool		any_value = nulls[block] < nrows;

		*may = (any_null && condition->truth[2]) ||
			(any_value && condition->truth[0]);
		*must = (!any_null || condition->truth[2]) &&
			(!any_value || condition->truth[0]);
		return;
	}
	if (nulls[block] >= nrows)
	{
		*may = false;
		return;
	}
	min = rusts_reader_stat(reader, column, RUSTS_STAT_MIN);
	max = rusts_reader_stat(reader, column, RUSTS_STAT_MAX);
	if (min == NULL || max == NULL)
		return;
	if (condition->clause.kind == RUSTS_CLAUSE_INT)
		check_ints(condition, min[block], max[block], may, must);
	else
		check_floats(condition, ((const double *) min)[block],
					 ((const double *) max)[block], may, must);
	*must = *must && nulls[block] == 0;
}

static void
check_ints(const RustsCondition *condition, int64 min, int64 max, bool *may,
		   bool *must)
{
	uint32		i;

	if (condition->clause.is_array)
	{
		if (condition->clause.any)
		{
			*may = false;
			for (i = 0; i < condition->nvalues && !*may; i++)
				*may = condition->ints[i] >= min && condition->ints[i] <= max;
			*must = *may && min == max;
		}
		else
			*must = condition->ints[0] > max ||
				condition->ints[condition->nvalues - 1] < min;
		return;
	}
	*may = condition->low <= max && condition->high >= min;
	*must = condition->low <= min && condition->high >= max;
	if (condition->clause.test == RUSTS_TEST_NE)
	{
		bool		only = *must;

		*must = !*may;
		*may = !only;
	}
}

static void
check_floats(const RustsCondition *condition, double min, double max,
			 bool *may, bool *must)
{
	uint32		i;

	if (!condition->clause.is_array)
	{
		RustsFloatTest test = float_test(condition->clause.test);

		*may = rusts_float_may_match(test, condition->value, min, max);
		*must = rusts_float_must_match(test, condition->value, min, max);
		return;
	}
	if (!condition->clause.any)
		return;
	*may = false;
	for (i = 0; i < condition->nvalues && !*may; i++)
		*may = rusts_float_may_match(RUSTS_FLOAT_EQ, condition->floats[i],
									 min, max);
}

void
rusts_condition_learn(RustsCondition *condition, const RustsVector *vector,
					  const uint64 *bits, ExprContext *econtext,
					  TupleTableSlot *slot)
{
	uint32		row;

	if (condition->clause.kind != RUSTS_CLAUSE_BOOL ||
		(condition->known[0] && condition->known[1] &&
		 (condition->known[2] || vector->nnulls == 0)))
		return;
	for (row = rusts_next_bit(bits, 0, vector->nrows); row < vector->nrows;
		 row = rusts_next_bit(bits, row + 1, vector->nrows))
	{
		int			value = vector->v.bools[row] != 0;

		if (vector->nnulls > 0 && rusts_bitmap_test(vector->nulls, row))
			value = 2;
		if (!condition->known[value])
			learn_truth(condition, value, econtext, slot);
	}
}

static void
learn_truth(RustsCondition *condition, int value, ExprContext *econtext,
			TupleTableSlot *slot)
{
	int			at = condition->clause.attno - 1;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true,
		   sizeof(bool) * slot->tts_tupleDescriptor->natts);
	slot->tts_values[at] = BoolGetDatum(value == 1);
	slot->tts_isnull[at] = value == 2;
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	condition->truth[value] = ExecQual(condition->qual, econtext);
	condition->known[value] = true;
	ResetExprContext(econtext);
}

void
rusts_condition_filter(const RustsCondition *condition,
					   const RustsVector *vector, uint64 *bits)
{
	const RustsClause *clause = &condition->clause;

	if (condition->always)
		return;
	if (clause->kind == RUSTS_CLAUSE_NULL)
	{
		if (clause->is_null)
			rusts_filter_null(vector->nulls, vector->nrows, bits);
		else
			rusts_filter_not_null(vector->nulls, vector->nrows, bits);
		return;
	}
	if (clause->kind == RUSTS_CLAUSE_BOOL && vector->nnulls > 0)
	{
		uint64		passing[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
		uint32		w;

		/* Null rows hold false, which may pass where null does not. */
		memcpy(passing, bits, sizeof(passing));
		rusts_filter_bool(vector->v.bools, vector->nrows, condition->truth,
						  passing);
		for (w = 0; w < RUSTS_BITMAP_WORDS(vector->nrows); w++)
			bits[w] = (passing[w] & ~vector->nulls[w]) |
				(condition->truth[2] ? bits[w] & vector->nulls[w] : 0);
		return;
	}
	if (clause->kind == RUSTS_CLAUSE_BOOL)
	{
		rusts_filter_bool(vector->v.bools, vector->nrows, condition->truth,
						  bits);
		return;
	}
	if (clause->kind == RUSTS_CLAUSE_INT)
	{
		if (clause->is_array)
			rusts_filter_int_in(vector->v.ints, vector->nrows,
								condition->ints, condition->nvalues,
								!clause->any, bits);
		else if (clause->test == RUSTS_TEST_NE)
			rusts_filter_int_not(vector->v.ints, vector->nrows,
								 condition->low, bits);
		else
			rusts_filter_int_range(vector->v.ints, vector->nrows,
								   condition->low, condition->high, bits);
	}
	else if (clause->is_array)
		rusts_filter_float_in(vector->v.floats, vector->nrows,
							  condition->floats, condition->nvalues,
							  !clause->any, bits);
	else
		rusts_filter_float(vector->v.floats, vector->nrows,
						   float_test(clause->test), condition->value, bits);
	if (vector->nnulls > 0)
		rusts_filter_not_null(vector->nulls, vector->nrows, bits);
}
