/*-------------------------------------------------------------------------
 *
 * image_rows.c
 *	  Rows of an image that came from another node: what they have to fulfil,
 *	  and how they are written anew.
 *
 * The bounds of a cluster's partitions are about the tags of a row mostly,
 * sometimes about its time.  Where they are about tags only, one row of each
 * series is looked at, and nothing of it but the tags.
 *
 * src/write/image_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"

#include "compat.h"
#include "segment/rows.h"
#include "write/builder.h"
#include "write/image_check.h"
#include "write/store.h"

/* A condition that each row has to fulfil. */
typedef struct Condition
{
	const char *constraint;		/* NULL: the partition's bounds */
	ExprState  *state;
} Condition;

/* A column that this table computes. */
typedef struct Computed
{
	AttrNumber	attno;
	ExprState  *state;
} Computed;

typedef struct RowChecks
{
	RustsIncoming *in;
	EState	   *estate;
	ExprContext *econtext;
	TupleTableSlot *slot;
	RustsRows  *rows;			/* once they are read */
	int			nconditions;
	Condition  *conditions;
	int			ncomputed;		/* defaults first, then what is generated */
	Computed   *computed;
} RowChecks;

static void begin_checks(RustsIncoming *in, RowChecks *checks,
						 Bitmapset **attnos);
static void add_condition(RowChecks *checks, const char *constraint,
						  List *condition, Bitmapset **attnos);
static void end_checks(RowChecks *checks);
static bool only_tags(const RustsIncoming *in, const Bitmapset *attnos);
static void fill_tags(RowChecks *checks, uint32 series);
static void fill_row(RowChecks *checks, uint32 row);
static void check_row(RowChecks *checks);
static void find_computed(RowChecks *checks);
static void compute(RowChecks *checks);

void
rusts_image_check_rows(RustsIncoming *in)
{
	const TupleConstr *constr = RelationGetDescr(in->rel)->constr;
	Bitmapset  *attnos = NULL;
	RowChecks	checks;
	uint32		i;

	if (!in->rel->rd_rel->relispartition &&
		(constr == NULL || constr->num_check == 0))
		return;
	begin_checks(in, &checks, &attnos);
	if (only_tags(in, attnos))
	{
		for (i = 0; i < in->reader->nseries; i++)
		{
			CHECK_FOR_INTERRUPTS();
			fill_tags(&checks, i);
			check_row(&checks);
		}
	}
	else
	{
		for (i = 0; i < in->reader->nrows; i++)
		{
			fill_row(&checks, i);
			check_row(&checks);
		}
	}
	end_checks(&checks);
}

void
rusts_image_store_rows(RustsIncoming *in)
{
	CommandId	cid = GetCurrentCommandId(true);
	RustsBuilder *builder = rusts_builder_create(CurrentMemoryContext,
												 in->schema);
	Bitmapset  *attnos = NULL;
	RowChecks	checks;
	uint32		i;

	begin_checks(in, &checks, &attnos);
	find_computed(&checks);
	for (i = 0; i < in->reader->nrows; i++)
	{
		fill_row(&checks, i);
		compute(&checks);
		check_row(&checks);
		rusts_builder_put_slot(builder, checks.slot);
		if (builder->bytes >= RUSTS_STORE_FULL_BYTES)
		{
			rusts_store_rows(in->rel, builder, cid, -1, false);
			rusts_builder_reset(builder);
		}
	}
	rusts_store_rows(in->rel, builder, cid, -1, false);
	rusts_builder_free(builder);
	end_checks(&checks);
}

static void
begin_checks(RustsIncoming *in, RowChecks *checks, Bitmapset **attnos)
{
	TupleDesc	desc = RelationGetDescr(in->rel);
	int			nchecks = desc->constr != NULL ? desc->constr->num_check : 0;
	List	   *bounds = RelationGetPartitionQual(in->rel);
	int			i;

	memset(checks, 0, sizeof(*checks));
	checks->in = in;
	checks->estate = CreateExecutorState();
	checks->econtext = GetPerTupleExprContext(checks->estate);
	checks->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	checks->slot->tts_tableOid = RelationGetRelid(in->rel);
	checks->econtext->ecxt_scantuple = checks->slot;
	checks->conditions = palloc_array(Condition, nchecks + 1);
	if (bounds != NIL)
		add_condition(checks, NULL, bounds, attnos);
	for (i = 0; i < nchecks; i++)
	{
		const ConstrCheck *check = &desc->constr->check[i];

#if PG_VERSION_NUM >= 180000
		if (!check->ccenforced)
			continue;
#endif
		add_condition(checks, check->ccname,
					  make_ands_implicit(stringToNode(check->ccbin)), attnos);
	}
}

