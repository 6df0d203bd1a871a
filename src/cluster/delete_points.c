/*-------------------------------------------------------------------------
 *
 * delete_points.c
 *	  SQL function by which a node learns which rows another one has deleted.
 *
 * It runs as the role that has deleted them there, and deletes only where this
 * role might here.  The deletion itself is a statement like another, which the
 * owner of the extension runs: who may delete rows need not be able to read
 * their columns, and we compare them.  Triggers do not fire: they have where
 * the rows were deleted.
 *
 * src/cluster/delete_points.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cluster/fdw.h"
#include "cluster/outbox.h"
#include "cluster/sql.h"
#include "cluster/store_image.h"
#include "compat.h"
#include "meta/schema.h"
#include "write/image.h"

/* What the statement knows the deleted rows as. */
#define DELETED			"rusts_deleted"

/* Rows that are to be deleted here. */
typedef struct Deletion
{
	Relation	rel;
	const RustsSchema *schema;
	Tuplestorestate *rows;
	int64		nrows;
	bool		timeless;		/* some have no time */
	int64		min_time;		/* of the others, as they are stored */
	int64		max_time;
} Deletion;

static void check_delete(Relation rel);
static void find_times(Deletion *deletion);
static int64 delete_rows(Deletion *deletion);
static char *merging_statement(const Deletion *deletion);
static char *keeping_statement(const Deletion *deletion);
static void append_range(StringInfo sql, const Deletion *deletion,
						 const char *table);
static void append_equal(StringInfo sql, const Deletion *deletion,
						 const RustsColumn *column, const char *left,
						 const char *right);
static bool identifies(const Deletion *deletion, const RustsColumn *column);
static const char *column_name(const Deletion *deletion,
							   const RustsColumn *column);
static int64 run(const Deletion *deletion, const char *sql);

PG_FUNCTION_INFO_V1(rusts_delete_points);

/*
 * rusts.delete_points(table_name name, columns text[], image bytea)
 * returns bigint
 */
Datum
rusts_delete_points(PG_FUNCTION_ARGS)
{
	ArrayType  *columns = PG_GETARG_ARRAYTYPE_P(1);
	struct varlena *image = (struct varlena *) PG_GETARG_BYTEA_P(2);
	Deletion	deletion = {0};
	int64		ndeleted;

	PreventCommandIfReadOnly("rusts.delete_points()");
	PreventCommandIfParallelMode("rusts.delete_points()");
	deletion.rel = rusts_shard_open(NameStr(*PG_GETARG_NAME(0)));
	check_delete(deletion.rel);
	deletion.schema = rusts_schema_build(deletion.rel);
	deletion.rows = tuplestore_begin_heap(false, false, work_mem);
	deletion.nrows = rusts_image_read(deletion.rel, columns, image,
									  deletion.rows);
	find_times(&deletion);
	ndeleted = delete_rows(&deletion);
	tuplestore_end(deletion.rows);
	table_close(deletion.rel, NoLock);
	PG_RETURN_INT64(ndeleted);
}

