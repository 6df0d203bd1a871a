/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Open a segment: header, series, block directory.
 *
 * Opening a segment reads its header, series table and block directory.  The
 * image lies either in the directory row (then it is at hand whole) or in
 * pages.  Values are decoded by reader_decode.c.
 *
 * Nothing that is read is trusted: every length and count is checked before
 * it is used, and what does not add up is reported as corruption of this
 * segment.
 *
 * src/segment/reader.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/bytes.h"
#include "base/crc.h"
#include "base/varint.h"
#include "compat.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "segment/reader.h"
#include "segment/reader_internal.h"

static bool load_parts(RustsReader *reader);
static bool parse_series(RustsReader *reader, RustsCursor *cursor);
static bool parse_tags(RustsReader *reader, RustsCursor *cursor, int tag,
					   uint32 start, uint32 n);
static bool parse_directory(RustsReader *reader, RustsCursor *cursor);
static bool parse_column(RustsReader *reader, RustsCursor *cursor,
						 RustsReaderColumn *column, uint64 *stream_pos);
static bool parse_counts(RustsReader *reader, RustsCursor *cursor, uint32 n,
						 uint32 *sums);
static bool skip_arrays(RustsCursor *cursor, int narrays, uint32 n);
static void read_context(void *arg);

RustsReader *
rusts_reader_open(Relation rel, const RustsSegmentEntry *entry,
				  bool skip_corrupt)
{
	MemoryContext segment_cxt = AllocSetContextCreate(CurrentMemoryContext,
													  "rusts segment reader",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(segment_cxt);
	RustsReader *reader = palloc0_object(RustsReader);

	reader->segment_cxt = segment_cxt;
	reader->rel = rel;
	reader->entry = *entry;
	reader->skip_corrupt = skip_corrupt;
	reader->runs_block = PG_UINT32_MAX;
	reader->scratch = palloc(rusts_codec_scratch_size());
	(void) load_parts(reader);
	MemoryContextSwitchTo(old_cxt);
	return reader;
}

void
rusts_reader_close(RustsReader *reader)
{
	MemoryContextDelete(reader->segment_cxt);
}

int
rusts_reader_column(const RustsReader *reader, AttrNumber attno)
{
	int			i;

	for (i = 0; i < reader->ncolumns; i++)
	{
		if (reader->columns[i].attno == attno)
			return i;
	}
	return -1;
}

int
rusts_reader_tag(const RustsReader *reader, AttrNumber attno)
{
	int			i;

	for (i = 0; i < reader->ntags; i++)
	{
		if (reader->tag_attnos[i] == attno)
			return i;
	}
	return -1;
}

/*
 * Say that the segment is damaged.  Returns false for the caller to hand on,
 * if it returns at all.
 */
bool
rusts_reader_report(RustsReader *reader, const char *detail)
{
	reader->corrupt = true;
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

/* Copy a part of an image that lies in pages. */
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
	problem = rusts_extent_read(reader->rel, reader->entry.storage_id,
								reader->entry.segment_id,
								reader->entry.first_block,
								reader->entry.nblocks, offset, len, dst,
								reader->skip_corrupt, &bad_block);
	error_context_stack = callback.previous;
	if (problem == NULL)
		return true;
	return rusts_reader_report(reader, psprintf("Block %u: %s", bad_block,
										   problem));
}

/*
 * Read and check header, series table and block directory.
 */
static bool
load_parts(RustsReader *reader)
{
	const uint8 *image = NULL;
	const uint8 *header;
	uint64		image_len = reader->entry.bytes;
	uint64		series_len;
	uint64		directory_len;
	uint64		parts_len;
	uint16		version;
	RustsCursor		cursor;

	if (image_len < RUSTS_HEADER_SIZE)
		return rusts_reader_report(reader, "It is shorter than a header.");
	if (reader->entry.payload != NULL)
	{
		struct varlena *payload =
			pg_detoast_datum_copy(reader->entry.payload);


		if (VARSIZE(payload) - VARHDRSZ != image_len)
			return rusts_reader_report(reader,
										   "Its size differs from the directory's.");
		image = (uint8 *) VARDATA(payload);
		header = image;
	}
	else
	{
		uint8	   *buffer;

		if (image_len > (uint64) reader->entry.nblocks * rusts_page_payload())
			return rusts_reader_report(reader,
										   "Its size differs from the directory's.");
		buffer = palloc(RUSTS_HEADER_SIZE);
		if (!rusts_reader_image(reader, 0, RUSTS_HEADER_SIZE, buffer))
			return false;
		header = buffer;
	}

	version = rusts_get_u16(header + RUSTS_HEADER_VERSION);
	if (rusts_get_u32(header + RUSTS_HEADER_MAGIC) != RUSTS_SEGMENT_MAGIC)
		return rusts_reader_report(reader,
									   "It does not begin with the magic number.");
	if (version != RUSTS_SEGMENT_VERSION)
		return rusts_reader_report(reader,
							  psprintf("Its format version is %u, but this version of rusts reads version %u.",
									   version, RUSTS_SEGMENT_VERSION));
	reader->nrows = rusts_get_u32(header + RUSTS_HEADER_ROWS);
	reader->nblocks = rusts_get_u32(header + RUSTS_HEADER_BLOCKS);
	reader->nseries = rusts_get_u32(header + RUSTS_HEADER_SERIES);
	reader->ntags = rusts_get_u16(header + RUSTS_HEADER_TAGS);
	reader->ncolumns = rusts_get_u16(header + RUSTS_HEADER_COLUMNS);
	series_len = rusts_get_u64(header + RUSTS_HEADER_SERIES_LEN);
	directory_len = rusts_get_u64(header + RUSTS_HEADER_DIRECTORY_LEN);
	reader->order_len = rusts_get_u64(header + RUSTS_HEADER_ORDER_LEN);
	reader->streams_len = rusts_get_u64(header + RUSTS_HEADER_STREAMS_LEN);
	if (series_len > image_len || directory_len > image_len ||
		reader->order_len > image_len || reader->streams_len > image_len ||
		RUSTS_HEADER_SIZE + series_len + directory_len + reader->order_len +
		reader->streams_len != image_len)
		return rusts_reader_report(reader,
									   "The lengths of its parts do not add up.");
	if (reader->nrows != reader->entry.nrows ||
		reader->nblocks == 0 || reader->nblocks > reader->nrows ||
		reader->nseries == 0 || reader->nseries > reader->nrows)
		return rusts_reader_report(reader,
									   "Its counts of rows, blocks and series do not add up.");

	parts_len = series_len + directory_len + reader->order_len;
	reader->streams_start = RUSTS_HEADER_SIZE + parts_len;
	if (image != NULL)
	{
		cursor.pos = image + RUSTS_HEADER_SIZE;
		reader->streams = image + reader->streams_start;
	}
	else
	{
		uint8	   *parts = MemoryContextAllocHuge(CurrentMemoryContext,
												   Max(parts_len, 1));

		if (!rusts_reader_image(reader, RUSTS_HEADER_SIZE, parts_len, parts))
			return false;
		cursor.pos = parts;
	}

	if (rusts_crc32c_of_two(header, RUSTS_HEADER_META_CRC, cursor.pos,
							parts_len) !=
		rusts_get_u32(header + RUSTS_HEADER_META_CRC) ||
		(reader->streams != NULL &&
		 rusts_crc32c(reader->streams, reader->streams_len) !=
		 rusts_get_u32(header + RUSTS_HEADER_STREAMS_CRC)))
		return rusts_reader_report(reader,
									   "Its checksum does not match its contents.");

	cursor.end = cursor.pos + series_len;
	if (!parse_series(reader, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			rusts_reader_report(reader, "Its series table cannot be read.");
	cursor.end = cursor.pos + directory_len;
	if (!parse_directory(reader, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			rusts_reader_report(reader, "Its block directory cannot be read.");
	reader->order_data = cursor.pos;
	return true;
}

static bool
parse_series(RustsReader *reader, RustsCursor *cursor)
{
	uint32		start;
	int			t;

	if ((size_t) (cursor->end - cursor->pos) < reader->ntags * sizeof(uint16))
		return false;
	reader->tag_attnos = palloc_array(AttrNumber, Max(reader->ntags, 1));
	for (t = 0; t < reader->ntags; t++)
	{
		reader->tag_attnos[t] = rusts_get_u16(cursor->pos);
		cursor->pos += sizeof(uint16);
	}
	reader->series_rows =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) *
							   ((size_t) reader->nseries + 1));
	reader->series_tags =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(RustsBytes) *
							   Max((size_t) reader->nseries * reader->ntags,
								   1));
	reader->series_rows[0] = 0;
	for (start = 0; start < reader->nseries; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(reader->nseries - start, RUSTS_BLOCK_ROWS);

		CHECK_FOR_INTERRUPTS();
		if (!parse_counts(reader, cursor, n, reader->series_rows + start))
			return false;
		for (t = 0; t < reader->ntags; t++)
		{
			if (!parse_tags(reader, cursor, t, start, n))
				return false;
		}
	}
	return reader->series_rows[reader->nseries] == reader->nrows;
}

/* Values of one tag for n series; each gets a varlena header. */
static bool
parse_tags(RustsReader *reader, RustsCursor *cursor, int tag, uint32 start,
		   uint32 n)
{
	const uint8 *data;
	size_t		len;
	uint64		arena_size;
	uint32		ndistinct;
	RustsBytes	distinct[RUSTS_BLOCK_ROWS];
	uint32		index[RUSTS_BLOCK_ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nnulls;
	char	   *arena;
	uint32		i;

	if (!rusts_next_chunk(cursor, &data, &len) ||
		rusts_block_bytes_arena(data, len, n, RUSTS_MAX_ARENA, &arena_size,
								&ndistinct) != RUSTS_CODEC_OK)
		return false;
	arena = MemoryContextAllocHuge(CurrentMemoryContext, Max(arena_size, 8));
	if (rusts_block_decode_bytes(data, len, n, arena, arena_size, distinct,
								 ndistinct, index, nulls, &nnulls,
								 reader->scratch) != RUSTS_CODEC_OK)
		return false;
	for (i = 0; i < ndistinct; i++)
		SET_VARSIZE(unconstify(char *, distinct[i].data) - VARHDRSZ,
					distinct[i].len + VARHDRSZ);
	for (i = 0; i < n; i++)
	{
		RustsBytes *value =
			&reader->series_tags[(size_t) (start + i) * reader->ntags + tag];

		if (nnulls > 0 && rusts_bitmap_test(nulls, i))
		{
			value->data = NULL;
			value->len = 0;
		}
		else
			*value = distinct[index[i]];
	}
	return true;
}

static bool
parse_directory(RustsReader *reader, RustsCursor *cursor)
{
	uint64		stream_pos = 0;
	uint32		start;
	uint32		series = 0;
	uint32		b;
	int			c;

	reader->block_rows =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) *
							   ((size_t) reader->nblocks + 1));
	reader->block_series =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) * (size_t) reader->nblocks);
	reader->columns = palloc0_array(RustsReaderColumn,
									Max(reader->ncolumns, 1));
	reader->block_rows[0] = 0;
	for (start = 0; start < reader->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(reader->nblocks - start, RUSTS_BLOCK_ROWS);

		if (!parse_counts(reader, cursor, n, reader->block_rows + start))
			return false;
	}
	if (reader->block_rows[reader->nblocks] != reader->nrows)
		return false;
	for (b = 0; b < reader->nblocks; b++)
	{
		if (reader->block_rows[b + 1] - reader->block_rows[b] >
			RUSTS_BLOCK_ROWS)
			return false;
		while (reader->series_rows[series + 1] <= reader->block_rows[b])
			series++;
		reader->block_series[b] = series;
	}
	for (c = 0; c < reader->ncolumns; c++)
	{
		if (!parse_column(reader, cursor, &reader->columns[c], &stream_pos))
			return false;
	}
	return stream_pos == reader->streams_len;
}

