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
 * subtransaction, so nothing is kept from one row to the next, and the
 * buffer is finished when those of local tables are (write/buffer.c).
 *
 * src/cluster/fdw.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "optimizer/appendinfo.h"
#include "utils/rel.h"

#include "cluster/fdw.h"
#include "cluster/fdw_scan.h"
#include "cluster/fdw_setup.h"
#include "compat.h"
#include "write/buffer.h"

RustsRemoteChangeHook rusts_remote_change_hook = NULL;
RustsRemoteTruncateHook rusts_remote_truncate_hook = NULL;

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
pg_noreturn static void refuse_change(Relation rel, const char *what);

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
 * PostgreSQL adds the same.
 */
static void
add_update_targets(PlannerInfo *root, Index rtindex,
				   RangeTblEntry *target_rte, Relation target_relation)
{
	Var		   *var = makeVar(rtindex, InvalidAttrNumber, RECORDOID, -1,
							  InvalidOid, 0);

	add_row_identity_var(root, var, rtindex, "wholerow");
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
	/* An UPDATE or DELETE that might reach this table need not do it. */
	if (!(eflags & EXEC_FLAG_EXPLAIN_ONLY) &&
		mtstate->operation == CMD_INSERT)
		begin_insert(mtstate, rinfo);
}

/*
 * Rows come by way of INSERT or COPY, or from a partition that an UPDATE
 * takes them out of: that one we cannot, as the row would have to go on all
 * nodes that hold it.
 */
static void
begin_insert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	Relation	rel = rinfo->ri_RelationDesc;

	if (mtstate->operation != CMD_INSERT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot move rows to foreign table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("The row would have to be moved on all nodes of the cluster that hold it."),
				 errhint("Delete the row and insert it.")));
}

static void
end_modify(EState *estate, ResultRelInfo *rinfo)
{
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
	if (rusts_remote_change_hook == NULL)
		refuse_change(rinfo->ri_RelationDesc, "update");
	return rusts_remote_change_hook(estate, rinfo, CMD_UPDATE, slot,
									plan_slot);
}

static TupleTableSlot *
exec_delete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
			TupleTableSlot *plan_slot)
{
	if (rusts_remote_change_hook == NULL)
		refuse_change(rinfo->ri_RelationDesc, "delete from");
	return rusts_remote_change_hook(estate, rinfo, CMD_DELETE, slot,
									plan_slot);
}

static void
exec_truncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	if (rusts_remote_truncate_hook == NULL)
		refuse_change(linitial(rels), "truncate");
	rusts_remote_truncate_hook(rels, behavior, restart_seqs);
}

static void
refuse_change(Relation rel, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot %s foreign table \"%s\"", what,
					RelationGetRelationName(rel)),
			 errdetail("Its rows are kept by several nodes of a cluster."),
			 errhint("Run the statement on the nodes that hold the rows.")));
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
