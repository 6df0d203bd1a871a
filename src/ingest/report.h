/*-------------------------------------------------------------------------
 *
 * report.h
 *	  Lines that are not written: why, and how the caller hears of it.
 *
 * src/ingest/report.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_REPORT_H
#define RUSTS_REPORT_H

#include "ingest/ingest.h"

/* Make a fault in cxt; hint is static or NULL. */
extern RustsFault *rusts_fault_make(MemoryContext cxt, int sqlerrcode,
									const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);

/*
 * The line at line has this fault: raise it as an error or, when bad lines
 * are to be skipped, note it down.
 */
extern void rusts_report_line(RustsIngest *in, const RustsFault *fault,
							  uint64 lineno, const char *line,
							  size_t linelen);

/* The beginning of a line, as text of the server's encoding. */
extern const char *rusts_report_excerpt(RustsIngest *in, RustsBytes line);

/* Raise the warnings about skipped lines. */
extern void rusts_report_skipped(RustsIngest *in);

/* Forget the skipped lines, they will be met again. */
extern void rusts_report_restart(RustsIngest *in);

#endif							/* RUSTS_REPORT_H */
