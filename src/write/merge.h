/*-------------------------------------------------------------------------
 *
 * merge.h
 *	  Rewrite segments: flush, tiering, VACUUM FULL.
 *
 * src/write/merge.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_MERGE_H
#define RUSTS_MERGE_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "meta/directory.h"

/*
 * Move rel's level-0 batches into hot segments, one per time partition (more
 * if there is much), in the running transaction.  Returns the number of
 * rows moved.  What the running transaction itself has written is left where
 * it is if rel has AFTER ROW triggers.  The caller holds
 * ShareUpdateExclusiveLock or more on rel, which keeps others from doing the
 * same.
 *
 * Rows that somebody may be changing are not moved: it waits for the others,
 * but with give_way returns 0.
 *
 * With give_way it stops when another session waits for the caller's lock and
 * returns -1; the caller must abort the transaction then.
 */
extern int64 rusts_merge_active(Relation rel, bool give_way);

/*
 * Rewrite some segments of rel as segments of a level, one per time partition
 * (more if there is much), in the running transaction.  The entries, which
 * are brought into another order, are those that the active snapshot sees;
 * it is one of rusts_merge_snapshot.  Cold segments go to cold_table (see
 * cold.h) or, without one, to where one of them is that is cold already.
 * Returns the number of rows, or -1 with give_way; the lock and the rest are
 * as for rusts_merge_active.
 */
extern int64 rusts_merge_entries(Relation rel, RustsSegmentEntry *entries,
								 uint32 nentries, int16 level,
								 Oid cold_table, bool give_way);

/* The snapshot to find segments with that are to be rewritten; registered. */
extern Snapshot rusts_merge_snapshot(void);

/*
 * Leave out the entries that this transaction has written if triggers that
 * have yet to fire will fetch their rows by TID.  Returns the number of the
 * others.
 */
extern uint32 rusts_merge_leave_own(Relation rel, RustsSegmentEntry *entries,
									uint32 nentries);

/*
 * Write all rows of from into to, which has the same columns, with all its
 * batches merged; what is cold stays cold.  Returns the number of rows.
 */
extern int64 rusts_merge_into(Relation from, Relation to);

#endif							/* RUSTS_MERGE_H */
