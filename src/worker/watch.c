/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  What the views about policies, jobs and progress are made of.
 *
 * An ordinary user is told of the measurements that he may read; what is
 * about the database as a whole, a member of pg_monitor.
 *
 * src/worker/watch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/directory.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "worker/job.h"
#include "worker/wal_sync.h"

PG_FUNCTION_INFO_V1(rusts_job_list);
PG_FUNCTION_INFO_V1(rusts_progress_entries);
PG_FUNCTION_INFO_V1(rusts_counter_list);

static bool may_watch(Oid relid);
static void put_counter(ReturnSetInfo *result, const char *name, uint64 value);
static void put_job(ReturnSetInfo *result, Oid relid, int kind,
					const RustsPolicy *policy);
static int64 limit_of(Oid relid, const RustsPolicy *policy);

/*
 * rusts.job_list(OUT measurement oid, OUT job text, OUT kind text,
 *				  OUT pattern text, OUT owner oid, OUT before timestamptz)
 *
 * The jobs there are for each measurement, and the policies that ask for
 * them: which rows are past their limit.
 */
Datum
rusts_job_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *policies = rusts_policies_load(GetActiveSnapshot());
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, rusts_list_measurements())
	{
		Oid			relid = lfirst_oid(cell);
		int			kind;

		CHECK_FOR_INTERRUPTS();
		if (!may_watch(relid))
			continue;
		for (kind = 0; kind < rusts_njob_kinds; kind++)
		{
			const RustsJobKind *k = &rusts_job_kinds[kind];
			const RustsPolicy *policy = NULL;

			if (k->by_policy)
				policy = rusts_policy_choose(policies, k->policy_kind, relid);
			if (!k->by_policy || policy != NULL)
				put_job(result, relid, kind, policy);
		}
	}
	return (Datum) 0;
}

static bool
may_watch(Oid relid)
{
	if (has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		return true;
	return rusts_class_aclcheck(relid, GetUserId(),
								ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

static void
put_job(ReturnSetInfo *result, Oid relid, int kind, const RustsPolicy *policy)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	char		pattern[RUSTS_PATTERN_TEXT];
	int64		before;

	memset(values, 0, sizeof(values));
	values[0] = ObjectIdGetDatum(relid);
	values[1] = CStringGetTextDatum(rusts_job_kinds[kind].name);
	nulls[2] = nulls[3] = nulls[4] = nulls[5] = policy == NULL;
	if (policy != NULL)
	{
		before = limit_of(relid, policy);
		values[2] = CStringGetTextDatum(rusts_policy_kind_name(policy->kind));
		values[3] = CStringGetTextDatum(rusts_pattern_text(&policy->pattern,
														   pattern));
		values[4] = ObjectIdGetDatum(policy->owner);
		values[5] = TimestampTzGetDatum(before);
		nulls[5] = before == RUSTS_NO_TIME;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static int64
limit_of(Oid relid, const RustsPolicy *policy)
{
	int64		before = RUSTS_NO_TIME;
	Relation	rel = try_relation_open(relid, AccessShareLock);

	if (rel == NULL)
		return before;
	if (rusts_is_measurement(rel) &&
		!(RecoveryInProgress() && !RelationIsPermanent(rel)))
		before = rusts_policy_limit(policy, rusts_storage_id_if_readable(rel),
									GetActiveSnapshot());
	relation_close(rel, AccessShareLock);
	return before;
}

/*
 * rusts.progress_entries(OUT pid integer, OUT measurement oid, OUT job text,
 *						  OUT phase text, OUT done bigint, OUT total bigint,
 *						  OUT started timestamptz)
 */
Datum
rusts_progress_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RustsProgress *jobs;
	int			n;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	jobs = rusts_progress_list(&n);
	for (i = 0; i < n; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};

		if (!may_watch(jobs[i].relid))
			continue;
		values[0] = Int32GetDatum(jobs[i].pid);
		values[1] = ObjectIdGetDatum(jobs[i].relid);
		values[2] = CStringGetTextDatum(jobs[i].job);
		values[3] = CStringGetTextDatum(jobs[i].phase);
		nulls[3] = jobs[i].phase[0] == '\0';
		values[4] = Int64GetDatum(pg_atomic_read_u64(&jobs[i].done));
		values[5] = Int64GetDatum(pg_atomic_read_u64(&jobs[i].total));
		nulls[4] = nulls[5] = nulls[3];
		values[6] = TimestampTzGetDatum(jobs[i].started);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * rusts.counter_list(OUT name text, OUT value bigint)
 *
 * Of this database (of the server, the last one) since the server was
 * started; for members of pg_monitor.
 */
Datum
rusts_counter_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_atomic_uint64 *counters = rusts_totals_hook();
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (counters == NULL || !has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		return (Datum) 0;
	for (i = 0; i < RUSTS_NTOTALS; i++)
		put_counter(result, rusts_total_names[i],
					pg_atomic_read_u64(&counters[i]));
	put_counter(result, "wal_syncs", rusts_wal_sync_count());
	return (Datum) 0;
}

static void
put_counter(ReturnSetInfo *result, const char *name, uint64 value)
{
	Datum		values[2];
	bool		nulls[2] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = Int64GetDatum((int64) value);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
