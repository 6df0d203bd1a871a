/*-------------------------------------------------------------------------
 *
 * fdw_move.c
 *	  Rows that an UPDATE moves from a foreign table to another part.
 *
 * PostgreSQL does that for tables, but leaves rows of a foreign table where
 * they are.  So we route the new version as COPY does (commands/copyfrom.c).
 * Triggers for INSERT do not fire.
 *
 * src/cluster/fdw_move.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/execPartition.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "cluster/fdw_move.h"
#include "compat.h"
#include "write/buffer.h"

struct RustsMove
{
	ModifyTableState *state;	/* as of an INSERT into the measurement */
	PartitionTupleRouting *routing;
	TupleTableSlot *root_slot;
};

static RustsMove *begin(EState *estate, ResultRelInfo *root);

void
rusts_move_row(RustsMove **move, EState *estate, ResultRelInfo *rinfo,
			   TupleTableSlot *slot)
{
	ResultRelInfo *root = rinfo->ri_RootResultRelInfo;
	TupleConversionMap *map;
	ResultRelInfo *target;

	if (root == NULL)
		ExecPartitionCheckEmitError(rinfo, slot, estate);
	if (*move == NULL)
		*move = begin(estate, root);
	map = ExecGetChildToRootMap(rinfo);
	if (map != NULL)
		slot = execute_attr_map_slot(map->attrMap, slot, (*move)->root_slot);
	target = ExecFindPartition((*move)->state, root, (*move)->routing, slot,
							   estate);
	map = rusts_root_to_child_map(target, estate);
	if (map != NULL)
		slot = execute_attr_map_slot(map->attrMap, slot,
									 target->ri_PartitionTupleSlot);
	if (RelationGetDescr(target->ri_RelationDesc)->constr != NULL)
		ExecConstraints(target, slot, estate);
	rusts_buffer_put_slot(rusts_buffer_get(target->ri_RelationDesc,
										   estate->es_output_cid),
						  target->ri_RelationDesc, slot);
}

/* It lives as long as the statement. */
static RustsMove *
begin(EState *estate, ResultRelInfo *root)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(estate->es_query_cxt);
	RustsMove  *move = palloc0_object(RustsMove);

	move->state = makeNode(ModifyTableState);
	move->state->ps.state = estate;
	move->state->operation = CMD_INSERT;
	move->state->mt_nrels = 1;
	move->state->resultRelInfo = root;
	move->state->rootResultRelInfo = root;
	move->routing = ExecSetupPartitionTupleRouting(estate,
												   root->ri_RelationDesc);
	move->root_slot =
		MakeSingleTupleTableSlot(RelationGetDescr(root->ri_RelationDesc),
								 &TTSOpsVirtual);
	MemoryContextSwitchTo(old_cxt);
	return move;
}

void
rusts_move_end(RustsMove *move)
{
	ExecDropSingleTupleTableSlot(move->root_slot);
	ExecCleanupTupleRouting(move->state, move->routing);
}
