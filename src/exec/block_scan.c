/*-------------------------------------------------------------------------
 *
 * block_scan.c
 *	  The rows of a measurement that meet some conditions, block by block.
 *
 * Segments are left out by their time and by the filter over their tags, in
 * the order of what it costs to know.  Of an open segment, conditions on tags
 * say which series are wanted (series_filter.c); their rows are ranges, cut at
 * the borders of blocks: the items.  Blocks whose statistics exclude a match
 * are not among them.  For each item in turn the conditions that its
 * statistics leave open are checked on decoded columns, the time first: it is
 * sorted within a series, so a range of times is a range of rows.
 *
 * Parallel scans: all processes have the same snapshot and so the same list of
 * segments; they draw pieces of segments from a shared counter.
 *
 * src/exec/block_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "exec/block_scan.h"
#include "exec/block_scan_internal.h"
#include "meta/deletion.h"
#include "meta/settings.h"
#include "write/buffer.h"

static void add_columns(RustsBlockScan *scan, Bitmapset *attnos);
static void order_conditions(RustsBlockScan *scan);
static bool next_segment(RustsBlockScan *scan);
static bool next_piece(RustsBlockScan *scan);
static int64 first_item(RustsBlockScan *scan, uint64 row);
static bool open_segment(RustsBlockScan *scan, RustsSegmentEntry *entry);
static void close_segment(RustsBlockScan *scan);
static bool next_item(RustsBlockScan *scan);

RustsBlockScan *
rusts_block_scan_begin(Relation rel, Index varno, Snapshot snapshot,
					   Bitmapset *attnos, List *clauses, PlanState *node)
{
	MemoryContext scan_cxt = AllocSetContextCreate(CurrentMemoryContext,
												   "rusts block scan",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(scan_cxt);
	RustsBlockScan *scan = palloc0_object(RustsBlockScan);
	RustsCondition *window;
	Bitmapset  *row_attnos = NULL;
	int			i;

	scan->scan_cxt = scan_cxt;
	scan->params_cxt = AllocSetContextCreate(scan_cxt, "rusts scan parameters",
											 ALLOCSET_SMALL_SIZES);
	scan->segment_cxt = AllocSetContextCreate(scan_cxt, "rusts scan segment",
											  ALLOCSET_SMALL_SIZES);
	scan->rel = rel;
	scan->varno = varno;
	scan->schema = rusts_schema_build(rel);
	scan->snapshot = snapshot;
	scan->econtext = CreateExprContext(node->state);
	scan->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
										  &TTSOpsVirtual);
	scan->slot->tts_tableOid = RelationGetRelid(rel);
	scan->scratch = palloc(rusts_codec_scratch_size());

	/* One more than there are clauses, for the window. */
	scan->conditions = rusts_conditions_create(lappend(list_copy(clauses),
													   makeBoolConst(true,
																	 false)),
											   varno, scan->schema, node,
											   &scan->nconditions);
	window = &scan->conditions[scan->nconditions - 1];
	memset(window, 0, sizeof(*window));
	window->clause.kind = RUSTS_CLAUSE_INT;
	window->clause.test = RUSTS_TEST_GE;
	if (scan->schema->time >= 0)
		window->clause.attno = scan->schema->columns[scan->schema->time].attno;
	window->always = true;

	for (i = 0; i < scan->nconditions - 1; i++)
	{
		const RustsClause *clause = &scan->conditions[i].clause;
		Bitmapset  *used = NULL;

		(void) rusts_clause_attnos((Node *) clause->expr, varno, &used);

		/* Any may turn out to be for rows, in one segment or another. */
		row_attnos = bms_add_members(row_attnos, used);
	}
	attnos = bms_union(attnos, row_attnos);
	if (window->clause.attno != InvalidAttrNumber)
		attnos = bms_add_member(attnos, window->clause.attno);
	add_columns(scan, attnos);
	scan->row_columns = palloc_array(int, Max(bms_num_members(row_attnos), 1));
	i = -1;
	while ((i = bms_next_member(row_attnos, i)) >= 0)
	{
		if (scan->by_attno[i - 1] >= 0)
			scan->row_columns[scan->nrow_columns++] = scan->by_attno[i - 1];
	}
	order_conditions(scan);
	MemoryContextSwitchTo(old_cxt);
	return scan;
}

