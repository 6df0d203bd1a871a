/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Points into the columns of an open measurement.
 *
 * src/ingest/columns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COLUMNS_H
#define RUSTS_COLUMNS_H

#include "ingest/ingest.h"

/* Microseconds since 2000-01-01 and nanoseconds, 0 .. 999, of a timestamp. */
static inline int64
rusts_split_time(int64 time, int *ns)
{
	int64		us = time / 1000;

	*ns = (int) (time % 1000);
	if (*ns < 0)
	{
		*ns += 1000;
		us--;
	}
	return us - INT64CONST(946684800000000);
}

/*
 * Number of a field key's column in target->names, -1 if it is not there.
 * place is the field's position in the line.
 */
extern int	rusts_columns_find_field(RustsIngest *in, RustsTarget *target,
									 uint32 place, const RustsLpField *field);

/*
 * Choose the part of the target for a series, or for its points of that
 * time, in microseconds, and give it its number in the part's builder.  False
 * when a tag is not a column of the target or the key is bad.
 */
extern bool rusts_columns_number_series(RustsIngest *in, RustsSeries *series,
										int64 time);

/*
 * Append pass->point to a builder of its target.  False, and nothing
 * appended, when anything about it is not as expected:
 * rusts_check_line finds out what.
 */
extern bool rusts_columns_append(RustsIngest *in, RustsPass *pass,
								 RustsTarget *target, RustsBuilder *builder,
								 uint32 series);

#endif							/* RUSTS_COLUMNS_H */
