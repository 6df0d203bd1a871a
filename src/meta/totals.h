/*-------------------------------------------------------------------------
 *
 * totals.h
 *	  What has happened in this database since the server was started.
 *
 * src/meta/totals.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TOTALS_H
#define RUSTS_TOTALS_H

#include "port/atomics.h"

/* Their names in rusts_stats() are in totals.c. */
typedef enum RustsTotal
{
	RUSTS_TOTAL_WRITES,			/* calls of rusts_write */
	RUSTS_TOTAL_POINTS,			/* points they wrote */
	RUSTS_TOTAL_ROWS,			/* rows stored by any statement */
	RUSTS_TOTAL_SCANS,			/* of measurements, by RustsScan */
	RUSTS_TOTAL_FLUSH_SIZE,		/* flushes, by what made them due */
	RUSTS_TOTAL_FLUSH_POINTS,
	RUSTS_TOTAL_FLUSH_AGE,
	RUSTS_TOTAL_FLUSH_BATCHES,
	RUSTS_TOTAL_FLUSH_BY_HAND,
	RUSTS_TOTAL_ROWS_FLUSHED,
	RUSTS_TOTAL_ROWS_COMPACTED,
	RUSTS_TOTAL_ROWS_TIERED,
	RUSTS_TOTAL_ROWS_DROPPED,	/* by retention */
	RUSTS_TOTAL_JOBS_RUN,		/* by the worker */
	RUSTS_TOTAL_JOBS_FAILED,
	RUSTS_NTOTALS
} RustsTotal;

extern const char *const rusts_total_names[RUSTS_NTOTALS];

/*
 * Add n to a counter: an atomic addition, so not for every row.  Statements
 * that are rolled back count, too.
 */
extern void rusts_total_add(RustsTotal counter, uint64 n);

/*
 * Where the counters of this database are, an array of RUSTS_NTOTALS, or
 * NULL; set by whoever has shared memory for them.
 */
extern pg_atomic_uint64 *(*rusts_totals_hook) (void);

#endif							/* RUSTS_TOTALS_H */
