/*-------------------------------------------------------------------------
 *
 * change_everywhere.h
 *	  Statements about measurements that all nodes carry out.
 *
 * src/cluster/change_everywhere.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHANGE_EVERYWHERE_H
#define RUSTS_CHANGE_EVERYWHERE_H

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

/*
 * Carry out, as the current user, a statement that other nodes have carried
 * out, with settings that are a list of names and values.
 */
extern void rusts_change_carry_out(const char *statement,
								   ArrayType *settings);

/* Is such a statement running here? */
extern bool rusts_is_changing_measurement(void);

/* Register hooks; once, from _PG_init, after those of layer am. */
extern void rusts_change_everywhere_init(void);

/*
 * change_targets.c: what a utility statement is about.
 *
 * Can a statement of this kind be about measurements?  Looks into no catalog.
 */
extern bool rusts_change_may_concern(const Node *statement);

/*
 * The OIDs of the measurements of the cluster that it names; NIL: it is no
 * matter of the cluster's.  Error if it cannot be carried out everywhere: it
 * names something else besides, a part of a measurement, or it is of a kind
 * that makes nodes differ.
 */
extern List *rusts_change_targets(Node *statement);

/*
 * change_statement.c: what a statement has to do with the parts of
 * measurements besides what PostgreSQL does, after it has run here.
 *
 * Rows that wait for other nodes are of no use when a measurement is emptied,
 * and go; where they could not be stored any more, it is an error.  Which
 * these are has to be asked before the statement runs, for parts may be gone
 * or have other names then.
 */
extern char *rusts_change_parts_hints(List *measurements);
extern void rusts_change_parts(Node *statement, List *measurements,
							   const char *hints);

#endif							/* RUSTS_CHANGE_EVERYWHERE_H */
