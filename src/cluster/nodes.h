/*-------------------------------------------------------------------------
 *
 * nodes.h
 *	  Connections to the nodes of the applied configuration.
 *
 * src/cluster/nodes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_NODES_H
#define RUSTS_NODES_H

#include "cluster/config.h"
#include "cluster/connection.h"

/* As whom to connect. */
typedef enum RustsNodeRole
{
	RUSTS_AS_CURRENT_USER,		/* for a user's rows */
	RUSTS_AS_CLUSTER			/* the node's user in the configuration */
} RustsNodeRole;

/* The address of a node, in the current memory context. */
extern void rusts_node_address(const RustsClusterConfig *config, int node,
							   RustsNodeRole role, RustsNodeAddress *address);

/* What our connections are called at other nodes. */
extern char *rusts_node_application(const RustsClusterConfig *config);

/* rusts_connection_get for a node. */
extern RustsConnection *rusts_node_connect(const RustsClusterConfig *config,
										   int node, RustsNodeRole role);

/* Queue a command whose parameters are texts; NULL for null. */
extern void rusts_node_send(RustsConnection *conn, const char *sql,
							int nparams, const char *const *values);

/* Wait for one, by rusts.cluster_timeout; raise what went wrong. */
extern void rusts_node_wait(RustsConnection *conn);

/* A text[] in its external form. */
extern char *rusts_array_text(List *texts);

#endif							/* RUSTS_NODES_H */
