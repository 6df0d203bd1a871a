/*-------------------------------------------------------------------------
 *
 * directory.c
 *	  The segment directory, rusts.segment.
 *
 * The directory is an ordinary heap, and that is the whole of our MVCC: a
 * scan reads it with its own snapshot, so a batch is visible exactly when its
 * row is.  Subtransactions, prepared transactions, command ids, standbys and
 * crashes follow from the heap's rules.
 *
 * src/meta/directory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/catalog.h"
#include "meta/cold.h"
#include "meta/deletion.h"
#include "meta/directory.h"
#include "meta/directory_columns.h"

/* Entries found so far. */
typedef struct EntryList
{
	RustsSegmentEntry *entries; /* [max] */
	uint32		n;
	uint32		max;
	bool		sorted;			/* by segment_id */
} EntryList;

static RustsSegmentEntry *load_entries(const char *index_name,
									   ScanKeyData *key, int nkeys,
									   bool each_level, Snapshot snapshot,
									   uint32 *nentries);
static void append_entry(EntryList *list, TupleTableSlot *slot);
static void read_entry(HeapTuple tuple, TupleDesc desc, bool with_filter,
					   RustsSegmentEntry *entry);
static int	compare_entries(const void *a, const void *b);

RustsSegmentEntry *
rusts_directory_load(int64 storage_id, int level, Snapshot snapshot,
					 uint32 *nentries)
{
	ScanKeyData key[2];

	ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	if (level < 0)
		return load_entries("segment_pkey", key, 1, false, snapshot, nentries);
	ScanKeyInit(&key[1], Anum_level, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(level));
	return load_entries("segment_time", key, 2, false, snapshot, nentries);
}

/*
 * The index has max_time before min_time because most ranges end with the
 * present: the scan begins at the first entry that is wanted.  The entries
 * after a range that ends in the past are told by their index tuples, without
 * a look at the heap.
 */
RustsSegmentEntry *
rusts_directory_load_range(int64 storage_id, Snapshot snapshot,
						   int64 min_time, int64 max_time, uint32 *nentries)
{
	ScanKeyData key[4];

	*nentries = 0;
	if (min_time > max_time)
		return NULL;
	ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	ScanKeyInit(&key[1], Anum_level, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(0));
	ScanKeyInit(&key[2], Anum_max_time, BTGreaterEqualStrategyNumber,
				F_TIMESTAMPTZ_GE, TimestampTzGetDatum(min_time));
	ScanKeyInit(&key[3], Anum_min_time, BTLessEqualStrategyNumber,
				F_TIMESTAMPTZ_LE, TimestampTzGetDatum(max_time));
	return load_entries("segment_time", key, 4, true, snapshot, nentries);
}

