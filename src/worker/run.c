/*-------------------------------------------------------------------------
 *
 * run.c
 *	  Run a step of a job.
 *
 * Each step is a transaction.  It takes a lock that conflicts with other
 * maintenance and with DDL only, and does not wait for it.  When somebody
 * else comes to wait for it, the step gives way and is tried again.
 *
 * src/worker/run.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/job_table.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "meta/settings.h"
#include "worker/job.h"
#include "write/mover.h"

/* Runs with nothing to do are entered in rusts.job as often as this. */
#define NOTE_INTERVAL_MS	(10 * 60 * 1000)

static Relation open_measurement(Oid relid, bool *locked);
static int64 step(Relation rel, const RustsDue *due,
				  const RustsJobState *state);
static void note_success(const RustsDue *due, RustsJobState *state,
						 TimestampTz started, int64 nrows);
static void hasten_others(Oid relid);
static TimestampTz next_after(const RustsDue *due, int64 nrows);
static void note_failure(const RustsJobState *state, TimestampTz started,
						 const char *error);
static void log_failure(const RustsJobState *state, const ErrorData *error);
static char *measurement_name(Oid relid);

bool
rusts_run_due(const RustsDue *due, TimestampTz *next)
{
	MemoryContext old_cxt = CurrentMemoryContext;
	RustsJobState *state = rusts_job_state(due->relid, due->kind);
	TimestampTz started = GetCurrentTimestamp();
	volatile bool progress = true;

	PG_TRY();
	{
		Relation	rel;
		bool		locked;
		int64		nrows = 0;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		rel = open_measurement(due->relid, &locked);
		if (rel != NULL)
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			nrows = step(rel, due, state);
			if (nrows >= 0)
				note_success(due, state, started, nrows);
			PopActiveSnapshot();
			relation_close(rel, NoLock);
		}
		if (nrows >= 0)
			CommitTransactionCommand();
		else
		{
			ereport(DEBUG1,
					(errmsg_internal("%s measurement %u gives way",
									 rusts_job_kinds[due->kind].activity,
									 due->relid)));
			AbortCurrentTransaction();
			rusts_job_gave_way(state);
		}
		if (locked)
			*next = Min(*next,
						rusts_seconds_after(GetCurrentTimestamp(),
											RUSTS_LOCKED_RETRY_S));
		else if (rel != NULL && nrows >= 0)
		{
			rusts_total_add(RUSTS_TOTAL_JOBS_RUN, 1);
			if (due->kind == RUSTS_JOB_FLUSH && nrows > 0)
				rusts_total_add(due->counter, 1);
			rusts_job_went_well(state, next_after(due, nrows));
			if (due->kind == RUSTS_JOB_FLUSH && nrows > 0)
				hasten_others(due->relid);
		}
		progress = rel != NULL && nrows > 0;
	}
	PG_CATCH();
	{
		rusts_job_catch(due->relid, due->kind, started, old_cxt);
		progress = false;
	}
	PG_END_TRY();
	if (state->next_at > started)
		*next = Min(*next, state->next_at);
	MemoryContextSwitchTo(old_cxt);
	return progress;
}

/*
 * The measurement, locked; NULL if it is no more, or (*locked) the locks
 * cannot be had at once.
 */
static Relation
open_measurement(Oid relid, bool *locked)
{
	Relation	rel;

	*locked = !ConditionalLockRelationOid(relid, ShareUpdateExclusiveLock);
	if (*locked)
		return NULL;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		return NULL;
	if (rusts_is_measurement(rel) && !RELATION_IS_OTHER_TEMP(rel))
	{
		*locked = !rusts_mover_lock(rel, false);
		if (!*locked)
			return rel;
	}

	/* Or it has become something else since it was found due. */
	relation_close(rel, NoLock);
	return NULL;
}

