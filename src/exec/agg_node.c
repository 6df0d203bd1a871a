/*-------------------------------------------------------------------------
 *
 * agg_node.c
 *	  The executor node RustsAgg.
 *
 * RustsAgg takes the place of an Agg above a RustsScan, or of a partial one.
 * The scan is its child, for conditions, parameters and EXPLAIN, but never
 * returns a row: RustsAgg takes chunks of blocks from it.
 *
 * Groups come out in any order of their keys.  If that order begins with the
 * bucket and only some groups are wanted, or all would take too much memory,
 * the input is read in windows of time, whole buckets each.
 *
 * src/exec/agg_node.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/parallel.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "exec/agg_node.h"
#include "exec/exec.h"
#include "exec/explain_keys.h"
#include "meta/settings.h"

static Node *create_state(CustomScan *plan);
static void begin(CustomScanState *css, EState *estate, int eflags);
static void describe_outputs(RustsAggNode *node, CustomScan *plan);
static void add_agg(RustsAggNode *node, int index, Index varno);
static bool needs_squares(const RustsAggOutput *output, List *tlist);
static void add_order(RustsAggNode *node, CustomScan *plan);
static bool can_skip(RustsAggNode *node);
static bool scans_all_rows(RustsAggNode *node);
static TupleTableSlot *exec(CustomScanState *css);
static void start(RustsAggNode *node);
static void end(CustomScanState *css);
static void rescan(CustomScanState *css);
static Size estimate_dsm(CustomScanState *css, ParallelContext *pcxt);
static void initialize_dsm(CustomScanState *css, ParallelContext *pcxt,
						   void *coordinate);
static void reinitialize_dsm(CustomScanState *css, ParallelContext *pcxt,
							 void *coordinate);
static void initialize_worker(CustomScanState *css, shm_toc *toc,
							  void *coordinate);
static void shut_down(CustomScanState *css);
static void explain(CustomScanState *css, List *ancestors, ExplainState *es);

const CustomScanMethods rusts_agg_methods = {
	.CustomName = "RustsAgg",
	.CreateCustomScanState = create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = "RustsAgg",
	.BeginCustomScan = begin,
	.ExecCustomScan = exec,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shut_down,
	.ExplainCustomScan = explain
};

static Node *
create_state(CustomScan *plan)
{
	RustsAggNode *node = palloc0_object(RustsAggNode);

	NodeSetTag(node, T_CustomScanState);
	node->css.methods = &exec_methods;
	return (Node *) node;
}

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	RustsAggNode *node = (RustsAggNode *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	PlanState  *child = ExecInitNode(linitial(plan->custom_plans), estate,
									 eflags);
	List	   *flags = list_nth(plan->custom_private, RUSTS_AGG_FLAGS);

	css->custom_ps = list_make1(child);
	if (!rusts_is_scan_state(child))
		elog(ERROR, "RustsAgg has no RustsScan below it");
	node->child = (RustsScanState *) child;
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	node->scan = node->child->scan;
	node->shortcuts = rusts_enable_shortcuts;
	node->grouped = list_nth_int(flags, RUSTS_AGG_FLAG_GROUPED);
	node->limit = list_nth_int(flags, RUSTS_AGG_FLAG_LIMIT);
	node->time = -1;
	if (node->scan->schema->time >= 0)
	{
		AttrNumber	attno =
			node->scan->schema->columns[node->scan->schema->time].attno;

		node->time = node->scan->by_attno[attno - 1];
		node->time_not_null =
			rusts_is_not_null(RelationGetDescr(node->scan->rel), attno - 1);
	}
	node->tuples_cxt = AllocSetContextCreate(CurrentMemoryContext,
											 "rusts group keys",
											 ALLOCSET_DEFAULT_SIZES);
	node->ranks_cxt = AllocSetContextCreate(CurrentMemoryContext,
											"rusts group ranks",
											ALLOCSET_DEFAULT_SIZES);
	describe_outputs(node, plan);
	add_order(node, plan);
	rusts_groups_init(&node->groups, CurrentMemoryContext, node->aggs,
					  node->naggs, node->states_size,
					  plan->scan.plan.plan_rows);

	node->can_skip = node->shortcuts && can_skip(node);
	node->all_rows = node->shortcuts && scans_all_rows(node);
	node->scan->arg = node;
	node->scan->opened = rusts_agg_opened;
	if (node->can_skip)
		node->scan->want_item = rusts_agg_want_item;
	if (node->all_rows)
		node->scan->want_entry = rusts_agg_want_entry;
}

/* Take the list of what to compute apart. */
static void
describe_outputs(RustsAggNode *node, CustomScan *plan)
{
	List	   *flags = list_nth(plan->custom_private, RUSTS_AGG_FLAGS);
	Index		varno = node->scan->varno;
	int			nkeys = list_nth_int(flags, RUSTS_AGG_FLAG_NKEYS);
	RustsRowMode mode = list_nth_int(flags, RUSTS_AGG_FLAG_MODE);
	int			n = list_length(plan->custom_scan_tlist);
	int			i;

	node->noutputs = n;
	node->outputs = palloc0_array(RustsAggOutput, Max(n, 1));
	node->values = palloc_array(int, Max(n, 1));
	node->tag_columns = palloc_array(int, Max(n, 1));
	node->aggs = palloc0_array(RustsAgg, Max(n, 1));
	node->filters = palloc0_array(RustsCondition *, Max(n, 1));
	node->nfilters = palloc0_array(int, Max(n, 1));
	node->distinct = palloc0_array(RustsTuples *, Max(n, 1));
	for (i = 0; i < n; i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry,
										 plan->custom_scan_tlist, i);
		RustsAggOutput *output = &node->outputs[i];

		if (!rusts_agg_describe(tle->expr, i < nkeys, mode, varno,
								node->scan->schema, output))
			elog(ERROR, "RustsAgg cannot compute column %d of its plan",
				 i + 1);
		if (needs_squares(output, plan->custom_scan_tlist))
			output->agg = RUSTS_AGG_VARIANCE;
		switch (output->kind)
		{
			case RUSTS_OUTPUT_TAG:
				node->values[i] = node->ntags;
				node->tag_columns[node->ntags++] =
					node->scan->by_attno[output->attno - 1];
				break;
			case RUSTS_OUTPUT_BUCKET:
				node->values[i] = -1;
				node->buckets = rusts_buckets_create(output->expr,
													 &node->css.ss.ps);
				node->bucket_width = rusts_bucket_width(output->expr);
				node->need_series = true;
				break;
			case RUSTS_OUTPUT_AGG:
				add_agg(node, i, varno);
				break;
		}
	}
	if (node->ntags > 0)
		node->need_series = true;
}

