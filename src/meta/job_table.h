/*-------------------------------------------------------------------------
 *
 * job_table.h
 *	  What the worker did last, rusts.job.
 *
 * src/meta/job_table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_JOB_TABLE_H
#define RUSTS_JOB_TABLE_H

#include "datatype/timestamp.h"

typedef struct RustsJobRecord
{
	Oid			measurement;
	const char *job;
	TimestampTz started;
	TimestampTz ended;
	int64		nrows;			/* moved or dropped */
	const char *error;			/* NULL if it went well */
	int			failures;		/* in a row */
	TimestampTz failing_since;	/* if failures > 0 */
	TimestampTz next_run;
} RustsJobRecord;

/*
 * Enter a run in place of the job's last one.  For the worker alone, which
 * never waits: nothing happens when somebody has the table locked, or where
 * there is none.
 */
extern void rusts_job_table_put(const RustsJobRecord *record);

/* Delete what is about relations that are gone. */
extern void rusts_job_table_prune(void);

/* How many jobs have been failing since before a time. */
extern int	rusts_job_table_failing(TimestampTz before);

#endif							/* RUSTS_JOB_TABLE_H */
