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

static Contents look(Relation rel);

/*
 * rusts_purge(measurement regclass, OUT rows, OUT deleted_rows,
 *			   OUT bytes_before, OUT bytes_after, OUT deleted_rows_left)
 *
 * Write a measurement anew without its deleted rows.  Its owner only; nobody
 * reads or writes it meanwhile.
 */
Datum
rusts_purge(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel;
	Contents	before;
	Contents	after;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	PreventCommandIfReadOnly("rusts_purge()");
	PreventCommandIfParallelMode("rusts_purge()");
	PreventCommandDuringRecovery("rusts_purge()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	rel = rusts_open_for_rewrite(relid, true);
	if (rel == NULL)
		PG_RETURN_NULL();
	LockRelation(rel, AccessExclusiveLock);
	rusts_buffers_flush_relation(relid);
	before = look(rel);
	relation_close(rel, NoLock);

	rusts_rewrite_relation(relid);
	CommandCounterIncrement();

	rel = relation_open(relid, NoLock);
	after = look(rel);
	relation_close(rel, NoLock);
	values[0] = Int64GetDatum(after.rows);
	values[1] = Int64GetDatum(before.deleted);
	values[2] = Int64GetDatum(before.bytes);
	values[3] = Int64GetDatum(after.bytes);
	values[4] = Int64GetDatum(after.deleted);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
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
