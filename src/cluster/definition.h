/*-------------------------------------------------------------------------
 *
 * definition.h
 *	  What a measurement is, for nodes that were not there when it became so.
 *
 * src/cluster/definition.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DEFINITION_H
#define RUSTS_DEFINITION_H

#include "cluster/connection.h"

/*
 * Queue the command that gives a node's measurement what ours has and it has
 * not: columns, defaults, constraints, triggers, rules, comments, privileges,
 * row-level security, options.  The measurement is there already, and locked
 * here, so nobody drops any of it meanwhile.
 */
extern void rusts_definition_send(RustsConnection *conn, Oid measurement);

#endif							/* RUSTS_DEFINITION_H */
