/*-------------------------------------------------------------------------
 *
 * schema_change.h
 *	  Schema on write: what lines need is made before they are written.
 *
 * src/ingest/schema_change.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SCHEMA_CHANGE_H
#define RUSTS_SCHEMA_CHANGE_H

#include "ingest/ingest.h"

/*
 * Look at all lines from data on and enter what they need among the names of
 * their targets.  Returns whether anything is missing.
 */
extern bool rusts_schema_collect(RustsIngest *in, const char *data);

/*
 * Make what was collected, and lock all targets seen for writing.  No target
 * may be open.
 */
extern void rusts_schema_apply(RustsIngest *in);

#endif							/* RUSTS_SCHEMA_CHANGE_H */
