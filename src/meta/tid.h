/*-------------------------------------------------------------------------
 *
 * tid.h
 *	  Row numbers as TIDs.
 *
 * A TID's block and offset are a row number in disguise: there is no such
 * block.  291 rows a "block" is what a heap page can hold at most, so code
 * that makes bitmaps of TIDs is content.
 *
 * src/meta/tid.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TID_H
#define RUSTS_TID_H

#include "storage/itemptr.h"

#define RUSTS_TID_ROWS		291

/* Row numbers are below this. */
#define RUSTS_MAX_ROW		((int64) 0xf0000000 * RUSTS_TID_ROWS)

/*
 * Row numbers from RUSTS_MAX_ROW on are those of points that a backend has
 * united from several rows while reading, see write/duplicates.h.
 */
#define RUSTS_MAX_UNITED_ROW	((int64) MaxBlockNumber * RUSTS_TID_ROWS)

static inline bool
rusts_row_is_united(int64 row)
{
	return row >= RUSTS_MAX_ROW;
}

static inline void
rusts_row_to_tid(int64 row, ItemPointer tid)
{
	ItemPointerSet(tid, (BlockNumber) (row / RUSTS_TID_ROWS),
				   (OffsetNumber) (row % RUSTS_TID_ROWS + 1));
}

/* The row number, or -1 for a TID that is nobody's. */
static inline int64
rusts_tid_to_row(ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (block > MaxBlockNumber || offset < 1 || offset > RUSTS_TID_ROWS)
		return -1;
	return (int64) block * RUSTS_TID_ROWS + offset - 1;
}

#endif							/* RUSTS_TID_H */
