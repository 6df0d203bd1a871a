/*-------------------------------------------------------------------------
 *
 * duplicate_keys.c
 *	  Find the points that lie in several segments.
 *
 * Two segments can share points only where their times overlap.  Of each
 * segment only the rows with such times are looked at, and of other columns
 * than time and tags nothing at all.  Their keys go into one hash table
 * (duplicate_table.c).  Series are numbered across segments by a builder's
 * table of tag tuples; so equal keys are equal, not only their hashes.
 *
 * src/write/duplicate_keys.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "meta/settings.h"
#include "segment/rows.h"
#include "write/builder.h"
#include "write/duplicates_internal.h"

/* Times, both ends included. */
typedef struct TimeSpan
{
	int64		low;
	int64		high;
} TimeSpan;

/* The times of a suspect that are to be looked at, ascending. */
typedef struct TimeSpans
{
	uint32		n;
	uint32		max;
	TimeSpan   *list;
} TimeSpans;

typedef struct Examination
{
	RustsDupQuery *query;
	MemoryContext cxt;			/* everything here */
	TimeSpans  *intervals;		/* [nsuspects] */
	RustsBuilder *series;		/* numbers of series */
	RustsCodecScratch *scratch;
	bool		corrupt;
	RustsDupTable *table;		/* keys of the pass */
	/* of the segment at hand */
	RustsReader *reader;
	RustsRows  *rows;			/* if its series are not the key's */
	TupleTableSlot *slot;
	uint32	   *numbers;		/* of its series, RUSTS_NO_INDEX: not known */
	int			time;			/* columns, -1: none */
	int			time_ns;
	int32		missing_ns;
} Examination;

static void list_times(Examination *ex);
static bool read_pass(Examination *ex);
static void add_interval(Examination *ex, uint32 suspect, int64 low,
						 int64 high);
static void read_suspect(Examination *ex, uint32 suspect);
static bool open_suspect(Examination *ex, uint32 suspect);
static bool series_are_keys(Examination *ex);
static void read_block(Examination *ex, uint32 suspect, uint32 block,
					   RustsVector *times, RustsVector *nanos);
static bool overlaps(const TimeSpans *intervals, int64 low, int64 high);
static uint32 number_series(Examination *ex, uint32 series);
static uint32 number_row(Examination *ex, uint32 row);

