/*-------------------------------------------------------------------------
 *
 * cluster_view.c
 *	  What the cluster worker knows, for the sessions of its database.
 *
 * src/worker/cluster_view.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "cluster/read_check.h"
#include "cluster/topology.h"
#include "worker/shared.h"

static TimestampTz readable_until(void);
static FullTransactionId readable_since(void);
static const volatile uint64 *nodes_down(void);
static void set_readable(TimestampTz until, FullTransactionId since);
static bool is_copying(void);
static void set_copying(bool copying);
static void wake_cluster_worker(void);

static const RustsClusterView cluster_view = {
	.readable_until = readable_until,
	.readable_since = readable_since,
	.down = nodes_down,
	.set_readable = set_readable,
	.copying = is_copying,
	.set_copying = set_copying,
};


void
rusts_cluster_view_init(void)
{
	rusts_cluster_work_hook = wake_cluster_worker;
	rusts_cluster_view = &cluster_view;
}

static TimestampTz
readable_until(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	return slot == NULL ? 0 :
		(TimestampTz) pg_atomic_read_u64(&slot->readable_until);
}

/* In a signal handler, so only what the session knows already. */
static const volatile uint64 *
nodes_down(void)
{
	return rusts_worker_known_slot == NULL ? NULL :
		rusts_worker_known_slot->down;
}

static FullTransactionId
readable_since(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	return slot == NULL ? InvalidFullTransactionId :
		FullTransactionIdFromU64(pg_atomic_read_u64(&slot->readable_since));
}

/* Who sees the new time sees the transaction, too. */
static void
set_readable(TimestampTz until, FullTransactionId since)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	if (slot == NULL)
		return;
	if (FullTransactionIdIsValid(since))
		pg_atomic_write_u64(&slot->readable_since,
							U64FromFullTransactionId(since));
	pg_write_barrier();
	pg_atomic_write_u64(&slot->readable_until, (uint64) until);
}

static bool
is_copying(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	return slot != NULL && pg_atomic_read_u32(&slot->copying) != 0;
}

static void
set_copying(bool copying)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();

	if (slot != NULL)
		pg_atomic_write_u32(&slot->copying, copying);
}

/* The cluster worker has work; who would start it looks whether it runs. */
static void
wake_cluster_worker(void)
{
	RustsDatabaseSlot *slot = rusts_worker_own_slot();
	bool		runs;

	if (slot == NULL)
		return;
	LWLockAcquire(rusts_worker_shared->lock, LW_SHARED);
	runs = slot->cluster_latch != NULL;
	if (runs)
		SetLatch(slot->cluster_latch);
	LWLockRelease(rusts_worker_shared->lock);
	if (!runs)
		rusts_worker_wake(slot);
}
