/*-------------------------------------------------------------------------
 *
 * fdw_answer.c
 *	  Scans of other nodes whose answer is short: aggregates.
 *
 * What is sent is a transaction by itself, so it sees what is committed when
 * it begins: in READ COMMITTED only, where that is what is wanted.  All scans
 * of a statement that ask the same node see the same: their statements are one
 * transaction, or all of them are postgres_fdw's.
 *
 * src/cluster/fdw_answer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "foreign/foreign.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/binary_value.h"
#include "cluster/fdw_answer.h"
#include "cluster/nodes.h"
#include "cluster/topology.h"
#include "compat.h"

/* No answer has more rows, whatever hash_mem is; libpq keeps them all. */
#define MAX_ROWS		50000
#define VALUE_BYTES		32

/* Elements of a scan's fdw_private: FdwScanPrivateIndex of postgres_fdw.c. */
#define PRIVATE_SQL				0
#define PRIVATE_COLUMNS			1

typedef struct AnswerColumn
{
	int			attno;			/* from 0 */
	Oid			type;
} AnswerColumn;

/* The scans of a statement. */
typedef struct Reading
{
	dlist_node	link;
	MemoryContextCallback callback;
	const EState *estate;
	List	   *questions;
	bool		by_fdw;			/* postgres_fdw has some, so it gets all */
} Reading;

/* Those that a node answers, in a role's name. */
typedef struct Question
{
	const Reading *reading;
	int			node;
	Oid			userid;
	List	   *answers;
	int			nopen;			/* answers that are in use */
	RustsConnection *conn;		/* NULL: not sent, or given back */
	bool		received;
} Question;

typedef struct RemoteAnswer
{
	const void *mark;			/* &mark_of_answers */
	const char *sql;
	Question   *question;
	int			number;			/* of the command on the connection */
	double		max_rows;
	const PGresult *result;		/* NULL: not received yet */
	int			next;
	int			ncolumns;
	AnswerColumn *columns;
	TupleTableSlot *slot;
	MemoryContext row_cxt;
} RemoteAnswer;

/* postgres_fdw's states begin with something else. */
static const char mark_of_answers = 'a';

static dlist_head readings = DLIST_STATIC_INIT(readings);

static Reading *reading_of(EState *estate);
static void forget_reading(void *arg);
static Question *question_for(Reading *reading, int node, Oid userid);
static void ask(Question *question);
static void have_received(Question *question);

static bool fits(const ForeignScan *plan);
static bool describe_columns(RemoteAnswer *answer, const ForeignScan *plan,
							 TupleDesc desc);
static int	find_node(const ForeignScan *plan, Oid userid);
static bool has_only(List *options, const char *const *names, int nnames);
static const char *first_of(List *options, const char *name);
static Oid	scan_user(ForeignScanState *node);
static void connect_node(Question *question);
static void report(const Question *question);

static inline RemoteAnswer *
answer_of(const ForeignScanState *node)
{
	return node->fdw_state;
}

bool
rusts_is_answer(const ForeignScanState *node)
{
	return node->fdw_state != NULL &&
		answer_of(node)->mark == &mark_of_answers;
}

bool
rusts_answer_begin(ForeignScanState *node, int eflags)
{
	const ForeignScan *plan = (const ForeignScan *) node->ss.ps.plan;
	TupleDesc	desc = node->ss.ss_ScanTupleSlot->tts_tupleDescriptor;
	RemoteAnswer *answer;
	int			asked;

	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) || !fits(plan))
		return false;
	answer = palloc0_object(RemoteAnswer);
	answer->mark = &mark_of_answers;
	asked = find_node(plan, scan_user(node));
	if (asked < 0 || !describe_columns(answer, plan, desc))
		return false;
	answer->max_rows = Min(MAX_ROWS, get_hash_memory_limit() /
						   (answer->ncolumns * VALUE_BYTES));
	if (plan->scan.plan.plan_rows > answer->max_rows)
		return false;
	answer->sql = strVal(list_nth(plan->fdw_private, PRIVATE_SQL));
	answer->slot = ExecInitExtraTupleSlot(node->ss.ps.state, desc,
										  &TTSOpsVirtual);
	answer->row_cxt = AllocSetContextCreate(CurrentMemoryContext,
											"rusts remote row",
											ALLOCSET_SMALL_SIZES);
	answer->question = question_for(reading_of(node->ss.ps.state), asked,
									scan_user(node));
	answer->question->answers = lappend(answer->question->answers, answer);
	answer->question->nopen++;
	node->fdw_state = answer;
	return true;
}

void
rusts_answer_is_by_fdw(ForeignScanState *node)
{
	reading_of(node->ss.ps.state)->by_fdw = true;
}

static Reading *
reading_of(EState *estate)
{
	Reading    *reading;
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
	{
		reading = dlist_container(Reading, link, iter.cur);
		if (reading->estate == estate)
			return reading;
	}
	reading = MemoryContextAllocZero(estate->es_query_cxt, sizeof(Reading));
	reading->estate = estate;
	reading->callback.func = forget_reading;
	reading->callback.arg = reading;
	MemoryContextRegisterResetCallback(estate->es_query_cxt,
									   &reading->callback);
	dlist_push_head(&readings, &reading->link);
	return reading;
}

