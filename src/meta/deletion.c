/*-------------------------------------------------------------------------
 *
 * deletion.c
 *	  Deleted rows of segments, rusts.deletion.
 *
 * Segments never change; what was deleted of them is noted here, one row per
 * segment and statement that has deleted some of it.  As the directory, this
 * is an ordinary heap that is read with the scan's own snapshot, and that is
 * the whole of its MVCC.  The notes go when the segment goes.
 *
 * Deleted rows are stored as runs: for each, the number of rows since the end
 * of the one before, and its length, as varints.  Rows that were updated are
 * told a second time with their new row numbers: the distance to the one
 * before, and the row number minus that of the one before, zigzag.
 *
 * src/meta/deletion.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/bitmap.h"
#include "base/varint.h"
#include "compat.h"
#include "meta/catalog.h"
#include "meta/deletion.h"

enum
{
	Anum_storage_id = 1,
	Anum_segment_id,
	Anum_nrows,
	Anum_deleted,
	Anum_moved
};
#define Natts_deletion	Anum_moved

typedef bool (*RunCallback) (void *arg, uint32 first, uint32 end);

static SysScanDesc begin_scan(Relation table, int64 storage_id,
							  const int64 *segment_id, Snapshot snapshot);
static void remove_rows(int64 storage_id, const int64 *segment_id);
static RustsSegmentEntry *find_entry(RustsSegmentEntry *entries, uint32 n,
									 int64 segment_id);
static void read_runs(HeapTuple tuple, TupleDesc desc, int64 segment_id,
					  uint32 nrows, RunCallback callback, void *arg);
static bool set_bits(void *arg, uint32 first, uint32 end);
static bool covers_row(void *arg, uint32 first, uint32 end);
static int64 read_moved_to(HeapTuple tuple, TupleDesc desc, uint32 row);
static struct varlena *encode_runs(const RustsDeletedRow *rows, uint32 nrows);
static struct varlena *encode_moved(const RustsDeletedRow *rows,
									uint32 nrows);
pg_noreturn static void report_corrupt(int64 segment_id);

void
rusts_deletions_load(int64 storage_id, Snapshot snapshot,
					 RustsSegmentEntry *entries, uint32 nentries)
{
	Relation	table = rusts_catalog_open("deletion", AccessShareLock, true);
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (table == NULL)
		return;
	desc = RelationGetDescr(table);
	scan = begin_scan(table, storage_id, NULL, snapshot);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int64		segment_id = DatumGetInt64(heap_getattr(tuple,
															Anum_segment_id,
															desc, &isnull));
		RustsSegmentEntry *entry = find_entry(entries, nentries, segment_id);

		/* Not all of the storage's entries may be wanted. */
		if (entry == NULL)
			continue;
		if (entry->deleted == NULL)
			entry->deleted = palloc0(sizeof(uint64) *
									 RUSTS_BITMAP_WORDS(entry->nrows));
		read_runs(tuple, desc, segment_id, entry->nrows, set_bits,
				  entry->deleted);
		entry->ndeleted = rusts_bitmap_count(entry->deleted, entry->nrows);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* Of one segment, or of all. */
static SysScanDesc
begin_scan(Relation table, int64 storage_id, const int64 *segment_id,
		   Snapshot snapshot)
{
	Oid			index = rusts_catalog_index("deletion_segment");
	ScanKeyData key[2];

	ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(storage_id));
	if (segment_id != NULL)
		ScanKeyInit(&key[1], Anum_segment_id, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(*segment_id));

	/* pg_upgrade may have no index yet, see directory.c. */
	return systable_beginscan(table, index, OidIsValid(index), snapshot,
							  segment_id != NULL ? 2 : 1, key);
}

