/*-------------------------------------------------------------------------
 *
 * replicate.c
 *	  What a transaction has written goes to all placements, as the
 *	  replication mode asks.
 *
 * A placement is a node that holds a group of shards.  This node, if it is
 * one, has stored the rows already, in the running transaction.  Of the others
 *
 *		Sync	all must have prepared, or the transaction fails;
 *		Quorum	so many that with this node they are a majority of the group's;
 *		Async	none if this node is one, else one of them.
 *
 * Whoever did not take part gets hints, which are a part of the transaction,
 * and so does, unless in Sync, who has hints waiting: they come first.
 *
 * Statements that change a measurement are for all nodes, and with one in it
 * the transaction needs all of them, in every mode.  A node that learned of it
 * later would mistake what it gets meanwhile.
 *
 * src/cluster/replicate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/away.h"
#include "cluster/deliver.h"
#include "cluster/hints.h"
#include "cluster/replicate.h"
#include "cluster/topology.h"
#include "compat.h"

/* How often it is seen whether hints still wait. */
#define HINTS_POLL_MS	20

typedef enum NodeState
{
	NODE_UNASKED,				/* gets hints if it is a placement */
	NODE_ASKED,
	NODE_PREPARED,
	NODE_FAILED
} NodeState;

typedef struct Replication
{
	const RustsClusterConfig *config;
	RustsParcel **parcels;
	int			nparcels;
	Bitmapset  *groups;			/* that parcels are for */
	Bitmapset  *away;			/* nodes that are known to be */
	bool		desperate;		/* ask them, too */
	bool		everywhere;		/* some are for all nodes */
	RustsNodeRole role;			/* as whom to connect */
	NodeState  *nodes;			/* [nnodes] */
	RustsConnection **failures; /* [nnodes], of nodes that failed */
} Replication;

static void at_xact_event(XactEvent event, void *arg);
static void replicate(void);
static RustsNodeRole choose_role(const Replication *r);
static void choose_nodes(Replication *r);
static int	next_placement(const Replication *r, int group);
static bool may_ask(const Replication *r, int node);
static void ask(Replication *r);
static bool is_for(const Replication *r, const RustsParcel *parcel, int node);
static bool ask_others(Replication *r);
static bool ask_more(Replication *r, int group);
static bool has_unasked(const Replication *r, int group);
static bool is_temporary(const RustsNodeError *error);
static int	count_copies(const Replication *r, int group);
static int	needed_copies(const Replication *r, int group);
static void refuse(const Replication *r, int group);
static void need_all_nodes(const Replication *r);
static void refuse_statement(const Replication *r, int node);
static void leave_hints(const Replication *r);

void
rusts_replicate_init(void)
{
	RegisterXactCallback(at_xact_event, NULL);
}

static void
at_xact_event(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT)
		return;
	replicate();
	rusts_outbox_close();
}

