/*-------------------------------------------------------------------------
 *
 * spread.c
 *	  Have a measurement made on all nodes of the cluster.
 *
 * Each node has a transaction of its own, opened one after the other in the
 * configuration's order: two nodes that make the same measurement at once meet
 * at the first, where the second waits and then takes over what the
 * first has made.  They commit when a majority has it.
 *
 * This node is asked the same way as the others.  What the caller's
 * transaction has locked would be waited for without end: that is refused.
 *
 * src/cluster/spread.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "cluster/locking.h"
#include "cluster/nodes.h"
#include "cluster/spread.h"
#include "compat.h"

static void check_unlocked(const RustsClusterMeasurement *measurement);
static bool spread(const RustsClusterConfig *config,
				   RustsClusterMeasurement *measurement, bool last);
static bool is_blocked(RustsConnection *conn);
static void give_way(const RustsClusterConfig *config,
					 RustsConnection **conns);
static void connect_all(const RustsClusterConfig *config,
						RustsConnection **conns, int lock_timeout_ms);
static void ensure(RustsConnection *conn,
				   RustsClusterMeasurement *measurement);
static void take_tags(RustsClusterMeasurement *measurement,
					  const PGresult *result);

void
rusts_measurement_spread(const RustsClusterConfig *config,
						 RustsClusterMeasurement *measurement)
{
	TimestampTz patience =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									rusts_cluster_timeout / 2);
	RustsClusterMeasurement original = *measurement;

	check_unlocked(measurement);
	while (!spread(config, measurement, GetCurrentTimestamp() >= patience))
	{
		*measurement = original;
		rusts_pause_ms(pg_prng_uint64_range(&pg_global_prng_state, 10, 50));
	}
	AcceptInvalidationMessages();
}

/*
 * Who writes holds a lock at his node and waits for others.  If we wait for
 * him there while he waits for us here, nobody sees that: so unless it is the
 * last time we only wait for a moment, let all others go first, and return
 * false.
 */
static bool
spread(const RustsClusterConfig *config, RustsClusterMeasurement *measurement,
	   bool last)
{
	RustsConnection **conns = palloc0_array(RustsConnection *,
											config->nnodes);
	RustsConnection **live = palloc_array(RustsConnection *, config->nnodes);
	RustsConnection *away = NULL;
	int			nlive = 0;
	int			i;

	connect_all(config, conns, last ? rusts_cluster_timeout - 100 :
				rusts_cluster_timeout / 20);
	for (i = 0; i < config->nnodes; i++)
	{
		if (rusts_connection_outcome(conns[i]) == RUSTS_NODE_OK)
			ensure(conns[i], measurement);
		if (!last && is_blocked(conns[i]))
		{
			give_way(config, conns);
			return false;
		}
		switch (rusts_connection_outcome(conns[i]))
		{
			case RUSTS_NODE_OK:
				live[nlive++] = conns[i];
				break;
			case RUSTS_NODE_REFUSED:
				rusts_connection_report(conns[i], ERROR);
				break;
			case RUSTS_NODE_UNREACHABLE:
				away = conns[i];
				if (i == config->self)
					rusts_connection_report(conns[i], ERROR);
				break;
		}
	}
	if (nlive <= config->nnodes / 2)
	{
		const RustsNodeError *error = rusts_connection_error(away);

		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("cannot change measurement \"%s\": only %d of %d nodes of the cluster can be reached",
						measurement->name, nlive, config->nnodes),
				 errdetail_internal("%s", error->message),
				 errhint("New measurements and columns need a majority of the nodes.")));
	}
	for (i = 0; i < nlive; i++)
		rusts_connection_send(live[i], "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
	rusts_connection_wait(live, nlive, rusts_cluster_deadline());
	for (i = 0; i < nlive; i++)
	{
		if (rusts_connection_outcome(live[i]) != RUSTS_NODE_OK)
			rusts_connection_report(live[i], ERROR);
	}
	for (i = 0; i < config->nnodes; i++)
		rusts_connection_release(conns[i]);
	return true;
}

