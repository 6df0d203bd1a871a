/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Read a segment: series, blocks, values.
 *
 * Opening a segment reads its header, series table and block directory;
 * values are decoded block by block and column by column as they are asked
 * for.  The image lies either in the directory row (then it is at hand
 * whole) or in pages (then a window of some pages of each column's stream
 * is).
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
#include "port/pg_crc32c.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "compat.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "segment/reader.h"

/* A column's window, in pages. */
#define WINDOW_PAGES		8

/* No block of byte strings needs a larger arena. */
#define MAX_ARENA			((uint64) MaxAllocSize + 64 * 1024 * 1024)

/* A position in the parts that are parsed at opening. */
typedef struct Cursor
{
	const uint8 *pos;
	const uint8 *end;
} Cursor;

static bool report_corrupt(RustsReader *reader, const char *detail);
static bool read_image(RustsReader *reader, uint64 offset, size_t len,
					   uint8 *dst);
static bool load_parts(RustsReader *reader);
static bool parse_series(RustsReader *reader, Cursor *cursor);
static bool parse_tags(RustsReader *reader, Cursor *cursor, int tag,
					   uint32 start, uint32 n);
static bool parse_directory(RustsReader *reader, Cursor *cursor);
static bool parse_column(RustsReader *reader, Cursor *cursor,
						 RustsReaderColumn *column, uint64 *stream_pos);
static bool next_chunk(Cursor *cursor, const uint8 **data, size_t *len);
static bool parse_counts(RustsReader *reader, Cursor *cursor, uint32 n,
						 uint32 *sums);
static bool skip_arrays(Cursor *cursor, int narrays, uint32 n);
static const uint8 *get_stream(RustsReader *reader, RustsReaderColumn *column,
							   uint64 start, uint64 len);
static void find_runs(RustsReader *reader, uint32 block);
static bool decode_bytes(RustsReader *reader, const uint8 *src, size_t len,
						 int16 typlen, RustsVector *vector);
static bool load_order(RustsReader *reader);
static void read_context(void *arg);
static uint32 crc32c(const uint8 *data, size_t len);

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

RustsVector *
rusts_vector_create(void)
{
	return palloc0_object(RustsVector);
}

/*
 * Say that the segment is damaged.  Returns false for the caller to hand on,
 * if it returns at all.
 */
