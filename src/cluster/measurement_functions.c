/*-------------------------------------------------------------------------
 *
 * measurement_functions.c
 *	  What other nodes call to have measurements made here.
 *
 * src/cluster/measurement_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "cluster/arrays.h"
#include "cluster/measurement.h"
#include "cluster/topology.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(rusts_cluster_ensure);

static char **read_texts(ArrayType *array, const char *name, int *n);
static void read_kind(RustsClusterColumn *column, const char *kind);

/* Kinds of columns, as nodes tell each other. */
static const struct
{
	const char *name;
	RustsRole	role;
	Oid			type;
}			kinds_known[] = {
	{"time", RUSTS_ROLE_TIME, TIMESTAMPTZOID},
	{"time_ns", RUSTS_ROLE_TIME_NS, INT2OID},
	{"tag", RUSTS_ROLE_TAG, TEXTOID},
	{"float8", RUSTS_ROLE_FIELD, FLOAT8OID},
	{"int8", RUSTS_ROLE_FIELD, INT8OID},
	{"text", RUSTS_ROLE_FIELD, TEXTOID},
	{"bool", RUSTS_ROLE_FIELD, BOOLOID},
};

const char *
rusts_column_kind(const RustsClusterColumn *column)
{
	int			i;

	for (i = 0; i < lengthof(kinds_known); i++)
	{
		if (kinds_known[i].role == column->role &&
			(column->role != RUSTS_ROLE_FIELD ||
			 kinds_known[i].type == column->type))
			return kinds_known[i].name;
	}
	return NULL;
}

/*
 * rusts.cluster_ensure(schema text, measurement text, columns text[],
 *						kinds text[], tags text[])
 * RETURNS text[]
 */
Datum
rusts_cluster_ensure(PG_FUNCTION_ARGS)
{
	const RustsClusterConfig *config;
	RustsClusterMeasurement measurement = {0};
	char	  **names;
	char	  **kinds;
	int			nkinds;
	int			i;

	for (i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument %d must not be null", i + 1)));
	}

	/* Not while shards are moved. */
	LockRelationOid(get_relname_relid("cluster",
									  get_namespace_oid("rusts", false)),
					RowExclusiveLock);
	config = rusts_cluster();
	if (config == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database is not a node of a cluster"),
				 errhint("Call rusts_cluster_apply() where the cluster is configured.")));
	measurement.schema = text_to_cstring(PG_GETARG_TEXT_PP(0));
	measurement.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	names = read_texts(PG_GETARG_ARRAYTYPE_P(2), "columns",
					   &measurement.ncolumns);
	kinds = read_texts(PG_GETARG_ARRAYTYPE_P(3), "kinds", &nkinds);
	if (nkinds != measurement.ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d columns and %d kinds",
						measurement.ncolumns, nkinds)));
	measurement.columns = palloc0_array(RustsClusterColumn,
										measurement.ncolumns + 1);
	for (i = 0; i < measurement.ncolumns; i++)
	{
		measurement.columns[i].name = names[i];
		read_kind(&measurement.columns[i], kinds[i]);
	}
	if (!PG_ARGISNULL(4))
	{
		char	  **tags;
		int			ntags;

		tags = read_texts(PG_GETARG_ARRAYTYPE_P(4), "tags", &ntags);
		measurement.made = true;
		for (i = 0; i < ntags; i++)
			measurement.tags = lappend(measurement.tags, tags[i]);
	}
	rusts_measurement_ensure(config, &measurement);
	PG_RETURN_ARRAYTYPE_P(rusts_texts_array(measurement.tags));
}

static char **
read_texts(ArrayType *array, const char *name, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, n);
	texts = palloc_array(char *, *n + 1);
	for (i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain nulls", name)));
		texts[i] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

static void
read_kind(RustsClusterColumn *column, const char *kind)
{
	int			i;

	for (i = 0; i < lengthof(kinds_known); i++)
	{
		if (strcmp(kind, kinds_known[i].name) == 0)
		{
			column->role = kinds_known[i].role;
			column->type = kinds_known[i].type;
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\": there is no kind \"%s\"", column->name,
					kind)));
}