static RustsSegmentEntry *
find_entry(RustsSegmentEntry *entries, uint32 n, int64 segment_id)
{
	uint32		low = 0;
	uint32		high = n;

	while (low < high)
	{
		uint32		mid = low + (high - low) / 2;

		if (entries[mid].segment_id < segment_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && entries[low].segment_id == segment_id ?
		&entries[low] : NULL;
}

/* Tell the runs of a note; callback returns false for no more. */
static void
read_runs(HeapTuple tuple, TupleDesc desc, int64 segment_id, uint32 nrows,
		  RunCallback callback, void *arg)
{
	bool		isnull;
	struct varlena *runs =
		PG_DETOAST_DATUM_PACKED(heap_getattr(tuple, Anum_deleted, desc,
											 &isnull));
	const uint8 *p = (const uint8 *) VARDATA_ANY(runs);
	const uint8 *end = p + VARSIZE_ANY_EXHDR(runs);
	uint64		row = 0;

	while (p < end)
	{
		uint64		gap;
		uint64		length;

		p = rusts_get_varint(p, end, &gap);
		if (p != NULL)
			p = rusts_get_varint(p, end, &length);
		if (p == NULL || gap > nrows - row || length > nrows - row - gap)
			report_corrupt(segment_id);
		row += gap;
		if (!callback(arg, row, row + length))
			break;
		row += length;
	}
}

static bool
set_bits(void *arg, uint32 first, uint32 end)
{
	uint64	   *bits = arg;

	for (; first < end && first % 64 != 0; first++)
		rusts_bitmap_set(bits, first);
	for (; first + 64 <= end; first += 64)
		bits[first / 64] = PG_UINT64_MAX;
	for (; first < end; first++)
		rusts_bitmap_set(bits, first);
	return true;
}

void
rusts_deletions_insert(int64 storage_id, int64 segment_id,
					   const RustsDeletedRow *rows, uint32 nrows,
					   CommandId cid)
{
	Relation	table = rusts_catalog_open("deletion", RowExclusiveLock,
										   false);
	Datum		values[Natts_deletion];
	bool		nulls[Natts_deletion] = {false};
	struct varlena *moved = encode_moved(rows, nrows);
	HeapTuple	tuple;

	values[Anum_storage_id - 1] = Int64GetDatum(storage_id);
	values[Anum_segment_id - 1] = Int64GetDatum(segment_id);
	values[Anum_nrows - 1] = Int32GetDatum((int32) nrows);
	values[Anum_deleted - 1] = PointerGetDatum(encode_runs(rows, nrows));
	values[Anum_moved - 1] = PointerGetDatum(moved);
	nulls[Anum_moved - 1] = moved == NULL;
	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
	rusts_catalog_insert(table, tuple, cid);
	heap_freetuple(tuple);
	table_close(table, RowExclusiveLock);
}

static struct varlena *
encode_runs(const RustsDeletedRow *rows, uint32 nrows)
{
	struct varlena *result = palloc_extended(VARHDRSZ +
											 (Size) nrows * 2 * 5,
											 MCXT_ALLOC_HUGE);
	uint8	   *p = (uint8 *) VARDATA(result);
	uint32		end = 0;
	uint32		i = 0;

	while (i < nrows)
	{
		uint32		first = rows[i].row;
		uint32		length = 1;

		while (i + length < nrows && rows[i + length].row == first + length)
			length++;
		p = rusts_put_varint(p, first - end);
		p = rusts_put_varint(p, length);
		end = first + length;
		i += length;
	}
	SET_VARSIZE(result, p - (uint8 *) result);
	return result;
}

/* NULL if none was updated. */
static struct varlena *
encode_moved(const RustsDeletedRow *rows, uint32 nrows)
{
	struct varlena *result = NULL;
	uint8	   *p = NULL;
	uint32		row = 0;
	int64		moved_to = 0;
	uint32		i;

	for (i = 0; i < nrows; i++)
	{
		if (rows[i].moved_to < 0)
			continue;
		if (result == NULL)
		{
			result = palloc_extended(VARHDRSZ + (Size) (nrows - i) *
									 (5 + RUSTS_VARINT_MAX),
									 MCXT_ALLOC_HUGE);
			p = (uint8 *) VARDATA(result);
		}
		p = rusts_put_varint(p, rows[i].row - row);
		p = rusts_put_varint(p, rusts_zigzag(rows[i].moved_to - moved_to));
		row = rows[i].row;
		moved_to = rows[i].moved_to;
	}
	if (result != NULL)
		SET_VARSIZE(result, p - (uint8 *) result);
	return result;
}

typedef struct RowSearch
{
	uint32		row;
	bool		found;
} RowSearch;

bool
rusts_deletions_find(int64 storage_id, int64 segment_id, uint32 nrows,
					 uint32 row, Snapshot snapshot, RustsDeleter *deleter)
{
	Relation	table = rusts_catalog_open("deletion", AccessShareLock,
										   false);
	TupleDesc	desc = RelationGetDescr(table);
	SysScanDesc scan = begin_scan(table, storage_id, &segment_id, snapshot);
	RowSearch	search = {.row = row};
	HeapTuple	tuple;

	while (!search.found &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		read_runs(tuple, desc, segment_id, nrows, covers_row, &search);
		if (!search.found)
			continue;
		deleter->xid = HeapTupleHeaderGetXmin(tuple->t_data);
		deleter->own = TransactionIdIsCurrentTransactionId(deleter->xid);
		deleter->cid = deleter->own ?
			HeapTupleHeaderGetCmin(tuple->t_data) : InvalidCommandId;
		deleter->moved_to = read_moved_to(tuple, desc, row);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return search.found;
}

static bool
covers_row(void *arg, uint32 first, uint32 end)
{
	RowSearch  *search = arg;

	search->found = search->row >= first && search->row < end;
	return search->row >= end;
}

/* The new row number of a deleted row, or -1. */
static int64
read_moved_to(HeapTuple tuple, TupleDesc desc, uint32 row)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, Anum_moved, desc, &isnull);
	struct varlena *moved;
	const uint8 *p;
	const uint8 *end;
	uint64		at = 0;
	int64		moved_to = 0;

	if (isnull)
		return -1;
	moved = PG_DETOAST_DATUM_PACKED(datum);
	p = (const uint8 *) VARDATA_ANY(moved);
	end = p + VARSIZE_ANY_EXHDR(moved);
	while (p < end && at <= row)
	{
		uint64		distance;
		uint64		difference;

		p = rusts_get_varint(p, end, &distance);
		if (p != NULL)
			p = rusts_get_varint(p, end, &difference);
		if (p == NULL)
			break;
		at += distance;
		moved_to += (int64) rusts_unzigzag(difference);
		if (at == row)
			return moved_to;
	}
	return -1;
}

void
rusts_deletions_remove(int64 storage_id, int64 segment_id)
{
	remove_rows(storage_id, &segment_id);
}

void
rusts_deletions_remove_storage(int64 storage_id)
{
	remove_rows(storage_id, NULL);
}

static void
remove_rows(int64 storage_id, const int64 *segment_id)
{
	Relation	table = rusts_catalog_open("deletion", RowExclusiveLock, true);
	SysScanDesc scan;
	HeapTuple	tuple;
	Snapshot	snapshot;

	if (table == NULL)
		return;
	snapshot = rusts_hold_snapshot();
	scan = begin_scan(table, storage_id, segment_id, SnapshotSelf);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		rusts_catalog_delete(table, &tuple->t_self);
	}
	systable_endscan(scan);
	rusts_release_snapshot(snapshot);
	table_close(table, RowExclusiveLock);
}

static void
report_corrupt(int64 segment_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("deleted rows of segment %lld cannot be read",
					(long long) segment_id),
			 errhint("Restore the table rusts.deletion from a backup.")));
}
