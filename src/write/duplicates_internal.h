/*-------------------------------------------------------------------------
 *
 * duplicates_internal.h
 *	  What is known of points that lie in several segments.
 *
 * src/write/duplicates_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DUPLICATES_INTERNAL_H
#define RUSTS_DUPLICATES_INTERNAL_H

#include "lib/ilist.h"

#include "base/bits.h"
#include "write/duplicates.h"

#define RUSTS_NO_INDEX		PG_UINT32_MAX

/* A segment that was examined. */
typedef struct RustsDupSegment
{
	int64		segment_id;
	uint64		examined;		/* examinations it took part in, as bits: two
								 * that have one in common were compared */
	bool		examined_self;	/* for points that it has twice */
	uint32		nmembers;		/* rows of points that have several */
} RustsDupSegment;

/* A row of a point that has several. */
typedef struct RustsDupMember
{
	uint32		segment;		/* in RustsDupStorage.segments */
	uint32		row;			/* in the segment's order */
	uint32		next;			/* in members, or RUSTS_NO_INDEX */
} RustsDupMember;

/* Such a point. */
typedef struct RustsDupPoint
{
	int64		time;
	uint32		members;		/* first of them */
} RustsDupPoint;

/* Segments that have been found to share no points. */
typedef struct RustsDupDisjoint
{
	uint32		nsegments;
	uint32		max_segments;
	int64	   *segment_ids;	/* [nsegments] ascending */
} RustsDupDisjoint;

/* Different times that are asked for in turn. */
#define RUSTS_DUP_NDISJOINT	4

/* One storage's, as long as the backend lives or memory lasts. */
typedef struct RustsDupStorage
{
	int64		storage_id;
	MemoryContext cxt;			/* everything below; NULL if empty */
	bool		consistent;		/* no update was interrupted */
	uint64		key_columns;	/* that points are told apart by, and ... */
	uint32		key_hash;		/* ... a hash of all of them */
	struct dupsegments_hash *by_segment;
	struct duprows_hash *by_row;	/* member to point */
	uint32		nsegments;
	uint32		max_segments;
	RustsDupSegment *segments;
	uint32		nmembers;
	uint32		max_members;
	RustsDupMember *members;
	uint32		npoints;
	uint32		max_points;
	RustsDupPoint *points;
	uint32	   *by_time;		/* [npoints] in the order of time; NULL if
								 * that is to be found out */
	uint32		nexaminations;
	dlist_head	results;		/* RustsDupResult, latest first */
	uint32		nresults;
	RustsDupDisjoint disjoint[RUSTS_DUP_NDISJOINT];
	uint32		next_disjoint;	/* to be replaced */
} RustsDupStorage;

/* An entry that may share points with others. */
typedef struct RustsDupSuspect
{
	RustsSegmentEntry *entry;
	uint32		segment;		/* in RustsDupStorage.segments */
	bool		distinct;		/* it has no point twice */
} RustsDupSuspect;

typedef struct RustsDupQuery
{
	Relation	rel;
	TupleDesc	desc;
	const RustsSchema *schema;
	RustsDupStorage *storage;
	uint32		nsuspects;
	RustsDupSuspect *suspects;	/* by segment_id */
} RustsDupQuery;

/* Rows of a segment that are not to be seen. */
typedef struct RustsDupMask
{
	int64		segment_id;
	uint64	   *bits;
	uint32		nbits;			/* that are set */
} RustsDupMask;

/* What the readers of some entries see. */
typedef struct RustsDupResult
{
	dlist_node	node;
	MemoryContext cxt;			/* everything here */
	MemoryContext origins_cxt;	/* ... and a part of it that stays until the
								 * end of the transaction */
	uint32		nusers;			/* who have got pointers into it */
	bool		forgotten;		/* it goes with the last of them */
	Size		key_len;
	const char *key;
	uint32		nmasks;
	RustsDupMask *masks;
	uint32		nunited;
	RustsSegmentEntry *united;	/* segments in memory */
} RustsDupResult;

/* duplicate_store.c: what is known */
extern RustsDupStorage *rusts_dup_storage(int64 storage_id,
										  const RustsSchema *schema);

/* The same, or NULL if nothing is known. */
extern RustsDupStorage *rusts_dup_known_storage(int64 storage_id,
												const RustsSchema *schema);
extern uint32 rusts_dup_segment(RustsDupStorage *storage, int64 segment_id);
extern uint32 rusts_dup_point_of(RustsDupStorage *storage, uint32 segment,
								 uint32 row);
extern uint32 rusts_dup_add_point(RustsDupStorage *storage, int64 time);
extern void rusts_dup_add_member(RustsDupStorage *storage, uint32 point,
								 uint32 segment, uint32 row);
extern void rusts_dup_join_points(RustsDupStorage *storage, uint32 to,
								  uint32 from);
extern void rusts_dup_sort_points(RustsDupStorage *storage);

/*
 * Segments among which no point lies twice, and whether these are known to be
 * some of such; ids ascend.
 */
extern void rusts_dup_keep_disjoint(RustsDupStorage *storage,
									const int64 *segment_ids,
									uint32 nsegments);
extern bool rusts_dup_are_disjoint(const RustsDupStorage *storage,
								   const int64 *segment_ids,
								   uint32 nsegments);
extern void rusts_dup_forget_others(RustsDupStorage *storage,
									uint32 nsegments);
extern void rusts_dup_limit_memory(RustsDupStorage *keep);

/* duplicate_table.c: keys of rows */
typedef struct RustsDupKey
{
	int64		time;
	uint32		series;			/* number of the tags */
	int32		time_ns;
	uint32		suspect;		/* where the row is */
	uint32		row;
} RustsDupKey;

typedef struct RustsDupTable RustsDupTable;

extern RustsDupTable *rusts_dup_table_create(void);
extern void rusts_dup_table_begin(RustsDupTable *table, uint32 pass,
								  uint32 npasses);
extern bool rusts_dup_table_is_full(const RustsDupTable *table);
extern void rusts_dup_table_add(RustsDupTable *table,
								const RustsDupKey *key);
extern void rusts_dup_table_enter(RustsDupTable *table,
								  RustsDupQuery *query);

/*
 * duplicate_keys.c: compare the suspects that have not been compared yet.
 * False if one is corrupt, and skipped.
 */
extern bool rusts_dup_examine(RustsDupQuery *query);

/*
 * duplicate_rows.c: what readers see of points number first to end - 1, in
 * the order of time, in a new child of the current memory context.
 */
extern RustsDupResult *rusts_dup_unite(RustsDupQuery *query, uint32 first,
									   uint32 end);
extern void rusts_dup_forget_result(RustsDupResult *result);
extern void rusts_dup_use_result(RustsDupResult *result);

#endif							/* RUSTS_DUPLICATES_INTERNAL_H */
