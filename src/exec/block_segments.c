/*-------------------------------------------------------------------------
 *
 * block_segments.c
 *	  Which segments a scan goes through, and in which order.
 *
 * The directory is read once for a scan, or twice: at first what lies in the
 * times that are asked for, and everything when others are asked for after
 * that.  Points written twice are one from here on.  What the directory
 * tells of the segments' times answers some questions before one is opened.
 *
 * src/exec/block_segments.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "am/am.h"
#include "compat.h"
#include "exec/block_scan_internal.h"
#include "segment/page_io.h"
#include "write/duplicates.h"

static void sort_entries(RustsBlockScan *scan);

void
rusts_block_scan_times(const RustsBlockScan *scan, int64 *low, int64 *high)
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

void
rusts_block_scan_load(RustsBlockScan *scan)
{
	int64		low;
	int64		high;
	bool		everything;
	MemoryContext old_cxt;

	rusts_block_scan_times(scan, &low, &high);
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
			(scan->entries[i].nrows + RUSTS_PIECE_ROWS - 1) / RUSTS_PIECE_ROWS;
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
	rusts_block_scan_load(scan);
	rusts_block_scan_times(scan, &from, &to);
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
			rusts_block_scan_entry(scan, at)->max_time;
	if (scan->rest == NULL)
	{
		int64		low = PG_INT64_MAX;
		int64		i;

		scan->rest = MemoryContextAllocHuge(scan->scan_cxt, sizeof(int64) *
											((Size) scan->nentries + 1));
		scan->rest[scan->nentries] = low;
		for (i = (int64) scan->nentries - 1; i >= 0; i--)
		{
			const RustsSegmentEntry *entry = rusts_block_scan_entry(scan, i);

			if (entry->max_time != RUSTS_NO_TIME)
				low = Min(low, entry->min_time);
			scan->rest[i] = low;
		}
	}
	return scan->rest[at];
}

RustsSegmentEntry *
rusts_block_scan_entry(RustsBlockScan *scan, int64 at)
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
