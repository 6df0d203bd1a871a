/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  Background workers: a launcher, one maintenance worker per database.
 *
 * src/worker/worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WORKER_H
#define RUSTS_WORKER_H

/* Reserve shared memory, register the launcher; once, from _PG_init. */
extern void rusts_worker_init(void);

#endif							/* RUSTS_WORKER_H */
