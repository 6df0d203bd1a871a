/*-------------------------------------------------------------------------
 *
 * agg_path.c
 *	  Paths and plans of RustsAgg.
 *
 * Offered for GROUP BY and aggregates, for DISTINCT over tags and buckets, and
 * for DISTINCT ON (tags) ... ORDER BY tags, time, which asks for the first or
 * last row of each group.
 *
 * Parallel processes share the groups, where there are any: each makes some of
 * them from all their rows, and a Gather collects them.  Without GROUP BY they
 * share the rows, and PostgreSQL's Finalize Aggregate combines the states.
 *
 * src/plan/agg_path.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "exec/agg_node.h"
#include "exec/clause.h"
#include "exec/exec.h"
#include "plan/agg_shape.h"
#include "plan/plan.h"

#define REDUCE_VALUE_COST	0.0001
#define GROUP_COST			0.005

static void add_group_paths(PlannerInfo *root, RelOptInfo *input_rel,
							RelOptInfo *output_rel,
							GroupPathExtraData *extra);
static void add_distinct_paths(PlannerInfo *root, RelOptInfo *input_rel,
							   RelOptInfo *output_rel);
static bool distinct_on_mode(PlannerInfo *root, RelOptInfo *rel,
							 PathTarget *target, RustsRowMode *mode);
static void add_paths(PlannerInfo *root, RustsAggShape *shape,
					  RelOptInfo *output_rel, PathTarget *target,
					  List *having, List *pathkeys, bool all_pathkeys);
static CustomPath *create_path(PlannerInfo *root, RustsAggShape *shape,
							   RelOptInfo *output_rel, PathTarget *target,
							   List *having, int workers, bool share_groups);
static void cap_groups(PlannerInfo *root, RelOptInfo *output_rel,
					   double ngroups);
static int	workers_for(PlannerInfo *root, RustsAggShape *shape);
static void add_shared_path(PlannerInfo *root, RustsAggShape *shape,
							RelOptInfo *output_rel, List *having);
static void add_partial_path_below(PlannerInfo *root, RelOptInfo *input_rel,
								   RelOptInfo *output_rel,
								   GroupPathExtraData *extra,
								   List *group_clause, double ngroups);
static PathTarget *partial_target(PlannerInfo *root, PathTarget *target,
								  List *group_clause, Node *having);
static double wanted_groups(PlannerInfo *root);
static Plan *plan_agg(PlannerInfo *root, RelOptInfo *rel,
					  struct CustomPath *best_path, List *tlist,
					  List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "RustsAgg",
	.PlanCustomPath = plan_agg
};

/*
 * PostgreSQL puts a Result above a scan with conditions of no column.  A
 * volatile condition is to be evaluated once for each row, but RustsAgg may
 * read its input more often.
 */
static bool
has_unfit_conditions(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if ((root->hasPseudoConstantQuals && rinfo->pseudoconstant) ||
			contain_volatile_functions((Node *) rinfo->clause))
			return true;
	}
	return false;
}

void
rusts_add_agg_paths(PlannerInfo *root, UpperRelationKind stage,
					RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	if ((stage != UPPERREL_GROUP_AGG && stage != UPPERREL_DISTINCT) ||
		!rusts_plans_rel(root, input_rel) || IS_DUMMY_REL(input_rel) ||
		has_unfit_conditions(root, input_rel) ||
		root->parse->rowMarks != NIL || root->parse->hasTargetSRFs)
		return;
	if (stage == UPPERREL_GROUP_AGG)
		add_group_paths(root, input_rel, output_rel, extra);
	else
		add_distinct_paths(root, input_rel, output_rel);
}

/*
 * Keys of a target; false if RustsAgg does not know one.  Below a window
 * function the target does not tell of keys that a condition makes constant
 * (PostgreSQL 16), but they are among the query's columns.
 */
