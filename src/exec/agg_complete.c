/*-------------------------------------------------------------------------
 *
 * agg_complete.c
 *	  Groups of RustsAgg that are complete before the input has ended.
 *
 * Segments are read in the order of their times, so what is left of the input
 * begins, most of the time, shortly before the place where the scan is.  The
 * groups of buckets that end before that can be returned when memory is short,
 * and the others are kept: nothing is read twice.
 *
 * src/exec/agg_complete.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "exec/agg_node.h"

static int64 last_border(RustsAggNode *node, int64 low, int64 time);
static void find_extent(RustsAggNode *node);
static bool states_are_plain(const RustsAggNode *node);

bool
rusts_agg_can_complete(RustsAggNode *node)
{
	return !node->partial && node->buckets != NULL && node->time_not_null &&
		(node->norder == 0 || node->order[0].key < 0) &&
		!rusts_buckets_are_one(node->buckets) && states_are_plain(node);
}

/* Can a group's memory be used for another one as it is? */
static bool
states_are_plain(const RustsAggNode *node)
{
	int			i;

	for (i = 0; i < node->naggs; i++)
	{
		const RustsAgg *agg = &node->aggs[i];

		switch (agg->output->agg)
		{
			case RUSTS_AGG_COUNT_DISTINCT:
				return false;
			case RUSTS_AGG_FIRST:
			case RUSTS_AGG_LAST:
				if (!agg->typbyval)
					return false;
				break;
			default:
				break;
		}
	}
	return true;
}

/*
 * The pass at hand shrinks to what is left of it, so that it can be divided
 * and begun anew if it still takes too much memory.
 */
uint32
rusts_agg_complete_groups(RustsAggNode *node)
{
	RustsAggPass *pass = &node->pass;
	bool		backward = node->scan->backward;
	RustsBucket bucket;
	int64		low;
	int64		high;
	int64		rest;
	int64		border;
	uint32		count;

	if (!node->extent_known)
		find_extent(node);
	if (!node->extent_ascends)
		return 0;
	low = node->extent_low;
	high = node->extent_high;
	rest = rusts_block_scan_rest(node->scan);
	if (backward)
	{
		if (rest < low || rest >= high)
			return 0;
		border = rusts_buckets_border(node->buckets, rest + 1);
		if (border > high)
			return 0;
	}
	else
	{
		if (rest <= low || rest > high)
			return 0;
		border = last_border(node, low, rest);

		/* The search could be led astray where a clock is set back. */
		if (border <= low ||
			rusts_buckets_border(node->buckets, border) != border)
			return 0;
	}
	rusts_buckets_find(node->buckets, border, border, &bucket);
	if (bucket.isnull)
		return 0;
	count = rusts_groups_partition(&node->groups, bucket.value, backward);

	/* So few would hardly make room. */
	if (count < node->groups.ngroups / 4)
		return 0;
	if (pass->all_times)
	{
		pass->low = PG_INT64_MIN;
		pass->high = PG_INT64_MAX;
		pass->all_times = false;
	}
	if (backward)
		pass->high = border - 1;
	else
		pass->low = border;
	return count;
}

/* The times of the pass, without infinities. */
static void
find_extent(RustsAggNode *node)
{
	int64		nrows;

	node->extent_known = true;
	node->extent_ascends =
		rusts_block_scan_extent(node->scan, &node->extent_low,
								&node->extent_high, &nrows) &&
		rusts_buckets_ascend(node->buckets, node->extent_low,
							 node->extent_high);
	if (node->extent_ascends)
		rusts_block_scan_finite(node->scan, &node->extent_low,
								&node->extent_high);
}

/* The last border not after a time, or low if there is none after that. */
static int64
last_border(RustsAggNode *node, int64 low, int64 time)
{
	int64		high = time;

	while (low < high)
	{
		int64		mid = low + (high - low + 1) / 2;

		if (rusts_buckets_border(node->buckets, mid) <= time)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}
