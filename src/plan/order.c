/*-------------------------------------------------------------------------
 *
 * order.c
 *	  Orders in which a scan can deliver its rows.
 *
 * RustsScan sorts rows itself, window of time by window of time, so that the
 * first rows come soon and no sort is large.  It can therefore deliver any
 * order that begins with the time, as long as no time is null, and any that
 * begins with a tag.
 *
 * src/plan/order.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "exec/clause.h"
#include "plan/plan.h"

static EquivalenceMember *find_member(PathKey *pathkey, RelOptInfo *rel);
static bool can_lead(Relation relation, const RustsSchema *schema,
					 AttrNumber attno);

int
rusts_scan_order(PlannerInfo *root, RelOptInfo *rel, List *pathkeys,
				 List **sort_private)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	List	   *attnos = NIL;
	List	   *operators = NIL;
	List	   *collations = NIL;
	List	   *nulls_first = NIL;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, pathkeys)
	{
		PathKey    *pathkey = lfirst_node(PathKey, lc);
		EquivalenceMember *member = find_member(pathkey, rel);
		Var		   *var;
		Oid			operator;

		if (member == NULL)
			break;
		var = (Var *) member->em_expr;
		if (n == 0)
		{
			Relation	relation = table_open(rte->relid, NoLock);
			bool		good = can_lead(relation, rusts_schema_build(relation),
										var->varattno);

			table_close(relation, NoLock);
			if (!good)
				break;
		}
		operator = rusts_pathkey_operator(pathkey, member->em_datatype);
		if (!OidIsValid(operator))
			break;
		attnos = lappend_int(attnos, var->varattno);
		operators = lappend_oid(operators, operator);
		collations = lappend_oid(collations,
								 pathkey->pk_eclass->ec_collation);
		nulls_first = lappend_int(nulls_first, pathkey->pk_nulls_first);
		n++;
	}
	*sort_private = list_make4(attnos, operators, collations, nulls_first);
	return n;
}

/* A column of the relation that the pathkey is about. */
static EquivalenceMember *
find_member(PathKey *pathkey, RelOptInfo *rel)
{
	ListCell   *lc;

	if (pathkey->pk_eclass->ec_has_volatile)
		return NULL;
	foreach(lc, rusts_class_members(pathkey->pk_eclass, rel))
	{
		EquivalenceMember *member = lfirst(lc);

		if (rusts_column_var((Node *) member->em_expr, rel->relid) != NULL)
			return member;
	}
	return NULL;
}

static bool
can_lead(Relation relation, const RustsSchema *schema, AttrNumber attno)
{
	int			index = schema->by_attno[attno - 1];

	if (index < 0)
		return false;
	if (index == schema->time)
		return rusts_is_not_null(RelationGetDescr(relation), attno - 1);
	return schema->columns[index].role == RUSTS_ROLE_TAG;
}
