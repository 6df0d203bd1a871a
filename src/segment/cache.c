/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  A backend's cache of segments' parts.
 *
 * A query for one series of one hour decodes a handful of blocks; reading and
 * checking the series table and the block directory before would take longer
 * than all the rest.  Segments never change and their names (storage id,
 * segment id) are never used again, so what was read once holds for ever:
 * there is nothing to invalidate.  Whether a segment is to be read at all the
 * directory says each time.
 *
 * Parts that nobody holds are dropped, the least recently used first, when
 * all together take more than rusts.segment_cache_size.
 *
 * src/segment/cache.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "meta/settings.h"
#include "segment/cache.h"

typedef struct CacheKey
{
	int64		storage_id;
	int64		segment_id;
} CacheKey;

typedef struct CacheEntry
{
	CacheKey	key;
	RustsParts *parts;
} CacheEntry;

static HTAB *cache = NULL;
static MemoryContext cache_cxt = NULL;
static dlist_head unused = DLIST_STATIC_INIT(unused);	/* latest first */
static Size cached_size = 0;	/* of all parts, as of their last release */

static void drop_parts(RustsParts *parts);

RustsParts *
rusts_cache_hold(int64 storage_id, int64 segment_id)
{
	CacheKey	key = {storage_id, segment_id};
	CacheEntry *entry;

	if (cache == NULL)
		return NULL;
	entry = hash_search(cache, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return NULL;
	if (entry->parts->nusers++ == 0)
		dlist_delete(&entry->parts->lru);
	return entry->parts;
}

void
rusts_cache_enter(RustsParts *parts)
{
	CacheKey	key = {parts->storage_id, parts->segment_id};
	CacheEntry *entry;
	bool		found;

	if (cache == NULL)
	{
		HASHCTL		ctl = {0};

		if (cache_cxt == NULL)
			cache_cxt = AllocSetContextCreate(TopMemoryContext,
											  "rusts segment cache",
											  ALLOCSET_DEFAULT_SIZES);
		ctl.keysize = sizeof(CacheKey);
		ctl.entrysize = sizeof(CacheEntry);
		ctl.hcxt = cache_cxt;
		cache = hash_create("rusts segment cache", 256, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	Assert(!parts->cached);
	entry = hash_search(cache, &key, HASH_ENTER, &found);

	/* Another reader of this backend may have been faster. */
	if (found)
		return;
	entry->parts = parts;
	parts->cached = true;
	parts->nusers = 1;
	parts->size = 0;
	MemoryContextSetParent(parts->parts_cxt, cache_cxt);
}

/*
 * The parts' size has grown by what readers have asked for.  Parts larger
 * than the whole cache do not stay.
 */
void
rusts_cache_release(RustsParts *parts)
{
	Size		limit = (Size) rusts_segment_cache_size * 1024;

	Assert(parts->cached && parts->nusers > 0);
	if (--parts->nusers > 0)
		return;
	cached_size -= parts->size;
	parts->size = MemoryContextMemAllocated(parts->parts_cxt, true);
	cached_size += parts->size;
	dlist_push_head(&unused, &parts->lru);
	while (cached_size > limit && !dlist_is_empty(&unused))
		drop_parts(dlist_container(RustsParts, lru,
								   dlist_tail_node(&unused)));
}

static void
drop_parts(RustsParts *parts)
{
	CacheKey	key = {parts->storage_id, parts->segment_id};

	dlist_delete(&parts->lru);
	cached_size -= parts->size;
	(void) hash_search(cache, &key, HASH_REMOVE, NULL);
	MemoryContextDelete(parts->parts_cxt);
}
