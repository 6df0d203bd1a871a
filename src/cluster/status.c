/*-------------------------------------------------------------------------
 *
 * status.c
 *	  rusts_cluster_status: the nodes as this one sees them.
 *
 * Nobody is asked: what the cluster worker found out in its last turn stands
 * in tables here.
 *
 * src/cluster/status.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cluster/arrays.h"
#include "cluster/read_check.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "cluster/twophase.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_status);

#define STATUS_COLUMNS	11

/*
 * Of a node, parameter 1, in the order of the result.  Parameter 2: how its
 * transactions' gids begin.  Those that are under way are not in doubt.
 */
#define STATUS_QUERY \
	"SELECT a.reason, a.since, h.nrows, h.bytes, h.oldest, " \
	"COALESCE((SELECT CASE WHEN attempt IS NULL " \
	"THEN 'rows for it were given up: it has to copy its parts' " \
	"ELSE 'it copies its parts' END FROM rusts.cluster_lost " \
	"WHERE node_id = $1 AND NOT done), " \
	"(SELECT 'transactions of it in doubt here: ' || pg_catalog.count(*) || " \
	"', the first of ' || " \
	"pg_catalog.date_trunc('second', pg_catalog.min(prepared)) " \
	"FROM pg_catalog.pg_prepared_xacts " \
	"WHERE database = pg_catalog.current_database() " \
	"AND pg_catalog.starts_with(gid, $2) " \
	"AND prepared < pg_catalog.clock_timestamp() - " \
	"pg_catalog.current_setting('rusts.cluster_timeout')" \
	"::pg_catalog.interval HAVING pg_catalog.count(*) > 0)), " \
	"(SELECT pg_catalog.date_trunc('second', at) || ': ' || message " \
	"FROM rusts.cluster_trouble WHERE node_id = $1) " \
	"FROM (SELECT pg_catalog.sum(nrows)::pg_catalog.int8 AS nrows, " \
	"pg_catalog.sum(pg_catalog.octet_length(image))::pg_catalog.int8 " \
	"AS bytes, " \
	"pg_catalog.min(written_at) AS oldest " \
	"FROM rusts.cluster_hint WHERE node_id = $1) AS h " \
	"LEFT JOIN rusts.cluster_away AS a ON a.node_id = $1"

static void put_node(const RustsClusterConfig *config, int node,
					 ReturnSetInfo *result);

/*
 * rusts_cluster_status() RETURNS TABLE (...), a row per node
 */
Datum
rusts_cluster_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const RustsClusterConfig *config = rusts_cluster();
	RustsActAs	self;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (config == NULL)
		return (Datum) 0;

	/* Who may call it may see this much of the tables. */
	rusts_act_as_owner(&self);
	for (i = 0; i < config->nnodes; i++)
		put_node(config, i, result);
	rusts_act_as_self(&self);
	return (Datum) 0;
}

static void
put_node(const RustsClusterConfig *config, int node, ReturnSetInfo *result)
{
	const RustsClusterNode *n = &config->nodes[node];
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		args[] = {
		CStringGetTextDatum(n->id),
		CStringGetTextDatum(rusts_gid_prefix(config->cluster_name, n->id))
	};
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS] = {false};
	HeapTuple	row;
	TupleDesc	desc;
	int			i;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(STATUS_QUERY, 2, types, args, NULL, true,
							  1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the state of node \"%s\"", n->id);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	values[0] = CStringGetTextDatum(n->id);
	values[1] = CStringGetTextDatum(psprintf("%s:%d", n->host, n->port));
	values[2] = SPI_getbinval(row, desc, 1, &nulls[2]);
	values[3] = SPI_getbinval(row, desc, 2, &nulls[3]);
	values[4] = PointerGetDatum(rusts_shards_array(n->shards));
	values[5] = PointerGetDatum(rusts_shards_array(n->replica_shards));
	for (i = 0; i < 3; i++)
		values[6 + i] = SPI_getbinval(row, desc, 3 + i, &nulls[6 + i]);
	values[9] = SPI_getbinval(row, desc, 6, &nulls[9]);
	if (nulls[2])
	{
		values[2] = CStringGetTextDatum("live");
		nulls[2] = false;
	}
	if (node == config->self && config->replication_factor > 1 &&
		rusts_cluster_view != NULL &&
		GetCurrentTimestamp() >= rusts_cluster_view->readable_until())
	{
		values[2] = CStringGetTextDatum("behind");
		if (nulls[9])
			values[9] = CStringGetTextDatum("it has just started, does not "
											"reach the others, or still has "
											"to get rows");
		nulls[9] = false;
	}
	values[10] = SPI_getbinval(row, desc, 7, &nulls[10]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	SPI_finish();
}