static bool
add_keys(PlannerInfo *root, RustsAggShape *shape, PathTarget *target,
		 List *clauses)
{
	List	   *missing = list_copy(clauses);
	int			i = 0;
	ListCell   *lc;

	foreach(lc, target->exprs)
	{
		Index		ref = get_pathtarget_sortgroupref(target, i++);
		SortGroupClause *clause = ref == 0 ? NULL :
			get_sortgroupref_clause_noerr(ref, clauses);

		if (clause == NULL)
			continue;
		if (!rusts_shape_add_key(shape, lfirst(lc), ref))
			return false;
		missing = list_delete_ptr(missing, clause);
	}
	if (missing != NIL && IS_OTHER_REL(shape->rel))
		return false;
	foreach(lc, missing)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst(lc),
												   root->processed_tlist);

		if (!rusts_shape_add_key(shape, tle->expr, tle->ressortgroupref))
			return false;
	}
	return true;
}

static bool
add_others(RustsAggShape *shape, PathTarget *target, List *having)
{
	ListCell   *lc;

	foreach(lc, target->exprs)
	{
		if (!rusts_shape_add_expr(shape, lfirst(lc)))
			return false;
	}
	return rusts_shape_add_expr(shape, (Node *) having);
}

static void
add_group_paths(PlannerInfo *root, RelOptInfo *input_rel,
				RelOptInfo *output_rel, GroupPathExtraData *extra)
{
	RustsAggShape *shape;
	List	   *group_clause = root->parse->groupClause;
	List	   *having = (List *) extra->havingQual;
	List	   *pathkeys = root->sort_pathkeys;
	double		nbuckets;
	double		ngroups;

	if (root->parse->groupingSets != NIL)
		return;
	shape = rusts_shape_create(root, input_rel, RUSTS_ROW_NONE);
	if (!add_keys(root, shape, output_rel->reltarget, group_clause))
		return;
	shape->grouped = root->parse->groupClause != NIL;
	ngroups = rusts_shape_groups(root, shape, input_rel->rows, &nbuckets);
	if (shape->bucket != NULL)
		cap_groups(root, output_rel, ngroups);
	if (!add_others(shape, output_rel->reltarget, having))
		return;
	rusts_shape_finish(shape);

	if (root->window_pathkeys != NIL)
		pathkeys = root->window_pathkeys;
	else if (list_length(root->distinct_pathkeys) > list_length(pathkeys))
		pathkeys = root->distinct_pathkeys;
	add_paths(root, shape, output_rel, output_rel->reltarget, having,
			  pathkeys, false);
	if (!output_rel->consider_parallel || !input_rel->consider_parallel)
		return;
	if (shape->grouped && shape->nkeys > 0)
		add_shared_path(root, shape, output_rel, having);
	else
		add_partial_path_below(root, input_rel, output_rel, extra,
							   group_clause, ngroups);
}

static void
add_distinct_paths(PlannerInfo *root, RelOptInfo *input_rel,
				   RelOptInfo *output_rel)
{
	Query	   *parse = root->parse;
	PathTarget *target = input_rel->cheapest_total_path->pathtarget;
	RustsRowMode mode = RUSTS_ROW_NONE;
	RustsAggShape *shape;

	/* Only of rows of the measurement itself. */
	if (parse->hasAggs || parse->groupClause != NIL ||
		parse->groupingSets != NIL || parse->hasWindowFuncs ||
		parse->havingQual != NULL)
		return;
	if (parse->hasDistinctOn &&
		!distinct_on_mode(root, input_rel, target, &mode))
		return;
	shape = rusts_shape_create(root, input_rel, mode);
	if (!add_keys(root, shape, target, parse->distinctClause) ||
		!add_others(shape, target, NIL))
		return;

	/* With a bucket, no block could be left out. */
	if (mode != RUSTS_ROW_NONE && shape->bucket != NULL)
		return;
	rusts_shape_finish(shape);
	add_paths(root, shape, output_rel, target, NIL, root->sort_pathkeys,
			  mode != RUSTS_ROW_NONE);
}

/*
 * DISTINCT ON (keys) ORDER BY keys, time: the order that the rows of a group
 * have is that of their times, ascending or descending.
 */
