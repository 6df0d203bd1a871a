/*-------------------------------------------------------------------------
 *
 * cluster.c
 *	  The cluster worker of a database: what nodes owe each other.
 *
 * Each turn asks all other nodes at once what distributed transactions of this
 * node are in doubt there, and finishes them, and for whom they have rows.
 * Who has answered is there: it gets what was written while it was not, after
 * the measurements that were made meanwhile.  Who has not, or has
 * missed something, is not read from.
 *
 * src/worker/cluster.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/hints.h"
#include "cluster/lost.h"
#include "cluster/nodes.h"
#include "cluster/poll.h"
#include "cluster/schema_push.h"
#include "cluster/topology.h"
#include "cluster/trouble.h"
#include "compat.h"
#include "worker/cluster.h"
#include "worker/resync.h"

/* Nodes are asked as often as this. */
#define TURN_MS				1000

/* A worker that cannot be started is tried again after this. */
#define START_INTERVAL_MS	5000

static RustsDatabaseSlot *slot = NULL;

/* Nodes, by their place in the configuration, that know all measurements. */
static Bitmapset *taught = NULL;

/* Those with whom something went wrong the last time. */
static Bitmapset *troubled = NULL;

static bool arrive(Oid database);
static void leave(int code, Datum arg);
static int	turn_ms(void);
static bool turn(void);
static bool find_nodes(Bitmapset **there);
static void note_complete(TimestampTz until);
static void note_nodes(const RustsClusterConfig *config,
					   const RustsPoll *poll, TimestampTz now);
static Bitmapset *find_down(const RustsClusterConfig *config);
static void tell_down(const Bitmapset *nodes);
static void hand_over(int node, TimestampTz until);
static void teach(int node);
static bool deliver(int node);
static void give_up_step(int unused);
static bool guarded(void (*step) (int node), int node);
static void note(int node, const char *message);
static void poll_step(int unused);
static void teach_step(int node);
static void deliver_step(int node);

/* Nodes that did not answer in the last turn. */
static bool some_missing = false;

/* Since when nodes have answered; 0: they have not. */
static TimestampTz there_since[RUSTS_MAX_NODES];

/* When they were asked for the first time without an answer since; or 0. */
static TimestampTz missing_since[RUSTS_MAX_NODES];

static int	served = -1;		/* the last node that had its turn */
static bool hurry;				/* there is more to do than there was time */

/* Results of the steps. */
static Bitmapset *nodes_there;
static bool must_copy;			/* some node has not kept rows for us */
static TimestampTz readable_until;
static FullTransactionId readable_since;
static TimestampTz readable_before;	/* the poll began */
static bool is_complete;		/* we have all rows that others know of */
static int	ndelivered;

void
rusts_cluster_worker_start(RustsDatabaseSlot *own)
{
	static TimestampTz tried_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	const RustsClusterConfig *config;
	BackgroundWorker worker;
	bool		wanted;

	if (own->cluster_pid != 0 ||
		!TimestampDifferenceExceeds(tried_at, now, START_INTERVAL_MS))
		return;
	StartTransactionCommand();
	config = rusts_cluster();
	wanted = config != NULL && config->nnodes > 1;
	CommitTransactionCommand();
	if (!wanted)
		return;
	tried_at = now;
	rusts_worker_describe(&worker, "rusts cluster worker");
	strlcpy(worker.bgw_function_name, "rusts_cluster_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, sizeof(worker.bgw_name),
			 "rusts cluster worker for database %u", own->database);
	worker.bgw_main_arg = ObjectIdGetDatum(own->database);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		ereport(LOG,
				(errmsg("could not start a rusts cluster worker"),
				 errhint("Increase max_worker_processes.")));
}

