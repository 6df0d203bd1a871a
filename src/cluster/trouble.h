/*-------------------------------------------------------------------------
 *
 * trouble.h
 *	  What last went wrong with a node, for rusts_cluster_status().
 *
 * src/cluster/trouble.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TROUBLE_H
#define RUSTS_TROUBLE_H

/*
 * Note an error, or that all is well again (message is NULL), in a transaction
 * of its own.  Does not throw: what fails is logged.  For background workers.
 */
extern void rusts_trouble_note(const char *node_id, const char *message);

#endif							/* RUSTS_TROUBLE_H */
