/*-------------------------------------------------------------------------
 *
 * agg_shortcuts.c
 *	  Input that RustsAgg need not read.
 *
 * A block whose statistics say that it cannot change a group's states is left
 * out: for last rows of series all but the newest blocks, once these are in.
 * A segment whose rows all belong to one group may be answered from its row
 * in the directory.
 *
 * src/exec/agg_shortcuts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "exec/agg_node.h"
#include "vector/filter.h"

static bool changes_nothing(RustsAggNode *node, const RustsGroup *group,
							uint32 block);
static bool add_entry(RustsAggNode *node, const RustsSegmentEntry *entry);

bool
rusts_agg_want_item(void *arg, const RustsItem *item)
{
	RustsAggNode *node = arg;
	RustsBlockScan *scan = node->scan;
	RustsReader *reader = scan->reader;
	uint32		first = reader->block_rows[item->block];
	uint32		series = reader->block_series[item->block];

	if (node->keys_by_row)
		return true;
	if (node->ntags == 0)
	{
		const RustsGroup *group = rusts_groups_lookup(&node->groups, 0, 0,
													  false);

		if (group == NULL || !changes_nothing(node, group, item->block))
			return true;
	}
	else
	{
		while (reader->series_rows[series + 1] <= first + item->from)
			series++;
		for (; series < reader->nseries &&
			 reader->series_rows[series] < first + item->to; series++)
		{
			uint32		tuple = rusts_agg_series_tuple(node, series);
			const RustsGroup *group = rusts_groups_lookup(&node->groups,
														  tuple, 0, false);

			if (group == NULL || !changes_nothing(node, group, item->block))
				return true;
		}
	}
	scan->counters[RUSTS_COUNT_BLOCKS_LATER]++;
	return false;
}

/* Would the block's rows leave a group's states as they are? */
static bool
changes_nothing(RustsAggNode *node, const RustsGroup *group, uint32 block)
{
	RustsBlockScan *scan = node->scan;
	int			i;

	for (i = 0; i < node->naggs; i++)
	{
		const RustsAgg *agg = &node->aggs[i];
		const RustsAggState *state =
			(const RustsAggState *) (RUSTS_GROUP_STATES(group) + agg->offset);
		RustsAggKind kind = agg->output->agg;
		bool		least = kind == RUSTS_AGG_FIRST || kind == RUSTS_AGG_MIN;
		bool		row = kind == RUSTS_AGG_FIRST || kind == RUSTS_AGG_LAST;
		const int64 *stat =
			rusts_block_scan_stat(scan, row ? agg->time : agg->column,
								  least ? RUSTS_STAT_MIN : RUSTS_STAT_MAX);

		if (stat == NULL)
			return false;
		if (row)
		{
			if (!state->row.found ||
				(least ? stat[block] < state->row.time :
				 stat[block] > state->row.time))
				return false;
		}
		else if (!state->extreme.found)
			return false;
		else if (agg->kind == RUSTS_KIND_FLOAT)
		{
			int			order =
				rusts_float_compare(((const double *) stat)[block],
									state->extreme.value.f);

			if (least ? order < 0 : order > 0)
				return false;
		}
		else if (least ? stat[block] < state->extreme.value.i :
				 stat[block] > state->extreme.value.i)
			return false;
	}
	return true;
}

bool
rusts_agg_want_entry(void *arg, const RustsSegmentEntry *entry)
{
	return !add_entry(arg, entry);
}

/* Take a segment as a whole, if its directory row tells enough. */
static bool
add_entry(RustsAggNode *node, const RustsSegmentEntry *entry)
{
	RustsBlockScan *scan = node->scan;
	RustsGroup *group;
	RustsBucket bucket = {.value = 0};
	int			i;

	if (scan->parallel != NULL || entry->max_time == RUSTS_NO_TIME ||
		entry->ndeleted > 0 || !rusts_block_scan_covers(scan, entry))
		return false;
	if (node->buckets != NULL)
	{
		if (entry->max_time == RUSTS_NO_TIME ||
			TIMESTAMP_NOT_FINITE(entry->min_time) ||
			TIMESTAMP_NOT_FINITE(entry->max_time))
			return false;
		rusts_buckets_find(node->buckets, entry->min_time, entry->max_time,
						   &bucket);
		if (entry->max_time >= bucket.high)
			return false;
	}
	group = rusts_groups_find(&node->groups, 0, bucket.value, bucket.isnull);
	for (i = 0; i < node->naggs; i++)
	{
		const RustsAgg *agg = &node->aggs[i];
		RustsAggState *state =
			(RustsAggState *) (RUSTS_GROUP_STATES(group) + agg->offset);

		switch (agg->output->agg)
		{
			case RUSTS_AGG_MIN:
				if (!state->extreme.found ||
					entry->min_time < state->extreme.value.i)
					state->extreme.value.i = entry->min_time;
				state->extreme.found = true;
				break;
			case RUSTS_AGG_MAX:
				if (!state->extreme.found ||
					entry->max_time > state->extreme.value.i)
					state->extreme.value.i = entry->max_time;
				state->extreme.found = true;
				break;
			default:
				state->count += entry->nrows;
				break;
		}
	}
	scan->counters[RUSTS_COUNT_SEGMENTS_DIRECTORY]++;
	return true;
}
