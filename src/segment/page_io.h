/*-------------------------------------------------------------------------
 *
 * page_io.h
 *	  The main fork of a measurement: metapage and segment extents.
 *
 * src/segment/page_io.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PAGE_IO_H
#define RUSTS_PAGE_IO_H

#include "storage/block.h"
#include "utils/relcache.h"

#include "compat.h"

typedef struct RustsStorage
{
	int64		storage_id;
	int64		next_row;		/* next row number to give out */
	int64		rows;			/* rows written, about */
} RustsStorage;

/*
 * Make the forks of a new storage: the metapage, for an unlogged relation
 * the init fork as well.  The file is removed if the transaction aborts.
 */
extern void rusts_storage_create(const RelFileLocator *locator,
								 char persistence);

/*
 * Read the metapage.  storage_id is 0 for an unlogged relation that was reset
 * by a crash and not written since: it has no rows.
 */
extern void rusts_storage_read(Relation rel, RustsStorage *storage);

/*
 * The storage's id alone; for other sessions' temporary relations, too, where
 * it is 0 if a crash has taken their file.
 */
extern int64 rusts_storage_id(Relation rel);

/*
 * The same, but 0 with a warning where the metapage cannot be read: what is
 * damaged can be dropped and truncated, and does not spoil a view.
 */
extern int64 rusts_storage_id_if_readable(Relation rel);

/*
 * Reserve n row numbers; returns the first.  If expected >= 0 and the next
 * free number is another, nothing is reserved and -1 is returned.  new_rows is
 * added to the count of rows (0 when rows are only moved).
 *
 * An unlogged relation that was reset gets its new storage id here: call
 * this before rusts_storage_id when writing.
 */
extern int64 rusts_storage_reserve(Relation rel, int64 n, int64 expected,
								   int64 new_rows);

/*
 * Give back the numbers from first_unused on if none beyond end were given
 * out, and take their number off the count of rows.
 */
extern void rusts_storage_unreserve(Relation rel, int64 first_unused,
									int64 end);

/* Set the count of rows to what VACUUM or ANALYZE counted. */
extern void rusts_storage_set_rows(Relation rel, int64 rows);

/*
 * It is empty now, and has another id: what the directory still has of the
 * old one, until nobody may see it, does not count for the new one's file.
 */
extern void rusts_storage_renew(Relation rel);

/* Payload bytes of a segment page. */
extern uint32 rusts_page_payload(void);

/* The number of pages that a segment image of len bytes takes. */
extern uint64 rusts_extent_pages(uint64 len);

/*
 * Write a segment image of len bytes to the blocks from at on, which the
 * caller has got of rusts_free_space_take, or behind the end of the file
 * (InvalidBlockNumber).  Returns the first block.  All pages are logged then.
 */
extern BlockNumber rusts_extent_write(Relation rel, int64 storage_id,
									  int64 segment_id, const uint8 *image,
									  uint64 len, BlockNumber at);

/*
 * Copy a segment's extent to another place, got in the same way.  Returns
 * NULL, or what is wrong with *bad_block.
 */
extern const char *rusts_extent_copy(Relation rel, int64 storage_id,
									 int64 segment_id, BlockNumber from,
									 BlockNumber to, uint32 nblocks,
									 BlockNumber *bad_block);

/*
 * Copy len bytes from offset of a segment's image to dst.  Returns NULL, or
 * the static text of what is wrong with the page whose number is then in
 * *bad_block.  zero_damaged: a page that fails PostgreSQL's own checks is
 * reported that way, too, instead of by an error.  *in_file, if not NULL, says
 * that the file is known to be long enough, and is set when it is.
 */
extern const char *rusts_extent_read(Relation rel, int64 storage_id,
									 int64 segment_id, BlockNumber first_block,
									 uint32 nblocks, uint64 offset, size_t len,
									 uint8 *dst, bool zero_damaged,
									 bool *in_file,
									 BlockNumber *bad_block);

/*
 * Does this problem of rusts_extent_read mean that the segment was removed
 * while we were about to read it?  On a standby it can be.
 */
extern bool rusts_extent_is_gone(const char *problem);

#endif							/* RUSTS_PAGE_IO_H */
