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

#include "access/stratnum.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"

#include "compat.h"
#include "exec/scan_node.h"
#include "exec/windows.h"

struct RustsScanSort
{
	RustsScanState *state;
	RustsWindows windows;
	TupleDesc	desc;			/* output columns only */
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

static bool next_window(RustsScanSort *sort);
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
	Oid			family;
	Oid			type;
	int16		strategy;

	sort->state = state;
	sort->nkeys = list_length(attnos);
	sort->keys = palloc_array(AttrNumber, sort->nkeys);
	sort->operators = palloc_array(Oid, sort->nkeys);
	sort->collations = palloc_array(Oid, sort->nkeys);
	sort->nulls_first = palloc_array(bool, sort->nkeys);

	/* A key that nothing else needs is needed now. */
	for (k = 0; k < sort->nkeys; k++)
	{
		int			column = state->scan->by_attno[list_nth_int(attnos, k) - 1];

		for (i = 0; i < state->noutput; i++)
		{
			if (state->output[i] == column)
				break;
		}
		if (i == state->noutput)
			elog(ERROR, "sort key %d is not among the columns of the scan",
				 list_nth_int(attnos, k));
		sort->keys[k] = i + 1;
		sort->operators[k] = list_nth_oid(operators, k);
		sort->collations[k] = list_nth_oid(collations, k);
		sort->nulls_first[k] = list_nth_int(nulls_first, k);
	}

	sort->desc = CreateTemplateTupleDesc(state->noutput);
	for (i = 0; i < state->noutput; i++)
	{
		const RustsColumn *column =
			state->scan->columns[state->output[i]].column;

		TupleDescCopyEntry(sort->desc, i + 1, rel_desc, column->attno);
	}
	sort->in_slot = MakeSingleTupleTableSlot(sort->desc, &TTSOpsVirtual);
	sort->out_slot = MakeSingleTupleTableSlot(sort->desc, &TTSOpsMinimalTuple);

	if (!get_ordering_op_properties(sort->operators[0], &family, &type,
									&strategy))
		elog(ERROR, "operator %u is not a valid ordering operator",
			 sort->operators[0]);
	rusts_windows_init(&sort->windows, state->scan,
					   strategy == BTGreaterStrategyNumber);
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
		int			at = state->scan->columns[state->output[i]].column->attno - 1;

		slot->tts_values[at] = sort->out_slot->tts_values[i];
		slot->tts_isnull[at] = sort->out_slot->tts_isnull[i];
	}
	slot->tts_tableOid = RelationGetRelid(state->scan->rel);
	ExecStoreVirtualTuple(slot);
	return true;
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
		rusts_windows_begin(&sort->windows, 1000);
		sort->begun = true;
	}
	if (!rusts_windows_next(&sort->windows))
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
			int			at = state->scan->columns[state->output[i]].column->attno - 1;

			sort->in_slot->tts_values[i] = row->tts_values[at];
			sort->in_slot->tts_isnull[i] = row->tts_isnull[at];
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
