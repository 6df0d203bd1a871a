/*-------------------------------------------------------------------------
 *
 * row_security.c
 *	  Row-level security of a measurement holds for its parts.
 *
 * Other nodes read parts, as the user who asks, who has to have the privilege
 * to; so he can read them himself, by their names, where PostgreSQL knows
 * nothing of the measurement's policies.  Parts that are tables here have
 * row-level security when the measurement has it, but no policies of their
 * own: whenever PostgreSQL looks for those it is given the measurement's.
 *
 * The measurement is not locked for that.  Who changes it locks it before its
 * parts, and would wait for us with us waiting for him.
 *
 * src/cluster/row_security.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "cluster/row_security.h"
#include "cluster/shard.h"
#include "cluster/sql.h"
#include "cluster/topology.h"

static row_security_policy_hook_type prev_permissive;
static row_security_policy_hook_type prev_restrictive;

static void read_flags(Oid relid, bool *enabled, bool *forced);
static List *permissive_policies(CmdType command, Relation rel);
static List *restrictive_policies(CmdType command, Relation rel);
static List *policies(CmdType command, Relation rel, bool permissive);
static bool is_for(const RowSecurityPolicy *policy, CmdType command);
static RowSecurityPolicy *policy_of_part(const RowSecurityPolicy *policy,
										 Relation part, Relation parent);

void
rusts_row_security_follow(Oid measurement, Oid part)
{
	bool		enabled;
	bool		forced;
	bool		is_enabled;
	bool		is_forced;

	/* Those of other nodes have it there. */
	if (get_rel_relkind(part) != RELKIND_RELATION)
		return;
	read_flags(measurement, &enabled, &forced);
	read_flags(part, &is_enabled, &is_forced);
	if (enabled == is_enabled && forced == is_forced)
		return;
	rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA
								   ".%s %s ROW LEVEL SECURITY, "
								   "%s ROW LEVEL SECURITY",
								   quote_identifier(get_rel_name(part)),
								   enabled ? "ENABLE" : "DISABLE",
								   forced ? "FORCE" : "NO FORCE"));
}

static void
read_flags(Oid relid, bool *enabled, bool *forced)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	*enabled = form->relrowsecurity;
	*forced = form->relforcerowsecurity;
	ReleaseSysCache(tuple);
}

void
rusts_row_security_check(Oid measurement, Oid role)
{
	if (check_enable_rls(measurement, role, true) != RLS_ENABLED)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot change rows of measurement \"%s\" with row-level security",
					get_rel_name(measurement)),
			 errdetail("Other nodes of the cluster store these rows, and cannot tell whether policies have been applied.")));
}

void
rusts_row_security_init(void)
{
	prev_permissive = row_security_policy_hook_permissive;
	row_security_policy_hook_permissive = permissive_policies;
	prev_restrictive = row_security_policy_hook_restrictive;
	row_security_policy_hook_restrictive = restrictive_policies;
}

static List *
permissive_policies(CmdType command, Relation rel)
{
	return list_concat(prev_permissive ? prev_permissive(command, rel) : NIL,
					   policies(command, rel, true));
}

static List *
restrictive_policies(CmdType command, Relation rel)
{
	return list_concat(prev_restrictive ? prev_restrictive(command, rel) : NIL,
					   policies(command, rel, false));
}

/* Without any, PostgreSQL shows no row. */
static List *
policies(CmdType command, Relation rel, bool permissive)
{
	List	   *result = NIL;
	Relation	parent;
	ListCell   *lc;

	if (!rel->rd_rel->relispartition ||
		RelationGetNamespace(rel) !=
		get_namespace_oid(RUSTS_SHARD_SCHEMA, true))
		return NIL;
	parent = RelationIdGetRelation(get_partition_parent(RelationGetRelid(rel),
														true));
	if (!RelationIsValid(parent))
		return NIL;
	if (parent->rd_rsdesc != NULL && rusts_is_cluster_measurement(parent))
	{
		foreach(lc, parent->rd_rsdesc->policies)
		{
			RowSecurityPolicy *policy = lfirst(lc);

			if (policy->permissive == permissive && is_for(policy, command))
				result = lappend(result, policy_of_part(policy, rel, parent));
		}
	}
	RelationClose(parent);
	return result;
}

static bool
is_for(const RowSecurityPolicy *policy, CmdType command)
{
	switch (policy->polcmd)
	{
		case '*':
			return true;
		case ACL_SELECT_CHR:
			return command == CMD_SELECT;
		case ACL_INSERT_CHR:
			return command == CMD_INSERT;
		case ACL_UPDATE_CHR:
			return command == CMD_UPDATE;
		case ACL_DELETE_CHR:
			return command == CMD_DELETE;
		default:
			return false;
	}
}

/* Its columns may have other numbers. */
static RowSecurityPolicy *
policy_of_part(const RowSecurityPolicy *policy, Relation part,
			   Relation parent)
{
	RowSecurityPolicy *result = palloc_object(RowSecurityPolicy);

	*result = *policy;
	result->policy_name = pstrdup(policy->policy_name);
	result->roles = DatumGetArrayTypePCopy(PointerGetDatum(policy->roles));
	result->qual = (Expr *)
		map_partition_varattnos((List *) policy->qual, 1, part, parent);
	result->with_check_qual = (Expr *)
		map_partition_varattnos((List *) policy->with_check_qual, 1, part,
								parent);
	return result;
}
