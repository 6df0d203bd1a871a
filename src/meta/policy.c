/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  The table rusts.policy.
 *
 * Of the policies whose pattern matches a measurement the most specific one
 * counts.  A policy acts on what its owner may drop: relations of roles that
 * the owner is a member of, or any if the owner is a superuser.  Both are
 * judged when it acts, so a role that is gone or has lost its membership
 * leaves a policy that does nothing.  Between equally specific policies that
 * of a role nearer to the measurement counts: its owner's own, then a
 * member's, then a superuser's; then the older one.
 *
 * src/meta/policy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/catalog.h"
#include "meta/directory.h"
#include "meta/directory_times.h"
#include "meta/everywhere.h"
#include "meta/policy.h"

enum
{
	Anum_pattern = 1,
	Anum_kind,
	Anum_owner,
	Anum_after,
	Anum_clock,
	Anum_tablespace,
	Anum_created
};
#define Natts_policy	Anum_created

static const char *const kind_names[] = {"retention", "tiering"};

static RustsPolicy *read_policy(HeapTuple tuple, TupleDesc desc);
static HeapTuple form_policy(const RustsPolicy *policy, TupleDesc desc);
static int	distance(const RustsPolicy *policy, Oid relowner);

const char *
rusts_policy_kind_name(RustsPolicyKind kind)
{
	return kind_names[kind];
}

List *
rusts_policies_load(Snapshot snapshot)
{
	Relation	table = rusts_catalog_open("policy", AccessShareLock, true);
	TableScanDesc scan;
	HeapTuple	tuple;
	List	   *policies = NIL;

	if (table == NULL)
		return NIL;
	scan = table_beginscan(table, snapshot, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		RustsPolicy *policy = read_policy(tuple, RelationGetDescr(table));

		if (policy != NULL)
			policies = lappend(policies, policy);
	}
	table_endscan(scan);
	table_close(table, AccessShareLock);
	return policies;
}

bool
rusts_policy_matches(const RustsPolicy *policy, Oid relid)
{
	Oid			measurement = rusts_measurement_of(relid);
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(measurement));
	Form_pg_class class;
	char	   *schema;
	bool		matches = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_class) GETSTRUCT(tuple);
	schema = get_namespace_name(class->relnamespace);
	if (schema != NULL)
		matches = rusts_pattern_matches(&policy->pattern, schema,
										NameStr(class->relname));
	ReleaseSysCache(tuple);
	return matches;
}

const RustsPolicy *
rusts_policy_choose(List *policies, RustsPolicyKind kind, Oid relid)
{
	const RustsPolicy *best = NULL;
	int			best_distance = 0;
	ListCell   *cell;
	HeapTuple	tuple;
	Oid			relowner;
	char		relkind;

	if (policies == NIL)
		return NULL;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	relowner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	relkind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;
	ReleaseSysCache(tuple);

	/* A materialized view has what its query says. */
	if (relkind == RELKIND_MATVIEW && kind == RUSTS_POLICY_RETENTION)
		return NULL;
	foreach(cell, policies)
	{
		const RustsPolicy *policy = lfirst(cell);
		int			way = 1;
		int			away;

		if (policy->kind != kind || !rusts_policy_matches(policy, relid) ||
			!rusts_is_owner(relid, policy->owner))
			continue;
		away = distance(policy, relowner);
		if (best != NULL)
		{
			way = rusts_pattern_compare(&policy->pattern, &best->pattern);
			if (way == 0)
				way = best_distance - away;
			if (way == 0)
				way = best->created > policy->created ? 1 : -1;
		}
		if (way > 0)
		{
			best = policy;
			best_distance = away;
		}
	}
	return best;
}

/* How far a policy's owner is from a measurement's. */
static int
distance(const RustsPolicy *policy, Oid relowner)
{
	if (policy->owner == relowner)
		return 0;
	return superuser_arg(policy->owner) ? 2 : 1;
}

/*
 * A measurement's time may be a timestamp without time zone; it is taken for
 * UTC.
 */
int64
rusts_policy_limit(const RustsPolicy *policy, int64 storage_id,
				   Snapshot snapshot)
{
	const Interval *after = &policy->after;
	int64		now = GetCurrentTimestamp();
	double		longest;

	if (policy->data_clock)
		now = rusts_directory_newest(storage_id, snapshot);
	if (now == RUSTS_NO_TIME)
		return RUSTS_NO_TIME;

	/* Before the beginning of time there is nothing. */
	longest = ((double) after->month * 31 + after->day) * USECS_PER_DAY +
		(double) after->time;
	if ((double) now - longest <= (double) MIN_TIMESTAMP)
		return RUSTS_NO_TIME;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(now),
												   IntervalPGetDatum(after)));
}

