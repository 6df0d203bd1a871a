/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  SQL function rusts_tier: move old points to the cold tier by hand.
 *
 * src/am/tier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "am/am.h"
#include "compat.h"
#include "meta/progress.h"
#include "meta/totals.h"
#include "write/buffer.h"
#include "write/merge.h"
#include "write/tier.h"

PG_FUNCTION_INFO_V1(rusts_tier);

/*
 * rusts_tier(measurement regclass, before timestamptz) RETURNS bigint
 *
 * Flush a measurement, then move all its segments that end before a time to
 * the cold tier, in the running transaction; the number of rows moved there.
 */
Datum
rusts_tier(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(1);
	Relation	rel;
	int64		nrows = 0;
	int64		step;

	PreventCommandIfReadOnly("rusts_tier()");
	PreventCommandIfParallelMode("rusts_tier()");
	PreventCommandDuringRecovery("rusts_tier()");

	rel = rusts_open_for_rewrite(relid, true);
	if (rel == NULL)
		PG_RETURN_INT64(0);
	rusts_buffers_flush_relation(relid);
	rusts_merge_active(rel, false);
	rusts_progress_begin(relid, "tier");
	do
	{
		CHECK_FOR_INTERRUPTS();

		/* Each step must see what the one before has done. */
		CommandCounterIncrement();
		step = rusts_tier_step(rel, before, false);
		nrows += step;
	} while (step > 0);
	rusts_progress_end();
	rusts_total_add(RUSTS_TOTAL_ROWS_TIERED, Max(nrows, 0));
	relation_close(rel, NoLock);
	PG_RETURN_INT64(nrows);
}
