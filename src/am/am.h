/*-------------------------------------------------------------------------
 *
 * am.h
 *	  The table access method "rusts": what its files share.
 *
 * src/am/am.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AM_H
#define RUSTS_AM_H

#include "access/relscan.h"
#include "access/tableam.h"
#include "commands/vacuum.h"
#include "executor/execdesc.h"

#include "compat.h"

/* scan.c: sequential, parallel, sample scans */
extern TableScanDesc rusts_scan_begin(Relation rel, Snapshot snapshot,
									  int nkeys, struct ScanKeyData *key,
									  ParallelTableScanDesc pscan,
									  uint32 flags);
extern void rusts_scan_end(TableScanDesc scan);
extern void rusts_scan_rescan(TableScanDesc scan, struct ScanKeyData *key,
							  bool set_params, bool allow_strat,
							  bool allow_sync, bool allow_pagemode);
extern bool rusts_scan_getnextslot(TableScanDesc scan,
								   ScanDirection direction,
								   TupleTableSlot *slot);
extern Size rusts_parallelscan_estimate(Relation rel);
extern Size rusts_parallelscan_initialize(Relation rel,
										  ParallelTableScanDesc pscan);
extern void rusts_parallelscan_reinitialize(Relation rel,
											ParallelTableScanDesc pscan);
extern bool rusts_scan_sample_next_block(TableScanDesc scan,
										 struct SampleScanState *state);
extern bool rusts_scan_sample_next_tuple(TableScanDesc scan,
										 struct SampleScanState *state,
										 TupleTableSlot *slot);
#if PG_VERSION_NUM >= 170000
extern bool rusts_scan_analyze_next_block(TableScanDesc scan,
										  ReadStream *stream);
#else
extern bool rusts_scan_analyze_next_block(TableScanDesc scan,
										  BlockNumber block,
										  BufferAccessStrategy strategy);
#endif
extern bool rusts_scan_analyze_next_tuple(TableScanDesc scan,
										  TransactionId oldest_xmin,
										  double *liverows, double *deadrows,
										  TupleTableSlot *slot);

/* slot.c: what rows are handed out in */
#define RUSTS_SLOT_FETCHED		(1 << 12)	/* in tts_flags: by its TID */

extern const TupleTableSlotOps *rusts_slot_callbacks(Relation rel);
pg_noreturn extern void rusts_refuse_system_column(int attnum);

/* fetch.c: single rows by TID */
extern bool rusts_tuple_fetch_row_version(Relation rel, ItemPointer tid,
										  Snapshot snapshot,
										  TupleTableSlot *slot);
extern bool rusts_tuple_tid_valid(TableScanDesc scan, ItemPointer tid);
extern void rusts_tuple_get_latest_tid(TableScanDesc scan, ItemPointer tid);
extern bool rusts_tuple_satisfies_snapshot(Relation rel, TupleTableSlot *slot,
										   Snapshot snapshot);
extern void rusts_fetch_init(void);

/*
 * fetch_united.c: the same for rows that were united from several, see
 * write/duplicates.h.
 */
extern bool rusts_fetch_united(Relation rel, ItemPointer tid,
							   Snapshot snapshot, TupleTableSlot *slot);
extern bool rusts_sees_united(Relation rel, int64 row, Snapshot snapshot);

/* Where a row is. */
typedef struct RustsRowPlace
{
	int64		storage_id;
	int64		segment_id;
	uint32		nrows;			/* of the segment */
	uint32		row;			/* in the segment's order */
} RustsRowPlace;

/*
 * Find a row, deleted or not, by its number, for somebody who holds
 * rusts_changer_lock; false if it is not there any more.
 */
extern bool rusts_locate_row(Relation rel, int64 row, RustsRowPlace *place);

/* change.c: DELETE, UPDATE, row locks */
extern TM_Result rusts_tuple_delete(Relation rel, ItemPointer tid,
									CommandId cid, Snapshot snapshot,
									Snapshot crosscheck, bool wait,
									TM_FailureData *tmfd, bool changing_part);
