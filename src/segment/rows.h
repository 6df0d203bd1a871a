/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  A segment row by row.
 *
 * src/segment/rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ROWS_H
#define RUSTS_ROWS_H

#include "segment/reader.h"

/* Where the rows' attributes come from, and one decoded block. */
typedef struct RustsRows
{
	RustsReader *reader;
	TupleDesc	desc;
	int		   *sources;		/* [natts] */
	Datum	   *missing;		/* [natts] for attributes younger than the
								 * segment */
	bool	   *missing_null;
	RustsVector **vectors;		/* [natts] */
	uint32		block;			/* the decoded one, or PG_UINT32_MAX */
	uint32		first_row;		/* of that block */
	uint32		end_row;
	uint32		series;			/* of the row asked for last */
} RustsRows;

/*
 * Prepare to read the rows of an open segment as tuples of desc, in the
 * current memory context.
 */
extern RustsRows *rusts_rows_begin(RustsReader *reader, TupleDesc desc);

/*
 * Fill values[] and isnull[] with a row.  By-reference values live until a row
 * of another block is asked for.  False if the segment is corrupt
 * (skip_corrupt).
 */
extern bool rusts_rows_fill(RustsRows *rows, uint32 row, Datum *values,
							bool *isnull);

#endif							/* RUSTS_ROWS_H */
