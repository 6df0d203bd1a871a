/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The extension's own tables, read and written row by row.
 *
 * We insert with the command id of the statement that wrote the points, which
 * may be older than the current one, hence heap_insert and not PostgreSQL's
 * catalog helpers.
 *
 * src/meta/catalog.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/catalog.h"

static void insert_index_entries(CatalogIndexState indstate, HeapTuple tuple);

Relation
rusts_catalog_open(const char *name, LOCKMODE lockmode, bool missing_ok)
{
	Oid			namespace = get_namespace_oid("rusts", true);
	Oid			relid = InvalidOid;

	if (OidIsValid(namespace))
		relid = get_relname_relid(name, namespace);
	if (!OidIsValid(relid))
	{
		if (missing_ok)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table rusts.%s does not exist", name),
				 errhint("The extension \"rusts\" is not installed in this database, or needs ALTER EXTENSION rusts UPDATE.")));
	}
	return table_open(relid, lockmode);
}

Oid
rusts_catalog_index(const char *name)
{
	return get_relname_relid(name, get_namespace_oid("rusts", false));
}

void
rusts_catalog_insert(Relation table, HeapTuple tuple, CommandId cid)
{
	CatalogIndexState indstate = CatalogOpenIndexes(table);
	Snapshot	snapshot = rusts_hold_snapshot();

	heap_insert(table, tuple, cid, 0, NULL);
	insert_index_entries(indstate, tuple);
	rusts_release_snapshot(snapshot);
	CatalogCloseIndexes(indstate);
}

void
rusts_catalog_delete(Relation table, ItemPointer tid)
{
	TM_FailureData failure;
	TM_Result	result;

	result = heap_delete(table, tid, GetCurrentCommandId(true),
						 InvalidSnapshot, true, &failure, false);
	if (result == TM_Updated || result == TM_Deleted)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	if (result != TM_Ok)
		elog(ERROR, "unexpected result %d of deleting a row of \"%s\"",
			 (int) result, RelationGetRelationName(table));
}

Snapshot
rusts_hold_snapshot(void)
{
	if (HaveRegisteredOrActiveSnapshot())
		return NULL;
	return RegisterSnapshot(GetLatestSnapshot());
}

void
rusts_release_snapshot(Snapshot snapshot)
{
	if (snapshot != NULL)
		UnregisterSnapshot(snapshot);
}

/*
 * Index a new row; CatalogIndexInsert of catalog/indexing.c, which is not
 * exported, for plain columns.
 */
static void
insert_index_entries(CatalogIndexState indstate, HeapTuple tuple)
{
	Relation	heap = indstate->ri_RelationDesc;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(heap),
													&TTSOpsHeapTuple);
	int			i;

	ExecStoreHeapTuple(tuple, slot, false);
	for (i = 0; i < indstate->ri_NumIndices; i++)
	{
		IndexInfo  *info = indstate->ri_IndexRelationInfo[i];
		Relation	index = indstate->ri_IndexRelationDescs[i];
		Datum		values[INDEX_MAX_KEYS];
		bool		isnull[INDEX_MAX_KEYS];

		FormIndexDatum(info, slot, NULL, values, isnull);
		index_insert(index, values, isnull, &tuple->t_self, heap,
					 index->rd_index->indisunique ?
					 UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, info);
	}
	ExecDropSingleTupleTableSlot(slot);
}
