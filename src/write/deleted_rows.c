/*-------------------------------------------------------------------------
 *
 * deleted_rows.c
 *	  What other nodes are told about rows that a statement has deleted.
 *
 * A row's number means nothing to another node, whose segments are others.
 * So the point itself is told.  The rows are read once more for that, but
 * each segment, and each of its blocks, once for all of its rows.
 *
 * src/write/deleted_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/directory.h"
#include "segment/page_io.h"
#include "segment/rows.h"
#include "write/deleted_rows.h"
#include "write/store.h"

static void put_segment(Relation rel, const RustsDelete *rows, uint32 nrows,
						TupleTableSlot *slot, RustsBuilder *builder,
						CommandId cid);

void
rusts_deleted_row_put(RustsBuilder *builder, TupleTableSlot *slot)
{
	const RustsSchema *schema = builder->schema;
	bool	   *isnull = slot->tts_isnull;
	int			i;

	slot_getallattrs(slot);
	if (!schema->merges)
	{
		rusts_builder_put_slot(builder, slot);
		return;
	}

	/* The others' values are of no use there. */
	slot->tts_isnull = palloc_array(bool, Max(schema->natts, 1));
	memcpy(slot->tts_isnull, isnull, sizeof(bool) * schema->natts);
	for (i = 0; i < schema->ncolumns; i++)
	{
		if (schema->columns[i].role == RUSTS_ROLE_FIELD)
			slot->tts_isnull[schema->columns[i].attno - 1] = true;
	}
	rusts_builder_put_slot(builder, slot);
	pfree(slot->tts_isnull);
	slot->tts_isnull = isnull;
}

void
rusts_deleted_rows_ship(Relation rel, const RustsDeletes *deletes,
						RustsBuilder *builder, CommandId cid)
{
	RustsDelete *rows = rusts_deletes_list(deletes);
	uint32		nrows = rusts_deletes_count(deletes);
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	uint32		start = 0;

	while (start < nrows)
	{
		uint32		end = start + 1;

		while (end < nrows && rows[end].segment_id == rows[start].segment_id)
			end++;
		put_segment(rel, rows + start, end - start, slot, builder, cid);
		start = end;
	}
	rusts_store_deleted(rel, builder, cid);
	ExecDropSingleTupleTableSlot(slot);
	pfree(rows);
}

/* Rows of one segment. */
static void
put_segment(Relation rel, const RustsDelete *rows, uint32 nrows,
			TupleTableSlot *slot, RustsBuilder *builder, CommandId cid)
{
	RustsSegmentEntry entry;
	RustsReader *reader;
	RustsRows  *source;
	uint32		i;

	if (!rusts_directory_find_row(rusts_storage_id(rel), rows[0].segment_id,
								  SnapshotSelf, &entry))
		elog(ERROR, "a segment of \"%s\" with deleted rows is gone",
			 RelationGetRelationName(rel));
	reader = rusts_reader_open(rel, &entry, false, true, NULL);
	source = rusts_rows_begin(reader, RelationGetDescr(rel));
	for (i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ExecClearTuple(slot);
		(void) rusts_rows_fill(source, rows[i].row, slot->tts_values,
							   slot->tts_isnull);
		ExecStoreVirtualTuple(slot);
		rusts_deleted_row_put(builder, slot);
		if (builder->bytes < RUSTS_STORE_FULL_BYTES)
			continue;
		rusts_store_deleted(rel, builder, cid);
		rusts_builder_reset(builder);
	}
	rusts_reader_close(reader);
}
