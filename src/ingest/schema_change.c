/*-------------------------------------------------------------------------
 *
 * schema_change.c
 *	  Schema on write: what lines need is made before they are written.
 *
 * ADD COLUMN takes AccessExclusiveLock.  Were it done by a session that
 * already has a lock on that table or another, two sessions could
 * wait for each other.  So the writer gives up what it has not stored yet and
 * all its locks when a line needs something new, or when a table is locked by
 * somebody else while it holds locks itself; then
 *
 *	1.	rusts_schema_collect reads all lines and keeps the measurements and the
 *		columns they miss, taking no lock that lasts;
 *	2.	rusts_schema_apply takes a lock of our own on the name of
 *		each measurement to be changed, so that of many sessions that meet the
 *		same new name one changes the schema and the others see it done;
 *	3.	it goes through all measurements in the order of their names, creates,
 *		alters, or takes the lock that writing needs;
 *	4.	the writer starts again and finds everything there.
 *
 * Locks are thus taken in one order everywhere and calls that are
 * transactions of their own do not deadlock.  A transaction that holds locks
 * from earlier statements is subject to PostgreSQL's ordinary rules, as is a
 * call that met something new after it had to store rows (it looks ahead
 * before that, see write.c), and one whose measurement is dropped or renamed
 * by another session between step 2 and step 4.
 *
 * src/ingest/schema_change.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/seclabel.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "cluster/spread.h"
#include "compat.h"
#include "ingest/check.h"
#include "ingest/columns.h"
#include "ingest/report.h"
#include "ingest/route.h"
#include "ingest/schema_change.h"
#include "ingest/target.h"
#include "meta/options.h"
#include "meta/settings.h"

static bool fits(RustsIngest *in, RustsPass *pass, RustsSeries *series);
static void spread(RustsIngest *in, RustsTarget *target);
static Oid	column_type(const RustsTargetColumn *column);
static int	compare_targets(const void *a, const void *b);
static bool needs_change(const RustsTarget *target);
static void lock_names(RustsIngest *in, RustsTarget **targets, int ntargets);
static int	compare_keys(const void *a, const void *b);
static void apply_target(RustsIngest *in, RustsTarget *target);
static bool find_missing(RustsIngest *in, RustsTarget *target, bool *missing);
static void check_owner(const RangeVar *rangevar, Oid relid, Oid old_relid,
						void *arg);
static void create_table(RustsIngest *in, RustsTarget *target);
static void add_columns(RustsIngest *in, RustsTarget *target,
						const bool *missing);
static void append_column(StringInfo sql, const RustsTarget *target,
						  uint32 number);
static void execute(const char *sql);
static void label_measurement(RustsIngest *in, RustsTarget *target);
static void label_tags(RustsIngest *in, RustsTarget *target,
					   const bool *missing);

bool
rusts_schema_collect(RustsIngest *in, const char *data)
{
	RustsPass	pass;
	uint64		nlines = 0;
	bool		missing = false;
	RustsLpResult result;
	uint32		i;

	rusts_route_begin_pass(in, &pass, data);
	while ((result = rusts_lp_next(&pass.parser,
								   &pass.point)) != RUSTS_LP_END)
	{
		RustsSeries *series;
		RustsTarget *target;

		if (++nlines % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (result == RUSTS_LP_NO_MEMORY)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));

		/* Bad lines are reported when it is their turn to be written. */
		if (result == RUSTS_LP_BAD_LINE)
			continue;
		series = rusts_route(in, &pass);
		if (series == NULL)
			continue;
		target = series->target;
		if (!target->known)
			rusts_target_peek(in, target);
		if (fits(in, &pass, series))
			continue;
		if (rusts_check_line(in, target, &pass.point, true) != RUSTS_LINE_BAD)
			series->checked = true;
	}
	if (pass.parser.fields != NULL)
		pfree(pass.parser.fields);

	for (i = 0; i < in->target_names.nnames; i++)
		missing |= in->targets[i]->known && needs_change(in->targets[i]);
	return missing;
}

