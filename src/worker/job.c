/*-------------------------------------------------------------------------
 *
 * job.c
 *	  The maintenance worker of a database: finds what is due and does it.
 *
 * One loop.  Each turn looks at the level-0 batches of every measurement,
 * flushes those that have reached a limit, the one with the oldest rows first
 * and each in a transaction of its own, and sleeps until the next one comes
 * of age or a writer calls.  A measurement whose flush fails is left alone
 * for a while that doubles with each failure; the others go on.  After its
 * flush a measurement is compacted, step by step.
 *
 * A flush takes a lock that conflicts with other maintenance and with DDL
 * only, and does not wait for it.  When somebody else comes to wait for it,
 * the flush gives way and is tried again.
 *
 * src/worker/job.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "meta/settings.h"
#include "segment/page_io.h"
#include "worker/shared.h"
#include "write/compact.h"
#include "write/merge.h"

/* Longest pause after failures. */
#define MAX_BACKOFF_S		300

/* A worker that cannot get its lock tries again after this. */
#define LOCKED_RETRY_MS		1000

/* So often a flush gives way to a statement that waits for its lock. */
#define MAX_GIVE_WAY		5

/* Failures of a measurement's flush. */
typedef struct Failure
{
	Oid			relid;			/* key */
	int			count;
	int			gave_way;		/* times since the last flush */
	TimestampTz retry_at;
} Failure;

/* A measurement that may have segments to compact. */
typedef struct Compaction
{
	Oid			relid;			/* key */
	int			failures;
	int			gave_way;
	TimestampTz try_at;
} Compaction;

/* A measurement that is due. */
typedef struct Due
{
	Oid			relid;
	TimestampTz oldest;
} Due;

static RustsDatabaseSlot *slot = NULL;
static HTAB *failures = NULL;
static HTAB *compactions = NULL;
static MemoryContext turn_cxt = NULL;

static bool arrive(Oid database);
static void leave(int code, Datum arg);
static bool extension_exists(void);
static void remove_orphans(void);
static List *find_due(TimestampTz *next);
static bool examine(Oid relid, RustsActiveSummary *summary);
static void recover_from_error(MemoryContext cxt);
static int	compare_due(const ListCell *a, const ListCell *b);
static void flush(Oid relid, TimestampTz *next);
static void want_compaction(Oid relid);
static void compact_each(TimestampTz *next);
static void compact(Compaction *compaction);
static void postpone(Compaction *compaction, int seconds);
static bool may_give_way(Oid relid);
static TimestampTz note_gave_way(Oid relid);
static Failure *find_failure(Oid relid);
static void note_failure(Oid relid);
static TimestampTz seconds_after(TimestampTz time, int seconds);
static long milliseconds_until(TimestampTz time);

