/*-------------------------------------------------------------------------
 *
 * page_checks.h
 *	  Which pages of segments in the buffers have passed their checksum.
 *
 * src/segment/page_checks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PAGE_CHECKS_H
#define RUSTS_PAGE_CHECKS_H

#include "storage/buf.h"

extern void rusts_page_checks_init(void);

/*
 * What a pinned buffer holds: the page of that number of that segment, with
 * that checksum.
 */
extern uint64 rusts_page_mark(int64 storage_id, int64 segment_id,
							  uint32 index, uint32 crc);

/* Was the page with this mark found to be sound in this buffer? */
extern bool rusts_page_is_checked(Buffer buffer, uint64 mark);

extern void rusts_page_set_checked(Buffer buffer, uint64 mark);

/* Whoever reads a page from disk forgets what was in the buffer before. */
extern void rusts_page_set_unchecked(Buffer buffer);

#endif							/* RUSTS_PAGE_CHECKS_H */
