/*-------------------------------------------------------------------------
 *
 * read_check.c
 *	  Queries read what is complete, and do not wait for who is not there.
 *
 * A node that has been away may lack rows that the others have acknowledged.
 * Before a statement reads its parts of the cluster it must have known within
 * rusts.cluster_timeout that it lacks none: a node that was frozen knows
 * nothing when it wakes up, and whoever gave it up has waited so long.
 *
 * A node that is frozen answers nothing and closes nothing.  A statement that
 * waits for it looks now and then whether the cluster worker has given it
 * up, and shuts the socket down: postgres_fdw takes that for the end of the
 * connection, and connects to another node next time.
 *
 * src/cluster/read_check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "cluster/change.h"
#include "cluster/outbox.h"
#include "cluster/read_check.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/renew_snapshot.h"

/* How often a waiting statement looks. */
#define WATCH_MS		250

/* How often one looks that waits for this node's worker. */
#define WAIT_MS			10

/* Transactions back, which any snapshot sees. */
#define MAX_AGE			(UINT64CONST(1) << 30)

/* Sockets of a backend beyond this are not looked at. */
#define MAX_SOCKETS		4096

bool		rusts_allow_partial_results = false;
const RustsClusterView *rusts_cluster_view = NULL;

/* Addresses of nodes, in the order of the configuration. */
typedef struct NodeSocket
{
	struct sockaddr_storage address;
	bool		known;
} NodeSocket;

static ExecutorStart_hook_type prev_executor_start;
static ProcessUtility_hook_type prev_process_utility;
static NodeSocket *node_sockets;
static int	nnode_sockets;
static const RustsClusterConfig *node_sockets_of;
static TimeoutId watch_timeout = MAX_TIMEOUTS;
static bool watching;

/* In this transaction. */
static bool snapshot_is_complete;

static void executor_start(QueryDesc *query, int eflags);
static void look_at_tables(QueryDesc *query, bool *own, bool *others);
static bool is_complete(int ms);
static bool is_worth_waiting(void);
static void await_complete(void);
static void check_complete(const RustsClusterConfig *config,
						   QueryDesc *query);
static bool is_too_old(Snapshot snapshot);
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static bool begins_reading(Node *statement);
static void watch(const RustsClusterConfig *config);
static void find_addresses(const RustsClusterConfig *config);
static void at_timeout(void);
static void shut_down_sockets(const NodeSocket *node);
static bool same_address(const struct sockaddr_storage *a,
						 const struct sockaddr_storage *b);
static void at_xact_end(XactEvent event, void *arg);

void
rusts_read_check_init(void)
{
	DefineCustomBoolVariable("rusts.allow_partial_results",
							 "Lets queries go on without the rows of nodes that are away.",
							 "There is a warning instead of an error.",
							 &rusts_allow_partial_results, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	RegisterXactCallback(at_xact_end, NULL);
}

static void
executor_start(QueryDesc *query, int eflags)
{
	const RustsClusterConfig *config = NULL;
	bool		own = false;
	bool		others = false;

	/*
	 * How far a standby is behind is no matter of the cluster's; and before
	 * nodes switch, nothing is left for any of them to get.
	 */
	if (!(eflags & EXEC_FLAG_EXPLAIN_ONLY) && IsTransactionState() &&
		!IsParallelWorker() && !RecoveryInProgress() &&
		!rusts_change_running() &&
		rusts_cluster_view != NULL && query->plannedstmt->rtable != NIL)
		look_at_tables(query, &own, &others);
	if (own || others)
		config = rusts_cluster();
	if (config != NULL && config->nnodes > 1)
	{
		/* What another node has sent to be deleted is how rows catch up. */
		if (own && config->replication_factor > 1 &&
			!rusts_outbox_is_quiet())
			check_complete(config, query);
		if (others)
			watch(config);
	}
	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* Does the statement read parts that are here, or elsewhere? */
static void
look_at_tables(QueryDesc *query, bool *own, bool *others)
{
	Oid			schema = get_namespace_oid(RUSTS_SHARD_SCHEMA, true);
	Index		rti = 0;
	ListCell   *cell;

	foreach(cell, query->plannedstmt->rtable)
	{
		RangeTblEntry *rte = lfirst(cell);

		rti++;
		if (rte->rtekind != RTE_RELATION ||
			get_rel_namespace(rte->relid) != schema)
			continue;
		if (rte->relkind == RELKIND_FOREIGN_TABLE)
			*others = true;
		else if (query->operation != CMD_INSERT ||
				 !list_member_int(query->plannedstmt->resultRelations, rti))
			*own = true;
	}
}

/* Now, and for the next ms. */
static bool
is_complete(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms) <
		rusts_cluster_view->readable_until();
}

static void
check_complete(const RustsClusterConfig *config, QueryDesc *query)
{
	bool		late;

	/* What was complete once is so for a snapshot that stays. */
	if (snapshot_is_complete && IsolationUsesXactSnapshot())
		return;
	if (is_worth_waiting())
		await_complete();
	late = is_complete(0);
	if (late && (!is_too_old(query->snapshot) || rusts_renew_snapshot(query)))
	{
		snapshot_is_complete = true;
		return;
	}
	ereport(rusts_allow_partial_results ? WARNING : ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("node \"%s\" may lack rows that the cluster has",
					config->node_id),
			 late ? errdetail("It has got rows since the statement began.") :
			 errdetail("It has just started, does not reach the others, or still has to get rows."),
			 rusts_allow_partial_results ? 0 :
			 late ? errhint("Repeat it in a new transaction.") :
			 errhint("Ask another node, or set rusts.allow_partial_results.")));
}

