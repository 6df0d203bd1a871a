/*-------------------------------------------------------------------------
 *
 * free_space.h
 *	  Blocks of a measurement's file that nobody needs, and the file's tail.
 *
 * src/segment/free_space.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FREE_SPACE_H
#define RUSTS_FREE_SPACE_H

#include "storage/block.h"
#include "utils/relcache.h"

#include "meta/extents.h"

typedef struct RustsFreeSpace RustsFreeSpace;

/*
 * Every writer of segments, from before it makes the file longer until its
 * directory row is entered.  Errors end it, too.
 */
extern void rusts_free_space_begin_write(Relation rel);
extern void rusts_free_space_end_write(Relation rel);

/*
 * Find the blocks that belong to no segment any more, in the current memory
 * context.  The caller holds ShareUpdateExclusiveLock or more on rel, keeps
 * it to the end of the transaction if it takes any of them, and uses them
 * within the running command.
 */
extern RustsFreeSpace *rusts_free_space_find(Relation rel);

/*
 * Take nblocks consecutive blocks before block end, as near to the beginning
 * of the file as possible; InvalidBlockNumber if there are none.
 */
extern BlockNumber rusts_free_space_take(RustsFreeSpace *space,
										 uint64 nblocks, BlockNumber end);

/* The extents in use, ascending. */
extern const RustsExtent *rusts_free_space_extents(const RustsFreeSpace *space,
												   uint32 *nextents);

/* Where the last of them ends, and the number of free blocks before that. */
extern uint64 rusts_free_space_blocks(const RustsFreeSpace *space,
									  BlockNumber *end);

/*
 * Give the free blocks at the end of the file back if it is worth it and
 * nobody uses the measurement, which it finds out by trying to lock it
 * exclusively; for up to wait_ms milliseconds.  Returns their number.
 */
extern uint64 rusts_free_space_truncate(RustsFreeSpace *space, int wait_ms);

#endif							/* RUSTS_FREE_SPACE_H */