static bool
report_corrupt(RustsReader *reader, const char *detail)
{
	reader->corrupt = true;
	ereport(reader->skip_corrupt ? WARNING : ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment " INT64_FORMAT " of measurement \"%s\" is corrupted",
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
static bool
read_image(RustsReader *reader, uint64 offset, size_t len, uint8 *dst)
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
	return report_corrupt(reader, psprintf("Block %u: %s", bad_block,
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
	pg_crc32c	crc;
	Cursor		cursor;

	if (image_len < RUSTS_HEADER_SIZE)
		return report_corrupt(reader, "It is shorter than a header.");
	if (reader->entry.payload != NULL)
	{
		struct varlena *payload =
			pg_detoast_datum_copy(reader->entry.payload);


		if (VARSIZE(payload) - VARHDRSZ != image_len)
			return report_corrupt(reader, "Its size differs from the directory's.");
		image = (uint8 *) VARDATA(payload);
		header = image;
	}
	else
	{
		uint8	   *buffer;

		if (image_len > (uint64) reader->entry.nblocks * rusts_page_payload())
			return report_corrupt(reader, "Its size differs from the directory's.");
		buffer = palloc(RUSTS_HEADER_SIZE);
		if (!read_image(reader, 0, RUSTS_HEADER_SIZE, buffer))
			return false;
		header = buffer;
	}

	if (rusts_get_u32(header + RUSTS_HEADER_MAGIC) != RUSTS_SEGMENT_MAGIC)
		return report_corrupt(reader, "It does not begin with the magic number.");
	if (rusts_get_u16(header + RUSTS_HEADER_VERSION) != RUSTS_SEGMENT_VERSION)
		return report_corrupt(reader,
							  psprintf("Its format version is %u, but this version of rusts reads version %u.",
									   rusts_get_u16(header + RUSTS_HEADER_VERSION),
									   RUSTS_SEGMENT_VERSION));
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
		return report_corrupt(reader, "The lengths of its parts do not add up.");
	if (reader->nrows != reader->entry.nrows ||
		reader->nblocks == 0 || reader->nblocks > reader->nrows ||
		reader->nseries == 0 || reader->nseries > reader->nrows)
		return report_corrupt(reader, "Its counts of rows, blocks and series do not add up.");

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

		if (!read_image(reader, RUSTS_HEADER_SIZE, parts_len, parts))
			return false;
		cursor.pos = parts;
	}

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, header, RUSTS_HEADER_META_CRC);
	COMP_CRC32C(crc, cursor.pos, parts_len);
	FIN_CRC32C(crc);
	if (crc != rusts_get_u32(header + RUSTS_HEADER_META_CRC) ||
		(reader->streams != NULL &&
		 crc32c(reader->streams, reader->streams_len) !=
		 rusts_get_u32(header + RUSTS_HEADER_STREAMS_CRC)))
		return report_corrupt(reader, "Its checksum does not match its contents.");

	cursor.end = cursor.pos + series_len;
	if (!parse_series(reader, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			report_corrupt(reader, "Its series table cannot be read.");
	cursor.end = cursor.pos + directory_len;
	if (!parse_directory(reader, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			report_corrupt(reader, "Its block directory cannot be read.");
	reader->order_data = cursor.pos;
	return true;
}

static bool
parse_series(RustsReader *reader, Cursor *cursor)
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
							   sizeof(uint32) * ((size_t) reader->nseries + 1));
	reader->series_tags =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(RustsBytes) *
							   Max((size_t) reader->nseries * reader->ntags, 1));
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
parse_tags(RustsReader *reader, Cursor *cursor, int tag, uint32 start,
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

	if (!next_chunk(cursor, &data, &len) ||
		rusts_block_bytes_arena(data, len, n, MAX_ARENA, &arena_size,
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
parse_directory(RustsReader *reader, Cursor *cursor)
{
	uint64		stream_pos = 0;
	uint32		start;
	uint32		series = 0;
	uint32		b;
	int			c;

	reader->block_rows =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) * ((size_t) reader->nblocks + 1));
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
parse_column(RustsReader *reader, Cursor *cursor, RustsReaderColumn *column,
			 uint64 *stream_pos)
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
							   sizeof(uint64) * ((size_t) reader->nblocks + 1));
	column->offsets[0] = *stream_pos;
	for (start = 0; start < reader->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(reader->nblocks - start, RUSTS_BLOCK_ROWS);
		const uint8 *data;
		size_t		len;
		uint32		run = 0;
		int64		lengths[RUSTS_BLOCK_ROWS];
		uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
		uint32		nnulls;
		uint32		i;

		if (!next_chunk(cursor, &data, &len) ||
			rusts_block_decode_ints(data, len, n, 1, &run, lengths, nulls,
									&nnulls, reader->scratch) !=
			RUSTS_CODEC_OK || nnulls > 0)
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

/* The next chunk of an array. */
static bool
next_chunk(Cursor *cursor, const uint8 **data, size_t *len)
{
	uint64		chunk_len;
	const uint8 *pos = rusts_get_varint(cursor->pos, cursor->end, &chunk_len);

	if (pos == NULL || chunk_len > (uint64) (cursor->end - pos))
		return false;
	*data = pos;
	*len = chunk_len;
	cursor->pos = pos + chunk_len;
	return true;
}

/*
 * A chunk of n positive counts, added up: sums[0] is given, sums[1 .. n] are
 * set; none exceeds the number of rows.
 */
static bool
parse_counts(RustsReader *reader, Cursor *cursor, uint32 n, uint32 *sums)
{
	const uint8 *data;
	size_t		len;
	uint32		run = 0;
	int64		counts[RUSTS_BLOCK_ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nnulls;
	uint32		i;

	if (!next_chunk(cursor, &data, &len) ||
		rusts_block_decode_ints(data, len, n, 1, &run, counts, nulls, &nnulls,
								reader->scratch) != RUSTS_CODEC_OK ||
		nnulls > 0)
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
skip_arrays(Cursor *cursor, int narrays, uint32 n)
{
	int			nchunks = narrays *
		((n + RUSTS_BLOCK_ROWS - 1) / RUSTS_BLOCK_ROWS);
	const uint8 *data;
	size_t		len;

	while (nchunks-- > 0)
	{
		if (!next_chunk(cursor, &data, &len))
			return false;
	}
	return true;
}

bool
rusts_reader_decode(RustsReader *reader, int column, uint32 block,
					int16 typlen, RustsVector *vector)
{
	RustsReaderColumn *col = &reader->columns[column];
	uint32		nrows = reader->block_rows[block + 1] -
		reader->block_rows[block];
	const uint8 *src;
	size_t		len;
	RustsCodecResult result = RUSTS_CODEC_CORRUPT;

	vector->kind = col->kind;
	vector->nrows = nrows;
	if (col->offsets == NULL)
	{
		vector->nnulls = nrows;
		memset(vector->nulls, 0xff, sizeof(vector->nulls));
		return true;
	}
	len = col->offsets[block + 1] - col->offsets[block];
	src = get_stream(reader, col, col->offsets[block], len);
	if (src == NULL)
		return false;
	find_runs(reader, block);
	switch (col->kind)
	{
		case RUSTS_KIND_INT:
			result = rusts_block_decode_ints(src, len, nrows, reader->nruns,
											 reader->runs, vector->v.ints,
											 vector->nulls, &vector->nnulls,
											 reader->scratch);
			break;
		case RUSTS_KIND_FLOAT:
			result = rusts_block_decode_floats(src, len, nrows, reader->nruns,
											   reader->runs, vector->v.floats,
											   vector->nulls, &vector->nnulls,
											   reader->scratch);
			break;
		case RUSTS_KIND_BOOL:
			result = rusts_block_decode_bools(src, len, nrows, reader->nruns,
											  reader->runs, vector->v.bools,
											  vector->nulls, &vector->nnulls,
											  reader->scratch);
			break;
		case RUSTS_KIND_BYTES:
			return decode_bytes(reader, src, len, typlen, vector) ||
				reader->corrupt ? !reader->corrupt :
				report_corrupt(reader,
							   psprintf("Block %u of column %d cannot be decoded.",
										block, col->attno));
	}
	if (result != RUSTS_CODEC_OK)
		return report_corrupt(reader,
							  psprintf("Block %u of column %d cannot be decoded.",
									   block, col->attno));
	return true;
}

/*
 * Byte strings as Datums: varlenas get their header in front, values of a
 * fixed length move to the aligned place where it would be.
 */
static bool
decode_bytes(RustsReader *reader, const uint8 *src, size_t len, int16 typlen,
			 RustsVector *vector)
{
	uint64		arena_size;
	uint32		ndistinct;
	char	   *arena;
	uint32		i;

	if (vector->arena_cxt == NULL)
		vector->arena_cxt =
			AllocSetContextCreate(GetMemoryChunkContext(vector),
								  "rusts byte strings",
								  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(vector->arena_cxt);
	if (rusts_block_bytes_arena(src, len, vector->nrows, MAX_ARENA,
								&arena_size, &ndistinct) != RUSTS_CODEC_OK)
		return false;
	arena = MemoryContextAllocHuge(vector->arena_cxt,
								   Max(arena_size, 8));
	vector->v.bytes.ndistinct = ndistinct;
	vector->v.bytes.distinct =
		MemoryContextAlloc(vector->arena_cxt,
						   sizeof(RustsBytes) * Max(ndistinct, 1));
	vector->v.bytes.datums =
		MemoryContextAlloc(vector->arena_cxt,
						   sizeof(Datum) * Max(ndistinct, 1));
	if (rusts_block_decode_bytes(src, len, vector->nrows, arena, arena_size,
								 vector->v.bytes.distinct, ndistinct,
								 vector->v.bytes.index, vector->nulls,
								 &vector->nnulls, reader->scratch) !=
		RUSTS_CODEC_OK)
		return false;
	for (i = 0; i < ndistinct; i++)
	{
		RustsBytes *value = &vector->v.bytes.distinct[i];
		char	   *start = unconstify(char *, value->data) -
			RUSTS_ARENA_HEADER;

		if (typlen == -1)
			SET_VARSIZE(start, value->len + VARHDRSZ);
		else
		{
			if (value->len != (uint32) typlen)
				return false;
			memmove(start, value->data, value->len);
			value->data = start;
		}
		vector->v.bytes.datums[i] = PointerGetDatum(start);
	}
	return true;
}

/*
 * len bytes from start of the column streams.  NULL if the segment is
 * corrupt (skip_corrupt).
 */
static const uint8 *
get_stream(RustsReader *reader, RustsReaderColumn *column, uint64 start,
		   uint64 len)
{
	uint64		end = column->offsets[reader->nblocks];

	if (reader->streams != NULL)
		return reader->streams + start;

	if (column->window == NULL || start < column->window_start ||
		start + len > column->window_start + column->window_len)
	{
		/* Up to the end of a page, so that no page is read twice. */
		uint64		payload = rusts_page_payload();
		uint64		wanted = Max(len, WINDOW_PAGES * payload);
		uint64		stop = reader->streams_start + start + wanted;

		stop -= stop % payload;
		stop = Max(stop, reader->streams_start + start + len);
		stop = Min(stop, reader->streams_start + end);
		wanted = stop - reader->streams_start - start;
		if (wanted > column->window_size)
		{
			column->window_size = Max(wanted, Min(WINDOW_PAGES * payload,
												  end - start));
			if (column->window != NULL)
				pfree(column->window);
			column->window = MemoryContextAllocHuge(reader->segment_cxt,
													column->window_size);
		}
		column->window_start = start;
		column->window_len = 0;
		if (!read_image(reader, reader->streams_start + start, wanted,
						column->window))
			return NULL;
		column->window_len = wanted;
	}
	return column->window + (start - column->window_start);
}

/* Where the series begin in a block. */
static void
find_runs(RustsReader *reader, uint32 block)
{
	uint32		first = reader->block_rows[block];
	uint32		end = reader->block_rows[block + 1];
	uint32		series = reader->block_series[block] + 1;

	if (reader->runs_block == block)
		return;
	reader->runs[0] = 0;
	reader->nruns = 1;
	for (; series < reader->nseries && reader->series_rows[series] < end;
		 series++)
		reader->runs[reader->nruns++] = reader->series_rows[series] - first;
	reader->runs_block = block;
}

uint32
rusts_reader_block_of(const RustsReader *reader, uint32 row)
{
	uint32		low = 0;
	uint32		high = reader->nblocks;

	while (high - low > 1)
	{
		uint32		mid = low + (high - low) / 2;

		if (reader->block_rows[mid] <= row)
			low = mid;
		else
			high = mid;
	}
	return low;
}

uint32
rusts_reader_tid_row(RustsReader *reader, uint32 row)
{
	if (reader->order_len == 0 || reader->corrupt)
		return row;
	if (reader->order == NULL && !load_order(reader))
		return row;
	return reader->order[row];
}

uint32
rusts_reader_row_of_tid(RustsReader *reader, uint32 tid_row)
{
	if (reader->order_len == 0 || reader->corrupt)
		return tid_row;
	if (reader->order == NULL && !load_order(reader))
		return tid_row;
	return reader->positions[tid_row];
}

static bool
load_order(RustsReader *reader)
{
	Cursor		cursor = {reader->order_data,
	reader->order_data + reader->order_len};
	Size		size = sizeof(uint32) * (Size) reader->nrows;
	uint32	   *order = MemoryContextAllocHuge(reader->segment_cxt, size);
	uint32	   *positions = MemoryContextAllocHuge(reader->segment_cxt, size);
	uint32		start;
	uint32		i;

	for (i = 0; i < reader->nrows; i++)
		positions[i] = PG_UINT32_MAX;
	for (start = 0; start < reader->nrows; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(reader->nrows - start, RUSTS_BLOCK_ROWS);
		const uint8 *data;
		size_t		len;
		uint32		run = 0;
		int64		rows[RUSTS_BLOCK_ROWS];
		uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
		uint32		nnulls;

		if (!next_chunk(&cursor, &data, &len) ||
			rusts_block_decode_ints(data, len, n, 1, &run, rows, nulls,
									&nnulls, reader->scratch) !=
			RUSTS_CODEC_OK || nnulls > 0)
			return report_corrupt(reader, "Its row order cannot be read.");
		for (i = 0; i < n; i++)
		{
			if (rows[i] < 0 || rows[i] >= reader->nrows ||
				positions[rows[i]] != PG_UINT32_MAX)
				return report_corrupt(reader, "Its row order cannot be read.");
			order[start + i] = rows[i];
			positions[rows[i]] = start + i;
		}
	}
	reader->order = order;
	reader->positions = positions;
	return true;
}

Datum
rusts_int_datum(int64 value, int16 typlen)
{
	switch (typlen)
	{
		case 1:
			return CharGetDatum((char) value);
		case 2:
			return Int16GetDatum((int16) value);
		case 4:
			return Int32GetDatum((int32) value);
		default:
			return Int64GetDatum(value);
	}
}

static uint32
crc32c(const uint8 *data, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	if (len > 0)
		COMP_CRC32C(crc, data, len);
	FIN_CRC32C(crc);
	return crc;
}
