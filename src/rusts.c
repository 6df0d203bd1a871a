/*-------------------------------------------------------------------------
 *
 * rusts.c
 *	  Entry point of the shared library.
 *
 * src/rusts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "am/am.h"
#include "cluster/change_everywhere.h"
#include "cluster/config.h"
#include "cluster/connection.h"
#include "cluster/copying.h"
#include "cluster/deliver.h"
#include "cluster/lost.h"
#include "cluster/outbox.h"
#include "cluster/read_check.h"
#include "cluster/replicate.h"
#include "cluster/row_security.h"
#include "cluster/topology.h"
#include "exec/exec.h"
#include "ingest/ingest.h"
#include "meta/schema.h"
#include "meta/settings.h"
#include "plan/plan.h"
#include "segment/page_checks.h"
#include "worker/worker.h"
#include "write/buffer.h"
#include "write/durability.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

/*
 * The library hooks into the executor and transactions and needs shared
 * memory, so every backend must have it from the beginning.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rusts must be loaded by way of shared_preload_libraries"),
				 errhint("Add \"rusts\" to shared_preload_libraries in postgresql.conf and restart the server.")));

	rusts_settings_init();
	rusts_ingest_init();
	rusts_exec_init();
	rusts_config_init();
	rusts_connection_init();
	rusts_topology_init();
	rusts_read_check_init();
	rusts_lost_init();
	MarkGUCPrefixReserved("rusts");

	rusts_page_checks_init();
	rusts_schema_init();

	/* First registered, last called: at commit, after the buffers. */
	rusts_durability_init();
	rusts_deliver_init();
	rusts_outbox_init();
	rusts_replicate_init();
	rusts_row_security_init();
	rusts_buffers_init();
	rusts_fetch_init();
	rusts_row_lock_init();
	rusts_storage_hooks_init();
	rusts_refuse_init();
	rusts_change_everywhere_init();
	rusts_time_column_init();
	rusts_plan_init();
	rusts_copying_init();
	rusts_worker_init();
}
