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

#include "access/parallel.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "am/am.h"
#include "compat.h"
#include "exec/block_scan.h"
#include "exec/block_scan_internal.h"
#include "meta/deletion.h"
#include "meta/settings.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/duplicates.h"

/* Rows of a segment that a parallel worker draws at once. */
#define PIECE_ROWS			32768

static void add_columns(RustsBlockScan *scan, Bitmapset *attnos);
static void order_conditions(RustsBlockScan *scan);
static void load_entries(RustsBlockScan *scan);
static void sort_entries(RustsBlockScan *scan);
static RustsSegmentEntry *ordered_entry(RustsBlockScan *scan, int64 at);
static void time_range(RustsBlockScan *scan, int64 *low, int64 *high);
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

/* The times that conditions and window leave. */
static void
time_range(RustsBlockScan *scan, int64 *low, int64 *high)
{
	const RustsSchema *schema = scan->schema;
	int			i;

	*low = PG_INT64_MIN;
	*high = PG_INT64_MAX;
	if (schema->time < 0)
		return;
	for (i = 0; i < scan->nconditions; i++)
	{
		const RustsCondition *condition = &scan->conditions[i];
		const RustsClause *clause = &condition->clause;

		if (clause->kind != RUSTS_CLAUSE_INT || condition->always ||
			condition->generic || condition->never ||
			clause->attno != schema->columns[schema->time].attno)
			continue;
		if (clause->is_array && clause->any && condition->nvalues > 0)
		{
			*low = Max(*low, condition->ints[0]);
			*high = Min(*high, condition->ints[condition->nvalues - 1]);
		}
		else if (!clause->is_array && clause->test != RUSTS_TEST_NE)
		{
			*low = Max(*low, condition->low);
			*high = Min(*high, condition->high);
		}
	}
}

/*
 * Read the directory, at least as far as it is wanted.  What was read stays:
 * the snapshot is the same.
 */
static void
load_entries(RustsBlockScan *scan)
{
	int64		low;
	int64		high;
	bool		everything;
	MemoryContext old_cxt;

	time_range(scan, &low, &high);
	if (scan->loaded && low >= scan->loaded_low && high <= scan->loaded_high)
		return;

	/*
	 * A second time it is for other parameters, and there may be many.
	 * Processes of a parallel scan must have the same list.
	 */
	everything = scan->count_all || scan->loaded || scan->parallel != NULL ||
		(low == PG_INT64_MIN && high == PG_INT64_MAX);
	if (!scan->loaded)
		rusts_check_rewritten(scan->rel, scan->snapshot);
	old_cxt = MemoryContextSwitchTo(scan->scan_cxt);
	if (everything)
	{
		scan->entries = rusts_directory_load(rusts_storage_id(scan->rel), -1,
											 scan->snapshot,
											 &scan->nentries);
		scan->loaded_low = PG_INT64_MIN;
		scan->loaded_high = PG_INT64_MAX;
	}
	else
	{
		scan->entries =
			rusts_directory_load_range(rusts_storage_id(scan->rel),
									   scan->snapshot, low, high,
									   &scan->nentries);
		scan->loaded_low = low;
		scan->loaded_high = high;
	}
	rusts_duplicates_resolve(scan->rel, RelationGetDescr(scan->rel),
							 scan->schema, scan->snapshot, scan->loaded_low,
							 scan->loaded_high, &scan->entries,
							 &scan->nentries);
	scan->loaded = true;
	if (!IsParallelWorker())
		scan->counters[RUSTS_COUNT_SEGMENTS] = scan->nentries;
	sort_entries(scan);
	MemoryContextSwitchTo(old_cxt);
}

