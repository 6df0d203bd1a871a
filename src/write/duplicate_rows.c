/*-------------------------------------------------------------------------
 *
 * duplicate_rows.c
 *	  United rows of points that lie in several segments.
 *
 * The rows of such points are read from their segments in the order they
 * were written in, united by a builder as a flush would, and encoded as a
 * flush would.  So readers meet nothing they do not know: a segment some rows
 * of which are deleted, and one more segment.  That one has row numbers
 * which no row of a storage gets; who has changed a united row can ask for
 * the numbers of its sources until the end of the transaction.
 *
 * src/write/duplicate_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "meta/settings.h"
#include "meta/tid.h"
#include "segment/rows.h"
#include "segment/writer.h"
#include "write/builder.h"
#include "write/duplicates_internal.h"

/* Rows of about this number are united at once, all of a time together. */
#define MAX_UNITED_ROWS		131072

/* A row to be united with others. */
typedef struct Source
{
	uint32		suspect;
	uint32		row;
} Source;

typedef struct Union
{
	RustsDupQuery *query;
	RustsDupResult *result;
	uint32	   *suspect_of;		/* [nsegments] or RUSTS_NO_INDEX */
	RustsDupMask *masks;		/* [nsuspects] bits: NULL for none */
	uint32		nsources;
	uint32		max_sources;
	Source	   *sources;
	uint32		max_united;
} Union;

/* What rows the rows of a segment in memory were made of. */
typedef struct Origins
{
	dlist_node	node;			/* in all_origins */
	int64		storage_id;
	int64		first_row;
	uint32		nrows;
	uint32	   *starts;			/* [nrows + 1] in rows */
	int64	   *rows;
	MemoryContextCallback forget;
} Origins;

static dlist_head all_origins = DLIST_STATIC_INIT(all_origins);

/* The next number for a united row. */
static int64 next_row = RUSTS_MAX_ROW;

static void take_point(Union *un, uint32 point);
static void make_segment(Union *un);
static void append_sources(Union *un, RustsBuilder *builder, int64 *numbers);
static RustsSegmentEntry *encode(Union *un, RustsBatch *batch);
static int64 reserve_rows(uint32 nrows);
static void keep_origins(RustsDupResult *result,
						 const RustsSegmentEntry *entry,
						 const RustsBatch *batch, const int64 *numbers);
static void forget_origins(void *arg);
static void release_result(void *arg);

RustsDupResult *
rusts_dup_unite(RustsDupQuery *query, uint32 first, uint32 end)
{
	const RustsDupStorage *storage = query->storage;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "rusts united rows",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(cxt);
	Union		un = {.query = query};
	RustsDupResult *result = palloc0_object(RustsDupResult);
	uint32		i;

	result->cxt = cxt;
	result->origins_cxt = AllocSetContextCreate(cxt, "rusts row origins",
												ALLOCSET_DEFAULT_SIZES);
	un.result = result;
	un.masks = palloc0_array(RustsDupMask, query->nsuspects);
	un.suspect_of = MemoryContextAllocHuge(cxt, sizeof(uint32) *
										   (Size) storage->nsegments);
	memset(un.suspect_of, 0xff, sizeof(uint32) * (Size) storage->nsegments);
	for (i = 0; i < query->nsuspects; i++)
		un.suspect_of[query->suspects[i].segment] = i;

	for (i = first; i < end; i++)
	{
		const RustsDupPoint *point = &storage->points[storage->by_time[i]];

		if (un.nsources >= MAX_UNITED_ROWS &&
			point->time != storage->points[storage->by_time[i - 1]].time)
			make_segment(&un);
		take_point(&un, storage->by_time[i]);
	}
	make_segment(&un);

	for (i = 0; i < query->nsuspects; i++)
	{
		if (un.masks[i].bits == NULL)
			continue;
		un.masks[i].nbits =
			rusts_bitmap_count(un.masks[i].bits,
							   query->suspects[i].entry->nrows);
		un.masks[result->nmasks++] = un.masks[i];
	}
	result->masks = un.masks;
	pfree(un.suspect_of);
	if (un.sources != NULL)
		pfree(un.sources);
	MemoryContextSwitchTo(old_cxt);
	return result;
}

