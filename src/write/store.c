/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Store a builder's rows as segments of a measurement.
 *
 * A small batch goes into the directory as it is, whatever times it spans:
 * the heap gives it durability and visibility at the price of one row.
 * Larger ones are worth pages of their own and are cut at the borders of the
 * time partitions first, unless that would leave crumbs.
 *
 * Order matters: row numbers are reserved, then pages are written and
 * logged, then the directory row is.  Whatever fails in between leaves
 * unused numbers and pages, and nothing visible.  Moved rows may go where
 * removed ones were; new ones go behind the end of the file, because several
 * may be written at once (segment/free_space.c).
 *
 * src/write/store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/cold.h"
#include "meta/directory.h"
#include "meta/settings.h"
#include "meta/totals.h"
#include "segment/free_space.h"
#include "segment/page_io.h"
#include "segment/writer.h"
#include "write/durability.h"
#include "write/image.h"
#include "write/mover.h"
#include "write/store.h"

RustsStoredHook rusts_stored_hook = NULL;

/* Level-0 batches above this size go to pages. */
#define MAX_ACTIVE_PAYLOAD	(1024 * 1024)

/* Hot and cold segments below this size do not deserve a page. */
#define MAX_HOT_PAYLOAD		(4 * 1024)

/* Fewer rows than this per partition are crumbs. */
#define MIN_PARTITION_ROWS	1000

/* Some rows of a builder that lie in one partition. */
typedef struct PartitionRow
{
	int64		partition;
	uint32		row;
} PartitionRow;

/* Where an image goes, and what the directory says of it. */
typedef struct Place
{
	int16		level;
	Oid			cold_table;
	int64		partition;		/* or RUSTS_NO_TIME */
	CommandId	cid;
	uint32		nrows;
	int64		first_row;		/* if the rows have their numbers, or -1 */
	int64		new_rows;		/* what the planner's count grows by */
	int64		write_order;	/* or -1: written now */
	uint64		key_columns;
	RustsFreeSpace **space;		/* NULL: only behind the end of the file;
								 * *space, NULL at first, becomes what is
								 * known of free blocks */
} Place;

static void store_batch(Relation rel, RustsBatch *batch, Place *place,
						bool ship);
static void free_image(RustsImage *image);
static void store_image(Relation rel, RustsImage *image, const Place *place);
static void begin_value(RustsSegmentEntry *entry, RustsImage *image,
						Oid cold_table, CommandId cid);
static void begin_extent(Relation rel, RustsSegmentEntry *entry,
						 const RustsImage *image, RustsFreeSpace **space);
static uint64 key_columns(const RustsBatch *batch);
static PartitionRow *find_partitions(RustsBuilder *builder,
									 uint32 *npartitions);
static int	compare_partition_rows(const void *a, const void *b);
static void store_partitions(Relation rel, RustsBuilder *builder,
							 PartitionRow *rows, Place *place, bool moved,
							 bool ship);
static int64 partition_of_row(RustsBuilder *builder, uint32 row);

void
rusts_store_rows(Relation rel, RustsBuilder *builder, CommandId cid,
				 int64 first_row, bool ship)
{
	Place		place = {.level = RUSTS_LEVEL_ACTIVE,
	.partition = RUSTS_NO_TIME,.cid = cid,.first_row = first_row};
	RustsBatch	batch;

	if (builder->nrows == 0)
		return;
	if (first_row < 0 && builder->bytes >= RUSTS_STORE_HOT_BYTES)
	{
		uint32		npartitions;
		PartitionRow *rows = find_partitions(builder, &npartitions);

		if ((uint64) npartitions * MIN_PARTITION_ROWS <= builder->nrows)
		{
			place.level = RUSTS_LEVEL_HOT;
			store_partitions(rel, builder, rows, &place, false, ship);
			return;
		}
	}

	/* Rows with TIDs stay as many as they are. */
	rusts_builder_sort(builder, first_row < 0, &batch);
	batch.keep_order = first_row >= 0;
	place.new_rows = batch.nrows;
	store_batch(rel, &batch, &place, ship);
}

void
rusts_store_deleted(Relation rel, RustsBuilder *builder, CommandId cid)
{
	RustsBatch	batch;
	RustsImage	image;

	if (builder->nrows == 0)
		return;
	rusts_builder_sort(builder, true, &batch);
	rusts_segment_encode(&batch, RUSTS_EFFORT_HOT, false, &image);
	rusts_image_ship(rel, &image, batch.nrows, RUSTS_IMAGE_DELETED, cid);
	free_image(&image);
}

