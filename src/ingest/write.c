/*-------------------------------------------------------------------------
 *
 * write.c
 *	  rusts_write: line protocol into measurements.
 *
 * One pass over the lines.  The parser gives a point, route.c its measurement
 * and series, columns.c appends it to the measurement's builder; in the
 * regular case nothing is looked up, hashed or allocated on this way.
 *
 * When a line needs a schema change, or a lock that somebody else has, the
 * pass stops, everything not stored yet is forgotten together with its locks,
 * and after schema_change.c has done its part the pass starts
 * again from the first line.  Once rows have been stored that is no longer
 * possible, the pass then goes on from the line where it stopped.  To make
 * that rare, a long input is looked through to its end before the builders
 * are full.
 *
 * src/ingest/write.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/batches.h"
#include "cluster/copying.h"
#include "cluster/outbox.h"
#include "cluster/topology.h"
#include "compat.h"
#include "ingest/check.h"
#include "ingest/columns.h"
#include "ingest/keep_memory.h"
#include "ingest/report.h"
#include "ingest/route.h"
#include "ingest/schema_change.h"
#include "ingest/sharding.h"
#include "ingest/slow.h"
#include "ingest/target.h"
#include "ingest/text.h"
#include "meta/totals.h"

PG_FUNCTION_INFO_V1(rusts_write_text);
PG_FUNCTION_INFO_V1(rusts_write_bytea);

/* Tell the buffers after so many rows, or copied strings. */
#define REPORT_ROWS			64
#define REPORT_STRINGS		(1024 * 1024)

/* Look at the rest of the input before this much has been written. */
#define LOOK_AHEAD_INPUT	(32 * 1024 * 1024)
#define LOOK_AHEAD_MEMORY	(16 * 1024 * 1024)

typedef enum StopReason
{
	STOP_AT_END,
	STOP_FOR_SCHEMA,
	STOP_TO_LOOK_AHEAD
} StopReason;

bool		rusts_schema_on_write = true;

static Datum write_argument(FunctionCallInfo fcinfo, const char *data,
							size_t len, bool server_encoding);
static const char *batch_argument(FunctionCallInfo fcinfo);
static int64 parse_precision(FunctionCallInfo fcinfo);
static bool parse_on_error(FunctionCallInfo fcinfo);
static int64 statement_time(int64 time_unit);
static void write_lines(RustsIngest *in);
static StopReason append_lines(RustsIngest *in, bool again);
static RustsLineCheck prepare_series(RustsIngest *in, RustsSeries *series);
static RustsLineCheck append_point(RustsIngest *in, RustsSeries *series);
static int64 point_time(RustsIngest *in);
static bool wants_look_ahead(RustsIngest *in);
static bool change_schema(RustsIngest *in);

void
rusts_ingest_init(void)
{
	DefineCustomBoolVariable("rusts.schema_on_write",
							 "Lets rusts_write create measurements and add columns.",
							 "When off, points of unknown measurements, tags or fields are errors.",
							 &rusts_schema_on_write,
							 true,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.keep_memory",
							"Memory that a session keeps between large batches.",
							"Batches of lines up to half of this size are read into memory that the session has already.",
							&rusts_keep_memory_kb,
							256 * 1024, 0, 1024 * 1024,
							PGC_USERSET,
							GUC_UNIT_KB,
							NULL, NULL, NULL);
}

/*
 * rusts_write(lines text, precision text, on_error text) returns bigint
 */
Datum
rusts_write_text(PG_FUNCTION_ARGS)
{
	text	   *lines;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	lines = PG_GETARG_TEXT_PP(0);
	return write_argument(fcinfo, VARDATA_ANY(lines),
						  VARSIZE_ANY_EXHDR(lines), true);
}

/*
 * rusts_write(lines bytea, precision text, on_error text) returns bigint
 */
Datum
rusts_write_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *lines;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	lines = PG_GETARG_BYTEA_PP(0);
	return write_argument(fcinfo, VARDATA_ANY(lines),
						  VARSIZE_ANY_EXHDR(lines), false);
}

