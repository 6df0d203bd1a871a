/*-------------------------------------------------------------------------
 *
 * agg_node.h
 *	  The executor node RustsAgg.
 *
 * src/exec/agg_node.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_NODE_H
#define RUSTS_AGG_NODE_H

#include "nodes/execnodes.h"
#include "nodes/extensible.h"

#include "exec/agg_groups.h"
#include "exec/buckets.h"
#include "exec/scan_node.h"
#include "exec/windows.h"

/* A column that groups are returned in the order of. */
typedef struct RustsAggOrder
{
	int			output;			/* in custom_scan_tlist */
	int			key;			/* value of the tuple, or -1 for the bucket */
	bool		descending;
	bool		nulls_first;
	Oid			operator;
	Oid			collation;
	uint32	   *ranks;			/* [tuples] of the values of those sorted */
} RustsAggOrder;

/*
 * In dynamic shared memory, where several processes share the groups: each
 * part of them is aggregated by the one that draws its number.
 */
typedef struct RustsParallelAgg
{
	pg_atomic_uint32 next_part;
	pg_atomic_uint64 counters[RUSTS_NCOUNTERS];
} RustsParallelAgg;

/* A range of the input, see agg_passes.c. */
typedef struct RustsAggPass
{
	bool		all_times;
	bool		all_tuples;
	int64		low;			/* times, inclusive, unless all_times */
	int64		high;
	uint32		first_place;	/* places of tuples, unless all_tuples */
	uint32		end_place;
	uint32		part;			/* of the tuples, by their hash, */
	uint32		nparts;			/* of so many; 0 or 1: all of them */
	double		bytes;			/* its groups are expected to take, or 0 */
} RustsAggPass;

typedef struct RustsAggNode
{
	CustomScanState css;
	RustsScanState *child;
	RustsBlockScan *scan;
	bool		shortcuts;		/* statistics and skipping are allowed */
	bool		grouped;		/* without rows there is no group */
	bool		partial;
	int			limit;			/* groups wanted, 0 for all */
	int			noutputs;
	RustsAggOutput *outputs;
	int		   *values;			/* [noutputs] key of the tuple, or aggregate */
	int			ntags;			/* keys that are tags */
	int		   *tag_columns;	/* [ntags] in the scan's columns */
	RustsBuckets *buckets;		/* NULL: no bucket is a key */
	double		bucket_width;	/* about, in microseconds; 0 = not known */
	int			time;			/* in the scan's columns, or -1 */
	bool		time_not_null;
	int			naggs;
	RustsAgg   *aggs;
	Size		states_size;
	RustsCondition **filters;	/* [naggs] conditions of FILTER, or NULL */
	int		   *nfilters;
	RustsTuples **distinct;		/* [naggs] values of count(DISTINCT) */
	struct distinct_hash *distinct_pairs;
	MemoryContext tuples_cxt;	/* tuples, what is counted distinct, operands
								 * of FILTER */
	RustsTuples *tuples;
	RustsGroups groups;
	bool		need_series;	/* chunks are cut at series */
	bool		can_skip;		/* blocks that change nothing are left out */
	bool		all_rows;		/* nothing but time conditions: whole segments
								 * can be answered from the directory */
	/* of the open segment */
	bool		keys_by_row;	/* a key is not a tag there */
	uint32	   *series_tuples;	/* [nseries] or PG_UINT32_MAX */
	/* returning groups */
	int			norder;
	RustsAggOrder *order;
	MemoryContext ranks_cxt;	/* ranks of order, until the next sort */
	bool		begun;
	uint32		next_group;
	uint32		nready;			/* groups to be returned; others follow */
	/* passes: the last is next, then windows follow */
	int			npasses;
	int			max_passes;
	int64		npasses_run;	/* for EXPLAIN */
	RustsAggPass *passes;
	RustsWindows windows;
	bool		windowed;
	bool		times_split_known;	/* buckets can be told apart by time, */
	bool		times_split;	/* and whether */
	bool		resume;			/* the pass has more input */
	bool		can_complete;	/* groups may be complete before its end */
	bool		extent_known;	/* finite times of the pass, */
	bool		extent_ascends; /* whether its buckets ascend at all, */
	int64		extent_low;		/* and which these are if they do */
	int64		extent_high;
	Size		max_memory;		/* of groups */
	Size		stop_memory;	/* at which to see whether some are complete */
	uint32		groups_at_check;
	uint32	   *places;			/* [nplaces] of tuples in order, or NULL */
	uint32	   *leading_places; /* [nplaces] the first place whose tuple has
								 * the same tags before the bucket */
	uint32		nplaces;
	RustsAggPass pass;			/* the one at hand */
	RustsParallelAgg *parallel; /* NULL: this process makes all groups */
	/* its parts, see agg_parallel.c */
	int64	   *cuts;			/* [nranges] at which ranges of times begin */
	uint32		nranges;
	uint32		ntuple_parts;	/* of each range */
} RustsAggNode;

extern const CustomScanMethods rusts_agg_methods;

/* agg_passes.c: groups of the input, or of the next part of it */
extern void rusts_agg_passes_begin(RustsAggNode *node);
extern bool rusts_agg_read_input(RustsAggNode *node);

/* Are buckets ranges of times that follow each other? */
extern bool rusts_agg_times_can_split(RustsAggNode *node);

/* Does the pass at hand make groups of this tuple of tags? */
extern bool rusts_agg_tuple_in_pass(const RustsAggNode *node, uint32 tuple);

/* agg_complete.c: may groups be complete before the input ends? */
extern bool rusts_agg_can_complete(RustsAggNode *node);

/* Put those that are complete first, and say how many these are. */
extern uint32 rusts_agg_complete_groups(RustsAggNode *node);

/* agg_parallel.c: the part that this process aggregates next, if any */
extern void rusts_agg_parts_begin(RustsAggNode *node);
extern bool rusts_agg_draw_part(RustsAggNode *node, RustsAggPass *pass);

/* agg_input.c: chunks into groups; false if the segment is corrupt */
extern bool rusts_agg_add_chunk(RustsAggNode *node);
extern void rusts_agg_reset_groups(RustsAggNode *node);

/* Only the tuples of tags, where series do not tell them. */
extern void rusts_agg_collect_rows(RustsAggNode *node);
extern uint32 rusts_agg_series_tuple(RustsAggNode *node, uint32 series);

/* Hooks of the block scan. */
extern void rusts_agg_opened(void *arg);

/* agg_shortcuts.c: likewise */
extern bool rusts_agg_want_item(void *arg, const RustsItem *item);
extern bool rusts_agg_want_entry(void *arg, const RustsSegmentEntry *entry);

/* agg_output.c: groups in order */
extern void rusts_agg_sort_groups(RustsAggNode *node);

/* Numbers of all tuples in the order asked for. */
extern uint32 *rusts_agg_sort_tuples(RustsAggNode *node);
extern void rusts_agg_fill_slot(RustsAggNode *node, const RustsGroup *group,
								TupleTableSlot *slot);

#endif							/* RUSTS_AGG_NODE_H */
