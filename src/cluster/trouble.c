/*-------------------------------------------------------------------------
 *
 * trouble.c
 *	  What last went wrong with a node, for rusts_cluster_status().
 *
 * src/cluster/trouble.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "cluster/sql.h"
#include "cluster/trouble.h"
#include "compat.h"

static void store(const char *node_id, const char *message);

void
rusts_trouble_note(const char *node_id, const char *message)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		store(node_id, message);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
}

static void
store(const char *node_id, const char *message)
{
	const char *id = quote_literal_cstr(node_id);

	if (message == NULL)
		rusts_cluster_execute(psprintf(
			"DELETE FROM rusts.cluster_trouble WHERE node_id = %s", id));
	else
		rusts_cluster_execute(psprintf(
			"INSERT INTO rusts.cluster_trouble "
			"VALUES (%s, %s, pg_catalog.clock_timestamp()) "
			"ON CONFLICT (node_id) DO UPDATE "
			"SET message = EXCLUDED.message, at = EXCLUDED.at",
			id, quote_literal_cstr(message)));
}
