/*-------------------------------------------------------------------------
 *
 * free_space.c
 *	  Blocks of a measurement's file that nobody needs, and the file's tail.
 *
 * Free is what lies before the end of the file and belongs to no segment that
 * anybody may still see; the directory says so (meta/extents.c), and nothing
 * else is kept.  So what an aborted or crashed writer leaves behind is free
 * without anybody cleaning up, and there is no second account that could
 * differ from the first.
 *
 * Only those who hold ShareUpdateExclusiveLock reuse blocks (flush,
 * compaction and the like), one at a time, until the end of their
 * transaction.  Writers of new rows always write behind the end of the file.
 * Their blocks are in no directory row yet while they write, and must not
 * count as free.  Hence the write lock: writers share it from before they
 * extend the file until the row is entered, and who looks for free blocks has
 * it for himself when he reads where the file ends.  At that moment all
 * extents before the end have their rows, and later ones lie behind it.  The
 * directory is read after that.
 *
 * The file is truncated as VACUUM does it (lazy_truncate_heap), under a lock
 * that nobody else uses the relation with: others keep in mind how many
 * gigabyte files it has, and learn of the change when they lock it next.
 *
 * A standby's query may be older than what the primary has dead rows for.  So
 * before blocks are reused or given back that is logged in the way of
 * B-trees, with a record that does nothing but raise the conflict.
 *
 * src/segment/free_space.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtxlog.h"
#include "access/transam.h"
#include "access/xloginsert.h"
#include "catalog/storage.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "segment/free_space.h"
#include "segment/page_io.h"
#include "segment/page_write.h"

/* A user lock in pg_locks; write/mover.h has the others. */
#define WRITE_LOCK_KIND			16

/* The tail is given back if it is this much of the file. */
#define TRUNCATE_MIN_BLOCKS		8
#define TRUNCATE_MIN_FRACTION	16
#define TRUNCATE_ALWAYS_BLOCKS	1000

/* So often somebody who waits tries to get the lock. */
#define TRUNCATE_RETRY_MS		50

typedef struct Hole
{
	BlockNumber first_block;
	uint32		nblocks;
} Hole;

struct RustsFreeSpace
{
	Relation	rel;
	BlockNumber file_end;		/* as of when we looked */
	RustsExtent *extents;		/* [nextents] in use */
	uint32		nextents;
	Hole	   *holes;			/* [nholes] ascending */
	uint32		nholes;
	TransactionId removed_xid;	/* of who has made them, the latest */
	bool		logged;
};

static void set_write_lock(LOCKTAG *tag, Relation rel);
static BlockNumber file_end(Relation rel);
static void find_holes(RustsFreeSpace *space);
static void log_reuse(RustsFreeSpace *space);
static bool lock_for_truncate(Relation rel, int wait_ms);

void
rusts_free_space_begin_write(Relation rel)
{
	LOCKTAG		tag;

	if (RelationUsesLocalBuffers(rel))
		return;
	set_write_lock(&tag, rel);
	(void) LockAcquire(&tag, ShareLock, false, false);
}

void
rusts_free_space_end_write(Relation rel)
{
	LOCKTAG		tag;

	if (RelationUsesLocalBuffers(rel))
		return;
	set_write_lock(&tag, rel);
	LockRelease(&tag, ShareLock, false);
}

static void
set_write_lock(LOCKTAG *tag, Relation rel)
{
	tag->locktag_field1 = MyDatabaseId;
	tag->locktag_field2 = RelationGetRelid(rel);
	tag->locktag_field3 = 0;
	tag->locktag_field4 = WRITE_LOCK_KIND;
	tag->locktag_type = LOCKTAG_USERLOCK;
	tag->locktag_lockmethodid = DEFAULT_LOCKMETHOD;
}

RustsFreeSpace *
rusts_free_space_find(Relation rel)
{
	RustsFreeSpace *space = palloc0_object(RustsFreeSpace);

	Assert(CheckRelationLockedByMe(rel, ShareUpdateExclusiveLock, true));
	space->rel = rel;
	space->file_end = file_end(rel);
	space->extents = rusts_directory_extents(rusts_storage_id(rel),
											 &space->nextents,
											 &space->removed_xid);
	find_holes(space);
	return space;
}

/*
 * Where the file ends, at a moment when no writer is between extending it and
 * entering its directory row.  A writer takes as long for that as for writing
 * one segment, and those who come meanwhile wait behind us for as long.
 */
