/*-------------------------------------------------------------------------
 *
 * change_plan.c
 *	  rusts_cluster_plan: what rusts_cluster_apply() would move.
 *
 * src/cluster/change_plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cluster/arrays.h"
#include "cluster/change.h"
#include "cluster/change_parts.h"
#include "cluster/measurement.h"
#include "cluster/nodes.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_plan);

/* Bytes of the tables of partitions that a node has. */
#define SIZE_QUERY \
	"SELECT pg_catalog.sum(pg_catalog.pg_table_size(c.oid)) " \
	"FROM pg_catalog.pg_class AS c " \
	"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace " \
	"WHERE n.nspname = '" RUSTS_SHARD_SCHEMA "' AND c.relkind = 'r' " \
	"AND c.relname = ANY ($1::pg_catalog.name[])"

enum
{
	PLAN_STEP,
	PLAN_ACTION,
	PLAN_SHARDS,
	PLAN_FROM,
	PLAN_TO,
	PLAN_BYTES,
	PLAN_NCOLUMNS
};

typedef struct ChangePlan
{
	ReturnSetInfo *result;
	int			nsteps;
	const RustsClusterConfig *old;	/* NULL: none is applied */
	const RustsClusterConfig *config;
	List	   *measurements;
} ChangePlan;

static void plan_nodes(ChangePlan *plan, bool before);
static void plan_groups(ChangePlan *plan);
static void plan_group(ChangePlan *plan, const RustsShardGroup *before,
					   const RustsShardGroup *after);
static const char *choose_action(const List *from, const List *to);
static int	count_new(const List *from, const List *to);
static bool group_bytes(ChangePlan *plan, const RustsShardGroup *group,
						double *bytes);
static void put_step(ChangePlan *plan, const char *action,
					 const Bitmapset *shards, const List *from, const List *to,
					 double bytes);
static List *placements(const RustsClusterConfig *config,
						const RustsShardGroup *group);
static bool has_id(const List *ids, const char *id);

/*
 * rusts_cluster_plan()
 * RETURNS TABLE (step int, action text, shards int[], from_nodes text[],
 *				  to_nodes text[], bytes int8)
 */
Datum
rusts_cluster_plan(PG_FUNCTION_ARGS)
{
	ChangePlan	plan = {0};
	RustsConfigFaults faults;

	rusts_cluster_check_user();
	InitMaterializedSRF(fcinfo, 0);
	plan.result = (ReturnSetInfo *) fcinfo->resultinfo;
	plan.config = rusts_config_read_file(&faults, NULL);
	if (plan.config == NULL)
		rusts_config_refuse(&faults);
	plan.old = rusts_cluster();
	if (plan.old != NULL)
	{
		rusts_config_faults_init(&faults);
		rusts_change_check(plan.old, plan.config, &faults);
		rusts_config_faults_finish(&faults);
		if (faults.nfaults > 0)
			rusts_config_refuse(&faults);
		plan.measurements = rusts_cluster_measurements(plan.old->nshards);
	}
	plan_nodes(&plan, true);
	if (plan.old != NULL)
		plan_groups(&plan);
	plan_nodes(&plan, false);
	return (Datum) 0;
}

/* Nodes that come, before all else, and nodes that go, after it. */
static void
plan_nodes(ChangePlan *plan, bool before)
{
	const RustsClusterConfig *have = before ? plan->config : plan->old;
	const RustsClusterConfig *lack = before ? plan->old : plan->config;
	int			i;

	for (i = 0; have != NULL && i < have->nnodes; i++)
	{
		List	   *ids = list_make1(have->nodes[i].id);

		if (lack == NULL ||
			rusts_cluster_find_node(lack, have->nodes[i].id) < 0)
			put_step(plan, before ? "add node" : "remove node", NULL,
					 before ? NIL : ids, before ? ids : NIL, 0);
	}
}

/* Shards that go from one group to another are a step. */
static void
plan_groups(ChangePlan *plan)
{
	int			i;
	int			j;

	for (i = 0; i < plan->old->ngroups; i++)
	{
		for (j = 0; j < plan->config->ngroups; j++)
			plan_group(plan, &plan->old->groups[i], &plan->config->groups[j]);
	}
}

