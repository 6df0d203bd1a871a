/*-------------------------------------------------------------------------
 *
 * windows.h
 *	  A scan in windows of time, one after the other.
 *
 * src/exec/windows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WINDOWS_H
#define RUSTS_WINDOWS_H

#include "exec/block_scan.h"

typedef struct RustsWindows
{
	RustsBlockScan *scan;
	bool		descending;
	bool		done;
	int64		low;			/* what is left */
	int64		high;
	uint64		width;			/* of the next window, in microseconds */
	int64		from;			/* the window at hand */
	int64		to;
} RustsWindows;

extern void rusts_windows_init(RustsWindows *windows, RustsBlockScan *scan,
							   bool descending);

/* Begin, with a window that holds so many of the scan's rows, about. */
extern void rusts_windows_begin(RustsWindows *windows, double nrows);

/* Restrict the scan to the next window; false if there is none. */
extern bool rusts_windows_next(RustsWindows *windows);

/*
 * The same, but the window ends where border() says that one may end: given a
 * time, the smallest time not before it at which a window may begin.
 */
extern bool rusts_windows_next_border(RustsWindows *windows,
									  int64 (*border) (void *arg, int64 time),
									  void *arg);

/* The window at hand, inclusive. */
extern void rusts_windows_range(const RustsWindows *windows, int64 *low,
								int64 *high);

#endif							/* RUSTS_WINDOWS_H */
