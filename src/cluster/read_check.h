/*-------------------------------------------------------------------------
 *
 * read_check.h
 *	  Queries read what is complete, and do not wait for who is not there.
 *
 * src/cluster/read_check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_READ_CHECK_H
#define RUSTS_READ_CHECK_H

#include "access/transam.h"
#include "datatype/timestamp.h"

#include "cluster/config.h"

/* rusts.allow_partial_results */
extern bool rusts_allow_partial_results;

/*
 * What the cluster worker knows, in shared memory; NULL: there are no workers.
 * readable_until: this node has all rows until then, as far as others know;
 * readable_since: for a snapshot that sees this transaction, or any if it is
 * invalid.  set_readable: since, if there was a time in which it had not.
 * down: nodes that do not answer, one bit each, RUSTS_MAX_NODES of them; may
 * be called in a signal handler.
 * copying: this node copies its parts, and who wants them would wait for the
 * end of it; whoever says so must say when it is over.
 */
typedef struct RustsClusterView
{
	TimestampTz (*readable_until) (void);
	const volatile uint64 *(*down) (void);
	FullTransactionId (*readable_since) (void);
	void		(*set_readable) (TimestampTz until, FullTransactionId since);
	bool		(*copying) (void);
	void		(*set_copying) (bool copying);
} RustsClusterView;

extern const RustsClusterView *rusts_cluster_view;

#define RUSTS_DOWN_WORDS	(RUSTS_MAX_NODES / 64)

/* Define the parameter, hook into the executor; once, from _PG_init. */
extern void rusts_read_check_init(void);

#endif							/* RUSTS_READ_CHECK_H */
