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

/* Rows of a segment that a parallel worker draws at once. */
#define RUSTS_PIECE_ROWS	32768

/*
 * Read the directory, at least as far as it is wanted.  What was read stays:
 * the snapshot is the same.
 */
extern void rusts_block_scan_load(RustsBlockScan *scan);

/* The entry that is read after so many. */
extern RustsSegmentEntry *rusts_block_scan_entry(RustsBlockScan *scan,
												 int64 at);

/* The times that conditions and window leave, both included. */
extern void rusts_block_scan_times(const RustsBlockScan *scan, int64 *low,
								   int64 *high);

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
