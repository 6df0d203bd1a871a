/*-------------------------------------------------------------------------
 *
 * run_jobs.c
 *	  rusts_run_jobs(): what policies ask for, now.
 *
 * src/worker/run_jobs.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "worker/job.h"
#include "write/buffer.h"
#include "write/mover.h"

PG_FUNCTION_INFO_V1(rusts_run_jobs);

static void check_owned(Oid relid);
static void run_on(Oid relid, ReturnSetInfo *result);
static int64 run_kind(Relation rel, int kind, const RustsPolicy *policy);
static void put_result(ReturnSetInfo *result, Oid relid, int kind,
					   int64 nrows);

/*
 * rusts_run_jobs(measurement regclass DEFAULT NULL)
 *		RETURNS TABLE (measurement regclass, job text, rows bigint)
 *
 * Do what policies ask for on one measurement or all that belong to the
 * caller, in the running transaction.  Active batches are flushed first, for
 * policies act on segments.
 */
Datum
rusts_run_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *own = NIL;
	ListCell   *cell;

	PreventCommandIfReadOnly("rusts_run_jobs()");
	PreventCommandIfParallelMode("rusts_run_jobs()");
	PreventCommandDuringRecovery("rusts_run_jobs()");
	InitMaterializedSRF(fcinfo, 0);

	if (!PG_ARGISNULL(0))
	{
		check_owned(PG_GETARG_OID(0));
		own = list_make1_oid(PG_GETARG_OID(0));
	}
	else
	{
		/* Ask first: while some are worked on others may be dropped. */
		foreach(cell, rusts_list_measurements())
		{
			if (rusts_is_owner(lfirst_oid(cell), GetUserId()))
				own = lappend_oid(own, lfirst_oid(cell));
		}
		list_sort(own, list_oid_cmp);
	}
	foreach(cell, own)
		run_on(lfirst_oid(cell), result);
	return (Datum) 0;
}

/* Check before locking: others must not be held up by strangers. */
static void
check_owned(Oid relid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("measurement with OID %u does not exist", relid)));
	if (!rusts_relid_is_measurement(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a measurement", get_rel_name(relid))));
	if (!rusts_is_owner(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
}

static void
run_on(Oid relid, ReturnSetInfo *result)
{
	List	   *policies = rusts_policies_load(GetActiveSnapshot());
	Relation	rel = NULL;
	int			kind;

	for (kind = 0; kind < rusts_njob_kinds; kind++)
	{
		const RustsPolicy *policy;
		int64		nrows;

		if (!rusts_job_kinds[kind].by_policy)
			continue;
		policy = rusts_policy_choose(policies,
									 rusts_job_kinds[kind].policy_kind, relid);
		if (policy == NULL)
			continue;
		if (rel == NULL)
		{
			rel = try_relation_open(relid, ShareUpdateExclusiveLock);
			if (rel == NULL)
				return;
			if (!rusts_is_measurement(rel) ||
				!rusts_has_storage(rel->rd_rel->relkind) ||
				RELATION_IS_OTHER_TEMP(rel))
				break;
			rusts_buffers_flush_relation(relid);
			if (!rusts_mover_lock(rel, true))
			{
				ereport(NOTICE,
						(errmsg("nothing is done on measurement \"%s\"",
								RelationGetRelationName(rel)),
						 errdetail("This transaction has changed rows of it.")));
				break;
			}
			nrows = run_kind(rel, RUSTS_JOB_FLUSH, NULL);
			if (nrows > 0)
			{
				rusts_total_add(RUSTS_TOTAL_FLUSH_BY_HAND, 1);
				put_result(result, relid, RUSTS_JOB_FLUSH, nrows);
			}
		}
		nrows = run_kind(rel, kind, policy);
		put_result(result, relid, kind, nrows);
	}
	if (rel != NULL)
		relation_close(rel, NoLock);
}

/* Step after step, until there is no more to do. */
static int64
run_kind(Relation rel, int kind, const RustsPolicy *policy)
{
	int64		total = 0;
	int64		nrows;

	rusts_progress_begin(RelationGetRelid(rel), rusts_job_kinds[kind].name);
	do
	{
		CHECK_FOR_INTERRUPTS();
		nrows = rusts_job_kinds[kind].step(rel, policy, true, false);
		total += nrows;

		/* The next step must see what is done. */
		CommandCounterIncrement();
	} while (nrows > 0 && kind != RUSTS_JOB_FLUSH);
	rusts_progress_end();
	return total;
}

static void
put_result(ReturnSetInfo *result, Oid relid, int kind, int64 nrows)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = ObjectIdGetDatum(relid);
	values[1] = CStringGetTextDatum(rusts_job_kinds[kind].name);
	values[2] = Int64GetDatum(nrows);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
