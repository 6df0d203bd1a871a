/*-------------------------------------------------------------------------
 *
 * block_chunk.c
 *	  Which rows of a block meet a scan's conditions.
 *
 * src/exec/block_chunk.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"

#include "compat.h"
#include "exec/block_scan_internal.h"
#include "vector/aggregate.h"
#include "vector/filter.h"

static bool apply_condition(RustsBlockScan *scan, RustsCondition *condition,
							bool *skip);
static bool narrow_to_times(RustsBlockScan *scan, RustsCondition *condition,
							const RustsVector *vector);
static void leave_out_deleted(RustsBlockScan *scan);
static uint64 *chunk_bits(RustsBlockScan *scan);
static void filter_values(RustsBlockScan *scan, RustsCondition *condition,
						  const RustsVector *vector, uint64 *bits);
static bool filter_rows(RustsBlockScan *scan, RustsCondition *condition,
						uint64 *bits);

/* Find the rows of an item that meet the conditions; false if none does. */
bool
rusts_block_scan_chunk(RustsBlockScan *scan, const RustsItem *item)
{
	RustsReader *reader = scan->reader;
	RustsChunk *chunk = &scan->chunk;
	int			i;

	if (scan->want_item != NULL && !scan->want_item(scan->arg, item))
		return false;
	/* The vectors of another block, or of another segment. */
	if (scan->serial_reader != scan->reader || chunk->block != item->block)
		scan->block_serial++;
	scan->serial_reader = scan->reader;
	chunk->block = item->block;
	chunk->first_row = reader->block_rows[item->block];
	chunk->block_rows = reader->block_rows[item->block + 1] -
		chunk->first_row;
	chunk->from = item->from;
	chunk->to = item->to;
	chunk->bits = NULL;
	scan->series = reader->block_series[item->block];
	if (scan->counted_block != item->block)
		scan->counted_block = PG_UINT32_MAX;

	if (reader->entry.deleted != NULL)
		leave_out_deleted(scan);

	/* The window goes first: it is about the time. */
	for (i = -1; i < scan->nconditions - 1; i++)
	{
		RustsCondition *condition =
			&scan->conditions[i < 0 ? scan->nconditions - 1 : i];
		bool		skip = false;

		if (condition->always)
			continue;
		if (!apply_condition(scan, condition, &skip) || skip)
			return false;
	}
	if (chunk->bits == NULL)
		chunk->nrows = chunk->to - chunk->from;
	else
		chunk->nrows = rusts_count_bits(chunk->bits, chunk->from, chunk->to);
	return chunk->nrows > 0;
}

/*
 * Leave those rows of the chunk that meet a condition.  Sets *skip if none
 * can be left.  False if the segment turned out to be corrupt.
 */
static bool
apply_condition(RustsBlockScan *scan, RustsCondition *condition, bool *skip)
{
	RustsChunk *chunk = &scan->chunk;
	const RustsClause *clause = &condition->clause;
	RustsScanColumn *column = NULL;
	int			c = -1;
	RustsVector *vector;
	uint64	   *bits;

	if (clause->attno != InvalidAttrNumber)
	{
		c = scan->by_attno[clause->attno - 1];
		column = &scan->columns[c];
	}

	/* Has it been settled for whole series? */
	if (scan->settled[condition - scan->conditions])
		return true;

	if (condition->generic || clause->kind == RUSTS_CLAUSE_SERIES ||
		clause->kind == RUSTS_CLAUSE_ROW)
		return filter_rows(scan, condition, chunk_bits(scan));

	if (column->index >= 0 && column->same_kind &&
		(clause->kind == RUSTS_CLAUSE_INT ||
		 clause->kind == RUSTS_CLAUSE_FLOAT ||
		 clause->kind == RUSTS_CLAUSE_NULL))
	{
		bool		may;
		bool		must;

		rusts_condition_check_block(condition, scan->reader, column->index,
									chunk->block, &may, &must);
		*skip = !may;
		if (!may || must)
			return !scan->reader->corrupt;
	}

	vector = rusts_block_scan_vector(scan, c);
	if (vector == NULL)
		return false;
	if (clause->kind == RUSTS_CLAUSE_INT &&
		column->column->role == RUSTS_ROLE_TIME &&
		narrow_to_times(scan, condition, vector))
	{
		*skip = chunk->from >= chunk->to;
		return true;
	}
	bits = chunk_bits(scan);
	if (clause->kind == RUSTS_CLAUSE_VALUE)
		filter_values(scan, condition, vector, bits);
	else
	{
		rusts_condition_learn(condition, vector, bits, scan->econtext,
							  scan->slot);
		rusts_condition_filter(condition, vector, bits);
	}
	*skip = rusts_next_bit(bits, chunk->from, chunk->to) >= chunk->to;
	return true;
}

