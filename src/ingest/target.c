/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Measurements of a call: look up, open, close.
 *
 * A measurement is looked for in one schema only, the first of search_path,
 * where it would also be made: what a point is written to does not depend on
 * tables that somebody has elsewhere on the path.
 *
 * src/ingest/target.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "rewrite/prs2lock.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "cluster/shard.h"
#include "compat.h"
#include "ingest/report.h"
#include "ingest/sharding.h"
#include "ingest/slow.h"
#include "ingest/target.h"

static void describe(RustsIngest *in, RustsTarget *target, Relation rel);
static bool is_target(Relation rel);
static void load_columns(RustsTarget *target, Relation rel);
static RustsLpType type_for_oid(Oid typid);
static void check_privileges(RustsTarget *target, Relation rel);
static bool has_insert_rule(Relation rel);
static void prepare(RustsIngest *in, RustsTarget *target);
static bool same_roles(const RustsTarget *target,
					   const RustsTargetPart *part);
static void close_parts(RustsTarget *target, bool discard);
static void refuse_type(RustsIngest *in, RustsTarget *target);

RustsOpened
rusts_target_open(RustsIngest *in, RustsTarget *target, bool wait)
{
	RangeVar   *rangevar = rusts_target_rangevar(in, target);
	Oid			relid;
	Relation	rel;

	Assert(target->rel == NULL);
	relid = RangeVarGetRelidExtended(rangevar, RowExclusiveLock,
									 RVR_MISSING_OK |
									 (wait ? 0 : RVR_SKIP_LOCKED),
									 NULL, NULL);
	if (!OidIsValid(relid))
	{
		if (!wait && OidIsValid(get_relname_relid(target->name.data,
												  in->namespace)))
			return RUSTS_TARGET_BUSY;
		rusts_target_peek(in, target);
		return target->refusal ? RUSTS_TARGET_REFUSED : RUSTS_TARGET_MISSING;
	}

	rel = relation_open(relid, NoLock);
	describe(in, target, rel);
	if (target->refusal != NULL)
	{
		relation_close(rel, RowExclusiveLock);
		return RUSTS_TARGET_REFUSED;
	}
	check_privileges(target, rel);
	target->rel = rel;
	target->slow = NULL;
	target->sharding = NULL;
	if (target->in_cluster)
	{
		if (!rusts_sharding_open(in, target, wait))
		{
			target->rel = NULL;
			relation_close(rel, RowExclusiveLock);
			return RUSTS_TARGET_BUSY;
		}
		if (target->sharding == NULL || rusts_needs_insert(rel))
			target->slow = rusts_slow_create(target);
	}
	else if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
			 rel->rd_rel->relispartition || rusts_needs_insert(rel))
		target->slow = rusts_slow_create(target);
	in->nopen++;
	if (target->slow == NULL)
		prepare(in, target);
	target->epoch = ++in->epoch;
	return RUSTS_TARGET_OPEN;
}

void
rusts_target_peek(RustsIngest *in, RustsTarget *target)
{
	RangeVar   *rangevar = rusts_target_rangevar(in, target);
	RustsBytes	time;
	Oid			relid;

	relid = RangeVarGetRelidExtended(rangevar, AccessShareLock,
									 RVR_MISSING_OK, NULL, NULL);
	if (OidIsValid(relid))
	{
		Relation	rel = relation_open(relid, NoLock);

		describe(in, target, rel);
		relation_close(rel, AccessShareLock);
		return;
	}

	/* A new measurement has a time column in any case. */
	target->known = true;
	target->exists = false;
	target->in_cluster = in->cluster != NULL;
	target->refusal = NULL;
	target->natts = 0;
	target->nexisting = 0;
	rusts_names_truncate(&target->names, 0);
	time.data = RUSTS_TIME_COLUMN;
	time.len = strlen(RUSTS_TIME_COLUMN);
	rusts_target_add_column(target, time, RUSTS_ROLE_TIME, 0);
	refuse_type(in, target);
}

RangeVar *
rusts_target_rangevar(RustsIngest *in, const RustsTarget *target)
{
	return makeRangeVar(in->namespace_name,
						unconstify(char *, target->name.data), -1);
}

void
rusts_target_close_all(RustsIngest *in, bool discard)
{
	uint32		i;

	for (i = 0; i < in->target_names.nnames; i++)
	{
		RustsTarget *target = in->targets[i];

		if (target->rel == NULL)
			continue;
		if (target->slow != NULL)
		{
			if (!discard)
				rusts_slow_flush(in, target);
		}
		else
			close_parts(target, discard);
		rusts_sharding_close(target, discard);
		relation_close(target->rel, discard ? RowExclusiveLock : NoLock);
		target->rel = NULL;
		target->parts = NULL;
		target->nparts = 0;
		target->slow = NULL;
		target->epoch = 0;
	}
	in->nopen = 0;
}

