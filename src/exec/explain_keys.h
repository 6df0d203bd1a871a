/*-------------------------------------------------------------------------
 *
 * explain_keys.h
 *	  What EXPLAIN says of nodes that make groups.
 *
 * src/exec/explain_keys.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_EXPLAIN_KEYS_H
#define RUSTS_EXPLAIN_KEYS_H

#include "commands/explain.h"
#include "nodes/execnodes.h"

/* The first nkeys columns of a node's custom_scan_tlist are its keys. */
extern void rusts_explain_keys(CustomScanState *css, int nkeys,
							   List *ancestors, ExplainState *es);

#endif							/* RUSTS_EXPLAIN_KEYS_H */
