/*-------------------------------------------------------------------------
 *
 * first_last.c
 *	  Aggregates first(value, time) and last(value, time).
 *
 * The value of the row with the smallest or greatest time.  Times are compared
 * by the default btree operator class of their type, under the aggregate's
 * collation.  Rows whose time is null do not count, rows whose value is null
 * do.  Of several rows with the same time the one met first wins.
 *
 * The state owns copies of value and time.  A copy by reference goes into a
 * buffer that is used again as long as it is large enough: last() over rows in
 * order of time replaces its copies at every row.
 *
 * Partial states travel between the processes of one query, as
 *
 *		Oid			type of value
 *		Oid			type of time
 *		bytes		value, as datumSerialize() has it
 *		bytes		time, likewise
 *
 * Plain copies, not send and receive functions, which some types lack.  A
 * toasted value stays toasted: the query's snapshot keeps it from vacuum.
 *
 * src/exec/first_last.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "exec/agg_states.h"

PG_FUNCTION_INFO_V1(rusts_first_transition);
PG_FUNCTION_INFO_V1(rusts_last_transition);
PG_FUNCTION_INFO_V1(rusts_first_combine);
PG_FUNCTION_INFO_V1(rusts_last_combine);
PG_FUNCTION_INFO_V1(rusts_first_last_serialize);
PG_FUNCTION_INFO_V1(rusts_first_last_deserialize);
PG_FUNCTION_INFO_V1(rusts_first_last_final);

typedef enum Wanted
{
	WANT_FIRST,
	WANT_LAST
} Wanted;

typedef struct ArgumentType
{
	Oid			oid;
	int16		len;
	bool		byval;
} ArgumentType;

/* Lives as long as the FmgrInfo it hangs on, that is, as the query. */
typedef struct AggregateTypes
{
	ArgumentType value;
	ArgumentType time;
	bool		int64_time;		/* times compare as int64 do */
	TypeCacheEntry *time_entry; /* has cmp_proc_finfo */
} AggregateTypes;

/* A datum by reference points to its buffer, even while it is null. */
typedef struct OwnedDatum
{
	Datum		datum;
	uint32		buffer_size;	/* 0 while there is none */
	bool		isnull;
} OwnedDatum;

/* Exists from the first row with a time on. */
typedef struct FirstLastState
{
	MemoryContext aggregate_cxt;
	const AggregateTypes *types;
	OwnedDatum	value;
	OwnedDatum	time;			/* never null */
} FirstLastState;

static Datum transition(FunctionCallInfo fcinfo, Wanted wanted);
static Datum combine(FunctionCallInfo fcinfo, Wanted wanted);
static bytea *serialize(const ArgumentType *value_type, Datum value,
						bool isnull, const ArgumentType *time_type,
						Datum time);
static const AggregateTypes *lookup_types(FmgrInfo *flinfo, Oid value_type,
										  Oid time_type);
static ArgumentType lookup_argument_type(Oid oid);
static FirstLastState *create_state(MemoryContext aggregate_cxt,
									const AggregateTypes *types);
static bool replaces(const FirstLastState *state, Datum time, Wanted wanted,
					 Oid collation);
static void keep(FirstLastState *state, Datum value, bool value_isnull,
				 Datum time);
static void own(MemoryContext cxt, OwnedDatum *owned,
				const ArgumentType *type, Datum datum, bool isnull);
static Size flat_size(const ArgumentType *type, Datum datum);
static bool is_expanded(const ArgumentType *type, Datum datum);

/* (internal, anyelement value, "any" time) returns internal */
Datum
rusts_first_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, WANT_FIRST);
}

Datum
rusts_last_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, WANT_LAST);
}

/* (internal, internal) returns internal */
Datum
rusts_first_combine(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, WANT_FIRST);
}

Datum
rusts_last_combine(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, WANT_LAST);
}

/* (internal) returns bytea */
Datum
rusts_first_last_serialize(PG_FUNCTION_ARGS)
{
	FirstLastState *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "first or last called in non-aggregate context");

	/* strict */
	state = (FirstLastState *) PG_GETARG_POINTER(0);
	PG_RETURN_BYTEA_P(serialize(&state->types->value, state->value.datum,
								state->value.isnull, &state->types->time,
								state->time.datum));
}

