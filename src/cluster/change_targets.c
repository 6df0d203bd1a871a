/*-------------------------------------------------------------------------
 *
 * change_targets.c
 *	  What a utility statement is about: measurements of the cluster, or not.
 *
 * Statements that no node could tell the others about are refused, and so are
 * those about parts of measurements, which are the cluster's own.
 *
 * src/cluster/change_targets.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "cluster/change_everywhere.h"
#include "cluster/fdw.h"
#include "cluster/shard.h"
#include "compat.h"

typedef struct Targets
{
	List	   *measurements;
	bool		others;			/* it names something else, too */
} Targets;

static void find_targets(Node *statement, Targets *targets);
static bool sets_persistence(const AlterTableStmt *alter);
static void add_drop(const DropStmt *drop, Targets *targets);
static void add_grant(const GrantStmt *grant, Targets *targets);
static void check_schema(const char *schema);
static void check_roles(List *roles);
static Oid	find_measurement(Oid namespace, Oid owner);
static bool is_owned_by(Oid relid, Oid role);
static void add_named(Node *object, ObjectType type, Targets *targets);
static void add(RangeVar *name, Targets *targets);
static bool is_cluster_measurement(Oid relid);
static void check_alter(const AlterTableStmt *alter);
static void check_using(RangeVar *measurement, const AlterTableCmd *cmd);
static void check_partition_of(const CreateStmt *create);
pg_noreturn static void refuse_part(Oid relid);
pg_noreturn static void refuse_partitions(const char *measurement);

bool
rusts_change_may_concern(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_TruncateStmt:
		case T_DropStmt:
		case T_AlterTableStmt:
		case T_RenameStmt:
		case T_AlterObjectSchemaStmt:
		case T_GrantStmt:
		case T_CommentStmt:
		case T_SecLabelStmt:
		case T_CreateTrigStmt:
		case T_RuleStmt:
		case T_CreatePolicyStmt:
		case T_AlterPolicyStmt:
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			return true;
		default:
			return false;
	}
}

List *
rusts_change_targets(Node *statement)
{
	Targets		targets = {0};

	find_targets(statement, &targets);
	if (targets.measurements != NIL && targets.others)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change measurements of a cluster together with other tables"),
				 errdetail("All nodes of the cluster change measurements, and may not have the other tables."),
				 errhint("Name the measurements in a statement of their own.")));
	if (targets.measurements != NIL && IsA(statement, AlterTableStmt))
		check_alter((AlterTableStmt *) statement);
	return targets.measurements;
}

static void
find_targets(Node *statement, Targets *targets)
{
	ListCell   *cell;

	switch (nodeTag(statement))
	{
		case T_TruncateStmt:
			foreach(cell, ((TruncateStmt *) statement)->relations)
				add(lfirst(cell), targets);
			break;
		case T_DropStmt:
			add_drop((DropStmt *) statement, targets);
			break;
		case T_AlterTableStmt:
			if (!sets_persistence((AlterTableStmt *) statement))
				add(((AlterTableStmt *) statement)->relation, targets);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->relation != NULL)
				add(((RenameStmt *) statement)->relation, targets);
			break;
		case T_AlterObjectSchemaStmt:
			if (((AlterObjectSchemaStmt *) statement)->relation != NULL)
				add(((AlterObjectSchemaStmt *) statement)->relation, targets);
			break;
		case T_GrantStmt:
			add_grant((GrantStmt *) statement, targets);
			break;
		case T_CommentStmt:
			add_named(((CommentStmt *) statement)->object,
					  ((CommentStmt *) statement)->objtype, targets);
			break;
		case T_SecLabelStmt:
			add_named(((SecLabelStmt *) statement)->object,
					  ((SecLabelStmt *) statement)->objtype, targets);
			break;
		case T_CreateTrigStmt:
			add(((CreateTrigStmt *) statement)->relation, targets);
			break;
		case T_RuleStmt:
			add(((RuleStmt *) statement)->relation, targets);
			break;
		case T_CreatePolicyStmt:
			add(((CreatePolicyStmt *) statement)->table, targets);
			break;
		case T_AlterPolicyStmt:
			add(((AlterPolicyStmt *) statement)->table, targets);
			break;
		case T_DropOwnedStmt:
			check_roles(((DropOwnedStmt *) statement)->roles);
			break;
		case T_ReassignOwnedStmt:
			check_roles(((ReassignOwnedStmt *) statement)->roles);
			break;
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			check_partition_of((CreateStmt *) statement);
			break;
		default:
			break;
	}
}

