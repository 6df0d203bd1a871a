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
 * not stop all others for more than LOCK_TIMEOUT_MS: then all locks are
 * given back, and taken again a little later.
 *
 * src/cluster/change_apply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/change.h"
#include "cluster/change_parts.h"
#include "cluster/nodes.h"
#include "cluster/schema_push.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "cluster/twophase.h"
#include "compat.h"

#define LOCK_TIMEOUT_MS		1000
#define MAX_ATTEMPTS		30

/* Rows handed off must arrive in this time, before and while writers wait. */
#define DRAIN_MS			60000

/* For what takes as long as it takes. */
#define LONG_MS				(24 * 60 * 60 * 1000)

/* A node of the old or the new configuration, or of both. */
typedef struct Member
{
	const RustsClusterConfig *config;	/* that knows its address */
	int			node;			/* there */
	const char *id;
	bool		self;
	bool		joins;
	bool		leaves;
	int			participant;	/* of the attempt's transaction */
	RustsConnection *conn;		/* for what is not a part of it */
} Member;

typedef struct Change
{
	const RustsClusterConfig *old;
	const RustsClusterConfig *config;
	const char *text;
	int			nmembers;
	Member	   *members;
	char	   *ids;			/* of all of them, as an array */
	bool		copies;			/* some table is staged */
	char	  **states;			/* of members, when they were marked */
	char	   *self_marks;
} Change;

/* What the running transaction decides. */
static RustsTwophase *deciding = NULL;

static void add_member(Change *change, const RustsClusterConfig *config,
					   int node, bool joins, bool leaves);
static void connect_members(Change *change);
static bool is_lost(const Change *change, const RustsShardGroup *group);
static void invite(Change *change, Member *member);
static void stage(Change *change);
static void mark(Change *change);
static bool mark_member(Change *change, Member *member, const char **marks);
static void mark_self(Change *change);
static bool attempt(Change *change, void (*step) (Change *), bool keep);
static void begin_attempt(Change *change);
static void undo_attempt(Change *change);
static bool is_lock_failure(int sqlstate);
static void switch_over(Change *change);
static void begin_switch(Change *change);
static void lock_all(Change *change, const char *what);
static void await_hints(Change *change);
static bool have_hints(Change *change);
static void fill(Change *change);
static bool has_changed(Change *change);
static bool copy(Change *change, const char *what);
static void prepare(Change *change);
static void wait_members(Change *change, TimestampTz deadline);
static void try_again(int *attempts);
static void pause_ms(long ms);
static TimestampTz deadline_in(int ms);
static void at_xact_end(XactEvent event, void *arg);

void
rusts_change_apply(const RustsClusterConfig *old,
				   const RustsClusterConfig *config, const char *text)
{
	Change	   *change = MemoryContextAllocZero(TopTransactionContext,
												sizeof(Change));
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
	change->members = palloc0_array(Member, old->nnodes + config->nnodes);
	for (i = 0; i < config->nnodes; i++)
		add_member(change, config, i,
				   rusts_cluster_find_node(old, config->nodes[i].id) < 0,
				   false);
	for (i = 0; i < old->nnodes; i++)
	{
		if (rusts_cluster_find_node(config, old->nodes[i].id) < 0)
			add_member(change, old, i, false, true);
	}
	connect_members(change);
	for (i = 0; i < change->nmembers; i++)
	{
		if (change->members[i].joins)
			invite(change, &change->members[i]);
	}
	stage(change);
	await_hints(change);
	begin_switch(change);
	if (change->copies)
	{
		mark(change);
		(void) copy(change, "all");
	}
	begin_attempt(change);
	while (!attempt(change, switch_over, true))
	{
		undo_attempt(change);
		try_again(&attempts);
		begin_attempt(change);
	}
	for (i = 0; i < change->nmembers; i++)
		rusts_connection_release(change->members[i].conn);
	MemoryContextSwitchTo(old_cxt);
}

bool
rusts_change_moves(const RustsClusterConfig *old,
				   const RustsClusterConfig *config)
{
	int			shard;

	for (shard = 0; shard < config->nshards; shard++)
	{
		char		before[RUSTS_GROUP_NAME_LEN];
		char		after[RUSTS_GROUP_NAME_LEN];

		rusts_group_name(old, &old->groups[old->group_of[shard]], before);
		rusts_group_name(config, &config->groups[config->group_of[shard]],
						 after);
		if (strcmp(before, after) != 0)
			return true;
	}
	return false;
}

