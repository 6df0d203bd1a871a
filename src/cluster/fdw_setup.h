/*-------------------------------------------------------------------------
 *
 * fdw_setup.h
 *	  Find postgres_fdw, and make the foreign data wrapper rusts_cluster.
 *
 * src/cluster/fdw_setup.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_SETUP_H
#define RUSTS_FDW_SETUP_H

#include "foreign/fdwapi.h"

/* postgres_fdw's callbacks; an error if the extension is not installed. */
extern FdwRoutine *rusts_postgres_fdw_routine(void);

/*
 * Make the extension postgres_fdw and the wrapper where they are missing, for
 * a superuser.
 */
extern void rusts_fdw_prepare(void);

#endif							/* RUSTS_FDW_SETUP_H */
