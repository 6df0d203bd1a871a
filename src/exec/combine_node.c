/*-------------------------------------------------------------------------
 *
 * combine_node.c
 *	  The executor node RustsCombine.
 *
 * RustsCombine takes the place of a HashAggregate above the partial results of
 * a cluster's nodes (plan/cluster_agg.c).  These are thousands of rows of
 * mostly as many groups, so that what counts is the time to find a group and
 * to make a result.
 *
 * When groups take more than hash_mem, rows of groups that are not there yet
 * go into files, by hash; each of these is an input of its own afterwards.
 *
 * src/exec/combine_node.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "exec/combine.h"
#include "exec/explain_keys.h"

#define NPARTS			16
#define PART_MEMORY		64		/* kB that a part takes before it is a file */

/* Rows that were put off. */
typedef struct CombinePart
{
	Tuplestorestate *rows;
	int			level;			/* how often they were */
} CombinePart;

typedef struct RustsCombineNode
{
	CustomScanState css;
	PlanState  *child;
	int			ncolumns;
	int			nkeys;
	RustsCombineColumn *columns;	/* as those of custom_scan_tlist */
	int			bucket;			/* the column that is the bucket, or -1 */
	int			nvalues;		/* other keys */
	RustsBytes *values;			/* [nvalues] of a row, while it is looked at */
	MemoryContext tuples_cxt;
	RustsTuples *tuples;
	RustsGroups groups;
	Size		max_memory;
	TupleTableSlot *part_slot;
	Tuplestorestate *input;		/* NULL: the child is read */
	int			level;
	Tuplestorestate **put_off;	/* [NPARTS], or NULL: there is no need yet */
	List	   *parts;			/* CombinePart, to be read */
	MemoryContext parts_cxt;
	int64		nparts_read;	/* for EXPLAIN */
	bool		begun;
	uint32		next_group;
} RustsCombineNode;

static Node *create_state(CustomScan *plan);
static void begin(CustomScanState *css, EState *estate, int eflags);
static void describe_columns(RustsCombineNode *node, CustomScan *plan);
static TupleTableSlot *exec(CustomScanState *css);
static bool read_input(RustsCombineNode *node);
static void begin_groups(RustsCombineNode *node);
static void read_rows(RustsCombineNode *node);
static void add_row(RustsCombineNode *node, TupleTableSlot *slot);
static int64 key_of(RustsCombineNode *node, TupleTableSlot *slot,
					bool *bucket_null);
static bool is_full(const RustsCombineNode *node);
static void put_off(RustsCombineNode *node, TupleTableSlot *slot,
					int64 bucket);
static bool next_part(RustsCombineNode *node);
static void finish_parts(RustsCombineNode *node);
static void fill_slot(RustsCombineNode *node, const RustsGroup *group,
					  TupleTableSlot *slot);
static Datum key_value(const RustsCombineNode *node,
					   const RustsCombineColumn *column,
					   const RustsGroup *group, bool *isnull);
static void forget(RustsCombineNode *node);
static void end(CustomScanState *css);
static void rescan(CustomScanState *css);
static void explain(CustomScanState *css, List *ancestors, ExplainState *es);

const CustomScanMethods rusts_combine_methods = {
	.CustomName = "RustsCombine",
	.CreateCustomScanState = create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = "RustsCombine",
	.BeginCustomScan = begin,
	.ExecCustomScan = exec,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain
};

static Node *
create_state(CustomScan *plan)
{
	RustsCombineNode *node = palloc0_object(RustsCombineNode);

	NodeSetTag(node, T_CustomScanState);
	node->css.methods = &exec_methods;
	return (Node *) node;
}

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	RustsCombineNode *node = (RustsCombineNode *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;

	/* what is below is read once, from the beginning to the end */
	eflags &= ~(EXEC_FLAG_REWIND | EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK);
	node->child = ExecInitNode(linitial(plan->custom_plans), estate, eflags);
	css->custom_ps = list_make1(node->child);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	describe_columns(node, plan);
	node->max_memory = get_hash_memory_limit();
	node->part_slot = ExecInitExtraTupleSlot(estate,
											 ExecGetResultType(node->child),
											 &TTSOpsMinimalTuple);
	node->parts_cxt = AllocSetContextCreate(CurrentMemoryContext,
											"rusts rows put off",
											ALLOCSET_DEFAULT_SIZES);
	node->tuples_cxt = AllocSetContextCreate(CurrentMemoryContext,
											 "rusts group keys",
											 ALLOCSET_DEFAULT_SIZES);
}

