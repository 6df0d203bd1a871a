/*-------------------------------------------------------------------------
 *
 * combine_states.c
 *	  Partial results into states, and from states to results.
 *
 * Each does what the aggregate of the same name does with the same input
 * (plan/cluster_combine.c has which these are): results and errors are those
 * of an Agg in the place of RustsCombine.
 *
 * src/exec/combine_states.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "compat.h"
#include "exec/agg_states.h"
#include "exec/combine.h"
#include "segment/reader.h"

/*
 * Numbers on disk, as numeric.c has them: a header of 16 bits, or of 32, and
 * digits to the base 10,000.
 */
#define NUMERIC_KIND_MASK	0xC000
#define NUMERIC_SHORT		0x8000
#define NUMERIC_SPECIAL		0xC000
#define NUMERIC_NEGATIVE	0x4000
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE_MASK	0x1F80
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT_MASK	0x003F
#define LONG_SCALE_MASK		0x3FFF

/* So that thousands of millions of them can be added up. */
#define MAX_WEIGHT			6

static void add_count(RustsCombineState *state, int64 count);
static void add_number(const RustsCombineColumn *column,
					   RustsCombineState *state, Datum value,
					   MemoryContext cxt);
static void add_float(RustsCombineState *state, double value);
static void add_extreme(const RustsCombineColumn *column,
						RustsCombineState *state, Datum value);
static void add_extreme_float(const RustsCombineColumn *column,
							  RustsCombineState *state, double value);
static void add_row(const RustsCombineColumn *column,
					RustsCombineState *state, const Datum *values,
					const bool *isnull, MemoryContext cxt);
static Datum total(const RustsCombineState *state);

void
rusts_combine_add(const RustsCombineColumn *column, RustsCombineState *state,
				  const Datum *values, const bool *isnull, MemoryContext cxt)
{
	Datum		value = values[column->input];

	if (column->kind == RUSTS_COMBINE_FIRST ||
		column->kind == RUSTS_COMBINE_LAST)
	{
		add_row(column, state, values, isnull, cxt);
		return;
	}
	if (column->kind == RUSTS_COMBINE_AVG && !isnull[column->second])
		add_count(state, DatumGetInt64(values[column->second]));
	if (isnull[column->input])
		return;
	switch (column->kind)
	{
		case RUSTS_COMBINE_COUNT:
			add_count(state, DatumGetInt64(value));
			break;
		case RUSTS_COMBINE_SUM_INT:
			add_count(state, DatumGetInt64(value));
			state->found = true;
			break;
		case RUSTS_COMBINE_SUM_NUMERIC:
		case RUSTS_COMBINE_AVG:
			add_number(column, state, value, cxt);
			break;
		case RUSTS_COMBINE_SUM_FLOAT:
			add_float(state, DatumGetFloat8(value));
			break;
		case RUSTS_COMBINE_MIN:
		case RUSTS_COMBINE_MAX:
			add_extreme(column, state, value);
			break;
		case RUSTS_COMBINE_MIN_FLOAT:
		case RUSTS_COMBINE_MAX_FLOAT:
			add_extreme_float(column, state, DatumGetFloat8(value));
			break;
		case RUSTS_COMBINE_AND:
			state->isnull |= !DatumGetBool(value);	/* one is false */
			state->found = true;
			break;
		case RUSTS_COMBINE_OR:
			state->isnull |= DatumGetBool(value);	/* one is true */
			state->found = true;
			break;
		default:
			elog(ERROR, "unexpected kind of aggregate %d",
				 (int) column->kind);
	}
}

static void
add_count(RustsCombineState *state, int64 count)
{
	if (pg_add_s64_overflow(state->count, count, &state->count))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
}

/* Integers are added up as such, the rest as numeric. */
static void
add_number(const RustsCombineColumn *column, RustsCombineState *state,
		   Datum value, MemoryContext cxt)
{
	MemoryContext old_cxt;
	Datum		sum;
	int128		integer;

	state->found = true;
	if (!column->is_numeric)
	{
		state->v.i += DatumGetInt64(value);
		return;
	}
	if (rusts_numeric_to_int128(value, &integer))
	{
		state->v.i += integer;
		return;
	}
	sum = !state->has_rest ? value :
		DirectFunctionCall2(numeric_add, state->datum, value);
	old_cxt = MemoryContextSwitchTo(cxt);
	sum = PointerGetDatum(DatumGetNumericCopy(sum));
	MemoryContextSwitchTo(old_cxt);
	if (state->has_rest)
		pfree(DatumGetPointer(state->datum));
	state->datum = sum;
	state->has_rest = true;
}