/* Hide the rows of a point, if there are several, and list them. */
static void
take_point(Union *un, uint32 point)
{
	const RustsDupQuery *query = un->query;
	const RustsDupStorage *storage = query->storage;
	uint32		before = un->nsources;
	uint32		m;
	uint32		i;

	for (m = storage->points[point].members; m != RUSTS_NO_INDEX;
		 m = storage->members[m].next)
	{
		const RustsDupMember *member = &storage->members[m];
		uint32		suspect = un->suspect_of[member->segment];
		const uint64 *deleted;

		if (suspect == RUSTS_NO_INDEX)
			continue;
		deleted = query->suspects[suspect].entry->deleted;
		if (deleted != NULL && rusts_bitmap_test(deleted, member->row))
			continue;
		if (un->nsources == un->max_sources)
		{
			un->max_sources = Max(un->max_sources * 2, 64);
			un->sources = un->sources == NULL ?
				palloc_array(Source, un->max_sources) :
				repalloc_huge(un->sources,
							  sizeof(Source) * (Size) un->max_sources);
		}
		un->sources[un->nsources].suspect = suspect;
		un->sources[un->nsources++].row = member->row;
	}
	if (un->nsources == before + 1)
		un->nsources = before;
	for (i = before; i < un->nsources; i++)
	{
		const RustsSegmentEntry *entry =
			query->suspects[un->sources[i].suspect].entry;
		RustsDupMask *mask = &un->masks[un->sources[i].suspect];

		if (mask->bits == NULL)
		{
			Size		size = sizeof(uint64) *
				RUSTS_BITMAP_WORDS((Size) entry->nrows);

			mask->segment_id = entry->segment_id;
			mask->bits = MemoryContextAllocHuge(CurrentMemoryContext, size);
			memset(mask->bits, 0, size);
		}
		rusts_bitmap_set(mask->bits, un->sources[i].row);
	}
}

/* In the order of writing. */
static int
compare_sources(const void *a, const void *b, void *arg)
{
	const RustsDupSuspect *suspects = arg;
	const Source *left = a;
	const Source *right = b;
	int64		left_order = suspects[left->suspect].entry->write_order;
	int64		right_order = suspects[right->suspect].entry->write_order;

	if (left_order != right_order)
		return left_order < right_order ? -1 : 1;
	if (left->suspect != right->suspect)
		return left->suspect < right->suspect ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

/* Make a segment of the points listed, and begin a new list. */
static void
make_segment(Union *un)
{
	RustsDupQuery *query = un->query;
	MemoryContext work_cxt;
	MemoryContext result_cxt;
	RustsBuilder *builder;
	int64	   *numbers;

	if (un->nsources == 0)
		return;
	qsort_arg(un->sources, un->nsources, sizeof(Source), compare_sources,
			  query->suspects);
	work_cxt = AllocSetContextCreate(CurrentMemoryContext,
									 "rusts uniting rows",
									 ALLOCSET_DEFAULT_SIZES);
	result_cxt = MemoryContextSwitchTo(work_cxt);
	numbers = MemoryContextAllocHuge(work_cxt, sizeof(int64) *
									 (Size) un->nsources);
	builder = rusts_builder_create(work_cxt, query->schema);
	builder->with_origins = true;
	append_sources(un, builder, numbers);

	/* There are none if all are in segments that are corrupt. */
	if (builder->nrows > 0)
	{
		RustsBatch	batch;
		RustsSegmentEntry *entry;

		rusts_builder_sort(builder, true, &batch);
		MemoryContextSwitchTo(result_cxt);
		entry = encode(un, &batch);
		keep_origins(un->result, entry, &batch, numbers);
	}
	MemoryContextSwitchTo(result_cxt);
	MemoryContextDelete(work_cxt);
	un->nsources = 0;
}

/* Read the rows listed; numbers[] gets their row numbers. */
static void
append_sources(Union *un, RustsBuilder *builder, int64 *numbers)
{
	RustsDupQuery *query = un->query;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(query->desc,
													&TTSOpsVirtual);
	uint32		i = 0;

	while (i < un->nsources)
	{
		uint32		suspect = un->sources[i].suspect;
		const RustsSegmentEntry *entry = query->suspects[suspect].entry;
		RustsReader *reader = rusts_reader_open(query->rel, entry,
												rusts_skip_corrupt_segments,
												!rusts_skip_corrupt_segments,
												NULL);
		MemoryContext old_cxt = MemoryContextSwitchTo(reader->segment_cxt);
		RustsRows  *rows = NULL;

		CHECK_FOR_INTERRUPTS();
		if (!reader->corrupt)
			rows = rusts_rows_begin(reader, query->desc);
		for (; i < un->nsources && un->sources[i].suspect == suspect; i++)
		{
			uint32		row = un->sources[i].row;

			if (reader->corrupt)
				continue;
			ExecClearTuple(slot);
			if (!rusts_rows_fill(rows, row, slot->tts_values,
								 slot->tts_isnull))
				continue;
			ExecStoreVirtualTuple(slot);
			numbers[builder->nrows] = entry->segment_id +
				rusts_reader_tid_row(reader, row);
			rusts_builder_put_slot(builder, slot);
		}
		MemoryContextSwitchTo(old_cxt);
		rusts_reader_close(reader);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* The entry of a segment in memory. */
static RustsSegmentEntry *
encode(Union *un, RustsBatch *batch)
{
	RustsDupResult *result = un->result;
	const RustsDupSuspect *last =
		&un->query->suspects[un->sources[un->nsources - 1].suspect];
	RustsSegmentEntry *entry;
	RustsImage	image;

	rusts_segment_encode(batch, RUSTS_EFFORT_HOT, true, &image);
	if (result->nunited == un->max_united)
	{
		un->max_united = Max(un->max_united * 2, 4);
		result->united = result->united == NULL ?
			palloc_array(RustsSegmentEntry, un->max_united) :
			repalloc_array(result->united, RustsSegmentEntry,
						   un->max_united);
	}
	entry = &result->united[result->nunited++];
	memset(entry, 0, sizeof(*entry));
	entry->storage_id = un->query->storage->storage_id;
	entry->segment_id = reserve_rows(batch->nrows);
	entry->bytes = image.len;
	entry->raw_bytes = image.raw_bytes;
	entry->min_time = image.min_time;
	entry->max_time = image.max_time;
	entry->time_partition = RUSTS_NO_TIME;
	entry->write_order = last->entry->write_order;
	entry->nrows = batch->nrows;
	entry->level = RUSTS_LEVEL_ACTIVE;
	entry->first_block = InvalidBlockNumber;
	entry->tag_filter = image.tag_filter;
	entry->tag_filter_len = image.tag_filter_len;
	entry->payload = rusts_image_payload(&image);
	if (entry->payload == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("points of measurement \"%s\" that were written twice are too large to be united",
						RelationGetRelationName(un->query->rel)),
				 errhint("VACUUM FULL unites them for good.")));
	return entry;
}

/* After so many that the oldest are long forgotten, begin anew. */
static int64
reserve_rows(uint32 nrows)
{
	int64		first;

	if (next_row > RUSTS_MAX_UNITED_ROW - nrows)
		next_row = RUSTS_MAX_ROW;
	first = next_row;
	next_row += nrows;
	return first;
}

static void
keep_origins(RustsDupResult *result, const RustsSegmentEntry *entry,
			 const RustsBatch *batch, const int64 *numbers)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(result->origins_cxt);
	Origins    *origins = palloc_object(Origins);
	uint32		n = batch->origin_starts[batch->nrows];
	uint32		i;

	origins->storage_id = entry->storage_id;
	origins->first_row = entry->segment_id;
	origins->nrows = entry->nrows;
	origins->starts = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(uint32) *
											 ((Size) batch->nrows + 1));
	memcpy(origins->starts, batch->origin_starts,
		   sizeof(uint32) * ((Size) batch->nrows + 1));
	origins->rows = MemoryContextAllocHuge(CurrentMemoryContext,
										   sizeof(int64) * (Size) n);
	for (i = 0; i < n; i++)
		origins->rows[i] = numbers[batch->origins[i]];
	dlist_push_head(&all_origins, &origins->node);
	origins->forget.func = forget_origins;
	origins->forget.arg = origins;
	MemoryContextRegisterResetCallback(result->origins_cxt, &origins->forget);
	MemoryContextSwitchTo(old_cxt);
}

