/*-------------------------------------------------------------------------
 *
 * page_write.h
 *	  Pages of segments on their way into the file.
 *
 * src/segment/page_write.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PAGE_WRITE_H
#define RUSTS_PAGE_WRITE_H

#include "access/xlogrecord.h"
#include "storage/block.h"
#include "utils/relcache.h"

/* As many as one WAL record takes. */
#define RUSTS_LOGGED_PAGES	XLR_MAX_BLOCK_ID

/* The number of blocks in the file. */
extern BlockNumber rusts_pages_end(Relation rel);

/*
 * Make the file longer by some pages, empty ones that are nobody's yet;
 * returns the first.
 */
extern BlockNumber rusts_pages_extend(Relation rel, uint64 npages);

/*
 * Write n pages, RUSTS_LOGGED_PAGES at most, to blocks that are nobody's and
 * log them.  What was there is not read, be it torn.
 */
extern void rusts_pages_write(Relation rel, BlockNumber first,
							  const char *pages, uint32 n);

#endif							/* RUSTS_PAGE_WRITE_H */
