/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  Shared memory of the workers, and how the other backends call them.
 *
 * A writer tells the worker of its database, at commit, how much it has
 * stored.  It wakes the worker only when the worker has said it would want to
 * know: when nothing was waiting to be flushed, or a limit is reached.
 *
 * The worker is connected to its database, which would make DROP DATABASE,
 * CREATE DATABASE ... TEMPLATE and renaming fail; so these statements ask it
 * to leave first, if the user may do what they say, and the launcher brings
 * it back when they are done.
 *
 * src/worker/shared.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "meta/progress.h"
#include "worker/shared.h"
#include "worker/worker.h"
#include "write/store.h"

/* How long a statement waits for a worker to leave. */
#define LEAVE_TIMEOUT_MS	30000

RustsWorkerShared *rusts_worker_shared = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

/* What this transaction has stored. */
static int64 stored_batches = 0;
static int64 stored_rows = 0;
static int64 stored_bytes = 0;

/* The database whose worker we keep away. */
static Oid	held_database = InvalidOid;

static void request_shmem(void);
static void startup_shmem(void);
static void at_stored(int64 nrows, int64 bytes);
static void at_transaction_event(XactEvent event, void *arg);
static RustsDatabaseSlot *take_slot(Oid database, int holds);
static void reset_counters(RustsDatabaseSlot *slot, bool is_new);
static pg_atomic_uint64 *own_counters(void);
static void tell_worker(void);
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static void pass_on(PlannedStmt *statement, const char *query_string,
					bool read_only_tree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *environment,
					DestReceiver *dest, QueryCompletion *completion);
static const char *database_to_leave(Node *statement);
static bool may_have_database(Node *statement, Oid database);
static bool may_copy_database(Oid database);
static void hold_worker(Oid database);
static bool end_workers(const RustsDatabaseSlot *slot);
static void release_at_exit(int code, Datum arg);
static void release_worker(Oid database, bool gone);

/* Of this session's database, once it was asked for. */
RustsDatabaseSlot *rusts_worker_known_slot = NULL;

void
rusts_worker_init(void)
{
	BackgroundWorker launcher;

	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
	rusts_stored_hook = at_stored;
	rusts_wal_sync_init();
	rusts_totals_hook = own_counters;
	rusts_cluster_view_init();
	RegisterXactCallback(at_transaction_event, NULL);

	/* pg_upgrade wants no transactions but its own. */
	if (IsBinaryUpgrade)
		return;
	rusts_worker_describe(&launcher, "rusts launcher");
	launcher.bgw_restart_time = 5;
	strlcpy(launcher.bgw_function_name, "rusts_launcher_main",
			sizeof(launcher.bgw_function_name));
	RegisterBackgroundWorker(&launcher);
}

void
rusts_worker_describe(BackgroundWorker *worker, const char *type)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "rusts",
			sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_name, type, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, type, sizeof(worker->bgw_type));
}

void
rusts_worker_settings(void)
{
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET,
					PGC_S_OVERRIDE);
}

char *
rusts_worker_recover(MemoryContext cxt)
{
	char	   *message;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(cxt);
	message = CopyErrorData()->message;
	EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	RESUME_INTERRUPTS();
	return message;
}

static void
request_shmem(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(sizeof(RustsWorkerShared));
	RequestAddinShmemSpace(rusts_progress_shmem_size());
	RequestNamedLWLockTranche("rusts workers", 1);
	RequestNamedLWLockTranche("rusts progress", 1);
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	rusts_worker_shared = ShmemInitStruct("rusts workers",
										  sizeof(RustsWorkerShared), &found);
	if (!found)
	{
		memset(rusts_worker_shared, 0, sizeof(RustsWorkerShared));
		rusts_worker_shared->lock =
			&GetNamedLWLockTranche("rusts workers")->lock;
		rusts_wal_sync_init_shared(&rusts_worker_shared->wal_sync);
	}
	rusts_progress_shmem_init(&GetNamedLWLockTranche("rusts progress")->lock);
	LWLockRelease(AddinShmemInitLock);
}

RustsDatabaseSlot *
rusts_worker_slot(Oid database)
{
	return take_slot(database, 0);
}

