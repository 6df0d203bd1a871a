/*-------------------------------------------------------------------------
 *
 * servers.c
 *	  Foreign servers for the groups of shards that other nodes have.
 *
 * A server's connection names primary and replicas, in this order: libpq tries
 * one after the other.  Options that somebody has added by hand, such as a
 * client certificate, stay.
 *
 * src/cluster/servers.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cluster/away.h"
#include "cluster/connection.h"
#include "cluster/fdw.h"
#include "cluster/servers.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

/* An option of a server; a value of NULL: it must not be there. */
typedef struct ServerOption
{
	const char *name;
	const char *value;
} ServerOption;

#define MAX_OPTIONS		12

static void drop_unused(const RustsClusterConfig *config);
static void apply_server(const RustsClusterConfig *config,
						 const RustsShardGroup *group);
static Bitmapset *readable_nodes(const RustsClusterConfig *config,
								 const RustsShardGroup *group);
static int	make_options(const RustsClusterConfig *config,
						 const RustsShardGroup *group, ServerOption *options);
static char *join_addresses(const RustsClusterConfig *config,
			   const RustsShardGroup *group, const Bitmapset *nodes,
			   bool ports);
static void append_node(StringInfo list, const RustsClusterNode *node,
						bool port);
static void create_server(const char *name, const ServerOption *options,
						  int noptions);
static void alter_server(ForeignServer *server, const ServerOption *options,
						 int noptions);
static const char *find_option(List *options, const char *name);
static void map_users(const char *server);

void
rusts_servers_apply(const RustsClusterConfig *config)
{
	int			i;

	drop_unused(config);
	for (i = 0; i < config->ngroups; i++)
	{
		if (!rusts_group_has_node(&config->groups[i], config->self))
			apply_server(config, &config->groups[i]);
	}
}

void
rusts_servers_route(const RustsClusterConfig *config)
{
	int			i;

	for (i = 0; i < config->ngroups; i++)
	{
		const RustsShardGroup *group = &config->groups[i];
		ForeignServer *server;
		ServerOption options[MAX_OPTIONS];

		if (rusts_group_has_node(group, config->self))
			continue;
		server = GetForeignServerByName(rusts_server_name(config, group),
										true);
		if (server != NULL)
			alter_server(server, options,
						 make_options(config, group, options));
	}
}

void
rusts_servers_drop_all(void)
{
	drop_unused(NULL);
}

char *
rusts_server_name(const RustsClusterConfig *config,
				  const RustsShardGroup *group)
{
	char		name[RUSTS_GROUP_NAME_LEN];

	rusts_group_name(config, group, name);
	return psprintf("%s%s", RUSTS_SERVER_PREFIX, name);
}

/* A server that foreign tables still need makes an error.  NULL: all. */
static void
drop_unused(const RustsClusterConfig *config)
{
	StringInfoData keep;
	char	   *names;
	int			i;

	initStringInfo(&keep);
	for (i = 0; config != NULL && i < config->ngroups; i++)
	{
		if (!rusts_group_has_node(&config->groups[i], config->self))
			appendStringInfo(&keep, ", '%s'",
							 rusts_server_name(config, &config->groups[i]));
	}
	names = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.srvname), ', ') "
		"FROM pg_catalog.pg_foreign_server AS s "
		"JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw "
		"WHERE w.fdwname = '" RUSTS_FDW_NAME "' "
		"AND s.srvname LIKE '" RUSTS_SERVER_PREFIX "%%' "
		"AND s.srvname NOT IN (''%s)", keep.data));
	if (names == NULL)
		return;
	rusts_cluster_execute(psprintf(
		"DO $$ DECLARE m record; BEGIN "
		"FOR m IN SELECT srvname, usename FROM pg_catalog.pg_user_mappings "
		"WHERE srvname LIKE '" RUSTS_SERVER_PREFIX "%%' "
		"AND srvname NOT IN (''%s) LOOP "
		"EXECUTE pg_catalog.format('DROP USER MAPPING FOR %%I SERVER %%I', "
		"m.usename, m.srvname); END LOOP; END $$", keep.data));
	rusts_cluster_execute(psprintf("DROP SERVER %s", names));
}

static void
apply_server(const RustsClusterConfig *config, const RustsShardGroup *group)
{
	char	   *name = rusts_server_name(config, group);
	ForeignServer *server = GetForeignServerByName(name, true);
	ServerOption options[MAX_OPTIONS];
	int			noptions = make_options(config, group, options);

	if (server == NULL)
		create_server(name, options, noptions);
	else
		alter_server(server, options, noptions);
	map_users(name);
}