static int
compare_latest(const void *a, const void *b, void *arg)
{
	const RustsSegmentEntry *entries = arg;
	const RustsSegmentEntry *left = &entries[*(const uint32 *) a];
	const RustsSegmentEntry *right = &entries[*(const uint32 *) b];

	if (left->max_time != right->max_time)
		return left->max_time < right->max_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

static void
sort_entries(RustsBlockScan *scan)
{
	uint32		i;

	scan->rest = NULL;
	scan->order = MemoryContextAllocHuge(CurrentMemoryContext,
										 sizeof(uint32) *
										 Max((Size) scan->nentries, 1));
	for (i = 0; i < scan->nentries; i++)
		scan->order[i] = i;
	if (scan->by_time)
		qsort_arg(scan->order, scan->nentries, sizeof(uint32), compare_latest,
				  scan->entries);
	if (scan->parallel == NULL)
		return;
	scan->pieces_before = palloc_array(uint64, scan->nentries + 1);
	scan->pieces_before[0] = 0;
	for (i = 0; i < scan->nentries; i++)
		scan->pieces_before[i + 1] = scan->pieces_before[i] +
			(scan->entries[i].nrows + PIECE_ROWS - 1) / PIECE_ROWS;
}

bool
rusts_block_scan_extent(RustsBlockScan *scan, int64 *low, int64 *high,
						int64 *nrows)
{
	int64		from;
	int64		to;
	bool		any = false;
	uint32		i;

	*nrows = 0;
	if (scan->never)
		return false;
	load_entries(scan);
	time_range(scan, &from, &to);
	for (i = 0; i < scan->nentries; i++)
	{
		const RustsSegmentEntry *entry = &scan->entries[i];

		if (entry->max_time == RUSTS_NO_TIME)
		{
			*nrows += entry->nrows;
			continue;
		}
		if (entry->max_time < from || entry->min_time > to)
			continue;
		*nrows += entry->nrows;
		*low = any ? Min(*low, entry->min_time) : entry->min_time;
		*high = any ? Max(*high, entry->max_time) : entry->max_time;
		any = true;
	}
	if (!any)
		return false;
	*low = Max(*low, from);
	*high = Min(*high, to);
	return *low <= *high;
}

int64
rusts_block_scan_rest(RustsBlockScan *scan)
{
	int64		at = scan->at;

	if (scan->backward)
		return at >= scan->nentries ? PG_INT64_MIN :
			ordered_entry(scan, at)->max_time;
	if (scan->rest == NULL)
	{
		int64		low = PG_INT64_MAX;
		int64		i;

		scan->rest = MemoryContextAllocHuge(scan->scan_cxt, sizeof(int64) *
											((Size) scan->nentries + 1));
		scan->rest[scan->nentries] = low;
		for (i = (int64) scan->nentries - 1; i >= 0; i--)
		{
			const RustsSegmentEntry *entry = ordered_entry(scan, i);

			if (entry->max_time != RUSTS_NO_TIME)
				low = Min(low, entry->min_time);
			scan->rest[i] = low;
		}
	}
	return scan->rest[at];
}

/* The entry that is read after so many. */
static RustsSegmentEntry *
ordered_entry(RustsBlockScan *scan, int64 at)
{
	if (scan->backward)
		at = scan->nentries - 1 - at;
	return &scan->entries[scan->order[at]];
}

/* Ends of segments that are an infinity do not tell. */
void
rusts_block_scan_finite(RustsBlockScan *scan, int64 *low, int64 *high)
{
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;
	uint32		i;

	for (i = 0; i < scan->nentries; i++)
	{
		const RustsSegmentEntry *entry = &scan->entries[i];

		if (entry->max_time == RUSTS_NO_TIME)
			continue;
		if (!TIMESTAMP_NOT_FINITE(entry->min_time))
			min = Min(min, entry->min_time);
		if (!TIMESTAMP_NOT_FINITE(entry->max_time))
			max = Max(max, entry->max_time);
	}
	*low = Max(*low, min);
	*high = Min(*high, max);
}

bool
rusts_block_scan_covers(RustsBlockScan *scan, const RustsSegmentEntry *entry)
{
	const RustsSchema *schema = scan->schema;
	int			i;

	for (i = 0; i < scan->nconditions; i++)
	{
		const RustsCondition *condition = &scan->conditions[i];
		const RustsClause *clause = &condition->clause;

		if (condition->always)
			continue;

		/* A row without a time does not meet a condition on it. */
		if (condition->generic || clause->kind != RUSTS_CLAUSE_INT ||
			clause->is_array || clause->test == RUSTS_TEST_NE ||
			schema->time < 0 ||
			clause->attno != schema->columns[schema->time].attno ||
			!rusts_is_not_null(RelationGetDescr(scan->rel),
							   clause->attno - 1) ||
			entry->min_time < condition->low ||
			entry->max_time > condition->high)
			return false;
	}
	return true;
}

bool
rusts_block_scan_next(RustsBlockScan *scan)
{
	if (scan->never)
		return false;
	load_entries(scan);
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
		if (open_segment(scan, ordered_entry(scan, scan->at)))
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
	load_entries(scan);
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
		from = (piece - scan->pieces_before[low]) * PIECE_ROWS;
		scan->item = first_item(scan, from) - 1;
		scan->piece_end = first_item(scan, from + PIECE_ROWS);
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

	time_range(scan, &low, &high);
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
