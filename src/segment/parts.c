/*-------------------------------------------------------------------------
 *
 * parts.c
 *	  Open a segment: header, series table, block directory.
 *
 * Opening reads the three parts that precede the column streams and checks
 * them against their checksum.  How many rows each series and each block has
 * is decoded at once; tag values, the blocks' places and their statistics
 * when somebody asks (parts_lazy.c), for most queries want a few columns of
 * many.
 *
 * Nothing that is read is trusted: every length and count is checked before
 * it is used, and what does not add up is reported as corruption of this
 * segment.
 *
 * src/segment/parts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/crc.h"
#include "compat.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "segment/reader_internal.h"

static bool load_parts(RustsReader *reader, RustsParts *parts);
static const uint8 *read_header(RustsReader *reader, const uint8 **image);
static bool parse_header(RustsReader *reader, RustsParts *parts,
						 const uint8 *header, uint64 *series_len,
						 uint64 *directory_len);
static bool parse_series(RustsReader *reader, RustsParts *parts,
						 RustsCursor *cursor);
static bool parse_directory(RustsReader *reader, RustsParts *parts,
							RustsCursor *cursor);
static bool parse_column(RustsReader *reader, RustsParts *parts,
						 RustsCursor *cursor, RustsPartsColumn *column,
						 uint64 *stream_pos);
static bool parse_counts(RustsReader *reader, RustsParts *parts,
						 RustsCursor *cursor, uint32 n, uint32 *sums);
static bool skip_arrays(RustsCursor *cursor, int narrays, uint32 n);

RustsParts *
rusts_parts_load(RustsReader *reader)
{
	MemoryContext parts_cxt = AllocSetContextCreate(CurrentMemoryContext,
													"rusts segment parts",
													ALLOCSET_SMALL_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(parts_cxt);
	RustsParts *parts = palloc0_object(RustsParts);
	bool		good;

	parts->parts_cxt = parts_cxt;
	parts->storage_id = reader->entry.storage_id;
	parts->segment_id = reader->entry.segment_id;
	good = load_parts(reader, parts);
	MemoryContextSwitchTo(old_cxt);
	if (good)
		return parts;
	MemoryContextDelete(parts_cxt);
	return NULL;
}

static bool
load_parts(RustsReader *reader, RustsParts *parts)
{
	const uint8 *image = NULL;
	const uint8 *header = read_header(reader, &image);
	uint64		series_len = 0;
	uint64		directory_len = 0;
	uint64		parts_len;
	RustsCursor cursor;

	if (header == NULL ||
		!parse_header(reader, parts, header, &series_len, &directory_len))
		return false;

	parts_len = series_len + directory_len + parts->order_len;
	parts->streams_start = RUSTS_HEADER_SIZE + parts_len;
	if (image != NULL)
	{
		cursor.pos = image + RUSTS_HEADER_SIZE;
		parts->streams = image + parts->streams_start;
	}
	else
	{
		uint8	   *bytes = MemoryContextAllocHuge(CurrentMemoryContext,
												   Max(parts_len, 1));

		if (!rusts_reader_image(reader, RUSTS_HEADER_SIZE, parts_len, bytes))
			return false;
		cursor.pos = bytes;
	}

	if (rusts_crc32c_of_two(header, RUSTS_HEADER_META_CRC, cursor.pos,
							parts_len) !=
		rusts_get_u32(header + RUSTS_HEADER_META_CRC) ||
		(parts->streams != NULL &&
		 rusts_crc32c(parts->streams, parts->streams_len) !=
		 rusts_get_u32(header + RUSTS_HEADER_STREAMS_CRC)))
		return rusts_reader_report(reader,
								   "Its checksum does not match its contents.");

	cursor.end = cursor.pos + series_len;
	if (!parse_series(reader, parts, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			rusts_reader_report(reader, "Its series table cannot be read.");
	cursor.end = cursor.pos + directory_len;
	if (!parse_directory(reader, parts, &cursor) || cursor.pos != cursor.end)
		return reader->corrupt ? false :
			rusts_reader_report(reader, "Its block directory cannot be read.");
	parts->order_data = cursor.pos;
	return true;
}

/* The header, and the whole image where it is at hand. */
static const uint8 *
read_header(RustsReader *reader, const uint8 **image)
{
	uint64		image_len = reader->entry.bytes;
	uint8	   *buffer;

	if (image_len < RUSTS_HEADER_SIZE)
	{
		(void) rusts_reader_report(reader, "It is shorter than a header.");
		return NULL;
	}
	if (reader->entry.payload != NULL &&
		!OidIsValid(reader->entry.cold_table))
	{
		struct varlena *payload = pg_detoast_datum_copy(reader->entry.payload);

		if (VARSIZE(payload) - VARHDRSZ != image_len)
		{
			(void) rusts_reader_report(reader,
									   "Its size differs from the directory's.");
			return NULL;
		}
		*image = (uint8 *) VARDATA(payload);
		return *image;
	}
	if (OidIsValid(reader->entry.cold_table) ?
		reader->entry.payload == NULL :
		image_len > (uint64) reader->entry.nblocks * rusts_page_payload())
	{
		(void) rusts_reader_report(reader,
								   "Its size differs from the directory's.");
		return NULL;
	}
	buffer = palloc(RUSTS_HEADER_SIZE);
	if (!rusts_reader_image(reader, 0, RUSTS_HEADER_SIZE, buffer))
		return NULL;
	return buffer;
}

