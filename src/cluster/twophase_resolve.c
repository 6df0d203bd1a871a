/*-------------------------------------------------------------------------
 *
 * twophase_resolve.c
 *	  One transaction on several nodes: what is in doubt.
 *
 * Nodes tell which transactions of this coordinator they have prepared.  Of
 * each, it is looked first whether the coordinator's transaction is still
 * running, and only then whether it has left a decision: it may end between
 * the two, but not the other way round.
 *
 * A decision may go when no node can ask for it any more.  Decisions are
 * listed before the nodes are asked; a participant that has a decision had
 * prepared before it, so that a node which does not list it now has committed
 * it.
 *
 * src/cluster/twophase_resolve.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cluster/twophase.h"
#include "compat.h"
#include "meta/catalog.h"

typedef struct RustsDecision
{
	char	   *gid;
	ItemPointerData tid;
} RustsDecision;

/* What to do about a prepared transaction. */
typedef enum Verdict
{
	VERDICT_WAIT,
	VERDICT_COMMIT,
	VERDICT_ROLLBACK
} Verdict;

static void list_decisions(RustsResolution *resolution);
static void ask_nodes(RustsResolution *resolution,
					  RustsConnection **conns, int nconns,
					  TimestampTz deadline, RustsNodeOutcome *outcomes);
static List *queue_verdicts(RustsResolution *resolution,
							RustsConnection *conn);
static Verdict verdict(const char *text);
static bool coordinator_is_running(FullTransactionId fxid);
static bool has_decision(const char *gid);
static void count_verdicts(RustsResolution *resolution, RustsConnection *conn,
						   const List *gids);
static void leave(RustsResolution *resolution, const char *gid);
static bool is_left(const RustsResolution *resolution, const char *gid);

RustsResolution *
rusts_resolve_begin(const char *cluster, const char *coordinator)
{
	RustsResolution *resolution = palloc0_object(RustsResolution);

	resolution->prefix = rusts_gid_prefix(cluster, coordinator);
	list_decisions(resolution);
	return resolution;
}

void
rusts_resolve_nodes(RustsResolution *resolution,
					const RustsNodeAddress *addresses, int naddresses,
					const char *application_name, TimestampTz deadline,
					RustsNodeOutcome *outcomes)
{
	RustsConnection **conns = palloc_array(RustsConnection *, naddresses + 1);
	int			i;

	for (i = 0; i < naddresses; i++)
		conns[i] = rusts_connection_get(&addresses[i], application_name);
	ask_nodes(resolution, conns, naddresses, deadline, outcomes);
	for (i = 0; i < naddresses; i++)
		rusts_connection_release(conns[i]);
}

void
rusts_resolve_end(RustsResolution *resolution, bool all_reached)
{
	Relation	table;
	int			i;

	if (!all_reached || resolution->ndecisions == 0)
		return;
	table = rusts_catalog_open("cluster_decision", RowExclusiveLock, false);
	for (i = 0; i < resolution->ndecisions; i++)
	{
		RustsDecision *decision = &resolution->decisions[i];

		if (is_left(resolution, decision->gid))
			continue;
		rusts_catalog_delete(table, &decision->tid);
		resolution->forgotten++;
	}
	table_close(table, RowExclusiveLock);
}

/* Those of this coordinator that are committed by now. */
static void
list_decisions(RustsResolution *resolution)
{
	Relation	table = rusts_catalog_open("cluster_decision",
										   RowExclusiveLock, false);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot,
										  0, NULL);
	int			allocated = 0;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		gid = fastgetattr(tuple, 1, RelationGetDescr(table),
									  &isnull);
		RustsDecision *decision;

		if (resolution->ndecisions == allocated)
		{
			allocated = Max(64, allocated * 2);
			resolution->decisions = resolution->decisions == NULL ?
				palloc_array(RustsDecision, allocated) :
				repalloc_huge(resolution->decisions,
							  allocated * sizeof(RustsDecision));
		}
		decision = &resolution->decisions[resolution->ndecisions];
		decision->gid = TextDatumGetCString(gid);
		decision->tid = tuple->t_self;
		if (strncmp(decision->gid, resolution->prefix,
					strlen(resolution->prefix)) == 0)
			resolution->ndecisions++;
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, RowExclusiveLock);
}

/*
 * Two rounds: which they have, and what to do about them.  A node that does
 * not do it all was reached all the same.
 */
