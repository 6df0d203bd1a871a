/*-------------------------------------------------------------------------
 *
 * renew_snapshot.c
 *	  A later snapshot for a statement that is about to be executed.
 *
 * src/meta/renew_snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "utils/snapmgr.h"

#include "meta/renew_snapshot.h"

bool
rusts_renew_snapshot(QueryDesc *query)
{
	CommandId	cid;
	Snapshot	snapshot;

	if (IsolationUsesXactSnapshot() || IsInParallelMode() ||
		query->snapshot == InvalidSnapshot)
		return false;
	cid = query->snapshot->curcid;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	snapshot->curcid = cid;
	UnregisterSnapshot(query->snapshot);
	query->snapshot = snapshot;
	return true;
}
