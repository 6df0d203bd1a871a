/*-------------------------------------------------------------------------
 *
 * change.c
 *	  DELETE, UPDATE and row locks.
 *
 * A deleted row is noted in rusts.deletion when its statement ends; an update
 * notes the row number of the new version besides.  So heap's rules hold
 * about who sees what.  Heap's other rules, about two transactions that change
 * the same row, are kept by these steps:
 *
 * 1. Movers are kept out of the measurement, so that the row stays where it is
 *	  (write/mover.h), from before the statement's snapshot on.
 * 2. The row is locked until the end of the transaction (row_lock.c).  Whoever
 *	  has deleted or updated it has committed then, or it was ourselves.
 * 3. The notes are read as of now.
 *
 * A row that readers have united from several is changed, and locked, by doing
 * that with all of these, its sources; an update gives them one new version.
 *
 * src/am/change.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "base/bitmap.h"
#include "compat.h"
#include "meta/deletion.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/deletes.h"
#include "write/duplicates.h"
#include "write/mover.h"

/* The rows that a row is made of, in most cases itself. */
typedef struct Sources
{
	uint32		nrows;
	const int64 *rows;
	RustsRowPlace *places;		/* [nrows] */
	int64		one_row;
	RustsRowPlace one_place;
} Sources;

static void find_sources(Relation rel, ItemPointer tid, Sources *sources);
static void forget_sources(Sources *sources);
static TM_Result prepare_changes(Relation rel, ItemPointer tid, CommandId cid,
								 Snapshot crosscheck, bool wait,
								 LockTupleMode mode, Sources *sources,
								 TM_FailureData *tmfd);
static TM_Result prepare_change(Relation rel, ItemPointer tid, CommandId cid,
								Snapshot crosscheck, bool wait,
								LockTupleMode mode, RustsRowPlace *place,
								TM_FailureData *tmfd);
static TM_Result lock_version(Relation rel, ItemPointer tid, CommandId cid,
							  LockTupleMode mode, LockWaitPolicy wait_policy,
							  TM_FailureData *tmfd);
static void locate(Relation rel, ItemPointer tid, RustsRowPlace *place);
static TM_Result check_row(Relation rel, ItemPointer tid, CommandId cid,
						   const RustsRowPlace *place, TM_FailureData *tmfd);
static bool is_known_live(Relation rel, CommandId cid,
						  const RustsRowPlace *place);
static void note_known(Relation rel, const RustsRowPlace *place);
static bool find_deleter(const RustsRowPlace *place, RustsDeleter *deleter);
static TM_Result judge(ItemPointer tid, CommandId cid,
					   const RustsDeleter *deleter, TM_FailureData *tmfd);
static bool sees(Relation rel, ItemPointer tid, Snapshot snapshot);

TM_Result
rusts_tuple_delete(Relation rel, ItemPointer tid, CommandId cid,
				   Snapshot snapshot, Snapshot crosscheck, bool wait,
				   TM_FailureData *tmfd, bool changing_part)
{
	Sources		sources;
	TM_Result	result = prepare_changes(rel, tid, cid, crosscheck, wait,
										 LockTupleExclusive, &sources, tmfd);
	uint32		i;

	if (result != TM_Ok)
		return result;
	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	for (i = 0; i < sources.nrows; i++)
	{
		rusts_buffer_delete(rusts_buffer_get(rel, cid),
							sources.places[i].segment_id,
							sources.places[i].row,
							changing_part ? RUSTS_MOVED_AWAY : -1);
		note_known(rel, &sources.places[i]);
	}
	forget_sources(&sources);
	pgstat_count_heap_delete(rel);
	return TM_Ok;
}

TM_Result
rusts_tuple_update(Relation rel, ItemPointer tid, TupleTableSlot *slot,
				   CommandId cid, Snapshot snapshot, Snapshot crosscheck,
				   bool wait, TM_FailureData *tmfd, LockTupleMode *lockmode,
#if PG_VERSION_NUM >= 160000
				   TU_UpdateIndexes *update_indexes
#else
				   bool *update_indexes
#endif
)
{
	Sources		sources;
	TM_Result	result;
	uint32		i;

	*lockmode = LockTupleNoKeyExclusive;
#if PG_VERSION_NUM >= 160000
	*update_indexes = TU_None;
#else
	*update_indexes = false;
#endif
	result = prepare_changes(rel, tid, cid, crosscheck, wait, *lockmode,
							 &sources, tmfd);
	if (result != TM_Ok)
		return result;
	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	rusts_buffer_replace(rusts_buffer_get(rel, cid), rel,
						 sources.places[0].segment_id, sources.places[0].row,
						 slot);
	note_known(rel, &sources.places[0]);
	for (i = 1; i < sources.nrows; i++)
	{
		rusts_buffer_delete(rusts_buffer_get(rel, cid),
							sources.places[i].segment_id,
							sources.places[i].row,
							rusts_tid_to_row(&slot->tts_tid));
		note_known(rel, &sources.places[i]);
	}
	forget_sources(&sources);
	rusts_count_update(rel);
	return TM_Ok;
}

