/*-------------------------------------------------------------------------
 *
 * change_apply.c
 *	  All nodes go over to another configuration while points are written.
 *
 * One node does it for all:
 *
 *	1	nodes that join become guests: they know the measurements;
 *	2	where a node is to have what it has not, a table is staged;
 *	3	each node that has rows marks what it has: what is written later has
 *		greater row numbers. Until the end rows are not moved to others;
 *	4	staged tables are filled;
 *	5	measurements are locked against writers on all nodes, one after the
 *		other, and then partitions: who was writing has ended by then, on all
 *		placements, and what was handed off has arrived;
 *	6	staged tables get what is new since the marks, or, if rows were changed
 *		or deleted meanwhile, or the measurement was, everything again;
 *	7	measurements are locked against readers, too, and all nodes switch, in
 *		one distributed transaction.
 *
 * Whatever goes wrong before the last step leaves staged tables and nothing
 * else; the next attempt drops them.  Somebody who holds a lock for long does
 * not stop all others for more than RUSTS_LOCK_TIMEOUT_MS: then all locks are
 * given back, and taken again a little later.
 *
 * src/cluster/change_apply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/change.h"
#include "cluster/change_members.h"
#include "cluster/locking.h"
#include "cluster/nodes.h"
#include "cluster/schema_push.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "cluster/twophase.h"
#include "compat.h"

#define TRY_AGAIN_HINT \
	"Call rusts_cluster_apply() again when they are over. " \
	"Those in doubt are in pg_prepared_xacts."

/* For what takes as long as it takes. */
#define LONG_MS				(24 * 60 * 60 * 1000)

/* What the running transaction decides. */
static RustsTwophase *deciding = NULL;

static RustsConnection *participant(const RustsMember *member);
static void stage(RustsChange *change);
static void mark_and_copy(RustsChange *change);
static void mark(RustsChange *change);
static bool mark_member(RustsChange *change, RustsMember *member,
						const char **marks);
static void mark_self(void *arg);
static void begin_attempt(RustsChange *change);
static void undo_attempt(RustsChange *change);
static void switch_over(void *arg);
static void check_unchanged(RustsChange *change);
static void begin_switch(RustsChange *change);
static void lock_all(RustsChange *change, const char *what);
static void await_hints(RustsChange *change);
static bool have_hints(RustsChange *change);
static void fill(RustsChange *change);
static bool has_changed(RustsChange *change);
static bool copy(RustsChange *change, const char *what);
static void prepare(RustsChange *change);
static void at_xact_end(XactEvent event, void *arg);

void
rusts_change_apply(const RustsClusterConfig *old,
				   const RustsClusterConfig *config, const char *text)
{
	RustsChange *change = MemoryContextAllocZero(TopTransactionContext,
												sizeof(RustsChange));
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	int			attempts = 0;
	int			i;

	if (IsTransactionBlock())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("rusts_cluster_apply() cannot move shards in a transaction block")));
	change->old = old;
	change->config = config;
	change->text = text;
	rusts_members_connect(change);
	rusts_members_invite(change);
	stage(change);
	await_hints(change);
	begin_switch(change);
	mark_and_copy(change);
	begin_attempt(change);
	while (!rusts_attempt(switch_over, change, true))
	{
		undo_attempt(change);
		rusts_try_again(&attempts, TRY_AGAIN_HINT);
		mark_and_copy(change);
		begin_attempt(change);
	}
	for (i = 0; i < change->nmembers; i++)
		rusts_connection_release(change->members[i].conn);
	MemoryContextSwitchTo(old_cxt);
}

/* The connection of a node's part of the transaction. */
static RustsConnection *
participant(const RustsMember *member)
{
	return rusts_twophase_connection(deciding, member->participant);
}

static void
stage(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT rusts.cluster_stage($1)", 1, &change->text);
	rusts_members_wait(change, rusts_deadline_in(LONG_MS));
	change->marked = false;		/* the views are gone */
	change->copies = false;
	for (i = 0; i < change->nmembers; i++)
	{
		const PGresult *result =
			rusts_connection_result(change->members[i].conn, 0);

		change->copies |= strcmp(PQgetvalue(result, 0, 0), "0") != 0;
	}
}

/* While points are written. */
static void
mark_and_copy(RustsChange *change)
{
	if (!change->copies || change->marked)
		return;
	mark(change);
	(void) copy(change, "all");
}

/*
 * One node after the other, each by itself: who waits for rows of his to be
 * stored at another node does not meet us twice.
 */
