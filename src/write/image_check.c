/*-------------------------------------------------------------------------
 *
 * image_check.c
 *	  Decode an image that came from another node, to see what it is.
 *
 * Everything that a reader relies on is compared with what our own writer
 * would have made of the same rows: the order of series and rows, the
 * statistics.  If anything differs the rows are good all the same, but they
 * are written anew (image_rows.c).
 *
 * src/write/image_check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/bloom.h"
#include "compat.h"
#include "meta/directory.h"
#include "segment/format.h"
#include "segment/stats.h"
#include "write/image_check.h"

static void check_tags(RustsIncoming *in);
static void check_column(RustsIncoming *in, int column, RustsVector *vector);
static void check_stats(RustsIncoming *in, int column,
						const RustsBlockStats *stats);
static void begin_stats(RustsBlockStats *stats, uint32 nblocks);
static void add_stats(RustsIncoming *in, uint32 block,
					  const RustsVector *vector, RustsBlockStats *stats);
static uint64 value_bytes(const RustsVector *vector, int16 typlen);
static void check_not_null(RustsIncoming *in, AttrNumber attno);
static void check_order(RustsIncoming *in);
static int	compare_times(const RustsVector *time, const RustsVector *ns,
						  uint32 row, bool *null, int64 *last_time,
						  int64 *last_ns);

void
rusts_image_check(RustsIncoming *in)
{
	RustsVector *vector = rusts_vector_create();
	int			i;

	in->image.min_time = RUSTS_NO_TIME;
	in->image.max_time = RUSTS_NO_TIME;
	check_tags(in);
	for (i = 0; i < in->reader->ncolumns; i++)
		check_column(in, i, vector);
	if (in->as_is)
		check_order(in);
	if (vector->arena_cxt != NULL)
		MemoryContextDelete(vector->arena_cxt);
	pfree(vector);
}

/* Tag values, and whether each series comes once and in its place. */
static void
check_tags(RustsIncoming *in)
{
	RustsReader *reader = in->reader;
	int			ntags = reader->ntags;
	AttrNumber *attnos = palloc_array(AttrNumber, Max(ntags, 1));
	RustsBytes *tags;
	RustsBatch	batch = {.nseries = reader->nseries,.ntags = ntags,
	.tag_attnos = attnos};
	uint32		s;
	int			t;

	tags = MemoryContextAllocExtended(CurrentMemoryContext,
									  sizeof(RustsBytes) *
									  Max((Size) reader->nseries * ntags, 1),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (t = 0; t < ntags; t++)
	{
		const RustsPartsTag *tag = &reader->parts->tags[t];

		attnos[t] = tag->attno;
		(void) rusts_parts_load_tag(reader, t);
		rusts_image_check_bytes(in, tag->attno, tag->values, tag->nvalues);
		for (s = 0; s < reader->nseries; s++)
		{
			const RustsBytes *value = rusts_reader_tag_value(reader, t, s);
			uint32		n = reader->series_rows[s + 1] -
			reader->series_rows[s];

			if (value == NULL)
			{
				check_not_null(in, tag->attno);
				continue;
			}
			tags[(Size) s * ntags + t] = *value;
			in->image.raw_bytes += (uint64) n * (value->len + 1);
		}
	}
	for (s = 1; s < reader->nseries && in->as_is; s++)
	{
		const RustsBytes *one = tags + (Size) s * ntags;
		int			cmp = 0;

		CHECK_FOR_INTERRUPTS();
		for (t = 0; t < ntags && cmp == 0; t++)
			cmp = rusts_bytes_compare(one[t - ntags], one[t]);
		if (cmp >= 0)
			in->as_is = false;
	}
	batch.series_tags = tags;
	if (in->as_is)
		rusts_image_filter_tags(&batch, CurrentMemoryContext, &in->image);
	pfree(attnos);
	pfree(tags);
}

static void
check_column(RustsIncoming *in, int column, RustsVector *vector)
{
	RustsReader *reader = in->reader;
	const RustsPartsColumn *col = &reader->parts->columns[column];
	const RustsColumn *described =
	&in->schema->columns[in->schema->by_attno[col->attno - 1]];
	bool		has_stats = (col->flags & RUSTS_COLUMN_STATS) != 0;
	RustsBlockStats stats = {0};
	uint32		b;

	if (col->flags & RUSTS_COLUMN_ALL_NULL)
	{
		check_not_null(in, col->attno);
		if (col->flags != RUSTS_COLUMN_ALL_NULL)
			in->as_is = false;
		return;
	}
	if (has_stats && !described->has_stats)
		in->as_is = false;
	has_stats = has_stats && in->as_is;
	if (has_stats)
		begin_stats(&stats, reader->nblocks);
	for (b = 0; b < reader->nblocks; b++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) rusts_reader_decode(reader, column, b, described->typlen,
								   vector);
		if (vector->nnulls > 0)
			check_not_null(in, col->attno);
		rusts_image_check_vector(in, col->attno, vector);
		in->image.raw_bytes += value_bytes(vector, described->typlen);
		if (has_stats)
			add_stats(in, b, vector, &stats);
	}
	if (has_stats)
	{
		check_stats(in, column, &stats);
		in->has_stats = true;
	}
}

static void
begin_stats(RustsBlockStats *stats, uint32 nblocks)
{
	int64	   *values = palloc0_array(int64, RUSTS_NSTATS * nblocks);

	stats->nulls = values + RUSTS_STAT_NULLS * nblocks;
	stats->min = values + RUSTS_STAT_MIN * nblocks;
	stats->max = values + RUSTS_STAT_MAX * nblocks;
	stats->first = values + RUSTS_STAT_FIRST * nblocks;
	stats->last = values + RUSTS_STAT_LAST * nblocks;
	stats->sum = values + RUSTS_STAT_SUM * nblocks;
}

