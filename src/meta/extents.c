/*-------------------------------------------------------------------------
 *
 * extents.c
 *	  Which blocks of its file a storage's segments take, as the directory
 *	  has it.
 *
 * An extent is in use as long as a row of the directory names it that is not
 * dead to everybody: rows of running transactions count, and rows that were
 * deleted while a snapshot still sees them.  That is what VACUUM asks of a
 * heap's rows, so we ask it as VACUUM does (HeapTupleSatisfiesVacuum, with the
 * horizon of the directory).  Rows that are gone from the heap were dead when
 * they were removed.
 *
 * Visibility is not decided here for anybody who reads: this only says what
 * nobody can read any more.
 *
 * src/meta/extents.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/heapam_xlog.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/catalog.h"
#include "meta/deletion.h"
#include "meta/directory_columns.h"
#include "meta/extents.h"

static bool read_extent(TupleTableSlot *slot, RustsExtent *extent);
static bool is_dead(TupleTableSlot *slot, TransactionId horizon,
					TransactionId *removed_xid);
static int	compare_extents(const void *a, const void *b);
static void check_extents(const RustsExtent *extents, uint32 nextents);
static void read_brief(TupleTableSlot *slot, int64 storage_id,
					   RustsSegmentEntry *entry);
static int64 int64_or(TupleTableSlot *slot, int attno, int64 null_value);

RustsExtent *
rusts_directory_extents(int64 storage_id, uint32 *nextents,
						TransactionId *removed_xid)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	Relation	index = index_open(rusts_catalog_index("segment_pkey"),
								   AccessShareLock);
	TransactionId horizon = GetOldestNonRemovableTransactionId(directory);
	TupleTableSlot *slot = table_slot_create(directory, NULL);
	IndexScanDesc scan;
	ScanKeyData key;
	uint32		max_extents = 64;
	uint32		n = 0;
	RustsExtent *extents = palloc_array(RustsExtent, max_extents);

	*removed_xid = InvalidTransactionId;
	ScanKeyInit(&key, Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	scan = rusts_index_beginscan(directory, index, SnapshotAny, 1);

	/* Rows that are known to be dead count for removed_xid. */
	scan->ignore_killed_tuples = false;
	index_rescan(scan, &key, 1, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (n == max_extents)
		{
			max_extents *= 2;
			extents = repalloc_huge(extents,
									sizeof(RustsExtent) * max_extents);
		}
		if (read_extent(slot, &extents[n]) &&
			!is_dead(slot, horizon, removed_xid))
			n++;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(directory, AccessShareLock);
	qsort(extents, n, sizeof(RustsExtent), compare_extents);
	check_extents(extents, n);
	*nextents = n;
	return extents;
}

/* False if the row has its payload itself. */
static bool
read_extent(TupleTableSlot *slot, RustsExtent *extent)
{
	bool		isnull;
	Datum		first_block = slot_getattr(slot, Anum_first_block, &isnull);

	if (isnull)
		return false;
	extent->first_block = (BlockNumber) DatumGetInt64(first_block);
	extent->nblocks = (uint32) int64_or(slot, Anum_nblocks, 0);
	extent->segment_id = int64_or(slot, Anum_segment_id, 0);
	return true;
}

/* Can no snapshot see the row, now or later? */
static bool
is_dead(TupleTableSlot *slot, TransactionId horizon,
		TransactionId *removed_xid)
{
	BufferHeapTupleTableSlot *heap_slot = (BufferHeapTupleTableSlot *) slot;
	HeapTuple	tuple = heap_slot->base.tuple;
	bool		dead;

	Assert(TTS_IS_BUFFERTUPLE(slot));
	LockBuffer(heap_slot->buffer, BUFFER_LOCK_SHARE);
	dead = HeapTupleSatisfiesVacuum(tuple, horizon, heap_slot->buffer) ==
		HEAPTUPLE_DEAD;
	if (dead)
		rusts_advance_removed_xid(tuple->t_data, removed_xid);
	LockBuffer(heap_slot->buffer, BUFFER_LOCK_UNLOCK);
	return dead;
}

static int
compare_extents(const void *a, const void *b)
{
	const RustsExtent *left = a;
	const RustsExtent *right = b;

	if (left->first_block != right->first_block)
		return left->first_block < right->first_block ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/*
 * Whoever asks is about to write where no extent is, so it had better be
 * true.
 */
static void
check_extents(const RustsExtent *extents, uint32 nextents)
{
	uint32		i;

	for (i = 0; i < nextents; i++)
	{
		uint64		end = (uint64) extents[i].first_block + extents[i].nblocks;

		if (extents[i].first_block == 0 || extents[i].nblocks == 0 ||
			(i + 1 < nextents && end > extents[i + 1].first_block))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the segment directory is corrupted"),
					 errdetail("The extent of segment " INT64_FORMAT
							   " is not its own.", extents[i].segment_id)));
	}
}

