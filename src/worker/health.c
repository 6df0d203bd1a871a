/*-------------------------------------------------------------------------
 *
 * health.c
 *	  What rusts_health() looks at.
 *
 * src/worker/health.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/directory.h"
#include "meta/job_table.h"
#include "worker/shared.h"

/* A job that fails for longer is no passing trouble. */
#define FAILING_TOO_LONG_S	600

/* A worker that is missing for longer does not come back by itself. */
#define MISSING_TOO_LONG_MS 15000

/* Writers need some room: a few WAL segments and a flush. */
#define MIN_FREE_BYTES		(INT64CONST(256) * 1024 * 1024)

PG_FUNCTION_INFO_V1(rusts_health_checks);

typedef struct Check
{
	const char *name;
	bool		(*passes) (char **message);
} Check;

static bool launcher_runs(char **message);
static bool worker_runs(char **message);
static bool jobs_go_well(char **message);
static bool directory_is_readable(char **message);
static bool disk_has_room(char **message);

static const Check checks[] = {
	{"launcher", launcher_runs},
	{"worker", worker_runs},
	{"jobs", jobs_go_well},
	{"directory", directory_is_readable},
	{"disk", disk_has_room}
};

/* rusts.health_checks(OUT name text, OUT passes boolean, OUT message text) */
Datum
rusts_health_checks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < lengthof(checks); i++)
	{
		char	   *message = NULL;
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(checks[i].name);
		values[1] = BoolGetDatum(checks[i].passes(&message));
		nulls[2] = message == NULL;
		if (message != NULL)
			values[2] = CStringGetTextDatum(message);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

static bool
launcher_runs(char **message)
{
	bool		runs;

	if (RecoveryInProgress())
	{
		*message = "not needed on a standby";
		return true;
	}
	LWLockAcquire(rusts_worker_shared->lock, LW_SHARED);
	runs = rusts_worker_shared->launcher_latch != NULL;
	LWLockRelease(rusts_worker_shared->lock);
	if (!runs)
		*message = "the rusts launcher does not run; see max_worker_processes";
	return runs;
}

/*
 * A worker that is not wanted, has been sent away or is just coming is not
 * missed.
 */
static bool
worker_runs(char **message)
{
	RustsDatabaseSlot *slot;
	bool		wanted = false;
	bool		runs = false;

	if (RecoveryInProgress())
	{
		*message = "not needed on a standby";
		return true;
	}
	slot = rusts_worker_slot(MyDatabaseId);
	if (slot == NULL)
	{
		*message = psprintf("more than %d databases", RUSTS_MAX_DATABASES);
		return false;
	}
	LWLockAcquire(rusts_worker_shared->lock, LW_SHARED);
	wanted = slot->wanted && slot->holds == 0 &&
		TimestampDifferenceExceeds(slot->missing_since, GetCurrentTimestamp(),
								   MISSING_TOO_LONG_MS);
	runs = slot->pid != 0;
	LWLockRelease(rusts_worker_shared->lock);
	if (wanted && !runs)
		*message =
			"the rusts maintenance worker does not run; see max_worker_processes";
	return runs || !wanted;
}

static bool
jobs_go_well(char **message)
{
	TimestampTz before = GetCurrentTimestamp() -
		FAILING_TOO_LONG_S * USECS_PER_SEC;
	int			n = rusts_job_table_failing(before);

	if (n > 0)
		*message =
			psprintf("%d jobs have been failing for ten minutes or more; see rusts.jobs",
					 n);
	return n == 0;
}

/* What goes wrong here is an answer, not an error. */
static bool
directory_is_readable(char **message)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		uint32		n;

		(void) rusts_directory_storages(GetActiveSnapshot(), &n);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();

		/* Not our business to swallow. */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		MemoryContextSwitchTo(cxt);
		*message = error->message;
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return ok;
}

/* Of the data directory's file system. */
static bool
disk_has_room(char **message)
{
	struct statvfs fs;
	int64		room;

	if (statvfs(DataDir, &fs) != 0)
	{
		*message =
			psprintf("could not look at the data directory's file system: %m");
		return false;
	}
	room = (int64) fs.f_bavail * (int64) fs.f_frsize;
	if (room < MIN_FREE_BYTES)
		*message = psprintf("%d MB are free where the data directory is",
							(int) (room / (1024 * 1024)));
	return room >= MIN_FREE_BYTES;
}
