/*-------------------------------------------------------------------------
 *
 * combine.h
 *	  RustsCombine: groups of several servers' partial results.
 *
 * src/exec/combine.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COMBINE_H
#define RUSTS_COMBINE_H

#include "nodes/execnodes.h"
#include "nodes/extensible.h"

#include "exec/agg_groups.h"

/* A column of custom_scan_tlist.  Keys come first. */
typedef enum RustsCombineKind
{
	/* keys, by how they are stored */
	RUSTS_COMBINE_BUCKET,		/* a bigint, or what is one; at most once */
	RUSTS_COMBINE_VALUE,		/* by value */
	RUSTS_COMBINE_BYTES,		/* varlena; equal if the bytes are */
	/* aggregates */
	RUSTS_COMBINE_COUNT,		/* counts, bigint */
	RUSTS_COMBINE_SUM_INT,		/* sums, bigint, that stay bigint */
	RUSTS_COMBINE_SUM_NUMERIC,	/* sums, bigint or numeric */
	RUSTS_COMBINE_SUM_FLOAT,	/* sums, float8 */
	RUSTS_COMBINE_AVG,			/* sums, bigint or numeric, and counts */
	RUSTS_COMBINE_MIN,			/* of integers, and what is stored as such */
	RUSTS_COMBINE_MAX,
	RUSTS_COMBINE_MIN_FLOAT,	/* of float8 */
	RUSTS_COMBINE_MAX_FLOAT,
	RUSTS_COMBINE_AND,
	RUSTS_COMBINE_OR,
	RUSTS_COMBINE_FIRST,		/* values and their times */
	RUSTS_COMBINE_LAST
} RustsCombineKind;

#define RUSTS_COMBINE_IS_KEY(kind)	((kind) <= RUSTS_COMBINE_BYTES)

/* Elements of RustsCombine's CustomScan.custom_private: int lists. */
enum
{
	RUSTS_COMBINE_KINDS,		/* of the columns of custom_scan_tlist */
	RUSTS_COMBINE_INPUTS,		/* the child's columns that they are of */
	RUSTS_COMBINE_SECONDS,		/* likewise, their second arguments; or -1 */
	RUSTS_COMBINE_NPRIVATE
};

typedef struct RustsCombineColumn
{
	RustsCombineKind kind;
	int			input;			/* column of the child, from 0 */
	int			second;
	int16		typlen;			/* of the input */
	bool		typbyval;
	bool		is_numeric;		/* the input is numeric, not bigint */
	int			place;			/* key: in the tuple; else: its state */
} RustsCombineColumn;

/* A group's state of an aggregate; nothing has been seen: all zero. */
typedef struct RustsCombineState
{
	union
	{
		int128		i;
		int64		time;		/* first, last */
		double		f;
	}			v;
	int64		count;
	Datum		datum;			/* rest of a sum, value of first and last */
	bool		found;
	bool		isnull;
	bool		has_rest;
} RustsCombineState;

/* Add a row of partial results; what states own is allocated in cxt. */
extern void rusts_combine_add(const RustsCombineColumn *column,
							  RustsCombineState *state, const Datum *values,
							  const bool *isnull, MemoryContext cxt);

/* What the aggregate returns, in the current memory context. */
extern Datum rusts_combine_result(const RustsCombineColumn *column,
								  const RustsCombineState *state,
								  bool *isnull);

/*
 * The value of a numeric that is an integer, has no decimals, and is not that
 * large; false for others.
 */
extern bool rusts_numeric_to_int128(Datum numeric, int128 *value);

extern const CustomScanMethods rusts_combine_methods;

#endif							/* RUSTS_COMBINE_H */
