/*-------------------------------------------------------------------------
 *
 * cluster.h
 *	  Queries over the measurements of a cluster, rewritten before planning.
 *
 * src/plan/cluster.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PLAN_CLUSTER_H
#define RUSTS_PLAN_CLUSTER_H

#include "nodes/params.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/relcache.h"

#include "cluster/shard.h"

/* rusts.enable_cluster_pushdown */
extern bool rusts_enable_cluster_pushdown;

/* cluster_rewrite.c */

/* Define the setting; once, from _PG_init. */
extern void rusts_cluster_plan_init(void);

/*
 * Rewrite a query, in place, and those inside of it.  False if there was
 * nothing to do, which is found out by a look at the range tables.
 */
extern bool rusts_cluster_rewrite(Query *query, ParamListInfo params);

/* cluster_prune.c */

/* What the conditions of a query say about the shards of a measurement. */
typedef struct RustsClusterShards
{
	bool		all;			/* nothing; the rest does not count */
	Bitmapset  *known;			/* the shards, if known when planning */
	Node	   *qual;			/* rusts_shard_of(...) = ... */
	Node	  **place;			/* conditions that imply it */
} RustsClusterShards;

extern void rusts_cluster_find_shards(Query *query, Index rti, Relation rel,
									  const RustsShardKey *key,
									  ParamListInfo params,
									  RustsClusterShards *shards);

/* As the planner does it, with the values of parameters that it may use. */
extern Node *rusts_cluster_simplify(Node *node, ParamListInfo params);

/* cluster_parts.c */

/*
 * The partitions that hold these shards (NULL: all), opened with
 * AccessShareLock; NIL if they are not all plain or foreign tables.
 */
extern List *rusts_cluster_open_parts(Relation parent,
									  const Bitmapset *shards);
extern void rusts_cluster_close_parts(List *parts);

/* Is this relation, which is locked, a measurement of the cluster? */
extern bool rusts_is_cluster_relation(const RangeTblEntry *rte);

/* Make the query read a partition instead of its relation rti. */
extern void rusts_cluster_read_part(Query *query, Index rti, Relation parent,
									Relation part);

/*
 * Make the query, whose only relation is rti, read the union of what
 * part_query gives for each partition.  In part_query the relation is number
 * 1 and still has the parent's columns; it has no range table.  Who needs the
 * number of the new relation beforehand asks for it.
 */
extern Index rusts_cluster_union_rti(const Query *query);
extern void rusts_cluster_read_union(Query *query, Index rti, Relation parent,
									 List *parts, Query *part_query);

/* An expression of the query on its way into such a part_query. */
extern Node *rusts_cluster_move_down(Node *node, Index rti);

/* cluster_sublinks.c */

/* (SELECT ...) that looks at no column of the query that it is in? */
extern bool rusts_cluster_is_scalar(const SubLink *sublink);

/* Are there only such subqueries, in WHERE? */
extern bool rusts_cluster_sublinks_fit(const Query *query);

/* Have them computed once, whatever becomes of WHERE. */
extern void rusts_cluster_share_sublinks(Query *query);

/*
 * An expression moves so many levels down: what it refers to on outer levels,
 * and in WITH of its own, is farther away then.
 */
extern void rusts_cluster_lower(Node *node, int nlevels);

/* cluster_stable.c */

/*
 * An expression with what does not depend on rows computed first; found, a
 * bool, becomes true if there is some.  A tree mutator.  The other is for the
 * conditions of a tree of joins, in place.
 */
extern Node *rusts_cluster_compute_first(Node *node, void *found);
extern void rusts_cluster_compute_in_joins(Node *node, bool *found);

/* cluster_flatten.c */

/*
 * Merge what a query selects from, if that only selects from a measurement of
 * a cluster, into the query.
 */
extern void rusts_cluster_flatten(Query *query);

/* Keys of GROUP BY as expressions wherever they are; cluster_agg.c. */
extern void rusts_cluster_flatten_groups(Query *query);

/* cluster_agg.c, cluster_whole.c: false if it is not possible */
extern bool rusts_cluster_push_groups(Query *query, Index rti,
									  const RustsShardKey *key,
									  Relation parent, List *parts,
									  ParamListInfo params);
extern bool rusts_cluster_split_agg(Query *query, Index rti, Relation parent,
									List *parts);
extern bool rusts_cluster_push_limit(Query *query, Index rti, Relation parent,
									 List *parts, ParamListInfo params);

/* cluster_combine.c */

/* The aggregates that parts compute, as they come up. */
typedef struct RustsClusterPartials
{
	List	   *targetlist;		/* keys, then aggregates */
	Index		union_rti;
} RustsClusterPartials;

/* The column of the union that has the value of expr in each part. */
extern Var *rusts_cluster_partial(RustsClusterPartials *partials, Expr *expr);

/*
 * A key of GROUP BY, which parts send as it is or as an integer: its column,
 * and what makes the key of that.
 */
extern Node *rusts_cluster_key(RustsClusterPartials *partials, Expr *expr,
							   Var **column);

/*
 * What computes an aggregate from partial ones, which are added to partials;
 * NULL if it cannot be taken apart.
 */
extern Node *rusts_cluster_combine(RustsClusterPartials *partials,
								   Aggref *aggref);

/* Is this aggregate one of those with this name that combine partial ones? */
extern bool rusts_cluster_is_ours(Oid aggfnoid, const char *name);

/* cluster_combine_path.c */
extern void rusts_cluster_add_combine_path(PlannerInfo *root,
										   UpperRelationKind stage,
										   RelOptInfo *input_rel,
										   RelOptInfo *output_rel,
										   void *extra);

/* cluster_paths.c */

/* The name of the union of parts, by which its relation is known again. */
#define RUSTS_CLUSTER_UNION	"*cluster*"

extern void rusts_cluster_prefer_remote(PlannerInfo *root,
										UpperRelationKind stage,
										RelOptInfo *input_rel,
										RelOptInfo *output_rel, void *extra);
extern void rusts_cluster_prefer_append(RelOptInfo *rel,
										const RangeTblEntry *rte);

/* cluster_perms.c */

/*
 * A relation of a query whose privileges are checked elsewhere: read on behalf
 * of the same user as parent.
 */
extern RangeTblEntry *rusts_cluster_part_rte(Query *query, Relation part,
											 const Query *parent_query,
											 const RangeTblEntry *parent);

/* Forget about privileges that nobody needs. */
extern void rusts_cluster_drop_permissions(PlannedStmt *stmt);

#endif							/* RUSTS_PLAN_CLUSTER_H */
