/*-------------------------------------------------------------------------
 *
 * fetch_united.c
 *	  Rows that were united from several, by TID.
 *
 * They exist in the memory of the backend that has read them, perhaps not
 * even there any more; what they were made of is known until the end of the
 * transaction, and so they are made again.
 *
 * src/am/fetch_united.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "am/am.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "write/duplicates.h"

static void take_values(TupleTableSlot *slot, TupleTableSlot *source,
						MemoryContext cxt);

/*
 * A snapshot that sees one source and not another sees another point; the
 * row is then not visible.
 */
bool
rusts_fetch_united(Relation rel, ItemPointer tid, Snapshot snapshot,
				   TupleTableSlot *slot)
{
	TupleDesc	desc = RelationGetDescr(rel);
	MemoryContext cxt;
	TupleTableSlot *source;
	const int64 *rows;
	uint32		nrows;
	uint32		i;
	bool		found = true;

	ExecClearTuple(slot);
	if (!rusts_duplicates_sources(rusts_storage_id(rel),
								  rusts_tid_to_row(tid), &rows, &nrows))
		return false;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts united row",
								ALLOCSET_SMALL_SIZES);
	source = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	memset(slot->tts_isnull, true, sizeof(bool) * desc->natts);
	for (i = 0; i < nrows && found; i++)
	{
		ItemPointerData at;

		rusts_row_to_tid(rows[i], &at);
		found = rusts_tuple_fetch_row_version(rel, &at, snapshot, source);
		if (found)
			take_values(slot, source, cxt);
	}
	ExecDropSingleTupleTableSlot(source);
	if (found)
	{
		slot->tts_tid = *tid;
		slot->tts_tableOid = RelationGetRelid(rel);
		ExecStoreVirtualTuple(slot);
		ExecMaterializeSlot(slot);
	}
	MemoryContextDelete(cxt);
	return found;
}

/* Values that are not null replace what there is. */
static void
take_values(TupleTableSlot *slot, TupleTableSlot *source, MemoryContext cxt)
{
	TupleDesc	desc = source->tts_tupleDescriptor;
	MemoryContext old_cxt = MemoryContextSwitchTo(cxt);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (source->tts_isnull[i])
			continue;
		slot->tts_isnull[i] = false;
		slot->tts_values[i] = datumCopy(source->tts_values[i], att->attbyval,
										att->attlen);
	}
	MemoryContextSwitchTo(old_cxt);
}

bool
rusts_sees_united(Relation rel, int64 row, Snapshot snapshot)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													&TTSOpsVirtual);
	ItemPointerData tid;
	bool		sees;

	rusts_row_to_tid(row, &tid);
	sees = rusts_fetch_united(rel, &tid, snapshot, slot);
	ExecDropSingleTupleTableSlot(slot);
	return sees;
}
