/*-------------------------------------------------------------------------
 *
 * state.c
 *	  What the worker remembers of each job on each measurement.
 *
 * A job that fails is left alone for a while that doubles with each failure,
 * up to five minutes, and never for good; the others go on.  The log hears of
 * each kind of error once an hour at most, even if the job goes well now and
 * then.
 *
 * Somebody may set the clock back.  What is to happen in a minute is then to
 * happen in a minute all the same.
 *
 * src/worker/state.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "meta/settings.h"
#include "worker/job.h"

/* Longest pause after failures. */
#define MAX_BACKOFF_S		300

/* So often a job gives way to a statement that waits for its lock. */
#define MAX_GIVE_WAY		5

/* The log hears of a job that keeps failing after this. */
#define WARNING_INTERVAL_MS (60 * 60 * 1000)

static HTAB *states = NULL;

static void put_off(RustsJobState *state, TimestampTz next_at);
static void follow_clock(RustsJobState *state);

void
rusts_job_states_init(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(RustsJobKey);
	ctl.entrysize = sizeof(RustsJobState);
	ctl.hcxt = TopMemoryContext;
	states = hash_create("rusts jobs", 64, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * The state of a job, made if need be.  What has just been seen for the first
 * time is due an interval later, but for the flush.
 */
RustsJobState *
rusts_job_state(Oid relid, int kind)
{
	RustsJobKey key;
	bool		found;
	RustsJobState *state;

	memset(&key, 0, sizeof(key));
	key.relid = relid;
	key.kind = kind;
	state = hash_search(states, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) state + sizeof(RustsJobKey), 0,
			   sizeof(RustsJobState) - sizeof(RustsJobKey));
		if (kind != RUSTS_JOB_FLUSH)
			put_off(state, rusts_seconds_after(GetCurrentTimestamp(),
											   rusts_job_interval));
	}
	follow_clock(state);
	state->seen = true;
	return state;
}

static void
put_off(RustsJobState *state, TimestampTz next_at)
{
	state->next_at = next_at;
	state->set_at = GetCurrentTimestamp();
}

static void
follow_clock(RustsJobState *state)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= state->set_at)
		return;
	state->next_at -= state->set_at - now;
	state->set_at = now;
	state->failing_since = Min(state->failing_since, now);
	state->warned_at = Min(state->warned_at, now);
	state->noted_at = Min(state->noted_at, now);
}

/* Forget the states that nobody has asked for since the last sweep. */
void
rusts_job_states_sweep(void)
{
	HASH_SEQ_STATUS status;
	RustsJobState *state;

	hash_seq_init(&status, states);
	while ((state = hash_seq_search(&status)) != NULL)
	{
		if (!state->seen)
			hash_search(states, &state->key, HASH_REMOVE, NULL);
		else
			state->seen = false;
	}
}

void
rusts_job_went_well(RustsJobState *state, TimestampTz next_at)
{
	state->failures = 0;
	state->gave_way = 0;
	put_off(state, next_at);
}

void
rusts_job_gave_way(RustsJobState *state)
{
	state->gave_way++;
	put_off(state, rusts_seconds_after(GetCurrentTimestamp(), 1));
}

/*
 * Statements that need a measurement for themselves, such as the one that
 * adds a column, do not wait for a job to end; nor may they keep it from ever
 * ending.
 */
bool
rusts_job_may_give_way(const RustsJobState *state)
{
	return state->gave_way < MAX_GIVE_WAY;
}

bool
rusts_job_failed(RustsJobState *state, int sqlerrcode)
{
	TimestampTz now = GetCurrentTimestamp();
	int			pause_s;

	if (state->failures++ == 0)
		state->failing_since = now;
	pause_s = state->failures > 8 ? MAX_BACKOFF_S :
		Min(1 << state->failures, MAX_BACKOFF_S);
	put_off(state, rusts_seconds_after(now, pause_s));
	if (state->warned_at != 0 && state->warned_code == sqlerrcode &&
		!TimestampDifferenceExceeds(state->warned_at, now,
									WARNING_INTERVAL_MS))
		return false;
	state->warned_at = now;
	state->warned_code = sqlerrcode;
	return true;
}
