/*-------------------------------------------------------------------------
 *
 * keep_memory.h
 *	  Let a session that sends large batches keep their memory in between.
 *
 * src/ingest/keep_memory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_KEEP_MEMORY_H
#define RUSTS_KEEP_MEMORY_H

/* rusts.keep_memory, in kB */
extern int	rusts_keep_memory_kb;

/* A call has len bytes of lines: more such calls may follow. */
extern void rusts_keep_memory(size_t len);

#endif							/* RUSTS_KEEP_MEMORY_H */
