/*-------------------------------------------------------------------------
 *
 * cluster_conditions.h
 *	  What conditions say about tags and time of a measurement.
 *
 * src/plan/cluster_conditions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PLAN_CLUSTER_CONDITIONS_H
#define RUSTS_PLAN_CLUSTER_CONDITIONS_H

#include "nodes/params.h"
#include "nodes/primnodes.h"

#include "cluster/shard.h"

/* A column that can have some values only. */
typedef struct RustsFixedColumn
{
	bool		fixed;
	List	   *values;			/* expressions without columns; a null Const
								 * for IS NULL */
	Var		   *var;			/* the column as the condition has it */
} RustsFixedColumn;

typedef struct RustsKeyConditions
{
	RustsFixedColumn *tags;		/* of the key */
	RustsFixedColumn time;
	int64		lower;			/* bounds of time, microseconds */
	int64		upper;
	int64		nspans;			/* between them, 0: unknown or too many */
} RustsKeyConditions;

/* Read conditions that hold together of relation rti. */
extern void rusts_read_key_conditions(List *conditions, Index rti,
									  const RustsShardKey *key,
									  ParamListInfo params,
									  RustsKeyConditions *result);

/* expr with columns as the conditions have them */
extern Node *rusts_key_columns(Node *expr,
							   const RustsKeyConditions *conditions);

#endif							/* RUSTS_PLAN_CLUSTER_CONDITIONS_H */
