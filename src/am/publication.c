/*-------------------------------------------------------------------------
 *
 * publication.c
 *	  Publications and measurements keep away from each other.
 *
 * Logical decoding sees the segment directory and not the rows of a
 * measurement, so a subscriber would silently get none, or be sent payloads.
 * A publication is refused that covers a measurement by name, by inheritance,
 * by schema or by covering everything; and so is a new measurement in a place
 * that is published already.
 *
 * src/am/publication.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/am.h"
#include "meta/schema.h"

static void check_objects(List *objects);
static void check_table(Oid relid, bool children);
static void check_schema(Oid namespace);
pg_noreturn static void refuse(const char *name);
pg_noreturn static void refuse_directory(void);

void
rusts_check_publication(Node *statement)
{
	if (!OidIsValid(rusts_am_oid()))
		return;
	if (IsA(statement, CreatePublicationStmt))
	{
		CreatePublicationStmt *create = (CreatePublicationStmt *) statement;

		if (create->for_all_tables)
			refuse_directory();
		check_objects(create->pubobjects);
	}
	else
	{
		AlterPublicationStmt *alter = castNode(AlterPublicationStmt,
											   statement);

		if (alter->action != AP_DropObjects)
			check_objects(alter->pubobjects);
	}
}

static void
check_objects(List *objects)
{
	ListCell   *cell;

	foreach(cell, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, cell);

		switch (object->pubobjtype)
		{
			case PUBLICATIONOBJ_TABLE:
				{
					RangeVar   *name = object->pubtable->relation;

					check_table(RangeVarGetRelid(name, NoLock, true),
								name->inh);
					break;
				}
			case PUBLICATIONOBJ_TABLES_IN_SCHEMA:
				check_schema(get_namespace_oid(object->name, true));
				break;
			case PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA:
				{
					List	   *path = fetch_search_path(false);

					if (path != NIL)
						check_schema(linitial_oid(path));
					break;
				}
			default:
				break;
		}
	}
}

static void
check_table(Oid relid, bool children)
{
	List	   *relids;
	ListCell   *cell;

	if (!OidIsValid(relid))
		return;
	if (get_rel_namespace(relid) == get_namespace_oid("rusts", true))
		refuse_directory();
	relids = children ? find_all_inheritors(relid, NoLock, NULL) :
		list_make1_oid(relid);
	foreach(cell, relids)
	{
		if (rusts_relid_is_measurement(lfirst_oid(cell)) &&
			get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION)
			refuse(get_rel_name(lfirst_oid(cell)));
	}
}

static void
check_schema(Oid namespace)
{
	Oid			am = rusts_am_oid();
	Relation	classes;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	NameData	first;
	bool		found = false;

	if (!OidIsValid(namespace))
		return;
	if (namespace == get_namespace_oid("rusts", true))
		refuse_directory();
	classes = table_open(RelationRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(namespace));
	scan = systable_beginscan(classes, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

		if (class->relam == am && class->relkind == RELKIND_RELATION &&
			class->relpersistence == RELPERSISTENCE_PERMANENT &&
			(!found || strcmp(NameStr(class->relname), NameStr(first)) < 0))
		{
			first = class->relname;
			found = true;
		}
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	if (found)
		refuse(NameStr(first));
}

/*
 * The relation is about to be a measurement.
 */
void
rusts_check_published(Oid relid, const char *name, Oid namespace)
{
	if (GetRelationPublications(relid) != NIL ||
		GetSchemaPublications(namespace) != NIL ||
		GetAllTablesPublications() != NIL)
		refuse(name);
}

static void
refuse(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("measurement \"%s\" does not support being published",
					name),
			 errdetail("Logical decoding does not see a measurement's rows."),
			 errhint("Use physical replication, and list the tables to publish.")));
}

static void
refuse_directory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the internal tables of rusts cannot be published"),
			 errdetail("A subscriber would get the segment directory and none of the measurements' rows."),
			 errhint("Use physical replication, and list the tables to publish.")));
}
