/*-------------------------------------------------------------------------
 *
 * scan_explain.c
 *	  What EXPLAIN says of a RustsScan.
 *
 * src/exec/scan_explain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "exec/scan_node.h"

typedef struct CounterName
{
	RustsCounter counter;
	const char *name;
} CounterName;

/* In the order they are shown in; the first of each line is always shown. */
static const CounterName segment_names[] = {
	{RUSTS_COUNT_SEGMENTS, "Segments"},
	{RUSTS_COUNT_SEGMENTS_TIME, "Segments Removed by Time"},
	{RUSTS_COUNT_SEGMENTS_BLOOM, "Segments Removed by Bloom Filter"},
	{RUSTS_COUNT_SEGMENTS_SERIES, "Segments Removed by Series"},
	{RUSTS_COUNT_SEGMENTS_DIRECTORY, "Segments Answered by Directory"},
	{RUSTS_COUNT_SEGMENTS_COLD, "Cold Segments Read"},
	{RUSTS_COUNT_BLOCKS, "Blocks"},
	{RUSTS_COUNT_BLOCKS_SERIES, "Blocks Removed by Series"},
	{RUSTS_COUNT_BLOCKS_TIME, "Blocks Removed by Time"},
	{RUSTS_COUNT_BLOCKS_MINMAX, "Blocks Removed by Min/Max"},
	{RUSTS_COUNT_BLOCKS_LATER, "Blocks Removed by Order"},
	{RUSTS_COUNT_BLOCKS_STATISTICS, "Blocks Answered by Statistics"},
	{RUSTS_COUNT_BLOCKS_DECODED, "Blocks Decoded"},
	{RUSTS_COUNT_VALUES, "Values Decoded"},
	{RUSTS_COUNT_BYTES, "Bytes Decoded"}
};

static void show_conditions(RustsScanState *state, List *ancestors,
							ExplainState *es);
static void show_order(RustsScanState *state, List *ancestors,
					   ExplainState *es);
static char *deparse(RustsScanState *state, Node *expr, List *ancestors,
					 ExplainState *es);

void
rusts_scan_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	RustsScanState *state = (RustsScanState *) node;
	int			i;

	show_conditions(state, ancestors, es);
	show_order(state, ancestors, es);
	if (!es->analyze || state->scan == NULL)
		return;
	for (i = 0; i < lengthof(segment_names); i++)
	{
		uint64		count = state->scan->counters[segment_names[i].counter];

		/* Text is for people: what did not happen is left out. */
		if (es->format != EXPLAIN_FORMAT_TEXT || count > 0 || i == 0)
			ExplainPropertyUInteger(segment_names[i].name, NULL, count, es);
	}
}

/* Conditions that the scan checks, and why it does not check the others. */
static void
show_conditions(RustsScanState *state, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) state->css.ss.ps.plan;
	RustsSchema *schema;
	List	   *reasons = NIL;
	ListCell   *lc;

	if (plan->custom_exprs != NIL)
	{
		Expr	   *all = make_ands_explicit(plan->custom_exprs);

		ExplainPropertyText("Scan Cond",
							deparse(state, (Node *) all, ancestors, es), es);
	}
	if (plan->scan.plan.qual == NIL)
		return;
	schema = rusts_schema_build(state->css.ss.ss_currentRelation);
	foreach(lc, plan->scan.plan.qual)
	{
		RustsClause clause;
		const char *reason;

		rusts_clause_classify(lfirst(lc), plan->scan.scanrelid,
							  schema, &clause);
		reason = clause.kind == RUSTS_CLAUSE_ROW ? clause.reason :
			"may not run before a security condition";
		reasons = lappend(reasons,
						  psprintf("%s: %s",
								   deparse(state, lfirst(lc), ancestors, es),
								   reason));
	}
	if (es->verbose || es->format != EXPLAIN_FORMAT_TEXT || es->analyze)
		ExplainPropertyList("Not Pushed Down", reasons, es);
}

static void
show_order(RustsScanState *state, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) state->css.ss.ps.plan;
	List	   *attnos = list_nth(plan->custom_private,
								  RUSTS_SCAN_SORT_ATTNOS);
	List	   *operators = list_nth(plan->custom_private,
									 RUSTS_SCAN_SORT_OPERATORS);
	Oid			relid = RelationGetRelid(state->css.ss.ss_currentRelation);
	List	   *keys = NIL;
	ListCell   *lc;
	int			i = 0;

	foreach(lc, attnos)
	{
		char	   *name = get_attname(relid, lfirst_int(lc), false);
		char	   *operator = get_opname(list_nth_oid(operators, i++));

		keys = lappend(keys, psprintf("%s%s", quote_identifier(name),
									  strcmp(operator, ">") == 0 ? " DESC" :
									  ""));
	}
	if (keys != NIL)
		ExplainPropertyList("Order", keys, es);
}

static char *
deparse(RustsScanState *state, Node *expr, List *ancestors, ExplainState *es)
{
	List	   *context = set_deparse_context_plan(es->deparse_cxt,
												   state->css.ss.ps.plan,
												   ancestors);
	bool		prefix = rusts_explain_nrelations(es) > 1 || es->verbose;

	return deparse_expression(expr, context, prefix, false);
}
