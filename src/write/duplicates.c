/*-------------------------------------------------------------------------
 *
 * duplicates.c
 *	  Points that lie in several segments, as their readers see them.
 *
 * Rows of one batch are united when it is stored, those of several when they
 * are moved together.  What remains is for the reader, and must cost nothing
 * where there is nothing: segments whose times overlap no other's are left
 * alone at once.  Of the others it is found out once per backend which rows
 * are one point (duplicate_keys.c), and what is made of these rows is kept as
 * well (duplicate_rows.c), for the next query that meets the same ones.
 *
 * src/write/duplicates.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "meta/deletion.h"
#include "meta/settings.h"
#include "write/duplicates_internal.h"

/* Results kept per storage: dashboards ask for different times. */
#define MAX_RESULTS		64

static int64 *list_segments(int64 low, int64 high,
							const RustsSegmentEntry *entries, uint32 nentries,
							uint32 *nids);
static bool find_suspects(RustsDupQuery *query, int64 low, int64 high,
						  RustsSegmentEntry *entries, uint32 nentries);
static bool is_distinct(const RustsSegmentEntry *entry, uint64 key_columns);
static int	compare_begins(const void *a, const void *b, void *arg);
static bool is_examined(const RustsDupQuery *query);
static bool have_members(const RustsDupQuery *query);
static bool find_points(RustsDupStorage *storage, int64 low, int64 high,
						uint32 *first, uint32 *end);
static void read_deletions(const RustsDupQuery *query, Snapshot snapshot);
static uint32 first_point(const RustsDupStorage *storage, int64 time);
static void make_key(const RustsDupQuery *query, uint32 first, uint32 end,
					 StringInfo key);
static uint32 hash_desc(TupleDesc desc);
static RustsDupResult *find_result(RustsDupStorage *storage,
								   const StringInfoData *key);
static void keep_result(RustsDupStorage *storage, RustsDupResult *result,
						const StringInfoData *key);
static void apply_result(const RustsDupResult *result,
						 RustsSegmentEntry **entries, uint32 *nentries);
static void hide_rows(RustsSegmentEntry *entry, const RustsDupMask *mask);

void
rusts_duplicates_resolve(Relation rel, TupleDesc desc,
						 const RustsSchema *schema, Snapshot snapshot,
						 int64 low, int64 high, RustsSegmentEntry **entries,
						 uint32 *nentries)
{
	RustsDupQuery query = {.rel = rel,.desc = desc,.schema = schema};
	RustsDupStorage *storage;
	RustsDupResult *result;
	StringInfoData key;
	bool		complete = true;
	int64	   *ids;
	uint32		nids;
	uint32		first;
	uint32		end;

	if (!schema->merges || *nentries == 0)
		return;
	ids = list_segments(low, high, *entries, *nentries, &nids);
	storage = rusts_dup_known_storage((*entries)[0].storage_id, schema);
	if ((storage != NULL && rusts_dup_are_disjoint(storage, ids, nids)) ||
		!find_suspects(&query, low, high, *entries, *nentries))
	{
		pfree(ids);
		return;
	}
	storage = query.storage;
	if (!is_examined(&query))
	{
		complete = rusts_dup_examine(&query);
		rusts_dup_limit_memory(storage);
	}
	if (!have_members(&query))
	{
		if (complete)
			rusts_dup_keep_disjoint(storage, ids, nids);
		return;
	}
	if (!find_points(storage, low, high, &first, &end))
		return;

	read_deletions(&query, snapshot);
	initStringInfo(&key);
	make_key(&query, first, end, &key);
	complete &= !rusts_skip_corrupt_segments;
	result = complete ? find_result(storage, &key) : NULL;
	if (result == NULL)
	{
		result = rusts_dup_unite(&query, first, end);
		if (complete)
			keep_result(storage, result, &key);
	}
	if (complete)
		rusts_dup_use_result(result);
	apply_result(result, entries, nentries);
	pfree(key.data);
	pfree(query.suspects);
}

