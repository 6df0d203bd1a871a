/*-------------------------------------------------------------------------
 *
 * cluster_perms.c
 *	  Partitions as relations of a query: privileges are the measurement's.
 *
 * src/plan/cluster_perms.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/rel.h"

#include "plan/cluster.h"

RangeTblEntry *
rusts_cluster_part_rte(Query *query, Relation part,
					   const Query *parent_query,
					   const RangeTblEntry *parent)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	TupleDesc	desc = RelationGetDescr(part);
	int			i;

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(part);
	rte->relkind = part->rd_rel->relkind;
	rte->rellockmode = AccessShareLock;
	rte->inFromCl = true;
	rte->alias = copyObject(parent->alias);
	rte->eref = makeAlias(parent->eref->aliasname, NIL);
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		rte->eref->colnames =
			lappend(rte->eref->colnames,
					makeString(attribute->attisdropped ? pstrdup("") :
							   pstrdup(NameStr(attribute->attname))));
	}
#if PG_VERSION_NUM < 160000
	rte->checkAsUser = parent->checkAsUser;
#else
	/* A base relation must have an entry, if only for the user. */
	addRTEPermissionInfo(&query->rteperminfos, rte)->checkAsUser =
		getRTEPermissionInfo(parent_query->rteperminfos,
							 unconstify(RangeTblEntry *, parent))->checkAsUser;
#endif
	return rte;
}

/*
 * The executor does not expect entries that ask for nothing.  What reads on
 * behalf of the user has been told already.
 */
void
rusts_cluster_drop_permissions(PlannedStmt *stmt)
{
#if PG_VERSION_NUM >= 160000
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		RTEPermissionInfo *info;

		if (rte->perminfoindex == 0)
			continue;
		info = getRTEPermissionInfo(stmt->permInfos, rte);
		if (info->requiredPerms != 0)
		{
			kept = lappend(kept, info);
			rte->perminfoindex = list_length(kept);
		}
		else
			rte->perminfoindex = 0;
	}
	stmt->permInfos = kept;
#endif
}
