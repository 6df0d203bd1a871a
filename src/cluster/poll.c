/*-------------------------------------------------------------------------
 *
 * poll.c
 *	  What the nodes know of each other, asked all at once.
 *
 * src/cluster/poll.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "cluster/away.h"
#include "cluster/nodes.h"
#include "cluster/poll.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "cluster/twophase.h"
#include "compat.h"

/* In Async, rows of this age, in seconds, are on their way and not missed. */
#define MAX_ASYNC_LAG	1.0

/* Nodes with their lag: id, a space, seconds; lost ones have more of them. */
#define LAG_QUERY \
	"SELECT pg_catalog.string_agg(node_id || ' ' || age, E'\\n') FROM (" \
	"SELECT node_id, pg_catalog.date_part('epoch', " \
	"pg_catalog.clock_timestamp() - pg_catalog.min(written_at)) AS age " \
	"FROM rusts.cluster_hint GROUP BY node_id " \
	"UNION ALL SELECT node_id, 1e9 FROM rusts.cluster_lost " \
	"WHERE NOT done) AS h"

/* Why does a node not read from this one?  Null: it does. */
#define AWAY_QUERY \
	"SELECT pg_catalog.min(reason) FROM rusts.cluster_away WHERE node_id = $1"

static TimestampTz poll_deadline(void);
static void ask_lags(const RustsClusterConfig *config, RustsPoll *poll,
					 TimestampTz deadline);
static void read_lags(const RustsClusterConfig *config, const char *text,
					  double *lags);
static bool has_missed(const RustsClusterConfig *config, double lag);
static bool has_caught_up(const RustsClusterConfig *config, double lag,
						  TimestampTz there_since);

RustsPoll *
rusts_poll(const RustsClusterConfig *config)
{
	RustsPoll  *poll = palloc0_object(RustsPoll);
	RustsNodeAddress *addresses = palloc_array(RustsNodeAddress,
											   config->nnodes);
	RustsNodeOutcome *outcomes = palloc_array(RustsNodeOutcome,
											  config->nnodes);
	RustsResolution *resolution =
		rusts_resolve_begin(config->cluster_name, config->node_id);
	bool		all = true;
	int			n = 0;
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		if (i != config->self)
			rusts_node_address(config, i, RUSTS_AS_CLUSTER, &addresses[n++]);
	}
	rusts_resolve_nodes(resolution, addresses, n,
						rusts_node_application(config),
						poll_deadline(), outcomes);
	for (n = 0, i = 0; i < config->nnodes; i++)
	{
		if (i == config->self)
			continue;
		if (outcomes[n++] == RUSTS_NODE_OK)
			poll->there = bms_add_member(poll->there, i);
		else
			all = false;
	}

	/* Nodes that have come meanwhile were not asked. */
	AcceptInvalidationMessages();
	rusts_resolve_end(resolution, all && rusts_cluster() == config);
	if (resolution->committed > 0 || resolution->rolled_back > 0)
		ereport(LOG,
				(errmsg("transactions in doubt at other nodes are finished"),
				 errdetail("%d were committed, %d were rolled back.",
						   resolution->committed, resolution->rolled_back)));

	poll->lags = palloc_array(double, config->nnodes);
	for (i = 0; i < config->nnodes; i++)
		poll->lags[i] = -1;
	ask_lags(config, poll, poll_deadline());
	return poll;
}

bool
rusts_poll_judge(const RustsClusterConfig *config, const RustsPoll *poll,
				 const Bitmapset *down, const TimestampTz *there_since)
{
	Bitmapset  *away = rusts_away_nodes(config);
	int			node;

	for (node = 0; node < config->nnodes; node++)
	{
		if (node == config->self)
			continue;
		if (!bms_is_member(node, poll->there))
		{
			if (bms_is_member(node, down))
				rusts_away_set(config, node, RUSTS_AWAY_DOWN);
		}
		else if (has_missed(config, poll->lags[node]))
			rusts_away_set(config, node, RUSTS_AWAY_BEHIND);
		else if (bms_is_member(node, away) &&
				 has_caught_up(config, poll->lags[node], there_since[node]))
			rusts_away_clear(config, node);
	}
	return config->self < 0 ||
		(!poll->is_away && !has_missed(config, poll->lags[config->self]));
}

