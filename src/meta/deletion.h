/*-------------------------------------------------------------------------
 *
 * deletion.h
 *	  Deleted rows of segments, rusts.deletion.
 *
 * src/meta/deletion.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DELETION_H
#define RUSTS_DELETION_H

#include "meta/directory.h"

/* A row of a segment that was deleted, or updated: then it is another now. */
typedef struct RustsDeletedRow
{
	uint32		row;			/* in the segment's order */
	int64		moved_to;		/* row number of its new version, or -1 */
} RustsDeletedRow;

/*
 * Set ndeleted and notes of a storage's entries, sorted by segment_id, to
 * what snapshot sees; deleted, too, in the current memory context, where that
 * takes little.
 */
extern void rusts_deletions_load(int64 storage_id, Snapshot snapshot,
								 RustsSegmentEntry *entries, uint32 nentries);

/*
 * Read the entry's notes, if it has any: adds them to entry->deleted, in the
 * current memory context.
 */
extern void rusts_deletions_read(RustsSegmentEntry *entry, Snapshot snapshot);

/*
 * Note that rows of a segment, ascending, were deleted by command cid of the
 * current transaction; nested if it runs in the middle of another statement.
 */
extern void rusts_deletions_insert(int64 storage_id, int64 segment_id,
								   const RustsDeletedRow *rows, uint32 nrows,
								   CommandId cid, bool nested);

/* Who has deleted a row. */
typedef struct RustsDeleter
{
	TransactionId xid;
	bool		own;			/* the running transaction, by command */
	CommandId	cid;			/* this */
	int64		moved_to;		/* as above */
} RustsDeleter;

/* Is a row of a segment deleted, as snapshot sees it? */
extern bool rusts_deletions_find(int64 storage_id, int64 segment_id,
								 uint32 row, Snapshot snapshot,
								 RustsDeleter *deleter);

/* Remove what is noted of a segment, or of all of a storage. */
extern void rusts_deletions_remove(int64 storage_id, int64 segment_id);
extern void rusts_deletions_remove_storage(int64 storage_id);

#endif							/* RUSTS_DELETION_H */
