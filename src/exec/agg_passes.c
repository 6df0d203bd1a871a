/*-------------------------------------------------------------------------
 *
 * agg_passes.c
 *	  The input of RustsAgg in passes that each fit into memory.
 *
 * A pass is a range of times and a range of group keys.  The first one is
 * everything, or, if only some buckets are wanted, a window of time with more
 * to follow.  When the groups of a pass take more memory than a hash table
 * may, the pass is given up and its parts take its place: halves of its time,
 * between buckets, or of its keys.  Parts follow each other in the order that
 * groups are to be returned in: with ORDER BY host, bucket, region a pass is
 * divided between hosts; one of a single host between buckets; and one of a
 * single host and bucket between regions.  So memory is bounded whatever was
 * estimated, and nothing is spilled: what is read again is compressed and
 * mostly cached.
 *
 * Mostly that does not happen: groups of the earliest buckets are complete
 * before the pass is at its end (agg_complete.c), and are returned when there
 * is enough of them.  A partial aggregate need not return each group once: it
 * returns all that it has, and goes on.
 *
 * src/exec/agg_passes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "exec/agg_node.h"
#include "exec/exec.h"

/* Below this, passes would be about the overhead of passes. */
#define MIN_MEMORY		(1024 * 1024)

/* Groups between two looks at the memory. */
#define CHECK_GROUPS	256

/*
 * Groups are returned when they take so much and some are complete: they stay
 * in the processor's cache.
 */
#define COMPLETE_MEMORY	(4 * 1024 * 1024)

/* What a group takes beside its states, about, with what memory contexts and
 * the hash table have in reserve. */
#define GROUP_BYTES		250

/* A first window of more microseconds is as good as everything. */
#define MAX_WINDOW		4e18

/* Each time a pass is given up it is divided into so many parts. */
#define PARTS			4

/* What has become of a pass that was to be divided by time. */
typedef enum SplitResult
{
	SPLIT_DONE,
	SPLIT_ONE_BUCKET,			/* there is nothing to divide */
	SPLIT_UNKNOWN				/* where buckets begin is not known */
} SplitResult;

static bool next_pass(RustsAggNode *node, RustsAggPass *pass);
static bool run_pass(RustsAggNode *node);
static void divide_pass(RustsAggNode *node);
static bool split_pass(RustsAggNode *node, const RustsAggPass *pass);
static SplitResult split_by_time(RustsAggNode *node,
								 const RustsAggPass *pass);
static bool split_by_tuples(RustsAggNode *node, const RustsAggPass *pass,
							bool leading);
static int	leading_tags(const RustsAggNode *node);
static void push_parts(RustsAggNode *node, RustsAggPass *parts, int nparts);
static int64 next_border(void *arg, int64 time);
static void place_tuples(RustsAggNode *node);
static bool collect_series(void *arg, uint32 series);
static bool series_in_pass(void *arg, uint32 series);

void
rusts_agg_passes_begin(RustsAggNode *node)
{
	node->npasses = 0;
	node->windowed = false;
	node->places = NULL;
	node->nplaces = 0;
	node->scan->want_series = NULL;
	node->max_memory = Max(get_hash_memory_limit(), MIN_MEMORY);
	node->resume = false;
	node->times_split_known = false;
	node->can_complete = rusts_agg_can_complete(node);
	if (node->buckets != NULL)
	{
		node->scan->by_time = true;
		node->scan->backward = node->norder > 0 && node->windows.descending;
	}

	if (node->parallel != NULL)
	{
		rusts_agg_parts_begin(node);
		return;
	}

	/* Only some buckets are wanted, the first or the last. */
	if (node->norder > 0 && node->order[0].key < 0 && node->limit > 0 &&
		node->shortcuts && rusts_agg_times_can_split(node))
	{
		rusts_windows_begin(&node->windows, 1000);
		if (node->bucket_width > 0 && node->bucket_width < 1e17)
			node->windows.width = (uint64)
				Min(node->bucket_width * Min(node->limit, 1000000),
					MAX_WINDOW);
		node->windowed = true;
	}
	else
	{
		RustsAggPass everything = {.all_times = true, .all_tuples = true};

		if (node->grouped && !node->partial)
			everything.bytes = node->css.ss.ps.plan->plan_rows *
				(GROUP_BYTES + node->states_size);
		push_parts(node, &everything, 1);
	}
}

