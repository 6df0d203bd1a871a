/*-------------------------------------------------------------------------
 *
 * builder_sort.c
 *	  Sort a builder's rows into a batch.
 *
 * The columns themselves are not moved: sorting makes a permutation of row
 * numbers, by counting per series, and a series whose rows did not arrive in
 * time order, which is rare, is sorted by itself.
 *
 * src/write/builder_sort.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "write/builder.h"

static const uint32 *rank_series(RustsBuilder *builder, const uint32 *counts,
								 uint32 *nused);
static int	compare_series(const void *a, const void *b, void *arg);
static void sort_run(RustsBuilder *builder, uint32 *rows, uint32 nrows);

void
rusts_builder_sort(RustsBuilder *builder, bool unite, RustsBatch *batch)
{
	rusts_builder_sort_some(builder, NULL, builder->nrows, unite, batch);
}

void
rusts_builder_sort_some(RustsBuilder *builder, const uint32 *rows,
						uint32 nrows, bool unite, RustsBatch *batch)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(builder->batch_cxt);
	const RustsSchema *schema = builder->schema;
	uint32	   *counts;
	uint32	   *starts;
	const uint32 *by_rank;
	uint32		nused;
	uint32	   *order;
	uint32	   *series_rows;
	RustsBytes *series_tags;
	RustsBatchColumn *columns;
	AttrNumber *tag_attnos;
	uint32		next = 0;
	uint32		i;
	int			c;

	Assert(nrows > 0);
	counts = MemoryContextAllocHuge(builder->batch_cxt,
									sizeof(uint32) * builder->nseries);
	starts = MemoryContextAllocHuge(builder->batch_cxt,
									sizeof(uint32) * builder->nseries);
	order = MemoryContextAllocHuge(builder->batch_cxt,
								   sizeof(uint32) * nrows);
	memset(counts, 0, sizeof(uint32) * builder->nseries);
	for (i = 0; i < nrows; i++)
		counts[builder->series_of[rows ? rows[i] : i]]++;
	by_rank = rank_series(builder, counts, &nused);

	series_rows = MemoryContextAllocHuge(builder->batch_cxt,
										 sizeof(uint32) * nused);
	series_tags = MemoryContextAllocHuge(builder->batch_cxt,
										 sizeof(RustsBytes) *
										 Max((size_t) nused * schema->ntags,
											 1));
	for (i = 0; i < nused; i++)
	{
		uint32		series = by_rank[i];

		starts[series] = next;
		next += counts[series];
		series_rows[i] = counts[series];
		memcpy(series_tags + (size_t) i * schema->ntags,
			   builder->series_tags + (size_t) series * schema->ntags,
			   sizeof(RustsBytes) * schema->ntags);
	}
	for (i = 0; i < nrows; i++)
	{
		uint32		row = rows ? rows[i] : i;

		order[starts[builder->series_of[row]]++] = row;
	}
	for (next = 0, i = 0; i < nused; i++)
	{
		sort_run(builder, order + next, series_rows[i]);
		next += series_rows[i];
	}

	columns = palloc_array(RustsBatchColumn, Max(schema->ncolumns, 1));
	tag_attnos = palloc_array(AttrNumber, Max(schema->ntags, 1));
	memset(batch, 0, sizeof(*batch));
	batch->nrows = nrows;
	batch->nseries = nused;
	if (schema->merges)
		rusts_builder_unite(builder, unite, order, series_rows, batch);
	batch->time = -1;
	for (c = 0; c < schema->ncolumns; c++)
	{
		RustsColumnBuilder *col = &builder->columns[c];
		RustsBatchColumn *out = &columns[batch->ncolumns];

		if (schema->columns[c].role == RUSTS_ROLE_TAG)
			continue;
		if (c == schema->time)
			batch->time = batch->ncolumns;
		out->column = &schema->columns[c];
		out->values = col->values;
		out->nulls = col->nulls;
		out->nrows = col->nrows;
		if (col->nrows == 0)
			out->values = NULL;
		batch->ncolumns++;
	}
	for (c = 0; c < schema->ntags; c++)
		tag_attnos[c] = schema->columns[schema->tags[c]].attno;

	batch->order = order;
	batch->write_order = builder->write_order;
	batch->series_rows = series_rows;
	batch->ntags = schema->ntags;
	batch->tag_attnos = tag_attnos;
	batch->series_tags = series_tags;
	batch->columns = columns;
	pfree(counts);
	pfree(starts);
	MemoryContextSwitchTo(old_cxt);
}

/* Bytewise by the tags' values, in the columns' order. */
static int
compare_series(const void *a, const void *b, void *arg)
{
	RustsBuilder *builder = arg;
	int			ntags = builder->schema->ntags;
	const RustsBytes *left =
		builder->series_tags + (size_t) *(const uint32 *) a * ntags;
	const RustsBytes *right =
		builder->series_tags + (size_t) *(const uint32 *) b * ntags;
	int			i;

	for (i = 0; i < ntags; i++)
	{
		int			cmp = rusts_bytes_compare(left[i], right[i]);

		if (cmp != 0)
			return cmp;
	}
	return 0;
}