void
rusts_schema_apply(RustsIngest *in)
{
	int			ntargets = in->target_names.nnames;
	RustsTarget **targets = MemoryContextAlloc(in->route_cxt,
											   sizeof(RustsTarget *) *
											   Max(ntargets, 1));
	int			i;

	Assert(in->nopen == 0);
	memcpy(targets, in->targets, sizeof(RustsTarget *) * ntargets);
	qsort(targets, ntargets, sizeof(RustsTarget *), compare_targets);

	/* Before we hold any lock: this node is among those that are asked. */
	for (i = 0; i < ntargets; i++)
	{
		if (targets[i]->known && targets[i]->in_cluster &&
			needs_change(targets[i]))
			spread(in, targets[i]);
	}
	lock_names(in, targets, ntargets);
	for (i = 0; i < ntargets; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (targets[i]->known && targets[i]->refusal == NULL)
			apply_target(in, targets[i]);
	}
}

/*
 * Are all names of the point among those of its target?  When in doubt, no.
 */
static bool
fits(RustsIngest *in, RustsPass *pass, RustsSeries *series)
{
	RustsTarget *target = series->target;
	const RustsLpPoint *point = &pass->point;
	uint32		i;

	if (!series->checked || target->refusal != NULL)
		return false;
	if (target->schema == NULL || target->schema->time_ns < 0)
	{
		if (point->has_time && point->time % 1000 != 0)
			return false;
	}
	for (i = 0; i < point->nfields; i++)
	{
		const RustsLpField *field = &point->fields[i];
		int			number = rusts_columns_find_field(in, target, i, field);

		if (number < 0 || target->columns[number].role != RUSTS_ROLE_FIELD ||
			target->columns[number].type != field->type)
			return false;
	}
	return true;
}

/*
 * Have all nodes make what a measurement of the cluster lacks.  Of names that
 * are columns already only new ones are told.
 */
static void
spread(RustsIngest *in, RustsTarget *target)
{
	RustsClusterMeasurement measurement = {0};
	uint32		i;

	measurement.schema = in->namespace_name;
	measurement.name = unconstify(char *, target->name.data);
	measurement.columns = MemoryContextAlloc(in->route_cxt,
											 sizeof(RustsClusterColumn) *
											 target->names.nnames);
	for (i = target->nexisting; i < target->names.nnames; i++)
	{
		RustsClusterColumn *column =
			&measurement.columns[measurement.ncolumns++];

		column->name = unconstify(char *, target->names.names[i].data);
		column->role = target->columns[i].role;
		column->type = column_type(&target->columns[i]);
	}
	rusts_measurement_spread(in->cluster, &measurement);
}

static Oid
column_type(const RustsTargetColumn *column)
{
	if (column->role == RUSTS_ROLE_TIME)
		return TIMESTAMPTZOID;
	if (column->role == RUSTS_ROLE_TIME_NS)
		return INT2OID;
	switch (column->type)
	{
		case RUSTS_LP_FLOAT:
			return FLOAT8OID;
		case RUSTS_LP_INT:
			return INT8OID;
		case RUSTS_LP_BOOL:
			return BOOLOID;
		default:
			return TEXTOID;
	}
}

static int
compare_targets(const void *a, const void *b)
{
	const RustsTarget *left = *(RustsTarget *const *) a;
	const RustsTarget *right = *(RustsTarget *const *) b;

	return rusts_bytes_compare(left->name, right->name);
}

/* A missing measurement that no good line is for has only its time column. */
static bool
needs_change(const RustsTarget *target)
{
	if (target->refusal != NULL)
		return false;
	return target->exists ? target->names.nnames > target->nexisting :
		target->names.nnames > 1;
}

/*
 * Lock the names of the measurements to be changed, until the end of the
 * transaction.  The key is a subobject of the schema that nothing else in
 * PostgreSQL locks; two names may share one.
 */
