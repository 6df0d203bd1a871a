/*-------------------------------------------------------------------------
 *
 * agg_states.c
 *	  Rows of a block into states of aggregates.
 *
 * The rows are a slice of a block; loops over arrays reduce them (vector),
 * and one step adds the result to the group's state.  A block as a whole may
 * be added by its statistics.
 *
 * Sums of integers are exact.  Sums of floats are made in another order than
 * PostgreSQL's; where it raises an error because a sum overflows, so do we
 * (agg_final.c), which is why infinite values must not get lost.
 *
 * src/exec/agg_states.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "utils/datum.h"

#include "exec/agg_states.h"
#include "segment/format.h"
#include "vector/aggregate.h"
#include "vector/filter.h"

static const uint64 *without_nulls(const RustsVector *vector, uint32 from,
								   uint32 to, const uint64 *bits,
								   uint64 *scratch, uint32 *nrows);
static bool any_nonfinite(const RustsVector *vector, uint32 from, uint32 to,
						  const uint64 *bits);
static void add_extreme(const RustsAgg *agg, RustsAggState *state,
						int64 int_value, double float_value);
static void add_float_variance(RustsFloatVarianceState *state, double count,
							   double sum, double sum_squares);
static void add_squares(RustsIntVarianceState *state, uint128 squares);
static bool add_variance(RustsAgg *agg, RustsAggState *state,
						 const RustsVector *vector, uint32 from, uint32 to,
						 const uint64 *bits);
static bool add_row(RustsAgg *agg, RustsAggState *state, RustsBlockScan *scan,
					uint32 from, uint32 to, const uint64 *bits,
					MemoryContext cxt);
static bool count_tags(RustsAgg *agg, RustsAggState *state,
					   RustsBlockScan *scan, uint32 from, uint32 to,
					   const uint64 *bits);

Size
rusts_agg_state_size(const RustsAgg *agg)
{
	switch (agg->output->agg)
	{
		case RUSTS_AGG_COUNT_STAR:
		case RUSTS_AGG_COUNT:
		case RUSTS_AGG_COUNT_DISTINCT:
			return TYPEALIGN(16, sizeof(int64));
		case RUSTS_AGG_SUM:
		case RUSTS_AGG_AVG:
			return TYPEALIGN(16, sizeof(RustsSumState));
		case RUSTS_AGG_MIN:
		case RUSTS_AGG_MAX:
			return TYPEALIGN(16, sizeof(RustsExtremeState));
		case RUSTS_AGG_VARIANCE:
			return agg->kind == RUSTS_KIND_FLOAT ?
				TYPEALIGN(16, sizeof(RustsFloatVarianceState)) :
				TYPEALIGN(16, sizeof(RustsIntVarianceState));
		case RUSTS_AGG_FIRST:
		case RUSTS_AGG_LAST:
			return TYPEALIGN(16, sizeof(RustsRowState));
		case RUSTS_AGG_BOOL_AND:
		case RUSTS_AGG_BOOL_OR:
			break;
	}
	return TYPEALIGN(16, sizeof(RustsBoolState));
}

void
rusts_agg_state_init(const RustsAgg *agg, RustsAggState *state)
{
	memset(state, 0, rusts_agg_state_size(agg));

	/* The identity of addition. */
	if ((agg->output->agg == RUSTS_AGG_SUM ||
		 agg->output->agg == RUSTS_AGG_AVG) && agg->kind == RUSTS_KIND_FLOAT)
		state->sum.sum.f = -0.0;
}