static void
mark(RustsChange *change)
{
	int			i;

	change->states = palloc0_array(const char *, change->nmembers);
	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];
		const char *marks;
		int			attempts = 0;

		while (!mark_member(change, member, &marks))
			rusts_try_again(&attempts, TRY_AGAIN_HINT);
		change->states[i] = strchr(marks, '\n');
		rusts_node_send(member->conn, "SELECT rusts.cluster_watch($1)", 1,
						&marks);
		rusts_connection_wait(&member->conn, 1,
							  rusts_deadline_in(RUSTS_DRAIN_MS));
		if (rusts_connection_outcome(member->conn) != RUSTS_NODE_OK)
			rusts_connection_report(member->conn, ERROR);
	}
	change->marked = true;
}

/* False: somebody would not let go of a lock. */
static bool
mark_member(RustsChange *change, RustsMember *member, const char **marks)
{
	RustsConnection *conn;
	bool		done;

	if (member->self)
	{
		rusts_change_keep();
		if (!rusts_attempt(mark_self, change, false))
			return false;
		*marks = change->self_marks;
		return true;
	}
	conn = participant(member);
	rusts_node_send(conn, "SELECT rusts.cluster_keep()", 0, NULL);
	rusts_node_send(conn, "SAVEPOINT rusts_mark", 0, NULL);
	rusts_node_send(conn,
					psprintf("SELECT rusts.cluster_lock('writes', %d), "
							 "rusts.cluster_lock('parts', %d)",
							 RUSTS_LOCK_TIMEOUT_MS, RUSTS_LOCK_TIMEOUT_MS),
					0, NULL);
	rusts_node_send(conn, "SELECT rusts.cluster_marks()", 0, NULL);
	rusts_connection_wait(&conn, 1, rusts_deadline_in(RUSTS_DRAIN_MS));
	done = rusts_connection_outcome(conn) == RUSTS_NODE_OK;
	if (done)
	{
		const PGresult *result =
			rusts_connection_result(conn, rusts_connection_count(conn) - 1);

		*marks = pstrdup(PQgetvalue(result, 0, 0));
	}
	else if (rusts_connection_outcome(conn) == RUSTS_NODE_UNREACHABLE ||
			 !rusts_is_lock_failure(rusts_connection_error(conn)->sqlstate))
		rusts_connection_report(conn, ERROR);
	rusts_node_send(conn, "ROLLBACK TO SAVEPOINT rusts_mark", 0, NULL);
	rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
		rusts_connection_report(conn, ERROR);
	return done;
}

static void
mark_self(void *arg)
{
	RustsChange *change = arg;

	rusts_change_lock("writes", RUSTS_LOCK_TIMEOUT_MS);
	rusts_change_lock("parts", RUSTS_LOCK_TIMEOUT_MS);
	change->self_marks = MemoryContextStrdup(TopTransactionContext,
											 rusts_change_marks());
}

/* What other nodes do in an attempt is undone by a savepoint. */
static void
begin_attempt(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		if (!change->members[i].self)
			rusts_node_send(participant(&change->members[i]),
							"SAVEPOINT rusts_attempt", 0, NULL);
	}
}

static void
undo_attempt(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		RustsConnection *conn;

		if (change->members[i].self)
			continue;
		conn = participant(&change->members[i]);
		rusts_node_send(conn, "ROLLBACK TO SAVEPOINT rusts_attempt", 0, NULL);
		rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
		if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
			rusts_connection_report(conn, ERROR);
	}
}

static void
switch_over(void *arg)
{
	RustsChange *change = arg;
	TimestampTz begun = GetCurrentTimestamp();

	lock_all(change, "writes");
	check_unchanged(change);
	await_hints(change);
	lock_all(change, "parts");

	/* Who has written to partitions themselves may have left some. */
	if (have_hints(change))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("nodes have rows to hand over again")));
	fill(change);
	lock_all(change, "reads");
	prepare(change);
	rusts_twophase_decide(deciding);
	ereport(NOTICE,
			(errmsg("writers have waited for %ld ms",
					TimestampDifferenceMilliseconds(begun,
													GetCurrentTimestamp()))));
}

/* Another call, on another node, may have been faster. */
static void
check_unchanged(RustsChange *change)
{
	const RustsClusterConfig *now = rusts_cluster();

	if (now == NULL || rusts_change_moves(change->old, now) ||
		rusts_change_leaves(change->old, now) ||
		rusts_change_leaves(now, change->old))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the cluster was changed by another call"),
				 errhint("Look at rusts_cluster_plan() and call rusts_cluster_apply() again.")));
}

