/*-------------------------------------------------------------------------
 *
 * refuse.c
 *	  What measurements do not support, refused before it begins.
 *
 * A statement that cannot be carried out should fail when it is started and
 * say what to do instead, not after half of its rows; so plans are looked at
 * when the executor starts, and utility statements before they run.  The
 * callbacks of the access method raise the same errors for the paths that
 * lead around (logical replication, extensions).
 *
 * src/am/refuse.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "am/am.h"
#include "meta/schema.h"

static planner_hook_type prev_planner = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

static PlannedStmt *plan_query(Query *query, const char *query_string,
							   int cursor_options, ParamListInfo params);
static void check_conflict(Query *query);
static void start_query(QueryDesc *query, int eflags);
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static void check_utility(Node *statement);
static bool is_ours(const char *method);
static void check_access_method(RangeVar *name, const char *method);
static void check_constraints(List *elements);
static void check_foreign_key(Constraint *constraint);
static bool names_measurement(RangeVar *name);
static Relation open_named(Oid relid);

void
rusts_refuse_init(void)
{
	prev_planner = planner_hook;
	planner_hook = plan_query;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = start_query;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
}

void
rusts_refuse(Relation rel, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("measurement \"%s\" does not support %s",
					RelationGetRelationName(rel), what),
			 errhint("%s", hint)));
}

void
rusts_refuse_index(Relation rel)
{
	rusts_refuse(rel, "indexes",
				 "Rows are stored sorted by tags and time; a primary key, a unique or an exclusion constraint needs an index, too.");
}

void
rusts_refuse_conflict(Relation rel)
{
	rusts_refuse(rel, "ON CONFLICT",
				 "A measurement has no unique constraints that rows could conflict with.");
}

/* The planner itself would say only that there is no unique constraint. */
static PlannedStmt *
plan_query(Query *query, const char *query_string, int cursor_options,
		   ParamListInfo params)
{
	check_conflict(query);
	return prev_planner ?
		prev_planner(query, query_string, cursor_options, params) :
		standard_planner(query, query_string, cursor_options, params);
}

static void
check_conflict(Query *query)
{
	ListCell   *cell;

	if (query->onConflict != NULL)
	{
		Oid			relid = rt_fetch(query->resultRelation,
									 query->rtable)->relid;

		if (rusts_relid_is_measurement(relid) &&
			get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
			rusts_refuse_conflict(open_named(relid));
	}
	foreach(cell, query->cteList)
	{
		Node	   *cte = lfirst_node(CommonTableExpr, cell)->ctequery;

		if (IsA(cte, Query))
			check_conflict((Query *) cte);
	}
}

static void
start_query(QueryDesc *query, int eflags)
{
	rusts_start_changes(query, eflags);
	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* For the message only; the statement holds a lock. */
static Relation
open_named(Oid relid)
{
	return relation_open(relid, NoLock);
}

static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	check_utility(statement->utilityStmt);
	if (prev_process_utility)
		prev_process_utility(statement, query_string, read_only_tree,
							 context, params, environment, dest, completion);
	else
		standard_ProcessUtility(statement, query_string, read_only_tree,
								context, params, environment, dest,
								completion);
}

static void
check_utility(Node *statement)
{
	RangeVar   *relation;
	ListCell   *cell;

	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			relation = castNode(IndexStmt, statement)->relation;
			if (names_measurement(relation))
				rusts_refuse_index(table_openrv(relation,
												AccessShareLock));
			break;
		case T_CreateStmt:
			check_constraints(castNode(CreateStmt, statement)->tableElts);
			check_constraints(castNode(CreateStmt, statement)->constraints);
			break;
		case T_AlterTableStmt:
			foreach(cell, castNode(AlterTableStmt, statement)->cmds)
			{
				AlterTableCmd *cmd = lfirst_node(AlterTableCmd, cell);

				if ((cmd->subtype == AT_AddConstraint ||
					 cmd->subtype == AT_AddColumn) && cmd->def != NULL)
					check_constraints(list_make1(cmd->def));
				if (cmd->subtype == AT_SetAccessMethod)
					check_access_method(castNode(AlterTableStmt,
												 statement)->relation,
										cmd->name);
			}
			break;
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
			rusts_check_publication(statement);
			break;
		default:
			break;
	}
}

/* Is a table access method, NULL for the default, ours? */
static bool
is_ours(const char *method)
{
	if (method == NULL)
		method = default_table_access_method;
	return OidIsValid(rusts_am_oid()) &&
		get_table_am_oid(method, true) == rusts_am_oid();
}

/* ALTER TABLE ... SET ACCESS METHOD */
static void
check_access_method(RangeVar *name, const char *method)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	if (OidIsValid(relid) && is_ours(method) &&
		get_rel_relkind(relid) == RELKIND_RELATION)
		rusts_check_published(relid, name->relname, get_rel_namespace(relid));
}

/* Column definitions and constraints. */
static void
check_constraints(List *elements)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		Node	   *element = lfirst(cell);

		if (IsA(element, Constraint))
			check_foreign_key(castNode(Constraint, element));
		else if (IsA(element, ColumnDef))
		{
			ListCell   *inner;

			foreach(inner, castNode(ColumnDef, element)->constraints)
			{
				if (IsA(lfirst(inner), Constraint))
					check_foreign_key(lfirst_node(Constraint, inner));
			}
		}
	}
}

/* No foreign key to a measurement. */
static void
check_foreign_key(Constraint *constraint)
{
	if (constraint->contype != CONSTR_FOREIGN)
		return;
	if (constraint->pktable != NULL && names_measurement(constraint->pktable))
		rusts_refuse(table_openrv(constraint->pktable, AccessShareLock),
					 "being the target of a foreign key",
					 "A foreign key needs a unique constraint, which a measurement cannot have.");
}

/* Does the name stand for a measurement with storage? */
static bool
names_measurement(RangeVar *name)
{
	Oid			relid;

	if (!OidIsValid(rusts_am_oid()))
		return false;
	relid = RangeVarGetRelid(name, NoLock, true);
	return OidIsValid(relid) &&
		get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE &&
		rusts_relid_is_measurement(relid);
}
