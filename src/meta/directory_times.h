/*-------------------------------------------------------------------------
 *
 * directory_times.h
 *	  The times of a measurement as a whole, from the segment directory.
 *
 * src/meta/directory_times.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DIRECTORY_TIMES_H
#define RUSTS_DIRECTORY_TIMES_H

#include "utils/snapshot.h"

/*
 * The largest finite time that snapshot sees in a storage; RUSTS_NO_TIME if
 * there is none.  A batch that has an infinite time, too, does not count.
 */
extern int64 rusts_directory_newest(int64 storage_id, Snapshot snapshot);

#endif							/* RUSTS_DIRECTORY_TIMES_H */
