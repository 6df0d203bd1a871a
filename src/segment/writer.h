/*-------------------------------------------------------------------------
 *
 * writer.h
 *	  From sorted rows to the image of a segment.
 *
 * src/segment/writer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WRITER_H
#define RUSTS_WRITER_H

#include "segment/batch.h"

typedef struct RustsImage
{
	uint8	   *data;			/* VARHDRSZ spare bytes lie in front of it */
	uint64		len;
	uint64		raw_bytes;		/* size of the values */
	int64		min_time;		/* RUSTS_NO_TIME if there is none */
	int64		max_time;
	uint8	   *tag_filter;		/* NULL if there is none, see base/bloom.h */
	uint32		tag_filter_len;
} RustsImage;

/*
 * Encode a batch in the current memory context.  with_stats adds the
 * statistics per block that let queries skip blocks; small batches that will
 * be merged soon do without.
 */
extern void rusts_segment_encode(const RustsBatch *batch, RustsEffort effort,
								 bool with_stats, RustsImage *image);

/* Set image's filter of tag values, in cxt; wants tags and series only. */
extern void rusts_image_filter_tags(const RustsBatch *batch,
									MemoryContext cxt, RustsImage *image);

/* The image as a bytea, in place; NULL if it is too large for one. */
extern struct varlena *rusts_image_payload(RustsImage *image);

#endif							/* RUSTS_WRITER_H */
