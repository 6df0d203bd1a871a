/*-------------------------------------------------------------------------
 *
 * change_statement.c
 *	  What statements about a measurement have to do with its parts.
 *
 * PostgreSQL takes columns and constraints to the partitions itself, but
 * neither owners nor privileges nor labels nor row-level security; other nodes
 * look at those of the parts.  Parts are called after their measurement.
 *
 * src/cluster/change_statement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cluster/change_everywhere.h"
#include "cluster/measurement.h"
#include "cluster/outbox.h"
#include "cluster/row_security.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/schema.h"

static void check_hints(List *measurements, const char *hints);
static bool empties(Node *statement);
static bool needs_no_hints(Node *statement);
static void check_defaults(const AlterTableStmt *alter, Oid measurement);
static bool changes_owner(const AlterTableStmt *alter);
static void change_owner(Oid measurement);
static void secure_parts(Oid measurement);
static void grant_parts(const GrantStmt *grant, List *measurements);
static void label_parts(const SecLabelStmt *label, Oid measurement);
static void rename_parts(Oid measurement);
static void rename_part(Oid part, const char *name);
static List *list_parts(Oid measurement);

char *
rusts_change_parts_hints(List *measurements)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "part IN (''");
	foreach(cell, measurements)
	{
		ListCell   *part;

		/* The statement will lock them: not before the measurement. */
		foreach(part, find_inheritance_children(lfirst_oid(cell), NoLock))
		{
			const char *name = get_rel_name(lfirst_oid(part));

			if (name != NULL)
				appendStringInfo(&sql, ", %s", quote_literal_cstr(name));
		}
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

void
rusts_change_parts(Node *statement, List *measurements, const char *hints)
{
	RustsActAs	self;

	rusts_act_as_owner(&self);
	if (empties(statement))
		rusts_cluster_execute(psprintf("DELETE FROM rusts.cluster_hint "
									   "WHERE %s", hints));
	else if (needs_no_hints(statement))
		check_hints(measurements, hints);
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			check_defaults((AlterTableStmt *) statement,
						   linitial_oid(measurements));
			if (changes_owner((AlterTableStmt *) statement))
				change_owner(linitial_oid(measurements));
			secure_parts(linitial_oid(measurements));
			break;
		case T_CreatePolicyStmt:
		case T_AlterPolicyStmt:
			secure_parts(linitial_oid(measurements));
			break;
		case T_DropStmt:
			if (((DropStmt *) statement)->removeType == OBJECT_POLICY)
				secure_parts(linitial_oid(measurements));
			break;
		case T_GrantStmt:
			grant_parts((GrantStmt *) statement, measurements);
			break;
		case T_SecLabelStmt:
			label_parts((SecLabelStmt *) statement,
						linitial_oid(measurements));
			break;
		case T_AlterObjectSchemaStmt:
			rename_parts(linitial_oid(measurements));
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_TABLE)
				rename_parts(linitial_oid(measurements));
			break;
		default:
			break;
	}
	rusts_act_as_self(&self);
}

/*
 * The statement has locked the measurement: who has written to it before has
 * committed, and left his hints.
 */
static void
check_hints(List *measurements, const char *hints)
{
	if (rusts_cluster_select(psprintf("SELECT 1 FROM rusts.cluster_hint "
									  "WHERE %s LIMIT 1", hints)) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot change measurement \"%s\" while nodes of the cluster still have to get rows of it",
						get_rel_name(linitial_oid(measurements))),
				 errhint("Try again when all nodes have caught up.")));
}

/* Does it leave no rows? */
static bool
empties(Node *statement)
{
	return IsA(statement, TruncateStmt) ||
		(IsA(statement, DropStmt) &&
		 ((DropStmt *) statement)->removeType == OBJECT_TABLE);
}

/* Are rows that were written before not understood after it? */
static bool
needs_no_hints(Node *statement)
{
	ListCell   *cell;

	if (IsA(statement, RenameStmt) || IsA(statement, AlterObjectSchemaStmt))
		return true;
	if (!IsA(statement, AlterTableStmt))
		return false;
	foreach(cell, ((AlterTableStmt *) statement)->cmds)
	{
		switch (((AlterTableCmd *) lfirst(cell))->subtype)
		{
			case AT_DropColumn:
			case AT_AlterColumnType:
			case AT_SetNotNull:
			case AT_AddConstraint:
				return true;
			default:
				break;
		}
	}
	return false;
}