void
rusts_cluster_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	MemoryContext turn_cxt;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!arrive(database))
		return;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	rusts_worker_settings();

	/* What the last worker has noted is undone by what goes well. */
	MemoryContextSwitchTo(TopMemoryContext);
	troubled = bms_add_range(NULL, 0, RUSTS_MAX_NODES - 1);
	turn_cxt = AllocSetContextCreate(TopMemoryContext, "rusts cluster turn",
									 ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextReset(turn_cxt);
		MemoryContextSwitchTo(turn_cxt);
		if (!turn())
			break;
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
						 turn_ms(),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

static bool
arrive(Oid database)
{
	bool		taken = false;

	slot = rusts_worker_slot(database);
	if (slot == NULL)
		return false;
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	if (slot->cluster_pid == 0 && slot->holds == 0)
	{
		slot->cluster_pid = MyProcPid;
		slot->cluster_latch = MyLatch;
		taken = true;
	}
	LWLockRelease(rusts_worker_shared->lock);
	if (taken)
		before_shmem_exit(leave, (Datum) 0);
	return taken;
}

static void
leave(int code, Datum arg)
{
	LWLockAcquire(rusts_worker_shared->lock, LW_EXCLUSIVE);
	slot->cluster_pid = 0;
	slot->cluster_latch = NULL;
	LWLockRelease(rusts_worker_shared->lock);
}

/* Who does not answer is asked more often until it is down. */
static int
turn_ms(void)
{
	return hurry ? 0 :
		Min(TURN_MS,
			rusts_cluster_timeout / (some_missing ? 10 : 5));
}

/*
 * False: there is no cluster any more.
 *
 * However much there is to hand over, and however slow a node is, the next
 * turn comes before the answers of this one are too old.
 */
static bool
turn(void)
{
	Bitmapset  *there;
	TimestampTz until;
	int			n;

	hurry = false;
	if (!find_nodes(&there))
		return false;
	if (must_copy)
		rusts_resync_worker_start();
	if (is_complete)
		(void) guarded(give_up_step, -1);
	taught = bms_int_members(taught, there);
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										rusts_cluster_timeout / 10);
	for (n = bms_num_members(there); n > 0 && !hurry; n--)
	{
		served = bms_next_member(there, served);
		if (served < 0)
			served = bms_next_member(there, -1);
		hand_over(served, until);
	}
	return true;
}

static void
hand_over(int node, TimestampTz until)
{
	bool		more = true;

	if (!bms_is_member(node, taught))
		teach(node);
	while (more && !hurry)
	{
		CHECK_FOR_INTERRUPTS();
		more = bms_is_member(node, taught) && deliver(node);
		hurry = GetCurrentTimestamp() >= until;
	}
}

/* Who is there?  What is in doubt there is finished on the way. */
static bool
find_nodes(Bitmapset **there)
{
	const RustsClusterConfig *config;
	bool		exists;

	StartTransactionCommand();
	config = rusts_cluster();
	exists = config != NULL && config->nnodes > 1;
	CommitTransactionCommand();
	bms_free(nodes_there);
	nodes_there = NULL;
	must_copy = false;
	is_complete = false;
	if (exists && guarded(poll_step, -1) && is_complete)
	{
		/* One that had been asked already may have told us what we miss. */
		is_complete =
			rusts_cluster_view->readable_until() >= readable_before;
		if (is_complete)
			rusts_cluster_view->set_readable(readable_until, readable_since);
	}
	*there = nodes_there;
	return exists;
}

static void
poll_step(int unused)
{
	const RustsClusterConfig *config = rusts_cluster();
	TimestampTz began = GetCurrentTimestamp();
	RustsPoll  *poll;
	Bitmapset  *down;
	MemoryContext old_cxt;

	if (config == NULL)
		return;
	readable_before = rusts_cluster_view->readable_until();
	poll = rusts_poll(config);
	note_nodes(config, poll, began);
	down = find_down(config);
	is_complete = rusts_poll_judge(config, poll, down, there_since);
	if (is_complete)
		note_complete(TimestampTzPlusMilliseconds(began, rusts_lease_ms()));

	/* Who has missed something stops at once, whatever it knew before. */
	else if (poll->is_behind)
		rusts_cluster_view->set_readable(began, InvalidFullTransactionId);
	tell_down(down);
	must_copy = config->self >= 0 &&
		poll->lags[config->self] >= RUSTS_LAG_LOST &&
		bms_num_members(poll->there) == config->nnodes - 1;
	old_cxt = MemoryContextSwitchTo(TopMemoryContext);
	nodes_there = bms_copy(poll->there);
	MemoryContextSwitchTo(old_cxt);
}

