/*-------------------------------------------------------------------------
 *
 * fdw.c
 *	  The foreign data wrapper rusts_cluster: postgres_fdw, but for writing.
 *
 * postgres_fdw's handler gives us its table of callbacks; those that scan,
 * join, aggregate and wait for several servers at once stay as they are.
 * Those that modify are ours: all of postgres_fdw's work on one server within
 * one transaction of it, and a group of shards has several.
 *
 * Whose rows a foreign table's buffer holds it knows by command and
 * subtransaction, and it is finished when those of local tables are
 * (write/buffer.c).
 *
 * postgres_fdw reads the rows that an UPDATE or DELETE looks for FOR UPDATE,
 * on one node, and keeps these locks until the transaction commits; just
 * before it sends what it has to send.
 *
 * src/cluster/fdw.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attnum.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "optimizer/appendinfo.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "cluster/change_everywhere.h"
#include "cluster/fdw.h"
#include "cluster/fdw_move.h"
#include "cluster/fdw_scan.h"
#include "cluster/fdw_setup.h"
#include "cluster/outbox.h"
#include "cluster/row_security.h"
#include "cluster/topology.h"
#include "compat.h"
#include "write/buffer.h"
#include "write/write_role.h"

/* What a statement does to the rows of a foreign table. */
typedef struct Changes
{
	AttrNumber	tid_attno;		/* of the plan's rows */
	HTAB	   *changed;		/* the ctids of rows it has changed */
	RustsMove  *move;			/* where rows go that do not stay, or NULL */
} Changes;

static void add_update_targets(PlannerInfo *root, Index rtindex,
							   RangeTblEntry *target_rte,
							   Relation target_relation);
static List *plan_modify(PlannerInfo *root, ModifyTable *plan,
						 Index result_relation, int subplan_index);
static void begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
						 List *fdw_private, int subplan_index, int eflags);
static void begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo);
static void end_modify(EState *estate, ResultRelInfo *rinfo);
static TupleTableSlot *exec_insert(EState *estate, ResultRelInfo *rinfo,
								   TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
static TupleTableSlot *exec_update(EState *estate, ResultRelInfo *rinfo,
								   TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
static TupleTableSlot *exec_delete(EState *estate, ResultRelInfo *rinfo,
								   TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
static void exec_truncate(List *rels, DropBehavior behavior,
						  bool restart_seqs);
static void explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
						   List *fdw_private, int subplan_index,
						   ExplainState *es);
static void check_change(Relation rel, Oid writer);
static TupleTableSlot *take_old_row(EState *estate, ResultRelInfo *rinfo,
									TupleTableSlot *plan_slot);

PG_FUNCTION_INFO_V1(rusts_cluster_fdw_handler);

/*
 * rusts.cluster_fdw_handler() returns fdw_handler
 */
Datum
rusts_cluster_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	*routine = *rusts_postgres_fdw_routine();
	rusts_fdw_wrap_scans(routine);

	routine->AddForeignUpdateTargets = add_update_targets;
	routine->PlanForeignModify = plan_modify;
	routine->BeginForeignModify = begin_modify;
	routine->ExecForeignInsert = exec_insert;
	routine->ExecForeignUpdate = exec_update;
	routine->ExecForeignDelete = exec_delete;
	routine->EndForeignModify = end_modify;
	routine->BeginForeignInsert = begin_insert;
	routine->EndForeignInsert = end_modify;
	routine->ExecForeignTruncate = exec_truncate;
	routine->ExplainForeignModify = explain_modify;

	/* The buffer makes batches anyway, and cheaper ones. */
	routine->ExecForeignBatchInsert = NULL;
	routine->GetForeignModifyBatchSize = NULL;
	routine->PlanDirectModify = NULL;
	routine->BeginDirectModify = NULL;
	routine->IterateDirectModify = NULL;
	routine->EndDirectModify = NULL;
	routine->ExplainDirectModify = NULL;
	PG_RETURN_POINTER(routine);
}

/*
 * What a row is known by on every node is the row itself.  For UPDATE,
 * PostgreSQL adds the same.  Its ctid, which is another one on each node,
 * tells whether this statement has changed it already.
 */
static void
add_update_targets(PlannerInfo *root, Index rtindex,
				   RangeTblEntry *target_rte, Relation target_relation)
{
	Var		   *row = makeVar(rtindex, InvalidAttrNumber, RECORDOID, -1,
							  InvalidOid, 0);
	Var		   *tid = makeVar(rtindex, SelfItemPointerAttributeNumber,
							  TIDOID, -1, InvalidOid, 0);

	add_row_identity_var(root, row, rtindex, "wholerow");
	add_row_identity_var(root, tid, rtindex, "ctid");
}

static List *
plan_modify(PlannerInfo *root, ModifyTable *plan, Index result_relation,
			int subplan_index)
{
	return NIL;
}

static void
begin_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
			 List *fdw_private, int subplan_index, int eflags)
{
	HASHCTL		ctl = {.keysize = sizeof(ItemPointerData),
		.entrysize = sizeof(ItemPointerData),
	.hcxt = CurrentMemoryContext};
	Changes    *changes;

	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) || mtstate->operation == CMD_INSERT)
		return;
	check_change(rinfo->ri_RelationDesc,
				 rusts_writer_of(mtstate->ps.state->es_plannedstmt,
								 RelationGetRelid(rinfo->ri_RelationDesc)));
	changes = palloc0_object(Changes);
	changes->tid_attno =
		ExecFindJunkAttributeInTlist(outerPlan(mtstate->ps.plan)->targetlist,
									 "ctid");
	changes->changed = hash_create("rusts changed rows", 256, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	rinfo->ri_FdwState = changes;
}

