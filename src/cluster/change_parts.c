/*-------------------------------------------------------------------------
 *
 * change_parts.c
 *	  Partitions of a measurement, as they are and as they are wanted.
 *
 * The bound of a partition is changed in place, in pg_class.  DETACH and
 * ATTACH would have PostgreSQL read all rows that stay, to see whether
 * they belong there.
 *
 * src/cluster/change_parts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "cluster/change_parts.h"
#include "cluster/measurement.h"
#include "cluster/schema_push.h"
#include "cluster/shard.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/schema.h"

static void list_parts(RustsReshaping *reshaping);
static void read_options(RustsReshaping *reshaping);
static RustsPart *find_kept(RustsReshaping *reshaping,
							const RustsWantedPart *wanted, int pass);
static void store_bound(Oid parent, Oid relid, List *datums);

RustsClusterConfig *
rusts_change_config(const char *text)
{
	rusts_cluster_check_user();
	return rusts_cluster_parse(text, rusts_cluster_require()->node_id);
}

List *
rusts_cluster_measurements(int nshards)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, rusts_list_partitioned())
	{
		Relation	rel = try_relation_open(lfirst_oid(cell),
											AccessShareLock);
		RustsShardKey *key;

		if (rel == NULL)
			continue;
		key = rusts_shard_key(rel);
		if (key != NULL && key->nshards == nshards)
			result = lappend_oid(result, lfirst_oid(cell));
		relation_close(rel, AccessShareLock);
	}
	return result;
}

/*
 * A partition is made of the one of the same name if that one has its rows,
 * else of one with the same shards, else of one that has them among others.
 */
RustsReshaping *
rusts_reshaping(const RustsClusterConfig *config, Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	RustsReshaping *reshaping;
	char	   *schema;
	int			pass;
	int			i;

	if (rel == NULL)
		return NULL;
	reshaping = palloc0_object(RustsReshaping);
	reshaping->relid = relid;
	schema = get_namespace_name(RelationGetNamespace(rel));
	reshaping->parent =
		quote_qualified_identifier(schema, RelationGetRelationName(rel));
	reshaping->shard = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.pg_get_expr(partexprs, partrelid) "
		"FROM pg_catalog.pg_partitioned_table WHERE partrelid = %u", relid));
	list_parts(reshaping);
	reshaping->grants = rusts_read_grants(relid);
	read_options(reshaping);

	reshaping->nwanted = config->ngroups;
	reshaping->wanted = palloc0_array(RustsWantedPart, config->ngroups + 1);
	for (i = 0; i < config->ngroups; i++)
	{
		RustsWantedPart *wanted = &reshaping->wanted[i];

		wanted->group = &config->groups[i];
		wanted->local = rusts_group_has_node(wanted->group, config->self);
		wanted->name = rusts_partition_name(config, wanted->group, schema,
											RelationGetRelationName(rel));
	}
	for (pass = 0; pass < 3; pass++)
	{
		for (i = 0; i < reshaping->nwanted; i++)
		{
			RustsWantedPart *wanted = &reshaping->wanted[i];

			if (wanted->kept != NULL || wanted->restaged)
				continue;
			wanted->kept = find_kept(reshaping, wanted, pass);
			if (wanted->kept == NULL)
				continue;
			wanted->kept->taken = true;
			if (wanted->local &&
				OidIsValid(rusts_find_staged(rusts_staged_aside(reshaping,
																wanted))))
				rusts_restage(wanted);
		}
	}
	relation_close(rel, AccessShareLock);
	return reshaping;
}

char *
rusts_staged_name(const RustsReshaping *reshaping,
				  const RustsWantedPart *wanted)
{
	char	   *aside = rusts_staged_aside(reshaping, wanted);
	Oid			namespace = get_namespace_oid(RUSTS_SHARD_SCHEMA, false);

	if (wanted->restaged || OidIsValid(get_relname_relid(aside, namespace)))
		return aside;
	if (OidIsValid(rusts_find_staged(wanted->name)) ||
		!OidIsValid(get_relname_relid(wanted->name, namespace)))
		return wanted->name;
	return aside;
}

/* The end of the name tells groups apart, the OID measurements. */
char *
rusts_staged_aside(const RustsReshaping *reshaping,
				   const RustsWantedPart *wanted)
{
	int			len = strlen(wanted->name);

	return psprintf("rusts_new_%u_%s", reshaping->relid,
					wanted->name + len - (RUSTS_GROUP_NAME_LEN - 1));
}

void
rusts_restage(RustsWantedPart *wanted)
{
	wanted->kept->taken = false;
	wanted->kept->given_up = true;
	wanted->kept = NULL;
	wanted->restaged = true;
}

Oid
rusts_find_staged(const char *name)
{
	Oid			relid =
		get_relname_relid(name, get_namespace_oid(RUSTS_SHARD_SCHEMA, false));

	return OidIsValid(relid) && !get_rel_relispartition(relid) ?
		relid : InvalidOid;
}

