/*-------------------------------------------------------------------------
 *
 * block_scan_internal.h
 *	  What the files of the block scan share.
 *
 * src/exec/block_scan_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BLOCK_SCAN_INTERNAL_H
#define RUSTS_BLOCK_SCAN_INTERNAL_H

#include "exec/block_scan.h"

/* Can a segment have a series that meets the conditions? */
extern bool rusts_block_scan_may_have_series(RustsBlockScan *scan,
											 const RustsSegmentEntry *entry);

/*
 * Open a segment and list its items.  False if it has none, or is corrupt
 * (and skipped).
 */
extern bool rusts_block_scan_open(RustsBlockScan *scan,
								  const RustsSegmentEntry *entry);

/*
 * The series that meet the conditions on tags, as a bitmap in the segment's
 * context; *all if these are all.  Marks the conditions as settled that need
 * not be looked at any more.  False if the segment is corrupt.
 */
extern bool rusts_block_scan_choose_series(RustsBlockScan *scan,
										   uint64 **chosen, bool *all);

/* Make scan->chunk of an item; false if no row of it is left. */
extern bool rusts_block_scan_chunk(RustsBlockScan *scan,
								   const RustsItem *item);

#endif							/* RUSTS_BLOCK_SCAN_INTERNAL_H */