/*
 * A row that was written, or deleted, and has not been sent yet is not what
 * the node behind the table shows us.
 */
static void
check_change(Relation rel, Oid writer)
{
	const RustsClusterConfig *config = rusts_cluster();
	int			group = config == NULL ? -1 :
		rusts_partition_group(config, rel);

	if (group >= 0 && rusts_outbox_holds(group))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change rows of \"%s\" in a transaction that has written to it",
						RelationGetRelationName(rel)),
				 errdetail("Other nodes of the cluster have these rows, and get what the transaction writes when it commits."),
				 errhint("Commit first.")));
	if (rel->rd_rel->relispartition)
		rusts_row_security_check(get_partition_parent(RelationGetRelid(rel),
													  false), writer);
}

/* Rows come by way of INSERT or COPY, or of an UPDATE from a partition. */
static void
begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
}

static void
end_modify(EState *estate, ResultRelInfo *rinfo)
{
	Changes    *changes = rinfo->ri_FdwState;

	if (changes != NULL && changes->move != NULL)
		rusts_move_end(changes->move);
	rinfo->ri_FdwState = NULL;
}

static TupleTableSlot *
exec_insert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
			TupleTableSlot *plan_slot)
{
	Relation	rel = rinfo->ri_RelationDesc;

	/*
	 * PostgreSQL leaves these to the server behind the table.  But the row may
	 * have been acknowledged before all nodes have it, and none may refuse it
	 * then.
	 */
	if (RelationGetDescr(rel)->constr != NULL)
		ExecConstraints(rinfo, slot, estate);
	if (rel->rd_rel->relispartition && rinfo->ri_RootResultRelInfo == NULL)
		(void) ExecPartitionCheck(rinfo, slot, estate, true);
	rusts_buffer_put_slot(rusts_buffer_get(rel, estate->es_output_cid), rel,
						  slot);
	return slot;
}

static TupleTableSlot *
exec_update(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
			TupleTableSlot *plan_slot)
{
	Relation	rel = rinfo->ri_RelationDesc;
	Changes    *changes = rinfo->ri_FdwState;
	TupleTableSlot *old;

	old = take_old_row(estate, rinfo, plan_slot);
	if (old == NULL)
		return NULL;
	rusts_buffer_delete_remote(rusts_buffer_get(rel, estate->es_output_cid),
							   old);
	ExecDropSingleTupleTableSlot(old);
	if (rel->rd_rel->relispartition &&
		!ExecPartitionCheck(rinfo, slot, estate, false))
	{
		rusts_move_row(&changes->move, estate, rinfo, slot);
		return slot;
	}
	if (RelationGetDescr(rel)->constr != NULL)
		ExecConstraints(rinfo, slot, estate);
	rusts_buffer_put_slot(rusts_buffer_get(rel, estate->es_output_cid), rel,
						  slot);
	return slot;
}

/* RETURNING wants the row that is deleted in slot. */
static TupleTableSlot *
exec_delete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
			TupleTableSlot *plan_slot)
{
	Relation	rel = rinfo->ri_RelationDesc;
	TupleTableSlot *old = take_old_row(estate, rinfo, plan_slot);

	if (old == NULL)
		return NULL;
	rusts_buffer_delete_remote(rusts_buffer_get(rel, estate->es_output_cid),
							   old);
	ExecCopySlot(slot, old);
	ExecDropSingleTupleTableSlot(old);
	return slot;
}

/* The old row, or NULL if this statement has changed it already. */
static TupleTableSlot *
take_old_row(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *plan_slot)
{
	Relation	rel = rinfo->ri_RelationDesc;
	Changes    *changes = rinfo->ri_FdwState;
	HeapTupleData tuple = {0};
	TupleTableSlot *old;
	Datum		value;
	bool		isnull;
	bool		found;

	value = ExecGetJunkAttribute(plan_slot, changes->tid_attno, &isnull);
	if (isnull)
		elog(ERROR, "ctid is NULL");
	(void) hash_search(changes->changed, DatumGetPointer(value), HASH_ENTER,
					   &found);
	if (found)
		return NULL;
	value = ExecGetJunkAttribute(plan_slot, rinfo->ri_RowIdAttNo, &isnull);
	if (isnull)
		elog(ERROR, "wholerow is NULL");
	tuple.t_data = DatumGetHeapTupleHeader(value);
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	old = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	ExecForceStoreHeapTuple(heap_copytuple(&tuple), old, true);
	return old;
}

/*
 * Each node truncates its own tables: those of a measurement are truncated on
 * all nodes at once.
 */
static void
exec_truncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	if (!rusts_is_changing_measurement())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot truncate foreign table \"%s\"",
						RelationGetRelationName((Relation) linitial(rels))),
				 errdetail("Its rows are kept by other nodes of a cluster."),
				 errhint("Truncate the measurement that it is a part of.")));
}

static void
explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
			   List *fdw_private, int subplan_index, ExplainState *es)
{
	Oid			relid = RelationGetRelid(rinfo->ri_RelationDesc);
	ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);

	if (es->verbose)
		ExplainPropertyText("Images for", server->servername, es);
}
