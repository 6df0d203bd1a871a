/*-------------------------------------------------------------------------
 *
 * topology.c
 *	  The cluster as it was applied: nodes and groups.
 *
 * Each session keeps the parsed configuration until the table changes.  What
 * somebody may still look at goes at the end of the transaction.
 *
 * src/cluster/topology.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/shard_hash.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/catalog.h"

/* Columns of rusts.cluster. */
#define CLUSTER_CONFIG		1
#define CLUSTER_NODE_ID		2

RustsClusterWorkHook rusts_cluster_work_hook = NULL;

static const RustsClusterConfig *applied;
static MemoryContext applied_cxt;	/* of applied, NULL: not known */
static Oid	cluster_relid;		/* table that it was read from */
static bool work_left;			/* by the running transaction */
static uint64 nchanges;			/* of the table, that we were told of */
static uint64 applied_at;		/* nchanges when applied was read */

static void load(Oid relid);
static void forget(void);
static void at_relcache(Datum arg, Oid relid);
static void at_xact_end(XactEvent event, void *arg);

const RustsClusterConfig *
rusts_cluster(void)
{
	Oid			relid;

	if (applied_cxt != NULL && applied_at == nchanges)
		return applied;
	relid = get_relname_relid("cluster", get_namespace_oid("rusts", true));
	if (!OidIsValid(relid))
		return NULL;
	load(relid);
	return applied;
}

const RustsClusterConfig *
rusts_cluster_require(void)
{
	const RustsClusterConfig *config = rusts_cluster();

	if (config == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database is not a node of a cluster")));
	return config;
}

int
rusts_cluster_require_node(const RustsClusterConfig *config, const char *id)
{
	int			node = rusts_cluster_find_node(config, id);

	if (node < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no node \"%s\" in the cluster \"%s\"",
						id, config->cluster_name)));
	return node;
}

RustsClusterConfig *
rusts_cluster_parse(const char *text, const char *node_id)
{
	const char *utf8 = text;
	RustsConfigFaults faults;
	RustsClusterConfig *config;

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	config = rusts_config_parse(utf8, strlen(utf8), &faults);
	if (config == NULL)
		rusts_config_refuse(&faults);
	config->node_id = pstrdup(node_id);
	config->self = rusts_cluster_find_node(config, node_id);
	return config;
}

int
rusts_cluster_find_node(const RustsClusterConfig *config, const char *id)
{
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		if (strcmp(config->nodes[i].id, id) == 0)
			return i;
	}
	return -1;
}

bool
rusts_group_has_node(const RustsShardGroup *group, int node)
{
	return group->primary == node || list_member_int(group->replicas, node);
}

void
rusts_group_name(const RustsClusterConfig *config,
				 const RustsShardGroup *group,
				 char name[RUSTS_GROUP_NAME_LEN])
{
	const char *id = config->nodes[group->primary].id;
	uint64		hash;
	ListCell   *cell;

	hash = rusts_shard_hash_text(RUSTS_SHARD_HASH_INIT, id, strlen(id));
	foreach(cell, group->replicas)
	{
		id = config->nodes[lfirst_int(cell)].id;
		hash = rusts_shard_hash_text(hash, id, strlen(id));
	}
	snprintf(name, RUSTS_GROUP_NAME_LEN, "%08x", (uint32) (hash >> 32));
}

const RustsShardGroup *
rusts_group_find(const RustsClusterConfig *config, const char *name)
{
	int			i;

	for (i = 0; i < config->ngroups; i++)
	{
		char		other[RUSTS_GROUP_NAME_LEN];

		rusts_group_name(config, &config->groups[i], other);
		if (strcmp(name, other) == 0)
			return &config->groups[i];
	}
	return NULL;
}

char *
rusts_describe_shards(const Bitmapset *shards)
{
	StringInfoData text;
	int			shard = -1;

	initStringInfo(&text);
	while ((shard = bms_next_member(shards, shard)) >= 0)
	{
		int			last = shard;

		while (bms_is_member(last + 1, shards))
			last++;
		appendStringInfo(&text, "%s%d", text.len > 0 ? ", " : "", shard);
		if (last > shard)
			appendStringInfo(&text, "-%d", last);
		shard = last;
	}
	return text.data;
}

void
rusts_cluster_leave_work(void)
{
	work_left = true;
}

void
rusts_topology_init(void)
{
	CacheRegisterRelcacheCallback(at_relcache, (Datum) 0);
	RegisterXactCallback(at_xact_end, NULL);
}

/* Read the table's row. */
static void
load(Oid relid)
{
	MemoryContext cxt = AllocSetContextCreate(CurTransactionContext,
											  "rusts cluster",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(cxt);
	const RustsClusterConfig *config = NULL;
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(relid));
	uint64		read_at = nchanges;
	TableScanDesc scan;

	cluster_relid = relid;
	scan = table_beginscan(rel, snapshot, 0, NULL);
	if (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		string = slot_getattr(slot, CLUSTER_CONFIG, &isnull);
		Datum		node_id = slot_getattr(slot, CLUSTER_NODE_ID, &isnull);

		config = rusts_cluster_parse(TextDatumGetCString(string),
									 TextDatumGetCString(node_id));
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old_cxt);

	/* Pointers to the old one are good for the rest of the transaction. */
	if (applied_cxt != NULL)
		MemoryContextSetParent(applied_cxt, TopTransactionContext);
	MemoryContextSetParent(cxt, CacheMemoryContext);
	applied_cxt = cxt;
	applied = config;
	applied_at = read_at;
}

static void
forget(void)
{
	if (applied_cxt != NULL)
		MemoryContextDelete(applied_cxt);
	applied_cxt = NULL;
	applied = NULL;
}

static void
at_relcache(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == cluster_relid)
		nchanges++;
}

static void
at_xact_end(XactEvent event, void *arg)
{
	if (applied_at != nchanges &&
		(event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		 event == XACT_EVENT_PREPARE))
		forget();
	if (event == XACT_EVENT_COMMIT && work_left &&
		rusts_cluster_work_hook != NULL)
		rusts_cluster_work_hook();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		work_left = false;
}