/*
 * Aggregates with the same transition function share a state in PostgreSQL's
 * Finalize Aggregate, which takes it from either of them: avg and the
 * variances of float8 do.
 */
static bool
needs_squares(const RustsAggOutput *output, List *tlist)
{
	ListCell   *lc;

	if (!output->partial || output->agg != RUSTS_AGG_AVG ||
		output->type != FLOAT8OID)
		return false;
	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (IsA(tle->expr, Aggref) && (Expr *) tle->expr != output->expr &&
			((Aggref *) tle->expr)->aggtransno ==
			((Aggref *) output->expr)->aggtransno)
			return true;
	}
	return false;
}

static void
add_agg(RustsAggNode *node, int index, Index varno)
{
	const RustsAggOutput *output = &node->outputs[index];
	const RustsSchema *schema = node->scan->schema;
	RustsAgg   *agg = &node->aggs[node->naggs];

	node->values[index] = node->naggs;
	agg->output = output;
	agg->column = -1;
	agg->time = node->time;
	agg->kind = RUSTS_KIND_INT;
	if (output->partial)
		node->partial = true;
	if (node->time >= 0)
		agg->time_type = schema->columns[schema->time].typid;
	if (output->attno != InvalidAttrNumber)
	{
		const RustsColumn *column =
			&schema->columns[schema->by_attno[output->attno - 1]];

		agg->column = node->scan->by_attno[output->attno - 1];
		agg->kind = column->kind;
		agg->typlen = column->typlen;
		agg->typbyval = column->typbyval;
		agg->not_null = rusts_is_not_null(RelationGetDescr(node->scan->rel),
										  output->attno - 1);
	}
	if (output->agg == RUSTS_AGG_FIRST || output->agg == RUSTS_AGG_LAST ||
		output->agg == RUSTS_AGG_COUNT_DISTINCT)
		node->need_series = true;
	if (output->filter != NULL)
		node->filters[node->naggs] =
			rusts_conditions_create(make_ands_implicit(output->filter), varno,
									schema, &node->child->css.ss.ps,
									&node->nfilters[node->naggs]);
	rusts_agg_result_init(agg);
	agg->offset = node->states_size;
	node->states_size += rusts_agg_state_size(agg);
	node->naggs++;
}

