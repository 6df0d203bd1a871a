/*-------------------------------------------------------------------------
 *
 * block_scan.h
 *	  The rows of a measurement that meet some conditions, block by block.
 *
 * src/exec/block_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BLOCK_SCAN_H
#define RUSTS_BLOCK_SCAN_H

#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "utils/relcache.h"

#include "exec/condition.h"
#include "meta/directory.h"
#include "segment/reader.h"

/* What EXPLAIN ANALYZE tells. */
typedef enum RustsCounter
{
	RUSTS_COUNT_SEGMENTS,		/* visible */
	RUSTS_COUNT_SEGMENTS_TIME,	/* left out by their time */
	RUSTS_COUNT_SEGMENTS_BLOOM, /* ... by the filter over their tags */
	RUSTS_COUNT_SEGMENTS_SERIES,	/* ... since no series matched */
	RUSTS_COUNT_SEGMENTS_DIRECTORY, /* answered by the segment directory */
	RUSTS_COUNT_SEGMENTS_COLD,	/* opened, and in the cold tier */
	RUSTS_COUNT_BLOCKS,			/* of the segments that were opened */
	RUSTS_COUNT_BLOCKS_SERIES,	/* without rows of matching series */
	RUSTS_COUNT_BLOCKS_TIME,	/* left out by their time */
	RUSTS_COUNT_BLOCKS_MINMAX,	/* ... by another column's statistics */
	RUSTS_COUNT_BLOCKS_LATER,	/* ... since later rows were known */
	RUSTS_COUNT_BLOCKS_STATISTICS,	/* answered by statistics alone */
	RUSTS_COUNT_BLOCKS_DECODED, /* with any column decoded */
	RUSTS_COUNT_VALUES,			/* decoded */
	RUSTS_COUNT_BYTES,			/* decoded, as encoded */
	RUSTS_NCOUNTERS
} RustsCounter;

/* A column that the scan reads, as it is in the open segment. */
typedef struct RustsScanColumn
{
	const RustsColumn *column;
	int			index;			/* among the reader's columns, or -1 */
	int			tag;			/* among the reader's tags, or -1 */
	bool		same_kind;		/* statistics can be used */
	Datum		missing;		/* if neither: the value of all rows */
	bool		missing_null;
	RustsVector *vector;
	uint32		vector_block;	/* decoded, or PG_UINT32_MAX */
} RustsScanColumn;

/*
 * Where the values of some columns go in a slot, and where they come from in
 * the block at hand: what is to be done for each row is laid out once.
 */
typedef struct RustsFiller
{
	int			ncolumns;
	int		   *columns;		/* [ncolumns] in the scan's columns */
	TupleTableSlot *slot;		/* nobody else writes to its arrays */
	/* of the block that it has been prepared for */
	uint64		block_serial;	/* 0: none */
	int			nwords;			/* columns of eight bytes without nulls */
	int		   *word_places;	/* [ncolumns] in the slot's arrays */
	const uint64 **words;		/* [ncolumns] */
	int			nvectors;		/* other columns */
	int		   *vectors;		/* [ncolumns] in the scan's columns */
	int			ntags;
	int		   *tags;			/* [ncolumns] in the scan's columns */
	uint32		series;			/* whose tags are in the slot, or
								 * PG_UINT32_MAX */
} RustsFiller;

/* Consecutive rows of a block. */
typedef struct RustsItem
{
	uint32		block;
	uint32		from;			/* rows in the block */
	uint32		to;
} RustsItem;

/* Some rows that meet the conditions. */
typedef struct RustsChunk
{
	uint32		block;
	uint32		block_rows;		/* rows of the block */
	uint32		first_row;		/* its first row in the segment */
	uint32		from;			/* rows in the block, not empty */
	uint32		to;
	const uint64 *bits;			/* which of them, or NULL for all */
	uint32		nrows;			/* how many of them */
} RustsChunk;

