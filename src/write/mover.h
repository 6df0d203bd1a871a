/*-------------------------------------------------------------------------
 *
 * mover.h
 *	  Who may move the rows of a measurement, and who may change them.
 *
 * src/write/mover.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_MOVER_H
#define RUSTS_MOVER_H

#include "storage/lock.h"
#include "utils/relcache.h"

/*
 * Before its rows are moved to other segments: keep others, until the end of
 * the transaction, from deleting, updating and locking them.  Without wait
 * false if somebody else does.  False as well if this transaction has changed
 * rows itself: triggers that have yet to fire know them by their TIDs.
 */
extern bool rusts_mover_lock(Relation rel, bool wait);

/*
 * Before its rows are deleted, updated or locked: keep movers out until the
 * end of the transaction.
 */
extern void rusts_changer_lock(Relation rel);

/*
 * A batch gets its place in the order of writes, and a moment later its row in
 * the directory.  In between it holds this lock; who wants to see all that
 * were written before some moment waits for those who hold it then.
 */
extern void rusts_order_lock(Relation rel);
extern void rusts_order_unlock(Relation rel);
extern void rusts_order_wait(Relation rel);

/* Does this transaction hold rusts_changer_lock? */
extern bool rusts_changer_lock_held(Relation rel);

/*
 * The other locks on parts of measurements; they are all "user locks" in
 * pg_locks: database, relation, what, and which of these.
 */
typedef enum RustsLockKind
{
	RUSTS_LOCK_MOVER = 1,
	RUSTS_LOCK_ALL_ROWS,
	RUSTS_LOCK_ROW,
	RUSTS_LOCK_ORDER
} RustsLockKind;

extern void rusts_set_locktag(LOCKTAG *tag, Relation rel, RustsLockKind kind,
							  uint32 number);

/*
 * Of a row.  Not PostgreSQL's lock on a tuple: a server with assertions wants
 * those back before the end of the transaction.
 */
extern void rusts_set_row_locktag(LOCKTAG *tag, Relation rel, int64 row);

#endif							/* RUSTS_MOVER_H */
