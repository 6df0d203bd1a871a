/*-------------------------------------------------------------------------
 *
 * connection.h
 *	  Connections of a session to the other nodes of a cluster.
 *
 * A session keeps what it has connected to: one connection per address and
 * remote role, more only while one of them is in use.  Who wants to talk to a
 * node gets a RustsConnection, which is such a connection on loan, queues
 * commands for it, and then waits for several of them together:
 *
 *		for each node: c[i] = rusts_connection_get(...);
 *					   rusts_connection_send(c[i], ...); ...
 *		rusts_connection_wait(c, n, rusts_cluster_deadline());
 *		for each node: look at outcome and results
 *		for each node: rusts_connection_release(c[i]);
 *
 * Nothing here blocks but rusts_connection_wait, and that not beyond its
 * deadline, whatever the nodes do.  XXX The exception is the resolution of a
 * host's name, which libpq does by itself; addresses in numbers have none.
 *
 * What goes wrong at a node is no error here: it is an outcome, and whoever
 * asked decides.
 *
 * src/cluster/connection.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONNECTION_H
#define RUSTS_CONNECTION_H

#include "datatype/timestamp.h"
#include "libpq-fe.h"

typedef struct RustsNodeAddress
{
	const char *node_id;		/* for messages */
	const char *host;
	int			port;
	const char *dbname;			/* NULL: the current database's name */
	const char *user;			/* NULL: the current role's name */
	const char *passfile;		/* NULL: libpq's */
	const char *sslmode;		/* NULL: libpq's */
} RustsNodeAddress;

typedef enum RustsNodeOutcome
{
	RUSTS_NODE_OK,
	RUSTS_NODE_REFUSED,			/* it answered with an error */
	RUSTS_NODE_UNREACHABLE		/* not connected, lost, or too late: what was
								 * sent may have been done or not, or may be
								 * done later */
} RustsNodeOutcome;

/* Names the node, never its address or a password. */
typedef struct RustsNodeError
{
	int			sqlstate;
	const char *message;
	const char *remote_message; /* as the node has put it; NULL: it did not */
	const char *detail;			/* NULL: none, as the next */
	const char *hint;
} RustsNodeError;

typedef struct RustsConnection RustsConnection;

extern int	rusts_cluster_timeout;	/* ms */

/* Define the parameter; once, from _PG_init. */
extern void rusts_connection_init(void);

/* Now and rusts.cluster_timeout. */
extern TimestampTz rusts_cluster_deadline(void);

/*
 * A connection to a node, in the current memory context: it is released when
 * that is reset or deleted, at the latest.  An idle one is taken if it is
 * alive, else a new one begins to connect; the wait goes on with that.
 *
 * Looks into catalogs unless database and user are given.  Errors: no file
 * descriptors, no memory.
 */
extern RustsConnection *rusts_connection_get(const RustsNodeAddress *address,
											 const char *application_name);

/*
 * Queue a command, as for PQsendQueryParams; what the values point to must
 * stay until the wait is over.  All commands up to rusts_connection_sync, or
 * the wait, fail together with the first that does, and are a transaction
 * unless they say otherwise.
 *
 * The first command after a wait gives back the results of those before.
 * rusts_connection_command is for one without parameters.
 */
extern void rusts_connection_send(RustsConnection *conn, const char *sql,
								  int nparams, const Oid *types,
								  const char *const *values,
								  const int *lengths, const int *formats,
								  int result_format);
extern void rusts_connection_command(RustsConnection *conn, const char *sql);
extern void rusts_connection_sync(RustsConnection *conn);

/* How many commands there are since the last wait. */
extern int	rusts_connection_count(const RustsConnection *conn);

/*
 * Wait until each of them has all its answers or has failed, or the deadline
 * has passed, which fails what is not ready.  Where interrupts are held, as at
 * the end of a transaction, it does not end earlier.
 *
 * Errors: interrupts, no memory.  Connections that are not ready are then
 * closed, and have failed.
 */
extern void rusts_connection_wait(RustsConnection *const *conns, int nconns,
								  TimestampTz deadline);

/* Send what is queued, as far as that goes without waiting. */
extern void rusts_connection_start(RustsConnection *conn);

/* It is still to connect. */
extern bool rusts_connection_is_new(const RustsConnection *conn);

/*
 * It is readable when answers come; PGINVALID_SOCKET: there is something else
 * to be done first, or none.
 */
extern pgsocket rusts_connection_socket(const RustsConnection *conn);

extern RustsNodeOutcome rusts_connection_outcome(const RustsConnection *conn);

/* Of the first failure since the last wait; NULL if all went well. */
extern const RustsNodeError *rusts_connection_error(RustsConnection *conn);

/* Report it, with its SQLSTATE. */
extern void rusts_connection_report(RustsConnection *conn, int elevel);

/*
 * The answer to command number i since the last wait; NULL: it was not
 * reached.  It is the connection's, and goes with the next command or the
 * release.
 */
extern const PGresult *rusts_connection_result(const RustsConnection *conn,
											   int i);

/* Was the command number i given to the network, at least in part? */
extern bool rusts_connection_was_sent(const RustsConnection *conn, int i);

/*
 * Give it back with all its results, idle for the next, or closed if it is in
 * the middle of something.  Does not throw.
 */
extern void rusts_connection_release(RustsConnection *conn);

/* Close those of this session that are idle. */
extern void rusts_connections_close_all(void);

#endif							/* RUSTS_CONNECTION_H */
