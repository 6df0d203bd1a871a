/*-------------------------------------------------------------------------
 *
 * blocks.c
 *	  Where a batch is cut into blocks, and where the series begin in them.
 *
 * Rows are cut so that a series of some length has blocks of its own: it is
 * divided evenly into blocks of at most RUSTS_BLOCK_ROWS rows.  Shorter
 * series share blocks, whole.  Blocks of wide rows are shorter.
 *
 * src/segment/blocks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "segment/blocks.h"

/* A series this long gets blocks of its own. */
#define OWN_BLOCKS_ROWS		(RUSTS_BLOCK_ROWS / 2)

/* Blocks with more bytes of strings than this in a column are cut. */
#define MAX_BLOCK_BYTES		(4 * 1024 * 1024)

static void cut_series(const RustsBatch *batch, RustsBlocks *out);
static void cut_wide_blocks(const RustsBatch *batch, RustsBlocks *out);
static void find_runs(const RustsBatch *batch, RustsBlocks *out);
static void add_block(RustsBlocks *out, uint32 first_row, uint32 nrows);

void
rusts_blocks_cut(const RustsBatch *batch, RustsBlocks *blocks)
{
	memset(blocks, 0, sizeof(*blocks));
	cut_series(batch, blocks);
	cut_wide_blocks(batch, blocks);
	find_runs(batch, blocks);
}

/* Cut the rows into blocks along the series. */
static void
cut_series(const RustsBatch *batch, RustsBlocks *out)
{
	uint32		row = 0;
	uint32		start = 0;		/* of the block that short series share */
	uint32		s;

	out->max_blocks = batch->nrows / OWN_BLOCKS_ROWS + 16;
	out->blocks = palloc_array(RustsBlock, out->max_blocks);
	for (s = 0; s < batch->nseries; s++)
	{
		uint32		nrows = batch->series_rows[s];

		if (nrows < OWN_BLOCKS_ROWS)
		{
			if (row + nrows - start > RUSTS_BLOCK_ROWS)
			{
				add_block(out, start, row - start);
				start = row;
			}
			row += nrows;
		}
		else
		{
			uint32		pieces = (nrows + RUSTS_BLOCK_ROWS - 1) /
				RUSTS_BLOCK_ROWS;
			uint32		i;

			if (row > start)
				add_block(out, start, row - start);
			for (i = 0; i < pieces; i++)
			{
				uint32		from = (uint64) nrows * i / pieces;
				uint32		to = (uint64) nrows * (i + 1) / pieces;

				add_block(out, row + from, to - from);
			}
			row += nrows;
			start = row;
		}
	}
	if (row > start)
		add_block(out, start, row - start);
	Assert(row == batch->nrows);
}

static void
add_block(RustsBlocks *out, uint32 first_row, uint32 nrows)
{
	if (out->nblocks == out->max_blocks)
	{
		out->max_blocks *= 2;
		out->blocks = repalloc_huge(out->blocks,
									   sizeof(RustsBlock) * out->max_blocks);
	}
	out->blocks[out->nblocks].first_row = first_row;
	out->blocks[out->nblocks].nrows = nrows;
	out->nblocks++;
}

/* Cut blocks whose strings are too large again, down to single rows. */
static void
cut_wide_blocks(const RustsBatch *batch, RustsBlocks *out)
{
	uint32		b;
	int			c;

	for (c = 0; c < batch->ncolumns; c++)
	{
		const RustsBatchColumn *col = &batch->columns[c];
		const RustsBytes *values = col->values;
		RustsBlock *old;
		uint32		nold;
		uint64		total = 0;
		uint32		i;

		if (col->column->kind != RUSTS_KIND_BYTES || values == NULL)
			continue;
		for (i = 0; i < col->nrows; i++)
		{
			if (col->nulls == NULL || !rusts_bitmap_test(col->nulls, i))
				total += values[i].len;
		}
		if (total <= MAX_BLOCK_BYTES)
			continue;

		old = out->blocks;
		nold = out->nblocks;
		out->blocks = palloc_array(RustsBlock, out->max_blocks);
		out->nblocks = 0;
		for (b = 0; b < nold; b++)
		{
			uint32		start = old[b].first_row;
			uint32		end = start + old[b].nrows;
			uint64		bytes = 0;

			for (i = start; i < end; i++)
			{
				uint32		row = batch->order ? batch->order[i] : i;
				uint32		len = 0;

				if (row < col->nrows &&
					(col->nulls == NULL ||
					 !rusts_bitmap_test(col->nulls, row)))
					len = values[row].len;
				if (bytes + len > MAX_BLOCK_BYTES && i > start)
				{
					add_block(out, start, i - start);
					start = i;
					bytes = 0;
				}
				bytes += len;
			}
			add_block(out, start, end - start);
		}
	}
}

/* Find out where the series begin in each block. */
static void
find_runs(const RustsBatch *batch, RustsBlocks *out)
{
	uint32		series = 0;
	uint32		series_end = batch->series_rows[0];
	uint32		b;

	out->runs = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(uint32) *
										  ((size_t) batch->nseries +
										   out->nblocks));
	for (b = 0; b < out->nblocks; b++)
	{
		RustsBlock *block = &out->blocks[b];

		block->first_run = out->nruns;
		out->runs[out->nruns++] = 0;
		while (series_end < block->first_row + block->nrows)
		{
			if (series_end > block->first_row)
				out->runs[out->nruns++] = series_end - block->first_row;
			series_end += batch->series_rows[++series];
		}
		if (series_end == block->first_row + block->nrows &&
			series + 1 < batch->nseries)
			series_end += batch->series_rows[++series];
		block->nruns = out->nruns - block->first_run;
	}
}
