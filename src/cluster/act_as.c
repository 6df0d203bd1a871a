/*-------------------------------------------------------------------------
 *
 * act_as.c
 *	  What another node sends of a transaction in which several roles write.
 *
 * It comes on a connection of the cluster, a superuser's.  SET ROLE would not
 * do: functions in constraints could take it back.
 *
 * src/cluster/act_as.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "cluster/sql.h"
#include "compat.h"

#define MAX_ARGUMENTS	4

PG_FUNCTION_INFO_V1(rusts_store_image_as);
PG_FUNCTION_INFO_V1(rusts_delete_points_as);
PG_FUNCTION_INFO_V1(rusts_cluster_statement_as);

extern Datum rusts_store_image(PG_FUNCTION_ARGS);
extern Datum rusts_delete_points(PG_FUNCTION_ARGS);
extern Datum rusts_cluster_statement(PG_FUNCTION_ARGS);

static Datum call_as(PGFunction function, FunctionCallInfo fcinfo);

/*
 * rusts.store_image_as(table_name name, columns text[], image bytea,
 *						batch text, role text)
 * returns bigint
 */
Datum
rusts_store_image_as(PG_FUNCTION_ARGS)
{
	return call_as(rusts_store_image, fcinfo);
}

/*
 * rusts.delete_points_as(table_name name, columns text[], image bytea,
 *						  role text)
 * returns bigint
 */
Datum
rusts_delete_points_as(PG_FUNCTION_ARGS)
{
	return call_as(rusts_delete_points, fcinfo);
}

/*
 * rusts.cluster_statement_as(statement text, settings text[], role text)
 * RETURNS void
 */
Datum
rusts_cluster_statement_as(PG_FUNCTION_ARGS)
{
	return call_as(rusts_cluster_statement, fcinfo);
}

/* Call a function without the last argument, as the role which that names. */
static Datum
call_as(PGFunction function, FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(inner, MAX_ARGUMENTS);
	int			n = PG_NARGS() - 1;
	Oid			role;
	RustsActAs	self;
	Datum		result;

	rusts_cluster_check_user();
	Assert(n <= MAX_ARGUMENTS);
	role = get_role_oid(text_to_cstring(PG_GETARG_TEXT_PP(n)), false);
	InitFunctionCallInfoData(*inner, fcinfo->flinfo, n, InvalidOid, NULL,
							 NULL);
	memcpy(inner->args, fcinfo->args, n * sizeof(NullableDatum));

	rusts_act_as(role, &self);
	result = function(inner);
	rusts_act_as_self(&self);
	return result;
}
