/*-------------------------------------------------------------------------
 *
 * target.h
 *	  Measurements of a call: look up, open, close.
 *
 * src/ingest/target.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TARGET_H
#define RUSTS_TARGET_H

#include "nodes/primnodes.h"

#include "ingest/ingest.h"

typedef enum RustsOpened
{
	RUSTS_TARGET_OPEN,
	RUSTS_TARGET_MISSING,		/* no such measurement */
	RUSTS_TARGET_REFUSED,		/* target->refusal tells why */
	RUSTS_TARGET_BUSY			/* somebody has a lock, and others are held
								 * already */
} RustsOpened;

/*
 * Open a target for writing: RowExclusiveLock, privileges, columns.  Waits for
 * the lock only if wait.
 */
extern RustsOpened rusts_target_open(RustsIngest *in, RustsTarget *target,
									 bool wait);

/* Learn a target's columns without keeping a lock. */
extern void rusts_target_peek(RustsIngest *in, RustsTarget *target);

/* The table's name, with its schema. */
extern RangeVar *rusts_target_rangevar(RustsIngest *in,
									   const RustsTarget *target);

/*
 * Close all targets, their rows stored or, with discard, forgotten together
 * with the locks.
 */
extern void rusts_target_close_all(RustsIngest *in, bool discard);

/* Enter a column that is still to be made; returns its number. */
extern int	rusts_target_add_column(RustsTarget *target, RustsBytes name,
									RustsRole role, RustsLpType type);

/*
 * Is there anything about rel that PostgreSQL's INSERT looks after and
 * appending to the builder would not?  Of partitioning others know.
 */
extern bool rusts_needs_insert(Relation rel);

/* Get the builder of a part. */
extern void rusts_target_begin_part(RustsTarget *target,
									RustsTargetPart *part);

/* The caller may not insert into this table: raise that. */
extern void rusts_target_deny(const RustsTarget *target);

/*
 * Somebody may have stored what is in the builders, and reset them: the
 * numbers of all series are void.
 */
extern void rusts_target_forget_series(RustsIngest *in);

#endif							/* RUSTS_TARGET_H */
