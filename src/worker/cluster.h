/*-------------------------------------------------------------------------
 *
 * cluster.h
 *	  The cluster worker of a database.
 *
 * src/worker/cluster.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WORKER_CLUSTER_H
#define RUSTS_WORKER_CLUSTER_H

#include "worker/shared.h"

/*
 * Start the cluster worker of this database if it is a node of a cluster and
 * none runs.  The maintenance worker calls it each turn.
 */
extern void rusts_cluster_worker_start(RustsDatabaseSlot *slot);

#endif							/* RUSTS_WORKER_CLUSTER_H */
