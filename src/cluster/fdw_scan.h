/*-------------------------------------------------------------------------
 *
 * fdw_scan.h
 *	  Scans of other nodes that may not be there.
 *
 * src/cluster/fdw_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_SCAN_H
#define RUSTS_FDW_SCAN_H

#include "foreign/fdwapi.h"

/* Put our callbacks before postgres_fdw's, which routine has. */
extern void rusts_fdw_wrap_scans(FdwRoutine *routine);

#endif							/* RUSTS_FDW_SCAN_H */