bytea *
rusts_first_last_state(Oid value_type, Datum value, bool isnull,
					   Oid time_type, Datum time)
{
	ArgumentType value_argument = lookup_argument_type(value_type);
	ArgumentType time_argument = lookup_argument_type(time_type);

	return serialize(&value_argument, value, isnull, &time_argument, time);
}

static bytea *
serialize(const ArgumentType *value_type, Datum value, bool isnull,
		  const ArgumentType *time_type, Datum time)
{
	Size		size;
	bytea	   *result;
	char	   *at;

	size = VARHDRSZ + 2 * sizeof(Oid);
	size += datumEstimateSpace(value, isnull, value_type->byval,
							   value_type->len);
	size += datumEstimateSpace(time, false, time_type->byval, time_type->len);
	result = palloc(size);
	SET_VARSIZE(result, size);

	at = VARDATA(result);
	memcpy(at, &value_type->oid, sizeof(Oid));
	memcpy(at + sizeof(Oid), &time_type->oid, sizeof(Oid));
	at += 2 * sizeof(Oid);
	datumSerialize(value, isnull, value_type->byval, value_type->len, &at);
	datumSerialize(time, false, time_type->byval, time_type->len, &at);
	Assert(at == (char *) result + size);
	return result;
}

/*
 * (bytea, internal) returns internal
 *
 * The state is for combine() only, which copies it: it lives in the current
 * memory context and must not be added to.
 */
Datum
rusts_first_last_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized;
	char	   *at;
	Oid			value_type;
	Oid			time_type;
	FirstLastState *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "first or last called in non-aggregate context");

	/* strict */
	serialized = PG_GETARG_BYTEA_PP(0);
	at = VARDATA_ANY(serialized);
	memcpy(&value_type, at, sizeof(Oid));
	memcpy(&time_type, at + sizeof(Oid), sizeof(Oid));
	at += 2 * sizeof(Oid);

	state = create_state(CurrentMemoryContext,
						 lookup_types(fcinfo->flinfo, value_type, time_type));
	state->value.datum = datumRestore(&at, &state->value.isnull);
	state->time.datum = datumRestore(&at, &state->time.isnull);

	PG_RETURN_POINTER(state);
}

/* (internal, anyelement, "any") returns anyelement */
Datum
rusts_first_last_final(PG_FUNCTION_ARGS)
{
	FirstLastState *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "first or last called in non-aggregate context");

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (FirstLastState *) PG_GETARG_POINTER(0);
	if (state->value.isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state->value.datum);
}

static inline Datum
transition(FunctionCallInfo fcinfo, Wanted wanted)
{
	FirstLastState *state = NULL;
	const AggregateTypes *types;
	MemoryContext aggregate_cxt;

	if (!PG_ARGISNULL(0))
		state = (FirstLastState *) PG_GETARG_POINTER(0);

	if (state == NULL)
	{
		if (!AggCheckCallContext(fcinfo, &aggregate_cxt))
			elog(ERROR, "first or last called in non-aggregate context");

		/* an unsuitable type is an error even if there are only nulls */
		types = lookup_types(fcinfo->flinfo,
							 get_fn_expr_argtype(fcinfo->flinfo, 1),
							 get_fn_expr_argtype(fcinfo->flinfo, 2));
		if (PG_ARGISNULL(2))
			PG_RETURN_NULL();
		state = create_state(aggregate_cxt, types);
	}
	else if (PG_ARGISNULL(2) ||
			 !replaces(state, PG_GETARG_DATUM(2), wanted, PG_GET_COLLATION()))
		PG_RETURN_POINTER(state);

	keep(state, PG_GETARG_DATUM(1), PG_ARGISNULL(1), PG_GETARG_DATUM(2));
	PG_RETURN_POINTER(state);
}

