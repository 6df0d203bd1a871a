/*-------------------------------------------------------------------------
 *
 * fdw_answer.h
 *	  Scans of other nodes whose answer is short: aggregates.
 *
 * postgres_fdw takes a transaction, a cursor and four round trips for what is
 * one statement, and reads values as text.  An answer that fits into hash_mem
 * is got by one statement instead, on a connection of connection.h, with
 * values as they are in memory.  All nodes have their statement before any is
 * waited for.
 *
 * What is not that simple, and whatever goes wrong with a connection, is left
 * to postgres_fdw.
 *
 * src/cluster/fdw_answer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_ANSWER_H
#define RUSTS_FDW_ANSWER_H

#include "executor/execAsync.h"
#include "nodes/execnodes.h"

/* Begin such a scan, as its fdw_state; false: it is for postgres_fdw. */
extern bool rusts_answer_begin(ForeignScanState *node, int eflags);

/* This scan is postgres_fdw's, so all of the statement have to be. */
extern void rusts_answer_is_by_fdw(ForeignScanState *node);

/* Is this what begin has made? */
extern bool rusts_is_answer(const ForeignScanState *node);

/* Let the node begin, without waiting for it. */
extern void rusts_answer_send(ForeignScanState *node);

/*
 * Have the answer, which may mean to wait for it.  False: there is none to be
 * had this way; the scan has ended, and is for postgres_fdw to begin.
 *
 * Errors: those of the statement, interrupts.
 */
extern bool rusts_answer_wait(ForeignScanState *node);

/* Need its socket not be waited for? */
extern bool rusts_answer_is_there(ForeignScanState *node);
extern pgsocket rusts_answer_socket(ForeignScanState *node);

/* The next row, or an empty slot. */
extern TupleTableSlot *rusts_answer_next(ForeignScanState *node);

extern void rusts_answer_rewind(ForeignScanState *node);
extern void rusts_answer_end(ForeignScanState *node);

#endif							/* RUSTS_FDW_ANSWER_H */
