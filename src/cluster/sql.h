/*-------------------------------------------------------------------------
 *
 * sql.h
 *	  Statements that the cluster runs in this database.
 *
 * src/cluster/sql.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CLUSTER_SQL_H
#define RUSTS_CLUSTER_SQL_H

#include "postgres_ext.h"

/*
 * Run a utility statement, or an INSERT, UPDATE, DELETE, as the current user;
 * how many rows it was about.  Names in it are qualified and quoted; only what
 * is in pg_catalog is found without a schema.
 */
extern int64 rusts_cluster_execute(const char *sql);

/* The same with a user's statement, and his search_path. */
extern int64 rusts_cluster_execute_as_is(const char *sql);

/* How many calls of these are we in? */
extern int	rusts_cluster_execute_depth(void);

/*
 * A SELECT's single value as text in the current context, NULL for null; names
 * are found as by rusts_cluster_execute.
 */
extern char *rusts_cluster_select(const char *sql);

/*
 * Have names found as by rusts_cluster_execute until AtEOXact_GUC of what is
 * returned.
 */
extern int	rusts_begin_safe_path(void);

/* Only superusers change the cluster: an error for others. */
extern void rusts_cluster_check_user(void);

/*
 * Act as the owner of the extension, a superuser, from begin to end: what a
 * user's statement needs done in schemas that are not his.  His search_path
 * does not count meanwhile, or his operators would run as the owner.  After an
 * error the transaction's end resets it.
 */
typedef struct RustsActAs
{
	Oid			userid;
	int			security_context;
	int			guc_level;
} RustsActAs;

extern void rusts_act_as_owner(RustsActAs *saved);
extern void rusts_act_as(Oid role, RustsActAs *saved);
extern void rusts_act_as_self(const RustsActAs *saved);

#endif							/* RUSTS_CLUSTER_SQL_H */
