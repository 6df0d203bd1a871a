/*-------------------------------------------------------------------------
 *
 * agg_final.c
 *	  From states of RustsAgg's aggregates to what the aggregates return.
 *
 * Results have PostgreSQL's types and values: sums of bigint are numeric and
 * exact, and overflows of float8 are errors.  A partial aggregate returns its
 * transition state, as PostgreSQL's function to serialize it would write it
 * (numeric.c, float.c, first_last.c), since PostgreSQL's Finalize Aggregate
 * reads it.  The variances of integers take the same way to the aggregates'
 * own final functions.
 *
 * src/exec/agg_final.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include "compat.h"
#include "exec/agg_states.h"

/* NUMERIC_MIN_SIG_DIGITS */
#define MIN_SIGNIFICANT_DIGITS	16

static bytea *row_state(const RustsAgg *agg, const RustsRowState *state);
static Datum sum_result(const RustsAgg *agg, const RustsSumState *state,
						bool *isnull);
static Datum avg_result(const RustsAgg *agg, const RustsSumState *state,
						bool *isnull);
static Datum float_variance_result(const RustsAgg *agg,
								   const RustsFloatVarianceState *state,
								   bool *isnull);
static Datum int_variance_result(const RustsAgg *agg,
								 const RustsIntVarianceState *state,
								 bool *isnull);
static bytea *serialize_sums(const RustsAgg *agg, int64 count, Datum sum,
							 const Datum *squares);
static void send_numeric(StringInfo buf, Datum value);
static bool quick_quotient(int128 sum, int64 count, Datum *result);
static int	leading_digit(uint64 value, int *weight);
static Datum sum_numeric(const RustsSumState *state);
static Datum numeric_from_int64(int64 value);
static Datum numeric_from_words(uint64 high, uint128 low);
static Datum numeric_from_uint128(uint128 value);
static Datum float_array(double count, double sum, double sum_squares);
static void check_overflow(double sum, bool nonfinite);

