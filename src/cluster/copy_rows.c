/*-------------------------------------------------------------------------
 *
 * copy_rows.c
 *	  Rows that are copied as they are.
 *
 * src/cluster/copy_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "cluster/copy_rows.h"
#include "cluster/sql.h"
#include "compat.h"
#include "write/buffer.h"

typedef struct Copy
{
	DestReceiver receiver;
	Relation	rel;
	CommandId	cid;
	TupleTableSlot *slot;
	AttrNumber *attnos;			/* in rel, by the query's columns */
	MemoryContext row_cxt;
} Copy;

static void start(DestReceiver *self, int operation, TupleDesc desc);
static AttrNumber find_column(Relation rel, Form_pg_attribute from);
static bool receive(TupleTableSlot *from, DestReceiver *self);
static void do_nothing(DestReceiver *self);
static void run(const char *query, DestReceiver *receiver);

int64
rusts_copy_rows(Oid relid, const char *query)
{
	Copy		copy = {
		.receiver = {receive, start, do_nothing, do_nothing, DestTuplestore}
	};
	int64		nrows;

	copy.rel = table_open(relid, RowExclusiveLock);
	copy.cid = GetCurrentCommandId(true);
	copy.slot = MakeSingleTupleTableSlot(RelationGetDescr(copy.rel),
										 &TTSOpsVirtual);
	copy.row_cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts copy",
										 ALLOCSET_DEFAULT_SIZES);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run(query, &copy.receiver);
	nrows = SPI_processed;
	SPI_finish();
	MemoryContextDelete(copy.row_cxt);
	ExecDropSingleTupleTableSlot(copy.slot);
	table_close(copy.rel, NoLock);
	CommandCounterIncrement();
	return nrows;
}

/* Nothing can be written in parallel mode. */
static void
run(const char *query, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.dest = receiver};
	int			guc_level = rusts_begin_safe_path();
	int			result;

	(void) set_config_option("max_parallel_workers_per_gather", "0",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	result = SPI_execute_extended(query, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_extended failed: %s",
			 SPI_result_code_string(result));
	AtEOXact_GUC(true, guc_level);
}

static void
start(DestReceiver *self, int operation, TupleDesc desc)
{
	Copy	   *copy = (Copy *) self;
	int			i;

	copy->attnos = palloc_array(AttrNumber, desc->natts);
	for (i = 0; i < desc->natts; i++)
		copy->attnos[i] = find_column(copy->rel, TupleDescAttr(desc, i));
}

static AttrNumber
find_column(Relation rel, Form_pg_attribute from)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->atttypid == from->atttypid &&
			strcmp(NameStr(att->attname), NameStr(from->attname)) == 0)
			return att->attnum;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no column \"%s\" of type %s yet",
					RelationGetRelationName(rel), NameStr(from->attname),
					format_type_be(from->atttypid))));
}

static bool
receive(TupleTableSlot *from, DestReceiver *self)
{
	Copy	   *copy = (Copy *) self;
	TupleTableSlot *slot = copy->slot;
	MemoryContext old_cxt = MemoryContextSwitchTo(copy->row_cxt);
	int			natts = slot->tts_tupleDescriptor->natts;
	int			i;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	slot_getallattrs(from);
	for (i = 0; i < from->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[copy->attnos[i] - 1] = from->tts_values[i];
		slot->tts_isnull[copy->attnos[i] - 1] = from->tts_isnull[i];
	}
	ExecStoreVirtualTuple(slot);
	rusts_buffer_put_slot(rusts_buffer_get(copy->rel, copy->cid), copy->rel,
						  slot);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextReset(copy->row_cxt);
	return true;
}

static void
do_nothing(DestReceiver *self)
{
}
