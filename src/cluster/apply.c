/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  rusts_cluster_apply: the configured cluster becomes the real one.
 *
 * One node does it for all.  First everything is looked at, on every node, and
 * all that is wrong is told with its line; then every node accepts the
 * configuration in a transaction, and these commit when none has refused.
 * What a loss of a node in that last moment leaves half done, the next call
 * completes.
 *
 * src/cluster/apply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cluster/accept.h"
#include "cluster/change.h"
#include "cluster/nodes.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_apply);

/* What a node says of itself, in this order. */
#define NODE_QUERY \
	"SELECT s.system_identifier, pg_catalog.current_database(), " \
	"e.extversion, pg_catalog.current_setting('server_encoding'), " \
	"pg_catalog.current_setting('max_prepared_transactions'), " \
	"(SELECT pg_catalog.count(*) FROM pg_catalog.pg_available_extensions " \
	"WHERE name = 'postgres_fdw'), " \
	"(SELECT rolsuper FROM pg_catalog.pg_roles " \
	"WHERE rolname = CURRENT_USER) " \
	"FROM pg_catalog.pg_control_system() AS s " \
	"LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'rusts'"

typedef enum NodeAnswer
{
	ANSWER_SYSTEM,
	ANSWER_DATABASE,
	ANSWER_VERSION,
	ANSWER_ENCODING,
	ANSWER_PREPARED,
	ANSWER_FDW,
	ANSWER_SUPERUSER
} NodeAnswer;

static RustsConnection **connect_all(const RustsClusterConfig *config);
static void check_nodes(const RustsClusterConfig *config,
						RustsConnection **conns, RustsConfigFaults *faults);
static void check_node(const RustsClusterConfig *config, int node,
					   RustsConnection *conn, const PGresult *self,
					   RustsConfigFaults *faults);
static void check_distinct(const RustsClusterConfig *config, int node,
						   RustsConnection **conns,
						   RustsConfigFaults *faults);
static void check_applied(const RustsClusterConfig *old,
						  const RustsClusterConfig *config,
						  RustsConnection **conns, const char *text);
static void accept_everywhere(const RustsClusterConfig *config,
							  RustsConnection **conns, const char *text);
static void wait_all(const RustsClusterConfig *config,
					 RustsConnection **conns);

/*
 * rusts_cluster_apply() RETURNS void
 */
Datum
rusts_cluster_apply(PG_FUNCTION_ARGS)
{
	const RustsClusterConfig *old;
	RustsClusterConfig *config;
	RustsConfigFaults faults;
	RustsConnection **conns;
	char	   *text;
	int			i;

	rusts_cluster_check_user();
	PreventCommandIfReadOnly("rusts_cluster_apply()");
	config = rusts_config_read_file(&faults, &text);
	if (config == NULL)
		rusts_config_refuse(&faults);

	old = rusts_cluster();
	rusts_config_faults_init(&faults);
	rusts_accept_check(config, &faults);
	if (old != NULL)
		rusts_change_check(old, config, &faults);
	conns = connect_all(config);
	check_nodes(config, conns, &faults);
	rusts_config_faults_finish(&faults);
	if (faults.nfaults > 0)
		rusts_config_refuse(&faults);
	text = pg_any_to_server(text, strlen(text), PG_UTF8);
	check_applied(old, config, conns, text);
	if (old != NULL && (rusts_change_moves(old, config) ||
						rusts_change_leaves(old, config)))
		rusts_change_apply(old, config, text);
	else
		accept_everywhere(config, conns, text);
	for (i = 0; i < config->nnodes; i++)
		rusts_connection_release(conns[i]);
	PG_RETURN_VOID();
}

static RustsConnection **
connect_all(const RustsClusterConfig *config)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   config->nnodes);
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		conns[i] = rusts_node_connect(config, i, RUSTS_AS_CLUSTER);
		rusts_node_send(conns[i], NODE_QUERY, 0, NULL);
	}
	rusts_connection_wait(conns, config->nnodes, rusts_cluster_deadline());
	return conns;
}

static void
check_nodes(const RustsClusterConfig *config, RustsConnection **conns,
			RustsConfigFaults *faults)
{
	RustsConnection *self = conns[config->self];
	const PGresult *own = NULL;
	char	   *system;
	int			i;

	if (rusts_connection_outcome(self) == RUSTS_NODE_OK)
		own = rusts_connection_result(self, 0);
	for (i = 0; i < config->nnodes; i++)
		check_node(config, i, conns[i], own, faults);
	for (i = 0; i < config->nnodes; i++)
		check_distinct(config, i, conns, faults);

	if (own == NULL)
		return;
	system = rusts_cluster_select("SELECT system_identifier "
								  "FROM pg_catalog.pg_control_system()");
	if (strcmp(system, PQgetvalue(own, 0, ANSWER_SYSTEM)) != 0)
		rusts_config_fault(faults, config->nodes[config->self].line,
						   "the address of node \"%s\", which node_id names, is that of another server",
						   config->node_id);
}

