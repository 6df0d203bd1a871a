/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  From sorted rows to the image of a segment.
 *
 * The work goes column by column and within it block by block: the values
 * are gathered from where the builder has them into an array of one block's
 * size, which stays in the L1 cache while statistics and codec read it.
 *
 * The layout is in format.h.
 *
 * src/segment/writer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/bloom.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "base/varint.h"
#include "compat.h"
#include "meta/directory.h"
#include "segment/blocks.h"
#include "segment/format.h"
#include "segment/stats.h"
#include "segment/writer.h"

typedef struct ByteBuffer
{
	uint8	   *data;
	size_t		len;
	size_t		size;
} ByteBuffer;

typedef struct Writer
{
	const RustsBatch *batch;
	RustsEffort effort;
	bool		with_stats;
	RustsCodecScratch *scratch;
	RustsBlocks cut;
	ByteBuffer	parts;			/* header, series table, directory, order */
	ByteBuffer	streams;
	/* one block's values */
	int64		ints[RUSTS_BLOCK_ROWS];
	double		floats[RUSTS_BLOCK_ROWS];
	uint8		bools[RUSTS_BLOCK_ROWS];
	RustsBytes	bytes[RUSTS_BLOCK_ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
} Writer;

static void write_series(Writer *writer);
static void write_order(Writer *writer);
static void write_column(Writer *writer, const RustsBatchColumn *col);
static bool gather(Writer *writer, const RustsBatchColumn *col,
				   const RustsBlock *block, RustsBlockInput *in);
static uint64 raw_bytes(const RustsBatch *batch);
static void append_block(Writer *writer, ByteBuffer *buffer,
						 const RustsBlockInput *in);
static void append_chunk(Writer *writer, const RustsBlockInput *in);
static void append_array(Writer *writer, RustsKind kind, const int64 *values,
						 uint32 n);
static void reserve(ByteBuffer *buffer, size_t more);

void
rusts_segment_encode(const RustsBatch *batch, RustsEffort effort,
					 bool with_stats, RustsImage *image)
{
	MemoryContext result_cxt = CurrentMemoryContext;
	MemoryContext work_cxt = AllocSetContextCreate(CurrentMemoryContext,
												   "rusts segment writer",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(work_cxt);
	Writer	   *writer = palloc(sizeof(Writer));
	uint8	   *header;
	size_t		series_len;
	size_t		directory_len;
	size_t		order_len;
	int64	   *rows;
	uint32		i;

	Assert(batch->nrows > 0);
	memset(writer, 0, offsetof(Writer, ints));
	writer->batch = batch;
	writer->effort = effort;
	writer->with_stats = with_stats;
	writer->scratch = palloc(rusts_codec_scratch_size());
	image->min_time = RUSTS_NO_TIME;
	image->max_time = RUSTS_NO_TIME;

	rusts_blocks_cut(batch, &writer->cut);

	reserve(&writer->parts, RUSTS_HEADER_SIZE);
	writer->parts.len = RUSTS_HEADER_SIZE;
	write_series(writer);
	series_len = writer->parts.len - RUSTS_HEADER_SIZE;

	rows = palloc_array(int64, writer->cut.nblocks);
	for (i = 0; i < writer->cut.nblocks; i++)
		rows[i] = writer->cut.blocks[i].nrows;
	append_array(writer, RUSTS_KIND_INT, rows, writer->cut.nblocks);
	for (i = 0; i < batch->ncolumns; i++)
		write_column(writer, &batch->columns[i]);
	directory_len = writer->parts.len - RUSTS_HEADER_SIZE - series_len;

	if (batch->keep_order)
		write_order(writer);
	order_len = writer->parts.len - RUSTS_HEADER_SIZE - series_len -
		directory_len;

	header = writer->parts.data;
	memset(header, 0, RUSTS_HEADER_SIZE);
	rusts_put_u32(header + RUSTS_HEADER_MAGIC, RUSTS_SEGMENT_MAGIC);
	rusts_put_u16(header + RUSTS_HEADER_VERSION, RUSTS_SEGMENT_VERSION);
	rusts_put_u16(header + RUSTS_HEADER_FLAGS,
				  order_len > 0 ? RUSTS_SEGMENT_ORDERED : 0);
	rusts_put_u32(header + RUSTS_HEADER_ROWS, batch->nrows);
	rusts_put_u32(header + RUSTS_HEADER_BLOCKS, writer->cut.nblocks);
	rusts_put_u32(header + RUSTS_HEADER_SERIES, batch->nseries);
	rusts_put_u16(header + RUSTS_HEADER_TAGS, batch->ntags);
	rusts_put_u16(header + RUSTS_HEADER_COLUMNS, batch->ncolumns);
	rusts_put_u64(header + RUSTS_HEADER_SERIES_LEN, series_len);
	rusts_put_u64(header + RUSTS_HEADER_DIRECTORY_LEN, directory_len);
	rusts_put_u64(header + RUSTS_HEADER_ORDER_LEN, order_len);
	rusts_put_u64(header + RUSTS_HEADER_STREAMS_LEN, writer->streams.len);
	rusts_put_u32(header + RUSTS_HEADER_STREAMS_CRC,
				  rusts_crc32c(writer->streams.data, writer->streams.len));
	rusts_put_u32(header + RUSTS_HEADER_META_CRC,
				  rusts_crc32c_of_two(header, RUSTS_HEADER_META_CRC,
									  header + RUSTS_HEADER_SIZE,
									  writer->parts.len - RUSTS_HEADER_SIZE));

	image->raw_bytes = raw_bytes(batch);
	rusts_image_filter_tags(batch, result_cxt, image);
	image->len = writer->parts.len + writer->streams.len;
	image->data = (uint8 *) MemoryContextAllocHuge(result_cxt,
												   VARHDRSZ + image->len) +
		VARHDRSZ;
	memcpy(image->data, writer->parts.data, writer->parts.len);
	if (writer->streams.len > 0)
		memcpy(image->data + writer->parts.len, writer->streams.data,
			   writer->streams.len);
	if (batch->time >= 0)
	{
		const RustsBatchColumn *time = &batch->columns[batch->time];
		const int64 *values = time->values;

		for (i = 0; i < batch->nrows && values != NULL; i++)
		{
			uint32		row = batch->order ? batch->order[i] : i;

			if (row >= time->nrows ||
				(time->nulls && rusts_bitmap_test(time->nulls, row)))
				continue;
			if (image->max_time == RUSTS_NO_TIME ||
				values[row] < image->min_time)
				image->min_time = values[row];
			if (image->max_time == RUSTS_NO_TIME ||
				values[row] > image->max_time)
				image->max_time = values[row];
		}
	}

	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(work_cxt);
}

struct varlena *
rusts_image_payload(RustsImage *image)
{
	struct varlena *payload;

	if (image->len > MaxAllocSize - VARHDRSZ - 1024)
		return NULL;
	payload = (struct varlena *) (image->data - VARHDRSZ);
	SET_VARSIZE(payload, image->len + VARHDRSZ);
	return payload;
}

static void
write_series(Writer *writer)
{
	const RustsBatch *batch = writer->batch;
	uint32		start;
	int			t;

	reserve(&writer->parts, batch->ntags * sizeof(uint16));
	for (t = 0; t < batch->ntags; t++)
	{
		rusts_put_u16(writer->parts.data + writer->parts.len,
					  batch->tag_attnos[t]);
		writer->parts.len += sizeof(uint16);
	}
	for (start = 0; start < batch->nseries; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(batch->nseries - start, RUSTS_BLOCK_ROWS);
		uint32		run = 0;
		RustsBlockInput in = {.nrows = n,.nruns = 1,.runs = &run};
		uint32		i;

		for (i = 0; i < n; i++)
			writer->ints[i] = batch->series_rows[start + i];
		in.kind = RUSTS_KIND_INT;
		in.ints = writer->ints;
		append_chunk(writer, &in);

		in.kind = RUSTS_KIND_BYTES;
		in.bytes = writer->bytes;
		for (t = 0; t < batch->ntags; t++)
		{
			bool		any_null = false;

			memset(writer->nulls, 0, sizeof(writer->nulls));
			for (i = 0; i < n; i++)
			{
				writer->bytes[i] = batch->series_tags[(size_t) (start + i) *
													  batch->ntags + t];
				if (writer->bytes[i].data == NULL)
				{
					rusts_bitmap_set(writer->nulls, i);
					any_null = true;
				}
			}
			in.nulls = any_null ? writer->nulls : NULL;
			append_chunk(writer, &in);
		}
	}
}

static void
write_order(Writer *writer)
{
	const RustsBatch *batch = writer->batch;
	uint32		start;

	for (start = 0; start < batch->nrows; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(batch->nrows - start, RUSTS_BLOCK_ROWS);
		uint32		run = 0;
		RustsBlockInput in = {.kind = RUSTS_KIND_INT,.nrows = n,
		.nruns = 1,.runs = &run,.ints = writer->ints};
		uint32		i;

		for (i = 0; i < n; i++)
			writer->ints[i] = batch->order[start + i];
		append_chunk(writer, &in);
	}
}

/* Encode a column's blocks and enter it in the block directory. */
static void
write_column(Writer *writer, const RustsBatchColumn *col)
{
	const RustsColumn *column = col->column;
	RustsBlockStats stats = {0};
	uint32		nblocks = writer->cut.nblocks;
	bool		with_stats = writer->with_stats && column->has_stats;
	bool		all_null = true;
	size_t		flags_at;
	uint8		flags = 0;
	uint32		b;

	reserve(&writer->parts, 4);
	rusts_put_u16(writer->parts.data + writer->parts.len, column->attno);
	writer->parts.data[writer->parts.len + 2] = column->kind;
	flags_at = writer->parts.len + 3;
	writer->parts.len += 4;

	stats.lengths = palloc_array(int64, nblocks);
	if (with_stats)
	{
		stats.nulls = palloc0_array(int64, writer->cut.nblocks);
		stats.min = palloc0_array(int64, writer->cut.nblocks);
		stats.max = palloc0_array(int64, writer->cut.nblocks);
		stats.first = palloc0_array(int64, writer->cut.nblocks);
		stats.last = palloc0_array(int64, writer->cut.nblocks);
		stats.sum = palloc0_array(int64, writer->cut.nblocks);
	}

	if (col->values != NULL)
	{
		size_t		start = writer->streams.len;

		for (b = 0; b < writer->cut.nblocks; b++)
		{
			RustsBlockInput in;
			size_t		before = writer->streams.len;

			CHECK_FOR_INTERRUPTS();
			if (gather(writer, col, &writer->cut.blocks[b], &in))
				all_null = false;
			append_block(writer, &writer->streams, &in);
			stats.lengths[b] = writer->streams.len - before;
			if (with_stats && column->kind == RUSTS_KIND_FLOAT)
				rusts_float_stats(&in, b, &stats);
			else if (with_stats)
				rusts_int_stats(&in, b, &stats);
		}
		if (all_null)
			writer->streams.len = start;
	}

	if (all_null)
		flags |= RUSTS_COLUMN_ALL_NULL;
	else
	{
		append_array(writer, RUSTS_KIND_INT, stats.lengths, nblocks);
		if (with_stats)
		{
			flags |= RUSTS_COLUMN_STATS;
			if (stats.sum_overflow)
				flags |= RUSTS_COLUMN_SUM_OVERFLOW;
			append_array(writer, RUSTS_KIND_INT, stats.nulls, nblocks);
			append_array(writer, column->kind, stats.min, nblocks);
			append_array(writer, column->kind, stats.max, nblocks);
			append_array(writer, column->kind, stats.first, nblocks);
			append_array(writer, column->kind, stats.last, nblocks);
			append_array(writer, column->kind, stats.sum, nblocks);
		}
	}
	writer->parts.data[flags_at] = flags;
	pfree(stats.lengths);
	if (with_stats)
	{
		pfree(stats.nulls);
		pfree(stats.min);
		pfree(stats.max);
		pfree(stats.first);
		pfree(stats.last);
		pfree(stats.sum);
	}
}

/*
 * Collect the values of a block of a column as the encoder wants them.
 * Returns whether any is not null.
 */
static bool
gather(Writer *writer, const RustsBatchColumn *col, const RustsBlock *block,
	   RustsBlockInput *in)
{
	const uint32 *order = writer->batch->order;
	uint32		first = block->first_row;
	uint32		n = block->nrows;
	uint32		nnulls = 0;
	uint32		row[RUSTS_BLOCK_ROWS];
	uint32		i;

	memset(in, 0, sizeof(*in));
	in->kind = col->column->kind;
	in->nrows = n;
	in->nruns = block->nruns;
	in->runs = writer->cut.runs + block->first_run;

	for (i = 0; i < n; i++)
		row[i] = order ? order[first + i] : first + i;

	if (col->nulls != NULL || col->nrows < writer->batch->nrows ||
		order != NULL)
	{
		/* Rows beyond col->nrows may be among those asked for. */
		uint32		beyond = 0;

		for (i = 0; i < n; i++)
			beyond += row[i] >= col->nrows;
		if (col->nulls != NULL || beyond > 0)
		{
			memset(writer->nulls, 0, sizeof(writer->nulls));
			for (i = 0; i < n; i++)
			{
				if (row[i] >= col->nrows ||
					(col->nulls && rusts_bitmap_test(col->nulls, row[i])))
				{
					rusts_bitmap_set(writer->nulls, i);
					nnulls++;
					row[i] = 0;
				}
			}
		}
	}
	if (nnulls > 0)
		in->nulls = writer->nulls;

	switch (col->column->kind)
	{
		case RUSTS_KIND_INT:
			for (i = 0; i < n; i++)
				writer->ints[i] = ((const int64 *) col->values)[row[i]];
			in->ints = writer->ints;
			break;
		case RUSTS_KIND_FLOAT:
			for (i = 0; i < n; i++)
				writer->floats[i] = ((const double *) col->values)[row[i]];
			in->floats = writer->floats;
			break;
		case RUSTS_KIND_BOOL:
			for (i = 0; i < n; i++)
				writer->bools[i] = ((const uint8 *) col->values)[row[i]];
			in->bools = writer->bools;
			break;
		case RUSTS_KIND_BYTES:
			for (i = 0; i < n; i++)
				writer->bytes[i] = ((const RustsBytes *) col->values)[row[i]];
			in->bytes = writer->bytes;
			break;
	}
	return nnulls < n;
}

/* What the values that are not null would take in a row. */
static uint64
raw_bytes(const RustsBatch *batch)
{
	uint64		total = 0;
	uint32		s;
	uint32		i;
	int			c;

	for (s = 0; s < batch->nseries; s++)
	{
		for (c = 0; c < batch->ntags; c++)
		{
			RustsBytes	tag =
			batch->series_tags[(size_t) s * batch->ntags + c];

			if (tag.data != NULL)
				total += (uint64) batch->series_rows[s] * (tag.len + 1);
		}
	}
	for (c = 0; c < batch->ncolumns; c++)
	{
		const RustsBatchColumn *col = &batch->columns[c];

		if (col->values == NULL)
			continue;
		for (i = 0; i < batch->nrows && col->column->kind == RUSTS_KIND_BYTES;
			 i++)
		{
			uint32		row = batch->order ? batch->order[i] : i;

			if (row < col->nrows &&
				(col->nulls == NULL || !rusts_bitmap_test(col->nulls, row)))
				total += ((const RustsBytes *) col->values)[row].len +
					(col->column->typlen == -1 ? 1 : 0);
		}
		if (col->column->kind != RUSTS_KIND_BYTES)
		{
			/* Exact for a whole builder, about right for a part of one. */
			uint64		present = col->nrows -
			(col->nulls ? rusts_bitmap_count(col->nulls, col->nrows) : 0);

			total += Min(present, batch->nrows) * col->column->typlen;
		}
	}
	return total;
}

void
rusts_image_filter_tags(const RustsBatch *batch, MemoryContext cxt,
						RustsImage *image)
{
	const RustsBytes *tags = batch->series_tags;
	RustsBloomBuilder builder;
	uint8		filter[RUSTS_BLOOM_MAX_BYTES];
	uint32		s;
	int			t;

	StaticAssertStmt(RUSTS_BLOOM_MAX_ATTNO == MaxHeapAttributeNumber,
					 "a filter covers every attribute");
	image->tag_filter = NULL;
	image->tag_filter_len = 0;
	if (batch->ntags == 0)
		return;
	rusts_bloom_begin(&builder);
	for (t = 0; t < batch->ntags; t++)
		rusts_bloom_cover(&builder, batch->tag_attnos[t]);
	for (s = 0; s < batch->nseries; s++)
	{
		for (t = 0; t < batch->ntags; t++, tags++)
		{
			/* Series are sorted: most values are those of the one before. */
			if (s > 0 && rusts_bytes_equal(*tags, tags[-batch->ntags]))
				continue;
			if (!rusts_bloom_add(&builder, tags->data == NULL ?
								 rusts_bloom_hash_null(batch->tag_attnos[t]) :
								 rusts_bloom_hash_tag(batch->tag_attnos[t],
													  tags->data, tags->len)))
				return;
		}
	}
	image->tag_filter_len = rusts_bloom_finish(&builder, filter);
	image->tag_filter = MemoryContextAlloc(cxt, image->tag_filter_len);
	memcpy(image->tag_filter, filter, image->tag_filter_len);
}

static void
append_block(Writer *writer, ByteBuffer *buffer, const RustsBlockInput *in)
{
	reserve(buffer, rusts_block_encode_bound(in));
	buffer->len += rusts_block_encode(in, writer->effort,
									  buffer->data + buffer->len,
									  writer->scratch);
}

/* A column block with its length in front, in the parts. */
static void
append_chunk(Writer *writer, const RustsBlockInput *in)
{
	ByteBuffer *parts = &writer->parts;
	uint8		prefix[RUSTS_VARINT_MAX];
	size_t		prefix_len;
	size_t		start;
	size_t		len;

	reserve(parts, RUSTS_VARINT_MAX);
	start = parts->len;
	append_block(writer, parts, in);
	len = parts->len - start;
	prefix_len = rusts_put_varint(prefix, len) - prefix;
	reserve(parts, prefix_len);
	memmove(parts->data + start + prefix_len, parts->data + start, len);
	memcpy(parts->data + start, prefix, prefix_len);
	parts->len += prefix_len;
}

static void
append_array(Writer *writer, RustsKind kind, const int64 *values, uint32 n)
{
	uint32		start;

	for (start = 0; start < n; start += RUSTS_BLOCK_ROWS)
	{
		uint32		run = 0;
		RustsBlockInput in = {.kind = kind,.nruns = 1,.runs = &run};

		in.nrows = Min(n - start, RUSTS_BLOCK_ROWS);
		if (kind == RUSTS_KIND_FLOAT)
			in.floats = (const double *) (values + start);
		else
			in.ints = values + start;
		append_chunk(writer, &in);
	}
}

/* Make room for more bytes after the buffer's contents. */
static void
reserve(ByteBuffer *buffer, size_t more)
{
	size_t		size = Max(buffer->size, 1024);

	if (buffer->len + more <= buffer->size)
		return;
	while (size < buffer->len + more)
		size *= 2;
	if (buffer->data == NULL)
		buffer->data = MemoryContextAllocHuge(CurrentMemoryContext, size);
	else
		buffer->data = repalloc_huge(buffer->data, size);
	buffer->size = size;
}