static void
add_columns(RustsBlockScan *scan, Bitmapset *attnos)
{
	const RustsSchema *schema = scan->schema;
	int			attno = -1;

	scan->by_attno = palloc_array(int, Max(schema->natts, 1));
	memset(scan->by_attno, 0xff, sizeof(int) * schema->natts);
	scan->columns = palloc0_array(RustsScanColumn,
								  Max(bms_num_members(attnos), 1));
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		RustsScanColumn *column = &scan->columns[scan->ncolumns];

		if (schema->by_attno[attno - 1] < 0)
			continue;			/* dropped */
		column->column = &schema->columns[schema->by_attno[attno - 1]];
		scan->by_attno[attno - 1] = scan->ncolumns++;
	}
}

/*
 * Times first, then what is cheap; what is checked row by row comes last.
 * The window stays where it is, at the end, but is applied with the times.
 */
static void
order_conditions(RustsBlockScan *scan)
{
	const RustsSchema *schema = scan->schema;
	int			n = scan->nconditions - 1;
	RustsCondition *sorted = palloc_array(RustsCondition, n + 1);
	int			count = 0;
	int			rank;
	int			i;

	for (rank = 0; rank < 4; rank++)
	{
		for (i = 0; i < n; i++)
		{
			const RustsClause *clause = &scan->conditions[i].clause;
			int			its_rank = 1;

			if (clause->kind == RUSTS_CLAUSE_INT && schema->time >= 0 &&
				clause->attno == schema->columns[schema->time].attno)
				its_rank = 0;
			else if (clause->kind == RUSTS_CLAUSE_VALUE)
				its_rank = 2;
			else if (clause->kind == RUSTS_CLAUSE_ROW)
				its_rank = 3;
			if (its_rank == rank)
				sorted[count++] = scan->conditions[i];
		}
	}
	sorted[n] = scan->conditions[n];
	scan->conditions = sorted;
}

void
rusts_block_scan_end(RustsBlockScan *scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
	MemoryContextDelete(scan->scan_cxt);
}

void
rusts_block_scan_flush(RustsBlockScan *scan)
{
	rusts_buffers_flush_for(RelationGetRelid(scan->rel), scan->snapshot);
}

void
rusts_block_scan_rescan(RustsBlockScan *scan)
{
	MemoryContext old_cxt;
	int			i;

	if (!IsInParallelMode())
		rusts_block_scan_flush(scan);
	PredicateLockRelation(scan->rel, scan->snapshot);
	pgstat_count_heap_scan(scan->rel);

	MemoryContextReset(scan->params_cxt);
	old_cxt = MemoryContextSwitchTo(scan->params_cxt);
	scan->never = false;
	for (i = 0; i < scan->nconditions - 1; i++)
	{
		rusts_condition_prepare(&scan->conditions[i], scan->schema,
								scan->econtext);
		if (scan->conditions[i].never)
			scan->never = true;
	}
	MemoryContextSwitchTo(old_cxt);
	ResetExprContext(scan->econtext);
	scan->conditions[scan->nconditions - 1].always = true;
	rusts_block_scan_restart(scan);
}

void
rusts_block_scan_window(RustsBlockScan *scan, int64 low, int64 high)
{
	RustsCondition *window = &scan->conditions[scan->nconditions - 1];

	window->always = false;
	window->low = low;
	window->high = high;
	rusts_block_scan_restart(scan);
}

void
rusts_block_scan_all_times(RustsBlockScan *scan)
{
	scan->conditions[scan->nconditions - 1].always = true;
	rusts_block_scan_restart(scan);
}

void
rusts_block_scan_restart(RustsBlockScan *scan)
{
	close_segment(scan);
	scan->item = 0;
	scan->at = -1;
}

bool
rusts_block_scan_next(RustsBlockScan *scan)
{
	if (scan->never)
		return false;
	rusts_block_scan_load(scan);
	for (;;)
	{
		if (scan->reader == NULL)
		{
			if (!next_segment(scan))
				return false;
			continue;
		}
		if (!next_item(scan))
		{
			/* A parallel scan may draw another piece of the same segment. */
			if (scan->parallel == NULL)
				close_segment(scan);
			else if (!next_segment(scan))
				return false;
			continue;
		}
		if (rusts_block_scan_chunk(scan, &scan->items[scan->item]))
			return true;
		if (scan->reader->corrupt)
			close_segment(scan);
	}
}

/*
 * Open the next segment, or the next piece of one, that may have something;
 * false at the end.
 */
