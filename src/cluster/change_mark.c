/*-------------------------------------------------------------------------
 *
 * change_mark.c
 *	  What was written to a node's partitions since some moment.
 *
 * Batches get row numbers in the order they are stored in.  With nobody
 * writing, for a moment, all that is there has a number below the next one;
 * all that comes later has a greater one, and so have points that a reader
 * unites of both.  Rows that are moved to other segments would get a new
 * number, too, and notes of deleted ones would go; so both wait.
 *
 * Other nodes read what is new as a view, by way of a foreign table.
 *
 * src/cluster/change_mark.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/shard_hash.h"
#include "cluster/change.h"
#include "cluster/change_parts.h"
#include "cluster/sql.h"
#include "cluster/topology.h"
#include "compat.h"
#include "meta/schema.h"
#include "meta/tid.h"
#include "write/mover.h"

PG_FUNCTION_INFO_V1(rusts_cluster_keep);
PG_FUNCTION_INFO_V1(rusts_cluster_marks);
PG_FUNCTION_INFO_V1(rusts_cluster_watch);

static List *local_parts(void);
static void watch(Oid relid, int64 row);

/*
 * rusts.cluster_keep() RETURNS void
 */
Datum
rusts_cluster_keep(PG_FUNCTION_ARGS)
{
	rusts_change_keep();
	PG_RETURN_VOID();
}

/*
 * rusts.cluster_marks() RETURNS text
 */
Datum
rusts_cluster_marks(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(rusts_change_marks()));
}

/*
 * rusts.cluster_watch(marks text) RETURNS void
 */
Datum
rusts_cluster_watch(PG_FUNCTION_ARGS)
{
	char	   *marks = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			relid;
	int64		row;
	int			len;

	rusts_cluster_check_user();
	marks[strcspn(marks, "\n")] = '\0';
	while (sscanf(marks, " %u:" INT64_FORMAT "%n", &relid, &row, &len) == 2)
	{
		watch(relid, row);
		marks += len;
	}
	PG_RETURN_VOID();
}

void
rusts_change_keep(void)
{
	ListCell   *cell;

	rusts_cluster_check_user();
	foreach(cell, local_parts())
	{
		Relation	rel = try_relation_open(lfirst_oid(cell),
											AccessShareLock);

		if (rel == NULL)
			continue;
		if (rusts_is_measurement(rel))
			rusts_changer_lock(rel);
		relation_close(rel, AccessShareLock);
	}
}

char *
rusts_change_marks(void)
{
	StringInfoData marks;
	StringInfoData state;
	ListCell   *cell;

	rusts_cluster_check_user();
	initStringInfo(&marks);
	initStringInfo(&state);
	foreach(cell, local_parts())
	{
		Oid			relid = lfirst_oid(cell);

		appendStringInfo(&marks, "%u:%s ", relid, rusts_cluster_select(
			psprintf("SELECT coalesce(pg_catalog.max(segment_id + nrows), 0) "
			"FROM rusts.segment WHERE storage_id = rusts.storage_id(%u)",
			relid)));
		appendStringInfo(&state, "%u:%s ", relid, rusts_cluster_select(
			psprintf("SELECT pg_catalog.concat_ws('/', rusts.storage_id(%u), "
			"pg_catalog.count(*), pg_catalog.sum(nrows)) "
			"FROM rusts.deletion WHERE storage_id = rusts.storage_id(%u)",
			relid, relid)));
	}
	return psprintf("%s\n%s", marks.data, state.data);
}

char *
rusts_since_name(const char *part)
{
	uint64		hash = rusts_shard_hash_text(RUSTS_SHARD_HASH_INIT, part,
											 strlen(part));

	return psprintf(RUSTS_SINCE_PREFIX "%08x%08x", (uint32) (hash >> 32),
					(uint32) hash);
}

static List *
local_parts(void)
{
	const RustsClusterConfig *config = rusts_cluster();
	List	   *parts = NIL;
	ListCell   *cell;

	if (config == NULL)
		return NIL;
	foreach(cell, rusts_cluster_measurements(config->nshards))
	{
		List	   *children = find_inheritance_children(lfirst_oid(cell),
														 NoLock);
		ListCell   *child;

		foreach(child, children)
		{
			if (get_rel_relkind(lfirst_oid(child)) == RELKIND_RELATION)
				parts = lappend_oid(parts, lfirst_oid(child));
		}
	}
	return parts;
}

static void
watch(Oid relid, int64 row)
{
	char	   *part = get_rel_name(relid);
	ItemPointerData tid;

	if (part == NULL)
		return;
	rusts_row_to_tid(row, &tid);
	rusts_cluster_execute(psprintf(
		"CREATE VIEW " RUSTS_SHARD_SCHEMA ".%s AS SELECT * FROM ONLY "
		RUSTS_SHARD_SCHEMA ".%s WHERE ctid >= '(%u,%u)'",
		rusts_since_name(part), quote_identifier(part),
		ItemPointerGetBlockNumberNoCheck(&tid),
		ItemPointerGetOffsetNumberNoCheck(&tid)));
}
