/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Scans of a measurement row by row.
 *
 * A scan reads the segment directory once, with its own snapshot, and then
 * one segment after the other, in the order of their row numbers.  Parallel
 * workers have the same list, since they have the same snapshot, and draw
 * pieces of segments from a shared counter.
 *
 * The planner puts a node of ours, which knows columns and conditions, in
 * the place of such a scan where it can; this one decodes everything.
 *
 * ANALYZE and TABLESAMPLE want blocks.  For ANALYZE, the rows are divided
 * among the blocks of the main fork that it samples from; of each block's
 * share a few rows in some places are looked at and all are counted.  For
 * TABLESAMPLE, a block is as many rows as a TID's block.
 *
 * src/am/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tsmapi.h"
#include "access/xact.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "meta/deletion.h"
#include "meta/settings.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "segment/rows.h"
#include "vector/aggregate.h"
#include "write/buffer.h"
#include "write/duplicates.h"

/* Rows of a segment that a parallel worker draws at once. */
#define PARALLEL_ROWS		32768

/*
 * ANALYZE looks at rows in about as many places.  Rows that lie together are
 * alike, and a few pages may hold millions of them.
 */
#define ANALYZE_SPOTS		3000

/* ANALYZE looks at this many rows for each row it will keep, about. */
#define ANALYZE_OVERSAMPLE	3

/* In dynamic shared memory. */
typedef struct ParallelScan
{
	ParallelTableScanDescData base; /* set once at start */
	pg_atomic_uint64 next_piece;	/* atomic */
} ParallelScan;

typedef struct RustsScan
{
	TableScanDescData base;
	MemoryContext scan_cxt;		/* everything below */
	MemoryContext reader_cxt;	/* the open segment */
	Snapshot	snapshot;		/* for the directory */
	bool		own_snapshot;	/* registered here */
	bool		loaded;
	uint32		nentries;
	RustsSegmentEntry *entries;
	int64	   *rows_before;	/* [nentries + 1] rows before each */
	int64		current;		/* open entry, or -1 */
	RustsReader *reader;
	RustsRows  *rows;			/* NULL until a row is asked for */
	TupleDesc	desc;			/* of rows, and of the slots they go to */

	/* sequential: next row forward, as an entry and a row in it */
	int64		entry;
	int64		row;
	bool		begun;
	/* parallel: end of the piece in the entry */
	int64		piece_end;
	uint64	   *pieces_before;	/* [nentries + 1] */
	/* TABLESAMPLE: blocks before each entry, the block at hand */
	uint64	   *blocks_before;	/* [nentries + 1] */
	uint64		sample_block;
	/* ANALYZE: share of the block at hand, rows still to look at */
	BlockNumber nblocks;
	int64		share_first;
	int64		share_rows;
	int64		look_at;
	int64		look_end;
	BlockNumber block;			/* whose share it is */
	uint32		spot;			/* of the share, looked at last */
	uint32		nspots;
	int64		spot_rows;		/* rows to look at in each */
	bool		counted;
} RustsScan;

static void load_entries(RustsScan *scan, TupleDesc desc);
static RustsSegmentEntry *with_deleted(RustsScan *scan, int64 entry);
static bool is_deleted(RustsScan *scan, int64 entry, int64 row);
static bool open_entry(RustsScan *scan, int64 entry);
static bool store_row(RustsScan *scan, uint32 row, TupleTableSlot *slot);
static bool next_forward(RustsScan *scan, TupleTableSlot *slot);
static bool next_backward(RustsScan *scan, TupleTableSlot *slot);
static bool next_parallel(RustsScan *scan, TupleTableSlot *slot);
static int64 find_entry(const int64 *before, uint32 n, int64 ordinal);
static int64 live_rows(RustsScan *scan, int64 first, int64 end);
static void take_share(RustsScan *scan, BlockNumber block);
static void take_spot(RustsScan *scan);

