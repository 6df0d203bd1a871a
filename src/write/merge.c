/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  Rewrite segments: flush, tiering, VACUUM FULL.
 *
 * Segments are appended to a builder (merge_rows.c) in the order of their
 * times, and the builder is stored whenever it is full; so memory is bounded
 * and each output segment spans a short time.
 *
 * Where duplicates are merged it is the order of writing instead, which is
 * nearly the same: points written twice meet in one builder, and are united;
 * or, if there is too much for one, they are united before, as for a reader.
 * Rows written before and after a segment that is not moved and has points of
 * the former do not come together in either way, see write_order.c.
 *
 * A flush is one transaction that deletes the directory rows of the batches
 * it has read and enters those of the segments it has written.  Readers
 * with an older snapshot go on with the old rows.
 *
 * src/write/merge.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/deletion.h"
#include "meta/progress.h"
#include "segment/page_io.h"
#include "segment/reader.h"
#include "write/builder.h"
#include "write/duplicates.h"
#include "write/merge.h"
#include "write/merge_internal.h"
#include "write/mover.h"
#include "write/write_order.h"

static void check_deletions(const RustsSegmentEntry *entries,
							uint32 nentries);
static int64 merge_segments(Relation from, const RustsMergeTarget *to,
							RustsSegmentEntry *entries, uint32 nentries,
							bool give_way);
static int64 merge_run(Relation from, const RustsMergeTarget *to,
					   RustsBuilder *builder, RustsSegmentEntry *entries,
					   uint32 begin, uint32 end, bool merges, bool give_way);
static int	compare_places(const void *a, const void *b);
static void unite_before(Relation from, const RustsSchema *schema,
						 RustsSegmentEntry **entries, uint32 *nentries);
static int	compare_times(const void *a, const void *b);

int64
rusts_merge_active(Relation rel, bool give_way)
{
	Snapshot	snapshot;
	RustsSegmentEntry *entries;
	uint32		nentries;
	int64		nrows;

	if (!rusts_mover_lock(rel, !give_way))
		return 0;
	snapshot = rusts_merge_snapshot();
	PushActiveSnapshot(snapshot);
	entries = rusts_directory_load(rusts_storage_id(rel), RUSTS_LEVEL_ACTIVE,
								   snapshot, &nentries);
	nentries = rusts_merge_leave_own(rel, entries, nentries);
	nrows = rusts_merge_entries(rel, entries, nentries, RUSTS_LEVEL_HOT,
								InvalidOid, give_way);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

Snapshot
rusts_merge_snapshot(void)
{
	/*
	 * With a snapshot for the whole transaction, batches that it does not see
	 * must stay unseen, so they are not touched.
	 */
	return RegisterSnapshot(IsolationUsesXactSnapshot() ?
							GetTransactionSnapshot() : GetLatestSnapshot());
}

uint32
rusts_merge_leave_own(Relation rel, RustsSegmentEntry *entries,
					  uint32 nentries)
{
	uint32		n = 0;
	uint32		i;

	if (rel->trigdesc == NULL || !rel->trigdesc->trig_insert_after_row)
		return nentries;
	for (i = 0; i < nentries; i++)
	{
		if (!entries[i].own)
			entries[n++] = entries[i];
	}
	return n;
}

int64
rusts_merge_entries(Relation rel, RustsSegmentEntry *entries, uint32 nentries,
					int16 level, Oid cold_table, bool give_way)
{
	RustsMergeTarget to = {.rel = rel,.level = level,
	.cold_table = cold_table};
	int64		nrows;
	uint32		i;

	if (nentries == 0)
		return 0;
	if (IsolationUsesXactSnapshot())
		check_deletions(entries, nentries);
	for (i = 0; i < nentries && level == RUSTS_LEVEL_COLD; i++)
	{
		if (!OidIsValid(to.cold_table))
			to.cold_table = entries[i].cold_table;
	}
	nrows = merge_segments(rel, &to, entries, nentries, give_way);
	for (i = 0; i < nentries && nrows >= 0; i++)
		rusts_directory_delete(&entries[i]);
	return nrows;
}

/*
 * Rows that others have deleted since the transaction's snapshot was taken
 * would be back if they were moved with it.
 */
static void
check_deletions(const RustsSegmentEntry *entries, uint32 nentries)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Size		size = sizeof(RustsSegmentEntry) * nentries;
	RustsSegmentEntry *seen = MemoryContextAllocHuge(CurrentMemoryContext,
													 size);
	RustsSegmentEntry *latest = MemoryContextAllocHuge(CurrentMemoryContext,
													   size);
	uint32		i;

	/* Notes are looked up by segment; the entries come in any order. */
	memcpy(seen, entries, size);
	rusts_entries_sort(seen, nentries);
	for (i = 0; i < nentries; i++)
	{
		latest[i] = seen[i];
		latest[i].deleted = NULL;
		latest[i].ndeleted = 0;
	}
	rusts_deletions_load(seen[0].storage_id, snapshot, latest, nentries);
	for (i = 0; i < nentries; i++)
	{
		if (latest[i].ndeleted != seen[i].ndeleted)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent delete")));
	}
	pfree(latest);
	pfree(seen);
	UnregisterSnapshot(snapshot);
}

