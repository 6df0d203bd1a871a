/*-------------------------------------------------------------------------
 *
 * outbox.c
 *	  Images that the running transaction has for other nodes.
 *
 * Nothing is sent before the transaction commits: then all nodes get all of it
 * at once, and one that is slow or away holds no locks elsewhere meanwhile.
 * What is more than some memory waits in a temporary file.
 *
 * src/cluster/outbox.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/buffile.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "cluster/change.h"
#include "cluster/nodes.h"
#include "cluster/outbox.h"
#include "cluster/row_security.h"
#include "cluster/shard.h"
#include "cluster/topology.h"
#include "compat.h"
#include "write/image.h"

/* Images above this together go to the file. */
#define MAX_MEMORY		(16 * 1024 * 1024)

/* A partition, and whether others want what is written to it. */
typedef struct PartitionEntry
{
	Oid			relid;			/* hash key */
	Oid			parent;
	int			group;			/* or -1 */
	bool		ships;
} PartitionEntry;

/*
 * A batch that the client has named; others, that functions write which its
 * rows call, are inside.
 */
typedef struct Batch
{
	const char *name;
	CommandId	cid;			/* the first one to write it */
	int			nest_level;		/* of the subtransaction that writes it */
	struct Batch *outer;
} Batch;

static HTAB *partitions;		/* NULL: nothing known */
static const RustsClusterConfig *partitions_of;

static RustsParcel **parcels;
static int	nparcels;
static int	max_parcels;
static size_t memory;			/* of images that are not in the file */
static BufFile *file;
static int	end_fileno;				/* where the next image goes */
static off_t end_offset;
static Batch *batch;			/* that is being written, or NULL */
static int	quiet;				/* calls of begin_quiet without an end */

static bool ships(Oid relid);
static void collect(Relation rel, const RustsImage *image, uint32 nrows,
					RustsImageKind kind, CommandId cid, Oid writer);
static RustsParcel *new_parcel(RustsParcelKind kind, CommandId cid,
							   Oid writer);
static char *current_settings(void);
static void describe_image(RustsParcel *parcel, Relation rel);
static void add_parcel(RustsParcel *parcel);
static const PartitionEntry *look_up(Oid relid);
static void forget_partitions(void);
static int	bound_shard(Oid relid);
static void write_image(RustsParcel *parcel, const RustsImage *image);
static void at_relcache(Datum arg, Oid relid);
static void at_xact_event(XactEvent event, void *arg);
static void at_subxact_event(SubXactEvent event, SubTransactionId mySubid,
							 SubTransactionId parentSubid, void *arg);

void
rusts_outbox_begin_batch(const char *name)
{
	Batch	   *inner = MemoryContextAlloc(TopTransactionContext,
										   sizeof(Batch));

	inner->name = MemoryContextStrdup(TopTransactionContext, name);
	inner->cid = GetCurrentCommandId(false);
	inner->nest_level = GetCurrentTransactionNestLevel();
	inner->outer = batch;
	batch = inner;
}

void
rusts_outbox_end_batch(void)
{
	batch = batch->outer;
}

RustsParcel **
rusts_outbox_parcels(int *n)
{
	*n = nparcels;
	return parcels;
}

