/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Read a segment: open and close, its parts, reports of damage.
 *
 * The image lies either in the directory row (then it is at hand whole) or in
 * pages.  Values are decoded by reader_decode.c.
 *
 * src/segment/reader.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "segment/cache.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "segment/reader_internal.h"

/* Enough that no page of a sequential read is read twice. */
#define DEFAULT_WINDOW_PAGES	8

static void read_context(void *arg);
static void release_parts(void *arg);

RustsReader *
rusts_reader_open(Relation rel, const RustsSegmentEntry *entry,
				  bool skip_corrupt, bool use_cache,
				  RustsCodecScratch *scratch)
{
	MemoryContext segment_cxt = AllocSetContextCreate(CurrentMemoryContext,
													  "rusts segment reader",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(segment_cxt);
	RustsReader *reader = palloc0_object(RustsReader);
	RustsParts *parts = NULL;

	reader->segment_cxt = segment_cxt;
	reader->rel = rel;
	reader->entry = *entry;
	reader->skip_corrupt = skip_corrupt;
	reader->runs_block = PG_UINT32_MAX;
	reader->window_pages = DEFAULT_WINDOW_PAGES;
	reader->scratch = scratch != NULL ? scratch :
		palloc(rusts_codec_scratch_size());

	if (use_cache)
		parts = rusts_cache_hold(entry->storage_id, entry->segment_id);
	if (parts == NULL)
	{
		parts = rusts_parts_load(reader);
		if (parts != NULL && use_cache)
			rusts_cache_enter(parts);
	}
	if (parts != NULL)
	{
		reader->parts = parts;
		reader->nrows = parts->nrows;
		reader->nblocks = parts->nblocks;
		reader->nseries = parts->nseries;
		reader->ntags = parts->ntags;
		reader->ncolumns = parts->ncolumns;
		reader->series_rows = parts->series_rows;
		reader->block_rows = parts->block_rows;
		reader->block_series = parts->block_series;
		if (parts->cached)
		{
			reader->release.func = release_parts;
			reader->release.arg = parts;
			MemoryContextRegisterResetCallback(segment_cxt, &reader->release);
		}
		reader->windows = palloc0_array(RustsWindow,
										Max(parts->ncolumns, 1));
	}
	MemoryContextSwitchTo(old_cxt);
	return reader;
}

static void
release_parts(void *arg)
{
	rusts_cache_release(arg);
}

void
rusts_reader_close(RustsReader *reader)
{
	MemoryContextDelete(reader->segment_cxt);
}

int
rusts_reader_column(const RustsReader *reader, AttrNumber attno, int *from)
{
	int			i;

	for (i = *from; i < reader->ncolumns; i++)
	{
		if (reader->parts->columns[i].attno >= attno)
		{
			*from = i;
			return reader->parts->columns[i].attno == attno ? i : -1;
		}
	}
	*from = i;
	return -1;
}

int
rusts_reader_tag(const RustsReader *reader, AttrNumber attno)
{
	int			i;

	for (i = 0; i < reader->ntags; i++)
	{
		if (reader->parts->tags[i].attno == attno)
			return i;
	}
	return -1;
}

const int64 *
rusts_reader_stat(RustsReader *reader, int column, RustsStat stat)
{
	RustsPartsColumn *col = &reader->parts->columns[column];

	if (col->stats[stat] != NULL)
		return col->stats[stat];
	if (!(col->flags & RUSTS_COLUMN_STATS) || reader->corrupt ||
		!rusts_parts_load_stat(reader, column, stat))
		return NULL;
	return col->stats[stat];
}

bool
rusts_reader_ints(RustsReader *reader, RustsCursor *cursor, uint32 n,
				  int64 *values)
{
	const uint8 *data;
	size_t		len;
	uint32		run = 0;
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nnulls;

	return rusts_next_chunk(cursor, &data, &len) &&
		rusts_block_decode_ints(data, len, n, 1, &run, values, nulls, &nnulls,
								reader->scratch) == RUSTS_CODEC_OK &&
		nnulls == 0;
}

/*
 * Say that the segment is damaged.  Returns false for the caller to hand on,
 * if it returns at all.
 */
bool
rusts_reader_report(RustsReader *reader, const char *detail)
{
	reader->corrupt = true;
	if (reader->entry.segment_id == RUSTS_NO_SEGMENT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("image of rows of measurement \"%s\" is corrupted",
						RelationGetRelationName(reader->rel)),
				 errdetail("%s", detail)));
	ereport(reader->skip_corrupt ? WARNING : ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment " INT64_FORMAT
					" of measurement \"%s\" is corrupted",
					reader->entry.segment_id,
					RelationGetRelationName(reader->rel)),
			 errdetail("%s", detail),
			 reader->skip_corrupt ? 0 :
			 errhint("Restore it from a backup, or set rusts.skip_corrupt_segments to read the other segments.")));
	return false;
}

/* Error context: which segment was being read. */
static void
read_context(void *arg)
{
	RustsReader *reader = arg;

	errcontext("reading segment " INT64_FORMAT " of measurement \"%s\"",
			   reader->entry.segment_id,
			   RelationGetRelationName(reader->rel));
}

/* Copy a part of an image that is a long value of another table. */
static bool
read_value(RustsReader *reader, uint64 offset, size_t len, uint8 *dst)
{
	struct varlena *slice = NULL;

	if (offset + len <= PG_INT32_MAX)
		slice = detoast_attr_slice(reader->entry.payload, (int32) offset,
								   (int32) len);
	if (slice == NULL || VARSIZE(slice) - VARHDRSZ != len)
		return rusts_reader_report(reader,
								   "Its size differs from the directory's.");
	memcpy(dst, VARDATA(slice), len);
	pfree(slice);
	return true;
}

/* Copy a part of an image that does not lie in the directory. */
bool
rusts_reader_image(RustsReader *reader, uint64 offset, size_t len, uint8 *dst)
{
	ErrorContextCallback callback;
	const char *problem;
	BlockNumber bad_block = InvalidBlockNumber;

	callback.callback = read_context;
	callback.arg = reader;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (OidIsValid(reader->entry.cold_table))
	{
		bool		good = read_value(reader, offset, len, dst);

		error_context_stack = callback.previous;
		return good;
	}
	problem = rusts_extent_read(reader->rel, reader->entry.storage_id,
								reader->entry.segment_id,
								reader->entry.first_block,
								reader->entry.nblocks, offset, len, dst,
								reader->skip_corrupt,
								reader->parts != NULL ?
								&reader->parts->in_file : NULL, &bad_block);
	error_context_stack = callback.previous;
	if (problem == NULL)
		return true;
	if (rusts_extent_is_gone(problem))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("canceling statement due to conflict with recovery"),
				 errdetail("Segment " INT64_FORMAT
						   " of measurement \"%s\" was removed on the primary.",
						   reader->entry.segment_id,
						   RelationGetRelationName(reader->rel)),
				 errhint("Retry the query; or set hot_standby_feedback.")));
	return rusts_reader_report(reader, psprintf("Block %u: %s", bad_block,
												problem));
}
