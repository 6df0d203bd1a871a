/*-------------------------------------------------------------------------
 *
 * rowset.h
 *	  Sets of row numbers as bytes.
 *
 * The first byte tells the form.  RUNS: for each run the number of rows since
 * the end of the one before, and its length, as varints.  BITS: bit b of byte
 * i stands for row 8 * i + b.
 *
 * src/base/rowset.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_ROWSET_H
#define RUSTS_ROWSET_H

#include "c.h"

typedef enum RustsRowsetForm
{
	RUSTS_ROWSET_RUNS = 0,
	RUSTS_ROWSET_BITS = 1
} RustsRowsetForm;

/* Bytes that n rows, the last of which is last, take at most. */
#define RUSTS_ROWSET_MAX(n, last) \
	(1 + Min((size_t) (n) * 10, (size_t) (last) / 8 + 1))

/*
 * Encode n >= 1 different rows, ascending, of which the i-th begins i * stride
 * bytes after rows; returns the end.
 */
extern uint8 *rusts_rowset_put(uint8 *p, const uint32 *rows, size_t stride,
							   uint32 n);

/*
 * Set the bits of the rows, all of which must be below nrows; false if the
 * bytes are no set of such rows.
 */
extern bool rusts_rowset_get(const uint8 *p, const uint8 *end, uint32 nrows,
							 uint64 *bits);

/*
 * List the rows; false if they are not n, or the bytes no set.  Rows are
 * written as they are read by rusts_rowset_put.
 */
extern bool rusts_rowset_list(const uint8 *p, const uint8 *end, uint32 *rows,
							  size_t stride, uint32 n);

/* Is the row one of them? */
extern bool rusts_rowset_has(const uint8 *p, const uint8 *end, uint32 row);

#endif							/* RUSTS_ROWSET_H */