static void
lock_names(RustsIngest *in, RustsTarget **targets, int ntargets)
{
	uint16	   *keys = MemoryContextAlloc(in->route_cxt,
										  sizeof(uint16) * Max(ntargets, 1));
	int			nkeys = 0;
	int			i;

	for (i = 0; i < ntargets; i++)
	{
		RustsBytes	name = targets[i]->name;

		if (targets[i]->known && !targets[i]->in_cluster &&
			needs_change(targets[i]))
			keys[nkeys++] = rusts_key_hash(name.data, name.len, 0) | 1;
	}
	qsort(keys, nkeys, sizeof(uint16), compare_keys);
	for (i = 0; i < nkeys; i++)
	{
		if (i == 0 || keys[i] != keys[i - 1])
			LockDatabaseObject(NamespaceRelationId, in->namespace, keys[i],
							   ExclusiveLock);
	}
}

static int
compare_keys(const void *a, const void *b)
{
	return (int) *(const uint16 *) a - (int) *(const uint16 *) b;
}

/*
 * Create or alter one measurement if that is still needed; in any case
 * it is locked afterwards, if it exists.
 */
static void
apply_target(RustsIngest *in, RustsTarget *target)
{
	RangeVar   *rangevar = rusts_target_rangevar(in, target);
	bool	   *missing = MemoryContextAlloc(in->route_cxt,
											 sizeof(bool) *
											 Max(target->names.nnames, 1));

	if (!needs_change(target) || target->in_cluster ||
		!find_missing(in, target, missing))
	{
		(void) RangeVarGetRelidExtended(rangevar, RowExclusiveLock,
										RVR_MISSING_OK, NULL, NULL);
		return;
	}

	if (OidIsValid(RangeVarGetRelidExtended(rangevar, AccessExclusiveLock,
											RVR_MISSING_OK, check_owner,
											target)))
	{
		/* Somebody may have altered it by other means in between. */
		if (find_missing(in, target, missing))
			add_columns(in, target, missing);
	}
	else if (!target->exists)
		create_table(in, target);
	/* Otherwise it was dropped just now; the writer will start over. */
}

/*
 * Which of the target's names are not columns now?  False: none.  When there
 * is something else of that name the writer will say so.
 */
static bool
find_missing(RustsIngest *in, RustsTarget *target, bool *missing)
{
	RustsTarget *present;
	MemoryContext cxt;
	bool		any = false;
	uint32		i;

	cxt = AllocSetContextCreate(in->route_cxt, "rusts target",
								ALLOCSET_SMALL_SIZES);
	present = MemoryContextAllocZero(cxt, sizeof(RustsTarget));
	present->cxt = cxt;
	present->name = target->name;
	rusts_names_init(&present->names, cxt, in->seed);
	rusts_target_peek(in, present);
	for (i = 0; i < target->names.nnames; i++)
	{
		missing[i] = present->refusal == NULL &&
			(!present->exists ||
			 rusts_names_find(&present->names, target->names.names[i]) < 0);
		/* What has been dropped meanwhile is not ours to make again. */
		if (i < target->nexisting)
			missing[i] = false;
		any |= missing[i];
	}
	MemoryContextDelete(cxt);
	return any;
}

/*
 * ALTER TABLE would find out, but only with the lock that keeps others out.
 */
static void
check_owner(const RangeVar *rangevar, Oid relid, Oid old_relid, void *arg)
{
	const RustsTarget *target = arg;
	const char *name;

	if (!OidIsValid(relid) || relid == old_relid)
		return;
	if (rusts_is_owner(relid, GetUserId()))
		return;
	name = target->names.names[Min(target->nexisting,
								   target->names.nnames - 1)].data;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s", rangevar->relname),
			 errdetail("Points need the new column \"%s\".", name)));
}

