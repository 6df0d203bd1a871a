/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  Move old segments to the cold tier.
 *
 * A step takes hot segments in the order of their partitions until a builder
 * is full of them, and rather leaves a partition for the next step than begin
 * it without ending it: what is moved together becomes one segment.
 *
 * Late points make new hot segments in partitions that are cold.  So that
 * many small cold ones do not come of them, a step takes those cold segments
 * of the same partitions along that are not much larger than what joins
 * them.  A row is then rewritten a number of times that grows with the
 * logarithm of its partition's size.
 *
 * src/write/tier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "meta/cold.h"
#include "meta/directory.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "write/merge.h"
#include "write/mover.h"
#include "write/tier.h"

/* Memory that the rows of a step take in a builder, at most, about. */
#define STEP_BYTES			(112 * 1024 * 1024)

/* A cold segment with up to so many times the rows is taken along. */
#define JOIN_FACTOR			4

/* What a step is made of: the hot segments first, then the cold ones. */
typedef struct TierStep
{
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		nhot;
	uint64		bytes;			/* in a builder, about */
	const RustsSchema *schema;
} TierStep;

static Oid	table_for(Relation rel, Oid tablespace);
static uint32 keep_older(RustsSegmentEntry *entries, uint32 nentries,
						 int64 before);
static void take_hot(TierStep *step, uint32 navailable);
static void join_cold(Relation rel, TierStep *step, Snapshot snapshot);
static uint64 rows_of_partition(const TierStep *step, int64 partition);
static uint64 builder_bytes(const RustsSchema *schema,
							const RustsSegmentEntry *entry);
static int	compare_partitions(const void *a, const void *b);
static int	compare_rows(const void *a, const void *b);

