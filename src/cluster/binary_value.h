/*-------------------------------------------------------------------------
 *
 * binary_value.h
 *	  Values that another node has sent in binary form.
 *
 * PostgreSQL's own receiving functions take a text to be in the encoding of
 * the session's client; what a node sends is in the database's.
 *
 * src/cluster/binary_value.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BINARY_VALUE_H
#define RUSTS_BINARY_VALUE_H

#include "postgres_ext.h"

/* Is the binary form of this type known here? */
extern bool rusts_has_binary_value(Oid type);

/* The value, in the current memory context.  Errors: it has another length. */
extern Datum rusts_binary_value(Oid type, const char *data, int len);

#endif							/* RUSTS_BINARY_VALUE_H */
