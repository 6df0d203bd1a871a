/*-------------------------------------------------------------------------
 *
 * fdw_move.h
 *	  Rows that an UPDATE moves from a foreign table to another part.
 *
 * src/cluster/fdw_move.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_MOVE_H
#define RUSTS_FDW_MOVE_H

#include "nodes/execnodes.h"

/* Where rows go, for one result relation of a statement. */
typedef struct RustsMove RustsMove;

/*
 * Write a row, of rinfo's table, to the part of the measurement that it
 * belongs to.  *move is NULL at first.  Error if the statement is not about
 * the measurement, but about this part of it.
 */
extern void rusts_move_row(RustsMove **move, EState *estate,
						   ResultRelInfo *rinfo, TupleTableSlot *slot);
extern void rusts_move_end(RustsMove *move);

#endif							/* RUSTS_FDW_MOVE_H */