int64
rusts_tier_step(Relation rel, int64 before, Oid tablespace, bool give_way)
{
	MemoryContext step_cxt;
	MemoryContext old_cxt;
	Snapshot	snapshot;
	TierStep	step = {0};
	Oid			cold_table;
	uint32		navailable;
	int64		nrows = 0;
	uint32		i;

	if (!rusts_mover_lock(rel, !give_way))
		return 0;
	step_cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts tier",
									 ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(step_cxt);
	snapshot = rusts_merge_snapshot();
	PushActiveSnapshot(snapshot);
	step.schema = rusts_schema_build(rel);
	step.entries = rusts_directory_load(rusts_storage_id(rel),
										RUSTS_LEVEL_HOT, snapshot,
										&navailable);
	navailable = keep_older(step.entries, navailable, before);
	navailable = rusts_merge_leave_own(rel, step.entries, navailable);
	if (navailable > 0)
	{
		take_hot(&step, navailable);
		for (i = 0; i < step.nhot; i++)
			nrows += step.entries[i].nrows;
		join_cold(rel, &step, snapshot);
		cold_table = table_for(rel, tablespace);
		if (rusts_merge_entries(rel, step.entries, step.nentries,
								RUSTS_LEVEL_COLD, cold_table, give_way) < 0)
			nrows = -1;
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(step_cxt);
	return nrows;
}

/* Where segments of a tablespace go; InvalidOid is rel's own file. */
static Oid
table_for(Relation rel, Oid tablespace)
{
	Oid			own = OidIsValid(rel->rd_rel->reltablespace) ?
		rel->rd_rel->reltablespace : MyDatabaseTableSpace;

	if (!OidIsValid(tablespace) || tablespace == own ||
		!RelationIsPermanent(rel))
		return InvalidOid;
	return rusts_cold_table(tablespace);
}

/* Leave out entries that are not old enough; returns the number of others. */
static uint32
keep_older(RustsSegmentEntry *entries, uint32 nentries, int64 before)
{
	uint32		n = 0;
	uint32		i;

	for (i = 0; i < nentries; i++)
	{
		if (entries[i].max_time != RUSTS_NO_TIME &&
			entries[i].max_time < before)
			entries[n++] = entries[i];
	}
	return n;
}

/*
 * Choose the first of the available entries: whole partitions, or as much of
 * the first one as fits, or a single segment that does not.
 */
static void
take_hot(TierStep *step, uint32 navailable)
{
	uint64		whole_bytes = 0;	/* with all partitions but the last */
	uint32		whole = 0;
	uint32		i;

	qsort(step->entries, navailable, sizeof(RustsSegmentEntry),
		  compare_partitions);
	for (i = 0; i < navailable; i++)
	{
		const RustsSegmentEntry *entry = &step->entries[i];
		uint64		bytes = builder_bytes(step->schema, entry);

		if (i > 0 && entry->time_partition != entry[-1].time_partition)
		{
			whole = i;
			whole_bytes = step->bytes;
		}
		if (i > 0 && step->bytes + bytes > STEP_BYTES)
			break;
		step->bytes += bytes;
	}
	if (i < navailable && whole > 0)
	{
		i = whole;
		step->bytes = whole_bytes;
	}
	step->nhot = step->nentries = i;
}

/* Add the cold segments that are worth merging with the chosen hot ones. */
static void
join_cold(Relation rel, TierStep *step, Snapshot snapshot)
{
	RustsSegmentEntry *cold;
	uint64		rows = 0;
	uint32		ncold;
	uint32		i;

	cold = rusts_directory_load(step->entries[0].storage_id,
								RUSTS_LEVEL_COLD, snapshot, &ncold);
	ncold = rusts_merge_leave_own(rel, cold, ncold);
	if (ncold == 0)
		return;
	qsort(cold, ncold, sizeof(RustsSegmentEntry), compare_rows);
	step->entries = repalloc_huge(step->entries, sizeof(RustsSegmentEntry) *
								  ((size_t) step->nhot + ncold));
	for (i = 0; i < ncold; i++)
	{
		uint64		bytes = builder_bytes(step->schema, &cold[i]);

		if (i == 0 || cold[i].time_partition != cold[i - 1].time_partition)
			rows = rows_of_partition(step, cold[i].time_partition);
		if (cold[i].nrows > rows * JOIN_FACTOR ||
			step->bytes + bytes > STEP_BYTES)
			continue;
		step->entries[step->nentries++] = cold[i];
		step->bytes += bytes;
		rows += cold[i].nrows;
	}
}

/* The rows chosen so far of a partition; the hot entries are sorted. */
static uint64
rows_of_partition(const TierStep *step, int64 partition)
{
	uint32		low = 0;
	uint32		high = step->nhot;
	uint64		rows = 0;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (step->entries[middle].time_partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < step->nhot &&
		 step->entries[low].time_partition == partition; low++)
		rows += step->entries[low].nrows;
	return rows;
}

/*
 * Memory that a segment's rows take in a builder, about: arrays of values,
 * and byte strings, of which the directory knows only an upper limit.
 */
static uint64
builder_bytes(const RustsSchema *schema, const RustsSegmentEntry *entry)
{
	uint64		width = sizeof(uint32);
	bool		strings = false;
	int			i;

	for (i = 0; i < schema->ncolumns; i++)
	{
		if (schema->columns[i].role == RUSTS_ROLE_TAG)
			continue;
		if (schema->columns[i].kind == RUSTS_KIND_BYTES)
		{
			width += sizeof(RustsBytes);
			strings = true;
		}
		else
			width += schema->columns[i].kind == RUSTS_KIND_BOOL ? 1 :
				sizeof(int64);
	}
	return width * entry->nrows + (strings ? entry->raw_bytes : 0);
}

/* By partition, then by time. */
static int
compare_partitions(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->time_partition != right->time_partition)
		return left->time_partition < right->time_partition ? -1 : 1;
	if (left->min_time != right->min_time)
		return left->min_time < right->min_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/* By partition, then the smallest first. */
static int
compare_rows(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->time_partition != right->time_partition)
		return left->time_partition < right->time_partition ? -1 : 1;
	if (left->nrows != right->nrows)
		return left->nrows < right->nrows ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}