static int64
step(Relation rel, const RustsDue *due, const RustsJobState *state)
{
	const RustsJobKind *kind = &rusts_job_kinds[due->kind];
	const RustsPolicy *policy = NULL;
	int64		nrows;

	pgstat_report_activity(STATE_RUNNING,
						   psprintf("rusts: %s %s", kind->activity,
									measurement_name(due->relid)));
	if (kind->by_policy)
	{
		/* It may have been changed since the job was found due. */
		policy = rusts_policy_choose(rusts_policies_load(GetActiveSnapshot()),
									 kind->policy_kind, due->relid);
		if (policy == NULL)
			return 0;
	}
	rusts_progress_begin(due->relid, kind->name);
	nrows = rusts_job_step(due->kind, rel, policy, false,
						   rusts_job_may_give_way(state));
	rusts_progress_end();
	return nrows;
}

/*
 * Segments have come to a measurement: see at once whether they are to be
 * compacted.
 */
static void
hasten_others(Oid relid)
{
	int			kind;

	for (kind = RUSTS_JOB_FLUSH + 1; kind < rusts_njob_kinds; kind++)
	{
		RustsJobState *state = rusts_job_state(relid, kind);

		if (!rusts_job_kinds[kind].by_policy && state->failures == 0)
			state->next_at = Min(state->next_at, GetCurrentTimestamp());
	}
}

/*
 * When the job is to run again: after what it did there may be more, but the
 * others come first.
 */
static TimestampTz
next_after(const RustsDue *due, int64 nrows)
{
	TimestampTz now = GetCurrentTimestamp();

	if (nrows > 0)
		return now;
	return rusts_seconds_after(now, due->kind == RUSTS_JOB_FLUSH ? 1 :
							   rusts_job_interval);
}

/*
 * Enter the run in rusts.job, in its own transaction.  What does nothing is
 * not worth a write each time.
 */
static void
note_success(const RustsDue *due, RustsJobState *state, TimestampTz started,
			 int64 nrows)
{
	RustsJobRecord record = {.measurement = due->relid,
	.job = rusts_job_kinds[due->kind].name};

	record.started = started;
	record.ended = GetCurrentTimestamp();
	record.nrows = nrows;
	record.next_run = next_after(due, nrows);
	if (nrows == 0 && state->failures == 0 &&
		!TimestampDifferenceExceeds(state->noted_at, record.ended,
									NOTE_INTERVAL_MS))
		return;
	rusts_job_table_put(&record);
	state->noted_at = record.ended;
}

void
rusts_job_catch(Oid relid, int kind, TimestampTz started, MemoryContext cxt)
{
	RustsJobState *state = rusts_job_state(relid, kind);
	ErrorData  *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(cxt);
	RESUME_INTERRUPTS();

	rusts_total_add(RUSTS_TOTAL_JOBS_RUN, 1);
	rusts_total_add(RUSTS_TOTAL_JOBS_FAILED, 1);
	if (rusts_job_failed(state, error->sqlerrcode))
		log_failure(state, error);
	note_failure(state, started, error->message);
	MemoryContextSwitchTo(cxt);
	FreeErrorData(error);
}

/* With the reason; the statement's place in our source helps nobody. */
static void
log_failure(const RustsJobState *state, const ErrorData *error)
{
	char	   *name;

	StartTransactionCommand();
	name = measurement_name(state->key.relid);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("%s measurement %s failed: %s",
					rusts_job_kinds[state->key.kind].activity, name,
					error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 errhint("It is tried again, ever less often; while it keeps failing this is said once an hour.")));
	CommitTransactionCommand();
}

/*
 * Enter a failure in rusts.job.  If that fails, too (the disk may be full),
 * so be it.
 */
static void
note_failure(const RustsJobState *state, TimestampTz started,
			 const char *error)
{
	MemoryContext cxt = CurrentMemoryContext;
	RustsJobRecord record = {.measurement = state->key.relid,
	.job = rusts_job_kinds[state->key.kind].name};

	record.started = started;
	record.ended = GetCurrentTimestamp();
	record.error = error;
	record.failures = state->failures;
	record.failing_since = state->failing_since;
	record.next_run = state->next_at;
	PG_TRY();
	{
		StartTransactionCommand();
		rusts_job_table_put(&record);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
}

/* As SQL writes it; its OID if it is gone. */
static char *
measurement_name(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (name == NULL || schema == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(schema, name);
}