bool
rusts_change_leaves(const RustsClusterConfig *old,
					const RustsClusterConfig *config)
{
	int			i;

	for (i = 0; i < old->nnodes; i++)
	{
		if (rusts_cluster_find_node(config, old->nodes[i].id) < 0)
			return true;
	}
	return false;
}

void
rusts_change_check(const RustsClusterConfig *old,
				   const RustsClusterConfig *config,
				   RustsConfigFaults *faults)
{
	if (strcmp(old->cluster_name, config->cluster_name) != 0)
		rusts_config_fault(faults, 0,
						   "cluster_name cannot be changed: it is \"%s\"",
						   old->cluster_name);
	if (old->nshards != config->nshards)
		rusts_config_fault(faults, 0,
						   "shard_count cannot be changed: it is %d",
						   old->nshards);
}

static void
add_member(Change *change, const RustsClusterConfig *config, int node,
		   bool joins, bool leaves)
{
	Member	   *member = &change->members[change->nmembers++];

	member->config = config;
	member->node = node;
	member->id = config->nodes[node].id;
	member->self = strcmp(member->id, change->config->node_id) == 0;
	member->joins = joins;
	member->leaves = leaves;
}

/* Who leaves need not be there, as long as others have what it had. */
static void
connect_members(Change *change)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   change->nmembers);
	List	   *ids = NIL;
	int			n = 0;
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];

		member->conn = conns[i] = rusts_node_connect(member->config,
													 member->node,
													 RUSTS_AS_CLUSTER);
		rusts_node_send(member->conn, "SELECT 1", 0, NULL);
	}
	rusts_connection_wait(conns, change->nmembers, rusts_cluster_deadline());
	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];

		if (rusts_connection_outcome(member->conn) == RUSTS_NODE_OK)
		{
			ids = lappend(ids, unconstify(char *, member->id));
			change->members[n++] = *member;
			continue;
		}
		if (!member->leaves)
			rusts_connection_report(member->conn, ERROR);
		ereport(WARNING,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("node \"%s\" cannot be told that it leaves the cluster",
						member->id),
				 errdetail_internal("%s", rusts_connection_error(member->conn)->message),
				 errhint("Do not start it again, or run DELETE FROM rusts.cluster there.")));
		rusts_connection_release(member->conn);
	}
	change->nmembers = n;
	change->ids = rusts_array_text(ids);
	for (i = 0; i < change->old->ngroups; i++)
	{
		if (is_lost(change, &change->old->groups[i]))
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("cannot remove node \"%s\" from the cluster",
							change->old->nodes[change->old->groups[i].primary].id),
					 errdetail("No node that can be reached has shards %s.",
							   rusts_shard_list(change->old->groups[i].shards))));
	}
}

/* Has none of the members the rows of a group? */
static bool
is_lost(const Change *change, const RustsShardGroup *group)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		int			node = rusts_cluster_find_node(change->old,
												   change->members[i].id);

		if (node >= 0 && rusts_group_has_node(group, node))
			return false;
	}
	return true;
}

/*
 * A guest of the old configuration has all measurements and, as it is not
 * named there, nothing of their rows.
 */
static void
invite(Change *change, Member *member)
{
	const char *values[2];

	values[0] = rusts_cluster_select("SELECT config FROM rusts.cluster");
	values[1] = member->id;
	rusts_node_send(member->conn, "SELECT rusts.cluster_accept($1, $2)",
					2, values);
	rusts_node_wait(member->conn);
	rusts_schema_push(member->config, member->node);
}

static void
stage(Change *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT rusts.cluster_stage($1)", 1, &change->text);
	wait_members(change, deadline_in(LONG_MS));
	change->copies = false;
	for (i = 0; i < change->nmembers; i++)
	{
		const PGresult *result =
			rusts_connection_result(change->members[i].conn, 0);

		change->copies |= strcmp(PQgetvalue(result, 0, 0), "0") != 0;
	}
}

/*
 * One node after the other, each by itself: who waits for rows of his to be
 * stored at another node does not meet us twice.
 */
static void
mark(Change *change)
{
	int			i;

	change->states = palloc0_array(char *, change->nmembers);
	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];
		const char *marks;
		int			attempts = 0;

		while (!mark_member(change, member, &marks))
			try_again(&attempts);
		change->states[i] = strchr(marks, '\n');
		rusts_node_send(member->conn, "SELECT rusts.cluster_watch($1)", 1,
						&marks);
		rusts_connection_wait(&member->conn, 1, deadline_in(DRAIN_MS));
		if (rusts_connection_outcome(member->conn) != RUSTS_NODE_OK)
			rusts_connection_report(member->conn, ERROR);
	}
}

