/*-------------------------------------------------------------------------
 *
 * measurement.c
 *	  Measurements of a cluster: made and altered in this database.
 *
 * The measurement itself, a partitioned table, is made by the user who writes,
 * with his own rights.  Its partitions lie in a schema of ours: a superuser
 * makes them, and gives them to the measurement's owner.
 *
 * src/cluster/measurement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/shard_hash.h"
#include "cluster/change_parts.h"
#include "cluster/measurement.h"
#include "cluster/servers.h"
#include "cluster/shard.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/options.h"

static void lock_name(Oid namespace, const char *name);
static void create(const RustsClusterConfig *config,
				   RustsClusterMeasurement *measurement);
static void create_partitions(const RustsClusterConfig *config,
							  const RustsClusterMeasurement *measurement);
static void choose_tags(RustsClusterMeasurement *measurement);
static int	compare_names(const ListCell *a, const ListCell *b);
static char *partition_key(const RustsClusterConfig *config,
						   const RustsClusterMeasurement *measurement);
static void append_column(StringInfo sql, const RustsClusterColumn *column);
static void create_partition(const RustsClusterConfig *config,
							 const RustsShardGroup *group,
							 const RustsClusterMeasurement *measurement);
static void add_columns(const RustsClusterConfig *config,
						RustsClusterMeasurement *measurement, Oid relid);
static bool has_column(const RustsClusterMeasurement *measurement,
					   Relation rel, const RustsSchema *schema,
					   const RustsClusterColumn *column);
static void label(const RustsClusterMeasurement *measurement, Oid relid,
				  bool fresh);

void
rusts_measurement_ensure(const RustsClusterConfig *config,
						 RustsClusterMeasurement *measurement)
{
	Oid			namespace = get_namespace_oid(measurement->schema, false);
	Oid			relid;

	lock_name(namespace, measurement->name);
	relid = get_relname_relid(measurement->name, namespace);
	if (OidIsValid(relid))
		add_columns(config, measurement, relid);
	else
		create(config, measurement);
}

char *
rusts_partition_name(const RustsClusterConfig *config,
					 const RustsShardGroup *group, const char *schema,
					 const char *measurement)
{
	char		suffix[RUSTS_GROUP_NAME_LEN];
	int			room = NAMEDATALEN - 1 - RUSTS_GROUP_NAME_LEN;
	int			len = strlen(measurement);

	rusts_group_name(config, group, suffix);

	/* Elsewhere, or when it is too long, its name is not all that tells. */
	if (len > room || strcmp(schema, "public") != 0)
	{
		uint64		hash = RUSTS_SHARD_HASH_INIT;

		hash = rusts_shard_hash_text(hash, suffix, strlen(suffix));
		hash = rusts_shard_hash_text(hash, schema, strlen(schema));
		hash = rusts_shard_hash_text(hash, measurement, len);
		snprintf(suffix, sizeof(suffix), "%08x", (uint32) (hash >> 32));
		len = pg_mbcliplen(measurement, len, room);
	}
	return psprintf("%.*s_%s", len, measurement, suffix);
}

/*
 * Who makes or alters measurements of this name waits here, until the end of
 * the transaction; a subobject of the schema that nothing else locks.
 */
static void
lock_name(Oid namespace, const char *name)
{
	uint64		hash = rusts_shard_hash_text(RUSTS_SHARD_HASH_INIT, name,
											 strlen(name));

	LockDatabaseObject(NamespaceRelationId, namespace,
					   (uint16) (hash >> 48) | 1, ExclusiveLock);
}

static void
create(const RustsClusterConfig *config, RustsClusterMeasurement *measurement)
{
	StringInfoData sql;
	int			i;

	if (!measurement->made)
		choose_tags(measurement);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (",
					 quote_qualified_identifier(measurement->schema,
												measurement->name));
	for (i = 0; i < measurement->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(&sql, ", ");
		append_column(&sql, &measurement->columns[i]);
	}
	appendStringInfo(&sql, ") PARTITION BY LIST (%s)",
					 partition_key(config, measurement));
	rusts_cluster_execute(sql.data);

	create_partitions(config, measurement);
	label(measurement, get_relname_relid(measurement->name,
										 get_namespace_oid(measurement->schema,
														   false)), true);
}

