/*-------------------------------------------------------------------------
 *
 * link.c
 *	  The connections that a session keeps.
 *
 * A link is known by everything that makes a connection: address, database,
 * role, the ways of authentication.  An address that has changed is another
 * link, and the old one is closed when it is met.  The remote session acts for
 * a role by its OID there, so a link of a role that was renamed here, by
 * whatever way, is not used again.
 *
 * Whoever takes an idle link looks first whether anything has come from the
 * other side.  On a connection on which nothing is under way that is hardly
 * ever anything but the end: the server was stopped, perhaps started again.
 *
 * src/cluster/link.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <poll.h>

#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "cluster/link.h"

/* How often an idle connection may have something to read before it is. */
#define MAX_IDLE_READS	10

static dlist_head links = DLIST_STATIC_INIT(links);

static char *without_host(char *text, const char *host);
static RustsLink *find_idle(const RustsNodeAddress *address);
static bool same_string(const char *a, const char *b);
static bool same_address(const RustsNodeAddress *a, const RustsNodeAddress *b);
static bool is_alive(RustsLink *link);
static RustsLink *make_link(const RustsNodeAddress *address, uint32 role_hash);
static void start_connecting(RustsLink *link, const char *application_name);
static char *session_options(void);
static void ignore_notice(void *arg, const PGresult *result);
static void close_link(RustsLink *link);
static void watch_roles(void);
static void role_changed(Datum arg, int cache, uint32 hash);
static void close_at_exit(int code, Datum arg);

RustsLink *
rusts_link_get(const RustsNodeAddress *address, const char *application_name)
{
	RustsNodeAddress full = *address;
	uint32		role_hash = 0;
	RustsLink  *link;

	if (full.user == NULL)
	{
		full.user = GetUserNameFromId(GetUserId(), false);
		role_hash = GetSysCacheHashValue1(AUTHOID,
										  ObjectIdGetDatum(GetUserId()));
	}
	if (full.dbname == NULL)
		full.dbname = get_database_name(MyDatabaseId);

	watch_roles();
	link = find_idle(&full);
	if (link == NULL)
	{
		link = make_link(&full, role_hash);
		start_connecting(link, application_name);
	}
	link->in_use = true;
	return link;
}

bool
rusts_link_make_ready(RustsLink *link)
{
	link->ready = PQsetnonblocking(link->pg, 1) == 0 &&
		PQenterPipelineMode(link->pg) == 1;
	return link->ready;
}

void
rusts_link_put(RustsLink *link, bool reusable)
{
	dlist_iter	iter;

	if (!reusable || link->invalid || !link->ready ||
		PQstatus(link->pg) != CONNECTION_OK ||
		PQtransactionStatus(link->pg) != PQTRANS_IDLE)
	{
		close_link(link);
		return;
	}

	/* Two were needed at once; one is enough to keep. */
	dlist_foreach(iter, &links)
	{
		RustsLink  *other = dlist_container(RustsLink, node, iter.cur);

		if (!other->in_use && same_address(&other->address, &link->address))
		{
			close_link(link);
			return;
		}
	}
	link->in_use = false;
}

void
rusts_connections_close_all(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &links)
	{
		RustsLink  *link = dlist_container(RustsLink, node, iter.cur);

		if (!link->in_use)
			close_link(link);
	}
}

/*
 * libpq writes 'connection to server at "host" (address), port n failed: ',
 * then what happened, then perhaps from which file the password was, and all
 * that for each address that the host has.  What happened last is enough; it
 * may have the host in it, too.
 */
char *
rusts_link_complaint(const RustsLink *link)
{
	static const char attempt[] = "connection to server ";
	static const char failed[] = " failed: ";
	char	   *text = rusts_link_text(PQerrorMessage(link->pg));
	char	   *last = text;
	char	   *next;
	char	   *end;

	while ((next = strstr(last, attempt)) != NULL)
		last = next + strlen(attempt);
	if (last != text && (next = strstr(last, failed)) != NULL)
		last = next + strlen(failed);
	end = strchr(last, '\n');
	if (end != NULL)
		*end = '\0';
	return *last == '\0' ? NULL : without_host(last, link->address.host);
}

static char *
without_host(char *text, const char *host)
{
	size_t		len = strlen(host);
	StringInfoData result;
	char	   *next;

	if (len == 0 || strstr(text, host) == NULL)
		return text;
	initStringInfo(&result);
	while ((next = strstr(text, host)) != NULL)
	{
		appendBinaryStringInfo(&result, text, next - text);
		appendStringInfoString(&result, "...");
		text = next + len;
	}
	appendStringInfoString(&result, text);
	return result.data;
}

char *
rusts_link_text(const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *p;

	if (pg_verifymbstr(copy, strlen(copy), true))
		return copy;
	for (p = copy; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return copy;
}

/* Closes the idle ones that are of no use any more on its way. */
static RustsLink *
find_idle(const RustsNodeAddress *address)
{
	RustsLink  *found = NULL;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &links)
	{
		RustsLink  *link = dlist_container(RustsLink, node, iter.cur);
		const RustsNodeAddress *had = &link->address;
		bool		same = same_address(had, address);

		if (link->in_use)
			continue;
		if (link->invalid ||
			(!same && same_string(had->node_id, address->node_id) &&
			 same_string(had->dbname, address->dbname) &&
			 same_string(had->user, address->user)))
			close_link(link);
		else if (same && found == NULL)
		{
			if (is_alive(link))
				found = link;
			else
				close_link(link);
		}
	}
	return found;
}