static void
add_order(RustsAggNode *node, CustomScan *plan)
{
	List	   *private = plan->custom_private;
	List	   *columns = list_nth(private, RUSTS_AGG_ORDER_COLUMNS);
	List	   *operators = list_nth(private, RUSTS_AGG_ORDER_OPERATORS);
	List	   *collations = list_nth(private, RUSTS_AGG_ORDER_COLLATIONS);
	List	   *nulls_first = list_nth(private, RUSTS_AGG_ORDER_NULLS_FIRST);
	int			i;

	node->norder = list_length(columns);
	node->order = palloc0_array(RustsAggOrder, Max(node->norder, 1));
	for (i = 0; i < node->norder; i++)
	{
		RustsAggOrder *order = &node->order[i];
		order->output = list_nth_int(columns, i);
		order->key = node->values[order->output];
		order->operator = list_nth_oid(operators, i);
		order->collation = list_nth_oid(collations, i);
		order->nulls_first = list_nth_int(nulls_first, i);
		if (!rusts_order_direction(order->operator, &order->descending))
			elog(ERROR, "operator %u is not a valid ordering operator",
				 order->operator);
	}

	/* Windows of time follow each other as buckets do. */
	for (i = 0; i < node->norder && node->order[i].key >= 0; i++)
		;
	rusts_windows_init(&node->windows, node->scan,
					   i < node->norder && node->order[i].descending);
}

/* Is there a block that an aggregate's state makes unnecessary to read? */
static bool
can_skip(RustsAggNode *node)
{
	bool		forward = false;
	int			i;

	if (node->buckets != NULL)
		return false;
	for (i = 0; i < node->naggs; i++)
	{
		if (node->filters[i] != NULL)
			return false;
		switch (node->aggs[i].output->agg)
		{
			case RUSTS_AGG_FIRST:
				if (!node->time_not_null)
					return false;
				forward = true;
				break;
			case RUSTS_AGG_LAST:
				if (!node->time_not_null)
					return false;
				break;
			case RUSTS_AGG_MIN:
				if (node->aggs[i].column == node->time)
					forward = true;
				break;
			case RUSTS_AGG_MAX:
				break;
			default:
				return false;
		}
	}

	/* Those that decide are to be met first. */
	if (!forward && node->time >= 0)
		node->scan->backward = true;
	node->scan->by_time = node->time >= 0;
	return true;
}

/*
 * Could a segment be answered by its directory row: rows, smallest and
 * greatest time?
 */
static bool
scans_all_rows(RustsAggNode *node)
{
	int			i;

	if (node->ntags > 0 || node->child->css.ss.ps.qual != NULL ||
		node->naggs == 0 || rusts_skip_corrupt_segments)
		return false;
	for (i = 0; i < node->naggs; i++)
	{
		const RustsAgg *agg = &node->aggs[i];

		if (node->filters[i] != NULL)
			return false;
		switch (agg->output->agg)
		{
			case RUSTS_AGG_COUNT_STAR:
				break;
			case RUSTS_AGG_COUNT:
				if (!agg->not_null)
					return false;
				break;
			case RUSTS_AGG_MIN:
			case RUSTS_AGG_MAX:
				if (agg->column != node->time || !node->time_not_null)
					return false;
				break;
			default:
				return false;
		}
	}
	return node->buckets == NULL || node->time_not_null;
}

