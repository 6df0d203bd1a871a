/*-------------------------------------------------------------------------
 *
 * exec.c
 *	  The executor's side of rusts: settings, registration of nodes.
 *
 * src/exec/exec.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/extensible.h"
#include "utils/guc.h"

#include "exec/agg_node.h"
#include "exec/combine.h"
#include "exec/exec.h"
#include "exec/scan_node.h"

bool		rusts_enable_scan = true;
bool		rusts_enable_agg = true;
bool		rusts_enable_shortcuts = true;

void
rusts_exec_init(void)
{
	DefineCustomBoolVariable("rusts.enable_scan",
							 "Lets the planner read measurements with RustsScan.",
							 "Without it they are read row by row, all columns of them.",
							 &rusts_enable_scan, true, PGC_USERSET,
							 GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("rusts.enable_agg",
							 "Lets the planner aggregate measurements with RustsAgg.",
							 "Partial results of the nodes of a cluster it combines with RustsCombine.",
							 &rusts_enable_agg, true, PGC_USERSET,
							 GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("rusts.enable_shortcuts",
							 "Lets RustsAgg answer from statistics and stop early.",
							 "Without it every row that meets the conditions is decoded.",
							 &rusts_enable_shortcuts, true, PGC_USERSET,
							 GUC_EXPLAIN, NULL, NULL, NULL);
	RegisterCustomScanMethods(&rusts_scan_methods);
	RegisterCustomScanMethods(&rusts_agg_methods);
	RegisterCustomScanMethods(&rusts_combine_methods);
}
