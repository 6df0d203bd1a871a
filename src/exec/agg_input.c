/*-------------------------------------------------------------------------
 *
 * agg_input.c
 *	  Chunks of rows into the groups of RustsAgg.
 *
 * Rows are sorted by series and time, so the rows of a group are a few ranges
 * of rows in each block: there is one look-up per range, not per row, and the
 * range is reduced by loops over arrays.  A range that is a whole block is
 * answered by the block's statistics where these are enough; a bucket that
 * holds a block from its smallest to its largest time holds all of it.
 *
 * src/exec/agg_input.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "datatype/timestamp.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "exec/agg_node.h"
#include "vector/aggregate.h"
#include "vector/filter.h"

/* A group has met a value: for count(DISTINCT). */
typedef struct DistinctKey
{
	const RustsGroup *group;
	uint32		agg;
	uint32		value;
} DistinctKey;

typedef struct DistinctEntry
{
	DistinctKey key;
	char		status;
} DistinctEntry;

static inline uint32
hash_distinct(DistinctKey key)
{
	return murmurhash32(key.group->number) ^ murmurhash32(key.value * 31 +
														  key.agg);
}

#define SH_PREFIX		distinct
#define SH_ELEMENT_TYPE	DistinctEntry
#define SH_KEY_TYPE		DistinctKey
#define SH_KEY			key
#define SH_HASH_KEY(tb, k)	hash_distinct(k)
#define SH_EQUAL(tb, a, b)	((a).group == (b).group && \
							 (a).value == (b).value && (a).agg == (b).agg)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static bool filter_residual(RustsAggNode *node);
static bool add_by_row(RustsAggNode *node);
static uint32 row_tuple(RustsAggNode *node, uint32 row);
static bool add_run(RustsAggNode *node, uint32 tuple, uint32 from, uint32 to);
static bool add_slice(RustsAggNode *node, RustsGroup *group, uint32 from,
					  uint32 to);
static bool filter_agg(RustsAggNode *node, int agg);
static bool filter_by_row(RustsAggNode *node, const RustsCondition *condition,
						  uint64 *bits);
static bool count_distinct(RustsAggNode *node, int agg, RustsGroup *group,
						   RustsAggState *state, uint32 from,
						   uint32 to, const uint64 *bits);

void
rusts_agg_reset_groups(RustsAggNode *node)
{
	rusts_groups_reset(&node->groups);
	node->distinct_pairs = NULL;
	node->next_group = 0;
	node->nready = 0;
}

bool
rusts_agg_add_chunk(RustsAggNode *node)
{
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	uint32		row;
	int			i;

	for (i = 0; i < node->naggs; i++)
		node->aggs[i].filtered = false;
	if (node->child->css.ss.ps.qual != NULL && !filter_residual(node))
		return !scan->reader->corrupt;
	if (!node->need_series)
		return add_slice(node, rusts_groups_find(&node->groups, 0, 0, false),
						 chunk->from, chunk->to);
	if (node->keys_by_row)
		return add_by_row(node);

	for (row = chunk->from; row < chunk->to;)
	{
		uint32		series = rusts_block_scan_series(scan, row);
		uint32		end = Min(chunk->to,
							  scan->reader->series_rows[series + 1] -
							  chunk->first_row);

		if (chunk->bits == NULL ||
			rusts_next_bit(chunk->bits, row, end) < end)
		{
			if (!add_run(node, node->ntags == 0 ? 0 :
						 rusts_agg_series_tuple(node, series), row, end))
				return false;
		}
		row = end;
	}
	return true;
}

/*
 * Conditions that the scan does not check, row by row.  False if no row is
 * left.
 */
static bool
filter_residual(RustsAggNode *node)
{
	RustsScanState *child = node->child;
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	ExprContext *econtext = child->css.ss.ps.ps_ExprContext;
	TupleTableSlot *slot = child->css.ss.ss_ScanTupleSlot;
	uint32		row;

	if (chunk->bits == NULL)
	{
		rusts_fill_bits(scan->bits, chunk->block_rows, chunk->from, chunk->to);
		chunk->bits = scan->bits;
	}
	for (row = rusts_next_bit(scan->bits, chunk->from, chunk->to);
		 row < chunk->to;
		 row = rusts_next_bit(scan->bits, row + 1, chunk->to))
	{
		if (!rusts_scan_fill_row(child, row))
			return false;
		econtext->ecxt_scantuple = slot;
		if (!ExecQual(child->css.ss.ps.qual, econtext))
		{
			rusts_bitmap_clear(scan->bits, row);
			InstrCountFiltered1(&child->css, 1);
		}
		ResetExprContext(econtext);
	}
	chunk->nrows = rusts_count_bits(scan->bits, chunk->from, chunk->to);
	return chunk->nrows > 0;
}