struct varlena *
rusts_parcel_image(const RustsParcel *parcel)
{
	struct varlena *image = parcel->image;

	if (image != NULL)
		return image;
	image = MemoryContextAllocHuge(CurrentMemoryContext, parcel->len);
	if (BufFileSeek(file, parcel->fileno, parcel->offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in a temporary file: %m")));
	if (BufFileRead(file, image, parcel->len) != parcel->len)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file: %m")));
	return image;
}

void
rusts_outbox_close(void)
{
	if (file != NULL)
		BufFileClose(file);
	file = NULL;
}

void
rusts_outbox_clear(void)
{
	/*
	 * Memory goes with the transaction, and so does the file, with its owner,
	 * if it could not be closed.
	 */
	parcels = NULL;
	nparcels = 0;
	max_parcels = 0;
	memory = 0;
	file = NULL;
	batch = NULL;
}

bool
rusts_outbox_holds(int group)
{
	int			i;

	for (i = 0; i < nparcels; i++)
	{
		if (parcels[i]->group == group &&
			parcels[i]->kind != RUSTS_PARCEL_STATEMENT)
			return true;
	}
	return false;
}

void
rusts_outbox_add_statement(const char *statement)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	RustsParcel *parcel = new_parcel(RUSTS_PARCEL_STATEMENT,
									 GetCurrentCommandId(true), GetUserId());

	/* Without an xid nobody could be told how it ends. */
	(void) GetTopTransactionId();
	parcel->group = -1;
	parcel->statement = pstrdup(statement);
	parcel->settings = current_settings();
	parcel->table = "";
	add_parcel(parcel);
	MemoryContextSwitchTo(old_cxt);
}

/* What a statement, and constants in it, mean depends on. */
static char *
current_settings(void)
{
	static const char *const names[] = {"search_path", "DateStyle",
	"IntervalStyle", "TimeZone", "standard_conforming_strings"};
	List	   *settings = NIL;
	int			i;

	for (i = 0; i < lengthof(names); i++)
	{
		settings = lappend(settings, unconstify(char *, names[i]));
		settings = lappend(settings,
						   unconstify(char *, GetConfigOption(names[i], false,
															  false)));
	}
	return rusts_array_text(settings);
}

void
rusts_outbox_begin_quiet(void)
{
	quiet++;
}

void
rusts_outbox_end_quiet(void)
{
	quiet--;
}

bool
rusts_outbox_is_quiet(void)
{
	return quiet > 0;
}

int
rusts_partition_group(const RustsClusterConfig *config, Relation rel)
{
	Relation	parent;
	bool		found;
	int			shard;

	if (!rel->rd_rel->relispartition)
		return -1;
	parent = table_open(get_partition_parent(RelationGetRelid(rel), false),
						AccessShareLock);
	found = rusts_is_cluster_measurement(parent);
	table_close(parent, AccessShareLock);
	if (!found)
		return -1;
	shard = bound_shard(RelationGetRelid(rel));
	if (shard < 0 || shard >= config->nshards)
		return -1;
	return config->group_of[shard];
}

void
rusts_outbox_init(void)
{
	rusts_ships_hook = ships;
	rusts_image_hook = collect;
	CacheRegisterRelcacheCallback(at_relcache, (Datum) 0);
	RegisterXactCallback(at_xact_event, NULL);
	RegisterSubXactCallback(at_subxact_event, NULL);
}

static bool
ships(Oid relid)
{
	if (quiet > 0 || rusts_change_running() || rusts_cluster() == NULL)
		return false;
	return look_up(relid)->ships;
}

static void
collect(Relation rel, const RustsImage *image, uint32 nrows,
		RustsImageKind kind, CommandId cid, Oid writer)
{
	const PartitionEntry *entry = look_up(RelationGetRelid(rel));
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	RustsParcel *parcel;

	if (entry->group < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot send rows of foreign table \"%s\"",
						RelationGetRelationName(rel)),
				 rusts_cluster() == NULL ?
				 errdetail("This server is not a node of a cluster.") :
				 errdetail("It is not a part of a measurement of the cluster.")));
	rusts_row_security_check(entry->parent, writer);
	parcel = new_parcel(kind == RUSTS_IMAGE_DELETED ? RUSTS_PARCEL_DELETED :
						RUSTS_PARCEL_WRITTEN, cid, writer);
	parcel->group = entry->group;
	parcel->nrows = nrows;

	/* Rows that an earlier command has buffered are no part of a batch. */
	if (batch != NULL && cid >= batch->cid)
		parcel->batch = batch->name;
	describe_image(parcel, rel);
	write_image(parcel, image);
	add_parcel(parcel);
	MemoryContextSwitchTo(old_cxt);
}

static RustsParcel *
new_parcel(RustsParcelKind kind, CommandId cid, Oid writer)
{
	RustsParcel *parcel = palloc0_object(RustsParcel);

	parcel->kind = kind;
	parcel->cid = cid;
	parcel->writer = writer;
	parcel->nest_level = GetCurrentTransactionNestLevel();
	parcel->batch = "";
	return parcel;
}

/* What a command writes to one table has one set of columns. */
static void
describe_image(RustsParcel *parcel, Relation rel)
{
	const RustsParcel *last = nparcels > 0 ? parcels[nparcels - 1] : NULL;

	if (last != NULL && last->cid == parcel->cid &&
		strcmp(last->table, RelationGetRelationName(rel)) == 0)
	{
		parcel->table = last->table;
		parcel->columns = last->columns;
		return;
	}
	parcel->table = pstrdup(RelationGetRelationName(rel));
	parcel->columns =
		OidOutputFunctionCall(F_ARRAY_OUT,
							  PointerGetDatum(rusts_image_columns(rel)));
}

/*
 * What a command has deleted was there before all that it writes itself, in
 * parts maybe, or that functions in it write, whose commands are later ones.
 */
