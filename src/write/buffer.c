/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  Rows written by the running transaction but not stored yet.
 *
 * A statement's rows are collected per measurement and stored together at
 * the statement's end, or before that when somebody could look: a scan of the
 * measurement, a fetch by TID, a parallel query.  So a buffer is empty
 * whenever its statement is not running; what can run in the middle of a
 * statement are functions and triggers, and for their sake a buffer is known
 * by relation, command id and subtransaction.
 *
 * A function may open a subtransaction (an exception block) and read, in it,
 * what the statement around it has buffered.  Then the rows are stored by
 * the subtransaction, but the buffer keeps them: if the subtransaction
 * aborts, they are stored again later.
 *
 * At the end of a query we flush the buffers that it and the queries in it
 * made, known by their nesting level, but not those of the statements around
 * it: a function called for each row of an INSERT ... SELECT must not cut
 * the batch into single rows.
 *
 * src/write/buffer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/tid.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/deleted_rows.h"
#include "write/deletes.h"
#include "write/durability.h"
#include "write/image.h"
#include "write/store.h"
#include "write/write_role.h"

/* Row numbers are reserved for at most so many rows ahead. */
#define MAX_RESERVED_ROWS	65536

/* Deleted rows are stored when there are so many. */
#define MAX_DELETED_ROWS	1000000

/* All buffers are looked at when they have grown by so much together. */
#define LOOK_BYTES			(2 * 1024 * 1024)

struct RustsBuffer
{
	dlist_node	node;			/* in buffers */
	Oid			relid;
	CommandId	cid;
	Oid			writer;			/* role */
	SubTransactionId subid;
	int			nest_level;
	SubTransactionId stored_by; /* a subtransaction of subid that has stored
								 * the rows, or invalid */
	bool		stored_before;	/* by one that was undone */
	int64		first_row;		/* row number of the first row, or -1: none
								 * are given out */
	int64		reserved_end;
	RustsBuilder *builder;
	size_t		noted_bytes;	/* the builder's, as of the last row added */
	RustsDeletes *deletes;		/* rows deleted or updated; NULL for none */
	RustsBuilder *remote_deletes;	/* the same of a foreign table */
};

/* The transaction's buffers, in buffers_cxt; NULL while there are none. */
static MemoryContext buffers_cxt = NULL;
static dlist_head buffers = DLIST_STATIC_INIT(buffers);

/* What they have grown by since they were looked at last. */
static size_t grown_bytes = 0;

/* Queries and utility statements we are in. */
static int	nest_level = 0;

/* May the innermost of them have a RETURNING clause? */
static bool returning = false;

/* The innermost query, if it changes tables by way of views, or NULL. */
static const PlannedStmt *views = NULL;

static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

static void ship_deletes(RustsBuffer *buffer, Relation rel);
static bool is_empty(const RustsBuffer *buffer);
static void put_slot(RustsBuffer *buffer, Relation rel, TupleTableSlot *slot,
					 bool with_tid);
static void assign_tid(RustsBuffer *buffer, Relation rel,
					   TupleTableSlot *slot);
static void reset(RustsBuffer *buffer);
static int64 reserve(Relation rel, int64 n, int64 expected);
static void forget(RustsBuffer *buffer);
static void finish_level(int level);
static void start_query(QueryDesc *query, int eflags);
static bool may_return(const PlannedStmt *statement);
static void finish_query(QueryDesc *query);
#if PG_VERSION_NUM >= 180000
static void run_query(QueryDesc *query, ScanDirection direction, uint64 count);
#else
static void run_query(QueryDesc *query, ScanDirection direction, uint64 count,
					  bool execute_once);
#endif
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static void pass_on(PlannedStmt *statement, const char *query_string,
					bool read_only_tree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *environment,
					DestReceiver *dest, QueryCompletion *completion);
static void at_transaction_event(XactEvent event, void *arg);
static void at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
									SubTransactionId parent, void *arg);

