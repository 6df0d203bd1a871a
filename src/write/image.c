/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Images of rows on their way to other nodes: the sender's side.
 *
 * An image knows its columns by attribute number, and these differ between
 * nodes: two that gained a column each before they heard of each other have
 * them in another order.  So names go along, and types, for an image tells
 * integers from floats, but not a bigint from a time.
 *
 * src/write/image.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "write/image.h"

RustsShipsHook rusts_ships_hook = NULL;
RustsImageHook rusts_image_hook = NULL;
Oid			rusts_image_writer = InvalidOid;

static void check_types(Relation rel);

bool
rusts_image_wanted(Relation rel)
{
	if (!rusts_is_stored_here(rel))
		return true;

	/* What ALTER TABLE writes anew it does on each node by itself. */
	return rusts_image_hook != NULL && rusts_ships_hook != NULL &&
		!OidIsValid(rel->rd_rel->relrewrite) &&
		rusts_ships_hook(RelationGetRelid(rel));
}

void
rusts_image_ship(Relation rel, const RustsImage *image, uint32 nrows,
				 RustsImageKind kind, CommandId cid)
{
	if (!rusts_image_wanted(rel))
		return;
	if (rusts_image_hook == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot send rows of foreign table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("This server is not a node of a cluster.")));
	check_types(rel);
	rusts_image_hook(rel, image, nrows, kind, cid, rusts_image_writer);
}

static void
check_types(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !rusts_type_travels(att->atttypid))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of relation \"%s\" cannot be in a cluster",
							NameStr(att->attname),
							RelationGetRelationName(rel)),
					 errdetail("Values of type %s are not sent to other nodes.",
							   format_type_be(att->atttypid)),
					 errhint("Use a type such as text, bigint, double precision, numeric or boolean.")));
	}
}

ArrayType *
rusts_image_columns(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			dims[2] = {desc->natts, 2};
	int			bounds[2] = {1, 1};
	Datum	   *values = palloc0_array(Datum, 2 * Max(desc->natts, 1));
	bool	   *nulls = palloc0_array(bool, 2 * Max(desc->natts, 1));
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		nulls[2 * i] = nulls[2 * i + 1] = att->attisdropped;
		if (att->attisdropped)
			continue;
		values[2 * i] = CStringGetTextDatum(NameStr(att->attname));
		values[2 * i + 1] =
			CStringGetTextDatum(psprintf("%u", att->atttypid));
	}
	return construct_md_array(values, nulls, 2, dims, bounds, TEXTOID, -1,
							  false, TYPALIGN_INT);
}

bool
rusts_type_travels(Oid typid)
{
	switch (typid)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
		case TIMEOID:
		case INTERVALOID:
		case TEXTOID:
		case VARCHAROID:
		case BYTEAOID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}
