/*-------------------------------------------------------------------------
 *
 * fdw_setup.c
 *	  Find postgres_fdw, and make the foreign data wrapper rusts_cluster.
 *
 * Who has one server needs neither, and CREATE EXTENSION rusts shall not
 * need CASCADE; so both are made when a cluster is.  They belong to no
 * extension of ours, and pg_dump takes the wrapper along.
 *
 * src/cluster/fdw_setup.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "cluster/fdw.h"
#include "cluster/fdw_setup.h"
#include "compat.h"

#define POSTGRES_FDW	"postgres_fdw"

static Oid	find_function(const char *name);
static const char *own_schema(void);
static void execute(const char *command);

PG_FUNCTION_INFO_V1(rusts_cluster_prepare_fdw);

/*
 * rusts.cluster_prepare_fdw() returns void
 */
Datum
rusts_cluster_prepare_fdw(PG_FUNCTION_ARGS)
{
	rusts_fdw_prepare();
	PG_RETURN_VOID();
}

FdwRoutine *
rusts_postgres_fdw_routine(void)
{
	Oid			handler = find_function("postgres_fdw_handler");
	FdwRoutine *routine;

	if (!OidIsValid(handler))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the foreign data wrapper \"%s\" needs the extension \"%s\"",
						RUSTS_FDW_NAME, POSTGRES_FDW),
				 errhint("Run CREATE EXTENSION %s.", POSTGRES_FDW)));
	routine = (FdwRoutine *) DatumGetPointer(OidFunctionCall0(handler));
	if (routine == NULL || !IsA(routine, FdwRoutine))
		elog(ERROR, "function %u did not return an FdwRoutine struct",
			 handler);
	return routine;
}

/*
 * A function of the extension postgres_fdw, whatever schema that is in, and
 * none that somebody else has given the name; InvalidOid if there is none.
 */
static Oid
find_function(const char *name)
{
	Oid			extension = get_extension_oid(POSTGRES_FDW, true);
	CatCList   *list;
	Oid			found = InvalidOid;
	int			i;

	if (!OidIsValid(extension))
		return InvalidOid;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (i = 0; i < list->n_members; i++)
	{
		HeapTuple	tuple = &list->members[i]->tuple;
		Oid			funcid = ((Form_pg_proc) GETSTRUCT(tuple))->oid;

		if (getExtensionOfObject(ProcedureRelationId, funcid) == extension)
			found = funcid;
	}
	ReleaseSysCacheList(list);
	return found;
}

void
rusts_fdw_prepare(void)
{
	int			nest_level;
	Oid			validator;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to make the foreign data wrapper \"%s\"",
						RUSTS_FDW_NAME)));
	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");

	/* Beside our own functions, where everybody will find it. */
	if (!OidIsValid(get_extension_oid(POSTGRES_FDW, true)))
		execute(psprintf("CREATE EXTENSION %s SCHEMA %s", POSTGRES_FDW,
						 own_schema()));
	validator = find_function("postgres_fdw_validator");
	if (!OidIsValid(validator))
		elog(ERROR, "extension \"%s\" has no validator", POSTGRES_FDW);
	if (GetForeignDataWrapperByName(RUSTS_FDW_NAME, true) == NULL)
	{
		const char *schema = get_namespace_name(get_func_namespace(validator));

		execute(psprintf("CREATE FOREIGN DATA WRAPPER %s"
						 " HANDLER rusts.cluster_fdw_handler"
						 " VALIDATOR %s.postgres_fdw_validator",
						 RUSTS_FDW_NAME, quote_identifier(schema)));
		execute(psprintf("COMMENT ON FOREIGN DATA WRAPPER %s IS"
						 " 'groups of shards on other nodes of a cluster'",
						 RUSTS_FDW_NAME));
	}
	SPI_finish();
	AtEOXact_GUC(true, nest_level);
}

/* Where the extension rusts has its functions. */
static const char *
own_schema(void)
{
	char	   *name = NULL;

	if (SPI_execute("SELECT extnamespace::pg_catalog.regnamespace"
					" FROM pg_catalog.pg_extension WHERE extname = 'rusts'",
					true, 1) == SPI_OK_SELECT && SPI_processed == 1)
		name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (name == NULL)
		elog(ERROR, "the extension \"rusts\" is not installed");
	return name;
}

static void
execute(const char *command)
{
	if (SPI_execute(command, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", command);
}
