/*-------------------------------------------------------------------------
 *
 * connection_wait.c
 *	  The wait for several nodes at once.
 *
 * Commands go out in libpq's pipeline mode, as many at a time as the network
 * takes: libpq copies what it is given, so it is given the next command only
 * when little is left of the last, and a hundred images of a megabyte do not
 * lie in memory a second time.  Sending and reading take turns, so that two
 * sides which both have much to say do not wait for each other.
 *
 * When the wait ends early, by an interrupt or the deadline, the connections
 * that are not ready are closed.  There is no cancel request: it would have to
 * wait for a node that does not answer.  The other side looks every second
 * whether we are still there (client_connection_check_interval).
 *
 * src/cluster/connection_wait.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/connection_parts.h"
#include "compat.h"

/* Give libpq more when it has less than that to send. */
#define SEND_BYTES	(64 * 1024)

/*
 * The sockets that are waited for, as long as they stay the same.  It is
 * allocated: what is in a register is not what it was, after an error.
 */
typedef struct RustsWaitSet
{
	WaitEventSet *set;
	int			nconns;
	RustsConnection **conns;
	uint32	   *events;
	bool		latch_was_set;
} RustsWaitSet;

static void wait_for_all(RustsConnection *const *conns, int nconns,
						 TimestampTz deadline, RustsWaitSet *wait_set);
static void make_progress(RustsConnection *conn, uint32 events);
static bool go_on_connecting(RustsConnection *conn, uint32 events);
static bool read_input(RustsConnection *conn);
static bool send_items(RustsConnection *conn);
static bool send_item(RustsConnection *conn, RustsItem *item);
static bool receive_results(RustsConnection *conn);
static bool take_result(RustsConnection *conn, RustsItem *item,
						PGresult *result);
static bool is_pending(const RustsConnection *conn);
static void wait_for_events(RustsWaitSet *wait_set,
							RustsConnection *const *conns, int nconns,
							TimestampTz deadline);
static void build_wait_set(RustsWaitSet *wait_set,
						   RustsConnection *const *conns, int nconns);
static void free_wait_set(RustsWaitSet *wait_set);
static void fail_late(RustsConnection *conn);
static void fail_lost(RustsConnection *conn, const PGresult *result);
static char *last_words(const PGresult *result);
static void fail(RustsConnection *conn, int sqlstate, char *message,
				 char *detail);
static void note_error(RustsConnection *conn, const PGresult *result);

