/*-------------------------------------------------------------------------
 *
 * agg_parallel.c
 *	  The parts of a RustsAgg's groups that parallel processes draw.
 *
 * A part is a range of buckets, or those tuples of tags in it that have a
 * certain hash.  Ranges begin where one segment ends and the next begins, as
 * far as there are such places: then no process opens what another one reads.
 * Where there are too few of them (segments overlap, or there are hardly any)
 * tags divide the ranges further; every process then opens the segments, but
 * decodes only blocks of its own series.  Without tags, ranges begin wherever
 * a bucket does, and blocks at the seams are decoded twice.
 *
 * All processes have the same idea of the parts, since they have the same
 * snapshot; what they share is the number of the next one.
 *
 * src/exec/agg_parallel.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "utils/timestamp.h"

#include "exec/agg_node.h"

/* Parts wanted, so that processes end at about the same time. */
#define PARTS		16

/* Ranges at most. */
#define MAX_RANGES	256

/*
 * Bytes of groups in a part, about.  While the leader makes a part of its own
 * nobody takes groups from the workers, who wait when their queues of 64 kB
 * are full.
 */
#define PART_BYTES	32768

/*
 * Buckets of unknown width are taken to be this wide, and offsets to be below
 * that, in microseconds.
 */
#define UNKNOWN_WIDTH	(1000 * 365.25 * USECS_PER_DAY)
#define MAX_OFFSET		(30.0 * USECS_PER_DAY)

typedef struct Span
{
	int64		low;
	int64		high;
	int64		nrows;
} Span;

static void cut_between_segments(RustsAggNode *node, int64 low, int64 high);
static void cut_evenly(RustsAggNode *node, int64 low, int64 high);
static int	compare_spans(const void *a, const void *b);
static int64 border_after(RustsAggNode *node, int64 time);

void
rusts_agg_parts_begin(RustsAggNode *node)
{
	MemoryContext cxt = node->css.ss.ps.state->es_query_cxt;
	int64		low;
	int64		high;
	int64		nrows;
	double		nparts;

	if (node->cuts == NULL)
		node->cuts = MemoryContextAlloc(cxt, sizeof(int64) * (MAX_RANGES + 1));
	node->nranges = 1;
	node->ntuple_parts = node->ntags > 0 ? PARTS : 1;
	node->cuts[0] = PG_INT64_MIN;
	if (!rusts_agg_times_can_split(node))
		return;
	rusts_block_scan_all_times(node->scan);
	if (!rusts_block_scan_extent(node->scan, &low, &high, &nrows))
		return;
	if (node->ntags > 0)
		cut_between_segments(node, low, high);
	else if (!TIMESTAMP_NOT_FINITE(low) && !TIMESTAMP_NOT_FINITE(high))
		cut_evenly(node, low, high);
	if (node->ntags == 0)
		return;

	/* The plan's estimate is of one process. */
	nparts = 2 * node->css.ss.ps.plan->plan_rows *
		(node->css.ss.ps.plan->plan_width + SizeofMinimalTupleHeader) /
		PART_BYTES;
	node->ntuple_parts = Max(ceil(PARTS / (double) node->nranges),
							 Min(ceil(nparts / node->nranges), PARTS));
}

/* Ranges of about as many rows each that share no segment. */
static void
cut_between_segments(RustsAggNode *node, int64 low, int64 high)
{
	const RustsBlockScan *scan = node->scan;
	Span	   *spans = palloc_array(Span, Max(scan->nentries, 1));
	uint32		nspans = 0;
	int64		total = 0;
	int64		nrows = 0;		/* since the last cut */
	int64		end = PG_INT64_MIN; /* of the segments before */
	uint32		i;

	for (i = 0; i < scan->nentries; i++)
	{
		const RustsSegmentEntry *entry = &scan->entries[i];

		if (entry->max_time == RUSTS_NO_TIME || entry->max_time < low ||
			entry->min_time > high)
			continue;
		spans[nspans].low = Max(entry->min_time, low);
		spans[nspans].high = Min(entry->max_time, high);
		spans[nspans++].nrows = entry->nrows;
		total += entry->nrows;
	}
	qsort(spans, nspans, sizeof(Span), compare_spans);

	/* So many rows are before each cut: there are MAX_RANGES at most. */
	for (i = 0; i < nspans; i++)
	{
		if (nrows >= total / MAX_RANGES + 1 &&
			spans[i].low > end && IS_VALID_TIMESTAMP(end))
		{
			int64		border = border_after(node, end + 1);

			if (border <= spans[i].low)
			{
				node->cuts[node->nranges++] = border;
				nrows = 0;
			}
		}
		end = Max(end, spans[i].high);
		nrows += spans[i].nrows;
	}
	pfree(spans);
}

static int
compare_spans(const void *a, const void *b)
{
	const Span *left = a;
	const Span *right = b;

	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	return (left->high > right->high) - (left->high < right->high);
}

/* Ranges of about the same time each. */
static void
cut_evenly(RustsAggNode *node, int64 low, int64 high)
{
	uint64		width = ((uint64) high - (uint64) low) / PARTS;
	int			i;

	for (i = 1; i < PARTS; i++)
	{
		int64		border = border_after(node, low + (int64) (width * i));

		if (border > low && border <= high &&
			border > node->cuts[node->nranges - 1])
			node->cuts[node->nranges++] = border;
	}
}

/*
 * Where the next bucket begins.  Not near the ends of all times: the function
 * may have no answer there, and the query need not ask for a row there.
 */
static int64
border_after(RustsAggNode *node, int64 time)
{
	double		margin = MAX_OFFSET +
		4 * (node->bucket_width > 0 ? node->bucket_width : UNKNOWN_WIDTH);

	if ((double) time - MIN_TIMESTAMP < margin ||
		(double) END_TIMESTAMP - time < margin)
		return PG_INT64_MAX;
	return rusts_buckets_border(node->buckets, time);
}

bool
rusts_agg_draw_part(RustsAggNode *node, RustsAggPass *pass)
{
	uint32		part = pg_atomic_fetch_add_u32(&node->parallel->next_part, 1);
	uint32		range = part / node->ntuple_parts;

	if (range >= node->nranges)
		return false;
	memset(pass, 0, sizeof(*pass));
	pass->all_times = node->nranges == 1;
	pass->low = node->cuts[range];
	pass->high = range + 1 < node->nranges ?
		node->cuts[range + 1] - 1 : PG_INT64_MAX;
	pass->all_tuples = true;
	pass->part = part % node->ntuple_parts;
	pass->nparts = node->ntuple_parts;
	return true;
}
