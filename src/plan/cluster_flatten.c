/*-------------------------------------------------------------------------
 *
 * cluster_flatten.c
 *	  Queries over a view or subquery that only selects from a measurement of a
 *	  cluster.
 *
 * PostgreSQL pulls such a subquery up when it plans, which is too late here.
 * So SELECT ... FROM (SELECT columns FROM measurement WHERE ...) WHERE ...
 * becomes a query over the measurement first; the subquery may be a view, or
 * stand in WITH.
 *
 * src/plan/cluster_flatten.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "plan/cluster.h"

static RangeTblEntry *only_source(const Query *query, Index *rti);
static CommonTableExpr *find_cte(const Query *query,
								 const RangeTblEntry *rte);
static bool selects_only(const Query *query);
static bool reads_measurement(const RangeTblEntry *rte);
static void use_cte(RangeTblEntry *rte, CommonTableExpr *cte);
static void pull_up(Query *query, Index rti);
static Node *replace_columns(Query *query, Index rti, List *targetlist,
							 Node *node);

void
rusts_cluster_flatten(Query *query)
{
	Index		rti;
	RangeTblEntry *rte;
	CommonTableExpr *cte;

	while ((rte = only_source(query, &rti)) != NULL)
	{
		cte = rte->rtekind == RTE_CTE ? find_cte(query, rte) : NULL;
		if (rte->rtekind == RTE_CTE && cte == NULL)
			return;
		if (!selects_only(cte != NULL ? (Query *) cte->ctequery :
						  rte->subquery))
			return;
		rusts_cluster_flatten_groups(query);
		if (cte != NULL)
			use_cte(rte, cte);
		pull_up(query, rti);
	}
}

/* The only relation of a SELECT without subqueries elsewhere, if it is one. */
static RangeTblEntry *
only_source(const Query *query, Index *rti)
{
	RangeTblRef *ref;
	RangeTblEntry *rte;

	if (query->commandType != CMD_SELECT || query->setOperations != NULL ||
		query->hasSubLinks || query->rowMarks != NIL ||
		query->groupingSets != NIL ||
		list_length(query->jointree->fromlist) != 1)
		return NULL;
	ref = linitial(query->jointree->fromlist);
	if (!IsA(ref, RangeTblRef))
		return NULL;
	*rti = ref->rtindex;
	rte = rt_fetch(*rti, query->rtable);
	if ((rte->rtekind != RTE_SUBQUERY && rte->rtekind != RTE_CTE) ||
		rte->security_barrier || rte->securityQuals != NIL ||
		rte->tablesample != NULL)
		return NULL;
	return rte;
}

/* One of this query's own that PostgreSQL would inline. */
static CommonTableExpr *
find_cte(const Query *query, const RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->ctelevelsup != 0 || rte->self_reference)
		return NULL;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return cte->cterefcount == 1 && !cte->cterecursive &&
				cte->ctematerialized != CTEMaterializeAlways &&
				IsA(cte->ctequery, Query) ? cte : NULL;
	}
	return NULL;
}

/* SELECT columns FROM measurement WHERE ..., perhaps by way of another one */
static bool
selects_only(const Query *query)
{
	Index		rti;
	RangeTblRef *ref;
	RangeTblEntry *rte;

	if (query->commandType != CMD_SELECT || query->setOperations != NULL ||
		query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs ||
		query->hasSubLinks || query->groupClause != NIL ||
		query->groupingSets != NIL || query->havingQual != NULL ||
		query->distinctClause != NIL || query->sortClause != NIL ||
		query->limitCount != NULL || query->limitOffset != NULL ||
		query->rowMarks != NIL || query->cteList != NIL ||
		list_length(query->jointree->fromlist) != 1)
		return false;
	ref = linitial(query->jointree->fromlist);
	if (!IsA(ref, RangeTblRef))
		return false;
	rte = rt_fetch(ref->rtindex, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return reads_measurement(rte) &&
			!contain_volatile_functions((Node *) query);
	rte = only_source(query, &rti);
	return rte != NULL && rte->rtekind == RTE_SUBQUERY &&
		selects_only(rte->subquery);
}

static bool
reads_measurement(const RangeTblEntry *rte)
{
	return rte->securityQuals == NIL && rte->tablesample == NULL &&
		rusts_is_cluster_relation(rte);
}

/* as inline_cte() does it */
static void
use_cte(RangeTblEntry *rte, CommonTableExpr *cte)
{
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = (Query *) cte->ctequery;
	rte->security_barrier = false;
	rte->ctename = NULL;
	rte->ctelevelsup = 0;
	rte->self_reference = false;
	rte->coltypes = NIL;
	rte->coltypmods = NIL;
	rte->colcollations = NIL;
	cte->cterefcount = 0;
}

/*
 * What is in the subquery becomes the query's own.  The subquery's entry stays
 * for the privileges on a view.
 */
static void
pull_up(Query *query, Index rti)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	Query	   *subquery = copyObject(rte->subquery);
	Node	   *quals;

	OffsetVarNodes((Node *) subquery, list_length(query->rtable), 0);
	IncrementVarSublevelsUp((Node *) subquery, -1, 1);

	query->targetList = (List *)
		replace_columns(query, rti, subquery->targetList,
						(Node *) query->targetList);
	query->havingQual = replace_columns(query, rti, subquery->targetList,
										query->havingQual);
	quals = replace_columns(query, rti, subquery->targetList,
							query->jointree->quals);
	if (subquery->jointree->quals != NULL)
		quals = quals == NULL ? subquery->jointree->quals :
			(Node *) makeBoolExpr(AND_EXPR,
								  list_make2(subquery->jointree->quals,
											 quals), -1);

	rte->subquery = NULL;
#if PG_VERSION_NUM < 160000
	query->rtable = list_concat(query->rtable, subquery->rtable);
#else
	CombineRangeTables(&query->rtable, &query->rteperminfos,
					   subquery->rtable, subquery->rteperminfos);
#endif
	query->jointree = subquery->jointree;
	query->jointree->quals = quals;
}

static Node *
replace_columns(Query *query, Index rti, List *targetlist, Node *node)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);

#if PG_VERSION_NUM < 180000
	return ReplaceVarsFromTargetList(node, rti, 0, rte, targetlist,
									 REPLACEVARS_REPORT_ERROR, 0, NULL);
#else
	return ReplaceVarsFromTargetList(node, rti, 0, rte, targetlist, 0,
									 REPLACEVARS_REPORT_ERROR, 0, NULL);
#endif
}
