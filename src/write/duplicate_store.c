/*-------------------------------------------------------------------------
 *
 * duplicate_store.c
 *	  What a backend knows of points that lie in several segments.
 *
 * Segments never change and their names are never used again: which rows of
 * two of them are one point is found out once.  That is kept per storage until
 * the columns that make the key change, or memory is short.  What of it is
 * visible, and what rows are deleted, each query sees for itself.
 *
 * An error in the middle of an update leaves the storage inconsistent; it is
 * begun anew then.
 *
 * src/write/duplicate_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compat.h"
#include "meta/settings.h"
#include "write/duplicates_internal.h"

/* Begin anew rather than remember so many segments that may be gone. */
#define MAX_SEGMENTS	20000

typedef struct SegmentSlot
{
	int64		segment_id;
	uint32		segment;
	char		status;
} SegmentSlot;

typedef struct RowSlot
{
	uint64		row;			/* segment and row in it */
	uint32		point;
	char		status;
} RowSlot;

#define SH_PREFIX dupsegments
#define SH_ELEMENT_TYPE SegmentSlot
#define SH_KEY_TYPE int64
#define SH_KEY segment_id
#define SH_HASH_KEY(tb, key) ((uint32) rusts_mix_bits(key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX duprows
#define SH_ELEMENT_TYPE RowSlot
#define SH_KEY_TYPE uint64
#define SH_KEY row
#define SH_HASH_KEY(tb, key) ((uint32) rusts_mix_bits(key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static HTAB *storages = NULL;
static MemoryContext storages_cxt = NULL;

static void hash_key(const RustsSchema *schema, uint64 *columns,
					 uint32 *hash);
static void begin_anew(RustsDupStorage *storage);
static void *grow(RustsDupStorage *storage, void *array, uint32 *max,
				  Size element);
static void forget(RustsDupStorage *storage);
static int	compare_points(const void *a, const void *b, void *arg);

/*
 * What is known of a storage whose points are told apart by the columns of
 * schema.
 */
