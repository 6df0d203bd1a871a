/*-------------------------------------------------------------------------
 *
 * retain.c
 *	  Drop rows that are past their limit.
 *
 * Segments are cut at the borders of time partitions, so in the course of
 * time every one is past the limit as a whole, and dropping it is deleting a
 * row of the directory: what that takes does not depend on the number of rows.
 * Only where a segment reaches far beyond the limit, because partitions are
 * longer than the limit or were once, is it written anew without the old
 * rows.
 *
 * src/write/retain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/directory.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "segment/reader.h"
#include "segment/rows.h"
#include "write/builder.h"
#include "write/retain.h"
#include "write/store.h"

static bool is_past(const RustsSegmentEntry *entry, int64 before,
					bool all_have_times);
static RustsSegmentEntry *find_younger(const RustsSegmentEntry *entry,
									   int64 before, Snapshot snapshot,
									   uint32 *nfound);
static int64 rewrite(Relation rel, const RustsSegmentEntry *entries,
					 uint32 nentries, AttrNumber time, int64 before,
					 bool give_way);
static int64 copy_rows(Relation rel, RustsBuilder *builder,
					   const RustsSegmentEntry *entry, AttrNumber time,
					   int64 before, bool give_way);
static void count_off(Relation rel, int64 nrows);

int64
rusts_retain_step(Relation rel, int64 before, int64 rewrite_before,
				  bool give_way)
{
	int64		storage_id = rusts_storage_id(rel);
	AttrNumber	time = rusts_time_attno(rel);
	RustsSegmentEntry *entries;
	RustsSegmentEntry *straddling = NULL;
	uint32		nstraddling = 0;
	Snapshot	snapshot;
	uint32		nentries;
	bool		not_null;
	int64		nrows = 0;
	uint32		i;

	if (time == 0)
		return 0;

	/* As in rusts_merge_active. */
	if (IsolationUsesXactSnapshot())
		snapshot = RegisterSnapshot(GetTransactionSnapshot());
	else
		snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	not_null = rusts_is_not_null(RelationGetDescr(rel), time - 1);
	entries = rusts_directory_load_range(storage_id, snapshot, DT_NOBEGIN,
										 before - 1, &nentries);
	for (i = 0; i < nentries; i++)
	{
		RustsSegmentEntry *entry = &entries[i];

		CHECK_FOR_INTERRUPTS();
		if (is_past(entry, before, not_null))
		{
			rusts_directory_delete(entry);
			nrows += entry->nrows;
		}
		else if (nstraddling == 0 && entry->level > RUSTS_LEVEL_ACTIVE &&
				 entry->max_time >= before && entry->min_time < rewrite_before)
			straddling = find_younger(entry, before, snapshot, &nstraddling);
	}
	if (nstraddling > 0)
	{
		int64		gone = rewrite(rel, straddling, nstraddling, time, before,
								   give_way);

		nrows = gone < 0 ? gone : nrows + gone;
	}
	if (nrows > 0)
		count_off(rel, nrows);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

/*
 * Can the segment go as a whole?  Only level 0 has rows with and without a
 * time in one batch.
 */
static bool
is_past(const RustsSegmentEntry *entry, int64 before, bool all_have_times)
{
	return entry->max_time < before &&
		(all_have_times || entry->level > RUSTS_LEVEL_ACTIVE);
}

/*
 * The segment, and the younger ones that overlap it in what is to be kept, by
 * age; none if there are batches of level 0 among them, which must be flushed
 * first.  What is rewritten becomes younger than its neighbours, and of two
 * rows of one point the younger counts; so they go together.  Segments do
 * not reach beyond their partitions, which bounds their number.
 */
static RustsSegmentEntry *
find_younger(const RustsSegmentEntry *entry, int64 before, Snapshot snapshot,
			 uint32 *nfound)
{
	RustsSegmentEntry *found;
	int64		until = entry->max_time;
	bool		grown;
	uint32		nentries;
	uint32		i;

	do
	{
		found = rusts_directory_load_range(entry->storage_id, snapshot,
										   before, until, &nentries);
		grown = false;
		*nfound = 0;
		for (i = 0; i < nentries; i++)
		{
			if (found[i].segment_id < entry->segment_id)
				continue;
			if (found[i].level == RUSTS_LEVEL_ACTIVE)
			{
				*nfound = 0;
				return NULL;
			}
			grown |= found[i].max_time > until;
			until = Max(until, found[i].max_time);
			found[(*nfound)++] = found[i];
		}
	} while (grown);
	return found;
}

/*
 * Write the rows of segments that are not from before a time anew.  Returns
 * the number of the others, or -1.
 */
static int64
rewrite(Relation rel, const RustsSegmentEntry *entries, uint32 nentries,
		AttrNumber time, int64 before, bool give_way)
{
	MemoryContext retain_cxt = AllocSetContextCreate(CurrentMemoryContext,
													 "rusts retain",
													 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(retain_cxt);
	RustsBuilder *builder = rusts_builder_create(retain_cxt,
												 rusts_schema_build(rel));
	int64		gone = 0;
	uint32		i;

	rusts_progress_phase("rewriting segments", nentries);
	for (i = 0; i < nentries && gone >= 0; i++)
	{
		int64		n = copy_rows(rel, builder, &entries[i], time, before,
								  give_way);

		gone = n < 0 ? n : gone + n;
		rusts_progress_done(i + 1);
	}
	if (gone >= 0)
	{
		rusts_store_hot(rel, builder, GetCurrentCommandId(true));
		for (i = 0; i < nentries; i++)
			rusts_directory_delete(&entries[i]);
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(retain_cxt);
	return gone;
}

/*
 * Append a segment's rows that are not from before a time.  Row by row, for
 * this is rare.  Returns the number of the others, or -1.
 */
static int64
copy_rows(Relation rel, RustsBuilder *builder, const RustsSegmentEntry *entry,
		  AttrNumber time, int64 before, bool give_way)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													&TTSOpsVirtual);
	RustsReader *reader = rusts_reader_open(rel, entry, false, false, NULL);
	RustsRows  *rows = rusts_rows_begin(reader, RelationGetDescr(rel));
	int64		gone = 0;
	uint32		row;

	for (row = 0; row < reader->nrows; row++)
	{
		CHECK_FOR_INTERRUPTS();
		if (give_way && row % RUSTS_BLOCK_ROWS == 0 &&
			LockHasWaitersRelation(rel, ShareUpdateExclusiveLock))
		{
			gone = -1;
			break;
		}
		ExecClearTuple(slot);
		rusts_rows_fill(rows, row, slot->tts_values, slot->tts_isnull);
		if (!slot->tts_isnull[time - 1] &&
			DatumGetTimestampTz(slot->tts_values[time - 1]) < before)
		{
			gone++;
			continue;
		}
		ExecStoreVirtualTuple(slot);
		if (builder->bytes >= RUSTS_STORE_FULL_BYTES)
		{
			rusts_store_hot(rel, builder, GetCurrentCommandId(true));
			rusts_builder_reset(builder);
		}
		rusts_builder_put_slot(builder, slot);
	}
	rusts_reader_close(reader);
	ExecDropSingleTupleTableSlot(slot);
	return gone;
}

/* The planner's count of rows; VACUUM counts them again. */
static void
count_off(Relation rel, int64 nrows)
{
	RustsStorage storage;

	rusts_storage_read(rel, &storage);
	rusts_storage_set_rows(rel, Max(storage.rows - nrows, 0));
}