static void
forget_reading(void *arg)
{
	dlist_delete(&((Reading *) arg)->link);
}

/* One that has been asked is not asked more. */
static Question *
question_for(Reading *reading, int node, Oid userid)
{
	Question   *question;
	ListCell   *lc;

	foreach(lc, reading->questions)
	{
		question = lfirst(lc);
		if (question->node == node && question->userid == userid &&
			question->conn == NULL && !question->received)
			return question;
	}
	question = palloc0_object(Question);
	question->reading = reading;
	question->node = node;
	question->userid = userid;
	reading->questions = lappend(reading->questions, question);
	return question;
}

/* An aggregate, without parameters, that sees what has been committed. */
static bool
fits(const ForeignScan *plan)
{
	return plan->scan.scanrelid == 0 && plan->fdw_exprs == NIL &&
		plan->operation == CMD_SELECT && !IsolationUsesXactSnapshot() &&
		list_length(plan->fdw_private) > PRIVATE_COLUMNS;
}

static bool
describe_columns(RemoteAnswer *answer, const ForeignScan *plan,
				 TupleDesc desc)
{
	List	   *attnos = list_nth(plan->fdw_private, PRIVATE_COLUMNS);
	ListCell   *lc;

	if (attnos == NIL)
		return false;
	answer->ncolumns = list_length(attnos);
	answer->columns = palloc_array(AnswerColumn, answer->ncolumns);
	foreach(lc, attnos)
	{
		AnswerColumn *column = &answer->columns[foreach_current_index(lc)];

		if (lfirst_int(lc) <= 0)
			return false;
		column->attno = lfirst_int(lc) - 1;
		column->type = TupleDescAttr(desc, column->attno)->atttypid;
		if (!rusts_has_binary_value(column->type))
			return false;
	}
	return true;
}

/*
 * The node that postgres_fdw would ask first; -1 if it would connect in
 * another way than we do.
 */
static int
find_node(const ForeignScan *plan, Oid userid)
{
	static const char *const server_options[] = {
		"host", "port", "dbname", "sslmode", "passfile", "application_name",
		"extensions", "async_capable", "parallel_commit", "fetch_size",
		"connect_timeout"
	};
	static const char *const user_options[] = {"user", "password_required"};
	const RustsClusterConfig *config = rusts_cluster();
	ForeignServer *server;
	UserMapping *user;
	const char *host;
	const char *port;
	int			i;

	if (config == NULL)
		return -1;
	server = GetForeignServer(plan->fs_server);
	if (strncmp(server->servername, RUSTS_SERVER_PREFIX,
				strlen(RUSTS_SERVER_PREFIX)) != 0 ||
		!has_only(server->options, server_options, lengthof(server_options)))
		return -1;
	user = GetUserMapping(userid, server->serverid);
	if (!has_only(user->options, user_options, lengthof(user_options)) ||
		strcmp(first_of(user->options, "user"),
			   GetUserNameFromId(userid, false)) != 0)
		return -1;
	host = first_of(server->options, "host");
	port = first_of(server->options, "port");
	for (i = 0; i < config->nnodes; i++)
	{
		if (i != config->self && config->nodes[i].port == atoi(port) &&
			strcmp(config->nodes[i].host, host) == 0)
			return i;
	}
	return -1;
}

static bool
has_only(List *options, const char *const *names, int nnames)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		int			i = 0;

		while (i < nnames &&
			   strcmp(lfirst_node(DefElem, lc)->defname, names[i]) != 0)
			i++;
		if (i == nnames)
			return false;
	}
	return true;
}

/* The first of a list of hosts or ports; or "". */
static const char *
first_of(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
		{
			const char *value = defGetString(option);

			return pnstrdup(value, strcspn(value, ","));
		}
	}
	return "";
}

/* On whose behalf postgres_fdw connects. */
static Oid
scan_user(ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Oid			userid;

#if PG_VERSION_NUM < 160000
	int			rti = bms_next_member(plan->fs_relids, -1);

	userid = exec_rt_fetch(rti, node->ss.ps.state)->checkAsUser;
#else
	userid = plan->checkAsUser;
#endif
	return OidIsValid(userid) ? userid : GetUserId();
}

void
rusts_answer_send(ForeignScanState *node)
{
	Question   *question = answer_of(node)->question;
	MemoryContext old_cxt;

	if (question->conn != NULL || question->received ||
		question->reading->by_fdw)
		return;
	old_cxt = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);
	ask(question);
	MemoryContextSwitchTo(old_cxt);
}