void
rusts_maintenance_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	HASHCTL		ctl;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!arrive(database))
		return;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET,
					PGC_S_OVERRIDE);

	turn_cxt = AllocSetContextCreate(TopMemoryContext, "rusts worker turn",
									 ALLOCSET_DEFAULT_SIZES);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Failure);
	ctl.hcxt = TopMemoryContext;
	failures = hash_create("rusts flush failures", 16, &ctl,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.entrysize = sizeof(Compaction);
	compactions = hash_create("rusts compactions", 16, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->failures = 0;
	LWLockRelease(rusts_worker_shared->lock);
	if (extension_exists())
	{
		PG_TRY();
		{
			remove_orphans();
		}
		PG_CATCH();
		{
			recover_from_error(TopMemoryContext);
		}
		PG_END_TRY();
	}
	for (;;)
	{
		TimestampTz next = DT_NOEND;
		long		timeout = -1;
		List	   *due;
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (!extension_exists())
			break;

		MemoryContextReset(turn_cxt);
		due = find_due(&next);
		foreach(cell, due)
			flush(((Due *) lfirst(cell))->relid, &next);
		compact_each(&next);
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);

		/* Look again at once after work: there may be more by now. */
		if (due != NIL && next == DT_NOEND)
			continue;
		if (next != DT_NOEND)
			timeout = Max(milliseconds_until(next), 0);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (timeout >= 0 ? WL_TIMEOUT : 0),
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
	if (rusts_worker_shared->launcher_latch != NULL)
		SetLatch(rusts_worker_shared->launcher_latch);
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
 * Remove directory rows of storages that no relation has: what unlogged
 * measurements had before a crash.  The directory is read first, so every
 * storage in it that still exists has its relation among those listed after.
 */
static void
remove_orphans(void)
{
	int64	   *storages;
	uint32		nstorages;
	List	   *measurements;
	ListCell   *cell;
	bool		complete = true;
	uint32		i;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	storages = rusts_directory_storages(GetActiveSnapshot(), &nstorages);
	PopActiveSnapshot();
	measurements = nstorages > 0 ? rusts_list_measurements() : NIL;
	foreach(cell, measurements)
	{
		Oid			relid = lfirst_oid(cell);
		Relation	rel;
		int64		id;

		CHECK_FOR_INTERRUPTS();
		if (!ConditionalLockRelationOid(relid, AccessShareLock))
		{
			complete = false;
			break;
		}
		rel = try_relation_open(relid, NoLock);
		if (rel == NULL)
			continue;
		id = rusts_storage_id(rel);
		relation_close(rel, AccessShareLock);
		for (i = 0; i < nstorages; i++)
		{
			if (storages[i] == id)
				storages[i] = 0;
		}
	}
	for (i = 0; i < nstorages && complete; i++)
	{
		if (storages[i] != 0)
			rusts_directory_delete_storage(storages[i]);
	}
	CommitTransactionCommand();
}

/*
 * The measurements that are due, the longest waiting first, in turn_cxt.
 * *next becomes the time when the next one will be.  Also tell the writers
 * how much more is needed until we want to be called.
 */
static List *
find_due(TimestampTz *next)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(turn_cxt);
	List	   *measurements;
	List	   *due = NIL;
	ListCell   *cell;
	TimestampTz now = GetCurrentTimestamp();
	int64		max_batches = rusts_flush_max_batches;
	int64		max_rows = rusts_flush_max_points;
	int64		max_bytes = (int64) rusts_flush_max_bytes * 1024;
	int64		batches_left = max_batches;
	int64		rows_left = max_rows;
	int64		bytes_left = max_bytes;
	bool		waiting = false;

	pg_atomic_write_u64(&slot->batches, 0);
	pg_atomic_write_u64(&slot->rows, 0);
	pg_atomic_write_u64(&slot->bytes, 0);
	pg_atomic_write_u64(&slot->batches_left, 0);

	StartTransactionCommand();
	MemoryContextSwitchTo(turn_cxt);
	measurements = rusts_list_measurements();
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn_cxt);

	foreach(cell, measurements)
	{
		Oid			relid = lfirst_oid(cell);
		RustsActiveSummary summary;
		Failure    *failure = hash_search(failures, &relid, HASH_FIND, NULL);
		TimestampTz retry_at = failure != NULL ? failure->retry_at : 0;
		TimestampTz age_at;

		CHECK_FOR_INTERRUPTS();
		if (retry_at > now)
		{
			/* Others may come of age meanwhile. */
			waiting = true;
			*next = Min(*next, retry_at);
			*next = Min(*next, seconds_after(now, rusts_flush_max_age));
			continue;
		}
		if (!examine(relid, &summary))
		{
			/* Locked or damaged. */
			*next = Min(*next,
						TimestampTzPlusMilliseconds(now, LOCKED_RETRY_MS));
			continue;
		}
		if (summary.batches == 0)
			continue;

		waiting = true;
		age_at = seconds_after(summary.oldest, rusts_flush_max_age);
		if (summary.batches >= max_batches || summary.rows >= max_rows ||
			summary.bytes >= max_bytes || age_at <= now)
		{
			Due		   *item = palloc_object(Due);

			item->relid = relid;
			item->oldest = summary.oldest;
			due = lappend(due, item);
			continue;
		}
		*next = Min(*next, age_at);
		batches_left = Min(batches_left, max_batches - summary.batches);
		rows_left = Min(rows_left, max_rows - summary.rows);
		bytes_left = Min(bytes_left, max_bytes - summary.bytes);
	}

	/* With nothing waiting the first batch starts the clock. */
	pg_atomic_write_u64(&slot->rows_left, rows_left);
	pg_atomic_write_u64(&slot->bytes_left, bytes_left);
	pg_atomic_write_u64(&slot->batches_left, waiting ? batches_left : 0);
	list_sort(due, compare_due);
	MemoryContextSwitchTo(old_cxt);
	return due;
}

