/*-------------------------------------------------------------------------
 *
 * definition.c
 *	  What a measurement is, for nodes that were not there when it became so.
 *
 * Nodes know it as a list of statements, each under a key: what it is about.
 * Such statements are carried out by all nodes at once; so whatever has a key
 * is the same everywhere, and only what a node has nothing of is told.
 *
 * src/cluster/definition.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "cluster/change_everywhere.h"
#include "cluster/definition.h"
#include "cluster/nodes.h"
#include "cluster/sql.h"
#include "compat.h"

/* As rusts.cluster_definition() writes them. */
#define SETTINGS \
	"{search_path,pg_catalog,DateStyle,\"ISO, MDY\",IntervalStyle,postgres," \
	"standard_conforming_strings,on}"

PG_FUNCTION_INFO_V1(rusts_cluster_learn);

static List *missing(Oid measurement, ArrayType *definition);
static void carry_out(Oid measurement, const char *statement);
static bool is_about_objects(int sqlstate);

void
rusts_definition_send(RustsConnection *conn, Oid measurement)
{
	const char **values = palloc_array(const char *, 2);

	values[0] = quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(measurement)),
		get_rel_name(measurement));
	values[1] = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.array_agg(ARRAY[key, statement] ORDER BY place, key) "
		"FROM rusts.cluster_definition(%u)", measurement));
	rusts_node_send(conn, "SELECT rusts.cluster_learn($1, $2)", 2, values);
}

/*
 * rusts.cluster_learn(measurement regclass, definition text[]) RETURNS void
 *
 * The definition has pairs of a key and a statement.  Who has just made one of
 * them here is waited for.  Anybody may call it: it does what its caller may
 * do anyway.
 */
Datum
rusts_cluster_learn(PG_FUNCTION_ARGS)
{
	Oid			measurement = PG_GETARG_OID(0);
	ArrayType  *definition = PG_GETARG_ARRAYTYPE_P(1);
	ListCell   *cell;

	PreventCommandIfReadOnly("rusts.cluster_learn()");
	PreventCommandIfParallelMode("rusts.cluster_learn()");
	if (missing(measurement, definition) == NIL)
		PG_RETURN_VOID();
	LockRelationOid(measurement, ShareRowExclusiveLock);
	foreach(cell, missing(measurement, definition))
		carry_out(measurement, lfirst(cell));
	PG_RETURN_VOID();
}

/* Statements whose keys are not known here. */
static List *
missing(Oid measurement, ArrayType *definition)
{
	char	   *array = OidOutputFunctionCall(F_ARRAY_OUT,
											  PointerGetDatum(definition));
	char	   *found = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.array_agg(d[n][2] ORDER BY n) "
		"FROM (SELECT %s::pg_catalog.text[]) AS a (d), "
		"pg_catalog.generate_subscripts(d, 1) AS n "
		"WHERE d[n][2] IS NOT NULL AND d[n][1] NOT IN "
		"(SELECT key FROM rusts.cluster_definition(%u))",
		quote_literal_cstr(array), measurement));
	ArrayType  *found_array;
	List	   *statements = NIL;
	Datum	   *elements;
	int			n;
	int			i;

	if (found == NULL)
		return NIL;
	found_array = DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, found,
														  TEXTOID, -1));
	deconstruct_array(found_array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  NULL, &n);
	for (i = 0; i < n; i++)
		statements = lappend(statements, TextDatumGetCString(elements[i]));
	return statements;
}

/* The user has to be told for what something is missing here. */
static void
carry_out(Oid measurement, const char *statement)
{
	static const char hint[] =
		"Roles, schemas, functions and other tables are made by hand on each "
		"node. Make what is missing there, then call rusts_cluster_apply() "
		"again.";
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		rusts_change_carry_out(statement, DatumGetArrayTypeP(
			OidInputFunctionCall(F_ARRAY_IN, pstrdup(SETTINGS), TEXTOID, -1)));
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		if (is_about_objects(edata->sqlerrcode))
		{
			FlushErrorState();
			edata->detail = psprintf("Measurement \"%s\" needs it for: %s",
									 get_rel_name(measurement), statement);
			edata->hint = pstrdup(hint);
			ReThrowError(edata);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Something does not exist, or is not allowed. */
static bool
is_about_objects(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == MAKE_SQLSTATE('4', '2', '0', '0', '0') ||
		category == MAKE_SQLSTATE('3', 'F', '0', '0', '0');
}