static bool
parse_header(RustsReader *reader, RustsParts *parts, const uint8 *header,
			 uint64 *series_len, uint64 *directory_len)
{
	uint64		image_len = reader->entry.bytes;
	uint16		version = rusts_get_u16(header + RUSTS_HEADER_VERSION);

	if (rusts_get_u32(header + RUSTS_HEADER_MAGIC) != RUSTS_SEGMENT_MAGIC)
		return rusts_reader_report(reader,
								   "It does not begin with the magic number.");
	if (version != RUSTS_SEGMENT_VERSION)
		return rusts_reader_report(reader,
								   psprintf("Its format version is %u, but this version of rusts reads version %u.",
											version, RUSTS_SEGMENT_VERSION));
	parts->nrows = rusts_get_u32(header + RUSTS_HEADER_ROWS);
	parts->nblocks = rusts_get_u32(header + RUSTS_HEADER_BLOCKS);
	parts->nseries = rusts_get_u32(header + RUSTS_HEADER_SERIES);
	parts->ngroups = parts->nseries / RUSTS_SERIES_GROUP +
		(parts->nseries % RUSTS_SERIES_GROUP != 0);
	parts->ntags = rusts_get_u16(header + RUSTS_HEADER_TAGS);
	parts->ncolumns = rusts_get_u16(header + RUSTS_HEADER_COLUMNS);
	*series_len = rusts_get_u64(header + RUSTS_HEADER_SERIES_LEN);
	*directory_len = rusts_get_u64(header + RUSTS_HEADER_DIRECTORY_LEN);
	parts->order_len = rusts_get_u64(header + RUSTS_HEADER_ORDER_LEN);
	parts->streams_len = rusts_get_u64(header + RUSTS_HEADER_STREAMS_LEN);
	if (*series_len > image_len || *directory_len > image_len ||
		parts->order_len > image_len || parts->streams_len > image_len ||
		RUSTS_HEADER_SIZE + *series_len + *directory_len + parts->order_len +
		parts->streams_len != image_len)
		return rusts_reader_report(reader,
								   "The lengths of its parts do not add up.");
	if (parts->nrows != reader->entry.nrows ||
		parts->nblocks == 0 || parts->nblocks > parts->nrows ||
		parts->nseries == 0 || parts->nseries > parts->nrows)
		return rusts_reader_report(reader,
								   "Its counts of rows, blocks and series do not add up.");
	return true;
}