/* In dynamic shared memory, where the scan is parallel. */
typedef struct RustsParallelScan
{
	pg_atomic_uint64 next_piece;
	pg_atomic_uint64 counters[RUSTS_NCOUNTERS];
} RustsParallelScan;

typedef struct RustsBlockScan
{
	Relation	rel;
	Index		varno;			/* in conditions */
	const RustsSchema *schema;
	Snapshot	snapshot;
	MemoryContext scan_cxt;		/* as long as the scan */
	MemoryContext params_cxt;	/* until parameters change */
	MemoryContext segment_cxt;	/* the open segment */
	ExprContext *econtext;		/* for conditions */
	TupleTableSlot *slot;		/* likewise */
	bool		count_all;		/* read the whole directory, for EXPLAIN */
	bool		backward;		/* latest segment, last block first */
	bool		by_time;		/* latest segment first, if backward; else
								 * in the order of row numbers */
	RustsParallelScan *parallel;
	uint64		counters[RUSTS_NCOUNTERS];

	int			nconditions;	/* the last one is the window */
	RustsCondition *conditions;
	bool		never;			/* no row can match */
	int			ncolumns;
	RustsScanColumn *columns;
	int		   *by_attno;		/* [natts] attno - 1 to columns, or -1 */
	int			nrow_columns;	/* those that row-wise conditions read */
	int		   *row_columns;

	/* Whether to open a segment that may have rows. */
	bool		(*want_entry) (void *arg, const RustsSegmentEntry *entry);
	/* Called when a segment has been opened, before its series are chosen. */
	void		(*opened) (void *arg);
	/* Whether a series that meets the conditions is wanted. */
	bool		(*want_series) (void *arg, uint32 series);
	/* Called before a chunk is made of an item; false leaves it out. */
	bool		(*want_item) (void *arg, const RustsItem *item);
	void	   *arg;

	bool		loaded;
	int64		loaded_low;		/* the times that entries were loaded for */
	int64		loaded_high;
	uint32		nentries;
	RustsSegmentEntry *entries;
	uint32	   *order;			/* [nentries] in which they are read */
	int64		at;				/* index in order of the open one */
	int64	   *rest;			/* [nentries + 1] smallest time from one on,
								 * or NULL */
	uint64	   *pieces_before;	/* parallel: [nentries + 1] */
	RustsReader *reader;		/* NULL: none is open */
	bool	   *settled;		/* [nconditions] by the choice of series */
	uint32		nitems;
	uint32		max_items;
	RustsItem  *items;
	int64		item;
	uint64		piece_end;		/* parallel: items of the piece at hand */
	RustsCodecScratch *scratch;
	RustsChunk	chunk;
	RustsReader *serial_reader; /* of the chunk's block, with */
	uint64		block_serial;	/* a number that no other block gets */
	uint64		bits[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		counted_block;	/* as decoded */
	uint32		series;			/* of the row asked for last */
} RustsBlockScan;

/*
 * Prepare to read the columns in attnos of the rows that meet clauses, in the
 * current memory context.  node is the scan node that it is for.
 */
extern RustsBlockScan *rusts_block_scan_begin(Relation rel, Index varno,
											  Snapshot snapshot,
											  Bitmapset *attnos,
											  List *clauses,
											  PlanState *node);
extern void rusts_block_scan_end(RustsBlockScan *scan);

/* Store what this transaction has buffered of the measurement. */
extern void rusts_block_scan_flush(RustsBlockScan *scan);

/* Begin anew, with parameters as they are now. */
extern void rusts_block_scan_rescan(RustsBlockScan *scan);

/*
 * Begin anew, with the same parameters, and only rows with a time in the
 * inclusive range.
 */
extern void rusts_block_scan_window(RustsBlockScan *scan, int64 low,
									int64 high);

/* The same without a window. */
extern void rusts_block_scan_all_times(RustsBlockScan *scan);

/* Begin anew with the same parameters and window. */
extern void rusts_block_scan_restart(RustsBlockScan *scan);

/*
 * The smallest and the largest time of segments to be read, an upper bound
 * of their rows; false if there are none.  Sees entries without time as well
 * (in *nrows only).
 */
extern bool rusts_block_scan_extent(RustsBlockScan *scan, int64 *low,
									int64 *high, int64 *nrows);

/*
 * Rows from the open segment on are from this time on, or up to it if the scan
 * is backward.  With by_time, not parallel.
 */
extern int64 rusts_block_scan_rest(RustsBlockScan *scan);

/* Move the ends of a range of times inwards to what segments have. */
extern void rusts_block_scan_finite(RustsBlockScan *scan, int64 *low,
									int64 *high);

/* Do all rows of a segment meet the conditions, as far as its times tell? */
extern bool rusts_block_scan_covers(RustsBlockScan *scan,
									const RustsSegmentEntry *entry);

/* The next rows, in scan->chunk; false at the end. */
extern bool rusts_block_scan_next(RustsBlockScan *scan);

/*
 * The rows before those at hand, in scan->chunk; false at the beginning.
 * After the end these are the last ones.  Not for parallel scans, and not
 * together with scan->backward.
 */
extern bool rusts_block_scan_prev(RustsBlockScan *scan);

/*
 * The values of a column (an index in scan->columns) in the chunk's block.
 * NULL if the segment turned out to be corrupt (and is skipped).  Not for
 * tags of the segment.
 */
extern RustsVector *rusts_block_scan_vector(RustsBlockScan *scan, int column);

/* Statistics of a column's block, or NULL. */
extern const int64 *rusts_block_scan_stat(RustsBlockScan *scan, int column,
										  RustsStat stat);

/*
 * Values of columns (indexes in scan->columns) for a row of the chunk's
 * block, to slot's arrays.  False as for rusts_block_scan_vector.
 */
extern bool rusts_block_scan_fill(RustsBlockScan *scan, uint32 row,
								  const int *columns, int ncolumns,
								  TupleTableSlot *slot);

/*
 * The same for many rows: the filler's slot gets the values of its columns.
 */
extern RustsFiller *rusts_filler_create(RustsBlockScan *scan,
										const int *columns, int ncolumns,
										TupleTableSlot *slot);
extern bool rusts_filler_prepare(RustsBlockScan *scan, RustsFiller *filler);

extern void rusts_filler_tags(RustsBlockScan *scan, RustsFiller *filler,
							  uint32 series);

/* The series of a row of the chunk's block. */
static inline uint32
rusts_block_scan_series(RustsBlockScan *scan, uint32 row)
{
	const uint32 *series_rows = scan->reader->series_rows;
	uint32		in_segment = scan->chunk.first_row + row;

	while (in_segment < series_rows[scan->series])
		scan->series--;
	while (in_segment >= series_rows[scan->series + 1])
		scan->series++;
	return scan->series;
}

static inline bool
rusts_filler_fill(RustsBlockScan *scan, RustsFiller *filler, uint32 row)
{
	Datum	   *values = filler->slot->tts_values;
	bool	   *isnull = filler->slot->tts_isnull;
	int			i;

	if (filler->block_serial != scan->block_serial &&
		!rusts_filler_prepare(scan, filler))
		return false;
	for (i = 0; i < filler->nwords; i++)
		values[filler->word_places[i]] = (Datum) filler->words[i][row];
	for (i = 0; i < filler->nvectors; i++)
	{
		const RustsScanColumn *column = &scan->columns[filler->vectors[i]];
		int			at = column->column->attno - 1;

		values[at] = rusts_vector_datum(column->vector, row,
										column->column->typlen, &isnull[at]);
	}
	if (filler->ntags > 0)
	{
		uint32		series = rusts_block_scan_series(scan, row);

		if (series != filler->series)
			rusts_filler_tags(scan, filler, series);
	}
	return true;
}

#endif							/* RUSTS_BLOCK_SCAN_H */
