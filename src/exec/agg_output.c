/*-------------------------------------------------------------------------
 *
 * agg_output.c
 *	  Groups of RustsAgg in order, as rows.
 *
 * src/exec/agg_output.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

#include "base/bitmap.h"
#include "compat.h"
#include "exec/agg_node.h"

typedef struct RankContext
{
	RustsTuples *tuples;
	int			value;
	SortSupportData sort;
} RankContext;

static uint32 *ready_tuples(RustsAggNode *node, uint32 *ntuples);
static void rank_tags(RustsAggNode *node, const uint32 *tuples,
					  uint32 ntuples);
static void rank_tuples(RustsAggNode *node, RustsAggOrder *order,
						const uint32 *tuples, uint32 ntuples);
static int	compare_tuples(const void *a, const void *b, void *arg);
static int	compare_groups(const void *a, const void *b, void *arg);
static int	compare_places(const void *a, const void *b, void *arg);

void
rusts_agg_sort_groups(RustsAggNode *node)
{
	uint32	   *tuples;
	uint32		ntuples;

	if (node->norder == 0 || node->nready <= 1)
		return;
	MemoryContextReset(node->ranks_cxt);
	if (node->ntags > 0)
	{
		tuples = ready_tuples(node, &ntuples);
		rank_tags(node, tuples, ntuples);
	}
	qsort_arg(node->groups.groups, node->nready, sizeof(RustsGroup *),
			  compare_groups, node);
}

/*
 * The tuples that groups to be returned have.  These may be few of all that
 * there have been.
 */
static uint32 *
ready_tuples(RustsAggNode *node, uint32 *ntuples)
{
	Size		nwords =
		RUSTS_BITMAP_WORDS((Size) rusts_tuples_count(node->tuples));
	uint64	   *listed = MemoryContextAllocHuge(node->ranks_cxt,
												sizeof(uint64) * nwords);
	uint32	   *tuples = MemoryContextAllocHuge(node->ranks_cxt,
												sizeof(uint32) *
												(Size) node->nready);
	uint32		i;

	memset(listed, 0, sizeof(uint64) * nwords);
	*ntuples = 0;
	for (i = 0; i < node->nready; i++)
	{
		uint32		tuple = node->groups.groups[i]->tuple;

		if (rusts_bitmap_test(listed, tuple))
			continue;
		rusts_bitmap_set(listed, tuple);
		tuples[(*ntuples)++] = tuple;
	}
	return tuples;
}

uint32 *
rusts_agg_sort_tuples(RustsAggNode *node)
{
	uint32		count = rusts_tuples_count(node->tuples);
	uint32	   *sorted =
		MemoryContextAllocHuge(node->groups.cxt, sizeof(uint32) *
							   Max((Size) count, 1));
	uint32		i;

	for (i = 0; i < count; i++)
		sorted[i] = i;
	MemoryContextReset(node->ranks_cxt);
	rank_tags(node, sorted, count);
	qsort_arg(sorted, count, sizeof(uint32), compare_places, node);
	return sorted;
}

static void
rank_tags(RustsAggNode *node, const uint32 *tuples, uint32 ntuples)
{
	int			i;

	for (i = 0; i < node->norder; i++)
	{
		if (node->order[i].key >= 0)
			rank_tuples(node, &node->order[i], tuples, ntuples);
	}
}

/*
 * Number the values of one of the tags in the order asked for, so that groups
 * are sorted by comparing integers.
 */
