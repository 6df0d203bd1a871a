/*-------------------------------------------------------------------------
 *
 * schema_push.h
 *	  Tell a node what measurements there are.
 *
 * src/cluster/schema_push.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SCHEMA_PUSH_H
#define RUSTS_SCHEMA_PUSH_H

#include "cluster/config.h"

/*
 * Have a node make all measurements of the cluster that this one knows, and
 * the columns that they lack there; what was made while it was away.  Each is
 * the owner's of here.  Waits by rusts.cluster_timeout for each; an error says
 * what the node did not make.
 */
extern void rusts_schema_push(const RustsClusterConfig *config, int node);

/* OIDs of all partitioned tables of the database. */
extern List *rusts_list_partitioned(void);

#endif							/* RUSTS_SCHEMA_PUSH_H */
