/*-------------------------------------------------------------------------
 *
 * job.h
 *	  What the files of the maintenance worker share.
 *
 * src/worker/job.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_JOB_H
#define RUSTS_JOB_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "meta/policy.h"
#include "meta/totals.h"
#include "worker/shared.h"

/*
 * A kind of job.  A step is what can be done in one transaction; it returns
 * the number of rows it has moved, 0 when there was nothing (more) to do, or
 * -1 when it gave way to somebody who waits for the measurement; then the
 * transaction must be aborted.
 */
typedef struct RustsJobKind
{
	const char *name;			/* as in rusts.jobs */
	const char *activity;		/* as in pg_stat_activity */
	bool		by_policy;		/* only where a policy asks for it ... */
	RustsPolicyKind policy_kind;	/* ... of this kind */
	RustsTotal	rows;			/* what its rows are counted as */
	int64		(*step) (Relation rel, const RustsPolicy *policy,
						 bool by_hand, bool give_way);
} RustsJobKind;

/* kinds.c; the first one is the flush, which has limits of its own. */
#define RUSTS_JOB_FLUSH		0

extern const RustsJobKind rusts_job_kinds[];
extern const int rusts_njob_kinds;

/* A step, whose rows are counted. */
extern int64 rusts_job_step(int kind, Relation rel, const RustsPolicy *policy,
							bool by_hand, bool give_way);

/* state.c: what the worker remembers of a job on a measurement */
typedef struct RustsJobKey
{
	Oid			relid;
	int			kind;
} RustsJobKey;

typedef struct RustsJobState
{
	RustsJobKey key;
	int			failures;		/* in a row */
	int			gave_way;		/* times since the last step that ended */
	TimestampTz next_at;		/* not before this ... */
	TimestampTz set_at;			/* ... as was decided then, or when the clock
								 * was last found set back */
	TimestampTz failing_since;
	TimestampTz warned_at;		/* the log was told ... */
	int			warned_code;	/* ... of this error */
	TimestampTz noted_at;		/* entered in rusts.job */
	bool		seen;			/* its measurement still exists */
	bool		unreadable;		/* of a flush: what there is to flush could not
								 * be read last time */
} RustsJobState;

extern void rusts_job_states_init(void);
extern RustsJobState *rusts_job_state(Oid relid, int kind);
extern void rusts_job_states_sweep(void);
extern void rusts_job_went_well(RustsJobState *state, TimestampTz next_at);
extern void rusts_job_gave_way(RustsJobState *state);
extern bool rusts_job_may_give_way(const RustsJobState *state);

/* Counts a failure; true if it is to be logged. */
extern bool rusts_job_failed(RustsJobState *state, int sqlerrcode);

/* queue.c: what is due */
typedef struct RustsDue
{
	Oid			relid;
	int			kind;
	TimestampTz since;
	RustsTotal counter;		/* of a flush: what made it due */
} RustsDue;

/*
 * The jobs that are due, the longest waiting first, in the current memory
 * context; *next becomes the time when the next one will be.  Also tell the
 * writers how much more is needed until the worker wants to be called.
 */
extern List *rusts_find_due(RustsDatabaseSlot *slot, TimestampTz *next);

/* run.c: do it */

/*
 * Run one step in a transaction of its own; true if it has moved rows.  If it
 * must be tried again for another reason *next is no later than that.
 */
extern bool rusts_run_due(const RustsDue *due, TimestampTz *next);

/*
 * In PG_CATCH: leave the failed transaction, and note and log the failure of a
 * job.
 */
extern void rusts_job_catch(Oid relid, int kind, TimestampTz started,
							MemoryContext cxt);

/*
 * orphans.c: in a transaction of its own; may fail.  False if it has to be
 * tried again, because a measurement is locked.
 */
extern bool rusts_remove_orphans(void);

static inline TimestampTz
rusts_seconds_after(TimestampTz time, int seconds)
{
	return TimestampTzPlusMilliseconds(time, seconds * INT64CONST(1000));
}

/* A worker that cannot get its lock tries again after this. */
#define RUSTS_LOCKED_RETRY_S	1

#endif							/* RUSTS_JOB_H */
