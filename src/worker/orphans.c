/*-------------------------------------------------------------------------
 *
 * orphans.c
 *	  Remove what is known of measurements that are gone.
 *
 * src/worker/orphans.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "meta/directory.h"
#include "meta/job_table.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "worker/job.h"

/*
 * Remove directory rows of storages that no relation has: what unlogged
 * measurements had before a crash.  The directory is read first, so every
 * storage in it that still exists has its relation among those listed after.
 * As long as one of these cannot be asked for its storage any may be its own.
 */
bool
rusts_remove_orphans(void)
{
	int64	   *storages;
	uint32		nstorages;
	List	   *measurements;
	ListCell   *cell;
	bool		complete = true;
	uint32		i;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	storages = rusts_directory_storages(GetActiveSnapshot(), &nstorages);
	PopActiveSnapshot();
	measurements = nstorages > 0 ? rusts_list_measurements() : NIL;
	foreach(cell, measurements)
	{
		Oid			relid = lfirst_oid(cell);
		Relation	rel;
		int64		id;

		CHECK_FOR_INTERRUPTS();
		if (!ConditionalLockRelationOid(relid, AccessShareLock))
		{
			complete = false;
			break;
		}
		rel = try_relation_open(relid, NoLock);
		if (rel == NULL)
			continue;
		id = rusts_storage_id(rel);
		relation_close(rel, AccessShareLock);
		for (i = 0; i < nstorages; i++)
		{
			if (storages[i] == id)
				storages[i] = 0;
		}
	}
	for (i = 0; i < nstorages && complete; i++)
	{
		if (storages[i] != 0)
			rusts_directory_delete_storage(storages[i]);
	}
	rusts_job_table_prune();
	CommitTransactionCommand();
	return complete;
}
