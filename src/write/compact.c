/*-------------------------------------------------------------------------
 *
 * compact.c
 *	  Small segments into large ones, and the space of removed ones back.
 *
 * A flush writes what a minute has brought, and cuts it at the borders of the
 * partitions.  Rows compress well and are scanned fast when many of a series
 * are together, so small segments of a partition are merged until they have
 * about a million rows or are what a builder can hold.
 *
 * Which ones?  Those, from the smallest on, of which the largest is no larger
 * than the others together, if they are many.  So with each rewrite a row
 * comes to a segment at least twice as large, and a row of a minute's flush is
 * rewritten log2(target / flush) times at most; with equal flushes, which
 * come together in groups of FANOUT, log8 times.  A partition that nothing has
 * come to for a while is not kept waiting for more.
 *
 * A step takes no more than fits a builder; what does not fit is for the next
 * one, and each is a transaction of its own.  Hot segments are merged into hot
 * ones, cold into cold.
 *
 * src/write/compact.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "meta/extents.h"
#include "meta/schema.h"
#include "segment/page_io.h"
#include "write/compact.h"
#include "write/merge.h"
#include "write/mover.h"
#include "write/reclaim.h"

/* A step's inputs have this many rows at most, or take this much memory. */
#define STEP_ROWS			1000000
#define STEP_BYTES			(96 * 1024 * 1024)

/* Segments with half of that are large. */
#define LARGE_ROWS			(STEP_ROWS / 2)
#define LARGE_BYTES			(STEP_BYTES / 2)

/* So many small segments are worth merging. */
#define FANOUT				8

/* A partition is quiet when this has passed since its last segment, ... */
#define QUIET_MS			(10 * 60 * 1000)

/* ... and merges what was not written at once, with this as the limit. */
#define QUIET_RATIO			4

/* One in so many rows deleted makes a segment worth rewriting. */
#define DELETED_FRACTION	5

/* A partition in which merging has not helped is left alone for so long. */
#define FRUITLESS_MS		(60 * 60 * 1000)
#define MAX_FRUITLESS		32

/*
 * Where duplicates are merged, rows written before and after those of a large
 * segment do not come together, so that as many segments may come out as have
 * gone in.
 */
typedef struct Fruitless
{
	int64		storage_id;
	int64		time_partition;
	int16		level;
	TimestampTz since;
} Fruitless;

static Fruitless fruitless[MAX_FRUITLESS];	/* the oldest is overwritten */
static int	next_fruitless = 0;

/* Segments of one partition and level, the smallest first. */
typedef struct Bunch
{
	RustsSegmentEntry **entries;
	uint32		n;
} Bunch;

static bool step(Relation rel, bool all, int64 before, bool give_way,
				 int64 *nrows);
static int64 merge_chosen(Relation rel, const Bunch *chosen, bool give_way);
static uint32 count_segments(Relation rel, int64 from);
static void note_fruitless(const RustsSegmentEntry *entry);
static bool is_fruitless(const RustsSegmentEntry *entry);
static bool choose(Relation rel, RustsSegmentEntry *entries, uint32 nentries,
				   bool all, int64 before, Bunch *chosen);
static int	compare_entries(const void *a, const void *b);
static bool same_group(const RustsSegmentEntry *a, const RustsSegmentEntry *b);
static uint32 worth_merging(const Bunch *group, bool all);
static bool is_quiet(const Bunch *group);
static bool many_deleted(const RustsSegmentEntry *entry);
static void limit(Bunch *group, uint64 row_bytes, bool has_strings);
static int	compare_min_times(const void *a, const void *b);
static uint64 row_bytes_of(Relation rel, bool *has_strings);
static uint64 memory_of(const RustsSegmentEntry *entry, uint64 row_bytes,
						bool has_strings);
static bool is_chosen(const Bunch *chosen, int64 segment_id);

int64
rusts_compact_step(Relation rel, bool give_way)
{
	int64		nrows;

	/* Segments all of whose rows were deleted are progress, too. */
	if (step(rel, false, PG_INT64_MAX, give_way, &nrows))
		return nrows == 0 ? 1 : nrows;
	nrows = rusts_reclaim_move(rel, false, give_way);
	if (nrows == 0)
		rusts_reclaim_truncate(rel, 0);
	return nrows;
}

int64
rusts_compact_all(Relation rel)
{
	RustsStorage storage;
	int64		total = 0;
	int64		nrows;

	/* What this writes has done its part. */
	rusts_storage_read(rel, &storage);
	while (step(rel, true, storage.next_row, false, &nrows))
	{
		total += nrows;
		CommandCounterIncrement();
	}
	while ((nrows = rusts_reclaim_move(rel, true, false)) > 0)
	{
		total += nrows;
		CommandCounterIncrement();
	}
	rusts_reclaim_truncate(rel, 0);
	return total;
}

/*
 * Merge some of the segments with numbers below before; false if there is
 * nothing to merge.  The mover lock comes before the snapshot: what was
 * deleted until then is seen.
 */