bool
rusts_numeric_to_int128(Datum numeric, int128 *value)
{
	struct varlena *bytes = (struct varlena *) DatumGetPointer(numeric);
	const char *data;
	Size		size;
	uint16		header;
	int16		weight;
	int16		digit;
	bool		negative;
	int128		result = 0;
	int			ndigits;
	int			i;

	if (VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes))
		return false;
	data = VARDATA_ANY(bytes);
	size = VARSIZE_ANY_EXHDR(bytes);
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	switch (header & NUMERIC_KIND_MASK)
	{
		case NUMERIC_SPECIAL:
			return false;
		case NUMERIC_SHORT:
			if ((header & SHORT_SCALE_MASK) != 0)
				return false;
			negative = (header & SHORT_NEGATIVE) != 0;
			weight = header & SHORT_WEIGHT_MASK;
			if ((header & SHORT_WEIGHT_SIGN) != 0)
				weight |= ~SHORT_WEIGHT_MASK;
			break;
		default:
			if ((header & LONG_SCALE_MASK) != 0)
				return false;
			negative = (header & NUMERIC_KIND_MASK) == NUMERIC_NEGATIVE;
			memcpy(&weight, data, sizeof(weight));
			data += sizeof(weight);
			size -= sizeof(weight);
			break;
	}
	ndigits = size / sizeof(digit);
	if (ndigits > 0 && (weight < 0 || weight > MAX_WEIGHT ||
						ndigits > weight + 1))
		return false;
	for (i = 0; i < ndigits; i++)
	{
		memcpy(&digit, data + i * sizeof(digit), sizeof(digit));
		result = result * 10000 + digit;
	}
	for (; ndigits > 0 && i <= weight; i++)
		result *= 10000;
	*value = negative ? -result : result;
	return true;
}

static void
add_float(RustsCombineState *state, double value)
{
	state->v.f = state->found ? float8_pl(state->v.f, value) : value;
	state->found = true;
}

static void
add_extreme(const RustsCombineColumn *column, RustsCombineState *state,
			Datum value)
{
	int64		integer = rusts_datum_int(value, column->typlen);

	if (state->found && (column->kind == RUSTS_COMBINE_MIN ?
						 integer >= state->v.i : integer <= state->v.i))
		return;
	state->v.i = integer;
	state->datum = value;
	state->found = true;
}

/* As float8smaller() and float8larger(): of 0 and -0 the last. */
static void
add_extreme_float(const RustsCombineColumn *column, RustsCombineState *state,
				  double value)
{
	if (!state->found)
		state->v.f = value;
	else if (column->kind == RUSTS_COMBINE_MIN_FLOAT ?
			 !float8_lt(state->v.f, value) : !float8_gt(state->v.f, value))
		state->v.f = value;
	state->found = true;
}

/* Rows without a time do not count; the row met first wins a tie. */
static void
add_row(const RustsCombineColumn *column, RustsCombineState *state,
		const Datum *values, const bool *isnull, MemoryContext cxt)
{
	MemoryContext old_cxt;
	int64		time;

	if (isnull[column->second])
		return;
	time = DatumGetInt64(values[column->second]);
	if (state->found && (column->kind == RUSTS_COMBINE_FIRST ?
						 time >= state->v.time : time <= state->v.time))
		return;
	if (state->found && !state->isnull && !column->typbyval)
		pfree(DatumGetPointer(state->datum));
	state->v.time = time;
	state->found = true;
	state->isnull = isnull[column->input];
	if (state->isnull)
		return;
	old_cxt = MemoryContextSwitchTo(cxt);
	state->datum = datumCopy(values[column->input], column->typbyval,
							 column->typlen);
	MemoryContextSwitchTo(old_cxt);
}

Datum
rusts_combine_result(const RustsCombineColumn *column,
					 const RustsCombineState *state, bool *isnull)
{
	*isnull = !state->found;
	switch (column->kind)
	{
		case RUSTS_COMBINE_COUNT:
			*isnull = false;
			return Int64GetDatum(state->count);
		case RUSTS_COMBINE_SUM_INT:
			return Int64GetDatum(state->count);
		case RUSTS_COMBINE_SUM_NUMERIC:
			return *isnull ? (Datum) 0 : total(state);
		case RUSTS_COMBINE_AVG:
			if (*isnull)
				return (Datum) 0;
			if (!state->has_rest && state->count > 0)
				return rusts_integer_average(state->v.i, state->count);
			return DirectFunctionCall2(numeric_div, total(state),
									   rusts_integer_numeric(state->count));
		case RUSTS_COMBINE_SUM_FLOAT:
		case RUSTS_COMBINE_MIN_FLOAT:
		case RUSTS_COMBINE_MAX_FLOAT:
			return Float8GetDatum(state->v.f);
		case RUSTS_COMBINE_MIN:
		case RUSTS_COMBINE_MAX:
			return state->datum;
		case RUSTS_COMBINE_AND:
			return BoolGetDatum(!state->isnull);
		case RUSTS_COMBINE_OR:
			return BoolGetDatum(state->isnull);
		case RUSTS_COMBINE_FIRST:
		case RUSTS_COMBINE_LAST:
			*isnull |= state->isnull;
			return state->datum;
		default:
			elog(ERROR, "unexpected kind of aggregate %d",
				 (int) column->kind);
	}
}

static Datum
total(const RustsCombineState *state)
{
	Datum		sum;

	if (state->has_rest && state->v.i == 0)
		return state->datum;
	sum = rusts_integer_numeric(state->v.i);
	return state->has_rest ?
		DirectFunctionCall2(numeric_add, sum, state->datum) : sum;
}
