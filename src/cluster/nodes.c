/*-------------------------------------------------------------------------
 *
 * nodes.c
 *	  Connections to the nodes of the applied configuration.
 *
 * src/cluster/nodes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "cluster/arrays.h"
#include "cluster/nodes.h"
#include "compat.h"

#define MAX_PARAMETERS	8

void
rusts_node_address(const RustsClusterConfig *config, int node,
				   RustsNodeRole role, RustsNodeAddress *address)
{
	const RustsClusterNode *to = &config->nodes[node];

	address->node_id = to->id;
	address->host = to->host;
	address->port = to->port;
	address->dbname = to->dbname;
	address->user = NULL;
	address->passfile = to->passfile;
	address->sslmode = to->sslmode;
	if (role == RUSTS_AS_CLUSTER)
		address->user = to->user ? to->user :
			GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false);
}

char *
rusts_node_application(const RustsClusterConfig *config)
{
	return psprintf("rusts:%s:%s", config->cluster_name, config->node_id);
}

RustsConnection *
rusts_node_connect(const RustsClusterConfig *config, int node,
				   RustsNodeRole role)
{
	RustsNodeAddress address;

	rusts_node_address(config, node, role, &address);
	return rusts_connection_get(&address, rusts_node_application(config));
}

void
rusts_node_send(RustsConnection *conn, const char *sql, int nparams,
				const char *const *values)
{
	static const Oid types[MAX_PARAMETERS];

	Assert(nparams <= MAX_PARAMETERS);
	rusts_connection_send(conn, sql, nparams, types, values, NULL, NULL, 0);
}

void
rusts_node_wait(RustsConnection *conn)
{
	rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
		rusts_connection_report(conn, ERROR);
}

char *
rusts_array_text(List *texts)
{
	return OidOutputFunctionCall(F_ARRAY_OUT,
								 PointerGetDatum(rusts_texts_array(texts)));
}
