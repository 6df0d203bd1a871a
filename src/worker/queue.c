/*-------------------------------------------------------------------------
 *
 * queue.c
 *	  What is due.
 *
 * Each turn looks at every measurement: at its level-0 batches, which must be
 * flushed when they have reached a limit, and at the time when each other job
 * is to run.  All jobs are in one queue, ordered by the time since when they
 * wait (a flush since its oldest batch was written), so none can be passed
 * for ever.
 *
 * src/worker/queue.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "meta/settings.h"
#include "segment/page_io.h"
#include "worker/job.h"

/* What a turn's look at the measurements comes to. */
typedef struct Look
{
	TimestampTz now;
	List	   *policies;
	List	   *due;
	TimestampTz next;
	bool		waiting;		/* something waits to be flushed */
	int64		batches_left;	/* until a flush is due, at least */
	int64		rows_left;
	int64		bytes_left;
} Look;

static List *begin_look(Look *look, RustsDatabaseSlot *slot);
static bool examine(Look *look, Oid relid, RustsActiveSummary *summary,
					bool *by_policy);
static void consider_flush(Look *look, Oid relid,
						   const RustsActiveSummary *summary);
static bool flush_is_due(Look *look, const RustsActiveSummary *summary,
						 RustsTotal *counter);
static bool is_old(const Look *look, TimestampTz written_at);
static void append_due(Look *look, Oid relid, int kind, TimestampTz since,
					   RustsTotal counter);
static int	compare_due(const ListCell *a, const ListCell *b);

List *
rusts_find_due(RustsDatabaseSlot *slot, TimestampTz *next)
{
	Look		look;
	List	   *measurements = begin_look(&look, slot);
	bool	   *by_policy = palloc_array(bool, rusts_njob_kinds);
	ListCell   *cell;

	foreach(cell, measurements)
	{
		Oid			relid = lfirst_oid(cell);
		RustsJobState *flush = rusts_job_state(relid, RUSTS_JOB_FLUSH);
		RustsActiveSummary summary;
		int			kind;

		CHECK_FOR_INTERRUPTS();
		for (kind = RUSTS_JOB_FLUSH + 1; kind < rusts_njob_kinds; kind++)
			(void) rusts_job_state(relid, kind);
		if (!examine(&look, relid, &summary, by_policy))
		{
			/* Locked or damaged. */
			look.next = Min(look.next,
							rusts_seconds_after(look.now,
												RUSTS_LOCKED_RETRY_S));
			continue;
		}
		if (flush->next_at > look.now)
		{
			/* Others may come of age meanwhile. */
			look.waiting = true;
			look.next = Min(look.next, flush->next_at);
			look.next = Min(look.next,
							rusts_seconds_after(look.now,
												rusts_flush_max_age));
		}
		else
			consider_flush(&look, relid, &summary);
		for (kind = RUSTS_JOB_FLUSH + 1; kind < rusts_njob_kinds; kind++)
		{
			RustsJobState *state = rusts_job_state(relid, kind);

			if (rusts_job_kinds[kind].by_policy && !by_policy[kind])
				continue;
			if (state->next_at <= look.now)
				append_due(&look, relid, kind, state->next_at, 0);
			else
				look.next = Min(look.next, state->next_at);
		}
	}
	rusts_job_states_sweep();

	/* With nothing waiting the first batch starts the clock. */
	pg_atomic_write_u64(&slot->rows_left, look.rows_left);
	pg_atomic_write_u64(&slot->bytes_left, look.bytes_left);
	pg_atomic_write_u64(&slot->batches_left,
						look.waiting ? look.batches_left : 0);
	list_sort(look.due, compare_due);
	*next = look.next;
	return look.due;
}

/* Returns the measurements. */
static List *
begin_look(Look *look, RustsDatabaseSlot *slot)
{
	MemoryContext cxt = CurrentMemoryContext;
	List	   *measurements;

	memset(look, 0, sizeof(*look));
	look->now = GetCurrentTimestamp();

	/* Policies may be added without anybody calling. */
	look->next = rusts_seconds_after(look->now, rusts_job_interval);
	look->batches_left = rusts_flush_max_batches;
	look->rows_left = rusts_flush_max_points;
	look->bytes_left = (int64) rusts_flush_max_bytes * 1024;

	pg_atomic_write_u64(&slot->batches, 0);
	pg_atomic_write_u64(&slot->rows, 0);
	pg_atomic_write_u64(&slot->bytes, 0);
	pg_atomic_write_u64(&slot->batches_left, 0);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(cxt);
	measurements = rusts_list_measurements();
	look->policies = rusts_policies_load(GetActiveSnapshot());
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
	return measurements;
}

