/*-------------------------------------------------------------------------
 *
 * policy_functions.c
 *	  SQL functions that add, alter and remove policies.
 *
 * Anybody may add a policy, for it acts only on what its owner could drop by
 * hand.  Who changes or removes one must be a member of its owner.
 *
 * src/am/policy_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/duration.h"
#include "compat.h"
#include "meta/directory.h"
#include "meta/everywhere.h"
#include "meta/policy.h"
#include "meta/schema.h"

PG_FUNCTION_INFO_V1(rusts_add_retention_policy);
PG_FUNCTION_INFO_V1(rusts_add_retention_policy_text);
PG_FUNCTION_INFO_V1(rusts_alter_retention_policy);
PG_FUNCTION_INFO_V1(rusts_alter_retention_policy_text);
PG_FUNCTION_INFO_V1(rusts_remove_retention_policy);
PG_FUNCTION_INFO_V1(rusts_add_tiering_policy);
PG_FUNCTION_INFO_V1(rusts_add_tiering_policy_text);
PG_FUNCTION_INFO_V1(rusts_alter_tiering_policy);
PG_FUNCTION_INFO_V1(rusts_alter_tiering_policy_text);
PG_FUNCTION_INFO_V1(rusts_remove_tiering_policy);

static Datum add_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind,
						bool as_text);
static Datum alter_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind,
						  bool as_text);
static Datum remove_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind);
static void begin_change(FunctionCallInfo fcinfo, const char *verb,
						 RustsPolicy *policy);
static void read_limit(FunctionCallInfo fcinfo, RustsPolicy *policy,
					   bool as_text);
static void read_duration(const char *text, Interval *interval);
static void read_third(FunctionCallInfo fcinfo, RustsPolicy *policy);
static RustsPolicy *find_own(const RustsPolicy *wanted, bool exactly);
static const char *pattern_text(const RustsPolicy *policy);
static void notice_unmatched(const RustsPolicy *policy);

/*
 * rusts_add_retention_policy(pattern text, drop_after interval | text,
 *							  clock text DEFAULT 'server') RETURNS void
 */
Datum
rusts_add_retention_policy(PG_FUNCTION_ARGS)
{
	return add_policy(fcinfo, RUSTS_POLICY_RETENTION, false);
}

Datum
rusts_add_retention_policy_text(PG_FUNCTION_ARGS)
{
	return add_policy(fcinfo, RUSTS_POLICY_RETENTION, true);
}

/*
 * rusts_alter_retention_policy(pattern text, drop_after interval | text,
 *								clock text DEFAULT NULL) RETURNS void
 *
 * NULL leaves the clock as it is.
 */
Datum
rusts_alter_retention_policy(PG_FUNCTION_ARGS)
{
	return alter_policy(fcinfo, RUSTS_POLICY_RETENTION, false);
}

Datum
rusts_alter_retention_policy_text(PG_FUNCTION_ARGS)
{
	return alter_policy(fcinfo, RUSTS_POLICY_RETENTION, true);
}

/* rusts_remove_retention_policy(pattern text) RETURNS void */
Datum
rusts_remove_retention_policy(PG_FUNCTION_ARGS)
{
	return remove_policy(fcinfo, RUSTS_POLICY_RETENTION);
}

/*
 * rusts_add_tiering_policy(pattern text, cold_after interval | text,
 *							tablespace name DEFAULT NULL) RETURNS void
 */
Datum
rusts_add_tiering_policy(PG_FUNCTION_ARGS)
{
	return add_policy(fcinfo, RUSTS_POLICY_TIERING, false);
}

Datum
rusts_add_tiering_policy_text(PG_FUNCTION_ARGS)
{
	return add_policy(fcinfo, RUSTS_POLICY_TIERING, true);
}

/*
 * rusts_alter_tiering_policy(pattern text, cold_after interval | text,
 *							  tablespace name DEFAULT NULL) RETURNS void
 *
 * NULL leaves the tablespace as it is.
 */