static bool
is_blocked(RustsConnection *conn)
{
	return rusts_connection_outcome(conn) == RUSTS_NODE_REFUSED &&
		rusts_is_lock_failure(rusts_connection_error(conn)->sqlstate);
}

static void
give_way(const RustsClusterConfig *config, RustsConnection **conns)
{
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		if (rusts_connection_outcome(conns[i]) != RUSTS_NODE_UNREACHABLE)
			rusts_node_send(conns[i], "ROLLBACK", 0, NULL);
	}
	rusts_connection_wait(conns, config->nnodes, rusts_cluster_deadline());
	for (i = 0; i < config->nnodes; i++)
		rusts_connection_release(conns[i]);
}

/* Does this transaction hold a lock on it? */
static void
check_unlocked(const RustsClusterMeasurement *measurement)
{
	Oid			namespace = get_namespace_oid(measurement->schema, false);
	Oid			relid = get_relname_relid(measurement->name, namespace);
	LOCKTAG		tag;
	LOCKMODE	mode;

	if (!OidIsValid(relid))
		return;
	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	for (mode = AccessShareLock; mode <= AccessExclusiveLock; mode++)
	{
		if (rusts_lock_held(&tag, mode))
			ereport(ERROR,
					(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					 errmsg("cannot add columns to measurement \"%s\" in a transaction that has used it",
							measurement->name),
					 errdetail("In a cluster, the nodes change a measurement in transactions of their own."),
					 errhint("Write such points in a transaction of their own.")));
	}
}

/* Begin on all nodes at once; one that does not answer is waited for once. */
static void
connect_all(const RustsClusterConfig *config, RustsConnection **conns,
			int lock_timeout_ms)
{
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		conns[i] = rusts_node_connect(config, i, RUSTS_AS_CURRENT_USER);
		rusts_node_send(conns[i], "BEGIN ISOLATION LEVEL READ COMMITTED",
						0, NULL);
		rusts_node_send(conns[i],
						psprintf("SET LOCAL lock_timeout = %d",
								 Max(lock_timeout_ms, 1)),
						0, NULL);
	}
	rusts_connection_wait(conns, config->nnodes, rusts_cluster_deadline());
}

static void
ensure(RustsConnection *conn, RustsClusterMeasurement *measurement)
{
	rusts_node_send_ensure(conn, measurement);
	rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
	if (rusts_connection_outcome(conn) == RUSTS_NODE_OK)
		take_tags(measurement, rusts_connection_result(conn, 0));
}

void
rusts_node_send_ensure(RustsConnection *conn,
					   const RustsClusterMeasurement *measurement)
{
	List	   *names = NIL;
	List	   *kinds = NIL;
	const char **values = palloc_array(const char *, 5);
	int			i;

	for (i = 0; i < measurement->ncolumns; i++)
	{
		names = lappend(names, measurement->columns[i].name);
		kinds = lappend(kinds, (void *)
						rusts_column_kind(&measurement->columns[i]));
	}
	values[0] = measurement->schema;
	values[1] = measurement->name;
	values[2] = rusts_array_text(names);
	values[3] = rusts_array_text(kinds);
	values[4] = measurement->made ? rusts_array_text(measurement->tags) : NULL;
	rusts_node_send(conn, "SELECT rusts.cluster_ensure($1, $2, $3, $4, $5)",
					5, values);
}

/* The first node says which tags count, and the others take them over. */
static void
take_tags(RustsClusterMeasurement *measurement, const PGresult *result)
{
	ArrayType  *array =
		DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN,
												PQgetvalue(result, 0, 0),
												TEXTOID, -1));
	Datum	   *elements;
	int			n;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  NULL, &n);
	measurement->tags = NIL;
	for (i = 0; i < n; i++)
		measurement->tags = lappend(measurement->tags,
									TextDatumGetCString(elements[i]));
	measurement->made = true;
}
