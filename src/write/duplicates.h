/*-------------------------------------------------------------------------
 *
 * duplicates.h
 *	  Points that lie in several segments, as their readers see them.
 *
 * src/write/duplicates.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DUPLICATES_H
#define RUSTS_DUPLICATES_H

#include "access/tupdesc.h"
#include "utils/relcache.h"

#include "meta/directory.h"
#include "meta/schema.h"

/*
 * Where rel merges duplicates, make each point with a time from low to high,
 * both included, one row.  entries are those that snapshot sees and that may
 * have such times, by segment_id, as the directory has loaded them; schema
 * describes rows of desc.
 *
 * Rows of points that have several are marked as deleted, and segments of the
 * united rows, which exist in memory only, come after the other entries.  What
 * changes is made anew in the current memory context.  All backends make the
 * same segments of the same entries; only row numbers differ.
 */
extern void rusts_duplicates_resolve(Relation rel, TupleDesc desc,
									 const RustsSchema *schema,
									 Snapshot snapshot, int64 low, int64 high,
									 RustsSegmentEntry **entries,
									 uint32 *nentries);

/*
 * Which of some entries, by segment_id, that are not moved have a point in
 * common with one that is moved and was written before: sets later[i] for
 * them.  Deleted rows count as well.
 */
extern void rusts_duplicates_compare(Relation rel, const RustsSchema *schema,
									 RustsSegmentEntry *entries,
									 uint32 nentries, const bool *moved,
									 bool *later);

/*
 * The numbers of the rows that united row number row was made of, in the
 * order they were written in; false if there is no such row (any more).
 * *rows belongs to us.  Numbers are valid until the end of the transaction
 * they were given out in.
 */
extern bool rusts_duplicates_sources(int64 storage_id, int64 row,
									 const int64 **rows, uint32 *nrows);

#endif							/* RUSTS_DUPLICATES_H */