static bool
parse_series(RustsReader *reader, RustsParts *parts, RustsCursor *cursor)
{
	uint32		group;
	int			t;

	if ((size_t) (cursor->end - cursor->pos) < parts->ntags * sizeof(uint16))
		return false;
	parts->tags = palloc0_array(RustsPartsTag, Max(parts->ntags, 1));
	for (t = 0; t < parts->ntags; t++)
	{
		parts->tags[t].attno = rusts_get_u16(cursor->pos);
		parts->tags[t].chunks =
			MemoryContextAllocHuge(CurrentMemoryContext,
								   sizeof(RustsStoredChunk) *
								   (size_t) parts->ngroups);
		cursor->pos += sizeof(uint16);
	}
	parts->series_rows =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) *
							   ((size_t) parts->nseries + 1));
	parts->series_rows[0] = 0;
	for (group = 0; group < parts->ngroups; group++)
	{
		uint32		start = group * RUSTS_SERIES_GROUP;
		uint32		n = Min(parts->nseries - start, RUSTS_SERIES_GROUP);

		CHECK_FOR_INTERRUPTS();
		if (!parse_counts(reader, parts, cursor, n,
						  parts->series_rows + start))
			return false;
		for (t = 0; t < parts->ntags; t++)
		{
			RustsStoredChunk *chunk = &parts->tags[t].chunks[group];

			if (!rusts_next_chunk(cursor, &chunk->data, &chunk->len))
				return false;
		}
	}
	return parts->series_rows[parts->nseries] == parts->nrows;
}

static bool
parse_directory(RustsReader *reader, RustsParts *parts, RustsCursor *cursor)
{
	uint64		stream_pos = 0;
	uint32		start;
	uint32		series = 0;
	uint32		b;
	int			c;

	parts->block_rows =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) *
							   ((size_t) parts->nblocks + 1));
	parts->block_series =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(uint32) * (size_t) parts->nblocks);
	parts->columns = palloc0_array(RustsPartsColumn, Max(parts->ncolumns, 1));
	parts->block_rows[0] = 0;
	for (start = 0; start < parts->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(parts->nblocks - start, RUSTS_BLOCK_ROWS);

		if (!parse_counts(reader, parts, cursor, n, parts->block_rows + start))
			return false;
	}
	if (parts->block_rows[parts->nblocks] != parts->nrows)
		return false;
	for (b = 0; b < parts->nblocks; b++)
	{
		if (parts->block_rows[b + 1] - parts->block_rows[b] >
			RUSTS_BLOCK_ROWS)
			return false;
		while (parts->series_rows[series + 1] <= parts->block_rows[b])
			series++;
		parts->block_series[b] = series;
	}
	for (c = 0; c < parts->ncolumns; c++)
	{
		if (!parse_column(reader, parts, cursor, &parts->columns[c],
						  &stream_pos))
			return false;
	}
	return stream_pos == parts->streams_len;
}

/*
 * The lengths of a column's blocks are added up without being kept: they must
 * be in order, or the columns behind would not be found.
 */
static bool
parse_column(RustsReader *reader, RustsParts *parts, RustsCursor *cursor,
			 RustsPartsColumn *column, uint64 *stream_pos)
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
	column->stream = *stream_pos;
	if (column->flags & RUSTS_COLUMN_ALL_NULL)
		return true;

	column->stored = cursor->pos;
	for (start = 0; start < parts->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(parts->nblocks - start, RUSTS_BLOCK_ROWS);
		int64		lengths[RUSTS_BLOCK_ROWS];
		uint32		i;

		if (!rusts_reader_ints(reader, cursor, n, lengths))
			return false;
		for (i = 0; i < n; i++)
		{
			if (lengths[i] < 0 ||
				(uint64) lengths[i] > parts->streams_len - *stream_pos)
				return false;
			*stream_pos += lengths[i];
		}
	}
	if ((column->flags & RUSTS_COLUMN_STATS) &&
		!skip_arrays(cursor, RUSTS_NSTATS, parts->nblocks))
		return false;
	column->stored_len = cursor->pos - column->stored;
	return true;
}

/*
 * A chunk of n positive counts, added up: sums[0] is given, sums[1 .. n] are
 * set; none exceeds the number of rows.
 */
static bool
parse_counts(RustsReader *reader, RustsParts *parts, RustsCursor *cursor,
			 uint32 n, uint32 *sums)
{
	int64		counts[RUSTS_BLOCK_ROWS];
	uint32		i;

	if (!rusts_reader_ints(reader, cursor, n, counts))
		return false;
	for (i = 0; i < n; i++)
	{
		if (counts[i] <= 0 || counts[i] > (int64) parts->nrows - sums[i])
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