/* Is the snapshot perhaps older than the rows that have come last? */
static bool
is_too_old(Snapshot snapshot)
{
	FullTransactionId since;
	uint64		age;

	pg_read_barrier();
	since = rusts_cluster_view->readable_since();
	age = U64FromFullTransactionId(ReadNextFullTransactionId()) -
		U64FromFullTransactionId(since);
	return FullTransactionIdIsValid(since) && age <= MAX_AGE &&
		XidInMVCCSnapshot(XidFromFullTransactionId(since), snapshot);
}

static bool
is_worth_waiting(void)
{
	const RustsClusterConfig *config;

	/* what is about to end may end before the statement has begun */
	if (rusts_cluster_view == NULL ||
		is_complete(rusts_cluster_timeout / 10) ||
		rusts_allow_partial_results || IsParallelWorker() ||
		RecoveryInProgress() || rusts_change_running() ||
		rusts_outbox_is_quiet())
		return false;
	config = rusts_cluster();
	return config != NULL && config->nnodes > 1 &&
		config->replication_factor > 1 && config->self >= 0;
}

static void
await_complete(void)
{
	static TimestampTz waited_in = 0;
	TimestampTz until;

	if (waited_in == GetCurrentStatementStartTimestamp())
		return;
	waited_in = GetCurrentStatementStartTimestamp();
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										rusts_cluster_timeout / 2);
	while (!is_complete(rusts_cluster_timeout / 10) &&
		   GetCurrentTimestamp() < until)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
						 WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	if (begins_reading(statement->utilityStmt) && is_worth_waiting())
		await_complete();
	(prev_process_utility ? prev_process_utility : standard_ProcessUtility)
		(statement, query_string, read_only_tree, context, params,
		 environment, dest, completion);
}

/* Postgres_fdw of another node does, with START TRANSACTION ISOLATION ... */
static bool
begins_reading(Node *statement)
{
	TransactionStmt *transaction = (TransactionStmt *) statement;

	return IsA(statement, TransactionStmt) &&
		transaction->kind == TRANS_STMT_START &&
		strncmp(application_name, "rusts:", 6) == 0;
}

static void
watch(const RustsClusterConfig *config)
{
	if (watching)
		return;
	if (watch_timeout == MAX_TIMEOUTS)
		watch_timeout = RegisterTimeout(USER_TIMEOUT, at_timeout);
	if (node_sockets_of != config)
		find_addresses(config);
	watching = true;
	enable_timeout_every(watch_timeout,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													 WATCH_MS), WATCH_MS);
}

/* A name that nobody knows is one that nobody has connected to, either. */
static void
find_addresses(const RustsClusterConfig *config)
{
	int			i;

	node_sockets_of = NULL;
	nnode_sockets = 0;
	if (node_sockets != NULL)
		free(node_sockets);
	node_sockets = calloc(config->nnodes, sizeof(NodeSocket));
	if (node_sockets == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	for (i = 0; i < config->nnodes; i++)
	{
		struct addrinfo hint = {0};
		struct addrinfo *found;
		char		port[16];

		hint.ai_socktype = SOCK_STREAM;
		snprintf(port, sizeof(port), "%d", config->nodes[i].port);
		if (getaddrinfo(config->nodes[i].host, port, &hint, &found) != 0)
			continue;
		memcpy(&node_sockets[i].address, found->ai_addr,
			   Min(found->ai_addrlen, sizeof(struct sockaddr_storage)));
		node_sockets[i].known = true;
		freeaddrinfo(found);
	}
	nnode_sockets = config->nnodes;
	node_sockets_of = config;
}

/* In a signal handler: only what is allowed there. */
static void
at_timeout(void)
{
	const volatile uint64 *down = rusts_cluster_view->down();
	int			i;

	if (down == NULL)
		return;
	for (i = 0; i < nnode_sockets; i++)
	{
		if (node_sockets[i].known && (down[i / 64] >> (i % 64) & 1))
			shut_down_sockets(&node_sockets[i]);
	}
}

static void
shut_down_sockets(const NodeSocket *node)
{
	int			save_errno = errno;
	int			fd;

	for (fd = 3; fd < MAX_SOCKETS; fd++)
	{
		struct sockaddr_storage peer;
		socklen_t	len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *) &peer, &len) == 0 &&
			same_address(&peer, &node->address))
			(void) shutdown(fd, SHUT_RDWR);
	}
	errno = save_errno;
}

static bool
same_address(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
	{
		const struct sockaddr_in *left = (const struct sockaddr_in *) a;
		const struct sockaddr_in *right = (const struct sockaddr_in *) b;

		return left->sin_port == right->sin_port &&
			left->sin_addr.s_addr == right->sin_addr.s_addr;
	}
	if (a->ss_family == AF_INET6)
	{
		const struct sockaddr_in6 *left = (const struct sockaddr_in6 *) a;
		const struct sockaddr_in6 *right = (const struct sockaddr_in6 *) b;

		return left->sin6_port == right->sin6_port &&
			memcmp(&left->sin6_addr, &right->sin6_addr,
				   sizeof(left->sin6_addr)) == 0;
	}
	return false;
}

/* Nothing is waited for between transactions. */
static void
at_xact_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	snapshot_is_complete = false;
	if (watching)
		disable_timeout(watch_timeout, false);
	watching = false;
}