static void
create_table(RustsIngest *in, RustsTarget *target)
{
	/* Time, tags, fields, and the nanoseconds if there are any. */
	static const RustsRole order[] = {
		RUSTS_ROLE_TIME, RUSTS_ROLE_TAG, RUSTS_ROLE_FIELD, RUSTS_ROLE_TIME_NS
	};
	StringInfoData sql;
	int			r;
	uint32		i;
	const char *separator = "";

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE %sTABLE %s (",
					 rusts_wal_mode == RUSTS_WAL_NONE &&
					 !isAnyTempNamespace(in->namespace) ? "UNLOGGED " : "",
					 quote_qualified_identifier(in->namespace_name,
												target->name.data));
	for (r = 0; r < lengthof(order); r++)
	{
		for (i = 0; i < target->names.nnames; i++)
		{
			if (target->columns[i].role != order[r])
				continue;
			appendStringInfoString(&sql, separator);
			append_column(&sql, target, i);
			separator = ", ";
		}
	}
	appendStringInfoString(&sql, ") USING rusts");
	execute(sql.data);
	label_tags(in, target, NULL);
	label_measurement(in, target);
}

static void
add_columns(RustsIngest *in, RustsTarget *target, const bool *missing)
{
	StringInfoData sql;
	uint32		i;
	const char *separator = "";

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s ",
					 quote_qualified_identifier(in->namespace_name,
												target->name.data));
	for (i = 0; i < target->names.nnames; i++)
	{
		if (!missing[i])
			continue;
		appendStringInfo(&sql, "%sADD COLUMN ", separator);
		append_column(&sql, target, i);
		separator = ", ";
	}
	execute(sql.data);
	label_tags(in, target, missing);
}

static void
append_column(StringInfo sql, const RustsTarget *target, uint32 number)
{
	const RustsTargetColumn *column = &target->columns[number];
	const char *type = NULL;

	switch (column->role)
	{
		case RUSTS_ROLE_TIME:
			type = "pg_catalog.timestamptz NOT NULL";
			break;
		case RUSTS_ROLE_TIME_NS:
			type = "pg_catalog.int2 NOT NULL DEFAULT 0";
			break;
		case RUSTS_ROLE_TAG:
		case RUSTS_ROLE_FIELD:
			if (column->type == RUSTS_LP_FLOAT)
				type = "pg_catalog.float8";
			else if (column->type == RUSTS_LP_INT)
				type = "pg_catalog.int8";
			else if (column->type == RUSTS_LP_BOOL)
				type = "pg_catalog.bool";
			else
				type = "pg_catalog.text";
			break;
	}
	appendStringInfo(sql, "%s %s",
					 quote_identifier(target->names.names[number].data), type);
}

/* Run a utility statement as the caller. */
static void
execute(const char *sql)
{
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(sql, false, 0);
	if (result != SPI_OK_UTILITY)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

/*
 * Label the tags among the new columns (NULL = all), in partitions, too.
 */
static void
label_tags(RustsIngest *in, RustsTarget *target, const bool *missing)
{
	Oid			relid = get_relname_relid(target->name.data, in->namespace);
	ListCell   *lc;
	uint32		i;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		ObjectAddress address;

		for (i = 0; i < target->names.nnames; i++)
		{
			if (target->columns[i].role != RUSTS_ROLE_TAG ||
				(missing != NULL && !missing[i]))
				continue;
			ObjectAddressSubSet(address, RelationRelationId, lfirst_oid(lc),
								get_attnum(lfirst_oid(lc),
										   target->names.names[i].data));
			SetSecurityLabel(&address, RUSTS_LABEL_PROVIDER, RUSTS_TAG_LABEL);
		}
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	}
	CommandCounterIncrement();
}

/* Points have the rule of line protocol: written again, they are united. */
static void
label_measurement(RustsIngest *in, RustsTarget *target)
{
	Oid			relid = get_relname_relid(target->name.data, in->namespace);
	RustsOptions options;

	(void) rusts_options_parse(NULL, &options);
	options.duplicates = RUSTS_DUPLICATES_MERGE;
	rusts_options_store(relid, &options);
}