static Datum
write_argument(FunctionCallInfo fcinfo, const char *data, size_t len,
			   bool server_encoding)
{
	RustsIngest in;
	MemoryContext old_cxt;
	RangeVar   *any;

	if (RecoveryInProgress())
		PreventCommandDuringRecovery("rusts_write()");
	PreventCommandIfReadOnly("rusts_write()");
	PreventCommandIfParallelMode("rusts_write()");

	rusts_keep_memory(len);
	memset(&in, 0, sizeof(in));
	in.time_unit = parse_precision(fcinfo);
	in.skip = parse_on_error(fcinfo);
	in.now_ns = statement_time(in.time_unit);
	in.seed = pg_prng_uint64(&pg_global_prng_state);
	in.call_cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts_write",
										ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(in.call_cxt);
	in.line_cxt = AllocSetContextCreate(in.call_cxt, "rusts line",
										ALLOCSET_DEFAULT_SIZES);
	any = makeRangeVar(NULL, "", -1);
	in.namespace = RangeVarGetCreationNamespace(any);
	in.namespace_name = get_namespace_name(in.namespace);
	if (!isAnyTempNamespace(in.namespace))
		in.cluster = rusts_cluster();
	if (in.cluster != NULL)
		rusts_refuse_while_copying(in.cluster);
	rusts_text_input(&in, data, len, server_encoding);

	/*
	 * A query that inserts into a measurement and calls us has rows of its
	 * own in a buffer; ours get another command id and so another buffer.
	 */
	CommandCounterIncrement();
	in.batch = batch_argument(fcinfo);
	if (in.batch == NULL || rusts_batch_begin(in.batch, RUSTS_WHOLE_BATCH))
	{
		if (in.batch != NULL)
			rusts_outbox_begin_batch(in.batch);
		write_lines(&in);
		if (in.batch != NULL)
			rusts_outbox_end_batch();
		rusts_report_skipped(&in);
	}

	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(in.call_cxt);
	rusts_total_add(RUSTS_TOTAL_WRITES, 1);
	rusts_total_add(RUSTS_TOTAL_POINTS, in.npoints);
	PG_RETURN_INT64((int64) in.npoints);
}

/* The client's name for the batch, or NULL. */
static const char *
batch_argument(FunctionCallInfo fcinfo)
{
	char	   *batch;

	if (PG_NARGS() < 4 || PG_ARGISNULL(3))
		return NULL;
	batch = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (batch[0] == '\0' || strlen(batch) > RUSTS_MAX_BATCH_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_id must have 1 to %d bytes",
						RUSTS_MAX_BATCH_ID)));
	return batch;
}

static int64
parse_precision(FunctionCallInfo fcinfo)
{
	text	   *name;
	int64		unit;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("precision must not be null")));
	name = PG_GETARG_TEXT_PP(1);
	unit = rusts_lp_precision(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	if (unit < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid precision: \"%s\"", text_to_cstring(name)),
				 errhint("Use ns, us, ms, s, m or h, or auto.")));
	return unit;
}

static bool
parse_on_error(FunctionCallInfo fcinfo)
{
	char	   *name;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_error must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (strcmp(name, "abort") != 0 && strcmp(name, "skip") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for on_error: \"%s\"", name),
				 errhint("Use abort or skip.")));
	return strcmp(name, "skip") == 0;
}

/* The statement's time in Unix nanoseconds, truncated to the precision. */
static int64
statement_time(int64 time_unit)
{
	int64		now = GetCurrentStatementStartTimestamp() +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	now *= 1000;
	if (time_unit > 1)
		now -= now % time_unit;
	return now;
}

static void
write_lines(RustsIngest *in)
{
	StopReason	reason;
	bool		again = false;

	rusts_route_begin(in);
	rusts_route_begin_pass(in, &in->pass, in->data);
	while ((reason = append_lines(in, again)) != STOP_AT_END)
	{
		CHECK_FOR_INTERRUPTS();
		again = false;
		if (reason == STOP_TO_LOOK_AHEAD)
		{
			in->looked_ahead = true;
			if (!rusts_schema_collect(in, in->pass.parser.pos))
			{
				/* The table of series may be another one now. */
				in->pass.series = RUSTS_NO_SERIES;
				continue;
			}
		}
		again = change_schema(in);
	}
	rusts_target_close_all(in, false);
	rusts_slow_end(in);
}

/*
 * Write points until the end, or until something must be done first; the
 * point in hand, if any, has not been written then.  again says to begin with
 * the point in hand.
 */
static StopReason
append_lines(RustsIngest *in, bool again)
{
	RustsPass  *pass = &in->pass;
	uint64		nlines = 0;

	for (;; again = false)
	{
		RustsSeries *series;
		RustsLineCheck check = RUSTS_LINE_BAD;

		if (unlikely(++nlines % 1024 == 0))
		{
			CHECK_FOR_INTERRUPTS();
			if (!in->looked_ahead && !in->stored && wants_look_ahead(in))
				return STOP_TO_LOOK_AHEAD;
		}

		/* Rows for INSERT may be stored any time from now on. */
		if (unlikely(in->slow) && !in->looked_ahead && !in->stored)
			return STOP_TO_LOOK_AHEAD;

		if (likely(!again))
		{
			RustsLpResult result = rusts_lp_next(&pass->parser, &pass->point);

			if (result == RUSTS_LP_END)
				return STOP_AT_END;
			if (result == RUSTS_LP_NO_MEMORY)
				ereport(ERROR,
						(errcode(ERRCODE_OUT_OF_MEMORY),
						 errmsg("out of memory")));
			if (unlikely(result == RUSTS_LP_BAD_LINE))
			{
				RustsFault	fault = {0};

				fault.sqlerrcode = ERRCODE_INVALID_TEXT_REPRESENTATION;
				fault.message = pass->parser.error;
				rusts_report_line(in, &fault, pass->parser.bad_lineno,
								  pass->parser.line, pass->parser.linelen);
				rusts_route_unbind(pass);
				continue;
			}
		}

		series = rusts_route(in, pass);
		if (likely(series != NULL))
		{
			check = RUSTS_LINE_KNOWN;
			if (unlikely(series->target->sharding != NULL))
				rusts_sharding_move(in, series->target, point_time(in));
			if (unlikely(series->epoch != series->target->epoch))
				check = prepare_series(in, series);
			if (likely(check == RUSTS_LINE_KNOWN))
				check = append_point(in, series);
			if (likely(check == RUSTS_LINE_KNOWN))
			{
				in->npoints++;
				continue;
			}
		}

		rusts_route_unbind(pass);
		if (check == RUSTS_LINE_NEW)
			return STOP_FOR_SCHEMA;
		rusts_report_line(in, in->fault, pass->point.lineno,
						  pass->point.line, pass->point.linelen);
	}
}

