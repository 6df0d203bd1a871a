/*-------------------------------------------------------------------------
 *
 * cold.c
 *	  Cold segments in a tablespace of their own.
 *
 * A file is in one tablespace.  What is to be in another is not in the
 * measurement's file but in a heap table, rusts.cold_<tablespace's OID>, a row
 * per segment, its image in the TOAST table: heap and TOAST give WAL,
 * visibility and reuse of space, and whoever drops, truncates or rewrites a
 * measurement has to delete rows and nothing else.  The tables belong to the
 * extension, so that pg_dump leaves them alone, pg_upgrade takes them along
 * and DROP EXTENSION drops them.
 *
 * The directory's row has a copy of the TOAST pointer.  It is good for as
 * long as a snapshot sees the directory's row, because the row of the image
 * is inserted and deleted by the same transactions; and VACUUM FULL and SET
 * TABLESPACE of the table keep the pointers of its values.
 *
 * src/meta/cold.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/catalog.h"
#include "meta/cold.h"

enum
{
	Anum_cold_storage_id = 1,
	Anum_cold_segment_id,
	Anum_cold_payload
};
#define Natts_cold	Anum_cold_payload

static Oid	extension_owner(Oid extension);
static void make_table(const char *name, Oid tablespace);

Oid
rusts_cold_table(Oid tablespace)
{
	Oid			namespace = get_namespace_oid("rusts", false);
	Oid			extension = get_extension_oid("rusts", false);
	char		name[NAMEDATALEN];
	ObjectAddress table;
	ObjectAddress owner;
#if PG_VERSION_NUM >= 170000
	ObjectAddress type;
#endif
	Oid			save_user;
	int			save_context;

	snprintf(name, sizeof(name), "cold_%u", tablespace);
	table.objectId = get_relname_relid(name, namespace);
	if (OidIsValid(table.objectId))
		return table.objectId;

	/* One at a time; another may have made it meanwhile. */
	LockDatabaseObject(ExtensionRelationId, extension, 0,
					   ShareUpdateExclusiveLock);
	table.objectId = get_relname_relid(name, namespace);
	if (OidIsValid(table.objectId))
		return table.objectId;

	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(extension_owner(extension),
						   save_context | SECURITY_LOCAL_USERID_CHANGE);
	make_table(name, tablespace);
	SetUserIdAndSecContext(save_user, save_context);
	CommandCounterIncrement();

	table.classId = RelationRelationId;
	table.objectId = get_relname_relid(name, namespace);
	table.objectSubId = 0;
	owner.classId = ExtensionRelationId;
	owner.objectId = extension;
	owner.objectSubId = 0;
	recordDependencyOn(&table, &owner, DEPENDENCY_EXTENSION);
#if PG_VERSION_NUM >= 170000
	/* ALTER EXTENSION ... DROP TABLE takes the table's types along. */
	type.classId = TypeRelationId;
	type.objectId = get_rel_type_id(table.objectId);
	type.objectSubId = 0;
	recordDependencyOn(&type, &owner, DEPENDENCY_EXTENSION);
	type.objectId = get_array_type(type.objectId);
	recordDependencyOn(&type, &owner, DEPENDENCY_EXTENSION);
#endif
	CommandCounterIncrement();
	return table.objectId;
}

static Oid
extension_owner(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid			owner = InvalidOid;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (!OidIsValid(owner))
		elog(ERROR, "extension %u is gone", extension);
	return owner;
}

static void
make_table(const char *name, Oid tablespace)
{
	const char *space = quote_identifier(get_tablespace_name(tablespace));
	char	   *commands[] = {
		psprintf("CREATE TABLE rusts.%s (storage_id pg_catalog.int8 NOT NULL,"
				 " segment_id pg_catalog.int8 NOT NULL,"
				 " payload pg_catalog.bytea NOT NULL)"
				 " USING heap TABLESPACE %s", name, space),
		psprintf("ALTER TABLE rusts.%s ALTER payload SET STORAGE EXTERNAL",
				 name),
		psprintf("CREATE UNIQUE INDEX %s_pkey ON rusts.%s"
				 " (storage_id, segment_id) TABLESPACE %s", name, name, space),
		psprintf("COMMENT ON TABLE rusts.%s IS"
				 " 'cold segments in a tablespace; internal'", name)
	};
	int			i;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	for (i = 0; i < lengthof(commands); i++)
	{
		if (SPI_execute(commands[i], false, 0) < 0)
			elog(ERROR, "could not execute \"%s\"", commands[i]);
	}
	SPI_finish();
}

