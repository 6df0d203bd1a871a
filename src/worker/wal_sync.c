/*-------------------------------------------------------------------------
 *
 * wal_sync.c
 *	  The worker that flushes what is committed in the mode "periodic".
 *
 * One per server, started by the launcher when the first transaction commits
 * in that mode.  As long as there is none such transactions commit
 * synchronously, so that the promise holds from the first one on, and where
 * max_worker_processes has no room for it.
 *
 * The bound: a commit is noted in shared memory before it is acknowledged.
 * What is noted when the worker begins to flush is flushed then; what is noted
 * later waits until one interval after that beginning, at most.  After an idle
 * time the interval starts with the first commit, which wakes the worker.
 * While nothing is noted it sleeps without a timeout.  Time is measured by a
 * clock that nobody sets.
 *
 * A worker that leaves flushes what is noted.  Who commits meanwhile has its
 * successor flush it, and PostgreSQL's walwriter watches over all of them.
 *
 * src/worker/wal_sync.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "meta/settings.h"
#include "worker/shared.h"
#include "worker/wal_sync.h"
#include "write/durability.h"

PG_FUNCTION_INFO_V1(rusts_wal_syncs);

static bool is_ready(void);
static void note_commit(XLogRecPtr commit);
static void wake(void);
static void leave(int code, Datum arg);
static bool flush_noted(void);
static void wait_for_commit(void);
static void wait_after(instr_time since);

void
rusts_wal_sync_init_shared(RustsWalSync *shared)
{
	pg_atomic_init_u32(&shared->ready, 0);
	pg_atomic_init_u32(&shared->idle, 0);
	pg_atomic_init_u64(&shared->committed, 0);
	pg_atomic_init_u64(&shared->syncs, 0);
}

void
rusts_wal_sync_init(void)
{
	rusts_wal_sync_ready_hook = is_ready;
	rusts_wal_sync_note_hook = note_commit;
}

uint64
rusts_wal_sync_count(void)
{
	return pg_atomic_read_u64(&rusts_worker_shared->wal_sync.syncs);
}

/* rusts.wal_syncs() RETURNS bigint */
Datum
rusts_wal_syncs(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) rusts_wal_sync_count());
}

/* Somebody is about to commit.  If there is no worker, have one started. */
static bool
is_ready(void)
{
	RustsWorkerShared *shared = rusts_worker_shared;

	if (pg_atomic_read_u32(&shared->wal_sync.ready) != 0)
		return true;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->wal_sync.wanted = true;
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
	return false;
}

/*
 * Somebody has committed.  The commit is noted before we look if the worker
 * is idle; the worker says that it is idle before it looks for commits.
 */
static void
note_commit(XLogRecPtr commit)
{
	RustsWalSync *sync = &rusts_worker_shared->wal_sync;
	uint64		noted = pg_atomic_read_u64(&sync->committed);

	while (noted < commit &&
		   !pg_atomic_compare_exchange_u64(&sync->committed, &noted, commit))
		;
	pg_memory_barrier();
	if (pg_atomic_read_u32(&sync->idle) != 0 ||
		pg_atomic_read_u32(&sync->ready) == 0)
		wake();
}

/* Call the worker, or the launcher if it has left. */
static void
wake(void)
{
	RustsWorkerShared *shared = rusts_worker_shared;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->wal_sync.latch != NULL)
		SetLatch(shared->wal_sync.latch);
	else if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
}

void
rusts_wal_sync_main(Datum arg)
{
	RustsWorkerShared *shared = rusts_worker_shared;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_activity(STATE_RUNNING,
						   "rusts: flushes commits of the mode periodic");

	before_shmem_exit(leave, (Datum) 0);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->wal_sync.latch = MyLatch;
	LWLockRelease(shared->lock);
	pg_atomic_write_u32(&shared->wal_sync.ready, 1);

	for (;;)
	{
		instr_time	since;

		INSTR_TIME_SET_CURRENT(since);
		if (!flush_noted())
		{
			wait_for_commit();
			INSTR_TIME_SET_CURRENT(since);
		}
		wait_after(since);
	}
}

static void
leave(int code, Datum arg)
{
	RustsWorkerShared *shared = rusts_worker_shared;

	pg_atomic_write_u32(&shared->wal_sync.ready, 0);
	pg_atomic_write_u32(&shared->wal_sync.idle, 0);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->wal_sync.latch = NULL;
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
	(void) flush_noted();
}

/* Flush what is noted; false if all of it is on disk already. */
static bool
flush_noted(void)
{
	RustsWalSync *sync = &rusts_worker_shared->wal_sync;
	XLogRecPtr	noted = pg_atomic_read_u64(&sync->committed);

	if (noted <= GetFlushRecPtr(NULL))
		return false;
	XLogFlush(noted);
	pg_atomic_fetch_add_u64(&sync->syncs, 1);
	return true;
}

/* Sleep until there is a commit that is not on disk. */
static void
wait_for_commit(void)
{
	RustsWalSync *sync = &rusts_worker_shared->wal_sync;

	pg_atomic_write_u32(&sync->idle, 1);
	pg_memory_barrier();
	while (pg_atomic_read_u64(&sync->committed) <= GetFlushRecPtr(NULL))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	pg_atomic_write_u32(&sync->idle, 0);
}

/* Sleep until one interval after since. */
static void
wait_after(instr_time since)
{
	for (;;)
	{
		instr_time	elapsed;
		long		rest;

		INSTR_TIME_SET_CURRENT(elapsed);
		INSTR_TIME_SUBTRACT(elapsed, since);
		rest = (long) ceil(rusts_wal_sync_interval -
						   INSTR_TIME_GET_MILLISEC(elapsed));
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			continue;
		}
		if (rest <= 0)
			break;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 rest, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
rusts_wal_sync_start(void)
{
	static BackgroundWorkerHandle *handle = NULL;
	static bool said = false;
	RustsWorkerShared *shared = rusts_worker_shared;
	BackgroundWorker worker;
	MemoryContext old_cxt;
	bool		wanted;
	pid_t		pid;

	LWLockAcquire(shared->lock, LW_SHARED);
	wanted = shared->wal_sync.wanted && shared->wal_sync.latch == NULL;
	LWLockRelease(shared->lock);
	if (!wanted)
		return;
	if (handle != NULL)
	{
		/* On its way? */
		if (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
			return;
		pfree(handle);
		handle = NULL;
	}

	/* The connection, to no database, has pg_stat_activity list it. */
	rusts_worker_describe(&worker, "rusts WAL sync worker");
	strlcpy(worker.bgw_function_name, "rusts_wal_sync_main",
			sizeof(worker.bgw_function_name));
	worker.bgw_notify_pid = MyProcPid;
	old_cxt = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		handle = NULL;
		if (!said)
			ereport(LOG,
					(errmsg("could not start the rusts WAL sync worker"),
					 errdetail("Until it can be started, commits in the mode \"periodic\" are synchronous."),
					 errhint("Increase max_worker_processes.")));
		said = true;
	}
	MemoryContextSwitchTo(old_cxt);
}
