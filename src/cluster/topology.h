/*-------------------------------------------------------------------------
 *
 * topology.h
 *	  The cluster as it was applied: nodes and groups.
 *
 * src/cluster/topology.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TOPOLOGY_H
#define RUSTS_TOPOLOGY_H

#include "cluster/config.h"
#include "meta/everywhere.h"

/* How the servers of parts of measurements are called. */
#define RUSTS_SERVER_PREFIX		"rusts_group_"

/* A group's name: 8 hexadecimal digits and a zero byte. */
#define RUSTS_GROUP_NAME_LEN	9

/*
 * The configuration applied in this database, NULL if there is none.  It
 * stays valid until the end of the transaction.  Needs a transaction.
 */
extern const RustsClusterConfig *rusts_cluster(void);

/* The same, and an error if there is none. */
extern const RustsClusterConfig *rusts_cluster_require(void);

/*
 * A configuration that is known to be free of faults, for the node of that
 * name; error if it is not so.  self is -1 if there is no such node: it is a
 * guest, that joins or has left.  Text is in the server's encoding.
 */
extern RustsClusterConfig *rusts_cluster_parse(const char *text,
											   const char *node_id);

/* Index of a node; an error if there is no such node. */
extern int	rusts_cluster_require_node(const RustsClusterConfig *config,
									   const char *id);

/* Index of a node, or -1. */
extern int	rusts_cluster_find_node(const RustsClusterConfig *config,
									const char *id);

/* Does a node hold the shards of a group? */
extern bool rusts_group_has_node(const RustsShardGroup *group, int node);

/*
 * A group's name depends on its nodes alone: it is the same on all nodes and
 * in every configuration.
 */
extern void rusts_group_name(const RustsClusterConfig *config,
							 const RustsShardGroup *group,
							 char name[RUSTS_GROUP_NAME_LEN]);

/* Shards as ranges, palloc'd: 0-3, 7. */
extern char *rusts_describe_shards(const Bitmapset *shards);

/* The group of that name, or NULL. */
extern const RustsShardGroup *
rusts_group_find(const RustsClusterConfig *config, const char *name);

/*
 * Called after a commit that leaves something to do for the background: hints,
 * or a new configuration.  NULL until somebody sets it.
 */
typedef void (*RustsClusterWorkHook) (void);
extern RustsClusterWorkHook rusts_cluster_work_hook;

/* The running transaction has such work: have the hook called. */
extern void rusts_cluster_leave_work(void);

/* Register the callback; once, from _PG_init. */
extern void rusts_topology_init(void);

#endif							/* RUSTS_TOPOLOGY_H */
