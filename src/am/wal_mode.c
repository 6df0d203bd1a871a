/*-------------------------------------------------------------------------
 *
 * wal_mode.c
 *	  SQL functions about durability: rusts_set_wal_mode, rusts_wal_mode.
 *
 * The modes that differ in when a commit is flushed are an option of the
 * measurement.  The mode none is no option: it is an unlogged table, and so
 * the same to PostgreSQL, pg_dump and everybody else.
 *
 * src/am/wal_mode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "am/am.h"
#include "compat.h"
#include "meta/everywhere.h"
#include "meta/schema.h"
#include "write/durability.h"

PG_FUNCTION_INFO_V1(rusts_set_wal_mode);
PG_FUNCTION_INFO_V1(rusts_get_wal_mode);

static int	parse_mode(const char *name);
static void check_owner(Oid relid);
static bool set_mode(Oid relid, int mode);
static void set_persistence(const char *table, bool unlogged);

/*
 * rusts_set_wal_mode(measurement regclass, mode text) RETURNS void
 *
 * Of a partitioned table, the mode of all its partitions.
 */
Datum
rusts_set_wal_mode(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	int			mode = parse_mode(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	const char *name;
	List	   *tables;
	ListCell   *cell;
	bool		is_cluster;
	bool		any = false;

	PreventCommandIfReadOnly("rusts_set_wal_mode()");
	PreventCommandIfParallelMode("rusts_set_wal_mode()");
	PreventCommandDuringRecovery("rusts_set_wal_mode()");

	check_owner(relid);
	name = get_rel_name(relid);
	LockRelationOid(relid, ShareUpdateExclusiveLock);
	tables = find_all_inheritors(relid, ShareUpdateExclusiveLock, NULL);
	foreach(cell, tables)
	{
		check_owner(lfirst_oid(cell));
		any |= set_mode(lfirst_oid(cell), mode);
	}
	(void) rusts_local_tables(relid, &is_cluster);
	if (!any && !is_cluster)
		rusts_report_no_measurement(name);
	if (is_cluster)
		rusts_call_everywhere(fcinfo);
	PG_RETURN_VOID();
}

static int
parse_mode(const char *name)
{
	int			i;

	if (strcmp(name, "default") == 0)
		return RUSTS_OPTION_UNSET;
	for (i = 0; rusts_wal_mode_names[i] != NULL; i++)
	{
		if (strcmp(name, rusts_wal_mode_names[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid WAL mode: \"%s\"", name),
			 errhint("Use every-write, periodic, os-default or none, or default.")));
}

/* Before any lock: others must not be held up by strangers. */
static void
check_owner(Oid relid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		rusts_report_no_relation(relid);
	if (!rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
}

/* Set one table's mode; false if it is no measurement, or gone. */
static bool
set_mode(Oid relid, int mode)
{
	Relation	rel = try_relation_open(relid, ShareUpdateExclusiveLock);
	RustsOptions options;
	char		persistence;
	char	   *schema;
	char	   *table;

	if (rel == NULL)
		return false;
	persistence = rel->rd_rel->relpersistence;
	options = *rusts_schema_options(rel);
	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE &&
		rusts_is_cluster_part(relid))
	{
		/* Its rows may come to this node. */
		relation_close(rel, NoLock);
		options.wal_mode = mode;
		rusts_options_store(relid, &options);
		return false;
	}
	if (!rusts_is_measurement(rel) ||
		!rusts_has_storage(rel->rd_rel->relkind))
	{
		relation_close(rel, NoLock);
		return false;
	}
	if (persistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a temporary measurement has no WAL mode"),
				 errdetail("\"%s\" is gone after a crash in any case.",
						   RelationGetRelationName(rel))));
	schema = get_namespace_name(RelationGetNamespace(rel));
	table = quote_qualified_identifier(schema, RelationGetRelationName(rel));
	relation_close(rel, NoLock);

	if ((mode == RUSTS_WAL_NONE) != (persistence == RELPERSISTENCE_UNLOGGED))
		set_persistence(table, mode == RUSTS_WAL_NONE);
	options.wal_mode = mode == RUSTS_WAL_NONE ? RUSTS_OPTION_UNSET : mode;
	rusts_options_store(relid, &options);
	return true;
}

static void
set_persistence(const char *table, bool unlogged)
{
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(psprintf("ALTER TABLE %s SET %s", table,
								  unlogged ? "UNLOGGED" : "LOGGED"),
						 false, 0);
	if (result != SPI_OK_UTILITY)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

/*
 * rusts_wal_mode(measurement regclass) RETURNS text
 */
Datum
rusts_get_wal_mode(PG_FUNCTION_ARGS)
{
	Relation	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	const char *mode = NULL;

	if (rel == NULL)
		PG_RETURN_NULL();
	if (rusts_is_measurement(rel) && rusts_has_storage(rel->rd_rel->relkind))
		mode = rusts_wal_mode_names[rusts_wal_mode_of(rel)];
	relation_close(rel, AccessShareLock);
	if (mode == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(mode));
}
