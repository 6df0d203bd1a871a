/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  The table access method "rusts": its callbacks.
 *
 * src/am/handler.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/rel.h"

#include "am/am.h"
#include "write/buffer.h"

PG_FUNCTION_INFO_V1(rusts_am_handler);

static void
rusts_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid,
				   int options, struct BulkInsertStateData *bistate)
{
	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	rusts_buffer_put_slot(rusts_buffer_get(rel, cid), rel, slot);
}

static void
rusts_multi_insert(Relation rel, TupleTableSlot **slots, int nslots,
				   CommandId cid, int options,
				   struct BulkInsertStateData *bistate)
{
	RustsBuffer *buffer = rusts_buffer_get(rel, cid);
	int			i;

	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	for (i = 0; i < nslots; i++)
		rusts_buffer_put_slot(buffer, rel, slots[i]);
}

static void
rusts_finish_bulk_insert(Relation rel, int options)
{
	rusts_buffers_flush_relation(RelationGetRelid(rel));
}

static void
rusts_tuple_insert_speculative(Relation rel, TupleTableSlot *slot,
							   CommandId cid, int options,
							   struct BulkInsertStateData *bistate,
							   uint32 token)
{
	rusts_refuse_conflict(rel);
}

static void
rusts_tuple_complete_speculative(Relation rel, TupleTableSlot *slot,
								 uint32 token, bool succeeded)
{
	rusts_refuse_conflict(rel);
}

static IndexFetchTableData *
rusts_index_fetch_begin(Relation rel)
{
	rusts_refuse_index(rel);
}

static void
rusts_index_fetch_reset(IndexFetchTableData *data)
{
}

static void
rusts_index_fetch_end(IndexFetchTableData *data)
{
}

static bool
rusts_index_fetch_tuple(IndexFetchTableData *data, ItemPointer tid,
						Snapshot snapshot, TupleTableSlot *slot,
						bool *call_again, bool *all_dead)
{
	rusts_refuse_index(data->rel);
}

static TransactionId
rusts_index_delete_tuples(Relation rel, TM_IndexDeleteOp *state)
{
	rusts_refuse_index(rel);
}

static double
rusts_index_build_range_scan(Relation rel, Relation index,
							 struct IndexInfo *info, bool allow_sync,
							 bool anyvisible, bool progress,
							 BlockNumber start, BlockNumber nblocks,
							 IndexBuildCallback callback, void *state,
							 TableScanDesc scan)
{
	rusts_refuse_index(rel);
}

static void
rusts_index_validate_scan(Relation rel, Relation index,
						  struct IndexInfo *info, Snapshot snapshot,
						  struct ValidateIndexState *state)
{
	rusts_refuse_index(rel);
}

/* Long values are stored in the segments. */
static bool
rusts_relation_needs_toast_table(Relation rel)
{
	return false;
}

static const TableAmRoutine rusts_routine = {
	.type = T_TableAmRoutine,

	.slot_callbacks = rusts_slot_callbacks,

	.scan_begin = rusts_scan_begin,
	.scan_end = rusts_scan_end,
	.scan_rescan = rusts_scan_rescan,
	.scan_getnextslot = rusts_scan_getnextslot,

	.parallelscan_estimate = rusts_parallelscan_estimate,
	.parallelscan_initialize = rusts_parallelscan_initialize,
	.parallelscan_reinitialize = rusts_parallelscan_reinitialize,

	.index_fetch_begin = rusts_index_fetch_begin,
	.index_fetch_reset = rusts_index_fetch_reset,
	.index_fetch_end = rusts_index_fetch_end,
	.index_fetch_tuple = rusts_index_fetch_tuple,

	.tuple_fetch_row_version = rusts_tuple_fetch_row_version,
	.tuple_tid_valid = rusts_tuple_tid_valid,
	.tuple_get_latest_tid = rusts_tuple_get_latest_tid,
	.tuple_satisfies_snapshot = rusts_tuple_satisfies_snapshot,
	.index_delete_tuples = rusts_index_delete_tuples,

	.tuple_insert = rusts_tuple_insert,
	.tuple_insert_speculative = rusts_tuple_insert_speculative,
	.tuple_complete_speculative = rusts_tuple_complete_speculative,
	.multi_insert = rusts_multi_insert,
	.tuple_delete = rusts_tuple_delete,
	.tuple_update = rusts_tuple_update,
	.tuple_lock = rusts_tuple_lock,
	.finish_bulk_insert = rusts_finish_bulk_insert,

#if PG_VERSION_NUM >= 160000
	.relation_set_new_filelocator = rusts_relation_set_new_filelocator,
#else
	.relation_set_new_filenode = rusts_relation_set_new_filelocator,
#endif
	.relation_nontransactional_truncate =
		rusts_relation_nontransactional_truncate,
	.relation_copy_data = rusts_relation_copy_data,
	.relation_copy_for_cluster = rusts_relation_copy_for_cluster,
	.relation_vacuum = rusts_relation_vacuum,
	.scan_analyze_next_block = rusts_scan_analyze_next_block,
	.scan_analyze_next_tuple = rusts_scan_analyze_next_tuple,
	.index_build_range_scan = rusts_index_build_range_scan,
	.index_validate_scan = rusts_index_validate_scan,

	.relation_size = table_block_relation_size,
	.relation_needs_toast_table = rusts_relation_needs_toast_table,
	.relation_estimate_size = rusts_relation_estimate_size,

	.scan_sample_next_block = rusts_scan_sample_next_block,
	.scan_sample_next_tuple = rusts_scan_sample_next_tuple,
};

/*
 * rusts_am_handler(internal) returns table_am_handler
 */
Datum
rusts_am_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&rusts_routine);
}
