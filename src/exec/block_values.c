/*-------------------------------------------------------------------------
 *
 * block_values.c
 *	  Values of a scan's columns: decoded when somebody asks.
 *
 * src/exec/block_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "exec/block_scan.h"
#include "segment/format.h"

static void convert_kind(RustsVector *vector, RustsKind kind);
static void fill_missing(RustsBlockScan *scan, RustsScanColumn *column);

RustsVector *
rusts_block_scan_vector(RustsBlockScan *scan, int column_index)
{
	RustsScanColumn *column = &scan->columns[column_index];
	RustsReader *reader = scan->reader;
	uint32		block = scan->chunk.block;

	if (column->vector_block == block)
		return column->vector;
	if (column->vector == NULL)
	{
		MemoryContext old_cxt = MemoryContextSwitchTo(scan->scan_cxt);

		column->vector = rusts_vector_create();
		MemoryContextSwitchTo(old_cxt);
	}
	column->vector_block = PG_UINT32_MAX;
	if (column->index < 0)
		fill_missing(scan, column);
	else
	{
		const RustsPartsColumn *stored =
			&reader->parts->columns[column->index];

		if (reader->corrupt ||
			!rusts_reader_decode(reader, column->index, block,
								 column->column->typlen, column->vector))
			return NULL;
		if (column->vector->kind != column->column->kind)
			convert_kind(column->vector, column->column->kind);
		if (scan->counted_block != block)
		{
			scan->counted_block = block;
			scan->counters[RUSTS_COUNT_BLOCKS_DECODED]++;
		}
		scan->counters[RUSTS_COUNT_VALUES] += column->vector->nrows;
		if (stored->offsets != NULL)
			scan->counters[RUSTS_COUNT_BYTES] +=
				stored->offsets[block + 1] - stored->offsets[block];
	}
	column->vector_block = block;
	return column->vector;
}

/*
 * A type and a domain over it are stored as different kinds.  Those that are
 * passed by value can be told apart by nobody else.
 */
static void
convert_kind(RustsVector *vector, RustsKind kind)
{
	uint32		i;

	if (vector->kind == RUSTS_KIND_BOOL)
	{
		for (i = vector->nrows; i-- > 0;)
			vector->v.ints[i] = vector->v.bools[i];
	}
	else if (kind == RUSTS_KIND_BOOL)
	{
		for (i = 0; i < vector->nrows; i++)
			vector->v.bools[i] = (uint8) vector->v.ints[i] != 0;
	}

	/* The bits of a float8 are those of its Datum. */
	vector->kind = kind;
}

/* The same value for all rows: the column is younger than the segment. */
static void
fill_missing(RustsBlockScan *scan, RustsScanColumn *column)
{
	RustsVector *vector = column->vector;
	uint32		i;

	vector->kind = column->column->kind;
	vector->nrows = scan->chunk.block_rows;
	vector->nnulls = column->missing_null ? vector->nrows : 0;
	memset(vector->nulls, 0, sizeof(vector->nulls));
	if (column->missing_null)
	{
		for (i = 0; i < vector->nrows; i++)
			rusts_bitmap_set(vector->nulls, i);
		if (vector->kind == RUSTS_KIND_BYTES)
			memset(vector->v.bytes.index, 0, sizeof(vector->v.bytes.index));
		else
			memset(vector->v.ints, 0, sizeof(vector->v.ints));
		return;
	}
	switch (vector->kind)
	{
		case RUSTS_KIND_INT:
			for (i = 0; i < vector->nrows; i++)
				vector->v.ints[i] = rusts_datum_int(column->missing,
													column->column->typlen);
			break;
		case RUSTS_KIND_FLOAT:
			for (i = 0; i < vector->nrows; i++)
				vector->v.floats[i] = DatumGetFloat8(column->missing);
			break;
		case RUSTS_KIND_BOOL:
			memset(vector->v.bools, DatumGetBool(column->missing),
				   vector->nrows);
			break;
		case RUSTS_KIND_BYTES:
			memset(vector->v.bytes.index, 0, sizeof(vector->v.bytes.index));
			vector->v.bytes.ndistinct = 1;
			vector->v.bytes.datums = &column->missing;
			vector->v.bytes.distinct = NULL;
			break;
	}
}

