/*-------------------------------------------------------------------------
 *
 * cluster_stable.c
 *	  Conditions with now() in them, for other nodes.
 *
 * Postgres_fdw does not send an expression that depends on the time, or on
 * settings, for those of the other server are not the same; the condition is
 * evaluated here then, after the rows have come.  But the value of
 *
 *		now() - interval '1 hour'
 *
 * can be sent.  So expressions that are stable and mention no column become
 * (SELECT expression), which is computed once in each execution, here, and is
 * a parameter of the remote statement.  Comparing a time with a date depends
 * on the time zone, too, so the date becomes a time first.
 *
 * src/plan/cluster_stable.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "plan/cluster.h"

static Node *compute_in_arm(Node *node, void *found);
static bool depends_on_params(Node *node, void *context);
static Node *compare_times(OpExpr *op);
static bool is_surely_timestamptz(Node *node);
static bool can_precede(Node *node);
static bool depends_on_rows(Node *node, void *context);
static Node *make_sublink(Node *expr);

Node *
rusts_cluster_compute_first(Node *node, void *found)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, SubLink))
		return node;
	if (IsA(node, OpExpr))
		node = compare_times((OpExpr *) node);
	if (can_precede(node))
	{
		*(bool *) found = true;
		return make_sublink(node);
	}
	if (IsA(node, CaseExpr) || IsA(node, CoalesceExpr))
		return expression_tree_mutator(node, compute_in_arm, found);
	return expression_tree_mutator(node, rusts_cluster_compute_first, found);
}

/* Likewise in an expression that need not be computed. */
static Node *
compute_in_arm(Node *node, void *found)
{
	if (node == NULL || IsA(node, SubLink))
		return node;
	if (IsA(node, OpExpr))
		node = compare_times((OpExpr *) node);
	if (can_precede(node) && !depends_on_params(node, NULL))
	{
		*(bool *) found = true;
		return make_sublink(node);
	}
	return expression_tree_mutator(node, compute_in_arm, found);
}

static bool
depends_on_params(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) || IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, depends_on_params, context);
}

void
rusts_cluster_compute_in_joins(Node *node, bool *found)
{
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		foreach(lc, from->fromlist)
			rusts_cluster_compute_in_joins(lfirst(lc), found);
		from->quals = rusts_cluster_compute_first(from->quals, found);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		rusts_cluster_compute_in_joins(join->larg, found);
		rusts_cluster_compute_in_joins(join->rarg, found);
		join->quals = rusts_cluster_compute_first(join->quals, found);
	}
}

/*
 * time < date as time < date::timestamptz, which is what it means.  Likewise
 * for timestamp.
 */
static Node *
compare_times(OpExpr *op)
{
	Node	   *time;
	Node	   *other;
	Oid			type;
	Oid			family;
	Oid			operator = op->opno;
	int			strategy;

	if (list_length(op->args) != 2)
		return (Node *) op;
	time = linitial(op->args);
	other = lsecond(op->args);
	if (exprType(time) != TIMESTAMPTZOID)
	{
		time = lsecond(op->args);
		other = linitial(op->args);
		operator = get_commutator(operator);
	}
	type = exprType(other);
	if (exprType(time) != TIMESTAMPTZOID || !OidIsValid(operator) ||
		(type != DATEOID && type != TIMESTAMPOID) ||
		depends_on_rows(other, NULL) || contain_volatile_functions(other) ||
		!is_surely_timestamptz(other))
		return (Node *) op;
	family = lookup_type_cache(TIMESTAMPTZOID,
							   TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	strategy = get_op_opfamily_strategy(operator, family);
	if (strategy == 0)
		return (Node *) op;
	operator = get_opfamily_member(family, TIMESTAMPTZOID, TIMESTAMPTZOID,
								   strategy);
	other = (Node *) makeFuncExpr(type == DATEOID ? F_TIMESTAMPTZ_DATE :
								  F_TIMESTAMPTZ_TIMESTAMP, TIMESTAMPTZOID,
								  list_make1(other), InvalidOid, InvalidOid,
								  COERCE_EXPLICIT_CAST);
	return (Node *) make_opclause(operator, BOOLOID, false, (Expr *) time,
								  (Expr *) other, InvalidOid, InvalidOid);
}

/*
 * Comparing goes beyond the times that there are, converting fails.  In every
 * time zone: a plan may be used in another one.
 */
static bool
is_surely_timestamptz(Node *node)
{
	Const	   *constant = (Const *) node;
	Timestamp	time;
	DateADT		date;

	if (!IsA(node, Const) || constant->constisnull)
		return true;
	if (constant->consttype == DATEOID)
	{
		date = DatumGetDateADT(constant->constvalue);
		return DATE_NOT_FINITE(date) ||
			(date > DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE + 1 &&
			 date < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE - 2);
	}
	time = DatumGetTimestamp(constant->constvalue);
	return TIMESTAMP_NOT_FINITE(time) ||
		(time > MIN_TIMESTAMP + USECS_PER_DAY &&
		 time < END_TIMESTAMP - USECS_PER_DAY);
}

/*
 * Conditions without a column are evaluated once as they are.
 */
static bool
can_precede(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
		case T_OpExpr:
		case T_SQLValueFunction:
		case T_CoerceViaIO:
		case T_CaseExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_ArrayExpr:
		case T_RelabelType:
			break;
		default:
			return false;
	}
	return exprType(node) != BOOLOID &&
		!depends_on_rows(node, NULL) &&
		contain_mutable_functions(node) &&
		!contain_volatile_functions(node) &&
		!expression_returns_set(node);
}

static bool
depends_on_rows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
		case T_CurrentOfExpr:
			return true;
		case T_SubLink:
			return !rusts_cluster_is_scalar((SubLink *) node);
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		default:
			return expression_tree_walker(node, depends_on_rows, context);
	}
}

static Node *
make_sublink(Node *expr)
{
	SubLink    *sublink = makeNode(SubLink);
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	query->hasSubLinks = checkExprHasSubLink(expr);
	rusts_cluster_lower(expr, 1);
	query->targetList = list_make1(makeTargetEntry((Expr *) expr, 1,
												   "value", false));
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return (Node *) sublink;
}
