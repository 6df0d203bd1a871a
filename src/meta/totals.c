/*-------------------------------------------------------------------------
 *
 * totals.c
 *	  What has happened in this database since the server was started.
 *
 * src/meta/totals.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "meta/totals.h"

const char *const rusts_total_names[RUSTS_NTOTALS] = {
	[RUSTS_TOTAL_WRITES] = "writes",
	[RUSTS_TOTAL_POINTS] = "points_written",
	[RUSTS_TOTAL_ROWS] = "rows_stored",
	[RUSTS_TOTAL_SCANS] = "scans",
	[RUSTS_TOTAL_FLUSH_SIZE] = "flushes_by_size",
	[RUSTS_TOTAL_FLUSH_POINTS] = "flushes_by_points",
	[RUSTS_TOTAL_FLUSH_AGE] = "flushes_by_age",
	[RUSTS_TOTAL_FLUSH_BATCHES] = "flushes_by_batches",
	[RUSTS_TOTAL_FLUSH_BY_HAND] = "flushes_by_hand",
	[RUSTS_TOTAL_ROWS_FLUSHED] = "rows_flushed",
	[RUSTS_TOTAL_ROWS_COMPACTED] = "rows_compacted",
	[RUSTS_TOTAL_ROWS_TIERED] = "rows_tiered",
	[RUSTS_TOTAL_ROWS_DROPPED] = "rows_dropped_by_retention",
	[RUSTS_TOTAL_JOBS_RUN] = "jobs_run",
	[RUSTS_TOTAL_JOBS_FAILED] = "jobs_failed"
};

pg_atomic_uint64 *(*rusts_totals_hook) (void) = NULL;

void
rusts_total_add(RustsTotal counter, uint64 n)
{
	pg_atomic_uint64 *counters = NULL;

	if (n > 0 && rusts_totals_hook != NULL)
		counters = rusts_totals_hook();
	if (counters != NULL)
		(void) pg_atomic_fetch_add_u64(&counters[counter], n);
}