bool
rusts_agg_read_input(RustsAggNode *node)
{
	for (;;)
	{
		node->groups_at_check = 0;
		if (node->resume && !node->partial)
		{
			/* The others are still to get rows. */
			rusts_groups_drop(&node->groups, node->nready);
			node->next_group = 0;
		}
		else
			rusts_agg_reset_groups(node);
		if (!node->resume)
		{
			RustsAggPass pass;

			if (!next_pass(node, &pass))
				return false;

			/* To find out that it is too large would take half its time. */
			if (pass.bytes > node->max_memory && !node->can_complete &&
				split_pass(node, &pass))
				continue;
			node->npasses_run++;
			node->extent_known = false;
			node->stop_memory = node->can_complete ?
				Min(COMPLETE_MEMORY, node->max_memory) : node->max_memory;
		}
		node->resume = !run_pass(node);
		if (!node->grouped && node->groups.ngroups == 0)
			(void) rusts_groups_find(&node->groups, 0, 0, false);
		node->nready = node->groups.ngroups;
		if (node->resume && !node->partial)
		{
			node->nready = node->can_complete ?
				rusts_agg_complete_groups(node) : 0;
			if (node->nready == 0 && node->stop_memory < node->max_memory)
				node->stop_memory = Min(node->stop_memory * 2,
										node->max_memory);
			else if (node->nready == 0)
			{
				node->resume = false;
				divide_pass(node);
			}
		}
		if (node->nready > 0)
		{
			rusts_agg_sort_groups(node);
			return true;
		}
	}
}

/* The pass at hand takes too much memory. */
static void
divide_pass(RustsAggNode *node)
{
	RustsAggPass pass = node->pass;

	if (!split_pass(node, &pass))
	{
		/* One group, or as good as: there is nothing to divide. */
		node->max_memory = MaxAllocHugeSize;
		push_parts(node, &pass, 1);
	}
}

/* Restrict the scan to the next pass; false at the end. */
static bool
next_pass(RustsAggNode *node, RustsAggPass *pass)
{
	if (node->npasses > 0)
		*pass = node->passes[--node->npasses];
	else if (node->parallel != NULL)
	{
		if (!rusts_agg_draw_part(node, pass))
			return false;
	}
	else
	{
		if (!node->windowed ||
			!rusts_windows_next_border(&node->windows, next_border, node))
			return false;
		memset(pass, 0, sizeof(*pass));
		pass->all_tuples = true;
		rusts_windows_range(&node->windows, &pass->low, &pass->high);
	}
	if (!pass->all_times)
		rusts_block_scan_window(node->scan, pass->low, pass->high);
	else
		rusts_block_scan_all_times(node->scan);
	node->pass = *pass;
	node->scan->want_series =
		pass->all_tuples && pass->nparts <= 1 ? NULL : series_in_pass;
	return true;
}

/* Aggregate what the scan returns; false if that takes too much memory. */
static bool
run_pass(RustsAggNode *node)
{
	Instrumentation *instrument = node->child->css.ss.ps.instrument;

	for (;;)
	{
		bool		found;

		/* For EXPLAIN the scan is a node like others. */
		if (instrument != NULL)
			InstrStartNode(instrument);
		found = rusts_block_scan_next(node->scan);
		if (instrument != NULL)
			InstrStopNode(instrument,
						  found ? node->scan->chunk.nrows : 0);
		if (!found)
			break;
		(void) rusts_agg_add_chunk(node);
		if (node->groups.ngroups >= node->groups_at_check + CHECK_GROUPS)
		{
			node->groups_at_check = node->groups.ngroups;
			if (rusts_groups_size(&node->groups) > node->stop_memory)
				return false;
		}
	}
	return true;
}

/*
 * Divide a pass, along what groups are ordered by first.  False if it cannot
 * be divided.
 */
static bool
split_pass(RustsAggNode *node, const RustsAggPass *pass)
{
	int			leading = leading_tags(node);

	CHECK_FOR_INTERRUPTS();
	if (leading == node->norder && leading > 0)
		return split_by_tuples(node, pass, false) ||
			split_by_time(node, pass) == SPLIT_DONE;
	if (leading > 0 && split_by_tuples(node, pass, true))
		return true;
	switch (split_by_time(node, pass))
	{
		case SPLIT_DONE:
			return true;
		case SPLIT_ONE_BUCKET:
			break;
		case SPLIT_UNKNOWN:
			/* Groups of several buckets would not be in order. */
			if (node->norder > 0)
				return false;
			break;
	}
	return split_by_tuples(node, pass, false);
}