/* False: somebody would not let go of a lock. */
static bool
mark_member(Change *change, Member *member, const char **marks)
{
	RustsConnection *conn;
	bool		done;

	if (member->self)
	{
		rusts_change_keep();
		if (!attempt(change, mark_self, false))
			return false;
		*marks = change->self_marks;
		return true;
	}
	conn = rusts_twophase_connection(deciding, member->participant);
	rusts_node_send(conn, "SELECT rusts.cluster_keep()", 0, NULL);
	rusts_node_send(conn, "SAVEPOINT rusts_mark", 0, NULL);
	rusts_node_send(conn,
					psprintf("SELECT rusts.cluster_lock('writes', %d), "
							 "rusts.cluster_lock('parts', %d)",
							 LOCK_TIMEOUT_MS, LOCK_TIMEOUT_MS), 0, NULL);
	rusts_node_send(conn, "SELECT rusts.cluster_marks()", 0, NULL);
	rusts_connection_wait(&conn, 1, deadline_in(DRAIN_MS));
	done = rusts_connection_outcome(conn) == RUSTS_NODE_OK;
	if (done)
	{
		int			last = rusts_connection_count(conn) - 1;

		*marks = pstrdup(PQgetvalue(rusts_connection_result(conn, last), 0, 0));
	}
	else if (rusts_connection_outcome(conn) == RUSTS_NODE_UNREACHABLE ||
			 !is_lock_failure(rusts_connection_error(conn)->sqlstate))
		rusts_connection_report(conn, ERROR);
	rusts_node_send(conn, "ROLLBACK TO SAVEPOINT rusts_mark", 0, NULL);
	rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
	if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
		rusts_connection_report(conn, ERROR);
	return done;
}

static void
mark_self(Change *change)
{
	rusts_change_lock("writes", LOCK_TIMEOUT_MS);
	rusts_change_lock("parts", LOCK_TIMEOUT_MS);
	change->self_marks = MemoryContextStrdup(TopTransactionContext,
											 rusts_change_marks());
}

/*
 * A step in a subtransaction, whose effects, locks among them, are kept or
 * not.  False: somebody would not let go of a lock.
 */
static bool
attempt(Change *change, void (*step) (Change *), bool keep)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		step(change);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		if (!is_lock_failure(edata->sqlerrcode))
			ReThrowError(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return done;
}

/* What other nodes do in an attempt is undone by a savepoint. */
static void
begin_attempt(Change *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		if (!change->members[i].self)
			rusts_node_send(rusts_twophase_connection(deciding,
													  change->members[i].participant),
							"SAVEPOINT rusts_attempt", 0, NULL);
	}
}

static void
undo_attempt(Change *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		RustsConnection *conn;

		if (change->members[i].self)
			continue;
		conn = rusts_twophase_connection(deciding,
										 change->members[i].participant);
		rusts_node_send(conn, "ROLLBACK TO SAVEPOINT rusts_attempt", 0, NULL);
		rusts_connection_wait(&conn, 1, rusts_cluster_deadline());
		if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
			rusts_connection_report(conn, ERROR);
	}
}

static bool
is_lock_failure(int sqlstate)
{
	return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
}

static void
switch_over(Change *change)
{
	TimestampTz begun;

	begun = GetCurrentTimestamp();
	lock_all(change, "writes");
	await_hints(change);
	lock_all(change, "parts");
	fill(change);
	lock_all(change, "reads");
	prepare(change);
	rusts_twophase_decide(deciding);
	ereport(NOTICE,
			(errmsg("writers have waited for %ld ms",
					TimestampDifferenceMilliseconds(begun,
													GetCurrentTimestamp()))));
}

static void
begin_switch(Change *change)
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
		Member	   *member = &change->members[i];
		RustsNodeAddress address;

		if (member->self)
			continue;
		rusts_node_address(member->config, member->node, RUSTS_AS_CLUSTER,
						   &address);
		member->participant =
			rusts_twophase_add(deciding, &address,
							   rusts_node_application(change->config));

		/* Should this node be cut off, it must not hold locks for hours. */
		rusts_node_send(rusts_twophase_connection(deciding,
												  member->participant),
						"SELECT pg_catalog.set_config('tcp_keepalives_idle', '5', true),"
						" pg_catalog.set_config('tcp_keepalives_interval', '1', true),"
						" pg_catalog.set_config('tcp_keepalives_count', '5', true)",
						0, NULL);
	}
}

