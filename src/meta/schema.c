/*-------------------------------------------------------------------------
 *
 * schema.c
 *	  What the columns of a measurement are: time, tags, fields, kinds.
 *
 * Nothing about a measurement is kept in tables of our own that could
 * disagree with PostgreSQL's catalogs.  The time column is known by its name
 * and type; a tag is a text column with the security label 'tag' of our
 * provider: a label follows a rename, goes with its column, and pg_dump
 * restores it ahead of the data.
 *
 * The attribute numbers of the tags hang on the relcache entry (rd_amcache),
 * so labels are read once per relcache build; setting a label invalidates
 * the entry.  The label of the table itself has its options (options.c) and
 * is kept there as well.
 *
 * src/meta/schema.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/seclabel.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "meta/schema.h"

/* What hangs on rd_amcache. */
typedef struct TagCache
{
	RustsOptions options;
	int			ntags;
	AttrNumber	attnos[FLEXIBLE_ARRAY_MEMBER];
} TagCache;

static const TagCache *get_tags(Relation rel);
static Oid	labelled_relid(Relation rel);
static void describe_column(Form_pg_attribute att, RustsColumn *column);
static void check_label(const ObjectAddress *object, const char *label);
static void check_table_label(Oid relid, const char *label);
static void check_tag_label(Oid relid, int attnum, const char *label);

void
rusts_schema_init(void)
{
	register_label_provider(RUSTS_LABEL_PROVIDER, check_label);
}

Oid
rusts_am_oid(void)
{
	return get_am_oid("rusts", true);
}

bool
rusts_is_measurement(Relation rel)
{
	return rel->rd_rel->relam != InvalidOid &&
		rel->rd_rel->relam == rusts_am_oid();
}

bool
rusts_relid_is_measurement(Oid relid)
{
	HeapTuple	tuple;
	bool		result = false;
	Oid			am = rusts_am_oid();

	if (!OidIsValid(am))
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relam == am;
		ReleaseSysCache(tuple);
	}
	return result;
}

bool
rusts_has_storage(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW;
}

List *
rusts_list_measurements(void)
{
	Oid			am = rusts_am_oid();
	Relation	classes = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *result = NIL;

	scan = systable_beginscan(classes, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

		if (class->relam == am && rusts_has_storage(class->relkind))
			result = lappend_oid(result, class->oid);
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return result;
}

RustsSchema *
rusts_schema_build(Relation rel)
{
	return rusts_schema_build_for(rel, RelationGetDescr(rel));
}

RustsSchema *
rusts_schema_build_for(Relation rel, TupleDesc desc)
{
	const TagCache *tags = get_tags(rel);
	RustsSchema *schema = palloc0_object(RustsSchema);
	int			i;

	schema->relid = RelationGetRelid(rel);
	schema->natts = desc->natts;
	schema->time = -1;
	schema->time_ns = -1;
	schema->columns = palloc0_array(RustsColumn, Max(desc->natts, 1));
	schema->by_attno = palloc_array(int, Max(desc->natts, 1));
	schema->tags = palloc_array(int, Max(tags->ntags, 1));

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			index = schema->ncolumns;
		int			t;

		if (att->attisdropped)
		{
			schema->by_attno[i] = -1;
			continue;
		}
		describe_column(att, &schema->columns[index]);
		for (t = 0; t < tags->ntags; t++)
		{
			if (tags->attnos[t] == att->attnum)
			{
				schema->columns[index].role = RUSTS_ROLE_TAG;
				schema->tags[schema->ntags++] = index;
			}
		}
		if (schema->columns[index].role == RUSTS_ROLE_TIME)
			schema->time = index;
		else if (schema->columns[index].role == RUSTS_ROLE_TIME_NS)
			schema->time_ns = index;
		schema->by_attno[i] = index;
		schema->ncolumns++;
	}
	schema->merges = tags->options.duplicates == RUSTS_DUPLICATES_MERGE &&
		schema->time >= 0;
	return schema;
}

void
rusts_schema_free(RustsSchema *schema)
{
	pfree(schema->columns);
	pfree(schema->by_attno);
	pfree(schema->tags);
	pfree(schema);
}

const RustsOptions *
rusts_schema_options(Relation rel)
{
	return &get_tags(rel)->options;
}

bool
rusts_merges_duplicates(Relation rel)
{
	return get_tags(rel)->options.duplicates == RUSTS_DUPLICATES_MERGE &&
		rusts_time_attno(rel) > 0;
}

AttrNumber
rusts_time_attno(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		RustsColumn column;

		if (att->attisdropped)
			continue;
		describe_column(att, &column);
		if (column.role == RUSTS_ROLE_TIME)
			return att->attnum;
	}
	return InvalidAttrNumber;
}

/*
 * The attribute numbers of rel's tags, ascending, from the relcache entry.
 */
