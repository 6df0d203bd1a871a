/*-------------------------------------------------------------------------
 *
 * cluster_sublinks.c
 *	  WHERE time > (SELECT ...), in a query that is done in parts.
 *
 * The condition goes to every part, but what it compares with need not be
 * computed by each of them: the subquery moves to the query's WITH, to be
 * computed once, and the condition looks there.
 *
 * src/plan/cluster_sublinks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"

#include "plan/cluster.h"

typedef struct Lowering
{
	int			nlevels;
	Index		depth;			/* of the query within the expression */
} Lowering;

static bool lower_ctes(Node *node, Lowering *lowering);
static bool has_other_sublinks(Node *node, void *context);
static Node *share(Node *node, Query *query);
static CommonTableExpr *make_cte(Query *subquery, int number);
static SubLink *make_reader(const CommonTableExpr *cte);

bool
rusts_cluster_is_scalar(const SubLink *sublink)
{
	return sublink->subLinkType == EXPR_SUBLINK &&
		!contain_vars_of_level(sublink->subselect, 1);
}

bool
rusts_cluster_sublinks_fit(const Query *query)
{
	return !query->hasSubLinks ||
		(!checkExprHasSubLink((Node *) query->targetList) &&
		 !checkExprHasSubLink(query->havingQual) &&
		 !has_other_sublinks(query->jointree->quals, NULL));
}

void
rusts_cluster_share_sublinks(Query *query)
{
	if (query->hasSubLinks && rusts_cluster_sublinks_fit(query))
		query->jointree->quals = share(query->jointree->quals, query);
}

void
rusts_cluster_lower(Node *node, int nlevels)
{
	Lowering	lowering = {nlevels, 0};

	IncrementVarSublevelsUp(node, nlevels, 1);
	lower_ctes(node, &lowering);
}

/* Other levels than the expression's own are done already. */
static bool
lower_ctes(Node *node, Lowering *lowering)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && rte->ctelevelsup == lowering->depth)
			rte->ctelevelsup += lowering->nlevels;
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		lowering->depth++;
		result = query_tree_walker((Query *) node, lower_ctes, lowering,
								   QTW_EXAMINE_RTES_BEFORE);
		lowering->depth--;
		return result;
	}
	return expression_tree_walker(node, lower_ctes, lowering);
}

static bool
has_other_sublinks(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return !rusts_cluster_is_scalar((SubLink *) node);
	return expression_tree_walker(node, has_other_sublinks, context);
}

static Node *
share(Node *node, Query *query)
{
	CommonTableExpr *cte;

	if (node == NULL)
		return NULL;
	if (!IsA(node, SubLink))
		return expression_tree_mutator(node, share, query);
	cte = make_cte((Query *) ((SubLink *) node)->subselect,
				   list_length(query->cteList) + 1);
	query->cteList = lappend(query->cteList, cte);
	return (Node *) make_reader(cte);
}

/* Subqueries in an expression and in WITH are on the same level. */
static CommonTableExpr *
make_cte(Query *subquery, int number)
{
	CommonTableExpr *cte = makeNode(CommonTableExpr);
	TargetEntry *tle = linitial_node(TargetEntry, subquery->targetList);
	Node	   *value = (Node *) tle->expr;

	/* a name that nobody else gives */
	cte->ctename = psprintf("*value %d*", number);
	cte->ctematerialized = CTEMaterializeAlways;
	cte->ctequery = (Node *) subquery;
	cte->location = -1;
	cte->cterefcount = 1;
	cte->ctecolnames = list_make1(makeString(pstrdup("value")));
	cte->ctecoltypes = list_make1_oid(exprType(value));
	cte->ctecoltypmods = list_make1_int(exprTypmod(value));
	cte->ctecolcollations = list_make1_oid(exprCollation(value));
	return cte;
}

/* (SELECT value FROM cte) */
static SubLink *
make_reader(const CommonTableExpr *cte)
{
	SubLink    *sublink = makeNode(SubLink);
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Var		   *value = makeVar(1, 1, linitial_oid(cte->ctecoltypes),
								linitial_int(cte->ctecoltypmods),
								linitial_oid(cte->ctecolcollations), 0);

	rte->rtekind = RTE_CTE;
	rte->ctename = pstrdup(cte->ctename);
	rte->ctelevelsup = 1;
	rte->coltypes = list_copy(cte->ctecoltypes);
	rte->coltypmods = list_copy(cte->ctecoltypmods);
	rte->colcollations = list_copy(cte->ctecolcollations);
	rte->eref = makeAlias(cte->ctename, copyObject(cte->ctecolnames));
	rte->inFromCl = true;
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	query->targetList = list_make1(makeTargetEntry((Expr *) value, 1,
												   pstrdup("value"), false));
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return sublink;
}