Datum
rusts_alter_tiering_policy(PG_FUNCTION_ARGS)
{
	return alter_policy(fcinfo, RUSTS_POLICY_TIERING, false);
}

Datum
rusts_alter_tiering_policy_text(PG_FUNCTION_ARGS)
{
	return alter_policy(fcinfo, RUSTS_POLICY_TIERING, true);
}

/* rusts_remove_tiering_policy(pattern text) RETURNS void */
Datum
rusts_remove_tiering_policy(PG_FUNCTION_ARGS)
{
	return remove_policy(fcinfo, RUSTS_POLICY_TIERING);
}

static Datum
add_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind, bool as_text)
{
	RustsPolicy policy = {.kind = kind, .owner = GetUserId()};

	begin_change(fcinfo, "add", &policy);
	read_limit(fcinfo, &policy, as_text);
	read_third(fcinfo, &policy);
	policy.created = GetCurrentTimestamp();
	if (find_own(&policy, true) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("there is a %s policy for \"%s\" already",
						rusts_policy_kind_name(kind), pattern_text(&policy)),
				 errhint("Change it with rusts_alter_%s_policy.",
						 rusts_policy_kind_name(kind))));
	rusts_policy_insert(&policy);
	rusts_call_everywhere(fcinfo);
	notice_unmatched(&policy);
	PG_RETURN_VOID();
}

static Datum
alter_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind, bool as_text)
{
	RustsPolicy wanted = {.kind = kind, .owner = GetUserId()};
	RustsPolicy *policy;

	begin_change(fcinfo, "alter", &wanted);
	policy = find_own(&wanted, false);
	read_limit(fcinfo, policy, as_text);
	if (!PG_ARGISNULL(2))
		read_third(fcinfo, policy);
	rusts_policy_update(policy);
	rusts_call_everywhere(fcinfo);
	notice_unmatched(policy);
	PG_RETURN_VOID();
}

static Datum
remove_policy(FunctionCallInfo fcinfo, RustsPolicyKind kind)
{
	RustsPolicy wanted = {.kind = kind, .owner = GetUserId()};

	begin_change(fcinfo, "remove", &wanted);
	rusts_policy_delete(find_own(&wanted, false));
	rusts_call_everywhere(fcinfo);
	PG_RETURN_VOID();
}

/* Read the pattern, and keep others from changing policies. */
static void
begin_change(FunctionCallInfo fcinfo, const char *verb, RustsPolicy *policy)
{
	char	   *function = psprintf("rusts_%s_%s_policy()", verb,
									rusts_policy_kind_name(policy->kind));
	const char *problem;
	char	   *given;

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	PreventCommandDuringRecovery(function);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the pattern of a policy must not be null")));
	given = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!rusts_pattern_parse(given, &policy->pattern, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern \"%s\"", given),
				 errdetail("%s", problem),
				 errhint("A pattern is a name, the beginning of one followed by *, or * alone, perhaps after a schema and a dot. A name with a dot or a star in it is written in double quotes.")));
	rusts_policies_lock();
}

static void
read_limit(FunctionCallInfo fcinfo, RustsPolicy *policy, bool as_text)
{
	const char *name = policy->kind == RUSTS_POLICY_RETENTION ?
		"drop_after" : "cold_after";
	Interval   *after = &policy->after;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	if (as_text)
		read_duration(text_to_cstring(PG_GETARG_TEXT_PP(1)), after);
	else
		*after = *PG_GETARG_INTERVAL_P(1);

	/* What is positive as a whole may not be in every month. */
	if (after->month < 0 || after->day < 0 || after->time < 0 ||
		(after->month == 0 && after->day == 0 && after->time == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name),
				 errdetail("Months, days and the rest must not be negative.")));
#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_NOT_FINITE(after))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", name),
				 errhint("Without a policy nothing happens to old rows.")));
#endif
}

