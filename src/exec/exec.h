/*-------------------------------------------------------------------------
 *
 * exec.h
 *	  The executor's side of rusts: settings, registration of nodes.
 *
 * src/exec/exec.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_EXEC_H
#define RUSTS_EXEC_H

extern bool rusts_enable_scan;
extern bool rusts_enable_agg;
extern bool rusts_enable_shortcuts;

/* Define the settings, make the nodes known; once, from _PG_init. */
extern void rusts_exec_init(void);

#endif							/* RUSTS_EXEC_H */
