/*-------------------------------------------------------------------------
 *
 * write_order.c
 *	  In which order the points of segments were written.
 *
 * Of two segments with the same point the one with the greater write_order
 * has the later version of it.  Segments that are made of others get the
 * greatest of these; that is right as long as no segment is left out that
 * was written after some of the rows and before others, or together with the
 * last of them, and has points of the earlier ones.  Together means that the
 * orders are the same, as those of a flush's segments are: these have no point
 * in common, but what is moved gets the greater segment_id.
 *
 * src/write/write_order.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "compat.h"
#include "segment/page_io.h"
#include "write/duplicates.h"
#include "write/mover.h"
#include "write/write_order.h"

int
rusts_compare_orders(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->write_order != right->write_order)
		return left->write_order < right->write_order ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

int64 *
rusts_unmoved_writes(Relation rel, const RustsSchema *schema,
					 const RustsSegmentEntry *entries, uint32 nentries,
					 uint32 *nwrites)
{
	SnapshotData dirty;
	RustsSegmentEntry *all;
	uint32		nall;
	uint32		n = 0;
	bool	   *moved;
	bool	   *later;
	int64	   *writes;
	int64		min_time = PG_INT64_MAX;
	int64		max_time = PG_INT64_MIN;
	uint32		i;

	*nwrites = 0;
	if (nentries < 2)
		return NULL;
	for (i = 0; i < nentries; i++)
	{
		if (entries[i].max_time == RUSTS_NO_TIME)
			continue;
		min_time = Min(min_time, entries[i].min_time);
		max_time = Max(max_time, entries[i].max_time);
	}
	rusts_order_wait(rel);
	InitDirtySnapshot(dirty);
	all = rusts_directory_load_range(rusts_storage_id(rel), &dirty, min_time,
									 max_time, &nall);
	moved = palloc0_array(bool, nall + 1);
	later = palloc0_array(bool, nall + 1);
	writes = palloc_array(int64, nall + 1);

	/* Of the others only those are of interest that may be overtaken. */
	for (i = 0; i < nall; i++)
	{
		moved[n] = bsearch(&all[i], entries, nentries,
						   sizeof(RustsSegmentEntry),
						   rusts_compare_orders) != NULL;
		if (!moved[n] && (all[i].write_order <= entries[0].write_order ||
						  all[i].write_order >
						  entries[nentries - 1].write_order))
			continue;
		*nwrites += !moved[n];
		all[n++] = all[i];
	}
	if (*nwrites == 0)
		return writes;
	rusts_duplicates_compare(rel, schema, all, n, moved, later);
	*nwrites = 0;
	for (i = 0; i < n; i++)
	{
		if (later[i])
			writes[(*nwrites)++] = all[i].write_order;
	}
	return writes;
}

bool
rusts_write_overtaken(int64 low, int64 high, const int64 *writes,
					  uint32 nwrites)
{
	uint32		i;

	if (low == high)
		return false;
	for (i = 0; i < nwrites; i++)
	{
		if (writes[i] >= low && writes[i] <= high)
			return true;
	}
	return false;
}