void
rusts_duplicates_compare(Relation rel, const RustsSchema *schema,
						 RustsSegmentEntry *entries, uint32 nentries,
						 const bool *moved, bool *later)
{
	RustsDupQuery query = {.rel = rel,.desc = RelationGetDescr(rel),
	.schema = schema};
	RustsDupStorage *storage;
	uint32	   *suspect_of;
	uint32		p;
	uint32		i;

	if (nentries == 0 || !find_suspects(&query, PG_INT64_MIN, PG_INT64_MAX,
										entries, nentries))
		return;
	storage = query.storage;
	if (!is_examined(&query))
		(void) rusts_dup_examine(&query);
	suspect_of = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) *
										(Size) storage->nsegments);
	memset(suspect_of, 0xff, sizeof(uint32) * (Size) storage->nsegments);
	for (i = 0; i < query.nsuspects; i++)
		suspect_of[query.suspects[i].segment] = i;
	for (p = 0; p < storage->npoints; p++)
	{
		int64		oldest = PG_INT64_MAX;
		uint32		m;

		for (m = storage->points[p].members; m != RUSTS_NO_INDEX;
			 m = storage->members[m].next)
		{
			uint32		suspect = suspect_of[storage->members[m].segment];

			if (suspect != RUSTS_NO_INDEX &&
				moved[query.suspects[suspect].entry - entries])
				oldest = Min(oldest,
							 query.suspects[suspect].entry->write_order);
		}
		for (m = storage->points[p].members; m != RUSTS_NO_INDEX;
			 m = storage->members[m].next)
		{
			uint32		suspect = suspect_of[storage->members[m].segment];

			if (suspect != RUSTS_NO_INDEX &&
				!moved[query.suspects[suspect].entry - entries] &&
				query.suspects[suspect].entry->write_order > oldest)
				later[query.suspects[suspect].entry - entries] = true;
		}
	}
	pfree(suspect_of);
	pfree(query.suspects);
	rusts_dup_limit_memory(storage);
}

/* The numbers of the segments that have times between two. */
static int64 *
list_segments(int64 low, int64 high, const RustsSegmentEntry *entries,
			  uint32 nentries, uint32 *nids)
{
	int64	   *ids = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(int64) * (Size) nentries);
	uint32		i;

	*nids = 0;
	for (i = 0; i < nentries; i++)
	{
		if (entries[i].max_time != RUSTS_NO_TIME &&
			entries[i].max_time >= low && entries[i].min_time <= high)
			ids[(*nids)++] = entries[i].segment_id;
	}
	return ids;
}

/*
 * The entries that may share points with another one, or have some twice.
 * False if there are none.
 */
static bool
find_suspects(RustsDupQuery *query, int64 low, int64 high,
			  RustsSegmentEntry *entries, uint32 nentries)
{
	const RustsSchema *schema = query->schema;
	uint64		key_columns = 0;
	uint32	   *order;
	bool	   *suspect;
	uint32		n = 0;
	int64		max_time = PG_INT64_MIN;
	uint32		latest = 0;
	bool		sorted = true;
	uint32		i;

	for (i = 0; i < schema->ncolumns; i++)
	{
		if (schema->columns[i].role != RUSTS_ROLE_FIELD)
			key_columns |= RUSTS_KEY_COLUMN(schema->columns[i].attno);
	}
	order = MemoryContextAllocHuge(CurrentMemoryContext,
								   sizeof(uint32) * (Size) nentries);
	suspect = MemoryContextAllocHuge(CurrentMemoryContext, nentries);
	memset(suspect, 0, nentries);
	for (i = 0; i < nentries; i++)
	{
		if (entries[i].max_time == RUSTS_NO_TIME ||
			entries[i].max_time < low || entries[i].min_time > high)
			continue;
		if (n > 0 &&
			entries[i].min_time < entries[order[n - 1]].min_time)
			sorted = false;
		order[n++] = i;
	}
	if (!sorted)
		qsort_arg(order, n, sizeof(uint32), compare_begins, entries);

	/* In this order, who overlaps any before overlaps the one ending last. */
	for (i = 0; i < n; i++)
	{
		const RustsSegmentEntry *entry = &entries[order[i]];

		if (i > 0 && entry->min_time <= max_time)
			suspect[order[i]] = suspect[latest] = true;
		if (!is_distinct(entry, key_columns))
			suspect[order[i]] = true;
		if (i == 0 || entry->max_time > max_time)
		{
			max_time = entry->max_time;
			latest = order[i];
		}
		if (i + 1 < n && entries[order[i + 1]].min_time <= entry->max_time)
			suspect[order[i]] = true;
	}
	pfree(order);

	query->suspects = NULL;
	for (i = 0; i < nentries; i++)
	{
		RustsDupSuspect *found;

		if (!suspect[i])
			continue;
		if (query->suspects == NULL)
		{
			query->storage = rusts_dup_storage(entries[i].storage_id, schema);
			query->suspects =
				MemoryContextAllocHuge(CurrentMemoryContext,
									   sizeof(RustsDupSuspect) *
									   ((Size) nentries - i));
		}
		found = &query->suspects[query->nsuspects++];
		found->entry = &entries[i];
		found->distinct = is_distinct(&entries[i], key_columns);
	}
	pfree(suspect);
	if (query->nsuspects == 0)
		return false;
	rusts_dup_forget_others(query->storage, query->nsuspects);
	for (i = 0; i < query->nsuspects; i++)
		query->suspects[i].segment =
			rusts_dup_segment(query->storage,
							  query->suspects[i].entry->segment_id);
	return true;
}

