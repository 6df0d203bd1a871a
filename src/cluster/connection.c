/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  Commands for other nodes, and their answers.
 *
 * What is queued lies in round_cxt until the next round begins.  Results are
 * libpq's; they hang on the items, which are not in that context, because a
 * context that is deleted first deletes those below it and only then calls
 * back.
 *
 * src/cluster/connection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/connection_parts.h"
#include "compat.h"

int			rusts_cluster_timeout = 5000;

static void release_callback(void *arg);
static void forget_results(RustsConnection *conn);
static RustsItem *add_item(RustsConnection *conn);
static void *copy_array(const void *array, size_t size);

void
rusts_connection_init(void)
{
	DefineCustomIntVariable("rusts.cluster_timeout",
							"Longest time to wait for another node of the cluster.",
							"A node that takes longer counts as unreachable.",
							&rusts_cluster_timeout, 5000, 100,
							60 * 60 * 1000, PGC_SUSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

TimestampTz
rusts_cluster_deadline(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   rusts_cluster_timeout);
}

RustsConnection *
rusts_connection_get(const RustsNodeAddress *address,
					 const char *application_name)
{
	RustsConnection *conn = palloc0_object(RustsConnection);

	conn->cxt = CurrentMemoryContext;
	conn->round_cxt = AllocSetContextCreate(CurrentMemoryContext,
											"rusts connection",
											ALLOCSET_SMALL_SIZES);
	conn->node_id = pstrdup(address->node_id);
	conn->polling = PGRES_POLLING_WRITING;

	/* What can throw comes first. */
	conn->callback.func = release_callback;
	conn->callback.arg = conn;
	MemoryContextRegisterResetCallback(conn->cxt, &conn->callback);
	conn->link = rusts_link_get(address, application_name);
	return conn;
}

void
rusts_connection_send(RustsConnection *conn, const char *sql, int nparams,
					  const Oid *types, const char *const *values,
					  const int *lengths, const int *formats,
					  int result_format)
{
	RustsItem  *item = add_item(conn);
	MemoryContext old_cxt = MemoryContextSwitchTo(conn->round_cxt);

	item->nparams = nparams;
	item->types = copy_array(types, nparams * sizeof(Oid));
	item->values = copy_array(values, nparams * sizeof(char *));
	item->lengths = copy_array(lengths, nparams * sizeof(int));
	item->formats = copy_array(formats, nparams * sizeof(int));
	item->result_format = result_format;
	item->sql = pstrdup(sql);
	MemoryContextSwitchTo(old_cxt);
}

void
rusts_connection_command(RustsConnection *conn, const char *sql)
{
	rusts_connection_send(conn, sql, 0, NULL, NULL, NULL, NULL, 0);
}

void
rusts_connection_sync(RustsConnection *conn)
{
	(void) add_item(conn);
}

int
rusts_connection_count(const RustsConnection *conn)
{
	int			n = 0;
	int			item;

	for (item = 0; item < conn->nitems; item++)
		n += conn->items[item].sql != NULL;
	return n;
}

bool
rusts_connection_is_new(const RustsConnection *conn)
{
	return conn->link != NULL && !conn->link->ready;
}

pgsocket
rusts_connection_socket(const RustsConnection *conn)
{
	return conn->link == NULL || conn->nsent < conn->nitems ||
		conn->unflushed > 0 ? PGINVALID_SOCKET : PQsocket(conn->link->pg);
}

RustsNodeOutcome
rusts_connection_outcome(const RustsConnection *conn)
{
	return conn->outcome;
}

const RustsNodeError *
rusts_connection_error(RustsConnection *conn)
{
	return conn->outcome == RUSTS_NODE_OK ? NULL : &conn->error;
}

void
rusts_connection_report(RustsConnection *conn, int elevel)
{
	const RustsNodeError *error = rusts_connection_error(conn);

	if (error == NULL)
		return;
	ereport(elevel,
			(errcode(error->sqlstate),
			 errmsg_internal("%s", error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

const PGresult *
rusts_connection_result(const RustsConnection *conn, int i)
{
	int			item;

	for (item = 0; item < conn->nitems; item++)
	{
		if (conn->items[item].sql != NULL && i-- == 0)
			return conn->items[item].result;
	}
	return NULL;
}

bool
rusts_connection_was_sent(const RustsConnection *conn, int i)
{
	int			item;

	for (item = 0; item < conn->nsent; item++)
	{
		if (conn->items[item].sql != NULL && i-- == 0)
			return true;
	}
	return false;
}

void
rusts_connection_release(RustsConnection *conn)
{
	RustsLink  *link = conn->link;

	conn->link = NULL;
	if (link != NULL)
		rusts_link_put(link, conn->nsent == conn->nreceived);
	forget_results(conn);
	if (conn->round_cxt != NULL)
		MemoryContextDelete(conn->round_cxt);
	conn->round_cxt = NULL;
}

static void
release_callback(void *arg)
{
	RustsConnection *conn = arg;

	conn->round_cxt = NULL;		/* is deleted already */
	rusts_connection_release(conn);
}

static void
forget_results(RustsConnection *conn)
{
	int			i;

	for (i = 0; i < conn->nitems; i++)
		PQclear(conn->items[i].result);
	conn->nitems = conn->nsent = conn->nreceived = 0;
}

/* A new one, empty. */
static RustsItem *
add_item(RustsConnection *conn)
{
	if (conn->waited)
	{
		forget_results(conn);
		MemoryContextReset(conn->round_cxt);
		conn->waited = false;
		if (conn->outcome == RUSTS_NODE_REFUSED)
			conn->outcome = RUSTS_NODE_OK;
	}
	if (conn->nitems == conn->maxitems)
	{
		int			n = Max(8, conn->maxitems * 2);

		if (conn->items == NULL)
			conn->items = MemoryContextAlloc(conn->cxt,
											 n * sizeof(RustsItem));
		else
			conn->items = repalloc_huge(conn->items, n * sizeof(RustsItem));
		conn->maxitems = n;
	}
	memset(&conn->items[conn->nitems], 0, sizeof(RustsItem));
	return &conn->items[conn->nitems++];
}

static void *
copy_array(const void *array, size_t size)
{
	return array == NULL || size == 0 ? NULL :
		memcpy(palloc(size), array, size);
}
