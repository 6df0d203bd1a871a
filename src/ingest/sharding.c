/*-------------------------------------------------------------------------
 *
 * sharding.c
 *	  Parts of a measurement of the cluster, and which of them a point is for.
 *
 * A part is the table, or the foreign table, of a group of shards.  The target
 * stays one, with one idea of the columns: in all parts they have the same
 * place among those that are not dropped.  Where somebody has seen to it that
 * they have not, and where a part has rules of its own, rows go through
 * INSERT.
 *
 * src/ingest/sharding.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "base/shard_hash.h"
#include "cluster/batches.h"
#include "cluster/shard.h"
#include "compat.h"
#include "ingest/columns.h"
#include "ingest/sharding.h"
#include "ingest/target.h"

static bool open_parts(RustsTarget *target, PartitionDesc desc, bool wait);
static void close_parts(RustsTarget *target, LOCKMODE lock);
static bool is_plain(const RustsTarget *target, Relation rel);
static void map_shards(RustsSharding *sharding, PartitionDesc desc);
static void map_tags(RustsTarget *target);
static void begin_span(RustsSharding *sharding, int64 time);

bool
rusts_sharding_open(RustsIngest *in, RustsTarget *target, bool wait)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(target->cxt);
	RustsShardKey *key = rusts_shard_key(target->rel);
	PartitionDesc desc = RelationGetPartitionDesc(target->rel, true);
	RustsSharding *sharding;
	bool		plain = key != NULL && desc->nparts <= PG_UINT16_MAX;
	int			i;

	if (!plain)
	{
		MemoryContextSwitchTo(old_cxt);
		return true;
	}
	if (!open_parts(target, desc, wait))
	{
		MemoryContextSwitchTo(old_cxt);
		return false;
	}
	for (i = 0; i < target->nparts; i++)
	{
		RustsTargetPart *part = &target->parts[i];

		plain &= is_plain(target, part->rel);

		/* Another node may have sent us these rows. */
		part->skip = in->batch != NULL &&
			part->rel->rd_rel->relkind == RELKIND_RELATION &&
			!rusts_batch_begin(in->batch, RelationGetRelationName(part->rel));
	}
	if (!plain)
	{
		/* INSERT locks them; before, all nodes may have to add columns. */
		close_parts(target, RowExclusiveLock);
		MemoryContextSwitchTo(old_cxt);
		return true;
	}

	sharding = palloc0_object(RustsSharding);
	sharding->key = key;
	map_shards(sharding, desc);
	target->sharding = sharding;
	begin_span(sharding, 0);
	map_tags(target);
	MemoryContextSwitchTo(old_cxt);
	return true;
}

void
rusts_sharding_close(RustsTarget *target, bool discard)
{
	if (target->sharding == NULL)
		return;
	close_parts(target, discard ? RowExclusiveLock : NoLock);
	target->sharding = NULL;
}

int
rusts_sharding_part(RustsTarget *target, int64 time)
{
	const RustsSharding *sharding = target->sharding;
	const RustsShardKey *key = sharding->key;
	uint64		hash = key->hash;
	int			part;
	int			i;

	for (i = 0; i < key->ntags; i++)
	{
		RustsBytes	value = target->tag_values[sharding->tag_places[i]];

		if (value.data != NULL)
			hash = rusts_shard_add_tag(key, hash, i, value.data, value.len);
	}
	part = sharding->part_of_shard[rusts_shard_finish(key, hash, time)];
	if (part < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("no partition of measurement \"%s\" found for shard %d",
						target->name.data,
						rusts_shard_finish(key, hash, time))));
	return part;
}

void
rusts_sharding_leave(RustsIngest *in, RustsTarget *target, int64 time)
{
	begin_span(target->sharding, time);
	target->epoch = ++in->epoch;
}