static inline Datum
combine(FunctionCallInfo fcinfo, Wanted wanted)
{
	FirstLastState *state = NULL;
	FirstLastState *other;
	MemoryContext aggregate_cxt;

	if (!AggCheckCallContext(fcinfo, &aggregate_cxt))
		elog(ERROR, "first or last called in non-aggregate context");

	if (!PG_ARGISNULL(0))
		state = (FirstLastState *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	other = (FirstLastState *) PG_GETARG_POINTER(1);

	if (state == NULL)
		state = create_state(aggregate_cxt, other->types);
	else if (!replaces(state, other->time.datum, wanted, PG_GET_COLLATION()))
		PG_RETURN_POINTER(state);

	keep(state, other->value.datum, other->value.isnull, other->time.datum);
	PG_RETURN_POINTER(state);
}

/* What there is to know of the types, remembered in flinfo. */
static const AggregateTypes *
lookup_types(FmgrInfo *flinfo, Oid value_type, Oid time_type)
{
	AggregateTypes *types = (AggregateTypes *) flinfo->fn_extra;
	TypeCacheEntry *entry;

	if (types != NULL && types->value.oid == value_type &&
		types->time.oid == time_type)
		return types;

	if (!OidIsValid(value_type) || !OidIsValid(time_type))
		elog(ERROR, "could not determine the argument types of first or last");
	entry = lookup_type_cache(time_type, TYPECACHE_CMP_PROC_FINFO);
	if (!OidIsValid(entry->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify a comparison function for type %s",
						format_type_be(time_type)),
				 errhint("The second argument of first and last must have a default btree operator class.")));

	types = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(AggregateTypes));
	types->value = lookup_argument_type(value_type);
	types->time = lookup_argument_type(time_type);
	types->time_entry = entry;
	types->int64_time = entry->cmp_proc == F_TIMESTAMPTZ_CMP ||
		entry->cmp_proc == F_TIMESTAMP_CMP ||
		entry->cmp_proc == F_BTINT8CMP;
	flinfo->fn_extra = types;
	return types;
}

static ArgumentType
lookup_argument_type(Oid oid)
{
	ArgumentType type;

	type.oid = oid;
	get_typlenbyval(oid, &type.len, &type.byval);
	return type;
}

static FirstLastState *
create_state(MemoryContext aggregate_cxt, const AggregateTypes *types)
{
	FirstLastState *state = MemoryContextAllocZero(aggregate_cxt,
												   sizeof(FirstLastState));

	state->aggregate_cxt = aggregate_cxt;
	state->types = types;
	return state;
}

/* Does a row at that time take the place of the one in state? */
static inline bool
replaces(const FirstLastState *state, Datum time, Wanted wanted,
		 Oid collation)
{
	FmgrInfo   *compare = &state->types->time_entry->cmp_proc_finfo;
	int32		order;

	if (state->types->int64_time)
	{
		int64		a = DatumGetInt64(time);
		int64		b = DatumGetInt64(state->time.datum);

		return wanted == WANT_FIRST ? a < b : a > b;
	}
	order = DatumGetInt32(FunctionCall2Coll(compare, collation, time,
											state->time.datum));
	return wanted == WANT_FIRST ? order < 0 : order > 0;
}

/* Copy a row into the state. */
static inline void
keep(FirstLastState *state, Datum value, bool value_isnull, Datum time)
{
	own(state->aggregate_cxt, &state->value, &state->types->value,
		value, value_isnull);
	own(state->aggregate_cxt, &state->time, &state->types->time, time, false);
}

/* Replace a datum by a copy of another, which must not be its own. */
static inline void
own(MemoryContext cxt, OwnedDatum *owned, const ArgumentType *type,
	Datum datum, bool isnull)
{
	Size		size;

	owned->isnull = isnull;
	if (isnull)
		return;
	if (type->byval)
	{
		owned->datum = datum;
		return;
	}

	size = flat_size(type, datum);
	if (size > owned->buffer_size)
	{
		char	   *buffer = MemoryContextAlloc(cxt, size);

		if (owned->buffer_size > 0)
			pfree(DatumGetPointer(owned->datum));
		owned->datum = PointerGetDatum(buffer);
		owned->buffer_size = size;
	}
	if (is_expanded(type, datum))
		EOH_flatten_into(DatumGetEOHP(datum), DatumGetPointer(owned->datum),
						 size);
	else
		memcpy(DatumGetPointer(owned->datum), DatumGetPointer(datum), size);
}

static Size
flat_size(const ArgumentType *type, Datum datum)
{
	if (is_expanded(type, datum))
		return EOH_get_flat_size(DatumGetEOHP(datum));
	return datumGetSize(datum, type->byval, type->len);
}

static inline bool
is_expanded(const ArgumentType *type, Datum datum)
{
	return type->len == -1 &&
		VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum));
}
