/*-------------------------------------------------------------------------
 *
 * write_order.h
 *	  In which order the points of segments were written.
 *
 * src/write/write_order.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WRITE_ORDER_H
#define RUSTS_WRITE_ORDER_H

#include "utils/relcache.h"

#include "meta/directory.h"
#include "meta/schema.h"

/* For qsort of directory entries: by the order of writing. */
extern int	rusts_compare_orders(const void *a, const void *b);

/*
 * The orders, not sorted, of segments that have points of entries, sorted by
 * order, which were written before, and that are not among the entries: those
 * that are left where they are, and those of transactions that have not
 * committed yet.
 */
extern int64 *rusts_unmoved_writes(Relation rel, const RustsSchema *schema,
								   const RustsSegmentEntry *entries,
								   uint32 nentries, uint32 *nwrites);

/*
 * Would any of these writes be overtaken by what was written at low, if that
 * took the order of what was written at high?
 */
extern bool rusts_write_overtaken(int64 low, int64 high, const int64 *writes,
								  uint32 nwrites);

#endif							/* RUSTS_WRITE_ORDER_H */
