/*-------------------------------------------------------------------------
 *
 * deleted_rows.h
 *	  What other nodes are told about rows that a statement has deleted.
 *
 * src/write/deleted_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DELETED_ROWS_H
#define RUSTS_DELETED_ROWS_H

#include "write/builder.h"
#include "write/deletes.h"

/*
 * Append to a builder what tells a row from others: tags, time and time_ns
 * where points written twice are one, else all columns.
 */
extern void rusts_deleted_row_put(RustsBuilder *builder,
								  TupleTableSlot *slot);

/*
 * Read rows of rel that command cid has deleted, which nobody moves meanwhile
 * (mover.h), and have them shipped.  builder is an empty one for rel.
 */
extern void rusts_deleted_rows_ship(Relation rel, const RustsDeletes *deletes,
									RustsBuilder *builder, CommandId cid);

#endif							/* RUSTS_DELETED_ROWS_H */