RustsDupStorage *
rusts_dup_storage(int64 storage_id, const RustsSchema *schema)
{
	RustsDupStorage *storage;
	uint64		key_columns;
	uint32		key_hash;
	bool		found;

	if (storages == NULL)
	{
		HASHCTL		ctl = {0};

		if (storages_cxt == NULL)
			storages_cxt = AllocSetContextCreate(TopMemoryContext,
												 "rusts duplicates",
												 ALLOCSET_DEFAULT_SIZES);
		ctl.keysize = sizeof(int64);
		ctl.entrysize = sizeof(RustsDupStorage);
		ctl.hcxt = storages_cxt;
		storages = hash_create("rusts duplicates", 64, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	storage = hash_search(storages, &storage_id, HASH_ENTER, &found);
	if (!found)
	{
		storage->cxt = NULL;
		storage->consistent = false;
	}
	hash_key(schema, &key_columns, &key_hash);
	if (!storage->consistent || storage->key_columns != key_columns ||
		storage->key_hash != key_hash || storage->nsegments > MAX_SEGMENTS)
		begin_anew(storage);
	storage->key_columns = key_columns;
	storage->key_hash = key_hash;
	return storage;
}

RustsDupStorage *
rusts_dup_known_storage(int64 storage_id, const RustsSchema *schema)
{
	RustsDupStorage *storage;
	uint64		key_columns;
	uint32		key_hash;

	storage = storages == NULL ? NULL :
		hash_search(storages, &storage_id, HASH_FIND, NULL);
	if (storage == NULL || !storage->consistent)
		return NULL;
	hash_key(schema, &key_columns, &key_hash);
	return storage->key_columns == key_columns &&
		storage->key_hash == key_hash ? storage : NULL;
}

static void
hash_key(const RustsSchema *schema, uint64 *columns, uint32 *hash)
{
	int			i;

	*columns = 0;
	*hash = 0;
	for (i = 0; i < schema->ncolumns; i++)
	{
		const RustsColumn *column = &schema->columns[i];

		if (column->role == RUSTS_ROLE_FIELD)
			continue;
		*columns |= RUSTS_KEY_COLUMN(column->attno);
		*hash = hash_combine(*hash, hash_bytes_uint32(column->attno));
	}
}

static void
begin_anew(RustsDupStorage *storage)
{
	int64		storage_id = storage->storage_id;
	uint64		key_columns = storage->key_columns;
	uint32		key_hash = storage->key_hash;
	MemoryContext old_cxt;

	forget(storage);
	memset(storage, 0, sizeof(*storage));
	storage->storage_id = storage_id;
	storage->key_columns = key_columns;
	storage->key_hash = key_hash;
	dlist_init(&storage->results);
	storage->cxt = AllocSetContextCreate(storages_cxt,
										 "rusts duplicates of a storage",
										 ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(storage->cxt);
	storage->max_segments = 16;
	storage->segments = palloc_array(RustsDupSegment, storage->max_segments);
	storage->by_segment = dupsegments_create(storage->cxt, 16, NULL);
	storage->by_row = duprows_create(storage->cxt, 16, NULL);
	MemoryContextSwitchTo(old_cxt);
	storage->consistent = true;
}

static void
forget(RustsDupStorage *storage)
{
	MemoryContext cxt = storage->cxt;

	if (cxt == NULL)
		return;
	while (!dlist_is_empty(&storage->results))
	{
		dlist_node *node = dlist_pop_head_node(&storage->results);

		rusts_dup_forget_result(dlist_container(RustsDupResult, node, node));
	}
	storage->cxt = NULL;
	MemoryContextDelete(cxt);
}

/* The number of a segment, entered when it is new. */
uint32
rusts_dup_segment(RustsDupStorage *storage, int64 segment_id)
{
	bool		found;
	SegmentSlot *slot = dupsegments_insert(storage->by_segment, segment_id,
										   &found);
	RustsDupSegment *segment;

	if (found)
		return slot->segment;
	storage->consistent = false;
	if (storage->nsegments == storage->max_segments)
	{
		storage->max_segments *= 2;
		storage->segments = repalloc_huge(storage->segments,
										  sizeof(RustsDupSegment) *
										  (Size) storage->max_segments);
	}
	slot->segment = storage->nsegments++;
	segment = &storage->segments[slot->segment];
	memset(segment, 0, sizeof(*segment));
	segment->segment_id = segment_id;
	storage->consistent = true;
	return slot->segment;
}

static inline uint64
row_key(uint32 segment, uint32 row)
{
	return ((uint64) segment << 32) | row;
}

/* The point that a row is one of several of, or RUSTS_NO_INDEX. */
uint32
rusts_dup_point_of(RustsDupStorage *storage, uint32 segment, uint32 row)
{
	RowSlot    *slot = duprows_lookup(storage->by_row,
									  row_key(segment, row));

	return slot == NULL ? RUSTS_NO_INDEX : slot->point;
}

/* Make an array of the storage's, or a larger one of it. */
static void *
grow(RustsDupStorage *storage, void *array, uint32 *max, Size element)
{
	uint32		more = Max(*max * 2, 64);

	array = array == NULL ?
		MemoryContextAllocHuge(storage->cxt, element * more) :
		repalloc_huge(array, element * more);
	*max = more;
	return array;
}

/* Enter a point; the caller sets consistent when it has all its members. */
uint32
rusts_dup_add_point(RustsDupStorage *storage, int64 time)
{
	storage->consistent = false;
	if (storage->npoints == storage->max_points)
		storage->points = grow(storage, storage->points, &storage->max_points,
							   sizeof(RustsDupPoint));
	if (storage->by_time != NULL)
		pfree(storage->by_time);
	storage->by_time = NULL;
	storage->points[storage->npoints].time = time;
	storage->points[storage->npoints].members = RUSTS_NO_INDEX;
	return storage->npoints++;
}

/* Enter a row of a point unless it is there; likewise. */
void
rusts_dup_add_member(RustsDupStorage *storage, uint32 point, uint32 segment,
					 uint32 row)
{
	RustsDupMember *member;
	RowSlot    *slot;
	bool		found;

	storage->consistent = false;
	slot = duprows_insert(storage->by_row, row_key(segment, row), &found);
	if (found)
		return;
	slot->point = point;
	if (storage->nmembers == storage->max_members)
		storage->members = grow(storage, storage->members,
								&storage->max_members,
								sizeof(RustsDupMember));
	member = &storage->members[storage->nmembers];
	member->segment = segment;
	member->row = row;
	member->next = storage->points[point].members;
	storage->points[point].members = storage->nmembers++;
	storage->segments[segment].nmembers++;
}

/* Two points turn out to be one. */
void
rusts_dup_join_points(RustsDupStorage *storage, uint32 to, uint32 from)
{
	uint32		m = storage->points[from].members;

	storage->consistent = false;
	while (m != RUSTS_NO_INDEX)
	{
		RustsDupMember *member = &storage->members[m];
		uint32		next = member->next;

		duprows_lookup(storage->by_row,
					   row_key(member->segment, member->row))->point = to;
		member->next = storage->points[to].members;
		storage->points[to].members = m;
		m = next;
	}
	storage->points[from].members = RUSTS_NO_INDEX;
}

void
rusts_dup_keep_disjoint(RustsDupStorage *storage, const int64 *segment_ids,
						uint32 nsegments)
{
	RustsDupDisjoint *set =
		&storage->disjoint[storage->next_disjoint++ % RUSTS_DUP_NDISJOINT];

	set->nsegments = 0;
	while (set->max_segments < nsegments)
		set->segment_ids = grow(storage, set->segment_ids, &set->max_segments,
								sizeof(int64));
	memcpy(set->segment_ids, segment_ids, sizeof(int64) * nsegments);
	set->nsegments = nsegments;
}

bool
rusts_dup_are_disjoint(const RustsDupStorage *storage,
					   const int64 *segment_ids, uint32 nsegments)
{
	int			s;

	for (s = 0; s < RUSTS_DUP_NDISJOINT; s++)
	{
		const RustsDupDisjoint *set = &storage->disjoint[s];
		uint32		at = 0;
		uint32		i;

		for (i = 0; i < nsegments; i++, at++)
		{
			while (at < set->nsegments &&
				   set->segment_ids[at] < segment_ids[i])
				at++;
			if (at == set->nsegments || set->segment_ids[at] != segment_ids[i])
				break;
		}
		if (i == nsegments)
			return true;
	}
	return false;
}

/* Make storage->by_time. */
void
rusts_dup_sort_points(RustsDupStorage *storage)
{
	uint32	   *by_time;
	uint32		i;

	if (storage->by_time != NULL)
		return;
	by_time = MemoryContextAllocHuge(storage->cxt, sizeof(uint32) *
									 Max((Size) storage->npoints, 1));
	for (i = 0; i < storage->npoints; i++)
		by_time[i] = i;
	qsort_arg(by_time, storage->npoints, sizeof(uint32), compare_points,
			  storage);
	storage->by_time = by_time;
}

static int
compare_points(const void *a, const void *b, void *arg)
{
	const RustsDupStorage *storage = arg;
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	if (storage->points[left].time != storage->points[right].time)
		return storage->points[left].time < storage->points[right].time ?
			-1 : 1;
	return (left > right) - (left < right);
}

/*
 * So many segments of the storage are going to be looked at.  If what is known
 * of it is too much and mostly about others, which may be gone, begin anew.
 */
void
rusts_dup_forget_others(RustsDupStorage *storage, uint32 nsegments)
{
	if (storage->nsegments / 2 > nsegments &&
		MemoryContextMemAllocated(storage->cxt, true) >
		(Size) rusts_segment_cache_size * 1024)
		begin_anew(storage);
}

/*
 * Something has been added.  When all is more than the cache of segments may
 * be, forget it, but for what is being used.
 */
void
rusts_dup_limit_memory(RustsDupStorage *keep)
{
	HASH_SEQ_STATUS status;
	RustsDupStorage *storage;

	if (MemoryContextMemAllocated(storages_cxt, true) <=
		(Size) rusts_segment_cache_size * 1024)
		return;
	while (!dlist_is_empty(&keep->results) &&
		   dlist_has_next(&keep->results, dlist_head_node(&keep->results)))
	{
		RustsDupResult *result = dlist_tail_element(RustsDupResult, node,
													&keep->results);

		dlist_delete(&result->node);
		keep->nresults--;
		rusts_dup_forget_result(result);
	}
	hash_seq_init(&status, storages);
	while ((storage = hash_seq_search(&status)) != NULL)
	{
		if (storage == keep)
			continue;
		forget(storage);
		(void) hash_search(storages, &storage->storage_id, HASH_REMOVE, NULL);
	}
}
