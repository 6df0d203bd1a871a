/*-------------------------------------------------------------------------
 *
 * change_stage.c
 *	  New partitions on a node, made and filled before they are any.
 *
 * Rows come through the partitions that there are: of its own tables, or, by
 * way of their foreign tables, of other nodes.
 *
 * src/cluster/change_stage.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cluster/change_parts.h"
#include "cluster/copy_rows.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/options.h"
#include "meta/schema.h"

/* Of a table that stays; about a tenth of a second. */
#define MAX_DELETED_ROWS	20000

PG_FUNCTION_INFO_V1(rusts_cluster_stage);
PG_FUNCTION_INFO_V1(rusts_cluster_copy);

static void drop_all_since(char kind, const char *what);
static void stage_since(const RustsReshaping *reshaping);
static bool too_many_to_delete(const RustsWantedPart *wanted);
static void reserve(const RustsWantedPart *wanted);
static bool is_source(const RustsReshaping *reshaping, const RustsPart *part);
static void mark(const char *name);
static void stage(RustsReshaping *reshaping, const RustsWantedPart *wanted);
static bool may_copy(const RustsReshaping *reshaping,
					 const RustsWantedPart *wanted, bool since);
static int64 copy(const RustsReshaping *reshaping,
				  const RustsWantedPart *wanted, bool since);
static int64 copy_part(const RustsReshaping *reshaping,
					   const RustsWantedPart *wanted, const RustsPart *part,
					   const char *columns, bool since);
static void copy_batches(const RustsWantedPart *wanted,
						 const RustsPart *part);
static char *batches_name(const RustsPart *part);
static char *describe_table(Oid relid);

/*
 * rusts.cluster_stage(config text) RETURNS int8
 */
Datum
rusts_cluster_stage(PG_FUNCTION_ARGS)
{
	RustsClusterConfig *config =
		rusts_change_config(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	int64		nstaged = 0;
	ListCell   *cell;

	rusts_drop_since();
	rusts_drop_staged();
	foreach(cell, rusts_cluster_measurements(config->nshards))
	{
		RustsReshaping *reshaping = rusts_reshaping(config, lfirst_oid(cell));
		int			i;

		for (i = 0; reshaping != NULL && i < reshaping->nwanted; i++)
		{
			RustsWantedPart *wanted = &reshaping->wanted[i];

			if (wanted->kept != NULL && wanted->local)
				reserve(wanted);
			if (too_many_to_delete(wanted))
				rusts_restage(wanted);
			if (rusts_is_staged(wanted))
			{
				stage(reshaping, wanted);
				nstaged++;
			}
		}
		if (reshaping != NULL)
			stage_since(reshaping);
	}
	PG_RETURN_INT64(nstaged);
}

/*
 * rusts.cluster_copy(config text, what text) RETURNS int8
 *
 * What is all, or since: what was written lately, in addition to what is
 * there.  -1: that cannot be done.
 */
Datum
rusts_cluster_copy(PG_FUNCTION_ARGS)
{
	RustsClusterConfig *config =
		rusts_change_config(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool		since = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(1)),
							   "since") == 0;
	int64		nrows = 0;
	ListCell   *cell;

	foreach(cell, rusts_cluster_measurements(config->nshards))
	{
		RustsReshaping *reshaping = rusts_reshaping(config, lfirst_oid(cell));
		int			i;

		for (i = 0; reshaping != NULL && i < reshaping->nwanted; i++)
		{
			if (!rusts_is_staged(&reshaping->wanted[i]))
				continue;
			if (!may_copy(reshaping, &reshaping->wanted[i], since))
				PG_RETURN_INT64(-1);
			nrows += copy(reshaping, &reshaping->wanted[i], since);
		}
	}
	PG_RETURN_INT64(nrows);
}

void
rusts_drop_staged(void)
{
	char	   *names = rusts_cluster_select(
		"SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::pg_catalog.text, ', ') "
		"FROM pg_catalog.pg_class AS c "
		"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
		"WHERE n.nspname = '" RUSTS_SHARD_SCHEMA "' AND c.relkind = 'r' "
		"AND NOT c.relispartition "
		"AND pg_catalog.obj_description(c.oid, 'pg_class') = '"
		RUSTS_STAGED_COMMENT "'");

	if (names != NULL)
		rusts_cluster_execute(psprintf("DROP TABLE %s", names));
}

void
rusts_drop_since(void)
{
	drop_all_since('v', "VIEW");
	drop_all_since('f', "FOREIGN TABLE");
}

void
rusts_label_part(const RustsReshaping *reshaping, Oid relid)
{
	Oid			parent = reshaping->relid;
	Relation	rel = relation_open(parent, AccessShareLock);
	RustsOptions own = reshaping->options;
	ObjectAddress address;
	const char *label;
	int			i;

	for (i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), i);

		if (attr->attisdropped)
			continue;
		ObjectAddressSubSet(address, RelationRelationId, parent, i + 1);
		label = GetSecurityLabel(&address, RUSTS_LABEL_PROVIDER);
		if (label == NULL)
			continue;
		ObjectAddressSubSet(address, RelationRelationId, relid,
							get_attnum(relid, NameStr(attr->attname)));
		SetSecurityLabel(&address, RUSTS_LABEL_PROVIDER, label);
	}
	relation_close(rel, AccessShareLock);

	CommandCounterIncrement();
	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE &&
		own.wal_mode == RUSTS_WAL_NONE)
		own.wal_mode = RUSTS_OPTION_UNSET;
	rusts_options_store(relid, &own);
}

