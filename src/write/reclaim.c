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

/* The segments that the snapshot sees, by segment_id. */
typedef struct Segments
{
	RustsSegmentEntry *entries;
	uint32		n;
} Segments;

static bool are_growing(const Segments *segments);
static int64 move_segments(Relation rel, RustsFreeSpace *space,
						   const Segments *segments, bool from_end,
						   bool give_way);
static int64 make_room(Relation rel, RustsFreeSpace *space,
					   const Segments *segments);
static RustsSegmentEntry *find_entry(const Segments *segments,
									 const RustsExtent *extent);
static void move_segment(Relation rel, const RustsSegmentEntry *entry,
						 BlockNumber to);

int64
rusts_reclaim_move(Relation rel, bool thorough, bool give_way)
{
	MemoryContext reclaim_cxt;
	MemoryContext old_cxt;
	RustsFreeSpace *space;
	uint64		nfree;
	BlockNumber end;
	bool		large;
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
	nfree = rusts_free_space_blocks(space, &end);
	large = end >= LARGE_FILE_BLOCKS && !thorough;
	if (nfree >= MIN_FREE_BLOCKS &&
		nfree >= end / (large ? MIN_FREE_OF_LARGE : MIN_FREE_FRACTION))
	{
		Snapshot	snapshot = rusts_merge_snapshot();
		Segments	segments;

		PushActiveSnapshot(snapshot);
		segments.entries =
			rusts_directory_load_brief(rusts_storage_id(rel),
									   RUSTS_LEVEL_ACTIVE, snapshot,
									   &segments.n);
		if (!large || nfree >= end / MIN_FREE_OF_GROWING ||
			!are_growing(&segments))
		{
			nrows = move_segments(rel, space, &segments, true, give_way);
			if (nrows == 0)
				nrows = move_segments(rel, space, &segments, false, give_way);
			if (nrows == 0 && nfree >= end / DETOUR_FRACTION)
				nrows = make_room(rel, space, &segments);
		}
		PopActiveSnapshot();
		UnregisterSnapshot(snapshot);
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(reclaim_cxt);
	return nrows;
}

/* Has one been written lately? */
static bool
are_growing(const Segments *segments)
{
	TimestampTz now = GetCurrentTimestamp();
	uint32		i;

	for (i = 0; i < segments->n; i++)
	{
		if (!TimestampDifferenceExceeds(segments->entries[i].written_at, now,
										GROWING_MS))
			return true;
	}
	return false;
}

/*
 * Move segments, from the last one backwards until one does not fit, or from
 * the first one on those that do.
 */
static int64
move_segments(Relation rel, RustsFreeSpace *space, const Segments *segments,
			  bool from_end, bool give_way)
{
	uint32		nextents;
	const RustsExtent *extents = rusts_free_space_extents(space, &nextents);
	uint64		nblocks = 0;
	int64		nrows = 0;
	uint32		i;

	for (i = 0; i < nextents && nblocks < STEP_BLOCKS; i++)
	{
		const RustsExtent *extent =
		&extents[from_end ? nextents - 1 - i : i];
		RustsSegmentEntry *entry = find_entry(segments, extent);
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
make_room(Relation rel, RustsFreeSpace *space, const Segments *segments)
{
	uint32		nextents;
	const RustsExtent *extents = rusts_free_space_extents(space, &nextents);
	RustsSegmentEntry *first = NULL;
	BlockNumber end = 1;
	uint32		i;

	for (i = 0; i < nextents; i++)
	{
		RustsSegmentEntry *entry = find_entry(segments, &extents[i]);

		if (entry == NULL)
			return 0;
		if (first == NULL && extents[i].first_block > end)
			first = entry;
		end = extents[i].first_block + extents[i].nblocks;
	}
	if (first == NULL)
		return 0;
	rusts_free_space_begin_write(rel);
	move_segment(rel, first, rusts_pages_extend(rel, first->nblocks));
	rusts_free_space_end_write(rel);
	return first->nrows;
}

/* The entry that has this extent, if the snapshot sees it. */
static RustsSegmentEntry *
find_entry(const Segments *segments, const RustsExtent *extent)
{
	RustsSegmentEntry *entry = rusts_entries_find(segments->entries,
												  segments->n,
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
