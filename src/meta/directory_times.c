/*-------------------------------------------------------------------------
 *
 * directory_times.c
 *	  The times of a measurement as a whole, from the segment directory.
 *
 * src/meta/directory_times.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "meta/catalog.h"
#include "meta/directory.h"
#include "meta/directory_columns.h"
#include "meta/directory_times.h"

/* The index begins with storage_id, level, max_time: one probe a level. */
int64
rusts_directory_newest(int64 storage_id, Snapshot snapshot)
{
	Relation	directory = rusts_catalog_open("segment", AccessShareLock,
											   false);
	Relation	index = index_open(rusts_catalog_index("segment_time"),
								   AccessShareLock);
	int64		newest = RUSTS_NO_TIME;
	int16		level;

	for (level = RUSTS_LEVEL_ACTIVE; level <= RUSTS_LEVEL_COLD; level++)
	{
		ScanKeyData key[3];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key[0], Anum_storage_id, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(storage_id));
		ScanKeyInit(&key[1], Anum_level, BTEqualStrategyNumber, F_INT2EQ,
					Int16GetDatum(level));
		ScanKeyInit(&key[2], Anum_max_time, BTLessStrategyNumber,
					F_TIMESTAMPTZ_LT, TimestampTzGetDatum(DT_NOEND));
		scan = systable_beginscan_ordered(directory, index, snapshot, 3, key);
		tuple = systable_getnext_ordered(scan, BackwardScanDirection);
		if (HeapTupleIsValid(tuple))
		{
			bool		isnull;
			int64		time =
				DatumGetTimestampTz(heap_getattr(tuple, Anum_max_time,
												 RelationGetDescr(directory),
												 &isnull));

			if (!TIMESTAMP_NOT_FINITE(time) &&
				(newest == RUSTS_NO_TIME || time > newest))
				newest = time;
		}
		systable_endscan_ordered(scan);
	}
	index_close(index, AccessShareLock);
	table_close(directory, AccessShareLock);
	return newest;
}
