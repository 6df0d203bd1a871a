/*-------------------------------------------------------------------------
 *
 * agg_shape.c
 *	  What a query's aggregation asks of RustsAgg.
 *
 * PostgreSQL estimates the number of groups of time_bucket(width, time) as the
 * number of different times, which is too high by the number of times in a
 * bucket; hash tables, sorts and parallel plans all suffer.  We divide the
 * range of times by the width.
 *
 * src/plan/agg_shape.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "exec/buckets.h"
#include "exec/clause.h"
#include "plan/agg_shape.h"

static bool add_output(RustsAggShape *shape, Expr *expr, bool is_key,
					   Index sortgroupref);
static bool add_needed(Node *node, void *context);
static double time_span(PlannerInfo *root, RustsAggShape *shape);
static void histogram_range(Oid relid, AttrNumber attno, double *low,
							double *high);

RustsAggShape *
rusts_shape_create(PlannerInfo *root, RelOptInfo *rel, RustsRowMode mode)
{
	RustsAggShape *shape = palloc0_object(RustsAggShape);
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	Relation	relation = table_open(rte->relid, NoLock);

	shape->rel = rel;
	shape->mode = mode;
	shape->schema = rusts_schema_build(relation);
	if (shape->schema->time >= 0)
	{
		AttrNumber	attno =
			shape->schema->columns[shape->schema->time].attno;

		shape->time_not_null = TupleDescAttr(RelationGetDescr(relation),
											 attno - 1)->attnotnull;
	}
	table_close(relation, NoLock);
	return shape;
}

bool
rusts_shape_add_key(RustsAggShape *shape, Expr *expr, Index sortgroupref)
{
	shape->grouped = true;
	if (!add_output(shape, expr, true, sortgroupref))
		return false;
	shape->nkeys = list_length(shape->tlist);
	return true;
}

static bool
add_output(RustsAggShape *shape, Expr *expr, bool is_key, Index sortgroupref)
{
	RustsAggOutput output;
	TargetEntry *tle = tlist_member(expr, shape->tlist);

	if (tle != NULL)
	{
		/* The same key under another number is the same column. */
		return !is_key || sortgroupref == 0 ||
			tle->ressortgroupref == sortgroupref;
	}
	if (!rusts_agg_describe(expr, is_key, shape->mode, shape->rel->relid,
							shape->schema, &output))
		return false;
	if (output.kind == RUSTS_OUTPUT_TAG)
		shape->tag_exprs = lappend(shape->tag_exprs, expr);
	if (output.kind == RUSTS_OUTPUT_BUCKET)
	{
		/* One is what blocks are cut by. */
		if (shape->bucket != NULL)
			return false;
		shape->bucket = expr;
	}
	tle = makeTargetEntry(expr, list_length(shape->tlist) + 1, NULL, false);
	tle->ressortgroupref = sortgroupref;
	shape->tlist = lappend(shape->tlist, tle);
	return true;
}

bool
rusts_shape_add_expr(RustsAggShape *shape, Node *expr)
{
	return !add_needed(expr, shape);
}

/* A walker: true where RustsAgg has to give up. */
static bool
add_needed(Node *node, void *context)
{
	RustsAggShape *shape = context;

	if (node == NULL)
		return false;
	if (tlist_member((Expr *) node, shape->tlist) != NULL)
		return false;
	if (IsA(node, Aggref))
		return !add_output(shape, (Expr *) node, false, 0);
	if (IsA(node, Var))
		return rusts_column_var(node, shape->rel->relid) == NULL ||
			!add_output(shape, (Expr *) node, false, 0);
	if (IsA(node, PlaceHolderVar) || IsA(node, GroupingFunc) ||
		IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, add_needed, context);
}

void
rusts_shape_finish(RustsAggShape *shape)
{
	int			i;

	shape->by_statistics = true;
	shape->from_directory = shape->tag_exprs == NIL && shape->bucket == NULL;
	shape->last_only = shape->bucket == NULL;
	for (i = shape->nkeys; i < list_length(shape->tlist); i++)
	{
		TargetEntry *tle = list_nth(shape->tlist, i);
		RustsAggOutput output;

		(void) rusts_agg_describe(tle->expr, false, shape->mode,
								  shape->rel->relid, shape->schema, &output);
		if (output.filter != NULL || output.agg == RUSTS_AGG_VARIANCE ||
			output.agg == RUSTS_AGG_BOOL_AND ||
			output.agg == RUSTS_AGG_BOOL_OR)
			shape->by_statistics = false;
		if (output.agg != RUSTS_AGG_FIRST && output.agg != RUSTS_AGG_LAST)
			shape->last_only = false;
		switch (output.agg)
		{
			case RUSTS_AGG_COUNT_STAR:
				break;
			case RUSTS_AGG_MIN:
			case RUSTS_AGG_MAX:
				if (shape->schema->time < 0 || output.attno !=
					shape->schema->columns[shape->schema->time].attno)
					shape->from_directory = false;
				break;
			default:
				shape->from_directory = false;
				break;
		}
	}
}