void
rusts_agg_opened(void *arg)
{
	RustsAggNode *node = arg;
	RustsBlockScan *scan = node->scan;
	int			i;

	node->keys_by_row = false;
	node->series_tuples = NULL;
	for (i = 0; i < node->ntags; i++)
	{
		const RustsScanColumn *column = &scan->columns[node->tag_columns[i]];

		if (column->tag < 0)
			node->keys_by_row = true;
		else
			(void) rusts_parts_load_tag(scan->reader, column->tag);
	}
	if (node->ntags > 0 && !node->keys_by_row)
	{
		Size		size = sizeof(uint32) * (Size) scan->reader->nseries;

		node->series_tuples = MemoryContextAllocHuge(scan->segment_cxt, size);
		memset(node->series_tuples, 0xff, size);
	}
}

uint32
rusts_agg_series_tuple(RustsAggNode *node, uint32 series)
{
	RustsReader *reader = node->scan->reader;
	RustsBytes	values[MaxTupleAttributeNumber];
	int			i;

	if (node->series_tuples[series] != PG_UINT32_MAX)
		return node->series_tuples[series];
	for (i = 0; i < node->ntags; i++)
	{
		int			tag = node->scan->columns[node->tag_columns[i]].tag;
		const RustsBytes *value = rusts_reader_tag_value(reader, tag, series);

		if (value != NULL)
			values[i] = *value;
		else
			values[i] = (RustsBytes) {NULL, 0};
	}
	node->series_tuples[series] = rusts_tuples_find(node->tuples, values);
	return node->series_tuples[series];
}

/* Keys are not tags in this segment: each row has its own. */
static bool
add_by_row(RustsAggNode *node)
{
	RustsChunk *chunk = &node->scan->chunk;
	uint32		row;

	for (row = chunk->from; row < chunk->to; row++)
	{
		uint32		tuple;

		if (chunk->bits != NULL && !rusts_bitmap_test(chunk->bits, row))
			continue;
		tuple = row_tuple(node, row);
		if (tuple == PG_UINT32_MAX)
			return false;
		if (!rusts_agg_tuple_in_pass(node, tuple))
			continue;
		if (!add_run(node, tuple, row, row + 1))
			return false;
	}
	return true;
}

void
rusts_agg_collect_rows(RustsAggNode *node)
{
	RustsChunk *chunk = &node->scan->chunk;
	uint32		row;

	for (row = chunk->from; row < chunk->to; row++)
	{
		if ((chunk->bits == NULL || rusts_bitmap_test(chunk->bits, row)) &&
			row_tuple(node, row) == PG_UINT32_MAX)
			return;
	}
}

/* The tuple of a row, PG_UINT32_MAX if the segment is corrupt. */
static uint32
row_tuple(RustsAggNode *node, uint32 row)
{
	RustsBlockScan *scan = node->scan;
	TupleTableSlot *slot = scan->slot;
	RustsBytes	values[MaxTupleAttributeNumber];
	int			i;

	if (!rusts_block_scan_fill(scan, row, node->tag_columns, node->ntags,
							   slot))
		return PG_UINT32_MAX;
	for (i = 0; i < node->ntags; i++)
	{
		int			at = scan->columns[node->tag_columns[i]].column->attno - 1;

		values[i] = (RustsBytes) {NULL, 0};
		if (!slot->tts_isnull[at])
		{
			struct varlena *value =
				(struct varlena *) DatumGetPointer(slot->tts_values[at]);

			values[i].data = VARDATA_ANY(value);
			values[i].len = VARSIZE_ANY_EXHDR(value);
		}
	}
	return rusts_tuples_find(node->tuples, values);
}

