/*-------------------------------------------------------------------------
 *
 * change_members.h
 *	  The nodes that go over to another configuration.
 *
 * src/cluster/change_members.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHANGE_MEMBERS_H
#define RUSTS_CHANGE_MEMBERS_H

#include "datatype/timestamp.h"

#include "cluster/config.h"
#include "cluster/connection.h"

/* A node of the old or the new configuration, or of both. */
typedef struct RustsMember
{
	const RustsClusterConfig *config;	/* that knows its address */
	int			node;			/* there */
	const char *id;
	bool		self;
	bool		joins;
	bool		leaves;
	int			participant;	/* of the attempt's transaction */
	RustsConnection *conn;		/* for what is not a part of it */
} RustsMember;

typedef struct RustsChange
{
	const RustsClusterConfig *old;
	const RustsClusterConfig *config;
	const char *text;
	int			nmembers;
	RustsMember	   *members;
	char	   *ids;			/* of all of them, as an array */
	bool		copies;			/* some table is staged */
	bool		marked;			/* they have views of new rows */
	const char **states;		/* of members, when they were marked */
	char	   *self_marks;
} RustsChange;

/*
 * Set members and ids, and connect to them, the new configuration's in its
 * order, then those who leave.  Who leaves need not be there, as long as
 * others have what it had.
 */
extern void rusts_members_connect(RustsChange *change);

/* Let those who join know the measurements. */
extern void rusts_members_invite(RustsChange *change);

/* Wait for what was sent to all of them; raise what went wrong. */
extern void rusts_members_wait(RustsChange *change, TimestampTz deadline);

#endif							/* RUSTS_CHANGE_MEMBERS_H */
