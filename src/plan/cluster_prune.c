/*-------------------------------------------------------------------------
 *
 * cluster_prune.c
 *	  Which shards of a measurement a query can find rows in.
 *
 * Conditions that fix every tag and the span of time, as far as the strategy
 * asks for them, imply rusts_shard_of(columns) = rusts_shard_of(values).  With
 * several values for one of them there are several shards.  The condition is
 * added where those are that imply it, so it is true there of every row
 * that they are true of, whatever joins are around.  Values may be
 * parameters and stable expressions: PostgreSQL prunes partitions when it
 * plans and when it executes.
 *
 * src/plan/cluster_prune.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "base/shard_hash.h"
#include "cluster/implied.h"
#include "plan/cluster.h"
#include "plan/cluster_conditions.h"

/* Above that the shards are not worked out. */
#define MAX_POINTS	64

/* Conditions that hold of the same rows, and what they belong to. */
typedef struct Scope
{
	Node	  **place;
	List	   *conditions;
	bool		has_relation;	/* rows of the relation that do not meet them
								 * do not come out */
} Scope;

/* Points in the space of the shard key. */
typedef struct Points
{
	const RustsShardKey *key;
	Node	   *expr;			/* rusts_shard_of(columns of rti) */
	const RustsKeyConditions *conditions;
	List	   *calls;			/* of rusts_shard_of(values) */
	Bitmapset  *known;
	bool		all_known;
} Points;

/* What stands for the columns of the key. */
typedef struct Replacement
{
	const RustsShardKey *key;
	Node	  **values;			/* of the tags, then of the time */
} Replacement;

static List *find_scopes(Query *query, Index rti);
static void add_conditions(Node *node, Index rti, Scope *scope,
						   List **scopes);
static bool is_kept(Node *node, Index rti);
static void flatten_and(Node *node, List **conditions);
static bool find_in_scope(const Scope *scope, Index rti, Relation rel,
						  const RustsShardKey *key, ParamListInfo params,
						  RustsClusterShards *shards);
static bool count_points(const RustsShardKey *key, const Scope *scope,
						 const RustsKeyConditions *conditions);
static void add_tag_values(Points *points, int tag, uint64 hash,
						   Node **values);
static void add_times(Points *points, uint64 hash, Node **values);
static void add_point(Points *points, uint64 hash, bool known, int64 time,
					  Node **values);
static Node *replace_columns(Node *node, void *context);
static Node *make_qual(const Points *points);
static Const *make_shard(int shard);

void
rusts_cluster_find_shards(Query *query, Index rti, Relation rel,
						  const RustsShardKey *key, ParamListInfo params,
						  RustsClusterShards *shards)
{
	ListCell   *lc;

	memset(shards, 0, sizeof(*shards));
	shards->all = true;
	foreach(lc, find_scopes(query, rti))
	{
		if (find_in_scope(lfirst(lc), rti, rel, key, params, shards))
			return;
	}
}

Node *
rusts_cluster_simplify(Node *node, ParamListInfo params)
{
	PlannerInfo *root = makeNode(PlannerInfo);

	/* What it depends on is noted when the original is planned. */
	root->glob = makeNode(PlannerGlobal);
	root->glob->boundParams = params;
	root->parse = makeNode(Query);
	return eval_const_expressions(root, copyObject(node));
}

/*
 * WHERE together with the conditions of inner joins is one scope; the
 * condition of each outer join is another.
 */
static List *
find_scopes(Query *query, Index rti)
{
	Scope	   *top = palloc0_object(Scope);
	List	   *scopes = NIL;

	top->place = &query->jointree->quals;
	top->has_relation = is_kept((Node *) query->jointree, rti);
	add_conditions((Node *) query->jointree, rti, top, &scopes);
	return lcons(top, scopes);
}

