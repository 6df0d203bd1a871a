/*-------------------------------------------------------------------------
 *
 * everywhere.c
 *	  Calls of functions that all nodes of a cluster have to carry out.
 *
 * src/cluster is a layer above, beside those who have such functions.
 *
 * src/meta/everywhere.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "meta/everywhere.h"
#include "meta/schema.h"

RustsEverywhereHook rusts_everywhere_hook = NULL;

static void append_argument(StringInfo sql, FunctionCallInfo fcinfo, int i,
							Oid type);

void
rusts_call_everywhere(FunctionCallInfo fcinfo)
{
	HeapTuple	tuple;
	Form_pg_proc function;
	StringInfoData sql;
	int			i;

	if (rusts_everywhere_hook == NULL)
		return;
	tuple = SearchSysCache1(PROCOID,
							ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u",
			 fcinfo->flinfo->fn_oid);
	function = (Form_pg_proc) GETSTRUCT(tuple);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s(", quote_qualified_identifier(
		get_namespace_name(function->pronamespace),
		NameStr(function->proname)));
	for (i = 0; i < fcinfo->nargs; i++)
	{
		if (i > 0)
			appendStringInfoString(&sql, ", ");
		append_argument(&sql, fcinfo, i, function->proargtypes.values[i]);
	}
	appendStringInfoChar(&sql, ')');
	ReleaseSysCache(tuple);
	rusts_everywhere_hook(sql.data);
}

/* A relation's OID is its name there. */
static void
append_argument(StringInfo sql, FunctionCallInfo fcinfo, int i, Oid type)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	if (fcinfo->args[i].isnull)
		appendStringInfoString(sql, "NULL");
	else
		appendStringInfoString(sql, quote_literal_cstr(
			OidOutputFunctionCall(output, fcinfo->args[i].value)));
	appendStringInfo(sql, "::%s", format_type_be_qualified(type));
}

List *
rusts_local_tables(Oid relid, bool *is_cluster)
{
	List	   *tables = NIL;
	ListCell   *cell;

	*is_cluster = false;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(relid);
	foreach(cell, find_all_inheritors(relid, NoLock, NULL))
	{
		if (rusts_is_cluster_part(lfirst_oid(cell)))
			*is_cluster = true;
		if (rusts_relid_is_measurement(lfirst_oid(cell)) &&
			rusts_has_storage(get_rel_relkind(lfirst_oid(cell))))
			tables = lappend_oid(tables, lfirst_oid(cell));
	}
	return tables;
}

Oid
rusts_measurement_of(Oid relid)
{
	Oid			parent = InvalidOid;

	if (rusts_is_cluster_part(relid))
		parent = get_partition_parent(relid, true);
	return OidIsValid(parent) ? parent : relid;
}

bool
rusts_is_cluster_part(Oid relid)
{
	return get_rel_relispartition(relid) &&
		get_rel_namespace(relid) == get_namespace_oid(RUSTS_SHARD_SCHEMA,
													  true);
}
