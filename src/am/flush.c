/*-------------------------------------------------------------------------
 *
 * flush.c
 *	  SQL functions about storage: rusts_flush, rusts_compact,
 *	  rusts.storage_id.
 *
 * src/am/flush.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "am/am.h"
#include "compat.h"
#include "meta/everywhere.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "meta/totals.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/compact.h"
#include "write/merge.h"

PG_FUNCTION_INFO_V1(rusts_flush);
PG_FUNCTION_INFO_V1(rusts_compact);
PG_FUNCTION_INFO_V1(rusts_storage_id_sql);

typedef int64 (*RewriteFunction) (Relation rel);

static int64 rewrite_own(RewriteFunction function);
static int64 rewrite_named(Oid relid, RewriteFunction function);
static int64 rewrite_one(Oid relid, bool must_exist, RewriteFunction function);
static int64 flush(Relation rel);
static int64 compact(Relation rel);

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
	PreventCommandIfReadOnly("rusts_flush()");
	PreventCommandIfParallelMode("rusts_flush()");
	PreventCommandDuringRecovery("rusts_flush()");
	PG_RETURN_INT64(PG_ARGISNULL(0) ? rewrite_own(flush) :
					rewrite_named(PG_GETARG_OID(0), flush));
}

/*
 * rusts_compact(measurement regclass DEFAULT NULL) RETURNS bigint
 *
 * The same with small segments, which are merged into large ones.
 */
Datum
rusts_compact(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("rusts_compact()");
	PreventCommandIfParallelMode("rusts_compact()");
	PreventCommandDuringRecovery("rusts_compact()");
	PG_RETURN_INT64(PG_ARGISNULL(0) ? rewrite_own(compact) :
					rewrite_named(PG_GETARG_OID(0), compact));
}

/* Rewrite all measurements that belong to the caller. */
static int64
rewrite_own(RewriteFunction function)
{
	int64		nrows = 0;
	List	   *own = NIL;
	ListCell   *cell;

	/* Ask first: while some are rewritten others may be dropped. */
	foreach(cell, rusts_list_measurements())
	{
		if (rusts_is_owner(lfirst_oid(cell), GetUserId()))
			own = lappend_oid(own, lfirst_oid(cell));
	}
	list_sort(own, list_oid_cmp);
	foreach(cell, own)
		nrows += rewrite_one(lfirst_oid(cell), false, function);
	return nrows;
}

static int64
rewrite_named(Oid relid, RewriteFunction function)
{
	int64		nrows = 0;
	bool		is_cluster;
	ListCell   *cell;

	foreach(cell, rusts_tables_to_rewrite(relid, &is_cluster))
		nrows += rewrite_one(lfirst_oid(cell), true, function);
	return nrows;
}

static int64
rewrite_one(Oid relid, bool must_exist, RewriteFunction function)
{
	Relation	rel = rusts_open_for_rewrite(relid, must_exist);
	int64		nrows;

	if (rel == NULL)
		return 0;
	rusts_buffers_flush_relation(relid);
	nrows = function(rel);

	/* The next one of the same statement must see what is done. */
	CommandCounterIncrement();
	relation_close(rel, NoLock);
	return nrows;
}

static int64
flush(Relation rel)
{
	int64		nrows;

	rusts_progress_begin(RelationGetRelid(rel), "flush");
	nrows = rusts_merge_active(rel, false);
	rusts_progress_end();
	if (nrows > 0)
	{
		rusts_total_add(RUSTS_TOTAL_FLUSH_BY_HAND, 1);
		rusts_total_add(RUSTS_TOTAL_ROWS_FLUSHED, nrows);
	}
	return nrows;
}

static int64
compact(Relation rel)
{
	int64		nrows;

	rusts_progress_begin(RelationGetRelid(rel), "compact");
	nrows = rusts_compact_all(rel);
	rusts_progress_end();
	rusts_total_add(RUSTS_TOTAL_ROWS_COMPACTED, Max(nrows, 0));
	return nrows;
}

List *
rusts_tables_to_rewrite(Oid relid, bool *is_cluster)
{
	List	   *tables = rusts_local_tables(relid, is_cluster);

	if (tables == NIL && !*is_cluster && !rusts_relid_is_measurement(relid))
		rusts_report_no_measurement(get_rel_name(relid));
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE &&
		!rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	return tables;
}

Relation
rusts_open_for_rewrite(Oid relid, bool must_exist)
{
	Relation	rel;

	/* Check before locking: others must not be held up by strangers. */
	if (must_exist && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		rusts_report_no_relation(relid);
	if (must_exist && !rusts_relid_is_measurement(relid))
		rusts_report_no_measurement(get_rel_name(relid));
	if (must_exist && !rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));

	/* It may be gone, or another thing, when we have the lock. */
	rel = try_relation_open(relid, ShareUpdateExclusiveLock);
	if (must_exist && rel == NULL)
		rusts_report_no_relation(relid);
	if (must_exist && !rusts_is_measurement(rel))
		rusts_report_no_measurement(RelationGetRelationName(rel));
	if (rel == NULL)
		return NULL;
	if (rusts_is_measurement(rel) &&
		rusts_has_storage(rel->rd_rel->relkind) &&
		!RELATION_IS_OTHER_TEMP(rel))
		return rel;
	relation_close(rel, NoLock);
	return NULL;
}

void
rusts_report_no_relation(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("measurement with OID %u does not exist", relid)));
}

void
rusts_report_no_measurement(const char *name)
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
		rusts_has_storage(rel->rd_rel->relkind) &&
		!(RecoveryInProgress() && !RelationIsPermanent(rel)))
		id = rusts_storage_id_if_readable(rel);
	relation_close(rel, AccessShareLock);
	if (id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}