static const TagCache *
get_tags(Relation rel)
{
	TagCache   *cache;
	Relation	labels;
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple	tuple;
	TupleDesc	desc = RelationGetDescr(rel);
	RustsOptions options;
	bool	   *is_tag;
	int			ntags = 0;
	int			i;

	if (rel->rd_amcache != NULL)
		return rel->rd_amcache;

	(void) rusts_options_parse(NULL, &options);
	is_tag = palloc0_array(bool, Max(desc->natts, 1));
	labels = table_open(SecLabelRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_seclabel_objoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(labelled_relid(rel)));
	ScanKeyInit(&key[1], Anum_pg_seclabel_classoid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	scan = systable_beginscan(labels, SecLabelObjectIndexId, true, NULL, 2,
							  key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		FormData_pg_seclabel *label =
		(FormData_pg_seclabel *) GETSTRUCT(tuple);
		bool		isnull;
		Datum		provider;
		Form_pg_attribute att;

		if (label->objsubid < 0 || label->objsubid > desc->natts)
			continue;
		provider = heap_getattr(tuple, Anum_pg_seclabel_provider,
								RelationGetDescr(labels), &isnull);
		if (isnull ||
			strcmp(TextDatumGetCString(provider), RUSTS_LABEL_PROVIDER) != 0)
			continue;
		if (label->objsubid == 0)
		{
			Datum		said = heap_getattr(tuple, Anum_pg_seclabel_label,
											RelationGetDescr(labels), &isnull);

			/* One of a later version says nothing to this one. */
			if (!isnull &&
				!rusts_options_parse(TextDatumGetCString(said), &options))
				(void) rusts_options_parse(NULL, &options);
			continue;
		}
		att = TupleDescAttr(desc, label->objsubid - 1);
		if (att->attisdropped || att->atttypid != TEXTOID)
			continue;
		ntags += !is_tag[label->objsubid - 1];
		is_tag[label->objsubid - 1] = true;
	}
	systable_endscan(scan);
	table_close(labels, AccessShareLock);

	cache = MemoryContextAlloc(CacheMemoryContext,
							   offsetof(TagCache, attnos) +
							   sizeof(AttrNumber) * ntags);
	cache->options = options;
	cache->ntags = 0;
	for (i = 0; i < desc->natts; i++)
	{
		if (is_tag[i])
			cache->attnos[cache->ntags++] = i + 1;
	}
	pfree(is_tag);
	rel->rd_amcache = cache;
	return cache;
}

/*
 * Whose labels say which columns are tags.  A rewrite fills a transient
 * table, which make_new_heap (commands/cluster.c) names after the table it
 * will take the place of and which has no labels of its own.
 */
static Oid
labelled_relid(Relation rel)
{
	unsigned int owner;
	int			len = 0;
	const char *name = RelationGetRelationName(rel);

	if (sscanf(name, "pg_temp_%u%n", &owner, &len) == 1 &&
		name[len] == '\0' && rusts_relid_is_measurement(owner))
		return owner;
	return RelationGetRelid(rel);
}

/* Everything about a column but whether it is a tag. */
static void
describe_column(Form_pg_attribute att, RustsColumn *column)
{
	column->attno = att->attnum;
	column->typid = att->atttypid;
	column->typlen = att->attlen;
	column->typbyval = att->attbyval;
	column->role = RUSTS_ROLE_FIELD;

	switch (att->atttypid)
	{
		case BOOLOID:
			column->kind = RUSTS_KIND_BOOL;
			break;
		case FLOAT8OID:
			column->kind = RUSTS_KIND_FLOAT;
			column->has_stats = true;
			break;
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			if (strcmp(NameStr(att->attname), RUSTS_TIME_COLUMN) == 0)
				column->role = RUSTS_ROLE_TIME;
			column->kind = RUSTS_KIND_INT;
			column->has_stats = true;
			break;
		case INT2OID:
			if (strcmp(NameStr(att->attname), RUSTS_TIME_NS_COLUMN) == 0)
				column->role = RUSTS_ROLE_TIME_NS;
			/* FALLTHROUGH */
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMEOID:
			column->kind = RUSTS_KIND_INT;
			column->has_stats = true;
			break;
		default:
			column->kind = att->attbyval ? RUSTS_KIND_INT : RUSTS_KIND_BYTES;
			break;
	}
}

/*
 * The label provider's hook: only the label 'tag' on text columns of
 * tables, and options on measurements.  PostgreSQL has checked the ownership.
 */
static void
check_label(const ObjectAddress *object, const char *label)
{
	if (object->classId != RelationRelationId || object->objectSubId < 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("label provider \"%s\" labels columns and measurements only",
						RUSTS_LABEL_PROVIDER)));
	if (object->objectSubId == 0)
		check_table_label(object->objectId, label);
	else
		check_tag_label(object->objectId, object->objectSubId, label);

	/* What labels say hangs on the relcache entry. */
	CacheInvalidateRelcacheByRelid(object->objectId);
}

static void
check_table_label(Oid relid, const char *label)
{
	RustsOptions options;

	/* A foreign table's rows are united before they are sent. */
	if (label != NULL && get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE &&
		!(rusts_relid_is_measurement(relid) &&
		  rusts_has_storage(get_rel_relkind(relid))))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("label provider \"%s\" labels columns and measurements only",
						RUSTS_LABEL_PROVIDER)));
	if (!rusts_options_parse(label, &options) ||
		(options.wal_mode == RUSTS_WAL_NONE &&
		 get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a valid label of a measurement for label provider \"%s\"",
						label, RUSTS_LABEL_PROVIDER),
				 errhint("Use rusts_set_wal_mode and rusts_set_duplicates.")));
}

static void
check_tag_label(Oid relid, int attnum, const char *label)
{
	HeapTuple	tuple;
	Oid			typid;

	if (label != NULL && strcmp(label, RUSTS_TAG_LABEL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a valid label for label provider \"%s\"",
						label, RUSTS_LABEL_PROVIDER),
				 errhint("The only label of columns is '%s'.",
						 RUSTS_TAG_LABEL)));

	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
							Int16GetDatum(attnum));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 attnum, relid);
	typid = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid;
	ReleaseSysCache(tuple);
	if (label != NULL && typid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a tag must be of type text, not %s",
						format_type_be(typid))));

	/* Not for every kind of relation: foreign tables have no storage. */
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_MATVIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("label provider \"%s\" labels columns of tables only",
							RUSTS_LABEL_PROVIDER)));
	}
}
