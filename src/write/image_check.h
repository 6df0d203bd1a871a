/*-------------------------------------------------------------------------
 *
 * image_check.h
 *	  What the receiver of an image finds out about it.
 *
 * src/write/image_check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_IMAGE_CHECK_H
#define RUSTS_IMAGE_CHECK_H

#include "segment/reader.h"
#include "segment/writer.h"
#include "write/image.h"

typedef struct RustsIncoming
{
	Relation	rel;
	const RustsSchema *schema;
	RustsReader *reader;		/* whose columns and tags have got rel's
								 * attribute numbers */
	bool		deleted;		/* rows to be deleted: of columns that do not
								 * identify them nothing is known */
	bool	   *present;		/* [schema->natts] is it in the image? */
	bool		as_is;			/* the bytes can be stored as they are: they
								 * are what rel's own writer might have made */
	bool		has_stats;
	uint64		key_columns;	/* see RustsSegmentEntry, if as_is */
	RustsImage	image;			/* and the rest of it, if as_is */
} RustsIncoming;

/*
 * image_columns.c: open an image and give its columns rel's attribute
 * numbers.  Errors: an image that cannot be read, a column that rel does not
 * have, or has with another type.
 */
extern void rusts_image_open(RustsIncoming *in, ArrayType *columns,
							 struct varlena *image);

/*
 * image_check.c: decode all of it.  Errors: values that are none of their
 * type, nulls that must not be.  Order, statistics and the like that are not
 * what they should be only clear as_is.
 */
extern void rusts_image_check(RustsIncoming *in);

/*
 * image_values.c: check the first n of a type's values that are integers, or
 * byte strings, or other values.
 */
extern void rusts_image_check_vector(RustsIncoming *in, AttrNumber attno,
									 const RustsVector *vector);
extern void rusts_image_check_bytes(RustsIncoming *in, AttrNumber attno,
									const RustsBytes *values, uint32 n);

/*
 * image_rows.c: check the constraints of rel and its partition's bounds, and
 * if the rows are not to be stored as they are, append them to a builder and
 * store that.
 */
extern void rusts_image_check_rows(RustsIncoming *in);
extern void rusts_image_store_rows(RustsIncoming *in);

/* Say that the image makes no sense. */
pg_noreturn extern void rusts_image_report(RustsIncoming *in,
										   const char *detail);

#endif							/* RUSTS_IMAGE_CHECK_H */