void
rusts_store_moved(Relation rel, RustsBuilder *builder, int16 level,
				  Oid cold_table, CommandId cid)
{
	Place		place = {.level = level,.cold_table = cold_table,
	.cid = cid,.first_row = -1};
	uint32		npartitions;

	if (builder->nrows == 0)
		return;
	store_partitions(rel, builder, find_partitions(builder, &npartitions),
					 &place, true, false);
}

void
rusts_store_encoded(Relation rel, RustsImage *image, uint32 nrows,
					uint64 key_columns, bool has_stats, CommandId cid)
{
	Place		place = {.level = RUSTS_LEVEL_ACTIVE,
		.partition = RUSTS_NO_TIME,.cid = cid,.nrows = nrows,
		.first_row = -1,.new_rows = nrows,.write_order = -1,
	.key_columns = key_columns};

	/* Who made it had so many rows that they went past the active level. */
	if (has_stats && image->min_time != RUSTS_NO_TIME &&
		rusts_partition_of(image->min_time) ==
		rusts_partition_of(image->max_time))
	{
		place.level = RUSTS_LEVEL_HOT;
		place.partition = rusts_partition_of(image->min_time);
	}
	store_image(rel, image, &place);
}

/*
 * Encode and store one batch; of place what the batch does not say is set.
 * ship: the cluster gets it, too, or alone where nothing is stored.
 */
static void
store_batch(Relation rel, RustsBatch *batch, Place *place, bool ship)
{
	RustsImage	image;
	uint32		i;

	/* An order that says nothing is not kept. */
	if (batch->keep_order)
	{
		for (i = 0; i < batch->nrows && batch->order[i] == i; i++)
			;
		if (i == batch->nrows)
			batch->keep_order = false;
	}

	rusts_segment_encode(batch, place->level == RUSTS_LEVEL_COLD ?
						 RUSTS_EFFORT_COLD : RUSTS_EFFORT_HOT,
						 place->level > RUSTS_LEVEL_ACTIVE, &image);
	place->nrows = batch->nrows;
	place->write_order = batch->write_order;
	place->key_columns = batch->distinct ? key_columns(batch) : 0;
	if (rusts_is_stored_here(rel))
		store_image(rel, &image, place);
	if (ship)
		rusts_image_ship(rel, &image, batch->nrows, RUSTS_IMAGE_WRITTEN,
						 place->cid);
	free_image(&image);
}

static void
free_image(RustsImage *image)
{
	pfree(image->data - VARHDRSZ);
	if (image->tag_filter != NULL)
		pfree(image->tag_filter);
}

static void
store_image(Relation rel, RustsImage *image, const Place *place)
{
	bool		merges = rusts_merges_duplicates(rel);
	int64		first_row = place->first_row;
	RustsSegmentEntry entry;

	rusts_durability_begin();
	memset(&entry, 0, sizeof(entry));
	if (merges)
		rusts_order_lock(rel);
	entry.segment_id = first_row >= 0 ? first_row :
		rusts_storage_reserve(rel, place->nrows, -1, place->new_rows);
	entry.write_order = place->write_order >= 0 ? place->write_order :
		entry.segment_id;

	/* These rows have had their numbers for a while. */
	if (merges && first_row >= 0)
		entry.write_order = rusts_storage_reserve(rel, 1, -1, 0);
	entry.key_columns = place->key_columns;
	entry.storage_id = rusts_storage_id(rel);
	entry.bytes = image->len;
	entry.raw_bytes = image->raw_bytes;
	entry.min_time = image->min_time;
	entry.max_time = image->max_time;
	entry.time_partition = place->partition;
	entry.written_at = GetCurrentTimestamp();
	entry.nrows = place->nrows;
	entry.level = place->level;
	entry.first_block = InvalidBlockNumber;
	entry.tag_filter = image->tag_filter;
	entry.tag_filter_len = image->tag_filter_len;
	if (image->len <= (place->level == RUSTS_LEVEL_ACTIVE ?
					   MAX_ACTIVE_PAYLOAD : MAX_HOT_PAYLOAD))
		entry.payload = rusts_image_payload(image);
	else if (OidIsValid(place->cold_table))
		begin_value(&entry, image, place->cold_table, place->cid);
	if (entry.payload == NULL)
		begin_extent(rel, &entry, image, place->space);
	rusts_directory_insert(&entry, place->cid);
	if (merges)
		rusts_order_unlock(rel);
	if (entry.payload == NULL)
		rusts_free_space_end_write(rel);
	rusts_durability_end(rel);
	if (place->new_rows > 0)
		rusts_total_add(RUSTS_TOTAL_ROWS, place->new_rows);
	if (rusts_stored_hook != NULL && place->level == RUSTS_LEVEL_ACTIVE)
		rusts_stored_hook(entry.nrows, entry.bytes);
}