static void
describe_columns(RustsCombineNode *node, CustomScan *plan)
{
	List	   *kinds = list_nth(plan->custom_private, RUSTS_COMBINE_KINDS);
	List	   *inputs = list_nth(plan->custom_private, RUSTS_COMBINE_INPUTS);
	List	   *seconds = list_nth(plan->custom_private,
								   RUSTS_COMBINE_SECONDS);
	TupleDesc	desc = ExecGetResultType(node->child);
	int			nstates = 0;
	int			i;

	node->ncolumns = list_length(kinds);
	node->columns = palloc0_array(RustsCombineColumn, node->ncolumns);
	node->values = palloc0_array(RustsBytes, node->ncolumns);
	node->bucket = -1;
	for (i = 0; i < node->ncolumns; i++)
	{
		RustsCombineColumn *column = &node->columns[i];
		Form_pg_attribute attr;

		column->kind = list_nth_int(kinds, i);
		column->input = list_nth_int(inputs, i);
		column->second = list_nth_int(seconds, i);
		attr = TupleDescAttr(desc, column->input);
		column->typlen = attr->attlen;
		column->typbyval = attr->attbyval;
		column->is_numeric = attr->atttypid == NUMERICOID;
		if (RUSTS_COMBINE_IS_KEY(column->kind))
			node->nkeys++;
		if (column->kind == RUSTS_COMBINE_BUCKET)
			node->bucket = i;
		else if (RUSTS_COMBINE_IS_KEY(column->kind))
			column->place = node->nvalues++;
		else
			column->place = nstates++;
	}
	rusts_groups_init(&node->groups, CurrentMemoryContext, NULL, 0,
					  sizeof(RustsCombineState) * nstates,
					  plan->scan.plan.plan_rows);
}

static TupleTableSlot *
exec(CustomScanState *css)
{
	RustsCombineNode *node = (RustsCombineNode *) css;
	ExprContext *econtext = css->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = css->ss.ss_ScanTupleSlot;

	for (;;)
	{
		ResetExprContext(econtext);
		if (!node->begun || node->next_group >= node->groups.ngroups)
		{
			if (!read_input(node))
				return ExecClearTuple(css->ss.ps.ps_ResultTupleSlot);
			continue;
		}
		fill_slot(node, node->groups.groups[node->next_group++], slot);
		econtext->ecxt_scantuple = slot;
		if (!ExecQual(css->ss.ps.qual, econtext))
		{
			InstrCountFiltered1(css, 1);
			continue;
		}
		if (css->ss.ps.ps_ProjInfo != NULL)
			return ExecProject(css->ss.ps.ps_ProjInfo);
		return slot;
	}
}

/* The child, then one part after the other; false: that was all. */
static bool
read_input(RustsCombineNode *node)
{
	if (!node->begun)
		node->begun = true;
	else if (!next_part(node))
		return false;
	begin_groups(node);
	read_rows(node);
	finish_parts(node);
	return true;
}

static void
begin_groups(RustsCombineNode *node)
{
	rusts_groups_reset(&node->groups);
	MemoryContextReset(node->tuples_cxt);
	node->tuples = rusts_tuples_create(node->tuples_cxt, node->nvalues);
	node->next_group = 0;
}

static void
read_rows(RustsCombineNode *node)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;

	for (;;)
	{
		TupleTableSlot *slot = node->part_slot;
		MemoryContext old_cxt;

		CHECK_FOR_INTERRUPTS();
		if (node->input == NULL)
			slot = ExecProcNode(node->child);
		else if (!tuplestore_gettupleslot(node->input, true, false, slot))
			break;
		if (TupIsNull(slot))
			break;
		ResetExprContext(econtext);
		old_cxt = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		add_row(node, slot);
		MemoryContextSwitchTo(old_cxt);
	}
	if (node->input != NULL)
		tuplestore_end(node->input);
	node->input = NULL;
}

