/*-------------------------------------------------------------------------
 *
 * cluster_parts.c
 *	  Partitions in the place of a measurement of a cluster.
 *
 * src/plan/cluster_parts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "plan/cluster.h"

static Bitmapset *find_parts(PartitionDesc desc, const Bitmapset *shards);
static Query *make_part_query(const Query *query, Index rti, Relation parent,
							  Relation part, const Query *model);
static void compute_first(Query *query);
static Node *compute_in_aggregates(Node *node, void *found);
static RangeTblEntry *make_subquery_rte(Query *subquery, const char *name);
static Query *make_union(List *queries);
static Node *make_union_tree(Query *query, List *rtis);

List *
rusts_cluster_open_parts(Relation parent, const Bitmapset *shards)
{
	PartitionDesc desc = RelationGetPartitionDesc(parent, true);
	Bitmapset  *wanted = find_parts(desc, shards);
	List	   *parts = NIL;
	int			i = -1;

	while ((i = bms_next_member(wanted, i)) >= 0)
	{
		/* as expand_partitioned_rtentry() does it */
		Relation	part = try_table_open(desc->oids[i], AccessShareLock);

		if (part != NULL)
			parts = lappend(parts, part);
		if (part == NULL ||
			(part->rd_rel->relkind != RELKIND_RELATION &&
			 part->rd_rel->relkind != RELKIND_FOREIGN_TABLE))
		{
			rusts_cluster_close_parts(parts);
			return NIL;
		}
	}
	return parts;
}

/* Locks stay, as the planner's do. */
bool
rusts_is_cluster_relation(const RangeTblEntry *rte)
{
	Relation	rel;
	bool		result;

	if (rte->rtekind != RTE_RELATION ||
		rte->relkind != RELKIND_PARTITIONED_TABLE)
		return false;
	rel = table_open(rte->relid, NoLock);
	result = rusts_is_cluster_measurement(rel);
	table_close(rel, NoLock);
	return result;
}

void
rusts_cluster_close_parts(List *parts)
{
	ListCell   *lc;

	foreach(lc, parts)
		table_close((Relation) lfirst(lc), NoLock);
}

void
rusts_cluster_read_part(Query *query, Index rti, Relation parent,
						Relation part)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	Index		part_rti = list_length(query->rtable) + 1;
	Query	   *mapped;

	query->rtable = lappend(query->rtable,
							rusts_cluster_part_rte(query, part, query, rte));
	ChangeVarNodes((Node *) query, rti, part_rti, 0);
	mapped = (Query *) map_partition_varattnos((List *) query, part_rti,
											   part, parent);
	memcpy(query, mapped, sizeof(Query));
	if (part->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		compute_first(query);
}

Index
rusts_cluster_union_rti(const Query *query)
{
	return list_length(query->rtable) + 1;
}

void
rusts_cluster_read_union(Query *query, Index rti, Relation parent,
						 List *parts, Query *part_query)
{
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *queries = NIL;
	ListCell   *lc;

	foreach(lc, parts)
		queries = lappend(queries, make_part_query(query, rti, parent,
												   lfirst(lc), part_query));
	ref->rtindex = rusts_cluster_union_rti(query);
	query->rtable = lappend(query->rtable,
							make_subquery_rte(make_union(queries),
											  RUSTS_CLUSTER_UNION));
	query->jointree = makeFromExpr(list_make1(ref), NULL);
}

/* From the query to its relation, the union, and from there to a part. */
Node *
rusts_cluster_move_down(Node *node, Index rti)
{
	node = copyObject(node);
	rusts_cluster_lower(node, 2);
	ChangeVarNodes(node, rti, 1, 0);
	return node;
}

