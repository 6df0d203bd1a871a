/*-------------------------------------------------------------------------
 *
 * reader_internal.h
 *	  What the reader's files share.
 *
 * src/segment/reader_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_READER_INTERNAL_H
#define RUSTS_READER_INTERNAL_H

#include "base/varint.h"
#include "segment/reader.h"

/* No block of byte strings needs a larger arena. */
#define RUSTS_MAX_ARENA			((uint64) MaxAllocSize + 64 * 1024 * 1024)

/* A position in the parts that are parsed at opening. */
typedef struct RustsCursor
{
	const uint8 *pos;
	const uint8 *end;
} RustsCursor;

/*
 * Say that the segment is damaged.  Returns false for the caller to hand on,
 * if it returns at all.
 */
extern bool rusts_reader_report(RustsReader *reader, const char *detail);

/* Copy a part of an image that lies in pages; false if it is damaged. */
extern bool rusts_reader_image(RustsReader *reader, uint64 offset, size_t len,
							   uint8 *dst);

/* The next chunk of an array: n integers, none null; false if it is not. */
extern bool rusts_reader_ints(RustsReader *reader, RustsCursor *cursor,
							  uint32 n, int64 *values);

/* The next chunk of an array. */
static inline bool
rusts_next_chunk(RustsCursor *cursor, const uint8 **data, size_t *len)
{
	uint64		chunk_len;
	const uint8 *pos = rusts_get_varint(cursor->pos, cursor->end, &chunk_len);

	if (pos == NULL || chunk_len > (uint64) (cursor->end - pos))
		return false;
	*data = pos;
	*len = chunk_len;
	cursor->pos = pos + chunk_len;
	return true;
}

#endif							/* RUSTS_READER_INTERNAL_H */
