/*-------------------------------------------------------------------------
 *
 * deletes.c
 *	  Rows deleted by a running statement, not stored yet.
 *
 * src/write/deletes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "compat.h"
#include "write/deletes.h"

typedef struct DeletedKey
{
	int64		segment_id;
	uint32		row;
	uint32		zero;			/* no padding: keys are compared bytewise */
} DeletedKey;

typedef struct DeletedEntry
{
	DeletedKey	key;
	int64		moved_to;
	char		status;
} DeletedEntry;

#define SH_PREFIX		deleted
#define SH_ELEMENT_TYPE	DeletedEntry
#define SH_KEY_TYPE		DeletedKey
#define SH_KEY			key
#define SH_HASH_KEY(tb, k) \
	((uint32) hash_combine64(murmurhash32((k).row), (uint64) (k).segment_id))
#define SH_EQUAL(tb, a, b) \
	((a).row == (b).row && (a).segment_id == (b).segment_id)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct RustsDeletes
{
	MemoryContext cxt;
	deleted_hash *rows;
};

static int	compare_rows(const void *a, const void *b);

RustsDeletes *
rusts_deletes_create(void)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "rusts deleted rows",
											  ALLOCSET_SMALL_SIZES);
	RustsDeletes *deletes = MemoryContextAllocZero(cxt, sizeof(RustsDeletes));

	deletes->cxt = cxt;
	deletes->rows = deleted_create(cxt, 64, NULL);
	return deletes;
}

void
rusts_deletes_free(RustsDeletes *deletes)
{
	MemoryContextDelete(deletes->cxt);
}

void
rusts_deletes_add(RustsDeletes *deletes, int64 segment_id, uint32 row,
				  int64 moved_to)
{
	DeletedKey	key = {segment_id, row, 0};
	bool		found;
	DeletedEntry *entry = deleted_insert(deletes->rows, key, &found);

	entry->moved_to = moved_to;
}

bool
rusts_deletes_find(const RustsDeletes *deletes, int64 segment_id, uint32 row,
				   int64 *moved_to)
{
	DeletedKey	key = {segment_id, row, 0};
	DeletedEntry *entry = deleted_lookup(deletes->rows, key);

	if (entry == NULL)
		return false;
	*moved_to = entry->moved_to;
	return true;
}

uint32
rusts_deletes_count(const RustsDeletes *deletes)
{
	return deletes->rows->members;
}

RustsDelete *
rusts_deletes_list(const RustsDeletes *deletes)
{
	uint32		n = rusts_deletes_count(deletes);
	RustsDelete *sorted = palloc_extended(sizeof(RustsDelete) *
										  Max((Size) n, 1), MCXT_ALLOC_HUGE);
	deleted_iterator iterator;
	DeletedEntry *entry;
	uint32		count = 0;

	deleted_start_iterate(deletes->rows, &iterator);
	while ((entry = deleted_iterate(deletes->rows, &iterator)) != NULL)
	{
		sorted[count].segment_id = entry->key.segment_id;
		sorted[count].row = entry->key.row;
		sorted[count++].moved_to = entry->moved_to;
	}
	qsort(sorted, n, sizeof(RustsDelete), compare_rows);
	return sorted;
}

void
rusts_deletes_store(RustsDeletes *deletes, int64 storage_id, CommandId cid,
					bool nested)
{
	uint32		n = rusts_deletes_count(deletes);
	RustsDelete *sorted;
	RustsDeletedRow *rows;
	uint32		count = 0;
	uint32		i;

	if (n == 0)
		return;
	sorted = rusts_deletes_list(deletes);
	rows = palloc_extended(sizeof(RustsDeletedRow) * (Size) n,
						   MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		rows[count].row = sorted[i].row;
		rows[count++].moved_to = sorted[i].moved_to;
		if (i + 1 == n || sorted[i + 1].segment_id != sorted[i].segment_id)
		{
			rusts_deletions_insert(storage_id, sorted[i].segment_id, rows,
								   count, cid, nested);
			count = 0;
		}
	}
	pfree(rows);
	pfree(sorted);
}

static int
compare_rows(const void *a, const void *b)
{
	const RustsDelete *left = a;
	const RustsDelete *right = b;

	if (left->segment_id != right->segment_id)
		return left->segment_id < right->segment_id ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

void
rusts_deletes_reset(RustsDeletes *deletes)
{
	deleted_reset(deletes->rows);
}
