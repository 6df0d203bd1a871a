/*-------------------------------------------------------------------------
 *
 * fdw_scan.c
 *	  Scans of other nodes that may not be there.
 *
 * postgres_fdw connects when a scan begins.  If none of a group's nodes can be
 * reached the error names shards and nodes; or, where partial results are
 * allowed, there is a warning and the scan has no rows.  Such a scan is
 * known by its fdw_state, which is NULL.
 *
 * Answers that are short come another way, fdw_answer.h.
 *
 * postgres_fdw writes constants in conditions in a way that does not depend on
 * the session's settings, but not those in what it selects, groups and sorts
 * by, filters of aggregates included.  A remote session would take 02/01/2024
 * for another day, so here the settings are such while it makes the statement.
 *
 * src/cluster/fdw_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "foreign/foreign.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "cluster/fdw_answer.h"
#include "cluster/fdw_scan.h"
#include "cluster/read_check.h"
#include "cluster/topology.h"
#include "compat.h"

static FdwRoutine original;

static ForeignScan *get_plan(PlannerInfo *root, RelOptInfo *rel,
							 Oid relid, ForeignPath *path, List *tlist,
							 List *clauses, Plan *outer_plan);
static void set_option(const char *name, const char *value);
static void begin_scan(ForeignScanState *node, int eflags);
static void begin_original(ForeignScanState *node, int eflags);
static bool have_answer(ForeignScanState *node);
static const char *server_reason(const ErrorData *error);
static void report_unreachable(const char *server, const char *reason,
							   int elevel);
static void append_node(StringInfo list, const RustsClusterConfig *config,
						int node);
static TupleTableSlot *iterate_scan(ForeignScanState *node);
static void rescan(ForeignScanState *node);
static void end_scan(ForeignScanState *node);
static void async_request(AsyncRequest *request);
static void async_configure_wait(AsyncRequest *request);
static bool is_waited_for(AppendState *append, AsyncRequest *request);
static void async_notify(AsyncRequest *request);
static void take_pending_row(AsyncRequest *request);
static void take_row(AsyncRequest *request);

void
rusts_fdw_wrap_scans(FdwRoutine *routine)
{
	original = *routine;
	routine->GetForeignPlan = get_plan;
	routine->BeginForeignScan = begin_scan;
	routine->IterateForeignScan = iterate_scan;
	routine->ReScanForeignScan = rescan;
	routine->EndForeignScan = end_scan;
	routine->ForeignAsyncRequest = async_request;
	routine->ForeignAsyncConfigureWait = async_configure_wait;
	routine->ForeignAsyncNotify = async_notify;
}

static void
begin_scan(ForeignScanState *node, int eflags)
{
	if (rusts_answer_begin(node, eflags))
		return;
	rusts_answer_is_by_fdw(node);
	begin_original(node, eflags);
}

/* With the settings of postgres_fdw's set_transmission_modes(). */
static ForeignScan *
get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path,
		 List *tlist, List *clauses, Plan *outer_plan)
{
	int			nestlevel = NewGUCNestLevel();
	ForeignScan *plan;

	set_option("datestyle", "ISO");
	set_option("intervalstyle", "postgres");
	set_option("extra_float_digits", "3");
	set_option("search_path", "pg_catalog");
	plan = original.GetForeignPlan(root, rel, relid, path, tlist, clauses,
								   outer_plan);
	AtEOXact_GUC(true, nestlevel);
	return plan;
}

static void
set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * What went wrong with the connection has been cleaned up by whoever made it;
 * there is nothing else to undo when the scan goes on without it.
 */
static void
begin_original(ForeignScanState *node, int eflags)
{
	MemoryContext cxt = CurrentMemoryContext;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	ForeignServer *server = GetForeignServer(plan->fs_server);
	const char *volatile reason = NULL;
	volatile bool unreachable = false;

	PG_TRY();
	{
		original.BeginForeignScan(node, eflags);
	}
	PG_CATCH();
	{
		MemoryContext error_cxt = MemoryContextSwitchTo(cxt);
		ErrorData  *error = CopyErrorData();

		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) !=
			ERRCODE_CONNECTION_EXCEPTION)
		{
			MemoryContextSwitchTo(error_cxt);
			PG_RE_THROW();
		}
		FlushErrorState();
		reason = server_reason(error);
		unreachable = true;
	}
	PG_END_TRY();
	if (unreachable)
	{
		node->fdw_state = NULL;
		report_unreachable(server->servername, reason,
						   rusts_allow_partial_results ? WARNING : ERROR);
	}
}

/*
 * What the last of the nodes has said, if it was there: the text after that of
 * libpq, which names addresses.  NULL: nothing.
 */
static const char *
server_reason(const ErrorData *error)
{
	static const char mark[] = "FATAL:  ";
	const char *text = error->detail ? error->detail : error->message;
	const char *reason = NULL;

	while (text != NULL && (text = strstr(text, mark)) != NULL)
	{
		text += strlen(mark);
		reason = text;
	}
	return reason == NULL ? NULL : pnstrdup(reason, strcspn(reason, "\n"));
}

