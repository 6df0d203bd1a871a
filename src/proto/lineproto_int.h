/*-------------------------------------------------------------------------
 *
 * lineproto_int.h
 *	  What the files of the line protocol parser share.
 *
 * src/proto/lineproto_int.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINEPROTO_INT_H
#define RUSTS_LINEPROTO_INT_H

#include "proto/lineproto.h"

/*
 * rusts_lp_next without short cuts: the next line that is neither blank nor a
 * comment, by InfluxDB's own rules, whatever it holds.
 */
extern RustsLpResult rusts_lp_next_careful(RustsLpParser *parser,
										   RustsLpPoint *point);

/* NULL if valid UTF-8 without NUL bytes, else the static text of the error. */
extern const char *rusts_lp_check_text(const char *data, size_t len);

/* InfluxDB's smallest and greatest time is this, negative and positive. */
#define RUSTS_LP_MAX_TIME	UINT64CONST(9223372036854775806)

/*
 * Nanoseconds of the timestamp with this absolute value and sign; false when
 * it is outside the range.
 */
static inline bool
rusts_lp_scale_time(uint64 magnitude, bool negative, int64 time_unit,
					int64 *time)
{
	if (time_unit != 1)
	{
		if (time_unit != RUSTS_LP_AUTO)
			 /* the caller's */ ;
		else if (magnitude < UINT64CONST(5000000000))
			time_unit = INT64CONST(1000000000);
		else if (magnitude < UINT64CONST(5000000000000))
			time_unit = INT64CONST(1000000);
		else if (magnitude < UINT64CONST(5000000000000000))
			time_unit = INT64CONST(1000);
		else
			time_unit = 1;
		if (magnitude > RUSTS_LP_MAX_TIME / (uint64) time_unit)
			return false;
		magnitude *= (uint64) time_unit;
	}
	*time = (int64) (negative ? 0 - magnitude : magnitude);
	return magnitude <= RUSTS_LP_MAX_TIME;
}

#endif							/* RUSTS_LINEPROTO_INT_H */
