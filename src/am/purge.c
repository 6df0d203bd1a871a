/*-------------------------------------------------------------------------
 *
 * purge.c
 *	  SQL function rusts_purge.
 *
 * Compaction takes deleted rows off the disk when there are many, and leaves
 * what it has replaced to be overwritten some day.  Who must be sure has the
 * measurement written anew, as VACUUM FULL does, and the old file removed.
 *
 * src/am/purge.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/cluster.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "compat.h"
#include "meta/directory.h"
#include "meta/everywhere.h"
#include "segment/page_io.h"
#include "write/buffer.h"

PG_FUNCTION_INFO_V1(rusts_purge);

/* What there is of a measurement. */
typedef struct Contents
{
	int64		rows;
	int64		deleted;
	int64		bytes;
} Contents;

static bool purge_table(Oid relid, Contents *before, Contents *after);
static void add(Contents *sum, Contents contents);
static Contents look(Relation rel);

/*
 * rusts_purge(measurement regclass, OUT rows, OUT deleted_rows,
 *			   OUT bytes_before, OUT bytes_after, OUT deleted_rows_left)
 *
 * Write a measurement anew without its deleted rows, in a cluster on all
 * nodes; what is returned is about this one.  Its owner only; nobody reads or
 * writes it meanwhile.
 */
Datum
rusts_purge(PG_FUNCTION_ARGS)
{
	Contents	before = {0};
	Contents	after = {0};
	List	   *tables;
	bool		is_cluster;
	ListCell   *cell;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	PreventCommandIfReadOnly("rusts_purge()");
	PreventCommandIfParallelMode("rusts_purge()");
	PreventCommandDuringRecovery("rusts_purge()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	tables = rusts_tables_to_rewrite(PG_GETARG_OID(0), &is_cluster);
	if (tables == NIL && !is_cluster)
		PG_RETURN_NULL();
	foreach(cell, tables)
	{
		if (!purge_table(lfirst_oid(cell), &before, &after))
			PG_RETURN_NULL();
	}

	/* Who must be sure must be so of all copies. */
	if (is_cluster)
		rusts_call_everywhere(fcinfo);
	values[0] = Int64GetDatum(after.rows);
	values[1] = Int64GetDatum(before.deleted);
	values[2] = Int64GetDatum(before.bytes);
	values[3] = Int64GetDatum(after.bytes);
	values[4] = Int64GetDatum(after.deleted);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* False: it has no segments here. */
static bool
purge_table(Oid relid, Contents *before, Contents *after)
{
	Relation	rel = rusts_open_for_rewrite(relid, true);

	if (rel == NULL)
		return false;
	LockRelation(rel, AccessExclusiveLock);
	rusts_buffers_flush_relation(relid);
	add(before, look(rel));
	relation_close(rel, NoLock);

	rusts_rewrite_relation(relid);
	CommandCounterIncrement();

	rel = relation_open(relid, NoLock);
	add(after, look(rel));
	relation_close(rel, NoLock);
	return true;
}

static void
add(Contents *sum, Contents contents)
{
	sum->rows += contents.rows;
	sum->deleted += contents.deleted;
	sum->bytes += contents.bytes;
}

static Contents
look(Relation rel)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Contents	contents = {0};
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		i;

	entries = rusts_directory_load(rusts_storage_id(rel), -1, snapshot,
								   &nentries);
	for (i = 0; i < nentries; i++)
	{
		contents.rows += rusts_entry_rows(&entries[i]);
		contents.deleted += entries[i].ndeleted;
		contents.bytes += entries[i].bytes;
	}
	UnregisterSnapshot(snapshot);
	return contents;
}
