/*-------------------------------------------------------------------------
 *
 * write_role.h
 *	  As which role a statement writes.
 *
 * src/write/write_role.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_WRITE_ROLE_H
#define RUSTS_WRITE_ROLE_H

#include "nodes/plannodes.h"

/* Does it change a table by way of a view, and so as the view's owner? */
extern bool rusts_changes_views(const PlannedStmt *statement);

/*
 * The role as which a statement changes this table, or the one that it is a
 * part of: the owner of the view that it goes through, or the current user.
 */
extern Oid	rusts_writer_of(const PlannedStmt *statement, Oid relid);

#endif							/* RUSTS_WRITE_ROLE_H */