int
rusts_target_add_column(RustsTarget *target, RustsBytes name,
						RustsRole role, RustsLpType type)
{
	int			number = rusts_names_add(&target->names, name);
	RustsTargetColumn *column;

	if (number >= target->max_columns)
	{
		target->max_columns = Max(32, target->max_columns * 2);
		if (target->columns == NULL)
			target->columns = MemoryContextAlloc(target->cxt,
												 sizeof(RustsTargetColumn) *
												 target->max_columns);
		else
			target->columns = repalloc(target->columns,
									   sizeof(RustsTargetColumn) *
									   target->max_columns);
	}
	column = &target->columns[number];
	column->role = role;
	column->type = type;
	column->typid = InvalidOid;
	column->column = -1;
	column->denied = false;
	return number;
}

void
rusts_target_deny(const RustsTarget *target)
{
	aclcheck_error(ACLCHECK_NO_PRIV,
				   get_relkind_objtype(target->rel->rd_rel->relkind),
				   target->name.data);
}

void
rusts_target_forget_series(RustsIngest *in)
{
	uint32		i;

	for (i = 0; i < in->target_names.nnames; i++)
	{
		if (in->targets[i]->rel != NULL)
			in->targets[i]->epoch = ++in->epoch;
	}
}

/* Fill in what the relation of the target's name is and takes. */
static void
describe(RustsIngest *in, RustsTarget *target, Relation rel)
{
	RustsSchema *schema;

	target->known = true;
	target->exists = true;
	target->is_partition = rel->rd_rel->relispartition;
	target->in_cluster = in->cluster != NULL &&
		rusts_is_cluster_measurement(rel);
	target->refusal = NULL;
	target->nexisting = 0;
	target->nfield_slots = 0;
	target->ntag_slots = 0;
	rusts_names_truncate(&target->names, 0);

	if (!is_target(rel))
	{
		target->refusal =
			rusts_fault_make(target->cxt, ERRCODE_WRONG_OBJECT_TYPE,
							 "A measurement is a table that rusts_write or CREATE TABLE ... USING rusts made.",
							 "\"%s\" is not a measurement",
							 RelationGetRelationName(rel));
		return;
	}

	load_columns(target, rel);
	schema = target->schema;
	if (schema->time < 0 ||
		schema->columns[schema->time].typid != TIMESTAMPTZOID)
		target->refusal =
			rusts_fault_make(target->cxt, ERRCODE_DATATYPE_MISMATCH, NULL,
							 "measurement \"%s\" has no column \"%s\" of type timestamp with time zone",
							 RelationGetRelationName(rel), RUSTS_TIME_COLUMN);
}

/* Does this relation store points?  A partitioned table does by partitions. */
static bool
is_target(Relation rel)
{
	List	   *partitions;
	ListCell   *lc;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return rel->rd_rel->relkind == RELKIND_RELATION &&
			rusts_is_measurement(rel);

	partitions = find_inheritance_children(RelationGetRelid(rel), NoLock);
	foreach(lc, partitions)
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION &&
			!rusts_relid_is_measurement(lfirst_oid(lc)))
			return false;
	}
	return true;
}

static void
load_columns(RustsTarget *target, Relation rel)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(target->cxt);
	TupleDesc	desc = RelationGetDescr(rel);
	int			i;

	target->schema = rusts_schema_build(rel);
	target->natts = desc->natts;
	for (i = 0; i < target->schema->ncolumns; i++)
	{
		const RustsColumn *column = &target->schema->columns[i];
		Form_pg_attribute att = TupleDescAttr(desc, column->attno - 1);
		RustsLpType type = 0;
		RustsBytes	name;
		int			number;

		if (column->role == RUSTS_ROLE_TAG)
			type = RUSTS_LP_STRING;
		else if (column->role == RUSTS_ROLE_FIELD)
			type = type_for_oid(column->typid);
		name.data = NameStr(att->attname);
		name.len = strlen(name.data);
		number = rusts_target_add_column(target, name, column->role, type);
		target->columns[number].typid = column->typid;
		target->columns[number].column = i;
	}
	target->nexisting = target->names.nnames;
	MemoryContextSwitchTo(old_cxt);
}

/* What a column of this type takes; rows with domains go through INSERT. */
static RustsLpType
type_for_oid(Oid typid)
{
	switch (typid)
	{
		case FLOAT8OID:
			return RUSTS_LP_FLOAT;
		case INT8OID:
			return RUSTS_LP_INT;
		case TEXTOID:
			return RUSTS_LP_STRING;
		case BOOLOID:
			return RUSTS_LP_BOOL;
		default:
			break;
	}
	if (get_typtype(typid) == TYPTYPE_DOMAIN)
		return type_for_oid(getBaseType(typid));
	return 0;
}

/*
 * The privilege to insert into the table, or into some columns: then
 * the others are marked.
 */
