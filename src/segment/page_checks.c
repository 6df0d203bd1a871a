/*-------------------------------------------------------------------------
 *
 * page_checks.c
 *	  Which pages of segments in the buffers have passed their checksum.
 *
 * Pages of a segment never change, so while one stays in its buffer one check
 * does for all backends.  A process that has just been started, a parallel
 * worker above all, would otherwise spend a tenth of its time on checksums
 * that others have already compared.
 *
 * Shared memory holds eight bytes a buffer: the mark of the page that was
 * checked there last.  Readers and writers do not wait for each other: a mark
 * is one word, and whoever sets it has the page pinned.  Whoever reads a page
 * from disk checks it whatever its mark is, and clears the mark first: the
 * same page may have been in the same buffer before, and sound.
 *
 * XXX Somebody who finds the page in that buffer before the reader has cleared
 * the mark takes it for checked, and so does everybody after a reader that
 * does not know of marks, such as pg_prewarm.  The disk must have damaged the
 * page after it was checked, and without PostgreSQL's own checksums.
 *
 * src/segment/page_checks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "base/bits.h"
#include "segment/page_checks.h"

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static pg_atomic_uint64 *shared_marks = NULL;	/* [NBuffers] */
static uint64 *local_marks = NULL;	/* [NLocBuffer], of temporary relations */

static void request_shmem(void);
static void startup_shmem(void);

void
rusts_page_checks_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

static void
request_shmem(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(mul_size(NBuffers, sizeof(pg_atomic_uint64)));
}

static void
startup_shmem(void)
{
	bool		found;
	int			i;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared_marks = ShmemInitStruct("rusts checked pages",
								   mul_size(NBuffers,
											sizeof(pg_atomic_uint64)),
								   &found);
	for (i = 0; !found && i < NBuffers; i++)
		pg_atomic_init_u64(&shared_marks[i], 0);
	LWLockRelease(AddinShmemInitLock);
}

uint64
rusts_page_mark(int64 storage_id, int64 segment_id, uint32 index, uint32 crc)
{
	uint64		segment = rusts_mix_bits(rusts_mix_bits(storage_id) ^
										 segment_id);

	return rusts_mix_bits(segment ^ ((uint64) index << 32 | crc)) | 1;
}

bool
rusts_page_is_checked(Buffer buffer, uint64 mark)
{
	if (!BufferIsLocal(buffer))
		return pg_atomic_read_u64(&shared_marks[buffer - 1]) == mark;
	return local_marks != NULL && local_marks[-buffer - 1] == mark;
}

void
rusts_page_set_checked(Buffer buffer, uint64 mark)
{
	if (!BufferIsLocal(buffer))
	{
		pg_atomic_write_u64(&shared_marks[buffer - 1], mark);
		return;
	}
	if (local_marks == NULL)
		local_marks = MemoryContextAllocExtended(TopMemoryContext,
												 sizeof(uint64) * NLocBuffer,
												 MCXT_ALLOC_HUGE |
												 MCXT_ALLOC_ZERO);
	local_marks[-buffer - 1] = mark;
}

void
rusts_page_set_unchecked(Buffer buffer)
{
	if (!BufferIsLocal(buffer))
		pg_atomic_write_u64(&shared_marks[buffer - 1], 0);
	else if (local_marks != NULL)
		local_marks[-buffer - 1] = 0;
}
