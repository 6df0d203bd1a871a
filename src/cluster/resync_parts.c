/*-------------------------------------------------------------------------
 *
 * resync_parts.c
 *	  The parts that a node copies.
 *
 * They are read by way of postgres_fdw, with servers and foreign tables that
 * nobody else ever sees.  It reads from a server with one REPEATABLE READ
 * transaction, whose snapshot is that of the first query.
 *
 * src/cluster/resync_parts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cluster/change_parts.h"
#include "cluster/copy_rows.h"
#include "cluster/fdw.h"
#include "cluster/nodes.h"
#include "cluster/outbox.h"
#include "cluster/resync_parts.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/progress.h"

/* All parts of a node: name, one of its shards, columns that are stored. */
#define PARTS_QUERY \
	"SELECT c.relname, pg_catalog.substring(" \
	"pg_catalog.pg_get_expr(c.relpartbound, c.oid), '[0-9]+'), " \
	"pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' " \
	"ORDER BY a.attnum), " \
	"pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' ' || " \
	"pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' " \
	"ORDER BY a.attnum) " \
	"FROM pg_catalog.pg_class AS c " \
	"JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid " \
	"WHERE c.relnamespace = " \
	"'" RUSTS_SHARD_SCHEMA "'::pg_catalog.regnamespace " \
	"AND c.relkind = 'r' AND c.relispartition " \
	"AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v' " \
	"GROUP BY c.oid"

static List *add_parts(List *parts, const RustsClusterConfig *config,
					   Oid measurement);
static RustsResyncPart *find_part(List *parts, const char *name);
static void compare_with(const RustsClusterConfig *config, List *parts,
						 const int *sources, int source,
						 RustsConnection *conn);
static void create_server(const RustsClusterConfig *config, int node);
static void drop_server(const RustsClusterConfig *config, int node);
static char *server_name(int node);
static char *foreign_name(const RustsResyncPart *part);
static char *batches_name(int node);
static void copy_part(const RustsResyncPart *part, int source);
static Bitmapset *used_nodes(List *parts, const int *sources);

List *
rusts_resync_parts(const RustsClusterConfig *config)
{
	List	   *parts = NIL;
	ListCell   *cell;

	foreach(cell, rusts_cluster_measurements(config->nshards))
		parts = add_parts(parts, config, lfirst_oid(cell));
	return parts;
}

static List *
add_parts(List *parts, const RustsClusterConfig *config, Oid measurement)
{
	ListCell   *cell;

	foreach(cell, find_inheritance_children(measurement, AccessShareLock))
	{
		Relation	rel = table_open(lfirst_oid(cell), NoLock);
		int			group = -1;

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			group = rusts_partition_group(config, rel);
		if (group >= 0 && config->groups[group].replicas != NIL)
		{
			RustsResyncPart *part = palloc0_object(RustsResyncPart);

			part->relid = RelationGetRelid(rel);
			part->measurement = measurement;
			part->name = pstrdup(RelationGetRelationName(rel));
			part->group = group;
			parts = lappend(parts, part);
		}
		table_close(rel, NoLock);
	}
	return parts;
}

void
rusts_resync_compare(const RustsClusterConfig *config, List *parts,
					 const int *sources, RustsConnection *const *conns)
{
	Bitmapset  *nodes = NULL;
	int			node = -1;
	int			i;
	ListCell   *cell;

	for (i = 0; i < config->ngroups; i++)
	{
		if (sources[i] >= 0)
			nodes = bms_add_member(nodes, sources[i]);
	}
	while ((node = bms_next_member(nodes, node)) >= 0)
		compare_with(config, parts, sources, node, conns[node]);
	foreach(cell, parts)
	{
		const RustsResyncPart *part = lfirst(cell);

		if (part->columns == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("node \"%s\" does not have the table \"%s\"",
							config->nodes[sources[part->group]].id,
							part->name)));
	}
}

/* Columns that we lack make the copy fail, by themselves. */
static void
compare_with(const RustsClusterConfig *config, List *parts,
			 const int *sources, int source, RustsConnection *conn)
{
	const PGresult *result;
	int			i;

	rusts_node_send(conn, PARTS_QUERY, 0, NULL);
	rusts_node_wait(conn);
	result = rusts_connection_result(conn, 0);
	for (i = 0; i < PQntuples(result); i++)
	{
		int			shard = atoi(PQgetvalue(result, i, 1));
		RustsResyncPart *part;

		if (shard >= config->nshards ||
			sources[config->group_of[shard]] != source)
			continue;
		part = find_part(parts, PQgetvalue(result, i, 0));
		if (part == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" of node \"%s\" is not here yet",
							PQgetvalue(result, i, 0),
							config->nodes[source].id)));
		part->columns = pstrdup(PQgetvalue(result, i, 2));
		part->definition = pstrdup(PQgetvalue(result, i, 3));
	}
}

static RustsResyncPart *
find_part(List *parts, const char *name)
{
	ListCell   *cell;

	foreach(cell, parts)
	{
		RustsResyncPart *part = lfirst(cell);

		if (strcmp(part->name, name) == 0)
			return part;
	}
	return NULL;
}