/*
 * A turn of the cluster worker, with hand-overs, takes less than a lease: the
 * next answers are there while the last ones count.
 */
static TimestampTz
poll_deadline(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   rusts_cluster_timeout / 6);
}

int
rusts_lease_ms(void)
{
	return rusts_cluster_timeout / 20 * 11;
}

int
rusts_give_up_ms(void)
{
	return rusts_cluster_timeout / 20 * 15;
}

static void
ask_lags(const RustsClusterConfig *config, RustsPoll *poll,
		 TimestampTz deadline)
{
	RustsConnection **conns = palloc_array(RustsConnection *, config->nnodes);
	const char *own_id = config->node_id;
	Bitmapset  *answered = NULL;
	int			n = 0;
	int			node = -1;
	char	   *own;

	while ((node = bms_next_member(poll->there, node)) >= 0)
	{
		conns[n] = rusts_node_connect(config, node, RUSTS_AS_CLUSTER);
		rusts_node_send(conns[n], LAG_QUERY, 0, NULL);
		rusts_node_send(conns[n++], AWAY_QUERY, 1, &own_id);
	}
	rusts_connection_wait(conns, n, deadline);
	n = 0;
	node = -1;
	while ((node = bms_next_member(poll->there, node)) >= 0)
	{
		RustsConnection *conn = conns[n++];

		if (rusts_connection_outcome(conn) == RUSTS_NODE_OK)
		{
			const PGresult *result = rusts_connection_result(conn, 0);

			answered = bms_add_member(answered, node);
			if (!PQgetisnull(result, 0, 0))
				read_lags(config, PQgetvalue(result, 0, 0), poll->lags);
			result = rusts_connection_result(conn, 1);
			if (!PQgetisnull(result, 0, 0))
				poll->is_away = true;
			if (strcmp(PQgetvalue(result, 0, 0), RUSTS_AWAY_BEHIND) == 0)
				poll->is_behind = true;
		}
		rusts_connection_release(conn);
	}
	poll->there = answered;
	own = rusts_cluster_select(LAG_QUERY);
	if (own != NULL)
		read_lags(config, own, poll->lags);
}

static void
read_lags(const RustsClusterConfig *config, const char *text, double *lags)
{
	char	   *copy = pstrdup(text);
	char	   *rest = copy;
	char	   *line;

	while ((line = strsep(&rest, "\n")) != NULL)
	{
		char	   *space = strchr(line, ' ');
		int			node;

		if (space == NULL)
			continue;
		*space = '\0';
		node = rusts_cluster_find_node(config, line);
		if (node >= 0)
			lags[node] = Max(lags[node], Max(0, strtod(space + 1, NULL)));
	}
	pfree(copy);
}

static bool
has_missed(const RustsClusterConfig *config, double lag)
{
	return config->replication_mode == RUSTS_REPLICATION_ASYNC ?
		lag > MAX_ASYNC_LAG : lag >= 0;
}

/*
 * Has a node got what was written before it came back?  In Async there may
 * always be something on its way.
 */
static bool
has_caught_up(const RustsClusterConfig *config, double lag,
			  TimestampTz there_since)
{
	long		secs;
	int			usecs;

	if (lag < 0)
		return true;
	if (config->replication_mode != RUSTS_REPLICATION_ASYNC)
		return false;
	TimestampDifference(there_since, GetCurrentTimestamp(), &secs, &usecs);
	return lag < RUSTS_LAG_LOST && lag < secs + usecs / 1e6;
}