static void
add_conditions(Node *node, Index rti, Scope *scope, List **scopes)
{
	if (IsA(node, RangeTblRef))
		return;
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		flatten_and(from->quals, &scope->conditions);
		foreach(lc, from->fromlist)
			add_conditions(lfirst(lc), rti, scope, scopes);
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);
		Scope	   *outer;

		if (join->jointype == JOIN_INNER)
			flatten_and(join->quals, &scope->conditions);
		else
		{
			outer = palloc0_object(Scope);
			outer->place = &join->quals;
			outer->has_relation =
				(join->jointype == JOIN_LEFT && is_kept(join->rarg, rti)) ||
				(join->jointype == JOIN_RIGHT && is_kept(join->larg, rti));
			flatten_and(join->quals, &outer->conditions);
			*scopes = lappend(*scopes, outer);
		}
		if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
			add_conditions(join->larg, rti, scope, scopes);
		if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
			add_conditions(join->rarg, rti, scope, scopes);
	}
}

/* Is the relation in these joins, and none of them sets it to null? */
static bool
is_kept(Node *node, Index rti)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rti;
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
		{
			if (is_kept(lfirst(lc), rti))
				return true;
		}
		return false;
	}
	return (join->jointype <= JOIN_LEFT && is_kept(join->larg, rti)) ||
		((join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT) &&
		 is_kept(join->rarg, rti));
}

static void
flatten_and(Node *node, List **conditions)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	if (!is_andclause(node))
	{
		*conditions = lappend(*conditions, node);
		return;
	}
	foreach(lc, ((BoolExpr *) node)->args)
		flatten_and(lfirst(lc), conditions);
}

static bool
find_in_scope(const Scope *scope, Index rti, Relation rel,
			  const RustsShardKey *key, ParamListInfo params,
			  RustsClusterShards *shards)
{
	RustsKeyConditions conditions;
	Points		points = {key};
	Node	  **values = palloc0_array(Node *, key->ntags + 1);
	PartitionKey partition_key = RelationGetPartitionKey(rel);

	rusts_read_key_conditions(scope->conditions, rti, key, params,
							  &conditions);
	if (!count_points(key, scope, &conditions))
		return false;

	points.conditions = &conditions;
	points.expr = copyObject(linitial(partition_key->partexprs));
	ChangeVarNodes(points.expr, 1, rti, 0);
	points.all_known = true;
	add_tag_values(&points, 0, key->hash, values);
	if (points.all_known && bms_num_members(points.known) == key->nshards)
		return false;

	shards->all = false;
	if (points.all_known && scope->has_relation)
		shards->known = points.known;
	shards->place = scope->place;
	shards->qual = make_qual(&points);
	return true;
}

/* Is the shard key fixed, in a number of ways that can be gone through? */
static bool
count_points(const RustsShardKey *key, const Scope *scope,
			 const RustsKeyConditions *conditions)
{
	int64		npoints = 1;
	int			i;

	/* no condition needed */
	if (key->strategy == RUSTS_SHARDING_BY_MEASUREMENT)
		return scope->has_relation && key->nshards > 1;

	for (i = 0; i < key->ntags; i++)
	{
		if (!conditions->tags[i].fixed)
			return false;
		npoints *= list_length(conditions->tags[i].values);
		if (npoints < 1 || npoints > MAX_POINTS)
			return false;
	}
	if (key->span_us == 0)
		return scope->has_relation || key->ntags > 0;
	if (conditions->time.fixed)
		npoints *= list_length(conditions->time.values);
	else if (conditions->nspans == 0)
		return false;
	else if (key->strategy == RUSTS_SHARDING_BY_TIME)
		return conditions->nspans < key->nshards;
	else if (conditions->nspans > MAX_POINTS)
		return false;
	else
		npoints *= conditions->nspans;
	return npoints >= 1 && npoints <= MAX_POINTS;
}

