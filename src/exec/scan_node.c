/*-------------------------------------------------------------------------
 *
 * scan_node.c
 *	  The executor node RustsScan.
 *
 * The node returns rows of the relation's row type in which only the columns
 * that somebody needs are set.  Conditions that the scan can check are in
 * custom_exprs; those it cannot are the plan node's qual, and checked by
 * ExecScan as for every scan.
 *
 * src/exec/scan_node.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "tcop/pquery.h"
#include "utils/rel.h"

#include "am/am.h"
#include "exec/exec.h"
#include "exec/scan_node.h"
#include "meta/tid.h"
#include "meta/totals.h"
#include "vector/aggregate.h"

static Node *create_state(CustomScan *plan);
static void begin(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec(CustomScanState *node);
static TupleTableSlot *next_tuple(ScanState *ss);
static bool step_forward(RustsScanState *state);
static bool step_backward(RustsScanState *state);
static bool recheck_tuple(ScanState *ss, TupleTableSlot *slot);
static void end(CustomScanState *node);
static void rescan(CustomScanState *node);
static Size estimate_dsm(CustomScanState *node, ParallelContext *pcxt);
static void initialize_dsm(CustomScanState *node, ParallelContext *pcxt,
						   void *coordinate);
static void reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt,
							 void *coordinate);
static void initialize_worker(CustomScanState *node, shm_toc *toc,
							  void *coordinate);
static void shut_down(CustomScanState *node);

const CustomScanMethods rusts_scan_methods = {
	.CustomName = "RustsScan",
	.CreateCustomScanState = create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = "RustsScan",
	.BeginCustomScan = begin,
	.ExecCustomScan = exec,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shut_down,
	.ExplainCustomScan = rusts_scan_explain
};

static Node *
create_state(CustomScan *plan)
{
	RustsScanState *state = palloc0_object(RustsScanState);

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

bool
rusts_is_scan_state(PlanState *state)
{
	return IsA(state, CustomScanState) &&
		((CustomScanState *) state)->methods == &exec_methods;
}

static void
begin(CustomScanState *node, EState *estate, int eflags)
{
	RustsScanState *state = (RustsScanState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	Index		varno = plan->scan.scanrelid;
	Relation	rel = node->ss.ss_currentRelation;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	List	   *read = list_make2(plan->scan.plan.targetlist,
								  plan->scan.plan.qual);
	Bitmapset  *varattnos = NULL;
	Bitmapset  *attnos = NULL;
	int			i = -1;
	ListCell   *lc;

	state->recheck = ExecInitQual(plan->custom_exprs, (PlanState *) node);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	/*
	 * What rows need: columns, the whole row, the TID.  For a cursor that
	 * is WHERE CURRENT OF.
	 */
	state->want_tid = ActivePortal != NULL && ActivePortal->name[0] != '\0';
	pull_varattnos((Node *) read, varno, &varattnos);
	while ((i = bms_next_member(varattnos, i)) >= 0)
	{
		AttrNumber	attno = i + FirstLowInvalidHeapAttributeNumber;

		if (attno == SelfItemPointerAttributeNumber)
			state->want_tid = true;
		else if (attno == InvalidAttrNumber)
			attnos = bms_add_range(attnos, 1, RelationGetDescr(rel)->natts);
		else if (attno > 0)
			attnos = bms_add_member(attnos, attno);
		else if (attno != TableOidAttributeNumber)
			rusts_refuse_system_column(attno);
	}

	/* Keys of the order that only the scan's own conditions read. */
	foreach(lc, list_nth(plan->custom_private, RUSTS_SCAN_SORT_ATTNOS))
		attnos = bms_add_member(attnos, lfirst_int(lc));

	state->scan = rusts_block_scan_begin(rel, varno, estate->es_snapshot,
										 attnos, plan->custom_exprs,
										 &node->ss.ps);
	if (!IsParallelWorker())
		rusts_total_add(RUSTS_TOTAL_SCANS, 1);
	state->scan->count_all = estate->es_instrument != 0;
	state->output = palloc_array(int, Max(bms_num_members(attnos), 1));
	i = -1;
	while ((i = bms_next_member(attnos, i)) >= 0)
	{
		if (state->scan->by_attno[i - 1] >= 0)
			state->output[state->noutput++] = state->scan->by_attno[i - 1];
	}
	state->filler = rusts_filler_create(state->scan, state->output,
										state->noutput, slot);
	if (list_nth(plan->custom_private, RUSTS_SCAN_SORT_ATTNOS) != NIL)
		state->sort = rusts_scan_sort_create(state, plan);

	/* Columns that nobody needs are null in every row. */
	memset(slot->tts_isnull, true,
		   sizeof(bool) * slot->tts_tupleDescriptor->natts);
}

static TupleTableSlot *
exec(CustomScanState *node)
{
	return ExecScan(&node->ss, (ExecScanAccessMtd) next_tuple,
					(ExecScanRecheckMtd) recheck_tuple);
}

