/*-------------------------------------------------------------------------
 *
 * storage.c
 *	  A measurement's storage as a whole: creation, TRUNCATE, rewrites, DROP,
 *	  VACUUM, size.
 *
 * Segments belong to a storage id, which is in the metapage and so moves with
 * the file: SET TABLESPACE copies it, a rewrite makes another, and when the
 * files are swapped the directory needs no change.  The entries of a storage
 * are deleted when its relation is dropped or gets a new file, in the same
 * transaction, so that they come back if it aborts.
 *
 * No transaction ids are stored, so relfrozenxid is invalid in general.
 * ALTER TABLE sets it regardless when it rewrites a table; then VACUUM moves
 * it forward.  VACUUM FULL leaves its own transaction id there, and no
 * relminmxid: a snapshot that does not see that transaction would find an
 * empty measurement, since all directory rows are newer, and is refused.
 *
 * src/am/storage.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/storage.h"
#include "catalog/storage_xlog.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "storage/smgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "am/am.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "write/buffer.h"
#include "write/merge.h"
#include "write/reclaim.h"

/* So long VACUUM tries to give back the file's end; a heap's as well. */
#define VACUUM_TRUNCATE_MS	5000

static object_access_hook_type prev_object_access = NULL;

static void at_object_access(ObjectAccessType access, Oid class_id,
							 Oid object_id, int sub_id, void *arg);
static void check_published(Relation rel, char persistence);
static void check_columns(Relation rel);
static bool may_truncate(VacuumParamsArg params);

void
rusts_storage_hooks_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = at_object_access;
}

void
rusts_relation_set_new_filelocator(Relation rel,
								   const RelFileLocator *locator,
								   char persistence,
								   TransactionId *freeze_xid,
								   MultiXactId *min_multi)
{
	*freeze_xid = InvalidTransactionId;
	*min_multi = InvalidMultiXactId;

	check_columns(rel);

	/*
	 * A relation that gets another file (TRUNCATE) leaves its rows behind,
	 * also those that a subscription's worker has in a buffer.
	 */
	if (RelNumberOf(*locator) != RelNumberOf(RelationLocator(rel)))
	{
		rusts_buffers_flush_relation(RelationGetRelid(rel));
		rusts_directory_delete_storage(rusts_storage_id_if_readable(rel));
	}
	else
		check_published(rel, persistence);
	rusts_storage_create(locator, persistence);
}

/*
 * A new measurement must not be in a place that is published.  The transient
 * table of a rewrite (make_new_heap of commands/cluster.c) is none.
 */
static void
check_published(Relation rel, char persistence)
{
	if (persistence == RELPERSISTENCE_PERMANENT &&
		rel->rd_rel->relkind == RELKIND_RELATION &&
		strncmp(RelationGetRelationName(rel), "pg_temp_", 8) != 0)
		rusts_check_published(RelationGetRelid(rel),
							  RelationGetRelationName(rel),
							  RelationGetNamespace(rel));
}

/* Types without a length are for pseudo-types only, but extensions exist. */
static void
check_columns(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->attlen < -1)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of measurement \"%s\" has a type that cannot be stored",
							NameStr(att->attname),
							RelationGetRelationName(rel)),
					 errhint("Use type text instead.")));
	}
}

/*
 * TRUNCATE of a relation made in the same transaction, and ON COMMIT DELETE
 * ROWS: nobody else can see its rows.
 */
void
rusts_relation_nontransactional_truncate(Relation rel)
{
	rusts_buffers_flush_relation(RelationGetRelid(rel));
	rusts_directory_delete_storage(rusts_storage_id(rel));
	if (RelationGetNumberOfBlocks(rel) > 1)
		RelationTruncate(rel, 1);
	rusts_storage_renew(rel);
}

/* SET TABLESPACE; follows heapam_relation_copy_data of heapam_handler.c. */
void
rusts_relation_copy_data(Relation rel, const RelFileLocator *locator)
{
	SMgrRelation dstrel;
	ForkNumber	fork;

	dstrel = smgropen(*locator, rel->rd_backend);

	/* The copy bypasses the buffers. */
	FlushRelationBuffers(rel);
	RelationCreateStorage(*locator, rel->rd_rel->relpersistence, true);
	RelationCopyStorage(RelationGetSmgr(rel), dstrel, MAIN_FORKNUM,
						rel->rd_rel->relpersistence);
	for (fork = MAIN_FORKNUM + 1; fork <= MAX_FORKNUM; fork++)
	{
		if (!smgrexists(RelationGetSmgr(rel), fork))
			continue;
		smgrcreate(dstrel, fork, false);
		if (RelationIsPermanent(rel) ||
			(rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED &&
			 fork == INIT_FORKNUM))
			log_smgrcreate(locator, fork);
		RelationCopyStorage(RelationGetSmgr(rel), dstrel, fork,
							rel->rd_rel->relpersistence);
	}
	RelationDropStorage(rel);
	smgrclose(dstrel);
}

