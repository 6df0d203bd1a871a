/*-------------------------------------------------------------------------
 *
 * lost.c
 *	  Nodes for which rows were not kept.
 *
 * src/cluster/lost.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cluster/lost.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/catalog.h"

PG_FUNCTION_INFO_V1(rusts_cluster_resync);

#define Anum_node_id	1
#define Anum_attempt	2
#define Anum_done		3

static int	max_hints = 1024 * 1024;	/* kB; -1: no limit */

static void check_others(const RustsClusterConfig *config,
						 const char *node_id);
static void give_up(const char *node_id);

void
rusts_lost_init(void)
{
	DefineCustomIntVariable("rusts.cluster_max_hints",
							"Size of rows that are kept for a node of the cluster that is away.",
							"If it is more they are given up, and the node copies its parts when it is back. -1: no limit.",
							&max_hints, 1024 * 1024, -1, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
}

RustsLostState
rusts_lost_state(const char *node_id)
{
	Relation	table = rusts_catalog_open("cluster_lost", AccessShareLock,
										   true);
	RustsLostState state = RUSTS_NOT_LOST;
	Snapshot	snapshot;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	if (table == NULL)
		return RUSTS_NOT_LOST;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&key, Anum_node_id, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(node_id));
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		TupleDesc	desc = RelationGetDescr(table);
		bool		isnull;

		if (!DatumGetBool(heap_getattr(tuple, Anum_done, desc, &isnull)))
			state = heap_attisnull(tuple, Anum_attempt, desc) ? RUSTS_LOST :
				RUSTS_LOST_COPYING;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	return state;
}

/* The size of the table is asked first: it costs nothing. */
void
rusts_lost_give_up(const RustsClusterConfig *config, const Bitmapset *there)
{
	char	   *names;
	char	   *rest;
	char	   *name;

	if (max_hints < 0 ||
		rusts_cluster_select(psprintf(
			"SELECT 1 WHERE pg_catalog.pg_total_relation_size("
			"'rusts.cluster_hint') > %d * 1024::pg_catalog.int8",
			max_hints)) == NULL)
		return;
	names = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(node_id, ' ') FROM "
		"(SELECT node_id FROM rusts.cluster_hint GROUP BY node_id "
		"HAVING pg_catalog.sum(pg_catalog.octet_length(image)) > "
		"%d * 1024::pg_catalog.int8) AS h", max_hints));
	if (names == NULL)
		return;
	rest = names;
	while ((name = strsep(&rest, " ")) != NULL)
	{
		int			node = rusts_cluster_find_node(config, name);

		if (node >= 0 && bms_is_member(node, there))
			continue;
		give_up(name);
		ereport(LOG,
				(errmsg("rows for node \"%s\" of the cluster were given up",
						name),
				 errdetail("They took more than rusts.cluster_max_hints, %d kB.",
						   max_hints),
				 errhint("It will copy all of its rows when it is back.")));
	}
}

/*
 * rusts_cluster_resync(node_id text) RETURNS void
 */
Datum
rusts_cluster_resync(PG_FUNCTION_ARGS)
{
	const RustsClusterConfig *config;
	char	   *node_id = text_to_cstring(PG_GETARG_TEXT_PP(0));

	rusts_cluster_check_user();
	config = rusts_cluster_require();
	(void) rusts_cluster_require_node(config, node_id);
	if (config->replication_factor < 2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is nothing that node \"%s\" could copy",
						node_id),
				 errdetail("The cluster \"%s\" has one copy of each row.",
						   config->cluster_name)));
	check_others(config, node_id);
	give_up(node_id);
	rusts_cluster_leave_work();
	PG_RETURN_VOID();
}

/* Two placements that both copy, with no third one, would wait for ever. */
static void
check_others(const RustsClusterConfig *config, const char *node_id)
{
	int			self = rusts_cluster_find_node(config, node_id);
	int			i;

	for (i = 0; i < config->ngroups; i++)
	{
		const RustsShardGroup *group = &config->groups[i];
		bool		found = group->replicas == NIL;
		int			node;

		if (!rusts_group_has_node(group, self))
			continue;
		for (node = 0; node < config->nnodes && !found; node++)
			found = node != self && rusts_group_has_node(group, node) &&
				rusts_lost_state(config->nodes[node].id) == RUSTS_NOT_LOST;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("there is nothing that node \"%s\" could copy",
							node_id),
					 errdetail("The other nodes with shards %s have to copy them themselves.",
							   rusts_describe_shards(group->shards)),
					 errhint("Try again when rusts_cluster_status() shows one of them live.")));
	}
}

/* A copy that is being made is no good then, either. */
static void
give_up(const char *node_id)
{
	const char *id = quote_literal_cstr(node_id);

	rusts_cluster_execute(psprintf(
		"INSERT INTO rusts.cluster_lost (node_id) VALUES (%s) "
		"ON CONFLICT (node_id) DO UPDATE SET attempt = NULL, done = false",
		id));
	rusts_cluster_execute(psprintf(
		"DELETE FROM rusts.cluster_hint WHERE node_id = %s", id));
}