static void
begin_switch(RustsChange *change)
{
	static bool registered = false;
	int			i;

	if (!registered)
		RegisterXactCallback(at_xact_end, NULL);
	registered = true;
	deciding = rusts_twophase_begin(change->config->cluster_name,
									change->config->node_id);
	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];
		RustsNodeAddress address;

		if (member->self)
			continue;
		rusts_node_address(member->config, member->node, RUSTS_AS_CLUSTER,
						   &address);
		member->participant =
			rusts_twophase_add(deciding, &address,
							   rusts_node_application(change->config));

		/* Should this node be cut off, it must not hold locks for hours. */
		rusts_node_send(participant(member),
						"SELECT pg_catalog.set_config('tcp_keepalives_idle', '5', true),"
						" pg_catalog.set_config('tcp_keepalives_interval', '1', true),"
						" pg_catalog.set_config('tcp_keepalives_count', '5', true)",
						0, NULL);
	}
}

/* One node after the other: who else does this meets us at the first. */
static void
lock_all(RustsChange *change, const char *what)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];

		if (member->self)
			rusts_change_lock(what, RUSTS_LOCK_TIMEOUT_MS);
		else
			rusts_lock_at(participant(member), what);
	}
}

/* Until no node has rows for another one. */
static void
await_hints(RustsChange *change)
{
	TimestampTz deadline = rusts_deadline_in(RUSTS_DRAIN_MS);

	while (have_hints(change))
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot move shards while nodes have rows to hand over"),
					 errhint("See rusts.cluster_hint on each node.")));
		rusts_pause_ms(20);
	}
}

static bool
have_hints(RustsChange *change)
{
	const char *ids = change->ids;
	bool		found = false;
	int			i;

	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT EXISTS (SELECT FROM rusts.cluster_hint "
						"WHERE node_id = ANY ($1::pg_catalog.text[])) "
						"OR EXISTS (SELECT FROM rusts.cluster_lost "
						"WHERE node_id = ANY ($1::pg_catalog.text[]))",
						1, &ids);
	rusts_members_wait(change, rusts_cluster_deadline());
	for (i = 0; i < change->nmembers; i++)
	{
		const PGresult *result =
			rusts_connection_result(change->members[i].conn, 0);

		found |= strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	}
	return found;
}

/* With writers locked out: what is missing in the staged tables. */
static void
fill(RustsChange *change)
{
	if (change->marked && !has_changed(change) && copy(change, "since"))
		return;
	stage(change);
	(void) copy(change, "all");
}

/* Were rows changed or deleted since the marks? */
static bool
has_changed(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];
		const char *marks;

		if (member->self)
			marks = rusts_change_marks();
		else
		{
			RustsConnection *conn = participant(member);

			rusts_node_send(conn, "SELECT rusts.cluster_marks()", 0, NULL);
			rusts_connection_wait(&conn, 1, rusts_deadline_in(RUSTS_DRAIN_MS));
			if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
				rusts_connection_report(conn, ERROR);
			marks = PQgetvalue(rusts_connection_result(conn, 0), 0, 0);
		}
		if (strcmp(strchr(marks, '\n'), change->states[i]) != 0)
			return true;
	}
	return false;
}

/* False: nodes are not ready for that. */
static bool
copy(RustsChange *change, const char *what)
{
	bool		done = true;
	const char *values[2];
	int			i;

	values[0] = change->text;
	values[1] = what;
	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT rusts.cluster_copy($1, $2)", 2, values);
	rusts_members_wait(change, rusts_deadline_in(LONG_MS));
	for (i = 0; i < change->nmembers; i++)
	{
		const PGresult *result =
			rusts_connection_result(change->members[i].conn, 0);
		const char *nrows = PQgetvalue(result, 0, 0);

		if (strcmp(nrows, "-1") == 0)
			done = false;
		else if (strcmp(nrows, "0") != 0)
			ereport(NOTICE,
					(errmsg("node \"%s\" has copied %s rows",
							change->members[i].id, nrows)));
	}
	return done;
}

/* All, or none. */
static void
prepare(RustsChange *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];

		if (!member->self)
			rusts_node_send(participant(member),
							"SELECT rusts.cluster_switch($1)", 1,
							&change->text);
	}
	rusts_twophase_prepare(deciding, rusts_deadline_in(LONG_MS));
	for (i = 0; i < change->nmembers; i++)
	{
		RustsMember *member = &change->members[i];

		if (!member->self &&
			rusts_twophase_state(deciding, member->participant) !=
			RUSTS_PARTICIPANT_PREPARED)
			rusts_connection_report(participant(member), ERROR);
	}
	rusts_change_switch(change->text);
}

static void
at_xact_end(XactEvent event, void *arg)
{
	RustsTwophase *twophase = deciding;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	deciding = NULL;
	if (twophase != NULL)
		(void) rusts_twophase_finish(twophase, event == XACT_EVENT_COMMIT,
									 rusts_cluster_deadline());
}
