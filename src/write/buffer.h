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
#include "write/builder.h"

/*
 * The buffer for rows that command cid of the current subtransaction writes
 * to rel, made when there is none.  It is bound to rel's columns as they are
 * now: the caller holds RowExclusiveLock or more on rel.
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

/* Store what this transaction has buffered for rel (before reading it). */
extern void rusts_buffers_flush_relation(Oid relid);

/* Store everything this transaction has buffered. */
extern void rusts_buffers_flush_all(void);

/* Has a running statement buffered rows for rel? */
extern bool rusts_buffers_hold_rows(Oid relid);

/* Register transaction callbacks and hooks; once, from _PG_init. */
extern void rusts_buffers_init(void);

#endif							/* RUSTS_BUFFER_H */
