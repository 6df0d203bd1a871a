/*-------------------------------------------------------------------------
 *
 * measurement.h
 *	  Measurements of a cluster: made and altered in this database.
 *
 * src/cluster/measurement.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CLUSTER_MEASUREMENT_H
#define RUSTS_CLUSTER_MEASUREMENT_H

#include "cluster/config.h"
#include "meta/schema.h"

/* A column that a measurement must have. */
typedef struct RustsClusterColumn
{
	char	   *name;
	RustsRole	role;
	Oid			type;			/* float8, int8, text, bool; of others than
								 * fields it follows from the role */
} RustsClusterColumn;

typedef struct RustsClusterMeasurement
{
	char	   *schema;
	char	   *name;
	int			ncolumns;
	RustsClusterColumn *columns;
	List	   *tags;			/* names of those that the shard depends on;
								 * NIL and made: none */
	bool		made;			/* it exists somewhere, tags is known */
} RustsClusterMeasurement;

/*
 * Make the measurement, or the columns that it lacks, in this database, as the
 * current user, whose it is then.  A column of another role or type
 * than wanted is an error, and so is a table of that name which is no
 * measurement of the cluster.  On return measurement->tags is what it has.
 */
extern void rusts_measurement_ensure(const RustsClusterConfig *config,
									 RustsClusterMeasurement *measurement);

/*
 * What nodes call a column of this role and type, see rusts.cluster_ensure;
 * NULL: nothing.
 */
extern const char *rusts_column_kind(const RustsClusterColumn *column);

/*
 * Name of the partition for a group, the same on all nodes: palloc'd.
 */
extern char *rusts_partition_name(const RustsClusterConfig *config,
								  const RustsShardGroup *group,
								  const char *schema, const char *measurement);


#endif							/* RUSTS_CLUSTER_MEASUREMENT_H */
