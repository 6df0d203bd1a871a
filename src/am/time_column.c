/*-------------------------------------------------------------------------
 *
 * time_column.c
 *	  What is the time of stored rows stays their time.
 *
 * The time column is known by its name and type.  Segments are sorted by it
 * and the segment directory has the first and last time of each; scans leave
 * segments out by that and rely on the order.  If another column became the
 * time, by a new name or a new type, they would answer wrongly.  So a
 * statement fails that makes another column the time of a measurement, or
 * none, unless there are no rows or the statement writes them anew.
 *
 * Whether it does is known when it has run; what there was before is noted
 * when a column is about to be changed.  That hook is called for partitions,
 * children and typed tables, too, which the statement does not name, and the
 * relation is locked then.
 *
 * src/am/time_column.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/am.h"
#include "compat.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "write/buffer.h"

/* A measurement as it was before the statement. */
typedef struct Noted
{
	Oid			relid;
	AttrNumber	time;
	int64		storage_id;
} Noted;

/* A running statement that may change columns. */
typedef struct Statement
{
	MemoryContext cxt;
	List	   *noted;
} Statement;

/* The innermost of them, NULL if there is none. */
static Statement *running = NULL;

static object_access_hook_type prev_object_access = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

static void at_object_access(ObjectAccessType access, Oid class_id,
							 Oid object_id, int sub_id, void *arg);
static void note(Oid relid);
static void run_utility(PlannedStmt *statement, const char *query_string,
						bool read_only_tree, ProcessUtilityContext context,
						ParamListInfo params, QueryEnvironment *environment,
						DestReceiver *dest, QueryCompletion *completion);
static bool may_change_columns(Node *statement);
static void pass_on(PlannedStmt *statement, const char *query_string,
					bool read_only_tree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *environment,
					DestReceiver *dest, QueryCompletion *completion);
static void check(const Noted *noted);
static bool has_rows(int64 storage_id);

void
rusts_time_column_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = at_object_access;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
}

/*
 * A column is about to be dropped, or has been made or changed and the catalog
 * entry is not visible yet.
 */
static void
at_object_access(ObjectAccessType access, Oid class_id, Oid object_id,
				 int sub_id, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, class_id, object_id, sub_id, arg);

	if (running != NULL && class_id == RelationRelationId && sub_id > 0 &&
		(access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
		 access == OAT_DROP) &&
		rusts_has_storage(get_rel_relkind(object_id)) &&
		rusts_relid_is_measurement(object_id))
		note(object_id);
}

static void
note(Oid relid)
{
	Relation	rel;
	Noted	   *noted;
	MemoryContext old_cxt;
	ListCell   *lc;

	foreach(lc, running->noted)
	{
		if (((Noted *) lfirst(lc))->relid == relid)
			return;
	}
	rel = relation_open(relid, NoLock);
	old_cxt = MemoryContextSwitchTo(running->cxt);
	noted = palloc_object(Noted);
	noted->relid = relid;
	noted->time = rusts_time_attno(rel);
	noted->storage_id = rusts_storage_id_if_readable(rel);
	running->noted = lappend(running->noted, noted);
	MemoryContextSwitchTo(old_cxt);
	relation_close(rel, NoLock);
}

static void
run_utility(PlannedStmt *statement, const char *query_string,
			bool read_only_tree, ProcessUtilityContext context,
			ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *dest, QueryCompletion *completion)
{
	Statement	mine = {.cxt = CurrentMemoryContext};
	Statement  *outer = running;
	ListCell   *lc;

	if (!may_change_columns(statement->utilityStmt))
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
		return;
	}

	running = &mine;
	PG_TRY();
	{
		pass_on(statement, query_string, read_only_tree, context,
				params, environment, dest, completion);
	}
	PG_FINALLY();
	{
		running = outer;
	}
	PG_END_TRY();

	if (mine.noted != NIL)
		CommandCounterIncrement();
	foreach(lc, mine.noted)
		check(lfirst(lc));
}

/* Others, such as CALL, do it by statements in them, if at all. */
static bool
may_change_columns(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
		case T_RenameStmt:
		case T_DropStmt:
		case T_DropOwnedStmt:
			return true;
		default:
			return false;
	}
}

/* Let the hook before ours, or PostgreSQL, run the statement. */
static void
pass_on(PlannedStmt *statement, const char *query_string,
		bool read_only_tree, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment,
		DestReceiver *dest, QueryCompletion *completion)
{
	if (prev_process_utility)
		prev_process_utility(statement, query_string, read_only_tree,
							 context, params, environment, dest, completion);
	else
		standard_ProcessUtility(statement, query_string, read_only_tree,
								context, params, environment, dest,
								completion);
}

/* Raise an error if rows are there whose time another column was. */
static void
check(const Noted *noted)
{
	Relation	rel = try_relation_open(noted->relid, NoLock);

	if (rel == NULL)
		return;					/* dropped */
	if (rusts_is_measurement(rel) &&
		rusts_time_attno(rel) != noted->time &&
		rusts_storage_id_if_readable(rel) == noted->storage_id &&
		(rusts_buffers_hold_rows(noted->relid) ||
		 has_rows(noted->storage_id)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change which column is the time of measurement \"%s\" because it has rows",
						RelationGetRelationName(rel)),
				 errdetail("Rows are stored in the order of the column \"%s\" of type timestamp with or without time zone, and found by it.",
						   RUSTS_TIME_COLUMN),
				 errhint("Copy the rows to a new measurement, or TRUNCATE this one first.")));
	relation_close(rel, NoLock);
}

/*
 * The statement's lock keeps others from writing, so what nobody sees now is
 * of transactions that have failed, or has been replaced.
 */
static bool
has_rows(int64 storage_id)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	uint32		nentries;

	(void) rusts_directory_load(storage_id, -1, snapshot, &nentries);
	UnregisterSnapshot(snapshot);
	return nentries > 0;
}
