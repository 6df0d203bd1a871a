/*-------------------------------------------------------------------------
 *
 * cluster_combine_path.c
 *	  Paths and plans of RustsCombine.
 *
 * Offered for the GROUP BY above the union of parts that cluster_agg.c has
 * made, where all keys and aggregates are known.
 *
 * src/plan/cluster_combine_path.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "compat.h"
#include "exec/agg_desc.h"
#include "exec/combine.h"
#include "exec/exec.h"
#include "plan/cluster.h"
#include "plan/plan.h"

/* In parts of what PostgreSQL thinks of its own Agg. */
#define COST_FACTOR		0.25

typedef struct Combining
{
	List	   *inputs;			/* what the path below returns */
	List	   *tlist;			/* custom_scan_tlist */
	List	   *kinds;
	List	   *columns;
	List	   *seconds;
	bool		has_bucket;
} Combining;

static bool is_union(PlannerInfo *root, RelOptInfo *rel);
static Path *without_projection(Path *path);
static bool add_keys(PlannerInfo *root, Combining *combining);
static bool key_kind(Combining *combining, const Var *var, Oid operator,
					 RustsCombineKind *kind);
static bool add_needed(Node *node, void *context);
static bool add_aggregate(Combining *combining, Aggref *aggref);
static bool aggregate_kind(const Aggref *aggref, RustsCombineKind *kind);
static bool ours_kind(const Aggref *aggref, RustsCombineKind *kind);
static bool add_column(Combining *combining, Expr *expr,
					   RustsCombineKind kind, Expr *input, Expr *second);
static int	find_input(const Combining *combining, Expr *expr);
static Plan *plan_combine(PlannerInfo *root, RelOptInfo *rel,
						  struct CustomPath *best_path, List *tlist,
						  List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "RustsCombine",
	.PlanCustomPath = plan_combine
};

void
rusts_cluster_add_combine_path(PlannerInfo *root, UpperRelationKind stage,
							   RelOptInfo *input_rel,
							   RelOptInfo *output_rel, void *extra)
{
	Combining	combining = {0};
	GroupPathExtraData *group_extra = extra;
	PathTarget *target = output_rel->reltarget;
	CustomPath *path;
	Path	   *below;
	List	   *keys;
	double		ngroups;
	Cost		cost;

	if (stage != UPPERREL_GROUP_AGG || root->parse->groupClause == NIL ||
		root->parse->groupingSets != NIL || root->parse->hasTargetSRFs ||
		!is_union(root, input_rel) || input_rel->cheapest_total_path == NULL)
		return;
	below = without_projection(input_rel->cheapest_total_path);
	combining.inputs = below->pathtarget->exprs;
	if (!add_keys(root, &combining))
		return;
	keys = get_tlist_exprs(combining.tlist, true);
	if (add_needed((Node *) target->exprs, &combining) ||
		add_needed(group_extra->havingQual, &combining))
		return;

	ngroups = estimate_num_groups(root, keys, below->rows, NULL, NULL);
	cost = cpu_operator_cost * below->rows * list_length(combining.kinds) +
		cpu_tuple_cost * ngroups;
	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = output_rel;
	path->path.pathtarget = target;
	path->path.rows = ngroups;
	path->path.startup_cost = below->total_cost + cost * COST_FACTOR +
		target->cost.startup;
	path->path.total_cost = path->path.startup_cost +
		ngroups * target->cost.per_tuple;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make1(below);
	path->custom_private =
		list_make3(combining.tlist, group_extra->havingQual,
				   list_make3(combining.kinds, combining.columns,
							  combining.seconds));
	path->methods = &path_methods;
	add_path(output_rel, &path->path);
}

/* What rusts_cluster_read_union() has made, and nothing else. */
static bool
is_union(PlannerInfo *root, RelOptInfo *rel)
{
	RangeTblEntry *rte;
	int			rti;

	if (!IS_SIMPLE_REL(rel) ||
		!bms_get_singleton_member(root->all_baserels, &rti) ||
		rti != (int) rel->relid)
		return false;
	rte = planner_rt_fetch(rti, root);
	return rte->rtekind == RTE_SUBQUERY &&
		strcmp(rte->eref->aliasname, RUSTS_CLUSTER_UNION) == 0;
}

