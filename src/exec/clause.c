/*-------------------------------------------------------------------------
 *
 * clause.c
 *	  What a scan can do with a condition.
 *
 * Conditions on tags are evaluated once per series, whatever they are.  Those
 * that compare an integer, timestamp, date or float8 column with something
 * that is the same for all rows become ranges, for which statistics of blocks
 * are asked and which loops over arrays check.  A condition on one boolean
 * column has at most three answers, one on a column of byte strings as many
 * as the block has distinct values.  Anything else is PostgreSQL's to check,
 * row by row.
 *
 * Integer and datetime types are compared across types where the operand can
 * be turned into the column's type without changing the answer.
 *
 * src/exec/clause.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "exec/clause.h"

static bool classify_comparison(RustsClause *clause, Index varno,
								const RustsSchema *schema);
static bool match_operand(Node *column, Node *operand, Index varno,
						  Var **var);
static bool is_widening(Node *node);
static bool comparable(const RustsColumn *column, Oid operand_type,
					   bool widened, Oid opno, RustsTest *test,
					   RustsClauseKind *kind);
static void classify_series(RustsClause *clause, Index varno);
static bool is_constant(Node *node, Index varno);

void
rusts_clause_classify(Expr *expr, Index varno, const RustsSchema *schema,
					  RustsClause *clause)
{
	Bitmapset  *attnos = NULL;
	const RustsColumn *column;
	int			attno = -1;
	bool		all_tags = true;
	bool		simple;

	memset(clause, 0, sizeof(*clause));
	clause->expr = expr;
	clause->kind = RUSTS_CLAUSE_ROW;

	simple = rusts_clause_attnos((Node *) expr, varno, &attnos);
	if (contain_volatile_functions((Node *) expr))
		clause->reason = "volatile function";
	else if (contain_subplans((Node *) expr))
		clause->reason = "subquery";
	else if (!simple)
		clause->reason = "whole row or system column";
	else if (bms_is_empty(attnos))
		clause->reason = "no column";
	if (clause->reason != NULL)
		return;

	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		int			index = schema->by_attno[attno - 1];

		if (index < 0 || schema->columns[index].role != RUSTS_ROLE_TAG)
			all_tags = false;
	}
	if (bms_membership(attnos) == BMS_SINGLETON)
		clause->attno = bms_singleton_member(attnos);
	if (all_tags)
	{
		clause->kind = RUSTS_CLAUSE_SERIES;
		classify_series(clause, varno);
		return;
	}
	if (clause->attno == InvalidAttrNumber)
	{
		clause->reason = "several columns";
		return;
	}

	if (schema->by_attno[clause->attno - 1] < 0)
	{
		clause->reason = "dropped column";
		return;
	}
	column = &schema->columns[schema->by_attno[clause->attno - 1]];
	if (classify_comparison(clause, varno, schema))
		return;
	if (IsA(expr, NullTest) && IsA(((NullTest *) expr)->arg, Var) &&
		!((NullTest *) expr)->argisrow)
	{
		clause->kind = RUSTS_CLAUSE_NULL;
		clause->is_null = ((NullTest *) expr)->nulltesttype == IS_NULL;
	}
	else if (column->kind == RUSTS_KIND_BOOL)
		clause->kind = RUSTS_CLAUSE_BOOL;
	else if (column->kind == RUSTS_KIND_BYTES)
		clause->kind = RUSTS_CLAUSE_VALUE;
	else
		clause->reason = "not a comparison that blocks can be checked for";
}

/* Column OP operand, or the other way round, or with ANY or ALL. */
static bool
classify_comparison(RustsClause *clause, Index varno,
					const RustsSchema *schema)
{
	Node	   *left;
	Node	   *right;
	Oid			opno;
	Oid			operand_type;
	Var		   *var;

	if (IsA(clause->expr, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) clause->expr;

		if (list_length(op->args) != 2)
			return false;
		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		if (!match_operand(left, right, varno, &var))
		{
			Node	   *other = left;

			left = right;
			right = other;
			opno = get_commutator(opno);
			if (!OidIsValid(opno) || !match_operand(left, right, varno, &var))
				return false;
		}
		operand_type = exprType(right);
	}
	else if (IsA(clause->expr, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause->expr;

		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		if (IsA(left, FuncExpr) || !match_operand(left, right, varno, &var))
			return false;
		operand_type = get_element_type(exprType(right));
		clause->is_array = true;
		clause->any = op->useOr;
	}
	else
		return false;

	if (!comparable(&schema->columns[schema->by_attno[var->varattno - 1]],
					operand_type, IsA(left, FuncExpr), opno, &clause->test,
					&clause->kind))
		return false;
	if (clause->is_array &&
		clause->test != (clause->any ? RUSTS_TEST_EQ : RUSTS_TEST_NE))
	{
		clause->kind = RUSTS_CLAUSE_ROW;
		return false;
	}
	clause->operand = (Expr *) right;
	clause->operand_type = operand_type;
	return true;
}

/*
 * Is this a column of the relation, perhaps an integer that is turned into a
 * numeric or float8 to be compared, and that the same for all rows?
 */
static bool
match_operand(Node *column, Node *operand, Index varno, Var **var)
{
	if (is_widening(column))
		column = linitial(((FuncExpr *) column)->args);
	*var = rusts_column_var(column, varno);
	return *var != NULL && is_constant(operand, varno);
}

static bool
is_widening(Node *node)
{
	if (!IsA(node, FuncExpr))
		return false;
	switch (((FuncExpr *) node)->funcid)
	{
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_FLOAT8_INT2:
		case F_FLOAT8_INT4:
		case F_FLOAT8_INT8:
			return true;
		default:
			return false;
	}
}

static bool
is_constant(Node *node, Index varno)
{
	Bitmapset  *attnos = NULL;

	return rusts_clause_attnos(node, varno, &attnos) && bms_is_empty(attnos);
}

/*
 * Does the operator compare the column's values in the order of int64, or of
 * float8, after the operand has been turned into the column's type?
 */
static bool
comparable(const RustsColumn *column, Oid operand_type, bool widened, Oid opno,
		   RustsTest *test, RustsClauseKind *kind)
{
	Oid			order_type = column->typid;
	Oid			family;
	int			strategy;

	RustsClauseKind order = RUSTS_CLAUSE_INT;

	if (widened)
	{
		order_type = operand_type;
		if ((column->typid != INT2OID && column->typid != INT4OID &&
			 column->typid != INT8OID) ||
			(operand_type != NUMERICOID && operand_type != FLOAT8OID))
			return false;
	}
	else
		switch (column->typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			if (operand_type != INT2OID && operand_type != INT4OID &&
				operand_type != INT8OID)
				return false;
			break;
		case FLOAT8OID:
			order = RUSTS_CLAUSE_FLOAT;
			if (operand_type != FLOAT8OID && operand_type != FLOAT4OID)
				return false;
			break;
		case TIMESTAMPTZOID:
			if (operand_type != TIMESTAMPTZOID &&
				operand_type != TIMESTAMPOID && operand_type != DATEOID)
				return false;
			break;
		case TIMESTAMPOID:
			/* With a timestamptz it is the column that is converted. */
			if (operand_type != TIMESTAMPOID && operand_type != DATEOID)
				return false;
			break;
		case DATEOID:
			if (operand_type != DATEOID)
				return false;
			break;
		case TIMEOID:
			if (operand_type != TIMEOID)
				return false;
			break;
		default:
			return false;
	}

	/* The type's own order, which is that of its values as int64 or double. */
	family = lookup_type_cache(order_type,
							   TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	strategy = get_op_opfamily_strategy(opno, family);
	switch (strategy)
	{
		case BTLessStrategyNumber:
			*test = RUSTS_TEST_LT;
			break;
		case BTLessEqualStrategyNumber:
			*test = RUSTS_TEST_LE;
			break;
		case BTEqualStrategyNumber:
			*test = RUSTS_TEST_EQ;
			break;
		case BTGreaterEqualStrategyNumber:
			*test = RUSTS_TEST_GE;
			break;
		case BTGreaterStrategyNumber:
			*test = RUSTS_TEST_GT;
			break;
		default:
			opno = get_negator(opno);
			if (!OidIsValid(opno) ||
				get_op_opfamily_strategy(opno, family) !=
				BTEqualStrategyNumber)
				return false;
			*test = RUSTS_TEST_NE;
			break;
	}
	*kind = order;
	return true;
}

/*
 * tag = value and tag = ANY (values) can be looked up, as long as equal means
 * the same bytes.
 */
static void
classify_series(RustsClause *clause, Index varno)
{
	Node	   *left;
	Node	   *right;
	Oid			opno;
	Oid			collation;
	Var		   *var;
	bool		is_array = false;

	if (IsA(clause->expr, OpExpr) &&
		list_length(((OpExpr *) clause->expr)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) clause->expr;

		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		collation = op->inputcollid;
		if (!match_operand(left, right, varno, &var))
		{
			left = lsecond(op->args);
			right = linitial(op->args);
		}
	}
	else if (IsA(clause->expr, ScalarArrayOpExpr) &&
			 ((ScalarArrayOpExpr *) clause->expr)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause->expr;

		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		collation = op->inputcollid;
		is_array = true;
	}
	else
		return;
	if (opno != TextEqualOperator || !match_operand(left, right, varno, &var))
		return;
	if (!OidIsValid(collation) || !get_collation_isdeterministic(collation))
		return;
	clause->test = RUSTS_TEST_EQ;
	clause->operand = (Expr *) right;
	clause->operand_type = TEXTOID;
	clause->is_array = is_array;
	clause->any = true;
}

Var *
rusts_column_var(Node *expr, Index varno)
{
	Var		   *var = (Var *) expr;

	if (!IsA(expr, Var) || var->varno != varno || var->varlevelsup != 0 ||
		var->varattno <= 0 || rusts_is_nulled_var(var))
		return NULL;
	return var;
}

bool
rusts_clause_attnos(Node *expr, Index varno, Bitmapset **attnos)
{
	List	   *vars = pull_var_clause(expr, PVC_INCLUDE_AGGREGATES |
									   PVC_INCLUDE_WINDOWFUNCS |
									   PVC_RECURSE_PLACEHOLDERS);
	bool		simple = true;
	ListCell   *lc;

	foreach(lc, vars)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var))
			simple = false;
		else if (var->varno != varno)
			continue;
		else if (rusts_is_nulled_var(var))
			simple = false;
		else if (var->varattno > 0)
			*attnos = bms_add_member(*attnos, var->varattno);
		else if (var->varattno != TableOidAttributeNumber)
			simple = false;
	}
	list_free(vars);
	return simple;
}

static bool
find_run_time_params(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN;
	if (IsA(node, SubLink) || IsA(node, SubPlan) ||
		IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, find_run_time_params, context);
}

bool
rusts_has_run_time_params(Node *expr)
{
	return find_run_time_params(expr, NULL);
}
