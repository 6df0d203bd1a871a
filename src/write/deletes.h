/*-------------------------------------------------------------------------
 *
 * deletes.h
 *	  Rows deleted by a running statement, not stored yet.
 *
 * src/write/deletes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DELETES_H
#define RUSTS_DELETES_H

#include "meta/deletion.h"

/* What is new about a row that has moved to another partition. */
#define RUSTS_MOVED_AWAY	PG_INT64_MAX

typedef struct RustsDeletes RustsDeletes;

/* An empty set, in the current memory context. */
extern RustsDeletes *rusts_deletes_create(void);
extern void rusts_deletes_free(RustsDeletes *deletes);

/* Add a row of a segment; moved_to as in RustsDeletedRow. */
extern void rusts_deletes_add(RustsDeletes *deletes, int64 segment_id,
							  uint32 row, int64 moved_to);

/* Is the row among them?  If so, *moved_to is set. */
extern bool rusts_deletes_find(const RustsDeletes *deletes, int64 segment_id,
							   uint32 row, int64 *moved_to);

extern uint32 rusts_deletes_count(const RustsDeletes *deletes);

/*
 * All of them, sorted by segment and row, in the current memory context;
 * rusts_deletes_count of them.
 */
typedef struct RustsDelete
{
	int64		segment_id;
	uint32		row;
	int64		moved_to;
} RustsDelete;

extern RustsDelete *rusts_deletes_list(const RustsDeletes *deletes);

/* rusts_deletions_insert of all of them; the set keeps them. */
extern void rusts_deletes_store(RustsDeletes *deletes, int64 storage_id,
								CommandId cid, bool nested);
extern void rusts_deletes_reset(RustsDeletes *deletes);

#endif							/* RUSTS_DELETES_H */
