/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  SQL function rusts_tier: move old points to the cold tier by hand.
 *
 * src/am/tier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "am/am.h"
#include "compat.h"
#include "meta/progress.h"
#include "meta/totals.h"
#include "write/buffer.h"
#include "write/merge.h"
#include "write/tier.h"

PG_FUNCTION_INFO_V1(rusts_tier);

static int64 tier_table(Oid relid, TimestampTz before, Oid tablespace);
static Oid	find_tablespace(const char *name);

/*
 * rusts_tier(measurement regclass, before timestamptz,
 *			  tablespace name DEFAULT NULL) RETURNS bigint
 *
 * Flush a measurement, then move all its segments that end before a time to
 * the cold tier, in the running transaction; the number of rows moved there.
 */
Datum
rusts_tier(PG_FUNCTION_ARGS)
{
	TimestampTz before;
	Oid			tablespace = InvalidOid;
	bool		is_cluster;
	int64		nrows = 0;
	ListCell   *cell;

	PreventCommandIfReadOnly("rusts_tier()");
	PreventCommandIfParallelMode("rusts_tier()");
	PreventCommandDuringRecovery("rusts_tier()");

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	before = PG_GETARG_TIMESTAMPTZ(1);
	if (!PG_ARGISNULL(2))
		tablespace = find_tablespace(NameStr(*PG_GETARG_NAME(2)));
	foreach(cell, rusts_tables_to_rewrite(PG_GETARG_OID(0), &is_cluster))
		nrows += tier_table(lfirst_oid(cell), before, tablespace);
	PG_RETURN_INT64(nrows);
}

static int64
tier_table(Oid relid, TimestampTz before, Oid tablespace)
{
	Relation	rel = rusts_open_for_rewrite(relid, true);
	int64		nrows = 0;
	int64		step;

	if (rel == NULL)
		return 0;
	rusts_buffers_flush_relation(relid);
	rusts_merge_active(rel, false);
	rusts_progress_begin(relid, "tier");
	do
	{
		CHECK_FOR_INTERRUPTS();

		/* Each step must see what the one before has done. */
		CommandCounterIncrement();
		step = rusts_tier_step(rel, before, tablespace, false);
		nrows += step;
	} while (step > 0);
	rusts_progress_end();
	rusts_total_add(RUSTS_TOTAL_ROWS_TIERED, Max(nrows, 0));
	relation_close(rel, NoLock);
	return nrows;
}

/* A tablespace that the caller may put tables in, as in CREATE TABLE. */
static Oid
find_tablespace(const char *name)
{
	Oid			tablespace = get_tablespace_oid(name, false);

	if (tablespace == GLOBALTABLESPACE_OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only shared relations can be placed in pg_global tablespace")));
	if (tablespace != MyDatabaseTableSpace)
	{
		AclResult	result = rusts_tablespace_aclcheck(tablespace,
													   GetUserId(),
													   ACL_CREATE);

		if (result != ACLCHECK_OK)
			aclcheck_error(result, OBJECT_TABLESPACE, name);
	}
	return tablespace;
}
