/*-------------------------------------------------------------------------
 *
 * cluster_agg.c
 *	  Aggregates over a measurement of a cluster, in parts.
 *
 *		SELECT time_bucket('1h', time), avg(v) FROM m WHERE ... GROUP BY 1
 *
 * becomes, with one arm for each group of shards,
 *
 *		SELECT k1, sum(p1) / cluster_count(p2) FROM
 *			(SELECT time_bucket('1h', time) k1, sum(v) p1, count(v) p2
 *			 FROM group_a WHERE ... GROUP BY 1
 *			 UNION ALL
 *			 SELECT ... FROM group_b WHERE ... GROUP BY 1) parts
 *		GROUP BY 1
 *
 * postgres_fdw sends an arm over a foreign table to its node as a whole, and
 * Append has the nodes work at the same time; an arm over a local table is a
 * RustsAgg.
 *
 * src/plan/cluster_agg.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_clause.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"

#include "compat.h"
#include "plan/cluster.h"

typedef struct SplitKey
{
	Expr	   *expr;
	Node	   *whole;			/* the key in terms of the union */
	Expr	   *partial;		/* what parts are grouped by, and send */
} SplitKey;

typedef struct Splitting
{
	Index		rti;
	List	   *keys;			/* SplitKey, as in GROUP BY */
	int			nkeys;			/* different ones */
	RustsClusterPartials partials;	/* in terms of the query's relation */
	bool		failed;
} Splitting;

static void add_keys(const Query *query, Splitting *splitting);
static Node *split(Node *node, Splitting *splitting);
static void order_columns(Splitting *splitting, List *targetlist,
						  Node *having);
static bool collect_columns(Node *node, List **vars);
static void group_by_columns(Query *query, const Splitting *splitting);
static SortGroupClause *make_clause(const SortGroupClause *model,
									const SplitKey *key, Index ref);
static Query *make_part_query(const Query *query,
							  const Splitting *splitting);

bool
rusts_cluster_split_agg(Query *query, Index rti, Relation parent,
						List *parts)
{
	Splitting	splitting = {rti};
	List	   *targetlist;
	Node	   *having;

	if (query->groupingSets != NIL || query->groupDistinct ||
		query->hasTargetSRFs)
		return false;
	rusts_cluster_flatten_groups(query);
	splitting.partials.union_rti = rusts_cluster_union_rti(query);
	add_keys(query, &splitting);
	targetlist = (List *) split((Node *) query->targetList, &splitting);
	having = split(query->havingQual, &splitting);
	if (splitting.failed)
		return false;
	order_columns(&splitting, targetlist, having);
	rusts_cluster_read_union(query, rti, parent, parts,
							 make_part_query(query, &splitting));
	query->targetList = targetlist;
	query->havingQual = having;
	group_by_columns(query, &splitting);
	return true;
}

/*
 * From 18 on references to keys go by way of a relation for them.  Expressions
 * in their place are what the planner makes of them first.
 */
void
rusts_cluster_flatten_groups(Query *query)
{
#if PG_VERSION_NUM >= 180000
	ListCell   *lc;

	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *)
		flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	query->hasGroupRTE = false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_GROUP)
			continue;
		rte->rtekind = RTE_RESULT;
		rte->groupexprs = NIL;
		rte->eref = makeAlias("*RESULT*", NIL);
	}
#endif
}

static void
add_keys(const Query *query, Splitting *splitting)
{
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupclause_tle(clause, query->targetList);
		SplitKey   *key = palloc_object(SplitKey);
		Var		   *column;

		key->expr = tle->expr;
		key->whole = rusts_cluster_key(&splitting->partials, tle->expr,
									   &column);
		tle = list_nth(splitting->partials.targetlist, column->varattno - 1);
		key->partial = tle->expr;
		splitting->keys = lappend(splitting->keys, key);
	}
	splitting->nkeys = list_length(splitting->partials.targetlist);
}

/* Aggregates and keys in terms of the union. */
static Node *
split(Node *node, Splitting *splitting)
{
	if (node == NULL || splitting->failed)
		return NULL;
	if (!IsA(node, List) && !IsA(node, TargetEntry))
	{
		ListCell   *lc;

		foreach(lc, splitting->keys)
		{
			SplitKey   *key = lfirst(lc);

			if (equal(node, key->expr))
				return copyObject(key->whole);
		}
	}
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == 0)
	{
		node = rusts_cluster_combine(&splitting->partials, (Aggref *) node);
		splitting->failed |= node == NULL;
		return node;
	}

	/* a column that depends on the keys, by a primary key */
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		splitting->failed = true;
		return NULL;
	}
	return expression_tree_mutator(node, split, splitting);
}

