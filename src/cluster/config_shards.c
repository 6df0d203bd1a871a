/*-------------------------------------------------------------------------
 *
 * config_shards.c
 *	  Which node has which shards, and the groups that result.
 *
 * src/cluster/config_shards.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "cluster/config_parts.h"
#include "compat.h"

static void add_primary(RustsConfigReader *reader, int node, int shard,
						int line);
static void add_replica(RustsConfigReader *reader, int node, int shard,
						int line);
static char *node_text(const RustsConfigReader *reader, int node);
static void check_replicas(RustsConfigReader *reader);
static int	compare_placements(const void *a, const void *b, void *arg);
static int	compare_groups(const void *a, const void *b);

void
rusts_config_shard_list(RustsConfigReader *reader, int node,
						const RustsTomlValue *list, bool replicas)
{
	RustsClusterNode *owner = &reader->config->nodes[node];
	Bitmapset **set = replicas ? &owner->replica_shards : &owner->shards;
	int			nshards = reader->config->nshards;
	const RustsTomlValue *value;

	if (list == NULL)
		return;
	for (value = list->child; value != NULL; value = value->next)
	{
		int			shard = (int) value->integer;

		if (value->kind != RUSTS_TOML_INTEGER)
		{
			rusts_config_fault(reader->faults, value->line,
							   "%s must hold integers alone", list->key);
			reader->lists_known = false;
		}
		else if (value->integer < 0 || value->integer >= RUSTS_MAX_SHARDS)
			rusts_config_fault(reader->faults, value->line,
							   "%lld in %s is not the number of a shard",
							   (long long) value->integer, list->key);
		else if (nshards > 0 && shard >= nshards)
			rusts_config_shard_fault(reader->faults, value->line, shard,
									 "there are shards 0 to %d only",
									 nshards - 1);
		else if (bms_is_member(shard, *set))
			rusts_config_shard_fault(reader->faults, value->line, shard,
									 "twice in %s", list->key);
		else
		{
			*set = bms_add_member(*set, shard);
			if (replicas)
				add_replica(reader, node, shard, value->line);
			else
				add_primary(reader, node, shard, value->line);
		}
	}
}

static void
add_primary(RustsConfigReader *reader, int node, int shard, int line)
{
	RustsShardState *state = &reader->shards[shard];

	if (state->primary < 0)
	{
		state->primary = node;
		state->line = line;
		return;
	}
	rusts_config_shard_fault(reader->faults, line, shard,
							 "two primaries, %s (line %d) and %s (line %d)",
							 node_text(reader, state->primary), state->line,
							 node_text(reader, node), line);
}

static void
add_replica(RustsConfigReader *reader, int node, int shard, int line)
{
	RustsShardState *state = &reader->shards[shard];

	if (bms_is_member(shard, reader->config->nodes[node].shards))
		rusts_config_shard_fault(reader->faults, line, shard,
								 "both in shards and in replica_shards of %s",
								 node_text(reader, node));
	state->replicas = bms_add_member(state->replicas, node);
}

static char *
node_text(const RustsConfigReader *reader, int node)
{
	const char *id = reader->config->nodes[node].id;

	return id == NULL ? "a node without id" : psprintf("node \"%s\"", id);
}

void
rusts_config_check_shards(RustsConfigReader *reader)
{
	RustsClusterConfig *config = reader->config;
	RustsConfigFaults *faults = reader->faults;
	int			line;
	int			shard;

	/* What is wrong with the lists would be said again for their shards. */
	if (!reader->lists_known || config->nnodes == 0 || config->nshards == 0)
		return;
	line = reader->values[RUSTS_KEY_SHARD_COUNT]->line;
	for (shard = 0; shard < config->nshards; shard++)
	{
		if (reader->shards[shard].primary < 0)
			rusts_config_shard_fault(faults, line, shard,
									 "no primary, in shards of no node");
	}
	if (config->replication_factor > config->nnodes)
		rusts_config_fault(faults,
						   reader->values[RUSTS_KEY_REPLICATION_FACTOR]->line,
						   "replication_factor is %d, but the number of nodes is %d",
						   config->replication_factor, config->nnodes);
	else if (config->replication_factor > 0)
		check_replicas(reader);
}

/* Shards with the same number of replicas are one fault. */
static void
check_replicas(RustsConfigReader *reader)
{
	RustsClusterConfig *config = reader->config;
	int			line = reader->values[RUSTS_KEY_REPLICATION_FACTOR]->line;
	int			wanted = config->replication_factor - 1;
	Bitmapset **shards = palloc0_array(Bitmapset *, config->nnodes + 1);
	int			shard;
	int			n;

	for (shard = 0; shard < config->nshards; shard++)
	{
		n = bms_num_members(reader->shards[shard].replicas);
		if (n != wanted)
			shards[n] = bms_add_member(shards[n], shard);
	}
	for (n = 0; n <= config->nnodes; n++)
	{
		shard = -1;
		while ((shard = bms_next_member(shards[n], shard)) >= 0)
			rusts_config_shard_fault(reader->faults, line, shard,
									 "%d %s instead of %d, as replication_factor is %d",
									 n, n == 1 ? "replica" : "replicas",
									 wanted,
									 config->replication_factor);
	}
}

/* Equal placements are brought together by sorting the shards. */
void
rusts_config_make_groups(RustsConfigReader *reader)
{
	RustsClusterConfig *config = reader->config;
	int		   *sorted = palloc_array(int, config->nshards);
	int			i;
	int			g;

	for (i = 0; i < config->nshards; i++)
		sorted[i] = i;
	qsort_arg(sorted, config->nshards, sizeof(int), compare_placements,
			  reader->shards);
	config->groups = palloc0_array(RustsShardGroup, config->nshards);
	config->ngroups = 0;
	for (i = 0; i < config->nshards; i++)
	{
		const RustsShardState *state = &reader->shards[sorted[i]];
		const RustsShardState *last = &reader->shards[sorted[Max(i - 1, 0)]];
		RustsShardGroup *group = &config->groups[config->ngroups];

		if (i > 0 && state->primary == last->primary &&
			bms_equal(state->replicas, last->replicas))
			group--;
		else
		{
			int			node = -1;

			config->ngroups++;
			group->primary = state->primary;
			while ((node = bms_next_member(state->replicas, node)) >= 0)
				group->replicas = lappend_int(group->replicas, node);
		}
		group->shards = bms_add_member(group->shards, sorted[i]);
	}
	qsort(config->groups, config->ngroups, sizeof(RustsShardGroup),
		  compare_groups);
	config->group_of = palloc_array(int, config->nshards);
	for (g = 0; g < config->ngroups; g++)
	{
		i = -1;
		while ((i = bms_next_member(config->groups[g].shards, i)) >= 0)
			config->group_of[i] = g;
	}
}

static int
compare_placements(const void *a, const void *b, void *arg)
{
	const RustsShardState *shards = arg;
	const RustsShardState *left = &shards[*(const int *) a];
	const RustsShardState *right = &shards[*(const int *) b];

	if (left->primary != right->primary)
		return left->primary - right->primary;
	return bms_compare(left->replicas, right->replicas);
}

static int
compare_groups(const void *a, const void *b)
{
	const RustsShardGroup *left = a;
	const RustsShardGroup *right = b;

	return bms_next_member(left->shards, -1) -
		bms_next_member(right->shards, -1);
}
