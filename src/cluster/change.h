/*-------------------------------------------------------------------------
 *
 * change.h
 *	  Another configuration for a cluster that has measurements.
 *
 * On each node, what is there is compared with what a configuration wants: a
 * partition whose table has all rows of the wanted one is kept, and renamed
 * if need be; for others a table is staged, which is no partition yet.
 *
 *		stage	make the tables that the node lacks, empty
 *		copy	fill them from the partitions that there are
 *		switch	make them partitions, drop what is not wanted, and store
 *				the configuration
 *
 * Who writes is kept away from copy to switch, see change_apply.c.
 *
 * src/cluster/change.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHANGE_H
#define RUSTS_CHANGE_H

#include "cluster/config.h"
#include "cluster/connection.h"

/* The switch of this node, as SQL's rusts.cluster_switch(). */
extern void rusts_change_switch(const char *text);

/* As rusts.cluster_lock(). */
extern void rusts_change_lock(const char *what, int timeout_ms);

/*
 * As rusts.cluster_keep(): rows of partitions here are not moved to other
 * segments until the end of the transaction.
 */
extern void rusts_change_keep(void);

/*
 * As rusts.cluster_marks(): a line with the names of partitions here and row
 * numbers, then what differs when rows were changed or deleted.
 */
extern char *rusts_change_marks(void);

/*
 * Is this session switching?  What it does to partitions is this node's own
 * business, not to be done on others, too.
 */
extern bool rusts_change_running(void);

/*
 * Have all nodes of the new configuration, and those of the applied one that
 * are not in it any more, go over to it, as a part of the running
 * transaction.
 */
extern void rusts_change_apply(const RustsClusterConfig *old,
							   const RustsClusterConfig *config,
							   const char *text);

/* Do two configurations have the same groups, on the same nodes? */
extern bool rusts_change_moves(const RustsClusterConfig *old,
							   const RustsClusterConfig *config);

/* Is some node of the old one not in the new one any more? */
extern bool rusts_change_leaves(const RustsClusterConfig *old,
								const RustsClusterConfig *config);

/* What may not change is a fault. */
extern void rusts_change_check(const RustsClusterConfig *old,
							   const RustsClusterConfig *config,
							   RustsConfigFaults *faults);

#endif							/* RUSTS_CHANGE_H */
