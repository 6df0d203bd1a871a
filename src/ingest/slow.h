/*-------------------------------------------------------------------------
 *
 * slow.h
 *	  Points written through PostgreSQL's INSERT.
 *
 * src/ingest/slow.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SLOW_H
#define RUSTS_SLOW_H

#include "ingest/ingest.h"

extern RustsSlow *rusts_slow_create(RustsTarget *target);

/*
 * Add a point, all of whose names are columns, to the rows to insert.
 */
extern void rusts_slow_append(RustsIngest *in, RustsTarget *target,
							  const RustsLpPoint *point);

/* Insert the rows collected so far. */
extern void rusts_slow_flush(RustsIngest *in, RustsTarget *target);

/* Disconnect from SPI; after the last flush. */
extern void rusts_slow_end(RustsIngest *in);

#endif							/* RUSTS_SLOW_H */
