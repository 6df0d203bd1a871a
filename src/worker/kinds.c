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
	{
		"flush", "flush of", false, 0,
		RUSTS_TOTAL_ROWS_FLUSHED, flush_step
	},
	{
		"compact", "compaction of", false, 0,
		RUSTS_TOTAL_ROWS_COMPACTED, compact_step
	},
	{
		"retain", "retention of", true, RUSTS_POLICY_RETENTION,
		RUSTS_TOTAL_ROWS_DROPPED, retain_step
	},
	{
		"tier", "tiering of", true, RUSTS_POLICY_TIERING,
		RUSTS_TOTAL_ROWS_TIERED, tier_step
	}
};
const int	rusts_njob_kinds = lengthof(rusts_job_kinds);

int64
rusts_job_step(int kind, Relation rel, const RustsPolicy *policy,
			   bool by_hand, bool give_way)
{
	const RustsJobKind *k = &rusts_job_kinds[kind];
	int64		nrows = k->step(rel, policy, by_hand, give_way);

	if (nrows > 0)
		rusts_total_add(k->rows, nrows);
	return nrows;
}

static int64
flush_step(Relation rel, const RustsPolicy *policy, bool by_hand,
		   bool give_way)
{
	return rusts_merge_active(rel, give_way);
}

static int64
compact_step(Relation rel, const RustsPolicy *policy, bool by_hand,
			 bool give_way)
{
	return rusts_compact_step(rel, give_way);
}

static int64
tier_step(Relation rel, const RustsPolicy *policy, bool by_hand,
		  bool give_way)
{
	int64		before = rusts_policy_limit(policy, rusts_storage_id(rel),
											GetActiveSnapshot());

	if (before == RUSTS_NO_TIME)
		return 0;
	return rusts_tier_step(rel, before, rusts_policy_tablespace(policy),
						   give_way);
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

	if (before == RUSTS_NO_TIME)
		return 0;
	if (before > MIN_TIMESTAMP + slack)
		rewrite_before = before - slack;
	return rusts_retain_step(rel, before, rewrite_before, give_way);
}

/* What an interval lasts at least, within reason. */
static int64
least_of(const Interval *interval)
{
	if (interval->month > 0 || interval->day > 1000)
		return 28 * USECS_PER_DAY;
	return interval->day * USECS_PER_DAY + Min(interval->time, USECS_PER_DAY);
}