bool
rusts_directory_find_row(int64 storage_id, int64 row, Snapshot snapshot,
						 RustsSegmentEntry *entry)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	Relation	index = index_open(rusts_catalog_index("segment_pkey"),
								   AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	ScanKeyInit(&key[1], Anum_segment_id, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(row));
	scan = systable_beginscan_ordered(directory, index, snapshot, 2, key);

	/*
	 * Visible batches do not overlap, so the nearest one below decides.
	 */
	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	if (HeapTupleIsValid(tuple))
	{
		read_entry(tuple, RelationGetDescr(directory), false, entry);
		found = row < entry->segment_id + entry->nrows;
		if (!found && entry->payload != NULL)
			pfree(entry->payload);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(directory, AccessShareLock);
	return found;
}

void
rusts_directory_insert(const RustsSegmentEntry *entry, CommandId cid)
{
	Relation	directory = rusts_catalog_open("segment", RowExclusiveLock,
											   false);
	Datum		values[Natts_segment];
	bool		nulls[Natts_segment] = {false};
	struct varlena *tag_filter = NULL;
	HeapTuple	tuple;

	if (entry->tag_filter_len > 0)
	{
		tag_filter = palloc(VARHDRSZ + entry->tag_filter_len);
		SET_VARSIZE(tag_filter, VARHDRSZ + entry->tag_filter_len);
		memcpy(VARDATA(tag_filter), entry->tag_filter, entry->tag_filter_len);
	}
	values[Anum_storage_id - 1] = Int64GetDatum(entry->storage_id);
	values[Anum_segment_id - 1] = Int64GetDatum(entry->segment_id);
	values[Anum_bytes - 1] = Int64GetDatum(entry->bytes);
	values[Anum_raw_bytes - 1] = Int64GetDatum(entry->raw_bytes);
	values[Anum_min_time - 1] = TimestampTzGetDatum(entry->min_time);
	values[Anum_max_time - 1] = TimestampTzGetDatum(entry->max_time);
	nulls[Anum_min_time - 1] = nulls[Anum_max_time - 1] =
		entry->max_time == RUSTS_NO_TIME;
	values[Anum_time_partition - 1] =
		TimestampTzGetDatum(entry->time_partition);
	nulls[Anum_time_partition - 1] = entry->time_partition == RUSTS_NO_TIME;
	values[Anum_written_at - 1] = TimestampTzGetDatum(entry->written_at);
	values[Anum_nrows - 1] = Int32GetDatum((int32) entry->nrows);
	values[Anum_level - 1] = Int16GetDatum(entry->level);
	values[Anum_first_block - 1] = Int64GetDatum((int64) entry->first_block);
	values[Anum_nblocks - 1] = Int32GetDatum((int32) entry->nblocks);
	values[Anum_write_order - 1] = Int64GetDatum(entry->write_order);
	nulls[Anum_write_order - 1] = entry->write_order == entry->segment_id;
	values[Anum_key_columns - 1] = Int64GetDatum((int64) entry->key_columns);
	nulls[Anum_key_columns - 1] = entry->key_columns == 0;
	values[Anum_tag_filter - 1] = PointerGetDatum(tag_filter);
	nulls[Anum_tag_filter - 1] = tag_filter == NULL;
	values[Anum_payload - 1] = PointerGetDatum(entry->payload);
	nulls[Anum_payload - 1] = entry->payload == NULL;
	values[Anum_cold_table - 1] = ObjectIdGetDatum(entry->cold_table);
	nulls[Anum_cold_table - 1] = !OidIsValid(entry->cold_table);
	if (OidIsValid(entry->cold_table))
		values[Anum_payload - 1] =
			PointerGetDatum(rusts_cold_pointer_bytes(entry->payload));
	nulls[Anum_first_block - 1] = nulls[Anum_nblocks - 1] =
		entry->first_block == InvalidBlockNumber;

	tuple = heap_form_tuple(RelationGetDescr(directory), values, nulls);
	rusts_catalog_insert(directory, tuple, cid);
	heap_freetuple(tuple);
	if (tag_filter != NULL)
		pfree(tag_filter);
	table_close(directory, RowExclusiveLock);
}

void
rusts_directory_delete(const RustsSegmentEntry *entry)
{
	Relation	directory = rusts_catalog_open("segment", RowExclusiveLock,
											   false);
	ItemPointerData tid = entry->tid;

	rusts_catalog_delete(directory, &tid);
	table_close(directory, RowExclusiveLock);
	if (OidIsValid(entry->cold_table))
		rusts_cold_delete(entry->cold_table, entry->storage_id,
						  entry->segment_id);

	/* A transaction's own snapshot may not see all notes there are by now. */
	if (entry->ndeleted > 0 || IsolationUsesXactSnapshot())
		rusts_deletions_remove(entry->storage_id, entry->segment_id);
}

void
rusts_directory_delete_storage(int64 storage_id)
{
	Relation	directory = rusts_catalog_open("segment", RowExclusiveLock,
											   true);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Snapshot	snapshot;

	if (directory == NULL)
		return;

	/* A command cannot delete what it has inserted itself. */
	CommandCounterIncrement();
	rusts_deletions_remove_storage(storage_id);
	snapshot = rusts_hold_snapshot();
	ScanKeyInit(&key, Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	scan = systable_beginscan(directory,
							  rusts_catalog_index("segment_pkey"), true,
							  SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		RustsSegmentEntry entry;

		CHECK_FOR_INTERRUPTS();
		read_entry(tuple, RelationGetDescr(directory), false, &entry);
		if (OidIsValid(entry.cold_table))
			rusts_cold_delete(entry.cold_table, storage_id, entry.segment_id);
		if (entry.payload != NULL)
			pfree(entry.payload);
		simple_heap_delete(directory, &tuple->t_self);
	}
	systable_endscan(scan);
	rusts_release_snapshot(snapshot);
	table_close(directory, RowExclusiveLock);
}

/*
 * Find each storage once, by skipping through the index: from the last
 * storage found to the next greater one.
 */
int64 *
rusts_directory_storages(Snapshot snapshot, uint32 *nstorages)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   true);
	Relation	index;
	uint32		max_storages = 16;
	uint32		count = 0;
	int64	   *storages;
	int64		last = PG_INT64_MIN;

	*nstorages = 0;
	if (directory == NULL)
		return NULL;
	index = index_open(rusts_catalog_index("segment_pkey"), AccessShareLock);
	storages = palloc_array(int64, max_storages);
	for (;;)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;
		bool		isnull;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		ScanKeyInit(&key, Anum_storage_id, BTGreaterStrategyNumber,
					F_INT8GT, Int64GetDatum(last));
		scan = systable_beginscan_ordered(directory, index, snapshot, 1, &key);
		tuple = systable_getnext_ordered(scan, ForwardScanDirection);
		found = HeapTupleIsValid(tuple);
		if (found)
			last = DatumGetInt64(heap_getattr(tuple, Anum_storage_id,
											  RelationGetDescr(directory),
											  &isnull));
		systable_endscan_ordered(scan);
		if (!found)
			break;
		if (count == max_storages)
		{
			max_storages *= 2;
			storages = repalloc_huge(storages, sizeof(int64) * max_storages);
		}
		storages[count++] = last;
	}
	index_close(index, AccessShareLock);
	table_close(directory, AccessShareLock);
	*nstorages = count;
	return storages;
}

