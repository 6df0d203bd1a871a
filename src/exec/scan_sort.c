/*-------------------------------------------------------------------------
 *
 * scan_sort.c
 *	  Rows of a RustsScan in an order that begins with the time or a tag.
 *
 * The rows lie by series, then time.  To return them in another order without
 * sorting all before the first is out, the scan is made of many: each reads a
 * window, a range of times or of tag values, and sorts its rows; windows
 * follow each other in the order asked for.  The first is small, for those
 * who want a few rows, each next one is larger than all before it: so a block
 * that several windows share is decoded a few times at most.
 *
 * src/exec/scan_sort.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"
#include "utils/tuplesort.h"

#include "compat.h"
#include "exec/agg_groups.h"
#include "exec/scan_node.h"
#include "exec/windows.h"

/* Rows in the first window, about. */
#define FIRST_ROWS		1000

struct RustsScanSort
{
	RustsScanState *state;
	RustsWindows windows;		/* of time, if that is the first key */
	bool		by_tag;			/* a tag is */
	int			tag_column;		/* in the scan's columns */
	MemoryContext tags_cxt;		/* the rest, until parameters change */
	RustsTuples *values;		/* of the tag */
	uint32	   *ranks;			/* [nvalues] in the order asked for */
	uint32		nranks;
	uint32		first_rank;		/* of the window at hand */
	uint32		end_rank;
	uint32		window_ranks;	/* of the next window */
	bool		not_a_tag;		/* in some segment: there is one window */
	uint32	   *code_values;	/* of the open segment: [codes] or
								 * PG_UINT32_MAX */
	uint32		null_value;
	TupleDesc	desc;			/* output columns, and the TID if wanted */
	TupleTableSlot *in_slot;	/* rows into the sort, */
	TupleTableSlot *out_slot;	/* and out of it */
	int			nkeys;
	AttrNumber *keys;			/* [nkeys] in desc, and so on */
	Oid		   *operators;
	Oid		   *collations;
	bool	   *nulls_first;
	bool		begun;
	Tuplesortstate *sort;		/* of the window at hand, or NULL */
};

typedef struct ValueOrder
{
	RustsTuples *values;
	SortSupportData sort;
} ValueOrder;

static int	output_place(RustsScanState *state, int i);
static bool next_window(RustsScanSort *sort);
static void collect_values(RustsScanSort *sort);
static void opened(void *arg);
static uint32 series_value(RustsScanSort *sort, uint32 series);
static bool collect_series(void *arg, uint32 series);
static bool series_in_window(void *arg, uint32 series);
static int	compare_values(const void *a, const void *b, void *arg);
static bool next_tag_window(RustsScanSort *sort);
static void end_window(RustsScanSort *sort);

RustsScanSort *
rusts_scan_sort_create(RustsScanState *state, CustomScan *plan)
{
	RustsScanSort *sort = palloc0_object(RustsScanSort);
	TupleDesc	rel_desc = RelationGetDescr(state->scan->rel);
	List	   *attnos = list_nth(plan->custom_private,
								  RUSTS_SCAN_SORT_ATTNOS);
	List	   *operators = list_nth(plan->custom_private,
									 RUSTS_SCAN_SORT_OPERATORS);
	List	   *collations = list_nth(plan->custom_private,
									  RUSTS_SCAN_SORT_COLLATIONS);
	List	   *nulls_first = list_nth(plan->custom_private,
									   RUSTS_SCAN_SORT_NULLS_FIRST);
	int			k;
	int			i;
	bool		descending;

	sort->state = state;
	sort->nkeys = list_length(attnos);
	sort->keys = palloc_array(AttrNumber, sort->nkeys);
	sort->operators = palloc_array(Oid, sort->nkeys);
	sort->collations = palloc_array(Oid, sort->nkeys);
	sort->nulls_first = palloc_array(bool, sort->nkeys);

	/* scan_node.c has seen to it that keys are among the output. */
	for (k = 0; k < sort->nkeys; k++)
	{
		int			attno = list_nth_int(attnos, k);
		int			column = state->scan->by_attno[attno - 1];

		for (i = 0; i < state->noutput; i++)
		{
			if (state->output[i] == column)
				break;
		}
		if (i == state->noutput)
			elog(ERROR, "sort key %d is not among the columns of the scan",
				 attno);
		sort->keys[k] = i + 1;
		sort->operators[k] = list_nth_oid(operators, k);
		sort->collations[k] = list_nth_oid(collations, k);
		sort->nulls_first[k] = list_nth_int(nulls_first, k);
	}

	sort->desc = CreateTemplateTupleDesc(state->noutput + state->want_tid);
	for (i = 0; i < state->noutput; i++)
	{
		const RustsColumn *column =
			state->scan->columns[state->output[i]].column;

		TupleDescCopyEntry(sort->desc, i + 1, rel_desc, column->attno);
	}
	if (state->want_tid)
		TupleDescInitEntry(sort->desc, state->noutput + 1, "ctid", TIDOID, -1,
						   0);
	sort->in_slot = MakeSingleTupleTableSlot(sort->desc, &TTSOpsVirtual);
	sort->out_slot = MakeSingleTupleTableSlot(sort->desc, &TTSOpsMinimalTuple);

	sort->tag_column = state->scan->by_attno[linitial_int(attnos) - 1];
	sort->by_tag = state->scan->columns[sort->tag_column].column->role ==
		RUSTS_ROLE_TAG;
	if (sort->by_tag)
	{
		sort->tags_cxt = AllocSetContextCreate(CurrentMemoryContext,
											   "rusts sort keys",
											   ALLOCSET_DEFAULT_SIZES);
		state->scan->arg = sort;
		state->scan->opened = opened;
	}

	if (!rusts_order_direction(sort->operators[0], &descending))
		elog(ERROR, "operator %u is not a valid ordering operator",
			 sort->operators[0]);
	rusts_windows_init(&sort->windows, state->scan, descending);
	return sort;
}

