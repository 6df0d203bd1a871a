/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What a scan costs.
 *
 * A unit of cost is what PostgreSQL's defaults make of it, some 10
 * microseconds: cpu_tuple_cost = 0.01 stands for the 100 ns in which a row of
 * a heap table is fetched and handed on.  Decoding a value takes 1 to 2 ns,
 * filling a row's slot 5 ns a column.  With these figures the planner takes
 * parallel workers, whose start takes parallel_setup_cost = 1000, when they
 * pay.
 *
 * src/plan/cost.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

#include "exec/clause.h"
#include "plan/plan.h"

#define DECODE_VALUE_COST	0.00015
#define FILL_VALUE_COST		0.0004
#define SEGMENT_COST		1.0
#define ROWS_PER_SEGMENT	1000000.0

static Selectivity pruned_selectivity(PlannerInfo *root, RelOptInfo *rel,
									  List *clauses, Bitmapset **attnos);
static int	count_columns(RelOptInfo *rel, PathTarget *target,
						  Bitmapset *attnos);

void
rusts_cost_scan(PlannerInfo *root, RelOptInfo *rel, PathTarget *target,
				ParamPathInfo *param_info, RustsScanEstimate *estimate)
{
	List	   *clauses = rel->baserestrictinfo;
	Bitmapset  *attnos = NULL;
	Selectivity pruned;
	QualCost	target_cost = target->cost;
	double		nsegments;

	if (param_info != NULL)
		clauses = list_concat_copy(clauses, param_info->ppi_clauses);
	pruned = pruned_selectivity(root, rel, clauses, &attnos);

	estimate->rows = param_info != NULL ? param_info->ppi_rows : rel->rows;
	estimate->rows_read = Max(rel->tuples * pruned, estimate->rows);

	/* Whole blocks are decoded. */
	estimate->rows_read = Min(estimate->rows_read + 1000, rel->tuples);
	estimate->rows_read = Max(estimate->rows_read, 1);
	estimate->ncolumns = count_columns(rel, target, attnos);

	nsegments = 1 + rel->tuples * Min(1, pruned * 2) / ROWS_PER_SEGMENT;
	estimate->startup = SEGMENT_COST + target_cost.startup;
	estimate->decode = SEGMENT_COST * nsegments +
		estimate->rows_read * estimate->ncolumns * DECODE_VALUE_COST;
	estimate->emit = estimate->rows *
		(cpu_tuple_cost / 2 + target_cost.per_tuple +
		 FILL_VALUE_COST * list_length(target->exprs));
}

/* How much of the measurement is left by what segments are pruned by. */
static Selectivity
pruned_selectivity(PlannerInfo *root, RelOptInfo *rel, List *clauses,
				   Bitmapset **attnos)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	Relation	relation = table_open(rte->relid, NoLock);
	RustsSchema *schema = rusts_schema_build(relation);
	List	   *pruning = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		RustsClause clause;

		rusts_clause_classify(rinfo->clause, rel->relid, schema, &clause);
		if (clause.kind == RUSTS_CLAUSE_SERIES ||
			(clause.kind == RUSTS_CLAUSE_INT && schema->time >= 0 &&
			 clause.attno == schema->columns[schema->time].attno))
			pruning = lappend(pruning, rinfo);
		if (clause.kind != RUSTS_CLAUSE_SERIES)
			(void) rusts_clause_attnos((Node *) rinfo->clause, rel->relid,
									   attnos);
	}
	table_close(relation, NoLock);
	if (pruning == NIL)
		return 1.0;
	return clauselist_selectivity(root, pruning, rel->relid, JOIN_INNER,
								  NULL);
}

static int
count_columns(RelOptInfo *rel, PathTarget *target, Bitmapset *attnos)
{
	Bitmapset  *all = bms_copy(attnos);

	(void) rusts_clause_attnos((Node *) target->exprs, rel->relid, &all);
	return bms_num_members(all);
}

/*
 * compute_parallel_worker counts pages of a heap; reading one takes about as
 * much time as a unit of cost stands for.
 */
int
rusts_cost_workers(RelOptInfo *rel, Cost cost)
{
	if (!rel->consider_parallel)
		return 0;
	return compute_parallel_worker(rel, Max(cost, 1), -1,
								   max_parallel_workers_per_gather);
}

/* As get_parallel_divisor of costsize.c, which is not exported. */
double
rusts_cost_divisor(int workers)
{
	double		divisor = workers;

	if (parallel_leader_participation)
		divisor += Max(0, 1.0 - 0.3 * workers);
	return Max(divisor, 1.0);
}
