/*-------------------------------------------------------------------------
 *
 * shard_key.c
 *	  What the partition key of a measurement says about its sharding.
 *
 * src/cluster/shard_key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/shard_hash.h"
#include "cluster/shard.h"
#include "compat.h"

/* C symbols of the functions, by strategy. */
static const char *const symbols[] = {
	[RUSTS_SHARDING_BY_SERIES] = "rusts_shard_of_series",
	[RUSTS_SHARDING_BY_MEASUREMENT] = "rusts_shard_of_measurement",
	[RUSTS_SHARDING_BY_TIME] = "rusts_shard_of_time",
	[RUSTS_SHARDING_COMPOSITE] = "rusts_shard_of_composite",
};

static FuncExpr *key_expression(Relation rel, int *strategy);
static bool read_arguments(RustsShardKey *key, List *args);
static bool read_integer(Node *arg, Oid type, int64 *value);
static bool read_measurement(RustsShardKey *key, Node *arg);
static bool read_tags(RustsShardKey *key, Node *names, Node *values);
static bool read_time(RustsShardKey *key, Node *arg);
static bool read_span(RustsShardKey *key, Node *arg);

int
rusts_shard_function(Oid funcid)
{
	HeapTuple	tuple;
	int			strategy = -1;
	int			i;

	if (funcid < FirstNormalObjectId)
		return -1;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return -1;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple,
											 Anum_pg_proc_prosrc, &isnull);
		char	   *symbol;

		symbol = isnull ? pstrdup("") : TextDatumGetCString(source);
		for (i = 0; i < lengthof(symbols); i++)
		{
			if (strcmp(symbol, symbols[i]) == 0)
				strategy = i;
		}
		pfree(symbol);
	}
	ReleaseSysCache(tuple);
	return strategy;
}

bool
rusts_is_cluster_measurement(Relation rel)
{
	int			strategy;

	return key_expression(rel, &strategy) != NULL;
}

RustsShardKey *
rusts_shard_key(Relation rel)
{
	int			strategy;
	FuncExpr   *expr = key_expression(rel, &strategy);
	RustsShardKey *key;

	if (expr == NULL)
		return NULL;
	key = palloc0_object(RustsShardKey);
	key->strategy = strategy;
	key->funcid = expr->funcid;
	key->hash = RUSTS_SHARD_HASH_INIT;
	return read_arguments(key, expr->args) ? key : NULL;
}

uint64
rusts_shard_add_tag(const RustsShardKey *key, uint64 hash, int tag,
					const char *value, size_t len)
{
	hash = rusts_shard_hash_text(hash, key->tags[tag],
								 strlen(key->tags[tag]));
	return rusts_shard_hash_text(hash, value, len);
}

int
rusts_shard_finish(const RustsShardKey *key, uint64 hash, int64 time)
{
	if (key->strategy == RUSTS_SHARDING_BY_TIME)
		return rusts_shard_of_span(rusts_shard_span(time, key->span_us),
								   key->nshards);
	if (key->span_us > 0)
		hash = rusts_shard_hash_number(hash,
									   rusts_shard_span(time, key->span_us));
	return rusts_shard_of_hash(hash, key->nshards);
}

/* The call of rusts_shard_of that rel is partitioned by, or NULL. */
static FuncExpr *
key_expression(Relation rel, int *strategy)
{
	PartitionKey key;
	FuncExpr   *expr;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return NULL;
	key = RelationGetPartitionKey(rel);
	if (key->strategy != PARTITION_STRATEGY_LIST || key->partexprs == NIL)
		return NULL;
	expr = linitial(key->partexprs);
	if (!IsA(expr, FuncExpr))
		return NULL;
	*strategy = rusts_shard_function(expr->funcid);
	return *strategy < 0 ? NULL : expr;
}

/* Somebody may have written other expressions than rusts does. */
static bool
read_arguments(RustsShardKey *key, List *args)
{
	int64		nshards;

	if (!read_integer(linitial(args), INT4OID, &nshards))
		return false;
	key->nshards = (int) nshards;
	if (nshards < 1 || nshards > RUSTS_MAX_SHARDS)
		return false;
	switch (key->strategy)
	{
		case RUSTS_SHARDING_BY_SERIES:
			return read_measurement(key, lsecond(args)) &&
				read_tags(key, lthird(args), lfourth(args));
		case RUSTS_SHARDING_BY_MEASUREMENT:
			return read_measurement(key, lsecond(args)) &&
				read_time(key, lthird(args));
		case RUSTS_SHARDING_BY_TIME:
			return read_time(key, lsecond(args)) &&
				read_span(key, lthird(args));
		case RUSTS_SHARDING_COMPOSITE:
			return read_measurement(key, lsecond(args)) &&
				read_tags(key, lthird(args), lfourth(args)) &&
				read_time(key, list_nth(args, 4)) &&
				read_span(key, list_nth(args, 5));
	}
	return false;
}

static bool
read_integer(Node *arg, Oid type, int64 *value)
{
	Const	   *constant = (Const *) arg;

	if (!IsA(arg, Const) || constant->consttype != type ||
		constant->constisnull)
		return false;
	*value = type == INT4OID ? DatumGetInt32(constant->constvalue) :
		DatumGetInt64(constant->constvalue);
	return true;
}

static bool
read_measurement(RustsShardKey *key, Node *arg)
{
	Const	   *constant = (Const *) arg;

	if (!IsA(arg, Const) || constant->consttype != TEXTOID ||
		constant->constisnull)
		return false;
	key->measurement = TextDatumGetCString(constant->constvalue);
	key->hash = rusts_shard_hash_text(key->hash, key->measurement,
									  strlen(key->measurement));
	return true;
}

static bool
read_tags(RustsShardKey *key, Node *names, Node *values)
{
	Const	   *constant = (Const *) names;
	ArrayExpr  *columns = (ArrayExpr *) values;
	Datum	   *elements;
	bool	   *nulls;
	int			i;

	if (!IsA(names, Const) || constant->consttype != TEXTARRAYOID ||
		constant->constisnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), TEXTOID, -1,
					  false, TYPALIGN_INT, &elements, &nulls, &key->ntags);

	/* Where there are none, their values are a constant, too. */
	if (key->ntags == 0)
		return IsA(values, Const);
	if (!IsA(values, ArrayExpr) || columns->multidims)
		return false;
	if (key->ntags != list_length(columns->elements))
		return false;
	key->tags = palloc_array(char *, key->ntags + 1);
	key->tag_attnos = palloc_array(AttrNumber, key->ntags + 1);
	for (i = 0; i < key->ntags; i++)
	{
		Var		   *column = list_nth(columns->elements, i);

		if (nulls[i] || !IsA(column, Var) || column->vartype != TEXTOID)
			return false;
		key->tags[i] = TextDatumGetCString(elements[i]);
		key->tag_attnos[i] = column->varattno;
	}
	return true;
}

static bool
read_time(RustsShardKey *key, Node *arg)
{
	Var		   *column = (Var *) arg;

	if (!IsA(arg, Var) || column->vartype != TIMESTAMPTZOID)
		return false;
	key->time_attno = column->varattno;
	return true;
}

static bool
read_span(RustsShardKey *key, Node *arg)
{
	int64		seconds;

	if (!read_integer(arg, INT8OID, &seconds) || seconds < 1 ||
		seconds > PG_INT32_MAX)
		return false;
	key->span_us = seconds * USECS_PER_SEC;
	return true;
}
