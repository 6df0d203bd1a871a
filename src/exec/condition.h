/*-------------------------------------------------------------------------
 *
 * condition.h
 *	  Conditions of a running scan: operands evaluated, blocks checked.
 *
 * src/exec/condition.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONDITION_H
#define RUSTS_CONDITION_H

#include "nodes/execnodes.h"

#include "exec/clause.h"
#include "segment/reader.h"

typedef struct RustsCondition
{
	RustsClause clause;
	ExprState  *qual;			/* the clause as it is */
	ExprState  *operand;		/* or NULL */
	/* set by rusts_condition_prepare: */
	bool		never;			/* no row can match */
	bool		always;			/* every row matches */
	bool		generic;		/* only qual can tell */
	int64		low;			/* INT: the range */
	int64		high;
	double		value;			/* FLOAT */
	uint32		nvalues;		/* with an array, or SERIES with an operand */
	int64	   *ints;			/* ascending */
	double	   *floats;
	Datum	   *texts;
	bool		truth[3];		/* BOOL: false, true, null; NULL: not null, -,
								 * null */
	bool		known[3];		/* of truth: BOOL is asked when it occurs */
} RustsCondition;

/*
 * Conditions for an implicitly ANDed list of clauses, in the current memory
 * context.  parent is the node they belong to.
 */
extern RustsCondition *rusts_conditions_create(List *clauses, Index varno,
											   const RustsSchema *schema,
											   PlanState *parent,
											   int *nconditions);

/*
 * Evaluate what the condition compares with, in econtext; results live in
 * the current memory context.
 */
extern void rusts_condition_prepare(RustsCondition *condition,
									const RustsSchema *schema,
									ExprContext *econtext);

/*
 * By the statistics of a block: can a row match, and must all match?  Only
 * for INT, FLOAT and NULL.  column is the reader's.
 */
extern void rusts_condition_check_block(const RustsCondition *condition,
										RustsReader *reader, int column,
										uint32 block, bool *may, bool *must);

/*
 * For BOOL, before rows are filtered: ask what the condition says of values
 * that the rows in bits have, and of no others: it might raise an error.
 * slot (of the relation's row type) is scratch.
 */
extern void rusts_condition_learn(RustsCondition *condition,
								  const RustsVector *vector,
								  const uint64 *bits, ExprContext *econtext,
								  TupleTableSlot *slot);

/*
 * Clear the bits of rows that do not match, by the column's values.  Not for
 * SERIES, ROW and VALUE.
 */
extern void rusts_condition_filter(const RustsCondition *condition,
								   const RustsVector *vector, uint64 *bits);

#endif							/* RUSTS_CONDITION_H */