static void
add_parcel(RustsParcel *parcel)
{
	int			at = nparcels;

	if (nparcels == max_parcels)
	{
		max_parcels = Max(16, max_parcels * 2);
		parcels = parcels == NULL ? palloc_array(RustsParcel *, max_parcels) :
			repalloc_array(parcels, RustsParcel *, max_parcels);
	}
	if (parcel->kind == RUSTS_PARCEL_DELETED)
	{
		while (at > 0 && parcels[at - 1]->kind == RUSTS_PARCEL_WRITTEN &&
			   parcels[at - 1]->cid >= parcel->cid)
			at--;
	}
	memmove(parcels + at + 1, parcels + at,
			sizeof(RustsParcel *) * (nparcels - at));
	parcels[at] = parcel;
	nparcels++;
}

/* What is known of a partition is forgotten with any change of a relation. */
static const PartitionEntry *
look_up(Oid relid)
{
	const RustsClusterConfig *config = rusts_cluster();
	PartitionEntry *entry = NULL;
	Relation	rel;
	Oid			parent;
	int			group;

	if (partitions != NULL && partitions_of != config)
		forget_partitions();
	if (partitions != NULL)
		entry = hash_search(partitions, &relid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;

	/* To open it may make us forget the others. */
	rel = relation_open(relid, NoLock);
	group = config == NULL ? -1 : rusts_partition_group(config, rel);
	parent = group >= 0 ? get_partition_parent(relid, false) : InvalidOid;
	relation_close(rel, NoLock);
	if (partitions == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(PartitionEntry);
		partitions = hash_create("rusts partitions", 64, &ctl,
								 HASH_ELEM | HASH_BLOBS);
		partitions_of = config;
	}
	entry = hash_search(partitions, &relid, HASH_ENTER, NULL);
	entry->parent = parent;
	entry->group = group;
	entry->ships = group >= 0 &&
		(config->groups[group].replicas != NIL ||
		 config->groups[group].primary != config->self);
	return entry;
}

static void
forget_partitions(void)
{
	if (partitions != NULL)
		hash_destroy(partitions);
	partitions = NULL;
}

/* One of the shards that a partition is for; -1 if there is none. */
static int
bound_shard(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	PartitionBoundSpec *spec = NULL;
	int			shard = -1;
	bool		isnull;
	Datum		bound;

	if (!HeapTupleIsValid(tuple))
		return -1;
	bound = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound,
							&isnull);
	if (!isnull)
		spec = stringToNode(TextDatumGetCString(bound));
	if (spec != NULL && spec->listdatums != NIL)
	{
		Const	   *datum = linitial(spec->listdatums);

		if (!datum->constisnull)
			shard = DatumGetInt32(datum->constvalue);
	}
	ReleaseSysCache(tuple);
	return shard;
}

static void
write_image(RustsParcel *parcel, const RustsImage *image)
{
	struct varlena *value;

	parcel->len = image->len + VARHDRSZ;
	if (memory + parcel->len <= MAX_MEMORY)
	{
		value = palloc(parcel->len);
		SET_VARSIZE(value, parcel->len);
		memcpy(VARDATA(value), image->data, image->len);
		parcel->image = value;
		memory += parcel->len;
		return;
	}
	if (file == NULL)
	{
		ResourceOwner owner = CurrentResourceOwner;

		CurrentResourceOwner = TopTransactionResourceOwner;
		file = BufFileCreateTemp(false);
		end_fileno = 0;
		end_offset = 0;
		CurrentResourceOwner = owner;
	}

	/* SEEK_END knows nothing of what is still in the buffer. */
	if (BufFileSeek(file, end_fileno, end_offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in a temporary file: %m")));
	parcel->fileno = end_fileno;
	parcel->offset = end_offset;

	/* VARHDRSZ bytes in front of the image are spare. */
	value = (struct varlena *) (image->data - VARHDRSZ);
	SET_VARSIZE(value, parcel->len);
	BufFileWrite(file, value, parcel->len);
	BufFileTell(file, &end_fileno, &end_offset);
}

static void
at_relcache(Datum arg, Oid relid)
{
	if (relid == InvalidOid)
		forget_partitions();
	else if (partitions != NULL)
		hash_search(partitions, &relid, HASH_REMOVE, NULL);
}

static void
at_xact_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (nparcels > 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has written to other nodes of the cluster")));
			rusts_outbox_close();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			rusts_outbox_clear();
			break;
		default:
			break;
	}
}

static void
at_subxact_event(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	int			kept = 0;
	int			i;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (event == SUBXACT_EVENT_ABORT_SUB && batch != NULL &&
		   batch->nest_level >= level)
		batch = batch->outer;
	for (i = 0; i < nparcels; i++)
	{
		RustsParcel *parcel = parcels[i];

		if (parcel->nest_level >= level)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
			{
				if (parcel->image != NULL)
				{
					memory -= parcel->len;
					pfree(parcel->image);
				}
				continue;
			}
			parcel->nest_level = level - 1;
		}
		parcels[kept++] = parcel;
	}
	nparcels = kept;
}