/* Each node computes what the rows that there are get in a new column. */
static void
check_defaults(const AlterTableStmt *alter, Oid measurement)
{
	Relation	rel = relation_open(measurement, NoLock);
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		const AlterTableCmd *cmd = lfirst(cell);
		const char *name;
		AttrNumber	attno;

		if (cmd->subtype != AT_AddColumn)
			continue;
		name = castNode(ColumnDef, cmd->def)->colname;
		attno = get_attnum(measurement, name);
		if (attno != InvalidAttrNumber &&
			contain_mutable_functions(build_column_default(rel, attno)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot add column \"%s\" with a default that is not immutable to measurement \"%s\" of a cluster",
							name, RelationGetRelationName(rel)),
					 errdetail("The rows that there are would get different values on different nodes."),
					 errhint("Add the column without a default, and then set the default.")));
	}
	relation_close(rel, NoLock);
}

static bool
changes_owner(const AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		if (((AlterTableCmd *) lfirst(cell))->subtype == AT_ChangeOwner)
			return true;
	}
	return false;
}

static void
change_owner(Oid measurement)
{
	char	   *owner = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(relowner)) "
		"FROM pg_catalog.pg_class WHERE oid = %u", measurement));
	ListCell   *cell;

	foreach(cell, list_parts(measurement))
	{
		const char *name = get_rel_name(lfirst_oid(cell));

		rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA
									   ".%s OWNER TO %s",
									   quote_identifier(name), owner));
	}
}

/* Plans that read parts depend on the measurement's policies, too. */
static void
secure_parts(Oid measurement)
{
	ListCell   *cell;

	foreach(cell, list_parts(measurement))
	{
		rusts_row_security_follow(measurement, lfirst_oid(cell));
		CacheInvalidateRelcacheByRelid(lfirst_oid(cell));
	}
}

/* As a superuser one grants in the owner's name. */
static void
grant_parts(const GrantStmt *grant, List *measurements)
{
	GrantStmt  *copy = (GrantStmt *) copyObjectImpl(grant);
	ListCell   *cell;

	copy->objects = NIL;
	copy->grantor = NULL;
	foreach(cell, measurements)
	{
		ListCell   *part;

		foreach(part, list_parts(lfirst_oid(cell)))
			copy->objects =
				lappend(copy->objects,
						makeRangeVar(RUSTS_SHARD_SCHEMA,
									 get_rel_name(lfirst_oid(part)), -1));
	}
	ExecuteGrantStmt(copy);
}

static void
label_parts(const SecLabelStmt *label, Oid measurement)
{
	ListCell   *cell;

	if (label->objtype != OBJECT_COLUMN || label->provider == NULL ||
		strcmp(label->provider, RUSTS_LABEL_PROVIDER) != 0)
		return;
	foreach(cell, list_parts(measurement))
	{
		Oid			part = lfirst_oid(cell);
		const char *column = strVal(llast(castNode(List, label->object)));
		ObjectAddress address;

		ObjectAddressSubSet(address, RelationRelationId, part,
							get_attnum(part, column));
		SetSecurityLabel(&address, label->provider, label->label);
		CacheInvalidateRelcacheByRelid(part);
	}
}

static void
rename_parts(Oid measurement)
{
	const RustsClusterConfig *config = rusts_cluster();
	const char *schema = get_namespace_name(get_rel_namespace(measurement));
	const char *name = get_rel_name(measurement);
	ListCell   *cell;

	foreach(cell, list_parts(measurement))
	{
		Relation	rel = relation_open(lfirst_oid(cell), AccessShareLock);
		int			group = rusts_partition_group(config, rel);

		relation_close(rel, NoLock);
		if (group >= 0)
			rename_part(lfirst_oid(cell),
						rusts_partition_name(config, &config->groups[group],
											 schema, name));
	}
}

static void
rename_part(Oid part, const char *name)
{
	const char *old = quote_identifier(get_rel_name(part));

	if (strcmp(get_rel_name(part), name) == 0)
		return;
	if (get_rel_relkind(part) == RELKIND_FOREIGN_TABLE)
		rusts_cluster_execute(psprintf("ALTER FOREIGN TABLE "
									   RUSTS_SHARD_SCHEMA ".%s "
									   "OPTIONS (SET table_name %s)", old,
									   quote_literal_cstr(name)));
	rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA ".%s "
								   "RENAME TO %s", old,
								   quote_identifier(name)));
}

static List *
list_parts(Oid measurement)
{
	return find_inheritance_children(measurement, AccessShareLock);
}