static BlockNumber
file_end(Relation rel)
{
	LOCKTAG		tag;
	BlockNumber end;

	if (RelationUsesLocalBuffers(rel))
		return rusts_pages_end(rel);
	set_write_lock(&tag, rel);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	end = rusts_pages_end(rel);
	LockRelease(&tag, ExclusiveLock, false);
	return end;
}

static void
find_holes(RustsFreeSpace *space)
{
	BlockNumber next = 1;
	uint32		i;

	space->holes = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(Hole) *
										  ((Size) space->nextents + 1));
	for (i = 0; i <= space->nextents; i++)
	{
		BlockNumber first = i < space->nextents ?
		Min(space->extents[i].first_block, space->file_end) :
		space->file_end;

		if (first > next)
		{
			space->holes[space->nholes].first_block = next;
			space->holes[space->nholes].nblocks = first - next;
			space->nholes++;
		}
		if (i < space->nextents)
			next = space->extents[i].first_block + space->extents[i].nblocks;
	}
}

BlockNumber
rusts_free_space_take(RustsFreeSpace *space, uint64 nblocks, BlockNumber end)
{
	uint32		i;

	for (i = 0; i < space->nholes; i++)
	{
		Hole	   *hole = &space->holes[i];
		BlockNumber first = hole->first_block;

		if (hole->nblocks < nblocks)
			continue;
		if (first + nblocks > end)
			break;
		log_reuse(space);
		hole->first_block += nblocks;
		hole->nblocks -= nblocks;
		return first;
	}
	return InvalidBlockNumber;
}

const RustsExtent *
rusts_free_space_extents(const RustsFreeSpace *space, uint32 *nextents)
{
	*nextents = space->nextents;
	return space->extents;
}

uint64
rusts_free_space_blocks(const RustsFreeSpace *space, BlockNumber *end)
{
	uint64		total = 0;
	uint32		i;

	*end = space->file_end;
	for (i = 0; i < space->nholes; i++)
	{
		const Hole *hole = &space->holes[i];

		if (hole->first_block + hole->nblocks == space->file_end)
			*end = hole->first_block;
		else
			total += hole->nblocks;
	}
	return total;
}

uint64
rusts_free_space_truncate(RustsFreeSpace *space, int wait_ms)
{
	Relation	rel = space->rel;
	Hole	   *tail = space->nholes == 0 ? NULL :
	&space->holes[space->nholes - 1];
	bool		done = false;

	if (tail == NULL ||
		tail->first_block + tail->nblocks != space->file_end ||
		(tail->nblocks < TRUNCATE_ALWAYS_BLOCKS &&
		 tail->nblocks < Max(TRUNCATE_MIN_BLOCKS,
							 space->file_end / TRUNCATE_MIN_FRACTION)))
		return 0;
	if (!lock_for_truncate(rel, wait_ms))
		return 0;

	/* Somebody may have written behind the tail before we had the lock. */
	if (rusts_pages_end(rel) == space->file_end)
	{
		log_reuse(space);
		RelationTruncate(rel, tail->first_block);
		done = true;
	}
	UnlockRelation(rel, AccessExclusiveLock);
	return done ? tail->nblocks : 0;
}

/*
 * Nobody waits behind us: the lock is only tried.
 */
static bool
lock_for_truncate(Relation rel, int wait_ms)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConditionalLockRelation(rel, AccessExclusiveLock))
			return true;
		if (wait_ms <= 0)
			return false;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 TRUNCATE_RETRY_MS, WAIT_EVENT_VACUUM_TRUNCATE);
		ResetLatch(MyLatch);
		wait_ms -= TRUNCATE_RETRY_MS;
	}
}

/*
 * Tell standbys that the segments are gone.  Their file follows from the
 * relation, as _bt_log_reuse_page of nbtpage.c has it.
 */
static void
log_reuse(RustsFreeSpace *space)
{
	xl_btree_reuse_page record = {0};
	FullTransactionId next;
	FullTransactionId removed;
	uint32		epoch;

	if (space->logged)
		return;
	space->logged = true;
	if (!TransactionIdIsNormal(space->removed_xid) ||
		!RelationNeedsWAL(space->rel) || !XLogStandbyInfoActive())
		return;
	next = ReadNextFullTransactionId();
	epoch = EpochFromFullTransactionId(next);
	if (space->removed_xid > XidFromFullTransactionId(next))
		epoch--;
	removed = FullTransactionIdFromEpochAndXid(epoch, space->removed_xid);
	rusts_set_reuse_record(&record, RelationLocator(space->rel), removed);
	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfBtreeReusePage);
	(void) XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}