/* VACUUM FULL: the rows in as few and as large segments as can be. */
void
rusts_relation_copy_for_cluster(Relation old_table, Relation new_table,
								Relation old_index, bool use_sort,
								TransactionId oldest_xmin,
								TransactionId *xid_cutoff,
								MultiXactId *multi_cutoff,
								double *num_tuples, double *tups_vacuumed,
								double *tups_recently_dead)
{
	*xid_cutoff = GetCurrentTransactionId();
	*multi_cutoff = InvalidMultiXactId;
	*num_tuples = rusts_merge_into(old_table, new_table);
	*tups_vacuumed = 0;
	*tups_recently_dead = 0;
	rusts_storage_set_rows(new_table, *num_tuples);
}

void
rusts_check_rewritten(Relation rel, Snapshot snapshot)
{
	TransactionId xid = rel->rd_rel->relfrozenxid;

	if (IsMVCCSnapshot(snapshot) && TransactionIdIsNormal(xid) &&
		!MultiXactIdIsValid(rel->rd_rel->relminmxid) &&
		!TransactionIdIsCurrentTransactionId(xid) &&
		XidInMVCCSnapshot(xid, snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access because measurement \"%s\" has been rewritten",
						RelationGetRelationName(rel)),
				 errdetail("VACUUM FULL has finished after the transaction's snapshot was taken."),
				 errhint("Retry the transaction.")));
}

void
rusts_relation_vacuum(Relation rel, VacuumParamsArg params,
					  BufferAccessStrategy strategy)
{
	Snapshot	snapshot;
	RustsSegmentEntry *entries;
	uint32		nentries;
	int64		nrows = 0;
	uint32		i;
	TransactionId frozen_xid = InvalidTransactionId;
	MultiXactId min_multi = InvalidMultiXactId;
#if PG_VERSION_NUM >= 180000
	TimestampTz start = GetCurrentTimestamp();
#endif

	pgstat_progress_start_command(PROGRESS_COMMAND_VACUUM,
								  RelationGetRelid(rel));
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	entries = rusts_directory_load(rusts_storage_id(rel), -1, snapshot,
								   &nentries);
	UnregisterSnapshot(snapshot);
	for (i = 0; i < nentries; i++)
		nrows += rusts_entry_rows(&entries[i]);
	pfree(entries);
	rusts_storage_set_rows(rel, nrows);

	if (may_truncate(params))
		rusts_reclaim_truncate(rel, VACUUM_TRUNCATE_MS);

	/*
	 * Only where a rewrite has set them.  The new one is seen by all
	 * snapshots.
	 */
	if (TransactionIdIsNormal(rel->rd_rel->relfrozenxid))
	{
		frozen_xid = GetOldestNonRemovableTransactionId(rel);
		TransactionIdRetreat(frozen_xid);
	}
	if (MultiXactIdIsValid(rel->rd_rel->relminmxid))
		min_multi = GetOldestMultiXactId();
#if PG_VERSION_NUM >= 180000
	vac_update_relstats(rel, RelationGetNumberOfBlocks(rel), nrows, 0, 0,
						false, frozen_xid, min_multi, NULL, NULL, false);
	pgstat_report_vacuum(RelationGetRelid(rel), rel->rd_rel->relisshared,
						 nrows, 0, start);
#else
	vac_update_relstats(rel, RelationGetNumberOfBlocks(rel), nrows, 0,
						false, frozen_xid, min_multi, NULL, NULL, false);
	pgstat_report_vacuum(RelationGetRelid(rel), rel->rd_rel->relisshared,
						 nrows, 0);
#endif
	pgstat_progress_end_command();
}

/* TRUNCATE of VACUUM, which has taken storage parameters into account. */
static bool
may_truncate(VacuumParamsArg params)
{
	return params->truncate != VACOPTVALUE_DISABLED;
}

/*
 * For the planner, from the metapage: the time this takes must not depend on
 * the number of segments.
 */
void
rusts_relation_estimate_size(Relation rel, int32 *attr_widths,
							 BlockNumber *pages, double *tuples,
							 double *allvisfrac)
{
	RustsStorage storage;

	rusts_storage_read(rel, &storage);
	*pages = RelationGetNumberOfBlocks(rel);
	*tuples = storage.rows;
	*allvisfrac = 0;
}

/*
 * A relation is being dropped: so are its directory rows.
 */
static void
at_object_access(ObjectAccessType access, Oid class_id, Oid object_id,
				 int sub_id, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, class_id, object_id, sub_id, arg);

	if (access == OAT_DROP && class_id == RelationRelationId && sub_id == 0 &&
		rusts_relid_is_measurement(object_id))
	{
		if (rusts_has_storage(get_rel_relkind(object_id)))
		{
			Relation	rel = table_open(object_id, NoLock);

			rusts_directory_delete_storage(rusts_storage_id_if_readable(rel));
			table_close(rel, NoLock);
		}
	}
}
