/*-------------------------------------------------------------------------
 *
 * duplicate_table.c
 *	  A hash table of keys of points, for those that occur more than once.
 *
 * All segments' keys go into one table: a thousand writers of the same second
 * must not cost a million comparisons.  When there turn out to be too many,
 * they are taken in several passes, by a part of the hash.
 *
 * src/write/duplicate_table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "write/duplicates_internal.h"

/* Different keys taken in one pass; one takes about 40 bytes. */
#define MAX_PASS_KEYS	(2 * 1024 * 1024)

typedef struct TableKey
{
	RustsDupKey key;
	uint32		next;			/* of the same hash, RUSTS_NO_INDEX at the
								 * end; itself if it is not in the table */
} TableKey;

/* A key that is equal to an earlier one. */
typedef struct Twin
{
	uint32		first;
	uint32		other;
} Twin;

struct RustsDupTable
{
	MemoryContext cxt;
	uint32		pass;
	uint32		npasses;
	uint32		nkeys;
	uint32		max_keys;		/* a power of two */
	TableKey   *keys;
	uint32	   *heads;			/* [max_keys] the first of each hash */
	uint32		ntwins;
	uint32		max_twins;
	Twin	   *twins;
};

static inline uint64 hash_key(const RustsDupKey *key);
static void add_twin(RustsDupTable *table, uint32 first, uint32 other);
static void grow(RustsDupTable *table);

/* An empty table in the current memory context. */
RustsDupTable *
rusts_dup_table_create(void)
{
	RustsDupTable *table = palloc0_object(RustsDupTable);

	table->cxt = CurrentMemoryContext;
	return table;
}

/* Forget all keys and take those of another pass. */
void
rusts_dup_table_begin(RustsDupTable *table, uint32 pass, uint32 npasses)
{
	table->pass = pass;
	table->npasses = npasses;
	table->nkeys = 0;
	table->ntwins = 0;
	if (table->heads != NULL)
		memset(table->heads, 0xff, sizeof(uint32) * (Size) table->max_keys);
}

/*
 * Equal keys do not count: more passes would not part them, and all of them
 * are going to be remembered anyway.
 */
bool
rusts_dup_table_is_full(const RustsDupTable *table)
{
	return table->nkeys - table->ntwins >= MAX_PASS_KEYS;
}

static inline uint64
hash_key(const RustsDupKey *key)
{
	return rusts_mix_bits((uint64) key->time +
						  rusts_mix_bits(((uint64) key->series << 32) |
										 (uint32) key->time_ns));
}

/* Add a key if it is of this pass. */
void
rusts_dup_table_add(RustsDupTable *table, const RustsDupKey *key)
{
	uint64		hash = hash_key(key);
	uint32		at;
	uint32	   *head;
	uint32		i;

	if (table->npasses > 1 && (hash >> 32) % table->npasses != table->pass)
		return;
	if (table->nkeys == table->max_keys)
		grow(table);
	at = table->nkeys++;
	table->keys[at].key = *key;
	head = &table->heads[hash & (table->max_keys - 1)];
	for (i = *head; i != RUSTS_NO_INDEX; i = table->keys[i].next)
	{
		const RustsDupKey *other = &table->keys[i].key;

		if (other->time == key->time && other->series == key->series &&
			other->time_ns == key->time_ns)
		{
			table->keys[at].next = at;
			add_twin(table, i, at);
			return;
		}
	}
	table->keys[at].next = *head;
	*head = at;
}

static void
add_twin(RustsDupTable *table, uint32 first, uint32 other)
{
	if (table->ntwins == table->max_twins)
	{
		Size		size;

		table->max_twins = Max(table->max_twins * 2, 64);
		size = sizeof(Twin) * (Size) table->max_twins;
		table->twins = table->twins == NULL ?
			MemoryContextAllocHuge(table->cxt, size) :
			repalloc_huge(table->twins, size);
	}
	table->twins[table->ntwins].first = first;
	table->twins[table->ntwins++].other = other;
}

static void
grow(RustsDupTable *table)
{
	uint32		max = Max(table->max_keys * 2, 256);
	Size		size = sizeof(TableKey) * (Size) max;
	uint32		i;

	table->keys = table->keys == NULL ?
		MemoryContextAllocHuge(table->cxt, size) :
		repalloc_huge(table->keys, size);
	if (table->heads != NULL)
		pfree(table->heads);
	size = sizeof(uint32) * (Size) max;
	table->heads = MemoryContextAllocHuge(table->cxt, size);
	memset(table->heads, 0xff, size);
	table->max_keys = max;
	for (i = 0; i < table->nkeys; i++)
	{
		uint32	   *head;

		if (table->keys[i].next == i)
			continue;
		head = &table->heads[hash_key(&table->keys[i].key) & (max - 1)];
		table->keys[i].next = *head;
		*head = i;
	}
}

/* Remember the points that have several rows. */
void
rusts_dup_table_enter(RustsDupTable *table, RustsDupQuery *query)
{
	RustsDupStorage *storage = query->storage;
	uint32		i;

	for (i = 0; i < table->ntwins; i++)
	{
		const RustsDupKey *first = &table->keys[table->twins[i].first].key;
		const RustsDupKey *other = &table->keys[table->twins[i].other].key;
		uint32		first_segment = query->suspects[first->suspect].segment;
		uint32		other_segment = query->suspects[other->suspect].segment;
		uint32		point = rusts_dup_point_of(storage, first_segment,
											   first->row);
		uint32		known = rusts_dup_point_of(storage, other_segment,
											   other->row);

		/* They may be known from other times, with other rows. */
		if (point == RUSTS_NO_INDEX)
			point = known;
		if (point == RUSTS_NO_INDEX)
			point = rusts_dup_add_point(storage, first->time);
		if (known != RUSTS_NO_INDEX && known != point)
			rusts_dup_join_points(storage, point, known);
		rusts_dup_add_member(storage, point, first_segment, first->row);
		rusts_dup_add_member(storage, point, other_segment, other->row);
	}
	storage->consistent = true;
}