static bool
distinct_on_mode(PlannerInfo *root, RelOptInfo *rel, PathTarget *target,
				 RustsRowMode *mode)
{
	Query	   *parse = root->parse;
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	Relation	relation = table_open(rte->relid, NoLock);
	RustsSchema *schema = rusts_schema_build(relation);
	AttrNumber	time = InvalidAttrNumber;
	bool		seen = false;
	ListCell   *lc;

	if (schema->time >= 0 &&
		rusts_is_not_null(RelationGetDescr(relation),
						  schema->columns[schema->time].attno - 1))
		time = schema->columns[schema->time].attno;
	table_close(relation, NoLock);

	*mode = RUSTS_ROW_LAST;
	if (time == InvalidAttrNumber)
		return false;
	foreach(lc, parse->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		Node	   *expr = NULL;
		Var		   *var;
		bool		descending;
		int			i = 0;
		ListCell   *lc2;

		if (get_sortgroupref_clause_noerr(sort->tleSortGroupRef,
										  parse->distinctClause) != NULL)
			continue;
		foreach(lc2, target->exprs)
		{
			if (get_pathtarget_sortgroupref(target, i++) ==
				sort->tleSortGroupRef)
				expr = lfirst(lc2);
		}
		if (seen || expr == NULL)
			return false;
		var = rusts_column_var(expr, rel->relid);
		if (var == NULL || var->varattno != time ||
			!rusts_order_direction(sort->sortop, &descending))
			return false;
		*mode = descending ? RUSTS_ROW_LAST : RUSTS_ROW_FIRST;
		seen = true;
	}
	return true;
}

/*
 * Paths in no order and in that of pathkeys.  all_pathkeys: the keys alone
 * are an order of the groups, whatever pathkeys follow them.
 */
static void
add_paths(PlannerInfo *root, RustsAggShape *shape, RelOptInfo *output_rel,
		  PathTarget *target, List *having, List *pathkeys, bool all_pathkeys)
{
	CustomPath *path = create_path(root, shape, output_rel, target, having, 0,
								   false);
	List	   *order;
	bool		bucket_first;
	int			n = rusts_shape_order(shape, pathkeys, &order, &bucket_first);
	List	   *private;
	List	   *flags;
	double		limit = wanted_groups(root);
	double		nbuckets;

	if (n == 0)
	{
		add_path(output_rel, &path->path);
		return;
	}

	/* Sorting by integers costs next to nothing: no path without order. */
	private = list_nth(path->custom_private, RUSTS_GROUPS_PRIVATE);
	flags = linitial(private);
	private = list_concat(list_make1(flags), order);
	lfirst(list_nth_cell(path->custom_private,
						 RUSTS_GROUPS_PRIVATE)) = private;
	path->path.pathkeys = list_copy_head(pathkeys, n);
	if (all_pathkeys && n == shape->nkeys)
		path->path.pathkeys = pathkeys;

	if (bucket_first && limit > 0 && n == list_length(root->sort_pathkeys) &&
		pathkeys == root->sort_pathkeys && root->window_pathkeys == NIL &&
		rusts_enable_shortcuts)
	{
		Cost		run = path->path.total_cost - path->path.startup_cost;

		lfirst_int(list_nth_cell(flags, RUSTS_AGG_FLAG_LIMIT)) =
			(int) Min(limit, 1e9);
		(void) rusts_shape_groups(root, shape, shape->rel->rows, &nbuckets);
		run += path->path.startup_cost;
		path->path.startup_cost = Min(path->path.startup_cost,
									  1 + run * Min(1, 2 * limit / nbuckets));
		path->path.total_cost = run * 1.1;
	}
	add_path(output_rel, &path->path);
}