static void
drop_all_since(char kind, const char *what)
{
	char	   *names = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::pg_catalog.text, ', ') "
		"FROM pg_catalog.pg_class AS c "
		"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
		"WHERE n.nspname = '" RUSTS_SHARD_SCHEMA "' AND c.relkind = '%c' "
		"AND pg_catalog.starts_with(c.relname, '" RUSTS_SINCE_PREFIX "')",
		kind));

	if (names != NULL)
		rusts_cluster_execute(psprintf("DROP %s %s", what, names));
}

/*
 * Rows of shards that leave a table that stays are deleted while nobody can
 * read or write.  Where that would take long the table does not stay.
 */
static bool
too_many_to_delete(const RustsWantedPart *wanted)
{
	double		nrows;
	int			before;

	if (!wanted->local || wanted->kept == NULL)
		return false;
	nrows = atof(rusts_cluster_select(psprintf(
		"SELECT coalesce(pg_catalog.sum(nrows), 0) FROM rusts.segment "
		"WHERE storage_id = rusts.storage_id(%u)", wanted->kept->relid)));
	before = bms_num_members(wanted->kept->shards);
	return nrows * (before - bms_num_members(wanted->group->shards)) / before >
		MAX_DELETED_ROWS;
}

/*
 * Nodes commit one after the other.  Who asks for a table by its new name a
 * moment too early must find something, to wait for its lock.
 */
static void
reserve(const RustsWantedPart *wanted)
{
	Oid			namespace = get_namespace_oid(RUSTS_SHARD_SCHEMA, false);

	if (strcmp(wanted->kept->name, wanted->name) == 0 ||
		OidIsValid(get_relname_relid(wanted->name, namespace)))
		return;
	rusts_cluster_execute(psprintf("CREATE TABLE " RUSTS_SHARD_SCHEMA ".%s ()",
								   quote_identifier(wanted->name)));
	mark(wanted->name);
}

/* Foreign tables of views that other nodes will have, change_mark.c. */
static void
stage_since(const RustsReshaping *reshaping)
{
	char	   *columns = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname) || ' ' || "
		"pg_catalog.format_type(atttypid, atttypmod), ', ' ORDER BY attnum) "
		"FROM pg_catalog.pg_attribute "
		"WHERE attrelid = %u AND attnum > 0 AND NOT attisdropped",
		reshaping->relid));
	int			i;

	for (i = 0; i < reshaping->nparts; i++)
	{
		const RustsPart *part = &reshaping->parts[i];
		char	   *name;
		char	   *server;

		if (part->local || !is_source(reshaping, part))
			continue;
		name = rusts_since_name(part->name);
		server = rusts_cluster_select(psprintf(
			"SELECT pg_catalog.quote_ident(s.srvname) "
			"FROM pg_catalog.pg_foreign_table AS t "
			"JOIN pg_catalog.pg_foreign_server AS s ON s.oid = t.ftserver "
			"WHERE t.ftrelid = %u", part->relid));
		rusts_cluster_execute(psprintf(
			"CREATE FOREIGN TABLE " RUSTS_SHARD_SCHEMA ".%s (%s) SERVER %s "
			"OPTIONS (schema_name '" RUSTS_SHARD_SCHEMA "', table_name '%s')",
			name, columns, server, name));
		rusts_cluster_execute(psprintf(
			"CREATE FOREIGN TABLE %s (batch text, part name, "
			"stored_at timestamptz) SERVER %s OPTIONS (schema_name 'rusts', "
			"table_name 'cluster_batch')", batches_name(part), server));
	}
}

/* Does some staged table get rows of it? */
static bool
is_source(const RustsReshaping *reshaping, const RustsPart *part)
{
	int			i;

	for (i = 0; i < reshaping->nwanted; i++)
	{
		if (rusts_is_staged(&reshaping->wanted[i]) &&
			bms_overlap(part->shards, reshaping->wanted[i].group->shards))
			return true;
	}
	return false;
}

static void
mark(const char *name)
{
	rusts_cluster_execute(psprintf("COMMENT ON TABLE " RUSTS_SHARD_SCHEMA
								   ".%s IS '" RUSTS_STAGED_COMMENT "'",
								   quote_identifier(name)));
}

/*
 * Like the measurement, and with a constraint that spares ATTACH PARTITION the
 * reading of the rows.
 */