static int
make_options(const RustsClusterConfig *config, const RustsShardGroup *group,
			 ServerOption *options)
{
	const RustsClusterNode *primary = &config->nodes[group->primary];
	Bitmapset  *nodes = readable_nodes(config, group);
	ServerOption all[] = {
		{"host", join_addresses(config, group, nodes, false)},
		{"port", join_addresses(config, group, nodes, true)},
		{"dbname", primary->dbname ? primary->dbname :
		get_database_name(MyDatabaseId)},
		{"sslmode", primary->sslmode},
		{"passfile", primary->passfile},
		{"application_name", psprintf("rusts:%s:%s", config->cluster_name,
									  config->node_id)},
		{"extensions", "rusts"},
		{"async_capable", "true"},
		{"parallel_commit", "true"},
		{"fetch_size", "10000"},
		{"connect_timeout", psprintf("%d",
									 Max(2, rusts_cluster_timeout / 1000))},
	};

	StaticAssertStmt(lengthof(all) <= MAX_OPTIONS, "too many options");
	memcpy(options, all, sizeof(all));
	return lengthof(all);
}

/* If all are away, all of them: who is asked says what is wrong. */
static Bitmapset *
readable_nodes(const RustsClusterConfig *config, const RustsShardGroup *group)
{
	Bitmapset  *nodes = bms_make_singleton(group->primary);
	Bitmapset  *readable;
	ListCell   *cell;

	foreach(cell, group->replicas)
		nodes = bms_add_member(nodes, lfirst_int(cell));
	readable = bms_difference(nodes, rusts_away_nodes(config));
	return bms_is_empty(readable) ? nodes : readable;
}

static char *
join_addresses(const RustsClusterConfig *config,
			   const RustsShardGroup *group, const Bitmapset *nodes,
			   bool ports)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	if (bms_is_member(group->primary, nodes))
		append_node(&list, &config->nodes[group->primary], ports);
	foreach(cell, group->replicas)
	{
		if (bms_is_member(lfirst_int(cell), nodes))
			append_node(&list, &config->nodes[lfirst_int(cell)], ports);
	}
	return list.data;
}

static void
append_node(StringInfo list, const RustsClusterNode *node, bool port)
{
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	if (port)
		appendStringInfo(list, "%d", node->port);
	else
		appendStringInfoString(list, node->host);
}

static void
create_server(const char *name, const ServerOption *options, int noptions)
{
	StringInfoData sql;
	const char *separator = "";
	int			i;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE SERVER %s FOREIGN DATA WRAPPER "
					 RUSTS_FDW_NAME " OPTIONS (", name);
	for (i = 0; i < noptions; i++)
	{
		if (options[i].value == NULL)
			continue;
		appendStringInfo(&sql, "%s%s %s", separator, options[i].name,
						 quote_literal_cstr(options[i].value));
		separator = ", ";
	}
	appendStringInfoChar(&sql, ')');
	rusts_cluster_execute(sql.data);
	rusts_cluster_execute(psprintf(
		"GRANT USAGE ON FOREIGN SERVER %s TO PUBLIC", name));
}

static void
alter_server(ForeignServer *server, const ServerOption *options, int noptions)
{
	StringInfoData sql;
	const char *separator = "";
	int			i;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER SERVER %s OPTIONS (", server->servername);
	for (i = 0; i < noptions; i++)
	{
		const char *present = find_option(server->options, options[i].name);
		const char *wanted = options[i].value;

		if (present == NULL && wanted == NULL)
			continue;
		if (present != NULL && wanted != NULL && strcmp(present, wanted) == 0)
			continue;
		if (wanted == NULL)
			appendStringInfo(&sql, "%sDROP %s", separator, options[i].name);
		else
			appendStringInfo(&sql, "%s%s %s %s", separator,
							 present == NULL ? "ADD" : "SET",
							 options[i].name, quote_literal_cstr(wanted));
		separator = ", ";
	}
	if (*separator == '\0')
		return;
	appendStringInfoChar(&sql, ')');
	rusts_cluster_execute(sql.data);
}

static const char *
find_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0)
			return defGetString(option);
	}
	return NULL;
}

/*
 * A role is itself on other nodes.  Without a mapping of its own a role could
 * not connect, and with one for PUBLIC it would be whom libpq takes it for.
 */
static void
map_users(const char *server)
{
	rusts_cluster_execute(psprintf(
		"DO $$ DECLARE r name; BEGIN "
		"FOR r IN SELECT rolname FROM pg_catalog.pg_roles "
		"WHERE rolcanlogin AND NOT EXISTS "
		"(SELECT FROM pg_catalog.pg_user_mappings AS m "
		"WHERE m.srvname = '%s' AND m.usename = rolname) LOOP "
		"EXECUTE pg_catalog.format('CREATE USER MAPPING IF NOT EXISTS FOR %%I "
		"SERVER %s OPTIONS (user %%L, password_required %%L)', r, r, 'false'); "
		"END LOOP; END $$", server, server));
}