TM_Result
rusts_tuple_lock(Relation rel, ItemPointer tid, Snapshot snapshot,
				 TupleTableSlot *slot, CommandId cid, LockTupleMode mode,
				 LockWaitPolicy wait_policy, uint8 flags,
				 TM_FailureData *tmfd)
{
	ItemPointerData at = *tid;

	tmfd->traversed = false;
	rusts_changer_lock(rel);
	for (;;)
	{
		TM_Result	result;

		CHECK_FOR_INTERRUPTS();
		result = lock_version(rel, &at, cid, mode, wait_policy, tmfd);
		if (result == TM_Updated &&
			(flags & TUPLE_LOCK_FLAG_FIND_LAST_VERSION))
		{
			if (ItemPointerIndicatesMovedPartitions(&tmfd->ctid))
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("tuple to be locked was already moved to another partition due to concurrent update")));
			at = tmfd->ctid;
			tmfd->traversed = true;
			continue;
		}
		if (result == TM_Invisible)
			elog(ERROR, "attempted to lock invisible row");
		if (result != TM_Ok)
			return result;
		break;
	}
	if (!rusts_tuple_fetch_row_version(rel, &at, SnapshotAny, slot))
		elog(ERROR, "failed to fetch a row of \"%s\" that was just locked",
			 RelationGetRelationName(rel));
	*tid = at;
	return TM_Ok;
}

static void
find_sources(Relation rel, ItemPointer tid, Sources *sources)
{
	int64		row = rusts_tid_to_row(tid);

	sources->nrows = 1;
	sources->one_row = row;
	sources->rows = &sources->one_row;
	sources->places = &sources->one_place;
	if (!rusts_row_is_united(row))
		return;
	if (!rusts_duplicates_sources(rusts_storage_id(rel), row, &sources->rows,
								  &sources->nrows))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a row of measurement \"%s\" is not known any more",
						RelationGetRelationName(rel)),
				 errdetail("It was united from several rows by another transaction.")));
	sources->places = palloc_array(RustsRowPlace, sources->nrows);
}

static void
forget_sources(Sources *sources)
{
	if (sources->places != &sources->one_place)
		pfree(sources->places);
}

/* Prepare to change a row's sources. */
static TM_Result
prepare_changes(Relation rel, ItemPointer tid, CommandId cid,
				Snapshot crosscheck, bool wait, LockTupleMode mode,
				Sources *sources, TM_FailureData *tmfd)
{
	TM_Result	result = TM_Ok;
	uint32		i;

	find_sources(rel, tid, sources);
	for (i = 0; i < sources->nrows && result == TM_Ok; i++)
	{
		ItemPointerData at;

		rusts_row_to_tid(sources->rows[i], &at);
		result = prepare_change(rel, &at, cid, crosscheck, wait, mode,
								&sources->places[i], tmfd);
	}
	if (result != TM_Ok)
		forget_sources(sources);
	return result;
}

/* Everything up to the change itself. */
static TM_Result
prepare_change(Relation rel, ItemPointer tid, CommandId cid,
			   Snapshot crosscheck, bool wait, LockTupleMode mode,
			   RustsRowPlace *place, TM_FailureData *tmfd)
{
	TM_Result	result;

	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot change rows during a parallel operation")));
	rusts_changer_lock(rel);
	locate(rel, tid, place);
	if (!rusts_lock_row(rel, tid, mode, wait ? LockWaitBlock : LockWaitSkip))
		return TM_BeingModified;
	result = check_row(rel, tid, cid, place, tmfd);
	if (result == TM_Invisible)
		elog(ERROR, "attempted to change invisible row");
	if (result == TM_Ok && crosscheck != InvalidSnapshot &&
		!sees(rel, tid, crosscheck))
	{
		tmfd->ctid = *tid;
		tmfd->xmax = InvalidTransactionId;
		tmfd->cmax = InvalidCommandId;
		return TM_Updated;
	}
	return result;
}

/* Lock a row's sources; without a new version of one, TM_Ok. */
static TM_Result
lock_version(Relation rel, ItemPointer tid, CommandId cid, LockTupleMode mode,
			 LockWaitPolicy wait_policy, TM_FailureData *tmfd)
{
	Sources		sources;
	TM_Result	result = TM_Ok;
	uint32		i;

	find_sources(rel, tid, &sources);
	for (i = 0; i < sources.nrows && result == TM_Ok; i++)
	{
		ItemPointerData at;

		rusts_row_to_tid(sources.rows[i], &at);
		locate(rel, &at, &sources.places[i]);
		if (rusts_lock_row(rel, &at, mode, wait_policy))
			result = check_row(rel, &at, cid, &sources.places[i], tmfd);
		else
			result = TM_WouldBlock;
	}
	forget_sources(&sources);
	return result;
}

/*
 * Where the row is now.  If it is nowhere it was moved after the snapshot was
 * taken, and before movers were kept out.
 */
