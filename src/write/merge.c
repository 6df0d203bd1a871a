/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  Rewrite segments: flush, tiering, VACUUM FULL.
 *
 * Segments are decoded block by block into a builder, in the order of their
 * times, and the builder is stored whenever it is full; so memory is bounded
 * and each output segment spans a short time.
 *
 * Where duplicates are merged it is the order of writing instead, which is
 * nearly the same: points written twice meet in one builder, and are united;
 * or, if there is too much for one, they are united before, as for a reader.
 * Rows written before and after a segment that is not moved and has points of
 * the former do not come together in either way, see write_order.c.
 *
 * A flush is one transaction that deletes the directory rows of the batches
 * it has read and enters those of the segments it has written.  Readers
 * with an older snapshot go on with the old rows.
 *
 * src/write/merge.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/deletion.h"
#include "meta/progress.h"
#include "segment/page_io.h"
#include "segment/reader.h"
#include "segment/rows.h"
#include "vector/aggregate.h"
#include "write/builder.h"
#include "write/duplicates.h"
#include "write/merge.h"
#include "write/mover.h"
#include "write/store.h"
#include "write/write_order.h"

/* A merge's builder is stored before it takes more than this. */
#define MERGE_FULL_BYTES	(128 * 1024 * 1024)

/* Where the rows go. */
typedef struct Target
{
	Relation	rel;
	int16		level;
	Oid			cold_table;		/* or InvalidOid, see cold.h */
} Target;

static void check_deletions(const RustsSegmentEntry *entries,
							uint32 nentries);
static int64 merge_segments(Relation from, const Target *to,
							RustsSegmentEntry *entries, uint32 nentries,
							bool give_way);
static int64 merge_run(Relation from, const Target *to, RustsBuilder *builder,
					   RustsSegmentEntry *entries, uint32 begin, uint32 end,
					   bool merges, bool give_way);
static int	compare_places(const void *a, const void *b);
static void unite_before(Relation from, const RustsSchema *schema,
						 RustsSegmentEntry **entries, uint32 *nentries);
static int	compare_times(const void *a, const void *b);
static void begin_rows(const Target *to, RustsBuilder *builder,
					   const RustsReader *reader);
static bool same_tags(const RustsSchema *schema, const RustsReader *reader);
static bool same_kinds(const RustsSchema *schema, const RustsReader *reader);
static void append_blocks(const Target *to, RustsBuilder *builder,
						  RustsReader *reader, TupleDesc desc);
static void append_rows(const Target *to, RustsBuilder *builder,
						RustsRows *rows, uint32 first, uint32 end);
static void append_vector(RustsBuilder *builder, int column,
						  const RustsVector *vector);
static void append_constant(RustsBuilder *builder, int column, Datum value,
							uint32 n);
static void store_if_full(const Target *to, RustsBuilder *builder,
						  uint32 more);

int64
rusts_merge_active(Relation rel, bool give_way)
{
	Snapshot	snapshot;
	RustsSegmentEntry *entries;
	uint32		nentries;
	int64		nrows;

	if (!rusts_mover_lock(rel, !give_way))
		return 0;
	snapshot = rusts_merge_snapshot();
	PushActiveSnapshot(snapshot);
	entries = rusts_directory_load(rusts_storage_id(rel), RUSTS_LEVEL_ACTIVE,
								   snapshot, &nentries);
	nentries = rusts_merge_leave_own(rel, entries, nentries);
	nrows = rusts_merge_entries(rel, entries, nentries, RUSTS_LEVEL_HOT,
								InvalidOid, give_way);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

Snapshot
rusts_merge_snapshot(void)
{
	/*
	 * With a snapshot for the whole transaction, batches that it does not see
	 * must stay unseen, so they are not touched.
	 */
	return RegisterSnapshot(IsolationUsesXactSnapshot() ?
							GetTransactionSnapshot() : GetLatestSnapshot());
}

uint32
rusts_merge_leave_own(Relation rel, RustsSegmentEntry *entries,
					  uint32 nentries)
{
	uint32		n = 0;
	uint32		i;

	if (rel->trigdesc == NULL || !rel->trigdesc->trig_insert_after_row)
		return nentries;
	for (i = 0; i < nentries; i++)
	{
		if (!entries[i].own)
			entries[n++] = entries[i];
	}
	return n;
}

int64
rusts_merge_entries(Relation rel, RustsSegmentEntry *entries, uint32 nentries,
					int16 level, Oid cold_table, bool give_way)
{
	Target		to = {.rel = rel, .level = level, .cold_table = cold_table};
	int64		nrows;
	uint32		i;

	if (nentries == 0)
		return 0;
	if (IsolationUsesXactSnapshot())
		check_deletions(entries, nentries);
	for (i = 0; i < nentries && level == RUSTS_LEVEL_COLD; i++)
	{
		if (!OidIsValid(to.cold_table))
			to.cold_table = entries[i].cold_table;
	}
	nrows = merge_segments(rel, &to, entries, nentries, give_way);
	for (i = 0; i < nentries && nrows >= 0; i++)
		rusts_directory_delete(&entries[i]);
	return nrows;
}

/*
 * Rows that others have deleted since the transaction's snapshot was taken
 * would be back if they were moved with it.
 */
static void
check_deletions(const RustsSegmentEntry *entries, uint32 nentries)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Size		size = sizeof(RustsSegmentEntry) * nentries;
	RustsSegmentEntry *seen = MemoryContextAllocHuge(CurrentMemoryContext,
													 size);
	RustsSegmentEntry *latest = MemoryContextAllocHuge(CurrentMemoryContext,
													   size);
	uint32		i;

	/* Notes are looked up by segment; the entries come in any order. */
	memcpy(seen, entries, size);
	rusts_entries_sort(seen, nentries);
	for (i = 0; i < nentries; i++)
	{
		latest[i] = seen[i];
		latest[i].deleted = NULL;
		latest[i].ndeleted = 0;
	}
	rusts_deletions_load(seen[0].storage_id, snapshot, latest, nentries);
	for (i = 0; i < nentries; i++)
	{
		if (latest[i].ndeleted != seen[i].ndeleted)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent delete")));
	}
	pfree(latest);
	pfree(seen);
	UnregisterSnapshot(snapshot);
}

