/*-------------------------------------------------------------------------
 *
 * directory.h
 *	  The segment directory, rusts.segment.
 *
 * src/meta/directory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DIRECTORY_H
#define RUSTS_DIRECTORY_H

#include "datatype/timestamp.h"
#include "storage/block.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"

#define RUSTS_LEVEL_ACTIVE	0
#define RUSTS_LEVEL_HOT		1
#define RUSTS_LEVEL_COLD	2

/* Times of a batch without any, NULL in the directory; no timestamp has this
 * value, -infinity included. */
#define RUSTS_NO_TIME		(PG_INT64_MIN + 1)

typedef struct RustsSegmentEntry
{
	int64		storage_id;
	int64		segment_id;		/* row number of the first row */
	int64		bytes;			/* encoded size */
	int64		raw_bytes;		/* size of the values */
	int64		min_time;		/* or RUSTS_NO_TIME, both */
	int64		max_time;
	int64		time_partition; /* or RUSTS_NO_TIME */
	TimestampTz written_at;
	int64		write_order;	/* segment_id of the latest batch, as it was
								 * written, that its rows come from; a row of
								 * two entries is newer in the one with the
								 * greater write_order, then segment_id */
	uint64		key_columns;	/* see RUSTS_KEY_COLUMN */
	uint32		nrows;
	int16		level;
	BlockNumber first_block;	/* InvalidBlockNumber: payload is set */
	uint32		nblocks;
	const uint8 *tag_filter;	/* NULL if there is none, see base/bloom.h */
	uint32		tag_filter_len;
	struct varlena *payload;	/* as stored, perhaps a TOAST pointer */
	Oid			cold_table;		/* what the payload, then a TOAST pointer, is
								 * a value of; else InvalidOid */
	uint32		ndeleted;		/* rows that do not count any more */
	bool		notes;			/* some are noted in rusts.deletion and not in
								 * deleted yet, see rusts_deletions_read */
	uint64	   *deleted;		/* [nrows] bits, rows in the segment's order;
								 * NULL for none */
	ItemPointerData tid;		/* of the directory row, once read */
	bool		own;			/* written by the running transaction, ditto */
} RustsSegmentEntry;

/*
 * No two rows of a segment have the same values of these columns, as far as
 * the bits of RustsSegmentEntry.key_columns tell: attribute numbers from 1 on.
 * 0: not known.  Those that have no bit of their own share the last one.
 */
#define RUSTS_KEY_COLUMN(attno) (UINT64CONST(1) << (Min((attno), 64) - 1))
#define RUSTS_KEY_OTHERS		RUSTS_KEY_COLUMN(64)

/*
 * The entries of one storage that snapshot sees, by ascending segment_id, in
 * the current memory context.  level < 0 means all levels.  *nentries is
 * their number.
 */
extern RustsSegmentEntry *rusts_directory_load(int64 storage_id, int level,
											   Snapshot snapshot,
											   uint32 *nentries);

/*
 * Of these, of all levels, only the entries whose times overlap the range from
 * min_time to max_time, both included; those without any time never do.  The
 * times are of the column that was called time when the batch was written.
 */
extern RustsSegmentEntry *rusts_directory_load_range(int64 storage_id,
													 Snapshot snapshot,
													 int64 min_time,
													 int64 max_time,
													 uint32 *nentries);

/*
 * The entry that holds row number row, without its tag filter and deleted
 * rows; false if snapshot sees none.
 */
extern bool rusts_directory_find_row(int64 storage_id, int64 row,
									 Snapshot snapshot,
									 RustsSegmentEntry *entry);

/* Rows of an entry that are not deleted. */
static inline uint32
rusts_entry_rows(const RustsSegmentEntry *entry)
{
	return entry->nrows - entry->ndeleted;
}

/* Sort entries by segment_id; find one among sorted ones, or NULL. */
extern void rusts_entries_sort(RustsSegmentEntry *entries, uint32 nentries);
extern RustsSegmentEntry *rusts_entries_find(RustsSegmentEntry *entries,
											 uint32 nentries,
											 int64 segment_id);

/* Level-0 batches of one storage, added up. */
typedef struct RustsActiveSummary
{
	int64		batches;
	int64		rows;
	int64		bytes;
	TimestampTz oldest;			/* when the first was written */
} RustsActiveSummary;

extern void rusts_directory_summarize(int64 storage_id, Snapshot snapshot,
									  RustsActiveSummary *summary);

/* Enter a batch as written by command cid of the current transaction. */
extern void rusts_directory_insert(const RustsSegmentEntry *entry,
								   CommandId cid);

/*
 * Delete one entry that was loaded, and what says which of its rows are
 * deleted; error if somebody else has meanwhile.
 */
extern void rusts_directory_delete(const RustsSegmentEntry *entry);

/*
 * Delete all entries of a storage that is going away; nothing where the
 * extension's tables are gone already.
 */
extern void rusts_directory_delete_storage(int64 storage_id);

/*
 * The storages in the directory, each once, ascending, in the current memory
 * context; NULL where there is no directory.
 */
extern int64 *rusts_directory_storages(Snapshot snapshot, uint32 *nstorages);

#endif							/* RUSTS_DIRECTORY_H */