/* That of a part is what rusts_set_wal_mode does. */
static bool
sets_persistence(const AlterTableStmt *alter)
{
	AlterTableCmd *cmd = linitial(alter->cmds);

	return list_length(alter->cmds) == 1 &&
		(cmd->subtype == AT_SetLogged || cmd->subtype == AT_SetUnLogged);
}

static void
add_drop(const DropStmt *drop, Targets *targets)
{
	ListCell   *cell;

	foreach(cell, drop->objects)
	{
		List	   *name = lfirst(cell);

		switch (drop->removeType)
		{
			case OBJECT_TABLE:
			case OBJECT_FOREIGN_TABLE:
				break;
			case OBJECT_TRIGGER:
			case OBJECT_RULE:
			case OBJECT_POLICY:

				/* The table's name and the object's own. */
				name = list_copy_head(name, list_length(name) - 1);
				break;
			case OBJECT_SCHEMA:
				if (drop->behavior == DROP_CASCADE)
					check_schema(strVal(lfirst(cell)));
				continue;
			default:
				return;
		}
		if (name != NIL)
			add(makeRangeVarFromNameList(name), targets);
	}
}

static void
add_grant(const GrantStmt *grant, Targets *targets)
{
	ListCell   *cell;

	if (grant->objtype != OBJECT_TABLE)
		return;
	foreach(cell, grant->objects)
	{
		if (grant->targtype == ACL_TARGET_OBJECT)
			add(lfirst(cell), targets);
		else if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
			check_schema(strVal(lfirst(cell)));
	}
}

/* What is done to all tables of a schema would be done on one node only. */
static void
check_schema(const char *schema)
{
	Oid			namespace = get_namespace_oid(schema, true);
	Oid			measurement = find_measurement(namespace, InvalidOid);

	if (OidIsValid(measurement))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change all tables of schema \"%s\"", schema),
				 errdetail("\"%s\" is a measurement of the cluster, which all nodes have to change.",
						   get_rel_name(measurement)),
				 errhint("Name the measurements in a statement of their own.")));
}

/* Nor is DROP OWNED known elsewhere, or REASSIGN OWNED. */
static void
check_roles(List *roles)
{
	ListCell   *cell;

	foreach(cell, roles)
	{
		Oid			role = get_rolespec_oid(lfirst(cell), true);
		Oid			measurement = OidIsValid(role) ?
			find_measurement(InvalidOid, role) : InvalidOid;

		if (OidIsValid(measurement))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot change all that role \"%s\" owns",
							GetUserNameFromId(role, false)),
					 errdetail("\"%s\" is a measurement of the cluster, which all nodes have to change.",
							   get_rel_name(measurement)),
					 errhint("Drop the role's measurements, or give them another owner, by ALTER TABLE or DROP TABLE.")));
	}
}

/*
 * One of the measurements in a schema, or of a role's, InvalidOid for any; or
 * InvalidOid.
 */