/* How many tags are ordered by before the bucket is. */
static int
leading_tags(const RustsAggNode *node)
{
	int			i;

	for (i = 0; i < node->norder && node->order[i].key >= 0; i++)
		;
	return i;
}

static SplitResult
split_by_time(RustsAggNode *node, const RustsAggPass *pass)
{
	RustsAggPass parts[PARTS + 2];
	RustsAggPass part = *pass;
	int			nparts = 0;
	int64		low = pass->low;
	int64		high = pass->high;
	int64		finite_low;
	int64		finite_high;
	int64		nrows;
	int			i;

	if (node->buckets == NULL || rusts_buckets_are_one(node->buckets))
		return SPLIT_ONE_BUCKET;
	if (!rusts_agg_times_can_split(node) ||
		(pass->all_times &&
		 !rusts_block_scan_extent(node->scan, &low, &high, &nrows)))
		return SPLIT_UNKNOWN;
	if (low >= high)
		return SPLIT_ONE_BUCKET;

	/* Infinities are by themselves; where to cut the rest is a guess. */
	finite_low = low;
	finite_high = high;
	rusts_block_scan_finite(node->scan, &finite_low, &finite_high);
	part.all_times = false;
	part.low = low;
	if (TIMESTAMP_NOT_FINITE(low))
	{
		part.high = low;
		parts[nparts++] = part;
		part.low = low + 1;
	}
	for (i = 1; i < PARTS && finite_low < finite_high; i++)
	{
		int64		at = finite_low +
			(int64) (((uint64) finite_high - (uint64) finite_low) / PARTS) * i;
		int64		border = next_border(node, at);

		if (border > part.low && border <= high &&
			!TIMESTAMP_NOT_FINITE(border))
		{
			part.high = border - 1;
			parts[nparts++] = part;
			part.low = border;
		}
	}

	/* No guess was good: is there a border at all? */
	if (nparts == 0 && !TIMESTAMP_NOT_FINITE(high))
	{
		int64		border;

		if (low < MIN_TIMESTAMP)
			return SPLIT_UNKNOWN;
		border = next_border(node, low + 1);
		if (border > high)
			return SPLIT_ONE_BUCKET;
		part.high = border - 1;
		parts[nparts++] = part;
		part.low = border;
	}
	if (TIMESTAMP_NOT_FINITE(high) && part.low < high)
	{
		part.high = high - 1;
		parts[nparts++] = part;
		part.low = high;
	}
	part.high = high;
	parts[nparts++] = part;
	if (node->norder > 0 && node->windows.descending)
	{
		for (i = 0; i < nparts / 2; i++)
		{
			RustsAggPass swapped = parts[i];

			parts[i] = parts[nparts - 1 - i];
			parts[nparts - 1 - i] = swapped;
		}
	}
	push_parts(node, parts, nparts);
	return SPLIT_DONE;
}

/* leading: only between tuples that differ in what comes before the bucket */
static bool
split_by_tuples(RustsAggNode *node, const RustsAggPass *pass, bool leading)
{
	RustsAggPass parts[PARTS];
	RustsAggPass part = *pass;
	int			nparts = 0;
	uint32		end;
	uint32		at;
	int			i;

	if (node->ntags == 0)
		return false;
	if (node->places == NULL)
		place_tuples(node);
	part.first_place = pass->all_tuples ? 0 : pass->first_place;
	end = pass->all_tuples ? node->nplaces : pass->end_place;
	if (end - part.first_place < 2)
		return false;
	part.all_tuples = false;
	for (i = 1; i <= PARTS; i++)
	{
		uint32		first = pass->all_tuples ? 0 : pass->first_place;

		/* Only the last tuples may differ from the others. */
		if (i == PARTS)
			at = nparts == 0 && leading ? node->leading_places[end - 1] : end;
		else
		{
			at = first + (uint64) (end - first) * i / PARTS;
			if (leading)
				at = node->leading_places[at];
		}
		if (at <= part.first_place)
			continue;
		part.end_place = at;
		parts[nparts++] = part;
		part.first_place = at;
	}
	if (nparts == 0)
		return false;
	if (part.first_place < end)
	{
		part.end_place = end;
		parts[nparts++] = part;
	}
	push_parts(node, parts, nparts);
	return true;
}

