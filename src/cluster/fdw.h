/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  Groups of shards that lie on other nodes, as foreign tables.
 *
 * The foreign data wrapper rusts_cluster reads as postgres_fdw does: it is
 * postgres_fdw, with its options and its user mappings.  What is inserted,
 * updated and deleted does not go to one server row by row, but into a write
 * buffer, and from there as images to all that hold the group (write/image.h).
 *
 * src/cluster/fdw.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FDW_H
#define RUSTS_FDW_H

#include "meta/everywhere.h"

#define RUSTS_FDW_NAME			"rusts_cluster"

#endif							/* RUSTS_FDW_H */