static Oid
find_measurement(Oid namespace, Oid owner)
{
	Relation	table = table_open(PartitionedRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, NULL, 0,
										  NULL);
	Oid			found = InvalidOid;
	HeapTuple	tuple;

	while (!OidIsValid(found) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			relid =
			((Form_pg_partitioned_table) GETSTRUCT(tuple))->partrelid;

		if ((!OidIsValid(namespace) ||
			 get_rel_namespace(relid) == namespace) &&
			(!OidIsValid(owner) || is_owned_by(relid, owner)) &&
			is_cluster_measurement(relid))
			found = relid;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

static bool
is_owned_by(Oid relid, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relowner == role;
	ReleaseSysCache(tuple);
	return result;
}

/* What COMMENT and SECURITY LABEL name. */
static void
add_named(Node *object, ObjectType type, Targets *targets)
{
	List	   *name;

	if (type != OBJECT_TABLE && type != OBJECT_COLUMN)
		return;
	name = castNode(List, object);
	if (type == OBJECT_COLUMN)
		name = list_copy_head(name, list_length(name) - 1);
	if (name != NIL)
		add(makeRangeVarFromNameList(name), targets);
}

static void
add(RangeVar *name, Targets *targets)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	if (!OidIsValid(relid))
		return;
	if (is_cluster_measurement(relid))
		targets->measurements = lappend_oid(targets->measurements, relid);
	else
		targets->others = true;
	if (get_rel_relispartition(relid))
	{
		Oid			parent = get_partition_parent(relid, true);

		if (is_cluster_measurement(parent))
			refuse_part(relid);
	}
}

static bool
is_cluster_measurement(Oid relid)
{
	Relation	rel;
	bool		result;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return false;
	result = rusts_is_cluster_measurement(rel);
	relation_close(rel, AccessShareLock);
	return result;
}

/* Of ALTER TABLE, what does the same on all nodes. */
static void
check_alter(const AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		switch (((AlterTableCmd *) lfirst(cell))->subtype)
		{
			case AT_AlterColumnType:
				check_using(alter->relation, lfirst(cell));
				break;
			case AT_AddColumn:
			case AT_DropColumn:
			case AT_ColumnDefault:
			case AT_SetNotNull:
			case AT_DropNotNull:
			case AT_AddConstraint:
			case AT_DropConstraint:
			case AT_ValidateConstraint:
			case AT_ChangeOwner:
			case AT_EnableTrig:
			case AT_DisableTrig:
			case AT_EnableRowSecurity:
			case AT_DisableRowSecurity:
			case AT_ForceRowSecurity:
			case AT_NoForceRowSecurity:
				break;
			case AT_AttachPartition:
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
				refuse_partitions(alter->relation->relname);
			default:
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("this form of ALTER TABLE is not supported for measurement \"%s\" of a cluster",
								alter->relation->relname),
						 errhint("Columns, constraints, defaults, the owner, triggers and row-level security can be changed.")));
		}
	}
}

/* Each node computes the new values. */
static void
check_using(RangeVar *measurement, const AlterTableCmd *cmd)
{
	Node	   *expression = castNode(ColumnDef, cmd->def)->raw_default;
	ParseState *state = make_parsestate(NULL);
	Relation	rel = relation_openrv(measurement, AccessShareLock);

	addNSItemToQuery(state,
					 addRangeTableEntryForRelation(state, rel,
												   AccessShareLock, NULL,
												   false, true),
					 false, true, true);
	expression = transformExpr(state, copyObject(expression),
							   EXPR_KIND_ALTER_COL_TRANSFORM);
	if (contain_volatile_functions(expression))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change column \"%s\" of measurement \"%s\" of a cluster by a volatile expression",
						cmd->name, RelationGetRelationName(rel)),
				 errdetail("Rows would get different values on different nodes.")));
	relation_close(rel, AccessShareLock);
	free_parsestate(state);
}

static void
check_partition_of(const CreateStmt *create)
{
	ListCell   *cell;

	foreach(cell, create->inhRelations)
	{
		RangeVar   *parent = lfirst(cell);

		if (is_cluster_measurement(RangeVarGetRelid(parent, NoLock, true)))
			refuse_partitions(parent->relname);
	}
}

static void
refuse_part(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot change \"%s\", a part of measurement \"%s\" of a cluster",
					get_rel_name(relid),
					get_rel_name(get_partition_parent(relid, true))),
			 errhint("Change the measurement.")));
}

static void
refuse_partitions(const char *measurement)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot change which partitions measurement \"%s\" has",
					measurement),
			 errdetail("It is a measurement of a cluster: they follow from the cluster's configuration."),
			 errhint("Change the configuration and call rusts_cluster_apply().")));
}
