/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Single rows of a measurement by TID.
 *
 * Triggers fetch the rows they fire for one by one, so the segment that a
 * row was found in stays open until another is needed or the transaction
 * ends.
 *
 * src/am/fetch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "meta/deletion.h"
#include "meta/directory.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "segment/rows.h"
#include "write/buffer.h"
#include "write/deletes.h"
#include "write/duplicates.h"
#include "write/mover.h"

/* The open segment; its memory is a child of TopTransactionContext. */
static struct
{
	MemoryContext cxt;
	Oid			relid;
	TupleDesc	desc;			/* reference counted here */
	bool		live;			/* it stays while movers are kept out */
	RustsReader *reader;
	RustsRows  *rows;
}			open_segment;

static bool fetch_row(Relation rel, int64 row, Snapshot snapshot,
					  RustsRowPlace *place);
static void flush_row(Relation rel, int64 row);
static void find_place(Relation rel, int64 row, RustsRowPlace *place);
static bool is_live(Relation rel, int64 row);
static bool find_entry(Relation rel, int64 row, Snapshot snapshot,
					   RustsSegmentEntry *entry);
static void free_payload(RustsSegmentEntry *entry);
static bool is_open(Relation rel, const RustsSegmentEntry *entry);
static void open_entry(Relation rel, const RustsSegmentEntry *entry);
static void close_segment(void);
static void at_transaction_event(XactEvent event, void *arg);
static void at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
									SubTransactionId parent, void *arg);

void
rusts_fetch_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}

bool
rusts_tuple_fetch_row_version(Relation rel, ItemPointer tid,
							  Snapshot snapshot, TupleTableSlot *slot)
{
	RustsRowPlace place;
	MemoryContext old_cxt;

	ExecClearTuple(slot);
	if (rusts_row_is_united(rusts_tid_to_row(tid)))
		return rusts_fetch_united(rel, tid, snapshot, slot);
	if (!fetch_row(rel, rusts_tid_to_row(tid), snapshot, &place))
		return false;
	old_cxt = MemoryContextSwitchTo(open_segment.cxt);
	rusts_rows_fill(open_segment.rows, place.row, slot->tts_values,
					slot->tts_isnull);
	MemoryContextSwitchTo(old_cxt);
	slot->tts_tid = *tid;
	slot->tts_tableOid = RelationGetRelid(rel);
	slot->tts_flags |= RUSTS_SLOT_FETCHED;
	ExecStoreVirtualTuple(slot);

	/* The next row may be fetched while this one is still in use. */
	ExecMaterializeSlot(slot);
	return true;
}

bool
rusts_locate_row(Relation rel, int64 row, RustsRowPlace *place)
{
	RustsSegmentEntry entry;

	if (row < 0)
		return false;
	flush_row(rel, row);
	if (!is_live(rel, row))
	{
		if (!rusts_directory_find_row(rusts_storage_id(rel), row,
									  SnapshotSelf, &entry))
			return false;
		open_entry(rel, &entry);
		free_payload(&entry);
		open_segment.live = true;
	}
	find_place(rel, row, place);
	return true;
}

/* A row that is buffered must be stored first. */
static void
flush_row(Relation rel, int64 row)
{
	if (!IsInParallelMode() &&
		rusts_buffers_hold_row(RelationGetRelid(rel), row))
		rusts_buffers_flush_relation(RelationGetRelid(rel));
}

/*
 * Open the segment that has a row, if snapshot sees the row.  Others than
 * MVCC snapshots see deleted rows, too: triggers and RETURNING want them.
 */
static bool
fetch_row(Relation rel, int64 row, Snapshot snapshot, RustsRowPlace *place)
{
	RustsSegmentEntry entry;
	RustsDeleter deleter;
	bool		mvcc = IsMVCCSnapshot(snapshot);

	if (row < 0)
		return false;
	flush_row(rel, row);
	if (mvcc || !is_live(rel, row))
	{
		if (!find_entry(rel, row, snapshot, &entry))
			return false;
		open_entry(rel, &entry);
		free_payload(&entry);
	}
	find_place(rel, row, place);
	return !mvcc ||
		!rusts_deletions_find(place->storage_id, place->segment_id,
							  place->row, snapshot, &deleter);
}

/* Where a row of the open segment is. */
static void
find_place(Relation rel, int64 row, RustsRowPlace *place)
{
	RustsReader *reader = open_segment.reader;
	MemoryContext old_cxt = MemoryContextSwitchTo(open_segment.cxt);

	reader->rel = rel;
	place->storage_id = reader->entry.storage_id;
	place->segment_id = reader->entry.segment_id;
	place->nrows = reader->nrows;
	place->row = rusts_reader_row_of_tid(reader, row - place->segment_id);
	MemoryContextSwitchTo(old_cxt);
}