/*
 * The columns of the parts in the order in which the planner meets them above.
 * Otherwise it has them projected by nodes that keep Append from running
 * foreign scans at the same time.
 */
static void
order_columns(Splitting *splitting, List *targetlist, Node *having)
{
	List	   *partials = splitting->partials.targetlist;
	AttrNumber *places = palloc0_array(AttrNumber,
									   list_length(partials) + 1);
	List	   *ordered = NIL;
	List	   *vars = NIL;
	ListCell   *lc;

	collect_columns((Node *) targetlist, &vars);
	collect_columns(having, &vars);
	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);
		TargetEntry *tle = list_nth(partials, var->varattno - 1);

		if (places[tle->resno] == 0)
		{
			ordered = lappend(ordered, tle);
			places[tle->resno] = list_length(ordered);
		}
	}
	Assert(list_length(ordered) == list_length(partials));
	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);

		var->varattno = places[var->varattno];
		var->varattnosyn = var->varattno;
	}
	foreach(lc, ordered)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		tle->resno = foreach_current_index(lc) + 1;
		tle->resname = psprintf("p%d", tle->resno);
	}
	splitting->partials.targetlist = ordered;
}

/* pull_var_clause() accepts no columns of outer queries. */
static bool
collect_columns(Node *node, List **vars)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		*vars = lappend(*vars, node);
	return expression_tree_walker(node, collect_columns, vars);
}

static Query *
make_part_query(const Query *query, const Splitting *splitting)
{
	Query	   *result = makeNode(Query);
	Node	   *quals = rusts_cluster_move_down(query->jointree->quals,
												splitting->rti);
	ListCell   *lc;

	result->commandType = CMD_SELECT;
	result->canSetTag = true;
	result->hasAggs = list_length(splitting->partials.targetlist) >
		splitting->nkeys;
	result->hasSubLinks = query->hasSubLinks;
	result->jointree = makeFromExpr(NIL, quals);
	result->targetList = (List *)
		rusts_cluster_move_down((Node *) splitting->partials.targetlist,
								splitting->rti);
	foreach(lc, splitting->keys)
	{
		const SplitKey *key = lfirst(lc);
		SortGroupClause *clause = list_nth(query->groupClause,
										   foreach_current_index(lc));
		TargetEntry *column = tlist_member(key->partial,
										   splitting->partials.targetlist);
		TargetEntry *mine = list_nth(result->targetList, column->resno - 1);

		if (mine->ressortgroupref != 0)
			continue;			/* the same key twice */
		mine->ressortgroupref = clause->tleSortGroupRef;
		result->groupClause =
			lappend(result->groupClause,
					make_clause(clause, key, clause->tleSortGroupRef));
	}
	return result;
}

/*
 * A key that is made of a column of the parts: groups are by the column.  The
 * key may be what the query is sorted by, so both are in the target list.
 */
static void
group_by_columns(Query *query, const Splitting *splitting)
{
	ListCell   *lc;

	foreach(lc, splitting->keys)
	{
		const SplitKey *key = lfirst(lc);
		ListCell   *cell = list_nth_cell(query->groupClause,
										 foreach_current_index(lc));
		TargetEntry *column;
		TargetEntry *tle;
		Var		   *var;

		if (IsA(key->whole, Var))
			continue;
		column = tlist_member(key->partial, splitting->partials.targetlist);
		var = makeVarFromTargetEntry(splitting->partials.union_rti, column);
		tle = makeTargetEntry((Expr *) var,
							  list_length(query->targetList) + 1, NULL, true);
		query->targetList = lappend(query->targetList, tle);
		lfirst(cell) = make_clause(lfirst(cell), key,
								   assignSortGroupRef(tle,
													  query->targetList));
	}
}

/* Integers in the place of times have other operators. */
static SortGroupClause *
make_clause(const SortGroupClause *model, const SplitKey *key, Index ref)
{
	SortGroupClause *clause = copyObject((SortGroupClause *) model);

	clause->tleSortGroupRef = ref;
	if (IsA(key->whole, Var))
		return clause;
	clause->nulls_first = false;
	get_sort_group_operators(INT8OID, false, true, false,
							 &clause->sortop, &clause->eqop, NULL,
							 &clause->hashable);
	return clause;
}
