/*-------------------------------------------------------------------------
 *
 * locking.h
 *	  Locks at all nodes, for which nobody is to wait for long.
 *
 * Who holds locks at one node and waits for them at another may wait for
 * somebody who does the same the other way round, and no node sees that.  So
 * locks are waited for briefly, all of them are given back when one is not to
 * be had, others go first, and it is tried again.
 *
 * src/cluster/locking.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LOCKING_H
#define RUSTS_LOCKING_H

#include "cluster/connection.h"

/* How long a lock is waited for while others are held, in ms. */
#define RUSTS_LOCK_TIMEOUT_MS		1000

/* How long what is on its way may take to arrive, in ms. */
#define RUSTS_DRAIN_MS				60000

/*
 * A step in a subtransaction, whose effects, locks among them, are kept or
 * not.  False: somebody would not let go of a lock.  Errors: others of the
 * step.
 */
extern bool rusts_attempt(void (*step) (void *arg), void *arg, bool keep);

/* Does this SQLSTATE say that a lock was not to be had? */
extern bool rusts_is_lock_failure(int sqlstate);

/* Have another node take the locks of rusts_change_lock(); or raise. */
extern void rusts_lock_at(RustsConnection *conn, const char *what);

/*
 * Let others go first.  nattempts counts, and there is an error, with this
 * hint if it is not NULL, when there have been enough.
 */
extern void rusts_try_again(int *nattempts, const char *hint);

extern void rusts_pause_ms(long ms);
extern TimestampTz rusts_deadline_in(int ms);

#endif							/* RUSTS_LOCKING_H */
