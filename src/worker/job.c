/*-------------------------------------------------------------------------
 *
 * job.c
 *	  The maintenance worker of a database: the loop.
 *
 * Each turn finds what is due (queue.c) and does it (run.c), the longest
 * waiting first, and sleeps until the next job is due or a writer calls.
 * After a second's work it looks again, so that what comes of age meanwhile
 * takes its place in the queue.
 *
 * src/worker/job.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/batches.h"
#include "meta/schema.h"
#include "worker/cluster.h"
#include "worker/job.h"

/* The queue is made anew after this. */
#define TURN_MS				1000

/* Who has a measurement locked need not have it for long. */
#define ORPHANS_RETRY_S		5

/* Old batches are forgotten as often as this. */
#define FORGET_INTERVAL_MS	(10 * 60 * 1000)

static RustsDatabaseSlot *slot = NULL;

static bool arrive(Oid database);
static void leave(int code, Datum arg);
static void set_up(void);
static bool extension_exists(void);
static bool guarded(bool (*step) (void));
static bool forget_batches(void);
static TimestampTz work(MemoryContext turn_cxt);

void
rusts_maintenance_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	MemoryContext turn_cxt;
	TimestampTz forgotten_at = GetCurrentTimestamp();
	bool		orphans = true;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!arrive(database))
		return;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	set_up();
	turn_cxt = AllocSetContextCreate(TopMemoryContext, "rusts worker turn",
									 ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		TimestampTz next;
		long		timeout;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!extension_exists())
			break;

		if (orphans)
			orphans = !guarded(rusts_remove_orphans);
		if (TimestampDifferenceExceeds(forgotten_at, GetCurrentTimestamp(),
									   FORGET_INTERVAL_MS))
		{
			forgotten_at = GetCurrentTimestamp();
			(void) guarded(forget_batches);
		}
		next = work(turn_cxt);
		rusts_cluster_worker_start(slot);
		if (orphans)
			next = Min(next, rusts_seconds_after(GetCurrentTimestamp(),
												 ORPHANS_RETRY_S));
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												  next);
		if (timeout <= 0)
			continue;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}

	/* No extension, no work: until a writer asks. */
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->wanted = false;
	LWLockRelease(rusts_worker_shared->lock);
}

/* Take the database's slot; false if there is no room for us. */
static bool
arrive(Oid database)
{
	bool		taken = false;

	slot = rusts_worker_slot(database);
	if (slot == NULL)
		return false;
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	if (slot->pid == 0 && slot->holds == 0)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->failures++;		/* until we are connected */
		taken = true;
	}
	LWLockRelease(rusts_worker_shared->lock);
	if (taken)
		before_shmem_exit(leave, (Datum) 0);
	return taken;
}

static void
leave(int code, Datum arg)
{
	pg_atomic_write_u64(&slot->batches_left, 0);
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->pid = 0;
	slot->latch = NULL;
	slot->missing_since = GetCurrentTimestamp();
	if (rusts_worker_shared->launcher_latch != NULL)
		SetLatch(rusts_worker_shared->launcher_latch);
	LWLockRelease(rusts_worker_shared->lock);
}

static void
set_up(void)
{
	rusts_worker_settings();
	rusts_job_states_init();

	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->failures = 0;
	LWLockRelease(rusts_worker_shared->lock);
}

static bool
extension_exists(void)
{
	bool		exists;

	StartTransactionCommand();
	exists = OidIsValid(get_extension_oid("rusts", true)) &&
		OidIsValid(rusts_am_oid());
	CommitTransactionCommand();
	return exists;
}

/*
 * False if it has to be tried again.  What it leaves because it fails, the
 * next worker removes.
 */
static bool
guarded(bool (*step) (void))
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		done = step();
	}
	PG_CATCH();
	{
		pfree(rusts_worker_recover(cxt));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return done;
}

static bool
forget_batches(void)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	rusts_batches_forget();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return true;
}

/* A turn.  Returns when the next one should be. */
static TimestampTz
work(MemoryContext turn_cxt)
{
	TimestampTz begun = GetCurrentTimestamp();
	MemoryContext old_cxt;
	TimestampTz next;
	ListCell   *cell;

	MemoryContextReset(turn_cxt);
	old_cxt = MemoryContextSwitchTo(turn_cxt);
	foreach(cell, rusts_find_due(slot, &next))
	{
		CHECK_FOR_INTERRUPTS();

		/* After work there may be more. */
		if (rusts_run_due(lfirst(cell), &next))
			next = begun;
		if (TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), TURN_MS))
		{
			next = begun;
			break;
		}
	}
	MemoryContextSwitchTo(old_cxt);
	return next;
}