void
rusts_scan_sort_restart(RustsScanSort *sort)
{
	end_window(sort);
	sort->begun = false;
}

void
rusts_scan_sort_end(RustsScanSort *sort)
{
	end_window(sort);
	ExecDropSingleTupleTableSlot(sort->in_slot);
	ExecDropSingleTupleTableSlot(sort->out_slot);
}

bool
rusts_scan_sort_next(RustsScanSort *sort, TupleTableSlot *slot)
{
	RustsScanState *state = sort->state;
	int			i;

	ExecClearTuple(slot);
	for (;;)
	{
		if (sort->sort != NULL &&
			tuplesort_gettupleslot(sort->sort, true, false, sort->out_slot,
								   NULL))
			break;
		if (!next_window(sort))
			return false;
	}
	slot_getallattrs(sort->out_slot);
	for (i = 0; i < state->noutput; i++)
	{
		int			at = output_place(state, i);

		slot->tts_values[at] = sort->out_slot->tts_values[i];
		slot->tts_isnull[at] = sort->out_slot->tts_isnull[i];
	}
	if (state->want_tid)
	{
		Datum		tid = sort->out_slot->tts_values[state->noutput];

		slot->tts_tid = *(ItemPointer) DatumGetPointer(tid);
	}
	slot->tts_tableOid = RelationGetRelid(state->scan->rel);
	ExecStoreVirtualTuple(slot);
	return true;
}

/* Where an output column is in the arrays of a row's slot. */
static int
output_place(RustsScanState *state, int i)
{
	return state->scan->columns[state->output[i]].column->attno - 1;
}

/* Sort the rows of the next window; false if there is none. */
static bool
next_window(RustsScanSort *sort)
{
	RustsScanState *state = sort->state;
	TupleTableSlot *row = state->css.ss.ss_ScanTupleSlot;
	int			i;

	end_window(sort);
	if (!sort->begun)
	{
		if (sort->by_tag)
			collect_values(sort);
		else
			rusts_windows_begin(&sort->windows, FIRST_ROWS);
		sort->begun = true;
	}
	if (sort->by_tag ? !next_tag_window(sort) :
		!rusts_windows_next(&sort->windows))
		return false;
	state->in_chunk = false;
	sort->sort = tuplesort_begin_heap(sort->desc, sort->nkeys, sort->keys,
									  sort->operators, sort->collations,
									  sort->nulls_first, work_mem, NULL,
									  TUPLESORT_NONE);
	while (rusts_scan_next_row(state))
	{
		ExecClearTuple(sort->in_slot);
		for (i = 0; i < state->noutput; i++)
		{
			int			at = output_place(state, i);

			sort->in_slot->tts_values[i] = row->tts_values[at];
			sort->in_slot->tts_isnull[i] = row->tts_isnull[at];
		}
		if (state->want_tid)
		{
			sort->in_slot->tts_values[state->noutput] =
				PointerGetDatum(&row->tts_tid);
			sort->in_slot->tts_isnull[state->noutput] = false;
		}
		ExecStoreVirtualTuple(sort->in_slot);
		tuplesort_puttupleslot(sort->sort, sort->in_slot);
	}
	ExecClearTuple(row);
	tuplesort_performsort(sort->sort);
	return true;
}

static void
end_window(RustsScanSort *sort)
{
	ExecClearTuple(sort->out_slot);
	if (sort->sort != NULL)
		tuplesort_end(sort->sort);
	sort->sort = NULL;
}

