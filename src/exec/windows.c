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
#include "utils/timestamp.h"

#include "exec/windows.h"

static void finite_extent(RustsBlockScan *scan, int64 *low, int64 *high);

void
rusts_windows_init(RustsWindows *windows, RustsBlockScan *scan,
				   bool descending)
{
	memset(windows, 0, sizeof(*windows));
	windows->scan = scan;
	windows->descending = descending;
	windows->max_width = PG_UINT64_MAX;
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
	finite_extent(windows->scan, &low, &high);
	width = low <= high ? ((double) high - (double) low + 1) * nrows /
		Max((double) total, 1) : 1;
	windows->width = width < 1 ? 1 : width > 9e18 ? UINT64CONST(9000000000000000000) :
		(uint64) width;
}

/* The times that are neither of the infinities. */
static void
finite_extent(RustsBlockScan *scan, int64 *low, int64 *high)
{
	uint32		i;
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;

	for (i = 0; i < scan->nentries; i++)
	{
		const RustsSegmentEntry *entry = &scan->entries[i];

		if (entry->max_time == RUSTS_NO_TIME)
			continue;
		if (!TIMESTAMP_NOT_FINITE(entry->min_time))
			min = Min(min, entry->min_time);
		if (!TIMESTAMP_NOT_FINITE(entry->max_time))
			max = Max(max, entry->max_time);
	}
	*low = Max(*low, min);
	*high = Min(*high, max);
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
	uint64		width = Min(windows->width, windows->max_width);

	if (windows->done)
		return false;

	/* What would be left over is not worth a window. */
	if (TIMESTAMP_NOT_FINITE(windows->descending ? to : from))
	{
		if (windows->descending)
			from = to;
		else
			to = from;
	}
	else if (span > 2 * width && width < windows->max_width / 2)
	{
		if (windows->descending)
			from = to - (int64) width + 1;
		else
			to = from + (int64) width - 1;
	}
	else if (span >= windows->max_width)
	{
		if (windows->descending)
			from = to - (int64) width + 1;
		else
			to = from + (int64) width - 1;
	}

	/* Windows are whole buckets; an infinity is one by itself. */
	if (border != NULL && windows->descending && from > windows->low &&
		!TIMESTAMP_NOT_FINITE(to))
	{
		int64		start = border(arg, from);

		if (start > to)
			start = border(arg, windows->low);
		from = start > windows->low && start <= to ? start : windows->low;
	}
	else if (border != NULL && !windows->descending && to < windows->high &&
			 !TIMESTAMP_NOT_FINITE(from))
	{
		int64		next = border(arg, to + 1);

		to = next <= windows->high ? next - 1 : windows->high;
	}
	rusts_block_scan_window(windows->scan, from, to);
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