const int64 *
rusts_block_scan_stat(RustsBlockScan *scan, int column_index, RustsStat stat)
{
	RustsScanColumn *column = &scan->columns[column_index];

	if (column->index < 0 || !column->same_kind)
		return NULL;
	return rusts_reader_stat(scan->reader, column->index, stat);
}

bool
rusts_block_scan_fill(RustsBlockScan *scan, uint32 row, const int *columns,
					  int ncolumns, TupleTableSlot *slot)
{
	int			i;

	for (i = 0; i < ncolumns; i++)
	{
		RustsScanColumn *column = &scan->columns[columns[i]];
		int			at = column->column->attno - 1;

		if (column->tag >= 0)
		{
			const RustsBytes *value;

			if (scan->reader->parts->tags[column->tag].codes == NULL &&
				!rusts_parts_load_tag(scan->reader, column->tag))
				return false;
			value = rusts_reader_tag_value(scan->reader, column->tag,
										   rusts_block_scan_series(scan, row));
			slot->tts_isnull[at] = value == NULL;
			slot->tts_values[at] = value == NULL ? (Datum) 0 :
				PointerGetDatum(value->data - VARHDRSZ);
		}
		else
		{
			RustsVector *vector = column->vector;

			if (column->vector_block != scan->chunk.block)
			{
				vector = rusts_block_scan_vector(scan, columns[i]);
				if (vector == NULL)
					return false;
			}
			slot->tts_values[at] =
				rusts_vector_datum(vector, row, column->column->typlen,
								   &slot->tts_isnull[at]);
		}
	}
	return true;
}

RustsFiller *
rusts_filler_create(RustsBlockScan *scan, const int *columns, int ncolumns,
					TupleTableSlot *slot)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(scan->scan_cxt);
	RustsFiller *filler = palloc0_object(RustsFiller);
	int			n = Max(ncolumns, 1);

	filler->ncolumns = ncolumns;
	filler->columns = palloc_array(int, n);
	memcpy(filler->columns, columns, sizeof(int) * ncolumns);
	filler->slot = slot;
	filler->word_places = palloc_array(int, n);
	filler->words = palloc_array(const uint64 *, n);
	filler->vectors = palloc_array(int, n);
	filler->tags = palloc_array(int, n);
	MemoryContextSwitchTo(old_cxt);
	return filler;
}

/* Decode what the block at hand has of the columns; false if it is corrupt. */
bool
rusts_filler_prepare(RustsBlockScan *scan, RustsFiller *filler)
{
	int			i;

	filler->nwords = 0;
	filler->nvectors = 0;
	filler->ntags = 0;
	filler->series = PG_UINT32_MAX;
	for (i = 0; i < filler->ncolumns; i++)
	{
		RustsScanColumn *column = &scan->columns[filler->columns[i]];
		RustsVector *vector;

		if (column->tag >= 0)
		{
			if (!rusts_parts_load_tag(scan->reader, column->tag))
				return false;
			filler->tags[filler->ntags++] = filler->columns[i];
			continue;
		}
		vector = rusts_block_scan_vector(scan, filler->columns[i]);
		if (vector == NULL)
			return false;
		if (vector->nnulls == 0 && sizeof(Datum) == sizeof(uint64) &&
			(vector->kind == RUSTS_KIND_FLOAT ||
			 (vector->kind == RUSTS_KIND_INT &&
			  column->column->typlen == sizeof(int64))))
		{
			int			at = column->column->attno - 1;

			filler->word_places[filler->nwords] = at;
			filler->words[filler->nwords++] =
				(const uint64 *) vector->v.ints;
			filler->slot->tts_isnull[at] = false;
		}
		else
			filler->vectors[filler->nvectors++] = filler->columns[i];
	}
	filler->block_serial = scan->block_serial;
	return true;
}

/* The tags of another series. */
void
rusts_filler_tags(RustsBlockScan *scan, RustsFiller *filler, uint32 series)
{
	int			i;

	for (i = 0; i < filler->ntags; i++)
	{
		const RustsScanColumn *column = &scan->columns[filler->tags[i]];
		int			at = column->column->attno - 1;
		const RustsBytes *value = rusts_reader_tag_value(scan->reader,
														 column->tag, series);

		filler->slot->tts_isnull[at] = value == NULL;
		filler->slot->tts_values[at] = value == NULL ? (Datum) 0 :
			PointerGetDatum(value->data - VARHDRSZ);
	}
	filler->series = series;
}
