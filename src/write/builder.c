/*-------------------------------------------------------------------------
 *
 * builder.c
 *	  Rows of one measurement, collected column by column.
 *
 * Rows arrive in any order and leave sorted by (series, time, time_ns); see
 * builder_sort.c.  Until then each row has the number of its series and each
 * column an array of its values, as long as the column has been seen.
 *
 * Memory is counted (builder->bytes) rather than limited here; the owner of
 * the builder decides when it is full.
 *
 * src/write/builder.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "segment/reader.h"
#include "write/builder.h"

#define INITIAL_ROWS	64

/* Tag tuples by hash; the values are in builder->series_tags. */
typedef struct SeriesEntry
{
	uint32		series;
	uint32		hash;
	char		status;
} SeriesEntry;

static bool series_equal(RustsBuilder *builder, uint32 a, uint32 b);
static uint32 tags_hash(const RustsBytes *tags, int ntags);
static inline uint32 series_hash(RustsBuilder *builder, uint32 series);

#define SH_PREFIX seriestab
#define SH_ELEMENT_TYPE SeriesEntry
#define SH_KEY_TYPE uint32
#define SH_KEY series
#define SH_HASH_KEY(tb, key) \
	series_hash((RustsBuilder *) (tb)->private_data, key)
#define SH_EQUAL(tb, a, b) \
	series_equal((RustsBuilder *) (tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static void init_empty(RustsBuilder *builder);
static uint32 find_series(RustsBuilder *builder, const RustsBytes *tags);
static bool tags_equal(const RustsBytes *left, const RustsBytes *right,
					   int ntags);
static size_t value_size(RustsKind kind);
static void *grow_array(void *old, size_t new_size, MemoryContext cxt);

RustsBuilder *
rusts_builder_create(MemoryContext parent, const RustsSchema *schema)
{
	MemoryContext batch_cxt = AllocSetContextCreate(parent, "rusts builder",
													ALLOCSET_DEFAULT_SIZES);
	RustsBuilder *builder = MemoryContextAllocZero(parent,
												   sizeof(RustsBuilder));
	MemoryContext old_cxt = MemoryContextSwitchTo(parent);
	RustsSchema *copy = palloc_object(RustsSchema);

	/* The description outlives resets, so it lies beside the batch. */
	*copy = *schema;
	copy->columns = palloc_array(RustsColumn, Max(schema->ncolumns, 1));
	memcpy(copy->columns, schema->columns,
		   sizeof(RustsColumn) * schema->ncolumns);
	copy->by_attno = palloc_array(int, Max(schema->natts, 1));
	memcpy(copy->by_attno, schema->by_attno, sizeof(int) * schema->natts);
	copy->tags = palloc_array(int, Max(schema->ntags, 1));
	memcpy(copy->tags, schema->tags, sizeof(int) * schema->ntags);
	MemoryContextSwitchTo(old_cxt);

	builder->schema = copy;
	builder->batch_cxt = batch_cxt;
	init_empty(builder);
	return builder;
}

static void
init_empty(RustsBuilder *builder)
{
	const RustsSchema *schema = builder->schema;
	int			i;

	builder->write_order = -1;
	builder->nrows = 0;
	builder->capacity = 0;
	builder->series_of = NULL;
	builder->columns =
		MemoryContextAllocZero(builder->batch_cxt,
							   sizeof(RustsColumnBuilder) *
							   Max(schema->ncolumns, 1));
	for (i = 0; i < schema->ncolumns; i++)
		builder->columns[i].kind = schema->columns[i].kind;
	builder->nseries = 0;
	builder->max_series = 0;
	builder->series_tags = NULL;
	builder->followers = NULL;
	builder->last_series = 0;
	builder->series_index = NULL;
	builder->strings_cxt = NULL;
	builder->bytes = 0;
	builder->string_bytes = 0;
}

void
rusts_builder_reset(RustsBuilder *builder)
{
	MemoryContextReset(builder->batch_cxt);
	init_empty(builder);
}

void
rusts_builder_free(RustsBuilder *builder)
{
	MemoryContextDelete(builder->batch_cxt);
	rusts_schema_free(builder->schema);
	pfree(builder);
}

const char *
rusts_builder_copy_bytes(RustsBuilder *builder, RustsBytes value)
{
	uint32		len = value.len;
	char	   *copy;

	/* Short strings should not pay for an allocator's header each. */
	if (builder->strings_cxt == NULL)
		builder->strings_cxt = GenerationContextCreate(builder->batch_cxt,
													   "rusts strings",
													   ALLOCSET_DEFAULT_SIZES);
	copy = MemoryContextAllocHuge(builder->strings_cxt, Max(len, 1));
	memcpy(copy, value.data, len);
	builder->bytes += MAXALIGN(len) + 16;
	builder->string_bytes += MAXALIGN(len) + 16;
	return copy;
}

uint32
rusts_builder_series(RustsBuilder *builder, const RustsBytes *tags)
{
	uint32		series;

	/* Series tend to come in the same order again and again. */
	if (builder->nseries > 0)
	{
		series = builder->followers[builder->last_series];
		if (tags_equal(builder->series_tags +
					   (size_t) series * builder->schema->ntags, tags,
					   builder->schema->ntags))
		{
			builder->last_series = series;
			return series;
		}
	}
	series = find_series(builder, tags);
	builder->followers[builder->last_series] = series;
	builder->last_series = series;
	return series;
}

/* Look a series up in the table, or enter it. */
static uint32
find_series(RustsBuilder *builder, const RustsBytes *tags)
{
	int			ntags = builder->schema->ntags;
	uint32		candidate = builder->nseries;
	RustsBytes *slot;
	SeriesEntry *entry;
	bool		found;
	int			i;

	if (builder->series_index == NULL)
		builder->series_index = seriestab_create(builder->batch_cxt, 64,
												 builder);
	if (candidate == builder->max_series)
	{
		uint32		more = Max(builder->max_series * 2, 16);
		size_t		size = sizeof(RustsBytes) * Max(ntags, 1);

		builder->series_tags = grow_array(builder->series_tags,
										  size * more, builder->batch_cxt);
		builder->followers = grow_array(builder->followers,
										sizeof(uint32) * more,
										builder->batch_cxt);
		builder->bytes += (size + sizeof(uint32) + 2 * sizeof(SeriesEntry)) *
			(more - builder->max_series);
		builder->max_series = more;
	}

	/* Enter the values as if new, so that the table can compare numbers. */
	slot = builder->series_tags + (size_t) candidate * ntags;
	if (ntags > 0)
		memcpy(slot, tags, sizeof(RustsBytes) * ntags);
	entry = seriestab_insert_hash(builder->series_index, candidate,
								  tags_hash(tags, ntags), &found);
	if (found)
		return entry->series;
	for (i = 0; i < ntags; i++)
	{
		if (slot[i].data != NULL)
			slot[i].data = rusts_builder_copy_bytes(builder, slot[i]);
	}
	builder->followers[candidate] = candidate;
	builder->nseries++;
	return candidate;
}

static bool
tags_equal(const RustsBytes *left, const RustsBytes *right, int ntags)
{
	int			i;

	for (i = 0; i < ntags; i++)
	{
		if (!rusts_bytes_equal(left[i], right[i]))
			return false;
	}
	return true;
}

static uint32
tags_hash(const RustsBytes *tags, int ntags)
{
	uint32		hash = 0;
	int			i;

	for (i = 0; i < ntags; i++)
	{
		uint32		h = tags[i].data == NULL ? 0x9e3779b9 :
			hash_bytes((const unsigned char *) tags[i].data, tags[i].len);

		hash = hash_combine(hash, h);
	}
	return hash;
}

static inline uint32
series_hash(RustsBuilder *builder, uint32 series)
{
	int			ntags = builder->schema->ntags;

	return tags_hash(builder->series_tags + (size_t) series * ntags, ntags);
}

static bool
series_equal(RustsBuilder *builder, uint32 a, uint32 b)
{
	int			ntags = builder->schema->ntags;

	return tags_equal(builder->series_tags + (size_t) a * ntags,
					  builder->series_tags + (size_t) b * ntags, ntags);
}

static size_t
value_size(RustsKind kind)
{
	switch (kind)
	{
		case RUSTS_KIND_BOOL:
			return sizeof(uint8);
		case RUSTS_KIND_BYTES:
			return sizeof(RustsBytes);
		default:
			return sizeof(int64);
	}
}

static void *
grow_array(void *old, size_t new_size, MemoryContext cxt)
{
	if (old == NULL)
		return MemoryContextAllocHuge(cxt, new_size);
	return repalloc_huge(old, new_size);
}

/* Make room for more rows in all columns. */
void
rusts_builder_grow(RustsBuilder *builder)
{
	uint32		old = builder->capacity;
	uint32		capacity = Max(old * 2, INITIAL_ROWS);
	int			i;

	if (old > PG_INT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in one batch")));
	builder->series_of = grow_array(builder->series_of,
									sizeof(uint32) * capacity,
									builder->batch_cxt);
	builder->bytes += sizeof(uint32) * (capacity - old);
	for (i = 0; i < builder->schema->ncolumns; i++)
	{
		RustsColumnBuilder *col = &builder->columns[i];
		size_t		size = value_size(col->kind);

		if (col->values != NULL)
		{
			col->values = grow_array(col->values, size * capacity,
									 builder->batch_cxt);
			builder->bytes += size * (capacity - old);
		}
		if (col->nulls != NULL)
		{
			size_t		old_words = RUSTS_BITMAP_WORDS(old);
			size_t		words = RUSTS_BITMAP_WORDS(capacity);

			col->nulls = grow_array(col->nulls, sizeof(uint64) * words,
									builder->batch_cxt);
			memset(col->nulls + old_words, 0,
				   sizeof(uint64) * (words - old_words));
		}
	}
	builder->capacity = capacity;
}

/*
 * Make a column ready to take a value for the row that was begun: give it
 * memory, mark the rows since its last value as null.  If the row has a value
 * already, it will be overwritten.
 */
void
rusts_builder_catch_up(RustsBuilder *builder, int column)
{
	RustsColumnBuilder *col = &builder->columns[column];
	uint32		i;

	if (col->values == NULL)
	{
		size_t		size = value_size(col->kind) * builder->capacity;

		col->values = MemoryContextAllocHuge(builder->batch_cxt, size);
		builder->bytes += size;
	}
	if (col->nrows < builder->nrows)
	{
		rusts_builder_want_nulls(builder, column);
		for (i = col->nrows; i < builder->nrows; i++)
			rusts_bitmap_set(col->nulls, i);
		memset((char *) col->values + value_size(col->kind) * col->nrows, 0,
			   value_size(col->kind) * (builder->nrows - col->nrows));
		col->nnulls += builder->nrows - col->nrows;
		col->nrows = builder->nrows;
	}
}

void
rusts_builder_want_nulls(RustsBuilder *builder, int column)
{
	RustsColumnBuilder *col = &builder->columns[column];
	size_t		size = sizeof(uint64) * RUSTS_BITMAP_WORDS(builder->capacity);

	if (col->nulls != NULL)
		return;
	col->nulls = MemoryContextAllocHuge(builder->batch_cxt, size);
	memset(col->nulls, 0, size);
	builder->bytes += size;
}

void
rusts_builder_put_bytes_copy(RustsBuilder *builder, int column,
							 RustsBytes value)
{
	RustsBytes	copy;

	copy.data = rusts_builder_copy_bytes(builder, value);
	copy.len = value.len;
	rusts_builder_put_bytes(builder, column, copy);
}

void
rusts_builder_cancel_row(RustsBuilder *builder)
{
	int			i;

	for (i = 0; i < builder->schema->ncolumns; i++)
	{
		RustsColumnBuilder *col = &builder->columns[i];

		if (col->nrows > builder->nrows)
			col->nrows = builder->nrows;
	}
}

/* The value itself unless it is compressed or elsewhere. */
static inline struct varlena *
flatten(Datum value)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena))
		return pg_detoast_datum_packed(varlena);
	return varlena;
}

