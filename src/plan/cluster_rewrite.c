/*-------------------------------------------------------------------------
 *
 * cluster_rewrite.c
 *	  Queries over the measurements of a cluster: where they are found.
 *
 * A measurement of a cluster is a partitioned table whose partitions are the
 * groups of shards, foreign tables most of them.  PostgreSQL's Append reads
 * it, but fetches every row to aggregate it here, and every group, because no
 * condition mentions rusts_shard_of().  So queries are rewritten before they
 * are planned, each on its level:
 *
 *	1. Which shards can have the rows is derived from conditions on tags and
 *	   time (cluster_prune.c).  If that is one group, and known now, the query
 *	   reads its partition instead of the measurement.  Otherwise a condition
 *	   on rusts_shard_of() is added, for PostgreSQL's partition pruning.
 *	2. Aggregates become aggregates of aggregates of the groups
 *	   (cluster_agg.c), or are left to the groups (cluster_whole.c).
 *	3. ORDER BY ... LIMIT is done by each group first (cluster_whole.c).
 *
 * Privileges are checked on the measurement, whose range table entry stays
 * for that; it makes cached plans depend on it, too, so that a new partition
 * is not missed.  Whatever does not fit is left as it is, with the same
 * answer.
 *
 * src/plan/cluster_rewrite.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "partitioning/partdesc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "plan/cluster.h"

bool		rusts_enable_cluster_pushdown = true;

typedef struct Rewriting
{
	ParamListInfo params;
	bool		changed;
} Rewriting;

static bool rewrite_query(Query *query, Rewriting *rewriting);
static bool rewrite_sublinks(Node *node, Rewriting *rewriting);
static bool rewrite_relation(Query *query, Index rti, ParamListInfo params);
static bool rewrite_measurement(Query *query, Index rti, Relation rel,
								const RustsShardKey *key,
								ParamListInfo params);
static void refuse_sample(Relation rel);
static bool push_down(Query *query, Index rti, Relation rel,
					  const RustsShardKey *key,
					  const RustsClusterShards *shards,
					  ParamListInfo params);
static void group_instead_of_distinct(Query *query);
static bool is_done_in_parts(Query *query);
static bool is_only_relation(const Query *query, Index rti);
static bool has_special_vars(Node *node, Index *rti);

void
rusts_cluster_plan_init(void)
{
	DefineCustomBoolVariable("rusts.enable_cluster_pushdown",
							 "Lets the nodes of a cluster aggregate and limit before they send rows.",
							 "Without it a node gets the rows that meet the conditions.",
							 &rusts_enable_cluster_pushdown, true,
							 PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
}

bool
rusts_cluster_rewrite(Query *query, ParamListInfo params)
{
	Rewriting	rewriting = {params, false};

	rewrite_query(query, &rewriting);
	return rewriting.changed;
}

/* Inner levels first; always false, as a walker goes on. */
static bool
rewrite_query(Query *query, Rewriting *rewriting)
{
	ListCell   *lc;
	Index		nrelations;
	Index		rti;

	rusts_cluster_flatten(query);
	if (query->hasSubLinks && is_done_in_parts(query))
		rusts_cluster_share_sublinks(query);
	foreach(lc, query->cteList)
		rewrite_query(castNode(Query,
							   lfirst_node(CommonTableExpr, lc)->ctequery),
					  rewriting);
	if (query->hasSubLinks)
		query_tree_walker(query, rewrite_sublinks, rewriting,
						  QTW_IGNORE_RC_SUBQUERIES);
	nrelations = list_length(query->rtable);
	for (rti = 1; rti <= nrelations; rti++)
	{
		RangeTblEntry *rte = rt_fetch(rti, query->rtable);

		if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
			rewrite_query(rte->subquery, rewriting);
		else if (rte->rtekind == RTE_RELATION &&
				 rte->relkind == RELKIND_PARTITIONED_TABLE && rte->inh &&
				 rewrite_relation(query, rti, rewriting->params))
			rewriting->changed = true;
	}
	return false;
}

static bool
rewrite_sublinks(Node *node, Rewriting *rewriting)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		rewrite_query(castNode(Query, ((SubLink *) node)->subselect),
					  rewriting);
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, rewrite_sublinks, rewriting);
}

static bool
rewrite_relation(Query *query, Index rti, ParamListInfo params)
{
	/* parser and plan cache have locked it */
	Relation	rel = table_open(rt_fetch(rti, query->rtable)->relid, NoLock);
	RustsShardKey *key = rusts_shard_key(rel);
	bool		changed = false;

	if (key != NULL)
		changed = rewrite_measurement(query, rti, rel, key, params);
	table_close(rel, NoLock);
	return changed;
}