TableScanDesc
rusts_scan_begin(Relation rel, Snapshot snapshot, int nkeys,
				 struct ScanKeyData *key, ParallelTableScanDesc pscan,
				 uint32 flags)
{
	MemoryContext scan_cxt = AllocSetContextCreate(CurrentMemoryContext,
												   "rusts scan",
												   ALLOCSET_DEFAULT_SIZES);
	RustsScan  *scan = MemoryContextAllocZero(scan_cxt, sizeof(RustsScan));

	/* Scan keys are for catalogs only. */
	Assert(nkeys == 0);
	RelationIncrementReferenceCount(rel);
	scan->base.rs_rd = rel;
	scan->base.rs_snapshot = snapshot;
	scan->base.rs_nkeys = 0;
	scan->base.rs_flags = flags;
	scan->base.rs_parallel = pscan;
	scan->scan_cxt = scan_cxt;
	scan->reader_cxt = AllocSetContextCreate(scan_cxt, "rusts scan segment",
											 ALLOCSET_DEFAULT_SIZES);
	scan->current = -1;

	/*
	 * The directory decides what is visible.  Callers that want more than
	 * their snapshot shows (SnapshotAny) hold a lock that keeps writers away:
	 * for them what is committed, or ours, is all there is.
	 */
	if (snapshot == NULL)
	{
		scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
		scan->own_snapshot = true;
	}
	else if (IsMVCCSnapshot(snapshot))
		scan->snapshot = snapshot;
	else
		scan->snapshot = SnapshotSelf;

	if (flags & (SO_TYPE_SEQSCAN | SO_TYPE_SAMPLESCAN))
	{
		if (snapshot != NULL)
			PredicateLockRelation(rel, snapshot);
		pgstat_count_heap_scan(rel);
	}
	if (!IsInParallelMode())
		rusts_buffers_flush_for(RelationGetRelid(rel), snapshot);
	return &scan->base;
}

void
rusts_scan_end(TableScanDesc sscan)
{
	RustsScan  *scan = (RustsScan *) sscan;

	if (scan->own_snapshot)
		UnregisterSnapshot(scan->snapshot);
	if (scan->base.rs_flags & SO_TEMP_SNAPSHOT)
		UnregisterSnapshot(scan->base.rs_snapshot);
	RelationDecrementReferenceCount(scan->base.rs_rd);
	MemoryContextDelete(scan->scan_cxt);
}

void
rusts_scan_rescan(TableScanDesc sscan, struct ScanKeyData *key,
				  bool set_params, bool allow_strat, bool allow_sync,
				  bool allow_pagemode)
{
	RustsScan  *scan = (RustsScan *) sscan;

	scan->entry = 0;
	scan->row = 0;
	scan->begun = false;
	scan->piece_end = 0;
	scan->sample_block = 0;
	pgstat_count_heap_scan(scan->base.rs_rd);
}

bool
rusts_scan_getnextslot(TableScanDesc sscan, ScanDirection direction,
					   TupleTableSlot *slot)
{
	RustsScan  *scan = (RustsScan *) sscan;
	Snapshot	snapshot = scan->base.rs_snapshot;
	bool		found;

	/*
	 * Who scans with a dirty one is told here whose end to wait for.  What
	 * others have not committed is not found, and who deletes a row is
	 * waited for when it is locked.
	 */
	if (snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_DIRTY)
	{
		snapshot->xmin = snapshot->xmax = InvalidTransactionId;
		snapshot->speculativeToken = 0;
	}
	load_entries(scan, slot->tts_tupleDescriptor);
	if (scan->base.rs_parallel != NULL)
		found = next_parallel(scan, slot);
	else if (ScanDirectionIsBackward(direction))
		found = next_backward(scan, slot);
	else
		found = next_forward(scan, slot);
	scan->begun = true;
	if (found)
		pgstat_count_heap_getnext(scan->base.rs_rd);
	else
		ExecClearTuple(slot);
	return found;
}

/* Read the directory, once.  desc is that of rows, see store_row. */
static void
load_entries(RustsScan *scan, TupleDesc desc)
{
	MemoryContext old_cxt;
	uint32		i;

	if (scan->loaded)
		return;
	rusts_check_rewritten(scan->base.rs_rd, scan->snapshot);
	old_cxt = MemoryContextSwitchTo(scan->scan_cxt);
	scan->entries =
		rusts_directory_load(rusts_storage_id(scan->base.rs_rd), -1,
							 scan->snapshot, &scan->nentries);
	if (rusts_merges_duplicates(scan->base.rs_rd))
		rusts_duplicates_resolve(scan->base.rs_rd, desc,
								 rusts_schema_build_for(scan->base.rs_rd,
														desc),
								 scan->snapshot, PG_INT64_MIN, PG_INT64_MAX,
								 &scan->entries, &scan->nentries);
	scan->rows_before = palloc_array(int64, scan->nentries + 1);
	scan->pieces_before = palloc_array(uint64, scan->nentries + 1);
	scan->blocks_before = palloc_array(uint64, scan->nentries + 1);
	scan->rows_before[0] = 0;
	scan->pieces_before[0] = 0;
	scan->blocks_before[0] = 0;
	for (i = 0; i < scan->nentries; i++)
	{
		uint32		nrows = scan->entries[i].nrows;

		scan->rows_before[i + 1] = scan->rows_before[i] + nrows;
		scan->pieces_before[i + 1] = scan->pieces_before[i] +
			(nrows + PARALLEL_ROWS - 1) / PARALLEL_ROWS;
		scan->blocks_before[i + 1] = scan->blocks_before[i] +
			(nrows + RUSTS_TID_ROWS - 1) / RUSTS_TID_ROWS;
	}
	MemoryContextSwitchTo(old_cxt);
	scan->loaded = true;
}