Bitmapset *
rusts_bound_shards(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Bitmapset  *shards = NULL;
	bool		isnull;
	Datum		bound;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	bound = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound,
							&isnull);
	if (!isnull)
	{
		PartitionBoundSpec *spec = stringToNode(TextDatumGetCString(bound));
		ListCell   *cell;

		foreach(cell, spec->listdatums)
		{
			Const	   *datum = lfirst(cell);

			if (!datum->constisnull && DatumGetInt32(datum->constvalue) >= 0)
				shards = bms_add_member(shards,
										DatumGetInt32(datum->constvalue));
		}
	}
	ReleaseSysCache(tuple);
	return shards;
}

char *
rusts_shard_list(const Bitmapset *shards)
{
	StringInfoData list;
	int			shard = -1;

	initStringInfo(&list);
	while ((shard = bms_next_member(shards, shard)) >= 0)
		appendStringInfo(&list, "%s%d", list.len > 0 ? "," : "", shard);
	return list.data;
}

void
rusts_bound_set(Oid parent, Oid relid, const Bitmapset *shards)
{
	List	   *datums = NIL;
	int			shard = -1;

	while ((shard = bms_next_member(shards, shard)) >= 0)
		datums = lappend(datums,
						 makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
								   Int32GetDatum(shard), false, true));
	store_bound(parent, relid, datums);
}

void
rusts_bound_set_none(Oid parent, Oid relid, int number)
{
	store_bound(parent, relid,
				list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									 Int32GetDatum(-1 - number), false,
									 true)));
}

static void
list_parts(RustsReshaping *reshaping)
{
	List	   *children = find_inheritance_children(reshaping->relid,
													 AccessShareLock);
	ListCell   *cell;

	reshaping->parts = palloc0_array(RustsPart, list_length(children) + 1);
	foreach(cell, children)
	{
		RustsPart  *part = &reshaping->parts[reshaping->nparts++];

		part->relid = lfirst_oid(cell);
		part->name = get_rel_name(part->relid);
		part->local = get_rel_relkind(part->relid) == RELKIND_RELATION;
		part->shards = rusts_bound_shards(part->relid);
	}
}

/* All partitions have the same. */
static void
read_options(RustsReshaping *reshaping)
{
	ObjectAddress address;
	Oid			part;

	(void) rusts_options_parse(NULL, &reshaping->options);
	if (reshaping->nparts == 0)
		return;
	part = reshaping->parts[0].relid;
	ObjectAddressSet(address, RelationRelationId, part);
	(void) rusts_options_parse(GetSecurityLabel(&address,
												RUSTS_LABEL_PROVIDER),
							   &reshaping->options);
	if (get_rel_persistence(part) == RELPERSISTENCE_UNLOGGED)
		reshaping->options.wal_mode = RUSTS_WAL_NONE;
}

char *
rusts_read_grants(Oid relid)
{
	return rusts_cluster_select(psprintf("SELECT rusts.cluster_grants(%u)",
										 relid));
}

static RustsPart *
find_kept(RustsReshaping *reshaping, const RustsWantedPart *wanted, int pass)
{
	int			i;

	for (i = 0; i < reshaping->nparts; i++)
	{
		RustsPart  *part = &reshaping->parts[i];
		bool		same_name = strcmp(part->name, wanted->name) == 0;

		if (part->taken || part->given_up ||
			part->local != wanted->local)
			continue;
		if (!wanted->local)
		{
			if (same_name)
				return part;
			continue;
		}
		if (!bms_is_subset(wanted->group->shards, part->shards))
			continue;
		if (pass == 0 ? same_name :
			pass == 1 ? bms_equal(wanted->group->shards, part->shards) : true)
			return part;
	}
	return NULL;
}

static void
store_bound(Oid parent, Oid relid, List *datums)
{
	Relation	table = table_open(RelationRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
	PartitionBoundSpec *spec = makeNode(PartitionBoundSpec);
	Datum		values[Natts_pg_class] = {0};
	bool		nulls[Natts_pg_class] = {false};
	bool		replaces[Natts_pg_class] = {false};

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	spec->strategy = PARTITION_STRATEGY_LIST;
	spec->listdatums = datums;
	spec->location = -1;
	values[Anum_pg_class_relpartbound - 1] =
		CStringGetTextDatum(nodeToString(spec));
	replaces[Anum_pg_class_relpartbound - 1] = true;
	tuple = heap_modify_tuple(tuple, RelationGetDescr(table), values, nulls,
							  replaces);
	CatalogTupleUpdate(table, &tuple->t_self, tuple);
	table_close(table, RowExclusiveLock);
	CacheInvalidateRelcacheByRelid(relid);
	CacheInvalidateRelcacheByRelid(parent);
	CommandCounterIncrement();
}