/*
 * Times ascend within a series: a range of them is a range of rows.  False
 * if the rows are of several series or the condition is another.
 */
static bool
narrow_to_times(RustsBlockScan *scan, RustsCondition *condition,
				const RustsVector *vector)
{
	RustsChunk *chunk = &scan->chunk;
	const RustsReader *reader = scan->reader;
	uint32		series;
	uint32		to;

	if (condition->clause.is_array || condition->clause.test == RUSTS_TEST_NE)
		return false;
	series = rusts_block_scan_series(scan, chunk->from);
	if (reader->series_rows[series + 1] < chunk->first_row + chunk->to)
		return false;

	/* A null time comes last in its series. */
	to = chunk->to;
	if (vector->nnulls > 0)
	{
		while (to > chunk->from && rusts_bitmap_test(vector->nulls, to - 1))
			to--;
	}
	chunk->from = rusts_lower_bound(vector->v.ints, chunk->from, to,
									condition->low);
	if (condition->high < PG_INT64_MAX)
		to = rusts_lower_bound(vector->v.ints, chunk->from, to,
							   condition->high + 1);
	chunk->to = to;
	return true;
}

static void
leave_out_deleted(RustsBlockScan *scan)
{
	const RustsChunk *chunk = &scan->chunk;
	const uint64 *deleted = scan->reader->entry.deleted;
	uint32		end = chunk->first_row + chunk->to;
	uint32		row = rusts_next_bit(deleted, chunk->first_row + chunk->from,
									 end);

	for (; row < end; row = rusts_next_bit(deleted, row + 1, end))
		rusts_bitmap_clear(chunk_bits(scan), row - chunk->first_row);
}

/* The chunk's rows as a bitmap to clear bits in. */
static uint64 *
chunk_bits(RustsBlockScan *scan)
{
	if (scan->chunk.bits == NULL)
	{
		rusts_fill_bits(scan->bits, scan->chunk.block_rows, scan->chunk.from,
						scan->chunk.to);
		scan->chunk.bits = scan->bits;
	}
	return scan->bits;
}

/* Ask once for each distinct value, and once for null. */
static void
filter_values(RustsBlockScan *scan, RustsCondition *condition,
			  const RustsVector *vector, uint64 *bits)
{
	RustsChunk *chunk = &scan->chunk;
	TupleTableSlot *slot = scan->slot;
	AttrNumber	attno = condition->clause.attno;
	int8		answers[RUSTS_BLOCK_ROWS + 1];
	uint32		row;

	memset(answers, -1, sizeof(answers));
	for (row = rusts_next_bit(bits, chunk->from, chunk->to);
		 row < chunk->to;
		 row = rusts_next_bit(bits, row + 1, chunk->to))
	{
		bool		isnull = vector->nnulls > 0 &&
			rusts_bitmap_test(vector->nulls, row);
		uint32		which = isnull ? RUSTS_BLOCK_ROWS :
			vector->v.bytes.index[row];

		if (answers[which] < 0)
		{
			ExecClearTuple(slot);
			memset(slot->tts_isnull, true,
				   sizeof(bool) * scan->schema->natts);
			slot->tts_isnull[attno - 1] = isnull;
			if (!isnull)
				slot->tts_values[attno - 1] = vector->v.bytes.datums[which];
			ExecStoreVirtualTuple(slot);
			scan->econtext->ecxt_scantuple = slot;
			answers[which] = ExecQual(condition->qual, scan->econtext);
			ResetExprContext(scan->econtext);
		}
		if (!answers[which])
			rusts_bitmap_clear(bits, row);
	}
}

/* Ask for each row.  False if the segment turned out to be corrupt. */
static bool
filter_rows(RustsBlockScan *scan, RustsCondition *condition, uint64 *bits)
{
	RustsChunk *chunk = &scan->chunk;
	TupleTableSlot *slot = scan->slot;
	uint32		row;

	for (row = rusts_next_bit(bits, chunk->from, chunk->to);
		 row < chunk->to;
		 row = rusts_next_bit(bits, row + 1, chunk->to))
	{
		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, sizeof(bool) * scan->schema->natts);
		if (!rusts_block_scan_fill(scan, row, scan->row_columns,
								   scan->nrow_columns, slot))
			return false;
		ExecStoreVirtualTuple(slot);
		scan->econtext->ecxt_scantuple = slot;
		if (!ExecQual(condition->qual, scan->econtext))
			rusts_bitmap_clear(bits, row);
		ResetExprContext(scan->econtext);
	}
	return true;
}
