/*-------------------------------------------------------------------------
 *
 * change_check.c
 *	  In what a configuration differs from another one.
 *
 * src/cluster/change_check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cluster/change.h"
#include "cluster/topology.h"

bool
rusts_change_moves(const RustsClusterConfig *old,
				   const RustsClusterConfig *config)
{
	int			shard;

	for (shard = 0; shard < config->nshards; shard++)
	{
		char		before[RUSTS_GROUP_NAME_LEN];
		char		after[RUSTS_GROUP_NAME_LEN];

		rusts_group_name(old, &old->groups[old->group_of[shard]], before);
		rusts_group_name(config, &config->groups[config->group_of[shard]],
						 after);
		if (strcmp(before, after) != 0)
			return true;
	}
	return false;
}

bool
rusts_change_leaves(const RustsClusterConfig *old,
					const RustsClusterConfig *config)
{
	int			i;

	for (i = 0; i < old->nnodes; i++)
	{
		if (rusts_cluster_find_node(config, old->nodes[i].id) < 0)
			return true;
	}
	return false;
}

void
rusts_change_check(const RustsClusterConfig *old,
				   const RustsClusterConfig *config,
				   RustsConfigFaults *faults)
{
	if (strcmp(old->cluster_name, config->cluster_name) != 0)
		rusts_config_fault(faults, 0,
						   "cluster_name cannot be changed: it is \"%s\"",
						   old->cluster_name);
	if (old->nshards != config->nshards)
		rusts_config_fault(faults, 0,
						   "shard_count cannot be changed: it is %d",
						   old->nshards);
}