/* Columns are found wherever they are: nobody has to put them in order. */
static Path *
without_projection(Path *path)
{
	while (IsA(path, ProjectionPath))
	{
		Path	   *below = ((ProjectionPath *) path)->subpath;
		ListCell   *lc;

		foreach(lc, path->pathtarget->exprs)
		{
			if (!list_member(below->pathtarget->exprs, lfirst(lc)))
				return path;
		}
		path = below;
	}
	return path;
}

static bool
add_keys(PlannerInfo *root, Combining *combining)
{
	ListCell   *lc;

	foreach(lc, root->parse->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		TargetEntry *tle = get_sortgroupclause_tle(clause,
												   root->processed_tlist);
		RustsCombineKind kind;

		if (tlist_member(tle->expr, combining->tlist) != NULL)
			continue;
		if (!IsA(tle->expr, Var) ||
			!key_kind(combining, (Var *) tle->expr, clause->eqop, &kind) ||
			!add_column(combining, tle->expr, kind, tle->expr, NULL))
			return false;
	}
	return true;
}

/* Equal must mean the same bytes. */
static bool
key_kind(Combining *combining, const Var *var, Oid operator,
		 RustsCombineKind *kind)
{
	switch (get_opcode(operator))
	{
		case F_INT8EQ:
		case F_TIMESTAMP_EQ:
		case F_TIMESTAMPTZ_EQ:
			*kind = combining->has_bucket ? RUSTS_COMBINE_VALUE :
				RUSTS_COMBINE_BUCKET;
			combining->has_bucket = true;
			return get_typlen(var->vartype) == sizeof(int64);
		case F_BOOLEQ:
		case F_CHAREQ:
		case F_INT2EQ:
		case F_INT4EQ:
		case F_OIDEQ:
		case F_DATE_EQ:
		case F_TIME_EQ:
			*kind = RUSTS_COMBINE_VALUE;
			return get_typbyval(var->vartype);
		case F_TEXTEQ:
			*kind = RUSTS_COMBINE_BYTES;
			return OidIsValid(var->varcollid) &&
				get_collation_isdeterministic(var->varcollid);
		case F_BYTEAEQ:
			*kind = RUSTS_COMBINE_BYTES;
			return true;
		default:
			return false;
	}
}

/* A walker: true where RustsCombine has to give up. */
static bool
add_needed(Node *node, void *context)
{
	Combining  *combining = context;

	if (node == NULL)
		return false;
	if (!IsA(node, List) &&
		tlist_member((Expr *) node, combining->tlist) != NULL)
		return false;
	if (IsA(node, Aggref))
		return !add_aggregate(combining, (Aggref *) node);
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) ||
		IsA(node, GroupingFunc) || IsA(node, SubPlan) ||
		IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, add_needed, context);
}

static bool
add_aggregate(Combining *combining, Aggref *aggref)
{
	RustsCombineKind kind;
	Expr	   *args[2] = {NULL, NULL};
	ListCell   *lc;

	if (aggref->aggorder != NIL || aggref->aggdistinct != NIL ||
		aggref->aggfilter != NULL || aggref->aggdirectargs != NIL ||
		aggref->aggvariadic || aggref->agglevelsup != 0 ||
		aggref->aggsplit != AGGSPLIT_SIMPLE || aggref->args == NIL ||
		list_length(aggref->args) > lengthof(args))
		return false;
	foreach(lc, aggref->args)
		args[foreach_current_index(lc)] = lfirst_node(TargetEntry, lc)->expr;
	return aggregate_kind(aggref, &kind) &&
		add_column(combining, (Expr *) aggref, kind, args[0], args[1]);
}

