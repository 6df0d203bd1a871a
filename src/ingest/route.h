/*-------------------------------------------------------------------------
 *
 * route.h
 *	  From the series key of a line to its measurement and series.
 *
 * src/ingest/route.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ROUTE_H
#define RUSTS_ROUTE_H

#include "ingest/ingest.h"

/* Begin with nothing known. */
extern void rusts_route_begin(RustsIngest *in);

/* Begin a run over the lines from data on. */
extern void rusts_route_begin_pass(RustsIngest *in, RustsPass *pass,
								   const char *data);

/*
 * The entry of pass->point's series key, made when the key is new; it is
 * valid until the next call.  NULL when the key is no good: in->fault tells.
 */
extern RustsSeries *rusts_route_find(RustsIngest *in, RustsPass *pass);

/*
 * Split a series key into in->tags; NULL or the text of the error.
 */
extern const char *rusts_route_split(RustsIngest *in, RustsBytes series_key,
									 RustsLpText *measurement, uint32 *ntags);

/* Forget what pass->bindings hold: a point's fields were not looked at. */
extern void rusts_route_unbind(RustsPass *pass);

/* Entry of the series that followed last time, checked first. */
static inline RustsSeries *
rusts_route(RustsIngest *in, RustsPass *pass)
{
	RustsBytes	key = pass->point.series_key;

	if (likely(pass->series != RUSTS_NO_SERIES))
	{
		uint32		guess = in->series[pass->series].next;
		RustsSeries *series = &in->series[guess];

		if (likely(series->len == key.len &&
				   memcmp(series->key, key.data, key.len) == 0))
		{
			pass->series = guess;
			return series;
		}
	}
	return rusts_route_find(in, pass);
}

#endif							/* RUSTS_ROUTE_H */
