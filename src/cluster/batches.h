/*-------------------------------------------------------------------------
 *
 * batches.h
 *	  Batches that clients name, so that one sent twice is stored once.
 *
 * A client that does not know whether its batch was written sends it again,
 * to the same node or to another, under the same name.  Each placement notes,
 * with the rows, which parts of which batches it has.
 *
 * src/cluster/batches.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BATCHES_H
#define RUSTS_BATCHES_H

#include "postgres_ext.h"

/* Part of a batch: a table in schema rusts_shard, or all of it. */
#define RUSTS_WHOLE_BATCH		""

#define RUSTS_MAX_BATCH_ID		200

/*
 * Note that this transaction stores a part of a batch.  False: another has
 * done so, and there is nothing to store.  Waits for one that is about to;
 * error if that commits.
 */
extern bool rusts_batch_begin(const char *batch, const char *part);

/* Forget batches that are older than a day. */
extern void rusts_batches_forget(void);

#endif							/* RUSTS_BATCHES_H */