/* An entry, with its deleted rows. */
static RustsSegmentEntry *
with_deleted(RustsScan *scan, int64 entry)
{
	if (scan->entries[entry].notes)
	{
		MemoryContext old_cxt = MemoryContextSwitchTo(scan->scan_cxt);

		rusts_deletions_read(&scan->entries[entry], scan->snapshot);
		MemoryContextSwitchTo(old_cxt);
	}
	return &scan->entries[entry];
}

static bool
is_deleted(RustsScan *scan, int64 entry, int64 row)
{
	const uint64 *deleted = with_deleted(scan, entry)->deleted;

	return deleted != NULL && rusts_bitmap_test(deleted, row);
}

/* Make an entry the open one; false if it is corrupt (and skipped). */
static bool
open_entry(RustsScan *scan, int64 entry)
{
	MemoryContext old_cxt;

	if (scan->current == entry)
		return !scan->reader->corrupt;
	CHECK_FOR_INTERRUPTS();
	scan->current = -1;
	MemoryContextReset(scan->reader_cxt);
	old_cxt = MemoryContextSwitchTo(scan->reader_cxt);
	scan->reader = rusts_reader_open(scan->base.rs_rd, &scan->entries[entry],
									 rusts_skip_corrupt_segments,
									 !rusts_skip_corrupt_segments, NULL);
	MemoryContextSwitchTo(old_cxt);
	scan->rows = NULL;
	scan->current = entry;
	return !scan->reader->corrupt;
}

/*
 * A row of the open entry; false if the entry turns out to be corrupt.
 *
 * The slot says what the columns are: ALTER TABLE reads the old rows when the
 * relation has got its new columns already.
 */
static bool
store_row(RustsScan *scan, uint32 row, TupleTableSlot *slot)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(scan->reader_cxt);
	bool		good;

	ExecClearTuple(slot);
	if (scan->rows == NULL || scan->desc != slot->tts_tupleDescriptor)
	{
		scan->desc = slot->tts_tupleDescriptor;
		scan->rows = rusts_rows_begin(scan->reader, scan->desc);
	}
	good = rusts_rows_fill(scan->rows, row, slot->tts_values,
						   slot->tts_isnull);
	if (good)
	{
		rusts_row_to_tid(scan->reader->entry.segment_id +
						 rusts_reader_tid_row(scan->reader, row),
						 &slot->tts_tid);
		slot->tts_tableOid = RelationGetRelid(scan->base.rs_rd);
		slot->tts_flags &= ~RUSTS_SLOT_FETCHED;
		ExecStoreVirtualTuple(slot);
	}
	MemoryContextSwitchTo(old_cxt);
	return good;
}

static bool
next_forward(RustsScan *scan, TupleTableSlot *slot)
{
	while (scan->entry < scan->nentries)
	{
		while (scan->row < scan->entries[scan->entry].nrows &&
			   is_deleted(scan, scan->entry, scan->row))
			scan->row++;
		if (scan->row < scan->entries[scan->entry].nrows &&
			open_entry(scan, scan->entry) &&
			store_row(scan, scan->row, slot))
		{
			scan->row++;
			return true;
		}
		scan->entry++;
		scan->row = 0;
	}
	return false;
}

/*
 * The row before the one returned last.  The position is that of the next row
 * forward, so two steps back from it.
 */
static bool
next_backward(RustsScan *scan, TupleTableSlot *slot)
{
	/* As in heapam: a backward scan that begins begins at the end. */
	if (!scan->begun)
		scan->entry = scan->nentries;
	if (scan->entry == scan->nentries)
		scan->row = 1;			/* the last row is next */

	for (;;)
	{
		while (scan->entry < scan->nentries && scan->row >= 2 &&
			   is_deleted(scan, scan->entry, scan->row - 2))
			scan->row--;
		if (scan->entry < scan->nentries && scan->row >= 2)
		{
			if (open_entry(scan, scan->entry) &&
				store_row(scan, scan->row - 2, slot))
			{
				scan->row--;
				return true;
			}
			scan->row = 1;
		}
		if (scan->entry == 0)
		{
			scan->row = 0;
			return false;
		}
		scan->entry--;
		scan->row = (int64) scan->entries[scan->entry].nrows + scan->row;
	}
}