/* The places of partitions in desc; NULL is all shards. */
static Bitmapset *
find_parts(PartitionDesc desc, const Bitmapset *shards)
{
	PartitionBoundInfo bounds = desc->boundinfo;
	Bitmapset  *parts = NULL;
	int			nfound = 0;
	int			i;

	if (desc->nparts == 0)
		return NULL;
	if (shards == NULL)
		return bms_add_range(NULL, 0, desc->nparts - 1);
	for (i = 0; i < bounds->ndatums; i++)
	{
		if (!bms_is_member(DatumGetInt32(bounds->datums[i][0]), shards))
			continue;
		parts = bms_add_member(parts, bounds->indexes[i]);
		nfound++;
	}
	if (nfound < bms_num_members(shards) &&
		partition_bound_has_default(bounds))
		parts = bms_add_member(parts, bounds->default_index);
	return parts;
}

static Query *
make_part_query(const Query *query, Index rti, Relation parent,
				Relation part, const Query *model)
{
	RangeTblRef *ref = makeNode(RangeTblRef);
	Query	   *result;

	result = (Query *) map_partition_varattnos((List *) model, 1, part,
											   parent);
	result->rtable =
		list_make1(rusts_cluster_part_rte(result, part, query,
										  rt_fetch(rti, query->rtable)));
	ref->rtindex = 1;
	result->jointree->fromlist = list_make1(ref);
	if (part->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		compute_first(result);
	return result;
}

/* Conditions, those of aggregates included, that can be sent elsewhere. */
static void
compute_first(Query *query)
{
	bool		found = false;

	rusts_cluster_compute_in_joins((Node *) query->jointree, &found);
	query->targetList = (List *)
		compute_in_aggregates((Node *) query->targetList, &found);
	query->havingQual = compute_in_aggregates(query->havingQual, &found);
	query->hasSubLinks |= found;
}

static Node *
compute_in_aggregates(Node *node, void *found)
{
	if (node == NULL || IsA(node, SubLink))
		return node;
	if (IsA(node, Aggref))
		return expression_tree_mutator(node, rusts_cluster_compute_first,
									   found);
	return expression_tree_mutator(node, compute_in_aggregates, found);
}

static RangeTblEntry *
make_subquery_rte(Query *subquery, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	ListCell   *lc;

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->alias = makeAlias(name, NIL);
	rte->eref = makeAlias(name, NIL);
	rte->inFromCl = true;
	foreach(lc, subquery->targetList)
	{
		char	   *column = lfirst_node(TargetEntry, lc)->resname;

		rte->eref->colnames =
			lappend(rte->eref->colnames,
					makeString(pstrdup(column != NULL ? column : "?column?")));
	}
	return rte;
}

/* queries[0] UNION ALL queries[1] ... */
static Query *
make_union(List *queries)
{
	Query	   *result = makeNode(Query);
	List	   *rtis = NIL;
	ListCell   *lc;

	result->commandType = CMD_SELECT;
	result->canSetTag = true;
	result->jointree = makeFromExpr(NIL, NULL);
	foreach(lc, queries)
	{
		result->rtable = lappend(result->rtable,
								 make_subquery_rte(lfirst(lc), "part"));
		rtis = lappend_int(rtis, list_length(result->rtable));
	}
	foreach(lc, linitial_node(Query, queries)->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		Var		   *var = makeVarFromTargetEntry(1, tle);

		result->targetList = lappend(result->targetList,
									 makeTargetEntry((Expr *) var, tle->resno,
													 tle->resname, false));
	}
	result->setOperations = make_union_tree(result, rtis);
	return result;
}

static Node *
make_union_tree(Query *query, List *rtis)
{
	SetOperationStmt *union_all = makeNode(SetOperationStmt);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell   *lc;

	ref->rtindex = llast_int(rtis);
	if (list_length(rtis) == 1)
		return (Node *) ref;
	union_all->op = SETOP_UNION;
	union_all->all = true;
	rtis = list_truncate(list_copy(rtis), list_length(rtis) - 1);
	union_all->larg = make_union_tree(query, rtis);
	union_all->rarg = (Node *) ref;
	foreach(lc, query->targetList)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		union_all->colTypes = lappend_oid(union_all->colTypes,
										  exprType(expr));
		union_all->colTypmods = lappend_int(union_all->colTypmods,
											exprTypmod(expr));
		union_all->colCollations = lappend_oid(union_all->colCollations,
											   exprCollation(expr));
	}
	return (Node *) union_all;
}