static TupleTableSlot *
next_tuple(ScanState *ss)
{
	RustsScanState *state = (RustsScanState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	bool		found;

	rusts_scan_prepare(state);
	if (state->sort != NULL)
		found = rusts_scan_sort_next(state->sort, slot);
	else
		found = rusts_scan_next_row(state);
	return found ? slot : ExecClearTuple(slot);
}

void
rusts_scan_prepare(RustsScanState *state)
{
	if (state->prepared)
		return;
	rusts_block_scan_rescan(state->scan);
	state->prepared = true;
	state->in_chunk = false;
	if (state->sort != NULL)
		rusts_scan_sort_restart(state->sort);
}

bool
rusts_scan_next_row(RustsScanState *state)
{
	EState	   *estate = state->css.ss.ps.state;
	bool		backward = state->sort == NULL &&
		ScanDirectionIsBackward(estate->es_direction);

	do
	{
		if (!(backward ? step_backward(state) : step_forward(state)))
			return false;
	} while (!rusts_scan_fill_row(state, state->row));
	pgstat_count_heap_getnext(state->scan->rel);
	return true;
}

/* To the next row of the chunk, or of the next one. */
static bool
step_forward(RustsScanState *state)
{
	RustsBlockScan *scan = state->scan;
	RustsChunk *chunk = &scan->chunk;

	if (state->in_chunk)
	{
		state->row = chunk->bits == NULL ? state->row + 1 :
			rusts_next_bit(chunk->bits, state->row + 1, chunk->to);
		if (state->row < chunk->to)
			return true;
	}
	state->in_chunk = rusts_block_scan_next(scan);
	if (state->in_chunk)
		state->row = chunk->bits == NULL ? chunk->from :
			rusts_next_bit(chunk->bits, chunk->from, chunk->to);
	return state->in_chunk;
}

static bool
step_backward(RustsScanState *state)
{
	RustsBlockScan *scan = state->scan;
	RustsChunk *chunk = &scan->chunk;

	if (state->in_chunk)
	{
		uint32		row = state->row;

		if (chunk->bits != NULL)
			state->row = rusts_prev_bit(chunk->bits, chunk->from, row);
		else if (row > chunk->from)
			state->row--;
		if (state->row != row)
			return true;
	}
	state->in_chunk = rusts_block_scan_prev(scan);
	if (state->in_chunk)
		state->row = chunk->bits == NULL ? chunk->to - 1 :
			rusts_prev_bit(chunk->bits, chunk->from, chunk->to);
	return state->in_chunk;
}

bool
rusts_scan_fill_row(RustsScanState *state, uint32 row)
{
	RustsBlockScan *scan = state->scan;
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;

	/* Whoever has materialized the slot has copied its tags: they go now. */
	if (TTS_SHOULDFREE(slot))
		state->filler->series = PG_UINT32_MAX;
	ExecClearTuple(slot);
	if (!rusts_filler_fill(scan, state->filler, row))
		return false;
	if (state->want_tid)
		rusts_row_to_tid(scan->reader->entry.segment_id +
						 rusts_reader_tid_row(scan->reader,
											  scan->chunk.first_row + row),
						 &slot->tts_tid);
	slot->tts_tableOid = RelationGetRelid(scan->rel);
	ExecStoreVirtualTuple(slot);
	return true;
}

/* Does a row that was fetched again meet the scan's own conditions? */
static bool
recheck_tuple(ScanState *ss, TupleTableSlot *slot)
{
	RustsScanState *state = (RustsScanState *) ss;
	ExprContext *econtext = ss->ps.ps_ExprContext;

	econtext->ecxt_scantuple = slot;
	return ExecQual(state->recheck, econtext);
}

static void
end(CustomScanState *node)
{
	RustsScanState *state = (RustsScanState *) node;

	if (state->sort != NULL)
		rusts_scan_sort_end(state->sort);
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	if (state->scan != NULL)
		rusts_block_scan_end(state->scan);
	state->scan = NULL;
}

static void
rescan(CustomScanState *node)
{
	RustsScanState *state = (RustsScanState *) node;

	state->prepared = false;
	ExecScanReScan(&node->ss);
}

static Size
estimate_dsm(CustomScanState *node, ParallelContext *pcxt)
{
	return sizeof(RustsParallelScan);
}

static void
initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	RustsScanState *state = (RustsScanState *) node;
	RustsParallelScan *shared = coordinate;
	int			i;

	/* Workers do not see what this backend has buffered. */
	rusts_block_scan_flush(state->scan);
	pg_atomic_init_u64(&shared->next_piece, 0);
	for (i = 0; i < RUSTS_NCOUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);
	state->scan->parallel = shared;
}

static void
reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt,
				 void *coordinate)
{
	RustsParallelScan *shared = coordinate;

	pg_atomic_write_u64(&shared->next_piece, 0);
	((RustsScanState *) node)->scan->parallel = shared;
}

static void
initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	((RustsScanState *) node)->scan->parallel = coordinate;
}

static void
shut_down(CustomScanState *node)
{
	RustsScanState *state = (RustsScanState *) node;
	RustsBlockScan *scan = state->scan;

	if (scan == NULL || scan->parallel == NULL)
		return;
	rusts_scan_share_counters(scan, scan->parallel->counters);
	if (!IsParallelWorker())
		scan->parallel = NULL;
}

/*
 * Counts go to shared memory before a worker's last row does, and from there
 * to the leader before the memory goes.
 */
void
rusts_scan_share_counters(RustsBlockScan *scan, pg_atomic_uint64 *counters)
{
	int			i;

	for (i = 0; i < RUSTS_NCOUNTERS; i++)
	{
		if (IsParallelWorker())
			pg_atomic_fetch_add_u64(&counters[i], scan->counters[i]);
		else
			scan->counters[i] += pg_atomic_exchange_u64(&counters[i], 0);
	}
	if (IsParallelWorker())
		memset(scan->counters, 0, sizeof(scan->counters));
}
