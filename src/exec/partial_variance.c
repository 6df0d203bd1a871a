/*-------------------------------------------------------------------------
 *
 * partial_variance.c
 *	  Variances and standard deviations from those of parts.
 *
 * Parts come from other servers, as values of ordinary aggregates.  Of floats
 * these are count, sum and var_pop, which make the state of float8_accum();
 * states are united by float8_combine().  Of other numbers they are count, sum
 * and sum of squares, and the result is the one of numeric_stddev_internal()
 * in PostgreSQL's numeric.c, in all digits.
 *
 * src/exec/partial_variance.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(rusts_cluster_moments);
PG_FUNCTION_INFO_V1(rusts_cluster_variance);

/* Digits that keep a root, rounded twice, from being rounded wrongly. */
#define GUARD_DIGITS	24

static Datum multiply(Datum a, Datum b);
static Datum square_root(Datum number);

/*
 * (state float8[], n int8, sum float8, variance float8) returns float8[]
 *
 * A part without values has no sum and no variance.
 */
Datum
rusts_cluster_moments(PG_FUNCTION_ARGS)
{
	Datum		part[3];
	ArrayType  *part_state;
	float8		n;

	/* Not as an aggregate's, but by hand. */
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	n = (float8) PG_GETARG_INT64(1);
	part[0] = Float8GetDatum(n);
	part[1] = PG_GETARG_DATUM(2);
	part[2] = Float8GetDatum(PG_GETARG_FLOAT8(3) * n);
	part_state = construct_array(part, 3, FLOAT8OID, sizeof(float8),
								 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	PG_RETURN_DATUM(DirectFunctionCall2(float8_combine, PG_GETARG_DATUM(0),
										PointerGetDatum(part_state)));
}

/*
 * (n int8, sum numeric, squares numeric, sample bool, root bool)
 * returns numeric
 */
Datum
rusts_cluster_variance(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(0);
	Datum		sum = PG_GETARG_DATUM(1);
	Datum		squares = PG_GETARG_DATUM(2);
	bool		sample = PG_GETARG_BOOL(3);
	bool		root = PG_GETARG_BOOL(4);
	Datum		count = NumericGetDatum(int64_to_numeric(n));
	Datum		divisor;
	Datum		zero;
	Datum		result;

	/* strict, so there are values */
	if (sample && n <= 1)
		PG_RETURN_NULL();
	if (numeric_is_nan(DatumGetNumeric(sum)) ||
		numeric_is_inf(DatumGetNumeric(sum)))
		PG_RETURN_DATUM(DirectFunctionCall3(numeric_in, CStringGetDatum("NaN"),
											ObjectIdGetDatum(InvalidOid),
											Int32GetDatum(-1)));

	result = DirectFunctionCall2(numeric_sub, multiply(count, squares),
								 multiply(sum, sum));
	zero = NumericGetDatum(int64_to_numeric(0));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, result, zero)) <= 0)
		PG_RETURN_DATUM(zero);
	divisor = NumericGetDatum(int64_to_numeric(sample ? n - 1 : n));
	result = DirectFunctionCall2(numeric_div, result,
								 multiply(count, divisor));
	PG_RETURN_DATUM(root ? square_root(result) : result);
}

/* With as many digits as number has; numeric_sqrt() may think of more. */
static Datum
square_root(Datum number)
{
	int			scale = DatumGetInt32(DirectFunctionCall1(numeric_scale,
														  number));

	number = DirectFunctionCall2(numeric_round, number,
								 Int32GetDatum(scale + GUARD_DIGITS));
	return DirectFunctionCall2(numeric_round,
							   DirectFunctionCall1(numeric_sqrt, number),
							   Int32GetDatum(scale));
}

static Datum
multiply(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_mul, a, b);
}