/* Find the values of the tag that the scan can meet, and their order. */
static void
collect_values(RustsScanSort *sort)
{
	RustsBlockScan *scan = sort->state->scan;
	ValueOrder	order = {0};
	uint32		count;
	uint32	   *sorted;
	uint32		i;
	int64		low;
	int64		high;
	int64		nrows;

	MemoryContextReset(sort->tags_cxt);
	sort->values = rusts_tuples_create(sort->tags_cxt, 1);
	sort->not_a_tag = false;
	sort->ranks = NULL;
	scan->want_series = collect_series;
	rusts_block_scan_restart(scan);
	while (!sort->not_a_tag && rusts_block_scan_next(scan))
		;

	count = rusts_tuples_count(sort->values);
	sort->ranks = MemoryContextAllocHuge(sort->tags_cxt, sizeof(uint32) *
										 Max((Size) count, 1));
	sorted = MemoryContextAllocHuge(sort->tags_cxt, sizeof(uint32) *
									Max((Size) count, 1));
	order.values = sort->values;
	order.sort.ssup_cxt = sort->tags_cxt;
	order.sort.ssup_collation = sort->collations[0];
	order.sort.ssup_nulls_first = sort->nulls_first[0];
	PrepareSortSupportFromOrderingOp(sort->operators[0], &order.sort);
	for (i = 0; i < count; i++)
		sorted[i] = i;
	qsort_arg(sorted, count, sizeof(uint32), compare_values, &order);
	sort->nranks = 0;
	for (i = 0; i < count; i++)
	{
		if (i == 0 || compare_values(&sorted[i - 1], &sorted[i], &order) != 0)
			sort->nranks++;
		sort->ranks[sorted[i]] = sort->nranks - 1;
	}
	pfree(sorted);

	(void) rusts_block_scan_extent(scan, &low, &high, &nrows);
	sort->first_rank = 0;
	sort->end_rank = 0;
	sort->window_ranks = 1 + (uint32) ((double) FIRST_ROWS * sort->nranks /
									   Max(nrows, 1));
}

/* Restrict the scan to the next range of values; false if there is none. */
static bool
next_tag_window(RustsScanSort *sort)
{
	RustsBlockScan *scan = sort->state->scan;

	if (sort->not_a_tag)
	{
		/* Everything at once, and once only. */
		if (sort->end_rank > 0)
			return false;
		sort->end_rank = 1;
		scan->want_series = NULL;
	}
	else
	{
		if (sort->end_rank >= sort->nranks)
			return false;
		sort->first_rank = sort->end_rank;
		sort->end_rank += Min(sort->window_ranks,
							  sort->nranks - sort->first_rank);
		sort->window_ranks = Min(sort->window_ranks, PG_UINT32_MAX / 2) * 2;
		scan->want_series = series_in_window;
	}
	rusts_block_scan_restart(scan);
	return true;
}

/* A segment has been opened: its values have not been looked up yet. */
static void
opened(void *arg)
{
	RustsScanSort *sort = arg;
	RustsBlockScan *scan = sort->state->scan;
	int			tag = scan->columns[sort->tag_column].tag;
	Size		size;

	sort->null_value = PG_UINT32_MAX;
	sort->code_values = NULL;
	if (tag < 0 || !rusts_parts_load_tag(scan->reader, tag))
	{
		sort->not_a_tag = true;
		return;
	}
	size = sizeof(uint32) * (Size) scan->reader->parts->tags[tag].nvalues;
	sort->code_values = MemoryContextAllocHuge(scan->segment_cxt,
											   Max(size, 1));
	memset(sort->code_values, 0xff, size);
}

static uint32
series_value(RustsScanSort *sort, uint32 series)
{
	RustsBlockScan *scan = sort->state->scan;
	const RustsPartsTag *tag =
		&scan->reader->parts->tags[scan->columns[sort->tag_column].tag];
	uint32		code = tag->codes[series];
	RustsBytes	null = {NULL, 0};

	if (code == RUSTS_NO_CODE)
	{
		if (sort->null_value == PG_UINT32_MAX)
			sort->null_value = rusts_tuples_find(sort->values, &null);
		return sort->null_value;
	}
	if (sort->code_values[code] == PG_UINT32_MAX)
		sort->code_values[code] = rusts_tuples_find(sort->values,
													&tag->values[code]);
	return sort->code_values[code];
}

static bool
collect_series(void *arg, uint32 series)
{
	RustsScanSort *sort = arg;

	if (!sort->not_a_tag)
		(void) series_value(sort, series);
	return false;
}

static bool
series_in_window(void *arg, uint32 series)
{
	RustsScanSort *sort = arg;
	uint32		rank = sort->ranks[series_value(sort, series)];

	return rank >= sort->first_rank && rank < sort->end_rank;
}

static int
compare_values(const void *a, const void *b, void *arg)
{
	ValueOrder *order = arg;
	RustsBytes	left = rusts_tuples_value(order->values,
										  *(const uint32 *) a, 0);
	RustsBytes	right = rusts_tuples_value(order->values,
										   *(const uint32 *) b, 0);

	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(left.data == NULL ? (Datum) 0 :
							   PointerGetDatum(left.data - VARHDRSZ),
							   left.data == NULL,
							   right.data == NULL ? (Datum) 0 :
							   PointerGetDatum(right.data - VARHDRSZ),
							   right.data == NULL, &order->sort);
}
