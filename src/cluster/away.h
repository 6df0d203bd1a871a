/*-------------------------------------------------------------------------
 *
 * away.h
 *	  Nodes that are not read from: down, or behind with what was written.
 *
 * Each node has its own idea of that, in rusts.cluster_away; foreign servers
 * list only the others.  A node that leaves hints for another tells all that
 * it can reach before it commits; what nodes find out by themselves is
 * the cluster worker's business.
 *
 * src/cluster/away.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AWAY_H
#define RUSTS_AWAY_H

#include "cluster/config.h"

#define RUSTS_AWAY_DOWN		"down"
#define RUSTS_AWAY_BEHIND	"behind"

/* Nodes, by index, that are away, as the latest commits have it. */
extern Bitmapset *rusts_away_nodes(const RustsClusterConfig *config);

/* Here: superusers only.  Nothing happens if it is so already. */
extern void rusts_away_set(const RustsClusterConfig *config, int node,
						   const char *reason);
extern void rusts_away_clear(const RustsClusterConfig *config, int node);

/*
 * Tell all other nodes that these are behind, and have it committed; then
 * those of these that answer, which stop reading.  A node that does not answer
 * now is left out; error if this one does not.
 */
extern void rusts_away_spread(const RustsClusterConfig *config,
							  const Bitmapset *nodes,
							  const Bitmapset *answering);

#endif							/* RUSTS_AWAY_H */