/* One node after the other: who else does this meets us at the first. */
static void
lock_all(Change *change, const char *what)
{
	const char *values[2];
	int			i;

	values[0] = what;
	values[1] = psprintf("%d", LOCK_TIMEOUT_MS);
	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];
		RustsConnection *conn;

		if (member->self)
		{
			rusts_change_lock(what, LOCK_TIMEOUT_MS);
			continue;
		}
		conn = rusts_twophase_connection(deciding, member->participant);
		rusts_node_send(conn, "SELECT rusts.cluster_lock($1, $2)", 2, values);
		rusts_connection_wait(&conn, 1, deadline_in(DRAIN_MS));
		if (rusts_connection_outcome(conn) != RUSTS_NODE_OK)
			rusts_connection_report(conn, ERROR);
	}
}

/* Until no node has rows for another one. */
static void
await_hints(Change *change)
{
	TimestampTz deadline = deadline_in(DRAIN_MS);

	while (have_hints(change))
	{
		if (GetCurrentTimestamp() >= deadline)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot move shards while nodes have rows to hand over"),
					 errhint("See rusts.cluster_hint on each node.")));
		pause_ms(20);
	}
}

static bool
have_hints(Change *change)
{
	const char *ids = change->ids;
	bool		found = false;
	int			i;

	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT EXISTS (SELECT FROM rusts.cluster_hint "
						"WHERE node_id = ANY ($1::pg_catalog.text[]))",
						1, &ids);
	wait_members(change, rusts_cluster_deadline());
	for (i = 0; i < change->nmembers; i++)
		found |= strcmp(PQgetvalue(rusts_connection_result(change->members[i].conn, 0),
								   0, 0), "t") == 0;
	return found;
}

/* With writers locked out: what is missing in the staged tables. */
static void
fill(Change *change)
{
	if (change->copies && !has_changed(change) && copy(change, "since"))
		return;
	stage(change);
	if (change->copies)
		(void) copy(change, "all");
}

/* Were rows changed or deleted since the marks? */
static bool
has_changed(Change *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];
		RustsConnection *conn;
		const char *marks;

		if (member->self)
			marks = rusts_change_marks();
		else
		{
			conn = rusts_twophase_connection(deciding, member->participant);
			rusts_node_send(conn, "SELECT rusts.cluster_marks()", 0, NULL);
			rusts_connection_wait(&conn, 1, deadline_in(DRAIN_MS));
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
copy(Change *change, const char *what)
{
	bool		done = true;
	const char *values[2];
	int			i;

	values[0] = change->text;
	values[1] = what;
	for (i = 0; i < change->nmembers; i++)
		rusts_node_send(change->members[i].conn,
						"SELECT rusts.cluster_copy($1, $2)", 2, values);
	wait_members(change, deadline_in(LONG_MS));
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
prepare(Change *change)
{
	int			i;

	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];

		if (!member->self)
			rusts_node_send(rusts_twophase_connection(deciding,
													  member->participant),
							"SELECT rusts.cluster_switch($1)", 1,
							&change->text);
	}
	rusts_twophase_prepare(deciding, deadline_in(LONG_MS));
	for (i = 0; i < change->nmembers; i++)
	{
		Member	   *member = &change->members[i];

		if (!member->self &&
			rusts_twophase_state(deciding, member->participant) !=
			RUSTS_PARTICIPANT_PREPARED)
			rusts_connection_report(rusts_twophase_connection(deciding,
															  member->participant),
									ERROR);
	}
	rusts_change_switch(change->text);
}

static void
wait_members(Change *change, TimestampTz deadline)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   change->nmembers);
	int			i;

	for (i = 0; i < change->nmembers; i++)
		conns[i] = change->members[i].conn;
	rusts_connection_wait(conns, change->nmembers, deadline);
	for (i = 0; i < change->nmembers; i++)
	{
		if (rusts_connection_outcome(conns[i]) != RUSTS_NODE_OK)
			rusts_connection_report(conns[i], ERROR);
	}
	pfree(conns);
}

/* Those who have waited for us go first. */
static void
try_again(int *attempts)
{
	if (++*attempts == MAX_ATTEMPTS)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not lock the measurements of the cluster"),
				 errdetail("Transactions that use them take longer than %d ms.",
						   LOCK_TIMEOUT_MS),
				 errhint("Call rusts_cluster_apply() again when they are over.")));
	pause_ms(100 + pg_prng_uint64_range(&pg_global_prng_state, 0, 200));
}

static void
pause_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static TimestampTz
deadline_in(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
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
