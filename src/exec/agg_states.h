/*-------------------------------------------------------------------------
 *
 * agg_states.h
 *	  States of RustsAgg's aggregates.
 *
 * src/exec/agg_states.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_AGG_STATES_H
#define RUSTS_AGG_STATES_H

#include "exec/agg_desc.h"
#include "exec/block_scan.h"

typedef struct RustsSumState
{
	int64		count;
	bool		nonfinite;		/* a value was infinite or NaN */
	union
	{
		int128		i;
		double		f;
	}			sum;
} RustsSumState;

/* The smallest or greatest value. */
typedef struct RustsExtremeState
{
	bool		found;
	union
	{
		int64		i;
		double		f;
	}			value;
} RustsExtremeState;

/* PostgreSQL's float8_accum: sum of the values and of squared differences. */
typedef struct RustsFloatVarianceState
{
	double		count;
	double		sum;
	double		sum_squares;
	bool		nonfinite;		/* a value was infinite or NaN */
} RustsFloatVarianceState;

/* The sum of squares of integers may need 128 bits and then some. */
typedef struct RustsIntVarianceState
{
	int64		count;
	uint64		squares_high;	/* times 2^128 */
	int128		sum;
	uint128		squares_low;
} RustsIntVarianceState;

typedef struct RustsRowState
{
	int64		time;
	Datum		value;
	uint32		buffer_size;	/* of what value points to, if by reference */
	bool		found;
	bool		isnull;
} RustsRowState;

typedef struct RustsBoolState
{
	bool		any_false;
	bool		any_true;
} RustsBoolState;

typedef union RustsAggState
{
	int64		count;
	RustsSumState sum;
	RustsExtremeState extreme;
	RustsFloatVarianceState float_variance;
	RustsIntVarianceState int_variance;
	RustsRowState row;
	RustsBoolState bools;
} RustsAggState;

/* An aggregate as the executor has it. */
typedef struct RustsAgg
{
	const RustsAggOutput *output;
	int			column;			/* argument, in the scan's columns, or -1 */
	int			time;			/* likewise, for FIRST and LAST */
	Oid			time_type;
	RustsKind	kind;			/* of the argument's values */
	int16		typlen;
	bool		typbyval;
	bool		not_null;		/* the argument cannot be null */
	Size		offset;			/* of the state in a group's states */
	FmgrInfo   *deserialize;	/* VARIANCE of integers: its own functions */
	FmgrInfo   *final;
	ExprState  *filter;			/* or NULL */
	int			nfilter_columns;
	int		   *filter_columns;
	/* rows of the chunk that pass the filter */
	bool		filtered;
	uint64		bits[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
} RustsAgg;

/* Size of an aggregate's state in a group, a multiple of 16. */
extern Size rusts_agg_state_size(const RustsAgg *agg);

/* Make a state that has seen nothing. */
extern void rusts_agg_state_init(const RustsAgg *agg, RustsAggState *state);

/*
 * Add rows [from, to) of the chunk's block, those in bits if it is not NULL;
 * nrows is their number, not 0.  For FIRST and LAST they are of one series.
 * What states own is allocated in cxt.  False if the segment turned out to be
 * corrupt (and is skipped).
 */
extern bool rusts_agg_add(RustsAgg *agg, RustsAggState *state,
						  RustsBlockScan *scan, uint32 from, uint32 to,
						  const uint64 *bits, uint32 nrows,
						  MemoryContext cxt);

/*
 * Add a whole block by its statistics.  False if these do not tell enough,
 * and then nothing was added.
 */
extern bool rusts_agg_add_statistics(RustsAgg *agg, RustsAggState *state,
									 RustsBlockScan *scan, MemoryContext cxt);

/* Look up what rusts_agg_result needs. */
extern void rusts_agg_result_init(RustsAgg *agg);

/* What the aggregate returns, in the current memory context. */
extern Datum rusts_agg_result(const RustsAgg *agg, const RustsAggState *state,
							  bool *isnull);

/* An integer as numeric; and the quotient of two, as numeric_div() has it. */
extern Datum rusts_integer_numeric(int128 value);
extern Datum rusts_integer_average(int128 sum, int64 count);

/* first_last.c: a state of first or last as its serialization function. */
extern bytea *rusts_first_last_state(Oid value_type, Datum value, bool isnull,
									 Oid time_type, Datum time);

#endif							/* RUSTS_AGG_STATES_H */
