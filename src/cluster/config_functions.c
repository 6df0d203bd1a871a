/*-------------------------------------------------------------------------
 *
 * config_functions.c
 *	  SQL functions that read a configuration and change nothing.
 *
 * A text can be checked by anybody.  What the configured file has is for those
 * who may read the server's settings.
 *
 * src/cluster/config_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "cluster/arrays.h"
#include "cluster/config.h"

PG_FUNCTION_INFO_V1(rusts_cluster_validate);
PG_FUNCTION_INFO_V1(rusts_cluster_groups);

static RustsClusterConfig *read_argument(FunctionCallInfo fcinfo,
										 RustsConfigFaults *faults);
static List *node_ids(const RustsClusterConfig *config, const List *nodes);

/*
 * rusts_cluster_validate(config text DEFAULT NULL)
 * RETURNS TABLE (line int, message text)
 */
Datum
rusts_cluster_validate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RustsConfigFaults faults;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	read_argument(fcinfo, &faults);
	for (i = 0; i < faults.nfaults; i++)
	{
		const RustsConfigFault *fault = &faults.faults[i];
		Datum		values[2];
		bool		nulls[2] = {fault->line == 0, false};

		values[0] = Int32GetDatum(fault->line);
		values[1] = CStringGetTextDatum(fault->message);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * rusts_cluster_groups(config text DEFAULT NULL)
 * RETURNS TABLE (group_number int, shards int[], "primary" text,
 *				  replicas text[])
 */
Datum
rusts_cluster_groups(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RustsClusterConfig *config;
	RustsConfigFaults faults;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	config = read_argument(fcinfo, &faults);
	if (config == NULL)
		rusts_config_refuse(&faults);
	for (i = 0; i < config->ngroups; i++)
	{
		const RustsShardGroup *group = &config->groups[i];
		Datum		values[4];
		bool		nulls[4] = {false};
		List	   *ids;

		values[0] = Int32GetDatum(i);
		values[1] = PointerGetDatum(rusts_shards_array(group->shards));
		values[2] = CStringGetTextDatum(config->nodes[group->primary].id);
		ids = node_ids(config, group->replicas);
		values[3] = PointerGetDatum(rusts_texts_array(ids));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/* The text that was given, or the file. */
static RustsClusterConfig *
read_argument(FunctionCallInfo fcinfo, RustsConfigFaults *faults)
{
	text	   *config;
	char	   *string;
	char	   *utf8;
	int			len;

	if (PG_ARGISNULL(0))
	{
		if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_SETTINGS))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to read the configuration of the cluster"),
					 errdetail("Only superusers and roles with privileges of the \"%s\" role may read it.",
							   "pg_read_all_settings")));
		return rusts_config_read_file(faults, NULL);
	}
	config = PG_GETARG_TEXT_PP(0);
	string = VARDATA_ANY(config);
	len = VARSIZE_ANY_EXHDR(config);

	/* What has no encoding is taken for what it is. */
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return rusts_config_parse(string, len, faults);
	utf8 = pg_server_to_any(string, len, PG_UTF8);
	return rusts_config_parse(utf8, utf8 == string ? len : strlen(utf8),
							  faults);
}

static List *
node_ids(const RustsClusterConfig *config, const List *nodes)
{
	List	   *ids = NIL;
	ListCell   *cell;

	foreach(cell, nodes)
		ids = lappend(ids, config->nodes[lfirst_int(cell)].id);
	return ids;
}
