/*-------------------------------------------------------------------------
 *
 * connection_parts.h
 *	  What connection.c and connection_wait.c share.
 *
 * src/cluster/connection_parts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONNECTION_PARTS_H
#define RUSTS_CONNECTION_PARTS_H

#include "utils/palloc.h"

#include "cluster/connection.h"
#include "cluster/link.h"

/* A command, or without SQL the end of a transaction. */
typedef struct RustsItem
{
	char	   *sql;
	int			nparams;
	Oid		   *types;
	const char **values;
	int		   *lengths;
	int		   *formats;
	int			result_format;
	PGresult   *result;
} RustsItem;

struct RustsConnection
{
	MemoryContextCallback callback;
	MemoryContext cxt;
	MemoryContext round_cxt;	/* since the last wait */
	RustsLink  *link;			/* NULL: closed or given back */
	char	   *node_id;
	PostgresPollingStatusType polling;	/* while it is not ready */
	RustsItem  *items;
	int			nitems;
	int			maxitems;
	int			nsent;
	int			nreceived;
	size_t		unflushed;		/* bytes that libpq may still have */
	bool		waited;			/* the next command begins a new round */
	uint32		events;			/* what is waited for */
	RustsNodeOutcome outcome;
	RustsNodeError error;
};

#endif							/* RUSTS_CONNECTION_PARTS_H */