/* A statement alone is a transaction; several are made one. */
static void
ask(Question *question)
{
	bool		several = list_length(question->answers) > 1;
	ListCell   *lc;

	connect_node(question);
	if (several)
		rusts_connection_command(question->conn,
								 "START TRANSACTION ISOLATION LEVEL "
								 "REPEATABLE READ READ ONLY");
	foreach(lc, question->answers)
	{
		RemoteAnswer *answer = lfirst(lc);

		answer->number = foreach_current_index(lc) + several;
		rusts_connection_send(question->conn,
							  psprintf("SELECT * FROM (%s) AS answer "
									   "LIMIT %.0f",
									   answer->sql, answer->max_rows + 1),
							  0, NULL, NULL, NULL, NULL, 1);
	}
	if (several)
		rusts_connection_command(question->conn, "COMMIT");
	rusts_connection_start(question->conn);
}

/* How long an answer takes is the query's matter; connecting must be fast. */
static void
connect_node(Question *question)
{
	const RustsClusterConfig *config = rusts_cluster();
	RustsNodeAddress address;

	rusts_node_address(config, question->node, RUSTS_AS_CURRENT_USER,
					   &address);
	address.user = GetUserNameFromId(question->userid, false);
	question->conn = rusts_connection_get(&address,
										  rusts_node_application(config));
	if (rusts_connection_is_new(question->conn))
	{
		rusts_connection_command(question->conn, "");
		rusts_connection_wait(&question->conn, 1, rusts_cluster_deadline());
	}
}

bool
rusts_answer_wait(ForeignScanState *node)
{
	RemoteAnswer *answer = answer_of(node);

	if (answer->result != NULL)
		return true;
	rusts_answer_send(node);
	have_received(answer->question);
	if (answer->question->conn != NULL)
		answer->result = rusts_connection_result(answer->question->conn,
												 answer->number);
	if (answer->result == NULL ||
		PQntuples(answer->result) > answer->max_rows ||
		PQnfields(answer->result) != answer->ncolumns)
	{
		rusts_answer_end(node);
		node->fdw_state = NULL;
		return false;
	}
	answer->next = 0;
	return true;
}

/* Raises what the node has said; without a connection there is no answer. */
static void
have_received(Question *question)
{
	if (question->received || question->conn == NULL)
		return;
	rusts_connection_wait(&question->conn, 1, DT_NOEND);
	question->received = true;
	switch (rusts_connection_outcome(question->conn))
	{
		case RUSTS_NODE_OK:
			break;
		case RUSTS_NODE_REFUSED:
			report(question);
			break;
		case RUSTS_NODE_UNREACHABLE:
			rusts_connection_release(question->conn);
			question->conn = NULL;
			break;
	}
}

bool
rusts_answer_is_there(ForeignScanState *node)
{
	return rusts_answer_socket(node) == PGINVALID_SOCKET;
}

pgsocket
rusts_answer_socket(ForeignScanState *node)
{
	const Question *question = answer_of(node)->question;

	return question->received || question->conn == NULL ? PGINVALID_SOCKET :
		rusts_connection_socket(question->conn);
}

/* As postgres_fdw does: the error is the one of the statement. */
static void
report(const Question *question)
{
	const RustsNodeError *error = rusts_connection_error(question->conn);
	const char *sql = NULL;
	ListCell   *lc;

	foreach(lc, question->answers)
	{
		const RemoteAnswer *answer = lfirst(lc);
		const PGresult *result = rusts_connection_result(question->conn,
														 answer->number);

		if (result != NULL &&
			PQresultStatus(result) == PGRES_FATAL_ERROR)
		{
			sql = answer->sql;
			break;
		}
	}
	ereport(ERROR,
			(errcode(error->sqlstate),
			 errmsg_internal("%s", error->remote_message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 sql ? errcontext("remote SQL command: %s", sql) : 0));
}

TupleTableSlot *
rusts_answer_next(ForeignScanState *node)
{
	RemoteAnswer *answer = answer_of(node);
	TupleTableSlot *slot = answer->slot;
	const PGresult *result = answer->result;
	MemoryContext old_cxt;
	int			row = answer->next;
	int			i;

	ExecClearTuple(slot);
	if (row >= PQntuples(result))
		return slot;
	answer->next++;
	MemoryContextReset(answer->row_cxt);
	old_cxt = MemoryContextSwitchTo(answer->row_cxt);
	memset(slot->tts_isnull, true,
		   slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (i = 0; i < answer->ncolumns; i++)
	{
		const AnswerColumn *column = &answer->columns[i];

		if (PQgetisnull(result, row, i))
			continue;
		slot->tts_values[column->attno] =
			rusts_binary_value(column->type, PQgetvalue(result, row, i),
					   PQgetlength(result, row, i));
		slot->tts_isnull[column->attno] = false;
	}
	MemoryContextSwitchTo(old_cxt);
	return ExecStoreVirtualTuple(slot);
}

void
rusts_answer_rewind(ForeignScanState *node)
{
	answer_of(node)->next = 0;
}

/* The last one gives the connection back. */
void
rusts_answer_end(ForeignScanState *node)
{
	RemoteAnswer *answer = answer_of(node);
	Question   *question = answer->question;

	ExecClearTuple(answer->slot);
	MemoryContextReset(answer->row_cxt);
	answer->result = NULL;
	if (--question->nopen > 0 || question->conn == NULL)
		return;
	rusts_connection_release(question->conn);
	question->conn = NULL;
}
