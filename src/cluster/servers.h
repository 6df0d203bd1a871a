/*-------------------------------------------------------------------------
 *
 * servers.h
 *	  Foreign servers for the groups of shards that other nodes have.
 *
 * src/cluster/servers.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SERVERS_H
#define RUSTS_SERVERS_H

#include "cluster/config.h"

/*
 * Make, alter and drop servers and user mappings so that there is one server
 * per group that config->self does not hold, and on it a mapping per role that
 * may log in.  Done with what the caller may do: a superuser's.
 */
extern void rusts_servers_apply(const RustsClusterConfig *config);

/*
 * Set the addresses of all servers anew: those of nodes that are away are left
 * out, if there are others.
 */
extern void rusts_servers_route(const RustsClusterConfig *config);

/* Name of the server of a group, palloc'd. */
extern char *rusts_server_name(const RustsClusterConfig *config,
							   const RustsShardGroup *group);

/* Drop all servers of groups; no foreign table needs one any more. */
extern void rusts_servers_drop_all(void);

#endif							/* RUSTS_SERVERS_H */
