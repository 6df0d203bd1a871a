/*-------------------------------------------------------------------------
 *
 * resync.c
 *	  The worker that copies the parts of this node.
 *
 * The cluster worker starts it when nodes have not kept rows for this one, and
 * goes on meanwhile: rows for others have to be handed over, too.
 *
 * src/worker/resync.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cluster/read_check.h"
#include "cluster/resync.h"
#include "cluster/topology.h"
#include "cluster/trouble.h"
#include "compat.h"
#include "worker/resync.h"
#include "worker/shared.h"

/* What fails is tried again after this. */
#define START_INTERVAL_MS	2000

static RustsDatabaseSlot *slot = NULL;

static const char *node_id = NULL;	/* of this node, once it is known */

static bool arrive(void);
static void run(void);
static void leave(int code, Datum arg);
static bool in_transaction(bool (*step) (const RustsClusterConfig *config));
static bool copy(const RustsClusterConfig *config);

void
rusts_resync_worker_start(void)
{
	static BackgroundWorkerHandle *running = NULL;
	static TimestampTz tried_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	BackgroundWorker worker;
	MemoryContext old_cxt;
	pid_t		pid;

	if (running != NULL)
	{
		if (GetBackgroundWorkerPid(running, &pid) != BGWH_STOPPED)
			return;
		pfree(running);
		running = NULL;
	}
	if (!TimestampDifferenceExceeds(tried_at, now, START_INTERVAL_MS))
		return;
	tried_at = now;
	rusts_worker_describe(&worker, "rusts resync worker");
	strlcpy(worker.bgw_function_name, "rusts_resync_main",
			sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	old_cxt = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &running))
		ereport(LOG,
				(errmsg("could not start a rusts resync worker"),
				 errhint("Increase max_worker_processes.")));
	MemoryContextSwitchTo(old_cxt);
}

void
rusts_resync_main(Datum arg)
{
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	rusts_worker_settings();
	if (arrive())
		run();
}

/* A statement that wants the database for itself does not want us. */
static bool
arrive(void)
{
	bool		taken = false;

	slot = rusts_worker_slot(MyDatabaseId);
	if (slot == NULL)
		return false;
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	if (slot->resync_pid == 0 && slot->holds == 0)
	{
		slot->resync_pid = MyProcPid;
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
	rusts_cluster_view->set_copying(false);
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->resync_pid = 0;
	LWLockRelease(rusts_worker_shared->lock);
}

static bool
in_transaction(bool (*step) (const RustsClusterConfig *config))
{
	const RustsClusterConfig *config;
	bool		result = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "rusts resync");
	config = rusts_cluster();
	if (config != NULL && config->self >= 0)
	{
		node_id = MemoryContextStrdup(TopMemoryContext, config->node_id);
		result = step(config);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
	return result;
}

/* What fails is noted where the status shows it, and ends the worker. */
static void
run(void)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		if (!in_transaction(rusts_resync_tell))
		{
			(void) in_transaction(copy);
			rusts_cluster_view->set_copying(false);
			(void) in_transaction(rusts_resync_tell);
		}
	}
	PG_CATCH();
	{
		char	   *message = rusts_worker_recover(cxt);

		if (node_id != NULL && !ProcDiePending)
			rusts_trouble_note(node_id, message);
		proc_exit(1);
	}
	PG_END_TRY();
	if (node_id != NULL)
		rusts_trouble_note(node_id, NULL);
}

static bool
copy(const RustsClusterConfig *config)
{
	rusts_resync(config);
	return true;
}
