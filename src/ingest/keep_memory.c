/*-------------------------------------------------------------------------
 *
 * keep_memory.c
 *	  Let a session that sends large batches keep their memory in between.
 *
 * PostgreSQL reads a message into one allocation, which grows by doubling,
 * and copies the parameter into a second.  glibc takes large allocations from
 * mmap, or gives the end of the heap back to the system, as soon as they are
 * freed, whatever the session does next; its thresholds adapt, but not to
 * several such blocks at a time.  So each call begins by having all its pages
 * zeroed and mapped anew.  With 5,000 lines of 345 bytes that was 40 % of the
 * time of the whole call (see README.md).
 *
 * So once a session has sent a batch of some size, glibc is told to take
 * everything from the heap and to keep up to rusts.keep_memory of it.  A
 * batch too large for that restores what glibc would do.
 *
 * XXX When something small is allocated behind such a batch and stays, the
 * space before it is not returned to the system, but it is used again by the
 * session.
 *
 * src/ingest/keep_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "ingest/keep_memory.h"

/* Smaller batches come from memory that glibc keeps in any case. */
#define MIN_BATCH			(128 * 1024)

/* What glibc adapts its thresholds to, at most. */
#define ADAPTS_UNTIL		(32 * 1024 * 1024)
#define DEFAULT_MMAP_MAX	65536

int			rusts_keep_memory_kb = 256 * 1024;

void
rusts_keep_memory(size_t len)
{
#ifdef __GLIBC__
	static bool keeping = false;
	size_t		keep = (size_t) rusts_keep_memory_kb * 1024;
	bool		wanted;

	if (len < MIN_BATCH)
		return;

	wanted = len <= keep / 2;
	if (wanted == keeping)
		return;
	if (wanted)
	{
		(void) mallopt(M_MMAP_MAX, 0);
		(void) mallopt(M_TRIM_THRESHOLD, (int) keep);
	}
	else
	{
		(void) mallopt(M_MMAP_MAX, DEFAULT_MMAP_MAX);
		(void) mallopt(M_MMAP_THRESHOLD, ADAPTS_UNTIL);
		(void) mallopt(M_TRIM_THRESHOLD, 2 * ADAPTS_UNTIL);
		(void) malloc_trim(0);
	}
	keeping = wanted;
#endif
}
