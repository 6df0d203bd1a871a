/*-------------------------------------------------------------------------
 *
 * job_table.c
 *	  What the worker did last, rusts.job.
 *
 * A run that did something is entered by its own transaction, so the table
 * never tells of what did not happen.
 *
 * src/meta/job_table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/catalog.h"
#include "meta/job_table.h"

enum
{
	Anum_measurement = 1,
	Anum_job,
	Anum_started,
	Anum_ended,
	Anum_rows,
	Anum_error,
	Anum_failures,
	Anum_failing_since,
	Anum_next_run
};
#define Natts_job	Anum_next_run

static Relation open_jobs(LOCKMODE lockmode);
static HeapTuple form_record(const RustsJobRecord *record, TupleDesc desc);

void
rusts_job_table_put(const RustsJobRecord *record)
{
	Relation	table = open_jobs(RowExclusiveLock);
	NameData	job;
	ScanKeyData key[2];
	SysScanDesc scan;
	Snapshot	snapshot;
	HeapTuple	old;
	HeapTuple	tuple;

	if (table == NULL)
		return;
	namestrcpy(&job, record->job);
	ScanKeyInit(&key[0], Anum_measurement, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(record->measurement));
	ScanKeyInit(&key[1], Anum_job, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&job));
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = systable_beginscan(table,
							  rusts_catalog_index("job_pkey"), true, snapshot,
							  2, key);
	old = systable_getnext(scan);
	tuple = form_record(record, RelationGetDescr(table));
	if (HeapTupleIsValid(old))
		CatalogTupleUpdate(table, &old->t_self, tuple);
	else
		CatalogTupleInsert(table, tuple);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	heap_freetuple(tuple);
	table_close(table, NoLock);
}

void
rusts_job_table_prune(void)
{
	Relation	table = open_jobs(RowExclusiveLock);
	SysScanDesc scan;
	Snapshot	snapshot;
	HeapTuple	tuple;

	if (table == NULL)
		return;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		measurement = heap_getattr(tuple, Anum_measurement,
											   RelationGetDescr(table),
											   &isnull);

		if (!SearchSysCacheExists1(RELOID, measurement))
			CatalogTupleDelete(table, &tuple->t_self);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, NoLock);
}

int
rusts_job_table_failing(TimestampTz before)
{
	Relation	table = open_jobs(AccessShareLock);
	SysScanDesc scan;
	Snapshot	snapshot;
	HeapTuple	tuple;
	int			n = 0;

	if (table == NULL)
		return 0;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(table);
		bool		isnull;
		Datum		measurement = heap_getattr(tuple, Anum_measurement, desc,
											   &isnull);
		Datum		since = heap_getattr(tuple, Anum_failing_since, desc,
										 &isnull);

		if (!isnull && DatumGetTimestampTz(since) < before &&
			SearchSysCacheExists1(RELOID, measurement))
			n++;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, NoLock);
	return n;
}

/* The table, locked; NULL if there is none or it cannot be had at once. */
static Relation
open_jobs(LOCKMODE lockmode)
{
	Oid			namespace = get_namespace_oid("rusts", true);
	Oid			relid = InvalidOid;

	if (OidIsValid(namespace))
		relid = get_relname_relid("job", namespace);
	if (!OidIsValid(relid) ||
		!ConditionalLockRelationOid(relid, lockmode))
		return NULL;
	return try_table_open(relid, NoLock);
}

static HeapTuple
form_record(const RustsJobRecord *record, TupleDesc desc)
{
	Datum		values[Natts_job];
	bool		nulls[Natts_job] = {false};
	NameData	job;

	namestrcpy(&job, record->job);
	values[Anum_measurement - 1] = ObjectIdGetDatum(record->measurement);
	values[Anum_job - 1] = NameGetDatum(&job);
	values[Anum_started - 1] = TimestampTzGetDatum(record->started);
	values[Anum_ended - 1] = TimestampTzGetDatum(record->ended);
	values[Anum_rows - 1] = Int64GetDatum(record->nrows);
	nulls[Anum_error - 1] = record->error == NULL;
	values[Anum_error - 1] = record->error == NULL ? (Datum) 0 :
		CStringGetTextDatum(record->error);
	values[Anum_failures - 1] = Int32GetDatum(record->failures);
	nulls[Anum_failing_since - 1] = record->failures == 0;
	values[Anum_failing_since - 1] =
		TimestampTzGetDatum(record->failing_since);
	values[Anum_next_run - 1] = TimestampTzGetDatum(record->next_run);
	return heap_form_tuple(desc, values, nulls);
}