/* Values of tags from number tag on, those before are in hash and values. */
static void
add_tag_values(Points *points, int tag, uint64 hash, Node **values)
{
	ListCell   *lc;
	bool		was_known = points->all_known;

	if (tag == points->key->ntags)
	{
		add_times(points, hash, values);
		return;
	}
	foreach(lc, points->conditions->tags[tag].values)
	{
		Node	   *value = lfirst(lc);
		Const	   *constant = (Const *) value;
		uint64		extended = hash;

		values[tag] = value;
		if (!IsA(value, Const))
			points->all_known = false;
		else if (!constant->constisnull)
		{
			text	   *bytes = DatumGetTextPP(constant->constvalue);

			extended = rusts_shard_add_tag(points->key, hash, tag,
										   VARDATA_ANY(bytes),
										   VARSIZE_ANY_EXHDR(bytes));
		}
		add_tag_values(points, tag + 1, extended, values);
	}
	points->all_known &= was_known;
}

static void
add_times(Points *points, uint64 hash, Node **values)
{
	const RustsShardKey *key = points->key;
	const RustsKeyConditions *conditions = points->conditions;
	Node	  **time = &values[key->ntags];
	int64		i;

	*time = NULL;
	if (key->span_us == 0)
		add_point(points, hash, true, 0, values);
	else if (conditions->time.fixed)
	{
		ListCell   *lc;

		foreach(lc, conditions->time.values)
		{
			bool		known = IsA(lfirst(lc), Const);

			*time = lfirst(lc);
			add_point(points, hash, known,
					  known ? DatumGetInt64(((Const *) *time)->constvalue) : 0,
					  values);
		}
	}
	else
	{
		for (i = 0; i < conditions->nspans; i++)
		{
			int64		at = Min(conditions->lower + i * key->span_us,
								 conditions->upper);

			*time = (Node *) makeConst(TIMESTAMPTZOID, -1, InvalidOid, 8,
									   Int64GetDatum(at), false,
									   FLOAT8PASSBYVAL);
			add_point(points, hash, true, at, values);
		}
	}
}

static void
add_point(Points *points, uint64 hash, bool known, int64 time, Node **values)
{
	bool		is_known = known;
	Node	   *call;
	int			i;

	for (i = 0; i < points->key->ntags; i++)
		is_known &= IsA(values[i], Const);
	if (is_known)
	{
		int			shard = rusts_shard_finish(points->key, hash, time);

		if (bms_is_member(shard, points->known))
			return;
		points->known = bms_add_member(points->known, shard);
		call = (Node *) make_shard(shard);
	}
	else
	{
		Replacement replacement = {points->key, values};

		points->all_known = false;
		call = replace_columns((Node *) points->expr, &replacement);
	}
	points->calls = lappend(points->calls, call);
}

/* rusts_shard_of() of values instead of columns */
static Node *
replace_columns(Node *node, void *context)
{
	Replacement *in = context;
	int			i;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		for (i = 0; i < in->key->ntags; i++)
		{
			if (in->key->tag_attnos[i] == ((Var *) node)->varattno)
				return copyObject(in->values[i]);
		}
		return copyObject(in->values[in->key->ntags]);
	}
	return expression_tree_mutator(node, replace_columns, context);
}

static Node *
make_qual(const Points *points)
{
	ScalarArrayOpExpr *any;
	ArrayExpr  *array;
	Node	   *shard = points->expr;
	OpExpr	   *equal;

	/* with the columns as the conditions have them, after outer joins */
	shard = rusts_key_columns(shard, points->conditions);
	if (list_length(points->calls) == 1)
	{
		equal = (OpExpr *) make_opclause(Int4EqualOperator, BOOLOID, false,
										 (Expr *) shard,
										 linitial(points->calls), InvalidOid,
										 InvalidOid);
		equal->location = RUSTS_IMPLIED_LOCATION;
		return (Node *) equal;
	}
	array = makeNode(ArrayExpr);
	array->array_typeid = INT4ARRAYOID;
	array->element_typeid = INT4OID;
	array->elements = points->calls;
	array->location = -1;
	any = makeNode(ScalarArrayOpExpr);
	any->opno = Int4EqualOperator;
	any->useOr = true;
	any->args = list_make2(shard, array);
	any->location = RUSTS_IMPLIED_LOCATION;
	return (Node *) any;
}

static Const *
make_shard(int shard)
{
	return makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
					 Int32GetDatum(shard), false, true);
}