bool
rusts_dup_examine(RustsDupQuery *query)
{
	RustsDupStorage *storage = query->storage;
	Examination ex = {.query = query};
	MemoryContext old_cxt;
	uint32		npasses = 1;
	uint32		pass = 0;
	uint64		bit;
	uint32		i;

	ex.cxt = AllocSetContextCreate(CurrentMemoryContext,
								   "rusts duplicate keys",
								   ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(ex.cxt);
	ex.intervals = palloc0_array(TimeSpans, query->nsuspects);
	ex.series = rusts_builder_create(ex.cxt, query->schema);
	ex.scratch = palloc(rusts_codec_scratch_size());
	ex.slot = MakeSingleTupleTableSlot(query->desc, &TTSOpsVirtual);
	list_times(&ex);
	ex.table = rusts_dup_table_create();
	while (pass < npasses)
	{
		rusts_dup_table_begin(ex.table, pass, npasses);
		if (read_pass(&ex))
			pass++;
		else
		{
			/* What was found is found again. */
			npasses *= 2;
			pass = 0;
		}
	}
	ExecDropSingleTupleTableSlot(ex.slot);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(ex.cxt);
	if (ex.corrupt)
		return false;

	/* The oldest examination is forgotten for this one. */
	bit = UINT64CONST(1) << (storage->nexaminations++ % 64);
	for (i = 0; i < storage->nsegments; i++)
		storage->segments[i].examined &= ~bit;
	for (i = 0; i < query->nsuspects; i++)
	{
		storage->segments[query->suspects[i].segment].examined |= bit;
		storage->segments[query->suspects[i].segment].examined_self = true;
	}
	return true;
}

static int
compare_begins(const void *a, const void *b, void *arg)
{
	const RustsDupSuspect *suspects = arg;
	const RustsSegmentEntry *left = suspects[*(const uint32 *) a].entry;
	const RustsSegmentEntry *right = suspects[*(const uint32 *) b].entry;

	if (left->min_time != right->min_time)
		return left->min_time < right->min_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/*
 * For each suspect the times that it shares with another one that it was
 * never compared with.  They are gone through by their first time; those that
 * have not ended yet are active.
 */
static void
list_times(Examination *ex)
{
	const RustsDupQuery *query = ex->query;
	const RustsDupSegment *segments = query->storage->segments;
	uint32		n = query->nsuspects;
	uint32	   *order = palloc_array(uint32, n);
	uint32	   *active = palloc_array(uint32, n);
	uint32		nactive = 0;
	uint32		i;

	for (i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof(uint32), compare_begins, query->suspects);
	for (i = 0; i < n; i++)
	{
		const RustsDupSuspect *suspect = &query->suspects[order[i]];
		const RustsSegmentEntry *entry = suspect->entry;
		const RustsDupSegment *segment = &segments[suspect->segment];
		uint32		kept = 0;
		uint32		a;

		CHECK_FOR_INTERRUPTS();
		if (!suspect->distinct && !segment->examined_self)
			add_interval(ex, order[i], entry->min_time, entry->max_time);
		for (a = 0; a < nactive; a++)
		{
			const RustsDupSuspect *other = &query->suspects[active[a]];
			int64		end = Min(other->entry->max_time, entry->max_time);

			if (other->entry->max_time < entry->min_time)
				continue;
			active[kept++] = active[a];
			if ((segments[other->segment].examined & segment->examined) != 0)
				continue;
			add_interval(ex, order[i], entry->min_time, end);
			add_interval(ex, active[kept - 1], entry->min_time, end);
		}
		nactive = kept;
		active[nactive++] = order[i];
	}
}

/* They come in the order of low. */
static void
add_interval(Examination *ex, uint32 suspect, int64 low, int64 high)
{
	TimeSpans  *intervals = &ex->intervals[suspect];
	TimeSpan   *last = intervals->n > 0 ?
		&intervals->list[intervals->n - 1] : NULL;

	if (last != NULL && low <= last->high)
	{
		last->high = Max(last->high, high);
		return;
	}
	if (intervals->n == intervals->max)
	{
		intervals->max = Max(intervals->max * 2, 2);
		intervals->list = intervals->list == NULL ?
			palloc_array(TimeSpan, intervals->max) :
			repalloc_huge(intervals->list,
						  sizeof(TimeSpan) * (Size) intervals->max);
	}
	intervals->list[intervals->n].low = low;
	intervals->list[intervals->n++].high = high;
}

/* Take the rows of one pass; false if they are too many. */
static bool
read_pass(Examination *ex)
{
	uint32		i;

	for (i = 0; i < ex->query->nsuspects; i++)
	{
		if (ex->intervals[i].n > 0)
			read_suspect(ex, i);
		if (rusts_dup_table_is_full(ex->table))
			return false;
	}
	rusts_dup_table_enter(ex->table, ex->query);
	return true;
}

/* Enter a suspect's rows with the times that are to be looked at. */
static void
read_suspect(Examination *ex, uint32 suspect)
{
	const TimeSpans *intervals = &ex->intervals[suspect];
	MemoryContext segment_cxt = AllocSetContextCreate(ex->cxt,
													  "rusts duplicate segment",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(segment_cxt);

	if (open_suspect(ex, suspect))
	{
		RustsReader *reader = ex->reader;
		const int64 *min = rusts_reader_stat(reader, ex->time,
											 RUSTS_STAT_MIN);
		const int64 *max = rusts_reader_stat(reader, ex->time,
											 RUSTS_STAT_MAX);
		RustsVector *times = rusts_vector_create();
		RustsVector *nanos = rusts_vector_create();
		uint32		b;

		for (b = 0; b < reader->nblocks && !reader->corrupt &&
			 !rusts_dup_table_is_full(ex->table); b++)
		{
			CHECK_FOR_INTERRUPTS();
			if (min == NULL || max == NULL ||
				overlaps(intervals, min[b], max[b]))
				read_block(ex, suspect, b, times, nanos);
		}
	}
	ex->corrupt |= ex->reader->corrupt;
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(segment_cxt);
}

/* False if it has no times that could be compared. */
static bool
open_suspect(Examination *ex, uint32 suspect)
{
	const RustsDupQuery *query = ex->query;
	const RustsSchema *schema = query->schema;
	RustsReader *reader;
	int			from = 0;
	int			t;

	reader = rusts_reader_open(query->rel, query->suspects[suspect].entry,
							   rusts_skip_corrupt_segments,
							   !rusts_skip_corrupt_segments, ex->scratch);
	ex->reader = reader;
	ex->rows = NULL;
	if (reader->corrupt)
		return false;
	ex->time = rusts_reader_column(reader,
								   schema->columns[schema->time].attno,
								   &from);
	if (ex->time < 0 ||
		reader->parts->columns[ex->time].kind != RUSTS_KIND_INT)
		return false;
	ex->time_ns = -1;
	ex->missing_ns = 0;
	if (schema->time_ns >= 0)
	{
		AttrNumber	attno = schema->columns[schema->time_ns].attno;
		bool		isnull;
		Datum		missing = getmissingattr(query->desc, attno, &isnull);

		from = 0;
		ex->time_ns = rusts_reader_column(reader, attno, &from);
		if (!isnull)
			ex->missing_ns = DatumGetInt16(missing);
	}
	if (!series_are_keys(ex))
		ex->rows = rusts_rows_begin(reader, query->desc);
	for (t = 0; t < reader->ntags; t++)
		(void) rusts_parts_load_tag(reader, t);
	ex->numbers = MemoryContextAllocHuge(CurrentMemoryContext,
										 sizeof(uint32) *
										 Max((Size) reader->nseries, 1));
	memset(ex->numbers, 0xff, sizeof(uint32) * (Size) reader->nseries);
	return !reader->corrupt;
}

/*
 * Is what makes a series the same for all rows of one of the segment's?  Not
 * if a tag of today was a field then.
 */
static bool
series_are_keys(Examination *ex)
{
	const RustsSchema *schema = ex->query->schema;
	int			t;

	for (t = 0; t < schema->ntags; t++)
	{
		AttrNumber	attno = schema->columns[schema->tags[t]].attno;
		int			from = 0;

		if (rusts_reader_column(ex->reader, attno, &from) >= 0)
			return false;
	}
	return true;
}

static bool
overlaps(const TimeSpans *intervals, int64 low, int64 high)
{
	uint32		from = 0;
	uint32		to = intervals->n;

	/* The first one that does not end before. */
	while (from < to)
	{
		uint32		mid = from + (to - from) / 2;

		if (intervals->list[mid].high < low)
			from = mid + 1;
		else
			to = mid;
	}
	return from < intervals->n && intervals->list[from].low <= high;
}

static void
read_block(Examination *ex, uint32 suspect, uint32 block, RustsVector *times,
		   RustsVector *nanos)
{
	RustsReader *reader = ex->reader;
	const TimeSpans *intervals = &ex->intervals[suspect];
	uint32		first = reader->block_rows[block];
	uint32		series = reader->block_series[block];
	RustsDupKey candidate = {.suspect = suspect};
	uint32		i;

	if (!rusts_reader_decode(reader, ex->time, block, 8, times) ||
		(ex->time_ns >= 0 &&
		 !rusts_reader_decode(reader, ex->time_ns, block, 2, nanos)))
		return;
	for (i = 0; i < times->nrows; i++)
	{
		uint32		row = first + i;

		if (times->nnulls > 0 && rusts_bitmap_test(times->nulls, i))
			continue;
		candidate.time = times->v.ints[i];
		if (!overlaps(intervals, candidate.time, candidate.time))
			continue;
		while (row >= reader->series_rows[series + 1])
			series++;
		candidate.row = row;
		candidate.time_ns = ex->missing_ns;
		if (ex->time_ns >= 0)
			candidate.time_ns = nanos->nnulls > 0 &&
				rusts_bitmap_test(nanos->nulls, i) ? 0 : nanos->v.ints[i];
		candidate.series = ex->rows != NULL ? number_row(ex, row) :
			number_series(ex, series);
		if (reader->corrupt)
			return;
		rusts_dup_table_add(ex->table, &candidate);
	}
}

/* The number of a segment's series among those of all. */
static uint32
number_series(Examination *ex, uint32 series)
{
	const RustsSchema *schema = ex->query->schema;
	RustsBytes *tags;
	int			t;

	if (ex->numbers[series] != RUSTS_NO_INDEX)
		return ex->numbers[series];
	tags = palloc_array(RustsBytes, Max(schema->ntags, 1));
	for (t = 0; t < schema->ntags; t++)
	{
		AttrNumber	attno = schema->columns[schema->tags[t]].attno;
		int			tag = rusts_reader_tag(ex->reader, attno);
		const RustsBytes *value = NULL;

		tags[t] = (RustsBytes) {NULL, 0};
		if (tag >= 0)
			value = rusts_reader_tag_value(ex->reader, tag, series);
		if (value != NULL)
			tags[t] = *value;
		else if (tag < 0)
		{
			bool		isnull;
			Datum		missing = getmissingattr(ex->query->desc, attno,
												 &isnull);

			if (!isnull)
			{
				tags[t].data = VARDATA_ANY(DatumGetPointer(missing));
				tags[t].len = VARSIZE_ANY_EXHDR(DatumGetPointer(missing));
			}
		}
	}
	ex->numbers[series] = rusts_builder_series(ex->series, tags);
	pfree(tags);
	return ex->numbers[series];
}

/* The same for a row, whose series does not say it. */
static uint32
number_row(Examination *ex, uint32 row)
{
	const RustsSchema *schema = ex->query->schema;
	TupleTableSlot *slot = ex->slot;
	RustsBytes *tags;
	uint32		number;
	int			t;

	ExecClearTuple(slot);
	if (!rusts_rows_fill(ex->rows, row, slot->tts_values, slot->tts_isnull))
		return 0;
	tags = palloc_array(RustsBytes, Max(schema->ntags, 1));
	for (t = 0; t < schema->ntags; t++)
	{
		AttrNumber	attno = schema->columns[schema->tags[t]].attno;

		tags[t] = (RustsBytes) {NULL, 0};
		if (!slot->tts_isnull[attno - 1])
		{
			struct varlena *value =
				PG_DETOAST_DATUM_PACKED(slot->tts_values[attno - 1]);

			tags[t].data = VARDATA_ANY(value);
			tags[t].len = VARSIZE_ANY_EXHDR(value);
		}
	}
	number = rusts_builder_series(ex->series, tags);
	pfree(tags);
	return number;
}
