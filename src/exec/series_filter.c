/*-------------------------------------------------------------------------
 *
 * series_filter.c
 *	  Which series of a segment meet the conditions on tags.
 *
 * A condition on one tag is evaluated once for each of the segment's values
 * of it; tag = 'x' and tag IN ('x', 'y') look them up.  Conditions on several
 * tags are evaluated for each series that is left.
 *
 * What is a tag of the measurement need not be one of the segment, and the
 * other way round: labels can be set later.  Then the condition is for rows.
 *
 * src/exec/series_filter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/bloom.h"
#include "compat.h"
#include "exec/block_scan_internal.h"
#include "vector/aggregate.h"

/* Of the values that are looked up, series found so far. */
typedef struct Lookup
{
	const uint32 *codes;
	uint64	   *found;
} Lookup;

static int	tag_of(RustsBlockScan *scan, AttrNumber attno);
static bool is_about_tags(RustsBlockScan *scan, RustsCondition *condition);
static bool look_up(RustsBlockScan *scan, RustsCondition *condition, int tag,
					uint64 *chosen, bool all);
static void found_value(void *arg, uint32 index, uint32 first_series,
						uint32 end_series);
static bool ask_values(RustsBlockScan *scan, RustsCondition *condition,
					   int tag, uint64 *chosen);
static bool ask_series(RustsBlockScan *scan, RustsCondition *condition,
					   uint64 *chosen);

bool
rusts_block_scan_choose_series(RustsBlockScan *scan, uint64 **chosen,
							   bool *all)
{
	RustsReader *reader = scan->reader;
	Size		size = sizeof(uint64) *
		RUSTS_BITMAP_WORDS((Size) reader->nseries);
	uint64	   *bits = NULL;
	int			round;
	int			i;

	scan->settled = palloc0_array(bool, scan->nconditions);
	*all = true;

	/* What can be looked up goes first: the others then ask for less. */
	for (round = 0; round < 2; round++)
	{
		for (i = 0; i < scan->nconditions - 1; i++)
		{
			RustsCondition *condition = &scan->conditions[i];
			bool		lookup = condition->clause.operand != NULL &&
				condition->clause.kind == RUSTS_CLAUSE_SERIES;
			int			tag;
			bool		good;

			if (lookup != (round == 0) || condition->always ||
				!is_about_tags(scan, condition))
				continue;
			if (bits == NULL)
			{
				bits = MemoryContextAllocHuge(CurrentMemoryContext, size);
				memset(bits, 0, size);
				if (!lookup)
					rusts_fill_bits(bits, reader->nseries, 0, reader->nseries);
			}
			if (condition->clause.attno == InvalidAttrNumber)
				good = ask_series(scan, condition, bits);
			else
			{
				tag = tag_of(scan, condition->clause.attno);
				if (lookup)
					good = look_up(scan, condition, tag, bits, *all);
				else
					good = ask_values(scan, condition, tag, bits);
			}
			if (!good)
				return false;
			*all = false;
			scan->settled[i] = true;
		}
	}
	*chosen = bits;
	return true;
}

/* Which of the open segment's tags a column is, or -1. */
static int
tag_of(RustsBlockScan *scan, AttrNumber attno)
{
	return scan->columns[scan->by_attno[attno - 1]].tag;
}

/* Are all columns that the condition reads tags of the open segment? */
static bool
is_about_tags(RustsBlockScan *scan, RustsCondition *condition)
{
	const RustsClause *clause = &condition->clause;
	Bitmapset  *attnos = NULL;
	int			attno = -1;

	switch (clause->kind)
	{
		case RUSTS_CLAUSE_VALUE:
		case RUSTS_CLAUSE_NULL:
			return tag_of(scan, clause->attno) >= 0;
		case RUSTS_CLAUSE_SERIES:
			break;
		default:
			return false;
	}
	if (clause->attno != InvalidAttrNumber)
		return tag_of(scan, clause->attno) >= 0;
	(void) rusts_clause_attnos((Node *) clause->expr, scan->varno, &attnos);
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		if (tag_of(scan, attno) < 0)
			return false;
	}
	return true;
}

static bool
look_up(RustsBlockScan *scan, RustsCondition *condition, int tag,
		uint64 *chosen, bool all)
{
	RustsReader *reader = scan->reader;
	Size		nwords = RUSTS_BITMAP_WORDS((Size) reader->nseries);
	Lookup		lookup;
	uint32		i;
	Size		w;

	if (!rusts_parts_load_tag(reader, tag))
		return false;
	lookup.codes = reader->parts->tags[tag].codes;
	lookup.found = chosen;
	if (!all)
	{
		lookup.found = MemoryContextAllocHuge(CurrentMemoryContext,
											  sizeof(uint64) * nwords);
		memset(lookup.found, 0, sizeof(uint64) * nwords);
	}
	for (i = 0; i < condition->nvalues; i++)
	{
		struct varlena *text =
			(struct varlena *) DatumGetPointer(condition->texts[i]);
		RustsBytes	value = {VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)};

		rusts_parts_find_value(reader->parts, tag, value, found_value,
							   &lookup);
	}
	if (!all)
	{
		for (w = 0; w < nwords; w++)
			chosen[w] &= lookup.found[w];
		pfree(lookup.found);
	}
	return true;
}