/*
 * Rows that have come since may be newer than a snapshot; one that sees this
 * transaction sees them, too.
 */
static void
note_complete(TimestampTz until)
{
	readable_until = until;
	readable_since = InvalidFullTransactionId;
	if (GetCurrentTimestamp() >= rusts_cluster_view->readable_until())
		readable_since = GetTopFullTransactionId();
}

static void
note_nodes(const RustsClusterConfig *config, const RustsPoll *poll,
		   TimestampTz now)
{
	int			i;

	some_missing = false;
	for (i = 0; i < config->nnodes; i++)
	{
		if (bms_is_member(i, poll->there))
		{
			if (there_since[i] == 0)
				there_since[i] = now;
			missing_since[i] = 0;
			continue;
		}
		there_since[i] = 0;
		if (missing_since[i] == 0)
			missing_since[i] = now;
		some_missing |= i != config->self;
	}
}

/* Who has not answered for so long that we go on without it? */
static Bitmapset *
find_down(const RustsClusterConfig *config)
{
	TimestampTz now = GetCurrentTimestamp();
	Bitmapset  *down = NULL;
	int			i;

	for (i = 0; i < config->nnodes; i++)
	{
		if (i != config->self && missing_since[i] != 0 &&
			TimestampDifferenceExceeds(missing_since[i], now,
									   rusts_give_up_ms()))
			down = bms_add_member(down, i);
	}
	return down;
}

/* Sessions that wait for a node that is down need not. */
static void
tell_down(const Bitmapset *nodes)
{
	uint64		down[RUSTS_DOWN_WORDS] = {0};
	int			i = -1;

	while ((i = bms_next_member(nodes, i)) >= 0)
		down[i / 64] |= UINT64CONST(1) << (i % 64);
	memcpy(slot->down, down, sizeof(down));
}

static void
teach(int node)
{
	MemoryContext old_cxt;

	if (!guarded(teach_step, node))
		return;
	old_cxt = MemoryContextSwitchTo(TopMemoryContext);
	taught = bms_add_member(taught, node);
	MemoryContextSwitchTo(old_cxt);
}

static void
teach_step(int node)
{
	const RustsClusterConfig *config = rusts_cluster();

	if (config != NULL && node < config->nnodes)
		rusts_schema_push(config, node);
}

/*
 * Who lacks rows himself may have the only copy of others, which he would lose
 * when he copies his parts.
 */
static void
give_up_step(int unused)
{
	const RustsClusterConfig *config = rusts_cluster();

	if (config != NULL)
		rusts_lost_give_up(config, nodes_there);
}

/* Is there more to deliver? */
static bool
deliver(int node)
{
	ndelivered = 0;
	return guarded(deliver_step, node) && ndelivered > 0;
}

static void
deliver_step(int node)
{
	const RustsClusterConfig *config = rusts_cluster();

	if (config != NULL && node < config->nnodes)
		ndelivered = rusts_hints_deliver(config, node);
}

/* A step in a transaction of its own; false: it failed, which is logged. */
static bool
guarded(void (*step) (int node), int node)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool done = false;
	char	   *volatile message = NULL;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		step(node);
		PopActiveSnapshot();
		CommitTransactionCommand();
		done = true;
	}
	PG_CATCH();
	{
		message = rusts_worker_recover(cxt);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	if (node >= 0)
		note(node, message);
	return done;
}

/* There is something to undo only where something was noted. */
static void
note(int node, const char *message)
{
	const RustsClusterConfig *config;
	char	   *id = NULL;
	MemoryContext cxt = CurrentMemoryContext;

	if (message == NULL && !bms_is_member(node, troubled))
		return;
	StartTransactionCommand();
	config = rusts_cluster();
	if (config != NULL && node < config->nnodes)
		id = MemoryContextStrdup(cxt, config->nodes[node].id);
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	troubled = message == NULL ? bms_del_member(troubled, node) :
		bms_add_member(troubled, node);
	MemoryContextSwitchTo(cxt);
	if (id != NULL)
		rusts_trouble_note(id, message);
}
