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
 * A segment's rows are read when somebody opens it; before that only their
 * number is known, and those that are at hand.  Rows that were updated are
 * told a second time with their new row numbers: the distance to the one
 * before as a varint, and the row number minus that of the one before, zigzag.
 *
 * Many statements that delete a row each would leave many notes; so now and
 * then one of them puts a segment's small notes together.
 *
 * XXX As long as a transaction that began before them is running, notes that
 * were put together stay as dead rows, and whoever reads the segment's notes
 * passes over them: 0.15 us each.
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
#include "base/bits.h"
#include "base/rowset.h"
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

/* Notes of a segment are put together when there are so many ... */
#define MANY_NOTES		16

/* ... of at most so many rows each. */
#define SMALL_NOTE		16384

/* Rows are read together with their number into so many bytes of bitmaps. */
#define AT_HAND_BYTES		(1024 * 1024)

/* So many segments' notes we remember to have counted. */
#define COUNTED_SEGMENTS	64

/* Of the segments that this session has deleted rows of, the last ones. */
static struct
{
	int64		storage_id;
	int64		segment_id;
	uint32		missing;		/* notes, as far as we know */
}			counted[COUNTED_SEGMENTS];

static SysScanDesc begin_scan(Relation table, int64 storage_id,
							  const int64 *segment_id, Snapshot snapshot);
static bool read_at_hand(RustsSegmentEntry *entry, HeapTuple tuple,
						 TupleDesc desc, Size *space);
static void remove_notes(int64 storage_id, const int64 *segment_id);
static const uint8 *note_rows(HeapTuple tuple, TupleDesc desc,
							  const uint8 **end);
static void read_moved(HeapTuple tuple, TupleDesc desc, RustsDeletedRow *rows,
					   uint32 nrows);
static bool has_many_notes(Relation table, int64 storage_id,
						   int64 segment_id, bool nested);
static uint32 count_small_notes(Relation table, int64 storage_id,
								int64 segment_id, bool nested);
static bool is_small_note(HeapTuple tuple, TupleDesc desc, bool nested,
						  uint32 *nrows);
static bool is_seen_by_all(HeapTupleHeader header, bool nested);
static RustsDeletedRow *take_small_notes(Relation table, int64 storage_id,
										 int64 segment_id,
										 const RustsDeletedRow *rows,
										 uint32 *nrows, bool nested);
static bool take_note(Relation table, HeapTuple tuple);
static void list_note(HeapTuple tuple, TupleDesc desc, int64 segment_id,
					  RustsDeletedRow *rows, uint32 nrows);
static int	compare_rows(const void *a, const void *b);
static struct varlena *encode_rows(const RustsDeletedRow *rows, uint32 nrows);
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
	Size		space = AT_HAND_BYTES;

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
		RustsSegmentEntry *entry = rusts_entries_find(entries, nentries,
													  segment_id);

		/* Not all of the storage's entries may be wanted. */
		if (entry == NULL)
			continue;
		entry->ndeleted +=
			DatumGetInt32(heap_getattr(tuple, Anum_nrows, desc, &isnull));
		if (!read_at_hand(entry, tuple, desc, &space))
			entry->notes = true;
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

void
rusts_deletions_read(RustsSegmentEntry *entry, Snapshot snapshot)
{
	Relation	table;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!entry->notes)
		return;
	table = rusts_catalog_open("deletion", AccessShareLock, false);
	desc = RelationGetDescr(table);
	if (entry->deleted == NULL)
		entry->deleted = palloc0(sizeof(uint64) *
								 RUSTS_BITMAP_WORDS(entry->nrows));
	scan = begin_scan(table, entry->storage_id, &entry->segment_id, snapshot);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const uint8 *end;
		const uint8 *p = note_rows(tuple, desc, &end);

		if (!rusts_rowset_get(p, end, entry->nrows, entry->deleted))
			report_corrupt(entry->segment_id);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	entry->ndeleted = rusts_bitmap_count(entry->deleted, entry->nrows);
	entry->notes = false;
}

/*
 * Add a note's rows to entry->deleted, unless they are elsewhere or there is
 * no space; *space becomes less.  What is corrupt is reported to those who
 * need it.
 */
static bool
read_at_hand(RustsSegmentEntry *entry, HeapTuple tuple, TupleDesc desc,
			 Size *space)
{
	Size		size = sizeof(uint64) * RUSTS_BITMAP_WORDS(entry->nrows);
	bool		isnull;
	Datum		rows = heap_getattr(tuple, Anum_deleted, desc, &isnull);
	const uint8 *end;
	const uint8 *p;

	if (entry->notes || VARATT_IS_EXTERNAL(DatumGetPointer(rows)) ||
		VARATT_IS_COMPRESSED(DatumGetPointer(rows)))
		return false;
	if (entry->deleted == NULL)
	{
		if (size > *space)
			return false;
		entry->deleted = palloc0(size);
		*space -= size;
	}
	p = note_rows(tuple, desc, &end);
	return rusts_rowset_get(p, end, entry->nrows, entry->deleted);
}

