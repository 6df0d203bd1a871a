/*-------------------------------------------------------------------------
 *
 * retain.h
 *	  Drop rows that are past their limit.
 *
 * src/write/retain.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RETAIN_H
#define RUSTS_RETAIN_H

#include "utils/relcache.h"

/*
 * Drop every segment whose rows are all from before the time before, and
 * rewrite one that has both such and later rows and reaches back beyond
 * rewrite_before, with the younger ones that overlap it; batches of level 0
 * wait for the flush.  Rows without a time stay.  All in the running
 * transaction; returns the number of rows that are gone, 0 if there is no more
 * to do, or -1 with give_way, as rusts_merge_active does.  The caller holds
 * ShareUpdateExclusiveLock or more on rel.  Nothing is done while somebody
 * changes rows: it waits for the others, but with give_way returns 0.
 */
extern int64 rusts_retain_step(Relation rel, int64 before,
							   int64 rewrite_before, bool give_way);

#endif							/* RUSTS_RETAIN_H */