/* Is the row in the open segment, and does it stay there? */
static bool
is_live(Relation rel, int64 row)
{
	return open_segment.cxt != NULL && open_segment.live &&
		open_segment.relid == RelationGetRelid(rel) &&
		open_segment.desc == RelationGetDescr(rel) &&
		row >= open_segment.reader->entry.segment_id &&
		row < open_segment.reader->entry.segment_id +
		open_segment.reader->nrows && rusts_changer_lock_held(rel);
}

/*
 * The entry that has the row.  Callers with SnapshotAny got the TID from a
 * row that they have seen or written themselves; it may have been moved since
 * by a flush, so what the running query sees counts, too.
 */
static bool
find_entry(Relation rel, int64 row, Snapshot snapshot,
		   RustsSegmentEntry *entry)
{
	int64		storage_id = rusts_storage_id(rel);

	rusts_check_rewritten(rel, snapshot);
	if (IsMVCCSnapshot(snapshot))
		return rusts_directory_find_row(storage_id, row, snapshot, entry);
	return rusts_directory_find_row(storage_id, row, SnapshotSelf, entry) ||
		(ActiveSnapshotSet() &&
		 rusts_directory_find_row(storage_id, row, GetActiveSnapshot(),
								  entry));
}

/* Triggers ask for many rows in one memory context. */
static void
free_payload(RustsSegmentEntry *entry)
{
	if (entry->payload != NULL)
		pfree(entry->payload);
	entry->payload = NULL;
}

/*
 * Is it the open segment, where it is now?  Its pages may have been moved
 * since it was opened (reclaim.c), and no snapshot need have kept the old ones
 * from being another's.
 */
static bool
is_open(Relation rel, const RustsSegmentEntry *entry)
{
	const RustsSegmentEntry *open;

	if (open_segment.cxt == NULL)
		return false;
	open = &open_segment.reader->entry;
	return open_segment.relid == RelationGetRelid(rel) &&
		open_segment.desc == RelationGetDescr(rel) &&
		open->storage_id == entry->storage_id &&
		open->segment_id == entry->segment_id &&
		open->first_block == entry->first_block;
}

/* Open a segment unless it is open. */
static void
open_entry(Relation rel, const RustsSegmentEntry *entry)
{
	MemoryContext old_cxt;

	if (is_open(rel, entry))
	{
		open_segment.reader->rel = rel;
		return;
	}
	close_segment();
	open_segment.cxt = AllocSetContextCreate(TopTransactionContext,
											 "rusts fetch",
											 ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(open_segment.cxt);
	open_segment.relid = RelationGetRelid(rel);
	open_segment.desc = RelationGetDescr(rel);
	open_segment.desc->tdrefcount++;
	PG_TRY();
	{
		open_segment.reader = rusts_reader_open(rel, entry, false, true,
												NULL);
		open_segment.rows = rusts_rows_begin(open_segment.reader,
											 RelationGetDescr(rel));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old_cxt);
		close_segment();
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
}

static void
close_segment(void)
{
	MemoryContext cxt = open_segment.cxt;
	TupleDesc	desc = open_segment.desc;

	memset(&open_segment, 0, sizeof(open_segment));
	if (desc != NULL && --desc->tdrefcount == 0)
		FreeTupleDesc(desc);
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		close_segment();
}

/* What an aborted subtransaction wrote may be gone. */
static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		close_segment();
}

bool
rusts_tuple_tid_valid(TableScanDesc scan, ItemPointer tid)
{
	RustsStorage storage;
	int64		row = rusts_tid_to_row(tid);
	const int64 *sources;
	uint32		nsources;

	rusts_storage_read(scan->rs_rd, &storage);
	if (rusts_row_is_united(row))
		return rusts_duplicates_sources(storage.storage_id, row, &sources,
										&nsources);
	return row >= 0 && row < storage.next_row;
}

/* The newest version that the snapshot sees. */
void
rusts_tuple_get_latest_tid(TableScanDesc scan, ItemPointer tid)
{
	RustsRowPlace place;
	RustsDeleter deleter;
	int64		row = rusts_tid_to_row(tid);

	if (rusts_row_is_united(row))
		return;
	while (!fetch_row(scan->rs_rd, row, scan->rs_snapshot, &place))
	{
		CHECK_FOR_INTERRUPTS();
		if (!fetch_row(scan->rs_rd, row, SnapshotAny, &place) ||
			!rusts_deletions_find(place.storage_id, place.segment_id,
								  place.row, scan->rs_snapshot, &deleter) ||
			deleter.moved_to < 0 || deleter.moved_to == RUSTS_MOVED_AWAY)
			return;
		row = deleter.moved_to;
	}
	rusts_row_to_tid(row, tid);
}

bool
rusts_tuple_satisfies_snapshot(Relation rel, TupleTableSlot *slot,
							   Snapshot snapshot)
{
	RustsRowPlace place;
	int64		row = rusts_tid_to_row(&slot->tts_tid);

	if (rusts_row_is_united(row))
		return rusts_sees_united(rel, row, snapshot);
	return fetch_row(rel, row, snapshot, &place);
}
