/*-------------------------------------------------------------------------
 *
 * config.h
 *	  The configuration of a cluster: cluster.toml, read and checked.
 *
 * What the file may say is described in doc/cluster.md.  Everything here is
 * about the file alone: no other node is asked, no catalog is read.
 *
 * src/cluster/config.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONFIG_H
#define RUSTS_CONFIG_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "cluster/config_faults.h"
#include "compat.h"

/*
 * A shard costs nothing but a number in the file and one in the bound of its
 * group's partition, which every session reads: far more than there will be
 * nodes, and few enough for that.
 */
#define RUSTS_MAX_SHARDS		16384
#define RUSTS_MAX_NODES			1024
#define RUSTS_MAX_CONFIG_BYTES	(1024 * 1024)

/* Bytes of cluster_name and of the id of a node. */
#define RUSTS_MAX_NODE_ID		63

typedef enum RustsReplicationMode
{
	RUSTS_REPLICATION_SYNC,
	RUSTS_REPLICATION_QUORUM,
	RUSTS_REPLICATION_ASYNC
} RustsReplicationMode;

typedef enum RustsShardingStrategy
{
	RUSTS_SHARDING_BY_SERIES,
	RUSTS_SHARDING_BY_MEASUREMENT,
	RUSTS_SHARDING_BY_TIME,
	RUSTS_SHARDING_COMPOSITE
} RustsShardingStrategy;

typedef struct RustsClusterNode
{
	char	   *id;
	char	   *host;			/* of an IPv6 address without brackets */
	int			port;
	char	   *dbname;			/* NULL, as the next ones, if not given */
	char	   *user;
	char	   *passfile;
	char	   *sslmode;
	char	   *zone;
	int			weight;			/* 1 if not given */
	int			line;			/* of the file, for messages */
	Bitmapset  *shards;			/* it is the primary of these */
	Bitmapset  *replica_shards; /* and a replica of these */
} RustsClusterNode;

/* Shards with the same primary and the same replicas. */
typedef struct RustsShardGroup
{
	int			primary;		/* index of a node */
	List	   *replicas;		/* indexes of nodes, in the file's order */
	Bitmapset  *shards;
} RustsShardGroup;

typedef struct RustsClusterConfig
{
	char	   *node_id;
	int			self;			/* index of the node that node_id names */
	char	   *cluster_name;
	RustsReplicationMode replication_mode;
	RustsShardingStrategy sharding_strategy;
	int			replication_factor;
	int			nshards;
	int64		time_shard_us;	/* 0 where the strategy knows no time */
	int			nnodes;
	RustsClusterNode *nodes;	/* in the file's order */
	int			ngroups;
	RustsShardGroup *groups;	/* in the order of their lowest shards */
	int		   *group_of;		/* index of the group, by shard */
} RustsClusterConfig;

/*
 * Read a configuration.  Any bytes give either a configuration without a
 * fault or NULL and all faults, finished; both in the current memory context.
 * Text is UTF-8, whatever the server's encoding is; no error is thrown but
 * for lack of memory.
 */
extern RustsClusterConfig *rusts_config_parse(const char *text, size_t size,
											  RustsConfigFaults *faults);

/*
 * The same of the file that rusts.cluster_config names.  *contents, where it
 * is wanted, becomes the text, in UTF-8.
 */
extern RustsClusterConfig *rusts_config_read_file(RustsConfigFaults *faults,
												  char **contents);

/* Raise an error that shows the first faults. */
pg_noreturn extern void rusts_config_refuse(const RustsConfigFaults *faults);

/* Define the parameter; once, from _PG_init. */
extern void rusts_config_init(void);

#endif							/* RUSTS_CONFIG_H */