static CustomPath *
create_path(PlannerInfo *root, RustsAggShape *shape, RelOptInfo *output_rel,
			PathTarget *target, List *having, int workers, bool share_groups)
{
	CustomPath *path = makeNode(CustomPath);
	PathTarget *scan_target = rusts_shape_scan_target(root, shape);
	CustomPath *scan = rusts_scan_path_create(root, shape->rel, scan_target,
											  NULL,
											  share_groups ? 0 : workers);
	RustsScanEstimate estimate;
	double		divisor = workers > 0 ? rusts_cost_divisor(workers) : 1;
	double		nbuckets;
	double		ngroups;
	Cost		decode;
	bool		unfiltered = shape->rel->baserestrictinfo == NIL;
	List	   *flags;

	rusts_cost_scan(root, shape->rel, scan_target, NULL, &estimate);
	ngroups = rusts_shape_groups(root, shape, estimate.rows, &nbuckets);
	if (!shape->grouped)
		ngroups = 1;
	decode = estimate.decode + estimate.rows * REDUCE_VALUE_COST *
		(list_length(shape->tlist) - shape->nkeys);
	if (rusts_enable_shortcuts && unfiltered && shape->from_directory)
		decode = 0;
	else if (rusts_enable_shortcuts && shape->by_statistics &&
			 ((unfiltered && shape->bucket == NULL) || shape->last_only))
		decode /= 50;

	path->path.pathtype = T_CustomScan;
	path->path.parent = output_rel;
	path->path.pathtarget = target;
	path->path.parallel_aware = share_groups;
	path->path.parallel_safe = output_rel->consider_parallel &&
		shape->rel->consider_parallel;
	path->path.parallel_workers = workers;
	if (share_groups)
		ngroups = clamp_row_est(ngroups / divisor);
	path->path.rows = ngroups;
	path->path.startup_cost = estimate.startup + decode / divisor +
		target->cost.startup;
	path->path.total_cost = path->path.startup_cost +
		ngroups * (GROUP_COST + target->cost.per_tuple);
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make1(scan);

	flags = list_make4_int(shape->nkeys, shape->mode, shape->grouped, 0);
	path->custom_private = list_make3(shape->tlist, having,
									  list_make5(flags, NIL, NIL, NIL, NIL));
	path->methods = &path_methods;
	return path;
}

/* PostgreSQL's own paths, with a better idea of the number of groups. */
static void
cap_groups(PlannerInfo *root, RelOptInfo *output_rel, double ngroups)
{
	ListCell   *lc;

	foreach(lc, output_rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (path->rows <= ngroups)
			continue;
		if (IsA(path, AggPath))
		{
			AggPath    *agg = (AggPath *) path;
			Cost		saved = (path->rows - ngroups) * cpu_tuple_cost;

			agg->numGroups = ngroups;
			path->total_cost = Max(path->startup_cost,
								   path->total_cost - saved);
		}
		path->rows = ngroups;
	}
}

/* Workers that pay for what the aggregation decodes. */
static int
workers_for(PlannerInfo *root, RustsAggShape *shape)
{
	RustsScanEstimate estimate;

	rusts_cost_scan(root, shape->rel, rusts_shape_scan_target(root, shape),
					NULL, &estimate);
	return rusts_cost_workers(shape->rel, estimate.decode);
}

/* Gather above a RustsAgg whose processes share the groups. */
static void
add_shared_path(PlannerInfo *root, RustsAggShape *shape,
				RelOptInfo *output_rel, List *having)
{
	int			workers = workers_for(root, shape);
	CustomPath *path;
	double		ngroups;

	if (workers <= 0)
		return;
	path = create_path(root, shape, output_rel, output_rel->reltarget, having,
					   workers, true);
	ngroups = path->path.rows * rusts_cost_divisor(workers);
	add_path(output_rel, (Path *)
			 create_gather_path(root, output_rel, &path->path,
								output_rel->reltarget, NULL, &ngroups));
}

/* Finalize Aggregate above Gather above a partial RustsAgg. */
static void
add_partial_path_below(PlannerInfo *root, RelOptInfo *input_rel,
					   RelOptInfo *output_rel, GroupPathExtraData *extra,
					   List *group_clause, double ngroups)
{
	RustsAggShape *shape;
	PathTarget *target;
	CustomPath *partial;
	Path	   *gather;
	int			workers;
	double		total_groups;

	if ((extra->flags & GROUPING_CAN_PARTIAL_AGG) == 0 ||
		!grouping_is_hashable(group_clause))
		return;
	target = partial_target(root, output_rel->reltarget, group_clause,
							extra->havingQual);
	shape = rusts_shape_create(root, input_rel, RUSTS_ROW_NONE);
	if (!add_keys(root, shape, target, group_clause) ||
		!add_others(shape, target, NIL))
		return;
	shape->grouped = root->parse->groupClause != NIL;
	rusts_shape_finish(shape);
	workers = workers_for(root, shape);
	if (workers <= 0)
		return;
	partial = create_path(root, shape, output_rel, target, NIL, workers,
						  false);

	if (!extra->partial_costs_set)
	{
		MemSet(&extra->agg_partial_costs, 0, sizeof(AggClauseCosts));
		MemSet(&extra->agg_final_costs, 0, sizeof(AggClauseCosts));
		get_agg_clause_costs(root, AGGSPLIT_INITIAL_SERIAL,
							 &extra->agg_partial_costs);
		get_agg_clause_costs(root, AGGSPLIT_FINAL_DESERIAL,
							 &extra->agg_final_costs);
		extra->partial_costs_set = true;
	}
	total_groups = partial->path.rows * workers;
	gather = (Path *) create_gather_path(root, output_rel, &partial->path,
										 target, NULL, &total_groups);
	add_path(output_rel, (Path *)
			 create_agg_path(root, output_rel, gather, output_rel->reltarget,
							 group_clause != NIL ? AGG_HASHED : AGG_PLAIN,
							 AGGSPLIT_FINAL_DESERIAL, group_clause,
							 (List *) extra->havingQual,
							 &extra->agg_final_costs, ngroups));
}