static void
check_privileges(RustsTarget *target, Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	Oid			userid = GetUserId();
	uint32		i;

	target->time_ns_denied = false;
	if (pg_class_aclmask(relid, userid, ACL_INSERT, ACLMASK_ANY) != 0)
		return;

	for (i = 0; i < target->nexisting; i++)
	{
		RustsTargetColumn *column = &target->columns[i];
		AttrNumber	attno = target->schema->columns[column->column].attno;

		column->denied = pg_attribute_aclcheck(relid, attno, userid,
											   ACL_INSERT) != ACLCHECK_OK;
		if (!column->denied)
			continue;
		if (column->role == RUSTS_ROLE_TIME)
			aclcheck_error(ACLCHECK_NO_PRIV,
						   get_relkind_objtype(rel->rd_rel->relkind),
						   RelationGetRelationName(rel));
		if (column->role == RUSTS_ROLE_TIME_NS)
			target->time_ns_denied = true;
	}
}

bool
rusts_needs_insert(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	TriggerDesc *triggers = rel->trigdesc;
	int			i;

	if (has_insert_rule(rel) ||
		check_enable_rls(RelationGetRelid(rel), InvalidOid,
						 false) == RLS_ENABLED)
		return true;
	if (triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_before_statement ||
		 triggers->trig_insert_after_statement))
		return true;
	if (desc->constr != NULL &&
		(desc->constr->num_check > 0 ||
		 desc->constr->has_generated_stored))
		return true;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped ||
			strcmp(NameStr(att->attname), RUSTS_TIME_COLUMN) == 0 ||
			strcmp(NameStr(att->attname), RUSTS_TIME_NS_COLUMN) == 0)
			continue;
		if (att->attnotnull || att->atthasdef || att->attidentity != '\0' ||
			att->attgenerated != '\0' ||
			get_typtype(att->atttypid) == TYPTYPE_DOMAIN)
			return true;
	}
	return false;
}

static bool
has_insert_rule(Relation rel)
{
	int			i;

	if (rel->rd_rules == NULL)
		return false;
	for (i = 0; i < rel->rd_rules->numLocks; i++)
	{
		if (rel->rd_rules->rules[i]->event == CMD_INSERT)
			return true;
	}
	return false;
}

/* Make an open target's parts, if it is one table, and working space. */
static void
prepare(RustsIngest *in, RustsTarget *target)
{
	RustsSchema *schema;
	int			i;

	if (target->sharding == NULL)
	{
		target->parts = MemoryContextAllocZero(target->cxt,
											   sizeof(RustsTargetPart));
		target->nparts = 1;
		target->parts->rel = target->rel;

		/* SECURITY LABEL does not wait for us. */
		rusts_target_begin_part(target, target->parts);
		while (!same_roles(target, target->parts))
		{
			rusts_buffer_finish(target->parts->buffer);
			describe(in, target, target->rel);
			check_privileges(target, target->rel);
			rusts_target_begin_part(target, target->parts);
		}
	}

	schema = target->schema;
	target->tag_ordinal = MemoryContextAlloc(target->cxt,
											 sizeof(int) *
											 Max(schema->ncolumns, 1));
	target->tag_values = MemoryContextAlloc(target->cxt,
											sizeof(RustsBytes) *
											Max(schema->ntags, 1));
	for (i = 0; i < schema->ntags; i++)
		target->tag_ordinal[schema->tags[i]] = i;
}

void
rusts_target_begin_part(RustsTarget *target, RustsTargetPart *part)
{
	part->buffer = rusts_buffer_get(part->rel, GetCurrentCommandId(true));
	part->builder = rusts_buffer_builder(part->buffer);
	part->string_bytes = 0;
}

/* Has the builder our idea of what is a tag? */
static bool
same_roles(const RustsTarget *target, const RustsTargetPart *part)
{
	int			i;

	for (i = 0; i < target->schema->ncolumns; i++)
	{
		if (target->schema->columns[i].role !=
			part->builder->schema->columns[i].role)
			return false;
	}
	return true;
}

static void
close_parts(RustsTarget *target, bool discard)
{
	int			i;

	for (i = 0; i < target->nparts; i++)
	{
		RustsTargetPart *part = &target->parts[i];

		if (part->buffer == NULL)
			continue;
		if (discard)
			rusts_builder_reset(part->builder);
		rusts_buffer_finish(part->buffer);
		part->buffer = NULL;
		part->builder = NULL;
	}
}

/*
 * Set target->refusal if a table of the target's name could not be created
 * because of a type.  Array types make way by themselves.
 */
static void
refuse_type(RustsIngest *in, RustsTarget *target)
{
	Oid			typid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										CStringGetDatum(target->name.data),
										ObjectIdGetDatum(in->namespace));

	if (OidIsValid(typid) && !OidIsValid(get_element_type(typid)))
		target->refusal =
			rusts_fault_make(target->cxt, ERRCODE_DUPLICATE_OBJECT,
							 "A table has an associated type of the same name.",
							 "measurement \"%s\" has the name of a type",
							 target->name.data);
}
