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
static void check_modify(PlannedStmt *statement, Plan *plan);
static void check_utility(Node *statement);
static bool makes_measurement(CreateStmt *statement);
static bool is_ours(const char *method);
static void check_access_method(RangeVar *name, const char *method);
static void check_constraints(List *elements, RangeVar *measurement);
static void check_foreign_key(Constraint *constraint, RangeVar *measurement);
static bool changes_rows(char action);
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
rusts_refuse_change(Relation rel)
{
	rusts_refuse(rel, "UPDATE, DELETE and MERGE",
				 "Rows of a measurement are only added; write a corrected copy to a new measurement, or TRUNCATE it.");
}

void
rusts_refuse_index(Relation rel)
{
	rusts_refuse(rel, "indexes",
				 "Rows are stored sorted by tags and time; a primary key, a unique or an exclusion constraint needs an index, too.");
}

/*
 * When a row is deleted that a measurement has a foreign key to, PostgreSQL
 * looks there for rows that refer to it, FOR KEY SHARE.  Rows of a
 * measurement cannot lose their key, so that lock is nothing to take.
 * Nothing else runs without forced row-level security.
 */
bool
rusts_in_key_check(void)
{
	return InNoForceRLSOperation();
}

void
rusts_refuse_lock(Relation rel)
{
	rusts_refuse(rel, "row locks",
				 "Rows of a measurement do not change: leave out FOR UPDATE or FOR SHARE.");
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
	PlannedStmt *statement = query->plannedstmt;
	ListCell   *cell;

	if (statement->planTree != NULL)
		check_modify(statement, statement->planTree);
	foreach(cell, statement->subplans)
	{
		if (lfirst(cell) != NULL)
			check_modify(statement, lfirst(cell));
	}
	foreach(cell, statement->rowMarks)
	{
		PlanRowMark *mark = lfirst_node(PlanRowMark, cell);
		RangeTblEntry *rte = rt_fetch(mark->rti, statement->rtable);

		if (mark->isParent || mark->markType >= ROW_MARK_REFERENCE ||
			rte->rtekind != RTE_RELATION ||
			(mark->markType == ROW_MARK_KEYSHARE && rusts_in_key_check()))
			continue;
		if (rusts_relid_is_measurement(rte->relid) &&
			rte->relkind != RELKIND_PARTITIONED_TABLE)
			rusts_refuse_lock(open_named(rte->relid));
	}

	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* Does a plan (ModifyTable is always on top of one) change measurements? */
static void
check_modify(PlannedStmt *statement, Plan *plan)
{
	ModifyTable *modify = (ModifyTable *) plan;
	ListCell   *cell;

	if (!IsA(plan, ModifyTable) ||
		(modify->operation == CMD_INSERT &&
		 modify->onConflictAction == ONCONFLICT_NONE))
		return;
	foreach(cell, modify->resultRelations)
	{
		RangeTblEntry *rte = rt_fetch(lfirst_int(cell), statement->rtable);

		if (rte->relkind == RELKIND_PARTITIONED_TABLE ||
			!rusts_relid_is_measurement(rte->relid))
			continue;
		if (modify->operation == CMD_INSERT)
			rusts_refuse_conflict(open_named(rte->relid));
		rusts_refuse_change(open_named(rte->relid));
	}
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
			{
				CreateStmt *stmt = castNode(CreateStmt, statement);
				RangeVar   *measurement = makes_measurement(stmt) ?
					stmt->relation : NULL;

				check_constraints(stmt->tableElts, measurement);
				check_constraints(stmt->constraints, measurement);
				break;
			}
		case T_AlterTableStmt:
			relation = castNode(AlterTableStmt, statement)->relation;
			if (!names_measurement(relation))
				relation = NULL;
			foreach(cell, castNode(AlterTableStmt, statement)->cmds)
			{
				AlterTableCmd *cmd = lfirst_node(AlterTableCmd, cell);

				if ((cmd->subtype == AT_AddConstraint ||
					 cmd->subtype == AT_AddColumn) && cmd->def != NULL)
					check_constraints(list_make1(cmd->def), relation);
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

/* Will the new table be a measurement? */
static bool
makes_measurement(CreateStmt *statement)
{
	return statement->partspec == NULL && is_ours(statement->accessMethod);
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

/*
 * Column definitions and constraints, of the measurement if that is not NULL.
 */
static void
check_constraints(List *elements, RangeVar *measurement)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		Node	   *element = lfirst(cell);

		if (IsA(element, Constraint))
			check_foreign_key(castNode(Constraint, element), measurement);
		else if (IsA(element, ColumnDef))
		{
			ListCell   *inner;

			foreach(inner, castNode(ColumnDef, element)->constraints)
			{
				if (IsA(lfirst(inner), Constraint))
					check_foreign_key(lfirst_node(Constraint, inner),
									  measurement);
			}
		}
	}
}

/* No foreign key to a measurement, and none that would change one. */
static void
check_foreign_key(Constraint *constraint, RangeVar *measurement)
{
	if (constraint->contype != CONSTR_FOREIGN)
		return;
	if (measurement != NULL &&
		(changes_rows(constraint->fk_del_action) ||
		 changes_rows(constraint->fk_upd_action)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("measurement \"%s\" does not support foreign keys with CASCADE, SET NULL or SET DEFAULT",
						measurement->relname),
				 errhint("Rows of a measurement are only added; use NO ACTION or RESTRICT.")));
	if (constraint->pktable != NULL && names_measurement(constraint->pktable))
		rusts_refuse(table_openrv(constraint->pktable, AccessShareLock),
					 "being the target of a foreign key",
					 "A foreign key needs a unique constraint, which a measurement cannot have.");
}

/* Would this action of a foreign key change the rows that have it? */
static bool
changes_rows(char action)
{
	return action == FKCONSTR_ACTION_CASCADE ||
		action == FKCONSTR_ACTION_SETNULL ||
		action == FKCONSTR_ACTION_SETDEFAULT;
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
