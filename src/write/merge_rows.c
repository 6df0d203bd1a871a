/*-------------------------------------------------------------------------
 *
 * merge_rows.c
 *	  The rows of a segment that is merged, into a builder.
 *
 * A segment whose tags and kinds of columns are those of today is appended
 * block by block: arrays of values are copied, and each series is looked up
 * once.  Blocks with deleted rows, and segments that are otherwise, go row by
 * row.
 *
 * src/write/merge_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "segment/rows.h"
#include "vector/aggregate.h"
#include "write/merge_internal.h"
#include "write/store.h"

static void begin_rows(const RustsMergeTarget *to, RustsBuilder *builder,
					   const RustsReader *reader);
static bool same_tags(const RustsSchema *schema, const RustsReader *reader);
static bool same_kinds(const RustsSchema *schema, const RustsReader *reader);
static void append_blocks(const RustsMergeTarget *to, RustsBuilder *builder,
						  RustsReader *reader, TupleDesc desc);
static void append_rows(const RustsMergeTarget *to, RustsBuilder *builder,
						RustsRows *rows, uint32 first, uint32 end);
static void append_series(RustsBuilder *builder, RustsReader *reader,
						  uint32 block, uint32 *series, RustsBytes *tags);
static void append_columns(RustsBuilder *builder, RustsReader *reader,
						   uint32 block, const int *sources,
						   RustsVector *vector, TupleDesc desc);
static void append_vector(RustsBuilder *builder, int column,
						  const RustsVector *vector);
static void append_constant(RustsBuilder *builder, int column, Datum value,
							uint32 n);
static void store_if_full(const RustsMergeTarget *to, RustsBuilder *builder,
						  uint32 more);

void
rusts_merge_append(const RustsMergeTarget *to, RustsBuilder *builder,
				   RustsReader *reader)
{
	const RustsSchema *schema = builder->schema;
	TupleDesc	desc = RelationGetDescr(reader->rel);

	if (same_tags(schema, reader) && same_kinds(schema, reader))
		append_blocks(to, builder, reader, desc);
	else
		append_rows(to, builder, rusts_rows_begin(reader, desc), 0,
					reader->nrows);
}

void
rusts_merge_store(const RustsMergeTarget *to, RustsBuilder *builder)
{
	rusts_store_moved(to->rel, builder, to->level, to->cold_table,
					  GetCurrentCommandId(true));
	rusts_builder_reset(builder);
}

/*
 * Rows of a segment are about to be appended.  In another storage rows are as
 * new as they come.
 */
static void
begin_rows(const RustsMergeTarget *to, RustsBuilder *builder,
		   const RustsReader *reader)
{
	if (to->rel == reader->rel)
		builder->write_order = Max(builder->write_order,
								   reader->entry.write_order);
}

/* Were the segment's tags the same columns that are tags now? */
static bool
same_tags(const RustsSchema *schema, const RustsReader *reader)
{
	int			i;

	if (schema->ntags != reader->ntags)
		return false;
	for (i = 0; i < schema->ntags; i++)
	{
		if (schema->columns[schema->tags[i]].attno !=
			reader->parts->tags[i].attno)
			return false;
	}
	return true;
}

/*
 * Were the segment's columns of the kinds that they are now?  A type and a
 * domain over it may be of different kinds, and ALTER TYPE rewrites nothing
 * then.
 */
static bool
same_kinds(const RustsSchema *schema, const RustsReader *reader)
{
	int			from = 0;
	int			i;

	for (i = 0; i < schema->ncolumns; i++)
	{
		int			column = rusts_reader_column(reader,
												 schema->columns[i].attno,
												 &from);

		if (column >= 0 &&
			reader->parts->columns[column].kind != schema->columns[i].kind)
			return false;
	}
	return true;
}