/*
 * Add up a measurement's active batches.  False if somebody has it locked, or
 * it cannot be read; then that is noted.
 */
static bool
examine(Oid relid, RustsActiveSummary *summary)
{
	MemoryContext old_cxt = CurrentMemoryContext;
	volatile bool done = false;

	memset(summary, 0, sizeof(*summary));
	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		if (ConditionalLockRelationOid(relid, AccessShareLock))
		{
			Relation	rel = try_relation_open(relid, NoLock);

			if (rel != NULL && !RELATION_IS_OTHER_TEMP(rel))
				rusts_directory_summarize(rusts_storage_id(rel),
										  GetActiveSnapshot(), summary);
			if (rel != NULL)
				relation_close(rel, NoLock);
			done = true;
		}
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		recover_from_error(old_cxt);
		note_failure(relid);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
	return done;
}

/* Log the error and leave its transaction. */
static void
recover_from_error(MemoryContext cxt)
{
	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(cxt);
	EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(cxt);
	RESUME_INTERRUPTS();
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	const Due  *left = lfirst(a);
	const Due  *right = lfirst(b);

	return (left->oldest > right->oldest) - (left->oldest < right->oldest);
}

/* Flush one measurement in a transaction of its own. */
static void
flush(Oid relid, TimestampTz *next)
{
	MemoryContext old_cxt = CurrentMemoryContext;

	PG_TRY();
	{
		Relation	rel = NULL;
		bool		done = true;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		if (ConditionalLockRelationOid(relid, ShareUpdateExclusiveLock))
			rel = try_relation_open(relid, NoLock);
		else
			*next = Min(*next,
						TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													LOCKED_RETRY_MS));
		if (rel != NULL && !rusts_is_measurement(rel))
		{
			/* It has become something else since it was found due. */
			relation_close(rel, NoLock);
			rel = NULL;
		}
		if (rel != NULL)
		{
			char	   *schema = get_namespace_name(RelationGetNamespace(rel));
			char	   *name = RelationGetRelationName(rel);

			pgstat_report_activity(STATE_RUNNING,
								   psprintf("rusts: flush of %s",
											quote_qualified_identifier(schema,
																	   name)));
			PushActiveSnapshot(GetTransactionSnapshot());
			done = rusts_merge_active(rel, may_give_way(relid)) >= 0;
			PopActiveSnapshot();
			relation_close(rel, NoLock);
		}
		if (done)
		{
			CommitTransactionCommand();
			hash_search(failures, &relid, HASH_REMOVE, NULL);
			if (rel != NULL)
				want_compaction(relid);
		}
		else
		{
			ereport(DEBUG1,
					(errmsg_internal("flush of measurement %u gives way",
									 relid)));
			AbortCurrentTransaction();
			*next = Min(*next, note_gave_way(relid));
		}
	}
	PG_CATCH();
	{
		recover_from_error(old_cxt);
		note_failure(relid);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
}

/* Segments have come to a measurement; see at once what is to be done. */
static void
want_compaction(Oid relid)
{
	bool		found;
	Compaction *compaction = hash_search(compactions, &relid, HASH_ENTER,
										 &found);

	if (!found)
	{
		compaction->failures = 0;
		compaction->gave_way = 0;
		compaction->try_at = 0;
	}
}

/*
 * One step of each compaction; flushes come in between.  Transactions must
 * not end while a hash table is being scanned.
 */
