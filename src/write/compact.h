/*-------------------------------------------------------------------------
 *
 * compact.h
 *	  Small segments into large ones, and the space of removed ones back.
 *
 * src/write/compact.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COMPACT_H
#define RUSTS_COMPACT_H

#include "utils/relcache.h"

/*
 * One step of what is worth doing, in the running transaction: merge some
 * small segments of a partition, or those many of whose rows are deleted,
 * into large ones; or else move segments from the end of the file to where
 * others have been; or else give back the end of the file.  Returns the
 * number of rows moved; 0: there is nothing more to do now.
 *
 * The caller holds ShareUpdateExclusiveLock or more on rel, as for
 * rusts_merge_active, and has an active snapshot.  With give_way -1 means, as
 * there, that the transaction must be aborted because another session waits.
 */
extern int64 rusts_compact_step(Relation rel, bool give_way);

/*
 * Merge all small segments of rel, however little it may be worth, and do
 * about the space what can be done in the same transaction: what this
 * transaction removes can be used by the next one.  Returns the number of
 * rows moved.
 */
extern int64 rusts_compact_all(Relation rel);

#endif							/* RUSTS_COMPACT_H */