/* In the memory of a row; what stays is copied. */
static void
add_row(RustsCombineNode *node, TupleTableSlot *slot)
{
	RustsGroups *groups = &node->groups;
	RustsGroup *group = NULL;
	RustsCombineState *states;
	bool		bucket_null;
	int64		bucket;
	uint32		ngroups = groups->ngroups;
	int			i;

	slot_getallattrs(slot);
	bucket = key_of(node, slot, &bucket_null);
	if (is_full(node))
	{
		uint32		tuple = rusts_tuples_lookup(node->tuples, node->values);

		if (tuple != RUSTS_NO_TUPLE)
			group = rusts_groups_lookup(groups, tuple, bucket, bucket_null);
		if (group == NULL)
		{
			put_off(node, slot, bucket);
			return;
		}
	}
	else
		group = rusts_groups_find(groups,
								  rusts_tuples_find(node->tuples,
													node->values),
								  bucket, bucket_null);
	states = (RustsCombineState *) RUSTS_GROUP_STATES(group);
	if (groups->ngroups > ngroups)
		memset(states, 0, groups->states_size);
	for (i = node->nkeys; i < node->ncolumns; i++)
		rusts_combine_add(&node->columns[i],
						  &states[node->columns[i].place], slot->tts_values,
						  slot->tts_isnull, groups->cxt);
}

/* The row's bucket, and in values its other keys. */
static int64
key_of(RustsCombineNode *node, TupleTableSlot *slot, bool *bucket_null)
{
	int64		bucket = 0;
	int			i;

	*bucket_null = false;
	for (i = 0; i < node->nkeys; i++)
	{
		const RustsCombineColumn *column = &node->columns[i];
		Datum	   *value = &slot->tts_values[column->input];
		RustsBytes *bytes = &node->values[column->place];

		if (column->kind == RUSTS_COMBINE_BUCKET)
		{
			*bucket_null = slot->tts_isnull[column->input];
			bucket = *bucket_null ? 0 : DatumGetInt64(*value);
		}
		else if (slot->tts_isnull[column->input])
			*bytes = (RustsBytes) {0};
		else if (column->kind == RUSTS_COMBINE_VALUE)
		{
			bytes->data = (const char *) value;
			bytes->len = sizeof(Datum);
		}
		else
		{
			struct varlena *text =
				(struct varlena *) PG_DETOAST_DATUM_PACKED(*value);

			bytes->data = VARDATA_ANY(text);
			bytes->len = VARSIZE_ANY_EXHDR(text);
		}
	}
	return bucket;
}

/* One group at least is made of each input. */
static bool
is_full(const RustsCombineNode *node)
{
	return node->groups.ngroups > 0 &&
		rusts_groups_size(&node->groups) +
		MemoryContextMemAllocated(node->tuples_cxt, true) > node->max_memory;
}

/* The level is in the hash, so that parts are divided again by another one. */
static void
put_off(RustsCombineNode *node, TupleTableSlot *slot, int64 bucket)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(node->parts_cxt);
	uint32		hash = rusts_tuples_hash_of(node->tuples, node->values) ^
		murmurhash32((uint32) (bucket ^ (bucket >> 32)) + node->level);
	int			part = murmurhash32(hash + node->level) % NPARTS;

	if (node->put_off == NULL)
		node->put_off = palloc0_array(Tuplestorestate *, NPARTS);
	if (node->put_off[part] == NULL)
		node->put_off[part] = tuplestore_begin_heap(false, false,
													PART_MEMORY);
	MemoryContextSwitchTo(old_cxt);
	tuplestore_puttupleslot(node->put_off[part], slot);
}

static bool
next_part(RustsCombineNode *node)
{
	CombinePart *part;

	if (node->parts == NIL)
		return false;
	part = linitial(node->parts);
	node->parts = list_delete_first(node->parts);
	node->input = part->rows;
	node->level = part->level;
	node->nparts_read++;
	pfree(part);
	return true;
}