/* The first of the parts is to be the next pass. */
static void
push_parts(RustsAggNode *node, RustsAggPass *parts, int nparts)
{
	int			i;

	if (node->npasses + nparts > node->max_passes)
	{
		node->max_passes = Max(node->max_passes * 2, node->npasses + nparts);
		if (node->passes == NULL)
			node->passes =
				MemoryContextAlloc(node->css.ss.ps.state->es_query_cxt,
								   sizeof(RustsAggPass) * node->max_passes);
		else
			node->passes = repalloc(node->passes, sizeof(RustsAggPass) *
									node->max_passes);
	}
	for (i = nparts; i-- > 0;)
	{
		parts[i].bytes /= nparts;
		node->passes[node->npasses++] = parts[i];
	}
}

bool
rusts_agg_times_can_split(RustsAggNode *node)
{
	int64		low;
	int64		high;
	int64		nrows;

	if (node->buckets == NULL || !node->time_not_null)
		return false;
	if (node->times_split_known)
		return node->times_split;
	rusts_block_scan_all_times(node->scan);
	node->times_split =
		rusts_block_scan_extent(node->scan, &low, &high, &nrows) &&
		rusts_buckets_ascend(node->buckets, low, high);
	node->times_split_known = true;
	return node->times_split;
}

static int64
next_border(void *arg, int64 time)
{
	return rusts_buckets_border(((RustsAggNode *) arg)->buckets, time);
}

/*
 * Find all tuples of tags that the scan can meet, and give each its place in
 * the order asked for.
 */
static void
place_tuples(RustsAggNode *node)
{
	RustsBlockScan *scan = node->scan;
	bool		(*want_item) (void *, const RustsItem *) = scan->want_item;
	int			leading = leading_tags(node);
	uint32	   *sorted;
	uint32		i;

	scan->want_series = collect_series;
	scan->want_item = NULL;
	rusts_block_scan_all_times(scan);
	while (rusts_block_scan_next(scan))
		rusts_agg_collect_rows(node);
	scan->want_item = want_item;
	scan->want_series = NULL;

	node->nplaces = rusts_tuples_count(node->tuples);
	node->places = MemoryContextAllocHuge(node->tuples_cxt, sizeof(uint32) *
										  Max((Size) node->nplaces, 1));
	sorted = rusts_agg_sort_tuples(node);
	node->leading_places =
		MemoryContextAllocHuge(node->tuples_cxt, sizeof(uint32) *
							   Max((Size) node->nplaces, 1));
	for (i = 0; i < node->nplaces; i++)
	{
		int			k;

		node->places[sorted[i]] = i;
		node->leading_places[i] = i;
		if (i == 0)
			continue;
		for (k = 0; k < leading; k++)
		{
			const uint32 *ranks = node->order[k].ranks;

			if (ranks[sorted[i - 1]] != ranks[sorted[i]])
				break;
		}
		if (k == leading)
			node->leading_places[i] = node->leading_places[i - 1];
	}
	pfree(sorted);
}

/* No rows are wanted where series tell the tuple. */
static bool
collect_series(void *arg, uint32 series)
{
	RustsAggNode *node = arg;

	if (node->keys_by_row)
		return true;
	(void) rusts_agg_series_tuple(node, series);
	return false;
}

static bool
series_in_pass(void *arg, uint32 series)
{
	RustsAggNode *node = arg;

	return node->keys_by_row ||
		rusts_agg_tuple_in_pass(node, rusts_agg_series_tuple(node, series));
}

bool
rusts_agg_tuple_in_pass(const RustsAggNode *node, uint32 tuple)
{
	const RustsAggPass *pass = &node->pass;

	if (pass->nparts > 1 &&
		rusts_tuples_hash(node->tuples, tuple) % pass->nparts != pass->part)
		return false;
	return pass->all_tuples ||
		(tuple < node->nplaces && node->places[tuple] >= pass->first_place &&
		 node->places[tuple] < pass->end_place);
}