/*
 * heap_insert moves the image out of line in a copy of the tuple, so the
 * pointer has to be read back.
 */
struct varlena *
rusts_cold_insert(Oid table, int64 storage_id, int64 segment_id,
				  struct varlena *image, CommandId cid)
{
	Relation	rel = table_open(table, RowExclusiveLock);
	Datum		values[Natts_cold] = {
		Int64GetDatum(storage_id), Int64GetDatum(segment_id),
		PointerGetDatum(image)
	};
	bool		nulls[Natts_cold] = {false};
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	struct varlena *pointer;
	Datum		payload;
	bool		isnull;

	rusts_catalog_insert(rel, tuple, cid);
	if (!table_tuple_fetch_row_version(rel, &tuple->t_self, SnapshotAny,
									   slot))
		elog(ERROR, "a row just inserted is gone");
	payload = slot_getattr(slot, Anum_cold_payload, &isnull);
	if (isnull || !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(payload)))
		elog(ERROR, "a long value is not out of line");
	pointer = palloc(TOAST_POINTER_SIZE);
	memcpy(pointer, DatumGetPointer(payload), TOAST_POINTER_SIZE);
	ExecDropSingleTupleTableSlot(slot);
	heap_freetuple(tuple);
	table_close(rel, RowExclusiveLock);
	return pointer;
}

void
rusts_cold_delete(Oid table, int64 storage_id, int64 segment_id)
{
	Relation	rel = try_table_open(table, RowExclusiveLock);
	Snapshot	snapshot = rusts_hold_snapshot();
	Oid			index;
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple	tuple;

	/* In the middle of DROP EXTENSION it may have gone first. */
	if (rel == NULL)
	{
		rusts_release_snapshot(snapshot);
		return;
	}
	index = rusts_catalog_index(psprintf("%s_pkey",
										 RelationGetRelationName(rel)));
	ScanKeyInit(&key[0], Anum_cold_storage_id, BTEqualStrategyNumber,
				F_INT8EQ, Int64GetDatum(storage_id));
	ScanKeyInit(&key[1], Anum_cold_segment_id, BTEqualStrategyNumber,
				F_INT8EQ, Int64GetDatum(segment_id));
	scan = systable_beginscan(rel, index, OidIsValid(index), SnapshotSelf, 2,
							  key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ItemPointerData tid = tuple->t_self;

		rusts_catalog_delete(rel, &tid);
	}
	systable_endscan(scan);
	rusts_release_snapshot(snapshot);
	table_close(rel, RowExclusiveLock);
}

struct varlena *
rusts_cold_pointer_bytes(struct varlena *pointer)
{
	struct varlena *bytes = palloc(VARHDRSZ + TOAST_POINTER_SIZE);

	SET_VARSIZE(bytes, VARHDRSZ + TOAST_POINTER_SIZE);
	memcpy(VARDATA(bytes), pointer, TOAST_POINTER_SIZE);
	return bytes;
}

struct varlena *
rusts_cold_pointer(struct varlena *bytes)
{
	struct varlena *pointer;

	if (VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes) ||
		VARSIZE_ANY_EXHDR(bytes) != TOAST_POINTER_SIZE)
		return NULL;
	pointer = palloc(TOAST_POINTER_SIZE);
	memcpy(pointer, VARDATA_ANY(bytes), TOAST_POINTER_SIZE);
	if (VARATT_IS_EXTERNAL_ONDISK(pointer))
		return pointer;
	pfree(pointer);
	return NULL;
}
