/*-------------------------------------------------------------------------
 *
 * windows.c
 *	  A scan in windows of time, one after the other.
 *
 * Each window is twice as wide as the one before.  Times of infinity would
 * make a range that no window gets through: they are windows of their own.
 *
 * src/exec/windows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "exec/windows.h"

void
rusts_windows_init(RustsWindows *windows, RustsBlockScan *scan,
				   bool descending)
{
	memset(windows, 0, sizeof(*windows));
	windows->scan = scan;
	windows->descending = descending;
}

void
rusts_windows_begin(RustsWindows *windows, double nrows)
{
	int64		total;
	int64		low;
	int64		high;
	double		width;

	windows->done = !rusts_block_scan_extent(windows->scan, &windows->low,
											 &windows->high, &total);
	if (windows->done)
		return;
	low = windows->low;
	high = windows->high;
	rusts_block_scan_finite(windows->scan, &low, &high);
	width = low <= high ? ((double) high - (double) low + 1) * nrows /
		Max((double) total, 1) : 1;
	windows->width = (uint64) Min(Max(width, 1), 9e18);
}

bool
rusts_windows_next(RustsWindows *windows)
{
	return rusts_windows_next_border(windows, NULL, NULL);
}

bool
rusts_windows_next_border(RustsWindows *windows,
						  int64 (*border) (void *arg, int64 time), void *arg)
{
	int64		from = windows->low;
	int64		to = windows->high;
	uint64		span = (uint64) to - (uint64) from;
	uint64		width = windows->width;

	if (windows->done)
		return false;
	if (TIMESTAMP_NOT_FINITE(windows->descending ? to : from))
	{
		if (windows->descending)
			from = to;
		else
			to = from;
	}
	/* What would be left over is not worth a window. */
	else if (span > 2 * width)
	{
		if (windows->descending)
			from = to - (int64) width + 1;
		else
			to = from + (int64) width - 1;
	}

	/* Windows are whole buckets; an infinity is one by itself. */
	if (border != NULL && !TIMESTAMP_NOT_FINITE(windows->descending ? to :
												 from))
	{
		int64		at;

		if (windows->descending && from > windows->low)
		{
			/* The next one above may be the end: then further down. */
			while ((at = border(arg, from)) > to)
			{
				uint64		left = (uint64) from - (uint64) windows->low;

				CHECK_FOR_INTERRUPTS();
				if (left <= width)
					break;
				from -= (int64) width;
				width = Min(width * 2, UINT64CONST(1) << 62);
			}
			from = at <= to ? at : windows->low;
		}
		else if (!windows->descending && to < windows->high)
		{
			at = border(arg, to + 1);
			to = at <= windows->high ? at - 1 : windows->high;
		}

		/* The infinity at the other end. */
		if (TIMESTAMP_NOT_FINITE(windows->descending ? from : to) && from < to)
		{
			if (windows->descending)
				from++;
			else
				to--;
		}
	}
	rusts_block_scan_window(windows->scan, from, to);
	windows->from = from;
	windows->to = to;
	windows->done = windows->descending ? from <= windows->low :
		to >= windows->high;
	if (windows->descending)
		windows->high = from - 1;
	else
		windows->low = to + 1;
	windows->width = windows->width < UINT64CONST(1) << 62 ?
		windows->width * 2 : windows->width;
	return true;
}

void
rusts_windows_range(const RustsWindows *windows, int64 *low, int64 *high)
{
	*low = windows->from;
	*high = windows->to;
}
