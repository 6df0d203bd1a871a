/*-------------------------------------------------------------------------
 *
 * locking.c
 *	  Locks at all nodes, for which nobody is to wait for long.
 *
 * src/cluster/locking.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/locking.h"
#include "cluster/nodes.h"
#include "compat.h"

#define MAX_ATTEMPTS	30

bool
rusts_attempt(void (*step) (void *arg), void *arg, bool keep)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		step(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		if (!rusts_is_lock_failure(edata->sqlerrcode))
			ReThrowError(edata);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return done;
}

bool
rusts_is_lock_failure(int sqlstate)
{
	return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
}

void
rusts_lock_at(RustsConnection *conn, const char *what)
{
	const char *values[2];

	values[0] = what;
	values[1] = psprintf("%d", RUSTS_LOCK_TIMEOUT_MS);
	rusts_node_send(conn, "SELECT rusts.cluster_lock($1, $2)", 2, values);
	rusts_connection_wait(&conn, 1, rusts_deadline_in(RUSTS_DRAIN_MS));
	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
		rusts_connection_report(conn, ERROR);
}

void
rusts_try_again(int *nattempts, const char *hint)
{
	if (++*nattempts == MAX_ATTEMPTS)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not lock the measurements of the cluster"),
				 errdetail("Transactions that use them take longer than %d ms.",
						   RUSTS_LOCK_TIMEOUT_MS),
				 hint ? errhint("%s", hint) : 0));
	rusts_pause_ms(100 + pg_prng_uint64_range(&pg_global_prng_state, 0, 200));
}

void
rusts_pause_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

TimestampTz
rusts_deadline_in(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}
