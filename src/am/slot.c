/*-------------------------------------------------------------------------
 *
 * slot.c
 *	  The slots that rows of a measurement are handed out in.
 *
 * A row has no tuple anywhere, its values are taken from decoded columns; so
 * the slots are virtual ones, but for two things.  A tuple or a slot copied
 * from one keeps the row's TID, by which ANALYZE brings its sample back into
 * the order of storage, and a subscription's worker changes the row it has
 * found.  And a row has no transaction ids to show.
 *
 * src/am/slot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "am/am.h"

static HeapTuple copy_heap_tuple(TupleTableSlot *slot);
static void copy_slot(TupleTableSlot *to, TupleTableSlot *from);
static Datum get_system_column(TupleTableSlot *slot, int attnum,
							   bool *isnull);

#if PG_VERSION_NUM >= 170000
static bool may_be_own(TupleTableSlot *slot);
#endif

const TupleTableSlotOps *
rusts_slot_callbacks(Relation rel)
{
	static TupleTableSlotOps ops;

	if (ops.init == NULL)
	{
		ops = TTSOpsVirtual;
		ops.copy_heap_tuple = copy_heap_tuple;
		ops.copyslot = copy_slot;
		ops.getsysattr = get_system_column;
#if PG_VERSION_NUM >= 170000
		ops.is_current_xact_tuple = may_be_own;
#endif
	}
	return &ops;
}

static void
copy_slot(TupleTableSlot *to, TupleTableSlot *from)
{
	TTSOpsVirtual.copyslot(to, from);
	to->tts_tid = from->tts_tid;
}

static HeapTuple
copy_heap_tuple(TupleTableSlot *slot)
{
	HeapTuple	tuple = TTSOpsVirtual.copy_heap_tuple(slot);

	tuple->t_self = slot->tts_tid;
	tuple->t_tableOid = slot->tts_tableOid;
	return tuple;
}

/*
 * The executor knows ctid and tableoid without asking.  The check of a foreign
 * key asks after an UPDATE whether the old row is of this transaction, since
 * it may not have been checked yet then; to say so costs another check.  Rows
 * of a scan have no xmin.
 */
static Datum
get_system_column(TupleTableSlot *slot, int attnum, bool *isnull)
{
	if (attnum == MinTransactionIdAttributeNumber &&
		(slot->tts_flags & RUSTS_SLOT_FETCHED))
	{
		*isnull = false;
		return TransactionIdGetDatum(GetTopTransactionId());
	}
	rusts_refuse_system_column(attnum);
}

#if PG_VERSION_NUM >= 170000
/* What foreign keys ask from 17 on, instead of for xmin. */
static bool
may_be_own(TupleTableSlot *slot)
{
	return true;
}
#endif

void
rusts_refuse_system_column(int attnum)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("rows of a measurement have no system column \"%s\"",
					NameStr(SystemAttributeDefinition(attnum)->attname)),
			 errhint("The system columns of a measurement are ctid and tableoid.")));
}
