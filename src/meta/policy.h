/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  Policies: what becomes of a measurement's rows when they get old.
 *
 * src/meta/policy.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_POLICY_H
#define RUSTS_POLICY_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"

#include "base/pattern.h"

typedef enum RustsPolicyKind
{
	RUSTS_POLICY_RETENTION,
	RUSTS_POLICY_TIERING
} RustsPolicyKind;

typedef struct RustsPolicy
{
	RustsPolicyKind kind;
	RustsPattern pattern;
	Oid			owner;			/* acts on what this role owns */
	Interval	after;
	bool		data_clock;		/* counted from the newest row, not from now */
	const char *tablespace;		/* or NULL */
	TimestampTz created;
	ItemPointerData tid;		/* of its row */
} RustsPolicy;

/* The name of a kind, as in the table. */
extern const char *rusts_policy_kind_name(RustsPolicyKind kind);

/*
 * All policies, in the current memory context; NIL where there is no
 * extension.
 */
extern List *rusts_policies_load(Snapshot snapshot);

/* Is policy about this relation, or the measurement that it is a part of? */
extern bool rusts_policy_matches(const RustsPolicy *policy, Oid relid);

/* The one of policies that counts for a measurement; NULL if none does. */
extern const RustsPolicy *rusts_policy_choose(List *policies,
											  RustsPolicyKind kind, Oid relid);

/*
 * The time before which rows of a storage are past the policy's limit;
 * RUSTS_NO_TIME if none can be.
 */
extern int64 rusts_policy_limit(const RustsPolicy *policy, int64 storage_id,
								Snapshot snapshot);

/*
 * The tablespace a policy names, InvalidOid for none; error if it is gone or
 * the policy's owner may not use it.
 */
extern Oid	rusts_policy_tablespace(const RustsPolicy *policy);

/* Enter, change or delete (with the same tid) a policy. */
extern void rusts_policy_insert(const RustsPolicy *policy);
extern void rusts_policy_update(const RustsPolicy *policy);
extern void rusts_policy_delete(const RustsPolicy *policy);

/* Keep others from changing policies until the end of the transaction. */
extern void rusts_policies_lock(void);

#endif							/* RUSTS_POLICY_H */