static void
create_partitions(const RustsClusterConfig *config,
				  const RustsClusterMeasurement *measurement)
{
	RustsActAs	self;
	int			i;

	rusts_act_as_owner(&self);
	for (i = 0; i < config->ngroups; i++)
		create_partition(config, &config->groups[i], measurement);
	rusts_act_as_self(&self);
	CommandCounterIncrement();
}

/* All that it has from the beginning; their order must be the same always. */
static void
choose_tags(RustsClusterMeasurement *measurement)
{
	int			i;

	measurement->tags = NIL;
	for (i = 0; i < measurement->ncolumns; i++)
	{
		if (measurement->columns[i].role == RUSTS_ROLE_TAG)
			measurement->tags = lappend(measurement->tags,
										measurement->columns[i].name);
	}
	list_sort(measurement->tags, compare_names);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Series that nothing distinguishes are one, of the measurement. */
static char *
partition_key(const RustsClusterConfig *config,
			  const RustsClusterMeasurement *measurement)
{
	const char *function = psprintf("%s.rusts_shard_of",
									rusts_cluster_select(
		"SELECT pg_catalog.quote_ident(n.nspname) "
		"FROM pg_catalog.pg_extension AS e "
		"JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace "
		"WHERE e.extname = 'rusts'"));
	const char *name = quote_literal_cstr(measurement->name);
	StringInfoData names;
	StringInfoData values;
	ListCell   *cell;

	initStringInfo(&names);
	initStringInfo(&values);
	foreach(cell, measurement->tags)
	{
		const char *separator = cell == list_head(measurement->tags) ?
			"" : ", ";

		appendStringInfo(&names, "%s%s", separator,
						 quote_literal_cstr(lfirst(cell)));
		appendStringInfo(&values, "%s%s", separator,
						 quote_identifier(lfirst(cell)));
	}
	switch (config->sharding_strategy)
	{
		case RUSTS_SHARDING_BY_SERIES:
			if (measurement->tags == NIL)
				break;
			return psprintf("%s(%d, %s, ARRAY[%s]::pg_catalog.text[], "
							"ARRAY[%s]::pg_catalog.text[])", function,
							config->nshards, name, names.data, values.data);
		case RUSTS_SHARDING_BY_MEASUREMENT:
			break;
		case RUSTS_SHARDING_BY_TIME:
			return psprintf("%s(%d, \"time\", " INT64_FORMAT
							"::pg_catalog.int8)", function, config->nshards,
							config->time_shard_us / USECS_PER_SEC);
		case RUSTS_SHARDING_COMPOSITE:
			return psprintf("%s(%d, %s, ARRAY[%s]::pg_catalog.text[], "
							"ARRAY[%s]::pg_catalog.text[], \"time\", "
							INT64_FORMAT "::pg_catalog.int8)", function,
							config->nshards, name, names.data, values.data,
							config->time_shard_us / USECS_PER_SEC);
	}
	return psprintf("%s(%d, %s, \"time\")", function, config->nshards, name);
}

static void
append_column(StringInfo sql, const RustsClusterColumn *column)
{
	const char *type = format_type_be_qualified(column->type);

	appendStringInfo(sql, "%s %s", quote_identifier(column->name), type);
	if (column->role == RUSTS_ROLE_TIME)
		appendStringInfoString(sql, " NOT NULL");
	else if (column->role == RUSTS_ROLE_TIME_NS)
		appendStringInfoString(sql, " NOT NULL DEFAULT 0");
}

static void
create_partition(const RustsClusterConfig *config,
				 const RustsShardGroup *group,
				 const RustsClusterMeasurement *measurement)
{
	bool		here = rusts_group_has_node(group, config->self);
	char	   *name = rusts_partition_name(config, group, measurement->schema,
											measurement->name);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE %sTABLE " RUSTS_SHARD_SCHEMA
					 ".%s PARTITION OF %s FOR VALUES IN (",
					 here ? "" : "FOREIGN ", quote_identifier(name),
					 quote_qualified_identifier(measurement->schema,
												measurement->name));
	appendStringInfoString(&sql, rusts_shard_list(group->shards));
	if (here)
		appendStringInfoString(&sql, ") USING rusts");
	else
		appendStringInfo(&sql, ") SERVER %s OPTIONS (schema_name '"
						 RUSTS_SHARD_SCHEMA "', table_name %s)",
						 rusts_server_name(config, group),
						 quote_literal_cstr(name));
	rusts_cluster_execute(sql.data);
	rusts_cluster_execute(psprintf("ALTER TABLE " RUSTS_SHARD_SCHEMA
								   ".%s OWNER TO %s", quote_identifier(name),
								   rusts_cluster_select(psprintf(
		"SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(relowner)) "
		"FROM pg_catalog.pg_class WHERE oid = %s::pg_catalog.regclass",
		quote_literal_cstr(quote_qualified_identifier(measurement->schema,
													  measurement->name))))));
}

