/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  Statistics of a column's blocks.
 *
 * src/segment/stats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "segment/stats.h"

void
rusts_int_stats(const RustsBlockInput *in, uint32 b, RustsBlockStats *stats)
{
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;
	int64		sum = 0;
	uint32		nnulls = 0;
	uint32		i;

	if (in->nulls == NULL)
	{
		for (i = 0; i < in->nrows; i++)
		{
			min = Min(min, in->ints[i]);
			max = Max(max, in->ints[i]);
			sum = (int64) ((uint64) sum + (uint64) in->ints[i]);
		}
	}
	else
	{
		for (i = 0; i < in->nrows; i++)
		{
			if (rusts_bitmap_test(in->nulls, i))
			{
				nnulls++;
				continue;
			}
			min = Min(min, in->ints[i]);
			max = Max(max, in->ints[i]);
			sum = (int64) ((uint64) sum + (uint64) in->ints[i]);
		}
	}
	stats->nulls[b] = nnulls;
	if (nnulls == in->nrows)
		return;
	stats->min[b] = min;
	stats->max[b] = max;
	stats->sum[b] = sum;
	if (min < -(INT64CONST(1) << 52) || max > (INT64CONST(1) << 52))
		stats->sum_overflow = true;
	if (in->nulls == NULL || !rusts_bitmap_test(in->nulls, 0))
		stats->first[b] = in->ints[0];
	if (in->nulls == NULL || !rusts_bitmap_test(in->nulls, in->nrows - 1))
		stats->last[b] = in->ints[in->nrows - 1];
}

/*
 * In PostgreSQL's order a NaN is larger than everything else.  The sum adds
 * the values in the order of the rows, which vectorizing would not, to -0.0:
 * that changes no value, while 0.0 would turn -0.0 into 0.0.
 */
void
rusts_float_stats(const RustsBlockInput *in, uint32 b, RustsBlockStats *stats)
{
	double		min = INFINITY;
	double		max = -INFINITY;
	double		sum = -0.0;
	uint32		nnans = 0;
	uint32		nnulls = 0;
	double		first = 0;
	double		last = 0;
	uint32		i;

	for (i = 0; i < in->nrows; i++)
	{
		double		v = in->floats[i];

		if (in->nulls != NULL && rusts_bitmap_test(in->nulls, i))
		{
			nnulls++;
			continue;
		}
		nnans += v != v;
		min = v < min ? v : min;
		max = v > max ? v : max;
		sum += v;
	}
	stats->nulls[b] = nnulls;
	if (nnulls == in->nrows)
		return;
	if (nnans > 0)
		max = NAN;
	if (nnans + nnulls == in->nrows)
		min = NAN;
	if (in->nulls == NULL || !rusts_bitmap_test(in->nulls, 0))
		first = in->floats[0];
	if (in->nulls == NULL || !rusts_bitmap_test(in->nulls, in->nrows - 1))
		last = in->floats[in->nrows - 1];
	memcpy(&stats->min[b], &min, sizeof(min));
	memcpy(&stats->max[b], &max, sizeof(max));
	memcpy(&stats->sum[b], &sum, sizeof(sum));
	memcpy(&stats->first[b], &first, sizeof(first));
	memcpy(&stats->last[b], &last, sizeof(last));
}
