/*-------------------------------------------------------------------------
 *
 * image.h
 *	  Images of rows on their way from one node of a cluster to others.
 *
 * A node that has encoded a batch sends the image; whoever gets it checks it
 * and stores the same bytes.  So points are encoded once, however many nodes
 * keep them.
 *
 * src/write/image.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_IMAGE_H
#define RUSTS_IMAGE_H

#include "catalog/pg_class.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "segment/writer.h"

/* What an image is of. */
typedef enum RustsImageKind
{
	RUSTS_IMAGE_WRITTEN,		/* rows that were written */
	RUSTS_IMAGE_DELETED			/* what identifies rows that were deleted */
} RustsImageKind;

/*
 * Does a cluster want what is written to this measurement?  Asked for each
 * batch, so it must be cheap.  NULL: there is no cluster.
 */
typedef bool (*RustsShipsHook) (Oid relid);

/*
 * Called with the image of each batch that a statement has written, once it
 * is stored, in the subtransaction that has stored it; or, if rel is a
 * foreign table, instead of that.  If the subtransaction is undone and the
 * statement goes on, its rows come again, in another image.  cid is the
 * command's, and writer the role that it has written them as.
 *
 * Rows that it has deleted, old versions of updated ones among them, come in
 * images of their own.  They are rows that were there before the command, so
 * they are to be deleted before any that it has written is stored, whatever
 * comes first here.  Where points written twice are one, these images have
 * only the columns that make a point what it is: tags, time and time_ns.
 *
 * The image is gone when the hook returns; what attribute numbers in it mean
 * rusts_image_columns(rel) tells.  Never called for rows that are moved
 * (flush, compaction, tiers, retention, rewrites by ALTER TABLE), or that
 * came as an image.
 */
typedef void (*RustsImageHook) (Relation rel, const RustsImage *image,
								uint32 nrows, RustsImageKind kind,
								CommandId cid, Oid writer);

extern RustsShipsHook rusts_ships_hook;
extern RustsImageHook rusts_image_hook;

/* The role that has written what is being stored; the buffers set it. */
extern Oid	rusts_image_writer;

/* Are rows of rel stored in this database?  A foreign table's are not. */
static inline bool
rusts_is_stored_here(Relation rel)
{
	return rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE;
}

/* Does anybody want images of rel? */
extern bool rusts_image_wanted(Relation rel);

/* Give an image to whoever wants images of rel. */
extern void rusts_image_ship(Relation rel, const RustsImage *image,
							 uint32 nrows, RustsImageKind kind,
							 CommandId cid);

/*
 * What the attribute numbers of rel's images mean to another node: a text[]
 * with a pair for each, the column's name and the OID of its type, or two
 * nulls where the column was dropped.
 */
extern ArrayType *rusts_image_columns(Relation rel);

/*
 * Can values of this type go from node to node as they are stored?  Only those
 * of built-in types of which any bytes can be told to be a value.
 */
extern bool rusts_type_travels(Oid typid);

/*
 * Check an image from another node and store its rows in rel; returns how
 * many.  columns is the other's rusts_image_columns, or names only.  The
 * caller has looked at privileges and locked rel.
 *
 * The image is not trusted: whatever does not make sense is an error, and
 * rows that rel's constraints or its partition's bounds refuse are, too.
 * Triggers do not fire: they have where the rows were written.
 */
extern int64 rusts_image_receive(Relation rel, ArrayType *columns,
								 struct varlena *image);

/*
 * Check an image of deleted rows from another node and append them to a
 * tuplestore, as rows of rel; returns how many.
 */
extern int64 rusts_image_read(Relation rel, ArrayType *columns,
							  struct varlena *image, Tuplestorestate *store);

#endif							/* RUSTS_IMAGE_H */
