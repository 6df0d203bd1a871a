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
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "meta/directory.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "segment/rows.h"
#include "write/buffer.h"

/* The open segment; its memory is a child of TopTransactionContext. */
static struct
{
	MemoryContext cxt;
	Oid			relid;
	TupleDesc	desc;			/* reference counted here */
	RustsReader *reader;
	RustsRows  *rows;
}			open_segment;

static bool find_entry(Relation rel, int64 row, Snapshot snapshot,
					   RustsSegmentEntry *entry);
static void free_payload(RustsSegmentEntry *entry);
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
	RustsSegmentEntry entry;
	int64		row = rusts_tid_to_row(tid);
	MemoryContext old_cxt;
	uint32		in_segment;

	ExecClearTuple(slot);
	if (row < 0)
		return false;
	if (!IsInParallelMode())
		rusts_buffers_flush_relation(RelationGetRelid(rel));

	if (!find_entry(rel, row, snapshot, &entry))
		return false;
	open_entry(rel, &entry);
	free_payload(&entry);
	old_cxt = MemoryContextSwitchTo(open_segment.cxt);
	in_segment = rusts_reader_row_of_tid(open_segment.reader,
										 row - entry.segment_id);
	rusts_rows_fill(open_segment.rows, in_segment, slot->tts_values,
					slot->tts_isnull);
	MemoryContextSwitchTo(old_cxt);
	slot->tts_tid = *tid;
	slot->tts_tableOid = RelationGetRelid(rel);
	ExecStoreVirtualTuple(slot);

	/* The next row may be fetched while this one is still in use. */
	ExecMaterializeSlot(slot);
	return true;
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

/* Open a segment unless it is open. */
static void
open_entry(Relation rel, const RustsSegmentEntry *entry)
{
	MemoryContext old_cxt;

	if (open_segment.cxt != NULL &&
		open_segment.relid == RelationGetRelid(rel) &&
		open_segment.reader->entry.storage_id == entry->storage_id &&
		open_segment.reader->entry.segment_id == entry->segment_id &&
		open_segment.desc == RelationGetDescr(rel))
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

/* What an aborted subtransaction wrote may be written again, differently. */
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

	rusts_storage_read(scan->rs_rd, &storage);
	return row >= 0 && row < storage.next_row;
}

/* Rows have one version. */
void
rusts_tuple_get_latest_tid(TableScanDesc scan, ItemPointer tid)
{
}

bool
rusts_tuple_satisfies_snapshot(Relation rel, TupleTableSlot *slot,
							   Snapshot snapshot)
{
	RustsSegmentEntry entry;
	int64		row = rusts_tid_to_row(&slot->tts_tid);

	if (row < 0 || !find_entry(rel, row, snapshot, &entry))
		return false;
	free_payload(&entry);
	return true;
}