/* The same, and have it held so often more. */
static RustsDatabaseSlot *
take_slot(Oid database, int holds)
{
	RustsWorkerShared *shared = rusts_worker_shared;
	RustsDatabaseSlot *slot = NULL;
	RustsDatabaseSlot *spare = NULL;
	int			i;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < shared->nslots; i++)
	{
		RustsDatabaseSlot *candidate = &shared->slots[i];

		if (candidate->database == database)
		{
			slot = candidate;
			break;
		}

		/* One that nobody needs any more can be had, but for its totals. */
		if (candidate->pid == 0 && candidate->cluster_pid == 0 &&
			candidate->resync_pid == 0 &&
			!candidate->wanted &&
			candidate->holds == 0)
			spare = candidate;
	}
	if (slot == NULL && shared->nslots < RUSTS_MAX_DATABASES)
	{
		slot = &shared->slots[shared->nslots++];
		pg_atomic_init_u64(&slot->batches, 0);
		pg_atomic_init_u64(&slot->rows, 0);
		pg_atomic_init_u64(&slot->bytes, 0);
		pg_atomic_init_u64(&slot->readable_until, 0);
		pg_atomic_init_u64(&slot->readable_since, 0);
		pg_atomic_init_u32(&slot->copying, 0);
		pg_atomic_init_u64(&slot->batches_left, 0);
		pg_atomic_init_u64(&slot->rows_left, 0);
		pg_atomic_init_u64(&slot->bytes_left, 0);
		reset_counters(slot, true);
	}
	if (slot == NULL)
		slot = spare;
	if (slot != NULL && slot->database != database)
	{
		slot->database = database;
		slot->failures = 0;
		reset_counters(slot, false);
	}
	if (slot != NULL)
		slot->holds += holds;
	LWLockRelease(shared->lock);
	return slot;
}

static void
reset_counters(RustsDatabaseSlot *slot, bool is_new)
{
	int			i;

	for (i = 0; i < RUSTS_NTOTALS; i++)
	{
		if (is_new)
			pg_atomic_init_u64(&slot->counters[i], 0);
		else
			pg_atomic_write_u64(&slot->counters[i], 0);
	}
}

/* The slot of the database we are connected to; NULL if there is no room. */
RustsDatabaseSlot *
rusts_worker_own_slot(void)
{
	if (rusts_worker_known_slot == NULL ||
		rusts_worker_known_slot->database != MyDatabaseId)
		rusts_worker_known_slot = OidIsValid(MyDatabaseId) ?
			rusts_worker_slot(MyDatabaseId) : NULL;
	return rusts_worker_known_slot;
}

static pg_atomic_uint64 *
own_counters(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	return slot != NULL ? slot->counters : NULL;
}

static void
at_stored(int64 nrows, int64 bytes)
{
	stored_batches++;
	stored_rows += nrows;
	stored_bytes += bytes;
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (stored_batches == 0)
		return;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		tell_worker();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE ||
		event == XACT_EVENT_ABORT)
		stored_batches = stored_rows = stored_bytes = 0;
}

/* Add up what was stored and wake who wants to know.  Must not fail. */
static void
tell_worker(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();
	uint64		batches;
	uint64		rows;
	uint64		bytes;

	if (slot == NULL)
		return;
	batches = pg_atomic_add_fetch_u64(&slot->batches, stored_batches);
	rows = pg_atomic_add_fetch_u64(&slot->rows, stored_rows);
	bytes = pg_atomic_add_fetch_u64(&slot->bytes, stored_bytes);
	if (batches < pg_atomic_read_u64(&slot->batches_left) &&
		rows < pg_atomic_read_u64(&slot->rows_left) &&
		bytes < pg_atomic_read_u64(&slot->bytes_left))
		return;

	rusts_worker_wake(slot);
}


/* Have the worker look, or a worker started that will. */
void
rusts_worker_wake(RustsDatabaseSlot *slot)
{
	if (slot == NULL)
		return;
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	if (!slot->wanted)
		slot->missing_since = GetCurrentTimestamp();
	slot->wanted = true;
	if (slot->latch != NULL)
		SetLatch(slot->latch);
	else if (rusts_worker_shared->launcher_latch != NULL)
		SetLatch(rusts_worker_shared->launcher_latch);
	LWLockRelease(rusts_worker_shared->lock);
}

static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	const char *name = database_to_leave(statement->utilityStmt);
	Oid			database = InvalidOid;
	volatile bool gone = false;
	bool		commits_prepared =
		IsA(statement->utilityStmt, TransactionStmt) &&
		castNode(TransactionStmt, statement->utilityStmt)->kind ==
		TRANS_STMT_COMMIT_PREPARED;

	if (name != NULL)
		database = get_database_oid(name, true);
	if (!OidIsValid(database) ||
		!may_have_database(statement->utilityStmt, database))
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);

		/* What it made visible was reported when nobody could see it. */
		if (commits_prepared)
			rusts_worker_wake(rusts_worker_slot(MyDatabaseId));
		return;
	}

	hold_worker(database);
	PG_TRY();
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
		gone = IsA(statement->utilityStmt, DropdbStmt);
	}
	PG_FINALLY();
	{
		release_worker(database, gone);
	}
	PG_END_TRY();
}