static const uint8 *
note_rows(HeapTuple tuple, TupleDesc desc, const uint8 **end)
{
	bool		isnull;
	struct varlena *rows =
	PG_DETOAST_DATUM_PACKED(heap_getattr(tuple, Anum_deleted, desc,
										 &isnull));

	*end = (const uint8 *) VARDATA_ANY(rows) + VARSIZE_ANY_EXHDR(rows);
	return (const uint8 *) VARDATA_ANY(rows);
}

void
rusts_deletions_insert(int64 storage_id, int64 segment_id,
					   const RustsDeletedRow *rows, uint32 nrows,
					   CommandId cid, bool nested)
{
	Relation	table = rusts_catalog_open("deletion", RowExclusiveLock,
										   false);
	Datum		values[Natts_deletion];
	bool		nulls[Natts_deletion] = {false};
	struct varlena *moved;
	HeapTuple	tuple;

	if (has_many_notes(table, storage_id, segment_id, nested))
		rows = take_small_notes(table, storage_id, segment_id, rows, &nrows,
								nested);
	moved = encode_moved(rows, nrows);

	values[Anum_storage_id - 1] = Int64GetDatum(storage_id);
	values[Anum_segment_id - 1] = Int64GetDatum(segment_id);
	values[Anum_nrows - 1] = Int32GetDatum((int32) nrows);
	values[Anum_deleted - 1] = PointerGetDatum(encode_rows(rows, nrows));
	values[Anum_moved - 1] = PointerGetDatum(moved);
	nulls[Anum_moved - 1] = moved == NULL;
	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
	rusts_catalog_insert(table, tuple, cid);
	heap_freetuple(tuple);
	table_close(table, RowExclusiveLock);
}

/*
 * Is another note one too many?  To count them means to look at dead ones,
 * too, which pile up while an old transaction runs; so who has counted does it
 * again after he has written as many as there was room for.
 */
static bool
has_many_notes(Relation table, int64 storage_id, int64 segment_id,
			   bool nested)
{
	uint64		hash = rusts_mix_bits(rusts_mix_bits(storage_id) ^ segment_id);
	int			i = hash % COUNTED_SEGMENTS;
	uint32		count;

	if (counted[i].storage_id == storage_id &&
		counted[i].segment_id == segment_id && counted[i].missing > 1)
	{
		counted[i].missing--;
		return false;
	}
	count = count_small_notes(table, storage_id, segment_id, nested);
	counted[i].storage_id = storage_id;
	counted[i].segment_id = segment_id;
	counted[i].missing = count < MANY_NOTES ? MANY_NOTES - count : MANY_NOTES;
	return count >= MANY_NOTES;
}

static uint32
count_small_notes(Relation table, int64 storage_id, int64 segment_id,
				  bool nested)
{
	SysScanDesc scan = begin_scan(table, storage_id, &segment_id,
								  SnapshotSelf);
	HeapTuple	tuple;
	uint32		count = 0;
	uint32		nrows;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		count += is_small_note(tuple, RelationGetDescr(table), nested,
							   &nrows);
	systable_endscan(scan);
	return count;
}

static bool
is_small_note(HeapTuple tuple, TupleDesc desc, bool nested, uint32 *nrows)
{
	bool		isnull;

	*nrows = DatumGetInt32(heap_getattr(tuple, Anum_nrows, desc, &isnull));
	return *nrows >= 1 && *nrows <= SMALL_NOTE &&
		is_seen_by_all(tuple->t_data, nested);
}

/*
 * May what the note says be said again in our name?  A command cannot delete
 * a note that it has made itself.  And another transaction's deletion becomes
 * one of ours, which all our later commands see: those of a transaction with
 * one snapshot, and a statement that we are in the middle of, must not see
 * what happened after their snapshot was taken.
 */
static bool
is_seen_by_all(HeapTupleHeader header, bool nested)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(header);

	if (TransactionIdIsCurrentTransactionId(xmin))
		return HeapTupleHeaderGetCmin(header) < GetCurrentCommandId(false);
	if (IsolationUsesXactSnapshot())
		return !XidInMVCCSnapshot(xmin, GetTransactionSnapshot());
	return !nested || TransactionIdPrecedes(xmin, TransactionXmin);
}

/*
 * Delete a segment's small notes; returns their rows and those given, and
 * sets *nrows to their number.  Who has an older snapshot goes on with the old
 * notes.
 */
