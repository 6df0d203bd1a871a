/*-------------------------------------------------------------------------
 *
 * counters.h
 *	  What has happened in this database since the server was started.
 *
 * src/meta/counters.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COUNTERS_H
#define RUSTS_COUNTERS_H

#include "port/atomics.h"

/* Their names in rusts_stats() are in counters.c. */
typedef enum RustsCounter
{
	RUSTS_COUNT_WRITES,			/* calls of rusts_write */
	RUSTS_COUNT_POINTS,			/* points they wrote */
	RUSTS_COUNT_BATCHES,		/* batches stored by any statement */
	RUSTS_COUNT_ROWS,			/* rows in them */
	RUSTS_COUNT_QUERIES,		/* scans of measurements */
	RUSTS_COUNT_FLUSH_SIZE,		/* flushes, by what made them due */
	RUSTS_COUNT_FLUSH_POINTS,
	RUSTS_COUNT_FLUSH_AGE,
	RUSTS_COUNT_FLUSH_BATCHES,
	RUSTS_COUNT_FLUSH_BY_HAND,
	RUSTS_COUNT_ROWS_FLUSHED,
	RUSTS_COUNT_ROWS_DROPPED,	/* by retention */
	RUSTS_COUNT_JOBS_RUN,		/* by the worker */
	RUSTS_COUNT_JOBS_FAILED,
	RUSTS_COUNT_WAL_SYNCS,
	RUSTS_NCOUNTERS
} RustsCounter;

extern const char *const rusts_counter_names[RUSTS_NCOUNTERS];

/*
 * Add n to a counter: an atomic addition, so not for every row.  Statements
 * that are rolled back count, too.
 */
extern void rusts_count(RustsCounter counter, uint64 n);

/*
 * Where the counters of this database are, an array of RUSTS_NCOUNTERS, or
 * NULL; set by whoever has shared memory for them.
 */
extern pg_atomic_uint64 *(*rusts_counters_hook) (void);

#endif							/* RUSTS_COUNTERS_H */
