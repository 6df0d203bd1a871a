/*-------------------------------------------------------------------------
 *
 * resync_parts.h
 *	  The parts that a node copies; for resync.c.
 *
 * src/cluster/resync_parts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_RESYNC_PARTS_H
#define RUSTS_RESYNC_PARTS_H

#include "nodes/pg_list.h"

#include "cluster/config.h"
#include "cluster/connection.h"

/* A part of a measurement that is here, and at another node. */
typedef struct RustsResyncPart
{
	Oid			relid;
	Oid			measurement;
	const char *name;			/* in schema rusts_shard, on all nodes */
	int			group;
	const char *columns;		/* of the other node, comma-separated */
	const char *definition;		/* the same with types */
} RustsResyncPart;

/* Those that have other placements, with columns unset; locks are held. */
extern List *rusts_resync_parts(const RustsClusterConfig *config);

/*
 * Set the columns by what the source of a group has; sources: node by group,
 * conns: by node.  Error if the source has other parts, or this node
 * lacks columns.
 */
extern void rusts_resync_compare(const RustsClusterConfig *config, List *parts,
								 const int *sources,
								 RustsConnection *const *conns);

/*
 * Connect to the sources: from then on until the end of the transaction what
 * they had at this moment is what is read.
 */
extern void rusts_resync_open(const RustsClusterConfig *config, List *parts,
							  const int *sources);

/* Replace the rows of the parts, and drop what open has made. */
extern void rusts_resync_copy(const RustsClusterConfig *config, List *parts,
							  const int *sources);

#endif							/* RUSTS_RESYNC_PARTS_H */
