/*-------------------------------------------------------------------------
 *
 * parts_lazy.c
 *	  What is decoded of a segment's parts when somebody asks for it.
 *
 * Results live as long as the parts.  A pointer is set when what it points to
 * is complete, so that an error in between leaves nothing half done.
 *
 * src/segment/parts_lazy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "compat.h"
#include "segment/format.h"
#include "segment/reader_internal.h"

typedef struct TagBuild
{
	uint32	   *codes;
	uint32	   *first_values;
	RustsBytes *values;
	uint32		nvalues;
	uint32		max_values;
} TagBuild;

static bool decode_group(RustsReader *reader, RustsPartsTag *tag,
						 uint32 group, TagBuild *build);
static void build_index(RustsParts *parts, RustsPartsTag *tag);
static uint32 hash_value(RustsBytes value);

bool
rusts_parts_load_tag(RustsReader *reader, int tag_index)
{
	RustsParts *parts = reader->parts;
	RustsPartsTag *tag = &parts->tags[tag_index];
	MemoryContext old_cxt;
	TagBuild	build = {0};
	uint32		group;

	if (tag->codes != NULL)
		return true;
	old_cxt = MemoryContextSwitchTo(parts->parts_cxt);
	build.codes = MemoryContextAllocHuge(CurrentMemoryContext,
										 sizeof(uint32) *
										 (size_t) parts->nseries);
	build.first_values = palloc_array(uint32, parts->ngroups + 1);
	build.max_values = 16;
	build.values = palloc_array(RustsBytes, build.max_values);
	for (group = 0; group < parts->ngroups; group++)
	{
		build.first_values[group] = build.nvalues;
		if (!decode_group(reader, tag, group, &build))
		{
			MemoryContextSwitchTo(old_cxt);
			return reader->corrupt ? false :
				rusts_reader_report(reader,
									"Its series table cannot be read.");
		}
	}
	build.first_values[parts->ngroups] = build.nvalues;
	tag->values = build.values;
	tag->nvalues = build.nvalues;
	tag->first_values = build.first_values;
	tag->codes = build.codes;
	MemoryContextSwitchTo(old_cxt);
	return true;
}

/* Values of a tag for one group of series; each gets a varlena header. */
static bool
decode_group(RustsReader *reader, RustsPartsTag *tag, uint32 group,
			 TagBuild *build)
{
	const RustsStoredChunk *chunk = &tag->chunks[group];
	uint32		start = group * RUSTS_SERIES_GROUP;
	uint32		n = Min(reader->nseries - start, RUSTS_SERIES_GROUP);
	uint64		arena_size;
	uint32		ndistinct;
	uint32		index[RUSTS_SERIES_GROUP];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_SERIES_GROUP)];
	uint32		nnulls;
	char	   *arena;
	uint32		i;

	if (rusts_block_bytes_arena(chunk->data, chunk->len, n, RUSTS_MAX_ARENA,
								&arena_size, &ndistinct) != RUSTS_CODEC_OK)
		return false;
	while (build->nvalues + ndistinct > build->max_values)
	{
		build->max_values *= 2;
		build->values = repalloc_huge(build->values, sizeof(RustsBytes) *
									  (size_t) build->max_values);
	}
	arena = MemoryContextAllocHuge(CurrentMemoryContext, Max(arena_size, 8));
	if (rusts_block_decode_bytes(chunk->data, chunk->len, n, arena,
								 arena_size, build->values + build->nvalues,
								 ndistinct, index, nulls, &nnulls,
								 reader->scratch) != RUSTS_CODEC_OK)
		return false;
	for (i = 0; i < ndistinct; i++)
	{
		RustsBytes *value = &build->values[build->nvalues + i];

		SET_VARSIZE(unconstify(char *, value->data) - VARHDRSZ,
					value->len + VARHDRSZ);
	}
	for (i = 0; i < n; i++)
		build->codes[start + i] =
			nnulls > 0 && rusts_bitmap_test(nulls, i) ? RUSTS_NO_CODE :
			build->nvalues + index[i];
	build->nvalues += ndistinct;
	return true;
}

bool
rusts_parts_load_offsets(RustsReader *reader, int column_index)
{
	RustsParts *parts = reader->parts;
	RustsPartsColumn *column = &parts->columns[column_index];
	RustsCursor cursor = {column->stored, column->stored + column->stored_len};
	uint64	   *offsets;
	uint32		start;

	if (column->offsets != NULL)
		return true;
	offsets = MemoryContextAllocHuge(parts->parts_cxt,
									 sizeof(uint64) *
									 ((size_t) parts->nblocks + 1));
	offsets[0] = column->stream;
	for (start = 0; start < parts->nblocks; start += RUSTS_BLOCK_ROWS)
	{
		uint32		n = Min(parts->nblocks - start, RUSTS_BLOCK_ROWS);
		int64		lengths[RUSTS_BLOCK_ROWS];
		uint32		i;

		/* Checked when the parts were loaded. */
		if (!rusts_reader_ints(reader, &cursor, n, lengths))
			return rusts_reader_report(reader,
									   "Its block directory cannot be read.");
		for (i = 0; i < n; i++)
			offsets[start + i + 1] = offsets[start + i] + lengths[i];
	}
	column->offsets = offsets;
	return true;
}