static bool
open_parts(RustsTarget *target, PartitionDesc desc, bool wait)
{
	int			i;

	target->parts = palloc0_array(RustsTargetPart, desc->nparts + 1);
	target->nparts = 0;
	for (i = 0; i < desc->nparts; i++)
	{
		if (wait)
			LockRelationOid(desc->oids[i], RowExclusiveLock);
		else if (!ConditionalLockRelationOid(desc->oids[i], RowExclusiveLock))
		{
			close_parts(target, RowExclusiveLock);
			return false;
		}
		target->parts[target->nparts++].rel = relation_open(desc->oids[i],
															NoLock);
	}
	return true;
}

static void
close_parts(RustsTarget *target, LOCKMODE lock)
{
	int			i;

	for (i = 0; i < target->nparts; i++)
		relation_close(target->parts[i].rel, lock);
	target->nparts = 0;
	target->parts = NULL;
}

/* Has a partition our columns and no rules of its own? */
static bool
is_plain(const RustsTarget *target, Relation rel)
{
	RustsSchema *schema;
	int			i;

	if (rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE &&
		!(rel->rd_rel->relkind == RELKIND_RELATION &&
		  rusts_is_measurement(rel)))
		return false;
	if (rusts_needs_insert(rel))
		return false;
	schema = rusts_schema_build(rel);
	if (schema->ncolumns != target->schema->ncolumns)
		return false;
	for (i = 0; i < schema->ncolumns; i++)
	{
		const RustsColumn *ours = &target->schema->columns[i];
		const RustsColumn *theirs = &schema->columns[i];

		if (ours->role != theirs->role || ours->typid != theirs->typid ||
			strcmp(NameStr(TupleDescAttr(RelationGetDescr(target->rel),
										 ours->attno - 1)->attname),
				   NameStr(TupleDescAttr(RelationGetDescr(rel),
										 theirs->attno - 1)->attname)) != 0)
			return false;
	}
	return true;
}

static void
map_shards(RustsSharding *sharding, PartitionDesc desc)
{
	PartitionBoundInfo bounds = desc->boundinfo;
	int			nshards = sharding->key->nshards;
	int			i;

	sharding->part_of_shard = palloc_array(int, nshards);
	for (i = 0; i < nshards; i++)
		sharding->part_of_shard[i] =
			bounds != NULL && partition_bound_has_default(bounds) ?
			bounds->default_index : -1;
	for (i = 0; bounds != NULL && i < bounds->ndatums; i++)
	{
		int			shard = DatumGetInt32(bounds->datums[i][0]);

		if (shard >= 0 && shard < nshards)
			sharding->part_of_shard[shard] = bounds->indexes[i];
	}
}

/* Where the values of the key's tags are when a series is numbered. */
static void
map_tags(RustsTarget *target)
{
	RustsSharding *sharding = target->sharding;
	const RustsShardKey *key = sharding->key;
	const RustsSchema *schema = target->schema;
	int			i;
	int			j;

	sharding->tag_places = palloc_array(int, key->ntags + 1);
	for (i = 0; i < key->ntags; i++)
	{
		sharding->tag_places[i] = -1;
		for (j = 0; j < schema->ntags; j++)
		{
			if (schema->columns[schema->tags[j]].attno == key->tag_attnos[i])
				sharding->tag_places[i] = j;
		}

		/* It is a field by now: only INSERT has its value. */
		if (sharding->tag_places[i] < 0)
		{
			close_parts(target, NoLock);
			target->sharding = NULL;
			return;
		}
	}
}

static void
begin_span(RustsSharding *sharding, int64 time)
{
	int64		span_us = sharding->key->span_us;
	int64		span;

	sharding->span_begin = PG_INT64_MIN;
	sharding->span_end = PG_INT64_MAX;
	if (span_us == 0)
		return;

	/* Line protocol's times are far from the limits of int64. */
	span = rusts_shard_span(time, span_us);
	sharding->span_begin = span * span_us - RUSTS_SHARD_EPOCH_US;
	sharding->span_end = sharding->span_begin + span_us;
}
