/*-------------------------------------------------------------------------
 *
 * clause.h
 *	  What a scan can do with a condition: plan and executor ask alike.
 *
 * src/exec/clause.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CLAUSE_H
#define RUSTS_CLAUSE_H

#include "nodes/primnodes.h"

#include "meta/schema.h"

typedef enum RustsClauseKind
{
	RUSTS_CLAUSE_ROW,			/* row by row, after the scan */
	RUSTS_CLAUSE_SERIES,		/* about tags only: once per series */
	RUSTS_CLAUSE_INT,			/* compares an integer column */
	RUSTS_CLAUSE_FLOAT,			/* compares a float8 column */
	RUSTS_CLAUSE_NULL,			/* IS [NOT] NULL of a column */
	RUSTS_CLAUSE_BOOL,			/* about one boolean column */
	RUSTS_CLAUSE_VALUE			/* about one column of byte strings: once per
								 * distinct value of a block */
} RustsClauseKind;

typedef enum RustsTest
{
	RUSTS_TEST_LT,
	RUSTS_TEST_LE,
	RUSTS_TEST_EQ,
	RUSTS_TEST_GE,
	RUSTS_TEST_GT,
	RUSTS_TEST_NE
} RustsTest;

typedef struct RustsClause
{
	Expr	   *expr;
	RustsClauseKind kind;
	AttrNumber	attno;			/* the column; InvalidAttrNumber for several
								 * tags */
	const char *reason;			/* ROW: why */
	RustsTest	test;			/* INT, FLOAT; SERIES: EQ if an operand */
	Expr	   *operand;		/* INT, FLOAT: the other side; SERIES: the
								 * other side of =, or NULL */
	Oid			operand_type;	/* of operand, or of its elements */
	bool		is_array;		/* operand is an array, */
	bool		any;			/* and = ANY, not <> ALL */
	bool		is_null;		/* NULL: IS NULL, not IS NOT NULL */
} RustsClause;

/*
 * Describe a condition on the relation with range table index varno.
 */
extern void rusts_clause_classify(Expr *expr, Index varno,
								  const RustsSchema *schema,
								  RustsClause *clause);

/*
 * The Var if an expression is a column of the relation, just as it is stored;
 * NULL if not.
 */
extern Var *rusts_column_var(Node *expr, Index varno);

/*
 * The live columns that an expression reads of a relation, as attribute
 * numbers; false if it reads a system column other than tableoid, the whole
 * row, or columns that an outer join may have set to null.
 */
extern bool rusts_clause_attnos(Node *expr, Index varno,
								Bitmapset **attnos);

/*
 * Does an expression depend on the results of other parts of the plan, or
 * contain one?
 */
extern bool rusts_has_run_time_params(Node *expr);

#endif							/* RUSTS_CLAUSE_H */
