/*-------------------------------------------------------------------------
 *
 * accept.c
 *	  Make this database a node of a cluster.
 *
 * Everything is one transaction, and doing it twice changes nothing.
 *
 * src/cluster/accept.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "cluster/accept.h"
#include "cluster/connection.h"
#include "cluster/read_check.h"
#include "cluster/servers.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_accept);

static bool same_text(const char *a, const char *b);
static void check_same(const RustsClusterConfig *config,
					   const RustsClusterNode *a, const RustsClusterNode *b,
					   RustsConfigFaults *faults);
static void store(const char *config, const char *node_id);

/*
 * rusts.cluster_accept(config text, node_id text) RETURNS void
 */
Datum
rusts_cluster_accept(PG_FUNCTION_ARGS)
{
	rusts_accept(text_to_cstring(PG_GETARG_TEXT_PP(0)),
				 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

void
rusts_accept(const char *text, const char *node_id)
{
	RustsClusterConfig *config;
	RustsConfigFaults faults;
	bool		first;

	rusts_cluster_check_user();
	config = rusts_cluster_parse(text, node_id);
	rusts_config_faults_init(&faults);
	rusts_accept_check(config, &faults);
	rusts_config_faults_finish(&faults);
	if (faults.nfaults > 0)
		rusts_config_refuse(&faults);

	/* One at a time; readers of the table go on. */
	rusts_cluster_execute("LOCK TABLE rusts.cluster "
						  "IN SHARE ROW EXCLUSIVE MODE");
	rusts_cluster_execute("SELECT rusts.cluster_prepare_fdw()");
	first = rusts_cluster_select("SELECT 1 FROM rusts.cluster") == NULL;
	rusts_servers_apply(config);
	store(text, node_id);

	/* Nobody has rows for who was not there; the worker will look again. */
	if (first && rusts_cluster_view != NULL)
		rusts_cluster_view->set_readable(rusts_cluster_deadline(),
										 InvalidFullTransactionId);
}

void
rusts_accept_nothing(void)
{
	rusts_servers_drop_all();
	store(NULL, NULL);
}

void
rusts_accept_check(const RustsClusterConfig *config, RustsConfigFaults *faults)
{
	int			i;

	for (i = 0; i < config->ngroups; i++)
	{
		const RustsShardGroup *group = &config->groups[i];
		ListCell   *cell;

		foreach(cell, group->replicas)
			check_same(config, &config->nodes[group->primary],
					   &config->nodes[lfirst_int(cell)], faults);
	}
}

static void
check_same(const RustsClusterConfig *config, const RustsClusterNode *a,
		   const RustsClusterNode *b, RustsConfigFaults *faults)
{
	const char *key = NULL;

	if (!same_text(a->dbname, b->dbname))
		key = "dbname";
	else if (!same_text(a->sslmode, b->sslmode))
		key = "sslmode";
	else if (!same_text(a->passfile, b->passfile))
		key = "passfile";
	if (key != NULL)
		rusts_config_fault(faults, b->line,
						   "%s of node \"%s\" differs from that of node \"%s\", which holds the same shards",
						   key, b->id, a->id);
}

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* The table has one row or none; who has the old one cached is told. */
static void
store(const char *config, const char *node_id)
{
	Oid			relid = get_relname_relid("cluster",
										  get_namespace_oid("rusts", false));

	rusts_cluster_execute("DELETE FROM rusts.cluster");
	if (config != NULL)
		rusts_cluster_execute(psprintf(
			"INSERT INTO rusts.cluster VALUES (%s, %s)",
			quote_literal_cstr(config), quote_literal_cstr(node_id)));
	CacheInvalidateRelcacheByRelid(relid);
	rusts_cluster_leave_work();
}
