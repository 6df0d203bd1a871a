/*-------------------------------------------------------------------------
 *
 * change_switch.c
 *	  A node goes over to another configuration.
 *
 * All nodes do it in one distributed transaction, with everybody who writes
 * or reads locked out; nothing here takes long, but that rows of shards that
 * have left a table that stays are deleted.
 *
 * src/cluster/change_switch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "cluster/accept.h"
#include "cluster/change.h"
#include "cluster/change_parts.h"
#include "cluster/measurement.h"
#include "cluster/row_security.h"
#include "cluster/servers.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_lock);
PG_FUNCTION_INFO_V1(rusts_cluster_switch);

static bool running = false;

static void drop_parts(RustsReshaping *reshaping, bool all);
static void leave_shards(RustsReshaping *reshaping,
						 const RustsWantedPart *wanted);
static void free_names(RustsReshaping *reshaping);
static void settle(const RustsClusterConfig *config,
				   RustsReshaping *reshaping);
static void attach(RustsReshaping *reshaping, const RustsWantedPart *wanted);
static void make_foreign(const RustsClusterConfig *config,
						 const RustsReshaping *reshaping,
						 const RustsWantedPart *wanted);
static void set_privileges(const RustsReshaping *reshaping, const char *name);
static void drop_reserved(const char *name);
static void rename_part(const char *from, const char *to);
static char *aside_name(const RustsPart *part);
static void at_xact_end(XactEvent event, void *arg);

/*
 * rusts.cluster_lock(what text, timeout_ms int4) RETURNS void
 */