RustsBuffer *
rusts_buffer_get(Relation rel, CommandId cid)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	RustsBuffer *buffer;
	MemoryContext old_cxt;
	RustsSchema *schema;
	Oid			writer = views == NULL ? GetUserId() :
		rusts_writer_of(views, RelationGetRelid(rel));
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &buffers)
	{
		buffer = dlist_container(RustsBuffer, node, iter.cur);
		if (buffer->relid != RelationGetRelid(rel) || buffer->subid != subid)
			continue;
		if (buffer->cid == cid && buffer->writer == writer)
			return buffer;

		/*
		 * Who writes outside of all statements, as a subscription's worker
		 * does, does not tell when a command ends.  This one has.
		 */
		if (nest_level == 0 && buffer->nest_level == 0 && buffer->cid < cid)
			rusts_buffer_finish(buffer);
	}

	if (buffers_cxt == NULL)
		buffers_cxt = AllocSetContextCreate(TopTransactionContext,
											"rusts write buffers",
											ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(buffers_cxt);
	schema = rusts_schema_build(rel);
	buffer = palloc0_object(RustsBuffer);
	buffer->relid = RelationGetRelid(rel);
	buffer->cid = cid;
	buffer->writer = writer;
	buffer->subid = subid;
	buffer->nest_level = nest_level;
	buffer->first_row = -1;
	buffer->builder = rusts_builder_create(buffers_cxt, schema);
	rusts_schema_free(schema);
	dlist_push_head(&buffers, &buffer->node);
	MemoryContextSwitchTo(old_cxt);
	return buffer;
}

RustsBuilder *
rusts_buffer_builder(RustsBuffer *buffer)
{
	return buffer->builder;
}

bool
rusts_buffer_added(RustsBuffer *buffer)
{
	RustsBuilder *builder = buffer->builder;
	size_t		total = 0;
	dlist_iter	iter;

	grown_bytes += builder->bytes - buffer->noted_bytes;
	buffer->noted_bytes = builder->bytes;

	/* The next row would double the memory. */
	if (unlikely(builder->bytes >= RUSTS_STORE_FULL_BYTES ||
				 (builder->nrows == builder->capacity &&
				  builder->bytes >= RUSTS_STORE_FULL_BYTES / 2)))
	{
		rusts_buffer_flush(buffer);
		return true;
	}

	/* Now and then, look at the others, too. */
	if (likely(grown_bytes < LOOK_BYTES))
		return false;
	grown_bytes = 0;
	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *other = dlist_container(RustsBuffer, node, iter.cur);

		/* To store one again would free nothing. */
		if (other->stored_by == InvalidSubTransactionId)
			total += other->builder->bytes;
	}
	if (total < RUSTS_STORE_FULL_BYTES)
		return false;
	rusts_buffers_flush_all();
	return true;
}

void
rusts_buffer_flush(RustsBuffer *buffer)
{
	RustsBuilder *builder = buffer->builder;
	int64		end = buffer->first_row + builder->nrows;
	Relation	rel;

	if (is_empty(buffer) || buffer->stored_by != InvalidSubTransactionId)
		return;
	rel = table_open(buffer->relid, NoLock);
	rusts_image_writer = buffer->writer;
	ship_deletes(buffer, rel);
	if (builder->nrows > 0 && buffer->first_row >= 0 &&
		buffer->reserved_end > end)
	{
		rusts_durability_begin();
		rusts_storage_unreserve(rel, end, buffer->reserved_end);
		rusts_durability_end(rel);
		buffer->reserved_end = end;
	}
	if (builder->nrows > 0)
	{
		rusts_store_rows(rel, builder, buffer->cid, buffer->first_row, true);

		/* However they came here; autovacuum goes by it. */
		pgstat_count_heap_insert(rel, builder->nrows);
	}
	if (buffer->deletes != NULL)
	{
		rusts_durability_begin();
		rusts_deletes_store(buffer->deletes, rusts_storage_id(rel),
							buffer->cid, nest_level > 0);
		rusts_durability_end(rel);
	}
	table_close(rel, NoLock);

	if (buffer->subid == GetCurrentSubTransactionId())
		reset(buffer);
	else
		buffer->stored_by = GetCurrentSubTransactionId();
}