static TupleTableSlot *
exec(CustomScanState *css)
{
	RustsAggNode *node = (RustsAggNode *) css;
	ExprContext *econtext = css->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = css->ss.ss_ScanTupleSlot;

	if (!node->begun)
		start(node);
	for (;;)
	{
		ResetExprContext(econtext);
		if (node->next_group >= node->nready)
		{
			if (!rusts_agg_read_input(node))
				return ExecClearTuple(css->ss.ps.ps_ResultTupleSlot);
			continue;
		}
		rusts_agg_fill_slot(node,
							node->groups.groups[node->next_group++], slot);
		econtext->ecxt_scantuple = slot;
		if (!ExecQual(css->ss.ps.qual, econtext))
		{
			InstrCountFiltered1(css, 1);
			continue;
		}
		if (css->ss.ps.ps_ProjInfo != NULL)
			return ExecProject(css->ss.ps.ps_ProjInfo);
		return slot;
	}
}

/* Parameters are known now. */
static void
start(RustsAggNode *node)
{
	RustsBlockScan *scan = node->scan;
	MemoryContext old_cxt;
	int			i;

	rusts_scan_prepare(node->child);
	if (node->buckets != NULL)
		rusts_buckets_prepare(node->buckets, scan->econtext);
	MemoryContextReset(node->tuples_cxt);
	old_cxt = MemoryContextSwitchTo(node->tuples_cxt);
	for (i = 0; i < node->naggs; i++)
	{
		int			f;

		for (f = 0; f < node->nfilters[i]; f++)
			rusts_condition_prepare(&node->filters[i][f], scan->schema,
									scan->econtext);
	}
	MemoryContextSwitchTo(old_cxt);
	node->tuples = rusts_tuples_create(node->tuples_cxt, node->ntags);
	for (i = 0; i < node->naggs; i++)
		node->distinct[i] =
			node->aggs[i].output->agg == RUSTS_AGG_COUNT_DISTINCT ?
			rusts_tuples_create(node->tuples_cxt, 1) : NULL;
	rusts_agg_reset_groups(node);
	rusts_agg_passes_begin(node);
	node->begun = true;
}

static void
end(CustomScanState *css)
{
	RustsAggNode *node = (RustsAggNode *) css;

	ExecClearTuple(css->ss.ss_ScanTupleSlot);
	ExecEndNode(&node->child->css.ss.ps);
}

static void
rescan(CustomScanState *css)
{
	RustsAggNode *node = (RustsAggNode *) css;
	PlanState  *child = &node->child->css.ss.ps;

	if (css->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, css->ss.ps.chgParam);
	ExecReScan(child);
	node->begun = false;
	rusts_agg_reset_groups(node);
}

/* Only where this node, not its scan, is what processes share. */
static Size
estimate_dsm(CustomScanState *css, ParallelContext *pcxt)
{
	return sizeof(RustsParallelAgg);
}

static void
initialize_dsm(CustomScanState *css, ParallelContext *pcxt, void *coordinate)
{
	RustsAggNode *node = (RustsAggNode *) css;
	RustsParallelAgg *shared = coordinate;
	int			i;

	/* Workers do not see what this backend has buffered. */
	rusts_block_scan_flush(node->scan);
	pg_atomic_init_u32(&shared->next_part, 0);
	for (i = 0; i < RUSTS_NCOUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);
	node->parallel = shared;
}

static void
reinitialize_dsm(CustomScanState *css, ParallelContext *pcxt,
				 void *coordinate)
{
	RustsAggNode *node = (RustsAggNode *) css;
	RustsParallelAgg *shared = coordinate;

	pg_atomic_write_u32(&shared->next_part, 0);
	node->parallel = shared;
}

static void
initialize_worker(CustomScanState *css, shm_toc *toc, void *coordinate)
{
	((RustsAggNode *) css)->parallel = coordinate;
}

static void
shut_down(CustomScanState *css)
{
	RustsAggNode *node = (RustsAggNode *) css;

	if (node->parallel != NULL)
		rusts_scan_share_counters(node->scan, node->parallel->counters);
	node->parallel = NULL;
}

static void
explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	RustsAggNode *node = (RustsAggNode *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	int			nkeys = list_nth_int(list_nth(plan->custom_private,
											  RUSTS_AGG_FLAGS),
									 RUSTS_AGG_FLAG_NKEYS);

	rusts_explain_keys(css, nkeys, ancestors, es);
	if (es->analyze && node->scan != NULL &&
		(node->npasses_run > 1 || es->format != EXPLAIN_FORMAT_TEXT))
		ExplainPropertyInteger("Passes", NULL, node->npasses_run, es);
}