/* Rows that fewer columns tell apart, more of them do as well. */
static bool
is_distinct(const RustsSegmentEntry *entry, uint64 key_columns)
{
	return entry->key_columns != 0 &&
		(entry->key_columns & RUSTS_KEY_OTHERS) == 0 &&
		(entry->key_columns & ~key_columns) == 0;
}

static int
compare_begins(const void *a, const void *b, void *arg)
{
	const RustsSegmentEntry *entries = arg;
	int64		left = entries[*(const uint32 *) a].min_time;
	int64		right = entries[*(const uint32 *) b].min_time;

	return (left > right) - (left < right);
}

/* Has this been looked at, all of it together? */
static bool
is_examined(const RustsDupQuery *query)
{
	const RustsDupSegment *segments = query->storage->segments;
	uint64		common = PG_UINT64_MAX;
	uint32		i;

	for (i = 0; i < query->nsuspects; i++)
		common &= segments[query->suspects[i].segment].examined;
	return common != 0;
}

/* Has any row of these been found to be one of several? */
static bool
have_members(const RustsDupQuery *query)
{
	uint32		i;

	for (i = 0; i < query->nsuspects; i++)
	{
		if (query->storage->segments[query->suspects[i].segment].nmembers > 0)
			return true;
	}
	return false;
}

/* The points between two times, in their order; false if there are none. */
static bool
find_points(RustsDupStorage *storage, int64 low, int64 high,
			uint32 *first, uint32 *end)
{
	rusts_dup_sort_points(storage);
	*first = first_point(storage, low);
	*end = high == PG_INT64_MAX ? storage->npoints :
		first_point(storage, high + 1);
	return *first < *end;
}