static void
check_node(const RustsClusterConfig *config, int node, RustsConnection *conn,
		   const PGresult *self, RustsConfigFaults *faults)
{
	const char *id = config->nodes[node].id;
	int			line = config->nodes[node].line;
	const PGresult *result;

	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
	{
		rusts_config_fault(faults, line, "%s",
						   rusts_connection_error(conn)->message);
		return;
	}
	result = rusts_connection_result(conn, 0);
	if (strcmp(PQgetvalue(result, 0, ANSWER_SUPERUSER), "t") != 0)
		rusts_config_fault(faults, line,
						   "node \"%s\": the user of its connections is no superuser there",
						   id);
	if (PQgetisnull(result, 0, ANSWER_VERSION))
	{
		rusts_config_fault(faults, line,
						   "node \"%s\": the extension \"rusts\" is not installed in its database",
						   id);
		return;
	}
	if (config->nnodes > 1 &&
		strcmp(PQgetvalue(result, 0, ANSWER_PREPARED), "0") == 0)
		rusts_config_fault(faults, line,
						   "node \"%s\": max_prepared_transactions is 0 there",
						   id);
	if (strcmp(PQgetvalue(result, 0, ANSWER_FDW), "0") == 0)
		rusts_config_fault(faults, line,
						   "node \"%s\": the extension \"postgres_fdw\" is not available there",
						   id);
	if (self == NULL || PQgetisnull(self, 0, ANSWER_VERSION))
		return;
	if (strcmp(PQgetvalue(result, 0, ANSWER_VERSION),
			   PQgetvalue(self, 0, ANSWER_VERSION)) != 0)
		rusts_config_fault(faults, line,
						   "node \"%s\" has version %s of rusts, this one has %s",
						   id, PQgetvalue(result, 0, ANSWER_VERSION),
						   PQgetvalue(self, 0, ANSWER_VERSION));
	if (strcmp(PQgetvalue(result, 0, ANSWER_ENCODING),
			   PQgetvalue(self, 0, ANSWER_ENCODING)) != 0)
		rusts_config_fault(faults, line,
						   "node \"%s\": its database has encoding %s, that of this one has %s",
						   id, PQgetvalue(result, 0, ANSWER_ENCODING),
						   PQgetvalue(self, 0, ANSWER_ENCODING));
}

/* One database is one node, whatever its addresses are. */
static void
check_distinct(const RustsClusterConfig *config, int node,
			   RustsConnection **conns, RustsConfigFaults *faults)
{
	const PGresult *result;
	int			i;

	if (rusts_connection_outcome(conns[node]) != RUSTS_NODE_OK)
		return;
	result = rusts_connection_result(conns[node], 0);
	for (i = 0; i < node; i++)
	{
		const PGresult *other;

		if (rusts_connection_outcome(conns[i]) != RUSTS_NODE_OK)
			continue;
		other = rusts_connection_result(conns[i], 0);
		if (strcmp(PQgetvalue(result, 0, ANSWER_SYSTEM),
				   PQgetvalue(other, 0, ANSWER_SYSTEM)) == 0 &&
			strcmp(PQgetvalue(result, 0, ANSWER_DATABASE),
				   PQgetvalue(other, 0, ANSWER_DATABASE)) == 0)
			rusts_config_fault(faults, config->nodes[node].line,
							   "node \"%s\" is the same database as node \"%s\"",
							   config->nodes[node].id, config->nodes[i].id);
	}
}

/*
 * What is changed is what is applied here.  So the nodes must agree on that;
 * one that has nothing joins, and if it is this one, all must.
 */
static void
check_applied(const RustsClusterConfig *old, const RustsClusterConfig *config,
			  RustsConnection **conns, const char *text)
{
	int			i;

	for (i = 0; i < config->nnodes; i++)
		rusts_node_send(conns[i], "SELECT config FROM rusts.cluster", 0, NULL);
	wait_all(config, conns);
	for (i = 0; i < config->nnodes; i++)
	{
		const PGresult *result = rusts_connection_result(conns[i], 0);
		const RustsClusterConfig *theirs;

		if (PQntuples(result) == 0 || i == config->self)
			continue;
		theirs = rusts_cluster_parse(PQgetvalue(result, 0, 0),
									 config->nodes[i].id);
		if (strcmp(theirs->cluster_name, config->cluster_name) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("node \"%s\" is a node of another cluster, \"%s\"",
							config->nodes[i].id, theirs->cluster_name)));
		if (old == NULL ? strcmp(PQgetvalue(result, 0, 0), text) != 0 :
			rusts_change_moves(old, theirs))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("node \"%s\" has another configuration of the cluster than this one",
							config->nodes[i].id),
					 errhint("Call rusts_cluster_apply() on a node that has the newest one.")));
	}
}

/* Here it is a part of the caller's transaction. */
static void
accept_everywhere(const RustsClusterConfig *config, RustsConnection **conns,
				  const char *text)
{
	const char *values[2];
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		if (i == config->self)
			continue;
		values[0] = text;
		values[1] = config->nodes[i].id;
		rusts_node_send(conns[i], "BEGIN", 0, NULL);
		rusts_node_send(conns[i], "SELECT rusts.cluster_accept($1, $2)",
						2, values);
	}
	wait_all(config, conns);
	rusts_accept(text, config->node_id);
	for (i = 0; i < config->nnodes; i++)
	{
		if (i != config->self)
			rusts_node_send(conns[i], "COMMIT", 0, NULL);
	}
	wait_all(config, conns);
}

static void
wait_all(const RustsClusterConfig *config, RustsConnection **conns)
{
	int			i;

	rusts_connection_wait(conns, config->nnodes, rusts_cluster_deadline());
	for (i = 0; i < config->nnodes; i++)
	{
		if (rusts_connection_outcome(conns[i]) != RUSTS_NODE_OK)
			rusts_connection_report(conns[i], ERROR);
	}
}
