/*-------------------------------------------------------------------------
 *
 * change_members.c
 *	  The nodes that go over to another configuration.
 *
 * src/cluster/change_members.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "cluster/change_members.h"
#include "cluster/change_parts.h"
#include "cluster/nodes.h"
#include "cluster/schema_push.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

static void list_members(RustsChange *change);
static void add_member(RustsChange *change, const RustsClusterConfig *config,
					   int node, bool joins, bool leaves);
static bool is_lost(const RustsChange *change, const RustsShardGroup *group);
static void invite(RustsChange *change, RustsMember *member);

void
rusts_members_connect(RustsChange *change)
{
	RustsConnection **conns;
	List	   *ids = NIL;
	int			n = 0;
	int			i;

	list_members(change);
	conns = palloc_array(RustsConnection *, change->nmembers);
	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];

		member->conn = conns[i] = rusts_node_connect(member->config,
													 member->node,
													 RUSTS_AS_CLUSTER);
		rusts_node_send(member->conn, "SELECT 1", 0, NULL);
	}
	rusts_connection_wait(conns, change->nmembers, rusts_cluster_deadline());
	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];
		const RustsNodeError *error;

		if (rusts_connection_outcome(member->conn) == RUSTS_NODE_OK)
		{
			ids = lappend(ids, unconstify(char *, member->id));
			change->members[n++] = *member;
			continue;
		}
		if (!member->leaves)
			rusts_connection_report(member->conn, ERROR);
		error = rusts_connection_error(member->conn);
		ereport(WARNING,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("node \"%s\" cannot be told that it leaves the cluster",
						member->id),
				 errdetail_internal("%s", error->message),
				 errhint("Do not start it again, or run DELETE FROM rusts.cluster there.")));
		rusts_connection_release(member->conn);
	}
	change->nmembers = n;
	change->ids = rusts_array_text(ids);
	for (i = 0; i < change->old->ngroups; i++)
	{
		const RustsShardGroup *group = &change->old->groups[i];

		if (is_lost(change, group))
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("cannot remove node \"%s\" from the cluster",
							change->old->nodes[group->primary].id),
					 errdetail("No node that can be reached has shards %s.",
							   rusts_shard_list(group->shards))));
	}
}

void
rusts_members_invite(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		if (change->members[i].joins)
			invite(change, &change->members[i]);
	}
}

void
rusts_members_wait(RustsChange *change, TimestampTz deadline)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   change->nmembers);
	int			i;

	for (i = 0; i < change->nmembers; i++)
		conns[i] = change->members[i].conn;
	rusts_connection_wait(conns, change->nmembers, deadline);
	for (i = 0; i < change->nmembers; i++)
	{
		if (rusts_connection_outcome(conns[i]) != RUSTS_NODE_OK)
			rusts_connection_report(conns[i], ERROR);
	}
	pfree(conns);
}

static void
list_members(RustsChange *change)
{
	const RustsClusterConfig *old = change->old;
	const RustsClusterConfig *config = change->config;
	int			i;

	change->members = palloc0_array(RustsMember,
									old->nnodes + config->nnodes);
	for (i = 0; i < config->nnodes; i++)
		add_member(change, config, i,
				   rusts_cluster_find_node(old, config->nodes[i].id) < 0,
				   false);
	for (i = 0; i < old->nnodes; i++)
	{
		if (rusts_cluster_find_node(config, old->nodes[i].id) < 0)
			add_member(change, old, i, false, true);
	}
}

static void
add_member(RustsChange *change, const RustsClusterConfig *config, int node,
		   bool joins, bool leaves)
{
	RustsMember *member = &change->members[change->nmembers++];

	member->config = config;
	member->node = node;
	member->id = config->nodes[node].id;
	member->self = strcmp(member->id, change->config->node_id) == 0;
	member->joins = joins;
	member->leaves = leaves;
}

/* Has none of the members the rows of a group? */
static bool
is_lost(const RustsChange *change, const RustsShardGroup *group)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		int			node = rusts_cluster_find_node(change->old,
												   change->members[i].id);

		if (node >= 0 && rusts_group_has_node(group, node))
			return false;
	}
	return true;
}

/*
 * A guest of the old configuration has all measurements and, as it is not
 * named there, nothing of their rows.
 */
static void
invite(RustsChange *change, RustsMember *member)
{
	const char *values[2];

	values[0] = rusts_cluster_select("SELECT config FROM rusts.cluster");
	values[1] = member->id;
	rusts_node_send(member->conn, "SELECT rusts.cluster_accept($1, $2)",
					2, values);
	rusts_node_wait(member->conn);
	rusts_schema_push(member->config, member->node);
}
