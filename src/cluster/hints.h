/*-------------------------------------------------------------------------
 *
 * hints.h
 *	  Hinted hand-off: rows that a node did not take when they were written.
 *
 * A hint is an image and the node it is for, in rusts.cluster_hint.  It is
 * written by the transaction that has written the rows, and removed by the one
 * that stores them at the node: both or neither happens (twophase.h).
 *
 * src/cluster/hints.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_HINTS_H
#define RUSTS_HINTS_H

#include "cluster/outbox.h"

/* Leave a parcel for a node, unless rows are not kept for it (lost.h). */
extern void rusts_hint_leave(const char *node_id, const RustsParcel *parcel);

/*
 * Are there any for this node, committed or our own, or does it have to copy
 * its parts?
 */
extern bool rusts_hints_wait(const char *node_id);

/*
 * Hand over the next hints of a node, in order, in the current transaction:
 * after its commit they are there and here no more.  Returns how many it took;
 * 0: there are none.  Error: the node did not take them.
 */
extern int	rusts_hints_deliver(const RustsClusterConfig *config, int node);

#endif							/* RUSTS_HINTS_H */
