/*-------------------------------------------------------------------------
 *
 * spread.h
 *	  Have a measurement made on all nodes of the cluster.
 *
 * src/cluster/spread.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SPREAD_H
#define RUSTS_SPREAD_H

#include "cluster/connection.h"
#include "cluster/measurement.h"

/*
 * rusts_measurement_ensure on all nodes, this one included, each in a
 * transaction of its own that has committed when this returns: it stays
 * whatever becomes of the caller's.  Nodes that cannot be reached
 * learn it later, as long as a majority knows it now; else it is an error.
 *
 * The running transaction must not have locked the measurement: it would wait
 * for itself, and so it is told.
 */
extern void rusts_measurement_spread(const RustsClusterConfig *config,
									 RustsClusterMeasurement *measurement);

/* Queue rusts_measurement_ensure for a node. */
extern void rusts_node_send_ensure(RustsConnection *conn,
								   const RustsClusterMeasurement *measurement);

#endif							/* RUSTS_SPREAD_H */
