/*-------------------------------------------------------------------------
 *
 * link.h
 *	  The connections that a session keeps, between link.c and connection.c.
 *
 * src/cluster/link.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINK_H
#define RUSTS_LINK_H

#include "lib/ilist.h"

#include "cluster/connection.h"

typedef struct RustsLink
{
	dlist_node	node;			/* of all links */
	MemoryContext link_cxt;		/* of this and its strings */
	RustsNodeAddress address;	/* without NULL for database and user */
	uint32		role_hash;		/* of the local role; 0: it does not matter */
	PGconn	   *pg;
	bool		ready;			/* connected, in pipeline mode */
	bool		in_use;
	bool		invalid;		/* not to be used again */
} RustsLink;

/* An idle link that is alive, or a new one that begins to connect; in use. */
extern RustsLink *rusts_link_get(const RustsNodeAddress *address,
								 const char *application_name);

/* It is connected: make it ready for commands; false: lost. */
extern bool rusts_link_make_ready(RustsLink *link);

/* Back to the idle ones if reusable, else closed.  Does not throw. */
extern void rusts_link_put(RustsLink *link, bool reusable);

/*
 * What libpq says of a failure, without addresses and where it found the
 * password; in the current memory context.  NULL: nothing.
 */
extern char *rusts_link_complaint(const RustsLink *link);

/* A text that may be in any encoding, as one of the database's. */
extern char *rusts_link_text(const char *text);

#endif							/* RUSTS_LINK_H */