static void
report_unreachable(const char *server, const char *reason, int elevel)
{
	const RustsClusterConfig *config = rusts_cluster();
	const RustsShardGroup *group = NULL;
	StringInfoData nodes;
	ListCell   *cell;

	if (config != NULL &&
		strncmp(server, RUSTS_SERVER_PREFIX,
				strlen(RUSTS_SERVER_PREFIX)) == 0)
		group = rusts_group_find(config, server + strlen(RUSTS_SERVER_PREFIX));
	if (group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to server \"%s\"", server)));
	initStringInfo(&nodes);
	append_node(&nodes, config, group->primary);
	foreach(cell, group->replicas)
		append_node(&nodes, config, lfirst_int(cell));
	ereport(elevel,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("cannot read shards %s of the cluster",
					rusts_describe_shards(group->shards)),
			 reason == NULL ?
			 errdetail("Their nodes cannot be reached: %s.", nodes.data) :
			 errdetail("Their nodes cannot be reached: %s. The last one says: %s.",
					   nodes.data, reason),
			 elevel == WARNING ? 0 :
			 errhint("With rusts.allow_partial_results the other shards can be read.")));
}

static void
append_node(StringInfo list, const RustsClusterConfig *config, int node)
{
	appendStringInfo(list, "%s\"%s\"", list->len > 0 ? ", " : "",
					 config->nodes[node].id);
}

/* False: there is none, or the scan is postgres_fdw's now. */
static bool
have_answer(ForeignScanState *node)
{
	MemoryContext old_cxt;

	if (!rusts_is_answer(node))
		return false;
	if (rusts_answer_wait(node))
		return true;
	old_cxt = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);
	begin_original(node, 0);
	MemoryContextSwitchTo(old_cxt);
	return false;
}

static TupleTableSlot *
iterate_scan(ForeignScanState *node)
{
	if (have_answer(node))
		return rusts_answer_next(node);
	if (node->fdw_state == NULL)
		return ExecClearTuple(node->ss.ss_ScanTupleSlot);
	return original.IterateForeignScan(node);
}

static void
rescan(ForeignScanState *node)
{
	if (rusts_is_answer(node))
		rusts_answer_rewind(node);
	else if (node->fdw_state != NULL)
		original.ReScanForeignScan(node);
}

static void
end_scan(ForeignScanState *node)
{
	if (rusts_is_answer(node))
		rusts_answer_end(node);
	else if (node->fdw_state != NULL)
		original.EndForeignScan(node);
}

/* At first a statement is sent; then rows are taken, one by one. */
static void
async_request(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;

	if (rusts_is_answer(node))
	{
		rusts_answer_send(node);
		if (rusts_answer_is_there(node))
			take_row(request);
		else
			ExecAsyncRequestPending(request);
	}
	else if (node->fdw_state == NULL)
		ExecAsyncRequestDone(request, NULL);
	else
		original.ForeignAsyncRequest(request);
}

static void
async_configure_wait(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	AppendState *append = (AppendState *) request->requestor;

	if (!rusts_is_answer(node))
		original.ForeignAsyncConfigureWait(request);
	else if (rusts_answer_is_there(node))
		take_pending_row(request);
	else if (!is_waited_for(append, request))
		AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE,
						  rusts_answer_socket(node), NULL, request);
}

/*
 * An answer of the same node is waited for already, and so on the same socket,
 * which can be in the set but once.
 */
static bool
is_waited_for(AppendState *append, AsyncRequest *request)
{
	pgsocket	socket =
		rusts_answer_socket((ForeignScanState *) request->requestee);
	int			i = -1;

	while ((i = bms_next_member(append->as_asyncplans, i)) >= 0 &&
		   append->as_asyncrequests[i] != request)
	{
		AsyncRequest *other = append->as_asyncrequests[i];
		ForeignScanState *node = (ForeignScanState *) other->requestee;

		if (other->callback_pending && IsA(node, ForeignScanState) &&
			node->fdwroutine->ForeignAsyncConfigureWait ==
			async_configure_wait && rusts_is_answer(node) &&
			rusts_answer_socket(node) == socket)
			return true;
	}
	return false;
}

/* The answer has come with another of the same node. */
static void
take_pending_row(AsyncRequest *request)
{
	request->callback_pending = false;
	take_row(request);
	if (request->callback_pending)
	{
		/* that of postgres_fdw's */
		original.ForeignAsyncConfigureWait(request);
		return;
	}
	ExecAsyncResponse(request);
	if (request->requestee->instrument)
		InstrUpdateTupleCount(request->requestee->instrument,
							  TupIsNull(request->result) ? 0.0 : 1.0);
}

/* The answer begins to come: the rest of it will not take long. */
static void
async_notify(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;

	if (rusts_is_answer(node))
		take_row(request);
	else
		original.ForeignAsyncNotify(request);
}

/*
 * A row of the answer, with what is to be done to it; or, if postgres_fdw has
 * taken over, what that has.
 */
static void
take_row(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	TupleTableSlot *slot;

	if (!have_answer(node))
	{
		async_request(request);
		return;
	}
	slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);
	ExecAsyncRequestDone(request, TupIsNull(slot) ? NULL : slot);
}