static void
add_columns(const RustsClusterConfig *config,
			RustsClusterMeasurement *measurement, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	RustsShardKey *key = rusts_shard_key(rel);
	RustsSchema *schema;
	StringInfoData sql;
	const char *separator = "";
	bool		is_bare;
	int			i;

	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a measurement of the cluster",
						measurement->name)));
	measurement->tags = NIL;
	for (i = 0; i < key->ntags; i++)
		measurement->tags = lappend(measurement->tags, key->tags[i]);
	schema = rusts_schema_build(rel);
	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s ",
					 quote_qualified_identifier(measurement->schema,
												measurement->name));
	for (i = 0; i < measurement->ncolumns; i++)
	{
		if (has_column(measurement, rel, schema, &measurement->columns[i]))
			continue;
		appendStringInfo(&sql, "%sADD COLUMN ", separator);
		append_column(&sql, &measurement->columns[i]);
		separator = ", ";
	}
	relation_close(rel, NoLock);
	is_bare = find_inheritance_children(relid, NoLock) == NIL;
	if (*separator == '\0' && !is_bare)
		return;
	if (*separator != '\0')
		rusts_cluster_execute(sql.data);

	/* This database was a node before, and is again. */
	if (is_bare)
		create_partitions(config, measurement);
	CommandCounterIncrement();
	label(measurement, relid, is_bare);
}

/* Error if it has another one of that name. */
static bool
has_column(const RustsClusterMeasurement *measurement, Relation rel,
		   const RustsSchema *schema, const RustsClusterColumn *column)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), column->name);
	const RustsColumn *present;

	if (attno == InvalidAttrNumber)
		return false;
	present = attno > 0 ? &schema->columns[schema->by_attno[attno - 1]] : NULL;
	if (present == NULL || present->role != column->role)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of measurement \"%s\" is %s",
						column->name, measurement->name,
						present != NULL && present->role == RUSTS_ROLE_TAG ?
						"a tag" : "not a tag")));
	if (present->typid != column->type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of measurement \"%s\" has type %s, not %s",
						column->name, measurement->name,
						format_type_be(present->typid),
						format_type_be(column->type))));
	return true;
}

/*
 * Tags are tags in all partitions; and in those that are new, points written
 * twice are one.
 */
static void
label(const RustsClusterMeasurement *measurement, Oid relid, bool fresh)
{
	RustsOptions options;
	ListCell   *cell;
	int			i;

	(void) rusts_options_parse(NULL, &options);
	options.duplicates = RUSTS_DUPLICATES_MERGE;
	foreach(cell, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid			part = lfirst_oid(cell);
		ObjectAddress address;

		for (i = 0; i < measurement->ncolumns; i++)
		{
			const RustsClusterColumn *column = &measurement->columns[i];

			if (column->role != RUSTS_ROLE_TAG)
				continue;
			ObjectAddressSubSet(address, RelationRelationId, part,
								get_attnum(part, column->name));
			SetSecurityLabel(&address, RUSTS_LABEL_PROVIDER, RUSTS_TAG_LABEL);
		}
		if (fresh && part != relid)
			rusts_options_store(part, &options);
		CacheInvalidateRelcacheByRelid(part);
	}
	CommandCounterIncrement();
}