/*
 * Add up a measurement's active batches, and tell which kinds of jobs its
 * policies ask for.  False if somebody has it locked, or it cannot be read;
 * then that is noted, as a failure of the flush, and it is left alone until
 * the flush may try again.
 */
static bool
examine(Look *look, Oid relid, RustsActiveSummary *summary, bool *by_policy)
{
	MemoryContext old_cxt = CurrentMemoryContext;
	TimestampTz started = GetCurrentTimestamp();
	RustsJobState *flush = rusts_job_state(relid, RUSTS_JOB_FLUSH);
	volatile bool done = false;

	memset(summary, 0, sizeof(*summary));
	memset(by_policy, 0, sizeof(bool) * rusts_njob_kinds);
	if (flush->unreadable && flush->next_at > look->now)
		return true;
	flush->unreadable = true;
	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		if (ConditionalLockRelationOid(relid, AccessShareLock))
		{
			Relation	rel = try_relation_open(relid, NoLock);

			if (rel != NULL && !RELATION_IS_OTHER_TEMP(rel))
			{
				int			kind;

				rusts_directory_summarize(rusts_storage_id(rel),
										  GetActiveSnapshot(), summary);
				for (kind = 0; kind < rusts_njob_kinds; kind++)
				{
					const RustsJobKind *k = &rusts_job_kinds[kind];

					by_policy[kind] = k->by_policy &&
						rusts_policy_choose(look->policies, k->policy_kind,
											relid) != NULL;
				}
			}
			if (rel != NULL)
				relation_close(rel, NoLock);
			done = true;
		}
		PopActiveSnapshot();
		CommitTransactionCommand();
		flush->unreadable = false;
	}
	PG_CATCH();
	{
		rusts_job_catch(relid, RUSTS_JOB_FLUSH, started, old_cxt);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
	return done;
}

static void
consider_flush(Look *look, Oid relid, const RustsActiveSummary *summary)
{
	RustsTotal	counter;

	if (summary->batches == 0)
		return;
	look->waiting = true;
	if (flush_is_due(look, summary, &counter))
	{
		append_due(look, relid, RUSTS_JOB_FLUSH,
				   Min(summary->oldest, look->now), counter);
		return;
	}
	look->next = Min(look->next,
					 rusts_seconds_after(summary->oldest,
										 rusts_flush_max_age));
	look->batches_left = Min(look->batches_left,
							 rusts_flush_max_batches - summary->batches);
	look->rows_left = Min(look->rows_left,
						  rusts_flush_max_points - summary->rows);
	look->bytes_left = Min(look->bytes_left,
						   (int64) rusts_flush_max_bytes * 1024 -
						   summary->bytes);
}

/* Has a limit been reached?  *counter says which. */
static bool
flush_is_due(Look *look, const RustsActiveSummary *summary,
			 RustsTotal *counter)
{
	if (summary->bytes >= (int64) rusts_flush_max_bytes * 1024)
		*counter = RUSTS_TOTAL_FLUSH_SIZE;
	else if (summary->rows >= rusts_flush_max_points)
		*counter = RUSTS_TOTAL_FLUSH_POINTS;
	else if (summary->batches >= rusts_flush_max_batches)
		*counter = RUSTS_TOTAL_FLUSH_BATCHES;
	else if (is_old(look, summary->oldest))
		*counter = RUSTS_TOTAL_FLUSH_AGE;
	else
		return false;
	return true;
}

/* If the clock was set back, the batch may be from times to come. */
static bool
is_old(const Look *look, TimestampTz written_at)
{
	return rusts_seconds_after(written_at, rusts_flush_max_age) <= look->now ||
		written_at > rusts_seconds_after(look->now, rusts_flush_max_age);
}

static void
append_due(Look *look, Oid relid, int kind, TimestampTz since,
		   RustsTotal counter)
{
	RustsDue   *due = palloc_object(RustsDue);

	due->relid = relid;
	due->kind = kind;
	due->since = since;
	due->counter = counter;
	look->due = lappend(look->due, due);
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	const RustsDue *left = lfirst(a);
	const RustsDue *right = lfirst(b);

	return (left->since > right->since) - (left->since < right->since);
}