static void
ask_nodes(RustsResolution *resolution, RustsConnection **conns, int nconns,
		  TimestampTz deadline, RustsNodeOutcome *outcomes)
{
	const char *const values[] = {resolution->prefix};
	const Oid	types[] = {TEXTOID};
	List	  **gids = palloc_array(List *, nconns + 1);
	int			i;

	for (i = 0; i < nconns; i++)
		rusts_connection_send(conns[i],
							  "SELECT gid FROM pg_catalog.pg_prepared_xacts"
							  " WHERE database = pg_catalog.current_database()"
							  " AND pg_catalog.starts_with(gid, $1)"
							  " ORDER BY prepared, gid",
							  1, types, values, NULL, NULL, 0);
	rusts_connection_wait(conns, nconns, deadline);
	for (i = 0; i < nconns; i++)
	{
		outcomes[i] = rusts_connection_outcome(conns[i]);
		gids[i] = queue_verdicts(resolution, conns[i]);
	}
	rusts_connection_wait(conns, nconns, deadline);
	for (i = 0; i < nconns; i++)
	{
		if (rusts_connection_outcome(conns[i]) == RUSTS_NODE_UNREACHABLE)
			outcomes[i] = RUSTS_NODE_UNREACHABLE;
		count_verdicts(resolution, conns[i], gids[i]);
	}
}

/*
 * The gids for which there are commands now.  Each is its own transaction:
 * PostgreSQL wants that of these commands, and one may fail.
 */
static List *
queue_verdicts(RustsResolution *resolution, RustsConnection *conn)
{
	const PGresult *result = rusts_connection_result(conn, 0);
	List	   *found = NIL;
	List	   *gids = NIL;
	ListCell   *cell;
	int			i;

	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK || result == NULL)
		return NIL;
	for (i = 0; i < PQntuples(result); i++)
		found = lappend(found, pstrdup(PQgetvalue(result, i, 0)));
	foreach(cell, found)
	{
		char	   *gid = lfirst(cell);
		Verdict		what = verdict(gid);

		if (what == VERDICT_WAIT)
		{
			resolution->in_progress++;
			leave(resolution, gid);
			continue;
		}
		rusts_connection_command(conn,
								 psprintf("%s PREPARED %s",
										  what == VERDICT_COMMIT ? "COMMIT" :
										  "ROLLBACK",
										  quote_literal_cstr(gid)));
		rusts_connection_sync(conn);
		gids = lappend(gids, gid);
	}
	return gids;
}

/* What begins as ours and goes on as something else is left alone. */
static Verdict
verdict(const char *text)
{
	RustsGid	gid;

	if (!rusts_gid_parse(text, &gid) || coordinator_is_running(gid.xid))
		return VERDICT_WAIT;
	return has_decision(text) ? VERDICT_COMMIT : VERDICT_ROLLBACK;
}

/*
 * One of the future is of a server that is no more: it is not running.  Others
 * keep the lock on their xid until they have told the participants.
 */
static bool
coordinator_is_running(FullTransactionId fxid)
{
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());
	uint64		full = U64FromFullTransactionId(fxid);
	TransactionId xid = XidFromFullTransactionId(fxid);
	LOCKTAG		tag;

	if (full >= next || next - full >= (uint64) 1 << 31 ||
		!TransactionIdIsNormal(xid))
		return false;
	if (TransactionIdIsInProgress(xid))
		return true;
	SET_LOCKTAG_TRANSACTION(tag, xid);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, false);
	return false;
}

static bool
has_decision(const char *gid)
{
	Relation	table = rusts_catalog_open("cluster_decision",
										   AccessShareLock, false);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan;
	ScanKeyData key;
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(gid));
	scan = systable_beginscan(table,
							  rusts_catalog_index("cluster_decision_pkey"),
							  true, snapshot, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	return found;
}

/* One that is gone was finished by its coordinator in the meantime. */
static void
count_verdicts(RustsResolution *resolution, RustsConnection *conn,
			   const List *gids)
{
	int			i;

	for (i = 0; i < list_length(gids); i++)
	{
		const PGresult *result = rusts_connection_result(conn, i);
		const char *gid = list_nth(gids, i);
		const char *state;

		if (result != NULL && PQresultStatus(result) == PGRES_COMMAND_OK)
		{
			if (strncmp(PQcmdStatus(unconstify(PGresult *, result)),
						"COMMIT", 6) == 0)
				resolution->committed++;
			else
				resolution->rolled_back++;
			continue;
		}
		state = result == NULL ? NULL :
			PQresultErrorField(result, PG_DIAG_SQLSTATE);
		if (state != NULL && strcmp(state, "42704") == 0)
			continue;
		resolution->failed++;
		leave(resolution, gid);
	}
}

static void
leave(RustsResolution *resolution, const char *gid)
{
	resolution->left = lappend(resolution->left, pstrdup(gid));
}

static bool
is_left(const RustsResolution *resolution, const char *gid)
{
	ListCell   *cell;

	foreach(cell, resolution->left)
	{
		if (strcmp(lfirst(cell), gid) == 0)
			return true;
	}
	return false;
}
