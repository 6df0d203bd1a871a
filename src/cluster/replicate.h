/*-------------------------------------------------------------------------
 *
 * replicate.h
 *	  What a transaction has written goes to all placements, as the
 *	  replication mode asks.
 *
 * src/cluster/replicate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_REPLICATE_H
#define RUSTS_REPLICATE_H

/*
 * Register the callback that does it before a commit; once, from _PG_init,
 * before the buffers': those registered later are called earlier, and the
 * buffers have to be empty by then.
 */
extern void rusts_replicate_init(void);

#endif							/* RUSTS_REPLICATE_H */
