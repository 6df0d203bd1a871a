/*-------------------------------------------------------------------------
 *
 * accept.h
 *	  Make this database a node of a cluster.
 *
 * src/cluster/accept.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ACCEPT_H
#define RUSTS_ACCEPT_H

#include "cluster/config.h"

/*
 * Make this database the node of that name.  The text of the configuration is
 * in the server's encoding.  One that it does not name is a guest: it reads
 * and writes, and holds nothing.  For superusers.
 */
extern void rusts_accept(const char *text, const char *node_id);

/* This database is no node any more.  It has no foreign tables left. */
extern void rusts_accept_nothing(void);

/*
 * Is what placements of a group have in common really the same?  One foreign
 * server stands for all of them, with one database name and one way to
 * connect.  Others are faults with the line of a node.
 */
extern void rusts_accept_check(const RustsClusterConfig *config,
							   RustsConfigFaults *faults);

#endif							/* RUSTS_ACCEPT_H */