/* Rows of one series, of which some are wanted. */
static bool
add_run(RustsAggNode *node, uint32 tuple, uint32 from, uint32 to)
{
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	RustsVector *times;
	RustsBucket bucket;
	uint32		end = to;
	uint32		row;

	if (node->buckets == NULL)
		return add_slice(node, rusts_groups_find(&node->groups, tuple, 0,
												 false), from, to);

	/* Is the whole block in one bucket? */
	if (node->shortcuts && from == 0 && to == chunk->block_rows)
	{
		const int64 *nulls = rusts_block_scan_stat(scan, node->time,
												   RUSTS_STAT_NULLS);
		const int64 *min = rusts_block_scan_stat(scan, node->time,
												 RUSTS_STAT_MIN);
		const int64 *max = rusts_block_scan_stat(scan, node->time,
												 RUSTS_STAT_MAX);

		if (nulls != NULL && min != NULL && max != NULL &&
			nulls[chunk->block] == 0 &&
			!TIMESTAMP_NOT_FINITE(min[chunk->block]) &&
			!TIMESTAMP_NOT_FINITE(max[chunk->block]))
		{
			rusts_buckets_find(node->buckets, min[chunk->block],
							   max[chunk->block], &bucket);
			if (max[chunk->block] < bucket.high)
				return add_slice(node,
								 rusts_groups_find(&node->groups, tuple,
												   bucket.value,
												   bucket.isnull), from, to);
		}
	}

	times = rusts_block_scan_vector(scan, node->time);
	if (times == NULL)
		return false;
	while (times->nnulls > 0 && end > from &&
		   rusts_bitmap_test(times->nulls, end - 1))
		end--;
	for (row = from; row < end;)
	{
		uint32		next;
		int64		last;

		if (chunk->bits != NULL)
		{
			row = rusts_next_bit(chunk->bits, row, end);
			if (row >= end)
				break;
		}
		last = times->v.ints[end - 1];
		if (TIMESTAMP_IS_NOEND(last) &&
			!TIMESTAMP_NOT_FINITE(times->v.ints[row]))
			last = times->v.ints[rusts_lower_bound(times->v.ints, row, end,
												   PG_INT64_MAX) - 1];
		rusts_buckets_find(node->buckets, times->v.ints[row], last, &bucket);
		next = bucket.high == PG_INT64_MAX ? end :
			rusts_lower_bound(times->v.ints, row + 1, end, bucket.high);
		if (!add_slice(node, rusts_groups_find(&node->groups, tuple,
											   bucket.value, bucket.isnull),
					   row, next))
			return false;
		row = next;
	}
	if (end < to &&
		(chunk->bits == NULL || rusts_next_bit(chunk->bits, end, to) < to))
		return add_slice(node, rusts_groups_find(&node->groups, tuple, 0,
												 true), end, to);
	return true;
}

/* Rows of one group, at least one of which is wanted. */
static bool
add_slice(RustsAggNode *node, RustsGroup *group, uint32 from, uint32 to)
{
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	bool		whole = node->shortcuts && chunk->bits == NULL && from == 0 &&
		to == chunk->block_rows;
	uint32		nrows = chunk->bits == NULL ? to - from :
		rusts_count_bits(chunk->bits, from, to);
	int			i;

	for (i = 0; i < node->naggs; i++)
	{
		RustsAgg   *agg = &node->aggs[i];
		RustsAggState *state =
			(RustsAggState *) (RUSTS_GROUP_STATES(group) + agg->offset);
		const uint64 *bits = chunk->bits;
		uint32		n = nrows;

		if (node->filters[i] != NULL)
		{
			if (!agg->filtered && !filter_agg(node, i))
				return false;
			bits = agg->bits;
			n = rusts_count_bits(bits, from, to);
			if (n == 0)
				continue;
		}
		else if (whole && agg->output->agg != RUSTS_AGG_COUNT_DISTINCT &&
				 rusts_agg_add_statistics(agg, state, scan,
										  node->groups.cxt))
			continue;
		if (agg->output->agg == RUSTS_AGG_COUNT_DISTINCT)
		{
			if (!count_distinct(node, i, group, state, from, to, bits))
				return false;
		}
		else if (!rusts_agg_add(agg, state, scan, from, to, bits, n,
								node->groups.cxt))
			return false;
	}
	if (whole && scan->counted_block != chunk->block)
		scan->counters[RUSTS_COUNT_BLOCKS_STATISTICS]++;
	return true;
}