/*
 * Keys, and the aggregates as their transition states: what
 * make_partial_grouping_target of planner.c makes, which is not exported.
 */
static PathTarget *
partial_target(PlannerInfo *root, PathTarget *target, List *group_clause,
			   Node *having)
{
	PathTarget *partial = create_empty_pathtarget();
	List	   *others = NIL;
	int			i = 0;
	ListCell   *lc;

	foreach(lc, target->exprs)
	{
		Index		ref = get_pathtarget_sortgroupref(target, i++);

		if (ref != 0 && get_sortgroupref_clause_noerr(ref, group_clause))
			add_column_to_pathtarget(partial, lfirst(lc), ref);
		else
			others = lappend(others, lfirst(lc));
	}
	if (having != NULL)
		others = lappend(others, having);
	add_new_columns_to_pathtarget(partial,
								  pull_var_clause((Node *) others,
												  PVC_INCLUDE_AGGREGATES |
												  PVC_RECURSE_WINDOWFUNCS |
												  PVC_INCLUDE_PLACEHOLDERS));
	foreach(lc, partial->exprs)
	{
		if (IsA(lfirst(lc), Aggref))
		{
			Aggref	   *aggref = makeNode(Aggref);

			memcpy(aggref, lfirst(lc), sizeof(Aggref));
			mark_partial_aggref(aggref, AGGSPLIT_INITIAL_SERIAL);
			lfirst(lc) = aggref;
		}
	}
	return set_pathtarget_cost_width(root, partial);
}

/* How many groups LIMIT leaves, 0 if there is none. */
static double
wanted_groups(PlannerInfo *root)
{
	Query	   *parse = root->parse;
	double		total = 0;
	Node	   *nodes[2];
	int			i;

	nodes[0] = parse->limitCount;
	nodes[1] = parse->limitOffset;
	if (parse->limitCount == NULL || parse->setOperations != NULL)
		return 0;
	for (i = 0; i < 2; i++)
	{
		Node	   *value = nodes[i];

		if (value == NULL)
			continue;
		value = estimate_expression_value(root, value);
		if (!IsA(value, Const))
			total += 10;
		else if (!((Const *) value)->constisnull)
			total += DatumGetInt64(((Const *) value)->constvalue);
		else if (i == 0)
			return 0;
	}
	return Max(total, 1);
}

static Plan *
plan_agg(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		 List *tlist, List *clauses, List *custom_plans)
{
	return rusts_plan_groups(best_path, tlist, custom_plans,
							 &rusts_agg_methods);
}

Plan *
rusts_plan_groups(const CustomPath *path, List *tlist, List *custom_plans,
				  const CustomScanMethods *methods)
{
	CustomScan *plan = makeNode(CustomScan);

	plan->scan.plan.targetlist = tlist;
	plan->scan.plan.qual = copyObject(list_nth(path->custom_private,
											   RUSTS_GROUPS_HAVING));
	plan->scan.scanrelid = 0;
	plan->flags = path->flags;
	plan->custom_plans = custom_plans;
	plan->custom_scan_tlist = copyObject(list_nth(path->custom_private,
												  RUSTS_GROUPS_TLIST));
	plan->custom_private = list_nth(path->custom_private,
									RUSTS_GROUPS_PRIVATE);
	plan->methods = methods;
	return (Plan *) plan;
}
