/*-------------------------------------------------------------------------
 *
 * segment_items.c
 *	  Open a segment for a scan: which rows of which blocks to look at.
 *
 * src/exec/segment_items.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "exec/block_scan_internal.h"
#include "meta/settings.h"
#include "segment/format.h"
#include "vector/aggregate.h"

static bool find_columns(RustsBlockScan *scan);
static void list_items(RustsBlockScan *scan, const uint64 *chosen, bool all);
static void add_rows(RustsBlockScan *scan, uint32 *block, uint32 from,
					 uint32 to);
static bool block_may_match(RustsBlockScan *scan, uint32 block);

bool
rusts_block_scan_open(RustsBlockScan *scan, const RustsSegmentEntry *entry)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(scan->segment_cxt);
	uint64	   *chosen;
	bool		all;
	bool		good;

	scan->reader = rusts_reader_open(scan->rel, entry,
									 rusts_skip_corrupt_segments,
									 !rusts_skip_corrupt_segments,
									 scan->scratch);
	scan->nitems = 0;
	scan->items = NULL;
	scan->max_items = 0;
	scan->counted_block = PG_UINT32_MAX;
	good = !scan->reader->corrupt && find_columns(scan);
	if (good)
	{
		if (scan->opened != NULL)
			scan->opened(scan->arg);
		good = rusts_block_scan_choose_series(scan, &chosen, &all);
	}
	if (good)
	{
		list_items(scan, chosen, all);
		good = !scan->reader->corrupt && scan->nitems > 0;
	}
	MemoryContextSwitchTo(old_cxt);
	return good;
}

/* Where the scan's columns are in the segment. */
static bool
find_columns(RustsBlockScan *scan)
{
	RustsReader *reader = scan->reader;
	TupleDesc	desc = RelationGetDescr(scan->rel);
	int			from = 0;
	int			i;

	for (i = 0; i < scan->ncolumns; i++)
	{
		RustsScanColumn *column = &scan->columns[i];
		AttrNumber	attno = column->column->attno;
		Form_pg_attribute att = TupleDescAttr(desc, attno - 1);

		column->vector_block = PG_UINT32_MAX;
		column->index = -1;
		column->same_kind = false;
		column->tag = reader->ntags > 0 ? rusts_reader_tag(reader, attno) : -1;
		if (column->tag >= 0)
		{
			if (!rusts_reader_check_type(reader, RUSTS_KIND_BYTES, true, att))
				return false;
			continue;
		}
		column->index = rusts_reader_column(reader, attno, &from);
		if (column->index >= 0)
		{
			RustsKind	kind = reader->parts->columns[column->index].kind;

			if (!rusts_reader_check_type(reader, kind, false, att))
				return false;
			column->same_kind = kind == column->column->kind;
		}
		else
			column->missing = getmissingattr(desc, attno,
											 &column->missing_null);
	}
	return true;
}

/* List the chosen series' rows, cut at the borders of blocks. */
static void
list_items(RustsBlockScan *scan, const uint64 *chosen, bool all)
{
	RustsReader *reader = scan->reader;
	uint32		nseries = reader->nseries;
	uint32		block = 0;
	uint32		series;
	uint64		nblocks_before = scan->counters[RUSTS_COUNT_BLOCKS_TIME] +
		scan->counters[RUSTS_COUNT_BLOCKS_MINMAX];
	uint64		nblocks;

	scan->counters[RUSTS_COUNT_SEGMENTS_COLD] +=
		reader->entry.level == RUSTS_LEVEL_COLD;
	scan->counters[RUSTS_COUNT_BLOCKS] += reader->nblocks;
	if (all && scan->want_series == NULL)
		add_rows(scan, &block, 0, reader->nrows);
	else
	{
		for (series = 0; series < nseries;)
		{
			uint32		end;

			if (!all)
				series = rusts_next_bit(chosen, series, nseries);
			if (series >= nseries)
				break;
			if (scan->want_series != NULL &&
				!scan->want_series(scan->arg, series))
			{
				series++;
				continue;
			}

			/* Neighbours in one go. */
			for (end = series + 1; end < nseries; end++)
			{
				if (!all && !rusts_bitmap_test(chosen, end))
					break;
				if (scan->want_series != NULL &&
					!scan->want_series(scan->arg, end))
					break;
			}
			add_rows(scan, &block, reader->series_rows[series],
					 reader->series_rows[end]);
			series = end;
		}
	}

	nblocks = scan->counters[RUSTS_COUNT_BLOCKS_TIME] +
		scan->counters[RUSTS_COUNT_BLOCKS_MINMAX] - nblocks_before +
		scan->nitems;
	if (nblocks == 0)
		scan->counters[RUSTS_COUNT_SEGMENTS_SERIES]++;
	if (nblocks < reader->nblocks)
		scan->counters[RUSTS_COUNT_BLOCKS_SERIES] += reader->nblocks - nblocks;

	/* Do not read pages ahead that hold other series' blocks. */
	if (scan->nitems < reader->nblocks / 4)
		reader->window_pages = 1;
}

/* *block is where to look for the first row: it ascends. */
static void
add_rows(RustsBlockScan *scan, uint32 *block, uint32 from, uint32 to)
{
	RustsReader *reader = scan->reader;
	uint32		b = *block;

	if (reader->block_rows[b + 1] <= from)
		b = rusts_reader_block_of(reader, from);
	for (; from < to; b++)
	{
		uint32		first = reader->block_rows[b];
		uint32		end = Min(to, reader->block_rows[b + 1]);

		*block = b;
		if (block_may_match(scan, b))
		{
			RustsItem  *item;

			if (scan->nitems == scan->max_items)
			{
				scan->max_items = Max(scan->max_items * 2, 64);
				if (scan->items == NULL)
					scan->items = palloc(sizeof(RustsItem) * scan->max_items);
				else
					scan->items = repalloc_huge(scan->items,
												sizeof(RustsItem) *
												(Size) scan->max_items);
			}
			item = &scan->items[scan->nitems++];
			item->block = b;
			item->from = from - first;
			item->to = end - first;
		}
		from = end;
		if (scan->reader->corrupt)
			return;
	}
}

/* Do the statistics leave room for a row that meets the conditions? */
static bool
block_may_match(RustsBlockScan *scan, uint32 block)
{
	int			i;

	for (i = 0; i < scan->nconditions; i++)
	{
		const RustsCondition *condition = &scan->conditions[i];
		const RustsClause *clause = &condition->clause;
		const RustsScanColumn *column;
		bool		may;
		bool		must;

		if (condition->always || condition->generic ||
			(clause->kind != RUSTS_CLAUSE_INT &&
			 clause->kind != RUSTS_CLAUSE_FLOAT &&
			 clause->kind != RUSTS_CLAUSE_NULL))
			continue;
		column = &scan->columns[scan->by_attno[clause->attno - 1]];
		if (column->index < 0)
			continue;
		if (scan->reader->parts->columns[column->index].flags &
			RUSTS_COLUMN_ALL_NULL)
			may = clause->kind == RUSTS_CLAUSE_NULL && condition->truth[2];
		else if (!column->same_kind)
			continue;
		else
			rusts_condition_check_block(condition, scan->reader,
										column->index, block, &may, &must);
		if (!may)
		{
			scan->counters[column->column->role == RUSTS_ROLE_TIME ?
						   RUSTS_COUNT_BLOCKS_TIME :
						   RUSTS_COUNT_BLOCKS_MINMAX]++;
			return false;
		}
	}
	return true;
}
