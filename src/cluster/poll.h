/*-------------------------------------------------------------------------
 *
 * poll.h
 *	  What the nodes know of each other, asked all at once.
 *
 * src/cluster/poll.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_POLL_H
#define RUSTS_POLL_H

#include "datatype/timestamp.h"

#include "cluster/config.h"

/* A lag from here on: rows for the node were not kept, it has to copy them. */
#define RUSTS_LAG_LOST		1e8

typedef struct RustsPoll
{
	Bitmapset  *there;			/* other nodes that have answered */
	double	   *lags;			/* [nnodes] age in seconds of the oldest row
								 * that some node still has for this one;
								 * negative: none has any */
	bool		is_away;		/* some node does not read from this one */
	bool		is_behind;		/* because it has missed rows */
} RustsPoll;

/*
 * A lease: how long it counts, from the time when the others were asked, that
 * nobody has rows for this node; and when, after they have asked a node for
 * the first time without an answer, the others go on without it.  The latter
 * is longer by more than they wait for an answer, so whoever was frozen in
 * between has no lease any more when it wakes up and they have gone on.
 */
extern int	rusts_lease_ms(void);
extern int	rusts_give_up_ms(void);

/*
 * Ask the other nodes, and finish on the way what transactions of this node
 * are in doubt there.  In the current memory context and transaction, as the
 * cluster's user.
 */
extern RustsPoll *rusts_poll(const RustsClusterConfig *config);

/*
 * Set nodes away, or back, as the poll says.  down: who has not answered for
 * so long; there_since: by node, since when it has answered.
 * Returns whether this node has all rows that the others could have for it.
 */
extern bool rusts_poll_judge(const RustsClusterConfig *config,
							 const RustsPoll *poll, const Bitmapset *down,
							 const TimestampTz *there_since);

#endif							/* RUSTS_POLL_H */
