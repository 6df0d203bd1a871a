/*-------------------------------------------------------------------------
 *
 * agg_desc.h
 *	  What RustsAgg computes: keys and aggregates, as plan and executor see
 *	  them.
 *
 * src/exec/agg_desc.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_DESC_H
#define RUSTS_AGG_DESC_H

#include "nodes/primnodes.h"

#include "meta/schema.h"

typedef enum RustsAggKind
{
	RUSTS_AGG_COUNT_STAR,
	RUSTS_AGG_COUNT,			/* of a column, or of a tag */
	RUSTS_AGG_COUNT_DISTINCT,	/* of a tag */
	RUSTS_AGG_SUM,
	RUSTS_AGG_AVG,
	RUSTS_AGG_MIN,
	RUSTS_AGG_MAX,
	RUSTS_AGG_VARIANCE,			/* and standard deviations */
	RUSTS_AGG_FIRST,
	RUSTS_AGG_LAST,
	RUSTS_AGG_BOOL_AND,
	RUSTS_AGG_BOOL_OR
} RustsAggKind;

typedef enum RustsOutputKind
{
	RUSTS_OUTPUT_TAG,			/* a key: the tag attno */
	RUSTS_OUTPUT_BUCKET,		/* a key: the bucket */
	RUSTS_OUTPUT_AGG
} RustsOutputKind;

/* An entry of custom_scan_tlist. */
typedef struct RustsAggOutput
{
	RustsOutputKind kind;
	Expr	   *expr;
	AttrNumber	attno;			/* the tag, or the aggregate's argument */
	RustsAggKind agg;
	Oid			aggfnoid;		/* InvalidOid for the column of a last row */
	Oid			type;			/* of the argument */
	bool		partial;		/* give out the transition state */
	Expr	   *filter;			/* or NULL */
} RustsAggOutput;

/* How RustsAgg takes plain columns of the relation in its target list. */
typedef enum RustsRowMode
{
	RUSTS_ROW_NONE,				/* they must be keys */
	RUSTS_ROW_FIRST,			/* those that are not are of the group's */
	RUSTS_ROW_LAST				/* first or last row, by time */
} RustsRowMode;

/*
 * Describe an expression that RustsAgg can compute of the relation; false if
 * it cannot.  is_key: it is one of the keys of GROUP BY.
 */
extern bool rusts_agg_describe(Expr *expr, bool is_key, RustsRowMode mode,
							   Index varno, const RustsSchema *schema,
							   RustsAggOutput *output);

/* One of PostgreSQL's own: its kind, and the type it is of, or InvalidOid. */
extern bool rusts_agg_builtin(Oid aggfnoid, RustsAggKind *kind, Oid *type);

/* Is this aggregate first(value, time) or last(value, time)? */
extern bool rusts_is_first_last(Oid aggfnoid, RustsAggKind *kind);

/*
 * The symbol that a function written in C calls, or NULL.  Ours are known by
 * it: their OIDs differ from database to database.
 */
extern const char *rusts_function_symbol(Oid funcid);

/* Elements of RustsAgg's CustomScan.custom_private. */
enum
{
	RUSTS_AGG_FLAGS,			/* int list, as below */
	RUSTS_AGG_ORDER_COLUMNS,	/* int list: index in custom_scan_tlist */
	RUSTS_AGG_ORDER_OPERATORS,	/* Oid list */
	RUSTS_AGG_ORDER_COLLATIONS, /* Oid list */
	RUSTS_AGG_ORDER_NULLS_FIRST,	/* int list */
	RUSTS_AGG_NPRIVATE
};

enum
{
	RUSTS_AGG_FLAG_NKEYS,		/* of custom_scan_tlist the first are keys */
	RUSTS_AGG_FLAG_MODE,		/* RustsRowMode */
	RUSTS_AGG_FLAG_GROUPED,		/* there is GROUP BY: no row, no group */
	RUSTS_AGG_FLAG_LIMIT,		/* groups wanted, 0 for all */
	RUSTS_AGG_NFLAGS
};

#endif							/* RUSTS_AGG_DESC_H */
