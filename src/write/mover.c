/*-------------------------------------------------------------------------
 *
 * mover.c
 *	  Who may move the rows of a measurement, and who may change them.
 *
 * A deleted row is noted by its place in a segment.  If the segment were
 * rewritten in the meantime the note would be about nothing, and the deleted
 * row would be back.  So whoever changes rows holds a lock in share mode, and
 * whoever moves them has it for himself.
 *
 * src/write/mover.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "write/mover.h"

void
rusts_set_locktag(LOCKTAG *tag, Relation rel, RustsLockKind kind,
				  uint32 number)
{
	tag->locktag_field1 = MyDatabaseId;
	tag->locktag_field2 = RelationGetRelid(rel);
	tag->locktag_field3 = number;
	tag->locktag_field4 = kind;
	tag->locktag_type = LOCKTAG_USERLOCK;
	tag->locktag_lockmethodid = DEFAULT_LOCKMETHOD;
}

/* Row numbers have 41 bits: RUSTS_MAX_ROW, and united rows above it. */
void
rusts_set_row_locktag(LOCKTAG *tag, Relation rel, int64 row)
{
	rusts_set_locktag(tag, rel, RUSTS_LOCK_ROW, (uint32) row);
	tag->locktag_field4 |= (uint16) (row >> 32) << 4;
}

bool
rusts_mover_lock(Relation rel, bool wait)
{
	LOCKTAG		tag;

	if (rusts_changer_lock_held(rel))
		return false;
	rusts_set_locktag(&tag, rel, RUSTS_LOCK_MOVER, 0);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

void
rusts_changer_lock(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_MOVER, 0);
	if (!rusts_changer_lock_held(rel))
		(void) LockAcquire(&tag, ShareLock, false, false);
}

bool
rusts_changer_lock_held(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_MOVER, 0);
	return rusts_lock_held(&tag, ShareLock);
}

void
rusts_order_lock(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ORDER, 0);
	(void) LockAcquire(&tag, ShareLock, false, false);
}

void
rusts_order_unlock(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ORDER, 0);
	(void) LockRelease(&tag, ShareLock, false);
}

void
rusts_order_wait(Relation rel)
{
	LOCKTAG		tag;

	rusts_set_locktag(&tag, rel, RUSTS_LOCK_ORDER, 0);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	(void) LockRelease(&tag, ExclusiveLock, false);
}