Oid
rusts_policy_tablespace(const RustsPolicy *policy)
{
	Oid			tablespace;
	AclResult	result;

	if (policy->tablespace == NULL)
		return InvalidOid;
	tablespace = get_tablespace_oid(policy->tablespace, false);
	if (tablespace == GLOBALTABLESPACE_OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only shared relations can be placed in pg_global tablespace")));

	/* As for tables: everybody may use the database's own. */
	if (tablespace == MyDatabaseTableSpace)
		return tablespace;
	result = rusts_tablespace_aclcheck(tablespace, policy->owner, ACL_CREATE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLESPACE, policy->tablespace);
	return tablespace;
}

void
rusts_policy_insert(const RustsPolicy *policy)
{
	Relation	table = rusts_catalog_open("policy", RowExclusiveLock, false);
	HeapTuple	tuple = form_policy(policy, RelationGetDescr(table));

	CatalogTupleInsert(table, tuple);
	CommandCounterIncrement();
	table_close(table, RowExclusiveLock);
}

void
rusts_policy_update(const RustsPolicy *policy)
{
	Relation	table = rusts_catalog_open("policy", RowExclusiveLock, false);
	HeapTuple	tuple = form_policy(policy, RelationGetDescr(table));
	ItemPointerData tid = policy->tid;

	CatalogTupleUpdate(table, &tid, tuple);
	CommandCounterIncrement();
	table_close(table, RowExclusiveLock);
}

void
rusts_policy_delete(const RustsPolicy *policy)
{
	Relation	table = rusts_catalog_open("policy", RowExclusiveLock, false);
	ItemPointerData tid = policy->tid;

	CatalogTupleDelete(table, &tid);
	CommandCounterIncrement();
	table_close(table, RowExclusiveLock);
}

void
rusts_policies_lock(void)
{
	table_close(rusts_catalog_open("policy", ShareRowExclusiveLock, false),
				NoLock);
}

/* NULL if the row, perhaps of another version, makes no sense to us. */
static RustsPolicy *
read_policy(HeapTuple tuple, TupleDesc desc)
{
	RustsPolicy *policy = palloc0_object(RustsPolicy);
	Datum		values[Natts_policy];
	bool		nulls[Natts_policy];
	const char *problem;
	char	   *kind;

	heap_deform_tuple(tuple, desc, values, nulls);
	kind = TextDatumGetCString(values[Anum_kind - 1]);
	if (strcmp(kind, kind_names[RUSTS_POLICY_RETENTION]) == 0)
		policy->kind = RUSTS_POLICY_RETENTION;
	else if (strcmp(kind, kind_names[RUSTS_POLICY_TIERING]) == 0)
		policy->kind = RUSTS_POLICY_TIERING;
	else
		return NULL;
	if (!rusts_pattern_parse(TextDatumGetCString(values[Anum_pattern - 1]),
							 &policy->pattern, &problem))
		return NULL;
	policy->owner = DatumGetObjectId(values[Anum_owner - 1]);
	policy->after = *DatumGetIntervalP(values[Anum_after - 1]);
	policy->data_clock =
		strcmp(TextDatumGetCString(values[Anum_clock - 1]), "data") == 0;
	if (!nulls[Anum_tablespace - 1])
		policy->tablespace =
			pstrdup(NameStr(*DatumGetName(values[Anum_tablespace - 1])));
	policy->created = DatumGetTimestampTz(values[Anum_created - 1]);
	policy->tid = tuple->t_self;
	return policy;
}

static HeapTuple
form_policy(const RustsPolicy *policy, TupleDesc desc)
{
	Datum		values[Natts_policy];
	bool		nulls[Natts_policy] = {false};
	char		text[RUSTS_PATTERN_TEXT];
	NameData	tablespace;

	values[Anum_pattern - 1] =
		CStringGetTextDatum(rusts_pattern_text(&policy->pattern, text));
	values[Anum_kind - 1] = CStringGetTextDatum(kind_names[policy->kind]);
	values[Anum_owner - 1] = ObjectIdGetDatum(policy->owner);
	values[Anum_after - 1] = IntervalPGetDatum(&policy->after);
	values[Anum_clock - 1] =
		CStringGetTextDatum(policy->data_clock ? "data" : "server");
	nulls[Anum_tablespace - 1] = policy->tablespace == NULL;
	values[Anum_tablespace - 1] = NameGetDatum(&tablespace);
	if (policy->tablespace != NULL)
		namestrcpy(&tablespace, policy->tablespace);
	values[Anum_created - 1] = TimestampTzGetDatum(policy->created);
	return heap_form_tuple(desc, values, nulls);
}
