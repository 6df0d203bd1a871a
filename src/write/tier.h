/*-------------------------------------------------------------------------
 *
 * tier.h
 *	  Move old segments to the cold tier.
 *
 * src/write/tier.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TIER_H
#define RUSTS_TIER_H

#include "utils/relcache.h"

/*
 * One step of moving rel's hot segments whose largest time is before a time
 * to the cold tier, in the running transaction: the oldest of them, as many
 * as fit a builder.  Those of one partition become one segment, with small
 * cold ones that are there already.  Active batches and segments without
 * times stay.
 *
 * A valid tablespace is where they go, unless it is rel's own or rel is
 * temporary or unlogged; the caller has checked that the user may put them
 * there.  Without one they stay in rel's file, unless a cold one that joins
 * them is elsewhere.
 *
 * Returns the number of rows that were in the hot segments moved, deleted ones
 * included; 0: there is nothing left to move.  The next step of the same
 * transaction needs a CommandCounterIncrement before it.
 *
 * Rows that somebody may be changing are not moved: it waits for the others,
 * but with give_way returns 0.
 *
 * The caller holds ShareUpdateExclusiveLock or more on rel, as for
 * rusts_merge_active; with give_way -1 means, as there, that the transaction
 * must be aborted because another session waits.
 */
extern int64 rusts_tier_step(Relation rel, int64 before, Oid tablespace,
							 bool give_way);

#endif							/* RUSTS_TIER_H */