/* Their memory is going away. */
static void
forget_origins(void *arg)
{
	Origins    *origins = arg;

	dlist_delete(&origins->node);
}

void
rusts_dup_forget_result(RustsDupResult *result)
{
	/* Somebody may still change rows he has got. */
	MemoryContextSetParent(result->origins_cxt, TopTransactionContext);
	result->forgotten = true;
	if (result->nusers > 0)
		MemoryContextSetParent(result->cxt, TopMemoryContext);
	else
		MemoryContextDelete(result->cxt);
}

/* Use a result as long as the current memory context lives. */
void
rusts_dup_use_result(RustsDupResult *result)
{
	MemoryContextCallback *callback = palloc_object(MemoryContextCallback);

	callback->func = release_result;
	callback->arg = result;
	result->nusers++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static void
release_result(void *arg)
{
	RustsDupResult *result = arg;

	if (--result->nusers == 0 && result->forgotten)
		MemoryContextDelete(result->cxt);
}

bool
rusts_duplicates_sources(int64 storage_id, int64 row, const int64 **rows,
						 uint32 *nrows)
{
	dlist_iter	iter;

	dlist_foreach(iter, &all_origins)
	{
		const Origins *origins = dlist_container(Origins, node, iter.cur);
		uint32		at;

		if (origins->storage_id != storage_id || row < origins->first_row ||
			row >= origins->first_row + origins->nrows)
			continue;
		at = row - origins->first_row;
		*rows = origins->rows + origins->starts[at];
		*nrows = origins->starts[at + 1] - origins->starts[at];
		return true;
	}
	return false;
}
