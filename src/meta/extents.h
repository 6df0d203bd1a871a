/*-------------------------------------------------------------------------
 *
 * extents.h
 *	  Which blocks of its file a storage's segments take, as the directory
 *	  has it.
 *
 * src/meta/extents.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_EXTENTS_H
#define RUSTS_EXTENTS_H

#include "meta/directory.h"

typedef struct RustsExtent
{
	BlockNumber first_block;
	uint32		nblocks;
	int64		segment_id;
} RustsExtent;

/*
 * The extents of a storage that any snapshot, one still to be taken included,
 * may ask for, or a running transaction may yet commit; ascending, in the
 * current memory context.  Where two overlap the directory is damaged: error.
 *
 * *removed_xid is the latest transaction that has removed one of the others,
 * as far as the directory still knows, or invalid: snapshots of a standby
 * that do not see it may still be about to read them.
 */
extern RustsExtent *rusts_directory_extents(int64 storage_id,
											uint32 *nextents,
											TransactionId *removed_xid);

/*
 * The entries of a storage from a level on that snapshot sees, without payload
 * and tag filter, by ascending segment_id, in the current memory context.
 */
extern RustsSegmentEntry *rusts_directory_load_brief(int64 storage_id,
													 int min_level,
													 Snapshot snapshot,
													 uint32 *nentries);

/* The segment's extent has been copied to another place. */
extern void rusts_directory_move(const RustsSegmentEntry *entry,
								 BlockNumber first_block);

#endif							/* RUSTS_EXTENTS_H */
