/*-------------------------------------------------------------------------
 *
 * deliver.h
 *	  Rows to other nodes, as a part of the running transaction.
 *
 * src/cluster/deliver.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DELIVER_H
#define RUSTS_DELIVER_H

#include "cluster/nodes.h"
#include "cluster/outbox.h"

/*
 * One distributed transaction with nodes that get parcels:
 *
 *		begin, add ..., prepare, decide
 *
 * What was prepared and decided commits with the running transaction, and is
 * rolled back with it.  Lives in TopTransactionContext.
 */
typedef struct RustsDelivery RustsDelivery;

extern RustsDelivery *rusts_delivery_begin(const RustsClusterConfig *config);

/*
 * The parcel stays as it is until prepare has returned.  On a connection of
 * the cluster it is stored as its writer, if that is known, else as the
 * cluster itself.  All of a node's parcels come with the same role.
 */
extern void rusts_delivery_add(RustsDelivery *delivery, int node,
							   RustsNodeRole role, const RustsParcel *parcel);

/* Send everything, wait until the deadline. */
extern void rusts_delivery_prepare(RustsDelivery *delivery,
								   TimestampTz deadline);
extern bool rusts_delivery_prepared(const RustsDelivery *delivery, int node);
extern RustsConnection *
rusts_delivery_connection(const RustsDelivery *delivery, int node);
extern void rusts_delivery_decide(RustsDelivery *delivery);

/* Register the callback; once, from _PG_init. */
extern void rusts_deliver_init(void);

#endif							/* RUSTS_DELIVER_H */
