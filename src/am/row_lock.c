/*-------------------------------------------------------------------------
 *
 * row_lock.c
 *	  Locks on rows of a measurement.
 *
 * A heap tuple says itself who has locked it; rows of segments cannot.  So a
 * row lock is an entry of the lock manager, with the modes that heap uses
 * while it waits for a tuple (tupleLockExtraInfo of heapam.c), and it is held
 * until the end of the transaction.
 *
 * The lock manager has room for some thousands of locks.  Statements that are
 * expected to change many rows lock all rows of the measurement at once, in
 * the beginning; a transaction that turns out to have many row locks does so
 * later.  Whoever locks a single row first announces it there.
 *
 * src/am/row_lock.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "am/am.h"
#include "compat.h"
#include "meta/tid.h"
#include "write/mover.h"

/* With so many row locks a transaction tries to lock all rows ... */
#define MANY_LOCKS		64

/* ... and with so many it insists. */
#define TOO_MANY_LOCKS	2048

/* How often this transaction has locked a row, of any measurement. */
static uint32 nlocks = 0;

static void at_transaction_event(XactEvent event, void *arg);
static void at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
									SubTransactionId parent, void *arg);
static LOCKMODE row_mode(LockTupleMode mode);
static LOCKMODE all_mode(LockTupleMode mode);
static LOCKMODE announce_mode(LockTupleMode mode);
static bool lock_all(Relation rel, LOCKMODE mode, bool wait);
static bool report_locked(Relation rel, LockWaitPolicy wait_policy);

void
rusts_row_lock_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
	{
		nlocks = 0;
		rusts_forget_known();
	}
}

/* What was locked in it is not any more. */
static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		rusts_forget_known();
}

static LOCKMODE
row_mode(LockTupleMode mode)
{
	switch (mode)
	{
		case LockTupleKeyShare:
			return AccessShareLock;
		case LockTupleShare:
			return RowShareLock;
		case LockTupleNoKeyExclusive:
			return ExclusiveLock;
		case LockTupleExclusive:
			break;
	}
	return AccessExclusiveLock;
}

/* All rows; there are no keys that would make finer differences. */
static LOCKMODE
all_mode(LockTupleMode mode)
{
	return mode == LockTupleKeyShare || mode == LockTupleShare ?
		ShareLock : ExclusiveLock;
}

/* Conflicts with the mode of others for all rows, not with single rows. */
static LOCKMODE
announce_mode(LockTupleMode mode)
{
	return mode == LockTupleKeyShare || mode == LockTupleShare ?
		RowShareLock : RowExclusiveLock;
}

/* False if the lock is not to be had, and the policy is to skip the row. */
bool
rusts_lock_row(Relation rel, ItemPointer tid, LockTupleMode mode,
			   LockWaitPolicy wait_policy)
{
	LOCKTAG		tag;
	bool		wait = wait_policy == LockWaitBlock;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ALL_ROWS, 0);
	if (rusts_lock_held(&tag, ExclusiveLock) ||
		(all_mode(mode) == ShareLock && rusts_lock_held(&tag, ShareLock)))
		return true;
	if (nlocks >= MANY_LOCKS && (nlocks & (nlocks - 1)) == 0 &&
		lock_all(rel, all_mode(mode), nlocks >= TOO_MANY_LOCKS && wait))
		return true;
	if (!rusts_lock_held(&tag, announce_mode(mode)) &&
		!lock_all(rel, announce_mode(mode), wait))
		return report_locked(rel, wait_policy);

	nlocks++;
	rusts_set_row_locktag(&tag, rel, rusts_tid_to_row(tid));
	if (LockAcquire(&tag, row_mode(mode), false, !wait) ==
		LOCKACQUIRE_NOT_AVAIL)
		return report_locked(rel, wait_policy);
	return true;
}

static bool
lock_all(Relation rel, LOCKMODE mode, bool wait)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ALL_ROWS, 0);
	return LockAcquire(&tag, mode, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

static bool
report_locked(Relation rel, LockWaitPolicy wait_policy)
{
	if (wait_policy == LockWaitError)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on row in relation \"%s\"",
						RelationGetRelationName(rel))));
	return false;
}

void
rusts_lock_all_rows(Relation rel, LockTupleMode mode)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ALL_ROWS, 0);
	if (!rusts_lock_held(&tag, all_mode(mode)))
		(void) lock_all(rel, all_mode(mode), true);
}

/* Keeps at least all others from deleting and updating rows. */
bool
rusts_all_rows_locked(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ALL_ROWS, 0);
	return rusts_lock_held(&tag, ExclusiveLock) ||
		rusts_lock_held(&tag, ShareLock);
}
