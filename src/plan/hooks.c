/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Planner hooks: where paths of ours are offered.
 *
 * src/plan/hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"

#include "cluster/implied.h"
#include "exec/exec.h"
#include "plan/cluster.h"
#include "plan/plan.h"

static planner_hook_type prev_planner = NULL;
static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;
static create_upper_paths_hook_type prev_create_upper_paths = NULL;

static PlannedStmt *at_planner(Query *query, const char *query_string,
							   int cursor_options, ParamListInfo params);
static void at_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti,
							RangeTblEntry *rte);
static void at_upper_paths(PlannerInfo *root, UpperRelationKind stage,
						   RelOptInfo *input_rel, RelOptInfo *output_rel,
						   void *extra);

void
rusts_plan_init(void)
{
	rusts_cluster_plan_init();
	prev_planner = planner_hook;
	planner_hook = at_planner;
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = at_rel_pathlist;
	prev_create_upper_paths = create_upper_paths_hook;
	create_upper_paths_hook = at_upper_paths;
}

static PlannedStmt *
at_planner(Query *query, const char *query_string, int cursor_options,
		   ParamListInfo params)
{
	bool		rewritten = rusts_cluster_rewrite(query, params);
	PlannedStmt *stmt;

	stmt = (prev_planner ? prev_planner : standard_planner)
		(query, query_string, cursor_options, params);
	if (rewritten)
		rusts_cluster_drop_permissions(stmt);
	return stmt;
}

static void
at_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti,
				RangeTblEntry *rte)
{
	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	if (rte->rtekind == RTE_RELATION &&
		rte->relkind != RELKIND_PARTITIONED_TABLE)
		rusts_forget_implied_clauses(rel);
	rusts_cluster_prefer_append(rel, rte);
	if (rusts_enable_scan)
		rusts_add_scan_paths(root, rel, rti, rte);
}

static void
at_upper_paths(PlannerInfo *root, UpperRelationKind stage,
			   RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	if (prev_create_upper_paths)
		prev_create_upper_paths(root, stage, input_rel, output_rel, extra);
	rusts_cluster_prefer_remote(root, stage, input_rel, output_rel, extra);
	if (rusts_enable_agg)
		rusts_cluster_add_combine_path(root, stage, input_rel, output_rel,
									   extra);
	if (rusts_enable_scan && rusts_enable_agg)
		rusts_add_agg_paths(root, stage, input_rel, output_rel, extra);
}