/* Let the hook before ours, or PostgreSQL, run the statement. */
static void
pass_on(PlannedStmt *statement, const char *query_string,
		bool read_only_tree, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment,
		DestReceiver *dest, QueryCompletion *completion)
{
	if (prev_process_utility)
		prev_process_utility(statement, query_string, read_only_tree,
							 context, params, environment, dest, completion);
	else
		standard_ProcessUtility(statement, query_string, read_only_tree,
								context, params, environment, dest,
								completion);
}

/* The database that nobody may be connected to, or NULL. */
static const char *
database_to_leave(Node *statement)
{
	ListCell   *cell;
	List	   *options = NIL;
	const char *option_name = NULL;
	const char *result = NULL;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return castNode(DropdbStmt, statement)->dbname;
		case T_RenameStmt:
			if (castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE)
				return castNode(RenameStmt, statement)->subname;
			return NULL;
		case T_CreatedbStmt:
			options = castNode(CreatedbStmt, statement)->options;
			option_name = "template";
			result = "template1";
			break;
		case T_AlterDatabaseStmt:
			options = castNode(AlterDatabaseStmt, statement)->options;
			option_name = "tablespace";
			break;
		default:
			return NULL;
	}
	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, option_name) == 0 && option->arg != NULL)
			result = IsA(statement, AlterDatabaseStmt) ?
				castNode(AlterDatabaseStmt, statement)->dbname :
				defGetString(option);
	}
	return result;
}

/*
 * Will PostgreSQL let the user have that done?  It asks later, and who may not
 * must not keep the worker from its work by trying again and again.
 */
static bool
may_have_database(Node *statement, Oid database)
{
	return rusts_is_database_owner(database, GetUserId()) ||
		(IsA(statement, CreatedbStmt) && may_copy_database(database));
}

/* Templates are for all who may create databases. */
static bool
may_copy_database(Oid database)
{
	HeapTuple	tuple;
	bool		may = false;

	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (HeapTupleIsValid(tuple))
	{
		may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	if (HeapTupleIsValid(tuple))
	{
		may = may && ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return may;
}

/*
 * Send the database's worker away and wait until it is gone.  A session that
 * is terminated meanwhile unwinds nothing, so it has the worker released at
 * its exit.
 */
static void
hold_worker(Oid database)
{
	static bool registered = false;
	RustsDatabaseSlot *slot;
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   LEAVE_TIMEOUT_MS);

	if (!registered)
		before_shmem_exit(release_at_exit, (Datum) 0);
	registered = true;
	slot = take_slot(database, 1);
	if (slot == NULL)
		return;
	held_database = database;
	PG_TRY();
	{
		for (;;)
		{
			bool		gone = true;

			LWLockAcquire(rusts_worker_shared->lock, LW_SHARED);
			if (slot->database == database)
				gone = !end_workers(slot);
			LWLockRelease(rusts_worker_shared->lock);
			if (gone || GetCurrentTimestamp() > deadline)
				break;
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 10, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_CATCH();
	{
		release_worker(database, false);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Were there any?  They take the lock before they are gone. */
static bool
end_workers(const RustsDatabaseSlot *slot)
{
	const pid_t pids[] = {slot->pid, slot->cluster_pid, slot->resync_pid};
	bool		any = false;
	int			i;

	for (i = 0; i < lengthof(pids); i++)
	{
		if (pids[i] != 0)
			kill(pids[i], SIGTERM);
		any |= pids[i] != 0;
	}
	return any;
}

static void
release_at_exit(int code, Datum arg)
{
	if (OidIsValid(held_database))
		release_worker(held_database, false);
}

/* Let the worker come back, unless the database is gone. */
static void
release_worker(Oid database, bool gone)
{
	RustsWorkerShared *shared = rusts_worker_shared;
	int			i;

	held_database = InvalidOid;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < shared->nslots; i++)
	{
		if (shared->slots[i].database == database &&
			shared->slots[i].holds > 0)
		{
			shared->slots[i].holds--;
			if (gone)
				shared->slots[i].wanted = false;
		}
	}
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
	LWLockRelease(shared->lock);
}
