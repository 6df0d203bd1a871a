/*-------------------------------------------------------------------------
 *
 * builder.h
 *	  Rows of one measurement, collected column by column.
 *
 * src/write/builder.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BUILDER_H
#define RUSTS_BUILDER_H

#include "executor/tuptable.h"

#include "base/bitmap.h"
#include "meta/schema.h"
#include "segment/batch.h"

/* One column.  Rows it has not reached yet (nrows < builder's) are null. */
typedef struct RustsColumnBuilder
{
	RustsKind	kind;
	uint32		nrows;			/* rows stored so far */
	uint32		nnulls;
	void	   *values;			/* int64, double, uint8 or RustsBytes; as many
								 * as the builder's capacity, or NULL while
								 * all rows are null */
	uint64	   *nulls;			/* NULL while nnulls is 0 */
} RustsColumnBuilder;

typedef struct RustsBuilder
{
	RustsSchema *schema;
	MemoryContext batch_cxt;	/* everything below */
	MemoryContext strings_cxt;	/* copied byte strings */
	int64		write_order;	/* of the latest of rows that are only moved,
								 * see RustsSegmentEntry; -1 if they are new.
								 * Set by the owner */
	bool		with_origins;	/* rusts_builder_sort tells what it united */
	uint32		nrows;			/* complete rows */
	uint32		capacity;
	uint32	   *series_of;		/* [capacity] series number of each row */
	RustsColumnBuilder *columns;	/* [schema->ncolumns]; those of tags stay
									 * empty */
	uint32		nseries;
	uint32		max_series;
	RustsBytes *series_tags;	/* [nseries * schema->ntags] */
	uint32	   *followers;		/* [nseries] which one came after each */
	uint32		last_series;	/* asked for last, if nseries > 0 */
	struct seriestab_hash *series_index;
	size_t		bytes;			/* memory in use, about */
	size_t		string_bytes;	/* of those, copied strings */
} RustsBuilder;

/* An empty builder; it lives in a new child context of parent. */
extern RustsBuilder *rusts_builder_create(MemoryContext parent,
										  const RustsSchema *schema);

/* Forget all rows and series, keep the description. */
extern void rusts_builder_reset(RustsBuilder *builder);
extern void rusts_builder_free(RustsBuilder *builder);

/*
 * The number of the series with these tag values (schema->ntags of them, in
 * the order of schema->tags; data NULL = the tag is absent), entered when it
 * is new; the values are copied then.  Numbers are valid until reset.
 */
extern uint32 rusts_builder_series(RustsBuilder *builder,
								   const RustsBytes *tags);

/* Slow paths of the inline functions below. */
extern void rusts_builder_grow(RustsBuilder *builder);
extern void rusts_builder_catch_up(RustsBuilder *builder, int column);

/* Give a column its bitmap of nulls. */
extern void rusts_builder_want_nulls(RustsBuilder *builder, int column);

/* A copy of a byte string that lives until the builder is reset. */
extern const char *rusts_builder_copy_bytes(RustsBuilder *builder,
											RustsBytes value);

/*
 * Append a row:
 *
 *		rusts_builder_begin_row(b, series);
 *		rusts_builder_put_int(b, column, value);	-- time, too
 *		...
 *		rusts_builder_end_row(b);
 *
 * Columns not put are null.  A column put twice keeps the last value.
 * column is an index in schema->columns, never a tag's.  To give up a begun
 * row call rusts_builder_cancel_row instead of _end_row.
 */
static inline void
rusts_builder_begin_row(RustsBuilder *builder, uint32 series)
{
	if (unlikely(builder->nrows == builder->capacity))
		rusts_builder_grow(builder);
	builder->series_of[builder->nrows] = series;
}

static inline RustsColumnBuilder *
rusts_builder_column(RustsBuilder *builder, int column)
{
	RustsColumnBuilder *col = &builder->columns[column];

	if (unlikely(col->nrows != builder->nrows || col->values == NULL))
		rusts_builder_catch_up(builder, column);
	col->nrows = builder->nrows + 1;
	return col;
}

static inline void
rusts_builder_put_int(RustsBuilder *builder, int column, int64 value)
{
	RustsColumnBuilder *col = rusts_builder_column(builder, column);

	((int64 *) col->values)[builder->nrows] = value;
}

static inline void
rusts_builder_put_float(RustsBuilder *builder, int column, double value)
{
	RustsColumnBuilder *col = rusts_builder_column(builder, column);

	((double *) col->values)[builder->nrows] = value;
}

static inline void
rusts_builder_put_bool(RustsBuilder *builder, int column, bool value)
{
	RustsColumnBuilder *col = rusts_builder_column(builder, column);

	((uint8 *) col->values)[builder->nrows] = value;
}

/* The bytes must stay where they are until the builder is reset. */
static inline void
rusts_builder_put_bytes(RustsBuilder *builder, int column, RustsBytes value)
{
	RustsColumnBuilder *col = rusts_builder_column(builder, column);

	((RustsBytes *) col->values)[builder->nrows] = value;
}

/* The same, but the bytes are copied. */
extern void rusts_builder_put_bytes_copy(RustsBuilder *builder, int column,
										 RustsBytes value);

/* A value of the column's type, by-reference ones are copied. */
extern void rusts_builder_put_datum(RustsBuilder *builder, int column,
									Datum value);

static inline void
rusts_builder_end_row(RustsBuilder *builder)
{
	builder->nrows++;
}

extern void rusts_builder_cancel_row(RustsBuilder *builder);

/* Append the row in slot; by-reference values are copied. */
extern void rusts_builder_put_slot(RustsBuilder *builder,
								   TupleTableSlot *slot);

/*
 * Sort the rows by (series, time, time_ns), stable, and describe them as a
 * batch that points into the builder; valid until the builder is touched.
 * Series are in bytewise order of their tags.
 *
 * unite: if the measurement merges duplicates, rows of one series and time
 * become one, which has of each column the last value that is not null; rows
 * must have been appended in the order they were written in.
 */
extern void rusts_builder_sort(RustsBuilder *builder, bool unite,
							   RustsBatch *batch);

/*
 * The same for the rows whose number is listed in rows[0 .. nrows - 1],
 * ascending.
 */
extern void rusts_builder_sort_some(RustsBuilder *builder, const uint32 *rows,
									uint32 nrows, bool unite,
									RustsBatch *batch);

/*
 * builder_unite.c: of batch's rows, sorted, unite those of the same series
 * and time, in order[] and series_rows[] and in the builder's columns; or
 * only find out whether there are any.  Sets batch->nrows and distinct.
 */
extern void rusts_builder_unite(RustsBuilder *builder, bool unite,
								uint32 *order, uint32 *series_rows,
								RustsBatch *batch);

#endif							/* RUSTS_BUILDER_H */