/* As people of line protocol write them, or any interval of PostgreSQL's. */
static void
read_duration(const char *text, Interval *interval)
{
	RustsDuration duration;
	Datum		value;

	if (rusts_duration_parse(text, strlen(text), &duration))
	{
		interval->month = duration.months;
		interval->day = duration.days;
		interval->time = duration.microseconds;
		return;
	}
	value = DirectFunctionCall3(interval_in, CStringGetDatum(text),
								ObjectIdGetDatum(InvalidOid),
								Int32GetDatum(-1));
	*interval = *DatumGetIntervalP(value);
}

/* The third argument: the clock, or the tablespace. */
static void
read_third(FunctionCallInfo fcinfo, RustsPolicy *policy)
{
	char	   *clock;

	if (policy->kind == RUSTS_POLICY_TIERING)
	{
		if (!PG_ARGISNULL(2))
			policy->tablespace = pstrdup(NameStr(*PG_GETARG_NAME(2)));
		(void) rusts_policy_tablespace(policy);
		return;
	}
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the clock of a policy must not be null")));
	clock = text_to_cstring(PG_GETARG_TEXT_PP(2));
	policy->data_clock = strcmp(clock, "data") == 0;
	if (!policy->data_clock && strcmp(clock, "server") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown clock \"%s\"", clock),
				 errhint("Clocks are \"server\", the time of day, and \"data\", the newest time of the measurement.")));
}

/*
 * The policy that the caller means: his own, or (unless exactly) the one of a
 * role that he is a member of.  Without exactly it must exist.
 */
static RustsPolicy *
find_own(const RustsPolicy *wanted, bool exactly)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	List	   *policies = rusts_policies_load(snapshot);
	RustsPolicy *found = NULL;
	bool		of_others = false;
	ListCell   *cell;

	UnregisterSnapshot(snapshot);
	foreach(cell, policies)
	{
		RustsPolicy *policy = lfirst(cell);

		if (policy->kind != wanted->kind ||
			memcmp(&policy->pattern, &wanted->pattern,
				   sizeof(RustsPattern)) != 0)
			continue;
		if (policy->owner == wanted->owner)
			return policy;
		if (!has_privs_of_role(wanted->owner, policy->owner))
			of_others = true;
		else if (found != NULL && !exactly)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
					 errmsg("several roles have a %s policy for \"%s\"",
							rusts_policy_kind_name(wanted->kind),
							pattern_text(wanted)),
					 errhint("Use SET ROLE to become the one whose policy you mean.")));
		else
			found = policy;
	}
	if (exactly)
		return NULL;
	if (found == NULL && of_others)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be a member of the role that owns the %s policy for \"%s\"",
						rusts_policy_kind_name(wanted->kind),
						pattern_text(wanted))));
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no %s policy for \"%s\"",
						rusts_policy_kind_name(wanted->kind),
						pattern_text(wanted))));
	return found;
}

static const char *
pattern_text(const RustsPolicy *policy)
{
	return rusts_pattern_text(&policy->pattern, palloc(RUSTS_PATTERN_TEXT));
}

/* Say so if the policy has nothing to act on yet. */
static void
notice_unmatched(const RustsPolicy *policy)
{
	bool		matches = false;
	ListCell   *cell;

	foreach(cell, rusts_list_measurements())
	{
		if (!rusts_policy_matches(policy, lfirst_oid(cell)))
			continue;
		if (rusts_is_owner(lfirst_oid(cell), policy->owner))
			return;
		matches = true;
	}
	if (matches)
		ereport(NOTICE,
				(errmsg("measurements that match \"%s\" belong to other roles",
						pattern_text(policy)),
				 errdetail("The policy is stored, and applies to measurements that \"%s\" owns.",
						   GetUserNameFromId(policy->owner, true))));
	else
		ereport(NOTICE,
				(errmsg("no measurement matches \"%s\" yet",
						pattern_text(policy)),
				 errdetail("The policy is stored, and applies to measurements that will be made.")));
}