static void
add_stats(RustsIncoming *in, uint32 block, const RustsVector *vector,
		  RustsBlockStats *stats)
{
	RustsBlockInput input = {.kind = vector->kind,.nrows = vector->nrows,
	.nulls = vector->nnulls > 0 ? vector->nulls : NULL};

	if (vector->kind == RUSTS_KIND_FLOAT)
	{
		input.floats = vector->v.floats;
		rusts_float_stats(&input, block, stats);
	}
	else
	{
		input.ints = vector->v.ints;
		rusts_int_stats(&input, block, stats);
	}
}

/* Are these the statistics that a column says it has? */
static void
check_stats(RustsIncoming *in, int column, const RustsBlockStats *stats)
{
	RustsReader *reader = in->reader;
	uint8		flags = reader->parts->columns[column].flags;
	Size		size = sizeof(int64) * reader->nblocks;
	int			i;

	if (flags != (RUSTS_COLUMN_STATS |
				  (stats->sum_overflow ? RUSTS_COLUMN_SUM_OVERFLOW : 0)))
		in->as_is = false;
	for (i = 0; i < RUSTS_NSTATS; i++)
	{
		const int64 *theirs = rusts_reader_stat(reader, column, i);

		/* All of them lie one after the other. */
		if (memcmp(theirs, stats->nulls + (Size) i * reader->nblocks,
				   size) != 0)
			in->as_is = false;
	}
	pfree(stats->nulls);
}

/* What the values that are not null would take in a row. */
static uint64
value_bytes(const RustsVector *vector, int16 typlen)
{
	uint64		total = 0;
	uint32		i;

	if (typlen > 0)
		return (uint64) typlen * (vector->nrows - vector->nnulls);
	for (i = 0; i < vector->nrows; i++)
	{
		if (vector->nnulls == 0 || !rusts_bitmap_test(vector->nulls, i))
			total += vector->v.bytes.distinct[vector->v.bytes.index[i]].len +
				1;
	}
	return total;
}

/* The column has a null. */
static void
check_not_null(RustsIncoming *in, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(in->rel),
										  attno - 1);

	if (att->attnotnull && !in->deleted)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
						NameStr(att->attname),
						RelationGetRelationName(in->rel)),
				 errtablecol(in->rel, attno)));
}

/* Times: their range, their order in each series, and whether any is twice. */
static void
check_order(RustsIncoming *in)
{
	RustsReader *reader = in->reader;
	const RustsSchema *schema = in->schema;
	RustsVector *time = rusts_vector_create();
	RustsVector *ns = rusts_vector_create();
	int			from = 0;
	int			time_column = -1;
	int			ns_column = -1;
	bool		distinct = true;
	bool		null = false;
	int64		last_time = 0;
	int64		last_ns = 0;
	uint32		series = 0;
	uint32		b;

	if (schema->time >= 0)
		time_column = rusts_reader_column(reader,
										  schema->columns[schema->time].attno,
										  &from);
	from = 0;
	if (schema->time_ns >= 0)
		ns_column = rusts_reader_column(reader,
										schema->columns[schema->time_ns].attno,
										&from);
	for (b = 0; b < reader->nblocks && time_column >= 0; b++)
	{
		uint32		row = reader->block_rows[b];
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		(void) rusts_reader_decode(reader, time_column, b, sizeof(int64),
								   time);
		if (ns_column >= 0)
			(void) rusts_reader_decode(reader, ns_column, b, sizeof(int16),
									   ns);
		for (i = 0; i < time->nrows; i++, row++)
		{
			bool		first = row == reader->series_rows[series];
			int			cmp = compare_times(time, ns_column >= 0 ? ns : NULL,
											i, &null, &last_time, &last_ns);

			if (row + 1 == reader->series_rows[series + 1])
				series++;
			if (!first && cmp > 0)
				in->as_is = false;
			if (!first && cmp == 0 && !null)
				distinct = false;
			if (null)
				continue;
			if (in->image.max_time == RUSTS_NO_TIME)
				in->image.min_time = in->image.max_time = last_time;
			in->image.min_time = Min(in->image.min_time, last_time);
			in->image.max_time = Max(in->image.max_time, last_time);
		}
	}
	pfree(time);
	pfree(ns);
	if (!schema->merges)
		return;
	if (!distinct)
		in->as_is = false;		/* these are to be united */
	for (b = 0; b < reader->ntags; b++)
		in->key_columns |= RUSTS_KEY_COLUMN(reader->parts->tags[b].attno);
	if (time_column >= 0)
		in->key_columns |=
			RUSTS_KEY_COLUMN(schema->columns[schema->time].attno);
	if (ns_column >= 0)
		in->key_columns |=
			RUSTS_KEY_COLUMN(schema->columns[schema->time_ns].attno);
}

/*
 * Compare the last row, which *null and so on describe, with this one, which
 * they do then.  Nulls are last.
 */
static int
compare_times(const RustsVector *time, const RustsVector *ns, uint32 row,
			  bool *null, int64 *last_time, int64 *last_ns)
{
	bool		is_null = time->nnulls > 0 &&
	rusts_bitmap_test(time->nulls, row);
	int64		t = is_null ? 0 : time->v.ints[row];
	int64		n = ns == NULL ||
	(ns->nnulls > 0 && rusts_bitmap_test(ns->nulls, row)) ? 0 :
	ns->v.ints[row];
	int			cmp;

	if (*null != is_null)
		cmp = *null ? 1 : -1;
	else if (*last_time != t)
		cmp = *last_time < t ? -1 : 1;
	else
		cmp = (*last_ns > n) - (*last_ns < n);
	*null = is_null;
	*last_time = t;
	*last_ns = n;
	return cmp;
}
