/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Configuration parameters of storage and workers.
 *
 * src/meta/settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "datatype/timestamp.h"
#include "utils/guc.h"

#include "meta/options.h"
#include "meta/settings.h"

int			rusts_flush_max_bytes = 64 * 1024;
int			rusts_flush_max_points = 1000000;
int			rusts_flush_max_age = 60;
int			rusts_flush_max_batches = 1000;
int			rusts_job_interval = 60;
int			rusts_partition_duration = 24 * 60 * 60;
int			rusts_segment_cache_size = 64 * 1024;
bool		rusts_skip_corrupt_segments = false;
int			rusts_wal_mode = RUSTS_WAL_EVERY_WRITE;
int			rusts_wal_sync_interval = 100;

static const struct config_enum_entry wal_modes[] = {
	{"every-write", RUSTS_WAL_EVERY_WRITE, false},
	{"periodic", RUSTS_WAL_PERIODIC, false},
	{"os-default", RUSTS_WAL_OS_DEFAULT, false},
	{"none", RUSTS_WAL_NONE, false},
	{NULL, 0, false}
};

void
rusts_settings_init(void)
{
	DefineCustomIntVariable("rusts.flush_max_bytes",
							"Active batches of a measurement are flushed when they reach this size.",
							"The size is that of the encoded batches.",
							&rusts_flush_max_bytes, 64 * 1024, 1, 1024 * 1024,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.flush_max_points",
							"Active batches of a measurement are flushed when they hold this many rows.",
							NULL,
							&rusts_flush_max_points, 1000000, 1, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.flush_max_age",
							"Active batches of a measurement are flushed when the oldest is of this age.",
							NULL,
							&rusts_flush_max_age, 60, 1, 24 * 60 * 60,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.flush_max_batches",
							"Active batches of a measurement are flushed when there are this many.",
							NULL,
							&rusts_flush_max_batches, 1000, 1, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.job_interval",
							"How often the worker looks for what other jobs than the flush have to do.",
							"This is about each measurement for itself.",
							&rusts_job_interval, 60, 1, 24 * 60 * 60,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.partition_duration",
							"Time that one partition of a measurement spans.",
							"New segments are cut at the borders of partitions.",
							&rusts_partition_duration, 24 * 60 * 60, 60,
							INT_MAX, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.segment_cache_size",
							"Memory in which a session keeps what it knows of segments it has read.",
							"Series tables, block directories and small segments as a whole.",
							&rusts_segment_cache_size, 64 * 1024, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("rusts.skip_corrupt_segments",
							 "Goes on with a warning when a segment turns out to be corrupted.",
							 "The rows of that segment are missing from the answer.",
							 &rusts_skip_corrupt_segments, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomEnumVariable("rusts.wal_mode",
							 "How soon what is written to measurements is safe from a crash.",
							 "A measurement may have a mode of its own, see rusts_set_wal_mode.",
							 &rusts_wal_mode, RUSTS_WAL_EVERY_WRITE,
							 wal_modes, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("rusts.wal_sync_interval",
							"Longest time after which a commit in the mode \"periodic\" is flushed to disk.",
							NULL,
							&rusts_wal_sync_interval, 100, 1, 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

int64
rusts_partition_of(int64 time)
{
	int64		width = rusts_partition_duration * USECS_PER_SEC;
	int64		phase = (2 * USECS_PER_DAY) % width;
	int64		offset;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	offset = time % width - phase;
	while (offset < 0)
		offset += width;
	if (time < MIN_TIMESTAMP + offset)
		return MIN_TIMESTAMP;
	return time - offset;
}