int64
rusts_merge_into(Relation from, Relation to)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		begin;
	uint32		end;
	int64		nrows = 0;

	PushActiveSnapshot(snapshot);
	entries = rusts_directory_load(rusts_storage_id(from), -1, snapshot,
								   &nentries);

	/* The places are gone through one by one, and points may be in two. */
	rusts_duplicates_resolve(from, RelationGetDescr(from),
							 rusts_schema_build(from), snapshot, PG_INT64_MIN,
							 PG_INT64_MAX, &entries, &nentries);
	if (nentries > 0)
		qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_places);
	for (begin = 0; begin < nentries; begin = end)
	{
		RustsMergeTarget target = {.rel = to};

		target.level = Max(entries[begin].level, RUSTS_LEVEL_HOT);
		target.cold_table = entries[begin].cold_table;
		for (end = begin + 1; end < nentries; end++)
		{
			if (compare_places(&entries[begin], &entries[end]) != 0)
				break;
		}
		nrows += merge_segments(from, &target, entries + begin, end - begin,
								false);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

/* Cold ones after the others, and those of a tablespace together. */
static int
compare_places(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;
	bool		left_cold = left->level == RUSTS_LEVEL_COLD;
	bool		right_cold = right->level == RUSTS_LEVEL_COLD;

	if (left_cold != right_cold)
		return left_cold ? 1 : -1;
	return (left->cold_table > right->cold_table) -
		(left->cold_table < right->cold_table);
}

static int64
merge_segments(Relation from, const RustsMergeTarget *to,
			   RustsSegmentEntry *entries, uint32 nentries, bool give_way)
{
	MemoryContext merge_cxt = AllocSetContextCreate(CurrentMemoryContext,
													"rusts merge",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(merge_cxt);
	RustsSchema *schema = rusts_schema_build(from);
	RustsBuilder *builder = rusts_builder_create(merge_cxt, schema);
	bool		merges = schema->merges && from == to->rel;
	int64	   *unmoved = NULL;
	uint32		nunmoved = 0;
	int64		nrows = 0;
	uint32		begin;
	uint32		end;

	if (merges)
	{
		qsort(entries, nentries, sizeof(RustsSegmentEntry),
			  rusts_compare_orders);
		unmoved = rusts_unmoved_writes(from, schema, entries, nentries,
									   &nunmoved);
	}
	else
		qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_times);
	rusts_progress_phase("merging segments", nentries);

	/* What somebody else has written in between keeps its place. */
	for (begin = 0; begin < nentries && nrows >= 0; begin = end)
	{
		int64		run_rows;

		for (end = begin + 1; end < nentries; end++)
		{
			if (rusts_write_overtaken(entries[end - 1].write_order,
									  entries[end].write_order, unmoved,
									  nunmoved))
				break;
		}
		run_rows = merge_run(from, to, builder, entries, begin, end, merges,
							 give_way);
		nrows = run_rows < 0 ? run_rows : nrows + run_rows;
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(merge_cxt);
	return nrows;
}

/*
 * Merge those from begin to end, whose rows may come together.  Points written
 * twice are united among these only.
 */
static int64
merge_run(Relation from, const RustsMergeTarget *to, RustsBuilder *builder,
		  RustsSegmentEntry *entries, uint32 begin, uint32 end, bool merges,
		  bool give_way)
{
	const RustsSchema *schema = builder->schema;
	uint32		nentries = end - begin;
	int64		nrows = 0;
	uint32		i;

	entries += begin;
	if (merges)
		unite_before(from, schema, &entries, &nentries);
	for (i = 0; i < nentries; i++)
	{
		RustsReader *reader;

		CHECK_FOR_INTERRUPTS();
		rusts_progress_done(Min(begin + i, end));
		if (give_way &&
			LockHasWaitersRelation(from, ShareUpdateExclusiveLock))
			return -1;
		rusts_deletions_read(&entries[i], GetActiveSnapshot());
		reader = rusts_reader_open(from, &entries[i], false, false, NULL);
		nrows += rusts_entry_rows(&entries[i]);
		rusts_merge_append(to, builder, reader);
		rusts_reader_close(reader);
	}
	rusts_merge_store(to, builder);
	return nrows;
}

/* By time, then in the order of arrival. */
static int
compare_times(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->min_time != right->min_time)
		return left->min_time < right->min_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/*
 * Where the rows will not meet in one builder, points written twice have to be
 * found before.  Entries are, and stay, in the order of writing.
 */
static void
unite_before(Relation from, const RustsSchema *schema,
			 RustsSegmentEntry **entries, uint32 *nentries)
{
	int64		bytes = 0;
	uint32		i;

	for (i = 0; i < *nentries; i++)
		bytes += (*entries)[i].raw_bytes;
	if (bytes < RUSTS_MERGE_FULL_BYTES / 4)
		return;
	rusts_entries_sort(*entries, *nentries);
	rusts_duplicates_resolve(from, RelationGetDescr(from), schema,
							 GetActiveSnapshot(), PG_INT64_MIN, PG_INT64_MAX,
							 entries, nentries);
	qsort(*entries, *nentries, sizeof(RustsSegmentEntry),
		  rusts_compare_orders);
}
