/*-------------------------------------------------------------------------
 *
 * lost.h
 *	  Nodes for which rows were not kept.
 *
 * Rows that a node has missed wait for it as hints, up to a limit.  Then they
 * are given up, the node is lost, a row of rusts.cluster_lost says so, and no
 * more of them are left.  It has to copy its parts (resync.h); while it
 * does, hints are kept again, from the moment that the copy is one of.
 *
 * src/cluster/lost.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LOST_H
#define RUSTS_LOST_H

#include "cluster/config.h"

typedef enum RustsLostState
{
	RUSTS_NOT_LOST,
	RUSTS_LOST,					/* no hints are kept */
	RUSTS_LOST_COPYING			/* hints are kept, and not handed over yet */
} RustsLostState;

/* Define the parameter; once, from _PG_init. */
extern void rusts_lost_init(void);

/* As the latest commits have it. */
extern RustsLostState rusts_lost_state(const char *node_id);

/*
 * Give up hints of nodes that have more of them than rusts.cluster_max_hints,
 * but for nodes, by index, that are there and get them.
 */
extern void rusts_lost_give_up(const RustsClusterConfig *config,
							   const Bitmapset *there);

#endif							/* RUSTS_LOST_H */
