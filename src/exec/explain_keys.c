/*-------------------------------------------------------------------------
 *
 * explain_keys.c
 *	  What EXPLAIN says of nodes that make groups.
 *
 * src/exec/explain_keys.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "nodes/plannodes.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "exec/explain_keys.h"

void
rusts_explain_keys(CustomScanState *css, int nkeys, List *ancestors,
				   ExplainState *es)
{
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt,
												   css->ss.ps.plan,
												   ancestors);
	List	   *keys = NIL;
	bool		prefix = rusts_explain_nrelations(es) > 1 || es->verbose;
	int			i;

	for (i = 0; i < nkeys; i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry,
										 plan->custom_scan_tlist, i);

		keys = lappend(keys, deparse_expression((Node *) tle->expr, context,
												prefix, false));
	}
	if (keys != NIL)
		ExplainPropertyList("Group Key", keys, es);
}