int64
rusts_merge_into(Relation from, Relation to)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		begin;
	uint32		end;
	int64		nrows = 0;

	PushActiveSnapshot(snapshot);
	entries = rusts_directory_load(rusts_storage_id(from), -1, snapshot,
								   &nentries);

	/* The places are gone through one by one, and points may be in two. */
	rusts_duplicates_resolve(from, RelationGetDescr(from),
							 rusts_schema_build(from), snapshot, PG_INT64_MIN,
							 PG_INT64_MAX, &entries, &nentries);
	if (nentries > 0)
		qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_places);
	for (begin = 0; begin < nentries; begin = end)
	{
		Target		target = {.rel = to};

		target.level = Max(entries[begin].level, RUSTS_LEVEL_HOT);
		target.cold_table = entries[begin].cold_table;
		for (end = begin + 1; end < nentries; end++)
		{
			if (compare_places(&entries[begin], &entries[end]) != 0)
				break;
		}
		nrows += merge_segments(from, &target, entries + begin, end - begin,
								false);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

/* Cold ones after the others, and those of a tablespace together. */
static int
compare_places(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;
	bool		left_cold = left->level == RUSTS_LEVEL_COLD;
	bool		right_cold = right->level == RUSTS_LEVEL_COLD;

	if (left_cold != right_cold)
		return left_cold ? 1 : -1;
	return (left->cold_table > right->cold_table) -
		(left->cold_table < right->cold_table);
}

static int64
merge_segments(Relation from, const Target *to, RustsSegmentEntry *entries,
			   uint32 nentries, bool give_way)
{
	MemoryContext merge_cxt = AllocSetContextCreate(CurrentMemoryContext,
													"rusts merge",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(merge_cxt);
	RustsSchema *schema = rusts_schema_build(from);
	RustsBuilder *builder = rusts_builder_create(merge_cxt, schema);
	bool		merges = schema->merges && from == to->rel;
	int64	   *unmoved = NULL;
	uint32		nunmoved = 0;
	int64		nrows = 0;
	uint32		begin;
	uint32		end;

	if (merges)
	{
		qsort(entries, nentries, sizeof(RustsSegmentEntry),
			  rusts_compare_orders);
		unmoved = rusts_unmoved_writes(from, schema, entries, nentries,
									   &nunmoved);
	}
	else
		qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_times);
	rusts_progress_phase("merging segments", nentries);

	/* What somebody else has written in between keeps its place. */
	for (begin = 0; begin < nentries && nrows >= 0; begin = end)
	{
		int64		run_rows;

		for (end = begin + 1; end < nentries; end++)
		{
			if (rusts_write_overtaken(entries[end - 1].write_order,
									  entries[end].write_order, unmoved,
									  nunmoved))
				break;
		}
		run_rows = merge_run(from, to, builder, entries, begin, end, merges,
							 give_way);
		nrows = run_rows < 0 ? run_rows : nrows + run_rows;
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(merge_cxt);
	return nrows;
}

/*
 * Merge those from begin to end, whose rows may come together.  Points written
 * twice are united among these only.
 */
static int64
merge_run(Relation from, const Target *to, RustsBuilder *builder,
		  RustsSegmentEntry *entries, uint32 begin, uint32 end, bool merges,
		  bool give_way)
{
	const RustsSchema *schema = builder->schema;
	uint32		nentries = end - begin;
	int64		nrows = 0;
	uint32		i;

	entries += begin;
	if (merges)
		unite_before(from, schema, &entries, &nentries);
	for (i = 0; i < nentries; i++)
	{
		RustsReader *reader;

		CHECK_FOR_INTERRUPTS();
		rusts_progress_done(Min(begin + i, end));
		if (give_way &&
			LockHasWaitersRelation(from, ShareUpdateExclusiveLock))
			return -1;
		rusts_deletions_read(&entries[i], GetActiveSnapshot());
		reader = rusts_reader_open(from, &entries[i], false, false, NULL);
		nrows += rusts_entry_rows(&entries[i]);
		if (same_tags(schema, reader) && same_kinds(schema, reader))
			append_blocks(to, builder, reader, RelationGetDescr(from));
		else
			append_rows(to, builder,
						rusts_rows_begin(reader, RelationGetDescr(from)),
						0, reader->nrows);
		rusts_reader_close(reader);
	}
	rusts_store_moved(to->rel, builder, to->level, to->cold_table,
					  GetCurrentCommandId(true));
	rusts_builder_reset(builder);
	return nrows;
}

/* By time, then in the order of arrival. */
static int
compare_times(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->min_time != right->min_time)
		return left->min_time < right->min_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/*
 * Where the rows will not meet in one builder, points written twice have to be
 * found before.  Entries are, and stay, in the order of writing.
 */
static void
unite_before(Relation from, const RustsSchema *schema,
			 RustsSegmentEntry **entries, uint32 *nentries)
{
	int64		bytes = 0;
	uint32		i;

	for (i = 0; i < *nentries; i++)
		bytes += (*entries)[i].raw_bytes;
	if (bytes < MERGE_FULL_BYTES / 4)
		return;
	rusts_entries_sort(*entries, *nentries);
	rusts_duplicates_resolve(from, RelationGetDescr(from), schema,
							 GetActiveSnapshot(), PG_INT64_MIN, PG_INT64_MAX,
							 entries, nentries);
	qsort(*entries, *nentries, sizeof(RustsSegmentEntry),
		  rusts_compare_orders);
}

/*
 * Rows of a segment are about to be appended.  In another storage rows are as
 * new as they come.
 */
static void
begin_rows(const Target *to, RustsBuilder *builder, const RustsReader *reader)
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
append_blocks(const Target *to, RustsBuilder *builder,
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
		uint32		s = reader->block_series[b];
		uint32		before = builder->nrows;
		uint32		row;

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

		for (row = first; row < end; s++)
		{
			uint32		stop = Min(end, reader->series_rows[s + 1]);

			if (series[s] == PG_UINT32_MAX)
			{
				for (c = 0; c < reader->ntags; c++)
				{
					const RustsBytes *tag = rusts_reader_tag_value(reader, c,
																   s);

					tags[c] = tag != NULL ? *tag : (RustsBytes) {NULL, 0};
				}
				series[s] = rusts_builder_series(builder, tags);
			}
			for (; row < stop; row++)
				builder->series_of[builder->nrows + row - first] = series[s];
		}
		for (c = 0; c < schema->ncolumns; c++)
		{
			const RustsColumn *column = &schema->columns[c];

			if (column->role == RUSTS_ROLE_TAG)
				continue;
			if (sources[c] >= 0)
			{
				rusts_reader_decode(reader, sources[c], b, column->typlen,
									vector);
				append_vector(builder, c, vector);
			}
			else
			{
				bool		isnull;
				Datum		value = getmissingattr(desc, column->attno,
												   &isnull);

				if (!isnull)
					append_constant(builder, c, value, end - first);
			}
		}
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
append_rows(const Target *to, RustsBuilder *builder, RustsRows *rows,
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
store_if_full(const Target *to, RustsBuilder *builder, uint32 more)
{
	if (builder->bytes < MERGE_FULL_BYTES &&
		(builder->nrows + more <= builder->capacity ||
		 builder->bytes < MERGE_FULL_BYTES / 2))
		return;
	rusts_store_moved(to->rel, builder, to->level, to->cold_table,
						  GetCurrentCommandId(true));
	rusts_builder_reset(builder);
}
