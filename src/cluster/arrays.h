/*-------------------------------------------------------------------------
 *
 * arrays.h
 *	  Lists and sets as SQL arrays.
 *
 * src/cluster/arrays.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ARRAYS_H
#define RUSTS_ARRAYS_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

/* int[] of a set of shards, ascending. */
extern ArrayType *rusts_shards_array(const Bitmapset *shards);

/* text[] of a list of strings. */
extern ArrayType *rusts_texts_array(const List *texts);

#endif							/* RUSTS_ARRAYS_H */
