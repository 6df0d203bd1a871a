/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far long jobs have come.
 *
 * PostgreSQL's own progress reports know PostgreSQL's commands only, so this
 * is a small array of our own.
 *
 * src/meta/progress.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "meta/progress.h"

typedef struct ProgressShared
{
	RustsProgress jobs[RUSTS_MAX_PROGRESS];
} ProgressShared;

static ProgressShared *shared = NULL;
static LWLock *shared_lock = NULL;

/* This backend's, and how many jobs run within one another. */
static RustsProgress *own = NULL;
static int	depth = 0;

static void at_transaction_end(XactEvent event, void *arg);

Size
rusts_progress_shmem_size(void)
{
	return sizeof(ProgressShared);
}

void
rusts_progress_shmem_init(LWLock *lock)
{
	bool		found;
	int			i;

	shared_lock = lock;
	shared = ShmemInitStruct("rusts progress", sizeof(ProgressShared),
							 &found);
	if (found)
		return;
	memset(shared, 0, sizeof(ProgressShared));
	for (i = 0; i < RUSTS_MAX_PROGRESS; i++)
	{
		pg_atomic_init_u64(&shared->jobs[i].done, 0);
		pg_atomic_init_u64(&shared->jobs[i].total, 0);
	}
}

void
rusts_progress_begin(Oid relid, const char *job)
{
	static bool registered = false;
	int			i;

	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
	if (depth++ > 0 || shared == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	for (i = 0; i < RUSTS_MAX_PROGRESS && own == NULL; i++)
	{
		if (shared->jobs[i].pid == 0)
			own = &shared->jobs[i];
	}
	if (own != NULL)
	{
		own->pid = MyProcPid;
		own->database = MyDatabaseId;
		own->relid = relid;
		own->started = GetCurrentTimestamp();
		strlcpy(own->job, job, RUSTS_PROGRESS_NAME);
		own->phase[0] = '\0';
		pg_atomic_write_u64(&own->done, 0);
		pg_atomic_write_u64(&own->total, 0);
	}
	LWLockRelease(shared_lock);
}

void
rusts_progress_phase(const char *phase, uint64 total)
{
	if (own == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	strlcpy(own->phase, phase, RUSTS_PROGRESS_NAME);
	pg_atomic_write_u64(&own->done, 0);
	pg_atomic_write_u64(&own->total, total);
	LWLockRelease(shared_lock);
}

void
rusts_progress_done(uint64 done)
{
	if (own != NULL)
		pg_atomic_write_u64(&own->done, done);
}

void
rusts_progress_end(void)
{
	if (depth > 0 && --depth > 0)
		return;
	if (own == NULL)
		return;
	LWLockAcquire(shared_lock, LW_EXCLUSIVE);
	own->pid = 0;
	LWLockRelease(shared_lock);
	own = NULL;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (depth > 0 &&
		(event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT ||
		 event == XACT_EVENT_PREPARE))
	{
		depth = 1;
		rusts_progress_end();
	}
}

RustsProgress *
rusts_progress_list(int *n)
{
	RustsProgress *list = palloc_array(RustsProgress, RUSTS_MAX_PROGRESS);
	int			i;

	*n = 0;
	LWLockAcquire(shared_lock, LW_SHARED);
	for (i = 0; i < RUSTS_MAX_PROGRESS; i++)
	{
		if (shared->jobs[i].pid != 0 &&
			shared->jobs[i].database == MyDatabaseId)
			list[(*n)++] = shared->jobs[i];
	}
	LWLockRelease(shared_lock);
	return list;
}