extern TM_Result rusts_tuple_update(Relation rel, ItemPointer tid,
									TupleTableSlot *slot, CommandId cid,
									Snapshot snapshot, Snapshot crosscheck,
									bool wait, TM_FailureData *tmfd,
									LockTupleMode *lockmode,
#if PG_VERSION_NUM >= 160000
									TU_UpdateIndexes *update_indexes
#else
									bool *update_indexes
#endif
);
extern TM_Result rusts_tuple_lock(Relation rel, ItemPointer tid,
								  Snapshot snapshot, TupleTableSlot *slot,
								  CommandId cid, LockTupleMode mode,
								  LockWaitPolicy wait_policy, uint8 flags,
								  TM_FailureData *tmfd);

extern void rusts_forget_known(void);

/* row_lock.c: locks on rows, until the end of the transaction */
extern bool rusts_lock_row(Relation rel, ItemPointer tid, LockTupleMode mode,
						   LockWaitPolicy wait_policy);

/* Lock all rows at once; is this done? */
extern void rusts_lock_all_rows(Relation rel, LockTupleMode mode);
extern bool rusts_all_rows_locked(Relation rel);
extern void rusts_row_lock_init(void);

/* change_start.c: what a statement that changes rows needs before it runs */
extern void rusts_start_changes(QueryDesc *query, int eflags);

/* storage.c: relation files, VACUUM, sizes */
extern void rusts_relation_set_new_filelocator(Relation rel,
											   const RelFileLocator *locator,
											   char persistence,
											   TransactionId *freeze_xid,
											   MultiXactId *min_multi);
extern void rusts_relation_nontransactional_truncate(Relation rel);
extern void rusts_relation_copy_data(Relation rel,
									 const RelFileLocator *locator);
extern void rusts_relation_copy_for_cluster(Relation old_table,
											Relation new_table,
											Relation old_index,
											bool use_sort,
											TransactionId oldest_xmin,
											TransactionId *xid_cutoff,
											MultiXactId *multi_cutoff,
											double *num_tuples,
											double *tups_vacuumed,
											double *tups_recently_dead);
extern void rusts_relation_vacuum(Relation rel,
								  VacuumParamsArg params,
								  BufferAccessStrategy strategy);
extern void rusts_relation_estimate_size(Relation rel, int32 *attr_widths,
										 BlockNumber *pages, double *tuples,
										 double *allvisfrac);
extern void rusts_storage_hooks_init(void);

/*
 * Raise an error if rel's rows were all written anew, by VACUUM FULL, by a
 * transaction that snapshot does not see.
 */
extern void rusts_check_rewritten(Relation rel, Snapshot snapshot);

/*
 * flush.c: a measurement of the caller's whose segments are to be rewritten,
 * with ShareUpdateExclusiveLock.  NULL: it has no segments here (a partitioned
 * table, another session's temporary one) or, unless it must exist, is gone.
 */
extern Relation rusts_open_for_rewrite(Oid relid, bool must_exist);

/*
 * flush.c: the tables here that the rows of a measurement of the caller's lie
 * in, which may be partitioned; *is_cluster as in meta/everywhere.h.  Error if
 * there are none, and other nodes have none either.
 */
extern List *rusts_tables_to_rewrite(Oid relid, bool *is_cluster);

/* What SQL functions say to an argument that is no measurement. */
pg_noreturn extern void rusts_report_no_relation(Oid relid);
pg_noreturn extern void rusts_report_no_measurement(const char *name);

/* publication.c: no publication of measurements */
extern void rusts_check_publication(Node *statement);
extern void rusts_check_published(Oid relid, const char *name,
								  Oid namespace);

/* time_column.c: stored rows keep their time column */
extern void rusts_time_column_init(void);

/* refuse.c: what is not supported, refused before it begins */
extern void rusts_refuse_init(void);
pg_noreturn extern void rusts_refuse(Relation rel, const char *what,
									 const char *hint);
pg_noreturn extern void rusts_refuse_index(Relation rel);
pg_noreturn extern void rusts_refuse_conflict(Relation rel);

#endif							/* RUSTS_AM_H */
