/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  Groups of shards that lie on other nodes, as foreign tables.
 *
 * The foreign data wrapper rusts_cluster reads as postgres_fdw does: it is
 * postgres_fdw, with its options and its user mappings.  What is inserted
 * does not go to one server row by row, but into a write buffer, and from
 * there as images to all that hold the group (write/image.h).
 *
 * src/cluster/fdw.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_H
#define RUSTS_FDW_H

#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"

#define RUSTS_FDW_NAME			"rusts_cluster"
#define RUSTS_SHARD_SCHEMA		"rusts_shard"

/*
 * UPDATE (operation CMD_UPDATE, slot has the new row) and DELETE (CMD_DELETE)
 * of a row of a foreign table.  The old row is in planSlot's junk attribute
 * "wholerow", number rinfo->ri_RowIdAttNo.  Returns the slot, or NULL if the
 * row is gone.  A row's ctid says nothing: it is another one on each node.
 * NULL: such statements are refused.
 */
typedef TupleTableSlot *(*RustsRemoteChangeHook) (EState *estate,
												  ResultRelInfo *rinfo,
												  CmdType operation,
												  TupleTableSlot *slot,
												  TupleTableSlot *plan_slot);

/* TRUNCATE of foreign tables of one server; NULL: refused. */
typedef void (*RustsRemoteTruncateHook) (List *rels, DropBehavior behavior,
										 bool restart_seqs);

extern RustsRemoteChangeHook rusts_remote_change_hook;
extern RustsRemoteTruncateHook rusts_remote_truncate_hook;

#endif							/* RUSTS_FDW_H */