static bool
same_string(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_address(const RustsNodeAddress *a, const RustsNodeAddress *b)
{
	return a->port == b->port &&
		same_string(a->node_id, b->node_id) &&
		same_string(a->host, b->host) &&
		same_string(a->dbname, b->dbname) &&
		same_string(a->user, b->user) &&
		same_string(a->passfile, b->passfile) &&
		same_string(a->sslmode, b->sslmode);
}

/* Read what has come; with the other side's end, reading fails. */
static bool
is_alive(RustsLink *link)
{
	int			i;

	for (i = 0; i < MAX_IDLE_READS; i++)
	{
		struct pollfd pollfd = {PQsocket(link->pg), POLLIN, 0};

		if (PQstatus(link->pg) != CONNECTION_OK || pollfd.fd < 0)
			return false;
		if (poll(&pollfd, 1, 0) == 0)
			return true;
		if (PQconsumeInput(link->pg) == 0)
			return false;
		(void) PQisBusy(link->pg);
	}
	return false;
}

static RustsLink *
make_link(const RustsNodeAddress *address, uint32 role_hash)
{
	MemoryContext link_cxt = AllocSetContextCreate(TopMemoryContext,
												   "rusts link",
												   ALLOCSET_SMALL_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(link_cxt);
	RustsLink  *link = palloc0(sizeof(RustsLink));
	RustsNodeAddress *copy = &link->address;

	link->link_cxt = link_cxt;
	link->role_hash = role_hash;
	copy->node_id = pstrdup(address->node_id);
	copy->host = pstrdup(address->host);
	copy->port = address->port;
	copy->dbname = pstrdup(address->dbname);
	copy->user = pstrdup(address->user);
	copy->passfile = address->passfile ? pstrdup(address->passfile) : NULL;
	copy->sslmode = address->sslmode ? pstrdup(address->sslmode) : NULL;
	MemoryContextSwitchTo(old_cxt);
	return link;
}

/*
 * The parameters make sessions equal whatever is configured over there, as
 * postgres_fdw does, but for the price of no round trip.  A dead peer is
 * noticed by keepalives and tcp_user_timeout when nobody waits for it.
 */
static void
start_connecting(RustsLink *link, const char *application_name)
{
	const RustsNodeAddress *address = &link->address;
	int			seconds = Max(1, rusts_cluster_timeout / 1000);
	const char *keywords[16];
	const char *values[16];
	int			n = 0;

#define ADD_PARAMETER(keyword, value) \
	(keywords[n] = (keyword), values[n] = (value), n++)

	ADD_PARAMETER("host", address->host);
	ADD_PARAMETER("port", psprintf("%d", address->port));
	ADD_PARAMETER("dbname", address->dbname);
	ADD_PARAMETER("user", address->user);
	if (address->passfile != NULL)
		ADD_PARAMETER("passfile", address->passfile);
	if (address->sslmode != NULL)
		ADD_PARAMETER("sslmode", address->sslmode);
	ADD_PARAMETER("application_name", application_name);
	ADD_PARAMETER("client_encoding", GetDatabaseEncodingName());
	ADD_PARAMETER("options", session_options());
	ADD_PARAMETER("keepalives", "1");
	ADD_PARAMETER("keepalives_idle", psprintf("%d", seconds));
	ADD_PARAMETER("keepalives_interval", "1");
	ADD_PARAMETER("keepalives_count", psprintf("%d", Max(2, seconds / 2)));
	ADD_PARAMETER("tcp_user_timeout", psprintf("%d", rusts_cluster_timeout));
	ADD_PARAMETER(NULL, NULL);

	if (!AcquireExternalFD())
	{
		MemoryContextDelete(link->link_cxt);
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to node \"%s\"", address->node_id),
				 errdetail("There are too many open files on the local server.")));
	}
	link->pg = PQconnectStartParams(keywords, values, 0);
	if (link->pg == NULL)
	{
		ReleaseExternalFD();
		MemoryContextDelete(link->link_cxt);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
	PQsetNoticeReceiver(link->pg, ignore_notice, NULL);
	dlist_push_tail(&links, &link->node);
}

/*
 * When we give up on a node we only close the connection, so have it look for
 * that, where it can, and end what it is doing.
 */
static char *
session_options(void)
{
	return psprintf("-c search_path=pg_catalog -c DateStyle=ISO "
					"-c IntervalStyle=postgres -c TimeZone=GMT "
					"-c extra_float_digits=3 -c client_min_messages=error%s",
					WaitEventSetCanReportClosed() ?
					" -c client_connection_check_interval=1000" : "");
}

static void
ignore_notice(void *arg, const PGresult *result)
{
}

static void
close_link(RustsLink *link)
{
	dlist_delete(&link->node);
	ReleaseExternalFD();
	PQfinish(link->pg);
	MemoryContextDelete(link->link_cxt);
}

static void
watch_roles(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
	on_proc_exit(close_at_exit, (Datum) 0);
	watching = true;
}

static void
role_changed(Datum arg, int cache, uint32 hash)
{
	dlist_iter	iter;

	dlist_foreach(iter, &links)
	{
		RustsLink  *link = dlist_container(RustsLink, node, iter.cur);

		if (link->role_hash != 0 && (hash == 0 || hash == link->role_hash))
			link->invalid = true;
	}
}

/* Politely, so that the other side does not complain in its log. */
static void
close_at_exit(int code, Datum arg)
{
	while (!dlist_is_empty(&links))
		close_link(dlist_container(RustsLink, node,
								   dlist_head_node(&links)));
}