bool
rusts_parts_load_stat(RustsReader *reader, int column_index, RustsStat stat)
{
	RustsParts *parts = reader->parts;
	RustsPartsColumn *column = &parts->columns[column_index];
	RustsCursor cursor = {column->stored, column->stored + column->stored_len};
	uint32		nchunks = (parts->nblocks - 1) / RUSTS_BLOCK_ROWS + 1;
	const uint8 *data;
	size_t		len;
	int64	   *values;
	uint32		chunk;

	if (column->stats[stat] != NULL)
		return true;
	Assert(column->flags & RUSTS_COLUMN_STATS);

	/* The lengths come first. */
	for (chunk = 0; chunk < nchunks * (1 + stat); chunk++)
	{
		if (!rusts_next_chunk(&cursor, &data, &len))
			return rusts_reader_report(reader,
									   "Its block directory cannot be read.");
	}
	values = MemoryContextAllocHuge(parts->parts_cxt,
									sizeof(int64) * (size_t) parts->nblocks);
	for (chunk = 0; chunk < nchunks; chunk++)
	{
		uint32		start = chunk * RUSTS_BLOCK_ROWS;
		uint32		n = Min(parts->nblocks - start, RUSTS_BLOCK_ROWS);
		uint32		run = 0;
		uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
		uint32		nnulls;
		RustsCodecResult result;

		if (!rusts_next_chunk(&cursor, &data, &len))
			return rusts_reader_report(reader,
									   "Its block directory cannot be read.");
		if (column->kind == RUSTS_KIND_FLOAT && stat != RUSTS_STAT_NULLS)
			result = rusts_block_decode_floats(data, len, n, 1, &run,
											   (double *) values + start,
											   nulls, &nnulls,
											   reader->scratch);
		else
			result = rusts_block_decode_ints(data, len, n, 1, &run,
											 values + start, nulls, &nnulls,
											 reader->scratch);
		if (result != RUSTS_CODEC_OK || nnulls > 0)
			return rusts_reader_report(reader,
									   "Its block directory cannot be read.");
	}
	column->stats[stat] = values;
	return true;
}

void
rusts_parts_find_value(RustsParts *parts, int tag_index, RustsBytes value,
					   void (*found) (void *arg, uint32 index,
									  uint32 first_series, uint32 end_series),
					   void *arg)
{
	RustsPartsTag *tag = &parts->tags[tag_index];
	uint32		next;
	uint32		group;

	Assert(tag->codes != NULL);
	if (tag->hash_heads == NULL)
		build_index(parts, tag);
	next = tag->hash_heads[hash_value(value) & tag->hash_mask];
	for (; next != 0; next = tag->hash_next[next - 1])
	{
		uint32		index = next - 1;
		uint32		low = 0;
		uint32		high = parts->ngroups;

		if (tag->values[index].len != value.len ||
			memcmp(tag->values[index].data, value.data, value.len) != 0)
			continue;
		while (high - low > 1)
		{
			uint32		mid = low + (high - low) / 2;

			if (tag->first_values[mid] <= index)
				low = mid;
			else
				high = mid;
		}
		group = low;
		found(arg, index, group * RUSTS_SERIES_GROUP,
			  Min(parts->nseries, (group + 1) * RUSTS_SERIES_GROUP));
	}
}

static void
build_index(RustsParts *parts, RustsPartsTag *tag)
{
	uint32		size = 16;
	uint32	   *heads;
	uint32	   *next;
	uint32		i;

	while (size < tag->nvalues)
		size *= 2;
	heads = MemoryContextAllocExtended(parts->parts_cxt,
									   sizeof(uint32) * (size_t) size,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	next = MemoryContextAllocHuge(parts->parts_cxt,
								  sizeof(uint32) *
								  Max((size_t) tag->nvalues, 1));
	for (i = tag->nvalues; i-- > 0;)
	{
		uint32		slot = hash_value(tag->values[i]) & (size - 1);

		next[i] = heads[slot];
		heads[slot] = i + 1;
	}
	tag->hash_mask = size - 1;
	tag->hash_next = next;
	tag->hash_heads = heads;
}

static uint32
hash_value(RustsBytes value)
{
	return hash_bytes((const unsigned char *) value.data, value.len);
}