/* Append a segment block by block. */
static void
append_blocks(const RustsMergeTarget *to, RustsBuilder *builder,
			  RustsReader *reader, TupleDesc desc)
{
	const RustsSchema *schema = builder->schema;
	RustsVector *vector = rusts_vector_create();
	RustsRows  *rows = NULL;
	const uint64 *deleted = reader->entry.deleted;
	uint32	   *series = NULL;
	int		   *sources = palloc_array(int, Max(schema->ncolumns, 1));
	RustsBytes *tags = palloc_array(RustsBytes, Max(schema->ntags, 1));
	int			from = 0;
	uint32		b;
	int			c;

	for (c = 0; c < schema->ncolumns; c++)
		sources[c] = rusts_reader_column(reader, schema->columns[c].attno,
										 &from);
	for (c = 0; c < reader->ntags; c++)
		(void) rusts_parts_load_tag(reader, c);

	for (b = 0; b < reader->nblocks; b++)
	{
		uint32		first = reader->block_rows[b];
		uint32		end = reader->block_rows[b + 1];
		uint32		before = builder->nrows;

		CHECK_FOR_INTERRUPTS();
		if (deleted != NULL && rusts_next_bit(deleted, first, end) < end)
		{
			if (rows == NULL)
				rows = rusts_rows_begin(reader, desc);
			append_rows(to, builder, rows, first, end);

			/* The builder may have been reset in there. */
			if (series != NULL)
				pfree(series);
			series = NULL;
			continue;
		}
		store_if_full(to, builder, end - first);
		begin_rows(to, builder, reader);
		if (series == NULL || builder->nrows < before)
		{
			uint32		i;

			/* Series numbers are gone when the builder was reset. */
			if (series == NULL)
				series = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(uint32) *
												reader->nseries);
			for (i = 0; i < reader->nseries; i++)
				series[i] = PG_UINT32_MAX;
		}
		while (builder->capacity < builder->nrows + (end - first))
			rusts_builder_grow(builder);

		append_series(builder, reader, b, series, tags);
		append_columns(builder, reader, b, sources, vector, desc);
		builder->nrows += end - first;
	}
	pfree(sources);
	pfree(tags);
	if (vector->arena_cxt != NULL)
		MemoryContextDelete(vector->arena_cxt);
	pfree(vector);
	if (series != NULL)
		pfree(series);
}

/*
 * The series of a block's rows, which are about to be appended.  series[] has
 * the builder's numbers of the reader's series, or PG_UINT32_MAX; tags is
 * room for one value of each tag.
 */
static void
append_series(RustsBuilder *builder, RustsReader *reader, uint32 block,
			  uint32 *series, RustsBytes *tags)
{
	uint32		first = reader->block_rows[block];
	uint32		end = reader->block_rows[block + 1];
	uint32		s = reader->block_series[block];
	uint32		row;
	int			c;

	for (row = first; row < end; s++)
	{
		uint32		stop = Min(end, reader->series_rows[s + 1]);

		if (series[s] == PG_UINT32_MAX)
		{
			for (c = 0; c < reader->ntags; c++)
			{
				const RustsBytes *tag = rusts_reader_tag_value(reader, c, s);

				tags[c] = tag != NULL ? *tag : (RustsBytes) {NULL, 0};
			}
			series[s] = rusts_builder_series(builder, tags);
		}
		for (; row < stop; row++)
			builder->series_of[builder->nrows + row - first] = series[s];
	}
}

/*
 * The other columns of these rows; sources[] has the reader's column, or -1,
 * for each of the builder's.
 */
static void
append_columns(RustsBuilder *builder, RustsReader *reader, uint32 block,
			   const int *sources, RustsVector *vector, TupleDesc desc)
{
	const RustsSchema *schema = builder->schema;
	uint32		nrows = reader->block_rows[block + 1] -
		reader->block_rows[block];
	int			c;

	for (c = 0; c < schema->ncolumns; c++)
	{
		const RustsColumn *column = &schema->columns[c];

		if (column->role == RUSTS_ROLE_TAG)
			continue;
		if (sources[c] >= 0)
		{
			rusts_reader_decode(reader, sources[c], block, column->typlen,
								vector);
			append_vector(builder, c, vector);
		}
		else
		{
			bool		isnull;
			Datum		value = getmissingattr(desc, column->attno, &isnull);

			if (!isnull)
				append_constant(builder, c, value, nrows);
		}
	}
}