/* Tell the cluster which rows are deleted. */
static void
ship_deletes(RustsBuffer *buffer, Relation rel)
{
	RustsBuilder *builder;

	if (buffer->remote_deletes != NULL)
		rusts_store_deleted(rel, buffer->remote_deletes, buffer->cid);
	if (buffer->deletes == NULL ||
		rusts_deletes_count(buffer->deletes) == 0 || !rusts_image_wanted(rel))
		return;
	builder = rusts_builder_create(CurrentMemoryContext,
								   buffer->builder->schema);
	rusts_deleted_rows_ship(rel, buffer->deletes, builder, buffer->cid);
	rusts_builder_free(builder);
}

static bool
is_empty(const RustsBuffer *buffer)
{
	return buffer->builder->nrows == 0 &&
		(buffer->remote_deletes == NULL ||
		 buffer->remote_deletes->nrows == 0) &&
		(buffer->deletes == NULL ||
		 rusts_deletes_count(buffer->deletes) == 0);
}

static void
reset(RustsBuffer *buffer)
{
	rusts_builder_reset(buffer->builder);
	buffer->noted_bytes = 0;
	buffer->stored_before = false;
	buffer->first_row = -1;
	if (buffer->deletes != NULL)
		rusts_deletes_reset(buffer->deletes);
	if (buffer->remote_deletes != NULL)
		rusts_builder_reset(buffer->remote_deletes);
}

void
rusts_buffer_finish(RustsBuffer *buffer)
{
	rusts_buffer_flush(buffer);
	if (buffer->stored_by == InvalidSubTransactionId)
		forget(buffer);
}

static void
forget(RustsBuffer *buffer)
{
	dlist_delete(&buffer->node);
	rusts_builder_free(buffer->builder);
	if (buffer->deletes != NULL)
		rusts_deletes_free(buffer->deletes);
	if (buffer->remote_deletes != NULL)
		rusts_builder_free(buffer->remote_deletes);
	pfree(buffer);
}

void
rusts_buffer_put_slot(RustsBuffer *buffer, Relation rel, TupleTableSlot *slot)
{
	put_slot(buffer, rel, slot, rusts_is_stored_here(rel) &&
			 (returning ||
			  (rel->trigdesc != NULL &&
			   rel->trigdesc->trig_insert_after_row)));
}

void
rusts_buffer_replace(RustsBuffer *buffer, Relation rel, int64 segment_id,
					 uint32 row, TupleTableSlot *slot)
{
	put_slot(buffer, rel, slot, true);
	rusts_buffer_delete(buffer, segment_id, row,
						rusts_tid_to_row(&slot->tts_tid));
}

void
rusts_buffer_delete(RustsBuffer *buffer, int64 segment_id, uint32 row,
					int64 moved_to)
{
	if (buffer->deletes == NULL)
	{
		MemoryContext old_cxt = MemoryContextSwitchTo(buffers_cxt);

		buffer->deletes = rusts_deletes_create();
		MemoryContextSwitchTo(old_cxt);
	}
	rusts_deletes_add(buffer->deletes, segment_id, row, moved_to);
	if (rusts_deletes_count(buffer->deletes) >= MAX_DELETED_ROWS)
		rusts_buffer_flush(buffer);
}

void
rusts_buffer_delete_remote(RustsBuffer *buffer, TupleTableSlot *slot)
{
	if (buffer->remote_deletes == NULL)
		buffer->remote_deletes =
			rusts_builder_create(buffers_cxt, buffer->builder->schema);
	rusts_deleted_row_put(buffer->remote_deletes, slot);
	if (buffer->remote_deletes->bytes >= RUSTS_STORE_FULL_BYTES)
		rusts_buffer_flush(buffer);
}

