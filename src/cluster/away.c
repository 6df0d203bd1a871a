/*-------------------------------------------------------------------------
 *
 * away.c
 *	  Nodes that are not read from: down, or behind with what was written.
 *
 * src/cluster/away.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cluster/away.h"
#include "cluster/nodes.h"
#include "cluster/read_check.h"
#include "cluster/servers.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/catalog.h"

PG_FUNCTION_INFO_V1(rusts_cluster_set_away);
PG_FUNCTION_INFO_V1(rusts_cluster_set_back);

#define Anum_node_id	1

static void tell(const RustsClusterConfig *config, const Bitmapset *listeners,
				 const Bitmapset *nodes);

Bitmapset *
rusts_away_nodes(const RustsClusterConfig *config)
{
	Relation	table = rusts_catalog_open("cluster_away", AccessShareLock,
										   true);
	Bitmapset  *nodes = NULL;
	Snapshot	snapshot;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (table == NULL)
		return NULL;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		id = heap_getattr(tuple, Anum_node_id,
									  RelationGetDescr(table), &isnull);
		int			node = rusts_cluster_find_node(config,
												   TextDatumGetCString(id));

		if (node >= 0)
			nodes = bms_add_member(nodes, node);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	return nodes;
}

/* One at a time: two that change the same servers would fail. */
void
rusts_away_set(const RustsClusterConfig *config, int node, const char *reason)
{
	const char *id = quote_literal_cstr(config->nodes[node].id);

	rusts_cluster_execute("LOCK TABLE rusts.cluster_away "
						  "IN SHARE ROW EXCLUSIVE MODE");
	rusts_cluster_execute(psprintf(
		"INSERT INTO rusts.cluster_away AS a VALUES (%s, %s) "
		"ON CONFLICT (node_id) DO UPDATE SET reason = EXCLUDED.reason "
		"WHERE a.reason <> EXCLUDED.reason", id, quote_literal_cstr(reason)));
	CommandCounterIncrement();
	rusts_servers_route(config);
}

void
rusts_away_clear(const RustsClusterConfig *config, int node)
{
	rusts_cluster_execute("LOCK TABLE rusts.cluster_away "
						  "IN SHARE ROW EXCLUSIVE MODE");
	rusts_cluster_execute(psprintf(
		"DELETE FROM rusts.cluster_away WHERE node_id = %s",
		quote_literal_cstr(config->nodes[node].id)));
	CommandCounterIncrement();
	rusts_servers_route(config);
}

/*
 * Those that are behind come last: if they ask the others meanwhile, they hear
 * it from them.
 */
void
rusts_away_spread(const RustsClusterConfig *config, const Bitmapset *nodes,
				  const Bitmapset *answering)
{
	Bitmapset  *all = bms_add_range(NULL, 0, config->nnodes - 1);

	tell(config, bms_difference(all, nodes), nodes);
	tell(config, bms_intersect(nodes, answering), nodes);
}

static void
tell(const RustsClusterConfig *config, const Bitmapset *listeners,
	 const Bitmapset *nodes)
{
	RustsConnection **conns = palloc_array(RustsConnection *, config->nnodes);
	RustsConnection *own = NULL;
	int			n = 0;
	int			i = -1;

	while ((i = bms_next_member(listeners, i)) >= 0)
	{
		RustsConnection *conn =
			rusts_node_connect(config, i, RUSTS_AS_CLUSTER);
		int			node = -1;

		while ((node = bms_next_member(nodes, node)) >= 0)
		{
			const char **values = palloc_array(const char *, 2);

			values[0] = config->nodes[node].id;
			values[1] = RUSTS_AWAY_BEHIND;
			rusts_node_send(conn, "SELECT rusts.cluster_set_away($1, $2)",
							2, values);
		}
		if (i == config->self)
			own = conn;
		conns[n++] = conn;
	}
	rusts_connection_wait(conns, n, rusts_cluster_deadline());
	if (own != NULL && rusts_connection_outcome(own) != RUSTS_NODE_OK)
		rusts_connection_report(own, ERROR);
	for (i = 0; i < n; i++)
		rusts_connection_release(conns[i]);
}

/*
 * rusts.cluster_set_away(node_id text, reason text) RETURNS void
 */
Datum
rusts_cluster_set_away(PG_FUNCTION_ARGS)
{
	const RustsClusterConfig *config = rusts_cluster_require();
	int			node = rusts_cluster_require_node(config,
									text_to_cstring(PG_GETARG_TEXT_PP(0)));

	rusts_cluster_check_user();
	if (node != config->self)
		rusts_away_set(config, node, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	else if (rusts_cluster_view != NULL)
		rusts_cluster_view->set_readable(GetCurrentTimestamp(),
										 InvalidFullTransactionId);
	PG_RETURN_VOID();
}

/*
 * rusts.cluster_set_back(node_id text) RETURNS void
 */
Datum
rusts_cluster_set_back(PG_FUNCTION_ARGS)
{
	const RustsClusterConfig *config = rusts_cluster_require();
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));

	rusts_cluster_check_user();
	rusts_away_clear(config, rusts_cluster_require_node(config, id));
	PG_RETURN_VOID();
}
