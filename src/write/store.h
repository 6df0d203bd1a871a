/*-------------------------------------------------------------------------
 *
 * store.h
 *	  Store a builder's rows as segments of a measurement.
 *
 * src/write/store.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_STORE_H
#define RUSTS_STORE_H

#include "segment/writer.h"
#include "write/builder.h"

/* Above this much memory a builder's rows become hot segments at once. */
#define RUSTS_STORE_HOT_BYTES	(16 * 1024 * 1024)

/* A builder's owner stores its rows before it takes more than this. */
#define RUSTS_STORE_FULL_BYTES	(64 * 1024 * 1024)

/*
 * Store the rows of builder in rel as written by command cid.  The builder
 * keeps them; its owner resets it.
 *
 * Rows of a statement: first_row < 0.  Few rows become one level-0 batch,
 * many become hot segments, one per time partition.  If first_row >= 0 the
 * rows have got their TIDs already, first_row and so on in order of arrival,
 * and become one batch that remembers that order.
 *
 * ship: a statement has written these rows, so the cluster gets their images,
 * where rel is a part of one (image.h).  Of a foreign table nobody else does.
 */
extern void rusts_store_rows(Relation rel, RustsBuilder *builder,
							 CommandId cid, int64 first_row, bool ship);

/*
 * Give those who want images of rel (image.h) one of the rows of builder,
 * which command cid has deleted.  Nothing is stored.
 */
extern void rusts_store_deleted(Relation rel, RustsBuilder *builder,
								CommandId cid);

/*
 * Store an image whose columns are rel's and that has been checked
 * (image_check.h), as new rows.  key_columns as in RustsSegmentEntry.
 */
extern void rusts_store_encoded(Relation rel, RustsImage *image, uint32 nrows,
								uint64 key_columns, bool has_stats,
								CommandId cid);

/*
 * Store rows that other segments held so far: hot or cold segments, one per
 * time partition.  cold_table, if valid, is where cold ones go.
 */
extern void rusts_store_moved(Relation rel, RustsBuilder *builder,
							  int16 level, Oid cold_table, CommandId cid);

/*
 * Called for each level-0 batch that is stored; the workers want to know.
 */
typedef void (*RustsStoredHook) (int64 nrows, int64 bytes);

extern RustsStoredHook rusts_stored_hook;

#endif							/* RUSTS_STORE_H */
