/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  The planner's side of rusts.
 *
 * src/plan/plan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PLAN_H
#define RUSTS_PLAN_H

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

/* Register the planner hooks; once, from _PG_init. */
extern void rusts_plan_init(void);

/*
 * scan_path.c: a RustsScan of a base relation that emits target.  parallel
 * is the number of workers, 0 for none.  Costs are set.
 */
extern CustomPath *rusts_scan_path_create(PlannerInfo *root, RelOptInfo *rel,
										  PathTarget *target,
										  Relids required_outer,
										  int parallel);
extern void rusts_add_scan_paths(PlannerInfo *root, RelOptInfo *rel,
								 Index rti, RangeTblEntry *rte);

/* Is this relation one that RustsScan reads? */
extern bool rusts_plans_rel(PlannerInfo *root, RelOptInfo *rel);

/* cost.c */

/* What a scan of a relation is expected to do. */
typedef struct RustsScanEstimate
{
	double		rows_read;		/* that are decoded, about */
	double		rows;			/* that are left */
	int			ncolumns;		/* that are decoded */
	Cost		startup;
	Cost		decode;			/* after startup, without handing out rows */
	Cost		emit;			/* handing out rows one by one */
} RustsScanEstimate;

extern void rusts_cost_scan(PlannerInfo *root, RelOptInfo *rel,
							PathTarget *target, ParamPathInfo *param_info,
							RustsScanEstimate *estimate);

/* Workers that pay for a cost, 0 if none does. */
extern int	rusts_cost_workers(RelOptInfo *rel, Cost cost);
extern double rusts_cost_divisor(int workers);

/* order.c */

/*
 * Which of the leading pathkeys a scan can deliver its rows in the order of:
 * their number, and how to sort, as RustsScan's private lists.
 */
extern int	rusts_scan_order(PlannerInfo *root, RelOptInfo *rel,
							 List *pathkeys, List **sort_private);

/* agg_path.c */

/* Elements of the CustomPath.custom_private of nodes that make groups. */
enum
{
	RUSTS_GROUPS_TLIST,			/* custom_scan_tlist */
	RUSTS_GROUPS_HAVING,		/* list of conditions */
	RUSTS_GROUPS_PRIVATE		/* custom_private of the plan */
};

/* The plan of such a path. */
extern Plan *rusts_plan_groups(const CustomPath *path, List *tlist,
							   List *custom_plans,
							   const CustomScanMethods *methods);
extern void rusts_add_agg_paths(PlannerInfo *root, UpperRelationKind stage,
								RelOptInfo *input_rel,
								RelOptInfo *output_rel, void *extra);

#endif							/* RUSTS_PLAN_H */