static void
compact_each(TimestampTz *next)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(turn_cxt);
	HASH_SEQ_STATUS status;
	Compaction *compaction;
	List	   *wanted = NIL;
	ListCell   *cell;

	hash_seq_init(&status, compactions);
	while ((compaction = hash_seq_search(&status)) != NULL)
		wanted = lappend(wanted, compaction);
	MemoryContextSwitchTo(old_cxt);

	foreach(cell, wanted)
	{
		compaction = lfirst(cell);
		if (compaction->try_at <= GetCurrentTimestamp())
			compact(compaction);
		if (compaction->try_at != DT_NOEND)
			*next = Min(*next, compaction->try_at);
		else
			hash_search(compactions, &compaction->relid, HASH_REMOVE, NULL);
	}
}

/*
 * Do one step in a transaction of its own.  try_at becomes the time of the
 * next one; none, when there is nothing left to do.
 */
static void
compact(Compaction *compaction)
{
	MemoryContext old_cxt = CurrentMemoryContext;

	PG_TRY();
	{
		Relation	rel = NULL;
		int64		nrows = 0;
		bool		locked;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		locked = ConditionalLockRelationOid(compaction->relid,
											ShareUpdateExclusiveLock);
		if (locked)
			rel = try_relation_open(compaction->relid, NoLock);
		if (rel != NULL && rusts_is_measurement(rel))
		{
			char	   *schema = get_namespace_name(RelationGetNamespace(rel));
			char	   *name = RelationGetRelationName(rel);

			pgstat_report_activity(STATE_RUNNING,
								   psprintf("rusts: compaction of %s",
											quote_qualified_identifier(schema,
																	   name)));
			PushActiveSnapshot(GetTransactionSnapshot());
			nrows = rusts_compact_step(rel, compaction->gave_way <
									   MAX_GIVE_WAY);
			PopActiveSnapshot();
		}
		if (rel != NULL)
			relation_close(rel, NoLock);
		if (nrows < 0)
		{
			AbortCurrentTransaction();
			compaction->gave_way++;
		}
		else
		{
			CommitTransactionCommand();
			compaction->failures = 0;
			compaction->gave_way = 0;
		}
		if (nrows < 0 || !locked)
			postpone(compaction, 1);
		else
			compaction->try_at = nrows > 0 ? 0 : DT_NOEND;
	}
	PG_CATCH();
	{
		recover_from_error(old_cxt);
		compaction->failures++;
		postpone(compaction, Min(1 << Min(compaction->failures, 16),
								 MAX_BACKOFF_S));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
}

static void
postpone(Compaction *compaction, int seconds)
{
	compaction->try_at = seconds_after(GetCurrentTimestamp(), seconds);
}

/*
 * Statements that need a measurement for themselves, such as the one that
 * adds a column, do not wait for a flush to end; nor may they keep it from
 * ever ending.
 */
static bool
may_give_way(Oid relid)
{
	Failure    *failure = hash_search(failures, &relid, HASH_FIND, NULL);

	return failure == NULL || failure->gave_way < MAX_GIVE_WAY;
}

/* When to try again. */
static TimestampTz
note_gave_way(Oid relid)
{
	Failure    *failure = find_failure(relid);

	failure->gave_way++;
	failure->retry_at = seconds_after(GetCurrentTimestamp(), 1);
	return failure->retry_at;
}

/* The entry of a measurement, made if need be. */
static Failure *
find_failure(Oid relid)
{
	bool		found;
	Failure    *failure = hash_search(failures, &relid, HASH_ENTER, &found);

	if (!found)
	{
		failure->count = 0;
		failure->gave_way = 0;
		failure->retry_at = 0;
	}
	return failure;
}

static void
note_failure(Oid relid)
{
	Failure    *failure = find_failure(relid);
	int			pause_s;

	failure->count++;
	pause_s = failure->count > 8 ? MAX_BACKOFF_S :
		Min(1 << failure->count, MAX_BACKOFF_S);
	failure->retry_at = seconds_after(GetCurrentTimestamp(), pause_s);
}

static TimestampTz
seconds_after(TimestampTz time, int seconds)
{
	return TimestampTzPlusMilliseconds(time, seconds * INT64CONST(1000));
}

static long
milliseconds_until(TimestampTz time)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), time);
}
