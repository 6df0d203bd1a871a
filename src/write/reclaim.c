/*-------------------------------------------------------------------------
 *
 * reclaim.c
 *	  Give back the space of removed segments.
 *
 * Rewritten segments leave holes, which the next ones fill.  What is in the
 * way of truncating the file are segments at its end; so when there is much
 * free before them they are copied there, page by page, as they are.  A copy
 * keeps the segment's number, so that TIDs, marks of deleted rows and what
 * backends have in their caches stay as they are; only the directory row
 * changes.  Readers with an older snapshot go on with the old row and the old
 * blocks, which are free when the last of them is gone.
 *
 * Where no segment at the end fits any hole, holes are moved together: any
 * segment that fits goes into one before it.  Each move brings a segment
 * nearer to the beginning, so there is an end to it.  Where none fits, and a
 * quarter of the file is free, the one behind the first hole goes to the end
 * of the file, and comes back with the next step, for whose sake the hole is
 * large enough then.
 *
 * src/write/reclaim.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "segment/free_space.h"
#include "segment/page_io.h"
#include "segment/page_write.h"
#include "write/merge.h"
#include "write/reclaim.h"

/* Nothing is moved for less than this, in blocks and as a part of the file. */
#define MIN_FREE_BLOCKS		8
#define MIN_FREE_FRACTION	8

/*
 * In a large file it is left to the next segments to fill smaller holes, and
 * while these come larger ones as well: a block is copied for each that is
 * written, at most.
 */
#define LARGE_FILE_BLOCKS	(64 * 1024 * 1024 / BLCKSZ)
#define MIN_FREE_OF_LARGE	3
#define MIN_FREE_OF_GROWING 2
#define GROWING_MS			60000

/* What makes a detour worth it. */
#define DETOUR_FRACTION		4

/* One step moves about so many blocks. */
#define STEP_BLOCKS			(64 * 1024 * 1024 / BLCKSZ)

static bool is_worth_it(Relation rel, const RustsFreeSpace *space,
						bool thorough);
static bool is_growing(Relation rel);
static int64 move_segments(Relation rel, RustsFreeSpace *space,
						   bool from_end, bool give_way);
static int64 make_room(Relation rel, RustsFreeSpace *space);
static RustsSegmentEntry *load_entries(Relation rel, uint32 *nentries);
static RustsSegmentEntry *find_entry(RustsSegmentEntry *entries,
									 uint32 nentries,
									 const RustsExtent *extent);
static void move_segment(Relation rel, const RustsSegmentEntry *entry,
						 BlockNumber to);

