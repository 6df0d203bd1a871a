/*-------------------------------------------------------------------------
 *
 * change_start.c
 *	  What a statement that changes or locks rows needs before it runs.
 *
 * Movers must be kept out from before the statement's snapshot on, or the
 * rows that it sees may be elsewhere by now.  The executor gets its snapshot
 * before it gets here; so in READ COMMITTED, where the statement may see
 * whatever is committed when it begins, it is given a later one.  A
 * transaction with one snapshot for all has to live with that, and fails if
 * rows that it wants to change were moved since (change.c).
 *
 * src/am/change_start.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/am.h"
#include "compat.h"
#include "meta/renew_snapshot.h"
#include "meta/schema.h"
#include "write/mover.h"

/* Who is expected to change more rows than this locks them all at once. */
#define MANY_ROWS		1000

/* A measurement whose rows the statement changes or locks. */
typedef struct Target
{
	Oid			relid;
	LockTupleMode mode;			/* the strongest */
	double		nrows;			/* about */
} Target;

static List *find_targets(const PlannedStmt *statement);
static List *add_modified(List *targets, const PlannedStmt *statement,
						  Plan *plan);
static void check_returning(const PlannedStmt *statement,
							ModifyTable *modify);
static List *add_target(List *targets, const RangeTblEntry *rte,
						LockTupleMode mode, double nrows);
static LockTupleMode mark_mode(RowMarkType type);
static int	compare_targets(const ListCell *a, const ListCell *b);

void
rusts_start_changes(QueryDesc *query, int eflags)
{
	List	   *targets;
	ListCell   *lc;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	targets = find_targets(query->plannedstmt);
	if (targets == NIL)
		return;

	/* Everybody in the same order. */
	list_sort(targets, compare_targets);
	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		Relation	rel = table_open(target->relid, NoLock);

		rusts_changer_lock(rel);
		if (target->nrows > MANY_ROWS)
			rusts_lock_all_rows(rel, target->mode);
		table_close(rel, NoLock);
	}
	(void) rusts_renew_snapshot(query);
}

static List *
find_targets(const PlannedStmt *statement)
{
	List	   *targets = NIL;
	ListCell   *lc;

	if (statement->planTree != NULL)
		targets = add_modified(targets, statement, statement->planTree);
	foreach(lc, statement->subplans)
	{
		if (lfirst(lc) != NULL)
			targets = add_modified(targets, statement, lfirst(lc));
	}
	foreach(lc, statement->rowMarks)
	{
		PlanRowMark *mark = lfirst_node(PlanRowMark, lc);

		if (!mark->isParent && mark->markType < ROW_MARK_REFERENCE)
			targets = add_target(targets,
								 rt_fetch(mark->rti, statement->rtable),
								 mark_mode(mark->markType),
								 statement->planTree->plan_rows);
	}
	return targets;
}

/* ModifyTable is always on top of a plan. */
static List *
add_modified(List *targets, const PlannedStmt *statement, Plan *plan)
{
	ModifyTable *modify = (ModifyTable *) plan;
	ListCell   *lc;

	if (!IsA(plan, ModifyTable))
		return targets;
	check_returning(statement, modify);
	if (modify->operation == CMD_INSERT)
		return targets;
	foreach(lc, modify->resultRelations)
		targets = add_target(targets,
							 rt_fetch(lfirst_int(lc), statement->rtable),
							 LockTupleExclusive, outerPlan(plan)->plan_rows);
	return targets;
}

/* RETURNING has the columns that a scan has. */
static void
check_returning(const PlannedStmt *statement, ModifyTable *modify)
{
	ListCell   *relation;
	ListCell   *list;

	forboth(relation, modify->resultRelations, list, modify->returningLists)
	{
		int			rti = lfirst_int(relation);
		RangeTblEntry *rte = rt_fetch(rti, statement->rtable);
		Bitmapset  *attnos = NULL;
		int			i = -1;

		if (!rusts_has_storage(rte->relkind) ||
			!rusts_relid_is_measurement(rte->relid))
			continue;
		pull_varattnos(lfirst(list), rti, &attnos);
		while ((i = bms_next_member(attnos, i)) >= 0)
		{
			AttrNumber	attno = i + FirstLowInvalidHeapAttributeNumber;

			if (attno < 0 && attno != SelfItemPointerAttributeNumber &&
				attno != TableOidAttributeNumber)
				rusts_refuse_system_column(attno);
		}
	}
}

static List *
add_target(List *targets, const RangeTblEntry *rte, LockTupleMode mode,
		   double nrows)
{
	Target	   *target;
	ListCell   *lc;

	if (rte->rtekind != RTE_RELATION || !rusts_has_storage(rte->relkind) ||
		!rusts_relid_is_measurement(rte->relid))
		return targets;

	/* PostgreSQL will refuse it, but for temporary relations. */
	if (XactReadOnly &&
		get_rel_persistence(rte->relid) != RELPERSISTENCE_TEMP)
		return targets;
	foreach(lc, targets)
	{
		target = lfirst(lc);
		if (target->relid == rte->relid)
		{
			target->mode = Max(target->mode, mode);
			target->nrows = Max(target->nrows, nrows);
			return targets;
		}
	}
	target = palloc_object(Target);
	target->relid = rte->relid;
	target->mode = mode;
	target->nrows = nrows;
	return lappend(targets, target);
}

static LockTupleMode
mark_mode(RowMarkType type)
{
	switch (type)
	{
		case ROW_MARK_EXCLUSIVE:
			return LockTupleExclusive;
		case ROW_MARK_NOKEYEXCLUSIVE:
			return LockTupleNoKeyExclusive;
		case ROW_MARK_SHARE:
			return LockTupleShare;
		default:
			return LockTupleKeyShare;
	}
}

static int
compare_targets(const ListCell *a, const ListCell *b)
{
	Oid			left = ((const Target *) lfirst(a))->relid;
	Oid			right = ((const Target *) lfirst(b))->relid;

	return (left > right) - (left < right);
}
