/*-------------------------------------------------------------------------
 *
 * page_write.c
 *	  Pages of segments on their way into the file.
 *
 * Pages are logged as full images, several in a record, as log_newpage_range
 * does it, but in the moment they are written: an image that gets to the disk
 * has its record there before, and a crash leaves no torn page.
 *
 * src/segment/page_write.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "segment/page_write.h"

BlockNumber
rusts_pages_end(Relation rel)
{
	return RelationGetNumberOfBlocks(rel);
}

BlockNumber
rusts_pages_extend(Relation rel, uint64 npages)
{
	BlockNumber first = InvalidBlockNumber;
	uint64		i;

	if (npages >= MaxBlockNumber ||
		npages >= MaxBlockNumber - RelationGetNumberOfBlocks(rel))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot extend measurement \"%s\" beyond %u blocks",
						RelationGetRelationName(rel), MaxBlockNumber)));

	LockRelationForExtension(rel, ExclusiveLock);
	for (i = 0; i < npages; i++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, P_NEW, RBM_NORMAL,
									NULL);
		if (i == 0)
			first = BufferGetBlockNumber(buffer);
		Assert(BufferGetBlockNumber(buffer) == first + i);
		ReleaseBuffer(buffer);
	}
	UnlockRelationForExtension(rel, ExclusiveLock);
	return first;
}

void
rusts_pages_write(Relation rel, BlockNumber first, const char *pages, uint32 n)
{
	Buffer		buffers[RUSTS_LOGGED_PAGES];
	uint32		i;

	if (RelationNeedsWAL(rel))
		XLogEnsureRecordSpace(RUSTS_LOGGED_PAGES - 1, 0);
	for (i = 0; i < n; i++)
		buffers[i] = ReadBufferExtended(rel, MAIN_FORKNUM, first + i,
										RBM_ZERO_AND_LOCK, NULL);

	START_CRIT_SECTION();
	for (i = 0; i < n; i++)
	{
		memcpy(BufferGetPage(buffers[i]), pages + i * BLCKSZ, BLCKSZ);
		MarkBufferDirty(buffers[i]);
	}
	if (RelationNeedsWAL(rel))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		for (i = 0; i < n; i++)
			XLogRegisterBuffer(i, buffers[i],
							   REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
		lsn = XLogInsert(RM_XLOG_ID, XLOG_FPI);
		for (i = 0; i < n; i++)
			PageSetLSN(BufferGetPage(buffers[i]), lsn);
	}
	END_CRIT_SECTION();
	for (i = 0; i < n; i++)
		UnlockReleaseBuffer(buffers[i]);
}