void
rusts_resync_open(const RustsClusterConfig *config, List *parts,
				  const int *sources)
{
	Bitmapset  *opened = NULL;
	Bitmapset  *nodes = used_nodes(parts, sources);
	int			node = -1;
	ListCell   *cell;

	while ((node = bms_next_member(nodes, node)) >= 0)
		create_server(config, node);
	foreach(cell, parts)
	{
		const RustsResyncPart *part = lfirst(cell);

		node = sources[part->group];
		rusts_cluster_execute(psprintf(
			"CREATE FOREIGN TABLE %s (%s) SERVER %s OPTIONS "
			"(schema_name '" RUSTS_SHARD_SCHEMA "', table_name %s)",
			foreign_name(part), part->definition, server_name(node),
			quote_literal_cstr(part->name)));
		if (bms_is_member(node, opened))
			continue;
		rusts_cluster_execute(psprintf(
			"CREATE FOREIGN TABLE %s (batch text, part name, "
			"stored_at timestamptz) SERVER %s OPTIONS "
			"(schema_name 'rusts', table_name 'cluster_batch')",
			batches_name(node), server_name(node)));
		(void) rusts_cluster_select(psprintf("SELECT 1 FROM %s LIMIT 1",
											 foreign_name(part)));
		opened = bms_add_member(opened, node);
	}
}

static void
create_server(const RustsClusterConfig *config, int node)
{
	RustsNodeAddress address;
	StringInfoData sql;

	rusts_node_address(config, node, RUSTS_AS_CLUSTER, &address);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE SERVER %s FOREIGN DATA WRAPPER "
					 RUSTS_FDW_NAME " OPTIONS (host %s, port '%d', "
					 "dbname %s, application_name %s, fetch_size '10000', "
					 "connect_timeout '%d'", server_name(node),
					 quote_literal_cstr(address.host), address.port,
					 quote_literal_cstr(address.dbname ? address.dbname :
										get_database_name(MyDatabaseId)),
					 quote_literal_cstr(rusts_node_application(config)),
					 Max(2, rusts_cluster_timeout / 1000));
	if (address.sslmode != NULL)
		appendStringInfo(&sql, ", sslmode %s",
						 quote_literal_cstr(address.sslmode));
	if (address.passfile != NULL)
		appendStringInfo(&sql, ", passfile %s",
						 quote_literal_cstr(address.passfile));
	appendStringInfoChar(&sql, ')');
	rusts_cluster_execute(sql.data);
	rusts_cluster_execute(psprintf(
		"CREATE USER MAPPING FOR CURRENT_USER SERVER %s "
		"OPTIONS (user %s, password_required 'false')", server_name(node),
		quote_literal_cstr(address.user)));
}

static char *
server_name(int node)
{
	return psprintf("rusts_resync_%d", node);
}

static char *
batches_name(int node)
{
	return psprintf(RUSTS_SHARD_SCHEMA ".rusts_resync_batches_%d", node);
}

static char *
foreign_name(const RustsResyncPart *part)
{
	return psprintf(RUSTS_SHARD_SCHEMA ".rusts_resync_%u", part->relid);
}

void
rusts_resync_copy(const RustsClusterConfig *config, List *parts,
				  const int *sources)
{
	Bitmapset  *nodes = used_nodes(parts, sources);
	int			node = -1;
	int			ndone = 0;
	ListCell   *cell;

	/* What triggers do was done where the rows were written. */
	(void) set_config_option("session_replication_role", "replica",
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
							 0, false);

	/* It was for locks that others wait for. */
	(void) set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	foreach(cell, parts)
	{
		const RustsResyncPart *part = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		rusts_progress_begin(part->measurement, "resync");
		rusts_progress_phase("copying parts", list_length(parts));
		rusts_progress_done(ndone++);
		copy_part(part, sources[part->group]);
		rusts_progress_end();
	}
	while ((node = bms_next_member(nodes, node)) >= 0)
		drop_server(config, node);
}

/*
 * The rows are this node's own business: nobody else is to get them again.
 * Batches that the source has stored are not to be stored here, either.
 */
static void
copy_part(const RustsResyncPart *part, int source)
{
	const char *literal = quote_literal_cstr(part->name);
	const char *name = psprintf(RUSTS_SHARD_SCHEMA ".%s",
								quote_identifier(part->name));

	rusts_outbox_begin_quiet();
	PG_TRY();
	{
		rusts_cluster_execute(psprintf("TRUNCATE ONLY %s", name));
		(void) rusts_copy_rows(part->relid,
							   psprintf("SELECT %s FROM %s", part->columns,
										foreign_name(part)));
	}
	PG_FINALLY();
	{
		rusts_outbox_end_quiet();
	}
	PG_END_TRY();
	rusts_cluster_execute(psprintf("DELETE FROM rusts.cluster_batch "
								   "WHERE part = %s", literal));
	rusts_cluster_execute(psprintf("INSERT INTO rusts.cluster_batch "
								   "(batch, part, stored_at) "
								   "SELECT batch, part, stored_at FROM %s "
								   "WHERE part = %s", batches_name(source),
								   literal));
	rusts_cluster_execute(psprintf("DROP FOREIGN TABLE %s",
								   foreign_name(part)));
}

static void
drop_server(const RustsClusterConfig *config, int node)
{
	rusts_cluster_execute(psprintf("DROP FOREIGN TABLE %s",
								   batches_name(node)));
	rusts_cluster_execute(psprintf("DROP USER MAPPING FOR CURRENT_USER "
								   "SERVER %s", server_name(node)));
	rusts_cluster_execute(psprintf("DROP SERVER %s", server_name(node)));
}

static Bitmapset *
used_nodes(List *parts, const int *sources)
{
	Bitmapset  *nodes = NULL;
	ListCell   *cell;

	foreach(cell, parts)
	{
		const RustsResyncPart *part = lfirst(cell);

		nodes = bms_add_member(nodes, sources[part->group]);
	}
	return nodes;
}
