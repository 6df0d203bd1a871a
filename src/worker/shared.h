/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  What launcher, workers and writers share.
 *
 * src/worker/shared.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WORKER_SHARED_H
#define RUSTS_WORKER_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "cluster/read_check.h"
#include "meta/totals.h"
#include "worker/wal_sync.h"

/* Databases with measurements that one server may have. */
#define RUSTS_MAX_DATABASES		256

typedef struct RustsDatabaseSlot
{
	Oid			database;		/* protected by lock */
	bool		wanted;			/* there is work; protected by lock */
	int			holds;			/* statements that want the worker away;
								 * protected by lock */
	int			failures;		/* starts that did not get as far as work;
								 * protected by lock */
	TimestampTz started_at;		/* the last start; protected by lock */
	TimestampTz missing_since;	/* while wanted and not there; protected by
								 * lock */
	pid_t		pid;			/* the worker's, or 0; protected by lock */
	pid_t		cluster_pid;	/* the cluster worker's, or 0; ditto */
	pid_t		resync_pid;		/* the resync worker's, or 0; ditto */
	Latch	   *cluster_latch;	/* the cluster worker's; ditto */
	pg_atomic_uint64 readable_until;	/* this node has all rows of the
										 * cluster, as far as others know, a
										 * TimestampTz; atomic */
	pg_atomic_uint64 readable_since;	/* ... for who sees this transaction;
										 * written before */
	uint64		down[RUSTS_DOWN_WORDS]; /* nodes that do not answer; written
										 * by the cluster worker, and only a
										 * hint */
	pg_atomic_uint32 copying;	/* this node copies its parts; atomic */
	Latch	   *latch;			/* the worker's; protected by lock */

	/*
	 * What was written since the worker looked, and how much more would make
	 * it look again; atomic, and only a hint.
	 */
	pg_atomic_uint64 batches;
	pg_atomic_uint64 rows;
	pg_atomic_uint64 bytes;
	pg_atomic_uint64 batches_left;
	pg_atomic_uint64 rows_left;
	pg_atomic_uint64 bytes_left;

	pg_atomic_uint64 counters[RUSTS_NTOTALS]; /* atomic */
} RustsDatabaseSlot;

typedef struct RustsWorkerShared
{
	LWLock	   *lock;			/* set once at start */
	Latch	   *launcher_latch; /* protected by lock */
	RustsWalSync wal_sync;
	int			nslots;			/* protected by lock; never shrinks */
	RustsDatabaseSlot slots[RUSTS_MAX_DATABASES];
} RustsWorkerShared;

extern RustsWorkerShared *rusts_worker_shared;

/* The slot of a database, made if need be; NULL if all are taken. */
extern RustsDatabaseSlot *rusts_worker_slot(Oid database);

/*
 * Describe a background worker of ours that has a connection, and that nobody
 * but us starts again; type is its name as well.  Its function is still to be
 * set.
 */
extern void rusts_worker_describe(BackgroundWorker *worker, const char *type);

/* The slot of the database we are connected to; NULL if there is no room. */
extern RustsDatabaseSlot *rusts_worker_own_slot(void);
extern RustsDatabaseSlot *rusts_worker_known_slot;

/* There is work for the maintenance worker of a database, or the launcher. */
extern void rusts_worker_wake(RustsDatabaseSlot *slot);

/* cluster_view.c: once, from rusts_worker_init. */
extern void rusts_cluster_view_init(void);

/* Settings of the database may not be made for workers: reset them. */
extern void rusts_worker_settings(void);

/*
 * In a PG_CATCH: log the error, abort the transaction, and go on in cxt, where
 * the error's message is returned.
 */
extern char *rusts_worker_recover(MemoryContext cxt);

/* The workers' main functions. */
extern PGDLLEXPORT void rusts_launcher_main(Datum arg);
extern PGDLLEXPORT void rusts_maintenance_main(Datum arg);
extern PGDLLEXPORT void rusts_wal_sync_main(Datum arg);
extern PGDLLEXPORT void rusts_cluster_main(Datum arg);
extern PGDLLEXPORT void rusts_resync_main(Datum arg);

#endif							/* RUSTS_WORKER_SHARED_H */
