/*-------------------------------------------------------------------------
 *
 * counters.c
 *	  What has happened in this database since the server was started.
 *
 * src/meta/counters.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "meta/counters.h"

const char *const rusts_counter_names[RUSTS_NCOUNTERS] = {
	[RUSTS_COUNT_WRITES] = "writes",
	[RUSTS_COUNT_POINTS] = "points_written",
	[RUSTS_COUNT_BATCHES] = "batches_stored",
	[RUSTS_COUNT_ROWS] = "rows_stored",
	[RUSTS_COUNT_QUERIES] = "scans",
	[RUSTS_COUNT_FLUSH_SIZE] = "flushes_by_size",
	[RUSTS_COUNT_FLUSH_POINTS] = "flushes_by_points",
	[RUSTS_COUNT_FLUSH_AGE] = "flushes_by_age",
	[RUSTS_COUNT_FLUSH_BATCHES] = "flushes_by_batches",
	[RUSTS_COUNT_FLUSH_BY_HAND] = "flushes_by_hand",
	[RUSTS_COUNT_ROWS_FLUSHED] = "rows_flushed",
	[RUSTS_COUNT_ROWS_DROPPED] = "rows_dropped_by_retention",
	[RUSTS_COUNT_JOBS_RUN] = "jobs_run",
	[RUSTS_COUNT_JOBS_FAILED] = "jobs_failed",
	[RUSTS_COUNT_WAL_SYNCS] = "wal_syncs"
};

pg_atomic_uint64 *(*rusts_counters_hook) (void) = NULL;

void
rusts_count(RustsCounter counter, uint64 n)
{
	pg_atomic_uint64 *counters = NULL;

	if (n > 0 && rusts_counters_hook != NULL)
		counters = rusts_counters_hook();
	if (counters != NULL)
		(void) pg_atomic_fetch_add_u64(&counters[counter], n);
}
