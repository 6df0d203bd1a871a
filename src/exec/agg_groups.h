/*-------------------------------------------------------------------------
 *
 * agg_groups.h
 *	  Groups of RustsAgg.
 *
 * src/exec/agg_groups.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_GROUPS_H
#define RUSTS_AGG_GROUPS_H

#include "base/bytes.h"
#include "exec/agg_states.h"

/* Different tuples of byte strings, numbered from 0 in order of arrival. */
typedef struct RustsTuples RustsTuples;

extern RustsTuples *rusts_tuples_create(MemoryContext cxt, int nvalues);

/* The number of a tuple (data NULL for null), entered when it is new. */
extern uint32 rusts_tuples_find(RustsTuples *tuples,
								const RustsBytes *values);

/* The number of a tuple, or RUSTS_NO_TUPLE; and its hash in any case. */
#define RUSTS_NO_TUPLE	PG_UINT32_MAX

extern uint32 rusts_tuples_lookup(RustsTuples *tuples,
								  const RustsBytes *values);
extern uint32 rusts_tuples_hash_of(RustsTuples *tuples,
								   const RustsBytes *values);

extern uint32 rusts_tuples_count(const RustsTuples *tuples);

/* The same in all processes. */
extern uint32 rusts_tuples_hash(const RustsTuples *tuples, uint32 number);

/* A value of a tuple, preceded by a varlena header; data NULL for null. */
extern RustsBytes rusts_tuples_value(const RustsTuples *tuples,
									 uint32 number, int value);

typedef struct RustsGroup
{
	uint32		tuple;			/* of the tags that are keys */
	uint32		number;			/* in order of arrival */
	int64		bucket;
	bool		bucket_null;
	/* states follow, at a multiple of 16 */
} RustsGroup;

typedef struct RustsGroups
{
	MemoryContext cxt;			/* all groups and what their states own */
	Size		states_size;
	int			naggs;
	RustsAgg   *aggs;
	uint32		expected;
	uint32		ngroups;
	uint32		nunused;		/* to be used anew */
	uint32		max_groups;
	RustsGroup **groups;		/* [ngroups], then [nunused] */
	struct rustsgroup_hash *table;
	RustsGroup *last;			/* found last */
} RustsGroups;

#define RUSTS_GROUP_STATES(group) \
	((char *) (group) + TYPEALIGN(16, sizeof(RustsGroup)))

/* expected: as many groups as the planner thinks. */
extern void rusts_groups_init(RustsGroups *groups, MemoryContext parent,
							  RustsAgg *aggs, int naggs, Size states_size,
							  double expected);
extern void rusts_groups_reset(RustsGroups *groups);
extern RustsGroup *rusts_groups_lookup(RustsGroups *groups, uint32 tuple,
									   int64 bucket, bool bucket_null);

/* The same, but the group is made if it is not there. */
extern RustsGroup *rusts_groups_find(RustsGroups *groups, uint32 tuple,
									 int64 bucket, bool bucket_null);

/*
 * Put the groups of buckets before the given one, or from it on, first, and
 * say how many these are.
 */
extern uint32 rusts_groups_partition(RustsGroups *groups, int64 bucket,
									 bool from);

/* Forget the first groups; their states own nothing. */
extern void rusts_groups_drop(RustsGroups *groups, uint32 count);

/* Memory in use, about. */
extern Size rusts_groups_size(const RustsGroups *groups);

#endif							/* RUSTS_AGG_GROUPS_H */