static bool
rewrite_measurement(Query *query, Index rti, Relation rel,
					const RustsShardKey *key, ParamListInfo params)
{
	RustsClusterShards shards;
	bool		computed = false;

	if (rt_fetch(rti, query->rtable)->tablesample != NULL)
		refuse_sample(rel);
	if (query->commandType == CMD_MERGE || query->commandType == CMD_UTILITY)
		return false;
	rusts_cluster_find_shards(query, rti, rel, key, params, &shards);
	if (rusts_enable_cluster_pushdown &&
		push_down(query, rti, rel, key, &shards, params))
		return true;
	if (!shards.all)
		*shards.place = *shards.place == NULL ? shards.qual :
			(Node *) makeBoolExpr(AND_EXPR,
								  list_make2(*shards.place, shards.qual), -1);
	if (rusts_enable_cluster_pushdown)
	{
		rusts_cluster_compute_in_joins((Node *) query->jointree, &computed);
		query->hasSubLinks |= computed;
	}
	return !shards.all || computed;
}

/* Of a foreign table PostgreSQL would read all rows instead. */
static void
refuse_sample(Relation rel)
{
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	int			i;

	for (i = 0; i < desc->nparts; i++)
	{
		if (get_rel_relkind(desc->oids[i]) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("TABLESAMPLE is not supported for \"%s\"",
							RelationGetRelationName(rel)),
					 errdetail("It is a measurement of a cluster, and other nodes have a part of its rows."),
					 errhint("A condition such as random() < 0.01 selects rows by chance.")));
	}
}

static bool
push_down(Query *query, Index rti, Relation rel, const RustsShardKey *key,
		  const RustsClusterShards *shards, ParamListInfo params)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	List	   *parts;
	bool		done = false;

	if (query->commandType != CMD_SELECT || query->rowMarks != NIL ||
		rte->securityQuals != NIL || rte->tablesample != NULL)
		return false;

	/* partitions are pruned when the values are known */
	if (!shards->all && shards->known == NULL)
		return false;
	if (shards->all && !is_only_relation(query, rti))
		return false;
	parts = rusts_cluster_open_parts(rel, shards->known);
	if (list_length(parts) == 1)
	{
		rusts_cluster_read_part(query, rti, rel, linitial(parts));
		done = true;
	}
	else if (parts != NIL && is_only_relation(query, rti) &&
			 !has_special_vars((Node *) query, &rti) &&
			 !contain_volatile_functions((Node *) query))
	{
		group_instead_of_distinct(query);
		if (query->hasAggs || query->groupClause != NIL)
			done = rusts_cluster_push_groups(query, rti, key, rel, parts,
											 params) ||
				rusts_cluster_split_agg(query, rti, rel, parts);
		else
			done = rusts_cluster_push_limit(query, rti, rel, parts, params);
	}
	rusts_cluster_close_parts(parts);
	return done;
}

/* SELECT DISTINCT a, b is SELECT a, b GROUP BY a, b. */
static void
group_instead_of_distinct(Query *query)
{
	if (query->hasAggs || query->groupClause != NIL ||
		query->havingQual != NULL || query->hasDistinctOn ||
		query->hasWindowFuncs || query->hasTargetSRFs)
		return;
	query->groupClause = query->distinctClause;
	query->distinctClause = NIL;
}

/*
 * SELECT ... FROM measurement WHERE ..., and no subqueries but in WITH, or as
 * values to compare with
 */
static bool
is_only_relation(const Query *query, Index rti)
{
	RangeTblRef *ref;

	if (query->setOperations != NULL || !rusts_cluster_sublinks_fit(query) ||
		list_length(query->jointree->fromlist) != 1)
		return false;
	ref = linitial(query->jointree->fromlist);
	return IsA(ref, RangeTblRef) && ref->rtindex == rti;
}

/* Is this going to be a query over the union of parts? */
static bool
is_done_in_parts(Query *query)
{
	RangeTblEntry *rte;
	Index		rti;

	if (query->commandType != CMD_SELECT || !rusts_enable_cluster_pushdown ||
		(!query->hasAggs && query->groupClause == NIL &&
		 query->distinctClause == NIL && query->limitCount == NULL) ||
		query->jointree->fromlist == NIL ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return false;
	rti = linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex;
	rte = rt_fetch(rti, query->rtable);
	return is_only_relation(query, rti) && rte->inh &&
		rusts_is_cluster_relation(rte);
}

/*
 * System columns and whole rows are the partitions' own: those of parts are no
 * columns of their union.
 */
static bool
has_special_vars(Node *node, Index *rti)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup == 0 &&
			((Var *) node)->varno == *rti && ((Var *) node)->varattno <= 0;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_special_vars, rti,
								 QTW_IGNORE_RC_SUBQUERIES);
	return expression_tree_walker(node, has_special_vars, rti);
}