void
rusts_builder_put_slot(RustsBuilder *builder, TupleTableSlot *slot)
{
	const RustsSchema *schema = builder->schema;
	RustsBytes	tags_buffer[32];
	RustsBytes *tags = tags_buffer;
	void	   *detoasted[32];
	int			ndetoasted = 0;
	int			i;

	slot_getallattrs(slot);
	if (schema->ntags > lengthof(tags_buffer))
		tags = palloc_array(RustsBytes, schema->ntags);
	for (i = 0; i < schema->ntags; i++)
	{
		AttrNumber	attno = schema->columns[schema->tags[i]].attno;

		if (slot->tts_isnull[attno - 1])
		{
			tags[i].data = NULL;
			tags[i].len = 0;
		}
		else
		{
			Datum		value = slot->tts_values[attno - 1];
			struct varlena *text = flatten(value);

			if ((Pointer) text != DatumGetPointer(value) &&
				ndetoasted < lengthof(detoasted))
				detoasted[ndetoasted++] = text;
			tags[i].data = VARDATA_ANY(text);
			tags[i].len = VARSIZE_ANY_EXHDR(text);
		}
	}
	rusts_builder_begin_row(builder, rusts_builder_series(builder, tags));
	if (tags != tags_buffer)
		pfree(tags);

	for (i = 0; i < schema->ncolumns; i++)
	{
		const RustsColumn *column = &schema->columns[i];
		Datum		value = slot->tts_values[column->attno - 1];

		if (column->role == RUSTS_ROLE_TAG ||
			slot->tts_isnull[column->attno - 1])
			continue;
		rusts_builder_put_datum(builder, i, value);
	}
	rusts_builder_end_row(builder);
	while (ndetoasted > 0)
		pfree(detoasted[--ndetoasted]);
}

void
rusts_builder_put_datum(RustsBuilder *builder, int index, Datum value)
{
	const RustsColumn *column = &builder->schema->columns[index];
	RustsBytes	bytes;
	struct varlena *flat;

	switch (column->kind)
	{
		case RUSTS_KIND_INT:
			rusts_builder_put_int(builder, index,
								  rusts_datum_int(value, column->typlen));
			break;
		case RUSTS_KIND_FLOAT:
			rusts_builder_put_float(builder, index, DatumGetFloat8(value));
			break;
		case RUSTS_KIND_BOOL:
			rusts_builder_put_bool(builder, index, DatumGetBool(value));
			break;
		case RUSTS_KIND_BYTES:
			if (column->typlen == -1)
			{
				flat = flatten(value);
				bytes.data = VARDATA_ANY(flat);
				bytes.len = VARSIZE_ANY_EXHDR(flat);
				rusts_builder_put_bytes_copy(builder, index, bytes);
				if ((Pointer) flat != DatumGetPointer(value))
					pfree(flat);
			}
			else
			{
				bytes.data = DatumGetPointer(value);
				bytes.len = column->typlen;
				rusts_builder_put_bytes_copy(builder, index, bytes);
			}
			break;
	}
}
