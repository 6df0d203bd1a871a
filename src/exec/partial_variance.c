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

static Datum multiply(Datum a, Datum b);

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
	Datum		result;
	Datum		scale;

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
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, result,
										  NumericGetDatum(int64_to_numeric(0)))) <= 0)
		PG_RETURN_NUMERIC(int64_to_numeric(0));
	divisor = NumericGetDatum(int64_to_numeric(sample ? n - 1 : n));
	result = DirectFunctionCall2(numeric_div, result,
								 multiply(count, divisor));
	if (root)
	{
		/* numeric_sqrt() may want more digits */
		scale = DirectFunctionCall1(numeric_scale, result);
		result = DirectFunctionCall2(numeric_round,
									 DirectFunctionCall1(numeric_sqrt, result),
									 scale);
	}
	PG_RETURN_DATUM(result);
}

static Datum
multiply(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_mul, a, b);
}