static void
stage(RustsReshaping *reshaping, const RustsWantedPart *wanted)
{
	char	   *name = rusts_staged_name(reshaping, wanted);
	Oid			relid;

	rusts_cluster_execute(psprintf(
		"CREATE %sTABLE " RUSTS_SHARD_SCHEMA ".%s (LIKE %s INCLUDING DEFAULTS "
		"INCLUDING GENERATED INCLUDING CONSTRAINTS, "
		"CONSTRAINT rusts_shard CHECK (%s IS NOT NULL AND %s = ANY (ARRAY[%s])))"
		" USING rusts",
		reshaping->options.wal_mode == RUSTS_WAL_NONE ? "UNLOGGED " : "",
		quote_identifier(name), reshaping->parent, reshaping->shard,
		reshaping->shard,
		rusts_shard_list(wanted->group->shards)));
	mark(name);
	relid = get_relname_relid(name,
							  get_namespace_oid(RUSTS_SHARD_SCHEMA, false));
	rusts_label_part(reshaping, relid);
}

/*
 * The measurement may have come after the tables were staged, or have other
 * columns or constraints.  Rows are copied twice only where they become one.
 */
static bool
may_copy(const RustsReshaping *reshaping, const RustsWantedPart *wanted,
		 bool since)
{
	const char *name = rusts_staged_name(reshaping, wanted);
	Oid			relid = rusts_find_staged(name);
	Relation	rel;
	bool		merges;
	int			i;

	if (!OidIsValid(relid) ||
		strcmp(describe_table(relid),
			   describe_table(reshaping->relid)) != 0)
		return false;
	if (!since)
		return true;
	for (i = 0; i < reshaping->nparts; i++)
	{
		const RustsPart *part = &reshaping->parts[i];

		if (bms_overlap(part->shards, wanted->group->shards) &&
			!OidIsValid(rusts_find_staged(rusts_since_name(part->name))))
			return false;
	}
	rel = table_open(relid, AccessShareLock);
	merges = rusts_merges_duplicates(rel);
	table_close(rel, NoLock);
	return merges;
}

static int64
copy(const RustsReshaping *reshaping, const RustsWantedPart *wanted,
	 bool since)
{
	char	   *columns = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' "
		"ORDER BY attnum) FROM pg_catalog.pg_attribute "
		"WHERE attrelid = %u AND attnum > 0 AND NOT attisdropped "
		"AND attgenerated <> 'v'",
		reshaping->relid));
	int64		nrows = 0;
	int			i;

	if (!since)
		rusts_cluster_execute(psprintf(
			"TRUNCATE " RUSTS_SHARD_SCHEMA ".%s",
			quote_identifier(rusts_staged_name(reshaping, wanted))));
	for (i = 0; i < reshaping->nparts; i++)
	{
		if (bms_overlap(reshaping->parts[i].shards, wanted->group->shards))
			nrows += copy_part(reshaping, wanted, &reshaping->parts[i],
							   columns, since);
	}
	return nrows;
}

static int64
copy_part(const RustsReshaping *reshaping, const RustsWantedPart *wanted,
		  const RustsPart *part, const char *columns, bool since)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM ONLY " RUSTS_SHARD_SCHEMA ".%s",
					 columns,
					 quote_identifier(since ? rusts_since_name(part->name) :
									  part->name));
	if (!bms_is_subset(part->shards, wanted->group->shards))
		appendStringInfo(&sql, " WHERE %s = ANY ('{%s}')", reshaping->shard,
						 rusts_shard_list(wanted->group->shards));
	copy_batches(wanted, part);
	return rusts_copy_rows(rusts_find_staged(rusts_staged_name(reshaping,
															   wanted)),
						   sql.data);
}

/*
 * A batch is stored by all or by none: who knows of it may refuse it for other
 * shards, too, when it is sent again.
 */
static void
copy_batches(const RustsWantedPart *wanted, const RustsPart *part)
{
	rusts_cluster_execute(psprintf(
		"INSERT INTO rusts.cluster_batch (batch, part, stored_at) "
		"SELECT batch, %s, stored_at FROM %s WHERE part = %s "
		"ON CONFLICT DO NOTHING", quote_literal_cstr(wanted->name),
		part->local ? "rusts.cluster_batch" : batches_name(part),
		quote_literal_cstr(part->name)));
}

static char *
batches_name(const RustsPart *part)
{
	return psprintf(RUSTS_SHARD_SCHEMA ".%s_b", rusts_since_name(part->name));
}

/* What a partition has to have in common with its measurement. */
static char *
describe_table(Oid relid)
{
	return rusts_cluster_select(psprintf(
		"SELECT pg_catalog.concat(pg_catalog.string_agg(pg_catalog.format("
		"'%%I %%s/%%s/%%s/%%s', attname, atttypid, atttypmod, attnotnull, "
		"attgenerated), ', ' ORDER BY attname), "
		"(SELECT pg_catalog.string_agg(pg_catalog.format('; %%I %%s', conname, "
		"pg_catalog.pg_get_expr(conbin, conrelid)), '' ORDER BY conname) "
		"FROM pg_catalog.pg_constraint WHERE conrelid = %u "
		"AND contype = 'c' AND conname <> 'rusts_shard')) "
		"FROM pg_catalog.pg_attribute "
		"WHERE attrelid = %u AND attnum > 0 AND NOT attisdropped", relid,
		relid));
}