static void
locate(Relation rel, ItemPointer tid, RustsRowPlace *place)
{
	if (!rusts_locate_row(rel, rusts_tid_to_row(tid), place))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access because rows of measurement \"%s\" were moved",
						RelationGetRelationName(rel)),
				 errdetail("They were flushed or compacted after the transaction's snapshot was taken."),
				 errhint("Retry the transaction.")));
}

/*
 * While this transaction has locked all rows nobody else deletes any: then the
 * notes of a segment are read once and not for each of its rows.
 */
static struct
{
	MemoryContext cxt;			/* NULL: nothing is known */
	Oid			relid;
	CommandId	cid;
	SubTransactionId subid;
	RustsSegmentEntry entry;	/* storage_id, segment_id, nrows, deleted */
}			known;

static bool
is_known_live(Relation rel, CommandId cid, const RustsRowPlace *place)
{
	MemoryContext old_cxt;

	if (!rusts_all_rows_locked(rel))
		return false;
	if (known.cxt == NULL || known.relid != RelationGetRelid(rel) ||
		known.cid != cid || known.subid != GetCurrentSubTransactionId() ||
		known.entry.storage_id != place->storage_id ||
		known.entry.segment_id != place->segment_id)
	{
		rusts_forget_known();
		known.cxt = AllocSetContextCreate(TopTransactionContext,
										  "rusts deleted rows of a segment",
										  ALLOCSET_SMALL_SIZES);
		memset(&known.entry, 0, sizeof(known.entry));
		known.relid = RelationGetRelid(rel);
		known.cid = cid;
		known.subid = GetCurrentSubTransactionId();
		known.entry.storage_id = place->storage_id;
		known.entry.segment_id = place->segment_id;
		known.entry.nrows = place->nrows;
		known.entry.notes = true;
		old_cxt = MemoryContextSwitchTo(known.cxt);
		rusts_deletions_read(&known.entry, SnapshotSelf);
		MemoryContextSwitchTo(old_cxt);
	}
	return !rusts_bitmap_test(known.entry.deleted, place->row);
}

/* A row of the segment was deleted by the same command. */
static void
note_known(Relation rel, const RustsRowPlace *place)
{
	if (known.cxt != NULL && known.relid == RelationGetRelid(rel) &&
		known.entry.storage_id == place->storage_id &&
		known.entry.segment_id == place->segment_id)
		rusts_bitmap_set(known.entry.deleted, place->row);
}

void
rusts_forget_known(void)
{
	if (known.cxt != NULL)
		MemoryContextDelete(known.cxt);
	known.cxt = NULL;
}

/* Has somebody deleted the row, who is not undone? */
static TM_Result
check_row(Relation rel, ItemPointer tid, CommandId cid,
		  const RustsRowPlace *place, TM_FailureData *tmfd)
{
	RustsDeleter deleter = {.xid = InvalidTransactionId};

	if (rusts_buffers_find_deleted(RelationGetRelid(rel), place->segment_id,
								   place->row, &deleter.cid,
								   &deleter.moved_to))
	{
		deleter.xid = GetCurrentTransactionId();
		deleter.own = true;
	}
	else if (is_known_live(rel, cid, place) || !find_deleter(place, &deleter))
		return TM_Ok;
	return judge(tid, cid, &deleter, tmfd);
}

/*
 * What committed transactions and our own have noted, all as of one moment.
 * With SnapshotSelf each note would be judged at its own moment: somebody who
 * puts notes together may commit in between, and neither the new note nor
 * the old one is met.
 */
static bool
find_deleter(const RustsRowPlace *place, RustsDeleter *deleter)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		found;

	snapshot->curcid = GetCurrentCommandId(false) + 1;
	found = rusts_deletions_find(place->storage_id, place->segment_id,
								 place->row, snapshot, deleter);
	UnregisterSnapshot(snapshot);
	return found;
}

/* As HeapTupleSatisfiesUpdate of heapam_visibility.c. */
static TM_Result
judge(ItemPointer tid, CommandId cid, const RustsDeleter *deleter,
	  TM_FailureData *tmfd)
{
	tmfd->ctid = *tid;
	tmfd->xmax = deleter->xid;
	tmfd->cmax = InvalidCommandId;
	if (deleter->own)
	{
		tmfd->cmax = deleter->cid;
		return deleter->cid >= cid ? TM_SelfModified : TM_Invisible;
	}
	if (deleter->moved_to < 0)
		return TM_Deleted;
	if (deleter->moved_to == RUSTS_MOVED_AWAY)
		ItemPointerSetMovedPartitions(&tmfd->ctid);
	else
		rusts_row_to_tid(deleter->moved_to, &tmfd->ctid);
	return TM_Updated;
}

static bool
sees(Relation rel, ItemPointer tid, Snapshot snapshot)
{
	RustsSegmentEntry entry;
	int64		row = rusts_tid_to_row(tid);

	return rusts_directory_find_row(rusts_storage_id(rel), row, snapshot,
									&entry);
}