static void
add_condition(RowChecks *checks, const char *constraint, List *condition,
			  Bitmapset **attnos)
{
	Condition  *added = &checks->conditions[checks->nconditions++];

	added->constraint = constraint;
	added->state = ExecPrepareCheck(condition, checks->estate);
	pull_varattnos((Node *) condition, 1, attnos);
}

static void
end_checks(RowChecks *checks)
{
	ExecDropSingleTupleTableSlot(checks->slot);
	FreeExecutorState(checks->estate);
}

/* Are these attributes, as pull_varattnos numbers them, tags all of them? */
static bool
only_tags(const RustsIncoming *in, const Bitmapset *attnos)
{
	int			member = -1;

	while ((member = bms_next_member(attnos, member)) >= 0)
	{
		int			attno = member + FirstLowInvalidHeapAttributeNumber;

		if (attno <= 0 ||
			in->schema->columns[in->schema->by_attno[attno - 1]].role !=
			RUSTS_ROLE_TAG)
			return false;
	}
	return true;
}

/* A row of a series, as far as its tags go. */
static void
fill_tags(RowChecks *checks, uint32 series)
{
	RustsReader *reader = checks->in->reader;
	TupleTableSlot *slot = checks->slot;
	int			t;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	for (t = 0; t < reader->ntags; t++)
	{
		const RustsBytes *tag = rusts_reader_tag_value(reader, t, series);
		int			at = reader->parts->tags[t].attno - 1;

		if (tag == NULL)
			continue;
		slot->tts_isnull[at] = false;
		slot->tts_values[at] = PointerGetDatum(tag->data - VARHDRSZ);
	}
	ExecStoreVirtualTuple(slot);
}

static void
fill_row(RowChecks *checks, uint32 row)
{
	TupleTableSlot *slot = checks->slot;

	if (checks->rows == NULL)
		checks->rows = rusts_rows_begin(checks->in->reader,
										slot->tts_tupleDescriptor);
	ResetExprContext(checks->econtext);
	ExecClearTuple(slot);
	(void) rusts_rows_fill(checks->rows, row, slot->tts_values,
						   slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
}

static void
check_row(RowChecks *checks)
{
	Relation	rel = checks->in->rel;
	int			i;

	for (i = 0; i < checks->nconditions; i++)
	{
		const Condition *condition = &checks->conditions[i];

		if (ExecCheck(condition->state, checks->econtext))
			continue;
		if (condition->constraint == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("new row for relation \"%s\" violates partition constraint",
							RelationGetRelationName(rel)),
					 errdetail("Another node has sent it, which may have another idea of where rows belong."),
					 errtable(rel)));
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("new row for relation \"%s\" violates check constraint \"%s\"",
						RelationGetRelationName(rel), condition->constraint),
				 errtableconstraint(rel, condition->constraint)));
	}
	ResetExprContext(checks->econtext);
}

/*
 * Columns that the image does not have get their default, as INSERT would do
 * it; generated ones are nobody else's business.
 */
static void
find_computed(RowChecks *checks)
{
	const RustsIncoming *in = checks->in;
	TupleDesc	desc = RelationGetDescr(in->rel);
	int			generated;
	int			i;

	checks->computed = palloc_array(Computed, Max(desc->natts, 1));
	for (generated = 0; generated < 2; generated++)
	{
		for (i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);
			Computed   *computed = &checks->computed[checks->ncomputed];
			Expr	   *expr = NULL;

			if (att->attisdropped ||
				(att->attgenerated != '\0') != (generated == 1) ||
				(generated == 0 && in->present[i]))
				continue;
			if (att->attgenerated == '\0' ||
				att->attgenerated == ATTRIBUTE_GENERATED_STORED)
				expr = (Expr *) build_column_default(in->rel, i + 1);
			computed->attno = i + 1;
			computed->state = expr == NULL ? NULL :
				ExecPrepareExpr(expr, checks->estate);
			checks->ncomputed++;
		}
	}
}

static void
compute(RowChecks *checks)
{
	TupleTableSlot *slot = checks->slot;
	Relation	rel = checks->in->rel;
	int			i;

	for (i = 0; i < checks->ncomputed; i++)
	{
		int			at = checks->computed[i].attno - 1;
		ExprState  *state = checks->computed[i].state;
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), at);

		slot->tts_isnull[at] = true;
		if (state != NULL)
			slot->tts_values[at] =
				ExecEvalExprSwitchContext(state, checks->econtext,
										  &slot->tts_isnull[at]);
		if (slot->tts_isnull[at] && att->attnotnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							NameStr(att->attname),
							RelationGetRelationName(rel)),
					 errdetail("The row comes from another node, which does not have this column yet."),
					 errtablecol(rel, at + 1)));
	}
}
