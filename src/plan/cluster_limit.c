/*-------------------------------------------------------------------------
 *
 * cluster_limit.c
 *	  ORDER BY ... LIMIT over a measurement of a cluster: each group first.
 *
 * The first n rows of all are among the first n of each group.  With OFFSET
 * m each group gives n + m.
 *
 * src/plan/cluster_limit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "plan/cluster.h"

static Node *limit_of_parts(const Query *query, ParamListInfo params);

bool
rusts_cluster_push_limit(Query *query, Index rti, Relation parent,
						 List *parts, ParamListInfo params)
{
	Query	   *part_query;
	Node	   *limit;
	Index		union_rti;
	ListCell   *lc;

	if (query->limitCount == NULL ||
		query->limitOption != LIMIT_OPTION_COUNT ||
		query->hasWindowFuncs || query->hasTargetSRFs ||
		query->distinctClause != NIL || query->havingQual != NULL)
		return false;
	limit = limit_of_parts(query, params);
	if (limit == NULL)
		return false;

	part_query = makeNode(Query);
	part_query->commandType = CMD_SELECT;
	part_query->canSetTag = true;
	part_query->jointree =
		makeFromExpr(NIL, rusts_cluster_move_down(query->jointree->quals,
												  rti));
	part_query->targetList = (List *)
		rusts_cluster_move_down((Node *) query->targetList, rti);
	foreach(lc, part_query->targetList)
		lfirst_node(TargetEntry, lc)->resjunk = false;
	part_query->sortClause = copyObject(query->sortClause);
	part_query->limitCount = rusts_cluster_move_down(limit, rti);
	part_query->limitOption = LIMIT_OPTION_COUNT;

	union_rti = rusts_cluster_union_rti(query);
	rusts_cluster_read_union(query, rti, parent, parts, part_query);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->expr = (Expr *) makeVarFromTargetEntry(union_rti, tle);
	}
	return true;
}

/* NULL if the sum is not known to be one. */
static Node *
limit_of_parts(const Query *query, ParamListInfo params)
{
	Node	   *count = rusts_cluster_simplify(query->limitCount, params);
	Node	   *offset;
	int64		sum;

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