/* What rusts_cluster_combine() makes, as far as it is known. */
static bool
aggregate_kind(const Aggref *aggref, RustsCombineKind *kind)
{
	RustsAggKind known;
	Oid			type;

	if (list_length(aggref->args) == 2)
	{
		Oid			time = lsecond_oid(aggref->aggargtypes);

		if (ours_kind(aggref, kind))
			return *kind == RUSTS_COMBINE_AVG;
		if (!rusts_is_first_last(aggref->aggfnoid, &known) ||
			(time != TIMESTAMPTZOID && time != TIMESTAMPOID))
			return false;
		*kind = known == RUSTS_AGG_FIRST ? RUSTS_COMBINE_FIRST :
			RUSTS_COMBINE_LAST;
		return true;
	}
	if (!rusts_agg_builtin(aggref->aggfnoid, &known, &type))
		return ours_kind(aggref, kind) && *kind != RUSTS_COMBINE_AVG;
	switch (known)
	{
		case RUSTS_AGG_SUM:
			*kind = type == FLOAT8OID ? RUSTS_COMBINE_SUM_FLOAT :
				RUSTS_COMBINE_SUM_NUMERIC;
			return type == FLOAT8OID || type == INT8OID;
		case RUSTS_AGG_MIN:
			*kind = type == FLOAT8OID ? RUSTS_COMBINE_MIN_FLOAT :
				RUSTS_COMBINE_MIN;
			return true;
		case RUSTS_AGG_MAX:
			*kind = type == FLOAT8OID ? RUSTS_COMBINE_MAX_FLOAT :
				RUSTS_COMBINE_MAX;
			return true;
		case RUSTS_AGG_BOOL_AND:
			*kind = RUSTS_COMBINE_AND;
			return true;
		case RUSTS_AGG_BOOL_OR:
			*kind = RUSTS_COMBINE_OR;
			return true;
		default:
			return false;
	}
}

static bool
ours_kind(const Aggref *aggref, RustsCombineKind *kind)
{
	static const struct
	{
		const char *name;
		Oid			type;
		RustsCombineKind kind;
	}			ours[] = {
		{"cluster_count", INT8OID, RUSTS_COMBINE_COUNT},
		{"cluster_sum", INT8OID, RUSTS_COMBINE_SUM_INT},
		{"cluster_sum", NUMERICOID, RUSTS_COMBINE_SUM_NUMERIC},
		{"cluster_avg", INT8OID, RUSTS_COMBINE_AVG},
		{"cluster_avg", NUMERICOID, RUSTS_COMBINE_AVG},
	};
	int			i;

	for (i = 0; i < lengthof(ours); i++)
	{
		if (linitial_oid(aggref->aggargtypes) == ours[i].type &&
			rusts_cluster_is_ours(aggref->aggfnoid, ours[i].name))
		{
			*kind = ours[i].kind;
			return true;
		}
	}
	return false;
}

static bool
add_column(Combining *combining, Expr *expr, RustsCombineKind kind,
		   Expr *input, Expr *second)
{
	int			column = find_input(combining, input);
	int			other = second == NULL ? -1 : find_input(combining, second);

	if (column < 0 || (second != NULL && other < 0))
		return false;
	combining->kinds = lappend_int(combining->kinds, kind);
	combining->columns = lappend_int(combining->columns, column);
	combining->seconds = lappend_int(combining->seconds, other);
	combining->tlist =
		lappend(combining->tlist,
				makeTargetEntry(expr, list_length(combining->tlist) + 1,
								NULL, false));
	return true;
}

static int
find_input(const Combining *combining, Expr *expr)
{
	ListCell   *lc;

	foreach(lc, combining->inputs)
	{
		if (equal(lfirst(lc), expr))
			return foreach_current_index(lc);
	}
	return -1;
}

static Plan *
plan_combine(PlannerInfo *root, RelOptInfo *rel,
			 struct CustomPath *best_path, List *tlist, List *clauses,
			 List *custom_plans)
{
	return rusts_plan_groups(best_path, tlist, custom_plans,
							 &rusts_combine_methods);
}