static bool
next_parallel(RustsScan *scan, TupleTableSlot *slot)
{
	ParallelScan *shared = (ParallelScan *) scan->base.rs_parallel;

	for (;;)
	{
		uint64		piece;
		int64		entry;

		while (scan->row < scan->piece_end &&
			   is_deleted(scan, scan->entry, scan->row))
			scan->row++;
		if (scan->row < scan->piece_end)
		{
			if (open_entry(scan, scan->entry) &&
				store_row(scan, scan->row, slot))
			{
				scan->row++;
				return true;
			}
			scan->row = scan->piece_end;
		}
		piece = pg_atomic_fetch_add_u64(&shared->next_piece, 1);
		if (scan->nentries == 0 ||
			piece >= scan->pieces_before[scan->nentries])
			return false;
		entry = find_entry((int64 *) scan->pieces_before, scan->nentries,
						   piece);
		scan->entry = entry;
		scan->row = (piece - scan->pieces_before[entry]) * PARALLEL_ROWS;
		scan->piece_end = Min(scan->row + PARALLEL_ROWS,
							  scan->entries[entry].nrows);
	}
}

/* The i with before[i] <= ordinal < before[i + 1]. */
static int64
find_entry(const int64 *before, uint32 n, int64 ordinal)
{
	uint32		low = 0;
	uint32		high = n;

	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;

		if (before[mid] <= ordinal)
			low = mid;
		else
			high = mid;
	}
	return low;
}

Size
rusts_parallelscan_estimate(Relation rel)
{
	return sizeof(ParallelScan);
}

Size
rusts_parallelscan_initialize(Relation rel, ParallelTableScanDesc pscan)
{
	ParallelScan *shared = (ParallelScan *) pscan;

#if PG_VERSION_NUM >= 180000
	shared->base.phs_locator = rel->rd_locator;
#else
	shared->base.phs_relid = RelationGetRelid(rel);
#endif
	shared->base.phs_syncscan = false;
	pg_atomic_init_u64(&shared->next_piece, 0);
	return sizeof(ParallelScan);
}

void
rusts_parallelscan_reinitialize(Relation rel, ParallelTableScanDesc pscan)
{
	pg_atomic_write_u64(&((ParallelScan *) pscan)->next_piece, 0);
}

bool
rusts_scan_sample_next_block(TableScanDesc sscan,
							 struct SampleScanState *state)
{
	RustsScan  *scan = (RustsScan *) sscan;
	TsmRoutine *tsm = state->tsmroutine;
	uint64		nblocks;

	load_entries(scan, RelationGetDescr(sscan->rs_rd));
	nblocks = scan->blocks_before[scan->nentries];
	if (nblocks > MaxBlockNumber)
		nblocks = MaxBlockNumber;
	for (;;)
	{
		uint64		block;
		int64		entry;

		if (tsm->NextSampleBlock)
		{
			BlockNumber next = tsm->NextSampleBlock(state, nblocks);

			if (!BlockNumberIsValid(next))
				return false;
			block = next;
		}
		else
		{
			block = scan->sample_block++;
			if (block >= nblocks)
				return false;
		}
		entry = find_entry((int64 *) scan->blocks_before, scan->nentries,
						   block);
		if (!open_entry(scan, entry))
			continue;
		scan->entry = entry;
		scan->row = (block - scan->blocks_before[entry]) * RUSTS_TID_ROWS;
		scan->sample_block = block + 1;
		return true;
	}
}

bool
rusts_scan_sample_next_tuple(TableScanDesc sscan,
							 struct SampleScanState *state,
							 TupleTableSlot *slot)
{
	RustsScan  *scan = (RustsScan *) sscan;
	TsmRoutine *tsm = state->tsmroutine;
	int64		nrows = scan->entries[scan->entry].nrows;
	OffsetNumber offset;

	do
	{
		CHECK_FOR_INTERRUPTS();
		offset = tsm->NextSampleTuple(state, scan->sample_block - 1,
									  Min(nrows - scan->row, RUSTS_TID_ROWS));
	} while (OffsetNumberIsValid(offset) &&
			 is_deleted(scan, scan->entry, scan->row + offset - 1));
	if (!OffsetNumberIsValid(offset) ||
		!store_row(scan, scan->row + offset - 1, slot))
	{
		ExecClearTuple(slot);
		return false;
	}
	pgstat_count_heap_getnext(scan->base.rs_rd);
	return true;
}