static void
check_delete(Relation rel)
{
	rusts_shard_check_rls(rel);
	if (rusts_class_aclcheck(RelationGetRelid(rel), GetUserId(),
							 ACL_DELETE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   RelationGetRelationName(rel));
}

/* The range of times that has to be looked through. */
static void
find_times(Deletion *deletion)
{
	const RustsSchema *schema = deletion->schema;
	TupleTableSlot *slot;
	AttrNumber	time;

	deletion->min_time = PG_INT64_MAX;
	deletion->max_time = PG_INT64_MIN;
	deletion->timeless = schema->time < 0;
	if (deletion->timeless)
		return;
	time = schema->columns[schema->time].attno;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(deletion->rel),
									&TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(deletion->rows, true, false, slot))
	{
		bool		isnull;
		int64		value = DatumGetInt64(slot_getattr(slot, time, &isnull));

		deletion->timeless = deletion->timeless || isnull;
		if (isnull)
			continue;
		deletion->min_time = Min(deletion->min_time, value);
		deletion->max_time = Max(deletion->max_time, value);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_rescan(deletion->rows);
}

static int64
delete_rows(Deletion *deletion)
{
	volatile int64 ndeleted = 0;
	RustsActAs	self;
	int			guc_level;

	rusts_act_as_owner(&self);
	guc_level = NewGUCNestLevel();
	(void) set_config_option("session_replication_role", "replica",
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	rusts_outbox_begin_quiet();
	PG_TRY();
	{
		ndeleted = run(deletion, deletion->schema->merges ?
					   merging_statement(deletion) :
					   keeping_statement(deletion));
	}
	PG_FINALLY();
	{
		rusts_outbox_end_quiet();
	}
	PG_END_TRY();
	AtEOXact_GUC(true, guc_level);
	rusts_act_as_self(&self);
	return ndeleted;
}

/* All rows of these points. */
static char *
merging_statement(const Deletion *deletion)
{
	StringInfoData sql;
	int			i;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM ONLY " RUSTS_SHARD_SCHEMA
					 ".%s AS t USING " DELETED " AS d WHERE true",
					 quote_identifier(RelationGetRelationName(deletion->rel)));
	append_range(&sql, deletion, "t");
	for (i = 0; i < deletion->schema->ncolumns; i++)
	{
		if (identifies(deletion, &deletion->schema->columns[i]))
			append_equal(&sql, deletion, &deletion->schema->columns[i],
						 "t", "d");
	}
	return sql.data;
}

/* Of rows that are equal in all columns as many as were deleted. */
static char *
keeping_statement(const Deletion *deletion)
{
	const char *table =
		quote_identifier(RelationGetRelationName(deletion->rel));
	const char *separator = "";
	StringInfoData columns;
	StringInfoData sql;
	int			i;

	initStringInfo(&columns);
	for (i = 0; i < deletion->schema->ncolumns; i++)
	{
		appendStringInfo(&columns, "%s%s", separator,
						 column_name(deletion, &deletion->schema->columns[i]));
		separator = ", ";
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM ONLY " RUSTS_SHARD_SCHEMA
					 ".%s AS t USING (SELECT ctid, row_number() "
					 "OVER (PARTITION BY %s) AS rusts_n, %s FROM ONLY "
					 RUSTS_SHARD_SCHEMA ".%s AS s WHERE true",
					 table, columns.data, columns.data, table);
	append_range(&sql, deletion, "s");
	appendStringInfo(&sql, ") AS p, (SELECT %s, count(*) AS rusts_n FROM "
					 DELETED " GROUP BY %s) AS d "
					 "WHERE t.ctid = p.ctid AND p.rusts_n <= d.rusts_n",
					 columns.data, columns.data);
	for (i = 0; i < deletion->schema->ncolumns; i++)
		append_equal(&sql, deletion, &deletion->schema->columns[i], "p", "d");
	return sql.data;
}

static void
append_range(StringInfo sql, const Deletion *deletion, const char *table)
{
	if (!deletion->timeless)
		appendStringInfo(sql, " AND %s.\"" RUSTS_TIME_COLUMN
						 "\" BETWEEN $1 AND $2", table);
}

/* Nulls are equal; a plain equality is what can be hashed. */
static void
append_equal(StringInfo sql, const Deletion *deletion,
			 const RustsColumn *column, const char *left, const char *right)
{
	const char *name = column_name(deletion, column);

	if (column->role == RUSTS_ROLE_TIME && !deletion->timeless)
	{
		appendStringInfo(sql, " AND %s.%s = %s.%s", left, name, right, name);
		return;
	}
	if (column->role == RUSTS_ROLE_TAG)
		appendStringInfo(sql, " AND coalesce(%s.%s, '') = coalesce(%s.%s, '')",
						 left, name, right, name);
	appendStringInfo(sql, " AND %s.%s IS NOT DISTINCT FROM %s.%s", left, name,
					 right, name);
}

static bool
identifies(const Deletion *deletion, const RustsColumn *column)
{
	return column->role != RUSTS_ROLE_FIELD;
}

static const char *
column_name(const Deletion *deletion, const RustsColumn *column)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(deletion->rel),
										  column->attno - 1);

	return quote_identifier(NameStr(att->attname));
}

static int64
run(const Deletion *deletion, const char *sql)
{
	EphemeralNamedRelationData relation = {0};
	Oid			type = TIMESTAMPTZOID;
	Oid			types[2];
	Datum		values[2];
	SPIPlanPtr	plan;
	int			result;
	int64		ndeleted;

	if (deletion->schema->time >= 0)
		type = deletion->schema->columns[deletion->schema->time].typid;
	types[0] = types[1] = type;
	values[0] = Int64GetDatum(deletion->min_time);
	values[1] = Int64GetDatum(deletion->max_time);
	relation.md.name = DELETED;
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = RelationGetDescr(deletion->rel);
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = deletion->nrows;
	relation.reldata = deletion->rows;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_register_relation(&relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "SPI_register_relation failed: %s",
			 SPI_result_code_string(result));
	plan = SPI_prepare(sql, deletion->timeless ? 0 : 2, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	result = SPI_execute_plan(plan, values, NULL, false, 0);
	if (result != SPI_OK_DELETE)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(result));
	ndeleted = (int64) SPI_processed;
	SPI_finish();
	return ndeleted;
}