/* The numbers of the series that have rows, in order. */
static const uint32 *
rank_series(RustsBuilder *builder, const uint32 *counts, uint32 *nused)
{
	uint32	   *ranked = MemoryContextAllocHuge(builder->batch_cxt,
												sizeof(uint32) *
												builder->nseries);
	uint32		n = 0;
	uint32		i;

	for (i = 0; i < builder->nseries; i++)
	{
		if (counts[i] > 0)
			ranked[n++] = i;
	}
	qsort_arg(ranked, n, sizeof(uint32), compare_series, builder);
	*nused = n;
	return ranked;
}

/* What the rows of one series are sorted by. */
typedef struct TimeKey
{
	bool		null;
	int64		time;
	int64		time_ns;
	uint32		row;
} TimeKey;

static int
compare_times(const void *a, const void *b)
{
	const TimeKey *left = a;
	const TimeKey *right = b;

	if (left->null != right->null)
		return left->null - right->null;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

/*
 * Sort the rows of one series by time; they nearly always are.  Rows without
 * a time come last, rows of the same time as they arrived.
 */
static void
sort_run(RustsBuilder *builder, uint32 *rows, uint32 nrows)
{
	const RustsSchema *schema = builder->schema;
	const RustsColumnBuilder *time;
	const RustsColumnBuilder *ns = NULL;
	const int64 *times;
	const int64 *nanos = NULL;
	TimeKey    *keys;
	uint32		i;

	if (schema->time < 0 || builder->columns[schema->time].nrows == 0)
		return;
	time = &builder->columns[schema->time];
	times = time->values;
	if (schema->time_ns >= 0 && builder->columns[schema->time_ns].nrows > 0)
	{
		ns = &builder->columns[schema->time_ns];
		nanos = ns->values;
	}

	if (time->nnulls == 0 && time->nrows == builder->nrows &&
		(ns == NULL || (ns->nnulls == 0 && ns->nrows == builder->nrows)))
	{
		for (i = 1; i < nrows; i++)
		{
			if (times[rows[i]] < times[rows[i - 1]] ||
				(nanos != NULL && times[rows[i]] == times[rows[i - 1]] &&
				 nanos[rows[i]] < nanos[rows[i - 1]]))
				break;
		}
		if (i >= nrows)
			return;
	}

	keys = MemoryContextAllocHuge(builder->batch_cxt,
								  sizeof(TimeKey) * nrows);
	for (i = 0; i < nrows; i++)
	{
		uint32		row = rows[i];

		keys[i].row = row;
		keys[i].null = row >= time->nrows ||
			(time->nulls && rusts_bitmap_test(time->nulls, row));
		keys[i].time = keys[i].null ? 0 : times[row];
		keys[i].time_ns = ns == NULL || row >= ns->nrows ||
			(ns->nulls && rusts_bitmap_test(ns->nulls, row)) ? 0 : nanos[row];
	}
	qsort(keys, nrows, sizeof(TimeKey), compare_times);
	for (i = 0; i < nrows; i++)
		rows[i] = keys[i].row;
	pfree(keys);
}