void
rusts_agg_result_init(RustsAgg *agg)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;

	if (agg->output->agg != RUSTS_AGG_VARIANCE ||
		agg->kind == RUSTS_KIND_FLOAT || agg->output->partial)
		return;
	tuple = SearchSysCache1(AGGFNOID,
							ObjectIdGetDatum(agg->output->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u",
			 agg->output->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	agg->deserialize = palloc0_object(FmgrInfo);
	agg->final = palloc0_object(FmgrInfo);
	fmgr_info(form->aggdeserialfn, agg->deserialize);
	fmgr_info(form->aggfinalfn, agg->final);
	ReleaseSysCache(tuple);
}

Datum
rusts_agg_result(const RustsAgg *agg, const RustsAggState *state,
				 bool *isnull)
{
	*isnull = false;
	switch (agg->output->agg)
	{
		case RUSTS_AGG_COUNT_STAR:
		case RUSTS_AGG_COUNT:
		case RUSTS_AGG_COUNT_DISTINCT:
			return Int64GetDatum(state->count);
		case RUSTS_AGG_SUM:
			return sum_result(agg, &state->sum, isnull);
		case RUSTS_AGG_AVG:
			return avg_result(agg, &state->sum, isnull);
		case RUSTS_AGG_MIN:
		case RUSTS_AGG_MAX:
			*isnull = !state->extreme.found;
			if (agg->kind == RUSTS_KIND_FLOAT)
				return Float8GetDatum(isnan(state->extreme.value.f) ?
									  get_float8_nan() :
									  state->extreme.value.f);
			return rusts_int_datum(state->extreme.value.i, agg->typlen);
		case RUSTS_AGG_VARIANCE:
			if (agg->kind == RUSTS_KIND_FLOAT)
				return float_variance_result(agg, &state->float_variance,
											 isnull);
			return int_variance_result(agg, &state->int_variance, isnull);
		case RUSTS_AGG_FIRST:
		case RUSTS_AGG_LAST:
			if (!state->row.found)
			{
				*isnull = true;
				return (Datum) 0;
			}
			if (agg->output->partial)
				return PointerGetDatum(row_state(agg, &state->row));
			*isnull = state->row.isnull;
			return state->row.value;
		case RUSTS_AGG_BOOL_AND:
			*isnull = !state->bools.any_true && !state->bools.any_false;
			return BoolGetDatum(!state->bools.any_false);
		case RUSTS_AGG_BOOL_OR:
			*isnull = !state->bools.any_true && !state->bools.any_false;
			return BoolGetDatum(state->bools.any_true);
	}
	elog(ERROR, "unexpected kind of aggregate %d", (int) agg->output->agg);
}

static bytea *
row_state(const RustsAgg *agg, const RustsRowState *state)
{
	return rusts_first_last_state(agg->output->type, state->value,
								  state->isnull, agg->time_type,
								  Int64GetDatum(state->time));
}

static Datum
sum_result(const RustsAgg *agg, const RustsSumState *state, bool *isnull)
{
	*isnull = state->count == 0;
	if (agg->output->partial && agg->output->type == INT8OID)
	{
		*isnull = false;
		return PointerGetDatum(serialize_sums(agg, state->count,
											  sum_numeric(state), NULL));
	}
	if (*isnull)
		return (Datum) 0;
	switch (agg->output->type)
	{
		case FLOAT8OID:
			check_overflow(state->sum.f, state->nonfinite);
			return Float8GetDatum(state->sum.f);
		case INT8OID:
			return sum_numeric(state);
		default:
			return Int64GetDatum((int64) state->sum.i);
	}
}

static Datum
avg_result(const RustsAgg *agg, const RustsSumState *state, bool *isnull)
{
	*isnull = false;
	if (agg->output->type == FLOAT8OID)
	{
		/* The accumulator of float8_accum begins with 0.0. */
		double		sum = 0.0 + state->sum.f;

		if (state->count > 0)
			check_overflow(sum, state->nonfinite);
		if (agg->output->partial)
			return float_array(state->count, sum, 0);
		*isnull = state->count == 0;
		return *isnull ? (Datum) 0 : Float8GetDatum(sum / state->count);
	}
	if (agg->output->partial && agg->output->type == INT8OID)
		return PointerGetDatum(serialize_sums(agg, state->count,
											  sum_numeric(state), NULL));
	if (agg->output->partial)
	{
		Datum		values[2];

		values[0] = Int64GetDatum(state->count);
		values[1] = Int64GetDatum((int64) state->sum.i);
		return PointerGetDatum(construct_array(values, 2, INT8OID,
											   sizeof(int64), FLOAT8PASSBYVAL,
											   TYPALIGN_DOUBLE));
	}
	*isnull = state->count == 0;
	if (*isnull)
		return (Datum) 0;
	return rusts_integer_average(state->sum.i, state->count);
}

Datum
rusts_integer_average(int128 sum, int64 count)
{
	Datum		result;

	if (quick_quotient(sum, count, &result))
		return result;
	return DirectFunctionCall2(numeric_div, rusts_integer_numeric(sum),
							   numeric_from_int64(count));
}

/*
 * numeric_div(sum, count) where 128 bits are enough, which is faster by far:
 * the scale of the result is that of select_div_scale of numeric.c, halves are
 * rounded away from zero.
 */
static bool
quick_quotient(int128 sum, int64 count, Datum *result)
{
	uint128		numerator = sum < 0 ? -(uint128) sum : (uint128) sum;
	uint128		quotient;
	int			sum_weight;
	int			count_weight;
	int			sum_digit;
	int			count_digit;
	int			quotient_weight;
	int			scale;
	int			i;

	if (count > 1000000000 || numerator / (uint64) count > 900)
		return false;
	sum_digit = leading_digit((uint64) numerator, &sum_weight);
	count_digit = leading_digit(count, &count_weight);
	quotient_weight = sum_weight - count_weight;
	if (sum_digit <= count_digit)
		quotient_weight--;
	scale = Max(MIN_SIGNIFICANT_DIGITS - quotient_weight * 4, 0);
	for (i = 0; i < scale; i++)
		numerator *= 10;
	quotient = (numerator + (uint64) count / 2) / (uint64) count;
	if (quotient > PG_INT64_MAX)
		return false;
	*result = NumericGetDatum(int64_div_fast_to_numeric(sum < 0 ?
														-(int64) quotient :
														(int64) quotient,
														scale));
	return true;
}

/* The first digit to the base 10,000, as numeric has them, and its weight. */
static int
leading_digit(uint64 value, int *weight)
{
	*weight = 0;
	while (value >= 10000)
	{
		value /= 10000;
		(*weight)++;
	}
	return (int) value;
}

static Datum
sum_numeric(const RustsSumState *state)
{
	return rusts_integer_numeric(state->sum.i);
}

static Datum
float_variance_result(const RustsAgg *agg,
					  const RustsFloatVarianceState *state, bool *isnull)
{
	double		n = state->count;
	double		squares = state->sum_squares;

	if (n > 0)
	{
		check_overflow(state->sum, state->nonfinite);
		check_overflow(squares, state->nonfinite);
	}
	if (state->nonfinite)
		squares = get_float8_nan();
	if (agg->output->partial)
		return float_array(n, 0.0 + state->sum, squares);
	switch (agg->output->aggfnoid)
	{
		case F_VAR_POP_FLOAT8:
		case F_STDDEV_POP_FLOAT8:
			*isnull = n == 0;
			break;
		default:
			*isnull = n <= 1;
			break;
	}
	if (*isnull)
		return (Datum) 0;
	switch (agg->output->aggfnoid)
	{
		case F_VAR_POP_FLOAT8:
			return Float8GetDatum(squares / n);
		case F_STDDEV_POP_FLOAT8:
			return Float8GetDatum(sqrt(squares / n));
		case F_STDDEV_FLOAT8:
		case F_STDDEV_SAMP_FLOAT8:
			return Float8GetDatum(sqrt(squares / (n - 1)));
		default:
			return Float8GetDatum(squares / (n - 1));
	}
}

static Datum
int_variance_result(const RustsAgg *agg, const RustsIntVarianceState *state,
					bool *isnull)
{
	Datum		squares = numeric_from_words(state->squares_high,
											 state->squares_low);
	bytea	   *bytes = serialize_sums(agg, state->count,
									   rusts_integer_numeric(state->sum),
									   &squares);
	LOCAL_FCINFO(deserialize, 2);
	LOCAL_FCINFO(final, 1);
	AggState   *context;
	ExprContext econtext = {0};
	Datum		result;

	*isnull = false;
	if (agg->output->partial)
		return PointerGetDatum(bytes);

	/* The functions want to know that they run for an aggregate, and where. */
	context = makeNode(AggState);
	econtext.type = T_ExprContext;
	econtext.ecxt_per_tuple_memory = CurrentMemoryContext;
	context->curaggcontext = &econtext;

	InitFunctionCallInfoData(*deserialize, agg->deserialize, 2, InvalidOid,
							 (Node *) context, NULL);
	deserialize->args[0].value = PointerGetDatum(bytes);
	deserialize->args[0].isnull = false;
	deserialize->args[1].value = (Datum) 0;
	deserialize->args[1].isnull = false;
	result = FunctionCallInvoke(deserialize);

	InitFunctionCallInfoData(*final, agg->final, 1, InvalidOid,
							 (Node *) context, NULL);
	final->args[0].value = result;
	final->args[0].isnull = false;
	result = FunctionCallInvoke(final);
	*isnull = final->isnull;
	return result;
}

/*
 * int8_avg_serialize: count and sum; numeric_poly_serialize, with the sum of
 * squares; numeric_serialize, with what only numeric has.
 */
static bytea *
serialize_sums(const RustsAgg *agg, int64 count, Datum sum,
			   const Datum *squares)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, count);
	send_numeric(&buf, sum);
	if (squares != NULL)
	{
		send_numeric(&buf, *squares);
		if (agg->output->type == INT8OID)
		{
			pq_sendint32(&buf, 0);	/* maxScale */
			pq_sendint64(&buf, count);	/* maxScaleCount */
			pq_sendint64(&buf, 0);	/* NaNcount */
			pq_sendint64(&buf, 0);	/* pInfcount */
			pq_sendint64(&buf, 0);	/* nInfcount */
		}
	}
	return pq_endtypsend(&buf);
}

