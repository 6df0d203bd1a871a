/*-------------------------------------------------------------------------
 *
 * store_image.c
 *	  SQL function by which a node gets rows from another one.
 *
 * It runs as the role that has written the rows there, and lets in only what
 * this role might insert here.
 *
 * src/cluster/store_image.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "cluster/batches.h"
#include "cluster/fdw.h"
#include "cluster/store_image.h"
#include "compat.h"
#include "meta/schema.h"
#include "write/image.h"

static int64 receive(Relation rel, ArrayType *columns, struct varlena *image);
static void check_insert(Relation rel, ArrayType *columns);

PG_FUNCTION_INFO_V1(rusts_store_image);

/*
 * rusts.store_image(table_name name, columns text[], image bytea, batch text)
 * returns bigint
 */
Datum
rusts_store_image(PG_FUNCTION_ARGS)
{
	ArrayType  *columns = PG_GETARG_ARRAYTYPE_P(1);
	struct varlena *image = (struct varlena *) PG_GETARG_BYTEA_P(2);
	char	   *batch = text_to_cstring(PG_GETARG_TEXT_PP(3));
	Relation	rel;
	int64		nrows = 0;

	PreventCommandIfReadOnly("rusts.store_image()");
	PreventCommandIfParallelMode("rusts.store_image()");
	rel = rusts_shard_open(NameStr(*PG_GETARG_NAME(0)));
	check_insert(rel, columns);

	/* It may be here already, from another node. */
	if (batch[0] == '\0' ||
		rusts_batch_begin(batch, RelationGetRelationName(rel)))
		nrows = receive(rel, columns, image);
	table_close(rel, NoLock);
	PG_RETURN_INT64(nrows);
}

/*
 * What functions the owner has put into constraints is his affair: they do not
 * get the rights of the cluster, which hands over rows that had to wait.
 */
static int64
receive(Relation rel, ArrayType *columns, struct varlena *image)
{
	Oid			userid;
	int			security_context;
	int64		nrows;

	GetUserIdAndSecContext(&userid, &security_context);
	if (superuser())
		SetUserIdAndSecContext(rel->rd_rel->relowner,
							   security_context |
							   SECURITY_RESTRICTED_OPERATION |
							   SECURITY_LOCAL_USERID_CHANGE);
	nrows = rusts_image_receive(rel, columns, image);
	SetUserIdAndSecContext(userid, security_context);
	return nrows;
}

Relation
rusts_shard_open(const char *name)
{
	Oid			relid;
	Relation	rel = NULL;

	/* The name may become another table's while we wait for the lock. */
	relid = RangeVarGetRelid(makeRangeVar(RUSTS_SHARD_SCHEMA,
										  pstrdup(name), -1),
							 RowExclusiveLock, true);
	if (OidIsValid(relid))
		rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist",
						RUSTS_SHARD_SCHEMA, name)));
	if (rel->rd_rel->relkind != RELKIND_RELATION ||
		!rusts_is_measurement(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" does not hold rows of a cluster",
						RUSTS_SHARD_SCHEMA, name),
				 errdetail("It is not a table of the access method \"rusts\".")));
	return rel;
}

void
rusts_shard_check_rls(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid,
						 false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot store rows of another node with row-level security"),
				 errdetail("Row-level security applies to relation \"%s\".",
						   RelationGetRelationName(rel))));
}

/* May the current role insert rows that have these columns? */
static void
check_insert(Relation rel, ArrayType *columns)
{
	Oid			relid = RelationGetRelid(rel);
	Datum	   *names;
	bool	   *nulls;
	int			width = ARR_NDIM(columns) == 2 ? ARR_DIMS(columns)[1] : 1;
	int			n;
	int			i;

	rusts_shard_check_rls(rel);
	if (rusts_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
		return;
	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names,
					  &nulls, &n);
	for (i = 0; i < n; i += width)
	{
		AttrNumber	attno = InvalidAttrNumber;

		if (!nulls[i])
			attno = get_attnum(relid, TextDatumGetCString(names[i]));
		if (attno > 0 && pg_attribute_aclcheck(relid, attno, GetUserId(),
											   ACL_INSERT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
						   RelationGetRelationName(rel));
	}

	/* An image without columns would be one without values. */
	if (pg_attribute_aclcheck_all(relid, GetUserId(), ACL_INSERT,
								  ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   RelationGetRelationName(rel));
}
