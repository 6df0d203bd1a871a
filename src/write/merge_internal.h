/*-------------------------------------------------------------------------
 *
 * merge_internal.h
 *	  What the files of the merge share.
 *
 * src/write/merge_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_MERGE_INTERNAL_H
#define RUSTS_MERGE_INTERNAL_H

#include "utils/relcache.h"

#include "segment/reader.h"
#include "write/builder.h"

/* A merge's builder is stored before it takes more than this. */
#define RUSTS_MERGE_FULL_BYTES	(128 * 1024 * 1024)

/* Where the rows go. */
typedef struct RustsMergeTarget
{
	Relation	rel;
	int16		level;
	Oid			cold_table;		/* or InvalidOid, see cold.h */
} RustsMergeTarget;

/*
 * Append a segment's rows that are not deleted to a builder, which is stored
 * whenever it is full.  The reader may have been opened from another relation
 * than the target's, with the same columns.
 */
extern void rusts_merge_append(const RustsMergeTarget *to,
							   RustsBuilder *builder, RustsReader *reader);

/* Store what the builder has, and empty it. */
extern void rusts_merge_store(const RustsMergeTarget *to,
							  RustsBuilder *builder);

#endif							/* RUSTS_MERGE_INTERNAL_H */
