/*-------------------------------------------------------------------------
 *
 * resync.c
 *	  This node copies its parts from other placements.
 *
 * The copy is one of a moment at which nothing is on its way:
 *
 *	1	measurements are locked against writers on all nodes, one after the
 *		other, and then partitions, here against everybody. What was handed off
 *		for the nodes that are copied from has arrived by then;
 *	2	a snapshot is taken at each of these;
 *	3	all nodes forget what they have for this node, keep what comes from
 *		now on, and let writers go on;
 *	4	the rows are copied, which takes as long as it takes;
 *	5	after the commit all nodes are told to hand over what they have kept.
 *
 * So each row comes one way or the other, and none both ways.  If it does not
 * get as far as the commit it is done again from the beginning: rows that
 * nodes have forgotten make no difference to that.  If a node gives up
 * again what it keeps, the copy is no good, which it says by itself.
 *
 * Who writes to measurements here, or reads them, is refused meanwhile.
 *
 * src/cluster/resync.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/away.h"
#include "cluster/change.h"
#include "cluster/locking.h"
#include "cluster/nodes.h"
#include "cluster/read_check.h"
#include "cluster/resync.h"
#include "cluster/resync_parts.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

/* Rows handed off must arrive in this time while writers wait. */
#define DRAIN_LOCKED_MS		5000

typedef struct Resync
{
	const RustsClusterConfig *config;
	const char *id;				/* of this copy, unlike that of any other */
	RustsConnection **conns;	/* [nnodes], this one among them */
	int		   *sources;		/* by group, -1: is not copied */
	char	   *source_ids;		/* an array */
} Resync;

static void connect_all(Resync *r);
static void send_all(Resync *r, const char *sql, int nparams,
					 const char *const *values);
static void wait_all(Resync *r, int timeout_ms);
static void choose_sources(Resync *r);
static Bitmapset *incomplete_nodes(Resync *r);
static int	choose_source(Resync *r, int group, const Bitmapset *incomplete);
static void await_hints(Resync *r, int timeout_ms);
static bool have_hints(Resync *r);
static void lock_everything(void *arg);
static void lock_all(Resync *r, const char *what);
static void undo_attempt(Resync *r);
static void begin_keeping(Resync *r);

void
rusts_resync(const RustsClusterConfig *config)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	Resync	   *r = palloc0_object(Resync);
	List	   *parts;
	int			nattempts = 0;
	int			i;

	r->config = config;
	r->id = psprintf("%016llx", (unsigned long long)
					 pg_prng_uint64(&pg_global_prng_state));
	connect_all(r);
	choose_sources(r);
	await_hints(r, RUSTS_DRAIN_MS);
	rusts_cluster_view->set_copying(true);
	while (!rusts_attempt(lock_everything, r, true))
	{
		undo_attempt(r);
		rusts_try_again(&nattempts, NULL);
	}
	parts = rusts_resync_parts(config);
	rusts_resync_compare(config, parts, r->sources, r->conns);
	rusts_resync_open(config, parts, r->sources);
	begin_keeping(r);
	for (i = 0; i < config->nnodes; i++)
		rusts_connection_release(r->conns[i]);

	ereport(LOG,
			(errmsg("node \"%s\" copies its rows from other nodes",
					config->node_id)));
	rusts_resync_copy(config, parts, r->sources);
	rusts_cluster_execute(psprintf(
		"UPDATE rusts.cluster_lost SET done = true "
		"WHERE node_id = %s AND attempt = %s",
		quote_literal_cstr(config->node_id), quote_literal_cstr(r->id)));
	MemoryContextSwitchTo(old_cxt);
}

/* Our own row goes last: as long as it is there this can be done again. */
bool
rusts_resync_tell(const RustsClusterConfig *config)
{
	Resync		r = {.config = config};
	const char *values[2];
	int			i;

	values[0] = config->node_id;
	values[1] = rusts_cluster_select(psprintf(
		"SELECT attempt FROM rusts.cluster_lost "
		"WHERE node_id = %s AND done", quote_literal_cstr(config->node_id)));
	if (values[1] == NULL)
		return false;
	connect_all(&r);
	for (i = 0; i < config->nnodes; i++)
	{
		if (i != config->self)
			rusts_node_send(r.conns[i], "DELETE FROM rusts.cluster_lost "
							"WHERE node_id = $1 AND attempt = $2", 2, values);
	}
	wait_all(&r, rusts_cluster_timeout);
	for (i = 0; i < config->nnodes; i++)
		rusts_connection_release(r.conns[i]);
	rusts_cluster_execute(psprintf(
		"DELETE FROM rusts.cluster_lost WHERE node_id = %s AND attempt = %s "
		"AND done", quote_literal_cstr(values[0]),
		quote_literal_cstr(values[1])));
	return true;
}

static void
connect_all(Resync *r)
{
	int			i;

	r->conns = palloc_array(RustsConnection *, r->config->nnodes);
	for (i = 0; i < r->config->nnodes; i++)
		r->conns[i] = rusts_node_connect(r->config, i, RUSTS_AS_CLUSTER);
	send_all(r, "SELECT 1", 0, NULL);
	wait_all(r, rusts_cluster_timeout);
}

static void
send_all(Resync *r, const char *sql, int nparams, const char *const *values)
{
	int			i;

	for (i = 0; i < r->config->nnodes; i++)
		rusts_node_send(r->conns[i], sql, nparams, values);
}

static void
wait_all(Resync *r, int timeout_ms)
{
	int			i;

	rusts_connection_wait(r->conns, r->config->nnodes,
						  rusts_deadline_in(timeout_ms));
	for (i = 0; i < r->config->nnodes; i++)
	{
		if (rusts_connection_outcome(r->conns[i]) != RUSTS_NODE_OK)
			rusts_connection_report(r->conns[i], ERROR);
	}
}