static void
rank_tuples(RustsAggNode *node, RustsAggOrder *order, const uint32 *tuples,
			uint32 ntuples)
{
	RankContext context = {.tuples = node->tuples, .value = order->key};
	Size		size = sizeof(uint32) * (Size) ntuples;
	uint32	   *sorted;
	uint32		rank = 0;
	uint32		i;

	sorted = MemoryContextAllocHuge(node->ranks_cxt, Max(size, 1));
	if (ntuples > 0)
		memcpy(sorted, tuples, size);
	order->ranks =
		MemoryContextAllocHuge(node->ranks_cxt, sizeof(uint32) *
							   Max((Size) rusts_tuples_count(node->tuples),
								   1));
	context.sort.ssup_cxt = node->ranks_cxt;
	context.sort.ssup_collation = order->collation;
	context.sort.ssup_nulls_first = order->nulls_first;
	PrepareSortSupportFromOrderingOp(order->operator, &context.sort);
	qsort_arg(sorted, ntuples, sizeof(uint32), compare_tuples, &context);
	for (i = 0; i < ntuples; i++)
	{
		if (i > 0 && compare_tuples(&sorted[i - 1], &sorted[i],
									&context) != 0)
			rank++;
		order->ranks[sorted[i]] = rank;
	}
	pfree(sorted);
}

static int
compare_tuples(const void *a, const void *b, void *arg)
{
	RankContext *context = arg;
	RustsBytes	left = rusts_tuples_value(context->tuples,
										  *(const uint32 *) a,
										  context->value);
	RustsBytes	right = rusts_tuples_value(context->tuples,
										   *(const uint32 *) b,
										   context->value);

	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(left.data == NULL ? (Datum) 0 :
							   PointerGetDatum(left.data - VARHDRSZ),
							   left.data == NULL,
							   right.data == NULL ? (Datum) 0 :
							   PointerGetDatum(right.data - VARHDRSZ),
							   right.data == NULL, &context->sort);
}

static int
compare_groups(const void *a, const void *b, void *arg)
{
	const RustsGroup *left = *(RustsGroup *const *) a;
	const RustsGroup *right = *(RustsGroup *const *) b;
	const RustsAggNode *node = arg;
	int			i;

	for (i = 0; i < node->norder; i++)
	{
		const RustsAggOrder *order = &node->order[i];

		if (order->key >= 0)
		{
			uint32		l = order->ranks[left->tuple];
			uint32		r = order->ranks[right->tuple];

			if (l != r)
				return l < r ? -1 : 1;
			continue;
		}
		if (left->bucket_null != right->bucket_null)
			return left->bucket_null == order->nulls_first ? -1 : 1;
		if (!left->bucket_null && left->bucket != right->bucket)
			return (left->bucket < right->bucket) != order->descending ?
				-1 : 1;
	}
	return 0;
}

/* By what is left of the order without buckets, then by arrival. */
static int
compare_places(const void *a, const void *b, void *arg)
{
	const RustsAggNode *node = arg;
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;
	int			i;

	for (i = 0; i < node->norder; i++)
	{
		const RustsAggOrder *order = &node->order[i];

		if (order->key >= 0 && order->ranks[left] != order->ranks[right])
			return order->ranks[left] < order->ranks[right] ? -1 : 1;
	}
	return (left > right) - (left < right);
}

void
rusts_agg_fill_slot(RustsAggNode *node, const RustsGroup *group,
					TupleTableSlot *slot)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	MemoryContext old_cxt =
		MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	int			i;

	ExecClearTuple(slot);
	for (i = 0; i < node->noutputs; i++)
	{
		int			value = node->values[i];

		switch (node->outputs[i].kind)
		{
			case RUSTS_OUTPUT_TAG:
				{
					RustsBytes	tag = rusts_tuples_value(node->tuples,
														 group->tuple, value);

					slot->tts_isnull[i] = tag.data == NULL;
					slot->tts_values[i] = tag.data == NULL ? (Datum) 0 :
						PointerGetDatum(tag.data - VARHDRSZ);
					break;
				}
			case RUSTS_OUTPUT_BUCKET:
				slot->tts_isnull[i] = group->bucket_null;
				slot->tts_values[i] = Int64GetDatum(group->bucket);
				break;
			case RUSTS_OUTPUT_AGG:
				{
					const RustsAgg *agg = &node->aggs[value];

					slot->tts_values[i] =
						rusts_agg_result(agg, (const RustsAggState *)
										 (RUSTS_GROUP_STATES(group) +
										  agg->offset),
										 &slot->tts_isnull[i]);
					break;
				}
		}
	}
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(old_cxt);
}
