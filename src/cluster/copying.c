/*-------------------------------------------------------------------------
 *
 * copying.c
 *	  Nobody waits for a node that copies its parts.
 *
 * src/cluster/copying.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "utils/rel.h"

#include "cluster/copying.h"
#include "cluster/read_check.h"
#include "cluster/shard.h"
#include "cluster/topology.h"
#include "compat.h"

static planner_hook_type prev_planner;

static PlannedStmt *plan_query(Query *parse, const char *query_string,
							   int cursor_options, ParamListInfo params);
static bool has_measurement(Node *node, void *context);
static bool is_measurement(const RangeTblEntry *rte);

void
rusts_copying_init(void)
{
	prev_planner = planner_hook;
	planner_hook = plan_query;
}

void
rusts_refuse_while_copying(const RustsClusterConfig *config)
{
	if (rusts_cluster_view == NULL || !rusts_cluster_view->copying())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("node \"%s\" copies its rows from other nodes",
					config->node_id),
			 errdetail("It has been away for so long that they did not keep what it missed."),
			 errhint("Ask another node, or see rusts.progress.")));
}

/* Before a query locks partitions, and waits. */
static PlannedStmt *
plan_query(Query *parse, const char *query_string, int cursor_options,
		   ParamListInfo params)
{
	if (rusts_cluster_view != NULL && rusts_cluster_view->copying() &&
		IsTransactionState() && !IsParallelWorker() &&
		rusts_cluster() != NULL && has_measurement((Node *) parse, NULL))
		rusts_refuse_while_copying(rusts_cluster());
	if (prev_planner)
		return prev_planner(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

static bool
has_measurement(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return is_measurement((RangeTblEntry *) node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_measurement, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_measurement, context);
}

static bool
is_measurement(const RangeTblEntry *rte)
{
	Relation	rel;
	bool		found;

	if (rte->rtekind != RTE_RELATION ||
		rte->relkind != RELKIND_PARTITIONED_TABLE)
		return false;
	rel = table_open(rte->relid, AccessShareLock);
	found = rusts_is_cluster_measurement(rel);
	table_close(rel, AccessShareLock);
	return found;
}
