/*-------------------------------------------------------------------------
 *
 * set_duplicates.c
 *	  SQL function rusts_set_duplicates.
 *
 * The choice is an option of the measurement, see meta/options.h.
 *
 * src/am/set_duplicates.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/am.h"
#include "compat.h"
#include "meta/everywhere.h"
#include "meta/options.h"
#include "meta/schema.h"

PG_FUNCTION_INFO_V1(rusts_set_duplicates);

static RustsDuplicates parse_rule(const char *rule);
static void set_rule(Oid relid, RustsDuplicates rule);
static void check_measurement(Oid relid);

/*
 * rusts_set_duplicates(measurement regclass, duplicates text) RETURNS void
 *
 * Say what becomes of rows with the same tags and time: 'merge' or 'keep'.
 * Rows that were united by a flush stay so.
 */
Datum
rusts_set_duplicates(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	RustsDuplicates rule = parse_rule(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	List	   *tables;
	bool		is_cluster;
	ListCell   *cell;

	PreventCommandIfReadOnly("rusts_set_duplicates()");
	PreventCommandIfParallelMode("rusts_set_duplicates()");
	PreventCommandDuringRecovery("rusts_set_duplicates()");

	/* Check before locking: others must not be held up by strangers. */
	if (get_rel_name(relid) == NULL)
		rusts_report_no_relation(relid);
	tables = rusts_local_tables(relid, &is_cluster);
	if (is_cluster && !rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	if (!is_cluster)
		check_measurement(relid);

	/* Rows that go to other nodes are encoded here by the same rule. */
	if (is_cluster)
		tables = find_inheritance_children(relid, NoLock);
	foreach(cell, tables)
		set_rule(lfirst_oid(cell), rule);
	if (is_cluster)
		rusts_call_everywhere(fcinfo);
	PG_RETURN_VOID();
}

static void
set_rule(Oid relid, RustsDuplicates rule)
{
	Relation	rel;
	RustsOptions options;

	if (!rusts_is_cluster_part(relid))
		check_measurement(relid);
	rel = relation_open(relid, ShareUpdateExclusiveLock);
	if (!rusts_is_cluster_part(relid))
		check_measurement(relid);
	if (rule == RUSTS_DUPLICATES_MERGE && rusts_time_attno(rel) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("measurement \"%s\" has no time column",
						RelationGetRelationName(rel)),
				 errdetail("Points are told apart by their tags and their time."),
				 errhint("The time is a column called \"%s\" of type timestamptz or timestamp.",
						 RUSTS_TIME_COLUMN)));
	options = *rusts_schema_options(rel);
	options.duplicates = rule;

	/* The rest of the statement goes by the new rule already. */
	rusts_options_store(relid, &options);
	relation_close(rel, NoLock);
}

static RustsDuplicates
parse_rule(const char *rule)
{
	int			i;

	for (i = 0; rusts_duplicates_names[i] != NULL; i++)
	{
		if (pg_strcasecmp(rule, rusts_duplicates_names[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a rule for duplicates", rule),
			 errhint("The rules are 'merge' and 'keep'.")));
}

static void
check_measurement(Oid relid)
{
	const char *name = get_rel_name(relid);

	if (name == NULL)
		rusts_report_no_relation(relid);
	if (!rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, name);
	if (!rusts_relid_is_measurement(relid) ||
		!rusts_has_storage(get_rel_relkind(relid)))
		rusts_report_no_measurement(name);
}