static void
choose_sources(Resync *r)
{
	Bitmapset  *incomplete = incomplete_nodes(r);
	List	   *ids = NIL;
	int			i;

	r->sources = palloc_array(int, r->config->ngroups);
	for (i = 0; i < r->config->ngroups; i++)
	{
		const RustsShardGroup *group = &r->config->groups[i];

		r->sources[i] = -1;
		if (group->replicas == NIL ||
			!rusts_group_has_node(group, r->config->self))
			continue;
		r->sources[i] = choose_source(r, i, incomplete);
		ids = lappend(ids, r->config->nodes[r->sources[i]].id);
	}
	r->source_ids = rusts_array_text(ids);
}

/* Nodes that some node has not kept rows for, or that are not read from. */
static Bitmapset *
incomplete_nodes(Resync *r)
{
	Bitmapset  *nodes = bms_copy(rusts_away_nodes(r->config));
	int			i;

	send_all(r, "SELECT node_id FROM rusts.cluster_lost WHERE NOT done", 0,
			 NULL);
	wait_all(r, rusts_cluster_timeout);
	for (i = 0; i < r->config->nnodes; i++)
	{
		const PGresult *result = rusts_connection_result(r->conns[i], 0);
		int			row;

		for (row = 0; row < PQntuples(result); row++)
		{
			int			node =
				rusts_cluster_find_node(r->config,
										PQgetvalue(result, row, 0));

			if (node >= 0)
				nodes = bms_add_member(nodes, node);
		}
	}
	return nodes;
}

static int
choose_source(Resync *r, int group, const Bitmapset *incomplete)
{
	const RustsShardGroup *g = &r->config->groups[group];
	ListCell   *cell;

	if (g->primary != r->config->self &&
		!bms_is_member(g->primary, incomplete))
		return g->primary;
	foreach(cell, g->replicas)
	{
		int			node = lfirst_int(cell);

		if (node != r->config->self && !bms_is_member(node, incomplete))
			return node;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no other node has all rows of shards %s",
					rusts_describe_shards(g->shards)),
			 errhint("If those of a node are as many as can be had, delete its row from rusts.cluster_lost on all nodes.")));
	return -1;
}

/* Until no node has rows for those that are copied from. */
static void
await_hints(Resync *r, int timeout_ms)
{
	TimestampTz deadline = rusts_deadline_in(timeout_ms);

	while (have_hints(r))
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("nodes still have rows to hand over to those that would be copied from")));
		rusts_pause_ms(20);
	}
}

static bool
have_hints(Resync *r)
{
	const char *ids = r->source_ids;
	bool		found = false;
	int			i;

	for (i = 0; i < r->config->nnodes; i++)
		rusts_node_send(r->conns[i],
						"SELECT EXISTS (SELECT FROM rusts.cluster_hint "
						"WHERE node_id = ANY ($1::pg_catalog.text[]))",
						1, &ids);
	wait_all(r, rusts_cluster_timeout);
	for (i = 0; i < r->config->nnodes; i++)
	{
		const PGresult *result = rusts_connection_result(r->conns[i], 0);

		found |= strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	}
	return found;
}

/*
 * Writers come by way of a measurement; then their rows come to partitions of
 * other nodes, and the rows that they leave for others have to arrive.
 */
static void
lock_everything(void *arg)
{
	Resync	   *r = arg;
	ListCell   *cell;

	lock_all(r, "writes");
	await_hints(r, DRAIN_LOCKED_MS);
	lock_all(r, "parts");
	if (have_hints(r))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("nodes have rows to hand over again")));
	foreach(cell, rusts_resync_parts(r->config))
		LockRelationOid(((RustsResyncPart *) lfirst(cell))->relid,
						AccessExclusiveLock);
}

/* One node after the other: who else does this meets us at the first. */
static void
lock_all(Resync *r, const char *what)
{
	int			i;

	for (i = 0; i < r->config->nnodes; i++)
	{
		if (i == r->config->self)
		{
			rusts_change_lock(what, RUSTS_LOCK_TIMEOUT_MS);
			continue;
		}
		if (strcmp(what, "writes") == 0)
			rusts_node_send(r->conns[i], "BEGIN", 0, NULL);
		rusts_lock_at(r->conns[i], what);
	}
}

/* Those that have not begun a transaction warn, which nobody sees. */
static void
undo_attempt(Resync *r)
{
	int			i;

	for (i = 0; i < r->config->nnodes; i++)
	{
		if (i != r->config->self)
			rusts_node_send(r->conns[i], "ROLLBACK", 0, NULL);
		else
			rusts_node_send(r->conns[i], "SELECT 1", 0, NULL);
	}
	wait_all(r, rusts_cluster_timeout);
}

/*
 * All nodes let their writers go on, with what is written for this node kept.
 * One that was handing over to it meets our locks, and gives up.
 */
static void
begin_keeping(Resync *r)
{
	const char *values[2];
	int			i;

	values[0] = r->config->node_id;
	values[1] = r->id;
	for (i = 0; i < r->config->nnodes; i++)
	{
		rusts_node_send(r->conns[i], "DELETE FROM rusts.cluster_hint "
						"WHERE node_id = $1", 1, values);
		rusts_node_send(r->conns[i], "INSERT INTO rusts.cluster_lost "
						"(node_id, attempt) VALUES ($1, $2) "
						"ON CONFLICT (node_id) DO UPDATE "
						"SET attempt = EXCLUDED.attempt, done = false",
						2, values);
		if (i != r->config->self)
			rusts_node_send(r->conns[i], "COMMIT", 0, NULL);
	}
	wait_all(r, 3 * rusts_cluster_timeout);
}

