/*-------------------------------------------------------------------------
 *
 * agg_node.h
 *	  The executor node RustsAgg.
 *
 * src/exec/agg_node.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_NODE_H
#define RUSTS_AGG_NODE_H

#include "nodes/extensible.h"

extern const CustomScanMethods rusts_agg_methods;

#endif							/* RUSTS_AGG_NODE_H */