/* numericvar_serialize: as numeric_send, with the first four in 32 bits. */
static void
send_numeric(StringInfo buf, Datum value)
{
	Datum		message = DirectFunctionCall1(numeric_send, value);
	bytea	   *sent = DatumGetByteaP(message);
	StringInfoData in;
	int			ndigits;
	int			i;

	in.data = VARDATA(sent);
	in.len = in.maxlen = VARSIZE(sent) - VARHDRSZ;
	in.cursor = 0;
	ndigits = (uint16) pq_getmsgint(&in, 2);
	pq_sendint32(buf, ndigits);
	pq_sendint32(buf, (int16) pq_getmsgint(&in, 2));
	pq_sendint32(buf, (uint16) pq_getmsgint(&in, 2));
	pq_sendint32(buf, (uint16) pq_getmsgint(&in, 2));
	for (i = 0; i < ndigits; i++)
		pq_sendint16(buf, pq_getmsgint(&in, 2));
}

static Datum
numeric_from_int64(int64 value)
{
	return NumericGetDatum(int64_to_numeric(value));
}

Datum
rusts_integer_numeric(int128 value)
{
	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return numeric_from_int64((int64) value);
	if (value < 0)
		return DirectFunctionCall1(numeric_uminus,
								   numeric_from_uint128(-(uint128) value));
	return numeric_from_uint128((uint128) value);
}

/* high * 2^128 + low */
static Datum
numeric_from_words(uint64 high, uint128 low)
{
	Datum		result = numeric_from_uint128(low);
	Datum		power;

	if (high == 0)
		return result;
	power = numeric_from_uint128((uint128) 1 << 127);
	power = DirectFunctionCall2(numeric_add, power, power);
	power = DirectFunctionCall2(numeric_mul, power,
								numeric_from_uint128(high));
	return DirectFunctionCall2(numeric_add, power, result);
}

/* In digits of 10^18. */
static Datum
numeric_from_uint128(uint128 value)
{
	const int64 base = INT64CONST(1000000000000000000);
	Datum		result;

	if (value <= PG_INT64_MAX)
		return numeric_from_int64((int64) value);
	result = DirectFunctionCall2(numeric_mul,
								 numeric_from_uint128(value / base),
								 numeric_from_int64(base));
	return DirectFunctionCall2(numeric_add, result,
							   numeric_from_int64((int64) (value % base)));
}

/* The transition state of avg and the variances of float8. */
static Datum
float_array(double count, double sum, double sum_squares)
{
	Datum		values[3];

	values[0] = Float8GetDatum(count);
	values[1] = Float8GetDatum(sum);
	values[2] = Float8GetDatum(sum_squares);
	return PointerGetDatum(construct_array(values, 3, FLOAT8OID,
										   sizeof(float8), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/* As float.c: infinite, though no value was. */
static void
check_overflow(double sum, bool nonfinite)
{
	if (!isfinite(sum) && !nonfinite)
		float_overflow_error();
}
