/*-------------------------------------------------------------------------
 *
 * scan_path.c
 *	  Paths and plans of RustsScan.
 *
 * A scan through the table access method gets neither columns nor conditions
 * from PostgreSQL and decodes everything.  So wherever the planner has
 * considered a sequential scan of a measurement, a RustsScan takes its place.
 *
 * Conditions are taken over by the scan if it can do more with them than
 * evaluate them, and if they may be evaluated ahead of all others: with
 * row-level security or a security barrier view, a function that may leak
 * what it sees must not see rows that others hide.
 *
 * src/plan/scan_path.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "nodes/extensible.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

#include "compat.h"
#include "exec/clause.h"
#include "exec/scan_node.h"
#include "plan/plan.h"

static bool is_current_of(RelOptInfo *rel);
static List *remove_seqscans(List *paths);
static void add_sorted_paths(PlannerInfo *root, RelOptInfo *rel);
static void add_sorted_path(PlannerInfo *root, RelOptInfo *rel,
							List *pathkeys);
static void add_parameterized_paths(PlannerInfo *root, RelOptInfo *rel);
static bool is_tag_member(PlannerInfo *root, RelOptInfo *rel,
						  EquivalenceClass *ec, EquivalenceMember *em,
						  void *arg);
static Plan *plan_scan(PlannerInfo *root, RelOptInfo *rel,
					   struct CustomPath *best_path, List *tlist,
					   List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "RustsScan",
	.PlanCustomPath = plan_scan
};

bool
rusts_plans_rel(PlannerInfo *root, RelOptInfo *rel)
{
	RangeTblEntry *rte;

	if (!IS_SIMPLE_REL(rel) || rel->rtekind != RTE_RELATION)
		return false;
	rte = planner_rt_fetch(rel->relid, root);
	return rte->tablesample == NULL && !rte->inh &&
		rusts_has_storage(rte->relkind) &&
		rusts_relid_is_measurement(rte->relid);
}

void
rusts_add_scan_paths(PlannerInfo *root, RelOptInfo *rel, Index rti,
					 RangeTblEntry *rte)
{
	CustomPath *path;
	Cost		cost;
	int			workers;

	if (IS_DUMMY_REL(rel) || !rusts_plans_rel(root, rel) ||
		is_current_of(rel))
		return;
	rel->pathlist = remove_seqscans(rel->pathlist);
	rel->partial_pathlist = remove_seqscans(rel->partial_pathlist);

	path = rusts_scan_path_create(root, rel, rel->reltarget,
								  rel->lateral_relids, 0);

	/* add_path frees a path that is no better than one there is. */
	cost = path->path.total_cost;
	add_path(rel, &path->path);
	if (rel->lateral_relids != NULL)
		return;
	add_sorted_paths(root, rel);
	add_parameterized_paths(root, rel);
	workers = rusts_cost_workers(rel, cost);
	if (workers > 0)
		add_partial_path(rel, &rusts_scan_path_create(root, rel,
													  rel->reltarget, NULL,
													  workers)->path);
}

/* WHERE CURRENT OF a cursor: only a scan of its TID will do. */
static bool
is_current_of(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		if (IsA(lfirst_node(RestrictInfo, lc)->clause, CurrentOfExpr))
			return true;
	}
	return false;
}

static List *
remove_seqscans(List *paths)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, paths)
	{
		Path	   *path = lfirst(lc);

		if (path->pathtype != T_SeqScan)
			result = lappend(result, path);
	}
	return result;
}

CustomPath *
rusts_scan_path_create(PlannerInfo *root, RelOptInfo *rel, PathTarget *target,
					   Relids required_outer, int parallel)
{
	CustomPath *path = makeNode(CustomPath);
	RustsScanEstimate estimate;
	double		divisor = 1.0;

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = target;
	path->path.param_info = get_baserel_parampathinfo(root, rel,
													  required_outer);
	path->path.parallel_aware = parallel > 0;
	path->path.parallel_safe = rel->consider_parallel;
	path->path.parallel_workers = parallel;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	if (parallel == 0)
		path->flags |= CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	path->custom_private = list_make4(NIL, NIL, NIL, NIL);
	path->methods = &path_methods;

	rusts_cost_scan(root, rel, target, path->path.param_info, &estimate);
	if (parallel > 0)
		divisor = rusts_cost_divisor(parallel);
	path->path.rows = clamp_row_est(estimate.rows / divisor);
	path->path.startup_cost = estimate.startup;
	path->path.total_cost = estimate.startup +
		(estimate.decode + estimate.emit) / divisor;
	return path;
}

/*
 * Paths in orders that are of use: that of the query, and those in which the
 * relation could be merged with another.
 */
