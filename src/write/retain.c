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
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/deletion.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "segment/reader.h"
#include "write/merge.h"
#include "write/mover.h"
#include "write/retain.h"

static int64 drop_some(Relation rel, int64 before, int64 rewrite_before,
					   bool give_way, bool *rewritten);
static bool is_past(const RustsSegmentEntry *entry, int64 before,
					bool all_have_times);
static RustsSegmentEntry *find_younger(const RustsSegmentEntry *entry,
									   int64 before, Snapshot snapshot,
									   uint32 *nfound);
static int64 rewrite(Relation rel, RustsSegmentEntry *entries,
					 uint32 nentries, AttrNumber time, int64 before,
					 bool give_way);
static int64 leave_out(Relation rel, RustsSegmentEntry *entry,
					   AttrNumber time, int64 before);
static void count_off(Relation rel, int64 nrows);

int64
rusts_retain_step(Relation rel, int64 before, int64 rewrite_before,
				  bool give_way)
{
	bool		rewritten;
	int64		nrows;

	if (rusts_time_attno(rel) == 0 || !rusts_mover_lock(rel, !give_way))
		return 0;
	for (;;)
	{
		nrows = drop_some(rel, before, rewrite_before, give_way, &rewritten);
		if (nrows != 0 || !rewritten)
			return nrows;

		/* All old rows of a segment had been deleted: to the next one. */
		CommandCounterIncrement();
	}
}

static int64
drop_some(Relation rel, int64 before, int64 rewrite_before, bool give_way,
		  bool *rewritten)
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

	snapshot = rusts_merge_snapshot();
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
			nrows += rusts_entry_rows(entry);
		}
		else if (nstraddling == 0 && entry->level > RUSTS_LEVEL_ACTIVE &&
				 entry->max_time >= before && entry->min_time < rewrite_before)
			straddling = find_younger(entry, before, snapshot, &nstraddling);
	}
	*rewritten = nstraddling > 0;
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
rewrite(Relation rel, RustsSegmentEntry *entries, uint32 nentries,
		AttrNumber time, int64 before, bool give_way)
{
	int16		level = RUSTS_LEVEL_COLD;
	int64		gone = 0;
	uint32		i;

	for (i = 0; i < nentries; i++)
	{
		gone += leave_out(rel, &entries[i], time, before);
		level = Min(level, entries[i].level);
	}
	if (rusts_merge_entries(rel, entries, nentries, level, InvalidOid,
							give_way) < 0)
		return -1;
	return gone;
}

/*
 * Have a merge leave out a segment's rows from before a time, as if they had
 * been deleted; returns their number.
 */
static int64
leave_out(Relation rel, RustsSegmentEntry *entry, AttrNumber time,
		  int64 before)
{
	RustsVector *vector = rusts_vector_create();
	RustsReader *reader;
	int			from = 0;
	int			column;
	int64		n = 0;
	uint32		b;
	uint32		i;

	rusts_deletions_read(entry, GetActiveSnapshot());
	if (entry->deleted == NULL)
		entry->deleted =
			MemoryContextAllocExtended(CurrentMemoryContext,
									   sizeof(uint64) *
									   RUSTS_BITMAP_WORDS(entry->nrows),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	reader = rusts_reader_open(rel, entry, false, false, NULL);
	column = rusts_reader_column(reader, time, &from);
	for (b = 0; b < reader->nblocks && column >= 0; b++)
	{
		uint32		first = reader->block_rows[b];

		CHECK_FOR_INTERRUPTS();
		rusts_reader_decode(reader, column, b, sizeof(int64), vector);
		for (i = 0; i < vector->nrows; i++)
		{
			if ((vector->nnulls > 0 && rusts_bitmap_test(vector->nulls, i)) ||
				vector->v.ints[i] >= before ||
				rusts_bitmap_test(entry->deleted, first + i))
				continue;
			rusts_bitmap_set(entry->deleted, first + i);
			n++;
		}
	}
	rusts_reader_close(reader);
	entry->ndeleted += n;
	pfree(vector);
	return n;
}

/* The planner's count of rows; VACUUM counts them again. */
static void
count_off(Relation rel, int64 nrows)
{
	RustsStorage storage;

	rusts_storage_read(rel, &storage);
	rusts_storage_set_rows(rel, Max(storage.rows - nrows, 0));
}
