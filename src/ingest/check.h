/*-------------------------------------------------------------------------
 *
 * check.h
 *	  Does a point fit its measurement, and what would the table need?
 *
 * src/ingest/check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHECK_H
#define RUSTS_CHECK_H

#include "ingest/ingest.h"

typedef enum RustsLineCheck
{
	RUSTS_LINE_KNOWN,			/* fits the table as it is */
	RUSTS_LINE_NEW,				/* fits after a schema change */
	RUSTS_LINE_BAD				/* cannot be written, in->fault tells why */
} RustsLineCheck;

/*
 * Check a point of target, which has been looked up.  With collect the
 * columns it needs are entered among the target's names.
 */
extern RustsLineCheck rusts_check_line(RustsIngest *in, RustsTarget *target,
									   const RustsLpPoint *point,
									   bool collect);

#endif							/* RUSTS_CHECK_H */
