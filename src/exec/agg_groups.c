/*-------------------------------------------------------------------------
 *
 * agg_groups.c
 *	  Groups of RustsAgg: tuples of tags, and groups by tuple and bucket.
 *
 * src/exec/agg_groups.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "exec/agg_groups.h"

/*
 * Room is made for so many groups beforehand, if they are expected, and do not
 * take much of hash_mem by that.
 */
#define MAX_EXPECTED	16384
#define MEMORY_EXPECTED	512

/* What is allocated is to be about what is used. */
#define MAX_BLOCK_SIZE	(256 * 1024)

typedef struct TupleEntry
{
	uint32		number;
	uint32		hash;
	char		status;
} TupleEntry;

struct RustsTuples
{
	MemoryContext cxt;
	int			nvalues;
	uint32		count;
	uint32		max_count;
	uint32		last;			/* found last, if there is one */
	RustsBytes *values;			/* [count * nvalues] */
	struct tupletable_hash *table;
	const RustsBytes *wanted;	/* stands for the number RUSTS_WANTED */
};

#define WANTED			PG_UINT32_MAX

static const RustsBytes *tuple_values(const RustsTuples *tuples,
									  uint32 number);
static uint32 hash_tuple(const RustsTuples *tuples, uint32 number);
static bool same_tuple(const RustsTuples *tuples, uint32 a, uint32 b);

#define SH_PREFIX		tupletable
#define SH_ELEMENT_TYPE	TupleEntry
#define SH_KEY_TYPE		uint32
#define SH_KEY			number
#define SH_HASH_KEY(tb, key)	hash_tuple((tb)->private_data, key)
#define SH_EQUAL(tb, a, b)		same_tuple((tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a)		((a)->hash)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Small: a table of them is made anew for each query. */
typedef struct GroupEntry
{
	const RustsGroup *group;
	uint32		hash;
	char		status;
} GroupEntry;

static inline uint32
hash_group(const RustsGroup *group)
{
	return murmurhash32((uint32) (group->bucket ^ (group->bucket >> 32)) ^
						murmurhash32(group->tuple + group->bucket_null));
}

static inline bool
same_group(const RustsGroup *a, const RustsGroup *b)
{
	return a->bucket == b->bucket && a->tuple == b->tuple &&
		a->bucket_null == b->bucket_null;
}

#define SH_PREFIX		rustsgroup
#define SH_ELEMENT_TYPE	GroupEntry
#define SH_KEY_TYPE		const RustsGroup *
#define SH_KEY			group
#define SH_HASH_KEY(tb, key)	hash_group(key)
#define SH_EQUAL(tb, a, b)		same_group(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a)		((a)->hash)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static Size group_size(const RustsGroups *groups);

RustsTuples *
rusts_tuples_create(MemoryContext cxt, int nvalues)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(cxt);
	RustsTuples *tuples = palloc0_object(RustsTuples);

	tuples->cxt = cxt;
	tuples->nvalues = nvalues;
	tuples->max_count = 64;
	tuples->values = palloc_array(RustsBytes, tuples->max_count *
								  Max(nvalues, 1));
	tuples->table = tupletable_create(cxt, 64, tuples);
	MemoryContextSwitchTo(old_cxt);
	return tuples;
}

static const RustsBytes *
tuple_values(const RustsTuples *tuples, uint32 number)
{
	return number == WANTED ? tuples->wanted :
		tuples->values + (Size) number * tuples->nvalues;
}

static uint32
hash_tuple(const RustsTuples *tuples, uint32 number)
{
	const RustsBytes *values = tuple_values(tuples, number);
	uint32		hash = 0;
	int			i;

	for (i = 0; i < tuples->nvalues; i++)
	{
		hash = pg_rotate_left32(hash, 1);
		if (values[i].data != NULL)
			hash ^= hash_bytes((const unsigned char *) values[i].data,
							   values[i].len);
	}
	return hash;
}

static bool
same_tuple(const RustsTuples *tuples, uint32 a, uint32 b)
{
	const RustsBytes *left = tuple_values(tuples, a);
	const RustsBytes *right = tuple_values(tuples, b);
	int			i;

	for (i = 0; i < tuples->nvalues; i++)
	{
		if ((left[i].data == NULL) != (right[i].data == NULL) ||
			(left[i].data != NULL && !rusts_bytes_equal(left[i], right[i])))
			return false;
	}
	return true;
}

uint32
rusts_tuples_find(RustsTuples *tuples, const RustsBytes *values)
{
	TupleEntry *entry;
	RustsBytes *copies;
	bool		found;
	int			i;

	/* neighbours are often the same */
	tuples->wanted = values;
	if (tuples->last < tuples->count &&
		same_tuple(tuples, tuples->last, WANTED))
		return tuples->last;
	entry = tupletable_insert(tuples->table, WANTED, &found);
	if (found)
	{
		tuples->last = entry->number;
		return entry->number;
	}

	if (tuples->count == tuples->max_count)
	{
		tuples->max_count *= 2;
		tuples->values = repalloc_huge(tuples->values, sizeof(RustsBytes) *
									   Max(tuples->nvalues, 1) *
									   (Size) tuples->max_count);
	}
	copies = tuples->values + (Size) tuples->count * tuples->nvalues;
	for (i = 0; i < tuples->nvalues; i++)
	{
		char	   *copy;

		copies[i] = values[i];
		if (values[i].data == NULL)
			continue;
		copy = MemoryContextAlloc(tuples->cxt, values[i].len + VARHDRSZ);
		SET_VARSIZE(copy, values[i].len + VARHDRSZ);
		memcpy(copy + VARHDRSZ, values[i].data, values[i].len);
		copies[i].data = copy + VARHDRSZ;
	}
	entry->number = tuples->count++;
	tuples->last = entry->number;
	return entry->number;
}