bool
rusts_buffers_find_deleted(Oid relid, int64 segment_id, uint32 row,
						   CommandId *cid, int64 *moved_to)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->relid == relid && buffer->deletes != NULL &&
			rusts_deletes_find(buffer->deletes, segment_id, row, moved_to))
		{
			*cid = buffer->cid;
			return true;
		}
	}
	return false;
}

static void
put_slot(RustsBuffer *buffer, Relation rel, TupleTableSlot *slot,
		 bool with_tid)
{
	if (with_tid)
		assign_tid(buffer, rel, slot);
	else
	{
		/* Rows with TIDs cannot be stored together with others. */
		if (buffer->first_row >= 0)
			rusts_buffer_flush(buffer);
		ItemPointerSetInvalid(&slot->tts_tid);
	}
	slot->tts_tableOid = RelationGetRelid(rel);
	rusts_builder_put_slot(buffer->builder, slot);
	(void) rusts_buffer_added(buffer);
}

/*
 * Give the row that is about to be appended its number.  Numbers must follow
 * each other within the buffer; when somebody else has taken the next ones,
 * store what there is and begin anew.  Likewise when a subtransaction that was
 * undone had stored the rows: what it has read of the segment of that name may
 * be cached, so the segment has to be the same again.
 */
static void
assign_tid(RustsBuffer *buffer, Relation rel, TupleTableSlot *slot)
{
	uint32		nrows = buffer->builder->nrows;

	if (nrows > 0 && (buffer->first_row < 0 || buffer->stored_before))
	{
		rusts_buffer_flush(buffer);
		nrows = 0;
	}
	if (nrows > 0 && buffer->first_row + nrows == buffer->reserved_end)
	{
		int64		more = Min(nrows, MAX_RESERVED_ROWS);

		if (reserve(rel, more, buffer->reserved_end) >= 0)
			buffer->reserved_end += more;
		else
		{
			rusts_buffer_flush(buffer);
			nrows = 0;
		}
	}
	if (nrows == 0)
	{
		buffer->first_row = reserve(rel, 1, -1);
		buffer->reserved_end = buffer->first_row + 1;
	}
	rusts_row_to_tid(buffer->first_row + nrows, &slot->tts_tid);
}

/* Row numbers for n new rows, see rusts_storage_reserve. */
static int64
reserve(Relation rel, int64 n, int64 expected)
{
	int64		first;

	rusts_durability_begin();
	first = rusts_storage_reserve(rel, n, expected, n);
	rusts_durability_end(rel);
	return first;
}

void
rusts_buffers_flush_relation(Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->relid == relid)
			rusts_buffer_flush(buffer);
	}
}

void
rusts_buffers_flush_for(Oid relid, Snapshot snapshot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->relid == relid &&
			(snapshot == NULL || !IsMVCCSnapshot(snapshot) ||
			 buffer->cid < snapshot->curcid))
			rusts_buffer_flush(buffer);
	}
}

bool
rusts_buffers_hold_row(Oid relid, int64 row)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->relid == relid && buffer->first_row >= 0 &&
			row >= buffer->first_row &&
			row < buffer->first_row + buffer->builder->nrows &&
			buffer->stored_by == InvalidSubTransactionId)
			return true;
	}
	return false;
}

void
rusts_buffers_flush_all(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
		rusts_buffer_flush(dlist_container(RustsBuffer, node, iter.cur));
}

bool
rusts_buffers_hold_rows(Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->relid == relid && !is_empty(buffer))
			return true;
	}
	return false;
}

/* Finish the buffers made by statements below a nesting level. */
static void
finish_level(int level)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (buffer->nest_level > level)
			rusts_buffer_finish(buffer);
	}
}

void
rusts_buffers_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = start_query;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_query;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
}