void
rusts_directory_summarize(int64 storage_id, Snapshot snapshot,
						  RustsActiveSummary *summary)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	TupleDesc	desc = RelationGetDescr(directory);
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple	tuple;

	memset(summary, 0, sizeof(*summary));
	ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	ScanKeyInit(&key[1], Anum_level, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(RUSTS_LEVEL_ACTIVE));
	scan = systable_beginscan(directory,
							  rusts_catalog_index("segment_time"), true,
							  snapshot, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		TimestampTz written_at;

		summary->batches++;
		summary->rows += DatumGetInt32(heap_getattr(tuple, Anum_nrows, desc,
													&isnull));
		summary->bytes += DatumGetInt64(heap_getattr(tuple, Anum_bytes, desc,
													 &isnull));
		written_at = DatumGetTimestampTz(heap_getattr(tuple, Anum_written_at,
													  desc, &isnull));
		if (summary->batches == 1 || written_at < summary->oldest)
			summary->oldest = written_at;
	}
	systable_endscan(scan);
	table_close(directory, AccessShareLock);
}

/*
 * The entries that match keys on an index's first columns, by ascending
 * segment_id.  With each_level one scan is made for each level, which is the
 * argument of key[1].
 *
 * systable_beginscan would open the index, make a slot and look the columns
 * up for each scan; here that is done once for three.  As there, the heap is
 * read when there is no index: pg_upgrade makes the indexes when it has
 * attached the partitions already, and attaching one reads it.
 */
