/*-------------------------------------------------------------------------
 *
 * everywhere.h
 *	  Calls of functions that all nodes of a cluster have to carry out.
 *
 * src/meta/everywhere.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_EVERYWHERE_H
#define RUSTS_EVERYWHERE_H

#include "fmgr.h"
#include "nodes/pg_list.h"

/* Where the parts of a cluster's measurements are. */
#define RUSTS_SHARD_SCHEMA		"rusts_shard"

/*
 * Have all other nodes run a statement, as a part of the running transaction.
 * NULL: there is no cluster.
 */
typedef void (*RustsEverywhereHook) (const char *sql);
extern RustsEverywhereHook rusts_everywhere_hook;

/*
 * The SQL function that is being called is called with the same arguments on
 * all other nodes of the cluster, if there is one and it was not another node
 * that asked for it.
 */
extern void rusts_call_everywhere(FunctionCallInfo fcinfo);

/*
 * The tables in this database that a measurement's rows lie in, by OID:
 * itself, or partitions of it.  They are not locked.  *is_cluster: it is a
 * measurement of a cluster, and other nodes have others.
 */
extern List *rusts_local_tables(Oid relid, bool *is_cluster);

/* Is this table, or foreign table, a part of a measurement of a cluster? */
extern bool rusts_is_cluster_part(Oid relid);

/*
 * The measurement that people know a table as: itself, or of what it is a
 * part.
 */
extern Oid	rusts_measurement_of(Oid relid);

#endif							/* RUSTS_EVERYWHERE_H */
