/*-------------------------------------------------------------------------
 *
 * scan_node.h
 *	  The executor node RustsScan.
 *
 * src/exec/scan_node.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SCAN_NODE_H
#define RUSTS_SCAN_NODE_H

#include "nodes/execnodes.h"
#include "nodes/extensible.h"

#include "exec/block_scan.h"

/* Elements of CustomScan.custom_private. */
enum
{
	RUSTS_SCAN_SORT_ATTNOS,		/* int list; NIL: rows come as they lie */
	RUSTS_SCAN_SORT_OPERATORS,	/* Oid list */
	RUSTS_SCAN_SORT_COLLATIONS, /* Oid list */
	RUSTS_SCAN_SORT_NULLS_FIRST,	/* int list */
	RUSTS_SCAN_NPRIVATE
};

typedef struct RustsScanSort RustsScanSort;

typedef struct RustsScanState
{
	CustomScanState css;
	RustsBlockScan *scan;		/* NULL for EXPLAIN without ANALYZE */
	ExprState  *recheck;		/* all conditions, for EvalPlanQual */
	int		   *output;			/* columns of scan that rows need */
	int			noutput;
	RustsFiller *filler;		/* of these, into the node's scan slot */
	bool		want_tid;
	bool		prepared;		/* rescanned since parameters changed */
	bool		in_chunk;
	uint32		row;			/* of the chunk, returned last */
	RustsScanSort *sort;		/* NULL: rows come as they lie */
} RustsScanState;

extern const CustomScanMethods rusts_scan_methods;

/* Is this plan state a RustsScan? */
extern bool rusts_is_scan_state(PlanState *state);

/* Evaluate parameters if that has not been done since they changed. */
extern void rusts_scan_prepare(RustsScanState *state);

/*
 * Fill the node's scan slot with the next row as it lies, or the one before if
 * the executor goes backward; false at the end.
 */
extern bool rusts_scan_next_row(RustsScanState *state);

/*
 * Fill the slot with a row of the chunk's block; false if the segment turned
 * out to be corrupt (and is skipped).
 */
extern bool rusts_scan_fill_row(RustsScanState *state, uint32 row);

/* At the end of a parallel scan: workers' counts become the leader's. */
extern void rusts_scan_share_counters(RustsBlockScan *scan,
									  pg_atomic_uint64 *counters);

/* scan_sort.c */
extern RustsScanSort *rusts_scan_sort_create(RustsScanState *state,
											 CustomScan *plan);
extern void rusts_scan_sort_restart(RustsScanSort *sort);
extern void rusts_scan_sort_end(RustsScanSort *sort);
extern bool rusts_scan_sort_next(RustsScanSort *sort, TupleTableSlot *slot);

/* scan_explain.c */
extern void rusts_scan_explain(CustomScanState *node, List *ancestors,
							   ExplainState *es);

#endif							/* RUSTS_SCAN_NODE_H */
