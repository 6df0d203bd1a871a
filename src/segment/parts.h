/*-------------------------------------------------------------------------
 *
 * parts.h
 *	  What is known of a segment before its values are decoded: series,
 *	  blocks, statistics.
 *
 * src/segment/parts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PARTS_H
#define RUSTS_PARTS_H

#include "access/attnum.h"
#include "lib/ilist.h"
#include "utils/palloc.h"

#include "base/bytes.h"
#include "codec/block.h"
#include "segment/page_io.h"

/* Code of a series that does not have the tag. */
#define RUSTS_NO_CODE		PG_UINT32_MAX

/* Series of one group of the series table, see doc/format.md. */
#define RUSTS_SERIES_GROUP	RUSTS_BLOCK_ROWS

typedef struct RustsStoredChunk
{
	const uint8 *data;
	size_t		len;
} RustsStoredChunk;

/*
 * A tag of the segment.  Each group of series has a dictionary of its own, so
 * a value may occur in several groups; within a group it occurs once.
 */
typedef struct RustsPartsTag
{
	AttrNumber	attno;
	RustsStoredChunk *chunks;	/* [ngroups] */
	/* once asked for: */
	uint32	   *codes;			/* [nseries] index in values, or
								 * RUSTS_NO_CODE */
	RustsBytes *values;			/* [nvalues], each preceded by a varlena
								 * header */
	uint32		nvalues;
	uint32	   *first_values;	/* [ngroups + 1] first value of each group */
	uint32	   *hash_heads;		/* [hash_mask + 1] value + 1, or 0 */
	uint32	   *hash_next;		/* [nvalues] likewise */
	uint32		hash_mask;
} RustsPartsTag;

/* Statistics of a column's blocks, in the order they are stored in. */
typedef enum RustsStat
{
	RUSTS_STAT_NULLS,
	RUSTS_STAT_MIN,
	RUSTS_STAT_MAX,
	RUSTS_STAT_FIRST,
	RUSTS_STAT_LAST,
	RUSTS_STAT_SUM
} RustsStat;

#define RUSTS_NSTATS	6

typedef struct RustsPartsColumn
{
	AttrNumber	attno;
	RustsKind	kind;
	uint8		flags;			/* RUSTS_COLUMN_*, see format.h */
	uint64		stream;			/* where its blocks begin in the streams */
	const uint8 *stored;		/* arrays of the block directory */
	size_t		stored_len;
	/* once asked for: */
	uint64	   *offsets;		/* [nblocks + 1] in the streams */
	int64	   *stats[RUSTS_NSTATS];	/* [nblocks] each; doubles where the
										 * kind is FLOAT, nulls are counts */
} RustsPartsColumn;

/*
 * Parts of a segment never change, and neither does what has been decoded of
 * them, so readers share them.
 */
typedef struct RustsParts
{
	MemoryContext parts_cxt;	/* everything here */
	int64		storage_id;
	int64		segment_id;
	uint32		nrows;
	uint32		nblocks;
	uint32		nseries;
	uint32		ngroups;		/* of series */
	int			ntags;
	int			ncolumns;
	RustsPartsTag *tags;		/* [ntags] */
	uint32	   *series_rows;	/* [nseries + 1] first row of each */
	uint32	   *block_rows;		/* [nblocks + 1] first row of each */
	uint32	   *block_series;	/* [nblocks] series of its first row */
	RustsPartsColumn *columns;	/* [ncolumns] */
	uint64		streams_start;	/* in the image */
	uint64		streams_len;
	const uint8 *streams;		/* NULL: in pages */
	bool		in_file;		/* the file has all these pages */
	const uint8 *order_data;
	size_t		order_len;
	/* cache.c's */
	bool		cached;
	int			nusers;
	Size		size;			/* of parts_cxt, when it was released last */
	dlist_node	lru;
} RustsParts;

struct RustsReader;

/*
 * Read and check header, series table and block directory of reader's
 * segment; what can wait is located only.  NULL if the segment is corrupt
 * (skip_corrupt).  The result lives in a new child of the current memory
 * context.
 */
extern RustsParts *rusts_parts_load(struct RustsReader *reader);

/*
 * A tag's values and codes.  False if the segment is corrupt (skip_corrupt),
 * here and below.
 */
extern bool rusts_parts_load_tag(struct RustsReader *reader, int tag);

/* Where the blocks of a column are. */
extern bool rusts_parts_load_offsets(struct RustsReader *reader, int column);

/* One array of a column's statistics, which must exist. */
extern bool rusts_parts_load_stat(struct RustsReader *reader, int column,
								  RustsStat stat);

/*
 * The values of a tag that are equal to a byte string: calls found() with
 * each value's index, and the range of series of its group.
 */
extern void rusts_parts_find_value(RustsParts *parts, int tag,
								   RustsBytes value,
								   void (*found) (void *arg, uint32 index,
												  uint32 first_series,
												  uint32 end_series),
								   void *arg);

#endif							/* RUSTS_PARTS_H */
