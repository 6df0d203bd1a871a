/*-------------------------------------------------------------------------
 *
 * flush.c
 *	  SQL functions about storage: rusts_flush, rusts.storage_id.
 *
 * src/am/flush.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/merge.h"

PG_FUNCTION_INFO_V1(rusts_flush);
PG_FUNCTION_INFO_V1(rusts_storage_id_sql);

static List *list_own_measurements(void);
static int64 flush_one(Oid relid, bool must_exist);
pg_noreturn static void report_missing(Oid relid);
pg_noreturn static void report_other(const char *name);

/*
 * rusts_flush(measurement regclass DEFAULT NULL) RETURNS bigint
 *
 * Move the active batches of one measurement, or of all that belong to the
 * caller, to hot segments, in the running transaction; the number of rows
 * moved.
 */
Datum
rusts_flush(PG_FUNCTION_ARGS)
{
	int64		nrows = 0;
	ListCell   *cell;

	PreventCommandIfReadOnly("rusts_flush()");
	PreventCommandIfParallelMode("rusts_flush()");
	PreventCommandDuringRecovery("rusts_flush()");

	if (!PG_ARGISNULL(0))
		PG_RETURN_INT64(flush_one(PG_GETARG_OID(0), true));
	foreach(cell, list_own_measurements())
		nrows += flush_one(lfirst_oid(cell), false);
	PG_RETURN_INT64(nrows);
}

static List *
list_own_measurements(void)
{
	Oid			am = rusts_am_oid();
	Relation	classes = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	scan = systable_beginscan(classes, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

		if (class->relam == am &&
			(class->relkind == RELKIND_RELATION ||
			 class->relkind == RELKIND_MATVIEW) &&
			rusts_is_owner(class->oid, GetUserId()))
			result = lappend_oid(result, class->oid);
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	list_sort(result, list_oid_cmp);
	return result;
}

static int64
flush_one(Oid relid, bool must_exist)
{
	Relation	rel;
	int64		nrows = 0;

	/* Check before locking: others must not be held up by strangers. */
	if (must_exist && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		report_missing(relid);
	if (must_exist && !rusts_relid_is_measurement(relid))
		report_other(get_rel_name(relid));
	if (must_exist && !rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));

	/* It may be gone, or another thing, when we have the lock. */
	rel = try_relation_open(relid, ShareUpdateExclusiveLock);
	if (must_exist && rel == NULL)
		report_missing(relid);
	if (must_exist && !rusts_is_measurement(rel))
		report_other(RelationGetRelationName(rel));
	if (rel == NULL)
		return 0;
	if (rusts_is_measurement(rel) &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		!RELATION_IS_OTHER_TEMP(rel))
	{
		rusts_buffers_flush_relation(relid);
		nrows = rusts_merge_active(rel, false);

		/* The next flush of the same statement must see what is done. */
		CommandCounterIncrement();
	}
	relation_close(rel, NoLock);
	return nrows;
}

static void
report_missing(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("measurement with OID %u does not exist", relid)));
}

static void
report_other(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a measurement", name),
			 errhint("Measurements are tables made by rusts_write or by CREATE TABLE ... USING rusts.")));
}

/*
 * rusts.storage_id(relation oid) RETURNS bigint
 *
 * The storage id of a measurement, NULL if it has none or is no measurement.
 */
Datum
rusts_storage_id_sql(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel;
	int64		id = 0;

	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		PG_RETURN_NULL();
	if (rusts_is_measurement(rel) &&
		(rel->rd_rel->relkind == RELKIND_RELATION ||
		 rel->rd_rel->relkind == RELKIND_MATVIEW) &&
		!(RecoveryInProgress() && !RelationIsPermanent(rel)))
		id = rusts_storage_id_if_readable(rel);
	relation_close(rel, AccessShareLock);
	if (id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}
