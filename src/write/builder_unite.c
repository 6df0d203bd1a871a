/*-------------------------------------------------------------------------
 *
 * builder_unite.c
 *	  Points that were written more than once, in one builder.
 *
 * Line protocol has no keys to declare: a point is known by its tags and its
 * time, and one that is written again adds fields to the one before or
 * replaces their values.  In sorted rows such points are neighbours, in the
 * order they arrived in.  The last one becomes the point: it takes what it
 * lacks from the others, the later ones first.
 *
 * Rows without a time are no points and stay as they are.
 *
 * src/write/builder_unite.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "write/builder.h"

/* What rows of one series are told apart by. */
typedef struct TimeColumns
{
	const RustsColumnBuilder *time;
	const RustsColumnBuilder *ns;	/* NULL if there is none */
} TimeColumns;

static bool is_null(const RustsColumnBuilder *col, uint32 row);
static bool same_time(const TimeColumns *columns, uint32 a, uint32 b);
static uint32 count_duplicates(const TimeColumns *columns,
							   const uint32 *order,
							   const uint32 *series_rows, uint32 nseries);
static void unite_rows(RustsBuilder *builder, const uint32 *rows,
					   uint32 nrows);
static void take_value(RustsBuilder *builder, int column, uint32 from,
					   uint32 to);

void
rusts_builder_unite(RustsBuilder *builder, bool unite, uint32 *order,
					uint32 *series_rows, RustsBatch *batch)
{
	const RustsSchema *schema = builder->schema;
	TimeColumns columns = {&builder->columns[schema->time], NULL};
	uint32		nrows = batch->nrows;
	uint32	   *origins = NULL;
	uint32	   *starts = NULL;
	uint32		in = 0;
	uint32		out = 0;
	uint32		s;

	if (schema->time_ns >= 0)
		columns.ns = &builder->columns[schema->time_ns];
	batch->distinct = count_duplicates(&columns, order, series_rows,
									   batch->nseries) == 0;
	if (!unite || (batch->distinct && !builder->with_origins))
		return;
	if (builder->with_origins)
	{
		origins = MemoryContextAllocHuge(builder->batch_cxt,
										 sizeof(uint32) * nrows);
		starts = MemoryContextAllocHuge(builder->batch_cxt,
										sizeof(uint32) * ((Size) nrows + 1));
		memcpy(origins, order, sizeof(uint32) * nrows);
	}
	for (s = 0; s < batch->nseries; s++)
	{
		uint32		end = in + series_rows[s];
		uint32		first = out;

		while (in < end)
		{
			uint32		next = in + 1;

			while (next < end &&
				   same_time(&columns, order[next - 1], order[next]))
				next++;
			unite_rows(builder, order + in, next - in);
			if (starts != NULL)
				starts[out] = in;
			order[out++] = order[next - 1];
			in = next;
		}
		series_rows[s] = out - first;
	}
	if (starts != NULL)
		starts[out] = in;
	batch->nrows = out;
	batch->distinct = true;
	batch->origins = origins;
	batch->origin_starts = starts;
}

static bool
is_null(const RustsColumnBuilder *col, uint32 row)
{
	return row >= col->nrows || col->values == NULL ||
		(col->nulls != NULL && rusts_bitmap_test(col->nulls, row));
}

static bool
same_time(const TimeColumns *columns, uint32 a, uint32 b)
{
	const RustsColumnBuilder *ns = columns->ns;

	if (is_null(columns->time, a) || is_null(columns->time, b) ||
		((const int64 *) columns->time->values)[a] !=
		((const int64 *) columns->time->values)[b])
		return false;
	if (ns == NULL)
		return true;
	return (is_null(ns, a) ? 0 : ((const int64 *) ns->values)[a]) ==
		(is_null(ns, b) ? 0 : ((const int64 *) ns->values)[b]);
}

static uint32
count_duplicates(const TimeColumns *columns, const uint32 *order,
				 const uint32 *series_rows, uint32 nseries)
{
	uint32		n = 0;
	uint32		s;

	for (s = 0; s < nseries; s++)
	{
		uint32		i;

		for (i = 1; i < series_rows[s]; i++)
			n += same_time(columns, order[i - 1], order[i]);
		order += series_rows[s];
	}
	return n;
}

/* Make the last one of some rows the union of all. */
static void
unite_rows(RustsBuilder *builder, const uint32 *rows, uint32 nrows)
{
	const RustsSchema *schema = builder->schema;
	uint32		to = rows[nrows - 1];
	uint32		i;
	int			c;

	if (nrows == 1)
		return;
	for (c = 0; c < schema->ncolumns; c++)
	{
		if (schema->columns[c].role != RUSTS_ROLE_FIELD)
			continue;
		for (i = nrows - 1; i > 0 && is_null(&builder->columns[c], to); i--)
		{
			if (!is_null(&builder->columns[c], rows[i - 1]))
				take_value(builder, c, rows[i - 1], to);
		}
	}
}

/* A column's value of a row, for a row that has none. */
static void
take_value(RustsBuilder *builder, int column, uint32 from, uint32 to)
{
	RustsColumnBuilder *col = &builder->columns[column];

	/* The row may be one that the column has not reached. */
	if (to >= col->nrows)
		rusts_builder_catch_up(builder, column);
	rusts_bitmap_clear(col->nulls, to);
	col->nnulls--;
	switch (col->kind)
	{
		case RUSTS_KIND_INT:
			((int64 *) col->values)[to] = ((int64 *) col->values)[from];
			break;
		case RUSTS_KIND_FLOAT:
			((double *) col->values)[to] = ((double *) col->values)[from];
			break;
		case RUSTS_KIND_BOOL:
			((uint8 *) col->values)[to] = ((uint8 *) col->values)[from];
			break;
		case RUSTS_KIND_BYTES:
			((RustsBytes *) col->values)[to] =
				((RustsBytes *) col->values)[from];
			break;
	}
}
