/*-------------------------------------------------------------------------
 *
 * resync.h
 *	  The worker that copies the parts of this node.
 *
 * src/worker/resync.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WORKER_RESYNC_H
#define RUSTS_WORKER_RESYNC_H

/*
 * Start it, unless the last one that was started still runs, or was only just
 * started.
 */
extern void rusts_resync_worker_start(void);

#endif							/* RUSTS_WORKER_RESYNC_H */