/* The first point of this time or a later one. */
static uint32
first_point(const RustsDupStorage *storage, int64 time)
{
	uint32		low = 0;
	uint32		high = storage->npoints;

	while (low < high)
	{
		uint32		mid = low + (high - low) / 2;

		if (storage->points[storage->by_time[mid]].time < time)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Find out what is deleted of segments with such points. */
static void
read_deletions(const RustsDupQuery *query, Snapshot snapshot)
{
	uint32		i;

	for (i = 0; i < query->nsuspects; i++)
	{
		const RustsDupSuspect *suspect = &query->suspects[i];

		if (query->storage->segments[suspect->segment].nmembers > 0)
			rusts_deletions_read(suspect->entry, snapshot);
	}
}

/*
 * All that the result depends on: the points, what the columns are, which
 * segments there are and which of their rows.
 */
static void
make_key(const RustsDupQuery *query, uint32 first, uint32 end,
		 StringInfo key)
{
	const RustsDupStorage *storage = query->storage;
	int64		times[2];
	uint32		hash = hash_desc(query->desc);
	uint32		i;

	times[0] = storage->points[storage->by_time[first]].time;
	times[1] = storage->points[storage->by_time[end - 1]].time;
	appendBinaryStringInfo(key, (const char *) times, sizeof(times));
	appendBinaryStringInfo(key, (const char *) &hash, sizeof(hash));
	for (i = 0; i < query->nsuspects; i++)
	{
		const RustsSegmentEntry *entry = query->suspects[i].entry;

		if (storage->segments[query->suspects[i].segment].nmembers == 0)
			continue;
		appendBinaryStringInfo(key, (const char *) &entry->segment_id,
							   sizeof(entry->segment_id));
		appendBinaryStringInfo(key, (const char *) &entry->write_order,
							   sizeof(entry->write_order));
		appendBinaryStringInfo(key, (const char *) &entry->ndeleted,
							   sizeof(entry->ndeleted));
		if (entry->deleted != NULL)
		{
			uint64		deleted =
				hash_bytes_extended((const unsigned char *) entry->deleted,
									sizeof(uint64) *
									RUSTS_BITMAP_WORDS(entry->nrows), 0);

			appendBinaryStringInfo(key, (const char *) &deleted,
								   sizeof(deleted));
		}
	}
}

static uint32
hash_desc(TupleDesc desc)
{
	uint32		hash = 0;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		hash = hash_combine(hash, hash_bytes_uint32(att->atttypid));
		hash = hash_combine(hash, att->attisdropped);
	}
	return hash;
}

static RustsDupResult *
find_result(RustsDupStorage *storage, const StringInfoData *key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &storage->results)
	{
		RustsDupResult *result = dlist_container(RustsDupResult, node,
												 iter.cur);

		if (result->key_len == key->len &&
			memcmp(result->key, key->data, key->len) == 0)
		{
			dlist_move_head(&storage->results, &result->node);
			return result;
		}
	}
	return NULL;
}

static void
keep_result(RustsDupStorage *storage, RustsDupResult *result,
			const StringInfoData *key)
{
	char	   *copy = MemoryContextAllocHuge(result->cxt, key->len);

	memcpy(copy, key->data, key->len);
	result->key = copy;
	result->key_len = key->len;
	if (storage->nresults == MAX_RESULTS)
	{
		RustsDupResult *oldest = dlist_tail_element(RustsDupResult, node,
													&storage->results);

		dlist_delete(&oldest->node);
		storage->nresults--;
		rusts_dup_forget_result(oldest);
	}
	MemoryContextSetParent(result->cxt, storage->cxt);
	dlist_push_head(&storage->results, &result->node);
	storage->nresults++;
	rusts_dup_limit_memory(storage);
}

/* Entries as readers are to see them; they point to the result. */
static void
apply_result(const RustsDupResult *result, RustsSegmentEntry **entries,
			 uint32 *nentries)
{
	RustsSegmentEntry *all =
		MemoryContextAllocHuge(CurrentMemoryContext,
							   sizeof(RustsSegmentEntry) *
							   ((Size) *nentries + result->nunited));
	uint32		i;

	memcpy(all, *entries, sizeof(RustsSegmentEntry) * (Size) *nentries);
	for (i = 0; i < result->nmasks; i++)
	{
		const RustsDupMask *mask = &result->masks[i];
		RustsSegmentEntry *entry = rusts_entries_find(all, *nentries,
													  mask->segment_id);

		Assert(entry != NULL);
		hide_rows(entry, mask);
	}
	if (result->nunited > 0)
		memcpy(all + *nentries, result->united,
			   sizeof(RustsSegmentEntry) * (Size) result->nunited);
	*entries = all;
	*nentries += result->nunited;
}

static void
hide_rows(RustsSegmentEntry *entry, const RustsDupMask *mask)
{
	Size		nwords = RUSTS_BITMAP_WORDS((Size) entry->nrows);
	uint64	   *deleted;
	Size		i;

	entry->ndeleted += mask->nbits;
	if (entry->deleted == NULL)
	{
		entry->deleted = mask->bits;
		return;
	}
	deleted = MemoryContextAllocHuge(CurrentMemoryContext,
									 sizeof(uint64) * nwords);
	for (i = 0; i < nwords; i++)
		deleted[i] = mask->bits[i] | entry->deleted[i];
	entry->deleted = deleted;
}
