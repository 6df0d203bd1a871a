/*-------------------------------------------------------------------------
 *
 * reclaim.h
 *	  Give back the space of removed segments.
 *
 * src/write/reclaim.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RECLAIM_H
#define RUSTS_RECLAIM_H

#include "utils/relcache.h"

/*
 * Move segments from the end of the file to free blocks before them if much
 * of the file is free: some of them, in the running transaction.  Their rows
 * keep their places in them.  thorough: even if new segments are likely to
 * fill what is free in a large file by themselves.  Returns the number of
 * rows of the segments moved, 0 if there is nothing to do.
 *
 * The caller holds ShareUpdateExclusiveLock or more on rel; with give_way it
 * stops early when others wait for that.
 */
extern int64 rusts_reclaim_move(Relation rel, bool thorough, bool give_way);

/*
 * Give back the free end of the file, if there is one and nobody else uses
 * rel; tries that for up to wait_ms milliseconds.
 */
extern void rusts_reclaim_truncate(Relation rel, int wait_ms);

#endif							/* RUSTS_RECLAIM_H */