static bool
parse_column(RustsReader *reader, RustsCursor *cursor,
			 RustsReaderColumn *column, uint64 *stream_pos)
{
	uint32		start;

	if (cursor->end - cursor->pos < 4)
		return false;
	column->attno = rusts_get_u16(cursor->pos);
	column->kind = cursor->pos[2];
	column->flags = cursor->pos[3];
	cursor->pos += 4;
	if (column->kind < RUSTS_KIND_INT || column->kind > RUSTS_KIND_BYTES)
		return false;
	if (column->flags & RUSTS_COLUMN_ALL_NULL)
		return true;

	column->offsets =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint64) *
							   ((size_t) reader->nblocks + 1));
	column->offsets[0] = *stream_pos;
	for (start = 0; start < reader->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(reader->nblocks - start, RUSTS_BLOCK_ROWS);
		int64		lengths[RUSTS_BLOCK_ROWS];
		uint32		i;

		if (!rusts_reader_ints(reader, cursor, n, lengths))
			return false;
		for (i = 0; i < n; i++)
		{
			if (lengths[i] < 0 ||
				(uint64) lengths[i] > reader->streams_len - *stream_pos)
				return false;
			*stream_pos += lengths[i];
			column->offsets[start + i + 1] = *stream_pos;
		}
	}
	if (column->flags & RUSTS_COLUMN_STATS)
	{
		column->stats = cursor->pos;
		if (!skip_arrays(cursor, 6, reader->nblocks))
			return false;
		column->stats_len = cursor->pos - column->stats;
	}
	return true;
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
 * A chunk of n positive counts, added up: sums[0] is given, sums[1 .. n] are
 * set; none exceeds the number of rows.
 */
static bool
parse_counts(RustsReader *reader, RustsCursor *cursor, uint32 n, uint32 *sums)
{
	int64		counts[RUSTS_BLOCK_ROWS];
	uint32		i;

	if (!rusts_reader_ints(reader, cursor, n, counts))
		return false;
	for (i = 0; i < n; i++)
	{
		if (counts[i] <= 0 || counts[i] > (int64) reader->nrows - sums[i])
			return false;
		sums[i + 1] = sums[i] + counts[i];
	}
	return true;
}

static bool
skip_arrays(RustsCursor *cursor, int narrays, uint32 n)
{
	int			nchunks = narrays *
		((n + RUSTS_BLOCK_ROWS - 1) / RUSTS_BLOCK_ROWS);
	const uint8 *data;
	size_t		len;

	while (nchunks-- > 0)
	{
		if (!rusts_next_chunk(cursor, &data, &len))
			return false;
	}
	return true;
}
