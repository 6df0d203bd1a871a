/*-------------------------------------------------------------------------
 *
 * kinds.c
 *	  The kinds of jobs, each with its step.
 *
 * A new kind is a line in the table.
 *
 * src/worker/kinds.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "meta/directory.h"
#include "meta/settings.h"
#include "segment/page_io.h"
#include "worker/job.h"
#include "write/compact.h"
#include "write/merge.h"
#include "write/retain.h"
#include "write/tier.h"

static int64 flush_step(Relation rel, const RustsPolicy *policy,
						bool by_hand, bool give_way);
static int64 compact_step(Relation rel, const RustsPolicy *policy,
						  bool by_hand, bool give_way);
static int64 tier_step(Relation rel, const RustsPolicy *policy, bool by_hand,
					   bool give_way);
static int64 retain_step(Relation rel, const RustsPolicy *policy,
						 bool by_hand, bool give_way);
static int64 least_of(const Interval *interval);

const RustsJobKind rusts_job_kinds[] = {
	{"flush", "flush of", false, 0, flush_step},
	{"compact", "compaction of", false, 0, compact_step},
	{"retain", "retention of", true, RUSTS_POLICY_RETENTION, retain_step},
	{"tier", "tiering of", true, RUSTS_POLICY_TIERING, tier_step}
};
const int	rusts_njob_kinds = lengthof(rusts_job_kinds);

static int64
flush_step(Relation rel, const RustsPolicy *policy, bool by_hand,
		   bool give_way)
{
	int64		nrows = rusts_merge_active(rel, give_way);

	if (nrows > 0)
		rusts_total_add(RUSTS_TOTAL_ROWS_FLUSHED, nrows);
	return nrows;
}

static int64
compact_step(Relation rel, const RustsPolicy *policy, bool by_hand,
			 bool give_way)
{
	int64		nrows = rusts_compact_step(rel, give_way);

	if (nrows > 0)
		rusts_total_add(RUSTS_TOTAL_ROWS_COMPACTED, nrows);
	return nrows;
}

static int64
tier_step(Relation rel, const RustsPolicy *policy, bool by_hand,
		  bool give_way)
{
	int64		before = rusts_policy_limit(policy, rusts_storage_id(rel),
											GetActiveSnapshot());
	int64		nrows;

	if (before == RUSTS_NO_TIME)
		return 0;
	nrows = rusts_tier_step(rel, before, rusts_policy_tablespace(policy),
							give_way);
	if (nrows > 0)
		rusts_total_add(RUSTS_TOTAL_ROWS_TIERED, nrows);
	return nrows;
}

/*
 * By hand, nothing stays that is past the limit.  The worker lets segments
 * reach back beyond it for a while, which is a partition's duration or once
 * more the limit, so that no row is rewritten often.
 */
static int64
retain_step(Relation rel, const RustsPolicy *policy, bool by_hand,
			bool give_way)
{
	int64		before = rusts_policy_limit(policy, rusts_storage_id(rel),
											GetActiveSnapshot());
	int64		slack = by_hand ? 0 :
		Min(rusts_partition_duration * USECS_PER_SEC,
			least_of(&policy->after));
	int64		rewrite_before = DT_NOBEGIN;
	int64		nrows;

	if (before == RUSTS_NO_TIME)
		return 0;
	if (before > MIN_TIMESTAMP + slack)
		rewrite_before = before - slack;
	nrows = rusts_retain_step(rel, before, rewrite_before, give_way);
	if (nrows > 0)
		rusts_total_add(RUSTS_TOTAL_ROWS_DROPPED, nrows);
	return nrows;
}

/* What an interval lasts at least, within reason. */
static int64
least_of(const Interval *interval)
{
	if (interval->month > 0 || interval->day > 1000)
		return 28 * USECS_PER_DAY;
	return interval->day * USECS_PER_DAY + Min(interval->time, USECS_PER_DAY);
}