/* The input has ended: what was put off is input now. */
static void
finish_parts(RustsCombineNode *node)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(node->parts_cxt);
	int			i;

	for (i = 0; i < NPARTS && node->put_off != NULL; i++)
	{
		CombinePart *part;

		if (node->put_off[i] == NULL)
			continue;
		part = palloc_object(CombinePart);
		part->rows = node->put_off[i];
		part->level = node->level + 1;
		node->parts = lcons(part, node->parts);
	}
	if (node->put_off != NULL)
		pfree(node->put_off);
	node->put_off = NULL;
	MemoryContextSwitchTo(old_cxt);
}

static void
fill_slot(RustsCombineNode *node, const RustsGroup *group,
		  TupleTableSlot *slot)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	MemoryContext old_cxt =
		MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	const RustsCombineState *states =
		(const RustsCombineState *) RUSTS_GROUP_STATES(group);
	int			i;

	ExecClearTuple(slot);
	for (i = 0; i < node->nkeys; i++)
		slot->tts_values[i] = key_value(node, &node->columns[i], group,
										&slot->tts_isnull[i]);
	for (; i < node->ncolumns; i++)
		slot->tts_values[i] =
			rusts_combine_result(&node->columns[i],
								 &states[node->columns[i].place],
								 &slot->tts_isnull[i]);
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(old_cxt);
}

static Datum
key_value(const RustsCombineNode *node, const RustsCombineColumn *column,
		  const RustsGroup *group, bool *isnull)
{
	RustsBytes	bytes;
	Datum		value;

	if (column->kind == RUSTS_COMBINE_BUCKET)
	{
		*isnull = group->bucket_null;
		return Int64GetDatum(group->bucket);
	}
	bytes = rusts_tuples_value(node->tuples, group->tuple, column->place);
	*isnull = bytes.data == NULL;
	if (*isnull)
		return (Datum) 0;
	if (column->kind == RUSTS_COMBINE_BYTES)
		return PointerGetDatum(bytes.data - VARHDRSZ);
	memcpy(&value, bytes.data, sizeof(value));
	return value;
}

static void
forget(RustsCombineNode *node)
{
	ListCell   *lc;

	finish_parts(node);
	if (node->input != NULL)
		tuplestore_end(node->input);
	foreach(lc, node->parts)
		tuplestore_end(((CombinePart *) lfirst(lc))->rows);
	node->input = NULL;
	node->parts = NIL;
	node->level = 0;
	node->begun = false;
	MemoryContextReset(node->parts_cxt);
	rusts_groups_reset(&node->groups);
}

static void
end(CustomScanState *css)
{
	RustsCombineNode *node = (RustsCombineNode *) css;

	ExecClearTuple(css->ss.ss_ScanTupleSlot);
	if (node->columns != NULL)
		forget(node);
	ExecEndNode(node->child);
}

/* What is below may be the same: then groups that are all there stay. */
static void
rescan(CustomScanState *css)
{
	RustsCombineNode *node = (RustsCombineNode *) css;

	if (node->begun && node->child->chgParam == NULL &&
		css->ss.ps.chgParam == NULL && node->nparts_read == 0 &&
		node->parts == NIL)
	{
		node->next_group = 0;
		return;
	}
	if (css->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(node->child, css->ss.ps.chgParam);
	ExecReScan(node->child);
	node->nparts_read = 0;
	forget(node);
}

static void
explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	RustsCombineNode *node = (RustsCombineNode *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	List	   *kinds = list_nth(plan->custom_private, RUSTS_COMBINE_KINDS);
	int			nkeys = 0;

	while (nkeys < list_length(kinds) &&
		   RUSTS_COMBINE_IS_KEY(list_nth_int(kinds, nkeys)))
		nkeys++;
	rusts_explain_keys(css, nkeys, ancestors, es);
	if (es->analyze &&
		(node->nparts_read > 0 || es->format != EXPLAIN_FORMAT_TEXT))
		ExplainPropertyInteger("Batches", NULL, node->nparts_read + 1, es);
}