/* Put an image into a table, if it is not too large for one value. */
static void
begin_value(RustsSegmentEntry *entry, RustsImage *image, Oid cold_table,
			CommandId cid)
{
	struct varlena *value = rusts_image_payload(image);

	if (value == NULL)
		return;
	entry->cold_table = cold_table;
	entry->payload = rusts_cold_insert(cold_table, entry->storage_id,
									   entry->segment_id, value, cid);
}

/*
 * Write an image to blocks that are free, or behind the end of the file.
 * Until its directory row is there the caller holds the write lock.
 */
static void
begin_extent(Relation rel, RustsSegmentEntry *entry, const RustsImage *image,
			 RustsFreeSpace **space)
{
	BlockNumber at = InvalidBlockNumber;

	entry->nblocks = rusts_extent_pages(image->len);
	if (space != NULL)
	{
		if (*space == NULL)
			*space = rusts_free_space_find(rel);
		at = rusts_free_space_take(*space, entry->nblocks, MaxBlockNumber);
	}
	rusts_free_space_begin_write(rel);
	entry->first_block = rusts_extent_write(rel, entry->storage_id,
											entry->segment_id, image->data,
											image->len, at);
}

/* The columns that rows of a batch are told apart by. */
static uint64
key_columns(const RustsBatch *batch)
{
	uint64		columns = 0;
	int			i;

	for (i = 0; i < batch->ntags; i++)
		columns |= RUSTS_KEY_COLUMN(batch->tag_attnos[i]);
	for (i = 0; i < batch->ncolumns; i++)
	{
		const RustsColumn *column = batch->columns[i].column;

		if (column->role == RUSTS_ROLE_TIME ||
			column->role == RUSTS_ROLE_TIME_NS)
			columns |= RUSTS_KEY_COLUMN(column->attno);
	}
	return columns;
}

/* The rows with their partitions, sorted by both. */
static PartitionRow *
find_partitions(RustsBuilder *builder, uint32 *npartitions)
{
	PartitionRow *rows =
	MemoryContextAllocHuge(builder->batch_cxt,
						   sizeof(PartitionRow) * builder->nrows);
	bool		sorted = true;
	uint32		n = 1;
	uint32		i;

	for (i = 0; i < builder->nrows; i++)
	{
		rows[i].partition = partition_of_row(builder, i);
		rows[i].row = i;
		if (i > 0 && rows[i].partition < rows[i - 1].partition)
			sorted = false;
	}
	if (!sorted)
		qsort(rows, builder->nrows, sizeof(PartitionRow),
			  compare_partition_rows);
	for (i = 1; i < builder->nrows; i++)
		n += rows[i].partition != rows[i - 1].partition;
	*npartitions = n;
	return rows;
}

static int64
partition_of_row(RustsBuilder *builder, uint32 row)
{
	const RustsColumnBuilder *time;

	if (builder->schema->time < 0)
		return RUSTS_NO_TIME;
	time = &builder->columns[builder->schema->time];
	if (row >= time->nrows ||
		(time->nulls && rusts_bitmap_test(time->nulls, row)))
		return RUSTS_NO_TIME;
	return rusts_partition_of(((const int64 *) time->values)[row]);
}

static int
compare_partition_rows(const void *a, const void *b)
{
	const PartitionRow *left = a;
	const PartitionRow *right = b;

	if (left->partition != right->partition)
		return left->partition < right->partition ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

/* Store each partition's rows as a segment. */
static void
store_partitions(Relation rel, RustsBuilder *builder, PartitionRow *rows,
				 Place *place, bool moved, bool ship)
{
	uint32	   *some = MemoryContextAllocHuge(builder->batch_cxt,
											  sizeof(uint32) * builder->nrows);
	RustsFreeSpace *space = NULL;
	uint32		start = 0;

	while (start < builder->nrows)
	{
		uint32		end = start;
		RustsBatch	batch;

		CHECK_FOR_INTERRUPTS();
		while (end < builder->nrows &&
			   rows[end].partition == rows[start].partition)
		{
			some[end - start] = rows[end].row;
			end++;
		}
		rusts_builder_sort_some(builder, some, end - start, true, &batch);
		place->partition = rows[start].partition;
		place->new_rows = moved ? 0 : batch.nrows;
		place->space = moved ? &space : NULL;
		store_batch(rel, &batch, place, ship);
		start = end;
	}
}