bool
rusts_agg_add(RustsAgg *agg, RustsAggState *state, RustsBlockScan *scan,
			  uint32 from, uint32 to, const uint64 *bits, uint32 nrows,
			  MemoryContext cxt)
{
	RustsVector *vector;
	uint64		scratch[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		count;

	switch (agg->output->agg)
	{
		case RUSTS_AGG_COUNT_STAR:
			state->count += nrows;
			return true;
		case RUSTS_AGG_FIRST:
		case RUSTS_AGG_LAST:
			return add_row(agg, state, scan, from, to, bits, cxt);
		case RUSTS_AGG_COUNT:
			if (agg->not_null)
			{
				state->count += nrows;
				return true;
			}
			if (scan->columns[agg->column].tag >= 0)
				return count_tags(agg, state, scan, from, to, bits);
			break;
		default:
			break;
	}

	vector = rusts_block_scan_vector(scan, agg->column);
	if (vector == NULL)
		return false;
	bits = without_nulls(vector, from, to, bits, scratch, &nrows);
	if (nrows == 0)
		return true;

	switch (agg->output->agg)
	{
		case RUSTS_AGG_COUNT:
			state->count += nrows;
			break;
		case RUSTS_AGG_SUM:
		case RUSTS_AGG_AVG:
			if (agg->kind == RUSTS_KIND_FLOAT)
			{
				double		sum;

				rusts_sum_floats(vector->v.floats, from, to, bits, &count,
								 &sum);
				state->sum.sum.f += sum;
				state->sum.nonfinite |= !isfinite(sum) &&
					any_nonfinite(vector, from, to, bits);
			}
			else
			{
				int128		sum;

				rusts_sum_ints(vector->v.ints, from, to, bits, &count, &sum);
				state->sum.sum.i += sum;
			}
			state->sum.count += nrows;
			break;
		case RUSTS_AGG_MIN:
		case RUSTS_AGG_MAX:
			if (agg->kind == RUSTS_KIND_FLOAT)
			{
				double		min;
				double		max;

				rusts_minmax_floats(vector->v.floats, from, to, bits, &count,
									&min, &max);
				add_extreme(agg, state, 0,
							agg->output->agg == RUSTS_AGG_MIN ? min : max);
			}
			else
			{
				int64		min;
				int64		max;

				rusts_minmax_ints(vector->v.ints, from, to, bits, &count,
								  &min, &max);
				add_extreme(agg, state,
							agg->output->agg == RUSTS_AGG_MIN ? min : max, 0);
			}
			break;
		case RUSTS_AGG_VARIANCE:
			return add_variance(agg, state, vector, from, to, bits);
		case RUSTS_AGG_BOOL_AND:
		case RUSTS_AGG_BOOL_OR:
			{
				uint32		row;

				for (row = from; row < to; row++)
				{
					if (bits != NULL && !rusts_bitmap_test(bits, row))
						continue;
					state->bools.any_true |= vector->v.bools[row] != 0;
					state->bools.any_false |= vector->v.bools[row] == 0;
				}
				break;
			}
		default:
			elog(ERROR, "unexpected kind of aggregate %d",
				 (int) agg->output->agg);
	}
	return true;
}

/* The rows whose value is not null: bits itself, or a copy in scratch. */
static const uint64 *
without_nulls(const RustsVector *vector, uint32 from, uint32 to,
			  const uint64 *bits, uint64 *scratch, uint32 *nrows)
{
	uint32		w;

	if (vector->nnulls == 0)
		return bits;
	if (bits != NULL)
		memcpy(scratch, bits,
			   sizeof(uint64) * RUSTS_BITMAP_WORDS(vector->nrows));
	else
		rusts_fill_bits(scratch, vector->nrows, from, to);
	for (w = from / 64; w < RUSTS_BITMAP_WORDS(to); w++)
		scratch[w] &= ~vector->nulls[w];
	*nrows = rusts_count_bits(scratch, from, to);
	return scratch;
}

/* Is a value infinite or NaN? */
static bool
any_nonfinite(const RustsVector *vector, uint32 from, uint32 to,
			  const uint64 *bits)
{
	uint32		row;

	for (row = from; row < to; row++)
	{
		if ((bits == NULL || rusts_bitmap_test(bits, row)) &&
			!isfinite(vector->v.floats[row]))
			return true;
	}
	return false;
}

static void
add_extreme(const RustsAgg *agg, RustsAggState *state, int64 int_value,
			double float_value)
{
	RustsExtremeState *extreme = &state->extreme;
	bool		smaller;

	if (!extreme->found)
		smaller = agg->output->agg == RUSTS_AGG_MIN;
	else if (agg->kind == RUSTS_KIND_FLOAT)
		smaller = rusts_float_compare(float_value, extreme->value.f) < 0;
	else
		smaller = int_value < extreme->value.i;
	if (extreme->found && smaller != (agg->output->agg == RUSTS_AGG_MIN))
		return;
	extreme->found = true;
	if (agg->kind == RUSTS_KIND_FLOAT)
		extreme->value.f = float_value;
	else
		extreme->value.i = int_value;
}

static bool
add_variance(RustsAgg *agg, RustsAggState *state, const RustsVector *vector,
			 uint32 from, uint32 to, const uint64 *bits)
{
	uint32		count;
	uint32		row;
	int128		sum;
	int128		squares;
	bool		overflow;

	if (agg->kind == RUSTS_KIND_FLOAT)
	{
		double		fsum;

		rusts_sum_floats(vector->v.floats, from, to, bits, &count, &fsum);
		state->float_variance.nonfinite |= !isfinite(fsum) &&
			any_nonfinite(vector, from, to, bits);
		add_float_variance(&state->float_variance, count, fsum,
						   rusts_sum_squares(vector->v.floats, from, to, bits,
											 fsum / count));
		return true;
	}

	rusts_sum_and_squares_ints(vector->v.ints, from, to, bits, &count, &sum,
							   &squares, &overflow);
	state->int_variance.count += count;
	state->int_variance.sum += sum;
	if (!overflow)
	{
		add_squares(&state->int_variance, (uint128) squares);
		return true;
	}
	for (row = from; row < to; row++)
	{
		int128		v = vector->v.ints[row];

		if (bits == NULL || rusts_bitmap_test(bits, row))
			add_squares(&state->int_variance, (uint128) (v * v));
	}
	return true;
}

/*
 * Two sets of values become one: float8_combine of float.c, after Youngs and
 * Cramer.
 */
static void
add_float_variance(RustsFloatVarianceState *state, double count, double sum,
				   double sum_squares)
{
	double		total = state->count + count;
	double		difference;

	if (state->count == 0)
	{
		state->count = count;
		state->sum = sum;
		state->sum_squares = sum_squares;
		return;
	}
	difference = state->sum / state->count - sum / count;
	state->sum_squares += sum_squares +
		state->count * count * difference * difference / total;
	state->sum += sum;
	state->count = total;
}

static void
add_squares(RustsIntVarianceState *state, uint128 squares)
{
	state->squares_low += squares;
	if (state->squares_low < squares)
		state->squares_high++;
}

/* Rows whose series has the tag. */
static bool
count_tags(RustsAgg *agg, RustsAggState *state, RustsBlockScan *scan,
		   uint32 from, uint32 to, const uint64 *bits)
{
	RustsReader *reader = scan->reader;
	int			tag = scan->columns[agg->column].tag;
	uint32		row = from;

	if (reader->parts->tags[tag].codes == NULL &&
		!rusts_parts_load_tag(reader, tag))
		return false;
	while (row < to)
	{
		uint32		series = rusts_block_scan_series(scan, row);
		uint32		end = Min(to, reader->series_rows[series + 1] -
							  scan->chunk.first_row);

		if (rusts_reader_tag_value(reader, tag, series) != NULL)
			state->count += bits == NULL ? end - row :
				rusts_count_bits(bits, row, end);
		row = end;
	}
	return true;
}

/* Would a row of this time take the place of the one in the state? */
static bool
replaces(const RustsAgg *agg, const RustsRowState *row, int64 time)
{
	return !row->found ||
		(agg->output->agg == RUSTS_AGG_FIRST ? time < row->time :
		 time > row->time);
}

static void
keep_row(const RustsAgg *agg, RustsRowState *row, int64 time, Datum value,
		 bool isnull, MemoryContext cxt)
{
	row->found = true;
	row->time = time;
	row->isnull = isnull;
	if (isnull)
		return;
	if (agg->typbyval)
		row->value = value;
	else
	{
		Size		size = datumGetSize(value, false, agg->typlen);

		if (size > row->buffer_size)
		{
			if (row->buffer_size > 0)
				pfree(DatumGetPointer(row->value));
			row->buffer_size = size;
			row->value = PointerGetDatum(MemoryContextAlloc(cxt, size));
		}
		memcpy(DatumGetPointer(row->value), DatumGetPointer(value), size);
	}
}

static bool
add_row(RustsAgg *agg, RustsAggState *state, RustsBlockScan *scan,
		uint32 from, uint32 to, const uint64 *bits, MemoryContext cxt)
{
	RustsVector *times = rusts_block_scan_vector(scan, agg->time);
	RustsScanColumn *column = &scan->columns[agg->column];
	uint64		scratch[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nrows = to - from;
	uint32		row;
	Datum		value = (Datum) 0;
	bool		isnull = true;

	if (times == NULL)
		return false;

	/* Rows without a time do not count. */
	bits = without_nulls(times, from, to, bits, scratch, &nrows);
	if (nrows == 0)
		return true;
	if (agg->output->agg == RUSTS_AGG_FIRST)
		row = bits == NULL ? from : rusts_next_bit(bits, from, to);
	else
		row = bits == NULL ? to - 1 : rusts_prev_bit(bits, from, to);
	if (row >= to || !replaces(agg, &state->row, times->v.ints[row]))
		return true;

	if (column->tag >= 0)
	{
		const RustsBytes *tag;

		if (!rusts_parts_load_tag(scan->reader, column->tag))
			return false;
		tag = rusts_reader_tag_value(scan->reader, column->tag,
									 rusts_block_scan_series(scan, row));
		isnull = tag == NULL;
		if (!isnull)
			value = PointerGetDatum(tag->data - VARHDRSZ);
	}
	else
	{
		RustsVector *vector = rusts_block_scan_vector(scan, agg->column);

		if (vector == NULL)
			return false;
		value = rusts_vector_datum(vector, row, agg->typlen, &isnull);
	}
	keep_row(agg, &state->row, times->v.ints[row], value, isnull, cxt);
	return true;
}

bool
rusts_agg_add_statistics(RustsAgg *agg, RustsAggState *state,
						 RustsBlockScan *scan, MemoryContext cxt)
{
	RustsScanColumn *column;
	uint32		block = scan->chunk.block;
	uint32		nrows = scan->chunk.block_rows;
	const int64 *nulls;
	const int64 *stat;
	const int64 *times;

	if (agg->output->agg == RUSTS_AGG_COUNT_STAR ||
		(agg->output->agg == RUSTS_AGG_COUNT && agg->not_null))
	{
		state->count += nrows;
		return true;
	}
	column = &scan->columns[agg->column];
	if (column->index >= 0 &&
		scan->reader->parts->columns[column->index].flags &
		RUSTS_COLUMN_ALL_NULL && agg->output->agg != RUSTS_AGG_FIRST &&
		agg->output->agg != RUSTS_AGG_LAST)
		return true;
	if (agg->output->agg == RUSTS_AGG_FIRST ||
		agg->output->agg == RUSTS_AGG_LAST)
	{
		RustsStat	which = agg->output->agg == RUSTS_AGG_FIRST ?
			RUSTS_STAT_FIRST : RUSTS_STAT_LAST;
		Datum		value = (Datum) 0;
		bool		isnull = false;

		/* The time must be there in the row that the statistics are of. */
		nulls = rusts_block_scan_stat(scan, agg->time, RUSTS_STAT_NULLS);
		times = rusts_block_scan_stat(scan, agg->time, which);
		if (nulls == NULL || times == NULL || nulls[block] > 0)
			return false;
		if (!replaces(agg, &state->row, times[block]))
			return true;
		if (column->tag >= 0)
		{
			const RustsBytes *tag;

			if (!rusts_parts_load_tag(scan->reader, column->tag))
				return false;
			tag = rusts_reader_tag_value(scan->reader, column->tag,
										 scan->reader->block_series[block]);
			isnull = tag == NULL;
			if (!isnull)
				value = PointerGetDatum(tag->data - VARHDRSZ);
		}
		else if (column->index < 0)
		{
			value = column->missing;
			isnull = column->missing_null;
		}
		else if (scan->reader->parts->columns[column->index].flags &
				 RUSTS_COLUMN_ALL_NULL)
			isnull = true;
		else
		{
			nulls = rusts_block_scan_stat(scan, agg->column,
										  RUSTS_STAT_NULLS);
			stat = rusts_block_scan_stat(scan, agg->column, which);
			if (nulls == NULL || stat == NULL ||
				(nulls[block] > 0 && nulls[block] < nrows))
				return false;
			isnull = nulls[block] == nrows;

			/* The bits of a float8 are those of its Datum. */
			value = agg->kind == RUSTS_KIND_FLOAT ?
				Int64GetDatum(stat[block]) :
				rusts_int_datum(stat[block], agg->typlen);
		}
		keep_row(agg, &state->row, times[block], value, isnull, cxt);
		return true;
	}

	nulls = rusts_block_scan_stat(scan, agg->column, RUSTS_STAT_NULLS);
	if (nulls == NULL)
		return false;
	if (nulls[block] >= nrows)
		return true;
	switch (agg->output->agg)
	{
		case RUSTS_AGG_COUNT:
			state->count += nrows - nulls[block];
			return true;
		case RUSTS_AGG_SUM:
		case RUSTS_AGG_AVG:
			stat = rusts_block_scan_stat(scan, agg->column, RUSTS_STAT_SUM);
			if (stat == NULL ||
				scan->reader->parts->columns[column->index].flags &
				RUSTS_COLUMN_SUM_OVERFLOW)
				return false;
			if (agg->kind != RUSTS_KIND_FLOAT)
				state->sum.sum.i += stat[block];
			else if (isfinite(((const double *) stat)[block]))
				state->sum.sum.f += ((const double *) stat)[block];
			else
				return false;
			state->sum.count += nrows - nulls[block];
			return true;
		case RUSTS_AGG_MIN:
		case RUSTS_AGG_MAX:
			stat = rusts_block_scan_stat(scan, agg->column,
										 agg->output->agg == RUSTS_AGG_MIN ?
										 RUSTS_STAT_MIN : RUSTS_STAT_MAX);
			if (stat == NULL)
				return false;
			if (agg->kind == RUSTS_KIND_FLOAT)
				add_extreme(agg, state, 0, ((const double *) stat)[block]);
			else
				add_extreme(agg, state, stat[block], 0);
			return true;
		default:
			return false;
	}
}
