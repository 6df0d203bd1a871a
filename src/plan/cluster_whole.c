/*-------------------------------------------------------------------------
 *
 * cluster_whole.c
 *	  Queries over a measurement of a cluster that each group of shards
 *	  answers as they are.
 *
 * With ORDER BY ... LIMIT the first n rows of all are among the first n of
 * each group of shards; with OFFSET m each gives n + m, and the same is done
 * again with what they give.
 *
 * If GROUP BY has all the tags that a shard is chosen by, no group of rows is
 * in two shards.  Then any aggregate is computed where the rows are, and
 * HAVING, too; nothing is left to combine.
 *
 * src/plan/cluster_whole.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "plan/cluster.h"

static bool groups_are_apart(const Query *query, Index rti,
							 const RustsShardKey *key);
static bool is_group_key(const Query *query, Index rti, AttrNumber attno);
static Node *limit_of_parts(const Query *query, ParamListInfo params);
static void push_whole(Query *query, Index rti, Relation parent, List *parts,
					   Node *limit);

bool
rusts_cluster_push_limit(Query *query, Index rti, Relation parent,
						 List *parts, ParamListInfo params)
{
	Node	   *limit = limit_of_parts(query, params);

	if (limit == NULL || query->hasWindowFuncs || query->hasTargetSRFs ||
		query->havingQual != NULL)
		return false;
	push_whole(query, rti, parent, parts, limit);
	return true;
}

bool
rusts_cluster_push_groups(Query *query, Index rti, const RustsShardKey *key,
						  Relation parent, List *parts, ParamListInfo params)
{
	if (query->groupingSets != NIL || query->groupDistinct ||
		query->hasWindowFuncs || query->hasTargetSRFs)
		return false;
	rusts_cluster_flatten_groups(query);
	if (!groups_are_apart(query, rti, key))
		return false;
	push_whole(query, rti, parent, parts, limit_of_parts(query, params));
	return true;
}

static bool
groups_are_apart(const Query *query, Index rti, const RustsShardKey *key)
{
	int			i;

	if (key->strategy != RUSTS_SHARDING_BY_SERIES)
		return false;
	for (i = 0; i < key->ntags; i++)
	{
		if (!is_group_key(query, rti, key->tag_attnos[i]))
			return false;
	}
	return key->ntags > 0;
}

/* Equal must mean the same bytes. */
static bool
is_group_key(const Query *query, Index rti, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		Var		   *var = (Var *) get_sortgroupclause_expr(lfirst(lc),
														   query->targetList);

		if (IsA(var, Var) && var->varno == rti && var->varlevelsup == 0 &&
			var->varattno == attno)
			return get_collation_isdeterministic(var->varcollid);
	}
	return false;
}

/* NULL if there is none, or the sum is not known to be one. */
static Node *
limit_of_parts(const Query *query, ParamListInfo params)
{
	Node	   *count;
	Node	   *offset;
	int64		sum;

	if (query->limitCount == NULL || query->distinctClause != NIL ||
		query->limitOption != LIMIT_OPTION_COUNT)
		return NULL;
	count = rusts_cluster_simplify(query->limitCount, params);
	if (query->limitOffset == NULL)
		return count;
	offset = rusts_cluster_simplify(query->limitOffset, params);
	if (!IsA(count, Const) || ((Const *) count)->constisnull ||
		!IsA(offset, Const))
		return NULL;
	if (((Const *) offset)->constisnull)
		return count;
	if (DatumGetInt64(((Const *) count)->constvalue) < 0 ||
		DatumGetInt64(((Const *) offset)->constvalue) < 0 ||
		pg_add_s64_overflow(DatumGetInt64(((Const *) count)->constvalue),
							DatumGetInt64(((Const *) offset)->constvalue),
							&sum))
		return NULL;
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
							  Int64GetDatum(sum), false, FLOAT8PASSBYVAL);
}

/* What follows GROUP BY and HAVING is done again above, unless it need not. */
static void
push_whole(Query *query, Index rti, Relation parent, List *parts,
		   Node *limit)
{
	Query	   *part_query = makeNode(Query);
	Index		union_rti = rusts_cluster_union_rti(query);
	Node	   *quals = query->jointree->quals;
	ListCell   *lc;

	part_query->commandType = CMD_SELECT;
	part_query->canSetTag = true;
	part_query->jointree =
		makeFromExpr(NIL, rusts_cluster_move_down(quals, rti));
	part_query->targetList = (List *)
		rusts_cluster_move_down((Node *) query->targetList, rti);
	foreach(lc, part_query->targetList)
		lfirst_node(TargetEntry, lc)->resjunk = false;
	part_query->hasAggs = query->hasAggs;
	part_query->hasSubLinks = query->hasSubLinks;
	part_query->groupClause = copyObject(query->groupClause);
	part_query->havingQual = rusts_cluster_move_down(query->havingQual, rti);
	if (limit != NULL)
	{
		part_query->sortClause = copyObject(query->sortClause);
		part_query->limitCount = rusts_cluster_move_down(limit, rti);
		part_query->limitOption = LIMIT_OPTION_COUNT;
	}

	rusts_cluster_read_union(query, rti, parent, parts, part_query);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->expr = (Expr *) makeVarFromTargetEntry(union_rti, tle);
	}
	query->hasAggs = false;
	query->groupClause = NIL;
	query->havingQual = NULL;
}
