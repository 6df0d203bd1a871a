/*-------------------------------------------------------------------------
 *
 * agg_shape.h
 *	  What a query's aggregation asks of RustsAgg.
 *
 * src/plan/agg_shape.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_SHAPE_H
#define RUSTS_AGG_SHAPE_H

#include "nodes/pathnodes.h"

#include "exec/agg_desc.h"

typedef struct RustsAggShape
{
	RelOptInfo *rel;			/* the measurement */
	const RustsSchema *schema;
	RustsRowMode mode;
	List	   *tlist;			/* custom_scan_tlist: keys, then aggregates */
	int			nkeys;
	List	   *tag_exprs;		/* keys that are tags */
	Expr	   *bucket;			/* the key that is a bucket, or NULL */
	bool		grouped;
	bool		time_not_null;
	bool		by_statistics;	/* aggregates that statistics answer */
	bool		from_directory; /* ... that directory rows answer */
	bool		last_only;		/* the newest or oldest blocks are enough */
} RustsAggShape;

/* Begin to describe an aggregation of rel. */
extern RustsAggShape *rusts_shape_create(PlannerInfo *root, RelOptInfo *rel,
										 RustsRowMode mode);

/* Add a key; false if RustsAgg does not know it. */
extern bool rusts_shape_add_key(RustsAggShape *shape, Expr *expr,
								Index sortgroupref);

/* Add what an expression above the keys needs; false likewise. */
extern bool rusts_shape_add_expr(RustsAggShape *shape, Node *expr);

/* All keys and expressions are in: what can be said of the whole. */
extern void rusts_shape_finish(RustsAggShape *shape);

/* The columns of the measurement that all this reads. */
extern PathTarget *rusts_shape_scan_target(PlannerInfo *root,
										   RustsAggShape *shape);

/*
 * How many of the leading pathkeys RustsAgg can return its groups in the order
 * of; *order are its private lists then.  bucket_first: the first of them is
 * the bucket.
 */
extern int	rusts_shape_order(RustsAggShape *shape, List *pathkeys,
							  List **order, bool *bucket_first);

/* Groups, and buckets of time among them, that are to be expected. */
extern double rusts_shape_groups(PlannerInfo *root, RustsAggShape *shape,
								 double rows, double *nbuckets);

#endif							/* RUSTS_AGG_SHAPE_H */
