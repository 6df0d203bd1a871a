/*-------------------------------------------------------------------------
 *
 * store_image.h
 *	  Tables of groups of shards, as other nodes name them.
 *
 * src/cluster/store_image.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_STORE_IMAGE_H
#define RUSTS_STORE_IMAGE_H

#include "utils/relcache.h"

/* The table of a group of shards, locked for writing; error if it is none. */
extern Relation rusts_shard_open(const char *name);

/* Error if row-level security applies to the current role there. */
extern void rusts_shard_check_rls(Relation rel);

#endif							/* RUSTS_STORE_IMAGE_H */