/* Append values of a block to a column; the block has begun at nrows. */
static void
append_vector(RustsBuilder *builder, int column, const RustsVector *vector)
{
	RustsColumnBuilder *col = &builder->columns[column];
	uint32		start = builder->nrows;
	uint32		i;

	if (vector->nnulls == vector->nrows)
		return;
	rusts_builder_catch_up(builder, column);
	switch (vector->kind)
	{
		case RUSTS_KIND_INT:
			memcpy((int64 *) col->values + start, vector->v.ints,
				   sizeof(int64) * vector->nrows);
			break;
		case RUSTS_KIND_FLOAT:
			memcpy((double *) col->values + start, vector->v.floats,
				   sizeof(double) * vector->nrows);
			break;
		case RUSTS_KIND_BOOL:
			memcpy((uint8 *) col->values + start, vector->v.bools,
				   vector->nrows);
			break;
		case RUSTS_KIND_BYTES:
			{
				RustsBytes *values = (RustsBytes *) col->values + start;

				for (i = 0; i < vector->v.bytes.ndistinct; i++)
					vector->v.bytes.distinct[i].data =
						rusts_builder_copy_bytes(builder,
												 vector->v.bytes.distinct[i]);
				for (i = 0; i < vector->nrows; i++)
				{
					if (vector->nnulls > 0 &&
						rusts_bitmap_test(vector->nulls, i))
						memset(&values[i], 0, sizeof(RustsBytes));
					else
						values[i] =
							vector->v.bytes.distinct[vector->v.bytes.index[i]];
				}
				break;
			}
	}
	col->nrows = start + vector->nrows;
	if (vector->nnulls > 0)
	{
		rusts_builder_want_nulls(builder, column);
		for (i = 0; i < vector->nrows; i++)
		{
			if (rusts_bitmap_test(vector->nulls, i))
				rusts_bitmap_set(col->nulls, start + i);
		}
		col->nnulls += vector->nnulls;
	}
}

/* Append the default of a column that is younger than the segment. */
static void
append_constant(RustsBuilder *builder, int column, Datum value, uint32 n)
{
	uint32		start = builder->nrows;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		builder->nrows = start + i;
		rusts_builder_put_datum(builder, column, value);
	}
	builder->nrows = start;
}

/*
 * Append rows of a segment one by one, without those that are deleted: for
 * their sake, or because the segment's series or values are not those the
 * builder makes, since tags were labelled otherwise or types were others then.
 */
static void
append_rows(const RustsMergeTarget *to, RustsBuilder *builder, RustsRows *rows,
			uint32 first, uint32 end)
{
	const uint64 *deleted = rows->reader->entry.deleted;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(rows->desc,
													&TTSOpsVirtual);
	uint32		row;

	for (row = first; row < end; row++)
	{
		if (deleted != NULL && rusts_bitmap_test(deleted, row))
			continue;
		ExecClearTuple(slot);
		rusts_rows_fill(rows, row, slot->tts_values, slot->tts_isnull);
		ExecStoreVirtualTuple(slot);
		store_if_full(to, builder, 1);
		begin_rows(to, builder, rows->reader);
		rusts_builder_put_slot(builder, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Store the builder's rows if some more would be too many. */
static void
store_if_full(const RustsMergeTarget *to, RustsBuilder *builder, uint32 more)
{
	if (builder->bytes < RUSTS_MERGE_FULL_BYTES &&
		(builder->nrows + more <= builder->capacity ||
		 builder->bytes < RUSTS_MERGE_FULL_BYTES / 2))
		return;
	rusts_merge_store(to, builder);
}
