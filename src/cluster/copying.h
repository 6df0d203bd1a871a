/*-------------------------------------------------------------------------
 *
 * copying.h
 *	  Nobody waits for a node that copies its parts.
 *
 * It has them locked, for as long as that takes (resync.h).
 *
 * src/cluster/copying.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COPYING_H
#define RUSTS_COPYING_H

#include "cluster/config.h"

/* Error if this node copies its parts. */
extern void rusts_refuse_while_copying(const RustsClusterConfig *config);

/*
 * Have queries about measurements refused; once, from _PG_init, after all
 * other hooks of ours: some of them look at partitions.
 */
extern void rusts_copying_init(void);

#endif							/* RUSTS_COPYING_H */
