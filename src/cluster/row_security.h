/*-------------------------------------------------------------------------
 *
 * row_security.h
 *	  Row-level security of a measurement holds for its parts.
 *
 * src/cluster/row_security.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ROW_SECURITY_H
#define RUSTS_ROW_SECURITY_H

/* Have a part, a table of this node, turn it on or off as its measurement. */
extern void rusts_row_security_follow(Oid measurement, Oid part);

/*
 * Error if it applies to this role: other nodes cannot tell whether
 * what he writes has been checked, and refuse it (store_image.h), but late in
 * Async.
 */
extern void rusts_row_security_check(Oid measurement, Oid role);

/* Set PostgreSQL's hooks; once, from _PG_init. */
extern void rusts_row_security_init(void);

#endif							/* RUSTS_ROW_SECURITY_H */