RustsSegmentEntry *
rusts_directory_load_brief(int64 storage_id, int min_level,
						   Snapshot snapshot, uint32 *nentries)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	Relation	index = index_open(rusts_catalog_index("segment_time"),
								   AccessShareLock);
	TupleTableSlot *slot = table_slot_create(directory, NULL);
	IndexScanDesc scan;
	ScanKeyData key[2];
	uint32		max_entries = 64;
	uint32		n = 0;
	RustsSegmentEntry *entries = palloc_array(RustsSegmentEntry, max_entries);
	int			level;

	ScanKeyInit(&key[0], 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	scan = rusts_index_beginscan(directory, index, snapshot, 2);
	for (level = min_level; level <= RUSTS_LEVEL_COLD; level++)
	{
		ScanKeyInit(&key[1], 2, BTEqualStrategyNumber, F_INT2EQ,
					Int16GetDatum(level));
		index_rescan(scan, key, 2, NULL, 0);
		while (index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			if (n == max_entries)
			{
				max_entries *= 2;
				entries = repalloc_huge(entries,
										sizeof(RustsSegmentEntry) *
										max_entries);
			}
			read_brief(slot, storage_id, &entries[n++]);
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(directory, AccessShareLock);
	rusts_entries_sort(entries, n);
	if (n > 0)
		rusts_deletions_load(storage_id, snapshot, entries, n);
	*nentries = n;
	return entries;
}

/* The columns before tag filter and payload. */
static void
read_brief(TupleTableSlot *slot, int64 storage_id, RustsSegmentEntry *entry)
{
	HeapTuple	tuple = ((BufferHeapTupleTableSlot *) slot)->base.tuple;
	TransactionId xmin;

	memset(entry, 0, sizeof(*entry));
	entry->storage_id = storage_id;
	entry->segment_id = int64_or(slot, Anum_segment_id, 0);
	entry->bytes = int64_or(slot, Anum_bytes, 0);
	entry->raw_bytes = int64_or(slot, Anum_raw_bytes, 0);
	entry->min_time = int64_or(slot, Anum_min_time, RUSTS_NO_TIME);
	entry->max_time = int64_or(slot, Anum_max_time, RUSTS_NO_TIME);
	entry->time_partition = int64_or(slot, Anum_time_partition,
									 RUSTS_NO_TIME);
	entry->written_at = int64_or(slot, Anum_written_at, 0);
	entry->nrows = (uint32) int64_or(slot, Anum_nrows, 0);
	entry->level = (int16) int64_or(slot, Anum_level, 0);
	entry->first_block = (BlockNumber) int64_or(slot, Anum_first_block,
												InvalidBlockNumber);
	entry->nblocks = (uint32) int64_or(slot, Anum_nblocks, 0);
	entry->tid = slot->tts_tid;
	xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	entry->own = TransactionIdIsCurrentTransactionId(xmin);
}

/* An integer or a time. */
static int64
int64_or(TupleTableSlot *slot, int attno, int64 null_value)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	if (isnull)
		return null_value;
	switch (TupleDescAttr(slot->tts_tupleDescriptor, attno - 1)->attlen)
	{
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

void
rusts_directory_move(const RustsSegmentEntry *entry, BlockNumber first_block)
{
	Relation	directory = rusts_catalog_open("segment", RowExclusiveLock,
											   false);
	TupleTableSlot *slot = table_slot_create(directory, NULL);
	Datum		values[Natts_segment] = {0};
	bool		nulls[Natts_segment] = {false};
	bool		replace[Natts_segment] = {false};
	ItemPointerData tid = entry->tid;
	HeapTuple	tuple;

	if (!table_tuple_fetch_row_version(directory, &tid, GetActiveSnapshot(),
									   slot))
		elog(ERROR, "a directory row has vanished");
	values[Anum_first_block - 1] = Int64GetDatum((int64) first_block);
	replace[Anum_first_block - 1] = true;
	tuple = heap_modify_tuple(ExecFetchSlotHeapTuple(slot, false, NULL),
							  RelationGetDescr(directory), values, nulls,
							  replace);
	CatalogTupleUpdate(directory, &tid, tuple);
	heap_freetuple(tuple);
	ExecDropSingleTupleTableSlot(slot);
	table_close(directory, RowExclusiveLock);
}
