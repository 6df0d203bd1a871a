/*-------------------------------------------------------------------------
 *
 * blocks.h
 *	  Where a batch is cut into blocks, and where the series begin in them.
 *
 * src/segment/blocks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BLOCKS_H
#define RUSTS_BLOCKS_H

#include "segment/batch.h"

/* Where a block's rows and runs are. */
typedef struct RustsBlock
{
	uint32		first_row;
	uint32		nrows;
	uint32		first_run;		/* in RustsBlocks.runs */
	uint32		nruns;
} RustsBlock;

typedef struct RustsBlocks
{
	uint32		nblocks;
	uint32		max_blocks;
	RustsBlock *blocks;
	uint32		nruns;
	uint32	   *runs;			/* first rows, relative to their block */
} RustsBlocks;

/* Cut a batch into blocks, in the current memory context. */
extern void rusts_blocks_cut(const RustsBatch *batch, RustsBlocks *blocks);

#endif							/* RUSTS_BLOCKS_H */