void
rusts_connection_wait(RustsConnection *const *conns, int nconns,
					  TimestampTz deadline)
{
	RustsWaitSet *wait_set = palloc0_object(RustsWaitSet);
	int			i;

	PG_TRY();
	{
		wait_for_all(conns, nconns, deadline, wait_set);
	}
	PG_CATCH();
	{
		free_wait_set(wait_set);
		for (i = 0; i < nconns; i++)
		{
			if (is_pending(conns[i]))
				fail(conns[i], ERRCODE_QUERY_CANCELED, NULL, NULL);
			conns[i]->waited = true;
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	free_wait_set(wait_set);
	for (i = 0; i < nconns; i++)
		conns[i]->waited = true;
}

void
rusts_connection_start(RustsConnection *conn)
{
	if (conn->nitems > 0 && conn->items[conn->nitems - 1].sql != NULL)
		rusts_connection_sync(conn);
	make_progress(conn, 0);
}

static void
wait_for_all(RustsConnection *const *conns, int nconns, TimestampTz deadline,
			 RustsWaitSet *wait_set)
{
	int			i;

	for (i = 0; i < nconns; i++)
		rusts_connection_start(conns[i]);
	for (;;)
	{
		bool		pending = false;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < nconns; i++)
			pending |= is_pending(conns[i]);
		if (!pending)
			return;
		if (GetCurrentTimestamp() >= deadline)
		{
			for (i = 0; i < nconns; i++)
			{
				if (is_pending(conns[i]))
					fail_late(conns[i]);
			}
			return;
		}
		wait_for_events(wait_set, conns, nconns, deadline);
	}
}

/* Do what can be done without waiting. */
static void
make_progress(RustsConnection *conn, uint32 events)
{
	if (!is_pending(conn) || !go_on_connecting(conn, events))
		return;
	if ((events & WL_SOCKET_READABLE) != 0 && !read_input(conn))
		return;

	/* What is answered makes room; what is sent now is not answered yet. */
	if (receive_results(conn) && is_pending(conn))
		(void) send_items(conn);
}

/* True if it is connected.  PQconnectPoll wants to be called when told. */
static bool
go_on_connecting(RustsConnection *conn, uint32 events)
{
	if (conn->link->ready)
		return true;
	if (events != 0)
		conn->polling = PQconnectPoll(conn->link->pg);
	if (PQstatus(conn->link->pg) == CONNECTION_BAD ||
		conn->polling == PGRES_POLLING_FAILED)
	{
		fail_lost(conn, NULL);
		return false;
	}
	if (conn->polling == PGRES_POLLING_OK)
	{
		if (rusts_link_make_ready(conn->link))
			return true;
		fail_lost(conn, NULL);
		return false;
	}
	conn->events = conn->polling == PGRES_POLLING_READING ?
		WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;
	return false;
}

static bool
read_input(RustsConnection *conn)
{
	PGconn	   *pg = conn->link->pg;
	bool		alive = PQconsumeInput(pg) != 0;

	/*
	 * A record of TLS may not have fit into libpq's buffer, and the socket
	 * knows nothing of the rest; the second time there is room for it.
	 */
	if (alive && PQsslInUse(pg))
		alive = PQconsumeInput(pg) != 0;
	if (alive)
		return true;

	/* An answer, perhaps why it ends, may have come before the end. */
	if (receive_results(conn) && is_pending(conn))
		fail_lost(conn, NULL);
	return false;
}

/* Give libpq what it can send; false: lost. */
static bool
send_items(RustsConnection *conn)
{
	conn->events = WL_SOCKET_READABLE;
	for (;;)
	{
		int			flushed;

		while (conn->nsent < conn->nitems && conn->unflushed < SEND_BYTES)
		{
			if (!send_item(conn, &conn->items[conn->nsent]))
			{
				fail_lost(conn, NULL);
				return false;
			}
			conn->nsent++;
		}
		if (conn->unflushed == 0)
			return true;
		flushed = PQflush(conn->link->pg);
		if (flushed < 0)
		{
			fail_lost(conn, NULL);
			return false;
		}
		if (flushed > 0)
		{
			conn->events |= WL_SOCKET_WRITEABLE;
			return true;
		}
		conn->unflushed = 0;
	}
}

static bool
send_item(RustsConnection *conn, RustsItem *item)
{
	PGconn	   *pg = conn->link->pg;
	int			i;

	conn->unflushed++;
	if (item->sql == NULL)
		return PQpipelineSync(pg) == 1;
	conn->unflushed += strlen(item->sql);
	for (i = 0; i < item->nparams; i++)
	{
		if (item->values[i] != NULL)
			conn->unflushed += item->formats != NULL && item->formats[i] ?
				item->lengths[i] : strlen(item->values[i]);
	}
	return PQsendQueryParams(pg, item->sql, item->nparams, item->types,
							 item->values, item->lengths, item->formats,
							 item->result_format) == 1;
}

/*
 * Take the answers that are there; false: the connection is lost.  Each
 * command has one, and a null after it; the end of a transaction has one.
 */
static bool
receive_results(RustsConnection *conn)
{
	PGconn	   *pg = conn->link->pg;

	while (conn->nreceived < conn->nsent && !PQisBusy(pg))
	{
		RustsItem  *item = &conn->items[conn->nreceived];
		PGresult   *result = PQgetResult(pg);

		if (result != NULL)
		{
			if (!take_result(conn, item, result))
				return false;
		}
		else if (item->sql != NULL && PQstatus(pg) == CONNECTION_OK)
			conn->nreceived++;
		else
		{
			fail_lost(conn, NULL);
			return false;
		}
	}
	return true;
}

/* False: it says that the connection is lost, or of no more use. */
static bool
take_result(RustsConnection *conn, RustsItem *item, PGresult *result)
{
	const char *severity;

	switch (PQresultStatus(result))
	{
		case PGRES_PIPELINE_SYNC:
			PQclear(result);
			conn->nreceived++;
			return true;
		case PGRES_PIPELINE_ABORTED:
			PQclear(result);
			return true;
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_EMPTY_QUERY:
			item->result = result;
			return true;
		case PGRES_FATAL_ERROR:
			item->result = result;
			severity = PQresultErrorField(result,
										  PG_DIAG_SEVERITY_NONLOCALIZED);
			if (severity != NULL && strcmp(severity, "ERROR") == 0)
			{
				if (conn->outcome == RUSTS_NODE_OK)
					note_error(conn, result);
				return true;
			}
			fail_lost(conn, result);
			return false;
		default:
			PQclear(result);
			fail(conn, ERRCODE_PROTOCOL_VIOLATION,
				 psprintf("node \"%s\": unexpected answer", conn->node_id),
				 NULL);
			return false;
	}
}

static bool
is_pending(const RustsConnection *conn)
{
	return conn->link != NULL && conn->nreceived < conn->nitems;
}

static void
wait_for_events(RustsWaitSet *wait_set, RustsConnection *const *conns,
				int nconns, TimestampTz deadline)
{
	WaitEvent	occurred[16];
	int			noccurred;
	long		timeout;
	int			i;

	build_wait_set(wait_set, conns, nconns);
	timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

	/* Before 16 it may be more, and DT_NOEND is. */
	timeout = Min(timeout, INT_MAX);
	noccurred = WaitEventSetWait(wait_set->set, timeout, occurred,
								 lengthof(occurred), PG_WAIT_EXTENSION);
	for (i = 0; i < noccurred; i++)
	{
		if ((occurred[i].events & WL_LATCH_SET) != 0)
		{
			wait_set->latch_was_set = true;
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		else if (occurred[i].user_data != NULL)
			make_progress(occurred[i].user_data, occurred[i].events);
	}
}

/*
 * A set of the sockets of those that are not ready.  The one of the last time
 * serves again if nothing has changed; while somebody connects, something may
 * have without showing, as the number of a closed socket may be used again.
 */
static void
build_wait_set(RustsWaitSet *wait_set, RustsConnection *const *conns,
			   int nconns)
{
	bool		same = wait_set->set != NULL;
	int			n = 0;
	int			i;

	if (wait_set->conns == NULL)
	{
		wait_set->conns = palloc_array(RustsConnection *, nconns);
		wait_set->events = palloc0_array(uint32, nconns);
	}
	for (i = 0; i < nconns; i++)
	{
		RustsConnection *conn = conns[i];

		if (!is_pending(conn))
			continue;
		same = same && conn->link->ready && n < wait_set->nconns &&
			wait_set->conns[n] == conn && wait_set->events[n] == conn->events;
		wait_set->conns[n] = conn;
		wait_set->events[n++] = conn->events;
	}
	if (same && n == wait_set->nconns)
		return;

	wait_set->nconns = n;
	if (wait_set->set != NULL)
		FreeWaitEventSet(wait_set->set);
	wait_set->set = NULL;
	wait_set->set = rusts_create_wait_set(n + 2);
	AddWaitEventToSet(wait_set->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch,
					  NULL);
	AddWaitEventToSet(wait_set->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	for (i = 0; i < n; i++)
		AddWaitEventToSet(wait_set->set, wait_set->events[i],
						  PQsocket(wait_set->conns[i]->link->pg), NULL,
						  wait_set->conns[i]);
}

/* Whoever set our latch in the meantime may have meant somebody else. */
static void
free_wait_set(RustsWaitSet *wait_set)
{
	if (wait_set->set != NULL)
		FreeWaitEventSet(wait_set->set);
	if (wait_set->latch_was_set)
		SetLatch(MyLatch);
	if (wait_set->conns != NULL)
		pfree(wait_set->conns);
	if (wait_set->events != NULL)
		pfree(wait_set->events);
	pfree(wait_set);
}

static void
fail_late(RustsConnection *conn)
{
	fail(conn, ERRCODE_CONNECTION_FAILURE,
		 psprintf(conn->link->ready ? "node \"%s\" did not answer in time" :
				  "could not connect to node \"%s\" in time", conn->node_id),
		 NULL);
}

/* The result, if there is one, may say why. */
static void
fail_lost(RustsConnection *conn, const PGresult *result)
{
	bool		ready = conn->link->ready;
	char	   *detail = last_words(result);

	if (detail == NULL)
		detail = rusts_link_complaint(conn->link);
	fail(conn,
		 ready ? ERRCODE_CONNECTION_FAILURE :
		 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
		 psprintf(ready ? "connection to node \"%s\" was lost" :
				  "could not connect to node \"%s\"", conn->node_id),
		 detail);
}

/* What a server says that ends, without what libpq adds. */
static char *
last_words(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (severity == NULL || message == NULL)
		return NULL;
	return rusts_link_text(psprintf("%s:  %s", severity, message));
}

/* It is unreachable: close it.  The strings may be in any context. */
static void
fail(RustsConnection *conn, int sqlstate, char *message, char *detail)
{
	RustsLink  *link = conn->link;

	conn->link = NULL;
	conn->outcome = RUSTS_NODE_UNREACHABLE;
	memset(&conn->error, 0, sizeof(conn->error));
	conn->error.sqlstate = sqlstate;
	rusts_link_put(link, false);

	conn->error.message = message == NULL ? "the wait was interrupted" :
		MemoryContextStrdup(conn->cxt, message);
	if (detail != NULL)
		conn->error.detail = MemoryContextStrdup(conn->cxt, detail);
}

static void
note_error(RustsConnection *conn, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	RustsNodeError *error = &conn->error;
	MemoryContext old_cxt = MemoryContextSwitchTo(conn->cxt);

	conn->outcome = RUSTS_NODE_REFUSED;
	memset(error, 0, sizeof(*error));
	error->sqlstate = ERRCODE_CONNECTION_FAILURE;
	if (sqlstate != NULL && strlen(sqlstate) == 5)
		error->sqlstate = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
										sqlstate[3], sqlstate[4]);
	error->remote_message = rusts_link_text(message ? message : "error");
	error->message = psprintf("node \"%s\": %s", conn->node_id,
							  error->remote_message);
	error->detail = detail ? rusts_link_text(detail) : NULL;
	error->hint = hint ? rusts_link_text(hint) : NULL;
	MemoryContextSwitchTo(old_cxt);
}
