/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  How far long jobs have come, for the view rusts.progress.
 *
 * src/meta/progress.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PROGRESS_H
#define RUSTS_PROGRESS_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

/* Jobs that can be watched at one time; others run unwatched. */
#define RUSTS_MAX_PROGRESS		128
#define RUSTS_PROGRESS_NAME		24

typedef struct RustsProgress
{
	int			pid;			/* 0 if free; protected by lock */
	Oid			database;		/* protected by lock */
	Oid			relid;			/* protected by lock */
	TimestampTz started;		/* protected by lock */
	char		job[RUSTS_PROGRESS_NAME];	/* protected by lock */
	char		phase[RUSTS_PROGRESS_NAME]; /* protected by lock */
	pg_atomic_uint64 done;		/* atomic */
	pg_atomic_uint64 total;		/* atomic */
} RustsProgress;

/*
 * This backend begins a job on a relation, or goes on to a phase of it in
 * which there are total units of work; names are short and not quoted.  What
 * runs within another job is part of that one.  Ends by itself with the
 * transaction.
 */
extern void rusts_progress_begin(Oid relid, const char *job);
extern void rusts_progress_phase(const char *phase, uint64 total);

/* Units of the phase that are done.  Cheap; nothing if no job was begun. */
extern void rusts_progress_done(uint64 done);
extern void rusts_progress_end(void);

/* A copy of the jobs of this database, *n of them. */
extern RustsProgress *rusts_progress_list(int *n);

/* Shared memory: how much, and where; once in each process. */
extern Size rusts_progress_shmem_size(void);
extern void rusts_progress_shmem_init(LWLock *lock);

#endif							/* RUSTS_PROGRESS_H */
