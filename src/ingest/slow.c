/*-------------------------------------------------------------------------
 *
 * slow.c
 *	  Points written through PostgreSQL's INSERT.
 *
 * A table with triggers, constraints, defaults, row-level security, rules or
 * partitions has rules that only INSERT knows.  Its rows are collected as
 * arrays and inserted by
 *
 *		INSERT INTO m (time, host, usage)
 *		SELECT * FROM unnest($1, $2, $3)
 *
 * so that up to GROUP_ROWS of them are one statement.  Columns a point does
 * not name take their DEFAULT, therefore only points that name the same
 * columns go together; the order of the rows is kept.
 *
 * A group is inserted in a subtransaction.  One that violates a rule is cut in
 * halves until the row is alone that is at fault: its line is named by the
 * error, or skipped.
 *
 * src/ingest/slow.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ingest/columns.h"
#include "ingest/report.h"
#include "ingest/route.h"
#include "ingest/slow.h"
#include "ingest/target.h"
#include "ingest/text.h"

#define GROUP_ROWS		1000
#define GROUP_BYTES		(4 * 1024 * 1024)
#define MAX_PLANS		32

/* The statement for one set of columns. */
typedef struct SlowPlan
{
	Bitmapset  *columns;		/* indexes in the schema's columns */
	SPIPlanPtr	plan;
} SlowPlan;

struct RustsSlow
{
	MemoryContext group_cxt;	/* the rows and their columns */
	int			nrows;
	Size		bytes;
	Bitmapset  *columns;		/* of all rows in the group */
	Datum	  **values;			/* [schema->ncolumns][GROUP_ROWS] */
	uint64	   *linenos;		/* [GROUP_ROWS] */
	RustsBytes *lines;			/* [GROUP_ROWS], data in the input */

	SlowPlan	plans[MAX_PLANS];
	int			nplans;

	Datum	   *row;			/* [schema->ncolumns] the point in hand */
};

/* What an error's context tells. */
typedef struct InsertedRows
{
	RustsIngest *in;
	RustsTarget *target;
	int			from;
	int			to;
} InsertedRows;

static void put_value(RustsTarget *target, int column, Datum value,
					  Bitmapset **columns);
static Datum make_text(RustsSlow *slow, RustsBytes bytes);
static SPIPlanPtr get_plan(RustsIngest *in, RustsTarget *target);
static Oid	parameter_type(RustsTarget *target, int column);
static void insert_rows(RustsIngest *in, RustsTarget *target, SPIPlanPtr plan,
						int from, int to);
static void insert_good_rows(RustsIngest *in, RustsTarget *target,
							 SPIPlanPtr plan, int from, int to);
static bool is_row_fault(const ErrorData *error);
static void add_context(void *arg);

RustsSlow *
rusts_slow_create(RustsTarget *target)
{
	RustsSlow  *slow = MemoryContextAllocZero(target->cxt, sizeof(RustsSlow));
	int			ncolumns = target->schema->ncolumns;

	slow->group_cxt = AllocSetContextCreate(target->cxt, "rusts insert",
											ALLOCSET_DEFAULT_SIZES);
	slow->linenos = MemoryContextAlloc(target->cxt,
									   sizeof(uint64) * GROUP_ROWS);
	slow->lines = MemoryContextAlloc(target->cxt,
									 sizeof(RustsBytes) * GROUP_ROWS);
	slow->values = MemoryContextAllocZero(target->cxt,
										  sizeof(Datum *) * ncolumns);
	slow->row = MemoryContextAlloc(target->cxt, sizeof(Datum) * ncolumns);
	return slow;
}

