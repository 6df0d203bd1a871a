/*-------------------------------------------------------------------------
 *
 * config_parts.h
 *	  What the files that read a configuration share; config.h is for others.
 *
 * src/cluster/config_parts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONFIG_PARTS_H
#define RUSTS_CONFIG_PARTS_H

#include "cluster/config.h"
#include "cluster/toml.h"

/* A key that a table may have. */
typedef struct RustsConfigKey
{
	const char *name;
	RustsTomlKind kind;
	bool		required;
} RustsConfigKey;

typedef enum RustsClusterKey
{
	RUSTS_KEY_NODE_ID,
	RUSTS_KEY_CLUSTER_NAME,
	RUSTS_KEY_REPLICATION_MODE,
	RUSTS_KEY_REPLICATION_FACTOR,
	RUSTS_KEY_SHARD_COUNT,
	RUSTS_KEY_SHARDING_STRATEGY,
	RUSTS_KEY_TIME_SHARD_DURATION,
	RUSTS_KEY_NODES
} RustsClusterKey;

typedef enum RustsNodeKey
{
	RUSTS_KEY_ID,
	RUSTS_KEY_ADDRESS,
	RUSTS_KEY_SHARDS,
	RUSTS_KEY_REPLICA_SHARDS,
	RUSTS_KEY_DBNAME,
	RUSTS_KEY_USER,
	RUSTS_KEY_PASSFILE,
	RUSTS_KEY_SSLMODE,
	RUSTS_KEY_ZONE,
	RUSTS_KEY_WEIGHT
} RustsNodeKey;

#define RUSTS_CLUSTER_KEYS	(RUSTS_KEY_NODES + 1)
#define RUSTS_NODE_KEYS		(RUSTS_KEY_WEIGHT + 1)

/* What of a shard is known while the nodes are being read. */
typedef struct RustsShardState
{
	int			primary;		/* index of a node, -1: none yet */
	int			line;			/* where that node says so */
	Bitmapset  *replicas;		/* indexes of nodes */
} RustsShardState;

typedef struct RustsConfigReader
{
	RustsConfigFaults *faults;
	RustsClusterConfig *config; /* what has faults stays 0 or NULL */
	const RustsTomlValue *values[RUSTS_CLUSTER_KEYS];	/* NULL: not given */
	RustsShardState *shards;	/* RUSTS_MAX_SHARDS of them */
	bool		lists_known;	/* every list of shards is one */
} RustsConfigReader;

/*
 * Find the values of a table's keys.  Values of the wrong type are faults and
 * left NULL; so are keys that are missing; keys that should not be there are
 * faults.
 */
extern void rusts_config_cluster_keys(const RustsTomlValue *table,
									  const RustsTomlValue **values,
									  RustsConfigFaults *faults);
extern void rusts_config_node_keys(const RustsTomlValue *table,
								   const RustsTomlValue **values,
								   RustsConfigFaults *faults);

/*
 * Read a value, which may be NULL.  The result is a copy; NULL or 0 if there
 * was no value or, with a fault, an unfit one.
 */
extern char *rusts_config_string(const RustsTomlValue *value, int max_bytes,
								 RustsConfigFaults *faults);
extern char *rusts_config_identifier(const RustsTomlValue *value,
									 RustsConfigFaults *faults);
extern int	rusts_config_integer(const RustsTomlValue *value, int min, int max,
								 RustsConfigFaults *faults);

/* Index of one of a NULL-terminated list of names, or -1. */
extern int	rusts_config_choice(const RustsTomlValue *value,
								const char *const *names,
								RustsConfigFaults *faults);

/* Read reader->values[RUSTS_KEY_NODES]. */
extern void rusts_config_nodes(RustsConfigReader *reader);

/*
 * Read the address of a node; false, with a fault, if it is none.  The one of
 * an IPv6 host is in its shortest form, so that equal ones are the same.
 */
extern bool rusts_config_address(const RustsTomlValue *value, char **host,
								 int *port, RustsConfigFaults *faults);

/* Read a list of shards of the node of that index. */
extern void rusts_config_shard_list(RustsConfigReader *reader, int node,
									const RustsTomlValue *list,
									bool replicas);

/* Check all shards, when all lists are read. */
extern void rusts_config_check_shards(RustsConfigReader *reader);

/* Of a configuration without faults: its groups. */
extern void rusts_config_make_groups(RustsConfigReader *reader);

#endif							/* RUSTS_CONFIG_PARTS_H */
