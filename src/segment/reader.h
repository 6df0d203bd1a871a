/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Read a segment: series, blocks, values.
 *
 * src/segment/reader.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_READER_H
#define RUSTS_READER_H

#include "access/tupdesc.h"
#include "utils/relcache.h"

#include "codec/block.h"
#include "meta/directory.h"
#include "segment/parts.h"

/* segment_id of an image that is not stored anywhere yet. */
#define RUSTS_NO_SEGMENT	(-1)

/* Of a segment in pages: the part of a column's stream at hand. */
typedef struct RustsWindow
{
	uint8	   *bytes;
	uint64		start;
	uint64		len;
	uint64		size;
} RustsWindow;

typedef struct RustsReader
{
	MemoryContext segment_cxt;	/* the reader and everything it points to,
								 * parts excepted when they are cached */
	Relation	rel;
	RustsSegmentEntry entry;
	bool		skip_corrupt;	/* warn instead of raising an error ... */
	bool		corrupt;		/* ... and set this: no more rows */
	RustsParts *parts;			/* NULL if corrupt from the beginning */
	uint32		nrows;			/* as in parts, or 0 */
	uint32		nblocks;
	uint32		nseries;
	int			ntags;
	int			ncolumns;
	const uint32 *series_rows;	/* [nseries + 1] first row of each */
	const uint32 *block_rows;	/* [nblocks + 1] first row of each */
	const uint32 *block_series; /* [nblocks] series of its first row */
	uint32		window_pages;	/* of a column's stream read at once, beyond
								 * the block asked for; may be set */
	/* private */
	RustsWindow *windows;		/* [ncolumns] */
	uint32	   *order;			/* [nrows] once asked for, or NULL */
	uint32	   *positions;		/* its inverse */
	uint32		runs_block;		/* whose runs are at hand */
	uint32		nruns;
	uint32		runs[RUSTS_BLOCK_ROWS];
	RustsCodecScratch *scratch;
	MemoryContextCallback release;	/* of cached parts */
} RustsReader;

/* Values of one column in one block. */
typedef struct RustsVector
{
	RustsKind	kind;
	uint32		nrows;
	uint32		nnulls;
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	union
	{
		int64		ints[RUSTS_BLOCK_ROWS];
		double		floats[RUSTS_BLOCK_ROWS];
		uint8		bools[RUSTS_BLOCK_ROWS];
		struct
		{
			uint32		index[RUSTS_BLOCK_ROWS];	/* row to distinct */
			uint32		ndistinct;
			RustsBytes *distinct;
			Datum	   *datums; /* the same as Datums of the column's type */
		}			bytes;
	}			v;
	MemoryContext arena_cxt;	/* what v.bytes points to; outlives other
								 * kinds in the union */
} RustsVector;

/*
 * Open a segment; entry and its payload are copied.  The reader lives in a
 * new child of the current memory context.  With skip_corrupt damage gives a
 * warning and reader->corrupt instead of an error.
 *
 * use_cache: take the parts from the backend's cache, or leave them there.
 * scratch may be that of another reader of the caller's, or NULL.
 */
extern RustsReader *rusts_reader_open(Relation rel,
									  const RustsSegmentEntry *entry,
									  bool skip_corrupt, bool use_cache,
									  RustsCodecScratch *scratch);
extern void rusts_reader_close(RustsReader *reader);

/*
 * Index of an attribute among the columns, or -1; tags are not columns.
 * Attribute numbers ascend, so who asks for all begins each search where the
 * last one ended: *from, initially 0.
 */
extern int	rusts_reader_column(const RustsReader *reader, AttrNumber attno,
								int *from);

/* Index of a tag, or -1. */
extern int	rusts_reader_tag(const RustsReader *reader, AttrNumber attno);

/*
 * A series' value of a tag, preceded by a varlena header; NULL if it has
 * none.  The tag must have been loaded (rusts_parts_load_tag).
 */
static inline const RustsBytes *
rusts_reader_tag_value(const RustsReader *reader, int tag, uint32 series)
{
	const RustsPartsTag *t = &reader->parts->tags[tag];
	uint32		code = t->codes[series];

	return code == RUSTS_NO_CODE ? NULL : &t->values[code];
}

/*
 * An array of a column's statistics; NULL if there are none, or the segment
 * turned out to be corrupt (skip_corrupt).
 */
extern const int64 *rusts_reader_stat(RustsReader *reader, int column,
									  RustsStat stat);

/*
 * Can values of this kind, or of a tag, be Datums of the attribute's type?
 * If not, the segment is corrupt.
 */
extern bool rusts_reader_check_type(RustsReader *reader, RustsKind kind,
									bool tag, Form_pg_attribute att);

/* A vector in the current memory context, to be used for any columns. */
extern RustsVector *rusts_vector_create(void);

/*
 * Decode one block of a column; typlen is its type's (for by-reference
 * values).  Byte strings in the vector live until its next use.  False if
 * the segment turned out to be corrupt (skip_corrupt).
 */
extern bool rusts_reader_decode(RustsReader *reader, int column, uint32 block,
								int16 typlen, RustsVector *vector);

/* The block that holds a row of the segment. */
extern uint32 rusts_reader_block_of(const RustsReader *reader, uint32 row);

/*
 * A row's place when its TID was made, and the other way round.  Both are
 * the row itself unless the segment has a row order.
 */
extern uint32 rusts_reader_tid_row(RustsReader *reader, uint32 row);
extern uint32 rusts_reader_row_of_tid(RustsReader *reader, uint32 tid_row);

/* What a value of an INT column looks like as a Datum of typlen bytes. */
static inline Datum
rusts_int_datum(int64 value, int16 typlen)
{
	switch (typlen)
	{
		case 1:
			return CharGetDatum((char) value);
		case 2:
			return Int16GetDatum((int16) value);
		case 4:
			return Int32GetDatum((int32) value);
		default:
			return Int64GetDatum(value);
	}
}

/* The other way round. */
static inline int64
rusts_datum_int(Datum value, int16 typlen)
{
	return typlen == 8 ? DatumGetInt64(value) :
		typlen == 4 ? DatumGetInt32(value) :
		typlen == 2 ? DatumGetInt16(value) :
		(signed char) DatumGetChar(value);
}

/* A value of a vector. */
static inline Datum
rusts_vector_datum(const RustsVector *vector, uint32 i, int16 typlen,
				   bool *isnull)
{
	*isnull = vector->nnulls > 0 && rusts_bitmap_test(vector->nulls, i);
	if (*isnull)
		return (Datum) 0;
	switch (vector->kind)
	{
		case RUSTS_KIND_INT:
			return rusts_int_datum(vector->v.ints[i], typlen);
		case RUSTS_KIND_FLOAT:
			return Float8GetDatum(vector->v.floats[i]);
		case RUSTS_KIND_BOOL:
			return BoolGetDatum(vector->v.bools[i]);
		case RUSTS_KIND_BYTES:
			return vector->v.bytes.datums[vector->v.bytes.index[i]];
	}
	return (Datum) 0;
}

#endif							/* RUSTS_READER_H */