void
rusts_slow_append(RustsIngest *in, RustsTarget *target,
				  const RustsLpPoint *point)
{
	RustsSlow  *slow = target->slow;
	MemoryContext old_cxt;
	Bitmapset  *columns = NULL;
	RustsLpText measurement;
	uint32		ntags;
	uint32		i;
	int			column;
	int			ns;
	int64		time = rusts_split_time(point->has_time ? point->time :
										in->now_ns, &ns);

	if (slow->nrows == GROUP_ROWS || slow->bytes > GROUP_BYTES)
		rusts_slow_flush(in, target);

	old_cxt = MemoryContextSwitchTo(slow->group_cxt);
	put_value(target, target->schema->time, TimestampTzGetDatum(time),
			  &columns);
	if (ns != 0)
		put_value(target, target->schema->time_ns, Int16GetDatum(ns),
				  &columns);

	if (rusts_route_split(in, point->series_key, &measurement, &ntags) != NULL)
		elog(ERROR, "series key was good and is bad now");
	for (i = 0; i < ntags; i++)
	{
		RustsBytes	name;
		RustsBytes	value;

		if (!rusts_text_plain(in, in->tags[i].key, rusts_lp_unescape_tag,
							  &name) ||
			!rusts_text_plain(in, in->tags[i].value, rusts_lp_unescape_tag,
							  &value))
			elog(ERROR, "tag was good and is bad now");
		column = rusts_names_find(&target->names, name);
		put_value(target, target->columns[column].column,
				  make_text(slow, value), &columns);
	}
	for (i = 0; i < point->nfields; i++)
	{
		const RustsLpField *field = &point->fields[i];
		RustsBytes	bytes;
		Datum		value = (Datum) 0;

		switch (field->type)
		{
			case RUSTS_LP_FLOAT:
				value = Float8GetDatum(field->value.f);
				break;
			case RUSTS_LP_INT:
				value = Int64GetDatum(field->value.i);
				break;
			case RUSTS_LP_UINT:
				value = Int64GetDatum((int64) field->value.u);
				break;
			case RUSTS_LP_BOOL:
				value = BoolGetDatum(field->value.b);
				break;
			case RUSTS_LP_STRING:
				if (!rusts_text_plain(in, field->value.s,
									  rusts_lp_unescape_string, &bytes))
					elog(ERROR, "string was good and is bad now");
				value = make_text(slow, bytes);
				break;
		}
		column = rusts_columns_find_field(in, target, i, field);
		put_value(target, target->columns[column].column, value, &columns);
	}

	MemoryContextSwitchTo(old_cxt);

	/* Other columns than the rows before have: those go first. */
	if (slow->nrows > 0 && !bms_equal(columns, slow->columns))
	{
		rusts_slow_flush(in, target);
		rusts_slow_append(in, target, point);
		return;
	}

	if (slow->nrows == 0)
		slow->columns = columns;
	column = -1;
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		if (slow->nrows == 0)
			slow->values[column] = MemoryContextAlloc(slow->group_cxt,
													  sizeof(Datum) *
													  GROUP_ROWS);
		slow->values[column][slow->nrows] = slow->row[column];
	}
	slow->linenos[slow->nrows] = point->lineno;
	slow->lines[slow->nrows].data = point->line;
	slow->lines[slow->nrows].len = point->linelen;
	slow->nrows++;
}

void
rusts_slow_flush(RustsIngest *in, RustsTarget *target)
{
	RustsSlow  *slow = target->slow;
	MemoryContext old_cxt = CurrentMemoryContext;
	SPIPlanPtr	plan;

	if (slow->nrows == 0)
		return;

	in->stored = true;
	if (!in->spi)
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		in->spi = true;
		MemoryContextSwitchTo(old_cxt);
	}
	plan = get_plan(in, target);
	if (in->skip || slow->nrows > 1)
		insert_good_rows(in, target, plan, 0, slow->nrows);
	else
		insert_rows(in, target, plan, 0, 1);

	/* SPI leaves its own memory context behind, which ends with it. */
	MemoryContextSwitchTo(old_cxt);

	/* Triggers and the like may have read what other targets hold. */
	rusts_target_forget_series(in);
	MemoryContextReset(slow->group_cxt);
	slow->columns = NULL;
	slow->nrows = 0;
	slow->bytes = 0;
}

void
rusts_slow_end(RustsIngest *in)
{
	MemoryContext old_cxt = CurrentMemoryContext;

	if (in->spi)
		SPI_finish();
	in->spi = false;
	MemoryContextSwitchTo(old_cxt);
}

static void
put_value(RustsTarget *target, int column, Datum value, Bitmapset **columns)
{
	target->slow->row[column] = value;
	*columns = bms_add_member(*columns, column);
}

static Datum
make_text(RustsSlow *slow, RustsBytes bytes)
{
	slow->bytes += bytes.len;
	return PointerGetDatum(cstring_to_text_with_len(bytes.data, bytes.len));
}

/*
 * The statement for the columns of the group.
 */