static bool
step(Relation rel, bool all, int64 before, bool give_way, int64 *nrows)
{
	MemoryContext step_cxt;
	MemoryContext old_cxt;
	Snapshot	snapshot;
	RustsSegmentEntry *entries;
	uint32		nentries;
	Bunch		chosen;
	bool		found;

	*nrows = 0;
	if (!rusts_mover_lock(rel, !give_way))
		return false;
	step_cxt = AllocSetContextCreate(CurrentMemoryContext, "rusts compaction",
									 ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(step_cxt);
	snapshot = rusts_merge_snapshot();
	PushActiveSnapshot(snapshot);
	entries = rusts_directory_load_brief(rusts_storage_id(rel),
										 RUSTS_LEVEL_HOT, snapshot,
										 &nentries);
	nentries = rusts_merge_leave_own(rel, entries, nentries);
	found = choose(rel, entries, nentries, all, before, &chosen);
	if (found)
	{
		RustsStorage storage;

		rusts_storage_read(rel, &storage);
		*nrows = merge_chosen(rel, &chosen, give_way);
		if (!all && chosen.n > 1 && *nrows > 0 &&
			count_segments(rel, storage.next_row) * 2 > chosen.n)
			note_fruitless(chosen.entries[0]);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(step_cxt);
	return found;
}

/* Load the chosen ones with all that belongs to them, and merge them. */
static int64
merge_chosen(Relation rel, const Bunch *chosen, bool give_way)
{
	int64		storage_id = chosen->entries[0]->storage_id;
	int64		min_time = chosen->entries[0]->min_time;
	int64		max_time = chosen->entries[0]->max_time;
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		n = 0;
	uint32		i;

	for (i = 1; i < chosen->n; i++)
	{
		min_time = Min(min_time, chosen->entries[i]->min_time);
		max_time = Max(max_time, chosen->entries[i]->max_time);
	}
	if (chosen->entries[0]->time_partition == RUSTS_NO_TIME)
		entries = rusts_directory_load(storage_id, chosen->entries[0]->level,
									   GetActiveSnapshot(), &nentries);
	else
		entries = rusts_directory_load_range(storage_id, GetActiveSnapshot(),
											 min_time, max_time, &nentries);
	for (i = 0; i < nentries; i++)
	{
		if (is_chosen(chosen, entries[i].segment_id))
			entries[n++] = entries[i];
	}
	return rusts_merge_entries(rel, entries, n, chosen->entries[0]->level,
							   InvalidOid, give_way);
}

/* The number of segments from a row number on. */
static uint32
count_segments(Relation rel, int64 from)
{
	Snapshot	snapshot;
	RustsSegmentEntry *entries;
	uint32		nentries;
	uint32		n = 0;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	entries = rusts_directory_load_brief(rusts_storage_id(rel),
										 RUSTS_LEVEL_HOT, snapshot,
										 &nentries);
	while (nentries > n && entries[nentries - 1 - n].segment_id >= from)
		n++;
	UnregisterSnapshot(snapshot);
	return n;
}

static void
note_fruitless(const RustsSegmentEntry *entry)
{
	Fruitless  *note = &fruitless[next_fruitless];

	note->storage_id = entry->storage_id;
	note->time_partition = entry->time_partition;
	note->level = entry->level;
	note->since = GetCurrentTimestamp();
	next_fruitless = (next_fruitless + 1) % MAX_FRUITLESS;
}

static bool
is_fruitless(const RustsSegmentEntry *entry)
{
	int			i;

	for (i = 0; i < MAX_FRUITLESS; i++)
	{
		if (fruitless[i].storage_id == entry->storage_id &&
			fruitless[i].time_partition == entry->time_partition &&
			fruitless[i].level == entry->level &&
			!TimestampDifferenceExceeds(fruitless[i].since,
										GetCurrentTimestamp(), FRUITLESS_MS))
			return true;
	}
	return false;
}

static bool
is_chosen(const Bunch *chosen, int64 segment_id)
{
	uint32		i;

	for (i = 0; i < chosen->n; i++)
	{
		if (chosen->entries[i]->segment_id == segment_id)
			return true;
	}
	return false;
}

/*
 * Choose what to merge: of all partitions the one that has most to merge.
 */
static bool
choose(Relation rel, RustsSegmentEntry *entries, uint32 nentries, bool all,
	   int64 before, Bunch *chosen)
{
	bool		has_strings;
	uint64		row_bytes = row_bytes_of(rel, &has_strings);
	Bunch		group = {palloc_array(RustsSegmentEntry *, nentries + 1), 0};
	uint32		most = 0;
	uint32		i;

	chosen->entries = palloc_array(RustsSegmentEntry *, nentries + 1);
	chosen->n = 0;
	qsort(entries, nentries, sizeof(RustsSegmentEntry), compare_entries);
	for (i = 0; i < nentries; i++)
	{
		RustsSegmentEntry *entry = &entries[i];
		uint32		n;

		if (i > 0 && !same_group(entry, entry - 1))
			group.n = 0;
		if (entry->segment_id < before && many_deleted(entry))
		{
			chosen->entries[0] = entry;
			chosen->n = 1;
			return true;
		}
		if (entry->segment_id < before &&
			rusts_entry_rows(entry) < LARGE_ROWS &&
			memory_of(entry, row_bytes, has_strings) < LARGE_BYTES)
			group.entries[group.n++] = entry;
		if (i + 1 < nentries && same_group(entry, entry + 1))
			continue;
		n = worth_merging(&group, all);
		if (n > most && !all && is_fruitless(entry))
			n = 0;
		if (n > most)
		{
			most = n;
			memcpy(chosen->entries, group.entries,
				   sizeof(RustsSegmentEntry *) * n);
			chosen->n = n;
		}
	}
	if (chosen->n > 0)
		limit(chosen, row_bytes, has_strings);
	return chosen->n > 0;
}

static bool
same_group(const RustsSegmentEntry *a, const RustsSegmentEntry *b)
{
	return a->level == b->level && a->time_partition == b->time_partition;
}

/* By level, partition and size. */
static int
compare_entries(const void *a, const void *b)
{
	const RustsSegmentEntry *left = a;
	const RustsSegmentEntry *right = b;

	if (left->level != right->level)
		return left->level < right->level ? -1 : 1;
	if (left->time_partition != right->time_partition)
		return left->time_partition < right->time_partition ? -1 : 1;
	if (rusts_entry_rows(left) != rusts_entry_rows(right))
		return rusts_entry_rows(left) < rusts_entry_rows(right) ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

static bool
many_deleted(const RustsSegmentEntry *entry)
{
	return entry->ndeleted > 0 &&
		entry->ndeleted >= entry->nrows / DELETED_FRACTION;
}

/* How many of the group's small segments, the smallest first; 0: none. */
static uint32
worth_merging(const Bunch *group, bool all)
{
	bool		quiet = group->n > 1 && is_quiet(group);
	uint64		others = 0;
	uint32		worth = 0;
	uint32		i;

	for (i = 0; i < group->n; i++)
	{
		uint64		rows = rusts_entry_rows(group->entries[i]);

		if (i > 0 &&
			(all || (i + 1 >= FANOUT && rows <= others) ||
			 (quiet && rows <= others * QUIET_RATIO)))
			worth = i + 1;
		others += rows;
	}
	return worth;
}

/*
 * Has a partition had time to get more?  If all it has was written at about
 * the same time it is the result of one merge: what could not be stored
 * together then cannot now.
 */
static bool
is_quiet(const Bunch *group)
{
	TimestampTz oldest = group->entries[0]->written_at;
	TimestampTz newest = oldest;
	uint32		i;

	for (i = 1; i < group->n; i++)
	{
		oldest = Min(oldest, group->entries[i]->written_at);
		newest = Max(newest, group->entries[i]->written_at);
	}
	return TimestampDifferenceExceeds(oldest, newest, QUIET_MS / 10) &&
		TimestampDifferenceExceeds(newest, GetCurrentTimestamp(), QUIET_MS);
}

/* Keep the earliest ones that fit into one builder. */
static void
limit(Bunch *group, uint64 row_bytes, bool has_strings)
{
	uint64		rows = 0;
	uint64		bytes = 0;
	uint32		i;

	qsort(group->entries, group->n, sizeof(RustsSegmentEntry *),
		  compare_min_times);
	for (i = 0; i < group->n; i++)
	{
		rows += rusts_entry_rows(group->entries[i]);
		bytes += memory_of(group->entries[i], row_bytes, has_strings);
		if (rows > STEP_ROWS || bytes > STEP_BYTES)
			break;
	}
	if (i > 1)
		group->n = i;
}

static int
compare_min_times(const void *a, const void *b)
{
	const RustsSegmentEntry *left = *(RustsSegmentEntry *const *) a;
	const RustsSegmentEntry *right = *(RustsSegmentEntry *const *) b;

	if (left->min_time != right->min_time)
		return left->min_time < right->min_time ? -1 : 1;
	return (left->segment_id > right->segment_id) -
		(left->segment_id < right->segment_id);
}

/* What a row takes in a builder, but for byte strings. */
static uint64
row_bytes_of(Relation rel, bool *has_strings)
{
	RustsSchema *schema = rusts_schema_build(rel);
	uint64		bytes = sizeof(uint32);
	int			i;

	*has_strings = false;
	for (i = 0; i < schema->ncolumns; i++)
	{
		const RustsColumn *column = &schema->columns[i];

		if (column->role == RUSTS_ROLE_TAG)
			continue;
		switch (column->kind)
		{
			case RUSTS_KIND_BOOL:
				bytes += 1;
				break;
			case RUSTS_KIND_INT:
			case RUSTS_KIND_FLOAT:
				bytes += sizeof(int64);
				break;
			case RUSTS_KIND_BYTES:
				bytes += sizeof(RustsBytes);
				*has_strings = true;
				break;
		}
	}
	return bytes;
}

static uint64
memory_of(const RustsSegmentEntry *entry, uint64 row_bytes, bool has_strings)
{
	return rusts_entry_rows(entry) * row_bytes +
		(has_strings ? entry->raw_bytes : 0);
}