/* The rows of the chunk that an aggregate's FILTER lets pass. */
static bool
filter_agg(RustsAggNode *node, int index)
{
	RustsAgg   *agg = &node->aggs[index];
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	int			f;

	if (chunk->bits != NULL)
		memcpy(agg->bits, chunk->bits, sizeof(uint64) *
			   RUSTS_BITMAP_WORDS(chunk->block_rows));
	else
		rusts_fill_bits(agg->bits, chunk->block_rows, chunk->from, chunk->to);
	for (f = 0; f < node->nfilters[index]; f++)
	{
		RustsCondition *condition = &node->filters[index][f];
		const RustsClause *clause = &condition->clause;
		int			c = -1;

		if (condition->always)
			continue;
		if (condition->never)
		{
			memset(agg->bits, 0, sizeof(uint64) *
				   RUSTS_BITMAP_WORDS(chunk->block_rows));
			break;
		}
		if (clause->attno != InvalidAttrNumber)
			c = scan->by_attno[clause->attno - 1];
		if (!condition->generic && c >= 0 && scan->columns[c].tag < 0 &&
			(clause->kind == RUSTS_CLAUSE_INT ||
			 clause->kind == RUSTS_CLAUSE_FLOAT ||
			 clause->kind == RUSTS_CLAUSE_NULL ||
			 clause->kind == RUSTS_CLAUSE_BOOL))
		{
			RustsVector *vector = rusts_block_scan_vector(scan, c);

			if (vector == NULL)
				return false;
			rusts_condition_learn(condition, vector, agg->bits,
								  scan->econtext, scan->slot);
			rusts_condition_filter(condition, vector, agg->bits);
		}
		else if (!filter_by_row(node, condition, agg->bits))
			return false;
	}
	agg->filtered = true;
	return true;
}

static bool
filter_by_row(RustsAggNode *node, const RustsCondition *condition,
			  uint64 *bits)
{
	RustsScanState *child = node->child;
	RustsBlockScan *scan = node->scan;
	RustsChunk *chunk = &scan->chunk;
	TupleTableSlot *slot = scan->slot;
	uint32		row;

	for (row = rusts_next_bit(bits, chunk->from, chunk->to);
		 row < chunk->to;
		 row = rusts_next_bit(bits, row + 1, chunk->to))
	{
		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, sizeof(bool) * scan->schema->natts);
		if (!rusts_block_scan_fill(scan, row, child->output, child->noutput,
								   slot))
			return false;
		ExecStoreVirtualTuple(slot);
		scan->econtext->ecxt_scantuple = slot;
		if (!ExecQual(condition->qual, scan->econtext))
			rusts_bitmap_clear(bits, row);
		ResetExprContext(scan->econtext);
	}
	return true;
}

/* count(DISTINCT tag) of rows of one series. */
static bool
count_distinct(RustsAggNode *node, int index, RustsGroup *group,
			   RustsAggState *state, uint32 from, uint32 to,
			   const uint64 *bits)
{
	RustsBlockScan *scan = node->scan;
	RustsAgg   *agg = &node->aggs[index];
	uint32		row;

	if (node->distinct_pairs == NULL)
		node->distinct_pairs = distinct_create(node->groups.cxt, 64, NULL);
	for (row = from; row < to; row++)
	{
		DistinctKey key = {.group = group, .agg = index};
		RustsBytes	value = {NULL, 0};
		bool		found;
		int			at = scan->columns[agg->column].column->attno - 1;

		if (bits != NULL)
		{
			row = rusts_next_bit(bits, row, to);
			if (row >= to)
				break;
		}
		if (!rusts_block_scan_fill(scan, row, &agg->column, 1, scan->slot))
			return false;
		if (!scan->slot->tts_isnull[at])
		{
			struct varlena *text =
				(struct varlena *) DatumGetPointer(scan->slot->tts_values[at]);

			value.data = VARDATA_ANY(text);
			value.len = VARSIZE_ANY_EXHDR(text);
			key.value = rusts_tuples_find(node->distinct[index], &value);
			distinct_insert(node->distinct_pairs, key, &found);
			if (!found)
				state->count++;
		}

		/* All rows of a series have the same tags. */
		if (scan->columns[agg->column].tag >= 0)
			break;
	}
	return true;
}
