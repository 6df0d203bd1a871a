/*-------------------------------------------------------------------------
 *
 * reader_decode.c
 *	  Values of an open segment, block by block and column by column.
 *
 * Of a segment in pages a window of some pages of each column's stream is at
 * hand, so that no page is read for every block in it.
 *
 * src/segment/reader_decode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "segment/reader_internal.h"

static bool decode_bytes(RustsReader *reader, const uint8 *src, size_t len,
						 int16 typlen, RustsVector *vector);
static const uint8 *get_stream(RustsReader *reader, int column,
							   uint64 start, uint64 len);
static void find_runs(RustsReader *reader, uint32 block);
static bool load_order(RustsReader *reader);

/*
 * The type need not be the one that the values were written as: ALTER TYPE
 * leaves them where they are if the new type is stored alike.
 */
bool
rusts_reader_check_type(RustsReader *reader, RustsKind kind, bool tag,
						Form_pg_attribute att)
{
	bool		fits = false;

	switch (kind)
	{
		case RUSTS_KIND_INT:
		case RUSTS_KIND_BOOL:
			fits = att->attbyval;
			break;
		case RUSTS_KIND_FLOAT:
			fits = att->attlen == sizeof(float8) &&
				att->attbyval == FLOAT8PASSBYVAL;
			break;
		case RUSTS_KIND_BYTES:
			fits = tag ? att->attlen == -1 : !att->attbyval;
			break;
	}
	return fits ||
		rusts_reader_report(reader,
							psprintf("The values of column %d are not of its type.",
									 att->attnum));
}

RustsVector *
rusts_vector_create(void)
{
	return palloc0_object(RustsVector);
}

bool
rusts_reader_decode(RustsReader *reader, int column, uint32 block,
					int16 typlen, RustsVector *vector)
{
	RustsPartsColumn *col = &reader->parts->columns[column];
	uint32		nrows = reader->block_rows[block + 1] -
		reader->block_rows[block];
	const uint8 *src;
	size_t		len;
	RustsCodecResult result = RUSTS_CODEC_CORRUPT;

	vector->kind = col->kind;
	vector->nrows = nrows;
	if (col->flags & RUSTS_COLUMN_ALL_NULL)
	{
		vector->nnulls = nrows;
		memset(vector->nulls, 0xff, sizeof(vector->nulls));
		return true;
	}
	if (col->offsets == NULL && !rusts_parts_load_offsets(reader, column))
		return false;
	len = col->offsets[block + 1] - col->offsets[block];
	src = get_stream(reader, column, col->offsets[block], len);
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
				rusts_reader_report(reader,
							   psprintf("Block %u of column %d cannot be decoded.",
										block, col->attno));
	}
	if (result != RUSTS_CODEC_OK)
		return rusts_reader_report(reader,
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
	if (rusts_block_bytes_arena(src, len, vector->nrows, RUSTS_MAX_ARENA,
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
get_stream(RustsReader *reader, int column, uint64 start, uint64 len)
{
	RustsParts *parts = reader->parts;
	RustsWindow *window = &reader->windows[column];
	uint64		end = parts->columns[column].offsets[parts->nblocks];

	if (parts->streams != NULL)
		return parts->streams + start;

	if (window->bytes == NULL || start < window->start ||
		start + len > window->start + window->len)
	{
		/* Up to the end of a page, so that no page is read twice. */
		uint64		payload = rusts_page_payload();
		uint64		wanted = Max(len, reader->window_pages * payload);
		uint64		stop = parts->streams_start + start + wanted;

		stop -= stop % payload;
		stop = Max(stop, parts->streams_start + start + len);
		stop = Min(stop, parts->streams_start + end);
		wanted = stop - parts->streams_start - start;
		if (wanted > window->size)
		{
			window->size = Max(wanted, Min(reader->window_pages * payload,
										   end - start));
			if (window->bytes != NULL)
				pfree(window->bytes);
			window->bytes = MemoryContextAllocHuge(reader->segment_cxt,
												   window->size);
		}
		window->start = start;
		window->len = 0;
		if (!rusts_reader_image(reader, parts->streams_start + start, wanted,
								window->bytes))
			return NULL;
		window->len = wanted;
	}
	return window->bytes + (start - window->start);
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
	if (reader->corrupt || reader->parts->order_len == 0)
		return row;
	if (reader->order == NULL && !load_order(reader))
		return row;
	return reader->order[row];
}

uint32
rusts_reader_row_of_tid(RustsReader *reader, uint32 tid_row)
{
	if (reader->corrupt || reader->parts->order_len == 0)
		return tid_row;
	if (reader->order == NULL && !load_order(reader))
		return tid_row;
	return reader->positions[tid_row];
}

static bool
load_order(RustsReader *reader)
{
	RustsCursor cursor = {reader->parts->order_data,
	reader->parts->order_data + reader->parts->order_len};
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
		int64		rows[RUSTS_BLOCK_ROWS];

		if (!rusts_reader_ints(reader, &cursor, n, rows))
			return rusts_reader_report(reader,
										   "Its row order cannot be read.");
		for (i = 0; i < n; i++)
		{
			if (rows[i] < 0 || rows[i] >= reader->nrows ||
				positions[rows[i]] != PG_UINT32_MAX)
				return rusts_reader_report(reader,
											   "Its row order cannot be read.");
			order[start + i] = rows[i];
			positions[rows[i]] = start + i;
		}
	}
	reader->order = order;
	reader->positions = positions;
	return true;
}