static SPIPlanPtr
get_plan(RustsIngest *in, RustsTarget *target)
{
	RustsSlow  *slow = target->slow;
	TupleDesc	desc = RelationGetDescr(target->rel);
	SlowPlan   *entry;
	StringInfoData names;
	StringInfoData params;
	StringInfoData sql;
	Oid		   *types;
	MemoryContext old_cxt;
	int			nparams = 0;
	int			column = -1;
	int			i;

	for (i = 0; i < slow->nplans; i++)
	{
		if (bms_equal(slow->plans[i].columns, slow->columns))
			return slow->plans[i].plan;
	}
	if (slow->nplans == MAX_PLANS)
	{
		for (i = 0; i < slow->nplans; i++)
			SPI_freeplan(slow->plans[i].plan);
		slow->nplans = 0;
	}

	initStringInfo(&names);
	initStringInfo(&params);
	types = palloc_array(Oid, bms_num_members(slow->columns));
	while ((column = bms_next_member(slow->columns, column)) >= 0)
	{
		AttrNumber	attno = target->schema->columns[column].attno;
		const char *name;

		types[nparams++] = get_array_type(parameter_type(target, column));
		name = NameStr(TupleDescAttr(desc, attno - 1)->attname);
		appendStringInfo(&names, "%s%s", nparams > 1 ? ", " : "",
						 quote_identifier(name));
		appendStringInfo(&params, "%s$%d", nparams > 1 ? ", " : "", nparams);
	}

	/* A point has a time and a field: unnest never has just one argument. */
	entry = &slow->plans[slow->nplans];
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (%s) SELECT * FROM unnest(%s)",
					 quote_qualified_identifier(in->namespace_name,
												target->name.data),
					 names.data, params.data);
	entry->plan = SPI_prepare(sql.data, nparams, types);
	if (entry->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	old_cxt = MemoryContextSwitchTo(target->cxt);
	entry->columns = bms_copy(slow->columns);
	MemoryContextSwitchTo(old_cxt);
	slow->nplans++;
	pfree(names.data);
	pfree(params.data);
	pfree(sql.data);
	pfree(types);
	return entry->plan;
}

/* INSERT casts to a domain, so what is passed is of its base type. */
static Oid
parameter_type(RustsTarget *target, int column)
{
	return getBaseType(target->schema->columns[column].typid);
}

static void
insert_rows(RustsIngest *in, RustsTarget *target, SPIPlanPtr plan,
			int from, int to)
{
	RustsSlow  *slow = target->slow;
	MemoryContext params_cxt;
	MemoryContext old_cxt;
	ErrorContextCallback context;
	InsertedRows rows;
	Datum	   *params;
	int			nparams = 0;
	int			column = -1;
	int			result;

	params_cxt = AllocSetContextCreate(slow->group_cxt, "rusts parameters",
									   ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(params_cxt);
	params = palloc_array(Datum, bms_num_members(slow->columns));
	while ((column = bms_next_member(slow->columns, column)) >= 0)
	{
		Oid			type = parameter_type(target, column);
		int16		typlen;
		bool		typbyval;
		char		typalign;

		get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
		params[nparams++] =
			PointerGetDatum(construct_array(slow->values[column] + from,
											to - from, type, typlen,
											typbyval, typalign));
	}
	MemoryContextSwitchTo(old_cxt);

	rows.in = in;
	rows.target = target;
	rows.from = from;
	rows.to = to;
	context.callback = add_context;
	context.arg = &rows;
	context.previous = error_context_stack;
	error_context_stack = &context;
	result = SPI_execute_plan(plan, params, NULL, false, 0);
	error_context_stack = context.previous;
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(result));
	SPI_freetuptable(SPI_tuptable);
	MemoryContextDelete(params_cxt);
}

/*
 * Insert those of the rows that the table's rules allow.  The first that they
 * do not allow is an error, or all those are reported.  Missing privileges and
 * the like are errors as ever.
 */
static void
insert_good_rows(RustsIngest *in, RustsTarget *target, SPIPlanPtr plan,
				 int from, int to)
{
	RustsSlow  *slow = target->slow;
	MemoryContext old_cxt = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	RustsFault	fault;
	int			middle = from + (to - from) / 2;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_cxt);
	PG_TRY();
	{
		insert_rows(in, target, plan, from, to);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_cxt);
		CurrentResourceOwner = old_owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(slow->group_cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_cxt);
		CurrentResourceOwner = old_owner;
	}
	PG_END_TRY();

	if (error == NULL)
		return;
	if (!is_row_fault(error) || (to - from == 1 && !in->skip))
		ReThrowError(error);
	if (to - from > 1)
	{
		insert_good_rows(in, target, plan, from, middle);
		insert_good_rows(in, target, plan, middle, to);
		return;
	}

	fault.sqlerrcode = error->sqlerrcode;
	fault.message = error->message;
	fault.hint = NULL;
	rusts_report_line(in, &fault, slow->linenos[from], slow->lines[from].data,
					  slow->lines[from].len);
	in->npoints--;
}

/* Is this what a row can be guilty of? */
static bool
is_row_fault(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
		case ERRCODE_PLPGSQL_ERROR: /* RAISE EXCEPTION in a trigger */
			return true;
		default:
			return false;
	}
}

static void
add_context(void *arg)
{
	const InsertedRows *rows = arg;
	const RustsSlow *slow = rows->target->slow;

	if (rows->from + 1 == rows->to)
		errcontext("line " UINT64_FORMAT " \"%s\"",
				   slow->linenos[rows->from],
				   rusts_report_excerpt(rows->in, slow->lines[rows->from]));
	else
		errcontext("lines " UINT64_FORMAT " to " UINT64_FORMAT
				   ", measurement \"%s\"",
				   slow->linenos[rows->from], slow->linenos[rows->to - 1],
				   rows->target->name.data);
}
