/*-------------------------------------------------------------------------
 *
 * batches.c
 *	  Batches that clients name, so that one sent twice is stored once.
 *
 * src/cluster/batches.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cluster/batches.h"
#include "compat.h"
#include "meta/catalog.h"

/* How long a client may take to send a batch again. */
#define KEEP_HOURS		24

enum
{
	Anum_batch = 1,
	Anum_part,
	Anum_stored_at
};
#define Natts_batch		Anum_stored_at

bool
rusts_batch_begin(const char *batch, const char *part)
{
	Relation	table = rusts_catalog_open("cluster_batch", RowExclusiveLock,
										   false);
	Relation	index = index_open(rusts_catalog_index("cluster_batch_pkey"),
								   AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Datum		values[Natts_batch];
	bool		nulls[Natts_batch] = {false};
	NameData	name;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;
	bool		own = false;

	namestrcpy(&name, part);
	values[Anum_batch - 1] = CStringGetTextDatum(batch);
	values[Anum_part - 1] = NameGetDatum(&name);
	values[Anum_stored_at - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	ScanKeyInit(&keys[0], Anum_batch, BTEqualStrategyNumber, F_TEXTEQ,
				values[Anum_batch - 1]);
	ScanKeyInit(&keys[1], Anum_part, BTEqualStrategyNumber, F_NAMEEQ,
				values[Anum_part - 1]);
	scan = systable_beginscan_ordered(table, index, snapshot, 2, keys);
	tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);

		own = TransactionIdIsCurrentTransactionId(xmin);
	}
	systable_endscan_ordered(scan);
	UnregisterSnapshot(snapshot);
	index_close(index, NoLock);
	if (!found)
	{
		tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
		rusts_catalog_insert(table, tuple, GetCurrentCommandId(true));
		heap_freetuple(tuple);
		CommandCounterIncrement();
	}
	table_close(table, NoLock);
	return !found || own;
}

void
rusts_batches_forget(void)
{
	Relation	table = rusts_catalog_open("cluster_batch", RowExclusiveLock,
										   true);
	TimestampTz limit = GetCurrentTimestamp() - KEEP_HOURS * USECS_PER_HOUR;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	if (table == NULL)
		return;
	ScanKeyInit(&key, Anum_stored_at, BTLessStrategyNumber,
				F_TIMESTAMPTZ_LT, TimestampTzGetDatum(limit));
	scan = systable_beginscan(table, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		rusts_catalog_delete(table, &tuple->t_self);
	systable_endscan(scan);
	table_close(table, NoLock);
}
