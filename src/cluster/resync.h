/*-------------------------------------------------------------------------
 *
 * resync.h
 *	  This node copies its parts from other placements.
 *
 * src/cluster/resync.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RESYNC_H
#define RUSTS_RESYNC_H

#include "cluster/config.h"

/*
 * Replace all rows that this node holds by those of other placements, in the
 * running transaction, a superuser's.  After its commit rusts_resync_tell()
 * is to be called, and rusts_cluster_view's copying is to be taken back, also
 * after an error.  Errors: some node is away, or no other placement has all
 * rows.
 */
extern void rusts_resync(const RustsClusterConfig *config);

/*
 * If that has been done, let the other nodes hand over what was written since.
 * False: it has not.
 */
extern bool rusts_resync_tell(const RustsClusterConfig *config);

#endif							/* RUSTS_RESYNC_H */
