/*-------------------------------------------------------------------------
 *
 * image_receive.c
 *	  Store an image that came from another node.
 *
 * What passes for one of our own is stored byte for byte.  Where columns have
 * other numbers here, or the image is in some way not what our writer would
 * have made, its rows go through a builder like anybody's.
 *
 * src/write/image_receive.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "compat.h"
#include "segment/rows.h"
#include "write/buffer.h"
#include "write/image_check.h"
#include "write/store.h"

int64
rusts_image_receive(Relation rel, ArrayType *columns, struct varlena *image)
{
	MemoryContext image_cxt = AllocSetContextCreate(CurrentMemoryContext,
													"rusts image",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(image_cxt);
	RustsIncoming in = {.rel = rel};
	int64		nrows;

	/* Rows that came before these must stay before them. */
	rusts_buffers_flush_relation(RelationGetRelid(rel));
	in.schema = rusts_schema_build(rel);
	rusts_image_open(&in, columns, image);
	in.image.data = (uint8 *) VARDATA(image);
	in.image.len = VARSIZE(image) - VARHDRSZ;
	rusts_image_check(&in);
	nrows = in.reader->nrows;
	if (in.as_is)
	{
		rusts_image_check_rows(&in);
		rusts_store_encoded(rel, &in.image, nrows, in.key_columns,
							in.has_stats, GetCurrentCommandId(true));
	}
	else
		rusts_image_store_rows(&in);

	/* As for rows that come here otherwise; autovacuum goes by it. */
	pgstat_count_heap_insert(rel, nrows);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(image_cxt);
	return nrows;
}

int64
rusts_image_read(Relation rel, ArrayType *columns, struct varlena *image,
				 Tuplestorestate *store)
{
	MemoryContext image_cxt = AllocSetContextCreate(CurrentMemoryContext,
													"rusts image",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(image_cxt);
	TupleDesc	desc = RelationGetDescr(rel);
	RustsIncoming in = {.rel = rel,.deleted = true};
	Datum	   *values = palloc_array(Datum, Max(desc->natts, 1));
	bool	   *isnull = palloc_array(bool, Max(desc->natts, 1));
	int64		nrows;
	RustsRows  *rows;
	uint32		i;

	in.schema = rusts_schema_build(rel);
	rusts_image_open(&in, columns, image);
	rusts_image_check(&in);
	nrows = in.reader->nrows;
	rows = rusts_rows_begin(in.reader, desc);
	for (i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) rusts_rows_fill(rows, i, values, isnull);
		tuplestore_putvalues(store, desc, values, isnull);
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(image_cxt);
	return nrows;
}
