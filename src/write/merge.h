/*-------------------------------------------------------------------------
 *
 * merge.h
 *	  Rewrite segments: flush, VACUUM FULL.
 *
 * src/write/merge.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_MERGE_H
#define RUSTS_MERGE_H

#include "utils/relcache.h"

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
 * Write all rows of from into to, which has the same columns, with all its
 * batches merged.  Returns the number of rows.
 */
extern int64 rusts_merge_into(Relation from, Relation to);

#endif							/* RUSTS_MERGE_H */