uint32
rusts_tuples_lookup(RustsTuples *tuples, const RustsBytes *values)
{
	TupleEntry *entry;

	tuples->wanted = values;
	entry = tupletable_lookup(tuples->table, WANTED);
	return entry == NULL ? RUSTS_NO_TUPLE : entry->number;
}

uint32
rusts_tuples_hash_of(RustsTuples *tuples, const RustsBytes *values)
{
	tuples->wanted = values;
	return murmurhash32(hash_tuple(tuples, WANTED));
}

uint32
rusts_tuples_count(const RustsTuples *tuples)
{
	return tuples->count;
}

uint32
rusts_tuples_hash(const RustsTuples *tuples, uint32 number)
{
	return murmurhash32(hash_tuple(tuples, number));
}

RustsBytes
rusts_tuples_value(const RustsTuples *tuples, uint32 number, int value)
{
	return tuples->values[(Size) number * tuples->nvalues + value];
}

void
rusts_groups_init(RustsGroups *groups, MemoryContext parent, RustsAgg *aggs,
				  int naggs, Size states_size, double expected)
{
	groups->cxt = AllocSetContextCreate(parent, "rusts groups",
										ALLOCSET_DEFAULT_MINSIZE,
										ALLOCSET_DEFAULT_INITSIZE,
										MAX_BLOCK_SIZE);
	groups->aggs = aggs;
	groups->naggs = naggs;
	groups->states_size = states_size;
	expected = Min(expected, get_hash_memory_limit() / MEMORY_EXPECTED);
	groups->expected = (uint32) Min(Max(expected, 64), MAX_EXPECTED);
	rusts_groups_reset(groups);
}

void
rusts_groups_reset(RustsGroups *groups)
{
	MemoryContextReset(groups->cxt);
	groups->ngroups = 0;
	groups->max_groups = groups->expected;
	groups->groups = MemoryContextAlloc(groups->cxt, sizeof(RustsGroup *) *
										groups->max_groups);
	groups->table = rustsgroup_create(groups->cxt, groups->expected, NULL);
	groups->last = NULL;
	groups->nunused = 0;
}

RustsGroup *
rusts_groups_lookup(RustsGroups *groups, uint32 tuple, int64 bucket,
					bool bucket_null)
{
	RustsGroup	key = {.bucket = bucket, .tuple = tuple,
	.bucket_null = bucket_null};
	GroupEntry *entry = rustsgroup_lookup(groups->table, &key);

	return entry == NULL ? NULL : (RustsGroup *) entry->group;
}

RustsGroup *
rusts_groups_find(RustsGroups *groups, uint32 tuple, int64 bucket,
				  bool bucket_null)
{
	RustsGroup	key = {.bucket = bucket, .tuple = tuple,
	.bucket_null = bucket_null};
	GroupEntry *entry;
	RustsGroup *group = groups->last;
	bool		found;
	int			i;

	if (group != NULL && group->tuple == tuple && group->bucket == bucket &&
		group->bucket_null == bucket_null)
		return group;
	entry = rustsgroup_insert(groups->table, &key, &found);
	if (found)
	{
		groups->last = (RustsGroup *) entry->group;
		return groups->last;
	}

	if (groups->ngroups + groups->nunused == groups->max_groups)
	{
		groups->max_groups *= 2;
		groups->groups = repalloc_huge(groups->groups, sizeof(RustsGroup *) *
									   (Size) groups->max_groups);
	}

	if (groups->nunused > 0)
	{
		group = groups->groups[groups->ngroups];
		groups->nunused--;
	}
	else
	{
		/* palloc aligns to 8 only; int128 wants 16. */
		char	   *chunk = MemoryContextAlloc(groups->cxt,
											   group_size(groups));

		group = (RustsGroup *) TYPEALIGN(16, chunk);
	}
	group->tuple = tuple;
	group->bucket = bucket;
	group->bucket_null = bucket_null;
	group->number = groups->ngroups;
	for (i = 0; i < groups->naggs; i++)
		rusts_agg_state_init(&groups->aggs[i],
							 (RustsAggState *) (RUSTS_GROUP_STATES(group) +
												groups->aggs[i].offset));
	groups->groups[groups->ngroups++] = group;
	entry->group = group;
	groups->last = group;
	return group;
}

uint32
rusts_groups_partition(RustsGroups *groups, int64 bucket, bool from)
{
	uint32		nbefore = 0;
	uint32		i;

	for (i = 0; i < groups->ngroups; i++)
	{
		RustsGroup *group = groups->groups[i];

		if (group->bucket_null || (group->bucket >= bucket) != from)
			continue;
		groups->groups[i] = groups->groups[nbefore];
		groups->groups[nbefore++] = group;
	}
	return nbefore;
}

void
rusts_groups_drop(RustsGroups *groups, uint32 count)
{
	uint32		i;

	if (count == 0)
		return;
	groups->last = NULL;
	groups->ngroups -= count;
	groups->nunused += count;
	rustsgroup_reset(groups->table);
	for (i = 0; i < groups->ngroups; i++)
	{
		RustsGroup *kept = groups->groups[count + i];
		bool		found;

		groups->groups[count + i] = groups->groups[i];
		groups->groups[i] = kept;
		rustsgroup_insert(groups->table, kept, &found);
	}
}

Size
rusts_groups_size(const RustsGroups *groups)
{
	return MemoryContextMemAllocated(groups->cxt, true) -
		group_size(groups) * (Size) groups->nunused;
}

static Size
group_size(const RustsGroups *groups)
{
	return TYPEALIGN(16, sizeof(RustsGroup)) + groups->states_size + 8;
}
