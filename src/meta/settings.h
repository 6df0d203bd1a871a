/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  Configuration parameters of storage and workers.
 *
 * src/meta/settings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SETTINGS_H
#define RUSTS_SETTINGS_H

extern int	rusts_flush_max_bytes;	/* kB */
extern int	rusts_flush_max_points;
extern int	rusts_flush_max_age;	/* s */
extern int	rusts_flush_max_batches;
extern int	rusts_job_interval; /* s */
extern int	rusts_partition_duration;	/* s */
extern int	rusts_segment_cache_size;	/* kB */
extern bool rusts_skip_corrupt_segments;
extern int	rusts_wal_mode;		/* RustsWalMode, of options.h */
extern int	rusts_wal_sync_interval;	/* ms */

/* Define the parameters; once, from _PG_init. */
extern void rusts_settings_init(void);

/*
 * The beginning of the time partition that holds time (microseconds since
 * 2000-01-01, as timestamptz has them).  Partitions are counted from Monday
 * 2000-01-03 00:00 UTC; infinities are partitions of their own.
 */
extern int64 rusts_partition_of(int64 time);

#endif							/* RUSTS_SETTINGS_H */
