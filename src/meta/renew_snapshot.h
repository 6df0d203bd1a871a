/*-------------------------------------------------------------------------
 *
 * renew_snapshot.h
 *	  A later snapshot for a statement that is about to be executed.
 *
 * src/meta/renew_snapshot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RENEW_SNAPSHOT_H
#define RUSTS_RENEW_SNAPSHOT_H

#include "executor/execdesc.h"

/*
 * In READ COMMITTED a statement may see whatever is committed when it begins.
 * So in ExecutorStart, before the executor has begun, it can be given another
 * snapshot: as of now.  False: not this one.
 */
extern bool rusts_renew_snapshot(QueryDesc *query);

#endif							/* RUSTS_RENEW_SNAPSHOT_H */
