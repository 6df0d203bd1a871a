/*-------------------------------------------------------------------------
 *
 * cold.h
 *	  Cold segments in a tablespace of their own.
 *
 * src/meta/cold.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COLD_H
#define RUSTS_COLD_H

#include "utils/relcache.h"

/*
 * The table in which cold segments of a tablespace are, made if need be; the
 * caller has checked that the user may put something there.
 */
extern Oid	rusts_cold_table(Oid tablespace);

/*
 * Put an image into such a table, as written by command cid.  Returns the
 * TOAST pointer to it, palloc'd.
 */
extern struct varlena *rusts_cold_insert(Oid table, int64 storage_id,
										 int64 segment_id,
										 struct varlena *image,
										 CommandId cid);

/* Delete a segment's image. */
extern void rusts_cold_delete(Oid table, int64 storage_id, int64 segment_id);

/*
 * A TOAST pointer as plain bytes, which nobody mistakes for one and follows,
 * and back; palloc'd.  NULL if the bytes are none.
 */
extern struct varlena *rusts_cold_pointer_bytes(struct varlena *pointer);
extern struct varlena *rusts_cold_pointer(struct varlena *bytes);

#endif							/* RUSTS_COLD_H */
