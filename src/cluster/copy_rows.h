/*-------------------------------------------------------------------------
 *
 * copy_rows.h
 *	  Rows that are copied as they are.
 *
 * src/cluster/copy_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COPY_ROWS_H
#define RUSTS_COPY_ROWS_H

#include "postgres_ext.h"

/*
 * Store what a query returns in a table of ours; how many rows that was.
 * Columns are known by name, and those that the query does not return are
 * null.  Constraints, triggers and generated columns count for nothing: the
 * rows were let in where they were written, and what the table's owner has put
 * in there must not run as the superuser who copies.
 */
extern int64 rusts_copy_rows(Oid relid, const char *query);

#endif							/* RUSTS_COPY_ROWS_H */