PathTarget *
rusts_shape_scan_target(PlannerInfo *root, RustsAggShape *shape)
{
	PathTarget *target = create_empty_pathtarget();
	List	   *vars = pull_var_clause((Node *) shape->tlist,
									   PVC_RECURSE_AGGREGATES |
									   PVC_RECURSE_PLACEHOLDERS);

	add_new_columns_to_pathtarget(target, vars);
	return set_pathtarget_cost_width(root, target);
}

int
rusts_shape_order(RustsAggShape *shape, List *pathkeys, List **order,
				  bool *bucket_first)
{
	List	   *columns = NIL;
	List	   *operators = NIL;
	List	   *collations = NIL;
	List	   *nulls_first = NIL;
	int			n = 0;
	ListCell   *lc;

	*bucket_first = false;
	foreach(lc, pathkeys)
	{
		PathKey    *pathkey = lfirst_node(PathKey, lc);
		EquivalenceMember *member = NULL;
		TargetEntry *tle = NULL;
		Oid			operator;
		ListCell   *lc2;

		foreach(lc2, rusts_class_members(pathkey->pk_eclass, shape->rel))
		{
			member = lfirst(lc2);
			tle = tlist_member(member->em_expr, shape->tlist);
			if (tle != NULL && tle->resno <= shape->nkeys)
				break;
			tle = NULL;
		}
		if (tle == NULL)
			break;

		/* The executor can divide its input by times that are never null. */
		if (tle->expr == shape->bucket && !shape->time_not_null)
			break;
		operator = rusts_pathkey_operator(pathkey, member->em_datatype);
		if (!OidIsValid(operator))
			break;
		columns = lappend_int(columns, tle->resno - 1);
		operators = lappend_oid(operators, operator);
		collations = lappend_oid(collations,
								 pathkey->pk_eclass->ec_collation);
		nulls_first = lappend_int(nulls_first, pathkey->pk_nulls_first);
		if (n == 0 && tle->expr == shape->bucket)
			*bucket_first = true;
		n++;
	}
	*order = list_make4(columns, operators, collations, nulls_first);
	return n;
}

double
rusts_shape_groups(PlannerInfo *root, RustsAggShape *shape, double rows,
				   double *nbuckets)
{
	double		ngroups = 1;
	double		width;
	double		span;

	*nbuckets = 1;
	if (shape->tag_exprs != NIL)
		ngroups = estimate_num_groups(root, shape->tag_exprs, rows, NULL,
									  NULL);
	if (shape->bucket != NULL)
	{
		width = rusts_bucket_width(shape->bucket);
		span = time_span(root, shape);
		if (width > 0 && span >= 0)
			*nbuckets = ceil(span / width) + 1;
		else
			*nbuckets = Max(1, rows / ngroups / 10);
	}
	return clamp_row_est(Min(rows, ngroups * *nbuckets));
}

/* The microseconds that the rows asked for span, about; -1 if unknown. */
static double
time_span(PlannerInfo *root, RustsAggShape *shape)
{
	const RustsColumn *time = &shape->schema->columns[shape->schema->time];
	double		low = -INFINITY;
	double		high = INFINITY;
	ListCell   *lc;

	histogram_range(shape->schema->relid, time->attno, &low, &high);
	foreach(lc, shape->rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		RustsClause clause;
		Node	   *operand;
		double		value;

		rusts_clause_classify(rinfo->clause, shape->rel->relid, shape->schema,
							  &clause);
		if (clause.kind != RUSTS_CLAUSE_INT || clause.attno != time->attno ||
			clause.is_array || clause.operand_type != time->typid)
			continue;
		operand = estimate_expression_value(root, (Node *) clause.operand);
		if (!IsA(operand, Const) || ((Const *) operand)->constisnull)
			continue;
		value = DatumGetTimestamp(((Const *) operand)->constvalue);
		if (clause.test == RUSTS_TEST_GE || clause.test == RUSTS_TEST_GT ||
			clause.test == RUSTS_TEST_EQ)
			low = Max(low, value);
		if (clause.test == RUSTS_TEST_LE || clause.test == RUSTS_TEST_LT ||
			clause.test == RUSTS_TEST_EQ)
			high = Min(high, value);
	}
	if (isinf(low) || isinf(high))
		return -1;
	return Max(high - low, 0);
}

/* The ends of the histogram that ANALYZE has made. */
static void
histogram_range(Oid relid, AttrNumber attno, double *low, double *high)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH,
										ObjectIdGetDatum(relid),
										Int16GetDatum(attno),
										BoolGetDatum(false));
	AttStatsSlot slot;

	if (!HeapTupleIsValid(tuple))
		return;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_HISTOGRAM, InvalidOid,
						 ATTSTATSSLOT_VALUES))
	{
		if (slot.nvalues > 0)
		{
			*low = DatumGetTimestamp(slot.values[0]);
			*high = DatumGetTimestamp(slot.values[slot.nvalues - 1]);
		}
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
}