static void
replicate(void)
{
	Replication r = {0};
	int			group;
	int			i;

	r.parcels = rusts_outbox_parcels(&r.nparcels);
	if (r.nparcels == 0)
		return;
	r.config = rusts_cluster();
	if (r.config == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database is not a node of a cluster any more")));
	for (i = 0; i < r.nparcels; i++)
	{
		if (r.parcels[i]->kind == RUSTS_PARCEL_STATEMENT)
			r.everywhere = true;
		else
			r.groups = bms_add_member(r.groups, r.parcels[i]->group);
	}
	r.away = rusts_away_nodes(r.config);
	r.nodes = palloc0_array(NodeState, r.config->nnodes);
	r.failures = palloc0_array(RustsConnection *, r.config->nnodes);

	r.role = choose_role(&r);
	choose_nodes(&r);
	do
		ask(&r);
	while (ask_others(&r));

	if (r.everywhere)
		need_all_nodes(&r);
	group = -1;
	while ((group = bms_next_member(r.groups, group)) >= 0)
	{
		if (count_copies(&r, group) < needed_copies(&r, group))
			refuse(&r, group);
	}
	leave_hints(&r);
}

/*
 * A user's rows go to other nodes on connections of his.  What others have
 * written in the transaction, by way of functions or views of theirs or by SET
 * ROLE, must come in its place among them, and so on the same connection; that
 * is one of the cluster's, which can act as each of them.
 */
static RustsNodeRole
choose_role(const Replication *r)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID,
										ObjectIdGetDatum(GetUserId()));
	bool		can_login = HeapTupleIsValid(tuple) &&
		((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	int			i;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	for (i = 0; i < r->nparcels; i++)
	{
		if (r->parcels[i]->writer != GetUserId())
			return RUSTS_AS_CLUSTER;
	}
	return can_login ? RUSTS_AS_CURRENT_USER : RUSTS_AS_CLUSTER;
}

/* Decide who is asked to take part. */
static void
choose_nodes(Replication *r)
{
	const RustsClusterConfig *config = r->config;
	int			group = -1;

	if (r->everywhere)
	{
		int			node;

		for (node = 0; node < config->nnodes; node++)
		{
			if (node == config->self)
				continue;
			if (rusts_hints_wait(config->nodes[node].id))
				refuse_statement(r, node);
			r->nodes[node] = NODE_ASKED;
		}
		return;
	}
	while ((group = bms_next_member(r->groups, group)) >= 0)
	{
		if (config->replication_mode != RUSTS_REPLICATION_ASYNC ||
			count_copies(r, group) == 0)
			(void) ask_more(r, group);
	}
}

/* The first one of a group that can be asked, or takes part; -1: none. */
static int
next_placement(const Replication *r, int group)
{
	const RustsShardGroup *g = &r->config->groups[group];
	ListCell   *cell;

	if (may_ask(r, g->primary))
		return g->primary;
	foreach(cell, g->replicas)
	{
		if (may_ask(r, lfirst_int(cell)))
			return lfirst_int(cell);
	}
	return -1;
}

static bool
may_ask(const Replication *r, int node)
{
	if (node == r->config->self || r->nodes[node] == NODE_FAILED)
		return false;
	if (r->nodes[node] != NODE_UNASKED)
		return true;
	if (r->config->replication_mode == RUSTS_REPLICATION_SYNC)
		return true;
	return (r->desperate || !bms_is_member(node, r->away)) &&
		!rusts_hints_wait(r->config->nodes[node].id);
}

/* One distributed transaction with all that are to be asked. */
static void
ask(Replication *r)
{
	const RustsClusterConfig *config = r->config;
	RustsDelivery *delivery = NULL;
	int			node;
	int			i;

	for (i = 0; i < r->nparcels; i++)
	{
		RustsParcel *parcel = r->parcels[i];

		for (node = 0; node < config->nnodes; node++)
		{
			RustsParcel loaded = *parcel;

			if (r->nodes[node] != NODE_ASKED || !is_for(r, parcel, node))
				continue;
			if (delivery == NULL)
				delivery = rusts_delivery_begin(config);
			if (parcel->kind != RUSTS_PARCEL_STATEMENT)
				parcel->image = loaded.image = rusts_parcel_image(parcel);
			rusts_delivery_add(delivery, node, r->role, &loaded);
		}
	}
	if (delivery == NULL)
		return;
	rusts_delivery_prepare(delivery, rusts_cluster_deadline());
	for (node = 0; node < config->nnodes; node++)
	{
		RustsConnection *conn;

		if (r->nodes[node] != NODE_ASKED)
			continue;
		conn = rusts_delivery_connection(delivery, node);
		if (rusts_delivery_prepared(delivery, node))
		{
			r->nodes[node] = NODE_PREPARED;
			continue;
		}

		/* What is wrong with the rows is so everywhere. */
		if (rusts_connection_outcome(conn) == RUSTS_NODE_REFUSED &&
			!is_temporary(rusts_connection_error(conn)))
			rusts_connection_report(conn, ERROR);
		r->nodes[node] = NODE_FAILED;
		r->failures[node] = conn;
	}
	rusts_delivery_decide(delivery);
}

static bool
is_for(const Replication *r, const RustsParcel *parcel, int node)
{
	return parcel->kind == RUSTS_PARCEL_STATEMENT ||
		rusts_group_has_node(&r->config->groups[parcel->group], node);
}

/*
 * Where copies are missing, ask who has not been asked yet, even if it is
 * thought to be away: it may be back.  Who has hints waiting gets them first;
 * the cluster worker is at it, if the node is there.
 */
static bool
ask_others(Replication *r)
{
	TimestampTz deadline = rusts_cluster_deadline();
	bool		any = false;
	int			group = -1;
	int			node;

	if (r->everywhere ||
		r->config->replication_mode == RUSTS_REPLICATION_SYNC)
		return false;
	r->desperate = true;
	while ((group = bms_next_member(r->groups, group)) >= 0)
	{
		if (count_copies(r, group) >= needed_copies(r, group))
			continue;
		while (!ask_more(r, group))
		{
			if (!has_unasked(r, group) || GetCurrentTimestamp() >= deadline)
				break;
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 HINTS_POLL_MS, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	for (node = 0; node < r->config->nnodes; node++)
		any |= r->nodes[node] == NODE_ASKED;
	return any;
}

/* Choose more placements of a group: false if there is none to ask now. */
static bool
ask_more(Replication *r, int group)
{
	const RustsShardGroup *g = &r->config->groups[group];
	bool		any = false;
	int			node;

	if (r->config->replication_mode == RUSTS_REPLICATION_ASYNC)
	{
		node = next_placement(r, group);
		if (node >= 0)
			r->nodes[node] = NODE_ASKED;
		return node >= 0;
	}
	for (node = 0; node < r->config->nnodes; node++)
	{
		if (!rusts_group_has_node(g, node))
			continue;
		if (r->nodes[node] == NODE_UNASKED && may_ask(r, node))
			r->nodes[node] = NODE_ASKED;
		any |= r->nodes[node] == NODE_ASKED;
	}
	return any;
}

/* Is there a placement that was not asked, because of hints that wait? */
static bool
has_unasked(const Replication *r, int group)
{
	const RustsShardGroup *g = &r->config->groups[group];
	int			node;

	for (node = 0; node < r->config->nnodes; node++)
	{
		if (node != r->config->self && r->nodes[node] == NODE_UNASKED &&
			rusts_group_has_node(g, node))
			return true;
	}
	return false;
}

/*
 * Does an error come from the state that the node is in?  Then it may take
 * the rows later: it lacks resources, is starting or stopping, waits for
 * a lock, is a standby, or does not know a new measurement yet.
 */
static bool
is_temporary(const RustsNodeError *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlstate))
	{
		case MAKE_SQLSTATE('0', '8', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):
			return true;
		default:
			break;
	}
	return error->sqlstate == ERRCODE_UNDEFINED_TABLE ||
		error->sqlstate == ERRCODE_UNDEFINED_COLUMN;
}

static int
count_copies(const Replication *r, int group)
{
	const RustsShardGroup *g = &r->config->groups[group];
	int			copies = rusts_group_has_node(g, r->config->self);
	int			node;

	for (node = 0; node < r->config->nnodes; node++)
		copies += r->nodes[node] == NODE_PREPARED &&
			rusts_group_has_node(g, node);
	return copies;
}

static int
needed_copies(const Replication *r, int group)
{
	int			placements =
		1 + list_length(r->config->groups[group].replicas);

	switch (r->config->replication_mode)
	{
		case RUSTS_REPLICATION_SYNC:
			return placements;
		case RUSTS_REPLICATION_QUORUM:
			return placements / 2 + 1;
		case RUSTS_REPLICATION_ASYNC:
			break;
	}
	return 1;
}

static void
refuse(const Replication *r, int group)
{
	const RustsClusterConfig *config = r->config;
	const RustsShardGroup *g = &config->groups[group];
	StringInfoData detail;
	int			node;

	initStringInfo(&detail);
	for (node = 0; node < config->nnodes; node++)
	{
		if (node == config->self || r->nodes[node] == NODE_PREPARED ||
			!rusts_group_has_node(g, node))
			continue;
		if (detail.len > 0)
			appendStringInfoChar(&detail, '\n');
		if (r->failures[node] != NULL)
		{
			const RustsNodeError *error =
				rusts_connection_error(r->failures[node]);

			appendStringInfo(&detail, "%s.", error->message);
		}
		else
			appendStringInfo(&detail,
							 "Node \"%s\" still has to get rows that were written before.",
							 config->nodes[node].id);
	}
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("cannot write to shards %s: %d of %d copies, %d needed",
					rusts_describe_shards(g->shards), count_copies(r, group),
					1 + list_length(g->replicas), needed_copies(r, group)),
			 errdetail_internal("%s", detail.data)));
}