#if PG_VERSION_NUM >= 170000
bool
rusts_scan_analyze_next_block(TableScanDesc sscan, ReadStream *stream)
{
	Buffer		buffer = read_stream_next_buffer(stream, NULL);
	BlockNumber block;

	if (!BufferIsValid(buffer))
		return false;
	block = BufferGetBlockNumber(buffer);
	ReleaseBuffer(buffer);
	take_share((RustsScan *) sscan, block);
	return true;
}
#else
bool
rusts_scan_analyze_next_block(TableScanDesc sscan, BlockNumber block,
							  BufferAccessStrategy strategy)
{
	take_share((RustsScan *) sscan, block);
	return true;
}
#endif

/* How many of these rows are not deleted. */
static int64
live_rows(RustsScan *scan, int64 first, int64 end)
{
	int64		nrows = end - first;
	uint32		i;

	for (i = 0; i < scan->nentries; i++)
	{
		const RustsSegmentEntry *entry = with_deleted(scan, i);
		int64		before = scan->rows_before[i];
		int64		from = Max(first - before, 0);
		int64		to = Min(end - before, (int64) entry->nrows);

		if (entry->deleted != NULL && from < to)
			nrows -= rusts_count_bits(entry->deleted, from, to);
	}
	return nrows;
}

/*
 * A block's share of all rows, and which of them to look at.  Neighbouring
 * ones lie in one or two blocks of a segment, so that a sample decodes only
 * a part of a large measurement.
 */
static void
take_share(RustsScan *scan, BlockNumber block)
{
	int64		total;
	int64		sample;

	load_entries(scan, RelationGetDescr(scan->base.rs_rd));
	total = scan->rows_before[scan->nentries];
	if (scan->nblocks == 0)
	{
		scan->nblocks = Max(RelationGetNumberOfBlocks(scan->base.rs_rd), 1);
		rusts_storage_set_rows(scan->base.rs_rd, live_rows(scan, 0, total));
	}
	block = Min(block, scan->nblocks - 1);
	scan->share_first = (int64) ((double) total * block / scan->nblocks);
	scan->share_rows = (int64) ((double) total * (block + 1) /
								scan->nblocks) - scan->share_first;

	sample = 300 * Max(default_statistics_target, 100) * ANALYZE_OVERSAMPLE;
	scan->nspots = ANALYZE_SPOTS / scan->nblocks + 1;
	scan->spot_rows = sample / scan->nblocks / scan->nspots + 30;
	scan->block = block;
	scan->spot = 0;
	take_spot(scan);
	scan->counted = false;
}

/* Some neighbouring rows, anywhere in a part of the share. */
static void
take_spot(RustsScan *scan)
{
	int64		first = scan->share_rows * scan->spot / scan->nspots;
	int64		rows = scan->share_rows * (scan->spot + 1) / scan->nspots -
		first;
	int64		look = Min(rows, scan->spot_rows);

	scan->look_at = scan->share_first + first;
	if (rows > look)
		scan->look_at += hash_bytes_uint32(scan->block ^
										   hash_bytes_uint32(scan->spot)) %
			(uint64) (rows - look + 1);
	scan->look_end = scan->look_at + look;
}

bool
rusts_scan_analyze_next_tuple(TableScanDesc sscan, TransactionId oldest_xmin,
							  double *liverows, double *deadrows,
							  TupleTableSlot *slot)
{
	RustsScan  *scan = (RustsScan *) sscan;

	if (!scan->counted)
		*liverows += live_rows(scan, scan->share_first,
							   scan->share_first + scan->share_rows);
	scan->counted = true;
	for (;;)
	{
		int64		ordinal;
		int64		entry;

		if (scan->look_at >= scan->look_end)
		{
			if (scan->spot + 1 >= scan->nspots)
				break;
			scan->spot++;
			take_spot(scan);
			continue;
		}
		ordinal = scan->look_at++;
		entry = find_entry(scan->rows_before, scan->nentries, ordinal);
		if (!is_deleted(scan, entry, ordinal - scan->rows_before[entry]) &&
			open_entry(scan, entry) &&
			store_row(scan, ordinal - scan->rows_before[entry], slot))
			return true;
	}
	ExecClearTuple(slot);
	return false;
}