static void
add_sorted_paths(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *lc;

	add_sorted_path(root, rel, root->query_pathkeys);
	if (!rel->has_eclass_joins)
		return;
	foreach(lc, root->eq_classes)
	{
		EquivalenceClass *class = lfirst(lc);
		PathKey    *pathkey;

		if (class->ec_has_const || class->ec_has_volatile ||
			class->ec_merged != NULL ||
			!bms_is_member(rel->relid, class->ec_relids) ||
			bms_membership(class->ec_relids) != BMS_MULTIPLE)
			continue;
		pathkey = make_canonical_pathkey(root, class,
										 linitial_oid(class->ec_opfamilies),
										 RUSTS_ORDER_ASCENDING, false);
		add_sorted_path(root, rel, list_make1(pathkey));
	}
}

/*
 * The rows as far as the scan can deliver them in this order.  The first come
 * from a window of about a thousand.
 */
static void
add_sorted_path(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	CustomPath *path;
	List	   *private;
	int			n = rusts_scan_order(root, rel, pathkeys, &private);
	RustsScanEstimate estimate;
	double		sorted;
	Cost		sort;

	if (n == 0)
		return;
	path = rusts_scan_path_create(root, rel, rel->reltarget, NULL, 0);
	path->custom_private = private;
	path->flags &= ~CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	path->path.pathkeys = list_copy_head(pathkeys, n);

	rusts_cost_scan(root, rel, rel->reltarget, NULL, &estimate);
	sorted = Max(Min(estimate.rows, 50000), 2);
	sort = estimate.rows * (cpu_tuple_cost / 2 + 2 * cpu_operator_cost *
							log2(sorted));
	path->path.startup_cost = estimate.startup + Min(1000, estimate.rows) *
		0.01;
	path->path.total_cost = path->path.startup_cost + estimate.decode * 1.5 +
		estimate.emit + sort;
	add_path(rel, &path->path);
}

/*
 * For nested loops: the rows for one value of a tag, which the other side of
 * the join tells.  All other join conditions that this side of it can check
 * come along.
 */
static void
add_parameterized_paths(PlannerInfo *root, RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	Relation	relation;
	RustsSchema *schema;
	List	   *clauses = NIL;
	List	   *done = NIL;
	Relids		prohibited = rel->lateral_referencers;
	int			i;
	ListCell   *lc;

	if (!rel->has_eclass_joins && rel->joininfo == NIL)
		return;
	relation = table_open(rte->relid, NoLock);
	schema = rusts_schema_build(relation);
	table_close(relation, NoLock);

	if (rel->has_eclass_joins)
	{
		for (i = 0; i < schema->ntags; i++)
		{
			AttrNumber	attno = schema->columns[schema->tags[i]].attno;
			List	   *implied;

			implied =
				generate_implied_equalities_for_column(root, rel,
													   is_tag_member, &attno,
													   prohibited);
			clauses = list_concat(clauses, implied);
		}
	}
	foreach(lc, rel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		RustsClause clause;

		if (!join_clause_is_movable_to(rinfo, rel))
			continue;
		rusts_clause_classify(rinfo->clause, rel->relid, schema, &clause);
		if (clause.kind == RUSTS_CLAUSE_SERIES && clause.operand != NULL)
			clauses = lappend(clauses, rinfo);
	}

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Relids		outer = bms_difference(rinfo->clause_relids, rel->relids);
		ListCell   *lc2;

		/* From 16 on outer joins are among them, for what they return. */
		foreach(lc2, done)
		{
			if (bms_equal(lfirst(lc2), outer))
				break;
		}
		if (bms_is_empty(outer) || lc2 != NULL)
			continue;
		done = lappend(done, outer);
		add_path(rel, &rusts_scan_path_create(root, rel, rel->reltarget,
											  outer, 0)->path);
	}
}

/* Is a member of an equivalence class the tag asked for? */
static bool
is_tag_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
			  EquivalenceMember *em, void *arg)
{
	Var		   *var = rusts_column_var((Node *) em->em_expr, rel->relid);

	return var != NULL && var->varattno == *(AttrNumber *) arg;
}

static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		  List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *plan = makeNode(CustomScan);
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	Relation	relation = table_open(rte->relid, NoLock);
	RustsSchema *schema = rusts_schema_build(relation);
	List	   *quals = NIL;
	List	   *pushed = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		RustsClause clause;

		/* Checked by a Result above the scan, or not at all. */
		if (rinfo->pseudoconstant)
			continue;
		rusts_clause_classify(rinfo->clause, rel->relid, schema, &clause);
		if (clause.kind != RUSTS_CLAUSE_ROW &&
			restriction_is_securely_promotable(rinfo, rel))
			pushed = lappend(pushed, rinfo->clause);
		else
			quals = lappend(quals, rinfo->clause);
	}
	table_close(relation, NoLock);

	plan->scan.plan.targetlist = tlist;
	plan->scan.plan.qual = quals;
	plan->scan.scanrelid = rel->relid;
	plan->flags = best_path->flags;
	plan->custom_exprs = pushed;
	plan->custom_private = best_path->custom_private;
	plan->methods = &rusts_scan_methods;
	return (Plan *) plan;
}
