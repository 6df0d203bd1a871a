/*-------------------------------------------------------------------------
 *
 * change_everywhere.c
 *	  Statements about measurements that all nodes carry out.
 *
 * The text of the statement goes to the other nodes, in its place among the
 * rows that the transaction writes.  All nodes commit it or none does
 * (replicate.c).  What it does on a node beyond what PostgreSQL does is done
 * on each of them by the same code, whoever was asked.
 *
 * What the cluster itself runs here, such as CREATE TABLE for a measurement
 * that another node has, does not come this way (sql.h).
 *
 * src/cluster/change_everywhere.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "cluster/change_everywhere.h"
#include "cluster/connection.h"
#include "cluster/outbox.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/everywhere.h"

static ProcessUtility_hook_type prev_process_utility = NULL;
static int	changing;			/* statements running */
static int	applying;			/* rusts_cluster_execute_depth() of what
								 * another node has sent, or 0 */

static void set_up(ArrayType *settings);
static void set_option(const char *name, const char *value);
static void run_everywhere(const char *sql);
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static void run_counted(ProcessUtility_hook_type run, PlannedStmt *statement,
						const char *query_string, bool read_only_tree,
						ProcessUtilityContext context, ParamListInfo params,
						QueryEnvironment *environment, DestReceiver *dest,
						QueryCompletion *completion);
static bool is_cluster(void);
static char *statement_text(const PlannedStmt *statement,
							const char *query_string);

PG_FUNCTION_INFO_V1(rusts_cluster_statement);

bool
rusts_is_changing_measurement(void)
{
	return changing > 0;
}

void
rusts_change_everywhere_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
	rusts_everywhere_hook = run_everywhere;
}

/*
 * rusts.cluster_statement(statement text, settings text[]) RETURNS void
 *
 * Carry out a statement that another node has carried out.  Anybody may call
 * it: it does what its caller may do anyway.
 */
Datum
rusts_cluster_statement(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("rusts.cluster_statement()");
	PreventCommandIfParallelMode("rusts.cluster_statement()");
	rusts_change_carry_out(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   PG_GETARG_ARRAYTYPE_P(1));
	PG_RETURN_VOID();
}

void
rusts_change_carry_out(const char *statement, ArrayType *settings)
{
	int			outer = applying;
	int			guc_level = NewGUCNestLevel();

	set_up(settings);
	rusts_outbox_begin_quiet();
	applying = rusts_cluster_execute_depth() + 1;
	PG_TRY();
	{
		rusts_cluster_execute_as_is(statement);
	}
	PG_FINALLY();
	{
		applying = outer;
		rusts_outbox_end_quiet();
	}
	PG_END_TRY();
	AtEOXact_GUC(true, guc_level);
}

/* As it was where the statement comes from, names and values. */
static void
set_up(ArrayType *settings)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT, &values,
					  &nulls, &n);
	for (i = 0; i + 1 < n; i += 2)
	{
		if (!nulls[i] && !nulls[i + 1])
			set_option(TextDatumGetCString(values[i]),
					   TextDatumGetCString(values[i + 1]));
	}

	/* Two nodes that wait for each other must not do so for ever. */
	set_option("lock_timeout",
			   psprintf("%d", Max(rusts_cluster_timeout - 100, 1)));
}

static void
set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static void
run_everywhere(const char *sql)
{
	const RustsClusterConfig *config = rusts_cluster();

	if (config != NULL && config->nnodes > 1 && !rusts_outbox_is_quiet())
		rusts_outbox_add_statement(sql);
}

static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	ProcessUtility_hook_type next = prev_process_utility ?
		prev_process_utility : standard_ProcessUtility;
	List	   *measurements = NIL;
	Node	   *copy;
	char	   *hints;

	/* Others must not find a snapshot, as SET TRANSACTION. */
	if (context != PROCESS_UTILITY_SUBCOMMAND &&
		rusts_change_may_concern(statement->utilityStmt) && is_cluster())
		measurements = rusts_change_targets(statement->utilityStmt);
	if (measurements == NIL)
	{
		next(statement, query_string, read_only_tree, context, params,
			 environment, dest, completion);
		return;
	}

	/* Who runs it may change it. */
	copy = copyObject(statement->utilityStmt);
	hints = rusts_change_parts_hints(measurements);
	run_counted(next, statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
	CommandCounterIncrement();
	rusts_change_parts(copy, measurements, hints);
	run_everywhere(statement_text(statement, query_string));
}

static void
run_counted(ProcessUtility_hook_type run, PlannedStmt *statement,
			const char *query_string, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *environment, DestReceiver *dest,
			QueryCompletion *completion)
{
	changing++;
	PG_TRY();
	{
		run(statement, query_string, read_only_tree, context, params,
			environment, dest, completion);
	}
	PG_FINALLY();
	{
		changing--;
	}
	PG_END_TRY();
}

/* Is it a node of a cluster, and not the cluster that runs a statement? */
static bool
is_cluster(void)
{
	return IsTransactionState() && !creating_extension &&
		rusts_cluster_execute_depth() == applying && rusts_cluster() != NULL;
}

static char *
statement_text(const PlannedStmt *statement, const char *query_string)
{
	const char *text = query_string;

	if (statement->stmt_location > 0)
		text += statement->stmt_location;
	return statement->stmt_len > 0 ? pnstrdup(text, statement->stmt_len) :
		pstrdup(text);
}