static void
plan_group(ChangePlan *plan, const RustsShardGroup *before,
		   const RustsShardGroup *after)
{
	List	   *from = placements(plan->old, before);
	List	   *to = placements(plan->config, after);
	Bitmapset  *shards = bms_intersect(before->shards, after->shards);
	const char *action = choose_action(from, to);
	int			ncopies = count_new(from, to);
	double		bytes = 0;

	if (bms_is_empty(shards) || action == NULL)
		return;
	if (ncopies > 0 && !group_bytes(plan, before, &bytes))
		bytes = -1;
	else
		bytes *= ncopies * ((double) bms_num_members(shards) /
							bms_num_members(before->shards));
	put_step(plan, action, shards, from, to, bytes);
}

/* NULL: it is the same. */
static const char *
choose_action(const List *from, const List *to)
{
	bool		same = list_length(from) == list_length(to);
	int			i;

	if (strcmp(linitial(from), linitial(to)) != 0)
		return "move";
	for (i = 0; same && i < list_length(from); i++)
		same = strcmp(list_nth(from, i), list_nth(to, i)) == 0;
	if (same)
		return NULL;
	if (count_new(to, from) == 0 && count_new(from, to) > 0)
		return "add placement";
	if (count_new(from, to) == 0 && count_new(to, from) > 0)
		return "drop placement";
	return "change replicas";
}

static int
count_new(const List *from, const List *to)
{
	int			n = 0;
	ListCell   *cell;

	foreach(cell, to)
		n += !has_id(from, lfirst(cell));
	return n;
}

/* Of all measurements, as its primary says; false: it cannot be reached. */
static bool
group_bytes(ChangePlan *plan, const RustsShardGroup *group, double *bytes)
{
	RustsConnection *conn = rusts_node_connect(plan->old, group->primary,
											   RUSTS_AS_CLUSTER);
	List	   *names = NIL;
	const char *value;
	ListCell   *cell;
	bool		done;

	foreach(cell, plan->measurements)
	{
		Relation	rel = try_relation_open(lfirst_oid(cell),
											AccessShareLock);
		char	   *schema;

		if (rel == NULL)
			continue;
		schema = get_namespace_name(RelationGetNamespace(rel));
		names = lappend(names,
						rusts_partition_name(plan->old, group,
											 schema,
											 RelationGetRelationName(rel)));
		relation_close(rel, AccessShareLock);
	}
	value = rusts_array_text(names);
	rusts_node_send(conn, SIZE_QUERY, 1, &value);
	rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
	done = rusts_connection_outcome(conn) == RUSTS_NODE_OK;
	if (done)
		*bytes = atof(PQgetvalue(rusts_connection_result(conn, 0), 0, 0));
	rusts_connection_release(conn);
	return done;
}

/* bytes < 0: not known. */
static void
put_step(ChangePlan *plan, const char *action, const Bitmapset *shards,
		 const List *from, const List *to, double bytes)
{
	Datum		values[PLAN_NCOLUMNS];
	bool		nulls[PLAN_NCOLUMNS] = {false};

	values[PLAN_STEP] = Int32GetDatum(++plan->nsteps);
	values[PLAN_ACTION] = CStringGetTextDatum(action);
	values[PLAN_SHARDS] = PointerGetDatum(rusts_shards_array(shards));
	values[PLAN_FROM] = PointerGetDatum(rusts_texts_array(from));
	values[PLAN_TO] = PointerGetDatum(rusts_texts_array(to));
	values[PLAN_BYTES] = Int64GetDatum((int64) bytes);
	nulls[PLAN_BYTES] = bytes < 0;
	tuplestore_putvalues(plan->result->setResult, plan->result->setDesc,
						 values, nulls);
}

/* Ids of its nodes, the primary first. */
static List *
placements(const RustsClusterConfig *config, const RustsShardGroup *group)
{
	List	   *ids = list_make1(config->nodes[group->primary].id);
	ListCell   *cell;

	foreach(cell, group->replicas)
		ids = lappend(ids, config->nodes[lfirst_int(cell)].id);
	return ids;
}

static bool
has_id(const List *ids, const char *id)
{
	ListCell   *cell;

	foreach(cell, ids)
	{
		if (strcmp(lfirst(cell), id) == 0)
			return true;
	}
	return false;
}