Datum
rusts_cluster_lock(PG_FUNCTION_ARGS)
{
	rusts_change_lock(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					  PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

/*
 * rusts.cluster_switch(config text) RETURNS void
 */
Datum
rusts_cluster_switch(PG_FUNCTION_ARGS)
{
	rusts_change_switch(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/*
 * Writers come by way of a measurement; then their rows come to partitions of
 * other nodes.  So first measurements are locked, on all nodes, and whoever
 * was writing can end; and then partitions.
 */
void
rusts_change_lock(const char *what, int timeout_ms)
{
	const RustsClusterConfig *config = rusts_cluster();
	LOCKMODE	mode = strcmp(what, "reads") == 0 ? AccessExclusiveLock :
		ShareRowExclusiveLock;
	ListCell   *cell;

	rusts_cluster_check_user();
	if (config == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database is not a node of a cluster")));
	(void) set_config_option("lock_timeout", psprintf("%d", timeout_ms),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
							 true, 0, false);
	if (strcmp(what, "writes") == 0)
		rusts_cluster_execute("LOCK TABLE rusts.cluster "
							  "IN SHARE ROW EXCLUSIVE MODE");
	foreach(cell, rusts_cluster_measurements(config->nshards))
	{
		Oid			relid = lfirst_oid(cell);

		if (strcmp(what, "parts") == 0)
			(void) find_inheritance_children(relid, mode);
		else
			LockRelationOid(relid, mode);
	}
}

void
rusts_change_switch(const char *text)
{
	static bool registered = false;
	RustsClusterConfig *config = rusts_change_config(text);
	List	   *reshapings = NIL;
	ListCell   *cell;

	if (!registered)
		RegisterXactCallback(at_xact_end, NULL);
	registered = true;
	running = true;
	rusts_drop_since();
	foreach(cell, rusts_cluster_measurements(config->nshards))
	{
		RustsReshaping *reshaping;

		LockRelationOid(lfirst_oid(cell), AccessExclusiveLock);
		(void) find_inheritance_children(lfirst_oid(cell),
										 AccessExclusiveLock);
		reshaping = rusts_reshaping(config, lfirst_oid(cell));
		if (reshaping == NULL)
			continue;
		reshapings = lappend(reshapings, reshaping);
		drop_parts(reshaping, config->self < 0);
		if (config->self >= 0)
			free_names(reshaping);
	}

	/* Who is no node any more has no use for the rest. */
	if (config->self < 0)
	{
		rusts_accept_nothing();
		return;
	}
	rusts_accept(text, config->node_id);
	foreach(cell, reshapings)
		settle(config, lfirst(cell));
}

bool
rusts_change_running(void)
{
	return running;
}

static void
drop_parts(RustsReshaping *reshaping, bool all)
{
	int			i;

	for (i = 0; i < reshaping->nparts; i++)
	{
		const RustsPart *part = &reshaping->parts[i];

		if (all || !part->taken)
			rusts_cluster_execute(psprintf(
				"DROP %sTABLE " RUSTS_SHARD_SCHEMA ".%s",
				part->local ? "" : "FOREIGN ",
				quote_identifier(part->name)));
	}
}

/* Names and bounds of those that stay may be changed in any order then. */
static void
free_names(RustsReshaping *reshaping)
{
	int			i;

	for (i = 0; i < reshaping->nwanted; i++)
	{
		const RustsWantedPart *wanted = &reshaping->wanted[i];

		if (wanted->kept == NULL)
			continue;
		if (wanted->local)
			leave_shards(reshaping, wanted);
		if (strcmp(wanted->kept->name, wanted->name) != 0)
		{
			drop_reserved(wanted->name);
			rename_part(wanted->kept->name, aside_name(wanted->kept));
		}
		rusts_bound_set_none(reshaping->relid, wanted->kept->relid, i);
	}
}

static void
leave_shards(RustsReshaping *reshaping, const RustsWantedPart *wanted)
{
	Bitmapset  *gone = bms_difference(wanted->kept->shards,
									  wanted->group->shards);
	int			guc_level;

	if (bms_is_empty(gone))
		return;

	/* The rows only move: no trigger is to learn of it, or to prevent it. */
	guc_level = NewGUCNestLevel();
	(void) set_config_option("session_replication_role", "replica",
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	rusts_cluster_execute(psprintf("DELETE FROM ONLY " RUSTS_SHARD_SCHEMA
								   ".%s WHERE %s = ANY ('{%s}')",
								   quote_identifier(wanted->kept->name),
								   reshaping->shard, rusts_shard_list(gone)));
	AtEOXact_GUC(true, guc_level);
}

static void
settle(const RustsClusterConfig *config, RustsReshaping *reshaping)
{
	int			i;

	for (i = 0; i < reshaping->nwanted; i++)
	{
		const RustsWantedPart *wanted = &reshaping->wanted[i];

		if (wanted->kept == NULL)
			continue;
		rusts_bound_set(reshaping->relid, wanted->kept->relid,
						wanted->group->shards);
		if (strcmp(wanted->kept->name, wanted->name) == 0)
			continue;
		rename_part(aside_name(wanted->kept), wanted->name);
		if (wanted->local)
			rusts_cluster_execute(psprintf(
				"INSERT INTO rusts.cluster_batch (batch, part, stored_at) "
				"SELECT batch, %s, stored_at FROM rusts.cluster_batch "
				"WHERE part = %s ON CONFLICT DO NOTHING",
				quote_literal_cstr(wanted->name),
				quote_literal_cstr(wanted->kept->name)));
	}
	for (i = 0; i < reshaping->nwanted; i++)
	{
		const RustsWantedPart *wanted = &reshaping->wanted[i];

		if (wanted->kept != NULL)
			continue;
		if (wanted->local)
			attach(reshaping, wanted);
		else
			make_foreign(config, reshaping, wanted);
	}
	CommandCounterIncrement();
}

static void
attach(RustsReshaping *reshaping, const RustsWantedPart *wanted)
{
	const char *name = quote_identifier(wanted->name);
	const char *staged = rusts_staged_name(reshaping, wanted);

	if (strcmp(staged, wanted->name) != 0)
	{
		drop_reserved(wanted->name);
		rename_part(staged, wanted->name);
	}
	rusts_cluster_execute(psprintf("ALTER TABLE %s ATTACH PARTITION "
								   RUSTS_SHARD_SCHEMA ".%s FOR VALUES IN (%s)",
								   reshaping->parent, name,
								   rusts_shard_list(wanted->group->shards)));
	rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA
								   ".%s DROP CONSTRAINT rusts_shard", name));
	rusts_cluster_execute(psprintf("COMMENT ON TABLE " RUSTS_SHARD_SCHEMA
								   ".%s IS NULL", name));
	set_privileges(reshaping, wanted->name);
}

static void
make_foreign(const RustsClusterConfig *config,
			 const RustsReshaping *reshaping, const RustsWantedPart *wanted)
{
	rusts_cluster_execute(psprintf(
		"CREATE FOREIGN TABLE " RUSTS_SHARD_SCHEMA
		".%s PARTITION OF %s FOR VALUES IN (%s) SERVER %s OPTIONS "
		"(schema_name '" RUSTS_SHARD_SCHEMA "', table_name %s)",
		quote_identifier(wanted->name), reshaping->parent,
		rusts_shard_list(wanted->group->shards),
		rusts_server_name(config, wanted->group),
		quote_literal_cstr(wanted->name)));
	rusts_label_part(reshaping,
					 get_relname_relid(wanted->name,
									   get_namespace_oid(RUSTS_SHARD_SCHEMA,
														 false)));
	set_privileges(reshaping, wanted->name);
}

static void
set_privileges(const RustsReshaping *reshaping, const char *name)
{
	Oid			namespace;

	rusts_cluster_execute(psprintf(
		"ALTER TABLE " RUSTS_SHARD_SCHEMA ".%s OWNER TO %s",
		quote_identifier(name), rusts_cluster_select(psprintf(
		"SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(relowner)) "
		"FROM pg_catalog.pg_class WHERE oid = %u", reshaping->relid))));
	namespace = get_namespace_oid(RUSTS_SHARD_SCHEMA, false);
	rusts_row_security_follow(reshaping->relid,
							  get_relname_relid(name, namespace));
	if (reshaping->grants != NULL)
		rusts_cluster_execute(rusts_cluster_select(psprintf(
			"SELECT pg_catalog.replace(%s, '$part$', %s)",
			quote_literal_cstr(reshaping->grants),
			quote_literal_cstr(psprintf(RUSTS_SHARD_SCHEMA ".%s",
										quote_identifier(name))))));
}

/* What has the name of a partition to come, if anything. */
static void
drop_reserved(const char *name)
{
	if (OidIsValid(rusts_find_staged(name)))
		rusts_cluster_execute(psprintf("DROP TABLE " RUSTS_SHARD_SCHEMA ".%s",
									   quote_identifier(name)));
}

static void
rename_part(const char *from, const char *to)
{
	rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA
								   ".%s RENAME TO %s", quote_identifier(from),
								   quote_identifier(to)));
}

static char *
aside_name(const RustsPart *part)
{
	return psprintf("rusts_aside_%u", part->relid);
}

static void
at_xact_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		running = false;
}
