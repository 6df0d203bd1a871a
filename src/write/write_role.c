/*-------------------------------------------------------------------------
 *
 * write_role.c
 *	  As which role a statement writes.
 *
 * src/write/write_role.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "write/write_role.h"

static Oid	checked_user(const PlannedStmt *statement, RangeTblEntry *rte);

bool
rusts_changes_views(const PlannedStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->resultRelations)
	{
		if (OidIsValid(checked_user(statement,
									rt_fetch(lfirst_int(cell),
											 statement->rtable))))
			return true;
	}
	return false;
}

/* Whose privileges count; InvalidOid: those of the current user. */
static Oid
checked_user(const PlannedStmt *statement, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	return rte->perminfoindex == 0 ? InvalidOid :
		getRTEPermissionInfo(statement->permInfos, rte)->checkAsUser;
#else
	return rte->checkAsUser;
#endif
}

Oid
rusts_writer_of(const PlannedStmt *statement, Oid relid)
{
	Oid			parent = InvalidOid;
	ListCell   *cell;

	if (!rusts_changes_views(statement))
		return GetUserId();
	if (get_rel_relispartition(relid))
		parent = get_partition_parent(relid, true);
	foreach(cell, statement->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(cell), statement->rtable);
		Oid			user = checked_user(statement, rte);

		if ((rte->relid == relid || rte->relid == parent) && OidIsValid(user))
			return user;
	}
	return GetUserId();
}
