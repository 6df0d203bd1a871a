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
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "compat.h"
#include "meta/progress.h"
#include "meta/schema.h"
#include "worker/job.h"
#include "write/buffer.h"
#include "write/mover.h"

PG_FUNCTION_INFO_V1(rusts_run_jobs);

static void run_on(Oid relid, bool must_exist, ReturnSetInfo *result);
static bool begin(Relation rel, ReturnSetInfo *result);
static int64 run_kind(Relation rel, int kind, const RustsPolicy *policy);
static void put_result(ReturnSetInfo *result, Oid relid, int kind,
					   int64 nrows);

/*
 * rusts_run_jobs(measurement regclass DEFAULT NULL)
 *		RETURNS TABLE (measurement regclass, job text, rows bigint)
 *
 * Do what policies ask for on one measurement or all that belong to the
 * caller, in the running transaction.
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
		bool		is_cluster;

		foreach(cell, rusts_tables_to_rewrite(PG_GETARG_OID(0), &is_cluster))
			run_on(lfirst_oid(cell), true, result);
		return (Datum) 0;
	}

	/* Ask first: while some are worked on others may be dropped. */
	foreach(cell, rusts_list_measurements())
	{
		if (rusts_is_owner(lfirst_oid(cell), GetUserId()))
			own = lappend_oid(own, lfirst_oid(cell));
	}
	list_sort(own, list_oid_cmp);
	foreach(cell, own)
		run_on(lfirst_oid(cell), false, result);
	return (Datum) 0;
}

static void
run_on(Oid relid, bool must_exist, ReturnSetInfo *result)
{
	List	   *policies = rusts_policies_load(GetActiveSnapshot());
	Relation	rel = rusts_open_for_rewrite(relid, must_exist);
	bool		begun = false;
	int			kind;

	if (rel == NULL)
		return;
	for (kind = 0; kind < rusts_njob_kinds; kind++)
	{
		const RustsPolicy *policy = NULL;

		if (rusts_job_kinds[kind].by_policy)
			policy = rusts_policy_choose(policies,
										 rusts_job_kinds[kind].policy_kind,
										 relid);
		if (policy == NULL)
			continue;
		if (!begun && !begin(rel, result))
			break;
		begun = true;
		put_result(result, relid, kind, run_kind(rel, kind, policy));
	}
	relation_close(rel, NoLock);
}

/*
 * Policies act on segments, so active batches are flushed first.  False if
 * nothing can be done in this transaction.
 */
static bool
begin(Relation rel, ReturnSetInfo *result)
{
	int64		nrows;

	rusts_buffers_flush_relation(RelationGetRelid(rel));
	if (!rusts_mover_lock(rel, true))
	{
		ereport(NOTICE,
				(errmsg("nothing is done on measurement \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("This transaction has changed rows of it.")));
		return false;
	}
	nrows = run_kind(rel, RUSTS_JOB_FLUSH, NULL);
	if (nrows > 0)
	{
		rusts_total_add(RUSTS_TOTAL_FLUSH_BY_HAND, 1);
		put_result(result, RelationGetRelid(rel), RUSTS_JOB_FLUSH, nrows);
	}
	return true;
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
		nrows = rusts_job_step(kind, rel, policy, true, false);
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
