/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  A segment row by row.
 *
 * An attribute comes from a column of the segment, from its series table, or,
 * when it was added to the relation after the segment was written, from the
 * default that ALTER TABLE ADD COLUMN left behind (attmissingval).
 *
 * src/segment/rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"

#include "compat.h"
#include "segment/rows.h"

#define SOURCE_MISSING		(-1)
#define SOURCE_TAG(tag)		(-2 - (tag))

static bool load_block(RustsRows *rows, uint32 row);

RustsRows *
rusts_rows_begin(RustsReader *reader, TupleDesc desc)
{
	RustsRows  *rows = palloc0_object(RustsRows);
	int			from = 0;
	int			i;

	rows->reader = reader;
	rows->desc = desc;
	rows->block = PG_UINT32_MAX;
	rows->sources = palloc_array(int, Max(desc->natts, 1));
	rows->missing = palloc0_array(Datum, Max(desc->natts, 1));
	rows->missing_null = palloc_array(bool, Max(desc->natts, 1));
	rows->vectors = palloc0_array(RustsVector *, Max(desc->natts, 1));
	for (i = 0; i < desc->natts; i++)
	{
		int			tag = rusts_reader_tag(reader, i + 1);

		rows->missing_null[i] = true;
		if (TupleDescAttr(desc, i)->attisdropped)
			rows->sources[i] = SOURCE_MISSING;
		else if (tag >= 0)
		{
			rows->sources[i] = SOURCE_TAG(tag);
			(void) rusts_reader_check_type(reader, RUSTS_KIND_BYTES, true,
										   TupleDescAttr(desc, i));
			if (!reader->corrupt)
				(void) rusts_parts_load_tag(reader, tag);
		}
		else
		{
			rows->sources[i] = rusts_reader_column(reader, i + 1,
													&from);
			if (rows->sources[i] == SOURCE_MISSING)
				rows->missing[i] = getmissingattr(desc, i + 1,
												  &rows->missing_null[i]);
			else
			{
				RustsKind	kind;

				rows->vectors[i] = rusts_vector_create();
				kind = reader->parts->columns[rows->sources[i]].kind;
				(void) rusts_reader_check_type(reader, kind, false,
											   TupleDescAttr(desc, i));
			}
		}
	}
	return rows;
}

bool
rusts_rows_fill(RustsRows *rows, uint32 row, Datum *values, bool *isnull)
{
	RustsReader *reader = rows->reader;
	int			i;

	if (rows->block == PG_UINT32_MAX || row < rows->first_row ||
		row >= rows->end_row)
	{
		if (!load_block(rows, row))
			return false;
	}
	while (row < reader->series_rows[rows->series])
		rows->series--;
	while (row >= reader->series_rows[rows->series + 1])
		rows->series++;

	for (i = 0; i < rows->desc->natts; i++)
	{
		int16		typlen = TupleDescAttr(rows->desc, i)->attlen;

		if (rows->sources[i] >= 0)
			values[i] = rusts_vector_datum(rows->vectors[i],
										   row - rows->first_row, typlen,
										   &isnull[i]);
		else if (rows->sources[i] == SOURCE_MISSING)
		{
			values[i] = rows->missing[i];
			isnull[i] = rows->missing_null[i];
		}
		else
		{
			int			index = -2 - rows->sources[i];
			const RustsBytes *tag = rusts_reader_tag_value(reader, index,
														   rows->series);

			isnull[i] = tag == NULL;
			values[i] = isnull[i] ? (Datum) 0 :
				PointerGetDatum(tag->data - VARHDRSZ);
		}
	}
	return true;
}

/* Decode all columns of the block that holds a row. */
static bool
load_block(RustsRows *rows, uint32 row)
{
	RustsReader *reader = rows->reader;
	uint32		block;
	int			i;

	CHECK_FOR_INTERRUPTS();
	if (reader->corrupt)
		return false;
	block = rusts_reader_block_of(reader, row);
	rows->block = PG_UINT32_MAX;
	for (i = 0; i < rows->desc->natts; i++)
	{
		if (rows->sources[i] >= 0 &&
			!rusts_reader_decode(reader, rows->sources[i], block,
								 TupleDescAttr(rows->desc, i)->attlen,
								 rows->vectors[i]))
			return false;
	}
	rows->block = block;
	rows->first_row = reader->block_rows[block];
	rows->end_row = reader->block_rows[block + 1];
	rows->series = reader->block_series[block];
	return true;
}
