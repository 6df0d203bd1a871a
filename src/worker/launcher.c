/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Starts a maintenance worker for each database that needs one.
 *
 * When the server has started every database gets a worker once, for only a
 * connection can tell whether the extension is there; a worker that finds
 * nothing to do says so and leaves.  From then on writers ask for one.  A
 * worker that died is started again.
 *
 * src/worker/launcher.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "worker/shared.h"

/* How often dead workers are looked for. */
#define NAPTIME_MS			5000

static void leave(int code, Datum arg);
static void want_all_databases(void);
static void start_workers(void);
static bool database_exists(Oid database);
static void forget_database(RustsDatabaseSlot *slot, Oid database);
static bool start_worker(Oid database);

void
rusts_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	before_shmem_exit(leave, (Datum) 0);
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	rusts_worker_shared->launcher_latch = MyLatch;
	LWLockRelease(rusts_worker_shared->lock);

	want_all_databases();
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		rusts_wal_sync_start();
		start_workers();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 NAPTIME_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

static void
leave(int code, Datum arg)
{
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	rusts_worker_shared->launcher_latch = NULL;
	LWLockRelease(rusts_worker_shared->lock);
}

/* Ask for a worker in each database that allows connections. */
static void
want_all_databases(void)
{
	Relation	databases;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	databases = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(databases, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		RustsDatabaseSlot *slot;

		if (!database->datallowconn || database->datistemplate)
			continue;
		slot = rusts_worker_slot(database->oid);
		if (slot == NULL)
		{
			ereport(LOG,
					(errmsg("no rusts maintenance worker for database \"%s\"",
							NameStr(database->datname)),
					 errdetail("There are more than %d databases.",
							   RUSTS_MAX_DATABASES)));
			continue;
		}
		LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
		slot->wanted = true;
		LWLockRelease(rusts_worker_shared->lock);
	}
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Start what is wanted and not there. */
static void
start_workers(void)
{
	RustsWorkerShared *shared = rusts_worker_shared;
	int			i;

	for (i = 0; i < RUSTS_MAX_DATABASES; i++)
	{
		RustsDatabaseSlot *slot = &shared->slots[i];
		Oid			database = InvalidOid;
		TimestampTz now = GetCurrentTimestamp();

		/*
		 * One that cannot connect, because the database does not allow it or
		 * there are no connections left, is tried ever less often, and at
		 * once if the clock was set back.
		 */
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		if (i < shared->nslots && slot->wanted && slot->holds == 0 &&
			slot->pid == 0 &&
			(slot->failures == 0 || now < slot->started_at ||
			 TimestampDifferenceExceeds(slot->started_at, now,
										1000 << Min(slot->failures, 8))))
		{
			database = slot->database;
			slot->started_at = now;
		}
		LWLockRelease(shared->lock);
		if (!OidIsValid(database))
			continue;
		if (!database_exists(database))
			forget_database(slot, database);
		else if (!start_worker(database))
			break;
	}
}

static bool
database_exists(Oid database)
{
	bool		exists;

	StartTransactionCommand();
	exists = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
	CommitTransactionCommand();
	return exists;
}

/* It was dropped: its slot is free. */
static void
forget_database(RustsDatabaseSlot *slot, Oid database)
{
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	if (slot->database == database)
		slot->wanted = false;
	LWLockRelease(rusts_worker_shared->lock);
}

/* Start a worker and wait until it runs; false if there is no room. */
static bool
start_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t		pid;

	rusts_worker_describe(&worker, "rusts maintenance worker");
	strlcpy(worker.bgw_function_name, "rusts_maintenance_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name),
			 "rusts maintenance worker for database %u", database);
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		static bool said = false;

		if (!said)
			ereport(LOG,
					(errmsg("could not start a rusts maintenance worker"),
					 errhint("Increase max_worker_processes.")));
		said = true;
		return false;
	}
	(void) WaitForBackgroundWorkerStartup(handle, &pid);
	pfree(handle);
	return true;
}
