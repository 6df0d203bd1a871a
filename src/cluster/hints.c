/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  Hinted hand-off: rows that a node did not take when they were written.
 *
 * src/cluster/hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cluster/deliver.h"
#include "cluster/hints.h"
#include "cluster/lost.h"
#include "cluster/nodes.h"
#include "cluster/twophase.h"
#include "compat.h"
#include "meta/catalog.h"

/* How much of it is one transaction. */
#define MAX_HINTS		1000
#define MAX_HINT_BYTES	(16 * 1024 * 1024)

/*
 * A node that is slow takes less of it in time.  So there is half as much next
 * time when a node did not take it, and some more when it did; 0: nothing was
 * tried yet.
 */
static Size limits[RUSTS_MAX_NODES];

enum
{
	Anum_id = 1,
	Anum_node_id,
	Anum_kind,
	Anum_part,
	Anum_columns,
	Anum_image,
	Anum_nrows,
	Anum_batch,
	Anum_written_at
};
#define Natts_hint	Anum_written_at

static TimestampTz hand_over_deadline(void);
static SysScanDesc begin_scan(Relation table, const char *node_id,
							  Snapshot snapshot);
static HeapTuple next_hint(SysScanDesc scan);
static void read_hint(HeapTuple tuple, TupleDesc desc, RustsParcel *parcel);

void
rusts_hint_leave(const char *node_id, const RustsParcel *parcel)
{
	Relation	table = rusts_catalog_open("cluster_hint", RowExclusiveLock,
										   false);
	Oid			sequence = get_relname_relid("cluster_hint_id_seq",
											 get_namespace_oid("rusts", false));
	Datum		values[Natts_hint];
	bool		nulls[Natts_hint] = {false};
	struct varlena *image;
	NameData	part;
	HeapTuple	tuple;

	/* Who copies everything needs none. */
	if (rusts_lost_state(node_id) == RUSTS_LOST)
	{
		table_close(table, NoLock);
		return;
	}
	image = rusts_parcel_image(parcel);
	namestrcpy(&part, parcel->table);
	values[Anum_id - 1] = Int64GetDatum(nextval_internal(sequence, false));
	values[Anum_node_id - 1] = CStringGetTextDatum(node_id);
	values[Anum_kind - 1] =
		CStringGetTextDatum(parcel->kind == RUSTS_PARCEL_DELETED ? "deleted" :
							"written");
	values[Anum_part - 1] = NameGetDatum(&part);
	values[Anum_columns - 1] =
		OidInputFunctionCall(F_ARRAY_IN, unconstify(char *, parcel->columns),
							 TEXTOID, -1);
	values[Anum_image - 1] = PointerGetDatum(image);
	values[Anum_nrows - 1] = Int32GetDatum((int32) parcel->nrows);
	values[Anum_batch - 1] = CStringGetTextDatum(parcel->batch);
	values[Anum_written_at - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
	rusts_catalog_insert(table, tuple, GetCurrentCommandId(true));
	heap_freetuple(tuple);
	if (image != parcel->image)
		pfree(image);
	table_close(table, NoLock);
}

bool
rusts_hints_wait(const char *node_id)
{
	Relation	table = rusts_catalog_open("cluster_hint", AccessShareLock,
										   false);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = begin_scan(table, node_id, snapshot);
	bool		found = next_hint(scan) != NULL ||
		rusts_lost_state(node_id) != RUSTS_NOT_LOST;

	systable_endscan_ordered(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	return found;
}

int
rusts_hints_deliver(const RustsClusterConfig *config, int node)
{
	Relation	table;
	SysScanDesc scan;
	RustsDelivery *delivery = NULL;
	Size		limit = limits[node] > 0 ? limits[node] : MAX_HINT_BYTES;
	Size		bytes = 0;
	int			n = 0;
	HeapTuple	tuple;

	/* What it copies now comes before these. */
	if (rusts_lost_state(config->nodes[node].id) != RUSTS_NOT_LOST)
		return 0;
	table = rusts_catalog_open("cluster_hint", RowExclusiveLock, false);
	scan = begin_scan(table, config->nodes[node].id, GetActiveSnapshot());
	while (n < MAX_HINTS && bytes < limit &&
		   HeapTupleIsValid(tuple = next_hint(scan)))
	{
		RustsParcel *parcel = palloc0_object(RustsParcel);

		if (delivery == NULL)
			delivery = rusts_delivery_begin(config);
		read_hint(tuple, RelationGetDescr(table), parcel);
		rusts_delivery_add(delivery, node, RUSTS_AS_CLUSTER, parcel);
		rusts_catalog_delete(table, &tuple->t_self);
		bytes += parcel->len;
		n++;
	}
	systable_endscan_ordered(scan);
	table_close(table, NoLock);
	if (delivery == NULL)
		return 0;
	limits[node] = Max(bytes / 2, 1);
	rusts_delivery_prepare(delivery, hand_over_deadline());
	if (!rusts_delivery_prepared(delivery, node))
		rusts_connection_report(rusts_delivery_connection(delivery, node),
								ERROR);
	rusts_delivery_decide(delivery);
	limits[node] = Min(Max(limit, bytes) / 4 * 5 + 1, MAX_HINT_BYTES);
	return n;
}

/*
 * The cluster worker asks all nodes between two hand-overs, and their answers
 * count for rusts.cluster_timeout.
 */
static TimestampTz
hand_over_deadline(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   rusts_cluster_timeout / 4);
}

static SysScanDesc
begin_scan(Relation table, const char *node_id, Snapshot snapshot)
{
	Relation	index = index_open(rusts_catalog_index("cluster_hint_pkey"),
								   AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;

	ScanKeyInit(&key, Anum_node_id, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(node_id));
	scan = systable_beginscan_ordered(table, index, snapshot, 1, &key);

	/* The scan keeps it open, as the transaction does its lock. */
	index_close(index, NoLock);
	return scan;
}

static HeapTuple
next_hint(SysScanDesc scan)
{
	return systable_getnext_ordered(scan, ForwardScanDirection);
}

static void
read_hint(HeapTuple tuple, TupleDesc desc, RustsParcel *parcel)
{
	bool		isnull;
	Datum		columns = heap_getattr(tuple, Anum_columns, desc, &isnull);
	Datum		image = heap_getattr(tuple, Anum_image, desc, &isnull);
	Datum		part = heap_getattr(tuple, Anum_part, desc, &isnull);
	Datum		batch = heap_getattr(tuple, Anum_batch, desc, &isnull);
	Datum		kind = heap_getattr(tuple, Anum_kind, desc, &isnull);

	parcel->kind = strcmp(TextDatumGetCString(kind), "deleted") == 0 ?
		RUSTS_PARCEL_DELETED : RUSTS_PARCEL_WRITTEN;
	parcel->table = pstrdup(NameStr(*DatumGetName(part)));
	parcel->batch = TextDatumGetCString(batch);
	parcel->columns = OidOutputFunctionCall(F_ARRAY_OUT, columns);
	parcel->image = PG_DETOAST_DATUM_COPY(image);
	parcel->len = VARSIZE(parcel->image);
}
