/*-------------------------------------------------------------------------
 *
 * implied.h
 *	  Conditions on the shard that the planner's side has added.
 *
 * They follow from others in the same place and are there for partition
 * pruning alone.  To compute rusts_shard_of() of every row would be a waste.
 *
 * src/cluster/implied.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_IMPLIED_H
#define RUSTS_IMPLIED_H

#include "nodes/pathnodes.h"

/*
 * The location of these clauses, which nothing else has: it is copied with
 * them and means nothing to anybody.
 */
#define RUSTS_IMPLIED_LOCATION	(-0x72757374)

static inline bool
rusts_is_implied_clause(const Node *clause)
{
	if (IsA(clause, OpExpr))
		return ((const OpExpr *) clause)->location == RUSTS_IMPLIED_LOCATION;
	return IsA(clause, ScalarArrayOpExpr) &&
		((const ScalarArrayOpExpr *) clause)->location ==
		RUSTS_IMPLIED_LOCATION;
}

/*
 * Take them off a partition that has not been pruned, before what scans it
 * looks at its conditions.  Not off the measurement: partitions are pruned by
 * what is there, also when the plan is executed.
 */
static inline void
rusts_forget_implied_clauses(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		if (rusts_is_implied_clause((Node *) lfirst_node(RestrictInfo,
														 lc)->clause))
			rel->baserestrictinfo =
				foreach_delete_current(rel->baserestrictinfo, lc);
	}
}

#endif							/* RUSTS_IMPLIED_H */
