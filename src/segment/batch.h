/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  Sorted rows on their way into a segment.
 *
 * src/segment/batch.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BATCH_H
#define RUSTS_BATCH_H

#include "meta/schema.h"

/* A column's values, one per source row; order[] says which row comes when. */
typedef struct RustsBatchColumn
{
	const RustsColumn *column;
	const void *values;			/* as the kind says; NULL = all null */
	const uint64 *nulls;		/* over source rows; NULL = none */
	uint32		nrows;			/* source rows from here on are null */
} RustsBatchColumn;

typedef struct RustsBatch
{
	uint32		nrows;
	const uint32 *order;		/* [nrows] source row of each row */
	bool		keep_order;		/* store order[]: TIDs count source rows */
	uint32		nseries;
	const uint32 *series_rows;	/* [nseries] rows of each series, >= 1 */
	int			ntags;
	const AttrNumber *tag_attnos;	/* [ntags] */
	const RustsBytes *series_tags;	/* [nseries * ntags], in row order */
	int			ncolumns;
	const RustsBatchColumn *columns;	/* tags excluded */
	int			time;			/* index in columns of the time, or -1 */
	bool		distinct;		/* no two rows have the same key: tags, time
								 * and time_ns.  Not known if false */
	int64		write_order;	/* see RustsSegmentEntry; -1: written now */
	const uint32 *origins;		/* if asked for: source rows as they were
								 * sorted, and where those begin that became
								 * each row */
	const uint32 *origin_starts;	/* [nrows + 1] */
} RustsBatch;

#endif							/* RUSTS_BATCH_H */