/* Parallel workers see only what is stored, and nothing can be then. */
static void
start_query(QueryDesc *query, int eflags)
{
	if (query->plannedstmt->parallelModeNeeded && !dlist_is_empty(&buffers))
		rusts_buffers_flush_all();
	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static bool
may_return(const PlannedStmt *statement)
{
	return statement->hasReturning || statement->hasModifyingCTE;
}

#if PG_VERSION_NUM >= 180000
static void
run_query(QueryDesc *query, ScanDirection direction, uint64 count)
#else
static void
run_query(QueryDesc *query, ScanDirection direction, uint64 count,
		  bool execute_once)
#endif
{
	bool		outer_returning = returning;
	const PlannedStmt *outer_views = views;

	returning = may_return(query->plannedstmt);
	views = rusts_changes_views(query->plannedstmt) ?
		query->plannedstmt : NULL;
	nest_level++;
	PG_TRY();
	{
#if PG_VERSION_NUM >= 180000
		if (prev_executor_run)
			prev_executor_run(query, direction, count);
		else
			standard_ExecutorRun(query, direction, count);
#else
		if (prev_executor_run)
			prev_executor_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
#endif
	}
	PG_FINALLY();
	{
		nest_level--;
		returning = outer_returning;
		views = outer_views;
	}
	PG_END_TRY();
}

static void
finish_query(QueryDesc *query)
{
	bool		outer_returning = returning;
	const PlannedStmt *outer_views = views;

	/* Triggers that fire in there want the rows stored. */
	finish_level(nest_level);
	returning = may_return(query->plannedstmt);
	views = rusts_changes_views(query->plannedstmt) ?
		query->plannedstmt : NULL;
	nest_level++;
	PG_TRY();
	{
		if (prev_executor_finish)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		nest_level--;
		returning = outer_returning;
		views = outer_views;
	}
	PG_END_TRY();
	finish_level(nest_level);
}

/* COPY writes without the executor; its buffers end with it. */
static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	bool		outer_returning = returning;

	/* Transaction control must not find anything of ours on the stack. */
	if (!IsA(statement->utilityStmt, CopyStmt))
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
		return;
	}

	returning = false;
	nest_level++;
	PG_TRY();
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
	}
	PG_FINALLY();
	{
		nest_level--;
		returning = outer_returning;
	}
	PG_END_TRY();
	finish_level(nest_level);
}

/* Let the hook before ours, or PostgreSQL, run the statement. */
static void
pass_on(PlannedStmt *statement, const char *query_string,
		bool read_only_tree, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment,
		DestReceiver *dest, QueryCompletion *completion)
{
	if (prev_process_utility)
		prev_process_utility(statement, query_string, read_only_tree,
							 context, params, environment, dest, completion);
	else
		standard_ProcessUtility(statement, query_string, read_only_tree,
								context, params, environment, dest,
								completion);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			rusts_buffers_flush_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			/* The memory goes with the transaction. */
			dlist_init(&buffers);
			buffers_cxt = NULL;
			nest_level = 0;
			returning = false;
			views = NULL;
			break;
		default:
			break;
	}
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine,
						SubTransactionId parent, void *arg)
{
	dlist_mutable_iter iter;

	if (event == SUBXACT_EVENT_START_SUB)
		return;
	dlist_foreach_modify(iter, &buffers)
	{
		RustsBuffer *buffer = dlist_container(RustsBuffer, node, iter.cur);

		if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		{
			if (buffer->subid == mine)
				rusts_buffer_finish(buffer);
		}
		else if (buffer->subid == mine)
			forget(buffer);
		else if (buffer->stored_by == mine)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
			{
				buffer->stored_by = InvalidSubTransactionId;
				buffer->stored_before = true;
			}
			else if (parent != buffer->subid)
				buffer->stored_by = parent;
			else
			{
				buffer->stored_by = InvalidSubTransactionId;
				reset(buffer);
			}
		}
	}
}