/*
 * Open the series' target if need be and give the series its number.
 */
static RustsLineCheck
prepare_series(RustsIngest *in, RustsSeries *series)
{
	RustsTarget *target = series->target;

	if (target->rel == NULL && target->refusal == NULL)
	{
		/* Waiting is safe while we have no lock, or when it is too late. */
		RustsOpened opened = rusts_target_open(in, target, in->nopen == 0 ||
											   in->stored);

		if (opened == RUSTS_TARGET_BUSY)
			return RUSTS_LINE_NEW;
	}
	if (target->rel != NULL)
	{
		if (target->slow != NULL)
		{
			series->epoch = target->epoch;
			return RUSTS_LINE_KNOWN;
		}
		if (rusts_columns_number_series(in, series, point_time(in)))
			return RUSTS_LINE_KNOWN;
	}
	return rusts_check_line(in, target, &in->pass.point, false);
}

static RustsLineCheck
append_point(RustsIngest *in, RustsSeries *series)
{
	RustsTarget *target = series->target;
	RustsTargetPart *part;
	RustsLineCheck check;

	if (target->slow != NULL)
	{
		check = rusts_check_line(in, target, &in->pass.point, false);
		if (check == RUSTS_LINE_KNOWN)
		{
			in->slow = true;
			rusts_slow_append(in, target, &in->pass.point);

			/* The parser compares the next line with one nobody has bound. */
			rusts_route_unbind(&in->pass);
		}
		return check;
	}

	part = &target->parts[series->part];
	if (unlikely(part->skip))
	{
		rusts_route_unbind(&in->pass);
		return RUSTS_LINE_KNOWN;
	}
	if (unlikely(!rusts_columns_append(in, &in->pass, target, part->builder,
									   series->number)))
	{
		check = rusts_check_line(in, target, &in->pass.point, false);
		if (check == RUSTS_LINE_KNOWN)
			elog(ERROR, "could not append line " UINT64_FORMAT
				 " to measurement \"%s\"",
				 in->pass.point.lineno, target->name.data);
		return check;
	}

	if (unlikely(part->builder->nrows % REPORT_ROWS == 0 ||
				 part->builder->string_bytes - part->string_bytes >
				 REPORT_STRINGS))
	{
		if (rusts_buffer_added(part->buffer))
		{
			rusts_target_forget_series(in);
			in->stored = true;
		}
		part->string_bytes = part->builder->string_bytes;
	}
	return RUSTS_LINE_KNOWN;
}

/* Time of the point in hand, in microseconds. */
static int64
point_time(RustsIngest *in)
{
	const RustsLpPoint *point = &in->pass.point;
	int			ns;

	return rusts_split_time(point->has_time ? point->time : in->now_ns, &ns);
}

/*
 * Is much of the input written, and more to come?
 */
static bool
wants_look_ahead(RustsIngest *in)
{
	size_t		bytes = 0;
	uint32		i;

	if (in->pass.parser.pos - in->data >= LOOK_AHEAD_INPUT)
		return true;
	for (i = 0; i < in->target_names.nnames; i++)
	{
		const RustsTarget *target = in->targets[i];
		int			j;

		for (j = 0; j < target->nparts; j++)
		{
			if (target->parts[j].builder != NULL)
				bytes += target->parts[j].builder->bytes;
		}
	}
	return bytes >= LOOK_AHEAD_MEMORY;
}

/*
 * Make the schema fit.  Returns whether the point in hand is the next to be
 * written; otherwise it is the first line's.
 */
static bool
change_schema(RustsIngest *in)
{
	RustsPass  *pass = &in->pass;
	bool		stored = in->stored;

	rusts_target_close_all(in, !stored);
	rusts_slow_end(in);

	/* What is known of the tables is out of date from here on. */
	rusts_route_begin(in);
	pass->bindings = NULL;
	pass->nbindings = 0;
	pass->series = RUSTS_NO_SERIES;
	(void) rusts_schema_collect(in, stored ? pass->point.line : in->data);
	rusts_schema_apply(in);
	rusts_route_begin(in);

	if (stored)
		return true;
	rusts_report_restart(in);
	in->npoints = 0;
	if (pass->parser.fields != NULL)
		pfree(pass->parser.fields);
	rusts_route_begin_pass(in, pass, in->data);
	return false;
}