static bool
next_segment(RustsBlockScan *scan)
{
	if (scan->parallel != NULL)
		return next_piece(scan);
	close_segment(scan);
	while (scan->at + 1 < (int64) scan->nentries)
	{
		CHECK_FOR_INTERRUPTS();
		scan->at++;
		if (open_segment(scan, rusts_block_scan_entry(scan, scan->at)))
		{
			scan->item = scan->backward ? (int64) scan->nitems : -1;
			return true;
		}
	}
	scan->at = scan->nentries;
	return false;
}

bool
rusts_block_scan_prev(RustsBlockScan *scan)
{
	if (scan->never)
		return false;
	rusts_block_scan_load(scan);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->reader == NULL)
		{
			if (scan->at <= 0)
			{
				scan->at = -1;
				return false;
			}
			scan->at--;
			if (open_segment(scan, &scan->entries[scan->order[scan->at]]))
				scan->item = scan->nitems;
			continue;
		}
		if (--scan->item < 0)
			close_segment(scan);
		else if (rusts_block_scan_chunk(scan, &scan->items[scan->item]))
			return true;
		else if (scan->reader->corrupt)
			close_segment(scan);
	}
}

static bool
next_piece(RustsBlockScan *scan)
{
	pg_atomic_uint64 *next = &scan->parallel->next_piece;

	for (;;)
	{
		uint64		piece = pg_atomic_fetch_add_u64(next, 1);
		RustsSegmentEntry *entry;
		uint64		from;
		uint32		low = 0;
		uint32		high = scan->nentries;

		CHECK_FOR_INTERRUPTS();
		if (scan->nentries == 0 ||
			piece >= scan->pieces_before[scan->nentries])
		{
			close_segment(scan);
			return false;
		}
		while (high - low > 1)
		{
			uint32		mid = low + (high - low) / 2;

			if (scan->pieces_before[mid] <= piece)
				low = mid;
			else
				high = mid;
		}
		entry = &scan->entries[low];
		if (scan->at != (int64) low)
		{
			close_segment(scan);
			scan->at = low;
			if (!open_segment(scan, entry))
				close_segment(scan);
		}
		if (scan->reader == NULL)
			continue;
		from = (piece - scan->pieces_before[low]) * RUSTS_PIECE_ROWS;
		scan->item = first_item(scan, from) - 1;
		scan->piece_end = first_item(scan, from + RUSTS_PIECE_ROWS);
		if (scan->item + 1 < (int64) scan->piece_end)
			return true;
	}
}

/* The first item whose block begins at a row or after it. */
static int64
first_item(RustsBlockScan *scan, uint64 row)
{
	int64		low = 0;
	int64		high = scan->nitems;

	while (low < high)
	{
		int64		mid = low + (high - low) / 2;

		if (scan->reader->block_rows[scan->items[mid].block] < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
open_segment(RustsBlockScan *scan, RustsSegmentEntry *entry)
{
	MemoryContext old_cxt;
	int64		low;
	int64		high;

	rusts_block_scan_times(scan, &low, &high);
	if ((low > PG_INT64_MIN || high < PG_INT64_MAX) &&
		(entry->max_time == RUSTS_NO_TIME || entry->max_time < low ||
		 entry->min_time > high))
	{
		scan->counters[RUSTS_COUNT_SEGMENTS_TIME]++;
		return false;
	}
	if (scan->want_entry != NULL && !scan->want_entry(scan->arg, entry))
		return false;
	if (!rusts_block_scan_may_have_series(scan, entry))
	{
		scan->counters[RUSTS_COUNT_SEGMENTS_BLOOM]++;
		return false;
	}
	old_cxt = MemoryContextSwitchTo(scan->scan_cxt);
	rusts_deletions_read(entry, scan->snapshot);
	MemoryContextSwitchTo(old_cxt);
	if (rusts_entry_rows(entry) > 0 && rusts_block_scan_open(scan, entry))
		return true;
	close_segment(scan);
	return false;
}

static void
close_segment(RustsBlockScan *scan)
{
	if (scan->reader != NULL)
		MemoryContextReset(scan->segment_cxt);
	scan->reader = NULL;
	scan->serial_reader = NULL;
	scan->nitems = 0;
}

static bool
next_item(RustsBlockScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	if (scan->backward && scan->parallel == NULL)
		return --scan->item >= 0;
	return ++scan->item < (int64) (scan->parallel != NULL ? scan->piece_end :
								   scan->nitems);
}
