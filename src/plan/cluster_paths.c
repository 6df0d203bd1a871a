/*-------------------------------------------------------------------------
 *
 * cluster_paths.c
 *	  Paths that are not taken because costs do not know about networks.
 *
 * Postgres_fdw knows little of what is on the other side, and a cost is the
 * same whether the nodes of a cluster work one after the other or all at
 * once.  Two choices are made here instead: what a node can aggregate or
 * limit, it does; and their results are appended as they come, and sorted
 * then, rather than merged in order, which waits for one node after the other.
 *
 * src/plan/cluster_paths.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "foreign/fdwapi.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "plan/cluster.h"

static bool reads_remote_group(PlannerInfo *root);
static bool reads_foreign(Path *path);

void
rusts_cluster_prefer_remote(PlannerInfo *root, UpperRelationKind stage,
							RelOptInfo *input_rel, RelOptInfo *output_rel,
							void *extra)
{
	List	   *paths = output_rel->pathlist;
	void	   *fdw_private = output_rel->fdw_private;

	if (stage != UPPERREL_GROUP_AGG &&
		(stage != UPPERREL_FINAL || root->parse->limitCount == NULL))
		return;
	if (!rusts_enable_cluster_pushdown || !reads_remote_group(root) ||
		output_rel->fdwroutine == NULL ||
		output_rel->fdwroutine->GetForeignUpperPaths == NULL)
		return;

	/* Once more, for others may have looked better then. */
	output_rel->pathlist = NIL;
	output_rel->fdw_private = NULL;
	output_rel->fdwroutine->GetForeignUpperPaths(root, stage, input_rel,
												 output_rel, extra);
	if (output_rel->pathlist != NIL)
		output_rel->partial_pathlist = NIL;
	else
	{
		output_rel->pathlist = paths;
		output_rel->fdw_private = fdw_private;
	}
}

void
rusts_cluster_prefer_append(RelOptInfo *rel, const RangeTblEntry *rte)
{
	List	   *appends = NIL;
	bool		has_foreign = false;
	ListCell   *lc;
	ListCell   *lc2;

	if (rte->rtekind != RTE_SUBQUERY || !rte->inh ||
		strcmp(rte->eref->aliasname, RUSTS_CLUSTER_UNION) != 0)
		return;
	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (!IsA(path, AppendPath) || path->parallel_workers > 0)
			continue;
		appends = lappend(appends, path);
		foreach(lc2, ((AppendPath *) path)->subpaths)
			has_foreign |= reads_foreign(lfirst(lc2));
	}
	if (!has_foreign)
		return;
	rel->pathlist = appends;
	rel->partial_pathlist = NIL;
}

/* Is there only a foreign table that holds shards of a measurement? */
static bool
reads_remote_group(PlannerInfo *root)
{
	RangeTblEntry *rte;
	Relation	parent;
	bool		result;
	int			rti;

	if (!bms_get_singleton_member(root->all_baserels, &rti))
		return false;
	rte = planner_rt_fetch(rti, root);
	if (rte->rtekind != RTE_RELATION ||
		rte->relkind != RELKIND_FOREIGN_TABLE ||
		!get_rel_relispartition(rte->relid))
		return false;

	/* the parent has been locked with the query, if it is ours */
	parent = try_table_open(get_partition_parent(rte->relid, true),
							AccessShareLock);
	if (parent == NULL)
		return false;
	result = rusts_is_cluster_measurement(parent);
	table_close(parent, NoLock);
	return result;
}

static bool
reads_foreign(Path *path)
{
	while (IsA(path, SubqueryScanPath) || IsA(path, ProjectionPath))
		path = IsA(path, SubqueryScanPath) ?
			((SubqueryScanPath *) path)->subpath :
			((ProjectionPath *) path)->subpath;
	return IsA(path, ForeignPath);
}