static RustsSegmentEntry *
load_entries(const char *index_name, ScanKeyData *key, int nkeys,
			 bool each_level, Snapshot snapshot, uint32 *nentries)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	Oid			index_id = rusts_catalog_index(index_name);
	TupleTableSlot *slot = table_slot_create(directory, NULL);
	EntryList	list = {.max = 16, .sorted = true};
	int			last_level = each_level ? RUSTS_LEVEL_COLD : 0;
	int			level;
	int			i;

	list.entries = palloc_array(RustsSegmentEntry, list.max);
	if (OidIsValid(index_id))
	{
		Relation	index = index_open(index_id, AccessShareLock);
		IndexScanDesc scan = rusts_index_beginscan(directory, index, snapshot,
												   nkeys);

		for (i = 0; i < nkeys; i++)
			key[i].sk_attno = i + 1;
		for (level = 0; level <= last_level; level++)
		{
			if (each_level)
				key[1].sk_argument = Int16GetDatum(level);
			index_rescan(scan, key, nkeys, NULL, 0);
			while (index_getnext_slot(scan, ForwardScanDirection, slot))
				append_entry(&list, slot);
		}
		index_endscan(scan);
		index_close(index, AccessShareLock);
	}
	else
	{
		for (level = 0; level <= last_level; level++)
		{
			TableScanDesc scan;

			if (each_level)
				key[1].sk_argument = Int16GetDatum(level);
			scan = table_beginscan_strat(directory, snapshot, nkeys, key,
										 true, false);
			while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
				append_entry(&list, slot);
			table_endscan(scan);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(directory, AccessShareLock);

	if (!list.sorted)
		rusts_entries_sort(list.entries, list.n);
	if (list.n > 0)
		rusts_deletions_load(DatumGetInt64(key[0].sk_argument), snapshot,
							 list.entries, list.n);
	*nentries = list.n;
	return list.entries;
}

static void
append_entry(EntryList *list, TupleTableSlot *slot)
{
	RustsSegmentEntry *entry;

	CHECK_FOR_INTERRUPTS();
	if (list->n == list->max)
	{
		list->max *= 2;
		list->entries = repalloc_huge(list->entries,
									  sizeof(RustsSegmentEntry) * list->max);
	}
	entry = &list->entries[list->n];
	read_entry(ExecFetchSlotHeapTuple(slot, false, NULL),
			   slot->tts_tupleDescriptor, true, entry);
	if (list->n > 0 && entry[-1].segment_id > entry->segment_id)
		list->sorted = false;
	list->n++;
}

/*
 * Take a directory row apart.  The payload is copied as it is stored, in one
 * allocation with the filter.
 */
static void
read_entry(HeapTuple tuple, TupleDesc desc, bool with_filter,
		   RustsSegmentEntry *entry)
{
	Datum		values[Natts_segment];
	bool		nulls[Natts_segment];
	struct varlena *payload = NULL;
	struct varlena *filter = NULL;
	Size		payload_size = 0;
	Size		filter_len = 0;
	char	   *copy = NULL;
	TransactionId xmin;

	/* Before ALTER EXTENSION UPDATE there are fewer. */
	memset(nulls, true, sizeof(nulls));
	heap_deform_tuple(tuple, desc, values, nulls);
	entry->storage_id = DatumGetInt64(values[Anum_storage_id - 1]);
	entry->segment_id = DatumGetInt64(values[Anum_segment_id - 1]);
	entry->bytes = DatumGetInt64(values[Anum_bytes - 1]);
	entry->raw_bytes = DatumGetInt64(values[Anum_raw_bytes - 1]);
	entry->min_time = nulls[Anum_min_time - 1] ? RUSTS_NO_TIME :
		DatumGetTimestampTz(values[Anum_min_time - 1]);
	entry->max_time = nulls[Anum_max_time - 1] ? RUSTS_NO_TIME :
		DatumGetTimestampTz(values[Anum_max_time - 1]);
	entry->time_partition = nulls[Anum_time_partition - 1] ? RUSTS_NO_TIME :
		DatumGetTimestampTz(values[Anum_time_partition - 1]);
	entry->written_at = DatumGetTimestampTz(values[Anum_written_at - 1]);
	entry->nrows = (uint32) DatumGetInt32(values[Anum_nrows - 1]);
	entry->level = DatumGetInt16(values[Anum_level - 1]);
	entry->first_block = nulls[Anum_first_block - 1] ? InvalidBlockNumber :
		(BlockNumber) DatumGetInt64(values[Anum_first_block - 1]);
	entry->nblocks = nulls[Anum_nblocks - 1] ? 0 :
		(uint32) DatumGetInt32(values[Anum_nblocks - 1]);
	entry->cold_table = nulls[Anum_cold_table - 1] ? InvalidOid :
		DatumGetObjectId(values[Anum_cold_table - 1]);
	entry->write_order = nulls[Anum_write_order - 1] ? entry->segment_id :
		DatumGetInt64(values[Anum_write_order - 1]);
	entry->key_columns = nulls[Anum_key_columns - 1] ? 0 :
		(uint64) DatumGetInt64(values[Anum_key_columns - 1]);
	if (!nulls[Anum_payload - 1])
	{
		payload = (struct varlena *) DatumGetPointer(values[Anum_payload - 1]);
		if (OidIsValid(entry->cold_table))
			payload = rusts_cold_pointer(payload);
	}
	if (payload != NULL)
	{
		payload_size = VARSIZE_ANY(payload);
	}
	if (with_filter && !nulls[Anum_tag_filter - 1])
	{
		filter = PG_DETOAST_DATUM_PACKED(values[Anum_tag_filter - 1]);
		filter_len = VARSIZE_ANY_EXHDR(filter);
	}
	if (payload != NULL || filter_len > 0)
		copy = palloc(payload_size + filter_len);
	entry->payload = NULL;
	if (payload != NULL)
		entry->payload = memcpy(copy, payload, payload_size);
	entry->tag_filter = NULL;
	entry->tag_filter_len = filter_len;
	if (filter_len > 0)
		entry->tag_filter = memcpy(copy + payload_size, VARDATA_ANY(filter),
								   filter_len);
	entry->deleted = NULL;
	entry->ndeleted = 0;
	entry->notes = false;
	entry->tid = tuple->t_self;
	xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	entry->own = TransactionIdIsCurrentTransactionId(xmin);
}

void
rusts_entries_sort(RustsSegmentEntry *entries, uint32 nentries)
{
	qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_entries);
}

static int
compare_entries(const void *a, const void *b)
{
	int64		left = ((const RustsSegmentEntry *) a)->segment_id;
	int64		right = ((const RustsSegmentEntry *) b)->segment_id;

	return (left > right) - (left < right);
}

RustsSegmentEntry *
rusts_entries_find(RustsSegmentEntry *entries, uint32 nentries,
				   int64 segment_id)
{
	uint32		low = 0;
	uint32		high = nentries;

	while (low < high)
	{
		uint32		mid = low + (high - low) / 2;

		if (entries[mid].segment_id < segment_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nentries && entries[low].segment_id == segment_id ?
		&entries[low] : NULL;
}