int64
rusts_reclaim_move(Relation rel, bool thorough, bool give_way)
{
	MemoryContext reclaim_cxt;
	MemoryContext old_cxt;
	RustsFreeSpace *space;
	int64		nrows = 0;

	/*
	 * To a snapshot that stays, what is moved would be there or not as the
	 * new row is, not as the old one was.
	 */
	if (IsolationUsesXactSnapshot())
		return 0;
	reclaim_cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts reclaim",
										ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(reclaim_cxt);
	space = rusts_free_space_find(rel);
	if (is_worth_it(rel, space, thorough))
	{
		Snapshot	snapshot = rusts_merge_snapshot();

		PushActiveSnapshot(snapshot);
		nrows = move_segments(rel, space, true, give_way);
		if (nrows == 0)
			nrows = move_segments(rel, space, false, give_way);
		if (nrows == 0)
			nrows = make_room(rel, space);
		PopActiveSnapshot();
		UnregisterSnapshot(snapshot);
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(reclaim_cxt);
	return nrows;
}

static bool
is_worth_it(Relation rel, const RustsFreeSpace *space, bool thorough)
{
	BlockNumber end;
	uint64		nfree = rusts_free_space_blocks(space, &end);

	if (nfree < MIN_FREE_BLOCKS || nfree < end / MIN_FREE_FRACTION)
		return false;
	if (thorough || end < LARGE_FILE_BLOCKS)
		return true;
	return nfree >= end / MIN_FREE_OF_LARGE &&
		(nfree >= end / MIN_FREE_OF_GROWING || !is_growing(rel));
}

/* Has a segment been written lately? */
static bool
is_growing(Relation rel)
{
	uint32		nentries;
	RustsSegmentEntry *entries = load_entries(rel, &nentries);
	uint32		i;

	for (i = 0; i < nentries; i++)
	{
		if (!TimestampDifferenceExceeds(entries[i].written_at,
										GetCurrentTimestamp(), GROWING_MS))
			return true;
	}
	return false;
}

/*
 * Move segments, from the last one backwards until one does not fit, or from
 * the first one on those that do.
 */
static int64
move_segments(Relation rel, RustsFreeSpace *space, bool from_end,
			  bool give_way)
{
	uint32		nextents;
	const RustsExtent *extents = rusts_free_space_extents(space, &nextents);
	uint32		nentries;
	RustsSegmentEntry *entries = load_entries(rel, &nentries);
	uint64		nblocks = 0;
	int64		nrows = 0;
	uint32		i;

	for (i = 0; i < nextents && nblocks < STEP_BLOCKS; i++)
	{
		const RustsExtent *extent =
		&extents[from_end ? nextents - 1 - i : i];
		RustsSegmentEntry *entry = find_entry(entries, nentries, extent);
		BlockNumber to;

		CHECK_FOR_INTERRUPTS();
		if (give_way &&
			LockHasWaitersRelation(rel, ShareUpdateExclusiveLock))
			break;

		/* One that is being removed goes by itself. */
		if (entry == NULL)
			continue;
		to = rusts_free_space_take(space, extent->nblocks,
								   extent->first_block);
		if (to != InvalidBlockNumber)
		{
			move_segment(rel, entry, to);
			nblocks += extent->nblocks;
			nrows += entry->nrows;
		}
		else if (from_end)
			break;
	}
	return nrows;
}

/*
 * Move the segment behind the first hole to the end of the file.  Not while
 * segments that were removed are still needed: its own old copy would be, and
 * there would be no way back.
 */
static int64
make_room(Relation rel, RustsFreeSpace *space)
{
	uint32		nextents;
	const RustsExtent *extents = rusts_free_space_extents(space, &nextents);
	uint32		nentries;
	RustsSegmentEntry *entries = load_entries(rel, &nentries);
	RustsSegmentEntry *first = NULL;
	BlockNumber end = 1;
	uint32		i;

	for (i = 0; i < nextents; i++)
	{
		RustsSegmentEntry *entry = find_entry(entries, nentries, &extents[i]);

		if (entry == NULL)
			return 0;
		if (first == NULL && extents[i].first_block > end)
			first = entry;
		end = extents[i].first_block + extents[i].nblocks;
	}
	if (first == NULL ||
		rusts_free_space_blocks(space, &end) < end / DETOUR_FRACTION)
		return 0;
	rusts_free_space_begin_write(rel);
	move_segment(rel, first, rusts_pages_extend(rel, first->nblocks));
	rusts_free_space_end_write(rel);
	return first->nrows;
}

static RustsSegmentEntry *
load_entries(Relation rel, uint32 *nentries)
{
	return rusts_directory_load_brief(rusts_storage_id(rel),
									  RUSTS_LEVEL_ACTIVE, GetActiveSnapshot(),
									  nentries);
}

/* The entry that has this extent, if the snapshot sees it. */
static RustsSegmentEntry *
find_entry(RustsSegmentEntry *entries, uint32 nentries,
		   const RustsExtent *extent)
{
	RustsSegmentEntry *entry = rusts_entries_find(entries, nentries,
												  extent->segment_id);

	return entry != NULL && entry->first_block == extent->first_block ?
		entry : NULL;
}

static void
move_segment(Relation rel, const RustsSegmentEntry *entry, BlockNumber to)
{
	BlockNumber bad_block;
	const char *problem = rusts_extent_copy(rel, entry->storage_id,
											entry->segment_id,
											entry->first_block, to,
											entry->nblocks, &bad_block);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("segment " INT64_FORMAT
						" of measurement \"%s\" is corrupted",
						entry->segment_id, RelationGetRelationName(rel)),
				 errdetail("Block %u: %s", bad_block, problem)));
	rusts_directory_move(entry, to);
}

void
rusts_reclaim_truncate(Relation rel, int wait_ms)
{
	MemoryContext reclaim_cxt = AllocSetContextCreate(CurrentMemoryContext,
													  "rusts reclaim",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(reclaim_cxt);

	rusts_free_space_truncate(rusts_free_space_find(rel), wait_ms);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(reclaim_cxt);
}