static void
need_all_nodes(const Replication *r)
{
	int			node;

	for (node = 0; node < r->config->nnodes; node++)
	{
		if (node != r->config->self && r->nodes[node] != NODE_PREPARED)
			refuse_statement(r, node);
	}
}

static void
refuse_statement(const Replication *r, int node)
{
	RustsConnection *conn = r->failures[node];

	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("cannot change the cluster's measurements or policies without node \"%s\"",
					r->config->nodes[node].id),
			 conn != NULL ?
			 errdetail_internal("%s.", rusts_connection_error(conn)->message) :
			 errdetail("It still has to get rows that were written before."),
			 errhint("All nodes have to take part in such a change.")));
}

static void
leave_hints(const Replication *r)
{
	const RustsClusterConfig *config = r->config;
	Bitmapset  *behind = NULL;
	Bitmapset  *answering = NULL;
	int			node;
	int			i;

	for (i = 0; i < r->nparcels; i++)
	{
		const RustsParcel *parcel = r->parcels[i];

		for (node = 0; node < config->nnodes; node++)
		{
			if (node == config->self || r->nodes[node] == NODE_PREPARED ||
				!is_for(r, parcel, node))
				continue;
			rusts_hint_leave(config->nodes[node].id, parcel);
			rusts_cluster_leave_work();

			/* In Async to be a little late is nothing that anybody missed. */
			if (config->replication_mode != RUSTS_REPLICATION_ASYNC ||
				r->nodes[node] == NODE_FAILED)
				behind = bms_add_member(behind, node);
		}
	}

	/* From the commit on nobody is to read there what it has missed. */
	behind = bms_difference(behind, r->away);
	if (bms_is_empty(behind))
		return;
	for (node = 0; node < config->nnodes; node++)
	{
		if (r->failures[node] != NULL &&
			rusts_connection_outcome(r->failures[node]) == RUSTS_NODE_REFUSED)
			answering = bms_add_member(answering, node);
	}
	rusts_away_spread(config, behind, answering);
}
