/*-------------------------------------------------------------------------
 *
 * wal_sync.h
 *	  The worker that flushes what is committed in the mode "periodic".
 *
 * src/worker/wal_sync.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WAL_SYNC_H
#define RUSTS_WAL_SYNC_H

#include "port/atomics.h"
#include "storage/latch.h"

/* In shared memory, a part of RustsWorkerShared, whose lock guards it. */
typedef struct RustsWalSync
{
	bool		wanted;			/* somebody commits in that mode; protected by
								 * lock */
	Latch	   *latch;			/* the worker's; protected by lock */
	pg_atomic_uint32 ready;		/* there is a worker; atomic */
	pg_atomic_uint32 idle;		/* it waits to be called; atomic */
	pg_atomic_uint64 committed; /* end of the last such commit; atomic */
	pg_atomic_uint64 syncs;		/* flushes so far; atomic */
} RustsWalSync;

/* Set up the fields above in memory that is zero. */
extern void rusts_wal_sync_init_shared(RustsWalSync *shared);

/* Register with commits; once, from rusts_worker_init. */
extern void rusts_wal_sync_init(void);

/* For the launcher: start the worker if it is wanted and not there. */
extern void rusts_wal_sync_start(void);

/* Flushes since the server started. */
extern uint64 rusts_wal_sync_count(void);

#endif							/* RUSTS_WAL_SYNC_H */
