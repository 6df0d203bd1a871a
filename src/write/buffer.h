/*-------------------------------------------------------------------------
 *
 * buffer.h
 *	  Rows written by the running transaction but not stored yet.
 *
 * src/write/buffer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BUFFER_H
#define RUSTS_BUFFER_H

#include "executor/tuptable.h"
#include "utils/snapshot.h"
#include "write/builder.h"

/*
 * The buffer for rows that command cid of the current subtransaction writes
 * to rel, made when there is none.  It is bound to rel's columns as they are
 * now: the caller holds RowExclusiveLock or more on rel.
 *
 * rel may be a foreign table of a cluster: its rows are encoded and given to
 * whoever sends them (image.h), and have no TIDs.
 */
typedef struct RustsBuffer RustsBuffer;

extern RustsBuffer *rusts_buffer_get(Relation rel, CommandId cid);

/*
 * The builder to append rows to; call rusts_buffer_added after each row or
 * each few (at most some thousand) rows.  rusts_buffer_added may store the
 * rows and reset the builder, and with it all series numbers, when the
 * backend's buffers are full: it returns true then.
 */
extern RustsBuilder *rusts_buffer_builder(RustsBuffer *buffer);
extern bool rusts_buffer_added(RustsBuffer *buffer);

/*
 * Store the buffered rows: one level-0 batch, or hot segments when they are
 * many.  The directory's rows carry the buffer's command id.
 */
extern void rusts_buffer_flush(RustsBuffer *buffer);

/* Flush and forget it: what a statement does with its buffer at its end. */
extern void rusts_buffer_finish(RustsBuffer *buffer);

/*
 * Append the row in slot, as the table AM does.  Its TID is set if somebody
 * may ask for it: a trigger after the row, or RETURNING.
 */
extern void rusts_buffer_put_slot(RustsBuffer *buffer, Relation rel,
								  TupleTableSlot *slot);

/*
 * Note that a row of a segment is deleted; moved_to as in RustsDeletedRow.
 */
extern void rusts_buffer_delete(RustsBuffer *buffer, int64 segment_id,
								uint32 row, int64 moved_to);

/* The same, and append its new version, whose TID is set in slot. */
extern void rusts_buffer_replace(RustsBuffer *buffer, Relation rel,
								 int64 segment_id, uint32 row,
								 TupleTableSlot *slot);

/*
 * Note that a row of a foreign table is deleted: the cluster gets it.  slot
 * has the row.
 */
extern void rusts_buffer_delete_remote(RustsBuffer *buffer,
									   TupleTableSlot *slot);

/* Has a command (*cid) of this transaction deleted a row, not stored yet? */
extern bool rusts_buffers_find_deleted(Oid relid, int64 segment_id,
									   uint32 row, CommandId *cid,
									   int64 *moved_to);

/* Store what this transaction has buffered for rel (before reading it). */
extern void rusts_buffers_flush_relation(Oid relid);

/* Store what of it a snapshot can see, NULL for any. */
extern void rusts_buffers_flush_for(Oid relid, Snapshot snapshot);

/* Is the row with this number one that is buffered? */
extern bool rusts_buffers_hold_row(Oid relid, int64 row);

/* Store everything this transaction has buffered. */
extern void rusts_buffers_flush_all(void);

/* Has a running statement buffered rows for rel? */
extern bool rusts_buffers_hold_rows(Oid relid);

/* Register transaction callbacks and hooks; once, from _PG_init. */
extern void rusts_buffers_init(void);

#endif							/* RUSTS_BUFFER_H */