static void
found_value(void *arg, uint32 index, uint32 first_series, uint32 end_series)
{
	Lookup	   *lookup = arg;
	uint32		series;

	for (series = first_series; series < end_series; series++)
	{
		if (lookup->codes[series] == index)
			rusts_bitmap_set(lookup->found, series);
	}
}

/* Ask once for each value of a tag that a chosen series has. */
static bool
ask_values(RustsBlockScan *scan, RustsCondition *condition, int tag,
		   uint64 *chosen)
{
	RustsReader *reader = scan->reader;
	AttrNumber	attno = condition->clause.attno;
	TupleTableSlot *slot = scan->slot;
	const RustsPartsTag *values = &reader->parts->tags[tag];
	int8	   *answers;
	uint32		series;

	if (!rusts_parts_load_tag(reader, tag))
		return false;

	/* One more, for null. */
	answers = MemoryContextAllocHuge(CurrentMemoryContext,
									 (Size) values->nvalues + 1);
	memset(answers, -1, (Size) values->nvalues + 1);
	for (series = rusts_next_bit(chosen, 0, reader->nseries);
		 series < reader->nseries;
		 series = rusts_next_bit(chosen, series + 1, reader->nseries))
	{
		uint32		code = values->codes[series];
		uint32		which = code == RUSTS_NO_CODE ? values->nvalues : code;

		if (answers[which] < 0)
		{
			CHECK_FOR_INTERRUPTS();
			ExecClearTuple(slot);
			memset(slot->tts_isnull, true, sizeof(bool) * scan->schema->natts);
			if (code != RUSTS_NO_CODE)
			{
				slot->tts_isnull[attno - 1] = false;
				slot->tts_values[attno - 1] =
					PointerGetDatum(values->values[code].data - VARHDRSZ);
			}
			ExecStoreVirtualTuple(slot);
			scan->econtext->ecxt_scantuple = slot;
			answers[which] = ExecQual(condition->qual, scan->econtext);
			ResetExprContext(scan->econtext);
		}
		if (!answers[which])
			rusts_bitmap_clear(chosen, series);
	}
	pfree(answers);
	return true;
}

static bool
ask_series(RustsBlockScan *scan, RustsCondition *condition, uint64 *chosen)
{
	RustsReader *reader = scan->reader;
	TupleTableSlot *slot = scan->slot;
	Bitmapset  *attnos = NULL;
	uint32		series;
	int			attno = -1;

	(void) rusts_clause_attnos((Node *) condition->clause.expr, scan->varno,
							   &attnos);
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		if (!rusts_parts_load_tag(reader, tag_of(scan, attno)))
			return false;
	}
	for (series = rusts_next_bit(chosen, 0, reader->nseries);
		 series < reader->nseries;
		 series = rusts_next_bit(chosen, series + 1, reader->nseries))
	{
		CHECK_FOR_INTERRUPTS();
		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, sizeof(bool) * scan->schema->natts);
		attno = -1;
		while ((attno = bms_next_member(attnos, attno)) >= 0)
		{
			int			tag = tag_of(scan, attno);
			const RustsBytes *value = rusts_reader_tag_value(reader, tag,
															 series);

			if (value != NULL)
			{
				slot->tts_isnull[attno - 1] = false;
				slot->tts_values[attno - 1] =
					PointerGetDatum(value->data - VARHDRSZ);
			}
		}
		ExecStoreVirtualTuple(slot);
		scan->econtext->ecxt_scantuple = slot;
		if (!ExecQual(condition->qual, scan->econtext))
			rusts_bitmap_clear(chosen, series);
		ResetExprContext(scan->econtext);
	}
	return true;
}

/* tag = value, of which the segment's filter knows that it has none? */
bool
rusts_block_scan_may_have_series(RustsBlockScan *scan,
								 const RustsSegmentEntry *entry)
{
	int			i;

	if (entry->tag_filter == NULL)
		return true;
	for (i = 0; i < scan->nconditions - 1; i++)
	{
		const RustsCondition *condition = &scan->conditions[i];
		const RustsClause *clause = &condition->clause;
		bool		may = false;
		uint32		v;

		if (clause->kind != RUSTS_CLAUSE_SERIES || clause->operand == NULL ||
			condition->always)
			continue;
		for (v = 0; v < condition->nvalues && !may; v++)
		{
			struct varlena *text =
				(struct varlena *) DatumGetPointer(condition->texts[v]);
			uint64		hash = rusts_bloom_hash_tag(clause->attno,
													VARDATA_ANY(text),
													VARSIZE_ANY_EXHDR(text));

			may = rusts_bloom_may_contain(entry->tag_filter,
										  entry->tag_filter_len,
										  clause->attno, hash);
		}
		if (!may)
			return false;
	}
	return true;
}
