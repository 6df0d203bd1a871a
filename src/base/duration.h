/*-------------------------------------------------------------------------
 *
 * duration.h
 *	  Durations as people of line protocol write them: 30d, 2w, 12h, 1h30m.
 *
 * src/base/duration.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DURATION_H
#define RUSTS_DURATION_H

#include "c.h"

/* The three parts of an interval. */
typedef struct RustsDuration
{
	int32		months;
	int32		days;
	int64		microseconds;
} RustsDuration;

/*
 * Read whole numbers with units, one after the other without blanks: y, mo,
 * w, d, h, m, s, ms, us (or u), ns.  False if text is anything else, is less
 * than a microsecond in part, or does not fit.
 */
extern bool rusts_duration_parse(const char *text, size_t len,
								 RustsDuration *duration);

#endif							/* RUSTS_DURATION_H */