static RustsDeletedRow *
take_small_notes(Relation table, int64 storage_id, int64 segment_id,
				 const RustsDeletedRow *rows, uint32 *nrows, bool nested)
{
	SysScanDesc scan = begin_scan(table, storage_id, &segment_id,
								  SnapshotSelf);
	Snapshot	snapshot = rusts_hold_snapshot();
	RustsDeletedRow *all = palloc_array(RustsDeletedRow, *nrows);
	uint32		n = *nrows;
	HeapTuple	tuple;
	uint32		more;

	memcpy(all, rows, sizeof(RustsDeletedRow) * n);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (!is_small_note(tuple, RelationGetDescr(table), nested, &more) ||
			!take_note(table, tuple))
			continue;
		all = repalloc_huge(all, sizeof(RustsDeletedRow) *
							((Size) n + more));
		list_note(tuple, RelationGetDescr(table), segment_id, all + n, more);
		n += more;
	}
	systable_endscan(scan);
	rusts_release_snapshot(snapshot);
	qsort(all, n, sizeof(RustsDeletedRow), compare_rows);
	*nrows = n;
	return all;
}

/* Delete a note; false if another session is doing the same. */
static bool
take_note(Relation table, HeapTuple tuple)
{
	ItemPointerData tid = tuple->t_self;
	TM_FailureData failure;

	return heap_delete(table, &tid, GetCurrentCommandId(true),
					   InvalidSnapshot, false, &failure, false) == TM_Ok;
}

static void
list_note(HeapTuple tuple, TupleDesc desc, int64 segment_id,
		  RustsDeletedRow *rows, uint32 nrows)
{
	const uint8 *end;
	const uint8 *p = note_rows(tuple, desc, &end);
	uint32		i;

	if (!rusts_rowset_list(p, end, &rows->row, sizeof(RustsDeletedRow),
						   nrows))
		report_corrupt(segment_id);
	for (i = 0; i < nrows; i++)
		rows[i].moved_to = -1;
	read_moved(tuple, desc, rows, nrows);
}

static int
compare_rows(const void *a, const void *b)
{
	uint32		left = ((const RustsDeletedRow *) a)->row;
	uint32		right = ((const RustsDeletedRow *) b)->row;

	return (left > right) - (left < right);
}

static struct varlena *
encode_rows(const RustsDeletedRow *rows, uint32 nrows)
{
	struct varlena *result =
	palloc_extended(VARHDRSZ +
					RUSTS_ROWSET_MAX(nrows, rows[nrows - 1].row),
					MCXT_ALLOC_HUGE);
	uint8	   *end = rusts_rowset_put((uint8 *) VARDATA(result), &rows->row,
									   sizeof(RustsDeletedRow), nrows);

	SET_VARSIZE(result, end - (uint8 *) result);
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

bool
rusts_deletions_find(int64 storage_id, int64 segment_id, uint32 row,
					 Snapshot snapshot, RustsDeleter *deleter)
{
	Relation	table = rusts_catalog_open("deletion", AccessShareLock,
										   false);
	TupleDesc	desc = RelationGetDescr(table);
	SysScanDesc scan = begin_scan(table, storage_id, &segment_id, snapshot);
	RustsDeletedRow moved = {.moved_to = -1};
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const uint8 *end;
		const uint8 *p = note_rows(tuple, desc, &end);

		found = rusts_rowset_has(p, end, row);
		if (!found)
			continue;
		deleter->xid = HeapTupleHeaderGetXmin(tuple->t_data);
		deleter->own = TransactionIdIsCurrentTransactionId(deleter->xid);
		deleter->cid = deleter->own ?
			HeapTupleHeaderGetCmin(tuple->t_data) : InvalidCommandId;
		moved.row = row;
		read_moved(tuple, desc, &moved, 1);
		deleter->moved_to = moved.moved_to;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

/* Set moved_to of those of the rows, ascending, that were updated. */
static void
read_moved(HeapTuple tuple, TupleDesc desc, RustsDeletedRow *rows,
		   uint32 nrows)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, Anum_moved, desc, &isnull);
	struct varlena *moved;
	const uint8 *p;
	const uint8 *end;
	uint64		row = 0;
	uint64		moved_to = 0;
	uint32		i = 0;

	if (isnull)
		return;
	moved = PG_DETOAST_DATUM_PACKED(datum);
	p = (const uint8 *) VARDATA_ANY(moved);
	end = p + VARSIZE_ANY_EXHDR(moved);
	while (p < end && i < nrows)
	{
		uint64		distance;
		uint64		difference;

		p = rusts_get_varint(p, end, &distance);
		if (p != NULL)
			p = rusts_get_varint(p, end, &difference);
		if (p == NULL)
			break;
		row += distance;
		moved_to += rusts_unzigzag(difference);
		while (i < nrows && rows[i].row < row)
			i++;
		if (i < nrows && rows[i].row == row)
			rows[i].moved_to = (int64) moved_to;
	}
}

void
rusts_deletions_remove(int64 storage_id, int64 segment_id)
{
	remove_notes(storage_id, &segment_id);
}

void
rusts_deletions_remove_storage(int64 storage_id)
{
	remove_notes(storage_id, NULL);
}

static void
remove_notes(int64 storage_id, const int64 *segment_id)
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
